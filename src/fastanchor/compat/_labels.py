"""Box sizes from the data set objects of training repositories."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import FloatArray, IntArray, PathLike
from fastanchor.boxes import Boxes
from fastanchor.datasets import detect, read

__all__ = ["Labelled", "gather", "read_training", "rounded"]


class Labelled(NamedTuple):
    """Box sizes (n, 2) in pixels of the network input, the image (n,) of each, and the number of images."""

    wh: FloatArray
    image: IntArray
    images: int


def gather(dataset: Any, img_size: Any, warn: Callable[[str], None]) -> Labelled:
    """Return the boxes of a data set, images scaled so that the longer side is `img_size` pixels.

    Parameters
    ----------
    dataset : object, Boxes or path
        An object with ``labels``, one (m, 5) array per image of class, x, y, width, height relative to the image, and
        ``shapes`` (images, 2), width and height; or Ultralytics' ``labels``, one dict per image. A path is read;
        of a data.yaml the split "train".
    img_size : int
        Side of the network input, pixels.
    warn : callable
        Called with one sentence about labels that were left out.

    Raises
    ------
    DataError
        If labels and shapes do not fit each other, or no label is left.
    """
    side = _check.integer(img_size, "img_size", least=1)
    if isinstance(dataset, (str, os.PathLike)):
        dataset = read_training(dataset, warn)
    if isinstance(dataset, Boxes):
        wh = dataset.scaled(side)
        image, images = dataset.image_index, len(dataset.image_wh)  # type: ignore[arg-type]
    else:
        relative, shapes, image = _columns(dataset)
        images = len(shapes)
        with np.errstate(invalid="ignore", divide="ignore"):
            scale = side * shapes / shapes.max(1, keepdims=True) if images else shapes
        wh = np.empty((len(relative), 2))
        for axis in (0, 1):
            np.multiply(relative[:, axis], scale[image, axis], out=wh[:, axis])
    keep = (np.isfinite(wh) & (wh >= 0.0)).all(1)
    lost = int(np.count_nonzero(~keep))
    if lost:
        warn(f"{lost} of {len(wh)} labels have a width or height that is NaN, infinite or negative: left out")
        wh, image = wh[keep], image[keep]  # type: ignore[index]
    if not len(wh):
        raise DataError("dataset: no label has a width and a height")
    return Labelled(wh, image, images)  # type: ignore[arg-type]


def read_training(path: PathLike, warn: Callable[[str], None], *, source_size: tuple[int, int] | None = None) -> Boxes:
    """Return the boxes that a model is trained on: the split "train" of a file that declares splits.

    `source_size` stands in for missing images; give it where only sizes relative to the image count.
    """
    declares = os.fsdecode(path).lower().endswith((".yaml", ".yml", ".data"))
    if source_size is not None and detect(path) != "yolo":
        source_size = None  # other formats contain the image sizes
    return read(path, split="train" if declares else "auto", report=warn, source_size=source_size)


def rounded(wh: FloatArray) -> FloatArray:
    """Return sizes rounded to single precision, in which the originals compute."""
    return wh.astype(np.float32).astype(np.float64)


def _columns(dataset: Any) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return relative sizes (n, 2), image sizes (m, 2) and the image (n,) of each box."""
    labels = getattr(dataset, "labels", None)
    if labels is None:
        expected = "must be an object with .labels and .shapes, or a path"
        raise DataError(f"dataset: {expected}; got {type(dataset).__name__}")
    labels = list(labels)
    if labels and isinstance(labels[0], dict):
        wrong = next((i for i, label in enumerate(labels) if not {"shape", "bboxes"} <= set(label)), None)
        if wrong is not None:
            raise DataError(f"dataset.labels[{wrong}]: needs 'shape' (height, width) and 'bboxes' (m, 4)")
        shapes = np.array([label["shape"][::-1] for label in labels], dtype=np.float64)
        rows, first = [label["bboxes"] for label in labels], 2
    else:
        if not hasattr(dataset, "shapes"):
            raise DataError(f"dataset: {type(dataset).__name__} has .labels but no .shapes (image sizes)")
        _check.unmasked(dataset.shapes, "dataset.shapes")
        shapes = np.asarray(dataset.shapes, dtype=np.float64)
        if shapes.size and (shapes.ndim != 2 or shapes.shape[1] != 2):
            raise DataError(f"dataset.shapes: got shape {shapes.shape}, expected (images, 2): widths and heights")
        rows, first = labels, 3
    shapes = shapes.reshape(-1, 2)
    if len(rows) != len(shapes):
        raise DataError(f"dataset: got {len(rows)} labels but {len(shapes)} shapes, expected one of each per image")
    for i, row in enumerate(rows):
        _check.unmasked(row, f"dataset.labels[{i}]")
    image = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    filled = [row for row in rows if len(row)]
    if not filled:
        return np.empty((0, 2)), shapes, image
    try:
        joined = np.concatenate(filled)
    except ValueError as error:
        raise DataError(f"dataset.labels: expected arrays with the same number of columns ({error})") from None
    if joined.ndim != 2 or joined.shape[1] < first + 2:
        raise DataError(f"dataset.labels: got {joined.shape[-1]} columns, expected {first + 2} or more")
    return joined[:, first : first + 2].astype(np.float64), shapes, image
