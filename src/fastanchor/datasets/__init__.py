"""Read labelled data sets of any format as :class:`fastanchor.Boxes`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fastanchor import _check
from fastanchor._errors import DataError, MissingFileError
from fastanchor._hints import called, hint, meant
from fastanchor._reading import named, unreadable
from fastanchor._types import PathLike, Progress, Remark, Rng
from fastanchor.boxes import Boxes, concatenated
from fastanchor.datasets._archive import Archives
from fastanchor.datasets._driver import Loaded, NothingRead, load
from fastanchor.datasets._options import FORMS, checked, refuse_idle
from fastanchor.datasets._parts import TRAINING
from fastanchor.datasets._pictures import PICKS, Pick, Score, annotated, picked
from fastanchor.datasets._probe import PARTS, Probe
from fastanchor.datasets._recognise import FORMATS, recognise
from fastanchor.datasets._record import TURNED, UNITS, Format, ImageAnnotation, Options, Source
from fastanchor.datasets._sample import sample
from fastanchor.datasets._skips import Skips, shown
from fastanchor.datasets._write import WRITTEN, write

__all__ = [
    "FILTERS", "FORMATS", "FORMS", "PARTS", "PICKS", "TRAINING", "TURNED", "UNITS", "WRITTEN", "ImageAnnotation",
    "Pick", "Pictures", "Reading", "detect", "filtered", "images_of", "iter_images", "read", "reading", "sample",
    "write",
]  # fmt: skip

FILTERS = ("classes", "exclude", "min_area")  # options of read() that leave out boxes; the others say how to read


PATH = (str, bytes, os.PathLike)


class Reading(NamedTuple):
    """What :func:`reading` returns."""

    boxes: Boxes
    formats: tuple[str, ...]  # format of each path
    splits: tuple[str, ...]  # those that the labels declare
    taken: tuple[str, ...]  # splits that were read; empty for everything


class Pictures(NamedTuple):
    """Images with their boxes, and their format."""

    format: str
    images: list[ImageAnnotation]


def read(
    path: PathLike | Sequence[PathLike],
    *,
    format: str = "auto",
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress = None,
    source_size: int | tuple[int, int] | None = None,
    size_cache: PathLike | None = None,
    images: PathLike | None = None,
    crowd: bool = False,
    columns: Sequence[str] | None = None,
    unit: str | None = None,
    form: str | None = None,
    rows: str | None = None,
    places: bool = True,
    weight: str | None = None,
    turned: str = "upright",
    classes: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    min_area: float = 0.0,
) -> Boxes:
    """Return the boxes of a labelled data set.

    A file or box that cannot be used is skipped and counted by reason in ``Boxes.skipped``; a box that extends beyond
    its image is kept. ``Boxes.remarks`` says what looks wrong about the data set as a whole.

    Parameters
    ----------
    path : path-like, object, or several
        Folder, file, or archive (.zip, .tar, compressed .tar); "-" is a table or COCO JSON on standard input. A path
        given here may be a pipe; files in a folder must be regular files. Several paths are read as one data set, each
        in its own format. An object is a data set of pycocotools, FiftyOne, supervision or Hugging Face's ``datasets``,
        decoded COCO JSON, or a data frame of pandas, polars or pyarrow with columns as tables have them.
    format : str, default "auto"
        One of `FORMATS`. "auto" recognises it by the files.
    split : str, optional
        "train", "val", "test", or another split that the labels declare; several are joined by "+". "auto" is the
        training set where one is declared (``trainval`` before ``train``), else everything. Default: everything.
    strict : bool, default False
        Raise at the first file or box that would be skipped, and at a remark that the labels may be misread.
    report : callable, optional
        Called with one sentence (file, place, reason) for each of the first five skipped files or boxes, and for each
        remark that the labels may be misread.
    progress : bool, callable or None
        None shows a progress bar if stderr is a terminal.
    source_size : int or (width, height), optional
        Size, pixels, of images whose size is neither in the labels nor can be read from the image.
    size_cache : path-like, optional
        File that keeps the sizes read from images for the next run. Default: no file.
    images : path-like, optional
        Folder of the images, where they are not beside the labels.
    crowd : bool, default False
        Keep boxes marked as crowds.
    columns : (width, height), or the four columns of `form`, optional
        Names of the columns that hold the boxes of a table.
    unit : {"pixels", "relative", "percent"}, optional
        Unit of the coordinates. Default: that of the format, unless the whole data set shows another.
    form : {"xyxy", "xywh", "cxcywh"}, optional
        Meaning of the four numbers of a box. Default: that of the format, unless the whole data set shows another.
    rows : str, optional
        Contents of YOLO rows: "box", "polygon", "keypoints", or the number of key points and their values as in
        "keypoints:5x2".
    places : bool, default True
        Keep the positions of boxes, ``Boxes.xy``, if the labels have them.
    weight : str, optional
        Name of the column of a table with the weight of each box, ``Boxes.weights``. Default: "box_weight", if present.
    turned : {"upright", "skip"}, default "upright"
        Whether turned boxes are read, as their upright extents, or left out. A remark says how many were read.
    classes, exclude : sequence of str, optional
        Names of the classes to keep, and to leave out. Default: all classes are kept. The boxes left out are counted
        in ``Boxes.skipped``; their images stay.
    min_area : float, default 0
        Boxes with a smaller area, pixels of the image, are left out and counted.

    Raises
    ------
    DataError
        If the path does not exist, its format is not recognised, the split does not exist, nothing could be read, or an
        option is not supported for these labels.

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
    found = reading(
        path, strict=strict, report=report, progress=progress, format=format, split=split, source_size=source_size,
        size_cache=size_cache, images=images, crowd=crowd, columns=columns, unit=unit, form=form, rows=rows,
        places=places, weight=weight, turned=turned, classes=classes, exclude=exclude, min_area=min_area,
    )  # fmt: skip
    if report is not None:
        for remark in found.boxes.remarks:
            if remark.doubt:
                report(remark.text)
    return found.boxes


