"""SuperAnnotate: a JSON file for each image, with instances. Pixels.

Boxes are bounding boxes, turned ones by their upright extents, and the extents of polygons and ellipses. Other types
are counted and ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import cos, hypot, sin
from pathlib import PurePath
from typing import Any

from fastanchor.datasets._json_files import json_format
from fastanchor.datasets._record import Image, Job, number_of
from fastanchor.datasets._turned import Corners, angle_of, is_turned, of_corners

__all__ = ["FORMAT"]

AREAS = ("bbox", "rbbox", "polygon", "ellipse")
CORNERS = ("x1", "y1", "x2", "y2", "x3", "y3", "x4", "y4")
ELLIPSE = ("cx", "cy", "rx", "ry")
ENDING = "___objects"  # of the older version, which is a list


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the image."""
    instances: list[Any]
    facts: Mapping[str, Any]
    if isinstance(content, list):
        instances, facts = content, next((one for one in content if one.get("type") == "meta"), {})
        name = PurePath(file).stem.removesuffix(ENDING)
    else:
        instances, facts = content["instances"], content["metadata"]
        name = str(facts.get("name") or PurePath(file).stem)
    box: list[float] = []
    classes, at = [], []
    for place, one in enumerate(instances):
        kind = one["type"]
        if kind not in AREAS:
            if kind != "meta":
                job.skips.no_box(kind)
            continue
        corners = _corners(one, kind, job)
        if corners:
            box += corners
            classes.append(str(one.get("className") or one.get("classId") or ""))
            at.append(place)
    yield Image(name, (number_of(facts.get("width")), number_of(facts.get("height"))), box, classes, at)


def _corners(one: Mapping[str, Any], kind: str, job: Job) -> Corners | tuple[()]:
    """Return the corners of an instance, NaN if they are not numbers; nothing if it is left out."""
    if kind == "ellipse":
        x, y, a, b = (number_of(one.get(key)) for key in ELLIPSE)
        angle = angle_of(one.get("angle"))
        c, s = cos(angle), sin(angle)
        return x - hypot(a * c, b * s), y - hypot(a * s, b * c), x + hypot(a * c, b * s), y + hypot(a * s, b * c)
    points = one.get("points")
    if kind == "polygon":
        values = [number_of(value) for value in points] if isinstance(points, list) else []
        return of_corners(values)
    points = points if isinstance(points, Mapping) else {}
    if kind == "bbox":
        left, top, right, bottom = (number_of(points.get(key)) for key in CORNERS[:4])
        return left, top, right, bottom
    values = [number_of(points.get(key)) for key in CORNERS]
    extent = of_corners(values)
    return () if is_turned(values, extent) and not job.upright() else extent


FORMAT = json_format(
    "superannotate", "SuperAnnotate (a JSON file for each image, with instances)", "SuperAnnotate", images, single=True,
    tells=frozenset(("place", "class")), options=frozenset(("turned",)), place=lambda file, at: f"instances[{at}]",
)  # fmt: skip
