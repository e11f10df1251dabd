"""k-means as ``scipy.cluster.vq.kmeans`` runs it: same draws, same stop, same centres, on this package's engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._check import Called
from fastanchor.cluster import clustered
from fastanchor.compat._mean import Look, looker
from fastanchor.engine._threads import Team, thread_count

__all__ = ["Book", "restarts", "whitened"]

STARTS = 30  # of the training repositories
THRESH = 1e-5  # SciPy's default
MANY = 16_384  # with fewer points a second thread does not pay


class Book(NamedTuple):
    """Centres (m, 2), and the mean distance of the points to those they were updated from."""

    centers: NDArray[Any]
    distortion: float


def whitened(
    wh: NDArray[Any],
    scale: NDArray[Any],
    n: int,
    warn: Callable[[str], object],
    named: Called,
    rows: Callable[..., Any] = np.random.choice,
) -> Any:
    """Return n centres of the best of 30 runs over sizes (m, 2) in units of their spread `scale` (2,).

    The best run that kept all centres is taken, and where there is none, one that moves centres without points.
    """
    if not (scale > 0.0).all():
        side = "width" if scale[0] == 0.0 else "height"
        warn(f"all labels have one {side}: it is not scaled for k-means")
        scale = np.where(scale > 0.0, scale, scale.dtype.type(1.0))
    books = sorted(restarts(wh / scale, n, starts=STARTS, rows=rows), key=lambda book: book.distortion)
    best = next((book for book in books if len(book.centers) == n), None)
    if best is not books[0]:
        warn(
            f"k-means requested {n} points but its best run returned only {len(books[0].centers)}: "
            "taking the best run that kept them all"
        )
    if best is None:
        run = clustered(wh / scale, n, metric="euclidean", update="mean", rng=0, progress=False, named=named)
        return run.centers * scale
    return best.centers * scale


def restarts(
    points: NDArray[Any],
    k: int,
    *,
    starts: int,
    threads: int | None = None,
    rows: Callable[..., Any] = np.random.choice,
) -> list[Book]:
    """Return the results of `starts` runs from k random points each, in the order of the draws.

    Draws come from NumPy's global random state, or from another ``choice``, `rows`. A run ends when the mean distance
    changes by no more than 1e-5; a centre that no point is nearest to is dropped. SciPy returns the first run with the
    least distortion. Points (n, 2) in float32 are computed in single precision, as in SciPy, unless they are very many;
    see ``_mean``.
    """
    drawn = [points[rows(len(points), k, replace=False)] for _ in range(starts)]
    look = looker(points)
    # one run per thread: threads that share each assignment would wait for each other a thousand times
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
    """Return whether the mean distance changed by at most the threshold; exact values decide where bounds cannot."""
    if max(before.high - now.low, now.high - before.low) <= THRESH:
        return True
    if max(before.low - now.high, now.low - before.high) > THRESH:
        return False
    return abs(before.exact() - now.exact()) <= THRESH
