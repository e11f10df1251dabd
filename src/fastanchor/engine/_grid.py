"""The grid of a box index: boxes sorted into cells of one size over (ln w, ln h), and tables of sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray, IntArray
from fastanchor.engine._exact import Scale
from fastanchor.engine._layout import GridSpec, Survey, sampled
from fastanchor.engine._threads import Team, thread_count
from fastanchor.kernels import part
from fastanchor.kernels._tables import Axis, Columns, GridTables

PIECE = 1 << 18  # boxes per task of a thread: 4 MB of float64, so that the cost of a call is negligible
LEVELS = (4, 2, 0)  # scanned by the search; one level more or fewer takes a quarter longer, measured


class Grid:
    """Boxes in the order of cells, and tables over the cells.

    Attributes
    ----------
    w, h : (n,) float64
        Cell by cell, width bins outside, height bins inside, in the order of the rows within a cell.
    row : (n,) uint32
        Row of each box in the data set.
    spec : GridSpec
        The bins.
    weights : (n,) int64 or None
        How often each box counts; None for once. The running sums are weighted.
    weight : float
        Sum of the weights.
    offsets : (nx * ny + 1,) int32
        Place of the first box of each cell.
    alike : (nx * ny,) uint8
        1 where all boxes of a cell are equal.
    runs : {level: (rows, ny + 1, 5) float64}
        Running sums along each row of cells, see ``kernels._grid.run_rows``, for the levels of the search only. Level l
        joins 2^l rows and no columns: most lines between anchors' regions cross a row at one column.
    tables : GridTables
        Arguments of kernels: the above without the runs, and a summed-area table of counts.
    """

    def __init__(
        self, boxes: Any, spec: GridSpec, team: Team, rows: Any = None, weights: IntArray | None = None
    ) -> None:
        n = len(boxes)
        if n >= 1 << 31:
            raise DataError(f"boxes: an index takes fewer than 2**31 boxes, got {n:,}")
        chunks = range(0, n, PIECE)

        def piece(first: int) -> Any:
            return np.ascontiguousarray(boxes[first : first + PIECE], dtype=np.float64)

        self.spec = spec
        self.nx, self.ny = nx, ny = spec.edge_w.size - 1, spec.edge_h.size - 1
        counts = np.zeros((len(chunks), nx), np.int64)
        axis_w, axis_h = Axis(spec.base_w, spec.shift), Axis(spec.base_h, spec.shift)
        team.run(lambda c: part("grid").count_rows(piece(chunks[c]), axis_w, counts[c]), range(len(chunks)))
        starts = np.concatenate(([0], np.cumsum(counts.sum(axis=0))))
        cursors = np.cumsum(counts, axis=0) - counts + starts[:-1]
        self.w, self.h, self.row = np.empty(n), np.empty(n), np.empty(n, np.uint32)
        columns = Columns(self.w, self.h, self.row)
        team.run(
            lambda c: part("grid").scatter_rows(piece(chunks[c]), axis_w, chunks[c], cursors[c], columns),
            range(len(chunks)),
        )
        cells = np.zeros((nx, ny, 5))
        self.alike = np.ones(nx * ny, np.uint8)
        alike = self.alike.reshape(nx, ny)
        self.offsets = np.full(nx * ny + 1, n, np.int32)
        by_cell = self.offsets[:-1].reshape(nx, ny)
        cuts = np.searchsorted(starts, np.linspace(0, n, 33)[1:-1])
        spans = list(zip([0, *cuts], [*cuts, nx], strict=True))
        team.run(
            lambda s: part("grid").sort_rows(int(s[0]), int(s[1]), starts, axis_h, columns, by_cell, cells, alike),
            spans,
        )
        table = np.zeros((nx + 1, ny + 1), np.int32)
        part("grid").sum_counts(starts, by_cell, table)
        self.weights, self.weight, weight_table, before = None, float(n), table, self.offsets
        if weights is not None:
            self.weights, cells[:] = weights[self.row], 0.0
            self.weight = float(self.weights.sum())
            weight_table, before = np.zeros((nx + 1, ny + 1), np.int64), np.empty(nx * ny + 1, np.int64)
            part("grid").weigh_cells(self.offsets, columns, self.weights, cells.reshape(-1, 5), before)
            part("grid").sum_counts(before[::ny].copy(), before[:-1].reshape(nx, ny), weight_table)
        if rows is not None:
            self.row[:] = np.asarray(rows)[self.row]
        shapes = [(nx, ny)]  # of the blocks of each level
        while shapes[-1] != (1, 1):
            shapes.append(((shapes[-1][0] + 1) // 2, (shapes[-1][1] + 1) // 2))
        self.levels = len(shapes)
        starts = np.cumsum([0, *(rows * columns for rows, columns in shapes)])
        self.tables = GridTables(
            self.w, self.h, self.row, spec.edge_w, spec.edge_h, spec.base_h, spec.shift, self.offsets, self.alike,
            table, self.weights, weight_table, before, starts, np.array([columns for _, columns in shapes]),
        )  # fmt: skip
        self.runs = {0: np.zeros((nx, ny + 1, 5))}
        part("grid").run_rows(cells, self.runs[0])
        for level in range(1, self.levels):
            if level in LEVELS:
                last = max(self.runs)
                self.runs[level] = self._joined(self.runs[last], level - last)
        self._sums: IntArray | None = None
        self._moments: FloatArray | None = None

    def sums(self, scale: Scale, team: Team, spans: Sequence[tuple[int, int]]) -> IntArray:
        """Return the exact sums of widths and heights of the blocks of all levels, (blocks, 2 * digits).

        Only means need them, so they are computed in the first step that does. The scale is the same in every step.
        """
        if self._sums is None:
            cells = scale.zeros(self.nx * self.ny, 2).reshape(self.nx * self.ny, -1)
            team.run(lambda span: part("grid").sum_cells(self.tables, scale.factor, scale.lead, *span, cells), spans)
            self._sums = self._pyramid(cells)
        return self._sums

    def moments(self, team: Team, spans: Sequence[tuple[int, int]]) -> FloatArray:
        """Return the number of boxes and their sums of w, h, w², w h, h² in the blocks of all levels, (blocks, 6).

        Only bounds of the best IoU need them, so they are computed at first use.
        """
        if self._moments is None:
            cells = np.zeros((self.nx * self.ny, 6))
            team.run(lambda span: part("iou_bounds").sum_moments(self.tables, *span, cells, self.weights), spans)
            self._moments = self._pyramid(cells)
        return self._moments

    def _pyramid(self, cells: Any) -> Any:
        """Return the sums of the blocks of all levels, (blocks, q), the cells first; `cells` is (nx * ny, q)."""
        levels = [cells.reshape(self.nx, self.ny, -1)]
        while len(levels) < self.levels:
            rows, columns, digits = levels[-1].shape
            levels.append(np.zeros(((rows + 1) // 2, (columns + 1) // 2, digits), cells.dtype))
            part("grid").halve(levels[-2], levels[-1])
        return np.concatenate([level.reshape(-1, level.shape[2]) for level in levels])

    @staticmethod
    def _joined(runs: Any, levels: int) -> Any:
        """Add up groups of 2^levels rows."""
        return np.add.reduceat(runs, np.arange(0, len(runs), 1 << levels), axis=0)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        held: list[Any] = [self.w, self.h, self.row, self.offsets, self.alike, self.tables.table, *self.runs.values()]
        if self.weights is not None:
            held += [self.tables.weight_table, self.tables.weight_before]
        held += [array for array in (self._sums, self._moments, self.weights) if array is not None]
        return int(sum(array.nbytes for array in held))


def survey(boxes: Any, threads: int | None = None) -> Survey:
    """Return the survey of boxes (n, 2), from which a grid is chosen; n may be 0."""
    team = Team(thread_count(threads))
    chunks = range(0, len(boxes), PIECE)

    def extent(first: int) -> Any:
        return part("grid").extent(np.ascontiguousarray(boxes[first : first + PIECE], dtype=np.float64))

    if not len(boxes):
        return Survey(0, (np.inf, 0.0, np.inf, 0.0), np.empty((0, 2)))
    extents = np.array(team.run(extent, chunks))
    low, high = extents.min(axis=0), extents.max(axis=0)
    return Survey(len(boxes), (low[0], high[1], low[2], high[3]), sampled(boxes))
