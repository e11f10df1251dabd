"""KITTI object labels: one text file an image, 15 columns a row (16 with a score), corners in pixels.

``width = right - left``. Rows of the type ``DontCare`` mark regions, not objects: they are counted and left out. Labels
do not say how large an image is: sizes come from ``image_2`` beside ``label_2``, else from `source_size`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._reading import is_file, refusal
from fastanchor._types import PathLike, Progress
from fastanchor.boxes import Boxes
from fastanchor.datasets._fetch import contents
from fastanchor.datasets._images import ImageIndex
from fastanchor.datasets._pixels import Image, annotations_of, boxes_of, corners_fault
from fastanchor.datasets._records import ImageAnnotation, Skips, shown
from fastanchor.datasets._sizes import ImageSizes

__all__ = ["OPTIONS", "detect", "iter_images", "read"]

OPTIONS = ("source_size", "size_cache")
COLUMNS = (15, 16)
REGION = "DontCare"
LOOKED_AT = 5  # files that detection opens


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
    """Return the boxes of KITTI labels.

    Parameters
    ----------
    path : path-like
        A folder of label files, one above ``label_2`` or ``training/label_2``, or one label file.
    split : str, optional
        "training", the only part with labels.
    strict : bool, default False
        Raise at the first file or row that would be skipped.
    report : callable, optional
        Called with one sentence for each of the first five things skipped.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    source_size : (width, height), optional
        Size of the images that are not there, pixels.
    size_cache : path-like, optional
        File in which to keep the sizes of images for the next time. Default: none is kept.

    Raises
    ------
    DataError
        If there is no label file or no such split, or nothing could be read.
    """
    skips = Skips(strict=strict, report=report)
    return boxes_of(_images(Path(path), split, skips, source_size, size_cache, progress), skips)


def iter_images(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    source_size: tuple[int, int] | None = None,
    size_cache: PathLike | None = None,
) -> Iterator[ImageAnnotation]:
    """Yield the images of KITTI labels with their rectangles; parameters are those of :func:`read`.

    Raises
    ------
    DataError
        If there is no label file or no such split, or nothing could be read.
    """
    return annotations_of(
        _images(Path(path), split, Skips(strict=strict, report=report), source_size, size_cache, False)
    )


def detect(path: Path) -> bool:
    """Return whether the first rows found have KITTI's columns: a word, numbers, the right count."""
    for found in contents([str(file) for file in _files(path)[:LOOKED_AT]]):
        words = found.partition(b"\n")[0].split() if isinstance(found, bytes) else []
        if words:
            corners = [word.decode("latin-1") for word in words[4:8]]
            return len(words) in COLUMNS and words[0][:1].isalpha() and not corners_fault(corners)
    return False


def _files(path: Path) -> list[Path]:
    if is_file(path):
        return [path] if path.suffix.lower() == ".txt" else []
    for folder in (path / "training" / "label_2", path / "label_2", path):
        files = sorted(folder.glob("*.txt")) if folder.is_dir() else []
        if files:
            return files
    return []


def _images(
    path: Path,
    split: str | None,
    skips: Skips,
    size: tuple[int, int] | None,
    size_cache: PathLike | None,
    progress: Progress,
) -> Iterator[Image]:
    if split not in (None, "training", "train"):
        raise DataError(f"split = {split!r}: must be 'training', the only part of KITTI with labels")
    files = _files(path)
    if not files:
        raise DataError(f"{shown(path)}: holds no label file (.txt), neither directly nor in label_2")
    index, count = ImageIndex(), 0
    names = [str(file) for file in files]
    with ImageSizes(size_cache) as sizes:
        for file, found in zip(files, contents(names, progress=progress), strict=True):
            image = index.of_label(str(file))
            wh = (sizes.of(image) if image is not None else None) or size
            if wh is None:
                skips.add("image size missing", file, None, f"image not found; {hint('source_size')}")
                continue
            corners, classes = _rows(found, file, skips)
            count += 1
            yield Image(file.stem, image, (float(wh[0]), float(wh[1])), corners, classes)
    if not count:
        raise DataError(f"{shown(path)}: no file could be read; the first: {skips.first}")


def _rows(found: bytes | OSError, file: Path, skips: Skips) -> tuple[list[list[float]], list[str]]:
    corners: list[list[float]] = []
    classes: list[str] = []
    if isinstance(found, OSError):
        why, detail = refusal(found)
        skips.add(why, file, None, detail)
        return corners, classes
    text = found.decode("utf-8-sig", "surrogateescape")
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        if not words:
            continue
        if words[0] == REGION:
            skips.note(f"{REGION} region")
            continue
        reason = f"row of {len(words)} columns" if len(words) not in COLUMNS else corners_fault(words[4:8])
        if reason:
            skips.add(reason, file, number, shown(line.strip()[:60]))
            continue
        corners.append([float(word) for word in words[4:8]])
        classes.append(words[0])
    return corners, classes
