"""Exact medians of labelled boxes without sorting or gathering all: histograms of float bits, narrowed by rank.

The boxes may be spread over several parts: histograms add up, and gathered values are concatenated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._numpy import sort_keys

__all__ = ["Keys", "Side", "medians", "places", "presorted"]

Keys = NDArray[np.uint64]
Ask = Callable[..., list[Any]]  # a question and its arguments; returns the answers of all parts

# Up to GATHER values, or 1 / SHARE of all, are gathered and sorted at once (0.1 us each, on one thread); more are
# narrowed by another histogram (3 ns per box of the part).
GATHER, SHARE = 1 << 11, 64
# Up to this number of boxes, values are sorted once and labels follow that order: 25 ns per box and step, against 60 to
# 500 for histograms; with more boxes, the sorted order does not fit into the cache.
PRESORT = 1 << 15
# Counters in a histogram over all labels (4 MB); 4096 per label are plenty, they split an octave into hundreds.
COUNTERS = 1 << 19


class Side(NamedTuple):
    """One side of the boxes of a part.

    Attributes
    ----------
    values : (n,) float64
    ends : (2,) uint64
        The sort keys of the least and the largest value; a part without boxes has them reversed.
    order : (n,) int64 or None
        Order that sorts the values, if there are few.
    """

    values: FloatArray
    ends: Keys
    order: IntArray | None

    @classmethod
    def of(cls, values: FloatArray) -> Side:
        """Prepare the values of one side."""
        low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
        if low <= 0.0:
            values = values + 0.0  # -0.0 and 0.0 are equal but have two keys; adding 0.0 leaves one
        order = np.argsort(values, kind="stable") if values.size <= PRESORT else None
        return cls(values, sort_keys(np.array([low, high]) + 0.0), order)


def presorted(
    values: FloatArray, order: IntArray, labels: LabelArray, counts: IntArray, weights: IntArray | None
) -> FloatArray:
    """Return the median of each label's values, (k,), from the `order` that sorts them."""
    # NumPy sorts integers of 8 and 16 bits by counting: the values of each label, smallest first
    order = order[np.argsort(labels[order].astype(np.min_scalar_type(len(counts))), kind="stable")]
    starts = np.cumsum(counts) - counts
    found, some = np.full(len(counts), np.nan), counts > 0
    ends = None if weights is None else np.cumsum(weights[order])
    lower, upper = (values[order[places(ends, (starts + rank)[some])]] for rank in _middles(counts))
    found[some] = (lower + upper) / 2.0
    return found


def _middles(counts: IntArray) -> tuple[IntArray, IntArray]:
    """Return the ranks of the middle two values, equal if their number is odd."""
    return (counts - 1) // 2, counts // 2


def medians(ask: Ask, counts: IntArray, alone: bool = True) -> FloatArray:
    """Return the median of each label's boxes, (k, 2): the middle value, or the mean of the middle two; NaN for no box.

    `ask` puts a question to the runs of all parts, see ``_labelled.Labelled``; `alone` is true for a single run.
    """
    found: FloatArray | None = ask("presorted", counts)[0] if alone else None
    if found is not None:
        return found
    columns = []
    for axis in (0, 1):
        lower, upper = _Ranks(ask, axis).of(counts, *_middles(counts))
        columns.append((lower + upper) / 2.0)
    return np.column_stack(columns)


