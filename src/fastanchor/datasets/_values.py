"""What counts as a size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._types import FloatArray

__all__ = ["alike", "within"]

AREA = 0.02  # by which areas in labels differ from those of their boxes, since they were rounded


def within(pairs: FloatArray) -> NDArray[np.bool_]:
    """Return which widths and heights, (n, 2), are finite and above 0."""
    # one column at a time: all(1) over two columns costs several times as much
    good: NDArray[np.bool_] = (pairs[:, 0] >= MIN_SIDE) & (pairs[:, 0] <= MAX_SIDE)
    good &= (pairs[:, 1] >= MIN_SIDE) & (pairs[:, 1] <= MAX_SIDE)
    return good


def alike(area: FloatArray, wh: FloatArray) -> NDArray[np.bool_]:
    """Return which areas, (n,), are those of widths and heights, (n, 2)."""
    good: NDArray[np.bool_] = np.abs(area - wh[:, 0] * wh[:, 1]) <= AREA * area
    return good
