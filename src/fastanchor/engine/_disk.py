"""Boxes sorted into the cells of a grid in files, with little memory.

Runs of boxes are sorted by width bin in memory, and each bin's share is written to its place; then the boxes of some
width bins at a time are read, sorted by height bin, and written back. So files are written in pieces of many pages. A
direct write to memory-mapped files touches a page per box, and takes twice as long.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor._types import IntArray
from fastanchor.engine import _batches
from fastanchor.engine._batches import Load, Source
from fastanchor.engine._layout import GridSpec
from fastanchor.engine._sorting import Bins, Sorted, counted
from fastanchor.engine._threads import Team
from fastanchor.kernels import part
from fastanchor.kernels._tables import Axis, Columns

__all__ = ["sort_to_disk"]

RUN = 64  # pieces that are sorted in memory at once: 2^24 boxes, 8 or 12 bytes each
SPANS = 1 << 23  # boxes whose width bins are sorted by height bin at once, by each thread


class Files:
    """The columns of an index in files."""

    def __init__(self, folder: Path, n: int, dtype: Any, rows: bool) -> None:
        kinds = {"w0.npy": (n, dtype), "h0.npy": (n, dtype), "row0.npy": (n if rows else 0, np.uint32)}
        self.maps: list[Any] = []
        self._open: list[tuple[int, int, Any]] = []
        for name, (size, kind) in kinds.items():
            if not size:
                np.save(folder / name, np.empty(0, kind))
                self.maps.append(np.empty(0, kind))
                continue
            made = np.lib.format.open_memmap(folder / name, mode="w+", dtype=kind, shape=(size,))
            self.maps.append(np.asarray(made))
            self._open.append((os.open(folder / name, os.O_RDWR), made.offset, made.dtype))

    def write(self, at: int, columns: Columns, lo: int, hi: int) -> None:
        """Write boxes `lo` to `hi` of some columns to place `at`."""
        for (file, start, dtype), column in zip(self._open, columns, strict=False):
            data, place = memoryview(column[lo:hi]).cast("B"), start + at * dtype.itemsize
            while data:
                done = os.pwrite(file, data, place)
                data, place = data[done:], place + done

    def read(self, lo: int, hi: int) -> Columns:
        """Return boxes `lo` to `hi`."""
        found = []
        for file, start, dtype in self._open:
            out = np.empty(hi - lo, dtype)
            view, place = memoryview(out).cast("B"), start + lo * dtype.itemsize
            while view:
                done = os.preadv(file, [view], place)
                view, place = view[done:], place + done
            found.append(out)
        return Columns(*found, *([np.empty(0, np.uint32)] if len(found) < 3 else []))

    def close(self) -> None:
        """Close the files; the maps stay."""
        for file, _, _ in self._open:
            os.close(file)


def sort_to_disk(
    source: Source,
    spec: GridSpec,
    team: Team,
    folder: Path,
    bins: Bins | None = None,
    *,
    dtype: Any,
    rows: bool,
    moving: Any = None,
) -> Sorted:
    """Sort the boxes of a source into files of a folder, which are mapped into memory."""
    counts = counted(source, spec, team, bins, moving)
    starts = np.concatenate(([0], np.cumsum(counts.sum(axis=0))))
    files = Files(folder, int(starts[-1]), dtype, rows)
    try:
        _by_width(source, spec, team, files, counts, starts, moving)
        found = _by_height(spec, team, files, starts)
    finally:
        files.close()
    return found


def _by_width(
    source: Source, spec: GridSpec, team: Team, files: Files, counts: IntArray, starts: IntArray, moving: Any
) -> None:
    """Write each box to its width bin."""
    axis, done, firsts = Axis(spec.base_w, spec.shift), starts[:-1].copy(), source.firsts()
    room = max(int(counts[first : first + RUN].sum()) for first in range(0, len(counts), RUN))
    columns = Columns(np.empty(room, files.maps[0].dtype), np.empty(room, files.maps[0].dtype),
                      np.empty(room if len(files.maps[2]) else 0, np.uint32))  # fmt: skip
    chunks = source.chunks()
    for first in range(0, len(counts), RUN):
        some = counts[first : first + RUN]
        ends = np.concatenate(([0], np.cumsum(some.sum(axis=0))))
        cursors = np.cumsum(some, axis=0) - some + ends[:-1]

        def scatter(item: tuple[int, Load], first: int = first, cursors: IntArray = cursors) -> None:
            at, load = item
            part("grid").scatter_rows(load(), axis, int(firsts[first + at]), cursors[at], columns)

        team.pull(scatter, zip(range(len(some)), chunks, strict=False))
        spans = np.column_stack([done, ends[:-1], ends[1:]])[np.diff(ends) > 0].tolist()
        team.run(lambda span: files.write(span[0], columns, span[1], span[2]), spans)
        done += np.diff(ends)
        if moving is not None:
            moving.update(len(some) * _batches.PIECE)


def _by_height(spec: GridSpec, team: Team, files: Files, starts: IntArray) -> Sorted:
    """Sort the boxes of each width bin by height bin."""
    (nx, ny), n = spec.shape, int(starts[-1])
    axis, cells, alike = Axis(spec.base_h, spec.shift), np.zeros((nx, ny, 5)), np.ones(nx * ny, np.uint8)
    offsets = np.full(nx * ny + 1, n, np.int32)
    by_cell, flags = offsets[:-1].reshape(nx, ny), alike.reshape(nx, ny)

    def sort(span: tuple[int, int]) -> None:
        x0, x1 = span
        lo, hi = int(starts[x0]), int(starts[x1])
        if lo == hi:
            by_cell[x0:x1] = lo
            return
        columns = files.read(lo, hi)
        part("grid").sort_rows(x0, x1, starts - lo, axis, columns, by_cell, cells, flags)
        by_cell[x0:x1] += lo
        files.write(lo, columns, 0, hi - lo)

    team.pull(sort, _spans(starts))
    w, h, row = files.maps
    return Sorted(w, h, row, offsets, alike, cells)


def _spans(starts: IntArray) -> Iterator[tuple[int, int]]:
    """Yield ranges of width bins, each with up to `SPANS` boxes, or one bin."""
    x0 = 0
    while x0 < len(starts) - 1:
        x1 = max(x0 + 1, int(np.searchsorted(starts, starts[x0] + SPANS, side="right")) - 1)
        yield x0, x1
        x0 = x1
