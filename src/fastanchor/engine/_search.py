"""The fitness of anchors from a box index: level by level of the grid, until a decision is certain."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor.kernels import part as kernel_part

SHARE = 250  # rows that are worth another thread (0.2 ms)
LEVELS = (5, 2, 1, 0)  # of the pyramid, that the search goes through


class Search:
    """The fitness of one set of anchors, as exactly as it needs to be known."""

    def __init__(self, index: Any, anchors: Any, thr: float) -> None:
        self.index, self.grid, self.thr = index, index._grid, float(thr)
        anchors = np.asarray(anchors, dtype=np.float64)
        anchors = anchors[np.argsort(anchors[:, 1], kind="stable")]
        self.kw, self.kh = np.ascontiguousarray(anchors.T)
        self.inv_kw, self.inv_kh = 1.0 / self.kw, 1.0 / self.kh
        self.middle = np.sqrt(self.kh)[:, None] * np.sqrt(self.kh)
        # which anchors matter in which rows of the level scanned last: all in the only row of the top
        self.level, self.alive = self.grid.levels - 1, np.ones((1, len(anchors)), np.uint8)

    def scan(self, level: int, tasks: int) -> list[Any]:
        """Go through the rows of a level: for each task its total, number, upper bound of the rest, and open runs."""
        grid, alive, down = self.grid, self.alive, self.level - level
        rows = len(grid.runs[level])
        cuts = [rows * t // tasks for t in range(tasks + 1)]
        winners = np.empty((rows, self.kw.size), np.uint8)

        def work(t: int) -> Any:
            room = 16 * (cuts[t + 1] - cuts[t]) + 64
            with self.index._scratch.borrow() as scratch:
                while True:
                    runs = scratch("runs", room, 5, np.int32)
                    tops, cands = scratch("tops", len(runs)), scratch("anchors", 2 * len(runs) + 512, 0, np.int32)
                    total, above, rest, n, cut, m = kernel_part("search").scan(
                        level, cuts[t], cuts[t + 1], self.kw, self.kh, self.inv_kw, self.inv_kh, self.middle, self.thr,
                        grid.edge_w, grid.edge_h, grid.base_h, grid.shift, grid.runs[level], alive, down,
                        winners, runs, tops, cands,
                    )  # fmt: skip
                    if n >= 0:
                        break
                    room = 4 * len(runs)
                if level:  # its open runs are only counted at the finest
                    return total, above, rest
                cands = cands[:m].copy()
                last = slice(len(runs) - cut, len(runs))
                return total, above, rest, *((runs[part].copy(), tops[part].copy(), cands) for part in (last, slice(n)))

        parts: list[Any] = self.index._team.run(work, range(tasks))
        self.level, self.alive = level, winners
        return parts

    def finish(self, enough: float = -np.inf) -> Any:
        """Return total and number above thr; or None as soon as the total cannot reach `enough`."""
        if self.thr >= 1.0:  # no ratio is above 1
            return (0.0, 0) if enough <= 0.0 else None
        grid = self.grid
        parts: list[Any] = []
        for level in LEVELS:
            if level > 0 and level > grid.levels - 3:
                continue
            parts = self.scan(level, min(4, 1 + len(grid.runs[level]) // SHARE))
            total = sum(part[0] for part in parts)
            above = sum(part[1] for part in parts)
            spare = total + sum(part[2] for part in parts) - enough
            if spare < 0.0:
                return None

        left = np.array([spare])

        def work(part: Any) -> Any:
            return kernel_part("search").count_open(
                self.kw, self.kh, self.thr, grid.w, grid.h, grid.offsets, grid.ny, *part, left
            )  # fmt: skip

        # first what thr cuts: over half of the gap in a hundredth of the boxes
        for stage in (3, 4):
            rest = self.index._team.run(work, [part[stage] for part in parts])
            spare -= sum(r[2] for r in rest)
            if spare < 0.0:
                return None
            total += sum(r[0] for r in rest)
            above += sum(r[1] for r in rest)
        return total, above
