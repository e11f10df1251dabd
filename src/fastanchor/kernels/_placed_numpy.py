"""The kernel of ``_placed`` in NumPy, where numba is not in use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import IntArray

__all__ = ["best_placed"]

Float32 = NDArray[np.float32]

AT_ONCE = 1 << 15  # IoU computed at once: as few calls as they stay in the cache


def best_placed(wh: Float32, near: Float32, anchors: Float32, level: IntArray, best: Float32) -> None:
    """Keep the best IoU of boxes with anchors on the grids of their levels, at each of some places.

    `wh` (2, n) are the sides of the boxes, `near` (places, levels, 2, n) the distances from their centres to the
    nearest centre of a level along each axis, `anchors` (2, k), `level` (k,), and `best` (places, n).
    """
    best[:] = 0.0
    area = wh[0] * wh[1]
    half, zero = np.float32(0.5), np.float32(0.0)
    step = max(1, AT_ONCE // best.size)
    for some in (slice(first, first + step) for first in range(0, anchors.shape[1], step)):
        inter = np.float32(1.0)
        for axis in (0, 1):
            side, other = anchors[axis, some, None], wh[axis]
            overlap = np.minimum(np.minimum(other, side), half * (other + side) - near[:, level[some], axis])
            inter = inter * np.maximum(overlap, zero)
        iou = inter / (area + (anchors[0, some] * anchors[1, some])[:, None] - inter)
        np.maximum(best, iou.max(axis=1), out=best)
