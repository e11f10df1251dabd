"""The genetic search, in terms of the questions that every engine answers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check
from fastanchor._limits import Limits
from fastanchor._progress import bar
from fastanchor._types import EngineName, EvolveResult, FloatArray, Progress, Rng, Sizes
from fastanchor.engine import BoxesLike, Engine, Objective, Scored, choose, objective_of
from fastanchor.kernels import Work
from fastanchor.metrics import as_anchors

__all__ = ["Draws", "climb", "evolve", "evolved"]

# YOLOv5's constants: share of sides that mutate, spread of their factors, limits of a factor, least side in pixels
MUTATED, SIGMA, SHRINK, GROW, LEAST = 0.9, 0.1, 0.3, 3.0, 2.0
AHEAD = 16  # mutants compared at once; one in twenty is accepted, and those after it are computed again


class Draws(NamedTuple):
    """Random source of a generation, called in this order: ``(k, 2)`` uniforms, one uniform, ``(k, 2)`` normals."""

    mask: Callable[[tuple[int, int]], FloatArray]
    spread: Callable[[], float]
    normal: Callable[[tuple[int, int]], FloatArray]


def evolve(
    boxes: BoxesLike,
    anchors: Sizes,
    *,
    thr: float = 0.25,
    gen: int = 1000,
    rng: Rng = None,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = None,
    weights: ArrayLike | None = None,
    objective: str | Objective = "ratio",
    patience: int | None = None,
    max_seconds: float | None = None,
) -> EvolveResult:
    """Improve anchors by mutation: the search of YOLOv5's AutoAnchor.

    Each generation multiplies the sides of the best anchors so far by ``1 + mask * u * z * 0.1``, clipped to
    [0.3, 3], with one uniform u, a normal z and a chance of 0.9 for each side; sides stay >= 2. A mutant replaces its
    parent if its fitness (see :func:`anchor_fitness`), or another objective, is strictly greater.

    Parameters
    ----------
    boxes : (n, 2) array-like, Boxes or BoxIndex
        Widths and heights in pixels of the network input.
    anchors : (k, 2) array-like
        Anchors to start from; widths and heights in pixels of the network input.
    thr : float, default 0.25
        Threshold of the fitness, a ratio from 0 to 1.
    gen : int, default 1000
        Generations; 0 only scores the anchors.
    rng : int, numpy.random.Generator or None
        Seed (0 to ``2**128 - 1``) or source of randomness.
    engine : {"auto", "dense", "index"}
        How boxes are compared. "auto" takes the index from 200,000 boxes on, and from 50,000 where it is compiled
        already, unless nearly all are of one size. Never changes the answer. If `boxes` is an index already, leave out
        `engine` and `threads`.
    threads : int, optional
        Default: all processors that this process may use; never changes the answer.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    weights : (n,) array-like, optional
        How often each box counts; see :func:`kmeans`.
    objective : str or Objective, default "ratio"
        What is maximised, a mean over the boxes: "ratio" is the ratio fitness; "recall" the share of boxes with a ratio
        above `thr`; "iou" the IoU with the best anchor; "iou>0.5" the same, but 0 where it is not above 0.5;
        "iou-recall@0.5" the share of boxes where it is above 0.5. "recall" compares every box with every anchor.
    patience : int, optional
        End after so many generations in a row without a fitter mutant.
    max_seconds : float, optional
        End after about so long. To go on, pass the anchors of the result, the generations that are left, and the same
        `numpy.random.Generator`: the outcome is that of an unbroken run, to the last bit.

    Raises
    ------
    DataError
        If an argument breaks a rule.

    Examples
    --------
    >>> boxes = [[20, 30], [24, 30], [60, 50], [66, 54]]
    >>> result = evolve(boxes, [[10, 20], [100, 90]], gen=200, rng=0)
    >>> bool(result.fitness > result.history[0])
    True
    """
    thr = _check.threshold(thr)
    gen = _check.integer(gen, "gen", least=0)
    aim = objective_of(objective, thr)
    work = Work(generations=gen) if aim.bounded else Work(looks=gen)
    answers = choose(boxes, name=engine, threads=threads, weights=weights, work=work)
    best: FloatArray = as_anchors(anchors, len(answers)).copy()
    limits = Limits(patience, max_seconds)
    return evolved(answers, best, aim, thr, gen, _check.generator(rng), progress, limits)


def evolved(
    answers: Engine,
    anchors: FloatArray,
    objective: Objective,
    thr: float,
    gen: int,
    rng: np.random.Generator,
    progress: Progress,
    limits: Limits,
) -> EvolveResult:
    """Run the search of :func:`evolve` on an engine."""
    draws = Draws(rng.random, rng.random, rng.standard_normal)
    judge, before = objective.over(answers), rng.bit_generator.state
    found = climb(anchors, judge, thr, gen, draws, progress, limits=limits)
    if found.ended != "done":  # mutants are drawn ahead: leave `rng` as after the generations made
        rng.bit_generator.state = before
        for _ in range(len(found.history) - 1):
            _factors(draws, len(anchors))
    score = found.fitness if judge is answers else answers.fitness(found.anchors, thr).fitness
    engine = answers.name if objective.bounded else "dense"
    return replace(found, fitness=score, objective=objective.name, engine=engine)


def climb(
    best: FloatArray,
    answers: Scored,
    thr: float,
    gen: int,
    draws: Draws,
    progress: Progress = None,
    improved: Callable[[FloatArray], object] = lambda anchors: None,
    limits: Limits | None = None,
) -> EvolveResult:
    """Run the search with the given random source; call `improved` with each fitter set of anchors.

    Without `limits`, Ctrl-C is raised as usual.
    """
    guarded = contextlib.nullcontext() if limits is None else limits.guard()
    limits = Limits() if limits is None else limits
    limits.held = [best]
    history = np.empty(gen + 1)
    history[0] = fitness = answers.fitness(best, thr).fitness
    done = 0
    drawn: list[FloatArray] = []
    wants, at = getattr(answers, "ahead", None), [0]  # and the generations after which mutants were accepted
    with bar(progress, total=gen, desc="evolving", unit=" generations") as moving, guarded:
        moving.set_postfix_str(f"fitness {fitness:.4f}")
        while done < gen and (left := limits.left(done - at[-1])):
            # factors do not depend on accepted mutants, so an engine can compare the next mutants at the same time
            ahead = AHEAD if wants is None else wants.number(at, done)
            drawn += [_factors(draws, len(best)) for _ in range(min(ahead, gen - done) - len(drawn))]
            mutants = [(best * factors).clip(min=LEAST) for factors in drawn[:left]]
            found = answers.first_fitter(mutants, thr, fitness, best)
            passed = len(mutants) if found is None else found[0] + 1
            history[done + 1 : done + passed + 1] = fitness
            done += passed
            del drawn[:passed]
            if found is not None:
                best, fitness = mutants[found[0]], found[1]
                history[done] = fitness
                at.append(done)
                moving.set_postfix_str(f"fitness {fitness:.4f}", refresh=False)
                improved(best)
            moving.update(passed)
    bpr = answers.fitness(best, thr).bpr
    return EvolveResult(best, fitness, bpr, len(at) - 1, history[: done + 1], ended=limits.ended)


def _factors(draws: Draws, k: int) -> FloatArray:
    """Return (k, 2) factors, at least one of them not 1."""
    while True:
        mask = draws.mask((k, 2)) < MUTATED
        u = draws.spread()
        z = draws.normal((k, 2))
        factors: FloatArray = (mask * u * z * SIGMA + 1.0).clip(SHRINK, GROW)
        if (factors != 1.0).any():
            return factors
