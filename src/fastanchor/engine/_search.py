"""The fitness of anchors on a box index: level by level of the grid, until the decision is certain."""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.engine._grid import LEVELS, Grid
from fastanchor.kernels import part
from fastanchor.kernels._tables import RUN, Anchors, Row, Rows, Runs

ROUNDING = (
    1e-10  # of the boxes' weight: far above the rounding error of all sums of bounds, which are at most that weight
)


class Search:
    """The fitness of one set of anchors, as precise as the decision requires. Runs in the caller's thread."""

    def __init__(self, grid: Grid, anchors: FloatArray, thr: float) -> None:
        self.grid, self.anchors = grid, Anchors.of(anchors, thr)
        # bounds of the rows of the last scanned level; at first the single row of the top
        top = np.zeros((1, 0, 5))  # its sums are not used
        whole = np.array([grid.weight])
        self.rows = Rows(grid.levels - 1, top, np.ones((1, len(anchors)), np.uint8), whole, np.zeros(1))
        self.row = Row.empty(len(anchors))

    def scan(self, level: int, spare: float) -> tuple[float, int, float, Runs]:
        """Scan the rows of a level; return total, number, the rest of `spare`, and the runs that stay open."""
        sums = self.grid.runs[level]
        rows = Rows.empty(level, sums, self.anchors.w.size)
        order = (-self.rows.gap).argsort()  # rows with the largest gap first: they can gain most
        room = 16 * len(sums) + 64
        while True:
            runs = Runs.empty(room)
            total, above, left = part("scan").scan(
                self.grid.tables, self.anchors, self.rows, order, rows, spare, runs, self.row
            )
            if runs.used[0] >= 0:
                break
            room *= 4
        self.rows = rows
        return total, above, left, runs

    def levels(self) -> list[int]:
        """Return the levels to scan; the upper ones have too few rows to decide anything."""
        return [level for level in LEVELS if level == 0 or level <= self.grid.levels - 3]

    def bound(self) -> float:
        """Return an upper bound of the total, from the tables alone."""
        n = self.grid.weight
        if self.anchors.thr >= 1.0:
            return 0.0
        for level in self.levels():
            self.scan(level, n)
        return float(self.rows.bound.sum()) + ROUNDING * n

    def finish(self, enough: float = -np.inf) -> tuple[float, int] | None:
        """Return total and number above thr, or None as soon as the total is certainly below `enough`."""
        if self.anchors.thr >= 1.0:  # no ratio is above 1
            return (0.0, 0) if enough <= 0.0 else None
        n = self.grid.weight
        spare = n - (enough - ROUNDING * n)
        for level in self.levels():
            total, above, spare, runs = self.scan(level, spare)
            if spare < 0.0:
                return None
        # first the runs that thr crosses: over half of the gap in a hundredth of the boxes
        best = np.empty(RUN)
        for lot in runs.lots():
            more, some, shrunk = part("open_runs").count_open(
                self.grid.tables, self.anchors, lot, spare, best, self.grid.weights
            )
            spare -= shrunk
            if spare < 0.0:
                return None
            total += more
            above += some
        return total, above
