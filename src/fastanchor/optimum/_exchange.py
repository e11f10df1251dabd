"""Sets of candidates that no exchange of one of them improves.

Choosing k anchors for the largest mean best match is the k-median problem in the plane. An exchange replaces the anchor
and the candidate that together gain most (Teitz and Bart 1968, "Heuristic methods for estimating the generalized vertex
median of a weighted graph"); all k * c exchanges are looked at in one pass over a table (Resende and Werneck 2007, "A
fast swap-based local search procedure for location problems").
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.kernels._exchange_numpy import Float32Array
from fastanchor.optimum._judge import Judge, exchange_kernels
from fastanchor.optimum._points import Points

__all__ = ["Exchanged", "apart", "best_first", "drawn", "exchanged", "grid", "mixed"]

DRAWN = 8  # candidates of which the best is the next anchor of a start
MIXES = 8  # random starts among the anchors of several sets
GAIN = 1e-7  # least gain of an exchange, share of the boxes; values are float32


class Exchanged(NamedTuple):
    """Rows of candidates, sorted, and what they score."""

    score: float
    rows: tuple[int, ...]


def grid(points: Points, side: int) -> tuple[FloatArray, float]:
    """Return candidates over the part of the plane where boxes are, at most `side` x `side`, (c, 2).

    The second value is how far apart they are along the longer axis, logarithm of a side.
    """
    low = np.log([points.low_w.min(), points.low_h.min()])
    high = np.log([points.high_w.max(), points.high_h.max()])
    step = np.maximum(high - low, 1e-9) / (side - 1)
    place = np.rint((np.log(np.stack([points.w, points.h], axis=1)) - low) / step).astype(np.int64)
    near = np.zeros((side + 2, side + 2), np.bool_)
    for i in range(3):
        for j in range(3):
            near[place[:, 0] + i, place[:, 1] + j] = True
    cells = np.argwhere(near[1:-1, 1:-1])
    return np.asarray(np.exp(low + cells * step), dtype=np.float64), float(step.max())


def exchanged(table: Float32Array, given: FloatArray, weight: FloatArray, start: IntArray) -> Exchanged:
    """Return k candidates after exchanges from those of `start`, (k,) columns of the table.

    `table` (m, c) has the value of each point with each candidate, `given` (m,) that of the anchors that stay.
    """
    base, chosen, k = given.astype(np.float32), start.copy(), len(start)
    gains, every = np.empty((k, table.shape[1])), np.arange(len(table))
    exchanges = exchange_kernels().exchanges
    while True:
        values = np.concatenate([table[:, chosen], base[:, None], np.zeros_like(base[:, None])], axis=1)
        nearest = values.argmax(axis=1)
        best = values[every, nearest]
        values[every, nearest] = -1.0
        exchanges(table, weight, np.minimum(nearest, k), best, values.max(axis=1), gains)
        row, candidate = divmod(int(gains.argmax()), table.shape[1])
        if gains[row, candidate] <= GAIN:
            return Exchanged(float((best * weight).sum()), tuple(sorted(chosen.tolist())))
        chosen[row] = candidate


def drawn(table: Float32Array, given: FloatArray, weight: FloatArray, k: int, rng: np.random.Generator) -> IntArray:
    """Return k candidates, each the best of some that are drawn at random, (k,) columns of the table."""
    chosen, cover = np.empty(k, np.int64), given.astype(np.float32)
    for j in range(k):  # of a few drawn candidates the one that gains most
        some = rng.choice(table.shape[1], min(table.shape[1], DRAWN), replace=False)
        chosen[j] = some[(np.maximum(table[:, some], cover[:, None]) * weight[:, None]).sum(axis=0).argmax()]
        cover = np.maximum(cover, table[:, chosen[j]])
    return chosen


def mixed(judge: Judge, sets: list[FloatArray], given: FloatArray, rng: np.random.Generator) -> list[FloatArray]:
    """Return sets made of the anchors of these sets (k, 2) by exchanges from each, and from random starts; best first.

    One set has the best anchors for some of the boxes, another for others: this brings them together.
    """
    pool, rows = np.unique(np.concatenate(sets), axis=0, return_inverse=True)
    table = np.ascontiguousarray(judge.alone(pool).T, dtype=np.float32)
    weight, k = judge.points.weight, len(sets[0])
    starts = [*rows.reshape(len(sets), k), *(drawn(table, given, weight, k, rng) for _ in range(MIXES))]
    found = {exchanged(table, given, weight, start) for start in starts}
    return [pool[[*one.rows]] for one in best_first(found)]


def apart(sets: list[FloatArray], near: float) -> list[FloatArray]:
    """Return the sets that are unlike each one before: some anchor of theirs has none within `near`, in logarithms."""
    kept = list[FloatArray]()
    for one in sets:
        places = np.log(one)[:, None]
        if all((np.abs(places - np.log(other)).max(axis=2).min(axis=1) > near).any() for other in kept):
            kept.append(one)
    return kept


def best_first(found: set[Exchanged]) -> list[Exchanged]:
    """Return sets by score, the highest first."""
    return sorted(found, key=lambda one: (-one.score, one.rows))
