"""COCO JSON, and what is written like it: LVIS, Objects365, TACO, Roboflow exports.

``bbox`` is left, top, width, height in pixels. Where msgspec is installed and the file keeps to the format, only the
fields that matter are decoded, and typed; every other file goes through the standard library, which takes NaN, a byte
order mark and ids of any kind, and whose annotations are then looked at one by one. Both ways give the same boxes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._progress import bar
from fastanchor._reading import content, head_of, is_file
from fastanchor._types import PathLike, Progress
from fastanchor.boxes import Boxes, concatenated
from fastanchor.datasets._coco_json import UNNAMED, Table, decode
from fastanchor.datasets._images import ImageFinder
from fastanchor.datasets._records import ImageAnnotation, Skips, shown
from fastanchor.datasets._sizes import ImageSizes

__all__ = ["OPTIONS", "detect", "iter_images", "read"]

OPTIONS = ("source_size", "size_cache", "crowd")
HEAD = 1 << 16  # bytes that detection reads
NAMED = 5  # annotations whose place may be named; more are only counted
CROWD, IGNORED = "annotation of a crowd (iscrowd)", "annotation marked ignore"


def read(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress = None,
    source_size: tuple[int, int] | None = None,
    size_cache: PathLike | None = None,
    crowd: bool = False,
) -> Boxes:
    """Return the boxes of a COCO file.

    Parameters
    ----------
    path : path-like
        A JSON file, or a folder with such files, directly or in ``annotations``.
    split : str, optional
        Of a folder, only the files with this in their name: "train", "val", ... Default: all.
    strict : bool, default False
        Raise at the first image or annotation that would be skipped.
    report : callable, optional
        Called with one sentence (file, index, reason) for each of the first five things skipped.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    source_size : (width, height), optional
        Of images whose size is neither in the file nor to be had from the image, pixels.
    size_cache : path-like, optional
        File in which to keep the sizes of images for the next time. Default: none is kept.
    crowd : bool, default False
        Whether to keep annotations with ``iscrowd``; else they are counted and left out.

    Returns
    -------
    Boxes
        Images and categories in the order of the file.

    Raises
    ------
    DataError
        If the file is no JSON, holds no annotations, or has no image that could be read.
    """
    parts = []
    for file in _files(Path(path), split):
        skips = Skips(strict=strict, report=report)
        with bar(progress, total=2, desc=f"reading {file.name}", unit=" steps") as moving:
            table = _clean(file, skips, source_size, size_cache, crowd, moving.update)
        parts.append(
            Boxes(
                table.bbox[:, 2:],
                image_index=table.image,
                image_wh=table.sizes,
                class_index=table.category,
                class_names=tuple(table.categories),
                skipped=skips.counts,
            )
        )
    return concatenated(parts)


def iter_images(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    source_size: tuple[int, int] | None = None,
    size_cache: PathLike | None = None,
    crowd: bool = False,
) -> Iterator[ImageAnnotation]:
    """Yield the images of a COCO file with their rectangles, in the order of :func:`read`, whose parameters these are.

    Raises
    ------
    DataError
        If the file is no JSON, holds no annotations, or has no image that could be read.
    """
    for file in _files(Path(path), split):
        table = _clean(file, Skips(strict=strict, report=report), source_size, size_cache, crowd)
        yield from _annotations(table, file)


def _annotations(table: Table, file: Path) -> Iterator[ImageAnnotation]:
    order = np.argsort(table.image, kind="stable")
    starts = np.searchsorted(table.image[order], np.arange(len(table.names) + 1))
    finder = ImageFinder()
    for i, name in enumerate(table.names):
        rows = order[starts[i] : starts[i + 1]]
        bbox = table.bbox[rows]
        yield ImageAnnotation(
            name=Path(name).stem or str(i),
            image_path=finder.find(file, name),
            width=float(table.sizes[i, 0]),
            height=float(table.sizes[i, 1]),
            boxes=np.hstack([bbox[:, :2], bbox[:, :2] + bbox[:, 2:]]),
            classes=tuple(table.categories[c] for c in table.category[rows]),
        )


def detect(path: Path) -> bool:
    """Return whether `path` is a JSON file, or a folder with files that begin like COCO."""
    return bool(_candidates(path))


def _candidates(path: Path) -> list[Path]:
    """Return the COCO files: the path itself, or those in the folder or its ``annotations``."""
    if is_file(path):
        return [path] if path.suffix.lower() == ".json" else []  # no other format ends so
    found = (sorted(folder.glob("*.json")) for folder in (path / "annotations", path))
    return next((files for some in found if (files := [file for file in some if _begins(file)])), [])


def _begins(file: Path) -> bool:
    if file.suffix.lower() != ".json" or not is_file(file):
        return False
    head = head_of(file, HEAD)
    if len(head) < HEAD:
        return b'"annotations"' in head or (head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"[" and b'"bbox"' in head)
    return any(word in head for word in (b'"images"', b'"annotations"', b'"categories"', b'"bbox"', b'"info"'))


def _files(path: Path, split: str | None) -> list[Path]:
    """Return the files to read: all, or those with the split in their names."""
    if is_file(path):
        if split is not None:
            raise DataError(f"{shown(path)}: is one file, so it has no split {split!r}")
        return [path]
    files = _candidates(path)
    if not files:
        raise DataError(f"{shown(path)}: holds no COCO file, neither directly nor in annotations")
    if split is None:
        return files
    chosen = [file for file in files if split in file.stem]
    if not chosen:
        names = ", ".join(file.name for file in files)
        raise DataError(f"split = {split!r}: must be part of the name of one of {names}, the files in {shown(path)}")
    return chosen


# --- from columns to boxes


def _clean(
    file: Path,
    skips: Skips,
    source_size: tuple[int, int] | None,
    size_cache: PathLike | None,
    crowd: bool,
    advance: Callable[[int], object] = lambda steps: None,
) -> Table:
    data = content(file)
    table = decode(data, file, skips)
    advance(1)
    del data
    table = _sized(table, file, skips, source_size, size_cache)
    table = _kept(table, file, skips, crowd)
    advance(1)
    if not len(table.names):
        raise DataError(f"{shown(file)}: no image could be read; the first: {skips.first or 'none is listed'}")
    return table


def _sized(
    table: Table, file: Path, skips: Skips, source_size: tuple[int, int] | None, size_cache: PathLike | None
) -> Table:
    """Find the sizes of images that have none; leave out those that stay without."""
    sizes = table.sizes
    missing = np.flatnonzero(~((sizes >= MIN_SIDE) & (sizes <= MAX_SIDE)).all(1))
    if not len(missing):
        return table
    finder, keep = ImageFinder(), np.ones(len(sizes), bool)
    sizes = sizes.copy()
    with ImageSizes(size_cache) as images:
        for i in missing.tolist():
            there = finder.find(file, table.names[i])
            found = (images.of(there) if there is not None else None) or source_size
            if found is None:
                keep[i] = False
                name = table.names[i] or "unnamed"
                skips.add("image without a size", file, None, f"images[{i}], {name}; {hint('source_size')}")
            else:
                sizes[i] = found
    lost = np.isin(table.image, np.flatnonzero(~keep))
    skips.note("annotation of an image without a size", int(lost.sum())) if lost.any() else None
    place = np.cumsum(keep) - 1
    rows = ~lost
    image = table.image[rows]
    return table._replace(
        names=[name for name, kept in zip(table.names, keep.tolist(), strict=True) if kept],
        sizes=sizes[keep],
        image=np.where(image >= 0, place[image], -1),
        bbox=table.bbox[rows],
        category=table.category[rows],
        flags=table.flags[rows],
        row=table.row[rows],
    )


def _kept(table: Table, file: Path, skips: Skips, crowd: bool) -> Table:
    """Leave out what is no box."""
    keep = np.ones(len(table.bbox), bool)

    def drop(bad: Any, reason: str, fault: bool = True) -> None:
        rows = np.flatnonzero(bad & keep)
        keep[rows] = False
        for row in rows[: NAMED if fault else 0].tolist():
            skips.add(reason, file, None, f"annotations[{table.row[row]}], bbox {table.bbox[row].tolist()}")
        left = len(rows) - (min(NAMED, len(rows)) if fault else 0)
        if left:
            skips.note(reason, left)

    width, height = table.bbox[:, 2], table.bbox[:, 3]
    if not crowd:
        drop((table.flags & 1) != 0, CROWD, fault=False)
    drop((table.flags & 2) != 0, IGNORED, fault=False)
    drop(table.image < 0, "annotation of an image that is not listed")
    drop(~(np.abs(table.bbox) <= MAX_SIDE).all(1), "box with non-finite coordinates")
    drop((width < 0.0) | (height < 0.0), "box with negative width or height")
    drop((width < MIN_SIDE) | (height < MIN_SIDE), "box with zero width or height")
    category, categories = table.category[keep], table.categories
    if (category < 0).any():
        category, categories = np.where(category < 0, len(categories), category), [*categories, UNNAMED]
    return table._replace(
        bbox=table.bbox[keep], image=table.image[keep], category=category, categories=categories,
        flags=table.flags[keep], row=table.row[keep],
    )  # fmt: skip
