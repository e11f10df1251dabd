"""``read_voc`` of the tutorial script: the input of ``auto_anchor``, and five lines of statistics."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import FloatArray, IntArray, PathLike
from fastanchor.boxes import Boxes
from fastanchor.compat._repository import say
from fastanchor.datasets import read

__all__ = ["read_voc"]


def read_voc(
    path: PathLike, image_path: PathLike | None = None, show_num: int = 0, *, classes: Iterable[str] = ()
) -> tuple[FloatArray, list[FloatArray]]:
    """Return the sizes of the images and, one array per image, of their boxes, for :func:`auto_anchor`.

    Prints the script's five lines: files, mean size of the images, mean size of the boxes, smallest and largest area,
    boxes per class.

    Parameters
    ----------
    path : path-like
        Folder of Pascal VOC XML files, or anything else that :func:`fastanchor.read` reads.
    image_path : path-like, optional
        Folder of the images. The script's second argument; it is not needed here.
    show_num : int, default 0
        The script opens a window for each of the first images. This function does not, and says so on stderr.
    classes : iterable of str, optional
        Names to count first, in this order; a name without boxes counts 0. The script has them in its source.

    Returns
    -------
    img_wh : (images, 2) float64
        Widths and heights, pixels. Images of a folder of XML files come in the order of ``os.walk``, as in the script.
    bbox_wh : list of (m, 2) float64
        Widths and heights relative to the image, 0 to 1. Images without a box are left out of both.

    Raises
    ------
    DataError
        If nothing can be read, or the labels have no image sizes.
    """
    shown = _check.integer(show_num, "show_num", least=0)
    known = _names(classes)
    boxes = read(path)
    if boxes.image_wh is None or boxes.image_index is None:
        raise DataError(f"{os.fspath(path)!s}: the labels have no image sizes")
    if shown:
        say(f"show_num = {shown}: no window is opened; `fastanchor show` writes pictures of the boxes to files")
    _print(boxes, known)
    relative = boxes.wh / boxes.image_wh[boxes.image_index]
    order = np.argsort(boxes.image_index, kind="stable")
    ends = np.cumsum(np.bincount(boxes.image_index, minlength=len(boxes.image_wh)))
    per_image = np.split(relative[order], ends[:-1])
    filled = [i for i in _walked(Path(os.fsdecode(path)), len(per_image)).tolist() if len(per_image[i])]
    return boxes.image_wh[filled], [per_image[i] for i in filled]


def _names(classes: Iterable[str]) -> list[str]:
    names = [classes] if isinstance(classes, str) else list(classes)
    wrong = next((name for name in names if not isinstance(name, str)), None)
    if wrong is not None:
        raise DataError(f"classes: got {wrong!r}, expected names of classes")
    return names


def _print(boxes: Boxes, classes: Iterable[str]) -> None:
    summary = boxes.summary()
    counts = dict.fromkeys(classes, 0) | summary.per_class
    smallest, largest = (_plain(area) for area in (summary.smallest_area, summary.largest_area))
    (width, height), (box_width, box_height) = summary.mean_image, summary.mean_box
    print(f"total train num is: {summary.images}")
    print(f"avg total_width is {width}, avg total_height is {height}")
    print(f"avg bbox width is {box_width}, avg bbox height is {box_height} ")
    print(f"min bbox size is {smallest}, max bbox size is {largest}")
    print("class_static show below:", counts)


def _plain(area: float) -> Any:
    return int(area) if area.is_integer() else area


def _walked(path: Path, images: int) -> IntArray:
    """Return the rows of the images in the order in which ``os.walk`` lists their files; the reader sorts them."""
    names: list[str] = next((files for _, _, files in os.walk(path)), [])
    if len(names) != images or not all(name.lower().endswith(".xml") for name in names):
        return np.arange(images)  # not a plain folder of XML files, or some could not be read
    return np.argsort(np.array(names, dtype=object), kind="stable").argsort()
