"""Sums over boxes for a report on anchors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray

__all__ = ["Profile"]


class Profile(NamedTuple):
    """Sums over boxes for a report on anchors.

    Attributes
    ----------
    counts : (k,) int64
        Boxes for which each anchor is the best by ratio, ties to the lowest.
    past : int
        Pairs of box and anchor whose ratio exceeds the threshold.
    ratio, best : float
        Sums of the ratios of all pairs, and of the best of each box.
    table : (classes, 4) float64
        Of the boxes of each class of area: number, number with a best ratio above the threshold, sum of these ratios,
        sum of the best IoUs.
    """

    counts: IntArray
    past: int
    ratio: float
    best: float
    table: FloatArray

    @classmethod
    def of(
        cls,
        ratio: FloatArray,
        iou: FloatArray,
        area: FloatArray,
        thr: float,
        areas: Sequence[float],
        weights: IntArray | None = None,
    ) -> Profile:
        """Return the sums for ratios (n, k), best IoUs (n,) and areas (n,) of boxes; classes end before `areas`."""
        best = ratio.max(axis=1)
        good, of_class = best > thr, np.searchsorted(areas, area, side="right")
        each = np.ones(len(best), np.int64) if weights is None else weights
        columns = [np.bincount(of_class, values * each, len(areas) + 1) for values in (1.0, good, best * good, iou)]
        table, own = np.stack(columns, 1).astype(np.float64), ratio.argmax(axis=1)
        if weights is None:
            counts = np.bincount(own, minlength=ratio.shape[1])
            return cls(counts, int(np.count_nonzero(ratio > thr)), float(ratio.sum()), float(best.sum()), table)
        counts = np.zeros(ratio.shape[1], np.int64)
        np.add.at(counts, own, each)  # bincount would convert whole numbers to floats
        past = int((np.count_nonzero(ratio > thr, axis=1) * each).sum())
        return cls(counts, past, float((ratio.sum(axis=1) * each).sum()), float((best * each).sum()), table)

    @classmethod
    def tallied(cls, found: Any) -> Profile:
        """Return the sums of a ``kernels._report.Tally``."""
        good, iou, ratio, best = found.sums.T
        table = np.stack([found.numbers[:, 0], found.numbers[:, 1], good, iou], 1)
        return cls(found.counts, int(found.numbers[:, 2].sum()), float(ratio.sum()), float(best.sum()), table)

    @classmethod
    def empty(cls, k: int, areas: Sequence[float]) -> Profile:
        """Return the sums over no box."""
        return cls(np.zeros(k, np.int64), 0, 0.0, 0.0, np.zeros((len(areas) + 1, 4)))

    @classmethod
    def total(cls, parts: Sequence[Profile]) -> Profile:
        """Add up the sums of parts of a data set."""
        counts, past, ratio, best, table = (sum(column) for column in zip(*parts, strict=True))
        return cls(counts, past, ratio, best, table)
