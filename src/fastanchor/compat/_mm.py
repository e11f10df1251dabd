"""Stand-ins for the optimizers inside ``tools/analysis_tools/optimize_anchors.py`` of MMDetection and of MMYOLO.

Random numbers come from the scripts' own sources: ``torch`` for k-means, ``numpy.random`` for differential
evolution, ``numpy.random`` and ``random`` for v5-k-means. Boxes and anchors are rounded to single precision where
theirs are. A centre without boxes moves to the box farthest from all centres; in the scripts it becomes (0, 0).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from fastanchor._check import Called
from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.cluster import clustered
from fastanchor.compat import _v5
from fastanchor.compat._autoanchor import by_area, threshold
from fastanchor.compat._labels import rounded
from fastanchor.compat.mmdet import TINY, evolved
from fastanchor.engine import Engine, choose

__all__ = ["MMDET", "MMYOLO"]


def kmeans_anchors(self: Any) -> list[Any]:
    """Return the anchors of k-means, smallest area first: ``YOLOKMeansAnchorOptimizer.kmeans_anchors``."""
    self.logger.info(f"Start cluster {self.num_anchors} YOLO anchors with K-means...")
    wh = _sizes(self)
    rows = importlib.import_module("torch").randint(0, len(wh), (self.num_anchors,)).numpy()
    result = clustered(
        wh,
        self.num_anchors,
        update="mean",
        init=wh[rows],
        max_iter=self.iters,
        progress=False,
        named=Called("dataset", "num_anchors", "iters"),
    )
    if self.num_anchors > 1:
        if result.stop == "converged":
            self.logger.info(f"K-means process has converged at iter {result.n_iter}.")
        self.logger.info(f"Anchor cluster finish. Average IOU: {result.mean_iou}")
    return list(by_area(result.centers).astype(np.float32))


def differential_evolution(self: Any) -> list[tuple[float, float]]:
    """Return anchors by SciPy's search, smallest area first: ``YOLODEAnchorOptimizer.differential_evolution``."""
    settings = (
        self.strategy, self.population_size, self.convergence_thr, self.mutation, self.recombination,
    )  # fmt: skip
    size = self.input_shape[0], self.input_shape[1]
    result = evolved(_cost, choose(_sizes(self)), size, self.num_anchors, self.iters, settings, disp=True)
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
    wh, streams = kept.cpu().numpy(), _v5.global_streams(self.mutation_prob, self.mutation_sigma)
    begun = _v5.start(wh, kept.std(0).cpu().numpy(), num, streams, self.logger.warning)
    self.logger.info("init done, beginning evolve anchors...")
    first = self._anchor_fitness(kept, torch.tensor(begun, dtype=torch.float32).to(kept.device), thr)
    result = _v5.search(begun, wh, thr, iters, streams.draws, float(first))
    self.logger.info(f"Anchor cluster finish. fitness = {result.fitness:.4f}")
    precision = torch.float64 if result.accepted else torch.float32
    return torch.tensor(result.anchors.copy(), dtype=precision).to(kept.device)


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
