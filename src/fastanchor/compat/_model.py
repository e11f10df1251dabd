"""Anchors inside a model: read from tensors or arrays, and written back in place. Nothing here imports torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.compat._labels import rounded

__all__ = ["head", "jittered", "opposed", "put", "values"]


def head(model: Any) -> Any:
    """Return the last layer of a model, wrapped for several devices or not."""
    return getattr(model, "module", model).model[-1]


def values(tensor: Any) -> FloatArray:
    """Return a tensor or array as float64."""
    for step in ("detach", "cpu", "double", "numpy"):
        tensor = getattr(tensor, step)() if hasattr(tensor, step) else tensor
    return np.asarray(tensor, dtype=np.float64)


def put(tensor: Any, new: FloatArray) -> None:
    """Write `new` into a tensor or array, in its shape, type and place."""
    shaped = np.ascontiguousarray(new).reshape(tuple(tensor.shape))  # torch takes no array that runs backwards
    tensor[...] = tensor.new_tensor(shaped) if hasattr(tensor, "new_tensor") else shaped


def opposed(anchors: FloatArray, stride: FloatArray) -> bool:
    """Return whether mean areas of anchors (layers, m, 2) fall where strides grow, or the reverse."""
    area = anchors.prod(-1).reshape(len(anchors), -1).mean(1)
    grown, wanted = area[-1] - area[0], stride.reshape(-1)[-1] - stride.reshape(-1)[0]
    return bool(grown and np.sign(grown) != np.sign(wanted))


def jittered(wh: FloatArray, image: Any, images: int) -> FloatArray:
    """Return sizes scaled by 0.9 to 1.1, one draw of NumPy's global state an image, in single precision."""
    scale = np.random.uniform(0.9, 1.1, size=(images, 1))[:, 0][image]
    out = np.empty_like(wh)
    for axis in (0, 1):
        np.multiply(wh[:, axis], scale, out=out[:, axis])
    return rounded(out)
