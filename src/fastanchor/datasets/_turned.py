"""Turned boxes: their upright extents, and whether they are read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, cycle
from math import cos, isfinite, radians, sin
from typing import Any

from fastanchor._hints import hint
from fastanchor._types import Remark
from fastanchor.datasets._record import NOTHING, Job, number_of

__all__ = ["UPRIGHT", "Corners", "about_centre", "angle_of", "is_turned", "of_corners", "remarks"]

UPRIGHT = 0.01  # share of a side by which corners of a box that is not turned miss those of its extent, from rounding

Corners = tuple[float, float, float, float]


def angle_of(degrees: Any) -> float:
    """Return an angle in radians, NaN if it is not a finite number, 0 for nothing."""
    if not degrees:
        return 0.0
    angle = radians(number_of(degrees))
    return angle if isfinite(angle) else NOTHING[0]


def about_centre(x: float, y: float, width: float, height: float, angle: float) -> Corners:
    """Return the upright extent of a box turned about its centre (x, y) by an angle in radians."""
    if not isfinite(angle):
        return NOTHING
    c, s = abs(cos(angle)), abs(sin(angle))
    a, b = (width * c + height * s) / 2.0, (width * s + height * c) / 2.0
    return x - a, y - b, x + a, y + b


def of_corners(values: Sequence[float]) -> Corners:
    """Return the extent of corners x, y, x, y, ...; NaN if they are not pairs of finite numbers."""
    if not values or len(values) % 2 or not all(map(isfinite, values)):
        return NOTHING
    xs, ys = values[::2], values[1::2]
    return min(xs), min(ys), max(xs), max(ys)


def is_turned(values: Sequence[float], extent: Corners) -> bool:
    """Return whether corners x, y, x, y, ... are not those of their extent."""
    left, top, right, bottom = extent
    for at, first, last in ((cycle((1, 0)), left, right), (cycle((0, 1)), top, bottom)):
        slack = UPRIGHT * (last - first)
        if any(min(value - first, last - value) > slack for value in compress(values, at)):
            return True
    return False


def remarks(job: Job) -> list[Remark]:
    """Return the remark about the turned boxes that were read."""
    count = job.turned[0]
    if not count:
        return []
    are = "turned box is read as its upright extent" if count == 1 else "turned boxes are read as their upright extents"
    return [Remark("turned boxes", f"{count:,} {are}; {hint('turned')}", count)]
