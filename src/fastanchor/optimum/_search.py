"""Vertex substitution and a polish: anchors that no exchange of one of them improves.

Choosing k anchors for the largest mean best match is the k-median problem in the plane. Substitution replaces one
anchor at a time by the candidate that gains most (Teitz and Bart 1968, "Heuristic methods for estimating the
generalized vertex median of a weighted graph"); the polish then moves one anchor at a time by ever smaller steps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fastanchor import kernels
from fastanchor._types import FloatArray, IntArray
from fastanchor.engine import Objective, Scored
from fastanchor.optimum._points import Points, gathered
from fastanchor.optimum._space import Space

Float32Array = NDArray[np.float32]

__all__ = ["finished", "grid", "matches", "polished", "search", "value"]

COARSE, FINE = 48, 64  # cells per side for the substitution and for the first polish
SIDE = 32  # candidates per side of the plane
FIRST, LAST = 0.1, 1e-5  # first and last step of the polish, logarithm of a side
FEW = 500  # points up to which candidates are finer
KEPT = 5  # substitutions that are polished, and
FINALISTS = 2  # of these polished again on all points; twice as many where points are cells, and all of few anchors
SHAKES, SHAKEN = (0.05, 0.02, 0.008, 0.003), 60  # widths of moves of all anchors, and how many of each, more of few
ENGINE_FIRST, ENGINE_LAST = 0.008, 2e-4  # the same on the boxes themselves, where points are cells
GAIN = 1e-7  # least gain of an exchange, share of the boxes: float32 sums tell no less apart


def matches(objective: Objective, points: Points, anchors: FloatArray) -> FloatArray:
    """Return the value of each point with each anchor alone, (k, m)."""
    arithmetic = kernels.load()
    w, h = np.ascontiguousarray(points.w), np.ascontiguousarray(points.h)
    rows = [objective.values(w, h, anchor[:1], anchor[1:], arithmetic) for anchor in anchors.astype(np.float64)]
    return np.array(rows).reshape(len(anchors), len(w))


def value(objective: Objective, points: Points, anchors: FloatArray) -> float:
    """Return the mean of the best values."""
    return float(matches(objective, points, anchors).max(axis=0) @ points.weight)


def grid(points: Points, side: int) -> FloatArray:
    """Return candidates over the part of the plane where boxes are, at most `side` x `side`, (c, 2)."""
    low = np.log([points.low_w.min(), points.low_h.min()])
    high = np.log([points.high_w.max(), points.high_h.max()])
    step = np.maximum(high - low, 1e-9) / (side - 1)
    place = np.rint((np.log(np.stack([points.w, points.h], axis=1)) - low) / step).astype(np.int64)
    near = np.zeros((side + 2, side + 2), np.bool_)
    for i in range(3):
        for j in range(3):
            near[place[:, 0] + i, place[:, 1] + j] = True
    cells = np.argwhere(near[1:-1, 1:-1])
    return np.asarray(np.exp(low + cells * step), dtype=np.float64)


def search(
    points: Points,
    k: int,
    objective: Objective,
    space: Space,
    rng: np.random.Generator,
    starts: int,
    moved: Callable[[int], object] = lambda done: None,
) -> list[FloatArray]:
    """Return some sets of k anchors, each (k, 2), from several substitutions, polished; those of `space.keep` last.

    `moved` is called with the number of starts that are done.
    """
    free = space.free(k)
    coarse = gathered(points, COARSE)[0] if len(points.w) > COARSE**2 else points
    places = grid(points, SIDE)
    if len(points.w) <= FEW:  # the boxes themselves, and twice as fine
        places = np.concatenate([grid(points, 2 * SIDE), np.stack([points.w, points.h], axis=1)])
    candidates = np.unique(space.candidate(places), axis=0)
    table = matches(objective, coarse, candidates).astype(np.float32)
    given = _best(objective, coarse, space.keep)
    weight = coarse.weight.astype(np.float32)
    found: list[tuple[float, IntArray]] = []
    for start in range(starts):
        found.append(_substituted(table, given, weight, free, rng))
        moved(start + 1)
    different = {tuple(sorted(chosen)): (score, chosen) for score, chosen in found}
    tops = sorted(different.values(), key=lambda top: -top[0])[:KEPT]
    fine = gathered(points, FINE)[0] if len(points.w) > FINE**2 else points
    some = [polished(fine, candidates[chosen], objective, space) for _, chosen in tops]
    some.sort(key=lambda anchors: -value(objective, fine, np.concatenate([anchors, space.keep])))
    near = FIRST if fine is points else FIRST / 32
    finalists = some[: KEPT if free <= 4 else FINALISTS if points.exact else 2 * FINALISTS]
    last = [polished(points, anchors, objective, space, near) for anchors in finalists]
    last = [_shaken(points, anchors, objective, space, rng) for anchors in last]
    return [np.concatenate([anchors, space.keep]) for anchors in last]


def polished(
    points: Points, anchors: FloatArray, objective: Objective, space: Space, step: float = FIRST
) -> FloatArray:
    """Return anchors none of which gains by a step to a neighbour, down to steps of LAST."""
    anchors = space.allowed(anchors)
    given = _best(objective, points, space.keep)
    table = matches(objective, points, anchors)
    while step > LAST:
        better = False
        for j in range(len(anchors)):
            rest = np.max(np.delete(table, j, axis=0), axis=0, initial=0.0)
            rest = np.maximum(rest, given)
            score = float(np.maximum(table[j], rest) @ points.weight)
            for _ in range(8):
                sets = np.repeat(anchors[None], 8, axis=0)
                sets[:, j] = space.moves(anchors[j], step)
                sets = np.array([space.allowed(some) for some in sets])
                alone = (np.delete(sets, j, axis=1) == np.delete(anchors, j, axis=0)).all(axis=(1, 2))
                if not alone.any():
                    break
                rows = matches(objective, points, sets[alone, j])
                scores = np.maximum(rows, rest) @ points.weight
                best = int(scores.argmax())
                if scores[best] <= score + 1e-12:
                    break
                score, anchors, better = float(scores[best]), sets[alone][best], True
                table[j] = rows[best]
        if not better:
            step /= 2
    return anchors


def _shaken(
    points: Points, anchors: FloatArray, objective: Objective, space: Space, rng: np.random.Generator
) -> FloatArray:
    """Return anchors that no small move of all of them together improved, polished again after each such move."""
    given = _best(objective, points, space.keep)

    def score(anchors: FloatArray) -> float:
        return float(np.maximum(matches(objective, points, anchors).max(axis=0), given) @ points.weight)

    reached = score(anchors)
    for width in SHAKES:
        moved = False
        for _ in range(SHAKEN * max(12 // len(anchors), 1)):
            trial = space.allowed(anchors * np.exp(width * rng.standard_normal(anchors.shape)))
            if (found := score(trial)) > reached:
                anchors, reached, moved = trial, found, True
        if moved:
            trial = polished(points, anchors, objective, space, width)
            if (found := score(trial)) > reached:
                anchors, reached = trial, found
    return anchors


def finished(
    judge: Scored, anchors: FloatArray, kept: int, thr: float, fitness: float, space: Space
) -> tuple[FloatArray, float]:
    """Return anchors polished on the boxes themselves, and their fitness; the last `kept` stay as they are."""
    step, free = ENGINE_FIRST, len(anchors) - kept
    while step > ENGINE_LAST:
        better = False
        for j in range(free):
            for _ in range(8):
                sets = np.repeat(anchors[None, :free], 8, axis=0)
                sets[:, j] = space.moves(anchors[j], step)
                mutants = [np.concatenate([space.allowed(some), anchors[free:]]) for some in sets]
                fitter = judge.first_fitter(mutants, thr, fitness, anchors)
                if fitter is None:
                    break
                anchors, fitness, better = mutants[fitter[0]], fitter[1], True
        if not better:
            step /= 2
    return anchors, fitness


def _best(objective: Objective, points: Points, anchors: FloatArray) -> FloatArray:
    """Return the best value of each point with these anchors, zeros if there are none."""
    return np.asarray(np.max(matches(objective, points, anchors), axis=0, initial=0.0), dtype=np.float64)


def _substituted(
    table: Float32Array, given: FloatArray, weight: Float32Array, k: int, rng: np.random.Generator
) -> tuple[float, IntArray]:
    """Return the score and the rows of candidates after substitutions from a random start."""
    base = given.astype(np.float32)
    chosen = np.empty(k, np.int64)
    cover = base
    for j in range(k):  # of a few drawn candidates the one that gains most
        some = rng.choice(len(table), min(len(table), 8), replace=False)
        chosen[j] = some[(np.maximum(table[some], cover) @ weight).argmax()]
        cover = np.maximum(cover, table[chosen[j]])
    j = unchanged = 0
    while unchanged < k:
        rest = np.max(np.delete(table[chosen], j, axis=0), axis=0, initial=0.0)
        gains = _gains(table, np.maximum(rest, base), weight)
        best = int(gains.argmax())
        unchanged += 1
        if gains[best] > gains[chosen[j]] + GAIN:
            chosen[j], unchanged = best, 0
        j = (j + 1) % k
    return float(np.maximum(table[chosen].max(axis=0), base) @ weight), chosen


def _gains(table: Float32Array, rest: Float32Array, weight: Float32Array) -> FloatArray:
    gains = np.empty(len(table), np.float32)
    for first in range(0, len(table), 64):  # a block that stays in the cache
        block = table[first : first + 64] - rest
        np.maximum(block, 0.0, out=block)
        gains[first : first + 64] = block @ weight
    return gains.astype(np.float64)
