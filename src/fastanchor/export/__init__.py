"""Anchors as the text of a detector's configuration: written, read back, and put in place. One file per family.

This file finds the dialect of a text or a file, and reads the file; ``_dialect`` says what a dialect is.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called, of_file
from fastanchor._reading import SETTINGS, content, named
from fastanchor._types import Fit, FloatArray, PathLike
from fastanchor.boxes import FITS
from fastanchor.export._dialect import NUMBER, Config, Dialect, Input, from_words, simplified
from fastanchor.export.darknet import DARKNET
from fastanchor.export.mm import MMDET, MMYOLO
from fastanchor.export.numbers import NUMBERS
from fastanchor.export.paddle import PADDLE
from fastanchor.export.plain import CSV, JSON
from fastanchor.export.tao import TAO
from fastanchor.export.yolo import YOLOV5
from fastanchor.levels import LevelCounts

__all__ = [
    "FORMATS", "Config", "Dialect", "Input", "default_levels", "edit", "emit", "is_file_name", "is_numbers", "read",
    "read_edited",
]  # fmt: skip

FORMATS: dict[str, Dialect] = {
    "yolov5": YOLOV5,
    "yolov7": YOLOV5,
    "darknet": DARKNET,
    "mmdet": MMDET,
    "mmyolo": MMYOLO,
    "paddle": PADDLE,
    "tao": TAO,
    "keras-yolo3": NUMBERS,
    "json": JSON,
    "csv": CSV,
}


def emit(
    anchors: FloatArray,
    fmt: str,
    levels: LevelCounts | None = None,
    *,
    made_for: Input | None = None,
    fit: Fit | None = None,
) -> str:
    """Return the anchors in one of :data:`FORMATS`, without a newline at the end.

    Parameters
    ----------
    anchors : (n, 2) float64
        Pixels of the network input, smallest area first.
    fmt : str
    levels : list of (level, number of its anchors), optional
        Rising levels, 0 to 12, whose anchors add up to n. Default: the usual levels for n anchors.
    made_for : Input, optional
        What the anchors are for; the text says so. Default: not known, and not compared.
    fit : {"letterbox", "stretch", "shortest"}, optional
        How your network gets its images. Default: as the format's detectors usually do.

    Raises
    ------
    DataError
        If the format is unknown, cannot express these levels, or the anchors are for another fit.

    Examples
    --------
    >>> import numpy as np
    >>> six = np.array([[10.2, 13], [16, 30], [33, 23], [30, 61], [62.25, 45], [59, 119]])
    >>> emit(six, "darknet")
    'anchors = 10,13, 16,30, 33,23, 30,61, 62,45, 59,119'
    >>> print(emit(six, "yolov5", made_for=Input("letterbox", (640, 640))))
    anchors:  # fastanchor: letterbox, 640 x 640 pixels
      - [10.2,13, 16,30, 33,23]  # P4/16
      - [30,61, 62.2,45, 59,119]  # P5/32
    """
    dialect = FORMATS[_check.choice(fmt, "format", tuple(FORMATS))]
    if not dialect.needs.any_fit:
        _agree(fmt, made_for, fit or dialect.needs.fit)
    return dialect.write(anchors, levels, made_for)


def read(anchors: PathLike | Sequence[str], *, name: str = "anchors", others: Sequence[Dialect] = ()) -> Config:
    """Return anchors that exist already, from numbers as in ``"10,13 16,30"`` or from the file of this name.

    Parameters
    ----------
    anchors : str, path or sequence of str
        One name of a .yaml, .yml, .cfg, .json, .csv, .txt or .py file; or widths and heights in turn, separated by
        commas or blanks. Brackets may enclose them, and "x" may join the two sides of an anchor.
    name : str, default "anchors"
        Name of the argument, for errors about numbers.
    others : sequence of Dialect
        Dialects besides those of :data:`FORMATS`. Default: none.

    Raises
    ------
    DataError
        If the file cannot be read or has no anchors, or the numbers are not pairs.

    Examples
    --------
    >>> read("10,13 16,30.5").anchors
    array([[10. , 13. ],
           [16. , 30.5]])
    """
    if not isinstance(anchors, (bytes, os.PathLike)):
        text = anchors if isinstance(anchors, str) else " ".join(_check.names(anchors, name))
        if not is_file_name(text):
            values = from_words(simplified(text), name)
            return Config(values, [], len(values))
        anchors = text
    dialects = [*FORMATS.values(), *others]
    path, text = _text_of(anchors, dialects)
    with _naming(path):
        return _dialect_of(path, text, dialects).read(text)


def is_file_name(text: str) -> bool:
    """Return whether :func:`read` takes a text as the name of a file, and not as numbers.

    Examples
    --------
    >>> is_file_name("yolov4.cfg"), is_file_name("10,13 16,30.5")
    (True, False)
    """
    ends = re.fullmatch(r"[^\n]*\.[A-Za-z]\w*", text) is not None
    return ends and re.fullmatch(r"[-+\d\s.,eE\[\]()xX\N{MULTIPLICATION SIGN}]*", text) is None


def is_numbers(text: str) -> bool:
    """Return whether a text is anchors as they are typed, or a part of them.

    Examples
    --------
    >>> is_numbers("10,13 16,30.5"), is_numbers("10,13 y"), is_numbers("[10x13,"), is_numbers("x")
    (True, False, True, True)
    """
    words = re.split(r"[\s,]+", simplified(text))
    return all(NUMBER.fullmatch(word) or word in ("x", "X", "\N{MULTIPLICATION SIGN}") for word in words if word)


def read_edited(file: PathLike) -> Config:
    """Return what a file says that :func:`edit` can edit.

    Raises
    ------
    DataError
        If the file cannot be read, has another ending, or has no anchors to replace.
    """
    path, text = _text_of(file, _editable())
    with _naming(path):
        return _dialect_of(path, text, _editable()).read(text)


def edit(
    file: PathLike,
    anchors: FloatArray,
    levels: LevelCounts | None = None,
    *,
    made_for: Input | None = None,
    fit: Fit | None = None,
) -> str:
    """Return the text of a YOLOv5 or YOLOv7 model YAML, or of a Darknet cfg, with these anchors in their place.

    Everything else stays unchanged, to the byte; comments inside a YAML's block are replaced with it. The default
    levels are those of the file, with its numbers of anchors if they add up, else with equal numbers.

    Parameters
    ----------
    file : path
        Ends in .yaml, .yml or .cfg.
    anchors : (n, 2) float64
        Pixels of the network input, smallest area first.
    levels : list of (level, number of its anchors), optional
    made_for : Input, optional
        What the anchors are for. Default: not known, and not compared with the file.
    fit : {"letterbox", "stretch", "shortest"}, optional
        How your network gets its images. Default: as the file says, else as its detectors usually do.

    Raises
    ------
    DataError
        If the file cannot be read, has another ending, has no anchors to replace, or other levels; or if the anchors
        are for another size or fit than the file.
    """
    path, text = _text_of(file, _editable())
    with _naming(path):
        dialect = _dialect_of(path, text, _editable())
        if made_for is not None:
            own = dialect.read(text)
            _agree("the file", made_for, fit or own.fit or dialect.needs.fit)
            size = own.img_size or made_for.img_size
            if size != made_for.img_size:
                have, want = (f"{w} x {h}" for w, h in (size, made_for.img_size))
                raise DataError(f"has a network input of {have}, and the anchors are for {want}; the size in the file "
                                "is not changed, so change it there, or compute anchors for it")  # fmt: skip
        return dialect.splice(text, anchors, levels, made_for)


def default_levels(fmt: str | None, n: int) -> LevelCounts:
    """Return the levels that n anchors have in a format, or in most of them, if none are chosen."""
    return FORMATS[fmt or "yolov5"].default_levels(n)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the name of a file before what is wrong with its content."""
    try:
        with of_file():
            yield
    except DataError as error:
        raise type(error)(f"{path}: {error}") from None


