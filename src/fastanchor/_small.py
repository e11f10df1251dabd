"""Boxes that are small for a detector: rules for leaving them out, and the warnings about them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import FloatArray

__all__ = [
    "EVERY", "MIN_SIZE", "SMALL", "count_small", "is_small", "kept", "no_side", "none_kept", "reaching", "small_boxes",
]  # fmt: skip

# Anchors are computed without the boxes that have no side of at least MIN_SIZE pixels of the network input, but scored
# on every box, because a trainer scores every label.
MIN_SIZE, EVERY = 2.0, 0.0

# A side below this, in pixels of the network input, is nearly invisible to a detector with a first stride of 8.
SMALL = 3.0


def kept(wh: FloatArray, min_size: float) -> NDArray[np.bool_]:
    """Return a mask (n,) of the boxes (n, 2) that have a side of at least `min_size`.

    Raises
    ------
    DataError
        If there is no such box.

    Examples
    --------
    >>> kept(np.array([[1.0, 1.5], [1.0, 2.0]]), 2.0).tolist()
    [False, True]
    """
    keep = reaching(wh, min_size)
    if not keep.any():
        raise none_kept(len(wh), min_size)
    return keep


def reaching(wh: FloatArray, min_size: float) -> NDArray[np.bool_]:
    """Return a mask (n,) of the boxes (n, 2) that have a side of at least `min_size`; there may be none."""
    reach: NDArray[np.bool_] = (wh[:, 0] >= min_size) | (wh[:, 1] >= min_size)
    return reach


def none_kept(count: int, min_size: float) -> DataError:
    """Return the error for `count` boxes that have no side of at least `min_size`."""
    rule = f"a side >= {called('min_size')} = {min_size:g} pixels of the network input"
    return DataError(f"boxes: none of {count:,} has {rule}")


def is_small(wh: FloatArray) -> NDArray[np.bool_]:
    """Return a mask (n,) of the boxes that have a side < 3 pixels.

    Examples
    --------
    >>> is_small(np.array([[3.0, 9.0], [2.5, 40.0]])).tolist()
    [False, True]
    """
    small: NDArray[np.bool_] = (wh[:, 0] < SMALL) | (wh[:, 1] < SMALL)
    return small


def count_small(wh: FloatArray) -> int:
    """Return the number of boxes that have a side < 3 pixels.

    Examples
    --------
    >>> count_small(np.array([[3.0, 9.0], [2.5, 40.0]]))
    1
    """
    return int(np.count_nonzero(is_small(wh)))


def small_boxes(count: float) -> str:
    """Return the remark on the boxes counted by :func:`count_small`.

    Examples
    --------
    >>> small_boxes(25)
    '25 boxes have a side < 3 pixels of the network input'
    """
    return f"{_boxes(count)} a side < {SMALL:g} pixels of the network input"


def no_side(count: float, min_size: float) -> str:
    """Return the remark on the boxes left out by :func:`kept`.

    Examples
    --------
    >>> no_side(1, 2.0)
    '1 box has no side >= 2 pixels of the network input'
    """
    return f"{_boxes(count)} no side >= {min_size:g} pixels of the network input"


def _boxes(count: float) -> str:
    return f"{round(count):,} {'box has' if count == 1 else 'boxes have'}"
