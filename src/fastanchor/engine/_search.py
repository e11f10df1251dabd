"""The fitness of anchors from a box index: level by level of the grid, until a decision is certain."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor.engine._grid import Grid, Scratch
from fastanchor.kernels import part

LEVELS = (5, 3, 2, 1, 0)  


class Search:
    """The fitness of one set of anchors, as exactly as it needs to be known. Runs in the caller's thread."""

    def __init__(self, grid: Grid, scratch: Scratch, anchors: Any, thr: float) -> None:
        self.grid, self.scratch, self.thr = grid, scratch, float(thr)
        anchors = anchors[anchors[:, 1].argsort(kind="stable")]
        self.kw, self.kh = np.ascontiguousarray(anchors.T)
        self.inv_kw, self.inv_kh = 1.0 / self.kw, 1.0 / self.kh
        root = np.sqrt(self.kh)
        self.middle = root[:, None] * root
        # which anchors matter in which rows of the level scanned last: all in the only row of the top
        self.level, self.alive = grid.levels - 1, np.ones((1, len(anchors)), np.uint8)

    def scan(self, level: int, borrowed: Any) -> Any:
        """Go through the rows of a level: total, number, upper bound of the rest, and its open runs in two lots."""
        grid, rows = self.grid, len(self.grid.runs[level])
        winners = np.empty((rows, self.kw.size), np.uint8)
        room = 16 * rows + 64
        while True:
            runs = borrowed("runs", room, 5, np.int32)
            tops, cands = borrowed("tops", len(runs)), borrowed("anchors", 2 * len(runs) + 512, 0, np.int32)
            total, above, rest, n, cut, m = part("search").scan(
                level, 0, rows, self.kw, self.kh, self.inv_kw, self.inv_kh, self.middle, self.thr,
                grid.edge_w, grid.edge_h, grid.base_h, grid.shift, grid.runs[level], self.alive, self.level - level,
                winners, runs, tops, cands,
            )  # fmt: skip
            if n >= 0:
                break
            room = 4 * len(runs)
        self.level, self.alive = level, winners
        lots = slice(len(runs) - cut, len(runs)), slice(n)
        return total, above, rest, [(runs[lot], tops[lot], cands[:m]) for lot in lots]

    def finish(self, enough: float = -np.inf) -> tuple[float, int] | None:
        """Return total and number above thr; or None as soon as the total cannot reach `enough`."""
        if self.thr >= 1.0:  # no ratio is above 1
            return (0.0, 0) if enough <= 0.0 else None
        grid = self.grid
        with self.scratch.borrow() as borrowed:
            for level in LEVELS:
                if level > 0 and level > grid.levels - 3:
                    continue
                total, above, rest, lots = self.scan(level, borrowed)
                spare = total + rest - enough
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
