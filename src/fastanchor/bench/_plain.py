"""The answers by definition, in NumPy: as people write it, and in chunks that stay in the cache."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fastanchor._types import FloatArray, IntArray

__all__ = ["CHUNK", "best_ratio", "distances", "fitness", "job", "lloyd", "medians", "nearest", "search"]

CHUNK = 1 << 14


def distances(wh: FloatArray, centers: FloatArray, metric: str = "iou") -> FloatArray:
    """Return ``1 - IoU`` or the squared Euclidean distance of every box to every centre, (n, k)."""
    if metric == "euclidean":
        out: FloatArray = ((wh[:, None] - centers[None]) ** 2).sum(2)
        return out
    inter = np.minimum(wh[:, None], centers[None]).prod(2)
    iou: FloatArray = inter / (wh.prod(1)[:, None] + centers.prod(1)[None] - inter)
    return 1.0 - iou


def nearest(wh: FloatArray, centers: FloatArray, metric: str = "iou", chunk: int = CHUNK) -> tuple[IntArray, float]:
    """Return labels and the sum of distances, chunk by chunk."""
    labels, total = np.empty(len(wh), np.int64), 0.0
    for i in range(0, len(wh), chunk):
        d = distances(wh[i : i + chunk], centers, metric)
        labels[i : i + chunk] = d.argmin(1)
        total += float(d.min(1).sum())
    return labels, total


def medians(wh: FloatArray, labels: IntArray, k: int) -> FloatArray:
    """Return the median of each label's boxes, (k, 2)."""
    return np.array([np.median(wh[labels == j], axis=0) for j in range(k)])


def means(wh: FloatArray, labels: IntArray, k: int) -> FloatArray:
    """Return the mean of each label's boxes, (k, 2)."""
    counts = np.bincount(labels, minlength=k)
    return np.column_stack([np.bincount(labels, column, k) / counts for column in wh.T])


def lloyd(wh: FloatArray, start: FloatArray, updates: int, metric: str, update: str) -> FloatArray:
    """Return the centres after so many updates; none may lose all its boxes."""
    centers = start
    for _ in range(updates):
        labels, _ = nearest(wh, centers, metric)
        centers = (medians if update == "median" else means)(wh, labels, len(centers))
    return centers


def best_ratio(wh: FloatArray, anchors: FloatArray) -> FloatArray:
    """Return ``max over anchors of min(w / kw, kw / w, h / kh, kh / h)``, with its (n, k, 2) arrays."""
    ratio = wh[:, None] / anchors[None]
    best: FloatArray = np.minimum(ratio, 1.0 / ratio).min(2).max(1)
    return best


def fitness(wh: FloatArray, anchors: FloatArray, thr: float, chunk: int = CHUNK) -> tuple[float, float]:
    """Return the means of ``best * (best > thr)`` and of ``best > thr``, chunk by chunk."""
    total, above = 0.0, 0
    for i in range(0, len(wh), chunk):
        best = best_ratio(wh[i : i + chunk], anchors)
        over = best > thr
        total += float(best[over].sum())
        above += int(np.count_nonzero(over))
    return total / len(wh), above / len(wh)


def search(
    wh: FloatArray,
    anchors: FloatArray,
    thr: float,
    generations: int,
    rng: np.random.Generator,
    score: Callable[[FloatArray], float] | None = None,
) -> FloatArray:
    """Return the anchors of the genetic search, mutant by mutant."""
    score = score or (lambda some: fitness(wh, some, thr)[0])
    best, reached = anchors, score(anchors)
    for _ in range(generations):
        factors = np.ones_like(best)
        while (factors == 1.0).all():
            mask, u, z = rng.random(best.shape) < 0.9, rng.random(), rng.standard_normal(best.shape)
            factors = (mask * u * z * 0.1 + 1.0).clip(0.3, 3.0)
        mutant = (best * factors).clip(min=2.0)
        value = score(mutant)
        if value > reached:
            best, reached = mutant, value
    return best


def job(
    wh: FloatArray,
    start: FloatArray,
    thr: float,
    assign: Callable[[FloatArray], IntArray] | None = None,
    score: Callable[[FloatArray], float] | None = None,
) -> FloatArray:
    """Return anchors by area: k-means by medians under ``1 - IoU`` until no box moves, then 1000 generations."""
    assign = assign or (lambda some: nearest(wh, some)[0])
    centers, labels = start, np.full(len(wh), -1)
    for _ in range(300):
        now = assign(centers)
        if np.array_equal(now, labels):
            break
        labels = now
        filled = np.bincount(labels, minlength=len(centers)) > 0
        centers = centers.copy()
        centers[filled] = [np.median(wh[labels == j], axis=0) for j in np.flatnonzero(filled)]
    anchors = search(wh, centers, thr, 1000, np.random.default_rng(0), score)
    return anchors[np.argsort(anchors.prod(1))]
