"""An engine over the parts of a data set: it puts every question to all parts, and adds up their answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import Fitness, FloatArray, IntArray, Metric
from fastanchor._weights import Weights
from fastanchor.engine._columns import BLOCK, Columns, columns_of
from fastanchor.engine._exact import BITS, NEAR, UNIT, Scale, coordinates, distances, near
from fastanchor.engine._objective import Objective
from fastanchor.engine._profile import Profile
from fastanchor.engine._protocol import Below, Nearest, Picked, Spread, Worth
from fastanchor.engine._rounded import distinct
from fastanchor.kernels import load

__all__ = ["Reduced", "StepTaken"]

Map = Callable[..., Iterable[Any]]


class Reduced:
    """The questions whose answers add up.

    Parameters
    ----------
    parts : sequence of Columns
        Together they contain each row of the data set once.
    each : callable, default ``map``
        Applies a function to all parts: called as ``each(function, parts)``.
    weights : Weights, optional
        How often each row counts; each part stores those of its rows. Default: once.
    """

    backend: str

    def __init__(self, parts: Sequence[Columns], each: Map = map, weights: Weights | None = None) -> None:
        self._parts, self._map, self.weights = list(parts), each, weights
        self._rowed: Sequence[Any] = self._parts  # they answer what depends on rows
        self._n = sum(part.held for part in self._parts)
        self._weight = self._n if weights is None else weights.total
        counted = [part.counted for part in self._parts if part.counted is not None]
        self._most = max((int(each.max(initial=0)) for each in counted), default=None)

    def _ask_of(self, parts: Sequence[Any], question: str, *arguments: Any) -> list[Any]:
        """Return the answers of these parts to a question."""
        return list(self._map(_Question(question, arguments), parts))

    def _ask(self, question: str, *arguments: Any) -> list[Any]:
        """Return the answers of all parts to a question."""
        return self._ask_of(self._parts, question, *arguments)

    def __len__(self) -> int:
        return self._n

    # ---- rows

    def take(self, rows: IntArray) -> FloatArray:
        """Return the boxes of these rows, (m, 2)."""
        rows = np.asarray(rows)
        out = np.empty((len(rows), 2))
        for places, boxes in self._ask_of(self._rowed, "take", rows):
            out[places] = boxes
        return out

    def distinct(self, limit: int) -> FloatArray:
        """Return distinct boxes, (m, 2): all there are, or `limit` of them."""
        found = [part[:, 0] + 1j * part[:, 1] for part in self._ask("distinct", limit)]
        union = distinct(np.concatenate(found))[:limit]
        return np.column_stack([union.real, union.imag])

    def below(self, side: float) -> Below:
        """Count the boxes with both sides below `side`, and those with at least one."""
        both, either = zip(*self._ask("below", side), strict=True)
        return Below(sum(both), sum(either))

    # ---- k-means

    def nearest(self, centers: FloatArray, metric: Metric) -> Nearest:
        """Count each centre's boxes and add up their distances."""
        scale = self._distances(metric, centers, self._most, squared=True)
        counts, digits = (sum(part) for part in zip(*self._ask("nearest", centers, metric, scale), strict=True))
        return Nearest(counts, scale.mean(scale.total(digits)))

    def best_iou(self, centers: FloatArray) -> float:
        """Return the mean over the boxes of the IoU with the best centre."""
        return math.fsum(value for part in self._ask("best_iou", centers) for value in part) / self._weight

    def labels(self, centers: FloatArray, metric: Metric, first: int = 0, last: int | None = None) -> IntArray:
        """Return the nearest centre of each box from row `first` to before row `last`."""
        first, last, _ = slice(first, last).indices(len(self))
        # as narrow as possible: rows come in the order of cells, and scattered writes cost in proportion to their width
        out = np.empty(max(0, last - first), np.min_scalar_type(len(centers)))
        for places, labels in self._ask_of(self._rowed, "labels", centers, metric, first, last):
            out[places] = labels.astype(out.dtype)
        return out.astype(np.int64)

    def spread(self, centers: FloatArray, metric: Metric, many: int) -> Spread:
        """Return up to `many` boxes, each farthest from the centres and the boxes before it (of equals the lowest row).

        There are fewer if no other box has a distance above 0.
        """
        found = []
        if many == 1:
            found = [self._first(self._ask_of(self._rowed, "farthest", centers, metric))]
        else:
            looks, new = self._ask_of(self._rowed, "spreading", metric), centers
            while len(found) < many:
                found.append(self._first(self._ask_of(looks, "farthest", new)))
                if found[-1].distance <= 0.0:
                    break
                new = found[-1].box[None]
        found = [far for far in found if far.distance > 0.0]
        boxes = np.array([far.box for far in found]).reshape(-1, 2)
        return Spread(np.array([far.row for far in found], np.int64), boxes, np.array([far.distance for far in found]))

    @staticmethod
    def _first(answers: list[Any]) -> Any:
        return max(answers, key=lambda far: (far.distance, -far.row))

    def pick(self, centers: FloatArray, metric: Metric, u: float) -> Picked | None:
        """Return the first row whose cumulative plain distance exceeds `u` times the total; None if that is zero."""
        most = None if self.weights is None else int(self.weights.each.max())
        scale = self._distances(
            metric, centers, most, squared=False
        )  # weights of rows, since parts may merge equal boxes
        count = (len(self) - 1 >> BLOCK) + 1
        blocks = self._ask_of(self._rowed, "blocks", centers, metric, scale, count)
        totals = [scale.total(digits) for digits in sum(blocks)]
        over, under = u.as_integer_ratio()
        rest = sum(totals) * over // under  # a whole number exceeds a fraction if it exceeds its floor
        return self._row_beyond(centers, metric, scale, totals, rest) if any(totals) else None

    def _row_beyond(
        self, centers: FloatArray, metric: Metric, scale: Scale, totals: Sequence[int], rest: int
    ) -> Picked:  # fmt: skip
        """Return the first row whose cumulative distance exceeds `rest`; `totals` are those of the blocks."""
        block = 0
        while totals[block] <= rest:
            rest -= totals[block]
            block += 1
        first = block << BLOCK
        parts = self._ask_of(self._rowed, "within", first, min(first + (1 << BLOCK), len(self)))
        rows, boxes = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = rows.argsort()
        rows, boxes = rows[order], boxes[order]
        distance = Columns(*columns_of(boxes), threads=1, backend=self.backend).plain(centers, metric)
        row = _exceeding(distance, scale, rest, None if self.weights is None else self.weights.each[rows])
        return Picked(int(rows[row]), boxes[row])

    def _distances(self, metric: Metric, centers: FloatArray, most: int | None, squared: bool) -> Scale:
        """Return a scale that represents all distances to these centres exactly, for weights up to `most`.

        It does not depend on how boxes are spread over parts.
        """
        if metric != "euclidean":
            return _counted(UNIT, most)
        low, top = self._sizes()
        size = np.abs(centers[centers != 0.0])
        low, top = min(low, float(size.min(initial=np.inf))), max(top, float(size.max(initial=0.0)))
        return _counted(distances(low, top, squared) if top > 0.0 else UNIT, most)

    def _sizes(self) -> tuple[float, float]:
        lows, tops = zip(*self._ask("sizes"), strict=True)
        return min(lows), max(tops)

    def sides(self) -> Scale:
        """Return a scale that represents all sides exactly."""
        low, top = self._sizes()
        return _counted(coordinates(low, top) if top > 0.0 else UNIT, self._most)

    # ---- fitness

    def fitness(self, anchors: FloatArray, thr: float) -> Fitness:
        """Return the ratio fitness and the best possible recall."""
        totals, above = zip(*self._ask("fitness", anchors, thr), strict=True)
        return Fitness(sum(totals) / self._weight, sum(above) / self._weight)

    def total(self, anchors: FloatArray, thr: float) -> int:
        """Return the exact sum of ``best * (best > thr)``, each truncated to a multiple of 2^-64, in that unit."""
        unit = _counted(UNIT, self._most)
        return unit.total(sum(self._ask("total", anchors, thr, unit)))

    def worth(self, anchors: FloatArray, objective: Objective) -> Worth:
        """Return the exact sum over the boxes of the objective's values, and their mean."""
        unit = _counted(UNIT, self._most)
        total = unit.total(sum(self._ask("worth", anchors, objective, unit)))
        return Worth(total, unit.mean(total, self._weight))

    def hopeful(self, mutants: Sequence[FloatArray], objective: Objective, need: int) -> list[int]:
        """Return the places of the anchors whose sum of values may be at least `need`, in units of 2^-64."""
        least = need / 2**64
        tops = self._ask("tops", mutants, objective, least if len(self._parts) == 1 else -np.inf)
        places: list[int] = np.flatnonzero(sum(tops) >= least).tolist()
        return places

    def first_fitter(
        self, mutants: Sequence[FloatArray], thr: float, than: float, of: FloatArray | None = None
    ) -> tuple[int, float] | None:
        """Return the place and the fitness of the first of these anchors that is fitter than `than`."""
        n = self._weight
        need, sure = than * (1.0 - NEAR) * n, than * (1.0 + NEAR) * n
        limit: int | None = None
        for i, total in enumerate(self._totals(mutants, thr, need, sure)):
            if total is None or total <= 0.0:
                continue
            value = total / n
            if not near(value, than):
                if value > than:
                    return i, value
                continue
            own = self.total(mutants[i], thr)
            if of is None:
                fitter = UNIT.mean(own, n) > than
            else:
                limit = self.total(of, thr) if limit is None else limit
                fitter = own > limit
            if fitter:
                return i, value
        return None

    def _totals(self, mutants: Sequence[FloatArray], thr: float, need: float, sure: float) -> list[float | None]:
        """Return totals; None if certainly below `need`, or after a total certainly above `sure`."""
        if len(self._parts) == 1:
            only: list[float | None] = self._ask("search", mutants, thr, [need] * len(mutants), sure)[0]
            return only
        # a part must reach what the bounds of the others leave
        tops = np.array(self._ask("bounds", mutants, thr))
        here: list[int] = np.flatnonzero(tops.sum(axis=0) >= need).tolist()
        some = [mutants[i] for i in here]
        questions = [_Question("search", (some, thr, (need - tops.sum(axis=0) + top)[here], np.inf)) for top in tops]
        answers = self._map(_put, questions, self._parts)
        found: list[float | None] = [None] * len(mutants)
        for i, *totals in zip(here, *answers, strict=True):
            found[i] = None if None in totals else sum(totals)
        return found

    def profile(self, anchors: FloatArray, thr: float, areas: Sequence[float]) -> Profile:
        """Return sums over the boxes for a report."""
        return Profile.total(self._ask("profile", anchors, thr, areas))


