"""The boxes as points of the plane of log sizes: equal ones merged, or gathered into cells where they are many."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor._weights import weights_of
from fastanchor.engine import Engine

__all__ = ["DISTINCT", "Points", "gathered", "points_of"]

DISTINCT = 16_384  # distinct sizes up to which each is a point of its own
CELLS = 160  # cells per side of the plane where there are more
BLOCK = 1 << 20  # boxes read at once


class Points(NamedTuple):
    """Weighted points in the plane of sizes; (m,) float64 each, in the unit of the boxes.

    A point is one size, or stands for the boxes of a cell, of which it keeps what bounds any sum over them.
    """

    w: FloatArray  # of one size, or the geometric mean of the cell
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


def points_of(boxes: Engine, cells: int | None = None) -> Points:
    """Return the distinct sizes of the boxes with their weights, or cells where there are more than DISTINCT.

    Cells divide the logarithms of both sides evenly, `cells` for each side.
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
        return _single(sizes[some, 0], sizes[some, 1], weight[some])
    low, high = np.full(2, np.inf), np.zeros(2)
    for wh, _ in _blocks(boxes):
        low, high = np.minimum(low, wh.min(axis=0)), np.maximum(high, wh.max(axis=0))
    return _merged([_cells(wh, each, low, high, cells) for wh, each in _blocks(boxes)])


def gathered(points: Points, cells: int) -> tuple[Points, IntArray]:
    """Return these points gathered into cells, `cells` for each side, as if each cell were one size.

    With them comes the cell of each point, (m,).
    """
    wh = np.stack([points.w, points.h], axis=1)
    low, high = wh.min(axis=0), wh.max(axis=0)
    merged = _merged([_cells(wh, points.weight, low, high, cells)])
    _, place = np.unique(_keys(np.log(wh), low, high, cells), return_inverse=True)
    return _single(merged.w, merged.h, merged.weight), place.reshape(-1)


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


def _single(w: FloatArray, h: FloatArray, weight: FloatArray) -> Points:
    weight = weight / weight.sum()
    return Points(w, h, weight, w, w, h, h, weight * w, weight / w, weight * h, weight / h)


class _Cells(NamedTuple):
    """Sums and extents of the boxes of each cell; `key` (m,) names the cell."""

    key: IntArray
    sums: FloatArray  # (m, 7): weight, its sums of log w, log h, w, 1 / w, h, 1 / h
    least: FloatArray  # (m, 2)
    most: FloatArray


def _cells(wh: FloatArray, weight: FloatArray, low: FloatArray, high: FloatArray, cells: int) -> _Cells:
    wh, weight = wh[weight > 0.0], weight[weight > 0.0]
    log = np.log(wh)
    key = _keys(log, low, high, cells)
    order = np.argsort(key, kind="stable")
    key, wh, log, weight = key[order], wh[order], log[order], weight[order, None]
    first = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    columns = np.concatenate([np.ones_like(weight), log, wh[:, :1], 1 / wh[:, :1], wh[:, 1:], 1 / wh[:, 1:]], axis=1)
    return _Cells(
        key[first],
        np.add.reduceat(columns * weight, first),
        np.minimum.reduceat(wh, first),
        np.maximum.reduceat(wh, first),
    )


def _keys(log: FloatArray, low: FloatArray, high: FloatArray, cells: int) -> IntArray:
    """Return the number of each point's cell."""
    step = np.maximum(np.log(high / low), 1e-12) / cells
    place = np.minimum(((log - np.log(low)) / step).astype(np.int64), cells - 1)
    return np.asarray(place[:, 0] * cells + place[:, 1])


def _merged(blocks: list[_Cells]) -> Points:
    key = np.concatenate([block.key for block in blocks])
    order = np.argsort(key, kind="stable")
    first = np.flatnonzero(np.r_[True, np.diff(key[order]) > 0])
    sums = np.add.reduceat(np.concatenate([block.sums for block in blocks])[order], first)
    least = np.minimum.reduceat(np.concatenate([block.least for block in blocks])[order], first)
    most = np.maximum.reduceat(np.concatenate([block.most for block in blocks])[order], first)
    weight = sums[:, 0]
    sums = sums / weight.sum()
    mean = np.clip(np.exp(sums[:, 1:3] / sums[:, :1]), least, most)
    return Points(mean[:, 0], mean[:, 1], sums[:, 0], least[:, 0], most[:, 0], least[:, 1], most[:, 1], *sums[:, 3:].T)
