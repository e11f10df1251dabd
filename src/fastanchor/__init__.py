"""Anchor box shapes for object detectors, from labelled boxes.

Boxes are widths and heights: an array of two columns, a :class:`Boxes`, a :class:`BoxIndex`, or a table (of pandas,
polars or pyarrow) with the columns ``width`` and ``height``, ``w`` and ``h``, or just two columns of numbers. A
table that has the sizes of images too is for :func:`read`, which keeps them. See :func:`auto_anchor` for the whole job,
and :func:`kmeans`, :func:`anchor_fitness` and :func:`evolve` for its parts. The command line is ``fastanchor --help``.

What is wrong with an argument or a file raises :class:`DataError`, which is also a ``ValueError``. For a file that does
not exist it is a ``FileNotFoundError`` too, for an argument of a wrong type a ``TypeError``.
"""

TYPE_CHECKING = False  # type checkers take it for typing's, which costs milliseconds to import
if TYPE_CHECKING:
    from fastanchor import compat, datasets
    from fastanchor._anchor_result import AnchorResult
    from fastanchor._errors import (
        BackendError,
        ClusterError,
        DataError,
        FastanchorError,
        MissingFileError,
        SmallBoxWarning,
        WrongTypeError,
    )
    from fastanchor._evolve import evolve
    from fastanchor._images import holdout
    from fastanchor._intervals import Enough, Interval, Intervals
    from fastanchor._sweep import SweepResult, sweep
    from fastanchor._types import EvolveResult, Fitness, KMeansResult, Summary
    from fastanchor._version import __version__ as __version__
    from fastanchor.anchors import auto_anchor
    from fastanchor.boxes import Boxes
    from fastanchor.cluster import assign, kmeans, update_centers
    from fastanchor.datasets import read
    from fastanchor.detectors import DetectorAnchors, anchors_for, positives
    from fastanchor.engine import BoxIndex, Objective
    from fastanchor.estimator import AnchorKMeans
    from fastanchor.evaluate import AnchorCheck, check
    from fastanchor.kernels import backend
    from fastanchor.matching import Positives
    from fastanchor.metrics import anchor_fitness, mean_iou, wh_iou
    from fastanchor.optimum import BoundResult, Search, Space, bound

__all__ = [
    "AnchorCheck",
    "AnchorKMeans",
    "AnchorResult",
    "BackendError",
    "BoundResult",
    "BoxIndex",
    "Boxes",
    "ClusterError",
    "DataError",
    "DetectorAnchors",
    "Enough",
    "EvolveResult",
    "FastanchorError",
    "Fitness",
    "Interval",
    "Intervals",
    "KMeansResult",
    "MissingFileError",
    "Objective",
    "Positives",
    "Search",
    "SmallBoxWarning",
    "Space",
    "Summary",
    "SweepResult",
    "WrongTypeError",
    "anchor_fitness",
    "anchors_for",
    "assign",
    "auto_anchor",
    "backend",
    "bound",
    "check",
    "compat",
    "datasets",
    "evolve",
    "holdout",
    "kmeans",
    "mean_iou",
    "positives",
    "read",
    "sweep",
    "update_centers",
    "wh_iou",
]

# Where each name is defined. Modules are imported when one of their names is first used: the command must be able to
# handle Ctrl-C before NumPy is imported, and this file runs before the command does. A module may not bear the name
# of a function, since importing it would put the module in the function's place.
_HOMES = {
    "_anchor_result": ("AnchorResult",),
    "_errors": (
        "BackendError",
        "ClusterError",
        "DataError",
        "FastanchorError",
        "MissingFileError",
        "SmallBoxWarning",
        "WrongTypeError",
    ),
    "_evolve": ("evolve",),
    "_images": ("holdout",),
    "_intervals": ("Enough", "Interval", "Intervals"),
    "_sweep": ("SweepResult", "sweep"),
    "_types": ("EvolveResult", "Fitness", "KMeansResult", "Summary"),
    "_version": ("__version__",),
    "anchors": ("auto_anchor",),
    "boxes": ("Boxes",),
    "cluster": ("assign", "kmeans", "update_centers"),
    "datasets": ("read",),
    "detectors": ("DetectorAnchors", "anchors_for", "positives"),
    "engine": ("BoxIndex", "Objective"),
    "estimator": ("AnchorKMeans",),
    "kernels": ("backend",),
    "matching": ("Positives",),
    "metrics": ("anchor_fitness", "mean_iou", "wh_iou"),
    "optimum": ("BoundResult", "Search", "Space", "bound"),
    "evaluate": ("AnchorCheck", "check"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    import importlib

    if name in ("compat", "datasets"):
        return importlib.import_module(f"fastanchor.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'fastanchor' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"fastanchor.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
