"""COCO JSON to columns: a fast way for files that keep to the format, and a loose one for all others."""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import importlib.util
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._types import FloatArray, IntArray
from fastanchor.datasets._records import Skips, shown

__all__ = ["UNNAMED", "Table", "decode"]

UNNAMED = "unnamed"
DIGITS = 40  # longer texts of digits are names, not numbers


class Table(NamedTuple):
    """What a file holds, as columns; image and category are positions, -1 where there is none."""

    names: list[str]
    sizes: FloatArray
    categories: list[str]
    bbox: FloatArray
    image: IntArray
    category: IntArray
    flags: NDArray[np.uint8]  # 1: crowd, 2: ignore
    row: IntArray  # where each annotation stands in the file


def decode(data: bytes, file: Path, skips: Skips) -> Table:
    """Return the columns of a file.

    Raises
    ------
    DataError
        If it is no JSON or no COCO file.
    """
    with _no_collection():
        found = _typed(data)
        return _loose(data, file, skips) if found is None else found


# --- the fast way


@functools.cache
def _decoder() -> Any:
    """Return a typed decoder and what it raises, or None where msgspec is not installed."""
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
    return msgspec.json.Decoder(whole), (msgspec.MsgspecError, RecursionError, UnicodeDecodeError)


def _typed(data: bytes) -> Table | None:
    """Decode a file that keeps to the format; None leaves it to the loose way."""
    found = _decoder()
    if found is None:
        return None
    decoder, refused = found
    try:
        file = decoder.decode(data)
    except refused:
        return None
    annotations = file.annotations
    n = len(annotations)
    images = {image.id: i for i, image in enumerate(file.images)}
    categories = {category.id: i for i, category in enumerate(file.categories)}
    if len(images) < len(file.images) or len(categories) < len(file.categories):
        return None  # ids given twice
    return Table(
        names=[image.file_name for image in file.images],
        sizes=np.array([(image.width, image.height) for image in file.images], dtype=np.float64).reshape(-1, 2),
        categories=[category.name for category in file.categories],
        bbox=np.array([a.bbox for a in annotations], dtype=np.float64).reshape(-1, 4),
        image=_places([a.image_id for a in annotations], images),
        category=_places([a.category_id for a in annotations], categories),
        flags=np.fromiter(((a.iscrowd != 0) | ((a.ignore != 0) << 1) for a in annotations), np.uint8, n),
        row=np.arange(n),
    )


def _places(ids: Sequence[Any], places: dict[Any, int]) -> IntArray:
    get = places.get
    return np.fromiter((get(one, -1) for one in ids), np.int64, len(ids))


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the cyclic collector off: while a million dicts are made it would look through them all, again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


# --- the loose way


def _loose(data: bytes, file: Path, skips: Skips) -> Table:
    """Decode any JSON, and take of its annotations what is one."""
    content = _json(data, file)
    if isinstance(content, list):
        raise DataError(
            f"{shown(file)}: is a list, as detection results are; a COCO file is an object with images and annotations"
        )
    if not isinstance(content, dict) or not isinstance(content.get("annotations"), list):
        raise DataError(f"{shown(file)}: has no list of annotations, so it is no COCO file")
    images = _Places()
    names: list[str] = []
    sizes: list[tuple[float, float]] = []
    for i, image in enumerate(_objects(content, "images", file, skips)):
        own = image.get("id")
        if _key(own) is None:
            skips.add("image without an id", file, None, f"images[{i}]")
        elif not images.add(own, len(names)):
            skips.add("image id given twice", file, None, f"images[{i}], id {own!r}")
        else:
            names.append(str(image.get("file_name") or ""))
            sizes.append((_number(image.get("width")), _number(image.get("height"))))
    categories = _Places()
    labels: list[str] = []
    for category in _objects(content, "categories", file, skips):
        if categories.add(category.get("id"), len(labels)):
            labels.append(str(category.get("name") or UNNAMED))
    rows: list[tuple[float, float, float, float]] = []
    image_of, category_of, flags, index = [], [], [], []
    for i, annotation in enumerate(content["annotations"]):
        if not isinstance(annotation, dict):
            skips.add("annotation that is no object", file, None, f"annotations[{i}]")
            continue
        bbox, fault = _bbox(annotation)
        if bbox is None:
            skips.add(fault, file, None, f"annotations[{i}]")
            continue
        rows.append(bbox)
        image_of.append(images.of(annotation.get("image_id")))
        category_of.append(categories.of(annotation.get("category_id")))
        flags.append(_switch(annotation.get("iscrowd")) | _switch(annotation.get("ignore")) << 1)
        index.append(i)
    return Table(
        names, np.array(sizes, dtype=np.float64).reshape(-1, 2), labels,
        np.array(rows, dtype=np.float64).reshape(-1, 4), np.array(image_of, dtype=np.int64),
        np.array(category_of, dtype=np.int64), np.array(flags, dtype=np.uint8), np.array(index, dtype=np.int64),
    )  # fmt: skip


