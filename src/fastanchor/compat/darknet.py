"""Stand-in for Darknet's ``detector calc_anchors``: k-means with means under ``1 - IoU``, and the text it prints.

Darknet draws its first boxes by the clock, so its runs differ; here they follow from `seed`. From the same first boxes
both return the same anchors, up to the rounding of Darknet's single precision. Darknet leaves a centre without boxes
where it is; here it moves to the box farthest from all centres.
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
CELLS = 32  # up to this width sizes are in grid cells of YOLOv2, printed with four decimals


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
        ``data.yaml`` file the split "train", as in Darknet.
    num_of_clusters : int, default 5
        Number of anchors.
    width, height : int
        Of the network input, pixels; both are required.
    seed : int, optional
        Same seed, same anchors.
    out : path-like, optional
        Folder for ``anchors.txt`` and, where classes are known, ``counters_per_class.txt``; Darknet writes them into
        the working folder. By default no file is written.

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
        raise DataError(f"width and height: expected the size of the network input in pixels, got {width} and {height}")
    size = _check.integer(width, "width", least=1), _check.integer(height, "height", least=1)
    k = _check.integer(num_of_clusters, "num_of_clusters", least=1)
    print(f"\n num_of_clusters = {k}, width = {width}, height = {height} ")
    given = _sizes(data, size)
    print(f" read labels from {given.source} ")
    if given.images:
        print(f"\r loaded \t image: {given.images} \t box: {len(given.wh)}", end="")
    print("\n all loaded. ")
    print("\n calculating k-means++ ...")  # as Darknet prints, which also starts from random boxes
    named = Called("data", "num_of_clusters")
    result = clustered(given.wh, k, update="mean", max_iter=MOST, rng=seed, progress=False, named=named)
    anchors = by_area(result.centers, stable=True)
    print(f"\n iterations = {result.n_iter if k > 1 else 0} \n")  # Darknet does not count a single mean
    if given.counters is not None:
        print(f"\ncounters_per_class = {_joined(given.counters)}")
    print(f"\n avg IoU = {result.mean_iou * 100:2.2f} % ")
    form = "{:2.4f},{:2.4f}" if size[0] <= CELLS else "{:3.0f},{:3.0f}"
    text = ", ".join(form.format(w, h) for w, h in anchors.tolist())
    if out is not None:
        _write(Path(os.fsdecode(out)), text, given.counters)
    print(f"anchors = {text}")
    return anchors


class _Given(NamedTuple):
    """Sizes (n, 2) in pixels of the network input, their source, number of images, and boxes per class."""

    wh: FloatArray
    source: str
    images: int
    counters: IntArray | None


def _sizes(data: Any, size: tuple[int, int]) -> _Given:
    if isinstance(data, (str, os.PathLike)):
        data = read_training(data, say, source_size=size)  # images are stretched, so their size is not used
    if isinstance(data, Boxes):
        counters = None
        if data.class_index is not None:
            counters = np.bincount(data.class_index, minlength=len(data.class_names))
        images = 0 if data.image_wh is None else len(data.image_wh)
        return _Given(data.scaled(size, fit="stretch"), f"{images} images", images, counters)
    relative = _check.as_sizes(data, "data", "relative to the image, 0 to 1")
    if relative.max() > 1.0:
        row = int((relative > 1.0).any(1).argmax())
        raise DataError(
            f"data[{row}] = {tuple(relative[row].tolist())}: sizes must be relative to the image, at most 1"
        )
    return _Given(relative * np.array(size, dtype=np.float64), f"{len(relative)} boxes", 0, None)


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
