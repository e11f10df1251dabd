"""Boxes sorted into the cells of a grid, in two passes over their source; see ``kernels._grid``."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.engine import _batches
from fastanchor.engine._batches import Arrays, Source
from fastanchor.engine._layout import GridSpec, Layout, Survey, layout, sampled, side_for, window
from fastanchor.engine._threads import Team, thread_count
from fastanchor.kernels import part
from fastanchor.kernels._tables import Axis, Columns, Flags, RowArray, SideArray

__all__ = ["Bins", "Seen", "Sorted", "counted", "sort", "survey", "surveyed"]

SURVEYS = 16  # chunks of a stream that contribute a full sample each; those after them, a part of it
NOTHING = Survey(0, (np.inf, 0.0, np.inf, 0.0), np.empty((0, 2)))


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


class Bins(NamedTuple):
    """Boxes of each chunk of a source by width, in bins that contain those of any grid with one layout.

    `first` is the first bin, counted from a side of 0; `counts` is (chunks, bins).
    """

    first: int
    counts: LabelArray

    def of(self, spec: GridSpec) -> IntArray:
        """Return the counts in the width bins of a grid, (chunks, nx); its outermost bins take what lies beyond."""
        nx, base = spec.shape[0], spec.base_w >> spec.shift
        bins = np.clip(np.arange(self.counts.shape[1]) + self.first - base, 0, nx - 1)
        found: IntArray = np.add.reduceat(self.counts, np.searchsorted(bins, np.arange(nx)), axis=1, dtype=np.int64)
        return found


class Seen(NamedTuple):
    """What the first pass over a source finds.

    `exact` says whether all sides are numbers of float32, if that matters. `where` is the layout that was chosen by a
    sample before the pass, and `bins` the boxes in its bins; None where no sample was at hand.
    """

    survey: Survey
    exact: bool
    where: Layout | None
    bins: Bins | None


def sort(
    source: Source,
    spec: GridSpec,
    team: Team,
    bins: Bins | None = None,
    *,
    dtype: Any = np.float64,
    rows: bool = True,
    moving: Any = None,
) -> Sorted:
    """Sort the boxes of a source; `rows` says whether to keep their rows. `moving` is a bar that counts boxes."""
    counts, (nx, ny) = counted(source, spec, team, bins, moving), spec.shape
    n, firsts = len(source), source.firsts()
    axis_w, axis_h = Axis(spec.base_w, spec.shift), Axis(spec.base_h, spec.shift)
    starts = np.concatenate(([0], np.cumsum(counts.sum(axis=0))))
    cursors = np.cumsum(counts, axis=0) - counts + starts[:-1]
    columns = Columns(np.empty(n, dtype), np.empty(n, dtype), np.empty(n if rows else 0, np.uint32))

    def scatter(item: Any) -> None:
        at, load = item
        part("grid").scatter_rows(load(), axis_w, int(firsts[at]), cursors[at], columns)

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


def counted(source: Source, spec: GridSpec, team: Team, bins: Bins | None = None, moving: Any = None) -> IntArray:
    """Return the number of boxes of each chunk of a source in each width bin, (chunks, nx), in a pass if need be."""
    n, nx, axis = len(source), spec.shape[0], Axis(spec.base_w, spec.shift)
    if n >= 1 << 31:
        raise DataError(f"boxes: an index takes fewer than 2**31 boxes, got {n:,}")
    if bins is not None:
        return bins.of(spec)

    def count(item: Any) -> IntArray:
        found = np.zeros(nx, np.int64)
        part("grid").count_rows(item[1](), axis, found)
        return found

    return np.array(team.pull(count, _chunks(source, moving)), np.int64).reshape(-1, nx)


def _chunks(source: Source, moving: Any) -> Any:
    for item in enumerate(source.chunks()):
        yield item
        if moving is not None:
            moving.update(_batches.PIECE)


def survey(boxes: Any, threads: int | None = None) -> Survey:
    """Return the survey of boxes (n, 2), from which a grid is chosen; n may be 0."""
    return surveyed(Arrays([boxes], whole=True), threads).survey


def surveyed(
    source: Source,
    threads: int | None = None,
    moving: Any = None,
    *,
    narrow: bool = False,
    counting: bool = False,
    where: Layout | None = None,
) -> Seen:
    """Return what a pass over a source finds; with bins if `counting`, for the layout `where` or that of a sample.

    Raises
    ------
    DataError
        If a side is not finite and > 0, or too large or small.
    """
    sample = source.sample() if source.scattered else np.empty((0, 2))
    sample = sample[_fine(sample)]
    if counting and where is None and len(sample):
        where = layout(sample, side_for(source.size or 1))
    first, bins = (0, 0) if where is None or not counting else window(where.cover[0], where.shift)
    axis = Axis(first << where.shift, where.shift) if where is not None else Axis(0, 0)
    exact = [True] if narrow else []  # empty from the first other side on
    bad = list[tuple[int, FloatArray]]()

    def look(item: Any) -> tuple[Survey, LabelArray]:
        at, boxes = item[0], item[1]()
        counts = np.zeros(bins, np.int64)
        if not len(boxes):
            return NOTHING, counts.astype(np.int32)
        w0, w1, h0, h1 = map(float, part("grid").extent(boxes))
        if not (min(w0, h0) >= _check.MIN_SIDE and max(w1, h1) <= _check.MAX_SIDE):
            whole = boxes.astype(np.float64)
            row = int(np.flatnonzero(~_fine(whole))[0])
            bad.append((at * _batches.PIECE + row, whole[row]))
        if exact and boxes.dtype != np.float32 and not part("grid").narrow(boxes):
            exact.clear()
        if bins:
            part("grid").count_rows(boxes, axis, counts)
        own = np.empty((0, 2)) if len(sample) else sampled(boxes)[:: 1 if at < SURVEYS else SURVEYS]
        return Survey(len(boxes), (w0, w1, h0, h1), own), counts.astype(np.int32)

    found = Team(thread_count(threads)).pull(look, _chunks(source, moving))
    if bad:
        raise source.refuse(*min(bad, key=lambda one: one[0]))
    whole = Survey.merged([one for one, _ in found])
    if len(sample):
        whole = whole._replace(sample=sample)
    return Seen(whole, bool(exact), where, Bins(first, np.array([own for _, own in found])) if bins else None)


def _fine(boxes: FloatArray) -> NDArray[np.bool_]:
    """Return the mask (n,) of valid boxes."""
    fine = (boxes >= _check.MIN_SIDE) & (boxes <= _check.MAX_SIDE)  # false for NaN
    return np.asarray(fine.all(axis=1))
