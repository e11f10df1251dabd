"""Stand-ins for the optimizers inside ``tools/analysis_tools/optimize_anchors.py`` of MMDetection and of MMYOLO.

Random numbers come from where the scripts take them: ``torch`` for k-means, ``numpy.random`` for differential
evolution, ``numpy.random`` and ``random`` for v5-k-means. Boxes and anchors are rounded to single precision where
theirs are. A centre that lost its boxes moves to the box that fits its centre worst; in the scripts it becomes (0, 0).
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._types import Fitness, FloatArray
from fastanchor.cluster import kmeans
from fastanchor.compat._labels import rounded
from fastanchor.compat._search import STARTS, by_area, threshold
from fastanchor.compat._vq import restarts
from fastanchor.compat.mmdet import TINY
from fastanchor.engine import Engine, choose
from fastanchor.evolve import MUTATED, SIGMA, Draws, climb

__all__ = ["MMDET", "MMYOLO"]


def kmeans_anchors(self: Any) -> list[Any]:
    """Return the anchors of k-means, smallest area first: ``YOLOKMeansAnchorOptimizer.kmeans_anchors``."""
    self.logger.info(f"Start cluster {self.num_anchors} YOLO anchors with K-means...")
    wh = _sizes(self)
    rows = importlib.import_module("torch").randint(0, len(wh), (self.num_anchors,)).numpy()
    found = kmeans(wh, self.num_anchors, update="mean", init=wh[rows], max_iter=self.iters, progress=False)
    if self.num_anchors > 1:
        if found.stop == "converged":
            self.logger.info(f"K-means process has converged at iter {found.n_iter}.")
        self.logger.info(f"Anchor cluster finish. Average IOU: {found.mean_iou}")
    return list(by_area(found.centers).astype(np.float32))


def differential_evolution(self: Any) -> list[tuple[float, float]]:
    """Return anchors by SciPy's search, smallest area first: ``YOLODEAnchorOptimizer.differential_evolution``."""
    answers = choose(_sizes(self))
    result = importlib.import_module("scipy.optimize").differential_evolution(
        func=_cost,
        bounds=[(0, self.input_shape[0]), (0, self.input_shape[1])] * self.num_anchors,
        args=(answers,),
        strategy=self.strategy,
        maxiter=self.iters,
        popsize=self.population_size,
        tol=self.convergence_thr,
        mutation=self.mutation,
        recombination=self.recombination,
        updating="immediate",
        disp=True,
    )
    self.logger.info(f"Anchor evolution finish. Average IOU: {1 - result.fun}")
    return [(w, h) for w, h in by_area(result.x.reshape(-1, 2)).tolist()]


def anchor_generate(
    self: Any, box_size: Any, num: int = 9, img_size: int = 640, prior_match_thr: float = 4.0, iters: int = 1000
) -> Any:
    """Return a tensor of anchors, (num, 2), smallest area first: ``YOLOV5KMeansAnchorOptimizer.anchor_generate``."""
    torch = importlib.import_module("torch")
    thr = threshold(prior_match_thr)
    kept = self._filter_box(box_size)  # the script's own: it warns of small boxes
    if num > len(kept):
        raise DataError(f"dataset: {len(kept)} boxes have a side of 2 pixels, fewer than {num} anchors")
    self.logger.info("beginning init anchors with scipy kmeans method")
    begun = by_area(_whitened(kept.cpu().numpy(), kept.std(0).cpu().numpy(), num, self.logger.warning))
    self.logger.info("init done, beginning evolve anchors...")
    start = torch.tensor(begun, dtype=torch.float32)
    wh = kept.cpu().double().numpy()
    whole = wh[(wh > 0.0).all(1)]
    # its first fitness is in single precision; all others are in double, because NumPy's factors are
    first = float(self._anchor_fitness(kept, start.to(kept.device), thr)) * len(wh) / len(whole)
    draws = _draws(self.mutation_prob, self.mutation_sigma)
    found = climb(start.double().numpy(), cast(Engine, _From(choose(whole), first)), thr, iters, draws, None)
    self.logger.info(f"Anchor cluster finish. fitness = {found.fitness * len(whole) / len(wh):.4f}")
    return torch.tensor(by_area(found.anchors), dtype=torch.float64 if found.accepted else torch.float32).to(
        kept.device
    )


