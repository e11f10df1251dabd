"""k-means over box sizes, in terms of the questions that every engine answers."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check, kernels
from fastanchor._check import Called
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._initial import drawn_centers, given_centers, indistinct
from fastanchor._progress import bar
from fastanchor._text import many
from fastanchor._types import (
    Clusters,
    Computed,
    EngineName,
    FloatArray,
    IntArray,
    KMeansResult,
    Metric,
    Progress,
    Rng,
    Sizes,
    Start,
    StartName,
    Stop,
    Update,
)
from fastanchor._weights import amount, counting, weight_of, weights_of
from fastanchor.boxes import Boxes
from fastanchor.engine import METRICS, BoxesLike, Engine, answers_all, choose
from fastanchor.engine._columns import Columns, columns_of
from fastanchor.engine._exact import UNIT, coordinates
from fastanchor.engine._labelled import Labelled
from fastanchor.engine._order_statistics import medians
from fastanchor.engine._protocol import Nearest, Step
from fastanchor.kernels import ONCE, USUAL, Work
from fastanchor.metrics import mean_best_iou

__all__ = ["AS_IN_KMEANS", "INITS", "UPDATES", "assign", "clustered", "kmeans", "update_centers"]

UPDATES = get_args(Update)
INITS = get_args(StartName)

# Inertias and fitnesses that differ by less than this, relative, count as equal; the earlier one is kept.
TIE = 1e-11


AS_IN_KMEANS = Called()


def kmeans(
    boxes: BoxesLike,
    k: int,
    *,
    metric: Metric = "iou",
    update: Update = "median",
    init: Start = "random",
    n_init: int = 1,
    max_iter: int = 300,
    tol: float = 0.0,
    rng: Rng = None,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = None,
    weights: ArrayLike | None = None,
) -> KMeansResult:
    """Return k centres that fit the boxes, by Lloyd's algorithm.

    Each round assigns every box to its nearest centre (ties to the lowest) and moves each centre to the median or mean
    of its boxes. A centre left without boxes then moves to the box that is farthest from all centres as just updated
    (the lowest row of equals). The run stops when no assignment changes ("converged"), when earlier centres
    come back ("cycle": a median does not minimise the sum of ``1 - IoU``, so rounds can repeat; the best centres
    seen are returned, if possible some with a box each), by `tol`, or after `max_iter` updates. Only then may a centre
    be left without boxes; its count is 0.

    Parameters
    ----------
    boxes : (n, 2) array-like, Boxes or BoxIndex
        Widths and heights, in any unit; a ``Boxes`` counts in pixels of its images. With ``metric="euclidean"`` any
        finite points.
    k : int
        Number of centres.
    metric : {"iou", "euclidean", "ratio"}
        ``1 - IoU`` of boxes that share a corner, the straight-line distance, or
        ``1 - min(w/kw, kw/w, h/kh, kh/h)``, for which every box is compared with every centre.
    update : {"median", "mean"}
        Computed for widths and heights separately.
    init : {"random", "k-means++"} or (k, 2) array-like
        "random" draws k boxes; "k-means++" draws each next one with a probability in proportion to its distance from
        those before: the first row where the distances so far, added up without rounding, exceed ``rng.random()`` times
        their total. An array is run once, whatever `n_init` says.
    n_init : int, default 1
        Runs from as many starts; the one with the largest mean IoU (least inertia for the other metrics) is returned.
        ``auto_anchor`` and ``sweep`` use 16, because their starts are short trials, chosen by the fitness.
    max_iter : int, default 300
        Most updates in a run.
    tol : float, default 0
        If above 0, stop when the mean IoU (for "ratio" the mean ratio, for "euclidean" the inertia, relative) improved
        by less than this.
    rng : int, numpy.random.Generator or None
        Seed (0 to ``2**128 - 1``) or source of randomness.
    engine : {"auto", "dense", "index"}
        How boxes are compared. "auto" takes the index from 200,000 boxes on, and from 50,000 where it is compiled
        already, unless nearly all are of one size. Never changes the answer. With ``metric="euclidean"`` "index" needs
        sides above 0; "auto" and "dense" take any points. If `boxes` is an index already, leave out `engine` and
        `threads`.
    threads : int, optional
        Default: all processors that this process may use; never changes the answer.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    weights : (n,) array-like, optional
        How often each box counts, numbers >= 0; they replace those of a ``Boxes``. The answer is the one for boxes
        repeated that often, from the same start. A row of weight 0 is not counted and never drawn, but has a label.
        Whole numbers count exactly; others are rounded once, by a relative 2^-30 at most. "random" draws rows by
        ``rng.choice(n, k, replace=False, p=weights / weights.sum())``, "k-means++" the first one likewise, and the
        next ones by distance times weight.

    Raises
    ------
    DataError
        If an argument breaks a rule, or there are fewer distinct boxes than `k`.

    References
    ----------
    S. Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28, 1982. D. Arthur, S. Vassilvitskii,
    "k-means++", SODA 2007, section 2.2 (here with the plain distance in place of its square).

    Examples
    --------
    >>> result = kmeans([[10, 10], [12, 10], [50, 60], [54, 66], [52, 60]], 2, init=[[10, 10], [50, 60]])
    >>> result.centers
    array([[11., 10.],
           [52., 60.]])
    >>> result.labels
    array([0, 0, 1, 1, 1])
    """
    return clustered(
        boxes, k, metric=metric, update=update, init=init, n_init=n_init, max_iter=max_iter, tol=tol, rng=rng,
        engine=engine, threads=threads, progress=progress, weights=weights,
    )  # fmt: skip


def clustered(
    boxes: BoxesLike,
    k: int,
    *,
    metric: Metric = "iou",
    update: Update = "median",
    init: Start = "random",
    n_init: int = 1,
    max_iter: int = 300,
    tol: float = 0.0,
    rng: Rng = None,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = None,
    named: Called = AS_IN_KMEANS,
    weights: ArrayLike | None = None,
) -> KMeansResult:
    """Run :func:`kmeans`; errors call the arguments by the names in `named`."""
    _check.choice(metric, "metric", METRICS)
    _check.choice(update, "update", UPDATES)
    k = _check.integer(k, named.k, least=1)
    n_init = _check.integer(n_init, "n_init", least=1)
    max_iter = _check.integer(max_iter, named.max_iter, least=1)
    tol = _check.number(tol, "tol", low=0.0)
    given = None if isinstance(init, str) else given_centers(init, k, metric, named)
    if given is None:
        _check.choice(init, "init", INITS)
    answers = choose(
        boxes,
        name=engine,
        threads=threads,
        metric=metric,
        argument=named.boxes,
        weights=weights,
        named=named.weights,
        work=Work(k, updates=min(max_iter, USUAL) * (n_init if given is None else 1)),
    )
    distinct = len(answers.distinct(k))
    if distinct < k:
        few, most = f"only {many(distinct, 'distinct size')}", called(named.k)
        raise DataError(f"{named.boxes}: {few}, too few for {most} = {k}; give a smaller {most}")
    generator = _check.generator(rng)
    best: tuple[_Run, Computed[Nearest]] | None = None
    with bar(progress, total=None, desc="k-means", unit=" updates") as moving:
        for _ in range(1 if given is not None else n_init):
            start = given if given is not None else drawn_centers(answers, k, metric, str(init), generator, named)
            run = _lloyd(answers, start, metric, update, max_iter, tol, moving, named)
            nearest = Computed(partial(answers.nearest, run.centers, metric))  # looks at nearly every box
            if best is None or _better(nearest().inertia, best[1]().inertia):
                best = run, nearest
    assert best is not None
    return _result(answers, *best, metric)


def _result(answers: Engine, run: _Run, nearest: Computed[Nearest], metric: Metric) -> KMeansResult:
    def clusters() -> Clusters:
        counts, inertia = nearest()
        return Clusters(
            amount(answers, counts), _mean_iou(answers, run.centers, metric, inertia), amount(answers, inertia)
        )

    def labels() -> IntArray:
        shared()  # so that nothing is left to compute, and the boxes can be freed
        return answers.labels(run.centers, metric)

    shared = Computed(clusters)
    return KMeansResult(run.centers, run.n_iter, run.stop, shared, Computed(labels))


def assign(boxes: BoxesLike, centers: Sizes, *, metric: Metric = "iou") -> IntArray:
    """Return the nearest centre of each box, (n,) int64 in the order of the boxes; ties go to the lowest.

    Parameters
    ----------
    boxes : (n, 2) array-like, Boxes or BoxIndex
        Widths and heights, in any unit. With ``metric="euclidean"`` any finite points.
    centers : (k, 2) array-like
        In the same unit.
    metric : {"iou", "euclidean", "ratio"}

    Raises
    ------
    DataError
        If an argument breaks a rule.

    Examples
    --------
    >>> assign([[10, 12], [50, 70]], [[8, 8], [60, 60]])
    array([0, 1])
    """
    _check.choice(metric, "metric", METRICS)
    check = _check.as_points if metric == "euclidean" else _check.as_sizes
    return choose(boxes, metric=metric, work=ONCE).labels(check(centers, "centers"), metric)


def update_centers(
    boxes: BoxesLike,
    labels: ArrayLike,
    k: int,
    *,
    update: Update = "median",
    empty: Sizes | None = None,
    weights: ArrayLike | None = None,
) -> FloatArray:
    """Return the centre of each label's boxes, (k, 2) float64: the second half of a round of :func:`kmeans`.

    Parameters
    ----------
    boxes : (n, 2) array-like, Boxes or BoxIndex
        Widths and heights, in any unit, or any finite points.
    labels : (n,) array-like of int
        The centre that each box belongs to, 0 to ``k - 1``, as :func:`assign` returns it.
    k : int
        Number of centres.
    update : {"median", "mean"}
        Computed for widths and heights separately. The median of an even number of boxes is the mean of the middle two.
    empty : (k, 2) array-like, optional
        Places for the centres that have no box, by row; the other rows are not used. Without it a centre that has no
        box is an error, so the result never contains NaN.
    weights : (n,) array-like, optional
        How often each box counts; see :func:`kmeans`. A centre whose boxes have weight 0 has no box.

    Raises
    ------
    DataError
        If an argument breaks a rule, or a centre has no box and `empty` is not given.

    Examples
    --------
    >>> update_centers([[10, 10], [12, 10], [50, 60]], [0, 0, 1], 2)
    array([[11., 10.],
           [50., 60.]])
    >>> update_centers([[10, 10], [12, 14]], [1, 1], 2, empty=[[5, 5], [9, 9]])
    array([[ 5.,  5.],
           [11., 12.]])
    """
    _check.choice(update, "update", UPDATES)
    k = _check.integer(k, "k", least=1)
    if weights is None and isinstance(boxes, Boxes):
        weights = boxes.weights
    if answers_all(boxes):
        own = weights_of(boxes)
        weights = own.each if weights is None and own is not None else weights
        boxes = boxes.take(np.arange(len(boxes)))
    wh = _check.as_points(boxes.wh if isinstance(boxes, Boxes) else boxes, "boxes")
    rule = f"must be from 0 to k - 1 = {k - 1}"
    owners = _check.as_indices(labels, "labels", len(wh), k, rule).astype(np.int32)
    places = None if empty is None else _check.as_points(empty, "empty")
    # before any array of k rows is allocated
    if places is None and k > len(wh):
        most = f"must be at most {len(wh)}, the number of boxes"
        raise DataError(f"{called('k')} = {k}: {most}; give empty= to place the other centres")
    if places is not None and len(places) != k:
        raise DataError(f"empty: must have k = {k} centres, got {len(places)}")
    counted = None if weights is None else counting(weights, "weights", len(wh))
    backend = kernels.current(work=ONCE, n=len(wh))
    columns = Columns(*columns_of(wh), backend=backend, weights=None if counted is None else counted.each)
    scale = None
    if update == "mean":
        scale = coordinates(*columns.sizes()) if wh.any() else UNIT
        scale = scale if counted is None else scale.weighted(int(counted.each.max()))
    labelled = Labelled(columns, "iou", scale, owners)
    _, counts, digits = labelled.totals(k)
    without = np.flatnonzero(counts == 0)
    if without.size and places is None:
        more = f" and {without.size - 1} more" if without.size > 1 else ""
        raise DataError(f"labels: centre {without[0]}{more} of k = {k} has no box; give empty= to place it")
    if scale is not None:
        centers = scale.means(digits.swapaxes(0, 1), counts)
    else:
        centers = medians(lambda question, *more: [getattr(labelled, question)(*more)], counts)
    if places is not None:
        centers[without] = places[without]
    return centers


class _Run(NamedTuple):
    centers: FloatArray
    n_iter: int
    stop: Stop


def _lloyd(
    answers: Engine,
    start: FloatArray,
    metric: Metric,
    update: Update,
    max_iter: int,
    tol: float,
    moving: Any,
    named: Called = AS_IN_KMEANS,
) -> _Run:
    lloyd = answers.lloyd(metric, update)
    centers, seen, last = start, {start.tobytes(): start}, np.inf
    for n_iter in range(max_iter):
        step = lloyd.step(centers)
        if not step.changed and step.counts.all():
            return _Run(centers, n_iter, "converged")
        moved = _reseeded(answers, step, metric, named)
        moving.update(1)
        # centres that did not move have converged: the next assignment equals this one
        if moved.tobytes() in seen and not np.array_equal(moved, centers):
            return _Run(_best(answers, list(seen.values()), metric), n_iter + 1, "cycle")
        if tol > 0.0:
            inertia = step.inertia
            settled = last < np.inf and _gain(last, inertia, metric, weight_of(answers)) < tol
            if settled and answers.nearest(moved, metric).counts.all():
                return _Run(moved, n_iter + 1, "tol")
            last = inertia
        seen[moved.tobytes()] = centers = moved
    return _Run(centers, max_iter, "max_iter")


def _best(answers: Engine, seen: list[FloatArray], metric: Metric) -> FloatArray:
    """Return the centres with the least inertia, the first of equals; prefer those where every centre has a box."""
    best, least, whole = seen[0], np.inf, False
    for centers in seen:
        counts, inertia = answers.nearest(centers, metric)
        full = bool(counts.all())
        if full > whole or (full == whole and _better(inertia, least)):
            best, least, whole = centers, inertia, full
    return best


def _better(inertia: float, than: float) -> bool:
    return inertia < than - TIE * than if than < np.inf else True


def _gain(before: float, now: float, metric: Metric, n: int) -> float:
    return (before - now) / (before if metric == "euclidean" else n) if before > 0.0 else 0.0


def _reseeded(answers: Engine, step: Step, metric: Metric, named: Called) -> FloatArray:
    """Return the updated centres; each one without a box moves, in order, to the box farthest from all others."""
    empty = np.flatnonzero(step.counts == 0)
    if not empty.size:
        return step.centers
    found = answers.spread(step.centers[step.counts > 0], metric, empty.size)
    if len(found.rows) < empty.size:
        raise indistinct(named, len(step.centers))
    moved = step.centers.copy()
    moved[empty] = found.boxes
    return moved


def _mean_iou(answers: Engine, centers: FloatArray, metric: Metric, inertia: float) -> float:
    if metric == "iou":
        return mean_best_iou(answers, centers, inertia)
    return mean_best_iou(answers, centers) if answers.positive and (centers > 0.0).all() else float("nan")
