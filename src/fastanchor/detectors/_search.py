"""The best sizes and ratios of a form: an exchange of one parameter at a time, then ever smaller steps.

Parameters are logarithms of sizes and of ratios. The exchange replaces one of them by the best of many candidates, from
several random starts, on cells of similar boxes; the logarithms of the sides are linear in the parameters, so only the
anchors that depend on one are computed again. The best sets are improved by an exchange within ever smaller windows,
with sides rounded as the library does, and shaken: rounding makes the score a landscape of small steps, where single
parameters soon find no way. The last steps are scored on the values of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import kernels
from fastanchor._types import FloatArray
from fastanchor.detectors._shapes import Form, Linear
from fastanchor.engine import Engine, Objective
from fastanchor.optimum._points import Points, gathered, points_of

__all__ = ["best"]

Exact = Callable[[FloatArray], FloatArray]
Snap = Callable[[FloatArray], FloatArray]

COARSE, FINE = 40, 96  # cells per side for the starts, and for the windows
STARTS, HOPS, KEPT = 10, 24, 8  # random starts, moves of some parameters anywhere, and how many are then improved
CANDIDATES, WINDOW = 40, 9  # values that are tried for one parameter: over its range, and within a window
WINDOWS = (0.15, 0.04, 0.012, 0.003)  # half the width of a window
SHAKES, SMOOTH, PAIRS = 100, 12, 8e9  # random moves at most, with and without rounding, and their matches
STEPS = (0.004, 0.0016, 0.0006)  # of the values of the text


class _Judge(NamedTuple):
    """Scores anchors on points."""

    points: Points
    objective: Objective

    def values(self, anchors: FloatArray) -> FloatArray:
        """Return the value of each point, (m,)."""
        w, h = np.ascontiguousarray(self.points.w), np.ascontiguousarray(self.points.h)
        kw, kh = np.ascontiguousarray(anchors[:, 0]), np.ascontiguousarray(anchors[:, 1])
        return self.objective.values(w, h, kw, kh, kernels.load())

    def score(self, anchors: FloatArray) -> float:
        """Return the mean value."""
        return float(self.values(anchors) @ self.points.weight)


class _Scene(NamedTuple):
    """What anchors are made of, and what they are scored on; `snap` rounds their sides."""

    judge: _Judge
    linear: Linear
    snap: Snap

    @property
    def cost(self) -> int:
        """About how many matches an exchange within windows computes."""
        k, _, p = self.linear.matrix.shape
        return int(len(self.judge.points.w) * k * (60 * p + 500))

    def anchors(self, sides: FloatArray) -> FloatArray:
        """Return the anchors whose sides have these logarithms."""
        return self.snap(np.exp(sides))


def best(answers: Engine, form: Form, objective: Objective, thr: float, rng: np.random.Generator) -> FloatArray:
    """Return the parameters of a form that fit the boxes best, (p,)."""
    linear = form.linear
    if not linear.ratio.size:
        return np.empty(0)
    points = points_of(answers)
    coarse = _Judge(gathered(points, COARSE)[0] if len(points.w) > COARSE**2 else points, objective)
    some = _hopped(_Scene(coarse, linear, np.asarray), rng)
    fine = _Judge(gathered(points, FINE)[0] if len(points.w) > FINE**2 else points, objective)
    scene = _Scene(fine, linear, form.snap)
    turns = int(np.clip(PAIRS / scene.cost, 4, SHAKES if form.even else SMOOTH))
    found = max((_narrowed(scene, one, WINDOWS, rng) for _, one in some[: min(KEPT, turns)]), key=lambda one: one[0])
    parameters = _shaken(scene, *found, turns, rng)
    if fine.points is not points:
        every = _Scene(_Judge(points, objective), linear, form.snap)
        parameters = _narrowed(every, parameters, WINDOWS[-2:], rng)[1]

    def exact(parameters: FloatArray) -> FloatArray:
        return np.maximum(np.concatenate(form.anchors(form.values(parameters))), 1e-9)

    if points.exact:
        return _stepped(_Judge(points, objective), exact, parameters)
    return _finished(answers, exact, parameters, objective, thr)


def _hopped(scene: _Scene, rng: np.random.Generator) -> list[tuple[float, FloatArray]]:
    """Return parameters that no exchange of one of them improves, and their scores, the best first.

    They come from random starts, and from the best of these with some parameters anew.
    """
    points, linear = scene.judge.points, scene.linear
    size, ratio = 0.5 * np.log(points.w * points.h), np.log(points.h / points.w)
    # the size of stride 1 where levels differ by their strides; a ratio of width / height is the reciprocal
    uses = linear.matrix != 0.0
    shift = (uses * linear.offset[:, :, None]).sum(axis=(0, 1)) / uses.sum(axis=(0, 1))
    sign = np.sign(linear.matrix[:, 1].sum(axis=0))
    far = np.sort(np.abs(ratio))[int(0.999 * len(ratio))] + 0.1
    low = np.where(linear.ratio, -far, size.min() - shift)
    high = np.where(linear.ratio, far, size.max() - shift)
    candidates = np.linspace(low, high, CANDIDATES, axis=1)

    def drawn() -> FloatArray:
        rows = rng.choice(len(points.w), len(linear.ratio), p=points.weight)
        ratios = np.where(sign == 0.0, np.abs(ratio[rows]), sign * ratio[rows])  # r and 1 / r have no sign
        return _risen(linear, np.where(linear.ratio, ratios, size[rows] - shift))

    def narrowed(start: FloatArray) -> tuple[float, FloatArray]:
        return _narrowed(scene, _exchanged(scene, start, candidates, rng)[1], WINDOWS[:2], rng)

    found = [narrowed(drawn()) for _ in range(STARTS)]
    found.sort(key=lambda one: -one[0])
    for _ in range(HOPS):
        start = found[0][1].copy()
        anew = rng.choice(len(start), min(len(start), 2), replace=False)
        start[anew] = drawn()[anew]
        found.append(narrowed(_risen(linear, start)))
        found.sort(key=lambda one: -one[0])
    different = [one for i, one in enumerate(found) if not i or found[i - 1][0] - one[0] > 1e-5]
    return different


def _narrowed(
    scene: _Scene, parameters: FloatArray, windows: Sequence[float], rng: np.random.Generator
) -> tuple[float, FloatArray]:
    """Return parameters after an exchange within windows around them, one after the other, and their score."""
    score = -1.0
    for window in windows:
        near = parameters[:, None] + window * np.linspace(-1.0, 1.0, WINDOW)
        score, parameters = _exchanged(scene, parameters, near, rng)
    return score, parameters


def _exchanged(
    scene: _Scene, start: FloatArray, candidates: FloatArray, rng: np.random.Generator
) -> tuple[float, FloatArray]:
    """Return parameters none of which gains by an exchange for one of its candidates, (p, c), and their score."""
    judge, linear, _ = scene
    parameters = start.copy()
    sides = linear.matrix @ parameters + linear.offset
    score, unchanged = judge.score(scene.anchors(sides)), 0
    while unchanged < len(parameters):
        for i in rng.permutation(len(parameters)):
            rows = linear.matrix[:, :, i].any(axis=1)
            rest = judge.values(scene.anchors(sides[~rows])) if not rows.all() else 0.0
            some = candidates[i][_allowed(linear, parameters, i, candidates[i])]
            if not len(some):
                unchanged += 1
                continue
            trials = scene.anchors(sides[rows] + linear.matrix[rows, :, i] * (some - parameters[i])[:, None, None])
            scores = [float(np.maximum(judge.values(one), rest) @ judge.points.weight) for one in trials]
            at = int(np.argmax(scores))
            unchanged += 1
            if scores[at] > score + 1e-9:
                score, parameters[i], unchanged = scores[at], some[at], 0
                sides = linear.matrix @ parameters + linear.offset
    return score, parameters


def _risen(linear: Linear, parameters: FloatArray) -> FloatArray:
    """Return parameters of which those that may not be below others are sorted."""
    chain = linear.rises | np.append(linear.rises[1:], False)
    parameters = parameters.copy()
    parameters[chain] = np.sort(parameters[chain])
    return parameters


def _allowed(linear: Linear, parameters: FloatArray, i: int, values: FloatArray) -> NDArray[np.bool_]:
    """Return which values a parameter may have beside its neighbours."""
    low = parameters[i - 1] if linear.rises[i] else -np.inf
    high = parameters[i + 1] if i + 1 < len(parameters) and linear.rises[i + 1] else np.inf
    return (low <= values) & (values <= high)


def _shaken(scene: _Scene, score: float, parameters: FloatArray, turns: int, rng: np.random.Generator) -> FloatArray:
    """Return the best parameters after random moves, each followed by an exchange within windows."""
    p = len(parameters)
    for turn in range(turns):
        width, share = (0.2, 0.06, 0.02)[turn % 3], (0.5, 1.5 / p)[turn % 2]
        moved = parameters + width * rng.standard_normal(p) * (rng.random(p) < share)
        found, trial = _narrowed(
            scene, _risen(scene.linear, moved), [window for window in WINDOWS if window < 2 * width], rng
        )
        if found > score:
            score, parameters = found, trial
    return parameters


def _stepped(judge: _Judge, exact: Exact, parameters: FloatArray) -> FloatArray:
    """Return parameters of which none gains by a step, each length of `STEPS` in turn."""
    score = judge.score(exact(parameters))
    for step in STEPS:
        better = True
        while better:
            better = False
            for i in range(len(parameters)):
                for move in (step, -step):
                    trial = parameters + move * (np.arange(len(parameters)) == i)
                    if (found := judge.score(exact(trial))) > score + 1e-12:
                        score, parameters, better = found, trial, True
                        break
    return parameters


def _finished(answers: Engine, exact: Exact, parameters: FloatArray, objective: Objective, thr: float) -> FloatArray:
    """Return parameters stepped on the boxes themselves."""
    judge = objective.over(answers)
    anchors = exact(parameters)
    score = judge.fitness(anchors, thr).fitness
    for step in STEPS:
        for i in range(len(parameters)):
            trials = [parameters + move * (np.arange(len(parameters)) == i) for move in (step, -step)]
            mutants = [exact(trial) for trial in trials]
            fitter = judge.first_fitter(mutants, thr, score, anchors)
            if fitter is not None:
                parameters, anchors, score = trials[fitter[0]], mutants[fitter[0]], fitter[1]
    return parameters
