"""The CSV of versions 1 and 2 of VGG Image Annotator: a row for each region, with its shape and attributes as JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from fastanchor.datasets._record import Job
from fastanchor.datasets._skips import Unusable
from fastanchor.datasets._via_regions import CELL, FAULTS, Regions

__all__ = ["is_table", "of_csv"]

CELLS = ("region_shape_attributes", "region_attributes")  # columns of JSON
NAMES = ("filename", *CELLS)


def is_table(head: bytes) -> bool:
    """Return whether a file begins with the header of such a table."""
    return CELLS[0].encode() in head.partition(b"\n")[0]


def of_csv(file: str, text: str, job: Job) -> Iterator[Regions]:
    """Yield the regions of each image, with their lines; an image may have no regions."""
    table = csv.DictReader(io.StringIO(text, newline=""))
    found: dict[tuple[Any, Any], tuple[list[Any], list[int]]] = {}
    try:
        table.fieldnames = [name.lstrip("# ") for name in table.fieldnames or ()]
        if not {*NAMES} <= {*table.fieldnames}:
            raise Unusable("table that is not of VGG Image Annotator", 1, f"expected the columns {', '.join(NAMES)}")
        for row in table:
            regions, lines = found.setdefault((row["filename"], row.get("file_size")), ([], []))
            try:
                shape, attributes = (dict(json.loads(row[name] or "{}")) for name in CELLS)
            except FAULTS as error:
                job.skips.add(CELL, file, table.line_num, str(error))
                continue
            if shape:
                regions.append({"shape_attributes": shape, "region_attributes": attributes})
                lines.append(table.line_num)
    except csv.Error as error:
        raise Unusable("not a valid table", table.line_num, str(error)) from None
    for (name, _), (regions, lines) in found.items():
        yield Regions(str(name), regions, lines)
