"""Searches on weighted points: exchanges from several starts, and a polish by small steps.

The polish moves one anchor at a time by ever smaller steps. L-BFGS-B on the gradient ends lower: the value has a jump
where a match falls below its threshold, and corners where the side that decides changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fastanchor._limits import Limits
from fastanchor._types import FloatArray
from fastanchor.engine import Objective, Scored
from fastanchor.optimum._exchange import Exchanged, exchanged, grid
from fastanchor.optimum._judge import Judge
from fastanchor.optimum._points import Points, gathered
from fastanchor.optimum._space import Space

__all__ = ["finalists", "finished", "polished", "search", "starts_of"]

COARSE, FINE = 48, 64  # cells per side for the exchanges and for the first polish
SIDE = 32  # candidates per side of the plane
FIRST, LAST = 0.1, 1e-5  # first and last step of the polish, logarithm of a side
ROUGH = 3e-4  # last step of the first polish
FEW = 500  # points up to which candidates are finer
KEPT = 12  # sets that are polished, and
FINALISTS = 3  # of these polished again on all points; twice as many of few anchors
SHAKES, SHAKEN = (0.05, 0.02, 0.008, 0.003), 60  # widths of moves of all anchors, and how many of each, more of few
ENGINE_STEPS, ENGINE_ROUNDS = (1e-3, 5e-4), 2  # steps on the boxes themselves, where points are cells

Moved = Callable[[int], object]


def search(
    points: Points,
    k: int,
    objective: Objective,
    space: Space,
    rng: np.random.Generator,
    starts: int,
    limits: Limits,
    moved: Moved = lambda done: None,
) -> None:
    """Put some sets of k anchors, each (k, 2), into ``limits.held``, by exchanges from several starts.

    Those of `space.keep` come last. `moved` is called with the number of starts that are done.
    """
    free = space.free(k)
    coarse = gathered(points, COARSE)[0] if len(points.w) > COARSE**2 else points
    places = grid(points, SIDE)
    if len(points.w) <= FEW:  # the boxes themselves, and twice as fine
        places = np.concatenate([grid(points, 2 * SIDE), np.stack([points.w, points.h], axis=1)])
    candidates = np.unique(space.candidate(places), axis=0)
    judge = Judge(objective, coarse)
    table = np.ascontiguousarray(judge.alone(candidates).T, dtype=np.float32)
    given = judge.cover(space.keep)
    found = set[Exchanged]()
    top, stale = 0.0, 0
    for start in range(starts):
        one = exchanged(table, given, coarse.weight, free, rng)
        top, stale = max(top, one.score), 0 if one.score > top else stale + 1
        if not stale:
            limits.held = [np.concatenate([space.allowed(candidates[[*one.rows]]), space.keep])]
        found.add(one)
        moved(start + 1)
        if not limits.left(stale):
            break
    tops = sorted(found, key=lambda one: (-one.score, one.rows))[:KEPT]
    sets = [candidates[[*one.rows]] for one in tops]
    while len(sets) < KEPT:  # few anchors: most starts end alike
        sets.append(sets[0] * np.exp(SHAKES[0] * rng.standard_normal(sets[0].shape)))
    finalists(points, sets, objective, space, rng, limits)


def starts_of(points: Points, k: int, rng: np.random.Generator, starts: int) -> list[FloatArray]:
    """Return sets of k points drawn by weight, each (k, 2)."""
    wh, some = np.stack([points.w, points.h], axis=1), int(np.count_nonzero(points.weight))
    return [wh[rng.choice(len(wh), k, replace=some < k, p=points.weight)] for _ in range(starts)]


def finalists(
    points: Points,
    starts: Sequence[FloatArray],
    objective: Objective,
    space: Space,
    rng: np.random.Generator,
    limits: Limits,
) -> None:
    """Put the best of some sets of free anchors, polished, with those of `space.keep`, into ``limits.held``."""
    fine = gathered(points, FINE)[0] if len(points.w) > FINE**2 else points
    judge = Judge(objective, fine)
    some = []
    for anchors in starts:
        some.append(polished(judge, anchors, space, limits, last=ROUGH))
        limits.held.append(np.concatenate([some[-1], space.keep]))
    given = judge.cover(space.keep)
    some.sort(key=lambda anchors: -judge.value(anchors, given))
    judge, near = Judge(objective, points), FIRST / 16
    many = FINALISTS if len(some[0]) > 4 else 2 * FINALISTS
    held = []
    for anchors in some[:many]:
        anchors = _shaken(judge, polished(judge, anchors, space, limits, near), space, rng, limits)
        held.append(np.concatenate([anchors, space.keep]))
        limits.held.append(held[-1])
    limits.held = held


def polished(
    judge: Judge, anchors: FloatArray, space: Space, limits: Limits, step: float = FIRST, last: float = LAST
) -> FloatArray:
    """Return anchors none of which gains by a step to a neighbour, down to steps of `last`."""
    anchors = space.allowed(anchors)
    given = judge.cover(space.keep)
    while step > last:
        better = False
        for j in range(len(anchors)):
            limits.tick()
            rest = judge.cover(np.delete(anchors, j, axis=0), given)
            score = float(judge.trials(rest, anchors[j : j + 1])[0])
            for _ in range(8):
                trials = _trials(space, anchors, j, step)
                if not len(trials):
                    break
                scores = judge.trials(rest, trials)
                best = int(scores.argmax())
                if scores[best] <= score + 1e-12:
                    break
                score, better = float(scores[best]), True
                anchors = np.concatenate([anchors[:j], trials[best : best + 1], anchors[j + 1 :]])
        if not better:
            step /= 2
    return anchors


def _trials(space: Space, anchors: FloatArray, j: int, step: float) -> FloatArray:
    """Return the allowed neighbours of anchor j that leave the other anchors as they are, (t, 2)."""
    moves = space.moves(anchors[j], step)
    if space.alone:
        return space.allowed(moves)
    sets = np.repeat(anchors[None], len(moves), axis=0)
    sets[:, j] = moves
    sets = np.array([space.allowed(some) for some in sets])
    same = (np.delete(sets, j, axis=1) == np.delete(anchors, j, axis=0)).all(axis=(1, 2))
    return np.asarray(sets[same, j])


def _shaken(judge: Judge, anchors: FloatArray, space: Space, rng: np.random.Generator, limits: Limits) -> FloatArray:
    """Return anchors that no small move of all of them together improved, polished again after each such move."""
    given = judge.cover(space.keep)
    reached = judge.value(anchors, given)
    for width in SHAKES:
        limits.tick()
        moved = False
        for _ in range(SHAKEN * max(12 // len(anchors), 1)):
            trial = space.allowed(anchors * np.exp(width * rng.standard_normal(anchors.shape)))
            if (found := judge.value(trial, given)) > reached:
                anchors, reached, moved = trial, found, True
        if moved:
            trial = polished(judge, anchors, space, limits, width)
            if (found := judge.value(trial, given)) > reached:
                anchors, reached = trial, found
    return anchors


def finished(
    judge: Scored, anchors: FloatArray, kept: int, thr: float, fitness: float, space: Space, limits: Limits
) -> tuple[FloatArray, float]:
    """Return anchors polished on the boxes themselves, and their fitness; the last `kept` stay as they are."""
    free = len(anchors) - kept
    for step, j in [(step, j) for step in ENGINE_STEPS for _ in range(ENGINE_ROUNDS) for j in range(free)]:
        if limits.late():
            break
        for _ in range(8):
            trials = _trials(space, anchors[:free], j, step)
            mutants = [np.concatenate([anchors[:j], trial[None], anchors[j + 1 :]]) for trial in trials]
            fitter = judge.first_fitter(mutants, thr, fitness, anchors)
            if fitter is None:
                break
            anchors, fitness = mutants[fitter[0]], fitter[1]
    return anchors, fitness
