"""Anchors and their scores for a range of numbers of anchors, on one engine."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._evolve import evolve
from fastanchor._hints import called
from fastanchor._images import NEEDED
from fastanchor._intervals import RESAMPLES, Enough, Intervals, enough, image_sums, intervals
from fastanchor._network import NetworkBoxes, Scalable, to_network_input
from fastanchor._progress import bar
from fastanchor._small import EVERY, MIN_SIZE
from fastanchor._table import Table
from fastanchor._text import many
from fastanchor._types import EngineName, Fit, FloatArray, IntArray, Progress, Result, Rng, Update, picture
from fastanchor._weights import amount, weight_of
from fastanchor.engine import Engine, Objective, choose, objective_of
from fastanchor.evaluate import by_area
from fastanchor.metrics import mean_best_iou
from fastanchor.optimum import bound
from fastanchor.starts import N_INIT, fittest, work_of

__all__ = ["SCORES", "SweepResult", "sweep"]

SECONDS = 20.0  # for the proof of one limit
SCORES = {"mean IoU": "mean_iou", "fitness": "fitness", "BPR": "bpr"}


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult(Result):
    """Result of :func:`fastanchor.sweep`, one entry for each number of anchors. The arrays are read-only.

    Attributes
    ----------
    n : (m,) int64
        Numbers of anchors, rising.
    anchors : tuple of (n[i], 2) float64
        By area, smallest first; pixels of the network input.
    fitness, bpr, mean_iou : (m,) float64
        Scores of those anchors.
    boxes : int
        Number of boxes used, weighted; float if weights are not whole.
    engine : str
        How boxes were compared.
    objective : str
        The objective; that of `limit`.
    intervals : tuple of Intervals, or None
        The 95 % confidence intervals of the scores, over images; None where it is not known which boxes belong to the
        same image.
    enough : Enough or None
        For each score, the smallest number of anchors that is not worse than the best beyond noise.
    limit, gap : (m,) float64 or None
        The objective that no so many anchors exceed, and how far the anchors are below it, as a share of what they
        reach; see :func:`fastanchor.bound`. None without `certify`.
    """

    n: IntArray
    anchors: tuple[FloatArray, ...]
    fitness: FloatArray
    bpr: FloatArray
    mean_iou: FloatArray
    boxes: int
    engine: str
    objective: str = "ratio"
    intervals: tuple[Intervals, ...] | None = None
    enough: Enough | None = None
    limit: FloatArray | None = None
    gap: FloatArray | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain Python values, ready for JSON."""
        return {
            "n": self.n.tolist(),
            "fitness": self.fitness.tolist(),
            "bpr": self.bpr.tolist(),
            "mean_iou": self.mean_iou.tolist(),
            "anchors": [anchors.tolist() for anchors in self.anchors],
            "boxes": self.boxes,
            "engine": self.engine,
            "objective": self.objective,
            "intervals": self.intervals and [one.to_dict() for one in self.intervals],
            "enough": self.enough and self.enough._asdict(),
            "limit": None if self.limit is None else self.limit.tolist(),
            "gap": None if self.gap is None else self.gap.tolist(),
        }

    def table(self) -> Table:
        """Return the scores as a table, one row per number of anchors; a star marks the smallest number of `enough`."""
        columns = [("  n", [str(n) for n in self.n])]
        for title, name in SCORES.items():
            least = self.enough and getattr(self.enough, name)
            marks = ["" if least is None else "*" if n == least else " " for n in self.n]
            columns.append((title, [f"{one:.5f}{mark}" for one, mark in zip(getattr(self, name), marks, strict=True)]))
            if self.intervals is not None:
                ends = [getattr(one, name) for one in self.intervals]
                columns.append(("95 % interval", [f"{low:.5f} to {high:.5f}" for _, low, high in ends]))
        if self.limit is not None and self.gap is not None:
            columns.append((f"limit of {self.objective}", [f"{one:.5f}" for one in self.limit]))
            columns.append(("  gap", [f"{one:.2%}" for one in self.gap]))
        head, cells = zip(*columns, strict=True)
        return Table(head, list(zip(*cells, strict=True)), align="r")

    def remark(self) -> str:
        """Return a sentence about the marks of the table."""
        if self.intervals is None:
            return f"no intervals: each {NEEDED}"
        images = many(self.intervals[0].images, "image")
        return f"* smallest number not worse than the best beyond noise; intervals: {RESAMPLES:,} resamples of {images}"

    def to_text(self) -> str:
        """Return the scores as a table, one line per number of anchors."""
        return f"{self.table().text()}\n{self.remark()}"

    def plot(self) -> Any:
        """Return a matplotlib figure of the scores against the number of anchors."""
        return picture("swept", self)


