"""The grid of a box index: boxes sorted into cells of one size over (ln w, ln h), and tables of sums."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor.engine._pool import Team
from fastanchor.kernels import part

CHUNK = 1 << 18  # boxes a thread takes at a time: 4 MB of float64, enough to drown the cost of the call
SAMPLE = 1 << 14
MOST = (0.0002, 0.9998)
LEVELS = (4, 2, 0)  # that the search of anchors goes through; a level more or less costs a quarter more, measured


class Scratch:
    """Buffers that are lent out and taken back: fresh ones may cost page faults (gain not measurable so far)."""

    def __init__(self) -> None:
        self._free: list[dict[str, Any]] = []

    @contextmanager
    def borrow(self) -> Iterator[Callable[..., Any]]:
        """Lend a function (name, shape, dtype) -> array of at least that many rows, with contents unspecified."""
        try:
            mine = self._free.pop()  # atomic: each caller has its own
        except IndexError:
            mine = {}

        def array(name: str, rows: int, columns: int = 0, dtype: Any = np.float64) -> Any:
            found = mine.get(name)
            if found is None or len(found) < rows or found.shape[1:] != ((columns,) if columns else ()):
                found = mine[name] = np.empty((rows, columns) if columns else rows, dtype)
            return found

        try:
            yield array
        finally:
            self._free.append(mine)


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
    table : (nx + 1, ny + 1) int32
        Summed-area table of counts. 32 bits halve the memory; no faster, measured.
    sums : (total, 2) float64
        Sums of w and h of the blocks of all levels; those of level l begin at level_start[l], level_cols[l] to a row.
    runs : {level: (rows, ny + 1, 5) float64}
        Running sums along each row of cells, see ``kernels._grid.run_rows``, for the levels of the search alone. Level
        l puts 2^l rows together and no columns: most lines between anchors' regions cross a row at one column.
    """

    def __init__(self, boxes: Any, team: Team, side: int | None = None) -> None:
        n = len(boxes)
        if n >= 1 << 31:
            raise DataError("boxes: an index holds fewer than 2^31")
        chunks = range(0, n, CHUNK)

        def piece(first: int) -> Any:
            return np.ascontiguousarray(boxes[first : first + CHUNK], dtype=np.float64)

        extents = np.array(team.run(lambda first: part("grid").extent(piece(first)), chunks))
        w0, h0 = extents[:, 0].min(), extents[:, 2].min()
        w1, h1 = extents[:, 1].max(), extents[:, 3].max()
        sample = np.sort(np.asarray(boxes[:: max(1, n // SAMPLE)], dtype=np.float64), axis=0)
        self.shift = shift = _choose_shift(sample, side or _side(n))
        base_w, self.edge_w = _edges(sample[:, 0], w0, w1, shift)
        self.base_h, self.edge_h = _edges(sample[:, 1], h0, h1, shift)
        self.nx, self.ny = nx, ny = self.edge_w.size - 1, self.edge_h.size - 1

        counts = np.zeros((len(chunks), nx), np.int64)
        team.run(lambda c: part("grid").count_rows(piece(chunks[c]), base_w, shift, counts[c]), range(len(chunks)))
        starts = np.concatenate(([0], np.cumsum(counts.sum(axis=0))))
        cursors = np.cumsum(counts, axis=0) - counts + starts[:-1]
        self.w, self.h, self.row = np.empty(n), np.empty(n), np.empty(n, np.uint32)
        team.run(
            lambda c: part("grid").scatter_rows(
                piece(chunks[c]), base_w, shift, chunks[c], cursors[c], self.w, self.h, self.row
            ),
            range(len(chunks)),
        )
        cells = np.zeros((nx, ny, 5))
        self.offsets = np.full(nx * ny + 1, n, np.int32)
        by_cell = self.offsets[:-1].reshape(nx, ny)
        cuts = np.searchsorted(starts, np.linspace(0, n, 33)[1:-1])
        spans = list(zip([0, *cuts], [*cuts, nx], strict=True))
        team.run(
            lambda s: part("grid").sort_rows(
                int(s[0]), int(s[1]), starts, self.base_h, shift, self.w, self.h, self.row, by_cell, cells
            ),
            spans,
        )
        self.table = np.zeros((nx + 1, ny + 1), np.int32)
        part("grid").sum_counts(starts, by_cell, self.table)
        self._add_up(cells)

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
        arrays: tuple[Any, ...] = (self.w, self.h, self.row, self.offsets, self.table, self.sums, *self.runs.values())
        return sum(a.nbytes for a in arrays)


def _side(n: int) -> int:
    """Bins a side that balance blocks against boxes in open cells: 64 at 4,000 boxes, 512 at 1e6, 1024 at 1e7."""
    return int(np.clip(64 * (n / 4000) ** 0.36, 16, 2048))


def _choose_shift(sample: Any, side: int) -> int:
    """Shift of the bits that gives the nearest number of bins to `side` over most of the sample."""
    lo, hi = np.quantile(sample, MOST, axis=0)
    octaves = max(np.log2(hi / lo).max(), 1e-9)
    return int(np.clip(52 - round(np.log2(side / octaves)), 0, 62))


def _edges(sample: Any, low: float, high: float, shift: int) -> tuple[int, Any]:
    """First bin's base and the edges of the bins: the whole extent, or if outliers stretch it by half, most of it."""
    lo, hi = np.quantile(sample, MOST)
    bits = np.array([lo, hi]).view(np.int64)
    whole = np.array([low, high]).view(np.int64)
    if (whole[1] - whole[0]) >> shift <= 1.5 * ((bits[1] - bits[0]) >> shift) + 8:
        bits = whole
    base = int(bits[0] >> shift << shift)
    bins = int((bits[1] - base) >> shift) + 1
    edges = (base + (np.arange(bins + 1) << shift)).view(np.float64)
    edges[0], edges[-1] = low, high
    return base, edges
