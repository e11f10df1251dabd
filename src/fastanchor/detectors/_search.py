"""The best sizes and ratios of a form: an exchange of one parameter at a time, from many starts.

Parameters are logarithms of sizes and of ratios. The exchange replaces one of them by the best of many candidates; the
logarithms of sides are linear in the parameters, so only the anchors that depend on one are computed again. It starts
at random, on cells of similar boxes, with candidates over the whole range. The best sets are then improved within
small windows, and shaken. Where a library rounds sides to even numbers, the score is a landscape of small steps: there
the candidates are one value from between any two places where a side changes, with the digits of the text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._progress import bar
from fastanchor._types import FloatArray, Progress
from fastanchor.detectors._judge import Judge
from fastanchor.detectors._shapes import DIGITS, Form, Linear
from fastanchor.optimum._points import CELLS, gathered

__all__ = ["best"]

Exact = Callable[[FloatArray], FloatArray]
Snap = Callable[[FloatArray], FloatArray]
Step = Callable[[int], object]  # moves a progress bar
_How = tuple[np.random.Generator, FloatArray | None, int]  # random numbers, what to look at first, random moves
Near = Callable[[FloatArray, FloatArray, int], FloatArray]  # the candidates: parameters, sides, which parameter

COARSE, FINE = 40, 96  # cells per side for the starts, and for the windows
STARTS, HOPS, KEPT = 10, 24, 8  # random starts, moves of some parameters anywhere, and how many are then improved
MANY = 12  # parameters from which there are half as many moves
CANDIDATES, WINDOW = 40, 9  # values that are tried for one parameter: over its range, and within a window
WINDOWS = (0.15, 0.04, 0.012, 0.003)  # half the width of a window
SHAKES, COST = 300, 3e8  # random moves at most, and what they may cost
LOWER = 3e-4  # scores by which a move may be lower, at first
CHANGES = 8  # values on each side, between changes of rounded sides
STEPS = (0.004, 0.0016, 0.0006)  # of the values of the text
GAIN = 1e-6  # of the score, below which a change is none


class _Scene(NamedTuple):
    """What anchors are made of, and what they are scored on; `snap` rounds their sides, if `even` to even numbers."""

    judge: Judge
    linear: Linear
    most: FloatArray  # that parameters may be, (p,)
    snap: Snap
    even: bool = False

    @property
    def cost(self) -> int:
        """About what an exchange within windows costs, in units of 1e-8 seconds."""
        k, _, p = self.linear.matrix.shape
        return int(len(self.judge.points.w) * self.judge.places * k * (p + 20))

    def sides(self, parameters: FloatArray) -> FloatArray:
        """Return the logarithms of the sides."""
        return np.asarray(self.linear.matrix @ parameters + self.linear.offset)

    def anchors(self, sides: FloatArray) -> FloatArray:
        """Return the anchors whose sides have these logarithms."""
        return self.snap(np.exp(sides))


def best(
    judge: Judge,
    form: Form,
    rng: np.random.Generator,
    start: FloatArray | None = None,
    most: FloatArray | None = None,
    progress: Progress = False,
) -> FloatArray:
    """Return the parameters of a form that score best, (p,), none above `most`; the search looks at `start` too."""
    linear = form.linear
    if not linear.ratio.size:
        return np.empty(0)
    most = np.full(len(linear.ratio), np.inf) if most is None else most
    scene = _Scene(_gathered(judge, FINE), linear, most, form.snap, form.even)
    turns = int(np.clip(COST / scene.cost, 4, SHAKES))
    with bar(progress, total=STARTS + _hops(linear) + turns, desc="searching", unit=" steps") as moving:
        parameters = _searched(scene, judge, form, (rng, start, turns), moving.update)
    if form.even:
        return parameters

    def exact(parameters: FloatArray) -> FloatArray:
        return np.maximum(np.concatenate(form.anchors(form.values(parameters))), 1e-9)

    return _stepped(_gathered(judge, CELLS), exact, parameters, most)


def _searched(scene: _Scene, judge: Judge, form: Form, how: _How, step: Step) -> FloatArray:
    """Return the best parameters before the last steps."""
    rng, start, turns = how
    coarse = _Scene(_gathered(judge, COARSE), scene.linear, scene.most, np.asarray)
    some = _hopped(coarse, rng, start, step)

    def ordered(parameters: FloatArray) -> FloatArray:
        """Return the parameters of the text, in which sizes rise with the strides, if the score depends on these."""
        found = form.parameters(form.values(parameters)) if judge.places > 1 else None
        return parameters if found is None else np.minimum(found, scene.most)

    found = [_narrowed(scene, ordered(one), WINDOWS, rng) for _, one in some[: min(KEPT, turns)]]
    # the start that is best on cells need not lead to the best: all are shaken, and the best of them further
    tried = [_shaken(scene, one, turns // (2 * KEPT), rng, step) for one in found]
    score, first = max(tried, key=lambda one: one[0])
    top = _narrowed(scene, ordered(first), WINDOWS, rng) if judge.places > 1 else (score, first)
    return ordered(_shaken(scene, top, turns // 2, rng, step)[1])


def _gathered(judge: Judge, cells: int) -> Judge:
    """Return what scores anchors on cells of similar boxes, as many in all for each place of a box."""
    cells = int(cells / np.sqrt(judge.places))
    return judge.over(gathered(judge.points, cells)[0]) if len(judge.points.w) > cells**2 else judge


def _hops(linear: Linear) -> int:
    """Return the number of moves of some parameters anywhere."""
    return HOPS if len(linear.ratio) < MANY else HOPS // 2


def _hopped(
    scene: _Scene, rng: np.random.Generator, start: FloatArray | None, step: Step
) -> list[tuple[float, FloatArray]]:
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
    high = np.minimum(np.where(linear.ratio, far, size.max() - shift), scene.most)
    candidates = np.linspace(low, high, CANDIDATES, axis=1)

    def drawn() -> FloatArray:
        rows = rng.choice(len(points.w), len(linear.ratio), p=points.weight)
        ratios = np.where(sign == 0.0, np.abs(ratio[rows]), sign * ratio[rows])  # r and 1 / r have no sign
        return _risen(scene, np.where(linear.ratio, ratios, size[rows] - shift))

    def narrowed(start: FloatArray) -> tuple[float, FloatArray]:
        found = _exchanged(scene, start, lambda parameters, sides, i: candidates[i], rng)[1]
        step(1)
        return _narrowed(scene, found, WINDOWS[:2], rng)

    found = [] if start is None else [narrowed(_risen(scene, start))]
    found += [narrowed(drawn()) for _ in range(STARTS)]
    found.sort(key=lambda one: -one[0])
    for _ in range(_hops(linear)):
        start = found[0][1].copy()
        anew = rng.choice(len(start), min(len(start), 2), replace=False)
        start[anew] = drawn()[anew]
        found.append(narrowed(_risen(scene, start)))
        found.sort(key=lambda one: -one[0])
    different = [one for i, one in enumerate(found) if not i or found[i - 1][0] - one[0] > 1e-5]
    return different


def _narrowed(
    scene: _Scene, parameters: FloatArray, windows: Sequence[float], rng: np.random.Generator, least: float = -1.0
) -> tuple[float, FloatArray]:
    """Return parameters after an exchange within windows around them, one after the other, and their score."""
    if scene.even:
        return _exchanged(scene, _written(parameters), _between(scene.linear, windows), rng, least)
    score = -1.0
    for window in windows:
        score, parameters = _exchanged(scene, parameters, _around(parameters, window), rng)
    return score, parameters


def _around(middle: FloatArray, window: float) -> Near:
    """Return what yields candidates in a window around the parameters."""
    offsets = window * np.linspace(-1.0, 1.0, WINDOW)
    return lambda parameters, sides, i: middle[i] + offsets


def _between(linear: Linear, windows: Sequence[float]) -> Near:
    """Return what yields candidates between the places where an even side changes, and some further away."""
    offsets = np.outer(windows[:2], (-1.0, -0.6, 0.6, 1.0)).ravel()

    def near(parameters: FloatArray, sides: FloatArray, i: int) -> FloatArray:
        slope = linear.matrix[:, :, i]
        side, slope = sides[slope != 0.0], slope[slope != 0.0]
        odd = 2.0 * np.floor((np.exp(side) - 1.0) / 2.0) + 1.0  # half of it is rounded to another whole number
        odd = odd[:, None] + 2.0 * np.arange(1 - CHANGES, CHANGES + 1)
        place, column = np.nonzero(odd > 0.0)
        changes = np.sort((np.log(odd[place, column]) - side[place]) / slope[place])
        at = int(np.searchsorted(changes, 0.0))
        changes = changes[max(0, at - CHANGES) : at + CHANGES]
        return _written(parameters[i] + np.append((changes[1:] + changes[:-1]) / 2.0, offsets))

    return near


def _written(parameters: FloatArray) -> FloatArray:
    """Return parameters whose values have the digits of a text."""
    values = np.exp(parameters)
    unit = 10.0 ** (np.floor(np.log10(values)) + 1 - DIGITS)
    return np.asarray(np.log(np.rint(values / unit) * unit))


def _exchanged(
    scene: _Scene, start: FloatArray, near: Near, rng: np.random.Generator, least: float = -1.0
) -> tuple[float, FloatArray]:
    """Return parameters none of which gains by an exchange for one of its candidates, and their score.

    It ends early if a score of `least` is out of reach, as the gains of one pass show.
    """
    judge, linear = scene.judge, scene.linear
    parameters = start.copy()
    sides = scene.sides(parameters)
    every = np.arange(len(sides))
    score, unchanged = judge.mean(judge.values(scene.anchors(sides), every)), 0
    before = -1.0
    while unchanged < len(parameters) and 2.0 * score - before >= least:
        before = score
        for i in rng.permutation(len(parameters)):
            unchanged += 1
            some = near(parameters, sides, i)
            some = np.unique(some[_allowed(scene, parameters, i, some)])
            rows = linear.matrix[:, :, i].any(axis=1)
            trials = scene.anchors(sides[rows] + linear.matrix[rows, :, i] * (some - parameters[i])[:, None, None])
            if scene.even:
                different = np.ones(len(some), np.bool_)
                different[1:] = (trials[1:] != trials[:-1]).any(axis=(1, 2))
                some, trials = some[different], trials[different]
            if not len(some):
                continue
            rest = judge.values(scene.anchors(sides[~rows]), every[~rows]) if not rows.all() else 0.0
            scores = [judge.mean(np.maximum(judge.values(one, every[rows]), rest)) for one in trials]
            at = int(np.argmax(scores))
            if scores[at] > score + GAIN:
                score, parameters[i], unchanged = scores[at], some[at], 0
                sides = scene.sides(parameters)
    return score, parameters


def _risen(scene: _Scene, parameters: FloatArray) -> FloatArray:
    """Return parameters within their limits, of which those that may not be below others are sorted."""
    linear = scene.linear
    chain = linear.rises | np.append(linear.rises[1:], False)
    parameters = parameters.copy()
    parameters[chain] = np.sort(parameters[chain])
    return np.minimum(parameters, scene.most)


def _allowed(scene: _Scene, parameters: FloatArray, i: int, values: FloatArray) -> NDArray[np.bool_]:
    """Return which values a parameter may have, within its limit and beside its neighbours."""
    linear = scene.linear
    low = parameters[i - 1] if linear.rises[i] else -np.inf
    high = parameters[i + 1] if i + 1 < len(parameters) and linear.rises[i + 1] else np.inf
    return np.asarray((low <= values) & (values <= min(high, scene.most[i])))


def _shaken(
    scene: _Scene, start: tuple[float, FloatArray], turns: int, rng: np.random.Generator, step: Step
) -> tuple[float, FloatArray]:
    """Return the best parameters after random moves, each followed by an exchange within windows.

    At first it goes on from a score that is a little lower, so that it leaves sets around which no move gains.
    """
    score, best = start
    now, where = start
    p = len(best)
    for turn in range(turns):
        step(1)
        width, share = (0.5, 0.2, 0.06, 0.02)[turn % 4], (0.5, 1.5 / p)[turn // 4 % 2]
        moved = where + width * rng.standard_normal(p) * (rng.random(p) < share)
        windows = [window for window in WINDOWS if window < 2 * width]
        least = now - LOWER * (1.0 - turn / turns) ** 2
        found, trial = _narrowed(scene, _risen(scene, moved), windows, rng, least)
        if found > least:
            now, where = found, trial
        if found > score:
            score, best = found, trial
    return score, best


def _stepped(judge: Judge, exact: Exact, parameters: FloatArray, most: FloatArray) -> FloatArray:
    """Return parameters of which none gains by a step, each length of `STEPS` in turn."""
    every = np.arange(len(exact(parameters)))
    score = judge.mean(judge.values(exact(parameters), every))
    for step in STEPS:
        better = True
        while better:
            better = False
            for i in range(len(parameters)):
                for move in (step, -step):
                    trial = np.minimum(parameters + move * (np.arange(len(parameters)) == i), most)
                    if (found := judge.mean(judge.values(exact(trial), every))) > score + GAIN:
                        score, parameters, better = found, trial, True
                        break
    return parameters
