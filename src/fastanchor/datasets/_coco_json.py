"""Decode COCO JSON: a typed way for files that follow the format, and a loose one for others."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.datasets._foreign import json_kind, json_of
from fastanchor.datasets._probe import HEAD
from fastanchor.datasets._record import CROWD, IGNORED, NOTHING, UNNAMED, Batch, Job, number_of
from fastanchor.datasets._skips import Skips, Unusable

__all__ = ["decode", "loose"]

DIGITS = 40  # longer texts of digits are names, not numbers


def decode(data: bytes, file: str, job: Job) -> Batch:
    """Return the columns of a file; the image of an annotation is -1 if it is not listed."""
    with _no_collection():
        found = _typed(data, file)
        return _loose(data, file, job) if found is None else found


def _batch(
    file: str, names: list[str], sizes: list[tuple[float, float]], classes: list[str], box: list[Any], image: IntArray,
    cls: IntArray, flags: Any, at: IntArray, areas: Callable[[], FloatArray],
) -> Batch:  # fmt: skip
    # a chain of tuples takes half the time of an array of tuples
    corners = np.fromiter(chain.from_iterable(box), np.float64, 4 * len(box)).reshape(-1, 4)
    # areas are slow to decode, and only needed if most boxes could be corners
    doubtful = np.count_nonzero((corners[:, 2] > corners[:, 0]) & (corners[:, 3] > corners[:, 1])) > len(corners) / 2
    return Batch(
        [file] * len(names), names, np.array(sizes, dtype=np.float64).reshape(-1, 2), image, corners, cls, classes,
        ordered=True, at=at, flags=np.asarray(flags, np.uint8),
        area=areas() if doubtful else np.full(len(corners), np.nan),
    )  # fmt: skip


# --- typed


@functools.cache
def _decoder() -> Any:
    """Return typed decoders and their exceptions; None if msgspec is not installed."""
    if importlib.util.find_spec("msgspec") is None:
        return None
    msgspec: Any = importlib.import_module("msgspec")
    number, switch = int | float, int | bool
    image = [("id", int), ("width", number, 0), ("height", number, 0), ("file_name", str, "")]
    annotation = [
        ("image_id", int), ("bbox", tuple[float, float, float, float]), ("category_id", int, -1),
        ("iscrowd", switch, 0), ("ignore", switch, 0),
    ]  # fmt: skip
    category = [("id", int), ("name", str, UNNAMED)]
    types: dict[str, Any] = {"images": image, "annotations": annotation, "categories": category}
    lists = [(name, list[msgspec.defstruct(name, fields, gc=False)]) for name, fields in types.items()]  # type: ignore[misc]
    whole = msgspec.defstruct("File", [*lists[:2], (*lists[2], [])])
    area: Any = msgspec.defstruct("area", [("area", number | None, None)], gc=False)
    areas = msgspec.defstruct("Areas", [("annotations", list[area])])
    decode = [msgspec.json.Decoder(one).decode for one in (whole, areas)]
    return *decode, (msgspec.MsgspecError, OverflowError, RecursionError, UnicodeDecodeError)


def _typed(data: bytes, file: str) -> Batch | None:
    """Decode a file that follows the format; return None otherwise."""
    found = _decoder()
    if found is None:
        return None
    whole, areas, refused = found
    try:
        content = whole(data)
    except refused:
        return None
    annotations = content.annotations
    images = {image.id: i for i, image in enumerate(content.images)}
    categories = {category.id: i for i, category in enumerate(content.categories)}
    if len(images) < len(content.images) or len(categories) < len(content.categories):
        return None  # ids given twice

    flags = np.zeros(len(annotations), np.uint8)
    for i in [i for i, one in enumerate(annotations) if one.iscrowd or one.ignore]:
        flags[i] = (annotations[i].iscrowd != 0) * CROWD + (annotations[i].ignore != 0) * IGNORED

    def told() -> FloatArray:
        try:
            return np.array([one.area for one in areas(data).annotations], dtype=np.float64)
        except refused:  # areas of other types are ignored
            return np.full(len(annotations), np.nan)

    try:
        return _batch(
            file,
            [image.file_name for image in content.images],
            [(image.width, image.height) for image in content.images],
            [category.name for category in content.categories],
            [a.bbox for a in annotations],
            _places([a.image_id for a in annotations], images),
            _places([a.category_id for a in annotations], categories),
            flags,
            np.arange(len(annotations)),
            told,
        )
    except OverflowError:  # sizes of hundreds of digits
        return None


def _places(ids: Sequence[Any], places: dict[Any, int]) -> IntArray:
    return np.fromiter(map(places.get, ids, repeat(-1)), np.int64, len(ids))


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Disable the garbage collector, which would scan millions of new objects again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


# --- loose


def _loose(data: bytes, file: str, job: Job) -> Batch:
    """Decode any JSON."""
    content = json_of(data)
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise Unusable("JSON file that is not COCO", None, json_kind(data[:HEAD], whole=True, valid=True))
    return loose(content, file, job)


def loose(content: Mapping[str, Any], file: str, job: Job) -> Batch:
    """Return the columns of decoded COCO, each annotation checked."""
    skips = job.skips
    images: dict[Any, int] = {}
    names: list[str] = []
    sizes: list[tuple[float, float]] = []
    for i, image in enumerate(_objects(content, "images", file, skips)):
        own = image.get("id")
        if _key(own) is None:
            skips.add("image without an id", file, f"images[{i}]")
        elif not _add(images, own, len(names)):
            skips.add("image id given twice", file, f"images[{i}]", f"id {own!r}")
        else:
            names.append(str(image.get("file_name") or ""))
            sizes.append((number_of(image.get("width")), number_of(image.get("height"))))
    categories: dict[Any, int] = {}
    labels: list[str] = []
    for category in _objects(content, "categories", file, skips):
        if _add(categories, category.get("id"), len(labels)):
            labels.append(str(category.get("name") or UNNAMED))
    rows: list[Sequence[float]] = []
    image_of, category_of, flags, index, areas = [], [], [], [], []
    for i, annotation in enumerate(content["annotations"]):
        if not isinstance(annotation, dict):
            skips.add("annotation that is not an object", file, f"annotations[{i}]")
            continue
        bbox = _bbox(annotation, job.options.form)
        if bbox is None:
            skips.add("annotation without a bbox or polygons", file, f"annotations[{i}]")
            continue
        rows.append(bbox)
        image_of.append(_of(images, annotation.get("image_id")))
        category_of.append(_of(categories, annotation.get("category_id")))
        flags.append(_switch(annotation.get("iscrowd")) * CROWD + _switch(annotation.get("ignore")) * IGNORED)
        areas.append(number_of(annotation.get("area")))
        index.append(i)
    return _batch(
        file, names, sizes, labels, rows, np.array(image_of, dtype=np.int64), np.array(category_of, dtype=np.int64),
        flags, np.array(index, dtype=np.int64), lambda: np.array(areas, dtype=np.float64),
    )  # fmt: skip


def _objects(content: Mapping[str, Any], name: str, file: str, skips: Skips) -> Iterator[dict[str, Any]]:
    given = content.get(name)
    for i, one in enumerate(given if isinstance(given, list) else []):
        if isinstance(one, dict):
            yield one
        else:
            skips.add(f"entry of {name} that is not an object", file, f"{name}[{i}]")


def _key(value: Any) -> Any:
    """Return an id for comparison: 7, 7.0 and "7" are equal."""
    if isinstance(value, str):
        value = value.strip()
        return int(value) if value.isdecimal() and len(value) < DIGITS else value
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _add(places: dict[Any, int], value: Any, place: int) -> bool:
    """Add an id, also in its other spelling, as "7" for 7; return False if it is invalid or known."""
    key = _key(value)
    own = isinstance(value, str), key
    if key is None or own in places:
        return False
    places[own] = place
    places.setdefault(key, place)
    return True


def _of(places: dict[Any, int], value: Any) -> int:
    """Return the place of an id, -1 if unknown."""
    key = _key(value)
    return places.get((isinstance(value, str), key), places.get(key, -1))


def _switch(value: Any) -> bool:
    return value.strip().lower() not in ("", "0", "false", "no") if isinstance(value, str) else bool(value)


def _bbox(annotation: dict[str, Any], form: str | None) -> Sequence[float] | None:
    """Return the four numbers of a box, NaN if unreadable; without a bbox those of the polygons; or None."""
    bbox = annotation.get("bbox")
    if bbox is None or bbox == []:
        polygons = annotation.get("segmentation")
        return _of_polygons(polygons, form) if isinstance(polygons, list) and polygons else None
    if not isinstance(bbox, (list, tuple)) or len(bbox) != 4:
        return NOTHING
    return list(map(number_of, bbox))


def _of_polygons(polygons: list[Any], form: str | None) -> Sequence[float]:
    try:
        points = np.array([value for polygon in polygons for value in polygon], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return NOTHING
    if points.size < 4 or points.size % 2:
        return NOTHING
    x, y = points[::2], points[1::2]
    left, top, right, bottom = (float(one) for one in (x.min(), y.min(), x.max(), y.max()))
    if form == "xyxy":
        return left, top, right, bottom
    half = 0.5 if form == "cxcywh" else 0.0
    return left + half * (right - left), top + half * (bottom - top), right - left, bottom - top
