"""What training makes of the boxes: it rescales images at random, so every box counts at several scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._hints import called
from fastanchor._images import Images
from fastanchor._types import FloatArray

__all__ = ["SCALES", "as_jitter", "rescaled"]

SCALES = 8  # a power of two, so that the weight of a copy is exact; 256 change fitness and mean IoU by less than 0.0005


def as_jitter(value: Any) -> tuple[float, float] | None:
    """Return the least and the largest scale, None for no rescaling.

    Raises
    ------
    DataError
        If they are not two finite numbers > 0, the smaller first.

    Examples
    --------
    >>> as_jitter([0.5, 1.5]), as_jitter((1, 1))
    ((0.5, 1.5), None)
    """
    if value is None:
        return None
    pair = _check.listed(value)
    rule = f"{called('jitter')} = {_check.short(value)}: must be two scales, the smaller first, such as (0.5, 1.5)"
    if pair is None:
        raise WrongTypeError(rule)
    if len(pair) != 2:
        raise DataError(rule)
    low, high = (_check.number(scale, "jitter", low=0.0, high=100.0, open_low=True) for scale in pair)
    if low > high:
        raise DataError(rule)
    return None if low == high == 1.0 else (low, high)


def rescaled(
    wh: FloatArray, weights: Any, images: Images | None, jitter: tuple[float, float], most: Sequence[float] | None
) -> tuple[FloatArray, Any, Images | None]:
    """Return each box at 8 scales, of an eighth of its weight each; sides end at `most`, the network input.

    The scales are the middles of 8 equal parts of the range of `jitter`.

    Examples
    --------
    >>> wh, weights, _ = rescaled(np.array([[10.0, 40]]), None, None, (0.5, 1.5), (640, 50))
    >>> wh[[0, 7]].tolist(), weights.tolist()
    ([[5.625, 22.5], [14.375, 50.0]], [0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125])
    """
    low, high = jitter
    scales = low + (high - low) * (np.arange(SCALES) + 0.5) / SCALES
    many = (wh[:, None, :] * scales[:, None]).reshape(-1, 2)
    if most is not None:
        np.minimum(many, most, out=many)
    own = np.ones(len(wh)) if weights is None else weights
    copies = images and Images(np.repeat(images.of_box, SCALES), images.number)
    return many, np.repeat(own / SCALES, SCALES), copies