def _json(data: bytes, file: Path) -> Any:
    start = data[:200].lstrip(b"\xef\xbb\xbf \r\n\t")
    if start[:1] == b"<":
        raise DataError(f"{shown(file)}: is an HTML or XML page, not JSON")
    if start.startswith(b"version https://git-lfs"):
        raise DataError(f"{shown(file)}: is a pointer of Git LFS; fetch the file itself")
    try:
        return json.loads(data.decode(json.detect_encoding(data)))
    except json.JSONDecodeError as error:
        raise DataError(f"{shown(file)}, line {error.lineno}: is no JSON ({error.msg})") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{shown(file)}: is no JSON (byte {error.start}: {error.reason})") from None
    except RecursionError:
        raise DataError(f"{shown(file)}: is nested too deeply to be a COCO file") from None
    except ValueError:
        raise DataError(f"{shown(file)}: is no usable JSON (a number of thousands of digits)") from None


def _objects(content: dict[str, Any], name: str, file: Path, skips: Skips) -> Iterator[dict[str, Any]]:
    given = content.get(name)
    for i, one in enumerate(given if isinstance(given, list) else []):
        if isinstance(one, dict):
            yield one
        else:
            skips.add(f"entry of {name} that is no object", file, None, f"{name}[{i}]")


def _key(value: Any) -> Any:
    """Return an id as it is compared: 7, 7.0 and "7" are one."""
    if isinstance(value, str):
        value = value.strip()
        return int(value) if value.isdecimal() and len(value) < DIGITS else value
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


class _Places:
    """Where ids stand: first the very id, then one that is written otherwise, as "7" for 7."""

    def __init__(self) -> None:
        self._own: dict[tuple[bool, Any], int] = {}
        self._like: dict[Any, int] = {}

    def add(self, value: Any, place: int) -> bool:
        """Remember an id; False if it is none, or known."""
        key = _key(value)
        own = isinstance(value, str), key
        if key is None or own in self._own:
            return False
        self._own[own] = place
        self._like.setdefault(key, place)
        return True

    def of(self, value: Any) -> int:
        """Return the place of an id, -1 if it has none."""
        key = _key(value)
        place = self._own.get((isinstance(value, str), key))
        return self._like.get(key, -1) if place is None else place


def _switch(value: Any) -> bool:
    return value.strip().lower() not in ("", "0", "false", "no") if isinstance(value, str) else bool(value)


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return float("nan")


def _bbox(annotation: dict[str, Any]) -> tuple[tuple[float, float, float, float] | None, str]:
    """Return left, top, width, height, from the polygons where there is no bbox; or None and why."""
    bbox = annotation.get("bbox")
    if bbox is None or bbox == []:
        return _of_polygons(annotation.get("segmentation"))
    if not isinstance(bbox, list) or len(bbox) != 4:
        return None, "bbox that is not four numbers"
    if any(value is None or isinstance(value, (bool, list, dict)) for value in bbox):
        return None, "bbox that is not four numbers"
    left, top, width, height = map(_number, bbox)
    return (left, top, width, height), ""


def _of_polygons(polygons: Any) -> tuple[tuple[float, float, float, float] | None, str]:
    if not isinstance(polygons, list) or not polygons:
        return None, "annotation without a bbox or polygons"
    try:
        points = np.array([value for polygon in polygons for value in polygon], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return None, "annotation without a bbox and with unreadable polygons"
    if points.size < 4 or points.size % 2:
        return None, "annotation without a bbox and with unreadable polygons"
    x, y = points[::2], points[1::2]
    return (float(x.min()), float(y.min()), float(np.ptp(x)), float(np.ptp(y))), ""
