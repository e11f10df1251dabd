"""``labels.cache``: labels and image sizes of a data set, cached by YOLO trainers.

YOLOv5, YOLOv7 and Ultralytics write pickles, which can run any program when loaded; nothing in them is run here
(:mod:`fastanchor.datasets._unpickle`). A cache has the labels of the time when it was written. Class names come from
a data.yaml in its folder or above.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.datasets import _unpickle
from fastanchor.datasets._data_yaml import above
from fastanchor.datasets._judge import blame, classed, is_number, within
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import Batch, Format, Job, Source
from fastanchor.datasets._skips import NO_CLASS, shown

__all__ = ["FORMAT", "image_sizes"]

NOT_IMAGES = ("hash", "results", "msgs", "version", "status")
UNKNOWN = (float("nan"),) * 2


def sniff(probe: Probe) -> Source | None:
    """Return a file with the ending .cache."""
    return Source([str(probe.path)]) if probe.suffix == ".cache" else None


def table(file: str, job: Job) -> Batch:
    """Return the images of a cache."""
    names, sizes, tables = [], [], []
    for name, size, rows in _entries(_unpickle.load(Path(file)), file):
        if rows is None:
            job.skips.add("image whose labels are not a table of boxes", file, None, name)
            continue
        names.append(name)
        sizes.append(_pair(size))
        tables.append(rows)
    rows = np.concatenate(tables) if tables else np.empty((0, 5))
    image = np.repeat(np.arange(len(tables)), list(map(len, tables)))
    batch = Batch(
        [file] * len(names), names, np.array(sizes, dtype=np.float64).reshape(-1, 2), image, rows[:, 1:], None, [],
        at=np.arange(len(rows)),
    )  # fmt: skip
    cls = rows[:, 0]
    whole = is_number(cls)
    if not whole.all():
        blame(NO_CLASS, ~whole, batch, FORMAT, job.skips)
        batch, cls = batch.take(whole), cls[whole]
    return classed(batch, cls, above(Path(file).parent)[0])


def image_sizes(path: Path) -> dict[str, tuple[float, float]]:
    """Return (width, height), pixels, of each image in a cache, by its name without folder and suffix."""
    pairs = ((name, _pair(size)) for name, size, _ in _entries(_unpickle.load(path), str(path)))
    found = {PureWindowsPath(name).stem: pair for name, pair in pairs}
    good = within(np.array(list(found.values())).reshape(-1, 2))
    return {name: pair for (name, pair), fine in zip(found.items(), good.tolist(), strict=True) if fine}


def place(file: str, row: int) -> str:
    """Return the image of a row, and the number of the row in the image."""
    for name, _, rows in _entries(_unpickle.load(Path(file)), file):
        if rows is not None:
            if row < len(rows):
                return f"{name}, row {row + 1}"
            row -= len(rows)
    return ""


def _entries(content: Any, path: str) -> Iterator[tuple[str, Any, FloatArray | None]]:
    """Yield image file, (width, height) and rows (n, 5) of class and box, in either of the two layouts."""
    unpacked = _unpickle.array(content)
    if unpacked is not None and unpacked.dtype == object and unpacked.size == 1:
        content = unpacked.item()
    if not isinstance(content, dict):
        raise DataError(f"{shown(path)}: not a valid labels.cache (no dictionary inside)")
    if isinstance(content.get("labels"), list):  # Ultralytics
        for item in content["labels"]:
            if isinstance(item, dict):
                size = item.get("shape")
                turned = tuple(reversed(size)) if isinstance(size, (list, tuple)) else size
                name = item.get("im_file")
                yield name if isinstance(name, str) else "", turned, _side_by_side(item.get("cls"), item.get("bboxes"))
        return
    for file, item in content.items():
        if isinstance(file, str) and isinstance(item, (list, tuple)) and len(item) >= 2 and file not in NOT_IMAGES:
            yield file, item[1], _table(item[0], 5)


def _table(value: Any, columns: int) -> FloatArray | None:
    rows = _unpickle.array(value)
    if rows is None or rows.dtype == object:
        return None
    if not rows.size:
        return np.empty((0, columns))
    return rows.astype(np.float64) if rows.ndim == 2 and rows.shape[1] == columns else None


def _side_by_side(classes: Any, boxes: Any) -> FloatArray | None:
    left, right = _table(classes, 1), _table(boxes, 4)
    return np.hstack([left, right]) if left is not None and right is not None and len(left) == len(right) else None


def _pair(value: Any) -> tuple[float, float]:
    size = _unpickle.array(value)
    return UNKNOWN if size is None or size.shape != (2,) or size.dtype == object else (float(size[0]), float(size[1]))


FORMAT = Format(
    "labels.cache",
    "labels.cache (the cache of a YOLO trainer)",
    sniff,
    table=table,
    form="cxcywh",
    unit="relative",
    tells=frozenset(("size", "place", "class")),
    place=place,
)
