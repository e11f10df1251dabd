"""Which centre is nearest to the boxes of an index, answered block by block."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, Metric
from fastanchor.engine._grid import Grid, Scratch
from fastanchor.engine._pool import Team
from fastanchor.kernels import part as kernel_part

__all__ = ["Assignment", "Work", "deal"]

TASKS = 8  # pieces of a step; fixed, so that sums do not depend on the number of threads
SMALL = 100_000  # guess: below so many boxes a second thread costs more than it brings
METRICS = {"iou": 0, "euclidean": 1}  # as the kernels number them

# Rough costs of a step in nanoseconds of one thread: of a box and of a pair of box and centre where all are looked at,
# of a box in an open leaf and of its pair with a candidate, of a candidate tried on a block. Only their ratios count.
# That they lead to the right choice is what bench/hostile.py shows.
DENSE_BOX, DENSE_PAIR = 12.0, 0.45
OPEN_BOX, OPEN_PAIR = 25.0, 1.2
TRIED = 12.0
HOPELESS = 0.3  # of a dense step: what may be spent to find out that a step on the index would cost more
PATIENCE = 1.0  # dense steps that a step on the index may cost before the run goes on densely


class Work(NamedTuple):
    """What all questions to an index share: its boxes, who works on them, and how they are dealt out."""

    grid: Grid
    team: Team
    scratch: Scratch
    tiles: list[Any]  # blocks, dealt to the tasks of a step
    spans: list[tuple[int, int]]  # ranges of cells, for what looks at every box


def deal(grid: Grid, team: Team) -> Work:
    """Return what questions to the boxes of this grid share; `team` works on them if they are many."""
    many = len(grid.w) >= SMALL
    tasks = TASKS if many else 1
    level = max(0, grid.levels - 4)  # blocks of the fourth level from the top: enough to be dealt evenly
    x, y = np.indices(((grid.nx - 1 >> level) + 1, (grid.ny - 1 >> level) + 1)).reshape(2, -1)
    tiles = np.column_stack((x, y, np.full(x.size, level)))
    cuts = np.linspace(0, grid.nx * grid.ny, (TASKS * 4 if many else 1) + 1).astype(int)
    return Work(
        grid,
        team if many else Team(1),
        Scratch(),
        [np.ascontiguousarray(tiles[t::tasks]) for t in range(tasks)],
        list(itertools.pairwise(cuts.tolist())),
    )


class Assignment:
    """Which centre is nearest, block by block."""

    def __init__(self, work: Work, centers: FloatArray, metric: Metric) -> None:
        self.work, self.grid, self.metric = work, work.grid, METRICS[metric]
        self.given = np.array(centers, dtype=np.float64)
        self.cw, self.ch = np.ascontiguousarray(self.given.T)
        seen: dict[tuple[float, float], int] = {}
        for j, pair in enumerate(zip(self.cw.tolist(), self.ch.tolist(), strict=True)):
            seen.setdefault(pair, j)
        self.alive = np.array(list(seen.values()), np.int64)
        self.leaves: list[Any] = []
        self._cells: Any = None
        self._settle()

    def _settle(self) -> None:
        """Find the leaves; none if that takes too long."""
        n, k = len(self.grid.w), len(self.cw)
        dense = PATIENCE * n * (DENSE_BOX + DENSE_PAIR * k)
        tasks = range(len(self.work.tiles))
        most = int(HOPELESS * dense / TRIED)
        work = np.zeros((len(tasks), 3), np.int64)
        self.leaves = self.work.team.run(lambda task: self._leaves(task, most, work[task]), tasks)
        tried, boxes, pairs = work.sum(axis=0).tolist()
        self._given_up = bool((work[:, 0] > most).any())
        self._cost = tried * TRIED + boxes * OPEN_BOX + pairs * OPEN_PAIR
        self._dense_cost = dense

    def _leaves(self, task: int, most: int, work: Any) -> tuple[Any, Any]:
        grid, room = self.grid, 8192
        with self.work.scratch.borrow() as scratch:
            while True:
                leaves, cands = scratch("leaves", room, 7, np.int32), scratch("cands", 2 * room + 512, 0, np.int32)
                n, m = kernel_part("settle").settle(
                    self.metric, self.cw, self.ch, self.alive, grid.edge_w, grid.edge_h, grid.table, grid.w, grid.h,
                    grid.offsets, grid.alike, self.work.tiles[task], most, leaves, cands, work,
                )  # fmt: skip
                if n >= 0:
                    return leaves[:n].copy(), cands[:m].copy()
                room = 4 * len(leaves)

    def pays(self) -> bool:
        """Whether a step from these leaves costs less than one that looks at every box and every centre."""
        return not self._given_up and self._cost <= self._dense_cost

    def counts_and_centers(self, update: str, counts_only: bool = False) -> tuple[Any, Any]:
        """Count the boxes of each centre and take their means or medians."""
        grid, k, tasks = self.grid, len(self.cw), len(self.leaves)
        bins = 1 << kernel_part("lloyd").COARSE
        sums = np.zeros((tasks, k if update == "mean" else 0, 2))
        free: list[Any] = []

        def work(task: int) -> None:
            leaves, cands = self.leaves[task]
            try:
                hist = free.pop()
            except IndexError:
                hist = (
                    np.zeros((k, grid.nx // bins + 1), np.int64),
                    np.zeros((k, grid.ny // bins + 1), np.int64),
                    np.zeros((k, grid.nx), np.int64),
                    np.zeros((k, grid.ny), np.int64),
                    np.zeros(k, np.int64),
                )
            kernel_part("lloyd").marginals(
                self.metric, self.cw, self.ch, grid.w, grid.h, grid.base_h, grid.shift, grid.offsets, grid.table,
                grid.sums, grid.level_start, grid.level_cols, leaves, cands, *hist, sums[task],
            )  # fmt: skip
            free.append(hist)

        self.work.team.run(work, range(tasks))
        hist = free[0]
        for other in free[1:]:
            for mine, theirs in zip(hist, other, strict=True):
                mine += theirs
        counts = hist[4]
        if counts_only:
            return counts, None
        if update == "mean":
            total = np.zeros((k, 2))
            for part in sums:
                total += part
            with np.errstate(invalid="ignore"):
                return counts, total / counts[:, None]
        out = np.empty((k, 2))
        leaves, cands = self._joined()
        step = min(self.work.team.threads, k)

        def select(first: int) -> None:
            with self.work.scratch.borrow() as scratch:
                needed = kernel_part("lloyd").medians(
                    self.metric, self.cw, self.ch, grid.w, grid.h, grid.offsets, grid.table, leaves, cands, *hist, out,
                    scratch("found", 1), first, step,
                )  # fmt: skip
                scratch("found", needed)

        self.work.team.run(select, range(step))
        return counts, out

    def _joined(self) -> tuple[Any, Any]:
        if len(self.leaves) == 1:
            only: tuple[Any, Any] = self.leaves[0]
            return only
        sizes = np.cumsum([0] + [len(cands) for _, cands in self.leaves])
        leaves = np.concatenate([part for part, _ in self.leaves])
        at = 0
        for (part, _), size in zip(self.leaves, sizes, strict=False):
            leaves[at : at + len(part), 4] += size
            at += len(part)
        return leaves, np.concatenate([cands for _, cands in self.leaves])

    def cells(self) -> Any:
        """Label of each cell, (nx * ny,) int32; -1 where its boxes differ."""
        if self._cells is None:
            cells = np.full((self.grid.nx, self.grid.ny), -1, np.int32)
            for leaves, _ in () if self._given_up else self.leaves:
                kernel_part("lloyd").paint(leaves, cells)
            self._cells = cells.reshape(-1)
        return self._cells

    def visit(self, labels: Any = None) -> tuple[float, int, float]:
        """Look at every box: sum of distances, row of the farthest and its distance; fills `labels` if given."""
        grid, spans = self.grid, self.work.spans
        cells, every = self.cells(), self.alive.astype(np.int32)
        labels = np.empty(0, np.int64) if labels is None else labels
        lanes = np.zeros((len(spans), kernel_part("lloyd").RUN))
        far = np.full((len(spans), 2), -1.0)
        self.work.team.run(
            lambda s: kernel_part("lloyd").visit(
                self.metric, self.cw, self.ch, every, grid.w, grid.h, grid.row, grid.offsets, cells, *spans[s],
                labels, lanes[s], far[s],
            ),
            range(len(spans)),
        )  # fmt: skip
        top = far[:, 0].max()
        return float(lanes.sum()), int(far[far[:, 0] == top, 1].min()), float(top)

    def equals(self, other: Assignment) -> bool:
        """Whether all boxes have the same label as in `other`."""
        if np.array_equal(self.given, other.given):
            return True
        grid = self.grid
        mine, theirs = self.alive.astype(np.int32), other.alive.astype(np.int32)
        a, b = self.cells(), other.cells()
        return all(
            self.work.team.run(
                lambda span: kernel_part("lloyd").same(
                    self.metric, self.cw, self.ch, mine, a, other.cw, other.ch, theirs, b, grid.w, grid.h, grid.offsets,
                    *span,
                ),
                self.work.spans,
            )
        )  # fmt: skip
