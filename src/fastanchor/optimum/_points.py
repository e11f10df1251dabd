"""The boxes as points of the plane of log sizes: equal ones merged, or gathered into cells where they are many."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor._weights import weights_of
from fastanchor.engine import Engine

__all__ = ["CELLS", "DISTINCT", "STRAIGHT", "TURN", "Points", "gathered", "points_of", "single", "weighted"]

DISTINCT = 16_384  # distinct sizes up to which each is a point of its own
CELLS = 256  # cells along each axis of the plane where there are more
STRAIGHT = 160  # the same for a limit: more take longer, and lower it a little
TURN = 0.4  # radians. Along the axes, anchors would gain by having the mean side of a row of cells
BLOCK = 1 << 20  # boxes read at once


class Points(NamedTuple):
    """Weighted points in the plane of sizes; (m,) float64 each, in the unit of the boxes.

    A point is one size, or stands for the boxes of a cell, of which it keeps what bounds any sum over them.
    """

    w: FloatArray  # of one size, or a mean of the cell
    h: FloatArray
    weight: FloatArray  # share of all boxes; adds up to 1
    low_w: FloatArray  # smallest and largest side in the cell
    high_w: FloatArray
    low_h: FloatArray
    high_h: FloatArray
    sum_w: FloatArray  # weighted sums over the cell of w, 1 / w, h and 1 / h
    sum_iw: FloatArray
    sum_h: FloatArray
    sum_ih: FloatArray

    @property
    def exact(self) -> bool:
        """Whether every point is one size."""
        return bool((self.low_w == self.high_w).all() and (self.low_h == self.high_h).all())


def points_of(boxes: Engine, cells: int | None = None, turn: float = TURN) -> Points:
    """Return the distinct sizes of the boxes with their weights, or cells where there are more than DISTINCT.

    Cells divide the plane of log sides evenly, `cells` along each axis, after a turn by `turn` radians.
    """
    cells = CELLS if cells is None else cells
    sizes = boxes.distinct(DISTINCT + 1)
    if len(sizes) <= DISTINCT:
        weight = np.zeros(len(sizes))
        order = np.lexsort((sizes[:, 1], sizes[:, 0]))
        sizes = sizes[order]
        for wh, each in _blocks(boxes):
            np.add.at(weight, _rows(sizes, wh), each)
        some = weight > 0.0
        return weighted(sizes[some, 0], sizes[some, 1], weight[some])
    low, high, last = np.full(2, np.inf), np.full(2, -np.inf), []
    for wh, each in _blocks(boxes):
        at = _turned(wh, turn)
        low, high = np.minimum(low, at.min(axis=0)), np.maximum(high, at.max(axis=0))
        last = [(wh, each)]
    found = _Cells(low, high, cells, turn)
    for wh, each in last if len(boxes) <= BLOCK else _blocks(boxes):  # a single block is not read again
        found.add(wh, each)
    return found.points()


def gathered(points: Points, cells: int) -> tuple[Points, IntArray]:
    """Return these points gathered into cells, `cells` for each side, and the cell of each point, (m,)."""
    wh = np.stack([points.w, points.h], axis=1)
    at = _turned(wh, TURN)
    found = _Cells(at.min(axis=0), at.max(axis=0), cells, TURN)
    found.add(wh, points.weight)
    _, place = np.unique(found.keys(wh), return_inverse=True)
    return found.points(), place.reshape(-1)


def single(points: Points) -> Points:
    """Return these points as if each were one size."""
    return weighted(points.w, points.h, points.weight)


def _blocks(boxes: Engine) -> Iterator[tuple[FloatArray, FloatArray]]:
    weights = weights_of(boxes)
    for first in range(0, len(boxes), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(boxes)))
        yield boxes.take(rows), np.ones(len(rows)) if weights is None else weights.each[rows].astype(np.float64)


def _rows(sizes: FloatArray, wh: FloatArray) -> IntArray:
    """Return where each of `wh` stands among the sorted distinct sizes."""
    both = np.concatenate([sizes, wh])
    order = np.lexsort((np.r_[np.zeros(len(sizes)), np.ones(len(wh))], both[:, 1], both[:, 0]))
    place = np.cumsum(order < len(sizes)) - 1
    rows = np.empty(len(both), np.int64)
    rows[order] = place
    return rows[len(sizes) :]


def weighted(w: FloatArray, h: FloatArray, weight: FloatArray) -> Points:
    """Return sizes with weights as points."""
    weight = weight / weight.sum()
    return Points(w, h, weight, w, w, h, h, weight * w, weight / w, weight * h, weight / h)


def _turned(wh: FloatArray, turn: float) -> FloatArray:
    """Return the places of boxes in the plane of log sides, turned by `turn` radians, (m, 2)."""
    x, y, c, s = np.log(wh[:, 0]), np.log(wh[:, 1]), math.cos(turn), math.sin(turn)
    return np.column_stack([c * x + s * y, c * y - s * x])


class _Cells:
    """Sums and extents of the boxes in each cell of a grid, filled block by block."""

    def __init__(self, low: FloatArray, high: FloatArray, cells: int, turn: float) -> None:
        self._low, self._cells, self._turn = low, cells, turn
        self._step = np.maximum(high - low, 1e-12) / cells
        self._sums = np.zeros((5, cells * cells))  # of the weights, and of w, 1 / w, h and 1 / h times the weight
        self._least = np.full((2, cells * cells), np.inf)
        self._most = np.zeros((2, cells * cells))

    def keys(self, wh: FloatArray) -> IntArray:
        """Return the number of each box's cell."""
        place = (_turned(wh, self._turn) - self._low) / self._step
        place = np.minimum(place.astype(np.int64), self._cells - 1)
        return np.asarray(place[:, 0] * self._cells + place[:, 1])

    def add(self, wh: FloatArray, weight: FloatArray) -> None:
        """Add boxes; those of no weight are left out."""
        if not weight.all():
            wh, weight = wh[weight > 0.0], weight[weight > 0.0]
        key, count = self.keys(wh), self._sums.shape[1]
        self._sums[0] += np.bincount(key, weight, count)
        for axis in (0, 1):
            side = np.ascontiguousarray(wh[:, axis])
            self._sums[2 * axis + 1] += np.bincount(key, weight * side, count)
            self._sums[2 * axis + 2] += np.bincount(key, weight / side, count)
            np.minimum.at(self._least[axis], key, side)
            np.maximum.at(self._most[axis], key, side)

    def points(self) -> Points:
        """Return a point for each cell with boxes, in the order of their numbers."""
        some = np.flatnonzero(self._sums[0])
        sums, least, most = self._sums[:, some], self._least[:, some], self._most[:, some]
        means = np.clip(np.sqrt(sums[[1, 3]] / sums[[2, 4]]), least, most)  # of the arithmetic and the harmonic mean
        weight, *shares = sums / sums[0].sum()
        return Points(means[0], means[1], weight, least[0], most[0], least[1], most[1], *shares)
