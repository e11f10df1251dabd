"""The grid of a box index: boxes sorted into cells of one size over (ln w, ln h), and tables of sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.engine._exact import Scale
from fastanchor.engine._layout import GridSpec
from fastanchor.engine._pages import Pages
from fastanchor.engine._sorting import Sorted
from fastanchor.engine._threads import Team
from fastanchor.kernels import part
from fastanchor.kernels._tables import Columns, GridTables

MANY = 800  # rows


def upper_level(rows: int) -> int:
    """Return the level that a search scans before the finest, where there are enough rows.

    With two, 4 and 2, a generation takes 2 % longer at 1e7 boxes, 18 % at 1e6 and 10 % at 1e5; with 2 instead of 3 it
    takes 4 % longer at 1e7 and 5 % less at 1e6, measured in turns.
    """
    return 3 if rows >= MANY else 2


class Grid:
    """Boxes in the order of cells, and tables over the cells.

    Attributes
    ----------
    w, h, row, offsets, alike
        See ``_sorting.Sorted``.
    spec : GridSpec
        The bins.
    weights : (n,) int64 or None
        How often each box counts; None for once. The running sums are weighted.
    weight : float
        Sum of the weights.
    runs : {level: (rows, ny + 1, 5) float64}
        Running sums along each row of cells, see ``kernels._grid.run_rows``, for the levels of the search only. Level l
        joins 2^l rows and no columns: most lines between anchors' regions cross a row at one column.
    pages : Pages
        Those of w and h, if they are mapped from files.
    tables : GridTables
        Arguments of kernels: the above without the runs, and a summed-area table of counts.
    """

    def __init__(self, boxes: Sorted, spec: GridSpec, weights: IntArray | None = None) -> None:
        n = len(boxes.w)
        self.spec, (self.nx, self.ny) = spec, spec.shape
        nx, ny, cells = self.nx, self.ny, boxes.cells
        self.w, self.h, self.row, self.offsets, self.alike, _ = boxes
        by_cell, table = self.offsets[:-1].reshape(nx, ny), np.zeros((nx + 1, ny + 1), np.int32)
        part("grid").sum_counts(self.offsets[::ny].astype(np.int64), by_cell, table)
        self.weights, self.weight, weight_table, before = weights, float(n), table, self.offsets
        if weights is not None:
            cells = np.zeros_like(cells)
            self.weight = float(weights.sum())
            weight_table, before = np.zeros((nx + 1, ny + 1), np.int64), np.empty(nx * ny + 1, np.int64)
            columns = Columns(self.w, self.h, self.row)
            part("grid").weigh_cells(self.offsets, columns, weights, cells.reshape(-1, 5), before)
            part("grid").sum_counts(before[::ny].copy(), before[:-1].reshape(nx, ny), weight_table)
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
        upper = upper_level(nx)
        if upper <= self.levels - 3:  # else it has too few rows to decide anything
            self.runs[upper] = self._joined(self.runs[0], upper)
        self.pages = Pages(self.w, self.h)
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
    def mapped(self) -> int:
        """Size in bytes of the arrays that are mapped from files."""
        own = (self.w, self.h, self.row, self.offsets, self.alike, self.weights)
        return sum(array.nbytes for array in own if array is not None and isinstance(array.base, np.memmap))

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        held: list[Any] = [self.w, self.h, self.row, self.offsets, self.alike, self.tables.table, *self.runs.values()]
        if self.weights is not None:
            held += [self.tables.weight_table, self.tables.weight_before]
        held += [array for array in (self._sums, self._moments, self.weights) if array is not None]
        return int(sum(array.nbytes for array in held))
