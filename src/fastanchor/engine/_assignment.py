"""Assignment of the boxes of an index to their nearest centres, block by block."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray, Metric
from fastanchor.engine._exact import Scale
from fastanchor.engine._grid import Grid
from fastanchor.engine._threads import Team
from fastanchor.kernels import part as kernel_part
from fastanchor.kernels._tables import METRICS, RUN, Centers, Histograms, Leaves, Painted, Sums, Walk

__all__ = ["Assignment", "Share", "Work", "deal", "distinct_centers"]

T = TypeVar("T")

TASKS = 8  # pieces of a step; fixed, so that sums do not depend on the number of threads
ANY = 1 << 62  # no limit
ALONE = 100_000  # estimate: with fewer boxes a second thread does not pay

# Rough costs of a step in nanoseconds of one thread: per box and per pair of box and centre in a dense step; per box in
# an open leaf and per pair of it and a candidate; per candidate tried on a block. Only their ratios matter.
# bench/hostile.py shows that they lead to the right choice.
DENSE_BOX, DENSE_PAIR = 12.0, 0.45
OPEN_BOX, OPEN_PAIR = 25.0, 1.2
TRIED = 12.0
HOPELESS = 0.3  # of a dense step: limit of the cost of finding out that a step on the index would cost more
PATIENCE = 1.0  # dense steps: limit of the cost of a step on the index before the run continues densely


class Work(NamedTuple):
    """What all questions to an index share: its boxes, its threads, and the division into tasks."""

    grid: Grid
    team: Team
    tiles: list[Any]  # blocks of each task of a step
    spans: list[tuple[int, int]]  # ranges of cells, for loops over every box


def deal(grid: Grid, team: Team) -> Work:
    """Divide the boxes of a grid into tasks; `team` is used only if there are many boxes."""
    many = len(grid.w) >= ALONE
    tasks = TASKS if many else 1
    level = max(0, grid.levels - 4)  # blocks of the fourth level from the top: enough for an even division
    x, y = np.indices(((grid.nx - 1 >> level) + 1, (grid.ny - 1 >> level) + 1)).reshape(2, -1)
    tiles = np.column_stack((x, y, np.full(x.size, level)))
    spans = (
        max(TASKS * 4, len(grid.w) >> 16) if many else 1
    )  # with about equal numbers of boxes, small enough for the cache
    cuts = np.searchsorted(grid.offsets, np.linspace(0, len(grid.w), spans + 1)[1:-1])
    cuts = np.concatenate(([0], cuts, [grid.nx * grid.ny]))
    return Work(
        grid,
        team if many else Team(1),
        [np.ascontiguousarray(tiles[t::tasks]) for t in range(tasks)],
        list(itertools.pairwise(cuts.tolist())),
    )


class Share(NamedTuple):
    """Totals of a step: histograms, and exact sums of sides (k, 2 * digits) if required."""

    hist: Histograms
    sums: IntArray

    @staticmethod
    def total(parts: Sequence[Share]) -> Share:
        """Add up the shares of several parts."""
        if len(parts) == 1:
            return parts[0]
        *hist, sums = (sum(column) for column in zip(*((*part.hist, part.sums) for part in parts), strict=True))
        return Share(Histograms(*hist), sums)


def distinct_centers(centers: FloatArray) -> IntArray:
    """Return the places of the centres that differ from all earlier ones."""
    seen: dict[tuple[float, ...], int] = {}
    for j, pair in enumerate(centers.tolist()):
        seen.setdefault(tuple(pair), j)
    return np.array(list(seen.values()), np.int64)


class Assignment:
    """The nearest centre of each box, decided block by block."""

    def __init__(
        self,
        work: Work,
        centers: FloatArray,
        metric: Metric,
        patient: bool = False,
        *,
        reach: FloatArray | None = None,
        room: int = ANY,
    ) -> None:
        """Find the leaves, with at most `room` boxes in open ones.

        With a `reach` (k,) the settled leaves stay so where each centre moves by that much, see ``kernels._settle``.
        """
        self.work, self.grid = work, work.grid
        self.given = np.array(centers, dtype=np.float64)
        self.centers = Centers.of(METRICS[metric], self.given, reach)
        # equal centres may part within their reach
        self.alive = distinct_centers(self.given) if reach is None else np.arange(len(self.given))
        self.leaves: list[Leaves] = []
        self._painted: Painted | None = None
        self._settle(np.inf if patient else PATIENCE, room)

    def _settle(self, patience: float, room: int) -> None:
        """Find the leaves; give up if that costs too much."""
        n, k = len(self.grid.w), len(self.given)
        dense = patience * max(n, 1) * (DENSE_BOX + DENSE_PAIR * k)
        tasks = range(len(self.work.tiles))
        most = np.array([int(min(HOPELESS * dense / TRIED, ANY)), room])
        work = np.zeros((len(tasks), 3), np.int64)
        self.leaves = self.work.team.run(lambda task: self._leaves(task, most, work[task]), tasks)
        tried, boxes, pairs = work.sum(axis=0).tolist()
        self.open_boxes = int(boxes)
        self.given_up = bool((work[:, :2] > most).any()) or self.open_boxes > room
        self._cost = tried * TRIED + boxes * OPEN_BOX + pairs * OPEN_PAIR
        self._dense_cost = dense

    def _leaves(self, task: int, most: IntArray, work: IntArray) -> Leaves:
        room, tiles = 8192, self.work.tiles[task]
        walk = Walk.empty(int(tiles[:, 2].max(initial=0)) + 1, self.alive.size, work)
        while True:
            leaves = Leaves.empty(room)
            n = kernel_part("settle").settle(self.grid.tables, self.centers, self.alive, tiles, most, leaves, walk)
            if n >= 0:
                return leaves.used(n, walk.used[1])
            room *= 4

    def request(self) -> None:
        """Request the boxes of open leaves, if they are in files."""
        if self.grid.pages:
            self.grid.pages.leaves(self.grid.offsets, Leaves.joined(self.leaves), self.grid.ny)

    def pays(self) -> bool:
        """Return whether a step from these leaves costs less than a dense step."""
        return not self.given_up and self._cost <= self._dense_cost

    @property
    def cost(self) -> float:
        """Seconds that a step from these leaves takes on one thread, roughly."""
        return float(self._cost) * 1e-9

    def shares(self, sides: Scale | None = None) -> Share:
        """Return the totals of each centre's boxes; with the sums of sides if their scale is given."""
        grid, k, tables = self.grid, len(self.given), self.grid.tables
        bins = 1 << kernel_part("marginals").COARSE
        blocks = None if sides is None else grid.sums(sides, self.work.team, self.work.spans)
        self.request()
        free: list[tuple[Histograms, Sums]] = []

        def work(leaves: Leaves) -> None:
            try:
                hist, sums = free.pop()
            except IndexError:
                hist, sums = Histograms.empty(k, grid.nx, grid.ny, bins), Sums.unwanted()
                if sides is not None and blocks is not None:
                    sums = Sums(blocks, sides.factor, sides.lead, np.zeros((k, blocks.shape[1]), np.int64))
            kernel_part("marginals").marginals(tables, self.centers, leaves, hist, sums, np.empty((2, RUN)))
            free.append((hist, sums))

        self.work.team.run(work, self.leaves)
        return Share.total([Share(hist, sums.out) for hist, sums in free])

    def medians(self, hist: Histograms) -> FloatArray:
        """Complete the histograms of a single shard, and return the medians of each centre's boxes, (k, 2)."""
        out, leaves, step = (
            np.empty((len(self.given), 2)),
            Leaves.joined(self.leaves),
            min(self.work.team.threads, len(self.given)),
        )
        self.work.team.run(
            lambda first: kernel_part("medians").medians(
                self.grid.tables, self.centers, leaves, hist, out, first, step
            ),
            range(step),
        )
        return out

    def painted(self) -> Painted:
        """Return the label of each cell, -1 if its boxes have different ones."""
        if self._painted is None:
            cells = np.full((self.grid.nx, self.grid.ny), -1, np.int32)
            for leaves in () if self.given_up else self.leaves:
                kernel_part("assign").paint(leaves, cells)
            self._painted = Painted(cells.reshape(-1), self.alive.astype(np.int32))
        return self._painted

    def visit(self, look: Callable[[slice, Any, Any], T], labelled: bool = False) -> list[T]:
        """Return the results of `look` for chunks of boxes: it is called with their slice, labels and distances.

        Boxes come in the order of the cells; labels are empty unless `labelled`.
        """
        grid, painted = self.grid, self.painted()
        edges = grid.offsets[[lo for lo, _ in self.work.spans] + [self.work.spans[-1][1]]]
        room = int(np.diff(edges).max())
        free: list[tuple[FloatArray, LabelArray]] = []  # a fresh array costs page faults

        def work(span: tuple[int, int]) -> T:
            boxes = slice(*grid.offsets[list(span)].tolist())
            n = boxes.stop - boxes.start
            grid.pages.follow(boxes.start, boxes.stop)
            try:
                buffers = free.pop()
            except IndexError:
                buffers = np.empty(room), np.empty(room if labelled else 0, np.int32)
            distance, labels = (buffer[:n] for buffer in buffers)
            kernel_part("assign").visit(grid.tables, self.centers, painted, *span, labels, distance)
            found = look(boxes, labels, distance)
            free.append(buffers)
            return found

        return self.work.team.run(work, self.work.spans)

    def equals(self, other: Assignment) -> bool:
        """Return whether all boxes have the same label as in `other`."""
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