def reading(path: PathLike | Sequence[PathLike], *, progress: Progress = None, **options: Any) -> Reading:
    """Return what :func:`read` returns, with the formats and splits; options are those of `read`."""
    paths = _several(path)
    if not paths:
        raise DataError("path: got an empty sequence, expected at least one file or folder")
    filters = _filters(options)
    chosen, skips = _asked(**options)
    with _opened(paths, chosen, progress) as found:
        loaded = [load(*one, chosen, skips.part(), progress) for one in found]
    boxes = filtered(concatenated([one.boxes for one in loaded]), filters)
    idle = sorted(frozenset.intersection(*(one.idle for one in loaded)))
    texts = [f"{called(name)} had no effect on these labels" for name in idle]
    remarks = [*boxes.remarks, *(Remark("option without effect", text, 0) for text in texts)]
    doubt = next((remark for remark in remarks if remark.doubt), None)
    if skips.strict and doubt is not None:
        raise DataError(f"{_shown(paths)}: {doubt.text}{hint('strict')}")
    return Reading(
        boxes.with_remarks(tuple(remarks)) if idle else boxes,
        tuple(one.format for one in loaded),
        tuple(dict.fromkeys(name for one in loaded for name in one.splits)),
        tuple(dict.fromkeys(name for one in loaded for name in one.taken)),
    )


def _several(path: Any) -> Sequence[Any]:
    """Return the paths or objects of an argument; samples of FiftyOne are one object."""
    if isinstance(path, PATH) or not isinstance(path, Sequence):
        return [path]
    return path if all(isinstance(one, PATH) for one in path) or _object(path) is None else [path]


def _shown(paths: Sequence[Any]) -> str:
    """Return paths, and the types of objects, for messages."""
    return ", ".join(
        shown(os.fsdecode(one)) if isinstance(one, PATH) else f"{type(one).__name__} object" for one in paths
    )


def _object(value: Any) -> tuple[Format, Source, Probe] | None:
    """Return how to read an object of another library; None for a path."""
    if isinstance(value, PATH):
        return None
    from fastanchor.datasets._objects import found_in  # milliseconds that paths need not wait for

    return found_in(value)


def iter_images(
    path: PathLike,
    *,
    limit: int | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress = False,
    **options: Any,
) -> Iterator[ImageAnnotation]:
    """Return an iterator over the images of a labelled data set, each with its rectangles, in the order of `read`.

    Parameters
    ----------
    path : path-like
    limit : int, optional
        Largest number of images. Where each image has its own label file, the others are not read.
        With `classes`, `exclude` or `min_area`, images without such a box do not count.
    strict, report, progress, **options
        Those of :func:`read`.

    Raises
    ------
    DataError
        As :func:`read` does; and if the labels have no positions of boxes.
    """
    options.update(strict=strict, report=report)
    return iter(images_of(path, limit=limit, progress=progress, **options).images)


