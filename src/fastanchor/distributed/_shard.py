"""The shard of a part: consecutive rows of the data set, and answers made for few and small messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray, Metric
from fastanchor.distributed._ranks import Sample, sampled
from fastanchor.engine import GridSpec
from fastanchor.engine._building import weights_of_rows
from fastanchor.engine._columns import BLOCK, Columns
from fastanchor.engine._exact import Scale
from fastanchor.engine._protocol import Picked
from fastanchor.engine._reduce import Reduced
from fastanchor.engine._shard import Shard, ShardLloyd
from fastanchor.engine._spreading import Far, Spreading
from fastanchor.kernels import part as kernel_part
from fastanchor.kernels._tables import METRICS, Histograms, Sought

__all__ = ["Consecutive", "Judged", "PartLloyd", "Tally", "Wanted"]

SPREAD = 0.3  # times the root of the number of boxes
NEAR, SPACED = 384, 128  # values sent of a range that is asked for: around the likely place, and from all over it


class Judged(NamedTuple):
    """Totals of anchors, None below the floor."""

    totals: list[float | None]
    floor: float


class Tally(NamedTuple):
    """A part's share of a step: boxes of each centre (k,), in each coarse bin (2 x (k, bins)), and sums of sides.

    `sample` has values of the sides around the given centres, one range per axis and centre; None for means.
    """

    counts: IntArray
    coarse: tuple[IntArray, IntArray]
    sums: IntArray
    sample: Sample | None


class Wanted(NamedTuple):
    """A rank to find: among the sides of a centre's boxes in a coarse bin, from `low` to `high`.

    `share` is the likely place in that range, from 0 to 1.
    """

    axis: int
    center: int
    coarse: int
    low: float
    high: float
    share: float


class Consecutive(Shard):
    """A shard of consecutive rows of the data set, from row `first` on.

    Its boxes are numbered from 0, so that their numbers take four bytes however many boxes other shards have.
    """

    def __init__(
        self,
        boxes: FloatArray,
        spec: GridSpec,
        first: int,
        *,
        threads: int | None = None,
        weights: IntArray | None = None,
    ) -> None:
        super().__init__(boxes, spec, threads=threads, weights=weights)
        self.first = first

    def lloyd(self, metric: Metric, sides: Scale | None) -> PartLloyd:
        """Begin a run of k-means; with the scale of the sums of sides if centres move to means."""
        return PartLloyd(self, metric, sides)

    def judged(self, mutants: Sequence[FloatArray], thr: float, of: FloatArray) -> Judged:
        """Return totals of anchors, None for one that is certainly below the floor, and the floor.

        It lies below the total of the anchors `of` by what shards of one distribution differ, since the sum over all
        parts decides. So one trip nearly always suffices.
        """
        own, _ = self.fitness(of, thr)
        floor = own - SPREAD * self.grid.weight**0.5
        return Judged(self.search(mutants, thr, [floor] * len(mutants), np.inf), floor)

    def take(self, rows: IntArray) -> tuple[IntArray, FloatArray]:
        """Return the places in `rows` of the rows of this part, and their boxes."""
        own = np.asarray(rows) - self.first
        here = np.flatnonzero((own >= 0) & (own < len(self)))
        places, boxes = super().take(own[here])
        return here[places], boxes

    def labels(self, centers: FloatArray, metric: Metric, first: int, last: int) -> tuple[Any, LabelArray]:
        """Return the rows of this part from `first` to before `last`, minus `first`, and their centres."""
        low, high = max(first - self.first, 0), min(last - self.first, len(self))
        if low >= high:
            return np.empty(0, np.int64), np.empty(0, np.int32)
        places, labels = super().labels(centers, metric, low, high)
        return np.asarray(places, dtype=np.int64) + (low + self.first - first), labels

    def distance(self, centers: FloatArray, metric: Metric, scale: Scale) -> IntArray:
        """Return the digits of the sum of the plain distances of all boxes."""
        digits: IntArray = self.blocks(centers, metric, scale, (len(self) >> BLOCK) + 1).sum(axis=0)
        return digits

    def beyond(self, centers: FloatArray, metric: Metric, scale: Scale, rest: int) -> Picked:
        """Return the first row whose cumulative plain distance, from the first row here on, exceeds `rest`."""
        alone = Reduced([self], weights=weights_of_rows([self]))
        alone.backend = self.backend
        totals = [scale.total(digits) for digits in self.blocks(centers, metric, scale, (len(self) >> BLOCK) + 1)]
        found = alone._row_beyond(centers, metric, scale, totals, rest)
        return found._replace(row=found.row + self.first)

    def farthest(self, centers: FloatArray, metric: Metric) -> Far:
        """Return the box that is farthest from its nearest centre."""
        if metric not in METRICS:
            return self.spreading(metric).farthest(centers)
        far = super().farthest(centers, metric)
        return far._replace(row=far.row + self.first)

    def spreading(self, metric: Metric) -> Spreading:
        """Begin a search for boxes far from centres, to which more centres are added later."""
        return _Spreading(self, metric, self.first)


class _Spreading(Spreading):
    def __init__(self, columns: Columns, metric: Metric, first: int) -> None:
        super().__init__(columns, metric)
        self._first = first

    def farthest(self, new: FloatArray) -> Far:
        """Add centres, and return the box that is then the farthest."""
        far = super().farthest(new)
        return far._replace(row=far.row + self._first)


class PartLloyd(ShardLloyd):
    """A run of k-means over a part: a step is one message, and finding medians seldom takes another."""

    def __init__(self, shard: Consecutive, metric: Metric, sides: Scale | None) -> None:
        super().__init__(shard, metric, sides)
        self._bands = None  # late steps are for an index of one shard
        self._settled: Histograms | None = None  # of the step, with no coarse bin completed
        self._known: dict[tuple[int, int, int], tuple[FloatArray, int]] = {}

    def step(self, centers: FloatArray, many: int) -> Tally:
        """Assign the boxes to `centers`; send up to `many` values around each side of a centre."""
        self._known.clear()
        self.look(centers, True)
        share = self.shares()
        self._settled = Histograms(*(column.copy() for column in share.hist))
        coarse = (
            self._coarse(share.hist.coarse_w, share.hist.fine_w),
            self._coarse(share.hist.coarse_h, share.hist.fine_h),
        )
        sample = self._around(centers, coarse, many) if self._sides is None else None
        return Tally(share.hist.counts, coarse, share.sums, sample)

    def ranks(self, wanted: Sequence[Wanted]) -> Sample:
        """Return a sample of values in each of these ranges."""
        self._learn([one for one in wanted if one[:3] not in self._known])
        ranges, near = [], []
        for one in wanted:
            values, start = self._known[one[:3]]
            first, last = np.searchsorted(values, one.low, "left"), np.searchsorted(values, one.high, "right")
            ranges.append((values[first:last], start + int(first)))
            near.append(int(one.share * (last - first)))
        return sampled(ranges, near, NEAR, SPACED)

    def _coarse(self, coarse: IntArray, fine: IntArray) -> IntArray:
        """Return the boxes of each centre in coarse bins: those of settled blocks, and those of open ones."""
        total = coarse.copy()
        starts = np.arange(0, fine.shape[1], 1 << _shift())
        total[:, : len(starts)] += np.add.reduceat(fine, starts, axis=1)
        return total

    def _around(self, centers: FloatArray, coarse: tuple[IntArray, IntArray], many: int) -> Sample:
        """Return the values around each side of each centre: of its bin and of the nearer of the bins beside it."""
        spec, bins = self.shard.grid.spec, np.empty((2, len(centers), 2), np.int64)
        for axis, (base, edge) in enumerate(((spec.base_w, spec.edge_w), (spec.base_h, spec.edge_h))):
            side = np.ascontiguousarray(centers[:, axis])
            own = np.clip((side.view(np.int64) - base) >> spec.shift, 0, len(edge) - 2)
            upper = side > (edge[own] + edge[own + 1]) / 2.0
            bins[axis] = np.column_stack([np.where(upper, own, own - 1), np.where(upper, own + 1, own)])
            bins[axis] = bins[axis].clip(0, len(edge) - 2)
        found = self._sorted(bins)
        hist, ranges, near = self.hist, [], []
        for (axis, j), values in found.items():
            fine, low = (hist.fine_h if axis else hist.fine_w), int(bins[axis, j, 0])
            block = low >> _shift()
            start = coarse[axis][j, :block].sum() + fine[j, block << _shift() : low].sum()
            ranges.append((values, int(start)))
            near.append(int(np.searchsorted(values, centers[j, axis])))
        return sampled(ranges, near, many, 0)

    def _sorted(self, bins: IntArray) -> dict[tuple[int, int], FloatArray]:
        """Return the sorted values in two bins, the lower first, of each axis and centre; bins of -1 are empty."""
        assert self._settled is not None
        self._hist = Histograms(*(column.copy() for column in self._settled))
        sought = Sought.empty(bins.shape[1])
        self.refined(sought._replace(bins=bins >> _shift()))
        found = self.sides(sought._replace(bins=bins))
        return {
            (axis, j): np.sort(np.concatenate([found[2 * at].values, found[2 * at + 1].values]))
            for at, (axis, j) in enumerate(np.ndindex(*bins.shape[:2]))
        }

    def _learn(self, wanted: Sequence[Wanted]) -> None:
        """Collect the values of coarse bins, two bins at a time; one coarse bin of an axis and centre after another."""
        while wanted:
            now = {(one.axis, one.center): one.coarse for one in reversed(wanted)}
            wanted = [one for one in wanted if now[one.axis, one.center] != one.coarse]
            parts: dict[tuple[int, int], list[FloatArray]] = {at: [] for at in now}
            grid, size = self.shard.grid, 1 << _shift()
            for step in range(0, size, 2):
                bins = np.full((2, len(self.now.given), 2), -1, np.int64)
                for (axis, j), coarse in now.items():
                    some = np.arange(2) + (coarse * size + step)
                    bins[axis, j] = np.where(some < (grid.ny if axis else grid.nx), some, -1)
                found = self._sorted(bins)
                for at, values in parts.items():
                    values.append(found[at])
            assert self._settled is not None
            for (axis, j), coarse in now.items():
                hist = self._settled
                own = self._coarse(*((hist.coarse_h, hist.fine_h) if axis else (hist.coarse_w, hist.fine_w)))
                self._known[axis, j, coarse] = np.concatenate(parts[axis, j]), int(own[j, :coarse].sum())


def _shift() -> int:
    """Return the bits of a bin inside its coarse bin."""
    shift: int = kernel_part("marginals").COARSE
    return shift
