"""Anchor box shapes for object detectors, from labelled boxes.

Boxes are widths and heights; see :func:`auto_anchor` for the whole job, and :func:`kmeans`, :func:`anchor_fitness` and
:func:`evolve` for its parts. The command line is ``fastanchor --help``.
"""

from fastanchor import compat, datasets
from fastanchor._errors import BackendError, DataError, FastanchorError, SmallBoxWarning
from fastanchor._types import EvolveResult, Fitness, KMeansResult, Summary
from fastanchor._version import __version__ as __version__
from fastanchor.anchors import AnchorResult, auto_anchor
from fastanchor.boxes import Boxes
from fastanchor.cluster import assign, kmeans, update_centers
from fastanchor.datasets import read
from fastanchor.engine import BoxIndex
from fastanchor.evolve import evolve
from fastanchor.kernels import backend
from fastanchor.metrics import anchor_fitness, mean_iou, wh_iou
from fastanchor.quality import AnchorCheck, check
from fastanchor.sweep import SweepResult, sweep

__all__ = [
    "AnchorCheck",
    "AnchorResult",
    "BackendError",
    "BoxIndex",
    "Boxes",
    "DataError",
    "EvolveResult",
    "FastanchorError",
    "Fitness",
    "KMeansResult",
    "SmallBoxWarning",
    "Summary",
    "SweepResult",
    "anchor_fitness",
    "assign",
    "auto_anchor",
    "backend",
    "check",
    "compat",
    "datasets",
    "evolve",
    "kmeans",
    "mean_iou",
    "read",
    "sweep",
    "update_centers",
    "wh_iou",
]
