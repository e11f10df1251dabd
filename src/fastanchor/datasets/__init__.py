"""Labels on disk in, :class:`fastanchor.Boxes` out: one file a format, and the choice between them."""

from __future__ import annotations

import contextlib
import importlib
import os
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._reading import is_folder, named
from fastanchor._types import PathLike, Progress
from fastanchor.boxes import Boxes, concatenated
from fastanchor.datasets._records import ImageAnnotation, shown
from fastanchor.datasets._sample import sample

__all__ = ["FORMATS", "ImageAnnotation", "detect", "iter_images", "read", "sample"]

# A format joins by a line here and a module with the functions of `_Format`; asked in this order. The modules are
# imported when needed: a parser that is not used should not cost start-up time.
_MODULES = {
    "voc": "fastanchor.datasets.voc",
    "coco": "fastanchor.datasets.coco",
    "openimages": "fastanchor.datasets.openimages",
    "table": "fastanchor.datasets.table",
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
    path: PathLike | Sequence[PathLike],
    *,
    format: str = "auto",
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress = None,
    source_size: tuple[int, int] | None = None,
    size_cache: PathLike | None = None,
    crowd: bool = False,
    columns: tuple[str, str] | None = None,
) -> Boxes:
    """Return the boxes of a labelled data set.

    Parameters
    ----------
    path : path-like, or several
        Folder or file; "-" is a CSV table on standard input. A path that is named here may be a pipe, what is found in
        a folder must be a regular file. See the modules of :mod:`fastanchor.datasets` for what each format looks for.
        Several are read as one data set, each in its own format.
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
    source_size : (width, height), optional
        Size of the images that are not there, pixels; for formats whose labels do not tell it ("yolo").
    size_cache : path-like, optional
        File in which to keep the sizes read from images for the next time; for formats whose labels do not tell them.
        Default: none is kept.
    crowd : bool, default False
        Keep the annotations of crowds; for formats that mark them ("coco", "openimages").
    columns : (width, height), optional
        Names of the columns with the boxes' sides; for "table".

    Raises
    ------
    DataError
        If the path does not exist, its format is not recognised, nothing in it could be read, or its format has no use
        for an option given.

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
    if not isinstance(path, (str, bytes, os.PathLike)) and isinstance(path, Sequence):
        if not path:
            raise DataError("path: is an empty sequence; at least one file or folder is needed")
        options: dict[str, Any] = {"format": format, "split": split, "strict": strict, "report": report}
        options.update(progress=progress, source_size=source_size, size_cache=size_cache, crowd=crowd, columns=columns)
        return concatenated([read(one, **options) for one in path])
    place = _existing(path)
    with _in_sentences(place), named(place):
        name = detect(place) if format == "auto" else format
        module = _module(place, name)
        chosen = _options(module, name, source_size, size_cache, crowd, columns)
        return module.read(place, split=split, strict=strict, report=report, progress=progress, **chosen)


def iter_images(
    path: str | os.PathLike[str],
    *,
    format: str = "auto",
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    source_size: tuple[int, int] | None = None,
    size_cache: PathLike | None = None,
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
    with contextlib.ExitStack() as held:
        held.enter_context(_in_sentences(place))
        held.enter_context(named(place))
        name = detect(place) if format == "auto" else format
        module = _module(place, name)
        chosen = _options(module, name, source_size, size_cache, crowd)
        images = _each(place, module.iter_images(place, split=split, strict=strict, report=report, **chosen))
        weakref.finalize(images, held.pop_all().close)  # what a pipe held is kept as long as it may be read
    return images


def _each(place: Path, images: Iterator[ImageAnnotation]) -> Iterator[ImageAnnotation]:
    with _in_sentences(place):
        yield from images


def detect(path: str | os.PathLike[str]) -> str:
    """Return the name of the format of a labelled data set, one of `FORMATS`.

    Raises
    ------
    DataError
        If the path does not exist or no format is recognised.
    """
    place = _existing(path)
    with _in_sentences(place), named(place):
        for name in FORMATS:
            if _load(name).detect(place):
                return name
        for entry in os.scandir(place) if place.is_dir() else ():
            if is_folder(entry):
                os.scandir(entry).close()  # labels may be where nobody may look
    raise DataError(f"{shown(place)}: no labels recognised here; known formats: {_legal()}")


def _module(path: Path, format: str) -> _Format:
    if format not in FORMATS:
        raise DataError(f"format = {format!r} for {shown(path)}: must be one of 'auto', {_legal()}")
    return _load(format)


def _options(
    module: _Format, name: str, source_size: Any, size_cache: Any, crowd: bool, columns: Any = None
) -> dict[str, Any]:
    """Return the options that are given, checked; a reader that has no use for one is an error."""
    given = {"source_size": source_size, "size_cache": size_cache, "crowd": crowd or None, "columns": columns}
    given = {option: value for option, value in given.items() if value is not None}
    if source_size is not None:
        given["source_size"] = _check.side_pair(source_size, "source_size")
    if columns is not None:
        pair = _check.listed(columns) or ()
        if not (len(pair) == 2 and all(isinstance(one, str) for one in pair)):
            rule = "must be the names of two columns, (width, height)"
            raise DataError(f"columns = {_check.short(columns)}: {rule}")
    for option, value in given.items():
        if option not in getattr(module, "OPTIONS", ()):
            others = [other for other in FORMATS if option in getattr(_load(other), "OPTIONS", ())]
            raise DataError(
                f"{option} = {_check.short(value)}: format {name!r} has no use for it; only these formats have: "
                f"{', '.join(map(repr, others))}"
            )
    return given


def _load(name: str) -> _Format:
    return cast(_Format, importlib.import_module(_MODULES[name]))


def _existing(path: Any) -> Path:
    place = _check.as_path(path, "path")
    if str(place) == "-":
        return place
    with _in_sentences(place):
        try:
            if place.is_dir():
                os.scandir(place).close()  # a folder that may not be entered is not an empty one
            else:
                place.stat()
        except FileNotFoundError:
            raise DataError(
                f"{shown(place)}: no such file or folder; labels in one of the formats {_legal()} are needed"
            ) from None
        except ValueError as error:  # a name with a NUL
            raise DataError(f"{shown(place)}: cannot be read ({error})") from None
    return place


@contextlib.contextmanager
def _in_sentences(place: Path) -> Iterator[None]:
    """Turn an error of the system into a sentence that names the file, wherever a reader meets it."""
    try:
        yield
    except OSError as error:
        file = place if error.filename is None else error.filename
        raise DataError(f"{shown(file)}: cannot be read ({error.strerror or error})") from None


def _legal() -> str:
    return ", ".join(map(repr, FORMATS))
