"""Sums without rounding: values cut into digits, which are whole numbers."""

from __future__ import annotations

import numpy as np

from fastanchor._types import IntArray
from fastanchor.kernels._jit import helper
from fastanchor.kernels._numpy import BITS, DIGIT, LOW

HALF = 1 << (BITS - 1)


@helper
def add_digits(value: float, factor: float, sums: IntArray, row: int, first: int, count: int) -> None:
    """Add a value to the sum whose digits are ``sums[row, first : first + count]``."""
    rest = value * factor
    for d in range(first, first + count):
        rest *= DIGIT
        whole = np.trunc(rest)
        sums[row, d] += np.int64(whole)
        rest -= whole


@helper
def add_side(
    side: float, factor: float, sums: IntArray, place: tuple[int, int, int], lead: int, weights: IntArray | None, i: int
) -> None:
    """Add the side of box `i`, as often as it counts, to the sum at `place`: a row, its first digit, and how many."""
    row, first, count = place
    if weights is None:
        add_digits(side, factor, sums, row, first, count)
        return
    # weights of more than 31 bits in two parts: the lower 32 bits, with a sign, and the others
    high = (weights[i] + HALF) >> BITS
    low = weights[i] - (high << BITS)
    rest = side * factor
    for d in range(first + lead, first + count):
        rest *= DIGIT
        whole = np.trunc(rest)
        rest -= whole
        product = np.int64(whole) * low
        sums[row, d] += product & LOW
        sums[row, d - 1] += product >> BITS
        if high != 0:
            product = np.int64(whole) * high
            sums[row, d - 1] += product & LOW
            sums[row, d - 2] += product >> BITS
