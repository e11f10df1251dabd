"""Stand-ins for the k-means scripts that are copied from repository to repository.

========================== ==================================================================================
:func:`bubbliiiing`        ``kmeans`` of ``kmeans_for_anchors.py``: centres and labels
:func:`qqwweee`            ``YOLO_Kmeans.kmeans`` of keras-yolo3's ``kmeans.py``
:func:`gen_anchors`        ``kmeans`` of Darknet's ``scripts/gen_anchors.py``
========================== ==================================================================================

The first two take a new seed from the system in every call; here ``numpy.random`` is not seeded, so that
``numpy.random.seed`` makes a run repeatable. All of them loop for ever or return NaN where a centre loses its boxes;
here it moves to the box farthest from all centres.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor._output import whole
from fastanchor._types import FloatArray, IntArray
from fastanchor.cluster import kmeans
from fastanchor.compat.lars76 import avg_iou
from fastanchor.compat.yolo_kmeans import Rule, fitted, k_means

__all__ = ["BUBBLIIIING", "DARKNET", "QQWWEEE", "bubbliiiing", "gen_anchors", "qqwweee"]

CELL = 32.0  # pixels: gen_anchors.py writes its anchors in cells of the last grid
ENDLESS = 100_000


def bubbliiiing(box: Any, k: int) -> tuple[FloatArray, IntArray]:
    """Return k centres (k, 2) by medians under ``1 - IoU``, and the nearest centre of each box, (n,).

    Parameters
    ----------
    box : (n, 2) array-like
        Widths and heights > 0, in any unit.
    k : int

    Raises
    ------
    DataError
        If there are fewer distinct boxes than k, or a side is not finite and > 0.

    Examples
    --------
    >>> np.random.seed(0)
    >>> centers, near = bubbliiiing([[10, 10], [12, 10], [50, 60], [54, 66], [52, 60]], 2)
    iter: 1. avg_iou:0.93
    >>> centers.tolist(), near.tolist()
    ([[52.0, 60.0], [11.0, 10.0]], [1, 1, 0, 0, 0])
    """
    result = fitted(box, k)
    print(f"iter: {result.n_iter}. avg_iou:{result.mean_iou:.2f}")
    return result.centers.copy(), result.labels.copy()


def qqwweee(self: Any, boxes: Any, k: int, dist: Rule = np.median) -> FloatArray:
    """Return k centres (k, 2); the script cuts their fractions off in every round where boxes are whole numbers."""
    return k_means(boxes, k, dist)


def gen_anchors(X: Any, centroids: Any, eps: float, anchor_file: Any) -> None:
    """Write the anchors of k-means with means from given centroids (k, 2), and the mean IoU.

    The size of the network input is in the script, ``width_in_cfg_file`` and ``height_in_cfg_file``.
    """
    result = kmeans(X, len(centroids), update="mean", init=centroids, max_iter=ENDLESS, progress=False)
    centroids[:] = result.centers
    print("Centroids = ", centroids)
    script = sys.modules["__main__"]
    size = np.array([getattr(script, f"{side}_in_cfg_file", 416.0) for side in ("width", "height")])
    anchors = result.centers * (size / CELL)
    anchors = anchors[np.argsort(anchors[:, 0], kind="stable")]
    print(anchors.shape)
    print("Anchors = ", anchors)
    print()
    text = ", ".join(f"{w:0.2f},{h:0.2f}" for w, h in anchors.tolist())
    with whole(Path(anchor_file)) as part:
        part.write_text(f"{text}\n{result.mean_iou:f}\n", encoding="utf-8")


BUBBLIIIING: dict[str, Callable[..., Any]] = {"kmeans": bubbliiiing, "avg_iou": avg_iou}
QQWWEEE: dict[str, Callable[..., Any]] = {"YOLO_Kmeans.kmeans": qqwweee}
DARKNET: dict[str, Callable[..., Any]] = {"kmeans": gen_anchors}
