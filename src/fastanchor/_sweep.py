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
from fastanchor._network import Scalable, to_network_input
from fastanchor._progress import bar
from fastanchor._small import MIN_SIZE
from fastanchor._table import Table
from fastanchor._types import EngineName, Fit, FloatArray, IntArray, Progress, Result, Rng, Update, picture
from fastanchor._weights import amount, weight_of
from fastanchor.engine import Objective, choose, objective_of
from fastanchor.evaluate import by_area
from fastanchor.metrics import mean_best_iou
from fastanchor.starts import N_INIT, fittest, work_of

__all__ = ["SweepResult", "sweep"]


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
    """

    n: IntArray
    anchors: tuple[FloatArray, ...]
    fitness: FloatArray
    bpr: FloatArray
    mean_iou: FloatArray
    boxes: int
    engine: str

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
        }

    def to_text(self) -> str:
        """Return the scores as a table, one line per number of anchors."""
        rows = zip(self.n, self.mean_iou, self.fitness, self.bpr, strict=True)
        cells = [(str(n), *(f"{score:.5f}" for score in scores)) for n, *scores in rows]
        return Table(("  n", "mean IoU", "fitness", "    BPR"), cells, align="r").text()

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
    fit : {"letterbox", "stretch"}
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

    Raises
    ------
    DataError
        If an argument breaks a rule, no box is left, or there are fewer distinct boxes than anchors.

    Examples
    --------
    >>> found = sweep([[10, 10], [12, 10], [50, 60], [54, 66]], [1, 2, 4], rng=0)
    >>> found.mean_iou.round(3).tolist()
    [0.217, 0.915, 1.0]
    """
    given = _check.listed(n, ordered=False)
    if given is None:
        raise WrongTypeError(
            f"n = {_check.short(n)}: must be several numbers of anchors, such as [3, 6, 9] or range(1, 16)"
        )
    numbers = sorted({_check.integer(value, "n", least=1) for value in given})
    if not numbers:
        raise DataError("n: must have at least one number of anchors, got none")
    thr = _check.threshold(thr)
    gen = _check.integer(gen, "gen", least=0)
    aim = objective_of(objective, thr)
    ready = to_network_input(boxes, img_size, fit, min_size, weights)
    work = work_of(sum(numbers), n_init, max_iter, gen, aim.bounded)
    answers = choose(ready.boxes, name=engine, threads=threads, weights=ready.weights, work=work)
    root = _check.generator(rng)
    found, scores = [], np.empty((3, len(numbers)))
    with bar(progress, total=len(numbers), desc="sweeping", unit=" numbers") as moving:
        for i, k in enumerate(numbers):
            stream = root if k == numbers[-1] else copy.deepcopy(root)
            centers = fittest(
                answers,
                k,
                thr=thr,
                rng=stream,
                n_init=n_init,
                max_iter=max_iter,
                update=update,
                progress=False,
                objective=aim,
            ).centers
            if gen:
                centers = evolve(answers, centers, thr=thr, gen=gen, rng=stream, progress=False, objective=aim).anchors
            centers = by_area(centers)
            found.append(centers)
            scores[:2, i] = answers.fitness(centers, thr)
            scores[2, i] = mean_best_iou(answers, centers)
            moving.update(1)
    count = amount(answers, weight_of(answers))
    return SweepResult(np.array(numbers), tuple(found), scores[0], scores[1], scores[2], count, answers.name)
