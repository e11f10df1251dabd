"""Which centre is nearest to the boxes of an index, answered block by block."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray, Metric
from fastanchor.engine._grid import Grid
from fastanchor.engine._pool import Team
from fastanchor.kernels import part as kernel_part
from fastanchor.kernels._tables import METRICS, RUN, Centers, Histograms, Leaves, Painted, Walk

__all__ = ["Assignment", "Work", "deal"]

TASKS = 8  # pieces of a step; fixed, so that sums do not depend on the number of threads
ALONE = 100_000  # guess: below so many boxes a second thread costs more than it brings

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
    tiles: list[Any]  # blocks, dealt to the tasks of a step
    spans: list[tuple[int, int]]  # ranges of cells, for what looks at every box


def deal(grid: Grid, team: Team) -> Work:
    """Return what questions to the boxes of this grid share; `team` works on them if they are many."""
    many = len(grid.w) >= ALONE
    tasks = TASKS if many else 1
    level = max(0, grid.levels - 4)  # blocks of the fourth level from the top: enough to be dealt evenly
    x, y = np.indices(((grid.nx - 1 >> level) + 1, (grid.ny - 1 >> level) + 1)).reshape(2, -1)
    tiles = np.column_stack((x, y, np.full(x.size, level)))
    cuts = np.linspace(0, grid.nx * grid.ny, (TASKS * 4 if many else 1) + 1).astype(int)
    return Work(
        grid,
        team if many else Team(1),
        [np.ascontiguousarray(tiles[t::tasks]) for t in range(tasks)],
        list(itertools.pairwise(cuts.tolist())),
    )


class Assignment:
    """Which centre is nearest, block by block."""

    def __init__(self, work: Work, centers: FloatArray, metric: Metric) -> None:
        self.work, self.grid = work, work.grid
        self.given = np.array(centers, dtype=np.float64)
        self.cw, self.ch = np.ascontiguousarray(self.given.T)
        self.centers = Centers(METRICS[metric], self.cw, self.ch)
        seen: dict[tuple[float, float], int] = {}
        for j, pair in enumerate(zip(self.cw.tolist(), self.ch.tolist(), strict=True)):
            seen.setdefault(pair, j)
        self.alive = np.array(list(seen.values()), np.int64)
        self.leaves: list[Leaves] = []
        self._painted: Painted | None = None
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

    def _leaves(self, task: int, most: int, work: IntArray) -> Leaves:
        room, tiles = 8192, self.work.tiles[task]
        walk = Walk.empty(int(tiles[:, 2].max(initial=0)) + 1, self.alive.size, work)
        while True:
            leaves = Leaves.empty(room)
            n = kernel_part("settle").settle(self.grid.tables, self.centers, self.alive, tiles, most, leaves, walk)
            if n >= 0:
                return leaves.used(n, walk.used[1])
            room *= 4

    def pays(self) -> bool:
        """Whether a step from these leaves costs less than one that looks at every box and every centre."""
        return not self._given_up and self._cost <= self._dense_cost

    def counts_and_centers(self, update: str, counts_only: bool = False) -> tuple[Any, Any]:
        """Count the boxes of each centre and take their means or medians."""
        grid, k, tasks = self.grid, len(self.cw), len(self.leaves)
        bins = 1 << kernel_part("marginals").COARSE
        sums = np.zeros((tasks, k if update == "mean" else 0, 2))
        free: list[Histograms] = []

        def work(task: int) -> None:
            try:
                hist = free.pop()
            except IndexError:
                hist = Histograms(
                    np.zeros((k, grid.nx // bins + 1), np.int64),
                    np.zeros((k, grid.ny // bins + 1), np.int64),
                    np.zeros((k, grid.nx), np.int64),
                    np.zeros((k, grid.ny), np.int64),
                    np.zeros(k, np.int64),
                )
            kernel_part("marginals").marginals(
                grid.tables, self.centers, self.leaves[task], hist, sums[task], np.empty((2, RUN))
            )
            free.append(hist)

        self.work.team.run(work, range(tasks))
        hist = free[0]
        for other in free[1:]:
            for mine, theirs in zip(hist, other, strict=True):
                mine += theirs
        if counts_only:
            return hist.counts, None
        if update == "mean":
            total = np.zeros((k, 2))
            for part in sums:
                total += part
            with np.errstate(invalid="ignore"):
                return hist.counts, total / hist.counts[:, None]
        out = np.empty((k, 2))
        leaves, step = Leaves.joined(self.leaves), min(self.work.team.threads, k)
        self.work.team.run(
            lambda first: kernel_part("medians").medians(grid.tables, self.centers, leaves, hist, out, first, step),
            range(step),
        )
        return hist.counts, out

    def painted(self) -> Painted:
        """Label of each cell, -1 where its boxes differ."""
        if self._painted is None:
            cells = np.full((self.grid.nx, self.grid.ny), -1, np.int32)
            for leaves in () if self._given_up else self.leaves:
                kernel_part("assign").paint(leaves, cells)
            self._painted = Painted(cells.reshape(-1), self.alive.astype(np.int32))
        return self._painted

    def visit(self, labels: IntArray | None = None) -> tuple[float, int, float]:
        """Look at every box: sum of distances, row of the farthest and its distance; fills `labels` if given."""
        spans, painted = self.work.spans, self.painted()
        labels = np.empty(0, np.int64) if labels is None else labels
        lanes = np.zeros((len(spans), RUN))
        far = np.full((len(spans), 2), -1.0)
        self.work.team.run(
            lambda s: kernel_part("assign").visit(
                self.grid.tables, self.centers, painted, *spans[s], labels, lanes[s], far[s]
            ),
            range(len(spans)),
        )
        top = far[:, 0].max()
        return float(lanes.sum()), int(far[far[:, 0] == top, 1].min()), float(top)

    def equals(self, other: Assignment) -> bool:
        """Whether all boxes have the same label as in `other`."""
        if np.array_equal(self.given, other.given):
            return True
        mine, theirs = self.painted(), other.painted()
        return all(
            self.work.team.run(
                lambda span: kernel_part("assign").same(
                    self.grid.tables, self.centers, mine, other.centers, theirs, *span
                ),
                self.work.spans,
            )
        )
