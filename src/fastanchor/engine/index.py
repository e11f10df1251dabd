"""The box index: an engine that decides regions of boxes at once. Same answers as the dense engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check, kernels
from fastanchor._errors import BackendError, DataError
from fastanchor._hints import setting
from fastanchor._types import FloatArray, IntArray, Metric, Sizes, Update
from fastanchor._weights import Weights, counting
from fastanchor.boxes import Boxes
from fastanchor.engine._assignment import Share
from fastanchor.engine._grid import survey
from fastanchor.engine._layout import GridSpec, Layout
from fastanchor.engine._merged import MergedShard, merged
from fastanchor.engine._order_statistics import places
from fastanchor.engine._reduce import Reduced, StepTaken
from fastanchor.engine._shard import Shard
from fastanchor.engine.dense import DenseLloyd
from fastanchor.kernels import part as kernel_part
from fastanchor.kernels._tables import METRICS, Found, Histograms, Sought

__all__ = ["BoxIndex"]


class BoxIndex(Reduced):
    """Boxes sorted into a grid once, so that the time of later questions hardly grows with their number.

    It is accepted wherever boxes are, and may be used by several Python threads at once.

    Parameters
    ----------
    boxes : (n, 2) array-like or Boxes
        Widths and heights > 0, in any unit.
    threads : int, optional
        Default: all processors that this process may use; never changes the answer.
    weights : (n,) array-like, optional
        How often each box counts, see :func:`fastanchor.kmeans`.

    Raises
    ------
    BackendError
        If numba is not installed, or the NumPy backend is selected.
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
    shards: tuple[Shard, ...]

    def __init__(
        self,
        boxes: Boxes | Sizes,
        *,
        threads: int | None = None,
        weights: ArrayLike | None = None,
        _where: Layout | None = None,
    ) -> None:
        if threads is not None:
            threads = _check.integer(threads, "threads", least=1)
        wh = _check.as_sizes(boxes.wh if isinstance(boxes, Boxes) else boxes, "boxes")
        if weights is None and isinstance(boxes, Boxes):
            weights = boxes.weights
        counted = None if weights is None else counting(weights, "weights", len(wh))
        if kernels.current() != "numba":
            use = setting("engine", "dense")
            raise BackendError(f"engine 'index' needs numba, but the NumPy backend is selected; use {use}")
        seen, each = survey(wh, threads), None if counted is None else counted.each
        alike = merged(wh, each, seen.sample)
        if alike is None:
            self.shards = (Shard(wh, GridSpec.of(seen, _where), threads=threads, weights=each),)
        else:
            spec = GridSpec.of(seen._replace(number=len(alike.boxes)))
            self.shards = (MergedShard(alike, spec, threads=threads, weights=each),)
        super().__init__(self.shards, weights=counted)

    @classmethod
    def of(cls, shards: Sequence[Shard], each: Callable[..., Iterable[Any]] = map) -> BoxIndex:
        """Return an index over shards that share a grid and together contain each row of a data set once.

        All of them have weights, or none. `each` applies a function to all shards, as ``map`` does:
        ``each(function, shards)``.
        """
        index = cls.__new__(cls)
        index.shards = tuple(shards)
        Reduced.__init__(index, index.shards, each, _weights(index.shards))
        return index

    @property
    def nbytes(self) -> int:
        """Size of the index in bytes."""
        return sum(shard.nbytes for shard in self.shards)

    def lloyd(self, metric: Metric, update: Update) -> Lloyd | DenseLloyd:
        """Begin a run of k-means; a dense one under "ratio", where no block can be decided at once."""
        if metric in METRICS:
            return Lloyd(self, metric, update)
        return DenseLloyd(self, metric, update)


def _weights(shards: Sequence[Shard]) -> Weights | None:
    """Return the weights of all rows of some shards."""
    counted = [(shard.rows, shard.counted) for shard in shards if shard.counted is not None]
    if not counted:
        return None
    if len(counted) < len(shards):
        raise DataError("shards: some have weights and others have none")
    each = np.zeros(sum(map(len, shards)), np.int64)
    for rows, own in counted:
        each[rows] = own
    return Weights(each, 1.0)


