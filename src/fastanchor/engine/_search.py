"""The fitness of anchors on a box index: level by level of the grid, until the decision is certain.

The upper level only serves decisions, so a plain fitness skips it, and threads share its rows. Each row has a total of
its own, and these are added in their order; so the sum is the same, to the last bit, whichever way it is found.
"""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.engine._grid import MANY, Grid
from fastanchor.engine._threads import Team
from fastanchor.kernels import part
from fastanchor.kernels._tables import RUN, Anchors, Row, Rows, Runs

ROUNDING = (
    1e-10  # of the boxes' weight: far above the rounding error of all sums of bounds, which are at most that weight
)
PIECE = 8  # a piece of a plain fitness is 2^8 rows: a millisecond at 1e7 boxes, twenty times what it takes to share it


def plain(grid: Grid, anchors: FloatArray, thr: float, team: Team) -> tuple[float, int]:
    """Return the total of anchors, and the number of boxes above thr."""
    if thr >= 1.0:  # no ratio is above 1
        return 0.0, 0
    # with fewer rows, threads save a tenth and cost a third
    search, rows = Search(grid, anchors, thr), Rows.empty(0, grid.runs[0], len(anchors))
    level = PIECE if grid.nx >= MANY and team.threads > 1 else grid.levels - 1
    numbers = team.run(lambda place: search.piece(level, place, rows), range(-(-grid.nx >> level)))
    return float(rows.total.sum()), sum(numbers)


class Search:
    """The fitness of one set of anchors, as precise as the decision requires. Runs in the caller's thread."""

    def __init__(self, grid: Grid, anchors: FloatArray, thr: float) -> None:
        self.grid, self.anchors = grid, Anchors.of(anchors, thr)
        # bounds of the rows of the last scanned level; at first the single row of the top
        top = np.zeros((1, 0, 5))  # its sums are not used
        whole = np.array([grid.weight])
        self.rows = Rows(grid.levels - 1, top, np.ones((1, len(anchors)), np.uint8), whole, *np.zeros((2, 1)))

    def scan(self, level: int, spare: float) -> tuple[int, float, Runs]:
        """Scan the rows of a level; return number, the rest of `spare`, and the runs that stay open."""
        rows = Rows.empty(level, self.grid.runs[level], self.anchors.w.size)
        order = (-self.rows.gap).argsort()  # rows with the largest gap first: they can gain most
        found = self._scanned(self.rows, order, rows, spare)
        self.rows = rows
        return found

    def _scanned(self, above: Rows, order: IntArray, rows: Rows, spare: float) -> tuple[int, float, Runs]:
        """Scan the `rows` that lie in some of those `above`, taken in this `order`."""
        room = 16 * min(len(rows.sums), len(order) << above.level - rows.level) + 64
        row = Row.empty(self.anchors.w.size)
        while True:
            runs = Runs.empty(room)
            number, left = part("scan").scan(self.grid.tables, self.anchors, above, order, rows, spare, runs, row)
            if runs.used[0] >= 0:
                return number, left, runs
            room *= 4

    def _count(self, runs: Runs, spare: float, rows: Rows) -> tuple[int, float]:
        """Return the number above thr of the boxes of open runs, and by how much their bounds shrank."""
        tables, weights = self.grid.tables, self.grid.weights
        self.grid.pages.runs(self.grid.offsets, runs, self.grid.ny)
        found: tuple[int, float] = part("open_runs").count_open(
            tables, self.anchors, runs, spare, np.empty(RUN), rows.total, weights
        )
        return found

    def levels(self) -> list[int]:
        """Return the levels to scan, the finest last."""
        return sorted(self.grid.runs, reverse=True)

    def bound(self) -> float:
        """Return an upper bound of the total, from the tables alone."""
        n = self.grid.weight
        if self.anchors.thr >= 1.0:
            return 0.0
        for level in self.levels():
            self.scan(level, n)
        return float(self.rows.bound.sum()) + ROUNDING * n

    def piece(self, level: int, place: int, rows: Rows) -> int:
        """Fill the totals of 2^level of the finest `rows`, return the number above thr; threads may do so at once."""
        every = np.ones((place + 1, self.anchors.w.size), np.uint8)
        above = Rows(level, self.rows.sums, every, *np.zeros((3, place + 1)))
        number, _, runs = self._scanned(above, np.array([place]), rows, np.inf)
        return number + sum(self._count(lot, np.inf, rows)[0] for lot in runs.lots())

    def finish(self, enough: float) -> tuple[float, int] | None:
        """Return total and number above thr, or None as soon as the total is certainly below `enough`."""
        if self.anchors.thr >= 1.0:  # no ratio is above 1
            return (0.0, 0) if enough <= 0.0 else None
        n = self.grid.weight
        spare = n - (enough - ROUNDING * n)
        for level in self.levels():
            above, spare, runs = self.scan(level, spare)
            if spare < 0.0:
                return None
        # first the runs that thr crosses: over half of the gap in a hundredth of the boxes
        for lot in runs.lots():
            more, shrunk = self._count(lot, spare, self.rows)
            spare -= shrunk
            if spare < 0.0:
                return None
            above += more
        return float(self.rows.total.sum()), above
