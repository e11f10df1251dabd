"""Supervisely JSON: a file per image; boxes are rectangles and the extents of polygons.

Bitmaps, points and lines are counted and ignored.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from fastanchor.datasets._json_files import extent, json_format
from fastanchor.datasets._record import NOTHING, Image, Job, number_of

__all__ = ["FORMAT"]

AREAS = ("rectangle", "polygon")


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the image."""
    box: list[float] = []
    classes, at = [], []
    for place, item in enumerate(content["objects"]):
        kind = item.get("geometryType", "rectangle")
        if kind not in AREAS:
            job.skips.leave(f"{kind}, which is not a box")
            continue
        try:
            box += extent(item["points"]["exterior"])
        except (KeyError, TypeError, ValueError):
            box += NOTHING
        classes.append(str(item.get("classTitle") or ""))
        at.append(place)
    size = content["size"]
    yield Image(PurePath(file).stem, (number_of(size["width"]), number_of(size["height"])), box, classes, at)


FORMAT = json_format(
    "supervisely", "Supervisely (a JSON file for each image, with objects)", "Supervisely", images, single=True,
    tells=frozenset(("place", "class")), place=lambda file, at: f"objects[{at}]",
)  # fmt: skip
