"""Supervisely JSON: a file per image; boxes are rectangles and the extents of polygons and bitmaps.

Points and lines are counted and ignored.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any

from fastanchor.datasets._json_files import FAULTY, extent, json_format
from fastanchor.datasets._record import NOTHING, Image, Job, number_of

__all__ = ["FORMAT"]

AREAS = ("rectangle", "polygon", "bitmap")
HEADER = struct.Struct(">8s8xII")  # of a PNG: its mark, width and height
MARK = b"\x89PNG\r\n\x1a\n"


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the image."""
    box: list[float] = []
    classes, at = [], []
    for place, item in enumerate(content["objects"]):
        kind = item.get("geometryType", "rectangle")
        if kind not in AREAS:
            job.skips.no_box(kind)
            continue
        try:
            box += _of_bitmap(item["bitmap"]) if kind == "bitmap" else extent(item["points"]["exterior"])
        except (*FAULTY, struct.error, zlib.error):
            box += NOTHING
        classes.append(str(item.get("classTitle") or ""))
        at.append(place)
    size = content["size"]
    yield Image(PurePath(file).stem, (number_of(size["width"]), number_of(size["height"])), box, classes, at)


def _of_bitmap(bitmap: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Return the extent of a bitmap, a compressed PNG that is as large as the object, at its left top corner."""
    (x, y), data = map(float, bitmap["origin"]), base64.b64decode(bitmap["data"])
    mark, width, height = HEADER.unpack(zlib.decompressobj().decompress(data, HEADER.size))
    if mark != MARK:
        return NOTHING
    return x, y, x + width, y + height


FORMAT = json_format(
    "supervisely", "Supervisely (a JSON file for each image, with objects)", "Supervisely", images, single=True,
    tells=frozenset(("place", "class")), place=lambda file, at: f"objects[{at}]",
)  # fmt: skip
