"""What scores anchors in the search for sizes and ratios: an objective of sides alone, or matches on the grids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fastanchor import kernels
from fastanchor._types import FloatArray, IntArray
from fastanchor.detectors._detector import Detector
from fastanchor.detectors._doubts import FAR
from fastanchor.detectors._shapes import Form
from fastanchor.engine import Engine, Objective, objective_of
from fastanchor.matching import OFFSETS, Cells, fractions
from fastanchor.optimum._points import Points, points_of

__all__ = ["PLACED", "Aim", "Judge", "aim_of"]

PLACED = "placed"  # the objective of matches on the grids
ROOM = 0.97  # of the strides of a size: rounding and uneven ratios may add the rest
HALF = np.float32(0.5)
SLOPE = 0.05  # IoU by which a box may miss the threshold of a match and, in the search, still count in part


class Judge(Protocol):
    """Scores anchors on points, at some places of each."""

    @property
    def places(self) -> int:
        """The number of places."""
        ...

    @property
    def points(self) -> Points:
        """The boxes."""
        ...

    def over(self, points: Points) -> Judge:
        """Return the same for other points."""
        ...

    def values(self, anchors: FloatArray, rows: IntArray) -> Any:
        """Return the match of each point with the best of some anchors, those of these rows."""
        ...

    def mean(self, values: Any) -> float:
        """Return the score of matches."""
        ...


class Plain(NamedTuple):
    """Scores sides alone by an objective."""

    points: Points
    objective: Objective
    places: int = 1

    def over(self, points: Points) -> Judge:
        """Return the same for other points."""
        return self._replace(points=points)

    def values(self, anchors: FloatArray, rows: IntArray) -> Any:
        """Return the value of each point, (m,)."""
        w, h = np.ascontiguousarray(self.points.w), np.ascontiguousarray(self.points.h)
        kw, kh = np.ascontiguousarray(anchors[:, 0]), np.ascontiguousarray(anchors[:, 1])
        return self.objective.values(w, h, kw, kh, kernels.load())

    def mean(self, values: Any) -> float:
        """Return the mean value."""
        return float(values @ self.points.weight)


class Grids(NamedTuple):
    """The grids of a detector: the level of each anchor (k,), the strides of the levels, where the centres are."""

    level: IntArray
    strides: tuple[float, ...]
    cells: Cells


class Placed:
    """Scores matches on the grids: the share of boxes that have one, and the mean of their best IoU, half of each.

    Both are means over places of each box. `slope` is the IoU by which a box may miss a match and count in part.
    """

    places = OFFSETS

    def __init__(self, points: Points, grids: Grids, above: float, slope: float = SLOPE) -> None:
        self.points, self._grids, self._above, self._slope = points, grids, above, slope
        self._wh = np.stack([points.w, points.h]).astype(np.float32)
        self._near = _near(self._wh, grids)
        self._weight = np.tile(points.weight / OFFSETS, OFFSETS).astype(np.float32)

    def over(self, points: Points) -> Judge:
        """Return the same for other points."""
        return Placed(points, self._grids, self._above, self._slope)

    def values(self, anchors: FloatArray, rows: IntArray) -> Any:
        """Return the best IoU of each point at each place, (places * m,)."""
        best = np.empty((OFFSETS, self._wh.shape[1]), np.float32)
        sides = np.ascontiguousarray(anchors.T, dtype=np.float32)
        kernels.part("placed" if kernels.current() == "numba" else "placed_numpy").best_placed(
            self._wh, self._near, sides, self._grids.level[rows], best
        )
        return best.ravel()

    def mean(self, values: Any) -> float:
        """Return the score of best IoU, from 0 to 1."""
        part: Any = values >= np.float32(self._above)
        if self._slope:
            part = np.clip((values - np.float32(self._above)) / np.float32(2 * self._slope) + HALF, 0.0, 1.0)
        return float((part + values) @ self._weight) / 2.0


class Aim(NamedTuple):
    """What the search maximises.

    Its name, what scores anchors in the search, the score of those of each level, and of parameters, (p,): those that
    the search looks at first, and their limits.
    """

    name: str
    judge: Judge
    score: Callable[[Sequence[FloatArray]], float]
    start: FloatArray | None = None
    most: FloatArray | None = None


def aim_of(
    objective: str | Objective, thr: float, answers: Engine, detector: Detector, form: Form, most: float | None
) -> Aim:
    """Return what the search maximises on some boxes; `most` are the strides that a size may have."""
    points = points_of(answers)
    if most is None and objective == PLACED and len(detector.strides) > 1:
        most = ROOM * FAR
    limits = None if most is None else _limits(form, detector, most)
    if objective == PLACED:
        judge = Placed(points, _grids(form.per_level, detector), detector.matching.above)
        start = form.parameters(detector.default)
        return Aim(PLACED, judge, lambda parts: _placed(points, parts, detector), start, limits)
    aim = objective_of(objective, thr)
    scored = aim.over(answers)

    def score(parts: Sequence[FloatArray]) -> float:
        return scored.fitness(np.concatenate(parts), thr).fitness

    return Aim(aim.name, Plain(points, aim), score, None, limits)


def _grids(counts: Sequence[int], detector: Detector) -> Grids:
    return Grids(np.repeat(np.arange(len(counts)), counts), detector.strides, detector.cells)


def _limits(form: Form, detector: Detector, most: float) -> FloatArray:
    """Return the limits of parameters, (p,), that keep the sizes of each level within so many strides."""
    linear = form.linear
    limit = np.log(most * np.repeat(np.array(detector.strides, np.float64), form.per_level))
    room = limit[:, None] - linear.offset.mean(axis=1)[:, None]
    used = linear.matrix.mean(axis=1) > 0.0  # the size of the anchor depends on the parameter
    limits: FloatArray = np.where(used, room, np.inf).min(axis=0, initial=np.inf)
    return limits


def _placed(points: Points, parts: Sequence[FloatArray], detector: Detector) -> float:
    """Return the score of anchors of each level, without parts of matches."""
    anchors = np.concatenate(parts)
    judge = Placed(points, _grids([len(part) for part in parts], detector), detector.matching.above, 0.0)
    return judge.mean(judge.values(anchors, np.arange(len(anchors))))


def _near(wh: NDArray[np.float32], grids: Grids) -> NDArray[np.float32]:
    """Return the distances from boxes to the nearest centre of each level, (places, levels, 2, m).

    The size of an image is not known here, so strides are the nominal ones and grids have no borders; `Cells.grids` has
    those of an image.
    """
    stride = np.array(grids.strides, np.float32)[:, None, None]
    low = (fractions() * max(grids.strides)).astype(np.float32)
    centre = low[:, None, :, None] + wh / np.float32(2.0) - np.float32(grids.cells.offset) * stride
    inside = centre % stride
    return np.ascontiguousarray(np.minimum(inside, stride - inside))
