"""The box index: an engine that answers for regions of boxes at once. Same answers as the dense engine."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastanchor import _check, kernels
from fastanchor._errors import BackendError
from fastanchor._types import Fitness, FloatArray, IntArray, Metric, Update
from fastanchor.boxes import Boxes
from fastanchor.engine._grid import Grid, Scratch
from fastanchor.engine._layout import Layout
from fastanchor.engine._pool import Team, thread_count
from fastanchor.engine._protocol import Nearest
from fastanchor.engine._search import Search
from fastanchor.engine.dense import DenseEngine, DenseLloyd, DenseStep
from fastanchor.kernels import part as kernel_part

SAME = 1e-11  # fitnesses nearer than this, relative, are compared by the canonical evaluation
TASKS = 8  # pieces of a step; fixed, so that sums do not depend on the number of threads
SMALL = 100_000  # guess: below so many boxes a second thread costs more than it brings
METRICS = {"iou": 0, "euclidean": 1}  # as the kernels number them

# What a step costs, in nanoseconds of one thread, measured by bench/hostile.py. Only their ratios count: they decide
# when a step on the index costs more than one that looks at every box and every centre.
DENSE_BOX, DENSE_PAIR = 12.0, 0.45
OPEN_BOX, OPEN_PAIR = 25.0, 1.2
TRIED = 12.0
HOPELESS = 0.3  # of a dense step: what may be spent to find out that a step on the index would cost more
PATIENCE = 1.0  # dense steps that a step on the index may cost before the run goes on densely

__all__ = ["BoxIndex"]


@dataclass(frozen=True, eq=False)
class Step:
    """One k-means step: what the centres given hold, and the centres that follow from it."""

    changed: bool
    counts: Any
    centers: Any
    _index: BoxIndex
    _given: Any
    _metric: Metric

    @property
    def inertia(self) -> float:
        """Sum of the distances to the centres given. Looks at every box, so it is worked out only when asked for."""
        return self._index.nearest(self._given, self._metric)[1]


class BoxIndex:
    """Boxes sorted into a grid once, so that each later question costs a time that hardly grows with their number.

    It is accepted wherever boxes are, and may be used by several Python threads at once.

    Parameters
    ----------
    boxes : (n, 2) array-like or Boxes
        Widths and heights > 0, in any unit.
    threads : int, optional
        Default: all processors that this process may use; never changes the answer.

    Raises
    ------
    BackendError
        If numba is not installed, or the NumPy backend is in force.
    DataError
        If a side is not finite and > 0, a shape is not (n, 2), or there are 2**31 boxes or more.

    Examples
    --------
    >>> index = BoxIndex([[10, 10], [12, 10], [50, 60], [54, 66], [52, 60]])
    >>> len(index)
    5
    >>> import fastanchor
    >>> fastanchor.kmeans(index, 2, init=[[10, 10], [50, 60]]).centers
    array([[11., 10.],
           [52., 60.]])
    """

    name = "index"
    backend = "numba"
    positive = True

    def __init__(self, boxes: Any, *, threads: int | None = None, _where: Layout | None = None) -> None:
        if kernels.current() != "numba":
            raise BackendError("engine 'index' needs numba, and the NumPy backend is in force; use engine='dense'")
        if threads is not None:
            _check.integer(threads, "threads", least=1)
        wh = _check.as_sizes(boxes.wh if isinstance(boxes, Boxes) else boxes, "boxes")
        team = Team(thread_count(threads))
        self._grid = Grid(wh, team, _where)
        self._team = team if len(wh) >= SMALL else Team(1)
        self._scratch = Scratch()
        self._known: dict[float, tuple[Any, float]] = {}
        self._lock = threading.Lock()
        grid = self._grid
        self._tiles = self._cut(grid)
        cuts = np.linspace(0, grid.nx * grid.ny, (TASKS * 4 if len(wh) >= SMALL else 1) + 1).astype(int)
        self._spans = list(itertools.pairwise(cuts.tolist()))

    @staticmethod
    def _cut(grid: Grid) -> list[Any]:
        """Deal the blocks of the fourth level from the top to the tasks."""
        level = max(0, grid.levels - 4)
        x, y = np.indices(((grid.nx - 1 >> level) + 1, (grid.ny - 1 >> level) + 1)).reshape(2, -1)
        tiles = np.column_stack((x, y, np.full(x.size, level)))
        tasks = TASKS if len(grid.w) >= SMALL else 1
        return [np.ascontiguousarray(tiles[t::tasks]) for t in range(tasks)]

    def __len__(self) -> int:
        return len(self._grid.w)

    @property
    def nbytes(self) -> int:
        """Memory held by the index."""
        return self._grid.nbytes

    def take(self, rows: IntArray) -> FloatArray:
        """Return the boxes of these rows, (m, 2)."""
        grid = self._grid
        wanted = np.zeros(len(self), bool)
        wanted[rows] = True
        found = np.flatnonzero(wanted[grid.row])  # in the order of cells; the inverse of `row` is not kept
        order = found[np.argsort(grid.row[found])]
        at = order[np.searchsorted(grid.row[order], rows)]
        return np.column_stack([grid.w[at], grid.h[at]])

    # ---- k-means

    def lloyd(self, metric: Metric, update: Update) -> Lloyd:
        """Start a run of k-means steps."""
        return Lloyd(self, metric, update)

    def nearest(self, centers: FloatArray, metric: Metric) -> Nearest:
        """Boxes nearest to each centre, and the sum of their distances."""
        answer = Assignment(self, centers, metric)
        if not answer.pays():
            return self._by_cell().nearest(centers, metric)
        counts, _ = answer.counts_and_centers("median", counts_only=True)
        return Nearest(counts, answer.visit()[0])

    def labels(self, centers: FloatArray, metric: Metric) -> IntArray:
        """Nearest centre of each box, (n,) int64 in the order of the rows."""
        out = np.empty(len(self), np.int64)
        Assignment(self, centers, metric).visit(out)
        return out

    def farthest(self, centers: FloatArray, metric: Metric) -> tuple[int, float]:
        """Row of the box with the largest distance to its nearest centre (the lowest such row), and that distance."""
        _, row, distance = Assignment(self, centers, metric).visit()
        return row, distance

    def spread(self, centers: FloatArray, metric: Metric, many: int) -> IntArray:
        """Return up to `many` rows, each farthest from the centres and from the rows before it."""
        if many > 1:
            return self._by_cell().spread(centers, metric, many)
        row, distance = self.farthest(centers, metric)
        return np.array([row] if distance > 0.0 else [], dtype=np.int64)

    def pick(self, centers: FloatArray, metric: Metric, u: float) -> int | None:
        """Return the first row whose cumulative plain distance exceeds `u` of the total."""
        return self._dense().pick(centers, metric, u)

    def best_iou(self, centers: FloatArray) -> float:
        """Return the mean over the boxes of the IoU with the best centre."""
        return self._by_cell().best_iou(centers)

    def _by_cell(self) -> DenseEngine:
        """Return an engine with the boxes in the order of cells, for what does not depend on order; no copy."""
        with kernels.backend(self.backend):
            return DenseEngine.of_columns(self._grid.w, self._grid.h, self._grid.row, threads=self._team.threads)

    def _dense(self) -> DenseEngine:
        """Return an engine with the boxes in the order of their rows, for what depends on it; not kept."""
        wh = np.empty((len(self), 2))
        wh[self._grid.row, 0] = self._grid.w
        wh[self._grid.row, 1] = self._grid.h
        with kernels.backend(self.backend):
            return DenseEngine(wh, threads=self._team.threads)

    # ---- the search

    def fitness(self, anchors: FloatArray, thr: float) -> Fitness:
        """Mean of ``best * (best > thr)`` and of ``best > thr``."""
        total, above = Search(self._grid, self._scratch, anchors, thr).finish() or (0.0, 0)  # nothing was to be reached
        value = total / len(self)
        self._remember(value, anchors, thr)
        return Fitness(value, above / len(self))

    def first_fitter(self, mutants: Sequence[FloatArray], thr: float, than: float) -> tuple[int, float] | None:
        """Return which of these anchors is the first with a ratio fitness greater than `than`, and its fitness.

        Each thread takes the next mutant; what comes after one that is certainly fitter is not looked at.
        """
        enough = than * (1.0 - SAME)
        end = len(mutants)

        def evaluate(i: int) -> float | None:
            nonlocal end
            if i >= end:
                return None
            found = Search(self._grid, self._scratch, mutants[i], thr).finish(enough * len(self))
            if found is None:
                return None
            value = float(found[0]) / len(self)
            if value > than * (1.0 + SAME):
                end = min(end, i + 1)  # lost between two threads, the later ones are looked at for nothing
            return value

        for i, value in enumerate(self._team.run(evaluate, range(len(mutants)))):
            if value is not None and self._is_fitter(value, mutants[i], thr, than):
                self._remember(value, mutants[i], thr)
                return i, value
        return None

    def _is_fitter(self, value: float, anchors: FloatArray, thr: float, than: float) -> bool:
        """Compare fitnesses; those too near to tell apart by the dense engine's.

        That is, of these anchors and of those that had fitness `than`, if it came from this index.
        """
        if abs(value - than) > SAME * max(value, than):
            return value > than
        dense = self._dense()
        known = self._known.get(than)
        if known is not None and known[1] == thr:
            if np.array_equal(known[0], anchors):
                return False
            than = dense.fitness(known[0], thr).fitness
        return dense.fitness(anchors, thr).fitness > than

    def _remember(self, value: float, anchors: Any, thr: float) -> None:
        with self._lock:
            self._known[value] = np.array(anchors, dtype=np.float64), thr
            while len(self._known) > 64:
                del self._known[next(iter(self._known))]


class Lloyd:
    """A run of k-means steps, which remembers the step before.

    From the first step on that would cost more on the index than on all boxes, the run goes on densely. What decides
    is counted, not timed, so that the same boxes switch at the same step everywhere.
    """

    def __init__(self, index: BoxIndex, metric: Metric, update: Update) -> None:
        self._index, self._metric, self._update = index, metric, update
        self._last: tuple[Assignment, Any, Any] | None = None
        self._densely: DenseLloyd | None = None

    def step(self, centers: FloatArray) -> Step | DenseStep:
        """Assign all boxes to `centers` and work out the centres that follow."""
        if self._densely is None:
            answer = Assignment(self._index, centers, self._metric)
            if answer.pays():
                return self._next(answer)
            last = None if self._last is None else self._last[0].given
            self._densely = DenseLloyd(self._index._by_cell(), self._metric, self._update, last)
            self._last = None
        return self._densely.step(centers)

    def _next(self, answer: Assignment) -> Step:
        counts, after = answer.counts_and_centers(self._update)
        counts.flags.writeable = after.flags.writeable = False
        changed = True
        if self._last is not None:
            last, old_counts, old_after = self._last
            # equal assignments have equal counts and, but for rounding of means, equal new centres: seldom by chance
            if np.array_equal(counts, old_counts) and np.allclose(after, old_after, rtol=1e-9, atol=0, equal_nan=True):
                changed = not answer.equals(last)
        self._last = answer, counts, after
        return Step(changed, counts, after, self._index, answer.given, self._metric)


class Assignment:
    """Which centre is nearest, block by block."""

    def __init__(self, index: BoxIndex, centers: FloatArray, metric: Metric) -> None:
        self.index, self.grid, self.metric = index, index._grid, METRICS[metric]
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
        tasks = range(len(self.index._tiles))
        most = int(HOPELESS * dense / TRIED)
        work = np.zeros((len(tasks), 3), np.int64)
        self.leaves = self.index._team.run(lambda task: self._leaves(task, most, work[task]), tasks)
        tried, boxes, pairs = work.sum(axis=0).tolist()
        self._given_up = bool((work[:, 0] > most).any())
        self._cost = tried * TRIED + boxes * OPEN_BOX + pairs * OPEN_PAIR
        self._dense_cost = dense

    def _leaves(self, task: int, most: int, work: Any) -> tuple[Any, Any]:
        grid, room = self.grid, 8192
        with self.index._scratch.borrow() as scratch:
            while True:
                leaves, cands = scratch("leaves", room, 7, np.int32), scratch("cands", 2 * room + 512, 0, np.int32)
                n, m = kernel_part("settle").settle(
                    self.metric, self.cw, self.ch, self.alive, grid.edge_w, grid.edge_h, grid.table, grid.w, grid.h,
                    grid.offsets, grid.alike, self.index._tiles[task], most, leaves, cands, work,
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

        self.index._team.run(work, range(tasks))
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
        step = min(self.index._team.threads, k)

        def select(first: int) -> None:
            with self.index._scratch.borrow() as scratch:
                needed = kernel_part("lloyd").medians(
                    self.metric, self.cw, self.ch, grid.w, grid.h, grid.offsets, grid.table, leaves, cands, *hist, out,
                    scratch("found", 1), first, step,
                )  # fmt: skip
                scratch("found", needed)

        self.index._team.run(select, range(step))
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
        grid, spans = self.grid, self.index._spans
        cells, every = self.cells(), self.alive.astype(np.int32)
        labels = np.empty(0, np.int64) if labels is None else labels
        lanes = np.zeros((len(spans), kernel_part("lloyd").RUN))
        far = np.full((len(spans), 2), -1.0)
        self.index._team.run(
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
            self.index._team.run(
                lambda span: kernel_part("lloyd").same(
                    self.metric, self.cw, self.ch, mine, a, other.cw, other.ch, theirs, b, grid.w, grid.h, grid.offsets,
                    *span,
                ),
                self.index._spans,
            )
        )  # fmt: skip
