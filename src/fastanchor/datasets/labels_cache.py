"""``labels.cache``: what YOLO trainers remember of a data set, with the sizes of its images.

YOLOv5, YOLOv7 and Ultralytics write pickles, which are programs when read by the ordinary means; here nothing in them
is run (:mod:`fastanchor.datasets._unpickle`). A cache holds what the labels were when it was written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._errors import DataError
from fastanchor._reading import is_file
from fastanchor._types import FloatArray, Progress
from fastanchor.boxes import Boxes
from fastanchor.datasets import _unpickle, _yolo_files
from fastanchor.datasets._records import ImageAnnotation, Skips, shown

__all__ = ["detect", "image_sizes", "iter_images", "read"]

NOT_IMAGES = ("hash", "results", "msgs", "version", "status")


def read(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress = None,
) -> Boxes:
    """Return the boxes that a ``labels.cache`` remembers.

    Parameters
    ----------
    path : path-like
        The cache file. Class names come from the data.yaml beside it or above, if there is one.
    split : None
        A cache is one part of a data set and has no parts.
    strict : bool, default False
        Raise at the first image or box that would be skipped.
    report : callable, optional
        Called with one sentence for each of the first five things skipped.
    progress : bool, callable or None
        Not used: a cache is read at once.

    Raises
    ------
    DataError
        If the file is no such cache, names anything but arrays and texts, or holds no image.
    """
    skips = Skips(strict=strict, report=report)
    images = list(_images(Path(path), split, skips))
    boxes = np.concatenate([image.box for image in images])
    counts = [len(image.box) for image in images]
    sizes = np.array([image.size for image in images], dtype=np.float64)
    index = np.repeat(np.arange(len(images)), counts)
    classes = np.concatenate([image.classes for image in images]).astype(np.int64)
    return Boxes(
        boxes[:, 2:] * sizes[index],
        image_index=index,
        image_wh=sizes,
        class_index=classes,
        class_names=_names(Path(path), int(classes.max(initial=-1)) + 1),
        skipped=skips.counts,
    )


def iter_images(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
) -> Iterator[ImageAnnotation]:
    """Yield the images of a cache with their rectangles, in the order of :func:`read`.

    Parameters are those of :func:`read`.

    Raises
    ------
    DataError
        If the file is no such cache, names anything but arrays and texts, or holds no image.
    """
    images = list(_images(Path(path), split, Skips(strict=strict, report=report)))
    names = _names(Path(path), 1 + max((int(i.classes.max(initial=-1)) for i in images), default=-1))
    for image in images:
        half = image.box[:, 2:] / 2.0
        there = Path(image.file)
        yield ImageAnnotation(
            name=_stem(image.file),
            image_path=there if is_file(there) else None,
            width=image.size[0],
            height=image.size[1],
            boxes=np.hstack([image.box[:, :2] - half, image.box[:, :2] + half]) * np.tile(image.size, 2),
            classes=tuple(names[c] for c in image.classes.tolist()),
        )


def detect(path: Path) -> bool:
    """Return whether `path` is called as these caches are."""
    return is_file(path) and path.suffix.lower() == ".cache"


def image_sizes(path: Path) -> dict[str, tuple[float, float]]:
    """Return the (width, height) in pixels of each image in a cache, by its name without folder and suffix."""
    return {_stem(image.file): image.size for image in _images(path, None, Skips())}


class _Image(NamedTuple):
    file: str
    size: tuple[float, float]
    box: FloatArray
    classes: FloatArray


def _images(path: Path, split: str | None, skips: Skips) -> Iterator[_Image]:
    if split is not None:
        raise DataError(f"{shown(path)}: is one part of a data set, so it has no split {split!r}")
    count = 0
    for file, size, rows in _entries(_unpickle.load(path), path):
        checked = _checked_size(size)
        if checked is None:
            skips.add("image size missing", path, None, file)
        elif rows is None:
            skips.add("image whose labels are no table of boxes", path, None, file)
        else:
            good = (np.isfinite(rows).all(1) & (rows[:, 3:] > 0.0).all(1) & (np.abs(rows[:, 3:]) < MAX_SIDE).all(1)) & (
                (rows[:, 0] >= 0) & (rows[:, 0] < 2**31) & (rows[:, 0] == np.floor(rows[:, 0]))
            )
            for row in rows[~good]:
                skips.add("box with impossible values", path, None, f"{file}: {row.tolist()}")
            count += 1
            yield _Image(file, checked, rows[good, 1:], rows[good, 0].astype(np.int64))
    if not count:
        raise DataError(
            f"{shown(path)}: holds no image with labels" + (f"; the first: {skips.first}" * bool(skips.first))
        )


def _entries(content: Any, path: Path) -> Iterator[tuple[str, Any, FloatArray | None]]:
    """Yield image file, (width, height) and rows (n, 5) of class and box, in either of the two layouts."""
    unpacked = _unpickle.array(content)
    if unpacked is not None and unpacked.dtype == object and unpacked.size == 1:
        content = unpacked.item()
    if not isinstance(content, dict):
        raise DataError(f"{shown(path)}: is no cache of labels (no mapping inside)")
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


def _checked_size(value: Any) -> tuple[float, float] | None:
    size = _unpickle.array(value)
    if size is None or size.shape != (2,) or size.dtype == object:
        return None
    width, height = map(float, size)
    return (width, height) if MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE else None


def _names(path: Path, count: int) -> tuple[str, ...]:
    """Return names for at least `count` classes."""
    names = _yolo_files.names_above(path) or ()
    return (*names, *map(str, range(len(names), count)))


def _stem(file: str) -> str:
    name = file.replace("\\", "/").rpartition("/")[2]
    return name.rpartition(".")[0] or name
