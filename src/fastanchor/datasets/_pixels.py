"""Images whose boxes are corners in pixels: what the smaller formats share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor.boxes import Boxes
from fastanchor.datasets._records import ImageAnnotation, Skips

__all__ = ["Image", "annotations_of", "boxes_of", "corners_fault"]


class Image(NamedTuple):
    """One image.

    Attributes
    ----------
    name : str
    path : Path or None
    size : (width, height)
        Pixels.
    corners : list of [left, top, right, bottom]
        Pixels of the image.
    classes : list of str
        Class name of each box.
    """

    name: str
    path: Path | None
    size: tuple[float, float]
    corners: list[list[float]]
    classes: list[str]


def boxes_of(images: Iterable[Image], skips: Skips) -> Boxes:
    """Return the boxes of images; classes in the order of their numbers, else of their names."""
    found = list(images)
    corners = np.array([c for image in found for c in image.corners], dtype=np.float64).reshape(-1, 4)
    classes = [name for image in found for name in image.classes]
    # numbers as numbers: "10" comes after "9"
    names = sorted(set(classes), key=lambda name: (0, int(name), "") if _is_number(name) else (1, 0, name))
    place = {name: i for i, name in enumerate(names)}
    return Boxes(
        corners[:, 2:] - corners[:, :2],
        image_index=np.repeat(np.arange(len(found)), [len(image.corners) for image in found]),
        image_wh=np.array([image.size for image in found], dtype=np.float64),
        class_index=np.array([place[name] for name in classes], dtype=np.int64),
        class_names=tuple(names),
        skipped=skips.counts,
    )


def _is_number(name: str) -> bool:
    return name.isdecimal() and len(name) < 19


def annotations_of(images: Iterable[Image]) -> Iterator[ImageAnnotation]:
    """Yield each image with its rectangles."""
    for image in images:
        corners = np.array(image.corners, dtype=np.float64).reshape(-1, 4)
        yield ImageAnnotation(image.name, image.path, *image.size, corners, tuple(image.classes))


def corners_fault(corners: Sequence[str]) -> str:
    """Return why four texts are no box, or nothing."""
    try:
        x0, y0, x1, y1 = map(float, corners)
    except ValueError:
        return "box with unreadable coordinates"
    width, height = x1 - x0, y1 - y0
    if not (abs(width) <= MAX_SIDE and abs(height) <= MAX_SIDE):
        return "box with non-finite coordinates"
    if min(width, height) < 0.0:
        return "box with reversed corners"
    return "" if min(width, height) >= MIN_SIDE else "box with zero width or height"
