"""Anchors inside a model, read from tensors or arrays and written back in place, without importing torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.compat._labels import rounded

__all__ = ["Head", "is_buffered", "jittered", "last_layer"]

NEAR = 2.0**-8  # relative; checkpoints are in half precision


def last_layer(model: Any) -> Any:
    """Return the last layer of a model, wrapped for several devices or not."""
    return getattr(model, "module", model).model[-1]


def is_buffered(m: Any) -> bool:
    """Return whether a detection layer keeps ``anchor_grid`` as a tensor."""
    return hasattr(getattr(m, "anchor_grid", None), "shape")


def _values(tensor: Any) -> FloatArray:
    """Return a tensor or array as float64."""
    for step in ("detach", "cpu", "double", "numpy"):
        tensor = getattr(tensor, step)() if hasattr(tensor, step) else tensor
    return np.asarray(tensor, dtype=np.float64)


class Head:
    """The anchors of a detection layer, in both attributes where a release keeps them.

    The loss reads ``anchors``, in strides. Inference reads ``anchor_grid``, in pixels: a tensor of its own in YOLOv5 up
    to v5.0, YOLOv3 up to v9.5.0 and YOLOv7; since then a list, filled from ``anchors * stride`` when images of another
    size arrive. Both are written together, so they agree.

    Parameters
    ----------
    m : object
        The layer: ``anchors`` (levels, anchors, 2), ``stride`` (levels,), and perhaps ``anchor_grid``.

    Raises
    ------
    DataError
        If ``anchor_grid`` or ``stride`` does not fit ``anchors``.
    """

    def __init__(self, m: Any) -> None:
        self._anchors = m.anchors
        self.anchors = _values(m.anchors)
        stride, levels = _values(m.stride).reshape(-1), len(self.anchors)
        if self.anchors.ndim != 3 or self.anchors.shape[2] != 2:
            raise DataError(f"anchors: got shape {self.anchors.shape}, expected (levels, anchors, 2)")
        if len(stride) != levels or not (np.isfinite(stride) & (stride > 0.0)).all():
            raise DataError(f"stride: got {stride.tolist()}, expected a number > 0 for each of {levels} levels")
        self.stride = stride.reshape(-1, 1, 1)
        self._grid: Any = getattr(m, "anchor_grid", None)
        self._buffered = is_buffered(m)
        self.grid = self._read_grid()

    @property
    def pixels(self) -> FloatArray:
        """The anchors that inference reads, (levels, anchors, 2) in pixels."""
        return self.anchors * self.stride if self.grid is None else self.grid

    @property
    def agrees(self) -> bool:
        """Whether both attributes hold the same anchors."""
        return self.grid is None or _alike(self.anchors * self.stride, self.grid)

    def doubt(self, warn: Callable[[str], None]) -> None:
        """Warn if the two attributes disagree; which one is right is unknown."""
        if not self.agrees:
            warn("inference reads anchor_grid, which is not anchors * stride, which the loss reads: neither is changed")

    def write(self, pixels: FloatArray) -> bool:
        """Write anchors, (k, 2) or (levels, anchors, 2) in pixels, into both attributes, levels by stride.

        Return whether the order of the levels had to be reversed.
        """
        pixels = np.asarray(pixels, dtype=np.float64).reshape(self.anchors.shape)
        turned = self._opposed(pixels)
        if turned:
            pixels = pixels[::-1]
        _put(self._anchors, pixels)  # divided afterwards, in the precision of the model, as the originals do
        self._store(_values(self._anchors) / self.stride, pixels)
        return turned

    def turn(self) -> bool:
        """Reverse the levels if their mean areas run against the strides; return whether they did.

        Anchors may still be in pixels here: models order them while they are built.

        Raises
        ------
        DataError
            If they have to be reversed, but the two attributes disagree.
        """
        if not self._opposed(self.anchors if self.grid is None else self.grid):
            return False
        if self.grid is None or _alike(self.anchors, self.grid):
            self._store(self.anchors[::-1], None if self.grid is None else self.grid[::-1])
        elif self.agrees:
            self._store(self.grid[::-1] / self.stride, self.grid[::-1])
        else:
            raise DataError("anchor_grid: got neither anchors nor anchors * stride, so the order cannot be reversed")
        return True

    def _read_grid(self) -> FloatArray | None:
        """Return the anchors in ``anchor_grid``, in pixels; None if it is not filled yet."""
        shape = self.anchors.shape
        if self._grid is None:
            return None
        if self._buffered:
            if np.prod(self._grid.shape) != self.anchors.size or self._grid.shape[0] != shape[0]:
                raise DataError(f"anchor_grid: got shape {tuple(self._grid.shape)}, expected {shape} as of anchors")
            return _values(self._grid).reshape(shape)
        if not isinstance(self._grid, list) or len(self._grid) != shape[0]:
            raise DataError(f"anchor_grid: expected a tensor or a list of {shape[0]}, got {type(self._grid).__name__}")
        filled = [np.ndim(entry) == 5 for entry in self._grid]  # (1, anchors, rows, columns, 2), the same in each cell
        if not any(filled):
            return None
        if not all(filled) or any(tuple(entry.shape[1::3]) != shape[1:] for entry in self._grid):
            raise DataError(
                f"anchor_grid: expected {shape[0]} tensors of shape (1, {shape[1]}, rows, columns, 2), got shapes "
                f"{', '.join(str(tuple(entry.shape)) for entry in self._grid)}"
            )
        return np.stack([_values(entry)[0, :, 0, 0] for entry in self._grid])

    def _store(self, anchors: FloatArray, grid: FloatArray | None) -> None:
        _put(self._anchors, anchors)
        self.anchors = _values(self._anchors)
        if self.grid is None or grid is None:
            return
        if self._buffered:
            _put(self._grid, grid)
        else:  # entries may be views that repeat one cell, which are not writable
            for i, entry in enumerate(self._grid):
                cells = np.broadcast_to(grid[i][None, :, None, None], tuple(entry.shape))
                self._grid[i] = _like(entry, cells)
        self.grid = self._read_grid()

    def _opposed(self, sizes: FloatArray) -> bool:
        """Return whether mean areas of these fall where strides grow, or the reverse."""
        area = sizes.prod(-1).mean(1)
        grown, wanted = area[-1] - area[0], self.stride[-1, 0, 0] - self.stride[0, 0, 0]
        return bool(grown and np.sign(grown) != np.sign(wanted))


def _alike(a: FloatArray, b: FloatArray) -> bool:
    return bool(np.allclose(a, b, rtol=NEAR, atol=0.0))


def _like(tensor: Any, new: FloatArray) -> Any:
    """Return `new` with the kind, type and device of a tensor or array."""
    new = np.ascontiguousarray(new)  # torch does not accept negative strides
    return tensor.new_tensor(new) if hasattr(tensor, "new_tensor") else new.astype(tensor.dtype)


def _put(tensor: Any, new: FloatArray) -> None:
    """Write `new` into a tensor or array in place, in its shape and type."""
    tensor[...] = _like(tensor, new.reshape(tuple(tensor.shape)))


def jittered(wh: FloatArray, image: Any, images: int) -> FloatArray:
    """Return sizes scaled by 0.9 to 1.1, one draw of NumPy's global state per image, in single precision."""
    scale = np.random.uniform(0.9, 1.1, size=(images, 1))[:, 0][image]
    out = np.empty_like(wh)
    for axis in (0, 1):
        np.multiply(wh[:, axis], scale, out=out[:, axis])
    return rounded(out)