KMEANS = "YOLOKMeansAnchorOptimizer.kmeans_anchors"
EVOLUTION = "YOLODEAnchorOptimizer.differential_evolution"
MMDET: dict[str, Callable[..., Any]] = {KMEANS: kmeans_anchors, EVOLUTION: differential_evolution}
MMYOLO = {**MMDET, "YOLOV5KMeansAnchorOptimizer.anchor_generate": anchor_generate}


def _sizes(self: Any) -> FloatArray:
    """Return the boxes in single precision, without those that have no area."""
    wh = rounded(np.asarray(self.bbox_whs, dtype=np.float64).reshape(-1, 2))
    whole = (np.isfinite(wh) & (wh > 0.0)).all(1)
    lost = len(wh) - int(np.count_nonzero(whole))
    if lost:
        self.logger.warning(f"{lost} of {len(wh)} boxes have a width or height that is not above 0: left out")
    return wh[whole] if lost else wh


def _cost(flat: Any, answers: Engine) -> float:
    anchors = np.maximum(flat.astype(np.float32).astype(np.float64).reshape(-1, 2), TINY)
    return 1.0 - float(np.float32(1.0 - answers.nearest(anchors, "iou").inertia / len(answers)))


def _whitened(wh: NDArray[Any], scale: NDArray[Any], n: int, warn: Callable[[str], object]) -> FloatArray:
    """Return SciPy's k-means of sizes in units of their spread, in pixels."""
    scale = np.where(scale > 0.0, scale, scale.dtype.type(1.0))
    books = sorted(restarts(wh / scale, n, starts=STARTS), key=lambda book: book.distortion)
    whole = next((book for book in books if len(book.centers) == n), None)
    if whole is None:
        warn(f"k-means lost some of its {n} centres in all of {STARTS} runs: taking one that moves them instead")
        start = kmeans(wh / scale, n, metric="euclidean", update="mean", rng=0, progress=False).centers
        return np.asarray(start * scale, dtype=np.float64)
    if whole is not books[0]:
        warn(f"k-means requested {n} points but its best run returned fewer: taking the best run that kept them all")
    return np.asarray(whole.centers * scale, dtype=np.float64)


def _draws(chance: float, sigma: float) -> Draws:
    """Return where the random numbers come from, so that sides mutate by this chance and spread."""

    def mask(shape: tuple[int, int]) -> FloatArray:
        drawn = np.random.random_sample(shape)
        return drawn if chance == MUTATED else np.where(drawn < chance, 0.0, 1.0)

    def normal(shape: tuple[int, int]) -> FloatArray:
        drawn = np.random.standard_normal(shape)
        return drawn if sigma == SIGMA else drawn * (sigma / SIGMA)

    return Draws(mask, random.random, normal)


class _From:
    """An engine for a search that begins with a given fitness."""

    def __init__(self, answers: Engine, first: float) -> None:
        self._answers, self._first = answers, [first]

    def fitness(self, anchors: FloatArray, thr: float) -> Fitness:
        """Return the ratio fitness and the best possible recall; at first the fitness given."""
        found = self._answers.fitness(anchors, thr)
        return Fitness(self._first.pop(), found.bpr) if self._first else found

    def first_fitter(self, mutants: Sequence[FloatArray], thr: float, than: float) -> tuple[int, float] | None:
        """Return which of these anchors is the first with a fitness greater than `than`, and its fitness."""
        return self._answers.first_fitter(mutants, thr, than)