def images_of(
    path: PathLike, *, limit: int | None = None, progress: Progress = False, pick: Pick | Score = "first",
    rng: Rng = None, contents: bool = False, **options: Any,
) -> Pictures:  # fmt: skip
    """Return the images that :func:`iter_images` yields, and their format.

    `pick` says which, see :func:`picked`; `contents`, whether those in an archive are read, to be drawn.
    """
    filters = _filters(options)
    chosen, skips = _asked(**options)
    every = bool(filters) or pick != "first"
    with _opened([path], chosen, progress) as found:
        loaded = _first(
            None if every else limit, lambda files, skips: load(*found[0], chosen, skips, progress, files), skips
        )
        if loaded.boxes.xy is None:
            raise DataError(f"{_shown([path])}: the labels have no positions of boxes, so they cannot be drawn")
        if loaded.boxes.image_wh is None:
            raise DataError(
                f"{_shown([path])}: the sizes of the images are unknown, so boxes cannot be drawn; {hint('sizes')}"
            )
        loaded = loaded._replace(boxes=filtered(loaded.boxes, filters))
        images = picked(loaded.boxes, limit, pick, rng, boxed=bool(filters))
        return Pictures(loaded.format, annotated(loaded, images, found[0][0].single, contents))


def _first(limit: int | None, read: Callable[[int | None, Skips], Loaded], skips: Skips) -> Loaded:
    """Read files until they hold enough images; some files cannot be used."""
    files = limit
    while True:
        try:
            loaded = read(files, skips)
            if files is None or limit is None or not loaded.more or len(loaded.batch.label) >= limit:
                return loaded
        except NothingRead as error:
            if files is None or not error.more:
                raise
        files, skips = 4 * files, Skips(strict=skips.strict)  # skipped files are reported once


def detect(path: PathLike) -> str:
    """Return the name of the format of a labelled data set, one of `FORMATS`.

    Raises
    ------
    DataError
        If the path does not exist or no format is recognised.
    """
    with _opened([path], Options()) as found:
        return found[0][0].name


def filtered(boxes: Boxes, filters: Mapping[str, Any]) -> Boxes:
    """Return the boxes that the options in `filters`, of FILTERS, keep; None is no filter."""
    given = {name: value for name, value in filters.items() if value is not None}
    return boxes.filter(**given) if given else boxes


def _filters(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options in FILTERS out of those of `read`, and return those that leave out boxes."""
    found = {name: value for name in FILTERS if (value := options.pop(name, None)) is not None}
    for name in ("classes", "exclude"):
        if name in found:
            found[name] = _check.names(found[name], name)
    if not _check.number(found.get("min_area", 0.0), "min_area", low=0.0):
        found.pop("min_area", None)
    return found


def _asked(
    *, strict: bool = False, report: Callable[[str], None] | None = None, **options: Any
) -> tuple[Options, Skips]:  # fmt: skip
    return checked(Options(**options)), Skips(strict=strict, report=report)


@contextlib.contextmanager
def _opened(
    paths: Sequence[Any], options: Options, progress: Progress = False
) -> Iterator[list[tuple[Format, Source, Probe]]]:
    """Recognise the formats of paths; pipes and unpacked archives stay available inside the context."""
    objects = [_object(path) for path in paths]
    places = [Path(one[1].files[0]) if one else _check.as_path(path, "path")
              for path, one in zip(paths, objects, strict=True)]  # fmt: skip
    legal = ("auto",) if any(objects) else ("auto", *FORMATS)
    if options.format not in legal:
        like = meant(str(options.format), legal)
        rule = f"is unknown{like}" if like else f"must be {', '.join(['auto', *sorted(legal[1:])])}"
        raise DataError(f"{called('format')} = {options.format!r} for {shown(places[0])}: {rule}")
    with Archives(progress) as archives, _in_sentences(places[0]), named(*places):
        found = []
        for place, one in zip(places, objects, strict=True):
            if one is not None:
                found.append(one)
                continue
            _check_there(place)
            probe = archives.probe(place, named=options.format != "auto")
            found.append((*recognise(probe, options.format), probe))
        refuse_idle(options, [format for format, _, _ in found])
        yield found


def _check_there(place: Path) -> None:
    if str(place) == "-":
        return
    try:
        if place.is_dir():
            os.scandir(place).close()  # a folder without permission is not an empty one
        else:
            place.stat()
    except FileNotFoundError:
        raise MissingFileError(f"{shown(place)}: no such file or folder") from None
    except ValueError as error:  # a name with a NUL
        raise DataError(f"{shown(place)}: cannot be read ({error})") from None


@contextlib.contextmanager
def _in_sentences(place: Path) -> Iterator[None]:
    """Turn an OSError of a reader into a DataError that names the file."""
    try:
        yield
    except OSError as error:
        file = place if error.filename is None else error.filename
        raise unreadable(shown(file), error) from None
