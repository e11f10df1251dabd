"""A shard of a box index: some of the boxes, sorted into the grid that all shards share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray, Metric
from fastanchor.engine._assignment import Assignment, Share, deal
from fastanchor.engine._bands import LEAST, Bands, Late
from fastanchor.engine._batches import PIECE, Arrays
from fastanchor.engine._columns import Columns, Nearby, columns_of
from fastanchor.engine._exact import Scale
from fastanchor.engine._grid import Grid
from fastanchor.engine._iou_bounds import upper_bound
from fastanchor.engine._layout import GridSpec
from fastanchor.engine._objective import Objective
from fastanchor.engine._profile import Profile
from fastanchor.engine._protocol import Below
from fastanchor.engine._search import Search, plain
from fastanchor.engine._sorting import Sorted, sort
from fastanchor.engine._spreading import Far
from fastanchor.engine._threads import Team, thread_count
from fastanchor.kernels import part as kernel_part
from fastanchor.kernels._tables import METRICS, Found, Histograms, Leaves, Sought

__all__ = ["Shard"]

WHOLE = 2.0**53  # up to here float64 represents all whole numbers


class Shard(Columns):
    """Some of the boxes of an index, and tables over them, which decide whole blocks at once.

    Parameters
    ----------
    boxes : (n, 2) float64
        Clean boxes; see ``_check``. n may be 0.
    spec : GridSpec
        The grid of all shards.
    rows : (n,) int, optional
        Row of each box in the whole data set. Default: 0, 1, 2, ...
    threads : int, optional
        Default: the processors this process may use.
    weights : (n,) int64, optional
        How often each box counts. Default: once.
    """

    def __init__(
        self,
        boxes: Any,
        spec: GridSpec,
        rows: Any = None,
        *,
        threads: int | None = None,
        weights: IntArray | None = None,
    ) -> None:
        team = Team(thread_count(threads))
        found = sort(Arrays([boxes], whole=True), spec, team)
        each = None if weights is None else weights[found.row]
        if rows is not None:
            found.row[:] = np.asarray(rows)[found.row]
        self._hold(found, spec, each, team)

    @classmethod
    def of(cls, boxes: Sorted, spec: GridSpec, weights: IntArray | None = None, *, threads: int | None = None) -> Shard:
        """Return a shard of boxes that are sorted already; the weights are in the order of the cells."""
        shard = cls.__new__(cls)
        shard._hold(boxes, spec, weights, Team(thread_count(threads)))
        return shard

    def _hold(self, boxes: Sorted, spec: GridSpec, weights: IntArray | None, team: Team) -> None:
        self.grid = Grid(boxes, spec, weights)
        self.work = deal(self.grid, team)
        super().__init__(boxes.w, boxes.h, boxes.row, threads=team.threads, weights=weights)
        self._tabled = self.grid.weight <= WHOLE
        self._first, self._last = (int(boxes.row.min()), int(boxes.row.max())) if len(boxes.row) else (0, -1)

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.grid.nbytes

    @property
    def resident(self) -> int:
        """Size in bytes of what is not mapped from a file."""
        return self.grid.nbytes - self.grid.mapped

    def row_weights(self) -> tuple[Any, IntArray] | None:
        """Return rows, and how often each counts; None for once."""
        return None if self.counted is None else (self.grid.row, self.counted)

    def sizes(self) -> tuple[float, float]:
        """Return the least and the largest side of all shards."""
        return self.grid.spec.sizes

    def below(self, side: float) -> Below:
        """Count the boxes with both sides below `side`, and those with at least one."""
        return Below(0, 0) if self.sizes()[0] >= side else super().below(side)

    # ---- rows

    def _places(self, rows: IntArray) -> IntArray:
        """Return the places of the boxes of these rows."""
        held, low_bits = self.grid.row, np.zeros(1 << 16, np.uint8)
        wanted = np.zeros(max(int(rows.max(initial=-1)), self._last) + 1, np.uint8)
        low_bits[rows & 0xFFFF] = wanted[rows] = 1

        def work(lo: int) -> IntArray:
            places = np.empty(min(PIECE, len(held) - lo), np.int64)
            count = kernel_part("grid").seek(held, lo, lo + len(places), low_bits, wanted, places)
            return places[:count].copy()

        return np.concatenate([np.empty(0, np.int64), *self.work.team.run(work, range(0, len(held), PIECE))])

    def distinct(self, limit: int) -> FloatArray:
        """Return distinct boxes, all of them or `limit`; boxes of different cells are distinct."""
        offsets, some = self.grid.offsets, np.linspace(0, len(self) - 1, 4 * limit).astype(np.int32)
        cells = np.unique(np.searchsorted(offsets, some, side="right") - 1)[:limit]
        if len(self) <= 4 * limit or len(cells) < limit or self.counted is not None:
            return super().distinct(limit)
        at = offsets[cells]
        return np.column_stack([self.w[at], self.h[at]])

    # ---- k-means

    def lloyd(self, metric: Metric, sides: Scale | None) -> ShardLloyd:
        """Begin a run of k-means; with the scale of the sums of sides if centres move to means."""
        return ShardLloyd(self, metric, sides)

    def nearest(self, centers: FloatArray, metric: Metric, scale: Scale) -> Nearby:
        """Count each centre's boxes, and add up their distances."""
        answer = Assignment(self.work, centers, metric) if metric in METRICS else None
        if answer is None or not answer.pays():
            return super().nearest(centers, metric, scale)
        sums = answer.visit(lambda boxes, _, distance: scale.sum(self.kernels, distance, self.weights_of(boxes)))
        return Nearby(answer.shares().hist.counts, sum(sums, start=scale.zeros()))

    def labels(self, centers: FloatArray, metric: Metric, first: int, last: int) -> tuple[Any, LabelArray]:
        """Return the rows of this part from `first` to before `last`, minus `first`, and their centres."""
        if first > self._first or last <= self._last:
            return super().labels(centers, metric, first, last)
        return self.grid.row - first if first else self.grid.row, self.labels_by_cell(centers, metric)

    def labels_by_cell(self, centers: FloatArray, metric: Metric) -> LabelArray:
        """Return the nearest centre of each box, (n,), in the order of the cells."""
        labels = np.empty(len(self), np.int32)
        if metric not in METRICS:
            self.assign(centers, metric, labels)
            return labels

        def write(boxes: slice, found: LabelArray, distance: FloatArray) -> None:
            labels[boxes] = found

        Assignment(self.work, centers, metric).visit(write, labelled=True)
        return labels

    def farthest(self, centers: FloatArray, metric: Metric) -> Far:
        """Return the box that is farthest from its nearest centre."""
        if metric not in METRICS:
            return super().farthest(centers, metric)

        def look(boxes: slice, labels: LabelArray, distance: FloatArray) -> tuple[float, int, int]:
            if not distance.size:
                return -1.0, 0, 0
            if self.counted is not None:
                distance[self.counted[boxes] == 0] = -1.0
            top = distance.max()
            at = boxes.start + np.flatnonzero(distance == top)
            at = at[self.grid.row[at].argmin()]
            return float(top), -int(self.grid.row[at]), int(at)

        top, row, at = max(Assignment(self.work, centers, metric).visit(look))
        return Far(top, -row, np.array([self.w[at], self.h[at]]) if len(self) else np.empty(2))

    def cells(self, centers: FloatArray, metric: Metric) -> LabelArray:
        """Return the nearest centre of each cell, (nx * ny,); -1 if its boxes have different ones, or it is empty."""
        cells: LabelArray = Assignment(self.work, centers, metric).painted().cells
        return cells

    # ---- fitness

    def fitness(self, anchors: FloatArray, thr: float) -> tuple[float, int]:
        """Return the sum over the boxes of ``best * (best > thr)``, to 1e-12, and the number of those above thr."""
        if not self._tabled:
            return super().fitness(anchors, thr)
        return plain(self.grid, anchors, thr, self.work.team)

    def search(
        self, mutants: Sequence[FloatArray], thr: float, needs: Sequence[float], sure: float
    ) -> list[float | None]:
        """Return the total of each of these anchors, or None if it is certainly below its need.

        Threads take the anchors in order, and skip those after the first total above `sure`.
        """
        if not self._tabled:
            return super().search(mutants, thr, needs, sure)
        end = len(mutants)

        def evaluate(i: int) -> float | None:
            nonlocal end
            if i >= end:
                return None
            found = Search(self.grid, mutants[i], thr).finish(needs[i])
            if found is None:
                return None
            if found[0] > sure:
                end = min(end, i + 1)  # a race between threads only costs time
            return float(found[0])

        return self.work.team.run(evaluate, range(len(mutants)))

    def bounds(self, mutants: Sequence[FloatArray], thr: float) -> FloatArray:
        """Return upper bounds of the totals of these anchors, (m,), without a pass over the boxes."""
        if not self._tabled:
            return super().bounds(mutants, thr)
        found = self.work.team.run(lambda anchors: Search(self.grid, anchors, thr).bound(), mutants)
        return np.array(found)

    def tops(self, mutants: Sequence[FloatArray], objective: Objective, need: float) -> FloatArray:
        """Return upper bounds of the sums of an objective's values, (m,); coarse ones if these are below `need`."""
        counted = objective.counted
        if counted is None or not self._tabled:
            return super().tops(mutants, objective, need)
        self.grid.moments(self.work.team, self.work.spans)  # before threads need them
        found = self.work.team.run(lambda anchors: upper_bound(self.work, anchors, counted, need), mutants)
        return np.array(found)

    def profile(self, anchors: FloatArray, thr: float, areas: Sequence[float]) -> Profile:
        """Return sums over the boxes for a report; see ``_protocol.Profile``."""
        (kw, kh), limits, report = columns_of(anchors), np.array(areas, np.float64), kernel_part("report")

        def work(chunks: list[slice]) -> list[Profile]:
            found = []
            for c in chunks:
                out = report.Tally.empty(kw.size, limits.size + 1)
                self.grid.pages.follow(c.start, c.stop)
                report.tally(self.grid.w[c], self.grid.h[c], kw, kh, thr, limits, out, self.weights_of(c))
                found.append(Profile.tallied(out))
            return found

        return Profile.total([Profile.empty(kw.size, areas), *self.each(work)])


