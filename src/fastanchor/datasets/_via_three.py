"""Version 3 of VGG Image Annotator, for images and videos: CSV, and saved projects.

A shape is a list of numbers, the first of them its kind; attributes and their options have numbers, whose names the
file lists. A frame of a video is an image, ``video.mp4#t=4.633``. Rows without a shape, such as spans of time, are no
boxes.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any

from fastanchor.datasets._json_files import inner
from fastanchor.datasets._record import Job
from fastanchor.datasets._skips import Unusable
from fastanchor.datasets._via_regions import CELL, FAULTS, Regions

__all__ = ["VIEWS", "is_table", "of_csv", "of_project"]

TITLE = b"# Exported using VGG Image Annotator"
VIEWS = "view"  # key of a saved project
COLUMNS = ("file_list", "temporal_coordinates", "spatial_coordinates", "metadata")  # of JSON
# kinds of shapes from 1 on, and the attributes by which versions 1 and 2 give their numbers
SHAPES: Sequence[tuple[str, Sequence[str]]] = (
    ("point", ()), ("rect", ("x", "y", "width", "height")), ("circle", ("cx", "cy", "r")),
    ("ellipse", ("cx", "cy", "rx", "ry")), ("line", ()), ("polyline", ()), ("polygon", ()), ("extreme rectangle", ()),
)  # fmt: skip
LISTED = ("polygon", "extreme rectangle")  # numbers x, y, x, y, ...
IMAGE = 2  # type of a file

Found = dict[str, tuple[list[Any], list[Any]]]  # regions of each image, and their places


def is_table(head: bytes) -> bool:
    """Return whether a file begins like such a CSV file."""
    return TITLE in head[: 2 * len(TITLE)] or all(name.encode() in head for name in COLUMNS[1:3])


def of_csv(file: str, text: str, job: Job) -> Iterator[Regions]:
    """Yield the regions of each image, with their lines."""
    lines = text.split("\n")
    notes = [*takewhile(lambda line: line.startswith("#"), lines)]
    facts = {key: value.strip() for key, _, value in (note.lstrip("# ").partition(" = ") for note in notes)}
    table = csv.reader(lines[len(notes) :])
    columns = facts["CSV_HEADER"].split(",") if "CSV_HEADER" in facts else next(table, [])
    if not {*COLUMNS} <= {*columns}:
        raise Unusable("table that is not of VGG Image Annotator", 1, f"expected the columns {', '.join(COLUMNS)}")
    at = [columns.index(name) for name in COLUMNS]
    try:
        attributes = json.loads(facts.get("ATTRIBUTE") or facts.get("ATTRIBUTES") or "{}")
    except FAULTS as error:
        raise Unusable("list of attributes that is not valid JSON", None, str(error)) from None
    rows = ((len(notes) + table.line_num, row) for row in table if row)
    found: Found = {}
    try:
        _collect(found, rows, attributes, lambda row: [json.loads(row[i]) for i in at], file, job)
    except csv.Error as error:
        raise Unusable("not a valid table", len(notes) + table.line_num, str(error)) from None
    for name, (regions, places) in found.items():
        yield Regions(name, regions, places)


def of_project(content: Mapping[str, Any], file: str, job: Job) -> Iterator[Regions]:
    """Yield the regions of each image of a saved project, also of images without regions."""
    files = {view: [content["file"][str(one)] for one in facts["fid_list"]] for view, facts in content[VIEWS].items()}
    names = {view: [str(one["fname"]) for one in some] for view, some in files.items()}
    found: Found = {
        names[view][0]: ([], []) for view, some in files.items() if [one["type"] for one in some] == [IMAGE]
    }
    rows = ((f"metadata {key}", one) for key, one in content["metadata"].items())
    _collect(found, rows, content["attribute"],
             lambda one: [names[str(one["vid"])], one["z"], one["xy"], one["av"]], file, job)  # fmt: skip
    for number, (name, (regions, _)) in enumerate(found.items()):
        yield Regions(name, regions, inner(number, len(regions)))


def _collect(
    found: Found, rows: Iterable[tuple[Any, Any]], attributes: Mapping[str, Any], cells: Callable[[Any], Any],
    file: str, job: Job,
) -> None:  # fmt: skip
    """Add the regions of rows to their images; count rows that cannot be read."""
    for place, row in rows:
        try:
            names, time, shape, values = cells(row)
            if len(names) > 1 and shape:
                job.skips.add("shape on several images at once, which is not read", file, place, ", ".join(names))
            if len(names) != 1 or (len(time) > 1 and not shape):
                continue
            region = _region(shape, dict(values), attributes) if shape else None
            regions, places = found.setdefault(f"{names[0]}#t={time[0]}" if time else str(names[0]), ([], []))
        except FAULTS as error:
            job.skips.add(CELL, file, place, str(error))
            continue
        if region is not None:
            regions.append(region)
            places.append(place)


def _region(shape: Sequence[Any], values: Mapping[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a region as in versions 1 and 2, its class by the names of its attributes and of the option chosen."""
    number, *sides = shape
    if not 1 <= number <= len(SHAPES):
        raise ValueError(f"shape of the kind {number}")
    name, keys = SHAPES[number - 1]
    facts = (
        {"all_points_x": sides[::2], "all_points_y": sides[1::2]}
        if name in LISTED
        else dict(zip(keys, sides, strict=False))
    )
    named = {}
    for key, value in values.items():
        known = attributes.get(key, key)
        known = known if isinstance(known, Mapping) else {"aname": known}
        options, first = known.get("options") or {}, str(value).partition(",")[0]  # of check boxes, the first
        named[str(known["aname"])] = options.get(str(value)) or options.get(first) or str(value)
    return {"shape_attributes": {"name": name, **facts}, "region_attributes": named}
