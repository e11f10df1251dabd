"""The box index: an engine that answers for regions of boxes at once. Same answers as the dense engine."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastanchor import _check, kernels
from fastanchor._errors import BackendError
from fastanchor._hints import setting
from fastanchor._types import Fitness, FloatArray, IntArray, Metric, Sizes, Update
from fastanchor.boxes import Boxes
from fastanchor.engine._assignment import Assignment, deal
from fastanchor.engine._grid import Grid
from fastanchor.engine._layout import Layout
from fastanchor.engine._pool import Team, thread_count
from fastanchor.engine._protocol import Nearest
from fastanchor.engine._search import Search
from fastanchor.engine.dense import DenseEngine, DenseLloyd, DenseStep

SAME = 1e-11  # fitnesses nearer than this, relative, are compared by the canonical evaluation
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

    def __init__(self, boxes: Boxes | Sizes, *, threads: int | None = None, _where: Layout | None = None) -> None:
        if threads is not None:
            threads = _check.integer(threads, "threads", least=1)
        wh = _check.as_sizes(boxes.wh if isinstance(boxes, Boxes) else boxes, "boxes")
        if kernels.current() != "numba":
            use = setting("engine", "dense")
            raise BackendError(f"engine 'index' needs numba, and the NumPy backend is in force; use {use}")
        team = Team(thread_count(threads))
        self._grid = Grid(wh, team, _where)
        self._work = deal(self._grid, team)
        self._known: dict[float, tuple[Any, float]] = {}
        self._lock = threading.Lock()

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
        answer = Assignment(self._work, centers, metric)
        if not answer.pays():
            return self._by_cell().nearest(centers, metric)
        counts, _ = answer.counts_and_centers("median", counts_only=True)
        return Nearest(counts, answer.visit()[0])

    def labels(self, centers: FloatArray, metric: Metric) -> IntArray:
        """Nearest centre of each box, (n,) int64 in the order of the rows."""
        out = np.empty(len(self), np.int64)
        Assignment(self._work, centers, metric).visit(out)
        return out

    def farthest(self, centers: FloatArray, metric: Metric) -> tuple[int, float]:
        """Row of the box with the largest distance to its nearest centre (the lowest such row), and that distance."""
        _, row, distance = Assignment(self._work, centers, metric).visit()
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
            return DenseEngine.of_columns(self._grid.w, self._grid.h, self._grid.row, threads=self._work.team.threads)

    def _dense(self) -> DenseEngine:
        """Return an engine with the boxes in the order of their rows, for what depends on it; not kept."""
        wh = np.empty((len(self), 2))
        wh[self._grid.row, 0] = self._grid.w
        wh[self._grid.row, 1] = self._grid.h
        with kernels.backend(self.backend):
            return DenseEngine(wh, threads=self._work.team.threads)

    # ---- the search

    def fitness(self, anchors: FloatArray, thr: float) -> Fitness:
        """Mean of ``best * (best > thr)`` and of ``best > thr``."""
        total, above = Search(self._grid, anchors, thr).finish() or (
            0.0,
            0,
        )  # nothing was to be reached
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
            found = Search(self._grid, mutants[i], thr).finish(enough * len(self))
            if found is None:
                return None
            value = float(found[0]) / len(self)
            if value > than * (1.0 + SAME):
                end = min(end, i + 1)  # lost between two threads, the later ones are looked at for nothing
            return value

        for i, value in enumerate(self._work.team.run(evaluate, range(len(mutants)))):
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
            answer = Assignment(self._index._work, centers, self._metric)
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
