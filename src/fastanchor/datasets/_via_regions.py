"""Regions of VGG Image Annotator: their boxes and classes, for all versions and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastanchor.datasets._json_files import FAULTY, extent, of_sides
from fastanchor.datasets._record import NOTHING, Image, Job

__all__ = ["CELL", "FAULTS", "Regions", "image_of"]

NAMES = ("class", "name", "label", "type", "category", "object")  # of attributes
OTHERS = ("polyline", "line", "point")
CELL = "cell that cannot be read"  # of a CSV file
FAULTS = (*FAULTY, AttributeError, RecursionError)  # of JSON in a cell


class Regions(NamedTuple):
    """The regions of an image."""

    name: str  # of the image
    regions: Sequence[Any]  # each with its shape and attributes, as in the JSON of versions 1 and 2
    places: Sequence[int]  # of each region, for messages


def image_of(found: Regions, job: Job) -> Image:
    """Return an image with the boxes of its regions."""
    box: list[float] = []
    classes, at = [], []
    for place, region in zip(found.places, found.regions, strict=True):
        shape = region.get("shape_attributes") or {}
        kind = shape.get("name", "rect")
        if kind in OTHERS:
            job.skips.no_box(kind)
            continue
        box += _corners(shape)
        classes.append(_class(region.get("region_attributes") or {}))
        at.append(place)
    return Image(found.name, None, box, classes, at)


def _corners(shape: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Return the corners of a shape by the attributes it has; NaN if they are not numbers."""
    if "cx" not in shape and "all_points_x" not in shape:
        return of_sides(shape[key] for key in ("x", "y", "width", "height"))
    try:
        if "all_points_x" in shape:
            return extent(zip(shape["all_points_x"], shape["all_points_y"], strict=True))
        x, y = float(shape["cx"]), float(shape["cy"])
        a, b = (float(shape[key if key in shape else "r"]) for key in ("rx", "ry"))
    except FAULTY:
        return NOTHING
    return x - a, y - b, x + a, y + b


def _class(attributes: Mapping[str, Any]) -> str:
    """Return the value of the attribute that names the class; of check boxes, the first that is set."""
    usual = next((key for name in NAMES for key in attributes if key.lower() == name), None)
    key = usual if usual is not None else next(iter(attributes)) if len(attributes) == 1 else None
    value = "" if key is None else attributes[key]
    if isinstance(value, Mapping):
        value = next((name for name, on in value.items() if on), "")
    return str(value)
