"""Exact sums: whole numbers, and so the same in any order, over any parts, on any engine.

A float is a whole number of units of a small enough power of two. A sum of such numbers is not rounded; it is kept as
an ``int``, and converted to a float once, at the end.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.engine._threads import CHUNK

__all__ = ["BITS", "UNIT", "Scale", "coordinates", "distances", "near"]

BITS = 32  # of a digit, see kernels.exact_sum
MANTISSA = 52  # bits of a float64 after its leading bit
SPAN = 1074  # number of bits below the top that a float64 of at most 1 can have
NEAR = 1e-11  # relative: totals of floats agree to 1e-12, so larger differences are real


class Scale(NamedTuple):
    """How values are split into digits of 32 bits: values are at most ``2**top`` in size; `digits` is their number.

    The first `lead` digits make room for weights: an unweighted value is at most ``2**(top - 32 * lead)``.
    """

    top: int
    digits: int
    lead: int = 0

    @property
    def factor(self) -> float:
        """Factor that values are multiplied by."""
        return 2.0 ** -(self.top - BITS * self.lead)

    def weighted(self, most: int) -> Scale:
        """Return a scale for values that count up to `most` times."""
        lead = 1 if most < 1 << 31 else 2
        return Scale(self.top + BITS * lead, self.digits + lead, lead)

    def add(
        self,
        kernels: ModuleType,
        values: FloatArray,
        digits: IntArray,
        labels: LabelArray | None = None,
        weights: IntArray | None = None,
    ) -> None:
        """Add at most `CHUNK` values to `digits` (d,), or with labels to ``digits[label]`` (k, d)."""
        if weights is None:
            if labels is None:
                kernels.exact_sum(values, self.factor, digits)
            else:
                kernels.exact_sums(values, labels, self.factor, digits)
            return
        count, parts = self.digits - self.lead, [weights]
        if self.lead == 2:  # weights of more than 31 bits are split into the lower 32, with a sign, and the others
            high = (weights + (1 << 31)) >> BITS
            parts = [weights - (high << BITS), high]
        for shift, part in enumerate(parts):
            if labels is None:
                kernels.weighted_sum(values, part, self.factor, digits, self.lead - shift, count)
            else:
                kernels.weighted_sums(values, labels, part, self.factor, digits, self.lead - shift, count)

    def zeros(self, *shape: int) -> IntArray:
        """Return sums of zero, (*shape, digits)."""
        return np.zeros((*shape, self.digits), np.int64)

    def sum(self, kernels: ModuleType, values: FloatArray, weights: IntArray | None = None) -> IntArray:
        """Return the digits of the sum of these values."""
        digits = self.zeros()
        for start in range(0, values.size, CHUNK):
            c = slice(start, start + CHUNK)
            self.add(kernels, values[c], digits, weights=None if weights is None else weights[c])
        return digits

    def total(self, digits: Any) -> int:
        """Return the sum that has these digits, in units."""
        return sum(int(digit) << BITS * (self.digits - 1 - place) for place, digit in enumerate(digits.tolist()))

    def mean(self, total: int, count: int = 1) -> float:
        """Return ``total / count`` as the nearest float64, `total` being in units."""
        shift = self.top - BITS * self.digits
        return (total << shift) / count if shift >= 0 else total / (count << -shift)

    def means(self, digits: Any, counts: IntArray) -> FloatArray:
        """Return the means of sums (k, 2, digits), (k, 2); NaN where the count is 0."""
        out = np.full((len(counts), 2), np.nan)
        for j in np.flatnonzero(counts).tolist():
            for axis in (0, 1):
                out[j, axis] = self.mean(self.total(digits[j, axis]), int(counts[j]))
        return out


# ``1 - IoU`` or ``1 - ratio`` is a whole number of 2^-53. A ratio is truncated to one of 2^-64.
UNIT = Scale(0, 2)


def coordinates(least: float, most: float) -> Scale:
    """Return a scale that represents every value of a size from `least` to `most`, and 0, without rounding."""
    return _between(math.frexp(least)[1] - 1 - MANTISSA, math.frexp(most)[1])


def distances(least: float, most: float, squared: bool) -> Scale:
    """Return the scale of Euclidean distances between points whose coordinates have sizes from `least` to `most`.

    Differences are whole numbers of the last bit of the smallest coordinate, so their squares and the sums of these,
    rounded or not, are whole numbers of its square. A root has 53 bits, and is not below the last bit itself.
    """
    bottom, top = math.frexp(least)[1] - 1 - MANTISSA, math.frexp(most)[1] + 1
    return _between(2 * bottom, 2 * top + 1) if squared else _between(bottom - MANTISSA, top + 1)


def _between(bottom: int, top: int) -> Scale:
    return Scale(top, max(1, -(-min(top - bottom, SPAN) // BITS)))


def near(one: float, other: float) -> bool:
    """Return whether two totals of floats are too close to be compared as floats."""
    return abs(one - other) <= NEAR * max(abs(one), abs(other))
