"""Labels on disk in, :class:`fastanchor.Boxes` out: one file a format, and the choice between them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, cast

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import Progress
from fastanchor.boxes import Boxes
from fastanchor.datasets._records import ImageAnnotation, shown
from fastanchor.datasets._sample import sample

__all__ = ["FORMATS", "ImageAnnotation", "detect", "iter_images", "read", "sample"]

# A format joins by a line here and a module with the functions of `_Format`; asked in this order. The modules are
# imported when needed: a parser that is not used should not cost start-up time.
_MODULES = {
    "voc": "fastanchor.datasets.voc",
    "coco": "fastanchor.datasets.coco",
    "labels.cache": "fastanchor.datasets.labels_cache",
    "kitti": "fastanchor.datasets.kitti",
    "list": "fastanchor.datasets.lists",
    "yolo": "fastanchor.datasets.yolo",
}
FORMATS = tuple(_MODULES)


class _Format(Protocol):
    def detect(self, path: Path) -> bool: ...

    def read(
        self,
        path: Path,
        *,
        split: str | None,
        strict: bool,
        report: Callable[[str], None] | None,
        progress: Progress,
        **options: Any,
    ) -> Boxes: ...

    def iter_images(
        self, path: Path, *, split: str | None, strict: bool, report: Callable[[str], None] | None, **options: Any
    ) -> Iterator[ImageAnnotation]: ...


def read(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress = None,
    image_size: tuple[int, int] | None = None,
    crowd: bool = False,
) -> Boxes:
    """Return the boxes of a labelled data set.

    Parameters
    ----------
    path : path-like
        Folder or file. See the modules of :mod:`fastanchor.datasets` for what each format looks for in it.
    format : str, default "auto"
        One of `FORMATS`. "auto" looks at the files.
    split : str, optional
        Part of the data set, for formats that have such lists: "train", "val", ... Default: everything.
    strict : bool, default False
        Raise at the first file or box that would be skipped. Otherwise it is counted in ``Boxes.skipped``.
    report : callable, optional
        Called with one sentence (file, line, reason) for each of the first five things skipped.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    image_size : (width, height), optional
        Size of the images that are not there, pixels; for formats whose labels do not tell it ("yolo").
    crowd : bool, default False
        Keep the annotations of crowds; for formats that mark them ("coco").

    Raises
    ------
    DataError
        If the path does not exist, its format is not recognised, nothing in it could be read, or its format has no use
        for `image_size` or `crowd`.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> xml = (
    ...     "<annotation><size><width>100</width><height>50</height></size><object><name>cat</name><bndbox>"
    ...     "<xmin>10</xmin><ymin>5</ymin><xmax>40</xmax><ymax>25</ymax></bndbox></object></annotation>"
    ... )
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pathlib.Path(folder, "one.xml").write_text(xml)
    ...     boxes = read(folder)
    >>> boxes.wh
    array([[30., 20.]])
    """
    place = _existing(path)
    name = detect(place) if format == "auto" else format
    module = _module(place, name)
    return module.read(
        place, split=split, strict=strict, report=report, progress=progress, **_options(module, name, image_size, crowd)
    )


def iter_images(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    image_size: tuple[int, int] | None = None,
    crowd: bool = False,
) -> Iterator[ImageAnnotation]:
    """Return an iterator over the images of a labelled data set, each with its rectangles.

    Parameters are those of :func:`read`.

    Raises
    ------
    DataError
        If the path does not exist, its format is not recognised, or nothing in it could be read.
    """
    place = _existing(path)
    name = detect(place) if format == "auto" else format
    module = _module(place, name)
    return module.iter_images(place, split=split, strict=strict, report=report, **_options(module, name, image_size, crowd))


def detect(path: str | os.PathLike[str]) -> str:
    """Return the name of the format of a labelled data set, one of `FORMATS`.

    Raises
    ------
    DataError
        If the path does not exist or no format is recognised.
    """
    place = _existing(path)
    for name in FORMATS:
        if _load(name).detect(place):
            return name
    raise DataError(f"{shown(place)}: no labels recognised here; legal formats are {_legal()}")


def _module(path: Path, format: str) -> _Format:
    if format not in FORMATS:
        raise DataError(f"format = {format!r} for {shown(path)}: must be one of 'auto', {_legal()}")
    return _load(format)


def _options(module: _Format, name: str, image_size: Any, crowd: bool) -> dict[str, Any]:
    """Return the options that are given, checked; a reader that has no use for one is an error."""
    given: dict[str, Any] = {}
    known = getattr(module, "OPTIONS", ())
    if crowd:
        if "crowd" not in known:
            raise DataError(f"crowd = {crowd!r}: format {name!r} does not mark crowds")
        given["crowd"] = True
    if image_size is None:
        return given
    if "image_size" not in known:
        raise DataError(f"image_size = {image_size!r}: format {name!r} has no use for it, its labels tell the size")
    try:
        width, height = (_check.integer(side, "image_size", least=1) for side in image_size)
    except (TypeError, ValueError):
        raise DataError(f"image_size = {image_size!r}: must be (width, height), whole numbers >= 1 (pixels)") from None
    return {**given, "image_size": (width, height)}


def _load(name: str) -> _Format:
    return cast(_Format, importlib.import_module(_MODULES[name]))


def _existing(path: Any) -> Path:
    try:
        place = Path(os.fsdecode(path))
    except TypeError:
        raise DataError(f"path = {path!r}: must be the path of a file or folder") from None
    if not place.exists():
        raise DataError(f"{shown(place)}: no such file or folder; labels in one of the formats {_legal()} are needed")
    return place


def _legal() -> str:
    return ", ".join(map(repr, FORMATS))
