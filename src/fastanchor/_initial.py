"""Initial centres of k-means: drawn from the boxes, or given."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._check import Called
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import FloatArray, Metric
from fastanchor._weights import weights_of
from fastanchor.engine import Engine

__all__ = ["drawn_centers", "given_centers", "indistinct"]


def drawn_centers(
    answers: Engine, k: int, metric: Metric, init: str, rng: np.random.Generator, named: Called
) -> FloatArray:
    """Return k boxes drawn by "random" or "k-means++", (k, 2); see :func:`fastanchor.kmeans`.

    Raises
    ------
    DataError
        If too few boxes have a distance above 0 from each other.
    """
    weights = weights_of(answers)
    drawn = None if weights is None else weights.drawn()
    if init == "random":
        return answers.take(rng.choice(len(answers), k, replace=False, p=drawn))
    first = rng.integers(len(answers)) if drawn is None else rng.choice(len(answers), p=drawn)
    centers = answers.take(np.array([first]))
    while len(centers) < k:
        found = answers.pick(centers, metric, rng.random())
        if found is None:
            raise indistinct(named, k)
        centers = np.vstack([centers, found.box])
    return centers


def given_centers(init: Any, k: int, metric: Metric, named: Called) -> FloatArray:
    """Return a copy of the centres that the caller gave, (k, 2).

    Raises
    ------
    DataError
        If they are not k, or not valid for the metric.
    """
    check = _check.as_points if metric == "euclidean" else _check.as_sizes
    centers = check(init, "init").copy()
    if len(centers) != k:
        raise DataError(f"{called('init')}: must have {called(named.k)} = {k} centres, got {len(centers)}")
    return centers


def indistinct(named: Called, k: int) -> DataError:
    """Return the error for boxes that lie too close to each other for k centres."""
    return DataError(f"{named.boxes}: too few of them can be told apart for {called(named.k)} = {k} centres")
