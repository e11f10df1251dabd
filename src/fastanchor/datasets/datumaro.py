"""Datumaro JSON: items with boxes and polygons in pixels, classes by number.

Boxes are those of the type ``bbox`` and the extents of polygons; other types are counted and ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastanchor.datasets._json_files import FAULTY, extent, inner, json_format, path_of
from fastanchor.datasets._record import NOTHING, Image, Job, number_of

__all__ = ["FORMAT"]


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the items."""
    names = [str(one["name"]) for one in content["categories"].get("label", {}).get("labels", ())]
    for number, item in enumerate(content["items"]):
        box: list[float] = []
        classes, at = [], []
        shapes = item["annotations"]
        for place, shape in zip(inner(number, len(shapes)), shapes, strict=True):
            kind = shape.get("type")
            if kind not in ("bbox", "polygon"):
                job.skips.no_box(kind)
                continue
            box += _corners(shape, kind)
            label = shape.get("label_id")
            known = isinstance(label, int) and 0 <= label < len(names)
            classes.append(names[label] if known else "" if label is None else str(label))
            at.append(place)
        image = item.get("image") or {}
        height, width = image.get("size") or (None, None)
        yield Image(str(image.get("path") or item["id"]), (number_of(width), number_of(height)), box, classes, at)


def _corners(shape: Mapping[str, Any], kind: str) -> tuple[float, float, float, float]:
    try:
        if kind == "polygon":
            return extent(zip(shape["points"][::2], shape["points"][1::2], strict=True))
        x, y, width, height = map(float, shape["bbox"])
    except FAULTY:
        return NOTHING
    return x, y, x + width, y + height


FORMAT = json_format(
    "datumaro", "Datumaro (JSON with items)", "Datumaro", images,
    tells=frozenset(("place", "class")), place=path_of("items[{}].annotations[{}]"),
)  # fmt: skip
