"""Lists of images with their boxes in pixels, one image a line.

Two dialects: ``path x0,y0,x1,y1,c x0,y0,x1,y1,c ...`` (keras-yolo3), whose image sizes come from the images or from
`source_size`; and ``number path W H c x0 y0 x1 y1 c x0 y0 x1 y1 ...`` (YOLOv3_TensorFlow). ``width = x1 - x0``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._reading import head_of, is_file, text_of
from fastanchor._types import PathLike, Progress
from fastanchor.boxes import Boxes
from fastanchor.datasets._images import SUFFIXES
from fastanchor.datasets._pixels import Image, annotations_of, boxes_of, corners_fault
from fastanchor.datasets._records import ImageAnnotation, Skips, shown
from fastanchor.datasets._sizes import ImageSizes

__all__ = ["OPTIONS", "detect", "iter_images", "read"]

OPTIONS = ("source_size", "size_cache")
LOOKED_AT = 1 << 16  # bytes that detection reads


def read(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress = None,
    source_size: tuple[int, int] | None = None,
    size_cache: PathLike | None = None,
) -> Boxes:
    """Return the boxes of a list.

    Parameters
    ----------
    path : path-like
        The list, a text file.
    split : None
        A list has no parts.
    strict : bool, default False
        Raise at the first line or box that would be skipped.
    report : callable, optional
        Called with one sentence for each of the first five things skipped.
    progress : bool, callable or None
        Not used: a list is read at once.
    source_size : (width, height), optional
        Size of the images that are not there, pixels.
    size_cache : path-like, optional
        File in which to keep the sizes of images for the next time. Default: none is kept.

    Raises
    ------
    DataError
        If nothing in the list could be read.
    """
    skips = Skips(strict=strict, report=report)
    return boxes_of(_images(Path(path), split, skips, source_size, size_cache), skips)


def iter_images(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    source_size: tuple[int, int] | None = None,
    size_cache: PathLike | None = None,
) -> Iterator[ImageAnnotation]:
    """Yield the images of a list with their rectangles; parameters are those of :func:`read`.

    Raises
    ------
    DataError
        If nothing in the list could be read.
    """
    return annotations_of(_images(Path(path), split, Skips(strict=strict, report=report), source_size, size_cache))


def detect(path: Path) -> bool:
    """Return whether `path` is a text file that begins like such a list, with boxes."""
    if not is_file(path) or path.suffix.lower() not in (".txt", ".list", ""):
        return False
    text = head_of(path, LOOKED_AT).decode("utf-8-sig", "replace")
    lines = filter(None, map(str.strip, text.splitlines()))
    first = _parts(next(lines, ""))
    if first is None:
        return False
    # an image may have no boxes; but a list of images without any is none of these
    return first.size is not None or any(one is not None and one.rows for one in (first, *map(_parts, lines)))


def _images(
    path: Path, split: str | None, skips: Skips, size: tuple[int, int] | None, size_cache: PathLike | None
) -> Iterator[Image]:
    if split is not None:
        raise DataError(f"{shown(path)}: is one file, so it has no split {split!r}")
    count = 0
    text = text_of(path)
    with ImageSizes(size_cache) as sizes:
        for number, line in enumerate(map(str.strip, text.split("\n")), start=1):
            if not line:
                continue
            parts = _parts(line)
            if parts is None:
                skips.add("line that is no image with boxes", path, number, shown(line[:60]))
                continue
            file, wh, rows = parts
            image = _there(path, file)
            if wh is None:
                wh = (sizes.of(image) if image is not None else None) or size
            if wh is None or not (min(wh) >= MIN_SIDE and max(wh) <= MAX_SIDE):
                skips.add("image size missing", path, number, f"{shown(file)}; {hint('source_size')}")
                continue
            found = [(*row[:4], row[4]) for row in rows if _good(row, skips, path, number)]
            corners = [[float(x) for x in row[:4]] for row in found]
            count += 1
            yield Image(Path(file).stem, image, wh, corners, [row[4] for row in found])
    if not count:
        raise DataError(f"{shown(path)}: no line could be read" + f"; the first: {skips.first}" * bool(skips.first))


class _Line(NamedTuple):
    """The image's file, its size if the line tells it, and the boxes' values with the class at the end."""

    file: str
    size: tuple[float, float] | None
    rows: list[list[str]]


def _parts(line: str) -> _Line | None:
    """Return what stands in a line, None in other lines than those of the two dialects. Names may hold blanks."""
    words = list(re.finditer(r"\S+", line))
    texts = [word[0] for word in words]
    # where the image's name may end; it may hold blanks, and is more than a suffix
    ends = [i for i, text in enumerate(texts) if text.lower().endswith(SUFFIXES)]
    last_comma = max((i for i, text in enumerate(texts) if "," in text), default=-1)
    if texts and texts[0].isdecimal():
        for i in ends:
            sides = texts[i + 1 : i + 3]
            if last_comma <= i and len(sides) == 2 and all(map(str.isdecimal, sides)) and _named(texts, 1, i):
                rest = texts[i + 3 :]
                rows = [[*rest[k + 1 : k + 5], rest[k]] for k in range(0, len(rest), 5)]
                return _Line(line[words[1].start() : words[i].end()], (float(sides[0]), float(sides[1])), rows)
    last_other = max((i for i, text in enumerate(texts) if "," not in text), default=-1)
    for i in ends:
        if i >= last_other and _named(texts, 0, i):
            return _Line(line[: words[i].end()], None, [text.split(",") for text in texts[i + 1 :]])
    return None


def _named(texts: list[str], first: int, last: int) -> bool:
    return last > first or (last == first and texts[last].lower() not in SUFFIXES)


def _good(row: list[str], skips: Skips, path: Path, number: int) -> bool:
    reason = f"box of {len(row)} values instead of 5" if len(row) != 5 else corners_fault(row[:4])
    if reason:
        skips.add(reason, path, number, shown(",".join(row)[:60]))
    return not reason


def _there(path: Path, file: str) -> Path | None:
    file = file.replace("\\", "/")
    return next((p for p in (path.parent / file, Path(file)) if is_file(p)), None)
