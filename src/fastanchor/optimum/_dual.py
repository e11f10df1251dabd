"""Prices that make the upper bound low: the Lagrangian dual of choosing k anchors, minimised over candidates.

For any prices p >= 0, one for each point, ``max_a v(a) <= p + sum_a max(v(a) - p, 0)``; so no k anchors reach more than
``sum(weight * p) + k * max_a sum(weight * max(v(a) - p, 0))`` (Cornuejols, Fisher and Nemhauser 1977, "Location of bank
accounts to optimize float"). The maximum is smoothed, and L-BFGS-B follows the gradient.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.engine import Objective
from fastanchor.optimum._judge import matches
from fastanchor.optimum._plane import plane_kernels
from fastanchor.optimum._points import Points

__all__ = ["Late", "Table", "cheapest"]

STEPS = 50  # of L-BFGS-B at once, at most
SOFT = 50.0  # width over which the corner of max(value - price, 0) is rounded, in units of the heat
NEAR = 0.05  # candidates whose sum is within this share of the largest take part


Late = Callable[[], bool]  # whether the time is up


class _Late(Exception):
    """The time is up."""


class Table(NamedTuple):
    """Values of candidates that may exceed a price, row by row: row r has entries ``first[r]:first[r + 1]``."""

    first: IntArray
    column: IntArray
    value: FloatArray

    @classmethod
    def of(cls, objective: Objective, points: Points, candidates: FloatArray, floor: FloatArray) -> Table:
        """Return the values above `floor` (m,) of these candidates."""
        counts, columns, values = [0], [], []
        for first in range(0, len(candidates), 64):
            for row in matches(objective, points, candidates[first : first + 64]):
                some = np.flatnonzero(row > floor)
                counts.append(len(some))
                columns.append(some)
                values.append(row[some])
        return cls(np.cumsum(counts), np.concatenate(columns), np.concatenate(values))

    def part(self, rows: IntArray) -> Table:
        """Return some of the rows."""
        spans = [slice(self.first[row], self.first[row + 1]) for row in rows]
        counts = np.array([0, *(span.stop - span.start for span in spans)])
        return Table(
            np.cumsum(counts),
            np.concatenate([self.column[span] for span in spans]),
            np.concatenate([self.value[span] for span in spans]),
        )

    def excess(self, price: FloatArray, weight: FloatArray) -> FloatArray:
        """Return each candidate's sum above the price."""
        out = np.empty(len(self.first) - 1)
        plane_kernels().excess(self.first, self.column, self.value, price, weight, 0.0, out)
        return out


def cheapest(
    table: Table,
    points: Points,
    k: int,
    price: FloatArray,
    least: FloatArray,
    heat: float,
    late: Late,
    steps: int = STEPS,
) -> FloatArray:
    """Return prices with a lower bound over the candidates; `heat` is the width of the smoothed maximum.

    Only candidates with sums near the largest are looked at; where others rise above them, they join and the step is
    made again, unless it is `late`.
    """
    sums = table.excess(price, points.weight)
    best, lowest = price, float(price @ points.weight) + k * float(sums.max())
    active = sums > sums.max() - max(15 * heat, NEAR * float(sums.max()))
    for _ in range(6):
        if late():
            break
        trial = _minimised(table.part(np.flatnonzero(active)), points, k, price, least, heat, late, steps)
        sums = table.excess(trial, points.weight)
        bound = float(trial @ points.weight) + k * float(sums.max())
        if bound < lowest:
            best, lowest = trial, bound
        top = float(sums[active].max())
        if float(sums.max()) <= top + heat:
            return trial if bound < lowest + k * heat else best
        active |= sums > top - 5 * heat
    return best


def _minimised(
    table: Table, points: Points, k: int, price: FloatArray, least: FloatArray, heat: float, late: Late, steps: int
) -> FloatArray:
    from scipy.optimize import Bounds, minimize  # an extra, and slow to import

    arithmetic, weight, soft = plane_kernels(), points.weight, SOFT * heat
    sums, cover = np.empty(len(table.first) - 1), np.empty(len(weight))

    last = price

    def bound(price: FloatArray) -> tuple[float, FloatArray]:
        if late():
            raise _Late
        arithmetic.excess(table.first, table.column, table.value, price, weight, soft, sums)
        top = float(sums.max())
        share = np.exp((sums - top) / heat)
        total = float(share.sum())
        arithmetic.coverage(table.first, table.column, table.value, price, share / total, soft, cover)
        return float(weight @ price) + k * (top + heat * math.log(total)), weight * (1.0 - k * cover)

    def stepped(price: FloatArray) -> None:
        nonlocal last
        last = price.copy()

    options: dict[str, Any] = {"maxiter": steps, "maxcor": 12, "ftol": 1e-9, "gtol": 1e-12}
    inside = Bounds(least, 1.0)
    with contextlib.suppress(_Late):
        last = minimize(bound, price, jac=True, method="L-BFGS-B", bounds=inside, options=options, callback=stepped).x
    return np.clip(np.asarray(last, dtype=np.float64), least, 1.0)
