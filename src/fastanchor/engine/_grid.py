"""The grid of a box index: boxes sorted into cells of one size over (ln w, ln h), and tables of sums."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor.engine._layout import Layout, edges, layout, sampled
from fastanchor.engine._pool import Team
from fastanchor.kernels import part
from fastanchor.kernels._tables import Axis, Columns, GridTables

PIECE = 1 << 18  # boxes a thread takes at a time: 4 MB of float64, enough to drown the cost of the call
LEVELS = (4, 2, 0)  # that the search of anchors goes through; a level more or less costs a quarter more, measured


class Grid:
    """Boxes in the order of cells, and tables over the cells.

    Attributes
    ----------
    w, h : (n,) float64
        Cell by cell, width bins outside, height bins inside, in the order of the rows within a cell.
    row : (n,) uint32
        Where each box stood.
    edge_w, edge_h : (nx + 1,), (ny + 1,) float64
        Bin i holds edge[i] <= side < edge[i + 1]; the last bin holds its upper edge too.
    offsets : (nx * ny + 1,) int32
        Where each cell's boxes begin.
    alike : (nx * ny,) uint8
        1 where all boxes of a cell are equal.
    table : (nx + 1, ny + 1) int32
        Summed-area table of counts. 32 bits halve the memory; no faster, measured.
    sums : (total, 2) float64
        Sums of w and h of the blocks of all levels; those of level l begin at level_start[l], level_cols[l] to a row.
    runs : {level: (rows, ny + 1, 5) float64}
        Running sums along each row of cells, see ``kernels._grid.run_rows``, for the levels of the search alone. Level
        l puts 2^l rows together and no columns: most lines between anchors' regions cross a row at one column.
    tables : GridTables
        What kernels take: all of these but the runs.
    """

    def __init__(self, boxes: Any, team: Team, where: Layout | None = None) -> None:
        n = len(boxes)
        if n >= 1 << 31:
            raise DataError("boxes: an index holds fewer than 2^31")
        chunks = range(0, n, PIECE)

        def piece(first: int) -> Any:
            return np.ascontiguousarray(boxes[first : first + PIECE], dtype=np.float64)

        extents = np.array(team.run(lambda first: part("grid").extent(piece(first)), chunks))
        w0, h0 = extents[:, 0].min(), extents[:, 2].min()
        w1, h1 = extents[:, 1].max(), extents[:, 3].max()
        self.shift, cover, _ = where or layout(sampled(boxes), side_for(n))
        shift = self.shift
        base_w, self.edge_w = edges(cover[0], w0, w1, shift)
        self.base_h, self.edge_h = edges(cover[1], h0, h1, shift)
        self.nx, self.ny = nx, ny = self.edge_w.size - 1, self.edge_h.size - 1

        counts = np.zeros((len(chunks), nx), np.int64)
        axis_w, axis_h = Axis(base_w, shift), Axis(self.base_h, shift)
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
        self.table = np.zeros((nx + 1, ny + 1), np.int32)
        part("grid").sum_counts(starts, by_cell, self.table)
        self._add_up(cells)
        self.tables = GridTables(
            self.w, self.h, self.row, self.edge_w, self.edge_h, self.base_h, shift, self.offsets, self.alike,
            self.table, self.sums, self.level_start, self.level_cols,
        )  # fmt: skip

    def _add_up(self, cells: Any) -> None:
        level_start, level_cols, sums = [0], [], []
        runs = np.zeros((cells.shape[0], cells.shape[1] + 1, 5))
        part("grid").run_rows(cells, runs)
        self.runs = {0: runs}
        while True:
            sums.append(cells[:, :, :4:2].reshape(-1, 2))
            level_start.append(level_start[-1] + len(sums[-1]))
            level_cols.append(cells.shape[1])
            if cells.shape[0] == 1 and cells.shape[1] == 1:
                break
            wider = np.zeros(((cells.shape[0] + 1) // 2, (cells.shape[1] + 1) // 2, 5))
            part("grid").halve(cells, wider)
            cells = wider
            level = len(sums)
            if level in LEVELS:
                runs = self._joined(runs, level - max(self.runs))
                self.runs[level] = runs
        self.sums = np.concatenate(sums)
        self.level_start, self.level_cols = np.array(level_start), np.array(level_cols)
        self.levels = len(sums)

    @staticmethod
    def _joined(runs: Any, levels: int) -> Any:
        """Put 2^levels rows together."""
        return np.add.reduceat(runs, np.arange(0, len(runs), 1 << levels), axis=0)

    @property
    def nbytes(self) -> int:
        """Memory held."""
        arrays: tuple[Any, ...] = (
            self.w,
            self.h,
            self.row,
            self.offsets,
            self.alike,
            self.table,
            self.sums,
            *self.runs.values(),
        )
        return sum(a.nbytes for a in arrays)


def side_for(n: int) -> int:
    """Bins a side that balance blocks against boxes in open cells: 64 at 4,000 boxes, 512 at 1e6, 1024 at 1e7."""
    return int(np.clip(64 * (n / 4000) ** 0.36, 16, 2048))
