"""Anchors as the text of a detector's configuration, written, read back, and put in place. One file a family.

Every format takes the anchors, (n, 2) float64 pixels of the network input with the smallest area first, and optionally
their levels as :func:`fastanchor.levels.split` returns them, and the :class:`Input` that they are for.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import of_file
from fastanchor._reading import SETTINGS, content, named
from fastanchor._types import Fit, FloatArray, PathLike
from fastanchor.boxes import FITS
from fastanchor.export._common import NUMBER, Config, Input, Target, from_words
from fastanchor.export.darknet import DARKNET, darknet, edit_cfg
from fastanchor.export.mm import MMDET, MMYOLO, mmdet, mmyolo
from fastanchor.export.paddle import PADDLE, paddle
from fastanchor.export.plain import CSV, JSON, csv, json, read_numbers
from fastanchor.export.tao import SHAPE, TAO, tao, tao_levels
from fastanchor.export.yolo import YOLOV5, edit_yaml, yolov5
from fastanchor.levels import Split, levels

__all__ = [
    "FORMATS", "Config", "Input", "Target", "csv", "darknet", "edit", "edit_cfg", "edit_yaml", "emit",
    "is_file_name", "is_numbers", "json", "levels", "mmdet", "mmyolo", "paddle", "read", "read_edited", "tao",
    "usual_levels", "yolov5",
]  # fmt: skip

FORMATS: dict[str, Target] = {
    "yolov5": YOLOV5,
    "yolov7": YOLOV5,
    "darknet": DARKNET,
    "mmdet": MMDET,
    "mmyolo": MMYOLO,
    "paddle": PADDLE,
    "tao": TAO,
    "json": JSON,
    "csv": CSV,
}

EDITED = (".yaml", ".yml", ".cfg")
ENDINGS = (*EDITED, ".json", ".csv", ".txt", ".py")


def emit(
    anchors: FloatArray,
    fmt: str,
    parts: Split | None = None,
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
    parts : list of (level, anchors in it), optional
        Rising levels, 0 to 12, whose anchors add up to n. Default: the usual levels for n anchors.
    made_for : Input, optional
        What the anchors are for; the text says so. Default: not known, and not compared.
    fit : {"letterbox", "stretch"}, optional
        How your network gets its images. Default: as the format's detectors usually do.

    Raises
    ------
    DataError
        If the format is unknown, cannot hold these levels, or the anchors are for another fit.

    Examples
    --------
    >>> import numpy as np
    >>> emit(np.array([[10.2, 43.0]]), "darknet")
    'anchors = 10,43'
    """
    target = FORMATS[_check.choice(fmt, "format", tuple(FORMATS))]
    if not target.any_fit:
        _agree(fmt, made_for, fit or target.fit)
    return target.write(anchors, parts, made_for)


def read(anchors: PathLike | Sequence[str]) -> Config:
    """Return anchors that exist already, from numbers as in ``"10,13 16,30"`` or from the file of this name.

    Parameters
    ----------
    anchors : str, path or sequence of str
        One name of a .yaml, .yml, .cfg, .json, .csv, .txt or .py file; or widths and heights in turn, apart by commas
        or blanks.

    Raises
    ------
    DataError
        If the file cannot be read or holds no anchors, or the numbers are no pairs.

    Examples
    --------
    >>> read("10,13 16,30.5").anchors
    array([[10. , 13. ],
           [16. , 30.5]])
    """
    if not isinstance(anchors, (bytes, os.PathLike)):
        text = anchors if isinstance(anchors, str) else " ".join(_check.names(anchors, "anchors"))
        if not is_file_name(text):
            found = from_words(text)
            return Config(found, [], len(found))
        anchors = text
    path, content = _text_of(anchors, ENDINGS)
    with _said_of(path):
        return _grammar(path, content)(content)


def is_file_name(text: str) -> bool:
    """Return whether :func:`read` takes a text for the name of a file, and not for numbers.

    Examples
    --------
    >>> is_file_name("yolov4.cfg"), is_file_name("10,13 16,30.5")
    (True, False)
    """
    ends = re.fullmatch(r"[^\n]*\.[A-Za-z]\w*", text) is not None
    return ends and re.fullmatch(r"[-+\d\s.,eE]*", text) is None


