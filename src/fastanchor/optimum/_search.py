"""Searches on weighted points: exchanges from several starts, small steps, and exchanges among the outcomes.

The polish moves one anchor at a time by ever smaller steps. L-BFGS-B on the gradient ends lower: the value has a jump
where a match falls below its threshold, and corners where the side that decides changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from fastanchor._limits import Limits
from fastanchor._types import FloatArray
from fastanchor.engine import Objective, Scored
from fastanchor.optimum._exchange import Exchanged, apart, best_first, drawn, exchanged, grid, mixed
from fastanchor.optimum._judge import Judge
from fastanchor.optimum._points import Points, gathered
from fastanchor.optimum._space import Space

__all__ = ["finalists", "finished", "polished", "search", "starts_of"]

COARSE, FINE = 32, 64  # cells along each axis for the exchanges and the first polish, and for what follows
SIDE = 24  # candidates per side of the plane, and
SIDE_FEW, FEW = 64, 500  # where at most so many points, or two anchors
FIRST, ROUGH = 0.05, 3e-3  # first and last step of the first polish, logarithm of a side,
NEXT, FINER = 6e-3, 3e-4  # of that of mixed sets,
LAST, LAST_OF_CELLS = 1e-5, 1e-3  # and last step on all points; smaller ones follow details of cells, not of boxes
KEPT = 24  # sets that are polished,
MIXED = 4  # mixed sets that are,
FINALISTS, LIKE = 3, 0.03  # and how many of all are polished on all points, and how far they are apart;
FINALISTS_FEW, LIKE_FEW = 12, 0.003  # of up to four anchors
SHAKES, SHAKEN = (0.05, 0.02, 0.008, 0.003), 60  # widths of moves of all anchors, and how many of each, more of few
ENGINE_STEPS, ENGINE_ROUNDS = (1e-3, 5e-4), 2  # steps on the boxes themselves, where points are cells,
TRIED = 3  # and how many neighbours are tried, the best by the cells

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
    few = len(points.w) <= FEW
    places, step = grid(points, SIDE_FEW if few or free <= 2 else SIDE)
    if few:  # the boxes themselves too
        places = np.concatenate([places, np.stack([points.w, points.h], axis=1)])
    candidates = np.unique(space.candidate(places), axis=0)
    judge = Judge(objective, coarse)
    table = np.ascontiguousarray(judge.alone(candidates).T, dtype=np.float32)
    given = judge.cover(space.keep)
    found = set[Exchanged]()
    top, stale = 0.0, 0
    for start in range(starts):
        one = exchanged(table, given, coarse.weight, drawn(table, given, coarse.weight, free, rng))
        top, stale = max(top, one.score), 0 if one.score > top else stale + 1
        if not stale:
            limits.held = [np.concatenate([space.allowed(candidates[[*one.rows]]), space.keep])]
        found.add(one)
        moved(start + 1)
        if not limits.left(stale):
            break
    sets = apart([candidates[[*one.rows]] for one in best_first(found)], 1.05 * step)[:KEPT]
    while len(sets) < KEPT // 2:  # few anchors: most starts end alike
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
    """Put the best of some sets of free anchors, polished and mixed, into ``limits.held``, with those that stay."""

    def polish(judge: Judge, anchors: FloatArray, first: float, last: float) -> FloatArray:
        found = polished(judge, anchors, space, limits, first, last)
        limits.held.append(np.concatenate([found, space.keep]))
        return found

    coarse, fine = (gathered(points, cells)[0] if len(points.w) > cells**2 else points for cells in (COARSE, FINE))
    judge = Judge(objective, coarse)
    some = [polish(judge, anchors, FIRST, ROUGH) for anchors in starts]
    judge = Judge(objective, fine)
    given = judge.cover(space.keep)
    some += [polish(judge, anchors, NEXT, FINER) for anchors in mixed(judge, some, given, rng)[:MIXED]]
    some.sort(key=lambda anchors: -judge.value(anchors, given))
    many, near = (FINALISTS, LIKE) if len(some[0]) > 4 else (FINALISTS_FEW, LIKE_FEW)
    some = apart([*mixed(judge, some, given, rng), *some], near)
    judge, last = Judge(objective, points), LAST if points.exact else LAST_OF_CELLS
    held = []
    for anchors in some[:many]:
        anchors = _shaken(judge, polished(judge, anchors, space, limits, NEXT, last), space, rng, limits, last)
        held.append(np.concatenate([anchors, space.keep]))
        limits.held.append(held[-1])
    limits.held = held


def polished(judge: Judge, anchors: FloatArray, space: Space, limits: Limits, step: float, last: float) -> FloatArray:
    """Return anchors none of which gains by a step to a neighbour, from steps of `step` down to `last`."""
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


def _shaken(
    judge: Judge, anchors: FloatArray, space: Space, rng: np.random.Generator, limits: Limits, last: float
) -> FloatArray:
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
            trial = polished(judge, anchors, space, limits, width, last)
            if (found := judge.value(trial, given)) > reached:
                anchors, reached = trial, found
    return anchors


def finished(
    cells: Judge, judge: Scored, anchors: FloatArray, thr: float, fitness: float, space: Space, limits: Limits
) -> tuple[FloatArray, float]:
    """Return anchors polished on the boxes themselves, and their fitness; those of `space.keep`, the last, stay."""
    free = len(anchors) - len(space.keep)
    for step, j in [(step, j) for step in ENGINE_STEPS for _ in range(ENGINE_ROUNDS) for j in range(free)]:
        rest = cells.cover(np.delete(anchors, j, axis=0))
        for _ in range(8):
            if limits.late():
                return anchors, fitness
            trials = _trials(space, anchors[:free], j, step)
            trials = trials[np.argsort(-cells.trials(rest, trials), kind="stable")[:TRIED]]
            mutants = [np.concatenate([anchors[:j], trial[None], anchors[j + 1 :]]) for trial in trials]
            fitter = judge.first_fitter(mutants, thr, fitness, anchors)
            if fitter is None:
                break
            anchors, fitness = mutants[fitter[0]], fitter[1]
    return anchors, fitness
