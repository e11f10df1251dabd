"""Every box, every centre, chunk by chunk on the kernels: the fallback, and the oracle of the other engines."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np

from fastanchor import kernels
from fastanchor._types import Fitness, FloatArray, IntArray, LabelArray, Metric, Update
from fastanchor.engine._pool import each, thread_count
from fastanchor.engine._protocol import Nearest
from fastanchor.engine._select import Medians

__all__ = ["DenseEngine"]

T = TypeVar("T")

CELLS = 1 << 18  # of a matrix of IoUs at a time, 2 MB


class DenseEngine:
    """Boxes as two columns, 16 bytes a box.

    Parameters
    ----------
    wh : (n, 2) float64
        Clean boxes; see ``_check``.
    threads : int, optional
        Default: the processors this process may use.
    """

    name = "dense"

    def __init__(self, wh: FloatArray, *, threads: int | None = None) -> None:
        self._hold(*_columns(wh), None, threads)

    @classmethod
    def of_columns(cls, w: FloatArray, h: FloatArray, rows: Any, *, threads: int | None = None) -> DenseEngine:
        """Return an engine for boxes in another order; nothing is copied.

        `w` and `h` (n,) are contiguous, `rows` (n,) tells where each box stood. Counts, medians and means, sums of
        distances and `spread` do not depend on the order; other answers are in the order of the columns.
        """
        engine = cls.__new__(cls)
        engine._hold(w, h, rows, threads)
        return engine

    def _hold(self, w: FloatArray, h: FloatArray, rows: Any, threads: int | None) -> None:
        self.backend = kernels.current()
        self._kernels = kernels.load(self.backend)
        self._w, self._h, self._rows = w, h, rows
        self._threads = thread_count(threads)
        self._medians: tuple[Medians, Medians] | None = None

    def __len__(self) -> int:
        return len(self._w)

    @property
    def positive(self) -> bool:
        """Whether every side is > 0; only Euclidean k-means takes others."""
        return bool(self._w.min() > 0.0 and self._h.min() > 0.0)

    def take(self, rows: IntArray) -> FloatArray:
        """Return the boxes of these rows, (m, 2)."""
        return np.column_stack([self._w[rows], self._h[rows]])

    def lloyd(self, metric: Metric, update: Update) -> DenseLloyd:
        """Begin a run of k-means."""
        return DenseLloyd(self, metric, update)

    def nearest(self, centers: FloatArray, metric: Metric) -> Nearest:
        """Count each centre's boxes and add up their distances."""
        _, inertia, sums = self.assign(centers, metric, None)
        return Nearest(sums[:, 2].astype(np.int64), inertia)

    def best_iou(self, centers: FloatArray) -> float:
        """Return the mean over the boxes of the IoU with the best centre."""
        kw, kh = _columns(centers)
        rows = max(1, CELLS // kw.size)

        def score(chunks: list[slice]) -> list[float]:
            out = np.empty((rows, kw.size))
            totals = []
            for c in chunks:
                for first in range(c.start, c.stop, rows):
                    part = slice(first, min(first + rows, c.stop))
                    ious = out[: part.stop - first]
                    self._kernels.wh_iou(self._w[part], self._h[part], kw, kh, ious)
                    totals.append(float(ious.max(axis=1).sum()))
            return totals

        totals = each(score, len(self), self._threads)
        return math.fsum(totals) / len(self)

    def labels(self, centers: FloatArray, metric: Metric) -> IntArray:
        """Return the nearest centre of each box."""
        labels = np.empty(len(self), dtype=np.int32)
        self.assign(centers, metric, labels)
        return labels.astype(np.int64)

    def spread(self, centers: FloatArray, metric: Metric, many: int) -> IntArray:
        """Return up to `many` rows, each farthest from the centres and from the rows before it (of equals the lowest).

        There are fewer where no box has a distance above zero any more.
        """
        kernel = self._assigner(metric)
        distance = np.full(len(self), np.inf)
        rows: list[int] = []
        new = centers
        while len(rows) < many:
            cw, ch = _columns(new)

            def work(chunks: list[slice], cw: FloatArray = cw, ch: FloatArray = ch) -> list[tuple[float, int, int]]:
                results = []
                for c in chunks:
                    to_new = np.empty(c.stop - c.start)
                    kernel(self._w[c], self._h[c], cw, ch, np.zeros(to_new.size, dtype=np.int32), to_new)
                    own = distance[c]
                    np.minimum(own, to_new, out=own)
                    at = int(own.argmax())
                    row = c.start + at
                    if self._rows is not None:
                        equals = np.flatnonzero(own == own[at])
                        at = int(equals[self._rows[c][equals].argmin()])
                        row = int(self._rows[c][at])
                    results.append((float(own[at]), -row, c.start + at))
                return results

            top, row, at = max(each(work, len(self), self._threads))
            if top <= 0.0:
                break
            rows.append(-row)
            new = np.array([[self._w[at], self._h[at]]])
        return np.array(rows, dtype=np.int64)

    def pick(self, centers: FloatArray, metric: Metric, u: float) -> int | None:
        """Return the first row whose cumulative plain distance exceeds `u` of the total."""

        def plain(distance: FloatArray) -> FloatArray:
            return np.sqrt(distance) if metric == "euclidean" else distance

        totals = np.array(self._distances(centers, metric, lambda _, distance: float(plain(distance).sum())))
        cumulative = np.cumsum(totals)
        if cumulative[-1] <= 0.0:
            return None
        target = u * cumulative[-1]
        part = int(np.searchsorted(cumulative, target, side="right"))
        part = min(part, int(np.flatnonzero(totals)[-1]))  # u * total may round up to the total itself
        before = float(cumulative[part - 1]) if part else 0.0

        def find(chunk: slice, distance: FloatArray) -> int:
            running = before + np.cumsum(plain(distance))
            row = int(np.searchsorted(running, target, side="right"))
            # the chunk's own sum may round to just below its total: then its last box that is not a centre
            return int(chunk.start) + (row if row < distance.size else int(np.flatnonzero(distance)[-1]))

        return self._distances(centers, metric, find, only=part)[0]

    def fitness(self, anchors: FloatArray, thr: float) -> Fitness:
        """Return the ratio fitness and the best possible recall."""
        kw, kh = _columns(anchors)

        def score(chunks: list[slice]) -> list[tuple[float, int]]:
            return [self._kernels.fitness(self._w[c], self._h[c], kw, kh, thr) for c in chunks]

        total, count = 0.0, 0
        for part, above in each(score, len(self), self._threads):
            total += part
            count += above
        return Fitness(total / len(self), count / len(self))

    def first_fitter(self, mutants: Sequence[FloatArray], thr: float, than: float) -> tuple[int, float] | None:
        """Return which of these anchors is the first with a ratio fitness greater than `than`, and its fitness."""
        for i, anchors in enumerate(mutants):
            fitness = self.fitness(anchors, thr).fitness
            if fitness > than:
                return i, fitness
        return None

    def assign(self, centers: FloatArray, metric: Metric, labels: LabelArray | None) -> tuple[bool, float, FloatArray]:
        """Write each box's nearest centre into `labels`; return if any changed, the inertia, and (k, 3) sums."""
        cw, ch = _columns(centers)
        kernel = self._assigner(metric)

        def work(chunks: list[slice]) -> list[tuple[int, float, FloatArray]]:
            distance = np.empty(chunks[0].stop - chunks[0].start)
            scratch = np.zeros(distance.size if labels is None else 0, dtype=np.int32)
            results = []
            for c in chunks:
                w, h = self._w[c], self._h[c]
                own = scratch[: w.size] if labels is None else labels[c]
                changed, total = kernel(w, h, cw, ch, own, distance[: w.size])
                sums = np.zeros((cw.size, 3))
                self._kernels.label_sums(w, h, own, sums)
                results.append((changed, total, sums))
            return results

        changed, inertia, sums = 0, 0.0, np.zeros((cw.size, 3))
        for some, total, part in each(work, len(self), self._threads):
            changed += some
            inertia += total
            sums += part
        return changed > 0, inertia, sums

    def medians(self, labels: LabelArray, counts: IntArray) -> FloatArray:
        """Return the coordinate-wise median of each label's boxes, (k, 2); NaN for no box."""
        if self._medians is None:

            def run(function: Callable[[list[slice]], list[T]]) -> list[T]:
                return each(function, len(self), self._threads)

            self._medians = Medians(self._kernels, self._w, run), Medians(self._kernels, self._h, run)
        return np.column_stack([column.of(labels, counts) for column in self._medians])

    def _assigner(self, metric: Metric) -> Callable[..., tuple[int, float]]:
        kernel: Callable[..., tuple[int, float]]
        kernel = self._kernels.assign_iou if metric == "iou" else self._kernels.assign_euclidean
        return kernel

    def _distances(
        self,
        centers: FloatArray,
        metric: Metric,
        look: Callable[[slice, FloatArray], T],
        only: int | None = None,
    ) -> list[T]:
        """Return what `look` makes of each chunk's distances to the nearest centre, or of chunk `only` alone."""
        cw, ch = _columns(centers)
        kernel = self._assigner(metric)

        def work(chunks: list[slice]) -> list[T]:
            results = []
            for c in chunks:
                w, h = self._w[c], self._h[c]
                distance = np.empty(w.size)
                kernel(w, h, cw, ch, np.zeros(w.size, dtype=np.int32), distance)
                results.append(look(c, distance))
            return results

        if only is None:
            return each(work, len(self), self._threads)
        return each(lambda chunks: work(chunks[only : only + 1]), len(self), 1)


class DenseStep(NamedTuple):
    """One look at the boxes."""

    changed: bool
    counts: IntArray
    inertia: float
    centers: FloatArray


class DenseLloyd:
    """A run of k-means that keeps the label of every box.

    Parameters
    ----------
    engine : DenseEngine
    metric : {"iou", "euclidean"}
    update : {"median", "mean"}
    last : (k, 2) float64, optional
        Centres of the step before the first one here.
    """

    def __init__(self, engine: DenseEngine, metric: Metric, update: Update, last: FloatArray | None = None) -> None:
        self._engine = engine
        self._metric = metric
        self._update = update
        self._labels = np.full(len(engine), -1, dtype=np.int32)
        if last is not None:
            engine.assign(last, metric, self._labels)

    def step(self, centers: FloatArray) -> DenseStep:
        """Assign the boxes to `centers` and return what the update rule makes of them."""
        changed, inertia, sums = self._engine.assign(centers, self._metric, self._labels)
        counts = sums[:, 2].astype(np.int64)
        if self._update == "median":
            updated = self._engine.medians(self._labels, counts)
        else:
            updated = np.full((len(counts), 2), np.nan)
            np.divide(sums[:, :2], sums[:, 2:], out=updated, where=sums[:, 2:] > 0)
        counts.flags.writeable = updated.flags.writeable = False
        return DenseStep(changed, counts, inertia, updated)


def _columns(pairs: FloatArray) -> tuple[FloatArray, FloatArray]:
    return pairs[:, 0].copy(), pairs[:, 1].copy()
