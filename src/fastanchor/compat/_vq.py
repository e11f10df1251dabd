"""k-means as ``scipy.cluster.vq.kmeans`` runs it: same draws, same stop, same centres, on this package's kernels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastanchor import kernels
from fastanchor._types import FloatArray
from fastanchor.engine._pool import CHUNK, Team, thread_count

__all__ = ["Book", "restarts"]

THRESH = 1e-5  # SciPy's default
MANY = 16_384  # points from which on a second thread pays


class Book(NamedTuple):
    """Centres (m, 2), and the mean distance of the points to those they were updated from."""

    centers: FloatArray
    distortion: float


def restarts(points: FloatArray, k: int, *, starts: int, threads: int | None = None) -> list[Book]:
    """Return what becomes of `starts` draws of k points, in the order of the draws.

    Draws come from NumPy's global random state. A run ends when the mean distance changes by no more than 1e-5; a
    centre that no point is nearest to is dropped. SciPy returns the first with the least distortion.
    """
    x, y = points[:, 0].copy(), points[:, 1].copy()
    drawn = [points[np.random.choice(len(points), k, replace=False)] for _ in range(starts)]
    compiled = kernels.load()  # here: a pool's threads do not see the caller's choice of a backend

    def run(start: FloatArray) -> Book:
        return _lloyd(compiled, x, y, start)

    # a run to a thread: chunks of one pass would have to wait for each other a thousand times
    team = Team(thread_count(threads) if len(points) >= MANY else 1)
    return team.run(run, drawn)


def _lloyd(compiled, x: FloatArray, y: FloatArray, centers: FloatArray) -> Book:  # type: ignore[no-untyped-def]
    before = np.inf
    distance, labels = np.empty(min(x.size, CHUNK)), np.zeros(min(x.size, CHUNK), dtype=np.int32)
    while True:
        cx, cy = centers[:, 0].copy(), centers[:, 1].copy()
        sums, total = np.zeros((len(centers), 3)), 0.0
        for first in range(0, x.size, CHUNK):
            xs, ys = x[first : first + CHUNK], y[first : first + CHUNK]
            far, own = distance[: xs.size], labels[: xs.size]
            compiled.assign_euclidean(xs, ys, cx, cy, own, far)
            compiled.label_sums(xs, ys, own, sums)
            np.sqrt(far, out=far)
            total += float(far.sum())
        kept = sums[sums[:, 2] > 0]
        centers = kept[:, :2] / kept[:, 2:]
        distortion = total / x.size
        if not abs(before - distortion) > THRESH:
            return Book(centers, distortion)
        before = distortion
