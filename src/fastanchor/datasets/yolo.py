"""YOLO text labels: one file an image, one box a line, relative to the image.

Reads a ``data.yaml``, a Darknet ``.data`` file, a list of images, a folder with ``labels``, or one label file. The rows
are those of :mod:`fastanchor.datasets._rows`. A file or row that cannot be used is skipped and counted by reason, where
trainers leave out its whole image; equal rows of a file count once, as for the trainers.

Labels do not say how large an image is. Sizes come from the images; of those that are not there, from a
``labels.cache`` beside the labels, else from `source_size`; and if there is nothing, all images count as squares of
side 1 and the boxes are relative, which `report` is told.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._reading import is_file, refusal
from fastanchor._types import FloatArray, PathLike, Progress
from fastanchor.boxes import Boxes
from fastanchor.datasets import _fetch, _rows, _yolo_files, labels_cache
from fastanchor.datasets._images import ImageIndex, folders_of, what_is
from fastanchor.datasets._records import ImageAnnotation, Skips, shown, shown_counts
from fastanchor.datasets._sizes import ImageSizes

__all__ = ["OPTIONS", "detect", "iter_images", "read"]

OPTIONS = ("source_size", "size_cache")
Mask = NDArray[np.bool_]
CHUNK = 4096  # files parsed at once
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
    """Return the boxes of a YOLO data set.

    Parameters
    ----------
    path : path-like
        A data.yaml, a Darknet .data file, a list of images, a folder, or one label file.
    split : str, optional
        "train", "val" or "test". Default: all there are.
    strict : bool, default False
        Raise at the first file or row that would be skipped.
    report : callable, optional
        Called with one sentence for each of the first five things skipped, and for what was assumed.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    source_size : (width, height), optional
        Size of the images that are not there, pixels.
    size_cache : path-like, optional
        File in which to keep the sizes of images for the next time. Default: none is kept.

    Returns
    -------
    Boxes
        Images in the order of their label files; class names in the order of the data set's.

    Raises
    ------
    DataError
        If there is no label file, no such split, or nothing could be read.
    """
    skips = Skips(strict=strict, report=report)
    data = _load(Path(path), split, skips, report, progress, source_size, size_cache)
    # one column at a time: fancy-indexing rows of an (m, 2) array costs several times as much
    wh = np.empty((len(data.rows.files), 2))
    for axis in (0, 1):
        np.multiply(data.rows.box[:, 2 + axis], data.sizes[data.rows.files, axis], out=wh[:, axis])
    return Boxes(
        wh,
        image_index=data.rows.files,
        image_wh=data.sizes,
        class_index=data.rows.classes,
        class_names=data.names,
        skipped=skips.counts,
    )


def iter_images(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    source_size: tuple[int, int] | None = None,
    size_cache: PathLike | None = None,
) -> Iterator[ImageAnnotation]:
    """Yield the images of a YOLO data set with their rectangles, in the order of :func:`read`.

    Parameters are those of :func:`read`.

    Raises
    ------
    DataError
        If there is no label file, no such split, or nothing could be read.
    """
    data = _load(Path(path), split, Skips(strict=strict, report=report), report, False, source_size, size_cache)
    starts = np.searchsorted(data.rows.files, np.arange(len(data.files) + 1))
    for i, file in enumerate(data.files):
        box = data.rows.box[starts[i] : starts[i + 1]]
        half = box[:, 2:] / 2.0
        yield ImageAnnotation(
            name=Path(file).stem,
            image_path=data.images[i],
            width=float(data.sizes[i, 0]),
            height=float(data.sizes[i, 1]),
            boxes=np.hstack([box[:, :2] - half, box[:, :2] + half]) * np.tile(data.sizes[i], 2),
            classes=tuple(data.names[c] for c in data.rows.classes[starts[i] : starts[i + 1]]),
        )


def detect(path: Path) -> bool:
    """Return whether `path` looks like a YOLO data set."""
    if not _yolo_files.is_source(path):
        return False
    if is_file(path) and path.suffix.lower() != ".txt":
        return True
    if path.is_dir() and any(path.glob("data.y*ml")):
        return True
    try:
        found = _yolo_files.find(path, None, Skips())
    except DataError:
        return False
    if found.images:
        return True
    some = found.files[:LOOKED_AT]
    for file, content in zip(some, _fetch.contents(some), strict=True):
        skips = Skips()
        data = _content(content, file, skips)
        if data.split() and _rows.parse([file], [data], skips).files.size:
            return True
    return bool(found.files) and not is_file(path) and "labels" in Path(found.files[0]).parts


class _Data(NamedTuple):
    files: list[str]
    images: list[Path | None]
    sizes: FloatArray
    rows: _rows.Rows
    names: tuple[str, ...]


def _load(
    path: Path,
    split: str | None,
    skips: Skips,
    report: Callable[[str], None] | None,
    progress: Progress,
    size: tuple[int, int] | None,
    size_cache: PathLike | None,
) -> _Data:
    found = _yolo_files.find(path, split, skips)
    rows = _without_ambiguous(_read_rows(found, skips, progress), found.files, skips)
    if not len(rows.files) and skips.counts:
        raise DataError(f"{shown(path)}: no box could be read; {_first_of(skips)}")
    images = ImageIndex()
    if found.images:
        places = [Path(found.images[f]) if f in found.images else images.of_label(f) for f in found.files]
    else:
        places = images.of_labels(found.files)
    sizes, known = _sizes(places, size_cache, progress)
    said = _say_sizes(path, report)
    if not known.all() and (count := _remembered(found.files, sizes, known)):
        said(f"sizes of {count:,} images taken from labels.cache")
    if not known.all() and size is not None:
        sizes[~known] = size
        known[:] = True
    elif not known.any() and (some := next((p for p in places if p is not None and is_file(p)), None)):
        raise DataError(
            f"{shown(some)}: no size can be read from it or any other image ({what_is(some)}); " + hint("source_size")
        )
    elif not known.any():
        sizes[:] = 1.0
        known[:] = True
        said(f"no images found, so boxes are relative to images taken as square; {hint('source_size')}")
    return _kept(found, places, sizes, known, rows, skips)


def _first_of(skips: Skips) -> str:
    return f"the first fault: {skips.first}" if skips.first else shown_counts(skips.counts)


def _read_rows(found: _yolo_files.Found, skips: Skips, progress: Progress) -> _rows.Rows:
    n_classes = None if found.names is None else len(found.names)
    parts = []
    with closing(_fetch.contents(found.files, progress=progress)) as contents:
        for start in range(0, len(found.files), CHUNK):
            chunk = found.files[start : start + CHUNK]
            found_here = zip(chunk, contents, strict=False)
            data = [one if type(one) is bytes else _content(one, file, skips) for file, one in found_here]
            rows = _rows.parse(chunk, data, skips, n_classes=n_classes, kpt_shape=found.kpt_shape)
            parts.append(rows._replace(files=rows.files + start))
    return _rows.joined(parts)


def _say_sizes(path: Path, report: Callable[[str], None] | None) -> Callable[[str], None]:
    return lambda text: report(f"{shown(path)}: {text}") if report is not None else None


def _kept(
    found: _yolo_files.Found,
    places: list[Path | None],
    sizes: FloatArray,
    known: Mask,
    rows: _rows.Rows,
    skips: Skips,
) -> _Data:
    """Return the data of the images whose size is known, with the names of their classes."""
    files = found.files
    if not known.all():
        for i in np.flatnonzero(~known).tolist():
            image = places[i]
            why = "image not found" if image is None else f"{image.name}: {what_is(image)}"
            skips.add("image size missing", files[i], None, f"{why}; {hint('source_size')}")
        place = np.cumsum(known) - 1
        chosen = known[rows.files]
        rows = rows.take(chosen)
        rows = rows._replace(files=place[rows.files])
        at = np.flatnonzero(known).tolist()
        files, places, sizes = [files[i] for i in at], [places[i] for i in at], sizes[known]
    names = found.names
    if names is None:
        numbers, classes = np.unique(rows.classes, return_inverse=True)
        names, rows = tuple(map(str, numbers.tolist())), rows._replace(classes=classes.reshape(-1))
    return _Data(files, places, sizes, rows, names)


def _content(found: bytes | OSError, file: str, skips: Skips) -> bytes:
    """Return what was read of a file; of one that cannot be read, nothing."""
    if isinstance(found, bytes):
        return found
    if isinstance(found, FileNotFoundError) and not Path(file).is_symlink():
        skips.note("image without a label file (background)")
    else:
        why, detail = refusal(found)
        skips.add(why, file, None, detail)
    return b""


def _without_ambiguous(rows: _rows.Rows, files: list[str], skips: Skips) -> _rows.Rows:
    """Return `rows` without the polygons that may be key points: where one row shows it, all of that length may be."""
    unsure = _rows.unsure(rows)
    if not unsure.any():
        return rows
    for i in np.flatnonzero(unsure).tolist():
        skips.add(_rows.AMBIGUOUS, files[rows.files[i]], None, f"{rows.columns[i]} columns")
    return rows.take(~unsure)


def _sizes(places: list[Path | None], size_cache: PathLike | None, progress: Progress) -> tuple[FloatArray, Mask]:
    """Return width and height of each image (m, 2) in pixels, and which are known."""
    sizes = np.ones((len(places), 2))
    known = np.zeros(len(places), dtype=bool)
    there = [(i, place) for i, place in enumerate(places) if place is not None]
    if there:
        with ImageSizes(size_cache) as images:
            for (i, _), pair in zip(there, images.each([place for _, place in there], progress), strict=True):
                if pair is not None:
                    sizes[i], known[i] = pair, True
    return sizes, known


def _remembered(files: list[str], sizes: FloatArray, known: Mask) -> int:
    """Fill in the sizes that a labels.cache beside the labels tells; return how many."""
    caches: dict[str, dict[str, tuple[float, float]]] = {}
    for folder in folders_of(files):
        place = Path(f"{folder}.cache")
        # only a help: the labels themselves are there
        with suppress(DataError):
            caches[folder] = labels_cache.image_sizes(place) if is_file(place) else {}
    if not any(caches.values()):
        return 0
    count = 0
    for i in np.flatnonzero(~known).tolist():
        folder, _, name = files[i].rpartition(os.sep)
        if folder in caches and (pair := caches[folder].get(name[:-4])) is not None:
            sizes[i], known[i] = pair, True
            count += 1
    return count
