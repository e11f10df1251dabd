"""The CSV of VGG Image Annotator: a row for each region, with its shape and attributes as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from fastanchor._reading import decoded
from fastanchor.datasets._record import Job
from fastanchor.datasets._skips import Unusable, no_text

__all__ = ["is_table", "regions_of"]

CELLS = ("region_shape_attributes", "region_attributes")  # columns of JSON
NAMES = ("filename", *CELLS)


def is_table(head: bytes) -> bool:
    """Return whether a file begins with the header of such a table."""
    return CELLS[0].encode() in head.partition(b"\n")[0]


def regions_of(file: str, data: bytes, job: Job) -> Iterator[tuple[str, list[Any], list[int]]]:
    """Yield the name of each image, its regions as in the JSON, and their lines; an image may have no regions."""
    text = decoded(data)
    what = no_text(data, text)
    if what:
        raise Unusable(what, 1)
    table = csv.DictReader(io.StringIO(text, newline=""))
    found: dict[tuple[Any, Any], tuple[list[Any], list[int]]] = {}
    try:
        table.fieldnames = [name.lstrip("# ") for name in table.fieldnames or ()]
        if not {*NAMES} <= {*table.fieldnames}:
            raise Unusable("table that is not of VGG Image Annotator", 1, f"expected the columns {', '.join(NAMES)}")
        for row in table:
            regions, lines = found.setdefault((row["filename"], row.get("file_size")), ([], []))
            try:
                shape, attributes = (json.loads(row[name] or "{}") for name in CELLS)
            except ValueError as error:
                job.skips.add("cell that is not valid JSON", file, table.line_num, str(error))
                continue
            if shape:
                regions.append({"shape_attributes": shape, "region_attributes": attributes})
                lines.append(table.line_num)
    except csv.Error as error:
        raise Unusable("not a valid table", table.line_num, str(error)) from None
    for (name, _), (regions, lines) in found.items():
        yield str(name), regions, lines
