"""How questions about boxes are answered, and the choice of who answers."""

from __future__ import annotations

from typing import get_args

from fastanchor import _check, kernels
from fastanchor._types import EngineName, FloatArray, Metric, Sizes
from fastanchor.boxes import Boxes
from fastanchor.engine._grid import side_for
from fastanchor.engine._layout import layout, sampled
from fastanchor.engine._protocol import Engine
from fastanchor.engine.dense import DenseEngine
from fastanchor.engine.index import BoxIndex

__all__ = ["ENGINES", "METRICS", "BoxIndex", "BoxesLike", "Engine", "choose"]

BoxesLike = Boxes | Engine | Sizes

ENGINES = get_args(EngineName)
# from here on an index pays for being built, even in a single k-means run
LARGE = 200_000
HOPELESS = 0.5  # share of boxes in cells that must be looked into: from here on an index would only cost its building
METRICS = get_args(Metric)


def choose(
    boxes: BoxesLike,
    *,
    name: EngineName = "auto",
    threads: int | None = None,
    metric: Metric = "iou",
    argument: str = "boxes",
) -> Engine:
    """Return an engine for `boxes`: an (n, 2) array-like, a ``Boxes``, or an engine already.

    Raises
    ------
    DataError
        If the boxes, the engine's name or the number of threads break a rule.
    """
    _check.choice(name, "engine", ENGINES)
    if threads is not None:
        threads = _check.integer(threads, "threads", least=1)
    if isinstance(boxes, (BoxIndex, DenseEngine)):
        return boxes
    values = boxes.wh if isinstance(boxes, Boxes) else boxes
    check = _check.as_points if metric == "euclidean" else _check.as_sizes
    wh = check(values, argument)
    if name == "index":
        _check.as_sizes(wh, argument, "for engine='index'; engine='auto' or 'dense' takes any points")
        return BoxIndex(wh, threads=threads)
    if name == "auto" and _indexable(wh, metric):
        where = layout(sampled(wh), side_for(len(wh)))
        if where.crowding < HOPELESS:
            return BoxIndex(wh, threads=threads, _where=where)
    return DenseEngine(wh, threads=threads)


def _indexable(wh: FloatArray, metric: Metric) -> bool:
    """Return whether the boxes are many, the backend can index them, and none of them is a mere point."""
    if len(wh) < LARGE or kernels.current() != "numba":
        return False
    return metric == "iou" or bool(wh.min() >= _check.MIN_SIDE)
