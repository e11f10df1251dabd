"""The best IoU of boxes with anchors on grids: overlap follows from the distance to the nearest centre."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import IntArray
from fastanchor.kernels._jit import uncounted

__all__ = ["best_placed"]

Float32 = NDArray[np.float32]

ZERO, HALF = np.float32(0.0), np.float32(0.5)


@uncounted
def best_placed(wh: Float32, near: Float32, anchors: Float32, level: IntArray, best: Float32) -> None:
    """Keep the best IoU of boxes with anchors on the grids of their levels, at each of some places.

    See ``_placed_numpy``.
    """
    for place in range(near.shape[0]):
        for i in range(wh.shape[1]):
            best[place, i] = ZERO
        for k in range(anchors.shape[1]):
            kw, kh = anchors[0, k], anchors[1, k]
            area = kw * kh
            at = level[k]
            for i in range(wh.shape[1]):
                w, h = wh[0, i], wh[1, i]
                x = max(min(min(w, kw), HALF * (w + kw) - near[place, at, 0, i]), ZERO)
                y = max(min(min(h, kh), HALF * (h + kh) - near[place, at, 1, i]), ZERO)
                inter = x * y
                best[place, i] = max(best[place, i], inter / (w * h + area - inter))
