"""Stand-in for PaddleDetection's ``tools/anchor_cluster.py``: the same anchors for the same seed of ``numpy.random``.

``fastanchor run --patch paddle tools/anchor_cluster.py ...`` puts it into the script. A centre without boxes moves
to the box farthest from all centres; in the script it becomes (0, 0).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._check import Called
from fastanchor._types import FloatArray
from fastanchor.cluster import clustered
from fastanchor.compat._autoanchor import by_area

__all__ = ["calc_anchors"]

LOGGER = "ppdet.anchor_cluster"


def calc_anchors(whs: Any, n: int = 9, iters: int = 1000) -> FloatArray:
    """Return n centres of k-means with means under ``1 - IoU``, smallest area first.

    Parameters
    ----------
    whs : (m, 2) array-like
        Widths and heights in pixels of the network input.
    n : int, default 9
    iters : int, default 1000
        Most updates.

    Returns
    -------
    (n, 2) float64
        In pixels of the network input.

    Raises
    ------
    DataError
        If an argument breaks a rule, or there are fewer distinct sizes than anchors.

    Examples
    --------
    >>> np.random.seed(0)
    >>> calc_anchors([[10, 10], [12, 10], [50, 60], [54, 66]], 2).tolist()
    [[11.0, 10.0], [52.0, 63.0]]
    """
    wh = _check.as_sizes(whs, "whs", "pixels of the network input")
    k = _check.integer(n, "n", least=1)
    logger = logging.getLogger(LOGGER)
    logger.info("Running kmeans for %d anchors on %d points...", k, len(wh))
    start = wh[np.random.choice(len(wh), size=min(k, len(wh)), replace=False)]
    init = start if len(start) == k else "random"
    named = Called("whs", "n", "iters")
    result = clustered(wh, k, update="mean", init=init, max_iter=iters, progress=False, named=named)
    if k > 1 and result.stop == "converged":
        logger.info("kmeans algorithm has converged")
    return by_area(result.centers, stable=True)


def _calc_anchors(self: Any) -> list[Any]:
    self.whs = self.whs * np.array([self.size])
    return list(calc_anchors(self.whs, self.n, self.iters))


def _get_whs(self: Any) -> tuple[FloatArray, FloatArray]:
    """Return relative sizes of boxes and sizes of their images, joined once and not image by image."""
    places = [Path(self.cache_path, f"{name}.npy") for name in ("whs", "shapes")]
    if self.cache and all(place.exists() for place in places):
        self.whs, self.shapes = (np.load(place) for place in places)
        return self.whs, self.shapes
    self.dataset.parse_dataset()
    whs, shapes = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for record in self.dataset.roidbs:
        image = np.array([[record["w"], record["h"]]])
        box = record["gt_bbox"]
        wh = (box[:, 2:4] - box[:, 0:2] + 1) / image
        whs.append(wh)
        shapes.append(np.ones_like(wh) * image)
    self.whs, self.shapes = np.vstack(whs), np.vstack(shapes)
    if self.cache:
        places[0].parent.mkdir(parents=True, exist_ok=True)
        for place, content in zip(places, (self.whs, self.shapes), strict=True):
            np.save(place, content)
    return self.whs, self.shapes


SCRIPT: dict[str, Callable[..., Any]] = {
    "BaseAnchorCluster.get_whs": _get_whs,
    "YOLOv2AnchorCluster.calc_anchors": _calc_anchors,
}
