"""Labelbox: the export as NDJSON or JSON, the older JSON export, and NDJSON of single annotations. Boxes in pixels.

Boxes are bounding boxes and the extents of polygons; points, lines and masks, which are at an address, are counted and
ignored. Of several labels of an image in a project the first counts. Videos are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastanchor.datasets._json_files import extent, inner, json_format, of_sides, path_of
from fastanchor.datasets._record import Image, Job, number_of
from fastanchor.datasets._skips import FURTHER

__all__ = ["FORMAT"]

SIDES = ("left", "top", "width", "height")
POLYGON = "polygon"
AREAS = ("bounding_box", "bbox", POLYGON)
KINDS = (*AREAS, "mask", "point", "line", "instanceURI")

Objects = Sequence[Mapping[str, Any]]


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the images."""
    single: dict[str, tuple[list[int], list[Any]]] = {}
    rows = enumerate(content if isinstance(content, list) else [content], start=1)
    for number, row in ((number, row) for number, row in rows if row is not None):  # None is a blank line
        if "dataRow" in row:  # an annotation
            places, objects = single.setdefault(str(row["dataRow"].get("globalKey") or row["dataRow"]["id"]), ([], []))
            places += inner(number, 1)
            objects.append(row)
        elif _is_video(row):
            job.skips.note("video, which is not read")
        elif found := _exported(row, job) if "projects" in row else _older(row, job):
            yield _image(*found, inner(number, len(found[2])), job)
    for name, (places, objects) in single.items():
        yield _image(name, None, objects, places, job)


def _is_video(row: Mapping[str, Any]) -> bool:
    """Return whether a row has frames: a list of them, or those of each label."""
    labels = [label["annotations"] for project in row.get("projects", {}).values() for label in project["labels"]]
    return any(isinstance(one, list) or "frames" in one for one in (*labels, row.get("Label") or {}))


def _exported(row: Mapping[str, Any], job: Job) -> tuple[str, tuple[float, float] | None, Objects]:
    data, facts, objects = row["data_row"], row.get("media_attributes") or {}, list[Any]()
    for project in row["projects"].values():
        labels = project["labels"]
        job.skips.leave(FURTHER, max(len(labels) - 1, 0))
        objects += [one for label in labels[:1] for one in label["annotations"].get("objects") or ()]
    name = data.get("external_id") or data.get("global_key") or data.get("row_data") or data["id"]
    return str(name), (number_of(facts.get("width")), number_of(facts.get("height"))), objects


def _older(row: Mapping[str, Any], job: Job) -> tuple[str, None, Objects] | None:
    label = row["Label"]
    if not isinstance(label, Mapping):  # "Skip"
        job.skips.leave("image that was left out in Labelbox")
        return None
    objects = label.get("objects")
    if objects is None:  # the first version: shapes by class
        objects = [{"title": name, "polygon": one["geometry"]} for name, some in label.items()
                   if isinstance(some, list) for one in some if "geometry" in one]  # fmt: skip
    return str(row.get("External ID") or row["Labeled Data"]), None, objects


def _image(name: str, size: tuple[float, float] | None, objects: Objects, places: Sequence[int], job: Job) -> Image:
    box: list[float] = []
    classes, at = [], []
    for place, one in zip(places, objects, strict=True):
        kind = next((key for key in KINDS if one.get(key) is not None), "classification")
        if kind not in AREAS:
            job.skips.no_box("mask" if kind == "instanceURI" else kind)
            continue
        shape = one[kind]
        box += extent(shape, "x", "y") if kind == POLYGON else of_sides(shape[key] for key in SIDES)
        classes.append(str(one.get("name") or one.get("title") or one.get("value") or ""))
        at.append(place)
    return Image(name, size, box, classes, at)


FORMAT = json_format(
    "labelbox", "Labelbox (JSON or NDJSON)", "Labelbox", images, lines=True, tells=frozenset(("place", "class")),
    place=path_of("row {}, object {}"),
)  # fmt: skip
