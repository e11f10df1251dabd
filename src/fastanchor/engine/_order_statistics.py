"""Exact medians of labelled values without sorting or gathering them: histograms of float bits, narrowed by rank."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._numpy import sort_keys

__all__ = ["Medians", "places"]

Keys = NDArray[np.uint64]
Each = Callable[[Callable[[list[slice]], list[Any]]], list[Any]]

# So many values at least, or this share of all, are few enough to gather and sort at once (0.1 us each, on one thread);
# more are narrowed by another histogram (3 ns for each box there is).
GATHER, SHARE = 1 << 11, 64
# Up to so many boxes the values are sorted once, and the labels follow their order: 25 ns a box and step, against 60 to
# 500 for histograms; beyond, the sorted order leaves the cache.
PRESORT = 1 << 15
# Counters in a histogram over all labels (4 MB); 4096 a label is plenty, it splits an octave in hundreds.
COUNTERS = 1 << 19


class Medians:
    """The medians of one column of boxes, for any labels.

    Parameters
    ----------
    kernels : module
    values : (n,) float64
    each : callable
        Runs a function of a list of chunks over all chunks.
    weights : (n,) int64, optional
        How often each value counts. Default: once.
    """

    def __init__(self, kernels: ModuleType, values: FloatArray, each: Each, weights: IntArray | None = None) -> None:
        self._kernels = kernels
        self._each = each
        self._weights = weights
        # -0.0 and 0.0 are one value with two keys; adding 0.0 makes it one
        self._values = values if values.min() > 0.0 else values + 0.0
        self._ends = sort_keys(np.array([self._values.min(), self._values.max()]))
        self._order = np.argsort(self._values, kind="stable") if values.size <= PRESORT else None

    def of(self, labels: LabelArray, counts: IntArray) -> FloatArray:
        """Return each label's median, (k,): the middle value, or the mean of the middle two; NaN for no value."""
        ranks = (counts - 1) // 2, counts // 2
        if self._order is None:
            below, above = self._ranked(labels, counts, *ranks)
        else:
            below, above = self._presorted(self._order, labels, counts, *ranks)
        return (below + above) / 2.0

    def _presorted(
        self, sorting: NDArray[np.int_], labels: LabelArray, counts: IntArray, first: IntArray, second: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return what :meth:`_ranked` does, from values that are sorted already."""
        # NumPy sorts integers of 8 and 16 bits by counting: the values of each label, smallest first
        owners = labels[sorting].astype(np.min_scalar_type(len(counts)))
        order = sorting[np.argsort(owners, kind="stable")]
        starts = np.cumsum(counts) - counts
        one, two = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
        some = counts > 0
        ends = None if self._weights is None else np.cumsum(self._weights[order])
        one[some] = self._values[order[places(ends, (starts + first)[some])]]
        two[some] = self._values[order[places(ends, (starts + second)[some])]]
        return one, two

    def _ranked(
        self, labels: LabelArray, counts: IntArray, first: IntArray, second: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return for each label the values that `first` and `second` others precede.

        `counts` and ranks are weighted; what decides between another histogram and gathering is the `number` of values.
        """
        k = len(counts)
        number = counts.copy() if self._weights is None else np.bincount(labels, minlength=k)
        low, high = np.full(k, self._ends[0]), np.full(k, self._ends[1])
        passed = np.zeros(k, dtype=np.int64)  # values below `low`
        found = np.full(k, np.nan)  # where the range is a single key, the value
        open_ = counts > 0
        narrowed = False
        while True:
            single = open_ & (low == high)
            found[single] = _values(low[single])
            open_ &= ~single
            if number[open_].sum() <= max(GATHER, labels.size // SHARE):
                break
            if narrowed and (first != second).any():
                # the two ranks may sit far apart with much on both sides: each alone is sure to narrow
                return self._ranked(labels, counts, first, first)[0], self._ranked(labels, counts, second, second)[0]
            narrowed = True
            low, high, passed, number = self._narrow(labels, open_, low, high, passed, number, first, second)
        one, two = found.copy(), found
        if open_.any():
            values, owners, ends = self._gather(labels, open_, low, high)
            starts = np.searchsorted(owners, np.arange(k))
            if ends is not None:  # what counts before
                starts = np.concatenate(([0], ends))[starts]
            one[open_] = values[places(ends, (starts + first - passed)[open_])]
            two[open_] = values[places(ends, (starts + second - passed)[open_])]
        return one, two

    def _narrow(
        self,
        labels: LabelArray,
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
        seek_low, seek_high = _closed_out(open_, low, high)

        def count(chunks: list[slice]) -> list[IntArray]:
            tables = np.zeros((1 if self._weights is None else 2, k, bins), dtype=np.int64)
            for chunk in chunks:
                values, owners = self._values[chunk], labels[chunk]
                self._kernels.label_histogram(values, owners, seek_low, seek_high, shift, tables[0])
                if self._weights is not None:
                    own = self._weights[chunk]
                    self._kernels.label_histogram(values, owners, seek_low, seek_high, shift, tables[1], own)
            return [tables]

        tables = np.sum(self._each(count), axis=0)
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
        self, labels: LabelArray, open_: NDArray[np.bool_], low: Keys, high: Keys
    ) -> tuple[FloatArray, LabelArray, IntArray | None]:
        """Return values and their labels, by label and value, and what counts up to each if there are weights."""
        seek_low, seek_high = _closed_out(open_, low, high)

        def collect(chunks: list[slice]) -> list[list[Any]]:
            parts = []
            for chunk in chunks:
                columns = [self._values[chunk], labels[chunk]]
                columns += [] if self._weights is None else [self._weights[chunk]]
                out = [np.empty_like(column) for column in columns]
                n = self._kernels.label_gather(*columns[:2], seek_low, seek_high, *out[:2], *columns[2:], *out[2:])
                parts.append([column[:n].copy() for column in out])
            return parts

        values, owners, *weights = (np.concatenate(column) for column in zip(*self._each(collect), strict=True))
        order = np.lexsort((values, owners))
        return values[order], owners[order], np.cumsum(weights[0][order]) if weights else None


def places(ends: IntArray | None, ranks: IntArray) -> Any:
    """Return where the values of these ranks stand, if what counts up to each place is `ends`."""
    return ranks if ends is None else np.searchsorted(ends, ranks, side="right")


def _closed_out(open_: NDArray[np.bool_], low: Keys, high: Keys) -> tuple[Keys, Keys]:
    """Return the ranges with an empty one (low above high) for every label that is settled."""
    return np.where(open_, low, np.uint64(1)), np.where(open_, high, np.uint64(0))


def _values(keys: Keys) -> FloatArray:
    """Return the float64 that have these sort keys."""
    sign = np.uint64(1 << 63)
    bits = np.where(keys >= sign, keys ^ sign, ~keys)
    return bits.view(np.float64)
