"""Open Images CSV: ``ImageID, ..., LabelName, ..., XMin, XMax, YMin, YMax, ...``, a box a line.

Coordinates are relative to the image, or pixels where most boxes reach beyond 2; decimal commas in quotes are read too.
Image sizes come from a table ``ImageID, Width, Height`` beside the file (its name holds "size" or "image"), else from
the images, else from `source_size`; and if there is nothing, all images count as squares of side 1, which `report` is
told. ``width = XMax - XMin``. Boxes marked ``IsGroupOf`` are left out and counted unless `crowd` is set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._reading import head_of, is_file
from fastanchor._types import FloatArray, IntArray, PathLike, Progress
from fastanchor.boxes import Boxes
from fastanchor.datasets._columns import Codes, Taken, sorted_codes, widths, within
from fastanchor.datasets._csv import sheet, take
from fastanchor.datasets._images import ImageFinder
from fastanchor.datasets._pixels import corners_fault
from fastanchor.datasets._records import ImageAnnotation, Skips, shown
from fastanchor.datasets._sizes import ImageSizes

__all__ = ["OPTIONS", "detect", "iter_images", "read"]

OPTIONS = ("source_size", "size_cache", "crowd")
HEAD = 1 << 12
RELATIVE = 2.0  # coordinates up to here are relative: labels reach beyond the image, but not by its whole width
YES = ("1", "true", "yes")
CORNERS = ("xmin", "ymin", "xmax", "ymax")


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
    """Return the boxes of an Open Images table.

    Parameters
    ----------
    path : path-like
        The CSV file, or a folder that holds one.
    split : None
        A table has no parts.
    strict : bool, default False
        Raise at the first row or image that would be skipped.
    report : callable, optional
        Called with one sentence for each of the first five things skipped, and for what was assumed.
    progress : bool, callable or None
        Not used: a table is read at once.
    source_size : (width, height), optional
        Size of the images that are not there, pixels.
    size_cache : path-like, optional
        File in which to keep the sizes of images for the next time. Default: none is kept.
    crowd : bool, default False
        Whether to keep boxes of groups.

    Raises
    ------
    DataError
        If columns are missing, or no row could be read.
    """
    skips = Skips(strict=strict, report=report)
    found = _load(Path(path), split, skips, report, source_size, size_cache, crowd)
    corners = found.corners
    return Boxes(corners[:, 2:] - corners[:, :2], found.image, found.sizes, found.label, found.classes, skips.counts)


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
    """Yield the images of an Open Images table with their rectangles; parameters are those of :func:`read`.

    Raises
    ------
    DataError
        If columns are missing, or no row could be read.
    """
    skips = Skips(strict=strict, report=report)
    found = _load(Path(path), split, skips, report, source_size, size_cache, crowd)
    order = np.argsort(found.image, kind="stable")
    starts = np.searchsorted(found.image[order], np.arange(len(found.names) + 1))
    finder = ImageFinder()
    for i, name in enumerate(found.names):
        rows = order[starts[i] : starts[i + 1]]
        yield ImageAnnotation(
            name=Path(name).stem,
            image_path=finder.find(found.file, name),
            width=float(found.sizes[i, 0]),
            height=float(found.sizes[i, 1]),
            boxes=found.corners[rows],
            classes=tuple(found.classes[c] for c in found.label[rows]),
        )


def detect(path: Path) -> bool:
    """Return whether `path` is, or holds, a CSV file with the columns of Open Images."""
    return _file(path) is not None


def _file(path: Path) -> Path | None:
    files = [path] if is_file(path) else sorted(path.glob("*.csv"))
    for file in files:
        if file.suffix.lower() == ".csv" and is_file(file):
            head = head_of(file, HEAD).partition(b"\n")[0].lower()
            if b"imageid" in head and all(corner.encode() in head for corner in CORNERS):
                return file
    return None


class _Found(NamedTuple):
    """The boxes kept: images in the order they appear, and for each box its image, corners in pixels and class."""

    file: Path
    names: list[str]
    sizes: FloatArray
    image: IntArray
    corners: FloatArray
    label: IntArray
    classes: tuple[str, ...]


def _load(
    path: Path,
    split: str | None,
    skips: Skips,
    report: Callable[[str], None] | None,
    source_size: tuple[int, int] | None,
    size_cache: PathLike | None,
    crowd: bool,
) -> _Found:
    if split is not None:
        raise DataError(f"{shown(path)}: is one table, so it has no split {split!r}")
    file = _file(path)
    if file is None:
        raise DataError(f"{shown(path)}: has no columns ImageID, XMin, XMax, YMin and YMax")
    table = sheet(file)
    image, label, group = table.place("imageid"), table.place("labelname", "label", "class"), table.place("isgroupof")
    texts = [image, *(at for at in (label, group) if at >= 0)]
    taken = take(table, skips, [table.place(name) for name in CORNERS], texts)
    corners, names = taken.numbers, taken.texts[0]
    keep = _faultless(taken, file, skips)
    if group >= 0 and not crowd:
        groups = taken.texts[-1]
        grouped = keep & np.isin(groups.at, [i for i, name in enumerate(groups.names) if name.lower() in YES])
        keep &= ~grouped
        if grouped.any():
            skips.note("box of a group (IsGroupOf)", int(grouped.sum()))
    beyond = keep & (np.abs(corners).max(1, initial=0.0) > RELATIVE)
    relative = 2 * int(beyond.sum()) <= int(keep.sum())
    if relative:
        _skip(beyond, taken, "box in pixels among boxes relative to the image", file, skips)
        keep &= ~beyond
    used = np.unique(names.at[keep])
    known = _image_sizes(file, [names.names[i] for i in used.tolist()], skips, size_cache)
    sizes = np.array([pair or source_size or (0.0, 0.0) for pair in known], dtype=np.float64).reshape(-1, 2)
    missing = sizes[:, 0] == 0.0
    place = np.full(len(names.names) + 1, -1)
    place[used] = np.arange(len(used))
    at = place[names.at]
    if len(sizes) and missing.all() and relative:
        if report is not None:
            report(
                f"{shown(file)}: no images and no table of their sizes found, so boxes are relative to images taken as "
                f"square; {hint('source_size')}"
            )
        sizes[:] = 1.0
    elif missing.any():
        for i in used[missing].tolist():
            skips.add("image size missing", file, None, f"{shown(names.names[i])}; {hint('source_size')}")
        lost = keep & np.append(missing, False)[at]
        skips.note("box of an image without a size", int(lost.sum()))
        keep &= ~lost
        at, sizes, used = (np.cumsum(~missing) - 1)[at], sizes[~missing], used[~missing]
    if not keep.any():
        raise DataError(f"{shown(file)}: no row could be read; the first: {skips.first or 'there is none'}")
    kept = at[keep]
    pixels = corners[keep] * np.tile(sizes, 2)[kept] if relative else corners[keep]
    labels = taken.texts[1] if label >= 0 else Codes(np.full(len(at), -1), [])
    return _Found(file, [names.names[i] for i in used.tolist()], sizes, kept, pixels, *sorted_codes(labels, keep))


def _faultless(taken: Taken, file: Path, skips: Skips) -> NDArray[np.bool_]:
    """Return which rows are boxes of an image; the others go to `skips`."""
    corners, named = taken.numbers, taken.texts[0].at >= 0
    good = within(widths(corners)) & np.isfinite(corners).all(1)
    _skip(~good, taken, "", file, skips)
    _skip(good & ~named, taken, "box without an image", file, skips)
    return good & named


def _skip(rows: NDArray[np.bool_], taken: Taken, reason: str, file: Path, skips: Skips) -> None:
    """Leave out rows; without a reason it is what is wrong with the corners."""
    for row in np.flatnonzero(rows).tolist():
        line = int(taken.lines[row]) if taken.lines is not None else None
        corners = taken.numbers[row].tolist()
        why = reason or corners_fault(list(map(str, corners)))
        skips.add(why, file, line, ", ".join(f"{value:g}" for value in corners))


def _image_sizes(
    file: Path, names: list[str], skips: Skips, size_cache: PathLike | None
) -> list[tuple[float, float] | None]:
    """Return the sizes of images: from tables beside the file, else from the images."""
    listed = _listed_sizes(file, skips)
    finder = ImageFinder()
    found = []
    with ImageSizes(size_cache) as sizes:
        for name in names:
            pair = listed.get(name) or listed.get(Path(name).stem if "." in name else name)
            if pair is None and (there := finder.find(file, name)) is not None:
                pair = sizes.of(there)
            found.append(pair)
    return found


def _listed_sizes(file: Path, skips: Skips) -> dict[str, tuple[float, float]]:
    """Return what tables beside the file say of image sizes."""
    sizes: dict[str, tuple[float, float]] = {}
    for other in sorted(file.parent.glob("*.csv")):
        if other == file or not any(word in other.stem.lower() for word in ("size", "image")):
            continue
        table = sheet(other)
        name, width, height = table.place("imageid", "image", "filename"), table.place("width"), table.place("height")
        if min(name, width, height) >= 0:
            taken = take(table, skips, [width, height], [name])
            good = within(taken.numbers) & (taken.texts[0].at >= 0)
            pairs = map(tuple, taken.numbers[good].tolist())
            names = taken.texts[0].names
            sizes.update(zip((names[i] for i in taken.texts[0].at[good].tolist()), pairs, strict=True))
    return sizes
