"""Positives of YOLOv5 and its kind, which match by the ratio of sides."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.matching._count import Anchors, Counts, Places

__all__ = ["Ratio", "by_ratio"]

AT_ONCE = 1 << 16  # boxes


class Ratio(NamedTuple):
    """Which anchors are positive, for detectors that match by the ratio of sides.

    An anchor matches a box if none of their sides is `below` times as long as the other or longer. It is positive at
    the cell that has the centre of the box, and at the cell nearest to it along each axis, if that is on the grid.
    """

    below: float = 4.0

    @property
    def above(self) -> float:
        """The ratio as ``check`` has it, the shorter side by the longer."""
        return 1.0 / self.below

    @property
    def measure(self) -> str:
        """By what boxes and anchors are compared."""
        return "ratio of sides"

    @property
    def threshold(self) -> float:
        """The least ratio of a match, which must exceed `above`."""
        return float(np.nextafter(np.float32(self.above), 1))

    def to_text(self) -> str:
        """Return the rule in words."""
        return f"ratio of sides < {self.below:g}, in the cell of the centre and its nearest neighbours"


def by_ratio(wh: FloatArray, anchors: Anchors, rule: Ratio, places: Places | None = None) -> Counts:
    """Return the positives of each box; without `places` no box is at a border."""
    n = len(wh)
    positives, best = np.empty((n, len(anchors.parts)), np.int32), np.zeros((1, n), np.float32)
    for at, (part, stride) in enumerate(zip(anchors.parts, anchors.strides, strict=True)):
        for some in (slice(first, first + AT_ONCE) for first in range(0, n, AT_ONCE)):
            ratio = np.ones((len(wh[some]), len(part)))
            for axis in (0, 1):
                quotient = wh[some, axis, None] / part[:, axis]
                np.minimum(ratio, np.minimum(quotient, 1.0 / quotient), out=ratio)
            cells = 3 if places is None else _cells(places, some, stride)
            positives[some, at] = (ratio > rule.above).sum(axis=1) * cells
            best[0, some] = np.maximum(best[0, some], ratio.max(axis=1, initial=0.0))
    return Counts(positives, (positives.sum(axis=1) == 0).astype(np.float64), best)


def _cells(places: Places, some: slice, stride: float) -> FloatArray:
    """Return the number of cells at which an anchor that matches is positive."""
    corners = places.corners[some].astype(np.float64)
    centre = (corners[:, :2] + corners[:, 2:]) / 2.0 / stride
    other = places.sides[places.image[some]] / stride - centre
    near = (centre % 1.0 < 0.5) & (centre > 1.0)
    near_other = (other % 1.0 < 0.5) & (other > 1.0)
    cells: FloatArray = 1 + near.sum(axis=1) + near_other.sum(axis=1)
    return cells