class ShardLloyd:
    """A run of k-means over the boxes of a shard; it stores the previous step."""

    def __init__(self, shard: Shard, metric: Metric, sides: Scale | None) -> None:
        self.shard, self._metric, self._sides = shard, metric, sides
        self._last: Assignment | None = None
        self._now: Assignment | None = None
        self._hist: Histograms | None = None
        self._bands: Bands | None = None
        if metric == "iou" and shard.counted is None and len(shard) >= LEAST:
            self._bands = Bands(shard.work, None if sides is None else sides.factor)
        self._centers: FloatArray | None = None  # of this step, where late steps are possible, and of the one before
        self._before: FloatArray | None = None
        self._moved = True  # whether a box changed its centre in a late step

    def late(self, centers: FloatArray) -> Late | None:
        """Return a step that looks only at boxes that may have moved; None if it has to be taken from scratch."""
        return self._bands.late(self._moved) if self._bands is not None and self._advanced(centers) else None

    def _advanced(self, centers: FloatArray) -> bool:
        """Take a late step; return whether there is one."""
        if self._bands is None:
            return False
        self._before, self._centers = self._centers, np.array(centers, dtype=np.float64)
        moved = self._bands.step(self._before, self._centers)
        if moved is None:
            return False
        self._moved, self._now = moved, None
        return True

    def look(self, centers: FloatArray, patient: bool) -> bool:
        """Begin a step; return whether it costs less than a dense step, or the caller is `patient`.

        A patient caller has several shards, and did not ask for a late step before.
        """
        if patient and self._advanced(centers):
            return True
        now = Assignment(self.shard.work, centers, self._metric, patient)
        self._last, self._now = self._now, now
        return now.pays()

    def shares(self) -> Share:
        """Return each centre's share of the boxes."""
        if self._now is None and self._bands is not None:
            share = self._bands.share()
            self._hist = share.hist
            return share
        share = self.now.shares(self._sides)
        self._hist = share.hist
        if self._bands is not None:
            self._bands.scratched(self.now, share.sums)
        return share

    def medians(self) -> FloatArray:
        """Return the medians of each centre's boxes, (k, 2), for an index of a single shard."""
        return self.now.medians(self.hist)

    def refined(self, sought: Sought) -> Histograms:
        """Complete the histograms inside the coarse bins sought, and return them."""
        if self._now is not None:  # those of a late step are complete
            kernel_part("shards").refine(self.shard.grid.tables, Leaves.joined(self.now.leaves), self.hist, sought)
        return self.hist

    def sides(self, sought: Sought) -> list[Found]:
        """Return the sides of each centre's boxes in the bins sought: by axis, centre, and lower or upper middle."""
        here = Sought.empty(len(self.hist.counts))._replace(bins=sought.bins)
        if self._now is None and self._bands is not None:
            found = self._bands.gathered(here)
        else:
            leaves = Leaves.joined(self.now.leaves)
            found = kernel_part("shards").sides(self.shard.grid.tables, self.now.centers, leaves, self.hist, here)
        places = zip(here.start.reshape(-1).tolist(), here.cursor.reshape(-1).tolist(), strict=True)
        return [Found(found.values[lo:hi], found.weights[lo:hi]) for lo, hi in places]

    def changed(self) -> bool:
        """Return whether the centre of any box changed since the previous step."""
        if self._now is None:
            return self._moved
        if self._last is None and self._before is not None:
            self._last = Assignment(self.shard.work, self._before, self._metric, patient=True)
        return self._last is None or not self.now.equals(self._last)

    @property
    def now(self) -> Assignment:
        """The current step."""
        assert self._now is not None
        return self._now

    @property
    def hist(self) -> Histograms:
        """Histograms of the current step."""
        assert self._hist is not None
        return self._hist
