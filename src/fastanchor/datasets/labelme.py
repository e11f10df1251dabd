"""LabelMe JSON: one file per image, shapes in pixels.

Boxes are the extents of rectangles, polygons, masks and circles (centre and a point of the edge). Points and lines are
not boxes: they are counted and ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import dist
from typing import Any

from fastanchor.datasets._foreign import LABELME, json_kind, json_of
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import NOTHING, Format, Image, Job, Source
from fastanchor.datasets._skips import Unusable

__all__ = ["FORMAT"]

AREAS = ("rectangle", "polygon", "mask", "rotation", "circle")
LOOKED_AT = 5  # files of a folder


def sniff(probe: Probe) -> Source | None:
    """Return the JSON files of folders whose first files are LabelMe."""
    files = []
    for found in probe.by_folder(".json").values():
        heads = map(probe.head, found[:LOOKED_AT])
        if probe.named or any(b"shapes" in head and json_kind(head, whole=False) == LABELME for head in heads):
            files += found
    return Source(files) if files else None


def parse(file: str, data: bytes, job: Job) -> Iterator[Image]:
    """Yield the image of a label file."""
    content = json_of(data)
    if not isinstance(content, dict) or "shapes" not in content:
        raise Unusable("JSON file that is not LabelMe")
    shapes, name = content["shapes"], str(content.get("imagePath") or "")
    box: list[float] = []
    classes, at = [], []
    for nth, shape in enumerate(shapes if isinstance(shapes, list) else []):
        shape = shape if isinstance(shape, dict) else {}
        kind = shape.get("shape_type") or "polygon"
        if kind not in AREAS:
            job.skips.leave(f"{kind}, which is not a box")
            continue
        box += _extent(shape.get("points"), kind)
        classes.append(str(shape.get("label") or ""))
        at.append(nth)
    yield Image(name, _size(content), box, classes, at)


def _extent(points: Any, kind: str) -> tuple[float, float, float, float]:
    try:
        pairs = [(float(x), float(y)) for x, y in points]
        if kind == "circle":
            (x, y), edge = pairs
            radius = dist((x, y), edge)
            return x - radius, y - radius, x + radius, y + radius
        xs, ys = zip(*pairs, strict=True)
    except (TypeError, ValueError):
        return NOTHING
    return min(xs), min(ys), max(xs), max(ys)


def _size(content: dict[str, Any]) -> tuple[float, float] | None:
    try:
        return float(content["imageWidth"]), float(content["imageHeight"])
    except (KeyError, TypeError, ValueError):
        return None


FORMAT = Format(
    "labelme",
    "LabelMe (a JSON file for each image, with shapes)",
    sniff,
    parse=parse,
    tells=frozenset(("place", "class")),
    options=frozenset(("unit",)),
    place=lambda file, at: f"shapes[{at}]",
)
