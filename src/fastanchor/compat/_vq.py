"""k-means as ``scipy.cluster.vq.kmeans`` runs it: same draws, same stop, same centres, on this package's engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor.compat._mean import Look, looker
from fastanchor.engine._threads import Team, thread_count

__all__ = ["Book", "restarts"]

THRESH = 1e-5  # SciPy's default
MANY = 16_384  # points from which on a second thread pays


class Book(NamedTuple):
    """Centres (m, 2), and the mean distance of the points to those they were updated from."""

    centers: NDArray[Any]
    distortion: float


def restarts(
    points: NDArray[Any],
    k: int,
    *,
    starts: int,
    threads: int | None = None,
    rows: Callable[..., Any] = np.random.choice,
) -> list[Book]:
    """Return what becomes of `starts` draws of k points, in the order of the draws.

    Draws come from NumPy's global random state, or from another ``choice``, `rows`. A run ends when the mean distance
    changes by no more than 1e-5; a centre that no point is nearest to is dropped. SciPy returns the first with the
    least distortion. Points (n, 2) in float32 are dealt with in single precision, as SciPy does, unless they are very
    many; see ``_mean``.
    """
    drawn = [points[rows(len(points), k, replace=False)] for _ in range(starts)]
    look = looker(points)
    # a run to a thread: if threads shared each look, they would wait for each other a thousand times
    team = Team(thread_count(threads) if len(points) >= MANY else 1)
    return team.run(lambda start: _lloyd(look, start), drawn)


def _lloyd(look: Callable[[NDArray[Any]], Look], centers: NDArray[Any]) -> Book:
    before: Look | None = None
    while True:
        now = look(centers)
        kept = now.sums[now.sums[:, 2] > 0]
        centers = kept[:, :2] / kept[:, 2:]
        if before is not None and _settled(before, now):
            return Book(centers, now.exact())
        before = now


def _settled(before: Look, now: Look) -> bool:
    """Return whether the mean distance changed by no more than the threshold; exact values only where bounds fail."""
    if max(before.high - now.low, now.high - before.low) <= THRESH:
        return True
    if max(before.low - now.high, now.low - before.high) > THRESH:
        return False
    return abs(before.exact() - now.exact()) <= THRESH