def _agree(name: str, made_for: Input | None, fit: str) -> None:
    """Raise if the anchors are for another fit than this one."""
    _check.choice(fit, "fit", FITS)
    if made_for is not None and made_for.fit != fit:
        raise DataError(
            f"{called('fit')}: the anchors are for {made_for.fit}, and {name} has {fit}; compute them with fit = "
            f"{fit!r}, or give fit = {made_for.fit!r} for the text too if your network does so"
        )


def _editable() -> list[Dialect]:
    return [one for one in FORMATS.values() if one.splicer is not None]


def _dialect_of(path: Path, text: str, dialects: Sequence[Dialect]) -> Dialect:
    """Return the dialect of a file: one with its ending whose mark is in the text, else the only one with its mark.

    Without any mark, it is one of the ending that needs none.
    """
    rivals = [one for one in dialects if path.suffix.lower() in one.needs.endings]
    marked = _marked(rivals, text)
    others = [] if marked else _marked(dialects, text)
    if len(others) == 1:
        return others[0]
    if len(others) > 1 and not rivals:
        found = ", ".join(f"{one.needs.name} ({one.needs.endings[0]})" for one in others)
        raise DataError(f"may be for several detectors, which its ending would tell apart: {found}")
    chosen = marked[-1:] or [one for one in rivals if not one.needs.mark]
    if not chosen:
        raise DataError(f"not recognised; expected anchors for {' or '.join(one.needs.name for one in rivals)}")
    return chosen[0]


def _marked(dialects: Sequence[Dialect], text: str) -> list[Dialect]:
    return [one for one in dialects if one.needs.mark and re.search(one.needs.mark, text)]


def _text_of(file: PathLike, dialects: Sequence[Dialect]) -> tuple[Path, str]:
    path = _check.as_path(file, "file")
    ending = path.suffix.lower()
    endings = list(dict.fromkeys(ending for one in dialects for ending in one.needs.endings))
    other = DataError(f"{path}: must end in {', '.join(endings[:-1])} or {endings[-1]}")
    if ending not in endings and not path.is_file():
        raise other
    with named(path):
        data = content(path, None if ending in (".json", ".csv") else SETTINGS)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise other if ending not in endings else DataError(f"{path}: is not UTF-8 text") from None
    if ending not in endings and not _marked(dialects, text):
        raise other
    return path, text
