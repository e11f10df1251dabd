"""How good k anchors can be at best: a proven upper bound."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.engine import Objective
from fastanchor.optimum._dual import Late, Table, cheapest
from fastanchor.optimum._exchange import grid
from fastanchor.optimum._judge import matches
from fastanchor.optimum._plane import Peak, Shape, highest
from fastanchor.optimum._points import Points, gathered, single

__all__ = ["Proof", "one_thread", "proven"]

CANDIDATES = 40  # per side of the plane, to begin with
HEATS = (1e-2, 3e-3, 1e-3, 3e-4)
ROUNDS = 40
LATE = 6  # rounds that are as good as done when the points are those of the first rounds divided
STALL, SLIGHT = 2, 2e-4  # rounds end where that many bring the bound down by less than this share
ROUGH = 64  # cells per side of the plane for the first rounds
SQUARES = 20_000  # looked at in a round, at most
WORTH = 0.85  # candidates with less than this share of the largest sum are left out
LIKE = 0.01  # candidates closer than this in the logarithm of a side are one


class Proof(NamedTuple):
    """An upper bound and what proves it."""

    bound: float
    price: FloatArray  # (m,) of each point
    peak: float  # upper bound over the plane of the sum above the prices
    candidates: FloatArray  # (c, 2) anchors whose sums come near to the peak


def proven(
    points: Points,
    k: int,
    objective: Objective,
    shape: Shape,
    anchors: FloatArray,
    keep: FloatArray,
    gap: float,
    late: Late,
    before: tuple[FloatArray, FloatArray] | None = None,
) -> Proof:
    """Return a bound that no k anchors beside `keep` exceed; `anchors` (k + f, 2) are good ones, to begin with.

    Rounds end when the bound is within a relative `gap` of what `anchors` reach, or when it is `late`. They go on from
    the prices and the candidates `before`, if there are any.
    """
    problem = _Problem(k, objective, shape, late)
    alone = matches(objective, points, anchors).max(axis=0)
    reached = float(alone @ points.weight)
    if before is not None:
        least = np.max(matches(objective, points, keep), axis=0, initial=0.0)
        price, candidates = np.maximum(before[0], least), np.concatenate([anchors, before[1]])
        return _rounds(problem, points, price, least, candidates, reached, gap, LATE)
    candidates = np.concatenate([anchors, grid(points, CANDIDATES)[0]])
    rough, cell = points, np.arange(len(points.w))
    if len(points.w) > ROUGH**2 // 2:
        rough, cell = gathered(points, ROUGH)
        rough = single(rough)
    best = matches(objective, rough, anchors).max(axis=0)
    least = np.max(matches(objective, rough, keep), axis=0, initial=0.0)
    price = np.maximum(0.9 * best, least)
    table = Table.of(objective, rough, candidates, 0.5 * price)
    for heat in HEATS:
        price = cheapest(table, rough, k, price, least, heat, late, 60)
    proof = _rounds(problem, rough, price, least, candidates, float(best @ rough.weight), gap / 2)
    if rough is points:
        done = proof.bound <= reached * (1 + gap) or late()
        return proof if done else _rounds(problem, points, proof.price, least, proof.candidates, reached, gap)
    least = np.max(matches(objective, points, keep), axis=0, initial=0.0)
    price = np.clip(proof.price[cell] * alone / np.maximum(best[cell], 1e-300), least, 1.0)
    price = np.where(best[cell] > 0.0, price, np.maximum(proof.price[cell], least))
    return _rounds(problem, points, price, least, proof.candidates, reached, gap, LATE)


def one_thread() -> contextlib.AbstractContextManager[Any]:
    """Keep BLAS to one thread, where threadpoolctl is installed.

    The vectors of L-BFGS-B are short: threads that wait for each other take most of the time.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        return contextlib.nullcontext()
    limited: contextlib.AbstractContextManager[Any] = threadpool_limits(1, user_api="blas")
    return limited


class _Problem(NamedTuple):
    k: int
    objective: Objective
    shape: Shape
    late: Late


def _rounds(
    problem: _Problem,
    points: Points,
    price: FloatArray,
    least: FloatArray,
    candidates: FloatArray,
    reached: float,
    gap: float,
    before: int = 0,
) -> Proof:
    """Return the best bound of some rounds, and the candidates they ended with; `before` counts rounds made already."""
    k, objective, shape, late = problem
    weight = points.weight
    best: Proof | None = None
    bounds = list[float]()
    for done in range(ROUNDS):
        table = Table.of(objective, points, candidates, 0.7 * price)
        sums = table.excess(price, weight)
        top = float(sums.max())
        candidates = candidates[sums > WORTH * top]
        margin = max(3e-4 * 0.7 ** (done + before), 1e-4) * reached / k
        peak = highest(points, price, shape, top, margin, SQUARES, late)
        bound = float(weight @ price) * (1.0 + 1e-12) + k * peak.top
        if best is None or bound < best.bound:
            best = Proof(bound, price, peak.top, candidates)
        bounds.append(best.bound)
        closed = k * (peak.top - top) < gap * reached  # hardly any candidate is missing
        stalled = closed and done >= STALL and bounds[-1 - STALL] - best.bound < SLIGHT * reached
        if best.bound <= reached * (1.0 + gap) or stalled or late():
            break
        candidates = np.concatenate([candidates, _spread(peak)])
        heat = max(2e-4 * 0.6 ** (done + before), 3e-6)
        table = Table.of(objective, points, candidates, 0.7 * price)
        price = cheapest(table, points, k, price, least, heat, late)
        if late():
            break
    assert best is not None
    return best._replace(candidates=candidates)


def _spread(peak: Peak) -> FloatArray:
    """Return the places of a peak that lie apart, the highest of those that lie together."""
    if not len(peak.places):
        return peak.places
    near = np.round(np.log(peak.places) / LIKE).astype(np.int64)
    _, first = np.unique(near[::-1], axis=0, return_index=True)  # the last looked at come from the smallest squares
    return peak.places[len(near) - 1 - first][-300:]
