"""CreateML JSON: a list of images; boxes are a centre, a width and a height in pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastanchor.datasets._json_files import inner, json_format, path_of
from fastanchor.datasets._record import Image, Job, number_of

__all__ = ["FORMAT"]

SIDES = ("x", "y", "width", "height")


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the images."""
    for number, image in enumerate(content):
        boxes = image["annotations"]
        sides = [number_of((box.get("coordinates") or {}).get(key)) for box in boxes for key in SIDES]
        classes = [str(box.get("label") or "") for box in boxes]
        yield Image(str(image.get("image") or image["imagefilename"]), None, sides, classes, inner(number, len(boxes)))


FORMAT = json_format(
    "createml", "CreateML (JSON with coordinates)", "CreateML", images, form="cxcywh",
    tells=frozenset(("place", "class")), place=path_of("[{}].annotations[{}]"),
)  # fmt: skip
