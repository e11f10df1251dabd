"""How images, and the boxes on them, are brought to the network input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import Fit, FloatArray

__all__ = ["FITS", "image_scale", "network_input"]

FITS = get_args(Fit)


def network_input(img_size: int | Sequence[int], fit: str) -> tuple[int, int]:
    """Return (width, height) of the network input, and check `fit`; one number is a square.

    Raises
    ------
    DataError
        If `img_size` is not one or two whole numbers >= 1, `fit` is unknown, or the limits of "shortest" fall.

    Examples
    --------
    >>> network_input(416, "stretch"), network_input([640, 384], "letterbox")
    ((416, 416), (640, 384))
    """
    _check.choice(fit, "fit", FITS)
    size = _check.side_pair(img_size, "img_size", square=True)
    if fit == "shortest" and size[0] > size[1]:
        expected = f"expected limits of the shorter and of the longer side, as in {size[1]}x{size[0]}"
        raise DataError(f"{called('img_size')}: got {size[0]}x{size[1]} for fit 'shortest', {expected}")
    return size


def image_scale(image_wh: FloatArray, img_size: int | Sequence[int], fit: str) -> FloatArray:
    """Return the factors (m, 2) that scale pixels of each image to pixels of the network input."""
    width, height = network_input(img_size, fit)
    scale = np.empty_like(image_wh)
    if fit == "shortest":
        scale[:] = np.minimum(width / image_wh.min(axis=1), height / image_wh.max(axis=1))[:, None]
        return scale
    np.divide(width, image_wh[:, 0], out=scale[:, 0])
    np.divide(height, image_wh[:, 1], out=scale[:, 1])
    if fit == "letterbox":
        scale[:] = np.minimum(scale[:, 0], scale[:, 1])[:, None]
    return scale
