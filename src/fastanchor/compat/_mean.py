"""Euclidean means and mean distances for SciPy's k-means: of every point, or of cells of points at once.

Its arithmetic is in two modules, ``_scipy_numba`` and ``_scipy_numpy``, with the same functions over chunks of points:

``assign_single(x, y, cx, cy, labels, distance)``, ``add_single(x, y, labels, sums)``
    For float32 points, all arguments float32: the nearest centre of each and the distance to it; and
    ``(x, y, 1)`` added to row ``labels[i]`` of ``sums`` (k, 3) one by one, with the rounding of single precision.
``label_sums(w, h, labels, sums)``
    The same sums in float64, added up per chunk.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check, kernels
from fastanchor._types import FloatArray
from fastanchor.engine import GridSpec, Shard, survey

__all__ = ["Look", "looker"]

LARGE = 300_000  # with fewer points an index does not pay for being built, and for compiling its kernels
CHUNK = 1 << 16  # points at a time, for the processor's cache
MARGIN = 1e-10  # relative: far above what adding up 2^31 numbers can lose to rounding


Centers = NDArray[Any]  # float32 where the points are


class Look(NamedTuple):
    """Sums and mean distance of one assignment to centres.

    `sums` (k, 3) are of x, y and 1 over each centre's points. The mean distance to the nearest centre lies from `low`
    to `high`; `exact()` computes it.
    """

    sums: NDArray[Any]
    low: float
    high: float
    exact: Callable[[], float]


def looker(points: NDArray[Any]) -> Callable[[Centers], Look]:
    """Return a function from centres (k, 2) to the sums of an assignment of the points (n, 2) to them.

    It may be called by several threads at once. For points in float32 it computes in single precision as SciPy does,
    but only below `LARGE`: above it, SciPy's sums lose too many digits to be worth imitating.
    """
    if len(points) < LARGE and points.dtype == np.float32:
        return _single(points)
    whole = points.astype(np.float64)
    if len(points) >= LARGE and kernels.current() == "numba" and whole.min() >= _check.MIN_SIDE:
        return _Cells(whole).look
    return _every(whole)


def _single(points: NDArray[Any]) -> Callable[[Centers], Look]:
    """Return a function that assigns every point in single precision."""
    x, y = points[:, 0].copy(), points[:, 1].copy()
    arithmetic = _arithmetic()  # here, as the threads of a pool do not see the caller's backend

    def look(centers: Centers) -> Look:
        cx, cy = centers[:, 0].copy(), centers[:, 1].copy()
        distance, labels = np.empty_like(x), np.empty(x.size, dtype=np.int32)
        sums = np.zeros((len(centers), 3), dtype=np.float32)
        arithmetic.assign_single(x, y, cx, cy, labels, distance)
        arithmetic.add_single(x, y, labels, sums)
        mean = float(distance.mean())
        return Look(sums, mean, mean, lambda: mean)

    return look


def _every(points: FloatArray) -> Callable[[Centers], Look]:
    """Return a function that assigns every point."""
    x, y = points[:, 0].copy(), points[:, 1].copy()
    arithmetic, assign = _arithmetic(), kernels.load().assign_euclidean

    def look(centers: Centers) -> Look:
        cx, cy = centers[:, 0].copy(), centers[:, 1].copy()
        sums, total = np.zeros((len(centers), 3)), 0.0
        room = min(x.size, CHUNK)
        distance, labels = np.empty(room), np.zeros(room, dtype=np.int32)
        for first in range(0, x.size, CHUNK):
            xs, ys = x[first : first + CHUNK], y[first : first + CHUNK]
            far, nearest = distance[: xs.size], labels[: xs.size]
            assign(xs, ys, cx, cy, nearest, far)
            arithmetic.label_sums(xs, ys, nearest, sums)
            np.sqrt(far, out=far)
            total += float(far.sum())
        mean = total / x.size
        return Look(sums, mean, mean, lambda: mean)

    return look


def _arithmetic() -> ModuleType:
    return importlib.import_module(f"fastanchor.compat._scipy_{kernels.current()}")


class _Cells:
    """Assign the cells of a shard, and points only where a cell has several nearest centres."""

    def __init__(self, points: FloatArray) -> None:
        self._on_cells = importlib.import_module("fastanchor.compat._cells")  # which is compiled
        # half the bins a side of an index for other uses: bounds that are a little wider, of a third of the cells
        side = int(32 * (len(points) / 4000) ** 0.36)
        self._shard = Shard(points, GridSpec.of(survey(points, threads=1), side=side), threads=1)
        grid = self._shard.grid
        cells = np.flatnonzero(np.diff(grid.offsets))
        rows = np.empty((cells.size, 8))
        self._on_cells.moments(grid.w, grid.h, grid.offsets, cells, rows)
        self._boxes = grid.w, grid.h, grid.offsets
        self._cells, self._rows = cells, rows

    def look(self, centers: Centers) -> Look:
        """Return sums, and bounds of the mean distance."""
        given = np.array(centers, dtype=np.float64)
        cx, cy = np.ascontiguousarray(given.T)
        labels, n = self._shard.cells(given, "euclidean"), len(self._shard)
        sums = np.zeros((len(centers), 3))
        total, slack = self._on_cells.sweep(cx, cy, *self._boxes, labels, self._cells, self._rows, sums)

        @functools.cache
        def exact() -> float:
            total: float = self._on_cells.distances(cx, cy, *self._boxes, labels, self._cells)
            return total / n

        slack += MARGIN * total
        return Look(sums, (total - slack) / n, (total + slack) / n, exact)
