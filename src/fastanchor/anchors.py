"""From labelled boxes to anchors: scale, filter, cluster, evolve, sort."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Literal, get_args

from numpy.typing import ArrayLike

from fastanchor import _check, optimum
from fastanchor._anchor_result import AnchorResult
from fastanchor._errors import DataError, SmallBoxWarning, SplitWarning
from fastanchor._hints import called
from fastanchor._limits import Limits
from fastanchor._network import Scalable, to_network_input
from fastanchor._small import MIN_SIZE, SMALL
from fastanchor._types import Computed, EngineName, Fit, Fitness, FloatArray, Metric, Progress, Rng, Start, Update
from fastanchor._weights import amount, weight_of
from fastanchor.boxes import Boxes
from fastanchor.engine import Objective, choose, objective_of
from fastanchor.evaluate import ByImage, by_area, scored
from fastanchor.metrics import mean_best_iou
from fastanchor.optimum import Search, Space
from fastanchor.starts import N_INIT, fittest, work_of

__all__ = ["Method", "auto_anchor"]

Method = Literal["recipe", "refine", "global"]


def auto_anchor(
    boxes: Scalable,
    *,
    img_size: int | Sequence[int] = 640,
    n: int = 9,
    thr: float = 0.25,
    gen: int = 1000,
    fit: Fit = "letterbox",
    min_size: float = MIN_SIZE,
    rng: Rng = None,
    metric: Metric = "iou",
    update: Update = "median",
    init: Start = "random",
    n_init: int = N_INIT,
    max_iter: int = 300,
    tol: float = 0.0,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = None,
    weights: ArrayLike | None = None,
    objective: str | Objective = "ratio",
    method: Method | Search = "recipe",
    space: Space | None = None,
    patience: int | None = None,
    max_seconds: float | None = None,
    resume: AnchorResult | None = None,
    jitter: Sequence[float] | None = None,
) -> AnchorResult:
    """Return n anchors for a detector that is trained on these boxes: k-means, then a genetic search.

    Parameters
    ----------
    boxes : Boxes, BoxIndex or (n, 2) array-like
        A ``Boxes`` with image sizes is scaled to `img_size`. An array, a ``BoxIndex``, or a ``Boxes`` without image
        sizes counts as widths and heights in pixels of the network input already.
    img_size : int or (width, height), default 640
        The network input, pixels.
    n : int, default 9
        Number of anchors.
    thr : float, default 0.25
        Threshold of the fitness, a ratio from 0 to 1 (YOLOv5's ``anchor_t`` of 4 is 0.25 here).
    gen : int, default 1000
        Generations of the search.
    fit : {"letterbox", "stretch", "shortest"}
        How images are resized to `img_size`; see :meth:`Boxes.scaled`.
    min_size : float, default 2
        Boxes without a side of at least this many pixels of the network input are left out; ``check`` keeps all.
        An index with such boxes is refused: leave them out before building it.
    rng : int, numpy.random.Generator or None
        Seed (0 to ``2**128 - 1``) or source of randomness, for k-means first and the search after it.
    metric, update, init, max_iter, tol
        Of k-means; see :func:`kmeans`.
    n_init : int, default 16
        Starts of k-means to try. Each makes up to 20 updates; the two with the largest ratio fitness run to the end,
        and the search improves the fitter of these. With more than 16,384 boxes, the starts are tried on 16,384 of
        them, drawn first by ``rng.choice(n, 16384, replace=False)`` (on all, if those have too few distinct sizes), and
        the run over all boxes starts from the resulting centres. With 1, or an array for
        `init`, k-means runs once over all boxes.
    engine : {"auto", "dense", "index"}
        How boxes are compared. "auto" takes the index from 200,000 boxes on, and from 50,000 where it is compiled
        already, unless nearly all are of one size. Never changes the answer. If `boxes` is an index already, leave out
        `engine` and `threads`.
    threads : int, optional
        Default: all processors that this process may use; never changes the answer.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    weights : (n,) array-like, optional
        How often each box counts, also in the numbers of boxes; see :func:`kmeans`. If starts are tried on 16,384
        boxes, these are drawn by ``rng.choice(n, 16384, p=weights / weights.sum())``, and count once each.
    objective : str or Objective, default "ratio"
        Value by which starts are chosen, and which the search maximises; see :func:`evolve`.
    method : {"recipe", "refine", "global"} or Search, default "recipe"
        "recipe" is k-means, then the genetic search. "refine" takes small steps, from the k-means
        centres and from 15 sets of drawn boxes. "global" exchanges anchors for the best of many candidates, from
        several starts, and refines the outcome. Both find better anchors than the recipe, and for any seed nearly the
        same ones; both leave `gen` unused.
    space : fastanchor.Space, optional
        Which anchors are allowed, for "refine" and "global". Default: any.
    patience : int, optional
        End the search after so many generations ("recipe") or starts ("global") in a row without better anchors.
    max_seconds : float, optional
        End the search when so long has passed since the call, with the best anchors so far; k-means is not cut short.
        Ctrl-C during the search does the same. ``result.evolve.ended`` says why it ended; to go on, pass the result as
        `resume`.
    resume : AnchorResult, optional
        Go on from this result for the same boxes, in place of k-means. "recipe" makes the generations that are left;
        with the same `numpy.random.Generator` in `rng` the anchors are those of an unbroken run, to the last bit.
        "refine" and "global" start anew beside these anchors, and never return worse ones.
    jitter : (low, high), optional
        How training rescales images at random, as (0.5, 1.5); see :func:`check`.

    Raises
    ------
    DataError
        If an argument breaks a rule, no box is left, or there are fewer distinct boxes than `n`.

    Warns
    -----
    SmallBoxWarning
        If boxes have a side of less than 3 pixels of the network input.
    SplitWarning
        If the boxes belong to several splits, such as train and val.

    Examples
    --------
    >>> from fastanchor.datasets import sample
    >>> result = auto_anchor(sample(), img_size=640, n=6, gen=100, rng=0)
    >>> result.anchors.shape
    (6, 2)
    >>> bool(result.fitness >= result.kmeans_fitness.fitness)
    True
    """
    n = _check.integer(n, "n", least=1)
    thr = _check.threshold(thr)
    gen = _check.integer(gen, "gen", least=0)
    limits = Limits(patience, max_seconds)
    aim = objective_of(objective, thr)
    parts = set(boxes.split or ()) if isinstance(boxes, Boxes) else set()
    if len(parts) > 1:
        text = f"the boxes belong to several splits: {', '.join(sorted(map(repr, parts)))}"
        warnings.warn(f"{text}; detectors are trained on one; see split in read()", SplitWarning, stacklevel=2)
    ready = to_network_input(boxes, img_size, fit, min_size, weights, jitter)
    work = work_of(n, n_init, max_iter, gen, aim.bounded)
    answers = choose(ready.boxes, name=engine, threads=threads, weights=ready.weights, work=work)
    count = amount(answers, weight_of(answers))
    if ready.n_small:
        share = f"{round(ready.n_small):,} of {round(count + ready.n_filtered):,}"
        text = f"{share} boxes have a side < {SMALL:g} pixels of the network input"
        warnings.warn(text, SmallBoxWarning, stacklevel=2)
    if resume is not None and resume.method == "recipe" == method:
        gen = max(0, gen + 1 - len(resume.evolve.history))
    searcher = _searcher(method, gen)
    if space is not None and method == "recipe":
        raise DataError("space: not supported for method='recipe', expected 'refine' or 'global'")
    generator = _check.generator(rng)
    clusters = start = None
    if searcher.clusters and resume is None:
        clusters = fittest(
            answers, n, thr=thr, metric=metric, update=update, init=init, n_init=n_init, max_iter=max_iter, tol=tol,
            rng=generator, progress=progress, objective=aim,
        )  # fmt: skip
        start = answers.fitness(clusters.centers, thr)
    centers = None if clusters is None else clusters.centers
    if resume is not None:
        centers = _resumed(resume, n)
    space = Space() if space is None else space
    problem = optimum.Problem(answers, n, aim, thr, space, generator, centers, limits, progress)
    search = optimum.solved(searcher, problem)
    found, by_image = by_area(search.anchors), ready.images and ByImage(ready.images)
    iou = mean_best_iou(answers, found)
    return AnchorResult(
        anchors=found,
        fitness=search.fitness,
        bpr=search.bpr,
        mean_iou=iou,
        method=searcher.name,
        kmeans=clusters,
        kmeans_fitness=start,
        evolve=search,
        boxes=count,
        n_small=ready.n_small,
        n_filtered=ready.n_filtered,
        engine=answers.name,
        backend=answers.backend,
        _check=Computed(lambda: scored(answers, found, thr, Fitness(search.fitness, search.bpr), iou, by_image)),
        fit=ready.fit,
        img_size=ready.img_size,
    )


def _resumed(resume: AnchorResult, n: int) -> FloatArray:
    """Return the anchors of a result, in the order of its search."""
    if len(resume.evolve.anchors) != n:
        raise DataError(f"{called('resume')}: got a result of {len(resume.evolve.anchors)} anchors, expected n = {n}")
    return resume.evolve.anchors


def _searcher(method: Method | Search, gen: int) -> Search:
    """Return the search of this name, or `method` itself."""
    if isinstance(method, Search):
        return method
    _check.choice(method, "method", get_args(Method))
    named: list[Search] = [optimum.Recipe(gen), optimum.Refine(), optimum.Global()]
    return next(one for one in named if one.name == method)
