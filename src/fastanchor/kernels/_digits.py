"""Sums without rounding: values cut into digits, which are whole numbers."""

from __future__ import annotations

import numpy as np

from fastanchor._types import IntArray
from fastanchor.kernels._jit import helper
from fastanchor.kernels._numpy import DIGIT


@helper
def add_digits(value: float, factor: float, sums: IntArray, row: int, first: int, count: int) -> None:
    """Add a value to the sum whose digits are ``sums[row, first : first + count]``."""
    rest = value * factor
    for d in range(first, first + count):
        rest *= DIGIT
        whole = np.trunc(rest)
        sums[row, d] += np.int64(whole)
        rest -= whole
