"""MMYOLO's v5-k-means: whitened k-means and the genetic search, in double precision after the start."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check
from fastanchor._check import Called
from fastanchor._evolve import MUTATED, SIGMA, Draws, climb
from fastanchor._types import EvolveResult, Fitness, FloatArray
from fastanchor.compat._autoanchor import by_area
from fastanchor.compat._vq import whitened
from fastanchor.engine import Scored, choose
from fastanchor.kernels import Work

__all__ = ["Streams", "global_streams", "own_streams", "search", "start"]


class Streams(NamedTuple):
    """Sources of random numbers: rows for the starts, and the draws of a generation."""

    rows: Callable[..., Any]
    draws: Draws


def global_streams(chance: float = MUTATED, sigma: float = SIGMA) -> Streams:
    """Return ``numpy.random`` and ``random``, drawn in the order of the script."""
    return Streams(
        np.random.choice,
        Draws(
            lambda shape: _chance(np.random.random_sample(shape), chance),
            random.random,
            lambda shape: _spread(np.random.standard_normal(shape), sigma),
        ),
    )


def own_streams(rng: Any) -> Streams:
    """Return one generator for everything."""
    generator = _check.generator(rng)
    return Streams(generator.choice, Draws(generator.random, generator.random, generator.standard_normal))


def start(
    wh: NDArray[Any], scale: NDArray[Any], n: int, streams: Streams, warn: Callable[[str], object]
) -> NDArray[Any]:
    """Return n anchors by area, (n, 2) float32: SciPy's k-means of sizes (m, 2) float32 in units of their spread."""
    centers = whitened(wh, scale, n, warn, Called("bbox_whs", "num_anchors"), streams.rows)
    return by_area(np.asarray(centers, dtype=np.float64)).astype(np.float32)


def search(
    begun: NDArray[Any], wh: NDArray[Any], thr: float, iters: int, draws: Draws, first: float | None = None
) -> EvolveResult:
    """Return the result of the genetic search from anchors (n, 2); `first` is their fitness over all sizes (m, 2).

    The first fitness is in single precision and all others in double, as NumPy's factors are. A box with a side of 0
    matches nothing and only lowers the mean.
    """
    double = wh.astype(np.float64)
    whole = double[(double > 0.0).all(1)]
    share = len(whole) / len(double)
    answers = _From(choose(whole, work=Work(len(begun), generations=iters)), first, share)
    result = climb(begun.astype(np.float64), answers, thr, iters, draws)
    return EvolveResult(
        by_area(result.anchors), result.fitness * share, result.bpr * share, result.accepted, result.history * share
    )


def _chance(drawn: FloatArray, chance: float) -> FloatArray:
    """Return uniforms that fall below MUTATED with this chance."""
    return drawn if chance == MUTATED else np.where(drawn < chance, 0.0, 1.0)


def _spread(drawn: FloatArray, sigma: float) -> FloatArray:
    return drawn if sigma == SIGMA else drawn * (sigma / SIGMA)


class _From:
    """An engine for a search whose first fitness is in single precision."""

    def __init__(self, answers: Scored, first: float | None, share: float) -> None:
        self._answers, self._first, self._share, self._begun = answers, first, share, False
        self._single: FloatArray | None = None  # the anchors whose fitness is one in single precision

    def fitness(self, anchors: FloatArray, thr: float) -> Fitness:
        """Return the ratio fitness and the best possible recall."""
        exact = self._answers.fitness(anchors, thr)
        if self._begun:
            return exact
        self._begun, self._single = True, anchors
        first = float(np.float32(exact.fitness)) if self._first is None else self._first / self._share
        return Fitness(first, exact.bpr)

    def first_fitter(
        self, mutants: Sequence[FloatArray], thr: float, than: float, of: FloatArray | None = None
    ) -> tuple[int, float] | None:
        """Return which of these anchors is the first with a fitness greater than `than`, and its fitness."""
        return self._answers.first_fitter(mutants, thr, than, None if of is self._single else of)
