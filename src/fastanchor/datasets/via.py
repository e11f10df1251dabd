"""VGG Image Annotator: JSON, an annotation file or a saved project, or CSV, of all versions; shapes in pixels.

Boxes are rectangles and the extents of polygons, circles and ellipses. Points and lines are counted and ignored. The
class is the region attribute with a usual name, or the only one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from fastanchor._reading import decoded
from fastanchor._text import many
from fastanchor._types import Remark
from fastanchor.datasets import _via_csv, _via_three
from fastanchor.datasets._json_files import inner, json_format, path_of
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import Image, Job, Source
from fastanchor.datasets._skips import Unusable, no_text, shown
from fastanchor.datasets._via_regions import Regions, image_of

__all__ = ["FORMAT"]

PROJECT = "_via_img_metadata"


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the images."""
    if _via_three.VIEWS in content:
        found = _via_three.of_project(content, file, job)
    else:
        found = _regions(content.get(PROJECT, content))
    return (image_of(one, job) for one in found)


def _regions(content: Mapping[str, Any]) -> Iterator[Regions]:
    for number, image in enumerate(content.values()):
        regions = image["regions"]
        regions = list(regions.values()) if isinstance(regions, Mapping) else regions  # the first version has an object
        yield Regions(str(image["filename"]), regions, inner(number, len(regions)))


def sniff(probe: Probe) -> Source | None:
    """Return the JSON files of such regions, else the CSV files."""
    tables = [file for file in probe.files(".csv") if probe.named or _is_table(probe.head(file))]
    found = JSON.sniff(probe) if probe.suffix != ".csv" else None
    if found is None or not tables:
        return found or (Source(tables) if tables else None)
    text = f"not read: {many(len(tables), 'CSV file')} of VGG Image Annotator ({shown(tables[0])}), beside JSON files"
    return found._replace(others=[Remark("labels of another format", text, len(tables))])


def _is_table(head: bytes) -> bool:
    return _via_csv.is_table(head) or _via_three.is_table(head)


def parse(file: str, data: bytes, job: Job) -> Iterable[Image]:
    """Return the images of a file."""
    if not file.lower().endswith(".csv"):
        assert JSON.parse is not None
        return JSON.parse(file, data, job)
    text = decoded(data)
    what = no_text(data, text)
    if what:
        raise Unusable(what, 1)
    of_csv = _via_three.of_csv if _via_three.is_table(data) else _via_csv.of_csv
    return [image_of(one, job) for one in of_csv(file, text, job)]


def _place(file: str, at: int) -> str | int:
    return at if file.lower().endswith(".csv") else path_of("image {}, regions[{}]")(file, at)


JSON = json_format(
    "via", "VGG Image Annotator (JSON or CSV with regions)", "VGG Image Annotator", images,
    tells=frozenset(("place", "class")), place=_place,
)  # fmt: skip
FORMAT = replace(JSON, sniff=sniff, parse=parse)
