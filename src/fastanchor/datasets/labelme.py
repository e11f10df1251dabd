"""LabelMe JSON: one file per image, shapes in pixels.

Boxes are the extents of rectangles, polygons, masks and circles (centre and a point of the edge). Points and lines are
not boxes: they are counted and ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import dist
from typing import Any

from fastanchor.datasets._foreign import LABELME
from fastanchor.datasets._json_files import FAULTY, extent, json_format
from fastanchor.datasets._record import NOTHING, Image, Job

__all__ = ["FORMAT"]

TURNED = "rotation"  # of X-AnyLabeling: four corners
AREAS = ("rectangle", "polygon", "mask", TURNED, "circle")


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the image."""
    shapes, name = content["shapes"], str(content.get("imagePath") or "")
    box: list[float] = []
    classes, at = [], []
    for nth, shape in enumerate(shapes if isinstance(shapes, list) else []):
        shape = shape if isinstance(shape, dict) else {}
        kind = shape.get("shape_type") or "polygon"
        if kind not in AREAS:
            job.skips.no_box(kind)
            continue
        if kind == TURNED and not job.upright():
            continue
        box += _extent(shape.get("points"), kind)
        classes.append(str(shape.get("label") or ""))
        at.append(nth)
    yield Image(name, _size(content), box, classes, at)


def _extent(points: Any, kind: str) -> tuple[float, float, float, float]:
    try:
        if kind != "circle":
            return extent(points)
        (x, y), edge = ((float(x), float(y)) for x, y in points)
        radius = dist((x, y), edge)
    except FAULTY:
        return NOTHING
    return x - radius, y - radius, x + radius, y + radius


def _size(content: dict[str, Any]) -> tuple[float, float] | None:
    try:
        return float(content["imageWidth"]), float(content["imageHeight"])
    except FAULTY:
        return None


FORMAT = json_format(
    "labelme", "LabelMe (a JSON file for each image, with shapes)", LABELME, images, single=True,
    tells=frozenset(("place", "class")), options=frozenset(("unit", "turned")), place=lambda file, at: f"shapes[{at}]",
)  # fmt: skip