class _Ranks:
    """Finds the values of ranks among one side of the boxes."""

    def __init__(self, ask: Ask, axis: int) -> None:
        self._ask, self._axis = ask, axis

    def of(self, counts: IntArray, first: IntArray, second: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return for each label the values of the ranks `first` and `second`.

        `counts` and ranks are weighted; the `number` of values decides between another histogram and gathering.
        """
        k = len(counts)
        numbers = self._ask("numbers", k)
        number: IntArray = counts.copy() if numbers[0] is None else np.sum(numbers, axis=0)
        few = max(GATHER, int(number.sum()) // SHARE)
        least, largest = zip(*self._ask("ends", self._axis), strict=True)
        low, high = np.full(k, min(least)), np.full(k, max(largest))
        passed = np.zeros(k, dtype=np.int64)  # values below `low`
        found = np.full(k, np.nan)  # the value, if the range is a single key
        open_ = counts > 0
        narrowed = False
        while True:
            single = open_ & (low == high)
            found[single] = _values(low[single])
            open_ &= ~single
            if number[open_].sum() <= few:
                break
            if narrowed and (first != second).any():
                # the two ranks may be far apart with many values around both: each alone is sure to narrow
                return self.of(counts, first, first)[0], self.of(counts, second, second)[0]
            narrowed = True
            low, high, passed, number = self._narrow(open_, low, high, passed, number, first, second)
        one, two = found.copy(), found
        if open_.any():
            values, owners, ends = self._gather(open_, low, high)
            starts = np.searchsorted(owners, np.arange(k))
            if ends is not None:  # total weight before
                starts = np.concatenate(([0], ends))[starts]
            one[open_] = values[places(ends, (starts + first - passed)[open_])]
            two[open_] = values[places(ends, (starts + second - passed)[open_])]
        return one, two

    def _narrow(
        self,
        open_: NDArray[np.bool_],
        low: Keys,
        high: Keys,
        passed: IntArray,
        number: IntArray,
        first: IntArray,
        second: IntArray,
    ) -> tuple[Keys, Keys, IntArray, IntArray]:
        k = len(low)
        bins = max(64, min(4096, COUNTERS // k))
        shift = np.array(
            [max(0, int(b - a).bit_length() - (bins.bit_length() - 1)) for a, b in zip(low, high, strict=True)]
        )
        shift = shift.astype(np.uint64)
        tables = np.sum(self._ask("histogram", self._axis, *_closed_out(open_, low, high), shift, bins), axis=0)
        numbers, cumulative = tables[0], np.cumsum(tables[-1], axis=1)
        low, high, passed, number = low.copy(), high.copy(), passed.copy(), number.copy()
        for j in np.flatnonzero(open_):
            ranks = np.array([first[j], second[j]]) - passed[j]
            a, b = (int(i) for i in np.searchsorted(cumulative[j], ranks, side="right"))
            skipped = int(cumulative[j, a - 1]) if a else 0
            passed[j] += skipped
            number[j] = numbers[j, a : b + 1].sum()
            start, step = int(low[j]), int(shift[j])
            low[j] = start + (a << step)
            high[j] = min(int(high[j]), start + ((b + 1) << step) - 1)
        return low, high, passed, number

    def _gather(
        self, open_: NDArray[np.bool_], low: Keys, high: Keys
    ) -> tuple[FloatArray, LabelArray, IntArray | None]:
        """Return values and their labels, by label and value, and the cumulative weights if there are weights."""
        parts = self._ask("gather", self._axis, *_closed_out(open_, low, high))
        values, owners, *weights = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((values, owners))
        return values[order], owners[order], np.cumsum(weights[0][order]) if weights else None


def places(ends: IntArray | None, ranks: IntArray) -> Any:
    """Return the places of the values of these ranks; `ends` are the cumulative weights."""
    return ranks if ends is None else np.searchsorted(ends, ranks, side="right")


def _closed_out(open_: NDArray[np.bool_], low: Keys, high: Keys) -> tuple[Keys, Keys]:
    """Return the ranges with an empty one (low above high) for every label whose values are known."""
    return np.where(open_, low, np.uint64(1)), np.where(open_, high, np.uint64(0))


def _values(keys: Keys) -> FloatArray:
    """Return the float64 values of sort keys."""
    sign = np.uint64(1 << 63)
    bits = np.where(keys >= sign, keys ^ sign, ~keys)
    return bits.view(np.float64)
