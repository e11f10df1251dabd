"""The fitness of anchors from a box index: level by level of the grid, until a decision is certain."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor.engine._grid import LEVELS, Grid, Scratch
from fastanchor.kernels import part

ROUNDING = 1e-10  # of the number of boxes: far more than what all sums of bounds, none above it, may be off by


class Search:
    """The fitness of one set of anchors, as exactly as it needs to be known. Runs in the caller's thread."""

    def __init__(self, grid: Grid, scratch: Scratch, anchors: Any, thr: float) -> None:
        self.grid, self.scratch, self.thr = grid, scratch, float(thr)
        anchors = anchors[anchors[:, 1].argsort(kind="stable")]
        self.kw, self.kh = np.ascontiguousarray(anchors.T)
        self.inv_kw, self.inv_kh = 1.0 / self.kw, 1.0 / self.kh
        root = np.sqrt(self.kh)
        self.middle = root[:, None] * root
        # what is known of the rows of the level scanned last, at first the only row of the top: which anchors matter,
        # an upper bound of the total and the part of it that is open
        self.level, self.alive = grid.levels - 1, np.ones((1, len(anchors)), np.uint8)
        self.bound, self.gap = np.array([float(len(grid.w))]), np.zeros(1)

    def scan(self, level: int, spare: float, borrowed: Any) -> tuple[float, int, float, list[Any]]:
        """Go through the rows of a level: total, number, what is left of `spare`, and its open runs in two lots."""
        grid, rows = self.grid, len(self.grid.runs[level])
        winners, bound, gap = np.empty((rows, self.kw.size), np.uint8), np.empty(rows), np.empty(rows)
        order = (-self.gap).argsort()  # where most is open most can be won
        room = 16 * rows + 64
        while True:
            runs = borrowed("runs", room, 5, np.int32)
            tops, cands = borrowed("tops", len(runs)), borrowed("anchors", 2 * len(runs) + 512, 0, np.int32)
            total, above, left, n, cut, m = part("search").scan(
                level, self.level - level, order, self.bound, spare, self.kw, self.kh, self.inv_kw, self.inv_kh,
                self.middle, self.thr, grid.edge_w, grid.edge_h, grid.base_h, grid.shift, grid.runs[level], self.alive,
                winners, bound, gap, runs, tops, cands,
            )  # fmt: skip
            if n >= 0:
                break
            room = 4 * len(runs)
        self.level, self.alive, self.bound, self.gap = level, winners, bound, gap
        lots = slice(len(runs) - cut, len(runs)), slice(n)
        return total, above, left, [(runs[lot], tops[lot], cands[:m]) for lot in lots]

    def finish(self, enough: float = -np.inf) -> tuple[float, int] | None:
        """Return total and number above thr; or None as soon as it is certain that the total is below `enough`."""
        if self.thr >= 1.0:  # no ratio is above 1
            return (0.0, 0) if enough <= 0.0 else None
        grid = self.grid
        n = len(grid.w)
        spare = n - (enough - ROUNDING * n)
        with self.scratch.borrow() as borrowed:
            for level in LEVELS:
                if level > 0 and level > grid.levels - 3:  # so few rows decide nothing
                    continue
                total, above, spare, lots = self.scan(level, spare, borrowed)
                if spare < 0.0:
                    return None
            # first what thr cuts: over half of the gap in a hundredth of the boxes
            for lot in lots:
                more, some, shrunk = part("search").count_open(
                    self.kw, self.kh, self.thr, grid.w, grid.h, grid.offsets, grid.ny, *lot, spare
                )
                spare -= shrunk
                if spare < 0.0:
                    return None
                total += more
                above += some
        return total, above
