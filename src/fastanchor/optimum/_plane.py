"""The largest sum of values above a price that any single anchor reaches: branch and bound over the plane of sizes."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from fastanchor import kernels
from fastanchor._types import FloatArray, IntArray
from fastanchor.kernels._plane_numpy import Items
from fastanchor.optimum._points import Points

__all__ = ["Peak", "Shape", "highest", "plane_kernels"]

OUTWARD = 1e-9  # relative, for the rounding of sums
FEWEST = 2_000  # squares that are looked at even if there is no time: a limit by fewer says little
NARROW = 1e-5  # half-width of a square, logarithm of a side, that is not divided further


class Shape(NamedTuple):
    """The kernel of a match, what it must exceed to count, and whether it then counts 1."""

    kernel: str
    above: float
    once: bool


class Peak(NamedTuple):
    """The largest sum over the plane, from above, and where sums came near to it."""

    top: float
    places: FloatArray  # (p, 2) anchors, pixels
    squares: int


def plane_kernels() -> ModuleType:
    """Return the kernels of the plane for the backend in force."""
    return kernels.part("plane" if kernels.current() == "numba" else "plane_numpy")


def highest(
    points: Points,
    price: FloatArray,
    shape: Shape,
    reached: float,
    margin: float,
    most: int,
    late: Callable[[], bool] = lambda: False,
) -> Peak:
    """Return an upper bound, over all anchors, of ``sum(weight * max(value - price, 0))``.

    Squares are divided, the one with the highest bound first, until none exceeds `reached` by more than `margin`, or
    `most` squares were looked at, or FEWEST and it is `late`. No anchor outside the extent of the boxes is better than
    the nearest one inside.
    """
    arithmetic = plane_kernels()
    bound = arithmetic.ceiling_ratio if shape.kernel == "best_ratio" else arithmetic.ceiling_iou
    items = Items(*(np.ascontiguousarray(column, dtype=np.float64) for column in (*points, price)))
    low = np.log([points.low_w.min(), points.low_h.min()])
    high = np.log([points.high_w.max(), points.high_h.max()])
    x, y = ((low + high) / 2).tolist()
    half = float((high - low).max()) / 2 * (1.0 + 1e-12) + 1e-12
    narrow = NARROW if points.exact else float(np.median(np.log(points.high_w / points.low_w))) / 8 + NARROW
    kept = np.empty(len(points.w), np.int64)

    def looked(x: float, y: float, half: float, some: IntArray) -> tuple[float, float, IntArray]:
        ceiling, centre, n = bound(items, some, x, y, half, shape.above, shape.once, kept)
        return ceiling * (1.0 + OUTWARD) + 1e-12, centre, kept[:n].copy()

    ceiling, _, some = looked(x, y, half, np.arange(len(points.w)))
    heap: list[tuple[float, int, float, float, float, Any]] = [(-ceiling, 0, x, y, half, some)]
    places: list[tuple[float, float]] = []
    squares, done = 1, -np.inf
    while heap and squares < most and (squares < FEWEST or not late()):
        ceiling, _, x, y, half, some = heapq.heappop(heap)
        if -ceiling <= max(reached + margin, done):
            heapq.heappush(heap, (ceiling, 0, x, y, half, some))
            break
        if half < narrow:
            done = max(done, -ceiling)
            continue
        half /= 2
        for u, v in ((x - half, y - half), (x - half, y + half), (x + half, y - half), (x + half, y + half)):
            over, centre, own = looked(u, v, half, some)
            squares += 1
            if centre > reached - margin:
                places.append((u, v))
            if over > max(reached + margin, done):
                heapq.heappush(heap, (-over, squares, u, v, half, own))
            else:
                done = max(done, over)
    top = max(done, -heap[0][0] if heap else -np.inf)
    return Peak(max(top, 0.0), np.exp(np.array(places).reshape(-1, 2)), squares)
