"""Open Images CSV: ``ImageID, ..., LabelName, ..., XMin, XMax, YMin, YMax, ...``, one box per line.

A dialect of tables: coordinates are relative to the image, or pixels if most boxes extend beyond 2. Image sizes come
from the images, else from a table ``ImageID, Width, Height`` beside the file ("size" or "image" in its name), else from
`source_size`; otherwise all images are squares of side 1. ``width = XMax - XMin``. Boxes marked ``IsGroupOf`` are
ignored and counted unless `crowd` is set.
"""

from __future__ import annotations

from fastanchor._frame import key
from fastanchor.datasets._columns import place
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import Format, Source
from fastanchor.datasets._roles import CORNERS
from fastanchor.datasets._skips import Unusable
from fastanchor.datasets.table import sheet_of, sizes_beside, table

__all__ = ["FORMAT"]

COLUMNS = frozenset(("imageid", *CORNERS[0]))


def sniff(probe: Probe) -> Source | None:
    """Return the CSV files with the columns of Open Images."""
    files = [file for file in probe.files(".csv") if _has_columns(file, probe)]
    return Source(files) if files else None


def _has_columns(file: str, probe: Probe) -> bool:
    first = probe.head(file).lstrip().partition(b"\n")[0].lower()
    if b"imageid" not in first:  # quick check
        return False
    try:
        return set(map(key, sheet_of(file, probe).columns)) >= COLUMNS
    except (Unusable, OSError):
        return False


FORMAT = Format(
    "openimages",
    "Open Images (CSV with the columns ImageID, XMin, XMax, YMin and YMax)",
    sniff,
    table=table,
    unit="either",
    tells=frozenset(("place", "class", "crowd")),
    options=frozenset(("crowd", "unit", "form")),
    place=place,
    sizes=sizes_beside,
)
