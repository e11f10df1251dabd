"""Exact medians of labelled values without sorting or gathering them: histograms of float bits, narrowed by rank."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._numpy import sort_keys

__all__ = ["Medians"]

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
    """

    def __init__(self, kernels: ModuleType, values: FloatArray, each: Each) -> None:
        self._kernels = kernels
        self._each = each
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
        one[some] = self._values[order[(starts + first)[some]]]
        two[some] = self._values[order[(starts + second)[some]]]
        return one, two

    def _ranked(
        self, labels: LabelArray, counts: IntArray, first: IntArray, second: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return for each label the values that `first` and `second` others precede."""
        k = len(counts)
        low, high = np.full(k, self._ends[0]), np.full(k, self._ends[1])
        passed = np.zeros(k, dtype=np.int64)  # values below `low`
        inside = counts.copy()  # values from `low` to `high`
        found = np.full(k, np.nan)  # where the range is a single key, the value
        open_ = counts > 0
        narrowed = False
        while True:
            single = open_ & (low == high)
            found[single] = _values(low[single])
            open_ &= ~single
            if inside[open_].sum() <= max(GATHER, labels.size // SHARE):
                break
            if narrowed and (first != second).any():
                # the two ranks may sit far apart with much on both sides: each alone is sure to narrow
                return self._ranked(labels, counts, first, first)[0], self._ranked(labels, counts, second, second)[0]
            narrowed = True
            low, high, passed, inside = self._narrow(labels, open_, low, high, passed, inside, first, second)
        one, two = found.copy(), found
        if open_.any():
            values, owners = self._gather(labels, open_, low, high)
            starts = np.searchsorted(owners, np.arange(k))
            one[open_] = values[(starts + first - passed)[open_]]
            two[open_] = values[(starts + second - passed)[open_]]
        return one, two

    def _narrow(
        self,
        labels: LabelArray,
        open_: NDArray[np.bool_],
        low: Keys,
        high: Keys,
        passed: IntArray,
        inside: IntArray,
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
            table = np.zeros((k, bins), dtype=np.int64)
            for chunk in chunks:
                values, owners = self._values[chunk], labels[chunk]
                self._kernels.label_histogram(values, owners, seek_low, seek_high, shift, table)
            return [table]

        cumulative = np.cumsum(sum(self._each(count)), axis=1)
        low, high, passed, inside = low.copy(), high.copy(), passed.copy(), inside.copy()
        for j in np.flatnonzero(open_):
            ranks = np.array([first[j], second[j]]) - passed[j]
            a, b = (int(i) for i in np.searchsorted(cumulative[j], ranks, side="right"))
            skipped = int(cumulative[j, a - 1]) if a else 0
            passed[j] += skipped
            inside[j] = cumulative[j, b] - skipped
            start, step = int(low[j]), int(shift[j])
            low[j] = start + (a << step)
            high[j] = min(int(high[j]), start + ((b + 1) << step) - 1)
        return low, high, passed, inside

    def _gather(
        self, labels: LabelArray, open_: NDArray[np.bool_], low: Keys, high: Keys
    ) -> tuple[FloatArray, LabelArray]:
        seek_low, seek_high = _closed_out(open_, low, high)

        def collect(chunks: list[slice]) -> list[tuple[FloatArray, LabelArray]]:
            parts = []
            for chunk in chunks:
                values, owners = self._values[chunk], labels[chunk]
                out_values, out_owners = np.empty_like(values), np.empty_like(owners)
                n = self._kernels.label_gather(values, owners, seek_low, seek_high, out_values, out_owners)
                parts.append((out_values[:n].copy(), out_owners[:n].copy()))
            return parts

        parts = self._each(collect)
        values = np.concatenate([part[0] for part in parts])
        owners = np.concatenate([part[1] for part in parts])
        order = np.lexsort((values, owners))
        return values[order], owners[order]


def _closed_out(open_: NDArray[np.bool_], low: Keys, high: Keys) -> tuple[Keys, Keys]:
    """Return the ranges with an empty one (low above high) for every label that is settled."""
    return np.where(open_, low, np.uint64(1)), np.where(open_, high, np.uint64(0))


def _values(keys: Keys) -> FloatArray:
    """Return the float64 that have these sort keys."""
    sign = np.uint64(1 << 63)
    bits = np.where(keys >= sign, keys ^ sign, ~keys)
    return bits.view(np.float64)
