"""Boxes sorted into the cells of a grid, in two passes over their source; see ``kernels._grid``."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.engine._batches import Arrays, Source, single
from fastanchor.engine._layout import GridSpec, Survey, sampled
from fastanchor.engine._threads import Team, thread_count
from fastanchor.kernels import part
from fastanchor.kernels._tables import Axis, Columns, Flags, RowArray, SideArray

__all__ = ["PIECE", "Sorted", "counted", "sort", "survey", "surveyed"]

PIECE = 1 << 18  # boxes per task of a thread: 4 MB of float64, so that the cost of a call is negligible
SURVEYS = 16  # chunks of a stream that contribute a full sample each; those after them, a part of it


class Sorted(NamedTuple):
    """Boxes in the order of cells, and what is summed up over each cell.

    w, h : (n,) float64 or float32
        Cell by cell, width bins outside, height bins inside, in the order of the rows within a cell.
    row : (n,) uint32, or (0,)
        Row of each box in the data set, if it is kept.
    offsets : (nx * ny + 1,) int32
        Place of the first box of each cell.
    alike : (nx * ny,) uint8
        1 where all boxes of a cell are equal.
    cells : (nx, ny, 5) float64
        Sums of w, 1/w, h, 1/h and 1.
    """

    w: SideArray
    h: SideArray
    row: RowArray
    offsets: LabelArray
    alike: Flags
    cells: FloatArray


def sort(
    source: Source, spec: GridSpec, team: Team, *, dtype: Any = np.float64, rows: bool = True, moving: Any = None
) -> Sorted:
    """Sort the boxes of a source; `rows` says whether to keep their rows. `moving` is a bar that counts boxes."""
    counts, n, (nx, ny) = counted(source, spec, team, moving), len(source), spec.shape
    axis_w, axis_h = Axis(spec.base_w, spec.shift), Axis(spec.base_h, spec.shift)
    starts = np.concatenate(([0], np.cumsum(counts.sum(axis=0))))
    cursors = np.cumsum(counts, axis=0) - counts + starts[:-1]
    columns = Columns(np.empty(n, dtype), np.empty(n, dtype), np.empty(n if rows else 0, np.uint32))

    def scatter(item: Any) -> None:
        at, load = item
        part("grid").scatter_rows(load(), axis_w, at * PIECE, cursors[at], columns)

    team.pull(scatter, _chunks(source, moving))
    cells, alike = np.zeros((nx, ny, 5)), np.ones(nx * ny, np.uint8)
    offsets = np.full(nx * ny + 1, n, np.int32)
    by_cell, flags = offsets[:-1].reshape(nx, ny), alike.reshape(nx, ny)
    cuts = np.searchsorted(starts, np.linspace(0, n, 33)[1:-1])
    spans = list(zip([0, *cuts], [*cuts, nx], strict=True))
    team.run(
        lambda s: part("grid").sort_rows(int(s[0]), int(s[1]), starts, axis_h, columns, by_cell, cells, flags), spans
    )
    return Sorted(*columns, offsets, alike, cells)


def counted(source: Source, spec: GridSpec, team: Team, moving: Any = None) -> IntArray:
    """Return the number of boxes of each chunk of a source in each width bin, (chunks, nx)."""
    n, nx, axis = len(source), spec.shape[0], Axis(spec.base_w, spec.shift)
    if n >= 1 << 31:
        raise DataError(f"boxes: an index takes fewer than 2**31 boxes, got {n:,}")

    def count(item: Any) -> IntArray:
        found = np.zeros(nx, np.int64)
        part("grid").count_rows(item[1](), axis, found)
        return found

    return np.array(team.pull(count, _chunks(source, moving)), np.int64).reshape(-1, nx)


def _chunks(source: Source, moving: Any) -> Any:
    for item in enumerate(source.chunks(PIECE)):
        yield item
        if moving is not None:
            moving.update(PIECE)


def survey(boxes: Any, threads: int | None = None) -> Survey:
    """Return the survey of boxes (n, 2), from which a grid is chosen; n may be 0."""
    return surveyed(Arrays([boxes], whole=True), threads)[0]


def surveyed(
    source: Source, threads: int | None = None, moving: Any = None, *, narrow: bool = False
) -> tuple[Survey, bool]:
    """Return the survey of a source, and, if it matters, whether all sides are numbers of float32 (`narrow`).

    Raises
    ------
    DataError
        If a side is not finite and > 0, or too large or small.
    """
    team = Team(thread_count(threads))
    exact = [True] if narrow else []  # empty from the first other side on
    known, bad = isinstance(source, Arrays), list[tuple[int, FloatArray]]()

    def look(item: Any) -> Survey:
        at, boxes = item[0], item[1]()
        w0, w1, h0, h1 = extent = part("grid").extent(boxes)
        if not (min(w0, h0) >= _check.MIN_SIDE and max(w1, h1) <= _check.MAX_SIDE):
            fine = (boxes >= _check.MIN_SIDE) & (boxes <= _check.MAX_SIDE)  # false for NaN
            row = int(np.flatnonzero(~fine.all(axis=1))[0])
            bad.append((at * PIECE + row, boxes[row]))
        some = sampled(boxes) if at < SURVEYS else sampled(boxes)[::SURVEYS]
        if exact and not (single(boxes) == boxes).all():
            exact.clear()
        return Survey(len(boxes), extent, np.empty((0, 2)) if known else some)

    found = team.pull(look, _chunks(source, moving))
    if bad:
        raise source.refuse(*min(bad, key=lambda one: one[0]))
    if not found:
        return Survey(0, (np.inf, 0.0, np.inf, 0.0), np.empty((0, 2))), False
    whole = Survey.merged(found)
    return whole._replace(sample=sampled(source)) if known else whole, bool(exact)
