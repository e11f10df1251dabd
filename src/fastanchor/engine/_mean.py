"""Euclidean means and mean distances, as SciPy's k-means wants them: of every point, or of cells of points at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check, kernels
from fastanchor._types import FloatArray
from fastanchor.engine._assignment import Assignment
from fastanchor.engine._layout import layout, sampled
from fastanchor.engine._pool import CHUNK
from fastanchor.engine.index import BoxIndex
from fastanchor.kernels import part as kernel_part

__all__ = ["Look", "looker"]

LARGE = 300_000  # points from which on an index pays for being built, and for its kernels' compilation
MARGIN = 1e-10  # relative: far above what adding up 2^31 numbers can lose to rounding


Centers = NDArray[Any]  # float32 where the points are


class Look(NamedTuple):
    """What one assignment to centres tells.

    `sums` (k, 3) are of x, y and 1 over each centre's points. The mean distance to the nearest centre lies from `low`
    to `high`; `exact()` works it out.
    """

    sums: NDArray[Any]
    low: float
    high: float
    exact: Callable[[], float]


def looker(points: NDArray[Any]) -> Callable[[Centers], Look]:
    """Return a function from centres (k, 2) to what an assignment of the points (n, 2) to them tells.

    It may be called by several threads at once. For points in float32 it computes in single precision as SciPy does,
    but only below `LARGE`: from there on SciPy's sums lose too many digits to be worth their time.
    """
    if len(points) < LARGE and points.dtype == np.float32:
        return _single(points)
    whole = points.astype(np.float64)
    if len(points) >= LARGE and kernels.current() == "numba" and whole.min() >= _check.MIN_SIDE:
        return _Cells(whole).look
    return _every(whole)


def _single(points: NDArray[Any]) -> Callable[[Centers], Look]:
    """Look at every point in single precision."""
    x, y = points[:, 0].copy(), points[:, 1].copy()
    compiled = kernels.load()  # here: the threads of a pool do not see the caller's choice of a backend

    def look(centers: Centers) -> Look:
        cx, cy = centers[:, 0].copy(), centers[:, 1].copy()
        distance, labels = np.empty_like(x), np.empty(x.size, dtype=np.int32)
        sums = np.zeros((len(centers), 3), dtype=np.float32)
        compiled.assign_single(x, y, cx, cy, labels, distance)
        compiled.add_single(x, y, labels, sums)
        mean = float(distance.mean())
        return Look(sums, mean, mean, lambda: mean)

    return look


def _every(points: FloatArray) -> Callable[[Centers], Look]:
    """Look at every point."""
    x, y = points[:, 0].copy(), points[:, 1].copy()
    compiled = kernels.load()

    def look(centers: Centers) -> Look:
        cx, cy = centers[:, 0].copy(), centers[:, 1].copy()
        sums, total = np.zeros((len(centers), 3)), 0.0
        room = min(x.size, CHUNK)
        distance, labels = np.empty(room), np.zeros(room, dtype=np.int32)
        for first in range(0, x.size, CHUNK):
            xs, ys = x[first : first + CHUNK], y[first : first + CHUNK]
            far, own = distance[: xs.size], labels[: xs.size]
            compiled.assign_euclidean(xs, ys, cx, cy, own, far)
            compiled.label_sums(xs, ys, own, sums)
            np.sqrt(far, out=far)
            total += float(far.sum())
        mean = total / x.size
        return Look(sums, mean, mean, lambda: mean)

    return look


class _Cells:
    """Look at the cells of a box index, and at the points only where centres share a cell."""

    def __init__(self, points: FloatArray) -> None:
        # half the bins a side of an index for other uses: bounds that are a little wider, of a third of the cells
        side = int(32 * (len(points) / 4000) ** 0.36)
        self._index = BoxIndex(points, threads=1, _where=layout(sampled(points), side))
        grid: Any = self._index._grid
        cells = np.flatnonzero(np.diff(grid.offsets))
        rows = np.empty((cells.size, 8))
        kernel_part("cells").moments(grid.w, grid.h, grid.offsets, cells, rows)
        self._boxes = grid.w, grid.h, grid.offsets
        self._cells, self._rows = cells, rows

    def look(self, centers: Centers) -> Look:
        """Return sums, and bounds of the mean distance."""
        answer = Assignment(self._index._work, centers, "euclidean")
        cx, cy, labels, n = answer.cw, answer.ch, answer.painted().cells, len(self._index)
        sums = np.zeros((len(centers), 3))
        total, slack = kernel_part("cells").sweep(cx, cy, *self._boxes, labels, self._cells, self._rows, sums)

        @functools.cache
        def exact() -> float:
            total: float = kernel_part("cells").distances(cx, cy, *self._boxes, labels, self._cells)
            return total / n

        slack += MARGIN * total
        return Look(sums, (total - slack) / n, (total + slack) / n, exact)