def sweep(
    boxes: Scalable,
    n: Iterable[int] = range(1, 16),
    *,
    img_size: int | Sequence[int] = 640,
    thr: float = 0.25,
    gen: int = 0,
    fit: Fit = "letterbox",
    min_size: float = MIN_SIZE,
    rng: Rng = None,
    update: Update = "median",
    n_init: int = N_INIT,
    max_iter: int = 300,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = None,
    weights: ArrayLike | None = None,
    objective: str | Objective = "ratio",
    jitter: Sequence[float] | None = None,
    certify: bool = False,
) -> SweepResult:
    """Return fitness, recall and mean IoU over the number of anchors, to see where more anchors stop helping.

    Parameters
    ----------
    boxes : Boxes, BoxIndex or (n, 2) array-like
        A ``Boxes`` with image sizes is scaled to `img_size`; other boxes are in pixels of the network input already.
    n : iterable of int, default 1 to 15
        Numbers of anchors. Those above the number of distinct boxes are an error.
    img_size : int or (width, height), default 640
        The network input, pixels.
    thr : float, default 0.25
        Threshold of the fitness, a ratio from 0 to 1.
    gen : int, default 0
        Generations of the genetic search after each k-means. The shape of the curve shows without it.
    fit : {"letterbox", "stretch", "shortest"}
        How images are resized to `img_size`; see :meth:`Boxes.scaled`.
    min_size : float, default 2
        Boxes without a side of at least this many pixels of the network input are left out; ``check`` keeps all.
        An index with such boxes is refused: leave them out before building it.
    rng : int, numpy.random.Generator or None
        Seed (0 to ``2**128 - 1``) or source of randomness. Each number gets the same draws as in :func:`auto_anchor`,
        and so the same anchors with as many generations, whatever the other numbers are. A generator ends in the state
        that the largest number leaves.
    update, max_iter
        Of k-means; see :func:`kmeans`.
    n_init : int, default 16
        Starts of k-means to try, chosen by the ratio fitness; see :func:`auto_anchor`.
    engine : {"auto", "dense", "index"}
        How boxes are compared; built once for all numbers. Never changes the answer. If `boxes` is an index already,
        leave out `engine` and `threads`.
    threads : int, optional
        Default: all processors that this process may use; never changes the answer.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    weights : (n,) array-like, optional
        How often each box counts; see :func:`kmeans`.
    objective : str or Objective, default "ratio"
        Value by which starts are chosen, and which the search maximises; see :func:`evolve`.
    jitter : (low, high), optional
        How training rescales images at random, as (0.5, 1.5); see :func:`check`.
    certify : bool, default False
        Compute the limit that no so many anchors exceed, by :func:`bound`. Its proof stops after about 20 seconds for
        each number; the limit is then valid, if wider. Needs SciPy.

    Raises
    ------
    DataError
        If an argument breaks a rule, no box is left, there are fewer distinct boxes than anchors, or `certify` is True
        and the objective is one without a name.
    BackendError
        If `certify` is True, and SciPy is not installed.

    Notes
    -----
    The scores are those of the boxes that the anchors are chosen on. More anchors always come nearer to these, so the
    fitness and the mean IoU are rarely enough below the largest number; the recall is.

    Examples
    --------
    >>> found = sweep([[10, 10], [12, 10], [50, 60], [54, 66]], [1, 2, 4], rng=0)
    >>> found.mean_iou.round(3).tolist()
    [0.217, 0.915, 1.0]
    """
    given = _check.listed(n, ordered=False)
    if given is None:
        raise WrongTypeError(
            f"{called('n')} = {_check.short(n)}: must be several numbers of anchors, such as [3, 6, 9] or range(1, 16)"
        )
    numbers = sorted({_check.integer(value, "n", least=1) for value in given})
    if not numbers:
        raise DataError(f"{called('n')}: must have at least one number of anchors, got none")
    thr = _check.threshold(thr)
    gen = _check.integer(gen, "gen", least=0)
    aim = objective_of(objective, thr)
    ready = to_network_input(boxes, img_size, fit, min_size, weights, jitter)
    work = work_of(sum(numbers), n_init, max_iter, gen, aim.bounded)
    answers = choose(ready.boxes, name=engine, threads=threads, weights=ready.weights, work=work)
    root = _check.generator(rng)
    found, scores, limits = list[FloatArray](), np.empty((3, len(numbers))), list[tuple[float, float]]()
    options: dict[str, Any] = {"thr": thr, "progress": False, "objective": aim}
    starts: dict[str, Any] = {"n_init": n_init, "max_iter": max_iter, "update": update}
    with bar(progress, total=len(numbers), desc="sweeping", unit=" numbers") as moving:
        for i, k in enumerate(numbers):
            stream = root if k == numbers[-1] else copy.deepcopy(root)
            centers = fittest(answers, k, rng=stream, **starts, **options).centers
            if gen:
                centers = evolve(answers, centers, gen=gen, rng=stream, **options).anchors
            centers = by_area(centers)
            found.append(centers)
            scores[:2, i] = answers.fitness(centers, thr)
            scores[2, i] = mean_best_iou(answers, centers)
            if certify:
                proof = bound(answers, k, objective=aim, thr=thr, anchors=centers, min_size=EVERY, max_seconds=SECONDS)
                limits.append((proof.bound, proof.gap))
            moving.update(1)
    drawn, least = _sure(answers, found, thr, ready)
    return SweepResult(
        n=np.array(numbers),
        anchors=tuple(found),
        fitness=scores[0],
        bpr=scores[1],
        mean_iou=scores[2],
        boxes=amount(answers, weight_of(answers)),
        engine=answers.name,
        objective=aim.name,
        intervals=drawn,
        enough=least,
        limit=np.array([limit for limit, _ in limits]) if certify else None,
        gap=np.array([gap for _, gap in limits]) if certify else None,
    )


def _sure(
    answers: Engine, found: Sequence[FloatArray], thr: float, ready: NetworkBoxes
) -> tuple[tuple[Intervals, ...] | None, Enough | None]:
    """Return the intervals of several sets of anchors, and the smallest numbers that are enough."""
    if ready.images is None:
        return None, None
    sums = [image_sums(answers, anchors, thr, ready.images, ready.array) for anchors in found]
    drawn, scores = intervals(sums, ready.images.number)
    return tuple(drawn), enough([len(anchors) for anchors in found], sums, scores)
