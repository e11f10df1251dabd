"""Fitness compared in single precision, as the originals do; where torch is loaded, near ties by its own mean."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastanchor._types import Fitness, FloatArray
from fastanchor.engine import Scored

__all__ = ["Single"]

# How far a mean in single precision may be from the exact one, relatively, in roundings of 2**-24. Torch adds in lanes
# and in chains of 16, at most four above each other, which carry half of their sum on the average: 4 * 8.5, and 7 for
# the lanes. Three more are of an anchor, a ratio and its reciprocal, one of the division. The rest is to spare.
APART = 64 * 2.0**-24
CHUNK = 16_384  # boxes at once, for the processor's cache


class Single:
    """An engine that compares fitnesses as the originals do.

    They compare means in single precision as torch adds them up. Means that differ by less than its rounding are
    computed by torch itself if it is loaded, as it is inside a training run. Without it the exact means are rounded,
    which decides some ties the other way.

    Parameters
    ----------
    answers : Scored
        Of the boxes whose sides are > 0.
    wh : (n, 2) float64
        All boxes, exact in single precision.
    """

    def __init__(self, answers: Scored, wh: FloatArray) -> None:
        self._answers = answers
        self._wh = wh
        self._torch: Any = sys.modules.get("torch")
        self._columns: FloatArray | None = None
        self._best: FloatArray | None = None  # the anchors that mutants are compared with
        self._mean: float | None = None  # of these, by torch

    def fitness(self, anchors: FloatArray, thr: float) -> Fitness:
        """Return the exact fitness of the anchors; mutants are compared with them from now on."""
        self._best, self._mean = anchors, None
        return self._answers.fitness(anchors, thr)

    def first_fitter(
        self, mutants: Sequence[FloatArray], thr: float, than: float, of: FloatArray | None = None
    ) -> tuple[int, float] | None:
        """Return which of these anchors is the first that is fitter than the best so far, and its exact fitness."""
        # in small sets one box more or less above the threshold outweighs all rounding
        near = 2.0 * APART * than + thr / len(self._wh) if self._torch else 0.0
        passed = 0
        while passed < len(mutants):
            candidate = self._answers.first_fitter(
                mutants[passed:], thr, max(than - near, 0.0), of if near == 0.0 else None
            )
            if candidate is None:
                return None
            passed += candidate[0]
            if self._fitter(mutants[passed], candidate[1], thr, than, near):
                return passed, candidate[1]
            passed += 1
        return None

    def _fitter(self, mutant: FloatArray, fitness: float, thr: float, than: float, near: float) -> bool:
        mean = None
        if not self._torch:
            fitter = bool(np.float32(fitness) > np.float32(than))
        elif fitness > than + near or self._best is None:
            fitter = fitness > than
        else:
            if self._mean is None:
                self._mean = self._torch_mean(self._best, thr)
            mean = self._torch_mean(mutant, thr)
            fitter = mean > self._mean
        if fitter:
            self._best, self._mean = mutant, mean
        return fitter

    def _torch_mean(self, anchors: FloatArray, thr: float) -> float:
        """Return the fitness in single precision, added up by torch; all other operations round alike everywhere."""
        if self._columns is None:
            self._columns = np.ascontiguousarray(self._wh.T, dtype=np.float32)
        best = np.zeros(len(self._wh), dtype=np.float32)
        single = anchors.astype(np.float32)
        with np.errstate(divide="ignore"):  # a side of 0
            for start in range(0, len(best), CHUNK):
                some, columns = best[start : start + CHUNK], self._columns[:, start : start + CHUNK]
                for sides in single:
                    ratios = columns / sides[:, None]
                    np.minimum(ratios, 1.0 / ratios, out=ratios)
                    np.maximum(some, np.minimum(ratios[0], ratios[1]), out=some)
        best[best <= np.float32(thr)] = 0.0
        return float(self._torch.from_numpy(best).mean())
