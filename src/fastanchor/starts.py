"""k-means for anchors: many starts tried briefly, and the fittest run to the end.

``kmeans`` itself returns the run with the largest mean IoU; it has no threshold, and so no fitness to compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._check import Called
from fastanchor._errors import DataError
from fastanchor._progress import bar
from fastanchor._types import KMeansResult, Metric, Progress, Start, Update
from fastanchor._weights import weights_of
from fastanchor.cluster import TIE, clustered
from fastanchor.engine import Engine, Objective, choose, objective_of
from fastanchor.kernels import USUAL, Work

__all__ = ["N_INIT", "fittest", "work_of"]

AS_IN_AUTO_ANCHOR = Called(k="n")
# Measured by bench/starts.py: more starts, longer trials or more finished runs take longer, and results vary with the
# seed as much.
N_INIT = 16
# updates of a trial, and how many trials go on to the end
TRIAL, FINISHED = 20, 2
# Number of boxes in trials: their fitness differs from that of all boxes by less than the fitness of two starts.
SEEN = 1 << 14


def fittest(
    answers: Engine,
    k: int,
    *,
    thr: float,
    rng: np.random.Generator,
    init: Start = "random",
    n_init: int = N_INIT,
    max_iter: int = 300,
    progress: Progress = None,
    metric: Metric = "iou",
    update: Update = "median",
    tol: float = 0.0,
    named: Called = AS_IN_AUTO_ANCHOR,
    objective: str | Objective = "ratio",
) -> KMeansResult:
    """Return a run of k-means whose start was chosen by the ratio fitness, or another objective.

    Parameters
    ----------
    answers : Engine
        The boxes.
    k : int
        Number of centres.
    thr : float
        Threshold of the fitness.
    rng : numpy.random.Generator
        Draws the boxes of the trials (if there are more than 16,384: ``rng.choice(n, 16384, replace=False)``, with
        weights ``rng.choice(n, 16384, p=weights / weights.sum())``), then one start after the other; see
        :func:`fastanchor.kmeans`.
    init, n_init, max_iter, progress, metric, update, tol
        Of :func:`fastanchor.kmeans`. With ``n_init=1``, or an array for `init`, there is nothing to choose: k-means
        runs once.
    named
        Of :func:`.cluster.clustered`; the public functions that use this one have `n`.
    objective
        Of :func:`fastanchor.evolve`; it replaces the fitness in all of this.

    Notes
    -----
    Each of the `n_init` starts makes up to 20 updates; the two that are then the fittest run to the end, and the fitter
    of these is returned. With more than 16,384 boxes, this is done for 16,384 of them, drawn without replacement; the
    run over all boxes starts from the resulting centres, and is returned. If the drawn boxes have too few distinct
    sizes for k centres, all boxes are used. `max_iter` bounds the updates of one run from its start;
    fitnesses that differ by less than a relative 1e-11 count as equal, and the earlier start is kept.
    """
    options: dict[str, Any] = {"metric": metric, "update": update, "tol": tol, "progress": progress}
    options["named"] = named
    aim = objective_of(objective, thr)
    n_init = _check.integer(n_init, "n_init", least=1)
    if n_init == 1 or not isinstance(init, str):
        return clustered(answers, k, init=init, max_iter=max_iter, rng=rng, **options)
    if len(answers) > SEEN:
        weights = weights_of(answers)
        if weights is None:
            rows = rng.choice(len(answers), SEEN, replace=False)
        else:  # drawn in proportion to their weights: each drawn box counts once
            rows = rng.choice(len(answers), SEEN, p=weights.drawn())
        some = choose(answers.take(rows), name="dense", metric=metric, backend=answers.backend)
        try:
            found = _chosen(some, k, thr, aim, rng, init, n_init, max_iter, options)
        except DataError:
            pass  # too few distinct boxes among those drawn; any other error arises again below
        else:
            return clustered(answers, k, init=found.centers, max_iter=max_iter, **options)
    return _chosen(answers, k, thr, aim, rng, init, n_init, max_iter, options)


def work_of(centers: int, n_init: int, max_iter: int, gen: int, bounded: bool = True) -> Work:
    """Return the work per box of `fittest` and a search of `gen` generations, to choose a backend by."""
    trials = TRIAL * n_init if n_init > 1 else 0
    searched, looked = (gen, 0) if bounded else (0, gen)
    return Work(centers, min(max_iter, USUAL), trials, SEEN, generations=searched, looks=looked)


def _chosen(
    answers: Engine,
    k: int,
    thr: float,
    aim: Objective,
    rng: np.random.Generator,
    init: Any,
    n_init: int,
    max_iter: int,
    options: dict[str, Any],
) -> KMeansResult:
    """Return the fittest run over these boxes: try each start briefly, and continue the fittest trials."""
    judge = aim.over(answers)

    def score(run: KMeansResult) -> float:
        return float(judge.total(run.centers, thr))

    def finished(run: KMeansResult) -> KMeansResult:
        if run.stop != "max_iter" or run.n_iter >= max_iter:
            return run
        rest = clustered(answers, k, init=run.centers, max_iter=max_iter - run.n_iter, **options)
        return replace(rest, n_iter=run.n_iter + rest.n_iter)

    # kmeans checks the rest; trials replace max_iter, so it is checked here
    max_iter = _check.integer(max_iter, "max_iter", least=1)
    trials = []
    brief = {**options, "max_iter": min(TRIAL, max_iter), "progress": False}
    with bar(options["progress"], total=n_init, desc="trying starts", unit=" starts") as moving:
        for _ in range(n_init):
            trials.append(clustered(answers, k, init=init, rng=rng, **brief))
            moving.update(1)
    runs = [finished(trials[i]) for i in _fittest([score(run) for run in trials], FINISHED)]
    return runs[_fittest([score(run) for run in runs], 1)[0]]


def _fittest(scores: Sequence[float], count: int) -> list[int]:
    """Return the places of the `count` largest scores in rising order; of equal scores the earlier is taken."""
    left, taken = list(range(len(scores))), list[int]()
    while left and len(taken) < count:
        best = left[0]
        for i in left[1:]:
            if scores[i] > scores[best] + TIE * scores[best]:
                best = i
        left.remove(best)
        taken.append(best)
    return sorted(taken)
