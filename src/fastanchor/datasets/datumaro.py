"""Datumaro JSON: items with boxes and polygons in pixels, classes by number.

Boxes are those of the type ``bbox``, turned ones by their upright extents, and the extents of polygons and ellipses;
other types are counted and ignored. CVAT writes the rotation of a box as an attribute, in degrees about its centre.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastanchor.datasets._json_files import inner, json_format, of_sides, path_of
from fastanchor.datasets._record import NOTHING, Image, Job, number_of
from fastanchor.datasets._turned import Corners, about_centre, angle_of, of_corners

__all__ = ["FORMAT"]

BOX, LISTED = "bbox", ("polygon", "ellipse")  # the latter with numbers x, y, x, y, ...
AREAS = (BOX, *LISTED)


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the items."""
    names = [str(one["name"]) for one in content["categories"].get("label", {}).get("labels", ())]
    for number, item in enumerate(content["items"]):
        box: list[float] = []
        classes, at = [], []
        shapes = item["annotations"]
        for place, shape in zip(inner(number, len(shapes)), shapes, strict=True):
            kind = shape.get("type")
            if kind not in AREAS:
                job.skips.no_box(kind)
                continue
            facts = shape.get("attributes")
            angle = angle_of(facts.get("rotation")) if facts and kind == BOX else 0.0
            if angle and not job.upright():
                continue
            box += _corners(shape, kind, angle)
            label = shape.get("label_id")
            known = isinstance(label, int) and 0 <= label < len(names)
            classes.append(names[label] if known else "" if label is None else str(label))
            at.append(place)
        image = item.get("image") or {}
        height, width = image.get("size") or (None, None)
        yield Image(str(image.get("path") or item["id"]), (number_of(width), number_of(height)), box, classes, at)


def _corners(shape: Mapping[str, Any], kind: str, angle: float) -> Corners:
    if kind in LISTED:
        points = shape.get("points")
        return of_corners([number_of(one) for one in points]) if isinstance(points, list) else NOTHING
    left, top, right, bottom = of_sides(shape.get(BOX))
    if angle == 0.0:
        return left, top, right, bottom
    return about_centre((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, angle)


FORMAT = json_format(
    "datumaro", "Datumaro (JSON with items)", "Datumaro", images,
    tells=frozenset(("place", "class")), options=frozenset(("turned",)), place=path_of("items[{}].annotations[{}]"),
)  # fmt: skip