def is_numbers(text: str) -> bool:
    """Return whether a text is nothing but numbers, apart by commas or blanks.

    Examples
    --------
    >>> is_numbers("10,13 16,30.5"), is_numbers("10,13 x")
    (True, False)
    """
    return all(NUMBER.fullmatch(word) for word in re.split(r"[\s,]+", text.strip(" \t\r\n,")) if word)


def read_edited(file: PathLike) -> Config:
    """Return what a file says that :func:`edit` can edit.

    Raises
    ------
    DataError
        If the file cannot be read, has another ending, or has no anchors to replace.
    """
    path, text = _text_of(file, EDITED)
    with _said_of(path):
        return _edited(path).read(text)


def edit(
    file: PathLike,
    anchors: FloatArray,
    parts: Split | None = None,
    *,
    made_for: Input | None = None,
    fit: Fit | None = None,
) -> str:
    """Return the text of a YOLOv5 or YOLOv7 model YAML, or of a Darknet cfg, with these anchors in their place.

    All else stays as it is, to the byte; comments inside a YAML's block go with it. Without `parts` the levels are
    those of the file, with its numbers of anchors, or in equal parts.

    Parameters
    ----------
    file : path
        Ends in .yaml, .yml or .cfg.
    anchors : (n, 2) float64
        Pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
    made_for : Input, optional
        What the anchors are for. Default: not known, and not compared with the file.
    fit : {"letterbox", "stretch"}, optional
        How your network gets its images. Default: as the file says, else as its detectors usually do.

    Raises
    ------
    DataError
        If the file cannot be read, has another ending, has no anchors to replace, or other levels; or if the anchors
        are for another size or fit than the file.
    """
    path, text = _text_of(file, EDITED)
    target = _edited(path)
    with _said_of(path):
        if made_for is not None:
            own = target.read(text)
            _agree("the file", made_for, fit or own.fit or target.fit)
            size = own.img_size or made_for.img_size
            if size != made_for.img_size:
                have, want = (f"{w} x {h}" for w, h in (size, made_for.img_size))
                raise DataError(f"has a network input of {have}, and the anchors are for {want}; the size in the file "
                                "is not changed, so change it there, or compute anchors for it")  # fmt: skip
        if target.splice is None:
            raise DataError("cannot be edited")
        return target.splice(text, anchors, parts, made_for)


def usual_levels(fmt: str | None, n: int) -> Split:
    """Return the levels that n anchors have in a format if none are chosen."""
    return tao_levels(n) if fmt == "tao" else levels(n)


@contextlib.contextmanager
def _said_of(path: Path) -> Iterator[None]:
    """Put the name of a file before what is wrong with its content."""
    try:
        with of_file():
            yield
    except DataError as error:
        raise type(error)(f"{path}: {error}") from None


def _edited(path: Path) -> Target:
    return DARKNET if path.suffix.lower() == ".cfg" else YOLOV5


def _agree(name: str, made_for: Input | None, fit: str) -> None:
    """Raise if the anchors are for another fit than the one wanted."""
    _check.choice(fit, "fit", FITS)
    if made_for is not None and made_for.fit != fit:
        raise DataError(
            f"fit: the anchors are for {made_for.fit}, and {name} has {fit}; compute them with fit = {fit!r}, or give "
            f"fit = {made_for.fit!r} for the text too if your network does so"
        )


def _grammar(path: Path, text: str) -> Callable[[str], Config]:
    """Return the function that reads such a file."""
    ending = path.suffix.lower()
    if ending in (".yaml", ".yml", ".txt") and SHAPE.search(text):
        return TAO.read
    if ending in (".yaml", ".yml"):
        return PADDLE.read if re.search(r"\banchor_masks\b", text) else YOLOV5.read
    return {".cfg": DARKNET.read, ".json": JSON.read, ".csv": CSV.read, ".py": MMDET.read, ".txt": read_numbers}[ending]


def _text_of(file: PathLike, endings: tuple[str, ...]) -> tuple[Path, str]:
    path = _check.as_path(file, "file")
    ending = path.suffix.lower()
    if ending not in endings:
        raise DataError(f"{path}: must end in {', '.join(endings[:-1])} or {endings[-1]}")
    with named(path):
        data = content(path, None if ending in (".json", ".csv") else SETTINGS)
    try:
        return path, data.decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not UTF-8 text") from None
