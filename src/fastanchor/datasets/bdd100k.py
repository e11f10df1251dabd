"""BDD100K JSON: a list of frames with labels, or a file for each image. Pixels.

Boxes are ``box2d``, else the extents of closed polygons; other labels are counted and ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from fastanchor.datasets._json_files import extent, inner, json_format, path_of
from fastanchor.datasets._record import Image, Job, number_of

__all__ = ["FORMAT"]

CORNERS = ("x1", "y1", "x2", "y2")


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the frames."""
    labels: Sequence[Any]
    if isinstance(content, dict) and any("name" in frame for frame in content["frames"]):  # as Scalabel writes it
        content = content["frames"]
    elif isinstance(content, dict):  # the older version: an image per file, whose only frame has the objects
        labels = [label for frame in content["frames"] for label in frame.get("objects") or ()]
        content = [{"name": content.get("name") or PurePath(file).stem, "labels": labels}]
    for number, frame in enumerate(content):
        box: list[float] = []
        classes, at = [], []
        labels = frame.get("labels") or ()
        for place, label in zip(inner(number, len(labels)), labels, strict=True):
            corners = label.get("box2d")
            points = [] if corners else _outline(label.get("poly2d"))
            if not corners and not points:
                job.skips.leave("label without a box2d")
                continue
            box += extent(points) if points else [number_of(corners.get(key)) for key in CORNERS]
            classes.append(str(label.get("category") or ""))
            at.append(place)
        size = frame.get("size") or {}
        yield Image(str(frame["name"]), (number_of(size.get("width")), number_of(size.get("height"))), box, classes, at)


def _outline(shapes: Any) -> list[Any]:
    """Return the points of closed polygons; those of the older version are lanes and areas of the road."""
    closed = [one for one in shapes or () if isinstance(one, Mapping) and one.get("closed")]
    return [point for one in closed for point in one["vertices"]]


FORMAT = json_format(
    "bdd100k", "BDD100K (JSON with frames and box2d)", "BDD100K", images,
    tells=frozenset(("place", "class")), place=path_of("frame {}, labels[{}]"),
)  # fmt: skip
