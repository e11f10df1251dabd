"""Merging of equal boxes: a shard that compares each distinct box once, with its total weight."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray, Metric
from fastanchor.engine._columns import BLOCK, Rows
from fastanchor.engine._exact import Scale
from fastanchor.engine._layout import GridSpec
from fastanchor.engine._shard import Shard
from fastanchor.engine._sorting import Sorted
from fastanchor.engine._threads import CHUNK, Team, thread_count
from fastanchor.kernels import part
from fastanchor.kernels._tables import RowArray

__all__ = ["Merged", "MergedShard", "merged"]

# Merging pays from LEAST boxes on, if a tenth of a sample and three in four of all boxes repeat: then k-means and the
# search save more than merging costs.
LEAST, REPEATED, SHARE = 1 << 17, 0.1, 4
FIRST = 17  # bits of the first hash table tried; one that fits into the second-level cache is twice as fast


class Merged(NamedTuple):
    """Distinct boxes (m, 2), their weights (m,), the first row of each with weight, and the box of each row (n,)."""

    boxes: FloatArray
    weights: IntArray
    rows: IntArray
    owner: RowArray


def merged(boxes: Any, weights: IntArray | None, sample: FloatArray) -> Merged | None:
    """Return the distinct boxes, or None if too few repeat; a sample of the boxes decides first.

    `boxes` has ``len`` and slices, as an array (n, 2) has.
    """
    n = len(boxes)
    if n < LEAST or len(np.unique(sample[:, 0] + 1j * sample[:, 1])) > (1.0 - REPEATED) * len(sample):
        return None
    kernels, owner, bits = part("merge"), np.empty(n, np.uint32), FIRST
    while True:
        found, used = kernels.Distinct.empty(bits), 0
        for start in range(0, n, CHUNK):
            c = slice(start, start + CHUNK)
            some, each = np.ascontiguousarray(boxes[c]), None if weights is None else weights[c]
            used = kernels.merge(some, start, each, found, used, owner[c])
            if used < 0 or used * SHARE > n:
                break
        else:
            return Merged(found.boxes[:used].copy(), found.weight[:used].copy(), found.row[:used].copy(), owner)
        if used >= 0:
            return None
        bits += 2


class MergedShard(Shard):
    """All the boxes of an index, each distinct one stored once.

    Answers that depend on rows (draws, labels, blocks of rows) refer to the original rows.
    """

    def __init__(
        self, merged: Merged, spec: GridSpec, *, threads: int | None = None, weights: IntArray | None = None
    ) -> None:
        super().__init__(merged.boxes, spec, merged.rows, threads=threads, weights=merged.weights)
        self._distinct, self._owner, self._each = merged.boxes, merged.owner, weights

    STORED = ("distinct", "owner", "each")

    @property
    def arrays(self) -> dict[str, Any]:
        """What the folder of an index stores besides the arrays of a shard."""
        found = {"distinct": self._distinct, "owner": self._owner}
        return found if self._each is None else {**found, "each": self._each}

    @classmethod
    def opened(cls, boxes: Sorted, spec: GridSpec, own: dict[str, Any], *, threads: int | None = None) -> MergedShard:
        """Return the shard that has these arrays."""
        shard = cls.__new__(cls)
        shard._hold(boxes, spec, own["weights"], Team(thread_count(threads)))
        shard._distinct, shard._owner, shard._each = own["distinct"], own["owner"], own.get("each")
        return shard

    def row_weights(self) -> tuple[Any, IntArray] | None:
        """Return rows, and how often each counts; None for once."""
        return None if self._each is None else (slice(None), self._each)

    @property
    def held(self) -> int:
        """Number of rows."""
        return len(self._owner)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return super().nbytes + self._distinct.nbytes + self._owner.nbytes

    def boxes_of(self, rows: Any) -> FloatArray:
        """Return the boxes of some rows, (m, 2)."""
        boxes: FloatArray = self._distinct[self._owner[rows]]
        return boxes

    def take(self, rows: IntArray) -> tuple[IntArray, FloatArray]:
        """Return the places of these rows, and their boxes."""
        return np.arange(len(rows)), self.boxes_of(rows)

    def within(self, first: int, last: int) -> Rows:
        """Return the rows from `first` to before `last`."""
        return Rows(np.arange(first, last), self.boxes_of(slice(first, last)))

    def labels(self, centers: FloatArray, metric: Metric, first: int, last: int) -> tuple[Any, LabelArray]:
        """Return a full slice, since this part has all rows, and the centres from `first` to before `last`."""
        labels = self._by_owner(self.labels_by_cell(centers, metric))
        return slice(None), labels[self._owner[first:last]]

    def blocks(self, centers: FloatArray, metric: Metric, scale: Scale, count: int) -> IntArray:
        """Return the sums of the plain distances in each of `count` blocks of rows, (count, digits)."""
        distance, digits = self._by_owner(self.plain(centers, metric)), scale.zeros(count)

        def add(block: int) -> None:
            rows = slice(block << BLOCK, (block + 1) << BLOCK)
            some = None if self._each is None else self._each[rows]
            scale.add(self.kernels, distance[self._owner[rows]], digits[block], weights=some)

        self.work.team.run(add, range(count))
        return digits

    def _by_owner(self, values: Any) -> Any:
        """Return values in the order of the distinct boxes, given in the order of the cells."""
        out = np.empty_like(values)
        out[self._owner[self.grid.row]] = values
        return out
