"""The boxes of a part of a data set as two columns, in any order, and their rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastanchor import kernels
from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.engine._order_statistics import Side
from fastanchor.engine._protocol import Below
from fastanchor.engine._rounded import Rounded, distinct
from fastanchor.engine._threads import CHUNK, each, thread_count
from fastanchor.kernels._tables import SideArray

__all__ = ["Held", "Rows", "columns_of"]

T = TypeVar("T")
ROUNDED = 500_000  # boxes up to which the NumPy path keeps them in float32 too; making that takes 72 bytes per box


class Rows(NamedTuple):
    """Rows of the data set (m,), ascending, and their boxes (m, 2)."""

    rows: IntArray
    boxes: FloatArray


class Widened:
    """A column stored in float32 that is read as float64."""

    def __init__(self, values: SideArray) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, some: Any) -> Any:
        return np.float64(self.values[some])


class Held:
    """A part of a data set.

    Parameters
    ----------
    w, h : (n,) float64 or float32, C-contiguous
        Clean boxes; see ``_check``. Never copied as a whole; float32 is read as float64.
    rows : (n,) unsigned integers, optional
        Row of each box in the whole data set. Default: 0, 1, 2, ...
    threads : int, optional
        Default: the processors this process may use.
    backend : {"numba", "numpy"}, optional
        Default: the current one.
    weights : (n,) int64, optional
        How often each box counts, not at all if 0. Default: once.
    """

    def __init__(
        self,
        w: SideArray,
        h: SideArray,
        rows: Any = None,
        *,
        threads: int | None = None,
        backend: str | None = None,
        weights: IntArray | None = None,
    ) -> None:
        self.backend = kernels.current(backend)
        self.kernels = kernels.load(self.backend)
        self.w: Any
        self.h: Any
        self.w, self.h = (Widened(side) if side.dtype == np.float32 else side for side in (w, h))
        self.rows, self.counted = rows, weights
        self.threads = thread_count(threads)
        self._sizes: tuple[float, float] | None = None
        self._sides: list[Side | None] = [None, None]
        self._rounded: Rounded | None = None

    def __len__(self) -> int:
        return len(self.w)

    @property
    def held(self) -> int:
        """Number of rows of the data set; more than the number of boxes if equal boxes are merged."""
        return len(self)

    def sizes(self) -> tuple[float, float]:
        """Return the least size of a coordinate that is not 0, and the largest; infinity and 0 if there is none."""
        if self._sizes is None:

            def work(chunks: list[slice]) -> list[tuple[float, float]]:
                found = []
                for c in chunks:
                    for side in (self.w[c], self.h[c]):
                        size = np.abs(side)
                        found.append((float(size.min(initial=np.inf, where=size > 0.0)), float(size.max(initial=0.0))))
                return found

            pairs = self.each(work)
            self._sizes = min((low for low, _ in pairs), default=np.inf), max((top for _, top in pairs), default=0.0)
        return self._sizes

    # ---- rows

    def take(self, rows: IntArray) -> tuple[IntArray, FloatArray]:
        """Return the places in `rows` of the rows of this part, and their boxes."""
        if self.rows is None:
            return np.arange(len(rows)), np.column_stack([self.w[rows], self.h[rows]])
        held = self.rows
        found = self._places(rows)  # in the order of the columns; the inverse of `rows` is not kept
        if len(rows) and (np.diff(rows) == 1).all():  # a run of rows needs no sorting
            return held[found] - rows[0], np.column_stack([self.w[found], self.h[found]])
        order = found[np.argsort(held[found])]
        names = held[order]
        at = np.searchsorted(names, rows)
        at[at == len(names)] = 0
        here = np.flatnonzero(names[at] == rows) if len(names) else np.empty(0, np.int64)
        there = order[at[here]]
        return here, np.column_stack([self.w[there], self.h[there]])

    def distinct(self, limit: int) -> FloatArray:
        """Return distinct boxes, all of them or `limit`."""
        n = len(self)
        size = 1 << 12  # a sample spread over all boxes nearly always suffices
        some = np.linspace(0, n - 1, size).astype(np.int64) if n > size else slice(None)
        found = distinct(self._counting(some))
        start = 0 if n > size else n
        while start < n and found.size < limit:
            part = slice(start, start + CHUNK)
            found = distinct(np.concatenate([found, self._counting(part)]))
            start += CHUNK
        return np.column_stack([found.real, found.imag])[:limit]

    def below(self, side: float) -> Below:
        """Count the boxes with both sides below `side`, and those with at least one."""

        def work(chunks: list[slice]) -> list[tuple[int, int]]:
            found = []
            for c in chunks:
                w, h = self.w[c] < side, self.h[c] < side
                found.append((self._number(w & h, c), self._number(w | h, c)))
            return found

        pairs = self.each(work)
        return Below(sum(both for both, _ in pairs), sum(either for _, either in pairs))

    def within(self, first: int, last: int) -> Rows:
        """Return the rows of this part from `first` to before `last`."""
        if self.rows is None:
            return Rows(np.arange(first, last), np.column_stack([self.w[first:last], self.h[first:last]]))
        at = np.flatnonzero((self.rows >= first) & (self.rows < last))
        at = at[np.argsort(self.rows[at])]
        return Rows(self.rows[at].astype(np.int64), np.column_stack([self.w[at], self.h[at]]))

    # ---- chunks of boxes

    def side(self, axis: int) -> Side:
        """Return the widths (0) or heights (1), prepared for medians."""
        found = self._sides[axis]
        if found is None:
            found = self._sides[axis] = Side.of((self.h if axis else self.w)[:])
        return found

    def each(self, function: Callable[[list[slice]], list[T]]) -> list[T]:
        """Apply a function to all chunks of rows; see ``_threads.each``."""
        return each(function, len(self), self.threads)

    def _places(self, rows: IntArray) -> IntArray:
        """Return the places of the boxes of these rows."""
        return np.flatnonzero(np.isin(self.rows, rows))

    def weights_of(self, c: slice) -> IntArray | None:
        """Return how often each box of a chunk counts; None for once."""
        return None if self.counted is None else self.counted[c]

    def count(self, c: slice, labels: LabelArray, counts: IntArray) -> None:
        """Add the boxes of a chunk to the `counts` of their labels."""
        if self.counted is None:
            self.kernels.label_counts(labels, counts)
        else:
            self.kernels.weighted_counts(labels, self.counted[c], counts)

    def _number(self, which: NDArray[np.bool_], c: slice) -> int:
        """Return the weight of the marked boxes of a chunk."""
        return int(np.count_nonzero(which)) if self.counted is None else int(self.counted[c][which].sum())

    def _counting(self, some: Any) -> NDArray[np.complex128]:
        """Return boxes with a weight above 0 as complex numbers, which sort ten times as fast as unique rows."""
        boxes: NDArray[np.complex128] = self.w[some] + 1j * self.h[some]
        return boxes if self.counted is None else boxes[self.counted[some] > 0]

    def _single(self) -> Rounded | None:
        """Return the boxes in float32 for the NumPy path; None with numba, and where they would take much memory."""
        if self.backend != "numpy" or len(self.w) > ROUNDED:
            return None
        if self._rounded is None:
            self._rounded = Rounded(self.w, self.h, self.counted)
        return self._rounded


def columns_of(pairs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return widths and heights as contiguous columns."""
    return pairs[:, 0].copy(), pairs[:, 1].copy()
