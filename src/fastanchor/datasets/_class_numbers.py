"""Classes that labels give as numbers into a list of names, which may be too short or missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray
from fastanchor.datasets._record import Batch

__all__ = ["classed", "is_number"]

BELOW = 2**31


def is_number(values: FloatArray) -> NDArray[np.bool_]:
    """Return which values can be the number of a class."""
    with np.errstate(invalid="ignore"):
        found: NDArray[np.bool_] = (values >= 0) & (values < BELOW) & (values == np.floor(values))
    return found


def classed(batch: Batch, values: FloatArray, names: Sequence[str] | None) -> Batch:
    """Return a batch with its classes, by their numbers; those that the names do not reach are called by the number."""
    cls, classes = values.astype(np.int64), list(names or ())
    beyond = cls >= len(classes)
    numbers: list[int] = []
    if beyond.any():
        found, at = np.unique(cls[beyond], return_inverse=True)
        cls[beyond] = len(classes) + at.reshape(-1)
        numbers = found.tolist()
    return replace(
        batch, cls=cls, classes=[*classes, *map(str, numbers)], ordered=bool(names),
        unnamed=len(numbers) if names else 0,
    )  # fmt: skip