class StepTaken(NamedTuple):
    """One step of k-means."""

    changed: bool
    counts: IntArray
    centers: FloatArray
    distances: Callable[[], float]

    @property
    def inertia(self) -> float:
        """Sum of the distances to the given centres; computed at each use, by another pass over the boxes."""
        return self.distances()

    @classmethod
    def of(cls, changed: bool, counts: IntArray, centers: FloatArray, inertia: Callable[[], float]) -> StepTaken:
        """Return a step with read-only arrays."""
        counts.flags.writeable = centers.flags.writeable = False
        return cls(changed, counts, centers, inertia)


class _Question(NamedTuple):
    """A question and its arguments; can be pickled."""

    name: str
    arguments: tuple[Any, ...]

    def __call__(self, part: Any) -> Any:
        return getattr(part, self.name)(*self.arguments)


def _counted(scale: Scale, most: int | None) -> Scale:
    """Return the scale for values with weights up to `most`; None for no weights."""
    return scale if most is None else scale.weighted(most)


def _put(question: _Question, part: Any) -> Any:
    return question(part)


def _exceeding(values: FloatArray, scale: Scale, rest: int, weights: IntArray | None = None) -> int:
    """Return the first place where the exact cumulative sum of `values` exceeds `rest`."""
    digits = scale.zeros(len(values))
    scale.add(load("numpy"), values, digits, np.arange(len(values), dtype=np.int32), weights)
    sums = digits.cumsum(axis=0)
    for place in range(scale.digits - 1, 0, -1):  # carry
        sums[:, place - 1] += sums[:, place] >> BITS
        sums[:, place] &= (1 << BITS) - 1
    more, same = np.zeros(len(values), bool), np.ones(len(values), bool)
    for place in range(scale.digits):
        shift = BITS * (scale.digits - 1 - place)
        limit = rest >> shift if place == 0 else rest >> shift & (1 << BITS) - 1
        more |= same & (sums[:, place] > limit)
        same &= sums[:, place] == limit
    return int(more.argmax())
