"""What anchors are worth on weighted points, by any objective."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np

from fastanchor import kernels
from fastanchor._types import FloatArray
from fastanchor.engine import Objective
from fastanchor.kernels._exchange_numpy import STEEP, Mass, Rule
from fastanchor.optimum._points import Points

__all__ = ["Judge", "exchange_kernels", "matches"]

LETTERS = {"best_ratio": "ratio", "best_iou": "iou"}


def exchange_kernels() -> ModuleType:
    """Return the kernels of exchanges for the backend in force."""
    return kernels.part("exchange" if kernels.current() == "numba" else "exchange_numpy")


def matches(objective: Objective, points: Points, anchors: FloatArray) -> FloatArray:
    """Return the value of each point with each anchor alone, (k, m)."""
    arithmetic = kernels.load()
    w, h = np.ascontiguousarray(points.w), np.ascontiguousarray(points.h)
    rows = [objective.values(w, h, anchor[:1], anchor[1:], arithmetic) for anchor in anchors.astype(np.float64)]
    return np.array(rows).reshape(len(anchors), len(w))


class Judge:
    """Scores anchors on points: by kernels if the objective has a shape, else by its values of each anchor alone."""

    def __init__(self, objective: Objective, points: Points) -> None:
        self.objective, self.points = objective, points
        w, h = np.ascontiguousarray(points.w), np.ascontiguousarray(points.h)
        self._mass = Mass(w, h, 1.0 / w, 1.0 / h, np.ascontiguousarray(points.weight))
        shape = getattr(objective, "shape", None)
        self._cover = self._trials = None
        if shape is not None:
            kernel, above, once = shape
            low, slope = _ramp(points, above)
            self._rule = Rule(low, slope, 1.0, 0.0) if once else Rule(low, slope, 0.0, 1.0)
            arithmetic = exchange_kernels()
            self._cover = getattr(arithmetic, f"cover_{LETTERS[kernel]}")
            self._trials = getattr(arithmetic, f"trials_{LETTERS[kernel]}")

    def cover(self, anchors: FloatArray, least: FloatArray | None = None) -> FloatArray:
        """Return the best value of each point, (m,): with these anchors, or `least`, zeros by default."""
        best = np.zeros(len(self.points.w)) if least is None else least.copy()
        if self._cover is not None:
            self._cover(self._mass, self._rule, *_columns(anchors), best)
        elif len(anchors):
            np.maximum(best, matches(self.objective, self.points, anchors).max(axis=0), out=best)
        return best

    def alone(self, anchors: FloatArray) -> FloatArray:
        """Return the value of each point with each anchor alone, (k, m)."""
        if self._cover is None:
            return matches(self.objective, self.points, anchors)
        return np.array([self.cover(anchor[None]) for anchor in anchors]).reshape(len(anchors), len(self.points.w))

    def trials(self, rest: FloatArray, anchors: FloatArray) -> FloatArray:
        """Return, for each of these anchors, the mean over the points of its value or `rest` (m,), the larger."""
        if self._trials is None:
            rows = np.maximum(matches(self.objective, self.points, anchors), rest)
            return np.asarray((rows * self._mass.weight).sum(axis=1), dtype=np.float64)
        out = np.empty(len(anchors))
        self._trials(self._mass, self._rule, rest, *_columns(anchors), out)
        return out

    def value(self, anchors: FloatArray, least: FloatArray | None = None) -> float:
        """Return the mean of the best values."""
        return float(self.trials(self.cover(anchors[:-1], least), anchors[-1:])[0])


def _ramp(points: Points, above: float) -> tuple[float, float]:
    """Return where a match begins to count, and the slope up to where it counts in full.

    The boxes of a cell do not all pass the threshold at once: without a ramp, anchors gain by reaching the means of
    cells whose boxes they half miss.
    """
    wide = float(np.log(points.high_w / points.low_w) @ points.weight)
    half = (wide + float(np.log(points.high_h / points.low_h) @ points.weight)) / 4.0
    if above <= 0.0 or half < 1e-9:
        return above, STEEP
    return above * math.exp(-half), 1.0 / (2.0 * above * math.sinh(half))


def _columns(anchors: FloatArray) -> tuple[FloatArray, FloatArray]:
    return np.ascontiguousarray(anchors[:, 0]), np.ascontiguousarray(anchors[:, 1])
