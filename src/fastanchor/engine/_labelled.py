"""A dense run of k-means over a part, which keeps the label of every box; the answers add up over parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray, Metric
from fastanchor.engine._exact import Scale
from fastanchor.engine._order_statistics import Keys, presorted
from fastanchor.engine._threads import CHUNK

if TYPE_CHECKING:
    from fastanchor.engine._columns import Columns

__all__ = ["Labelled", "Totals"]


class Totals(NamedTuple):
    """Totals of labels: boxes of each, (k,), and the digits of the sums of their widths and heights, (2, k, d).

    Without a scale of sums there are no digits. `changed` counts the boxes whose label differs from the previous one.
    """

    changed: int
    counts: IntArray
    digits: IntArray


class Labelled:
    """The boxes of a part, with a label each.

    Parameters
    ----------
    columns : Columns
    metric : {"iou", "euclidean", "ratio"}
    sides : Scale, optional
        Scale of the sums of widths and heights; only means need it.
    labels : (n,) int32, optional
        Default: -1, no label yet.
    """

    def __init__(
        self, columns: Columns, metric: Metric, sides: Scale | None = None, labels: LabelArray | None = None
    ) -> None:
        self._columns, self._metric, self._sides = columns, metric, sides
        self._labels = np.full(len(columns), -1, np.int32) if labels is None else labels
        self._last: Totals | None = None

    def move(self, centers: FloatArray) -> Totals:
        """Label each box with its nearest centre, and return the totals.

        Totals are whole numbers, so updating the last ones by the boxes that moved gives the same as adding up again.
        """
        mine, k, label = self._columns, len(centers), self._columns.labeller(centers, self._metric)
        moves = self._sides is not None and self._sides.digits == 2 and mine.counted is None

        def work(chunks: list[slice]) -> list[Totals]:
            distance, before = np.empty(min(CHUNK, len(mine))), np.empty(min(CHUNK, len(mine)), np.int32)
            changed, (_, counts, digits) = 0, self._empty(k)
            for c in chunks:
                labels, old = self._labels[c], before[: c.stop - c.start]
                if moves or mine.counted is not None:
                    old[:] = labels
                more = label(c, labels, distance[: c.stop - c.start])
                if mine.counted is not None:
                    more = int(np.count_nonzero((labels != old) & (mine.counted[c] > 0)))
                changed += more
                if not moves or self._sides is None:
                    self._add(c, counts, digits)
                elif more:
                    mine.kernels.label_moves(mine.w[c], mine.h[c], old, labels, self._sides.factor, counts, digits)
            return [Totals(changed, counts, digits)]

        found = _total([self._empty(k), *mine.each(work)])
        if moves:
            found = _total([found, self._last or self._empty(k)])
            self._last = found._replace(changed=0)
        return found

    def totals(self, k: int) -> Totals:
        """Return the totals of the labels."""

        def work(chunks: list[slice]) -> list[Totals]:
            found = self._empty(k)
            for c in chunks:
                self._add(c, found.counts, found.digits)
            return [found]

        return _total([self._empty(k), *self._columns.each(work)])

    def _empty(self, k: int) -> Totals:
        digits = np.zeros((2, k, 0), np.int64) if self._sides is None else self._sides.zeros(2, k)
        return Totals(0, np.zeros(k, np.int64), digits)

    def _add(self, c: slice, counts: IntArray, digits: IntArray) -> None:
        """Add a chunk's boxes to the totals of their labels."""
        mine, labels = self._columns, self._labels[c]
        mine.count(c, labels, counts)
        if self._sides is not None:
            for side, some in zip((mine.w, mine.h), digits, strict=True):
                self._sides.add(mine.kernels, side[c], some, labels, mine.weights_of(c))

    # ---- medians, see `_order_statistics`

    def presorted(self, counts: IntArray) -> FloatArray | None:
        """Return the medians of each label's boxes, (k, 2), for a single part; None if there are too many boxes."""
        mine, columns = self._columns, []
        for values, _, order in (mine.side(0), mine.side(1)):
            if order is None:
                return None
            columns.append(presorted(values, order, self._labels, counts, mine.counted))
        return np.column_stack(columns)

    def ends(self, axis: int) -> Keys:
        """Return the sort keys of the least and the largest side."""
        return self._columns.side(axis).ends

    def numbers(self, k: int) -> IntArray | None:
        """Return the unweighted number of boxes of each label; None if there are no weights."""
        return None if self._columns.counted is None else np.bincount(self._labels, minlength=k)

    def histogram(self, axis: int, low: Keys, high: Keys, shift: Keys, bins: int) -> IntArray:
        """Count the sides of each label in `bins` bins of keys, (1, k, bins); with weights also add these up, (2, ...).

        Bin i counts the keys from `low` to `high` with ``(key - low) >> shift == i``; `low`, `high`, `shift` are (k,).
        """
        mine, values = self._columns, self._columns.side(axis).values
        shape = (1 if mine.counted is None else 2, len(low), bins)

        def work(chunks: list[slice]) -> list[IntArray]:
            tables = np.zeros(shape, np.int64)
            for c in chunks:
                mine.kernels.label_histogram(values[c], self._labels[c], low, high, shift, tables[0])
                if mine.counted is not None:
                    mine.kernels.label_histogram(
                        values[c], self._labels[c], low, high, shift, tables[1], mine.counted[c]
                    )
            return [tables]

        return sum(mine.each(work), start=np.zeros(shape, np.int64))

    def gather(self, axis: int, low: Keys, high: Keys) -> list[Any]:
        """Return the sides with a key from `low` to `high` and their labels; with weights these as a third column."""
        mine, values = self._columns, self._columns.side(axis).values
        columns: list[Any] = [values, self._labels, *([] if mine.counted is None else [mine.counted])]

        def work(chunks: list[slice]) -> list[list[Any]]:
            found = []
            for c in chunks:
                some = [column[c] for column in columns]
                out = [np.empty_like(column) for column in some]
                n = mine.kernels.label_gather(*some[:2], low, high, *out[:2], *some[2:], *out[2:])
                found.append([column[:n].copy() for column in out])
            return found

        parts = [[column[:0] for column in columns], *mine.each(work)]
        return [np.concatenate(column) for column in zip(*parts, strict=True)]


def _total(parts: list[Totals]) -> Totals:
    return Totals(*(sum(column) for column in zip(*parts, strict=True)))
