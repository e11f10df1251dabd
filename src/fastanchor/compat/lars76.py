"""Stand-in for ``kmeans.py`` of kmeans-anchor-boxes (lars76) and its many copies.

The original takes a new seed from the system in every call; here ``numpy.random`` is not seeded, so that
``numpy.random.seed`` makes a run repeatable.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._types import FloatArray
from fastanchor.compat.yolo_kmeans import Rule, k_means
from fastanchor.engine import choose
from fastanchor.kernels import ONCE
from fastanchor.metrics import mean_best_iou

__all__ = ["avg_iou", "kmeans"]


def kmeans(boxes: Any, k: int, dist: Rule = np.median) -> FloatArray:
    """Return k centres (k, 2) of the boxes (n, 2) under ``1 - IoU``; see :func:`.yolo_kmeans.k_means`.

    Examples
    --------
    >>> np.random.seed(0)
    >>> kmeans([[10, 10], [12, 10], [50, 60], [54, 66], [52, 60]], 2).tolist()
    [[52.0, 60.0], [11.0, 10.0]]
    """
    return k_means(boxes, k, dist)


def avg_iou(boxes: Any, clusters: Any) -> float:
    """Return the mean over the boxes (n, 2) of the IoU with the best of the clusters (k, 2).

    Examples
    --------
    >>> avg_iou([[2, 2], [4, 1]], [[2, 2], [2, 1]])
    0.75
    """
    return mean_best_iou(choose(boxes, work=ONCE), _check.as_sizes(clusters, "clusters"))
