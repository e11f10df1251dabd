"""Answers that depend on rows, from the source of the boxes, for an index that does not keep their rows."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fastanchor._types import FloatArray, IntArray, Metric
from fastanchor.engine._batches import Load, Source
from fastanchor.engine._columns import Columns, Rows, columns_of
from fastanchor.engine._exact import Scale
from fastanchor.engine._spreading import Far
from fastanchor.engine._threads import Team, thread_count

__all__ = ["Sourced"]


class Sourced:
    """All boxes of an index, read again for each question; every box is compared with every centre."""

    def __init__(self, source: Source, threads: int | None = None) -> None:
        self.source, self.team = source, Team(thread_count(threads))

    def take(self, rows: IntArray) -> tuple[Any, FloatArray]:
        """Return the places in `rows` of the rows that were found, and their boxes."""
        return slice(None), self.source.take(np.asarray(rows))

    def labels(self, centers: FloatArray, metric: Metric, first: int, last: int) -> tuple[Any, Any]:
        """Return a full slice, since all rows are here, and the centres from `first` to before `last`."""
        out = np.empty(last - first, np.min_scalar_type(len(centers)))

        def assign(start: int, part: Columns) -> None:
            labels = np.empty(len(part), np.int32)
            part.assign(centers, metric, labels)
            lo, hi = max(first - start, 0), min(last - start, len(part))
            out[start + lo - first : start + hi - first] = labels[lo:hi]

        self._over(assign, first, last)
        return slice(None), out

    def blocks(self, centers: FloatArray, metric: Metric, scale: Scale, count: int) -> IntArray:
        """Return the sums of the plain distances in each of `count` blocks of rows, (count, digits)."""
        return sum(self._over(lambda start, part: part.blocks(centers, metric, scale, count)), start=scale.zeros(count))

    def within(self, first: int, last: int) -> Rows:
        """Return the rows from `first` to before `last`."""
        rows = np.arange(first, last)
        return Rows(rows, self.source.take(rows))

    def farthest(self, centers: FloatArray, metric: Metric) -> Far:
        """Return the box that is farthest from its nearest centre."""
        found = self._over(lambda start, part: part.farthest(centers, metric))
        return max(found, key=lambda far: (far.distance, -far.row), default=Far(-1.0, 0, np.empty(2)))

    def spreading(self, metric: Metric) -> Spreading:
        """Begin a search for boxes far from centres, to which more centres are added later."""
        return Spreading(self, metric)

    def _over(self, answer: Callable[[int, Columns], Any], first: int = 0, last: int | None = None) -> list[Any]:
        """Return answers about the chunks that have rows from `first` to before `last`."""

        def task(item: tuple[int, Load]) -> Any:
            start, load = item
            boxes = load()
            rows = np.arange(start, start + len(boxes), dtype=np.uint32)
            return answer(start, Columns(*columns_of(boxes), rows, threads=1))

        return self.team.pull(task, self._chunks(first, len(self.source) if last is None else last))

    def _chunks(self, first: int, last: int) -> Iterator[tuple[int, Load]]:
        ends = itertools.pairwise(self.source.firsts().tolist())
        for (start, end), load in zip(ends, self.source.chunks(), strict=True):
            if start < min(end, last) and end > first:
                yield start, load


class Spreading:
    """Keeps the centres so far; distances are computed anew."""

    def __init__(self, sourced: Sourced, metric: Metric) -> None:
        self._sourced, self._metric, self._centers = sourced, metric, np.empty((0, 2))

    def farthest(self, new: FloatArray) -> Far:
        """Add centres, and return the box that is then the farthest."""
        self._centers = np.concatenate([self._centers, new])
        return self._sourced.farthest(self._centers, self._metric)
