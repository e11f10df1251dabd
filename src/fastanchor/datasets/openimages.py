"""Open Images CSV: ``ImageID, ..., LabelName, ..., XMin, XMax, YMin, YMax, ...``, a box a line.

Coordinates are relative to the image, or pixels where one of them is beyond 2; decimal commas in quotes are read too.
Image sizes come from a table ``ImageID, Width, Height`` beside the file (its name holds "size" or "image"), else from
the images, else from `image_size`; and if there is nothing, all images count as squares of side 1, which `report` is
told. ``width = XMax - XMin``. Boxes marked ``IsGroupOf`` are left out and counted unless `crowd` is set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from fastanchor._errors import DataError
from fastanchor._types import Progress
from fastanchor.boxes import Boxes
from fastanchor.datasets._csv import Sheet, number, sheet, text_of
from fastanchor.datasets._images import ImageFinder, image_size_shown
from fastanchor.datasets._pixels import Image, annotations_of, boxes_of, corners_fault
from fastanchor.datasets._records import ImageAnnotation, Skips, shown

__all__ = ["OPTIONS", "detect", "iter_images", "read"]

OPTIONS = ("image_size", "crowd")
HEAD = 1 << 12
RELATIVE = 2.0  # coordinates up to here are relative: labels reach beyond the image, but not by its whole width
CORNERS = ("xmin", "ymin", "xmax", "ymax")


def read(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress = None,
    image_size: tuple[int, int] | None = None,
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
    image_size : (width, height), optional
        Size of the images that are not there, pixels.
    crowd : bool, default False
        Whether to keep boxes of groups.

    Raises
    ------
    DataError
        If columns are missing, or no row could be read.
    """
    skips = Skips(strict=strict, report=report)
    return boxes_of(_images(Path(path), split, skips, report, image_size, crowd), skips)


def iter_images(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    image_size: tuple[int, int] | None = None,
    crowd: bool = False,
) -> Iterator[ImageAnnotation]:
    """Yield the images of an Open Images table with their rectangles; parameters are those of :func:`read`.

    Raises
    ------
    DataError
        If columns are missing, or no row could be read.
    """
    skips = Skips(strict=strict, report=report)
    return annotations_of(_images(Path(path), split, skips, report, image_size, crowd))


def detect(path: Path) -> bool:
    """Return whether `path` is, or holds, a CSV file with the columns of Open Images."""
    return _file(path) is not None


def _file(path: Path) -> Path | None:
    files = [path] if path.is_file() else sorted(path.glob("*.csv"))
    for file in files:
        if file.suffix.lower() == ".csv":
            with file.open("rb") as opened:
                head = opened.read(HEAD).partition(b"\n")[0].lower()
            if b"imageid" in head and all(corner.encode() in head for corner in CORNERS):
                return file
    return None


def _images(
    path: Path,
    split: str | None,
    skips: Skips,
    report: Callable[[str], None] | None,
    image_size: tuple[int, int] | None,
    crowd: bool,
) -> list[Image]:
    if split is not None:
        raise DataError(f"{shown(path)}: is one table, so it has no split {split!r}")
    file = _file(path)
    if file is None:
        raise DataError(f"{shown(path)}: has no columns ImageID, XMin, XMax, YMin and YMax")
    table = sheet(text_of(file), file, skips)
    rows = _rows(table, file, skips, crowd)
    relative = all(abs(value) <= RELATIVE for _, corners, _ in rows for value in corners)
    sizes = _sizes(file, skips)
    images: dict[str, Image] = {}
    finder, unsized = ImageFinder(), 0
    for name, corners, label in rows:
        image = images.get(name)
        if image is None:
            there = finder.find(file, name)
            stem = Path(name).stem
            found = sizes.get(name) or sizes.get(stem) or (image_size_shown(there) if there else None) or image_size
            if found is None:
                unsized += 1
            image = images[name] = Image(stem, there, found or (0.0, 0.0), [], [])
        image.corners.append(corners)
        image.classes.append(label)
    if unsized and (unsized < len(images) or not relative):
        for name, image in list(images.items()):
            if image.size == (0.0, 0.0):
                skips.add("image size missing", file, None, f"{shown(name)}; see image_size")
                skips.note("box of an image without a size", len(image.corners))
                del images[name]
    elif unsized:
        if report is not None:
            report(
                f"{shown(file)}: no images and no table of their sizes found, so boxes are relative to images taken as "
                "square; image_size would say how large they are"
            )
        images = {name: image._replace(size=(1.0, 1.0)) for name, image in images.items()}
    if not images:
        raise DataError(f"{shown(file)}: no row could be read; the first: {skips.first or 'there is none'}")
    return [_scaled(image) if relative else image for image in images.values()]


def _rows(table: Sheet, file: Path, skips: Skips, crowd: bool) -> list[tuple[str, list[float], str]]:
    at = [table.place(name) for name in CORNERS]
    name, label, group = table.place("imageid"), table.place("labelname", "label", "class"), table.place("isgroupof")
    rows = []
    for line, row in table.rows:
        corners = [number(row[i]) for i in at]
        fault = corners_fault([str(value) for value in corners])
        if fault:
            skips.add(fault, file, line, shown(", ".join(row[i] for i in at)))
        elif not crowd and group >= 0 and row[group].strip() == "1":
            skips.note("box of a group (IsGroupOf)")
        else:
            rows.append((row[name].strip(), corners, row[label].strip() if label >= 0 else "unnamed"))
    return rows


def _sizes(file: Path, skips: Skips) -> dict[str, tuple[float, float]]:
    """Return what tables beside the file say of image sizes."""
    sizes: dict[str, tuple[float, float]] = {}
    for other in sorted(file.parent.glob("*.csv")):
        if other == file or not any(word in other.stem.lower() for word in ("size", "image")):
            continue
        table = sheet(text_of(other), other, skips)
        at = table.place("imageid", "image", "filename"), table.place("width"), table.place("height")
        if min(at) >= 0:
            for _, row in table.rows:
                width, height = number(row[at[1]]), number(row[at[2]])
                if width > 0.0 and height > 0.0:
                    sizes[row[at[0]].strip()] = width, height
    return sizes


def _scaled(image: Image) -> Image:
    (width, height), corners = image.size, image.corners
    return image._replace(corners=[[x0 * width, y0 * height, x1 * width, y1 * height] for x0, y0, x1, y1 in corners])
