"""VGG Image Annotator: JSON, an annotation file or a saved project, or CSV; shapes in pixels.

Boxes are rectangles and the extents of polygons, circles and ellipses. Points and lines are counted and ignored. The
class is the region attribute with a usual name, or the only one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fastanchor._text import many
from fastanchor._types import Remark
from fastanchor.datasets._json_files import extent, inner, json_format, path_of
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import NOTHING, Image, Job, Source
from fastanchor.datasets._skips import shown
from fastanchor.datasets._via_csv import is_table, regions_of

__all__ = ["FORMAT"]

PROJECT = "_via_img_metadata"
NAMES = ("class", "name", "label", "type", "category", "object")  # of attributes


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the images."""
    for number, image in enumerate(content.get(PROJECT, content).values()):
        regions = image["regions"]
        regions = list(regions.values()) if isinstance(regions, Mapping) else regions  # the first version has an object
        yield _image(str(image["filename"]), regions, inner(number, len(regions)), job)


def _image(name: str, regions: Sequence[Any], places: Sequence[int], job: Job) -> Image:
    box: list[float] = []
    classes, at = [], []
    for place, region in zip(places, regions, strict=True):
        shape = region.get("shape_attributes") or {}
        kind = shape.get("name", "rect")
        if kind in ("polyline", "point"):
            job.skips.leave(f"{kind}, which is not a box")
            continue
        box += _corners(shape)
        classes.append(_class(region.get("region_attributes") or {}))
        at.append(place)
    return Image(name, None, box, classes, at)


def _corners(shape: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """Return the corners of a shape by the attributes it has; NaN if they are not numbers."""
    try:
        if "all_points_x" in shape:
            return extent(zip(shape["all_points_x"], shape["all_points_y"], strict=True))
        if "cx" in shape:
            x, y = float(shape["cx"]), float(shape["cy"])
            a, b = (float(shape[key if key in shape else "r"]) for key in ("rx", "ry"))
            return x - a, y - b, x + a, y + b
        x, y, width, height = (float(shape[key]) for key in ("x", "y", "width", "height"))
    except (KeyError, TypeError, ValueError):
        return NOTHING
    return x, y, x + width, y + height


def _class(attributes: Mapping[str, Any]) -> str:
    """Return the value of the attribute that names the class; of check boxes, the first that is set."""
    usual = next((key for name in NAMES for key in attributes if key.lower() == name), None)
    key = usual if usual is not None else next(iter(attributes)) if len(attributes) == 1 else None
    value = "" if key is None else attributes[key]
    if isinstance(value, Mapping):
        value = next((name for name, on in value.items() if on), "")
    return str(value)


def sniff(probe: Probe) -> Source | None:
    """Return the JSON files of such regions, else the CSV files."""
    tables = [file for file in probe.files(".csv") if probe.named or is_table(probe.head(file))]
    found = JSON.sniff(probe) if probe.suffix != ".csv" else None
    if found is None or not tables:
        return found or (Source(tables) if tables else None)
    text = f"not read: {many(len(tables), 'CSV file')} of VGG Image Annotator ({shown(tables[0])}), beside JSON files"
    return found._replace(others=[Remark("labels of another format", text, len(tables))])


def parse(file: str, data: bytes, job: Job) -> Iterable[Image]:
    """Return the images of a file."""
    if not file.lower().endswith(".csv"):
        assert JSON.parse is not None
        return JSON.parse(file, data, job)
    return [_image(name, regions, lines, job) for name, regions, lines in regions_of(file, data, job)]


def _place(file: str, at: int) -> str | int:
    return at if file.lower().endswith(".csv") else path_of("image {}, regions[{}]")(file, at)


JSON = json_format(
    "via", "VGG Image Annotator (JSON or CSV with regions)", "VGG Image Annotator", images,
    tells=frozenset(("place", "class")), place=_place,
)  # fmt: skip
FORMAT = replace(JSON, sniff=sniff, parse=parse)
