"""The arithmetic of SciPy's k-means, compiled by numba. Contract in ``_mean``."""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, LabelArray
from fastanchor.compat._scipy_numpy import SingleArray
from fastanchor.kernels._jit import compiled
from fastanchor.kernels._numpy import LANES

__all__ = ["add_single", "assign_single", "label_sums"]


@compiled
def assign_single(
    x: SingleArray, y: SingleArray, cx: SingleArray, cy: SingleArray, labels: LabelArray, distance: SingleArray
) -> None:
    """Nearest centre and plain distance in single precision."""
    for start in range(0, x.size, LANES):
        xb, yb = x[start : start + LANES], y[start : start + LANES]
        best, nearest = distance[start : start + LANES], labels[start : start + LANES]
        for i in range(xb.size):
            best[i] = np.float32(np.inf)
            nearest[i] = 0
        for j in range(cx.size):
            u, v, label = cx[j], cy[j], np.int32(j)
            for i in range(xb.size):
                dx, dy = xb[i] - u, yb[i] - v
                e = dx * dx + dy * dy
                nearest[i] = label if e < best[i] else nearest[i]
                best[i] = e if e < best[i] else best[i]
        for i in range(xb.size):
            best[i] = np.sqrt(best[i])


@compiled
def add_single(x: SingleArray, y: SingleArray, labels: LabelArray, sums: SingleArray) -> None:
    """Add up each label's points in single precision, in their order."""
    for i in range(x.size):
        row = sums[labels[i]]
        row[0] += x[i]
        row[1] += y[i]
        row[2] += np.float32(1.0)


@compiled
def label_sums(w: FloatArray, h: FloatArray, labels: LabelArray, sums: FloatArray) -> None:
    """Add up each label's boxes."""
    here = np.zeros(sums.shape)  # one chunk's sums apart from those before, as the twin adds them
    for i in range(w.size):
        row = here[labels[i]]
        row[0] += w[i]
        row[1] += h[i]
        row[2] += 1.0
    sums += here
