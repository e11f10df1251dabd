"""Shapes of Label Studio: rectangles, polygons and ellipses in per cent of the image, as boxes relative to it."""

from __future__ import annotations

from collections.abc import Mapping
from math import cos, hypot, inf, sin
from typing import Any

from fastanchor.datasets._json_files import extent
from fastanchor.datasets._record import NOTHING, number_of
from fastanchor.datasets._turned import angle_of

__all__ = ["is_shape", "is_turned", "sides_of"]

SIDES, ELLIPSE, POINTS = ("x", "y", "width", "height"), ("x", "y", "radiusX", "radiusY"), "points"

Pair = tuple[float, float]


def is_shape(value: Mapping[str, Any]) -> bool:
    """Return whether a value has the numbers of a shape."""
    return POINTS in value or any(all(key in value for key in keys) for keys in (SIDES, ELLIPSE))


def is_turned(value: Mapping[str, Any]) -> bool:
    """Return whether a shape is a turned rectangle."""
    return bool(value.get("rotation")) and not {POINTS, ELLIPSE[2]} & {*value}


def sides_of(value: Mapping[str, Any], size: Pair | None) -> tuple[float, ...]:
    """Return left, top, width and height of the extent relative to an image of this size; NaN if not numbers."""
    angle = angle_of(value.get("rotation"))
    if POINTS in value:
        left, top, right, bottom = (side / 100.0 for side in extent(value[POINTS]))
        return left, top, right - left, bottom - top
    keys = ELLIPSE if ELLIPSE[2] in value else SIDES
    x, y, width, height = (number_of(value.get(key)) / 100.0 for key in keys)
    if keys == SIDES and angle == 0:
        return x, y, width, height
    if size is None or not 0.0 < min(size) <= max(size) < inf:
        return NOTHING
    c, s, aspect = cos(angle), sin(angle), size[1] / size[0]
    if keys == ELLIPSE:  # about its centre
        a, b = hypot(width * c, height * aspect * s), hypot(width / aspect * s, height * c)
        return x - a, y - b, 2.0 * a, 2.0 * b
    # about its left top corner
    corners = [(a * c - b * aspect * s, a / aspect * s + b * c) for a in (0.0, width) for b in (0.0, height)]
    left, top, right, bottom = extent(corners)
    return x + left, y + top, right - left, bottom - top
