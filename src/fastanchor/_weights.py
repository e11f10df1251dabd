"""Weights: how often each box counts. They are stored as whole numbers, so that counts and sums stay exact."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._hints import called
from fastanchor._types import IntArray

__all__ = ["Weights", "amount", "as_column", "counting", "number", "part_of", "weight_of", "weights_of"]

Column = NDArray[np.int64] | NDArray[np.float64]  # weights as the caller gave them

LEAST, MOST = 1e-100, 1e100  # of a weight that is not whole
TOTAL = 62  # bits that the sum of all weights must fit into
DIGITS = 30  # bits that even the smallest fractional weight keeps


class Weights(NamedTuple):
    """Whole weights: `each` (n,) int64 in units; `unit` is the value of one unit in terms of the given weights.

    Whole numbers have a unit of 1. Others are rounded once to multiples of a power of two; the error of each is at
    most a relative 2^-30 (or 2^-61 of their total, if they differ by a factor above 2^30).
    """

    each: IntArray
    unit: float

    @classmethod
    def of(cls, column: Column) -> Weights:
        """Return the weights of a clean column."""
        if column.dtype.kind == "i":
            return cls(column.astype(np.int64, copy=False), 1.0)
        if (column == np.trunc(column)).all() and column.sum() < 2.0**TOTAL:
            return cls(column.astype(np.int64), 1.0)
        top = math.frexp(column.max())[1]
        size = np.ldexp(column, -top)
        some = size > 0.0
        shift = min(DIGITS - math.frexp(size[some].min())[1], TOTAL - 1 - math.frexp(size.sum())[1])
        each = np.rint(np.ldexp(size, shift)).astype(np.int64)
        each[some] = np.maximum(each[some], 1)  # a weight above 0 stays above 0
        bits = int(np.bitwise_or.reduce(each))
        spare = (bits & -bits).bit_length() - 1
        return cls(each >> spare, math.ldexp(1.0, top - shift + spare))

    @property
    def total(self) -> int:
        """Sum of the weights, in units."""
        return int(self.each.sum())

    def drawn(self) -> NDArray[np.float64]:
        """Return the probability with which each row is drawn."""
        return self.each / self.total


def as_column(values: Any, name: str, n: int) -> Column:
    """Return weights as (n,) int64 if they are whole numbers by type, else float64; copied if needed.

    Raises
    ------
    DataError
        If they are not n finite numbers >= 0, one is masked, or their sum is too large.
    """
    _check.unmasked(values, name)
    expected = f"{called(name)}: must be {n} numbers, one per box; got"
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        raise DataError(f"{expected} {_check.short(values)}") from None
    if array.dtype.kind not in "fiub" and n:
        raise WrongTypeError(f"{expected} {_check.short(values)}")
    if array.shape != (n,):
        raise DataError(f"{expected} {array.dtype} of shape {array.shape}")
    whole = array.dtype.kind in "iub"
    bad = ~np.isfinite(array) | (array < 0)
    if bad.any():
        _blame(array, bad, name, "weights must be finite and >= 0")
    if not whole:
        bad = (array > 0) & ((array < LEAST) | (array > MOST))
        if bad.any():
            _blame(array, bad, name, f"weights must be 0, or lie within {LEAST:g} and {MOST:g}")
        return np.ascontiguousarray(array, dtype=np.float64)
    if array.sum(dtype=np.float64) >= 2.0**TOTAL:
        rule = f"whole weights must add up to less than 2**{TOTAL}"
        raise DataError(f"{called(name)}: {rule}, got {array.sum(dtype=np.float64):g}")
    return np.ascontiguousarray(array, dtype=np.int64)


def counting(values: Any, name: str, n: int) -> Weights:
    """Return whole weights of n boxes.

    Raises
    ------
    DataError
        If :func:`as_column` raises, or all weights are 0.
    """
    column = as_column(values, name, n)
    if not column.any():
        raise DataError(f"{called(name)}: must be above 0 for at least one box, got only zeros")
    return Weights.of(column)


def part_of(weights: Column | None, rows: Any) -> Column | None:
    """Return the weights of some rows."""
    return None if weights is None else weights[rows]


def weights_of(answers: Any) -> Weights | None:
    """Return the weights of an engine; None if each box counts once, or the engine does not support weights."""
    found: Weights | None = getattr(answers, "weights", None)
    return found


def weight_of(answers: Any) -> int:
    """Return the total weight of an engine's boxes, in units: the divisor of means."""
    weights = weights_of(answers)
    return len(answers) if weights is None else weights.total


def number(weights: Column | None, which: NDArray[np.bool_]) -> Any:
    """Return the number of marked rows, or their total weight: a whole number if all weights are whole.

    Examples
    --------
    >>> number(None, np.array([True, False])), number(np.array([3, 4]), np.array([True, False]))
    (1, 3)
    """
    if weights is None:
        return int(np.count_nonzero(which))
    some = Weights.of(weights)
    return amount_of(some, int(some.each[which].sum()))


def amount_of(weights: Weights, units: Any) -> Any:
    """Convert units to the scale of the given weights; whole numbers stay whole."""
    return units if weights.unit == 1.0 else units * weights.unit


def amount(answers: Any, units: Any) -> Any:
    """Convert units of an engine's weights to the scale of the given weights."""
    weights = weights_of(answers)
    return units if weights is None else amount_of(weights, units)


def _blame(array: NDArray[Any], bad: NDArray[np.bool_], name: str, rule: str) -> None:
    row = int(np.flatnonzero(bad)[0])
    more = int(np.count_nonzero(bad)) - 1
    others = f"; {more} more row{'s' if more > 1 else ''} like it" if more else ""
    raise DataError(f"{called(name)}[{row}] = {array[row].item()!r}: {rule}{others}")
