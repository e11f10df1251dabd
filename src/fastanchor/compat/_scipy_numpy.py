"""The arithmetic of SciPy's k-means in plain NumPy. Contract in ``_mean``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, LabelArray

__all__ = ["add_single", "assign_single", "label_sums"]

SingleArray = NDArray[np.float32]


def assign_single(
    x: SingleArray, y: SingleArray, cx: SingleArray, cy: SingleArray, labels: LabelArray, distance: SingleArray
) -> None:
    """Nearest centre and plain distance in single precision."""
    labels[:] = 0
    distance[:] = np.inf
    for j in range(cx.size):
        dx = x - cx[j]
        dy = y - cy[j]
        squared = dx * dx + dy * dy
        np.putmask(labels, squared < distance, j)
        np.minimum(distance, squared, out=distance)
    np.sqrt(distance, out=distance)


def add_single(x: SingleArray, y: SingleArray, labels: LabelArray, sums: SingleArray) -> None:
    """Add up each label's points in single precision, in their order."""
    for j in range(len(sums)):
        rows = np.flatnonzero(labels == j)
        for column, values in enumerate((x[rows], y[rows])):
            # a running sum goes one after the other; np.sum adds in pairs
            sums[j, column] = np.cumsum(np.concatenate([sums[j, column : column + 1], values]))[-1]
        sums[j, 2] += np.float32(rows.size)


def label_sums(w: FloatArray, h: FloatArray, labels: LabelArray, sums: FloatArray) -> None:
    """Add up each label's boxes."""
    k = len(sums)
    sums[:, 0] += np.bincount(labels, weights=w, minlength=k)
    sums[:, 1] += np.bincount(labels, weights=h, minlength=k)
    sums[:, 2] += np.bincount(labels, minlength=k)
