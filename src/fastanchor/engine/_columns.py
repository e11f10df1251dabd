"""Boxes as two columns, in any order: answers by looking at every box, which add up over parts of a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastanchor import kernels
from fastanchor._types import FloatArray, IntArray, LabelArray, Metric
from fastanchor.engine._exact import UNIT, Scale
from fastanchor.engine._objective import Objective, valued
from fastanchor.engine._order_statistics import Medians
from fastanchor.engine._protocol import Below, Profile, Served
from fastanchor.engine._rounded import Rounded, distinct
from fastanchor.engine._threads import CHUNK, each, thread_count

__all__ = ["BLOCK", "Columns", "Far", "Rows", "Tally", "columns_of"]

T = TypeVar("T")

BLOCK = 16  # bits of a row's number inside its block: k-means++ draws a block of 65,536 rows, then a row in it
CELLS = 1 << 18  # of a matrix of IoUs or ratios at a time, 2 MB


class Far(NamedTuple):
    """A box that is far from some centres; of equal distances the one with the lowest row."""

    distance: float
    row: int
    box: FloatArray


class Rows(NamedTuple):
    """Rows of the data set (m,), ascending, and their boxes (m, 2)."""

    rows: IntArray
    boxes: FloatArray


class Tally(NamedTuple):
    """Sums of widths and heights by label, (2, k, digits)."""

    scale: Scale
    digits: IntArray


class Columns:
    """A part of a data set.

    Parameters
    ----------
    w, h : (n,) float64, C-contiguous
        Clean boxes; see ``_check``. Never copied.
    rows : (n,) unsigned integers, optional
        Where each box stands in the whole data set. Default: 0, 1, 2, ...
    threads : int, optional
        Default: the processors this process may use.
    backend : {"numba", "numpy"}, optional
        Default: the one in force.
    weights : (n,) int64, optional
        How often each box counts, not at all if 0. Default: once.
    """

    def __init__(
        self,
        w: FloatArray,
        h: FloatArray,
        rows: Any = None,
        *,
        threads: int | None = None,
        backend: str | None = None,
        weights: IntArray | None = None,
    ) -> None:
        self.backend = kernels.current(backend)
        self.kernels = kernels.load(self.backend)
        self.w, self.h, self.rows, self.counted = w, h, rows, weights
        self.threads = thread_count(threads)
        self._sizes: tuple[float, float] | None = None
        self._medians: tuple[Medians, Medians] | None = None
        self._rounded: Rounded | None = None

    def __len__(self) -> int:
        return len(self.w)

    def sizes(self) -> tuple[float, float]:
        """Return the least size of a coordinate that is not 0, and the largest; infinite and 0 where there is none."""
        if self._sizes is None:

            def work(chunks: list[slice]) -> list[tuple[float, float]]:
                found = []
                for c in chunks:
                    for side in (self.w[c], self.h[c]):
                        size = np.abs(side)
                        found.append((float(size.min(initial=np.inf, where=size > 0.0)), float(size.max(initial=0.0))))
                return found

            pairs = self._each(work)
            self._sizes = min((low for low, _ in pairs), default=np.inf), max((top for _, top in pairs), default=0.0)
        return self._sizes

    # ---- rows

    def take(self, rows: IntArray) -> tuple[IntArray, FloatArray]:
        """Return which of these rows are held here, by their places in `rows`, and their boxes."""
        if self.rows is None:
            return np.arange(len(rows)), np.column_stack([self.w[rows], self.h[rows]])
        held = self.rows
        found = self._places(rows)  # in the order of the columns; the inverse of `rows` is not kept
        order = found[np.argsort(held[found])]
        names = held[order]
        at = np.searchsorted(names, rows)
        at[at == len(names)] = 0
        here = np.flatnonzero(names[at] == rows) if len(names) else np.empty(0, np.int64)
        there = order[at[here]]
        return here, np.column_stack([self.w[there], self.h[there]])

    def distinct(self, limit: int) -> FloatArray:
        """Return distinct boxes, all of them or `limit`."""
        n = len(self)
        size = 1 << 12  # nearly always the first look suffices, if it is spread over all of the boxes
        some = np.linspace(0, n - 1, size).astype(np.int64) if n > size else slice(None)
        found = distinct(self._counting(some))
        start = 0 if n > size else n
        while start < n and found.size < limit:
            part = slice(start, start + CHUNK)
            found = distinct(np.concatenate([found, self._counting(part)]))
            start += CHUNK
        return np.column_stack([found.real, found.imag])[:limit]

    def below(self, side: float) -> Below:
        """Count the boxes with both sides below `side`, and those with one."""

        def work(chunks: list[slice]) -> list[tuple[int, int]]:
            found = []
            for c in chunks:
                w, h = self.w[c] < side, self.h[c] < side
                found.append((self._number(w & h, c), self._number(w | h, c)))
            return found

        pairs = self._each(work)
        return Below(sum(both for both, _ in pairs), sum(either for _, either in pairs))

    # ---- k-means

    def assign(
        self, centers: FloatArray, metric: Metric, labels: LabelArray | None, scale: Scale | None = None
    ) -> tuple[int, Served]:
        """Write each box's nearest centre into `labels`; return how many of these changed, and each centre's share.

        Distances are added up if there is a scale for them.
        """
        cw, ch = columns_of(centers)
        kernel = self._assigner(metric)

        def work(chunks: list[slice]) -> list[tuple[int, IntArray, IntArray]]:
            distance = np.empty(min(CHUNK, len(self)))
            scratch = np.zeros(distance.size if labels is None else 0, dtype=np.int32)
            changed, counts, digits = 0, np.zeros(cw.size, np.int64), (scale or UNIT).zeros()
            for c in chunks:
                w, h = self.w[c], self.h[c]
                own, far = scratch[: w.size] if labels is None else labels[c], distance[: w.size]
                if self.counted is None:
                    changed += kernel(w, h, cw, ch, own, far)
                    self.kernels.label_counts(own, counts)
                else:
                    before = own.copy()
                    kernel(w, h, cw, ch, own, far)
                    changed += int(np.count_nonzero((own != before) & (self.counted[c] > 0)))
                    self.kernels.weighted_counts(own, self.counted[c], counts)
                if scale is not None:
                    scale.add(self.kernels, far, digits, weights=self._weights(c))
            return [(changed, counts, digits)]

        changed, counts, digits = (sum(part) for part in zip(*self._each(work), strict=True))
        return int(changed), Served(counts, digits)

    def move(
        self, centers: FloatArray, metric: Metric, labels: LabelArray, counts: IntArray, sides: Tally | None
    ) -> int:
        """Write each box's nearest centre into `labels`; return how many boxes that count have another one now.

        `counts` (k,), and if they are wanted the sums of `sides`, hold what the labels add up to, where they are not
        -1. They are whole numbers, so to change them by what moved gives the same as to add up anew.
        """
        label = self._labeller(centers, metric)
        moving = sides is not None and sides.scale.digits == 2 and self.counted is None
        if not moving:
            counts[:] = 0
            if sides is not None:
                sides.digits[:] = 0

        def work(chunks: list[slice]) -> list[tuple[int, IntArray, Any]]:
            before = np.empty(min(CHUNK, len(self)), np.int32)
            changed, some = 0, np.zeros_like(counts)
            sums = None if sides is None else Tally(sides.scale, np.zeros_like(sides.digits))
            for c in chunks:
                w, h, own, old = self.w[c], self.h[c], labels[c], before[: c.stop - c.start]
                if moving or self.counted is not None:
                    old[:] = own
                more = label(c, own)
                if self.counted is not None:
                    more = int(np.count_nonzero((own != old) & (self.counted[c] > 0)))
                changed += more
                if sums is None or not moving:
                    self._tally(c, own, some, sums)
                elif more:
                    self.kernels.label_moves(w, h, old, own, sums.scale.factor, some, sums.digits)
            return [(changed, some, 0 if sums is None else sums.digits)]

        changed, some, digits = zip(*self._each(work), strict=True)
        counts += sum(some)
        if sides is not None:
            np.add(sides.digits, sum(digits), out=sides.digits)
        return int(sum(changed))

    def _tally(self, c: slice, labels: LabelArray, counts: IntArray, sides: Tally | None) -> None:
        """Add a chunk's boxes to their labels' counts and sums."""
        weights = self._weights(c)
        if weights is None:
            self.kernels.label_counts(labels, counts)
        else:
            self.kernels.weighted_counts(labels, weights, counts)
        if sides is not None:
            for side, digits in zip((self.w, self.h), sides.digits, strict=True):
                sides.scale.add(self.kernels, side[c], digits, labels, weights)

    def nearest(self, centers: FloatArray, metric: Metric, scale: Scale) -> Served:
        """Count each centre's boxes, and add up their distances."""
        return self.assign(centers, metric, None, scale)[1]

    def labels(self, centers: FloatArray, metric: Metric, first: int, last: int) -> tuple[Any, LabelArray]:
        """Return which of the rows from `first` to before `last` are held here, and their nearest centres."""
        if self.rows is None:
            rows, w, h = np.arange(first, last), self.w[first:last], self.h[first:last]
        else:
            rows, boxes = self.within(first, last)
            w, h = columns_of(boxes)
        labels = np.empty(len(rows), dtype=np.int32)
        Columns(w, h, threads=self.threads, backend=self.backend).assign(centers, metric, labels)
        return rows, labels

    def within(self, first: int, last: int) -> Rows:
        """Return the rows from `first` to before `last` that are held here."""
        if self.rows is None:
            return Rows(np.arange(first, last), np.column_stack([self.w[first:last], self.h[first:last]]))
        at = np.flatnonzero((self.rows >= first) & (self.rows < last))
        at = at[np.argsort(self.rows[at])]
        return Rows(self.rows[at].astype(np.int64), np.column_stack([self.w[at], self.h[at]]))

    def best_iou(self, centers: FloatArray) -> list[float]:
        """Return numbers whose sum is that of the IoUs with the best centre, with all its digits."""
        kw, kh = columns_of(centers)
        out_rows = max(1, CELLS // kw.size)

        def score(chunks: list[slice]) -> list[float]:
            out, totals = np.empty((out_rows, kw.size)), []
            for c in _pieces(chunks, out_rows):
                ious = out[: c.stop - c.start]
                self.kernels.wh_iou(self.w[c], self.h[c], kw, kh, ious)
                best = ious.max(axis=1)
                totals.append(float((best if self.counted is None else best * self.counted[c]).sum()))
            return totals

        return self._each(score)

    def farthest(self, centers: FloatArray, metric: Metric) -> Far:
        """Return the box that is farthest from its nearest centre."""
        return self.spreading(metric).farthest(centers)

    def spreading(self, metric: Metric) -> Spreading:
        """Begin a search for boxes far from centres, of which more come in the course of it."""
        return Spreading(self, metric)

    def blocks(self, centers: FloatArray, metric: Metric, scale: Scale, count: int) -> IntArray:
        """Return the sums of the plain distances in each of `count` blocks of rows, (count, digits)."""
        cw, ch = columns_of(centers)

        def work(chunks: list[slice]) -> list[IntArray]:
            digits = scale.zeros(count)
            for c in chunks:
                distance = self._plain_of(c, cw, ch, metric)
                if self.rows is None:  # a chunk is a block
                    scale.add(self.kernels, distance, digits[c.start >> BLOCK], weights=self._weights(c))
                else:
                    block = (self.rows[c] >> BLOCK).astype(np.int32)
                    scale.add(self.kernels, distance, digits, block, self._weights(c))
            return [digits]

        return sum(self._each(work), start=scale.zeros(count))

    def plain(self, centers: FloatArray, metric: Metric) -> FloatArray:
        """Return the plain distance of each box to its nearest centre, (n,), in the order of the columns."""
        return self._plain_of(slice(0, len(self)), *columns_of(centers), metric)

    # ---- fitness

    def fitness(self, anchors: FloatArray, thr: float) -> tuple[float, int]:
        """Return the sum over the boxes of ``best * (best > thr)``, to 1e-12, and the number of those above thr."""
        kw, kh = columns_of(anchors)

        def score(chunks: list[slice]) -> list[tuple[float, int]]:
            if self.counted is None:
                return [self.kernels.fitness(self.w[c], self.h[c], kw, kh, thr) for c in chunks]
            best, found = np.empty(min(CHUNK, len(self))), []
            for c in chunks:
                own = best[: c.stop - c.start]
                self.kernels.best_ratio(self.w[c], self.h[c], kw, kh, own)
                above = own > thr
                found.append((float((own * above * self.counted[c]).sum()), self._number(above, c)))
            return found

        total, count = 0.0, 0
        for part, above in self._each(score):
            total += part
            count += above
        return total, count

    def search(
        self, mutants: Sequence[FloatArray], thr: float, needs: Sequence[float], sure: float
    ) -> list[float | None]:
        """Return the total of each of these anchors, or None where it is certain that it is below its need.

        After the first total above `sure` the others are not looked at.
        """
        found: list[float | None] = [None] * len(mutants)
        for i, anchors in enumerate(mutants):
            if self.backend == "numpy" and self._ceiling(anchors, thr) < needs[i]:
                continue
            total, _ = self.fitness(anchors, thr)
            found[i] = total
            if total > sure:
                break
        return found

    def _ceiling(self, anchors: FloatArray, thr: float) -> float:
        """Return what the total of these anchors is not above, at a third of the time."""
        single = self._single()

        def bound(chunks: list[slice]) -> list[float]:
            return [single.ceiling(c, anchors, thr) for c in chunks]

        return sum(each(bound, single.distinct, self.threads))

    def bounds(self, mutants: Sequence[FloatArray], thr: float) -> FloatArray:
        """Return what the totals of these anchors are not above, (m,), without looking at a box."""
        return np.full(len(mutants), float(len(self) if self.counted is None else self.counted.sum()))

    def total(self, anchors: FloatArray, thr: float, scale: Scale = UNIT) -> IntArray:
        """Return the exact sum of ``best * (best > thr)``, each cut to a multiple of 2^-64; its digits."""
        kw, kh = columns_of(anchors)

        def work(chunks: list[slice]) -> list[IntArray]:
            best, digits = np.empty(min(CHUNK, len(self))), scale.zeros()
            for c in chunks:
                own = best[: c.stop - c.start]
                self.kernels.best_ratio(self.w[c], self.h[c], kw, kh, own)
                own[own <= thr] = 0.0
                scale.add(self.kernels, own, digits, weights=self._weights(c))
            return [digits]

        return sum(self._each(work), start=scale.zeros())

    def worth(self, anchors: FloatArray, objective: Objective, scale: Scale = UNIT) -> IntArray:
        """Return the exact sum of an objective's values, each cut to a multiple of 2^-64; its digits."""
        kw, kh = columns_of(anchors)

        def work(chunks: list[slice]) -> list[IntArray]:
            digits = scale.zeros()
            for c in chunks:
                values = valued(objective, self.w[c], self.h[c], kw, kh, self.kernels)
                scale.add(self.kernels, values, digits, weights=self._weights(c))
            return [digits]

        return sum(self._each(work), start=scale.zeros())

    def tops(self, mutants: Sequence[FloatArray], objective: Objective, need: float) -> FloatArray:
        """Return what the sums of an objective's values are not above, (m,); no closer where that is below `need`."""
        return np.full(len(mutants), np.inf)

    def profile(self, anchors: FloatArray, thr: float, areas: Sequence[float]) -> Profile:
        """Return sums over the boxes for a report; see ``_protocol.Profile``."""
        kw, kh = columns_of(anchors)
        piece = max(1, CELLS // kw.size)

        def work(chunks: list[slice]) -> list[Profile]:
            found = []
            for c in _pieces(chunks, piece):
                w, h = self.w[c], self.h[c]
                ratio, iou = np.ones((w.size, kw.size)), np.empty((w.size, kw.size))
                for side, own in ((w, kw), (h, kh)):
                    np.minimum(ratio, side[:, None] / own, out=ratio)
                    np.minimum(ratio, own / side[:, None], out=ratio)
                self.kernels.wh_iou(w, h, kw, kh, iou)
                found.append(Profile.of(ratio, iou.max(axis=1), w * h, thr, areas, self._weights(c)))
            return found

        none = Profile(np.zeros(kw.size, np.int64), 0, 0.0, 0.0, np.zeros((len(areas) + 1, 4)))
        return sum_profiles([none, *self._each(work)])

    # ---- labelled boxes

    def count(self, labels: LabelArray, counts: IntArray) -> None:
        """Add the number of each label's boxes to `counts` (k,)."""

        def work(chunks: list[slice]) -> list[IntArray]:
            found = np.zeros_like(counts)
            for c in chunks:
                self._tally(c, labels[c], found, None)
            return [found]

        counts += sum(self._each(work))

    def medians(self, labels: LabelArray, counts: IntArray) -> FloatArray:
        """Return the coordinate-wise median of each label's boxes, (k, 2); NaN for no box."""
        if self._medians is None:
            self._medians = (
                Medians(self.kernels, self.w, self._each, self.counted),
                Medians(self.kernels, self.h, self._each, self.counted),
            )
        return np.column_stack([column.of(labels, counts) for column in self._medians])

    def sums(self, labels: LabelArray, k: int, scale: Scale) -> IntArray:
        """Return the sums of each label's widths and heights, (k, 2, digits)."""

        def work(chunks: list[slice]) -> list[IntArray]:
            digits = scale.zeros(2, k)
            for c in chunks:
                for axis, side in enumerate((self.w, self.h)):
                    scale.add(self.kernels, side[c], digits[axis], labels[c], self._weights(c))
            return [digits]

        return sum(self._each(work), start=scale.zeros(2, k)).swapaxes(0, 1)

    # ---- inside

    def _each(self, function: Callable[[list[slice]], list[T]]) -> list[T]:
        return each(function, len(self), self.threads)

    def _places(self, rows: IntArray) -> IntArray:
        """Return the places of the boxes of these rows."""
        return np.flatnonzero(np.isin(self.rows, rows))

    def _weights(self, c: slice) -> IntArray | None:
        return None if self.counted is None else self.counted[c]

    def _number(self, which: NDArray[np.bool_], c: slice) -> int:
        """Return how often these boxes of a chunk count."""
        return int(np.count_nonzero(which)) if self.counted is None else int(self.counted[c][which].sum())

    def _counting(self, some: Any) -> NDArray[np.complex128]:
        """Return some boxes without those that do not count; complex numbers sort ten times as fast as unique rows."""
        boxes: NDArray[np.complex128] = self.w[some] + 1j * self.h[some]
        return boxes if self.counted is None else boxes[self.counted[some] > 0]

    def _assigner(self, metric: Metric) -> Callable[..., int]:
        kernel: Callable[..., int] = getattr(self.kernels, f"assign_{metric}")
        return kernel

    def _labeller(self, centers: FloatArray, metric: Metric) -> Callable[[slice, LabelArray], int]:
        """Return what writes the nearest centres of a chunk's boxes, and returns how many are others than before."""
        cw, ch = columns_of(centers)
        kernel = self._assigner(metric)
        single = self._single() if self.backend == "numpy" and metric == "iou" else None

        def label(c: slice, labels: LabelArray) -> int:
            changed = None if single is None else single.assign_iou(c, cw, ch, labels)
            return kernel(self.w[c], self.h[c], cw, ch, labels, np.empty(len(labels))) if changed is None else changed

        return label

    def _single(self) -> Rounded:
        if self._rounded is None:
            self._rounded = Rounded(self.w, self.h, self.counted)
        return self._rounded

    def _plain_of(self, c: slice, cw: FloatArray, ch: FloatArray, metric: Metric) -> FloatArray:
        """Return the plain distances of a chunk's boxes to their nearest centres."""
        distance = np.empty(len(self.w[c]))
        self._assigner(metric)(self.w[c], self.h[c], cw, ch, np.zeros(distance.size, dtype=np.int32), distance)
        return np.sqrt(distance, out=distance) if metric == "euclidean" else distance


class Spreading:
    """Keeps the distance of every box to the nearest of the centres so far."""

    def __init__(self, columns: Columns, metric: Metric) -> None:
        self._columns, self._kernel = columns, columns._assigner(metric)
        self._distance = np.full(len(columns), np.inf)
        if columns.counted is not None:
            self._distance[columns.counted == 0] = -1.0

    def farthest(self, new: FloatArray) -> Far:
        """Take more centres into account, and return the box that is now the farthest."""
        mine, (cw, ch) = self._columns, columns_of(new)
        w, h, rows = mine.w, mine.h, mine.rows

        def work(chunks: list[slice]) -> list[tuple[float, int, int]]:
            results = []
            for c in chunks:
                to_new = np.empty(c.stop - c.start)
                self._kernel(w[c], h[c], cw, ch, np.zeros(to_new.size, dtype=np.int32), to_new)
                own = self._distance[c]
                np.minimum(own, to_new, out=own)
                at = int(own.argmax())
                row = c.start + at
                if rows is not None:
                    equals = np.flatnonzero(own == own[at])
                    at = int(equals[rows[c][equals].argmin()])
                    row = int(rows[c][at])
                results.append((float(own[at]), -row, c.start + at))
            return results

        if not len(mine):
            return Far(-1.0, 0, np.empty(2))
        top, row, at = max(mine._each(work))
        return Far(top, -row, np.array([w[at], h[at]]))


def columns_of(pairs: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return widths and heights as contiguous columns."""
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def sum_profiles(parts: Sequence[Profile]) -> Profile:
    """Add up what parts of a data set answered."""
    counts, past, ratio, best, table = (sum(column) for column in zip(*parts, strict=True))
    return Profile(counts, past, ratio, best, table)


def _pieces(chunks: list[slice], rows: int) -> list[slice]:
    return [slice(at, min(at + rows, c.stop)) for c in chunks for at in range(c.start, c.stop, rows)]