def _ordered(parts: Sequence[Found]) -> tuple[FloatArray, IntArray | None]:
    """Return the values of several shards in order, and their cumulative weights, None without weights."""
    values, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = values.argsort()
    return values[order], weights[order].cumsum() if weights.size else None


class Lloyd:
    """A run of k-means steps.

    With a single shard, the run continues densely from the first step that would cost more on the index. The decision
    is by counts, not by time, so that the same boxes switch at the same step everywhere.
    """

    def __init__(self, index: BoxIndex, metric: Metric, update: Update) -> None:
        self._index, self._metric, self._update = index, metric, update
        self._scale = index.sides() if update == "mean" else None
        self._runs = index._ask("lloyd", metric, self._scale)
        self._last: tuple[FloatArray, IntArray, FloatArray] | None = None
        self._densely: DenseLloyd | None = None

    def step(self, centers: FloatArray) -> StepTaken:
        """Assign the boxes to `centers` and return the step with the updated centres."""
        if self._densely is not None:
            return self._densely.step(centers)
        alone = len(self._runs) == 1
        late = self._ask("late", centers)[0] if alone else None
        if late is not None:
            return self._taken(centers, late.changed, late.counts, late.medians, late.sums)
        if not all(self._ask("look", centers, not alone)):
            last = None if self._last is None else self._last[0]
            self._densely = DenseLloyd(self._index, self._metric, self._update, last)
            self._runs, self._last = [], None
            return self._densely.step(centers)
        share = Share.total(self._ask("shares"))
        counts, after = share.hist.counts, np.empty((0, 2))
        if self._scale is None:
            after = self._ask("medians")[0] if alone else self._medians(share.hist)
        return self._taken(centers, None, counts, after, share.sums)

    def _taken(
        self, centers: FloatArray, changed: bool | None, counts: IntArray, medians: FloatArray, sums: IntArray
    ) -> StepTaken:
        """Return the step with these answers; `changed` is None if it is not known yet."""
        after = medians
        if self._scale is not None:
            after = self._scale.means(sums.reshape(len(counts), 2, -1), counts)
        if changed is None:
            changed = True
            if self._last is not None and np.array_equal(counts, self._last[1]):
                # equal assignments have equal counts and equal new centres; the reverse fails only rarely
                changed = not np.array_equal(after, self._last[2], equal_nan=True) or any(self._ask("changed"))
        given = np.array(centers, dtype=np.float64)
        self._last = given, counts, after
        return StepTaken.of(changed, counts, after, lambda: self._index.nearest(given, self._metric).inertia)

    def _medians(self, hist: Histograms) -> FloatArray:
        """Return medians of boxes that are spread over several shards."""
        sought = Sought.empty(len(hist.counts))
        kernel_part("shards").coarse(hist, sought)
        refined = self._ask("refined", sought)
        kernel_part("shards").fine(Share.total([Share(part, np.empty(0, np.int64)) for part in refined]).hist, sought)
        found = [_ordered(parts) for parts in zip(*self._ask("sides", sought), strict=True)]
        out = np.full((len(hist.counts), 2), np.nan)
        for at, (axis, j) in enumerate(np.ndindex(2, len(hist.counts))):
            count = int(hist.counts[j])
            if count:
                (lower, ends), (upper, _) = found[2 * at], found[2 * at + 1]
                first = (count - 1 >> 1) - sought.before[axis, j, 0]
                same = sought.bins[axis, j, 0] == sought.bins[axis, j, 1]
                second = lower[places(ends, first + 1 - (count & 1))] if same else upper[0]
                out[j, axis] = (lower[places(ends, first)] + second) * 0.5
        return out

    def _ask(self, question: str, *arguments: Any) -> list[Any]:
        return self._index._ask_of(self._runs, question, *arguments)
