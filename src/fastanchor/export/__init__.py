"""Anchors as the text of a detector's configuration. One file a family of detectors.

Every format takes the anchors, (n, 2) float64 pixels of the network input with the smallest area first, and optionally
their levels as :func:`fastanchor.layers.split` returns them.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.export.darknet import cfg_layout, cfg_levels, darknet, edit_cfg
from fastanchor.export.mm import mmdet, mmyolo
from fastanchor.export.paddle import paddle
from fastanchor.export.plain import csv, json
from fastanchor.export.tao import tao, tao_levels
from fastanchor.export.yolo import edit_yaml, yaml_layout, yaml_levels, yolov5
from fastanchor.layers import Split, levels

__all__ = [
    "FORMATS", "csv", "darknet", "edit", "edit_cfg", "edit_yaml", "emit", "json", "layout", "levels", "levels_in",
    "mmdet", "mmyolo", "paddle", "tao", "usual_levels", "yolov5",
]  # fmt: skip

FORMATS: dict[str, Callable[[FloatArray, Split | None], str]] = {
    "yolov5": yolov5,
    "yolov7": yolov5,
    "darknet": darknet,
    "mmdet": mmdet,
    "mmyolo": mmyolo,
    "paddle": paddle,
    "tao": tao,
    "json": json,
    "csv": csv,
}


def emit(anchors: FloatArray, fmt: str, parts: Split | None = None) -> str:
    """Return the anchors in one of :data:`FORMATS`, without a newline at the end.

    Raises
    ------
    DataError
        If the format is unknown, or cannot hold these levels.

    Examples
    --------
    >>> import numpy as np
    >>> emit(np.array([[10.2, 13.0]]), "darknet")
    'anchors = 10,13'
    """
    return FORMATS[_check.choice(fmt, "format", tuple(FORMATS))](anchors, parts)


def edit(file: str | Path, anchors: FloatArray, parts: Split | None = None) -> str:
    """Return the text of a YOLOv5 or YOLOv7 model YAML, or of a Darknet cfg, with these anchors in their place.

    All else stays as it is, to the byte; comments inside a YAML's block go with it. Without `parts` the levels are
    those of the file, in equal parts.

    Parameters
    ----------
    file : path
        Ends in .yaml, .yml or .cfg.
    anchors : (n, 2) float64
        Pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional

    Raises
    ------
    DataError
        If the file cannot be read, has another ending, has no anchors to replace, or other levels.
    """
    path, text = _text_of(file)
    how = edit_cfg if path.suffix.lower() == ".cfg" else edit_yaml
    try:
        return how(text, anchors, parts)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def levels_in(file: str | Path) -> tuple[int, ...]:
    """Return the levels of a YOLOv5 or YOLOv7 model YAML, or of a Darknet cfg; () if it does not tell.

    Raises
    ------
    DataError
        If the file cannot be read, has another ending, or has no anchors to replace.
    """
    path, text = _text_of(file)
    try:
        return cfg_levels(text) if path.suffix.lower() == ".cfg" else yaml_levels(text)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def layout(file: str | Path) -> list[tuple[int, list[int]]]:
    """Return the levels of a YOLOv5 or YOLOv7 model YAML, or of a Darknet cfg, and which of its anchors each has.

    Raises
    ------
    DataError
        If the file cannot be read, has another ending, or cannot be understood.
    """
    path, text = _text_of(file)
    try:
        return cfg_layout(text) if path.suffix.lower() == ".cfg" else yaml_layout(text)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def usual_levels(fmt: str | None, n: int) -> Split:
    """Return the levels that n anchors have in a format if none are chosen."""
    return tao_levels(n) if fmt == "tao" else levels(n)


def _text_of(file: str | Path) -> tuple[Path, str]:
    path = Path(file)
    if path.suffix.lower() not in (".yaml", ".yml", ".cfg"):
        raise DataError(f"{path}: must end in .yaml, .yml or .cfg")
    try:
        return path, path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not UTF-8 text") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
