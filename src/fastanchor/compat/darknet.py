"""Stand-in for Darknet's ``detector calc_anchors``: k-means with means under ``1 - IoU``, and the text it prints.

Darknet draws its first boxes by the clock, so no two of its runs are alike; here they follow from `seed`. From the same
first boxes both end at the same anchors, to the rounding of Darknet's single precision. Darknet leaves a centre that
lost its boxes where it is; here it moves to the box that fits its centre worst.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastanchor import _check
from fastanchor._check import Called
from fastanchor._errors import DataError
from fastanchor._output import whole
from fastanchor._types import FloatArray, IntArray
from fastanchor.boxes import Boxes
from fastanchor.cluster import clustered
from fastanchor.compat._autoanchor import by_area
from fastanchor.compat._labels import read_training
from fastanchor.compat._repository import say

__all__ = ["calc_anchors"]

MOST = 1000  # updates in a run
CELLS = 32  # up to this width sizes are YOLOv2's grid cells, shown with four decimals


def calc_anchors(
    data: Any,
    num_of_clusters: int = 5,
    width: int = -1,
    height: int = -1,
    *,
    seed: int | None = None,
    out: str | os.PathLike[str] | None = None,
) -> FloatArray:
    """Print and return anchors for a network of `width` x `height`, images stretched to it.

    Parameters
    ----------
    data : path, Boxes or (n, 2) array-like
        Labels to read, boxes with image sizes, or widths and heights relative to the image (0 to 1). Of a ``.data`` or
        ``data.yaml`` file the images under train, as Darknet does.
    num_of_clusters : int, default 5
        Number of anchors.
    width, height : int
        Of the network input, pixels; both have to be given.
    seed : int, optional
        Same seed, same anchors.
    out : path-like, optional
        Folder for ``anchors.txt`` and, where classes are known, ``counters_per_class.txt``; Darknet writes them into
        the working folder. Default: none is written.

    Returns
    -------
    (num_of_clusters, 2) float64
        Widths and heights in pixels of the network input, smallest area first.

    Raises
    ------
    DataError
        If an argument breaks a rule or there are fewer distinct boxes than clusters.

    Examples
    --------
    >>> wh = [[0.1, 0.1], [0.12, 0.1], [0.5, 0.6], [0.5, 0.7]]
    >>> anchors = calc_anchors(wh, 2, 416, 416, seed=0)  # doctest: +NORMALIZE_WHITESPACE
     num_of_clusters = 2, width = 416, height = 416
     read labels from 4 boxes
     all loaded.
     calculating k-means++ ...
     iterations = 2
     avg IoU = 91.94 %
    anchors =  46, 42, 208,270
    """
    if width == -1 or height == -1:
        raise DataError("width and height: both are needed, the size of the network input in pixels")
    size = _check.integer(width, "width", least=1), _check.integer(height, "height", least=1)
    k = _check.integer(num_of_clusters, "num_of_clusters", least=1)
    print(f"\n num_of_clusters = {k}, width = {width}, height = {height} ")
    found_in = _sizes(data, size)
    print(f" read labels from {found_in.source} ")
    if found_in.images:
        print(f"\r loaded \t image: {found_in.images} \t box: {len(found_in.wh)}", end="")
    print("\n all loaded. ")
    print("\n calculating k-means++ ...")  # Darknet says so; like it, this starts from random boxes
    named = Called("data", "num_of_clusters")
    found = clustered(found_in.wh, k, update="mean", max_iter=MOST, rng=seed, progress=False, named=named)
    anchors = by_area(found.centers, stable=True)
    print(f"\n iterations = {found.n_iter if k > 1 else 0} \n")  # a single mean is no round for Darknet
    if found_in.counters is not None:
        print(f"\ncounters_per_class = {_joined(found_in.counters)}")
    print(f"\n avg IoU = {found.mean_iou * 100:2.2f} % ")
    form = "{:2.4f},{:2.4f}" if size[0] <= CELLS else "{:3.0f},{:3.0f}"
    text = ", ".join(form.format(w, h) for w, h in anchors.tolist())
    if out is not None:
        _write(Path(os.fsdecode(out)), text, found_in.counters)
    print(f"anchors = {text}")
    return anchors


class _Found(NamedTuple):
    """Sizes (n, 2) in pixels of the network input, where they are from, images read, and the boxes of each class."""

    wh: FloatArray
    source: str
    images: int
    counters: IntArray | None


def _sizes(data: Any, size: tuple[int, int]) -> _Found:
    if isinstance(data, (str, os.PathLike)):
        data = read_training(data, say, source_size=size)  # stretched, so it takes no part
    if isinstance(data, Boxes):
        counters = None
        if data.class_index is not None:
            counters = np.bincount(data.class_index, minlength=len(data.class_names))
        images = 0 if data.image_wh is None else len(data.image_wh)
        return _Found(data.scaled(size, fit="stretch"), f"{images} images", images, counters)
    relative = _check.as_sizes(data, "data", "relative to the image, 0 to 1")
    if relative.max() > 1.0:
        row = int((relative > 1.0).any(1).argmax())
        raise DataError(
            f"data[{row}] = {tuple(relative[row].tolist())}: sizes must be relative to the image, at most 1"
        )
    return _Found(relative * np.array(size, dtype=np.float64), f"{len(relative)} boxes", 0, None)


def _write(folder: Path, text: str, counters: IntArray | None) -> None:
    files = {"anchors.txt": text}
    if counters is not None:
        files["counters_per_class.txt"] = f"counters_per_class = {_joined(counters)}"
    for name, content in files.items():
        with whole(folder / name) as path:
            path.write_text(content, encoding="utf-8")
    print(f"\nSaving anchors to the file: {folder / 'anchors.txt'} ")


def _joined(counters: IntArray) -> str:
    return ", ".join(map(str, counters.tolist()))
