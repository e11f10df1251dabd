"""Pages of arrays in files, requested before they are needed.

Boxes near a boundary lie on thousands of pages, which would be read one after the other, as they are touched. Where
there is memory for all, a thread has whole files read at the first question. Else pages are requested step by step,
many at once. Requests are hints: they change no answer.
"""

from __future__ import annotations

import contextlib
import importlib.util
import mmap
import os
import threading
from typing import Any

import numpy as np

from fastanchor._memory import free
from fastanchor._types import IntArray
from fastanchor.kernels._tables import Leaves, Runs

__all__ = ["Pages"]

CHUNK = 1 << 25  # bytes requested at once by the thread
NEAR = 32  # pages between two ranges up to which these are requested as one
FAULTS = 256  # pages that were read when touched, since the last request, from which on all are requested anew
AHEAD = 4  # times the boxes of a span that are requested after it, in a pass over all of them


class Pages:
    """Requests pages of arrays that are mapped from files: all at first, or each once.

    Parameters
    ----------
    arrays : sequence of arrays (n,)
        Of the same length. Those that are not mapped are ignored.
    """

    def __init__(self, *arrays: Any) -> None:
        maps = [array.base for array in arrays if isinstance(getattr(array, "base", None), np.memmap)]
        usable = hasattr(os, "posix_fadvise") and importlib.util.find_spec("resource") is not None
        self._columns = [Column(one) for one in maps] if usable else []
        self._faults = 0
        self._decided = not self._columns

    def __bool__(self) -> bool:
        """Whether pages are requested step by step; the first time, decide."""
        if not self._decided:
            self._decided = True
            if sum(column.nbytes for column in self._columns) <= free() // 2:
                names, self._columns = [column.name for column in self._columns], []
                threading.Thread(target=read_ahead, args=(names,), daemon=True).start()
            else:
                self._faults = faults()
        return bool(self._columns)

    def leaves(self, offsets: Any, leaves: Leaves, ny: int) -> None:
        """Request the boxes of open leaves."""
        if not self:
            return
        wanted = leaves.label < 0
        x, y, level = (np.asarray(column[wanted], np.int64) for column in (leaves.x, leaves.y, leaves.level))
        rows = 1 << level
        inside = np.arange(rows.sum()) - np.repeat(rows.cumsum() - rows, rows)
        x, y0, y1 = np.repeat(x << level, rows) + inside, np.repeat(y << level, rows), np.repeat((y + 1) << level, rows)
        there = x * ny < len(offsets) - 1
        first = x[there] * ny
        self.expect(offsets[first + y0[there]], offsets[first + np.minimum(y1[there], ny)])

    def runs(self, offsets: Any, runs: Runs, ny: int) -> None:
        """Request the boxes of runs."""
        if self and runs.row.size:
            first = runs.row.astype(np.int64) * ny
            self.expect(offsets[first + runs.y0], offsets[first + runs.y1])

    def expect(self, lo: IntArray, hi: IntArray) -> None:
        """Request the boxes from `lo` to before `hi`, (m,)."""
        now = faults()
        for column in self._columns:
            if now > self._faults + FAULTS:
                column.asked[:] = False
            column.expect(lo, hi)
        self._faults = faults()

    def follow(self, lo: int, hi: int) -> None:
        """Request the boxes after a span, in a pass over all of them."""
        if not self:
            return
        for column in self._columns:
            column.request(*column.pages(lo, min(hi + AHEAD * (hi - lo), column.size)))


class Column:
    """One of the arrays, and which of its pages were requested."""

    def __init__(self, array: np.memmap[Any, Any]) -> None:
        self.name, self.nbytes = array.filename, array.nbytes
        self.size, self._width = array.size, array.itemsize
        self._map: Any = array._mmap  # type: ignore[attr-defined]  # NumPy has no other way to it
        self._start = array.offset % mmap.ALLOCATIONGRANULARITY
        self.asked = np.zeros(-(-len(self._map) // mmap.PAGESIZE) + 1, bool)

    def pages(self, lo: Any, hi: Any) -> tuple[Any, Any]:
        """Return the first page of some boxes, and the one after the last."""
        first, last = self._start + lo * self._width, self._start + hi * self._width - 1
        return first // mmap.PAGESIZE, last // mmap.PAGESIZE + 1

    def expect(self, lo: IntArray, hi: IntArray) -> None:
        """Request the pages of ranges of boxes that were not requested yet."""
        some = hi > lo
        first, end = self.pages(lo[some].astype(np.int64), hi[some].astype(np.int64))
        new = ~(self.asked[first] & self.asked[end - 1])
        order = first[new].argsort(kind="stable")
        first, end = first[new][order], np.maximum.accumulate(end[new][order])
        if not first.size:
            return
        begins = np.flatnonzero(np.append(True, first[1:] > end[:-1] + NEAR))
        for a, b in zip(first[begins].tolist(), end[np.append(begins[1:] - 1, -1)].tolist(), strict=True):
            self.request(a, b)

    def request(self, first: int, end: int) -> None:
        """Request pages."""
        start, stop = first * mmap.PAGESIZE, min(end * mmap.PAGESIZE, len(self._map))
        if stop > start:
            self.asked[first:end] = True
            self._map.madvise(mmap.MADV_WILLNEED, start, stop - start)


def read_ahead(names: list[Any]) -> None:
    """Have whole files read."""
    for name in names:
        with contextlib.suppress(OSError), open(name, "rb") as file:  # noqa: PTH123  a path or a text
            for start in range(0, os.fstat(file.fileno()).st_size, CHUNK):
                os.posix_fadvise(file.fileno(), start, CHUNK, os.POSIX_FADV_WILLNEED)


def faults() -> int:
    """Return how many pages this process has waited for."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_majflt
