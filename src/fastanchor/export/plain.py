"""JSON and CSV: every digit, for programs. And bare numbers, as in a ``yolo_anchors.txt``."""

from __future__ import annotations

import csv as _csv
import json as _json
from reprlib import repr as brief
from typing import Any, cast

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import Fit, FloatArray
from fastanchor.boxes import FITS
from fastanchor.export._common import NUMBER, Config, Input, Layout, Target, dealt, from_words, noted
from fastanchor.levels import DEEPEST, Split

__all__ = ["CSV", "JSON", "csv", "json", "read_numbers"]

# the keys of `fastanchor anchors --json` too
KEYS = ("fit", "img_size")


def json(anchors: FloatArray, parts: Split | None = None, made_for: Input | None = None) -> str:
    """Return one JSON object: ``anchors``, and ``levels`` with level, stride and anchors.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
    made_for : Input, optional
        What the anchors are for, which ``fit`` and ``img_size`` say.

    Examples
    --------
    >>> import numpy as np
    >>> print(json(np.array([[10.5, 13.0]])))
    {"anchors": [[10.5, 13.0]], "levels": [{"level": 5, "stride": 32, "anchors": [[10.5, 13.0]]}]}
    """
    rows = [
        {"level": layer.level, "stride": layer.stride, "anchors": layer.anchors.tolist()}
        for layer in dealt(anchors, parts)
    ]
    rest = {} if made_for is None else dict(zip(KEYS, made_for, strict=True))
    return _json.dumps({"anchors": anchors.tolist(), "levels": rows, **rest}, allow_nan=False)


def csv(anchors: FloatArray, parts: Split | None = None, made_for: Input | None = None) -> str:
    """Return a line an anchor: level, stride, width, height.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
    made_for : Input, optional
        Not written: CSV has no comments, and many readers would take one for the head.

    Examples
    --------
    >>> import numpy as np
    >>> print(csv(np.array([[10.5, 13.0]])))
    level,stride,width,height
    5,32,10.5,13.0
    """
    lines = ["level,stride,width,height"]
    for level, stride, part, _ in dealt(anchors, parts):
        lines += [f"{level},{stride},{w!r},{h!r}" for w, h in part.tolist()]
    return "\n".join(lines)


def read_json(text: str) -> Config:
    """Return what a JSON object with a key "anchors" says, as ``--emit json`` and ``anchors --json`` write it.

    Raises
    ------
    DataError
        If it is not JSON, or has no such key.

    Examples
    --------
    >>> found = read_json('{"anchors": [[1, 2]], "fit": "stretch", "img_size": [64, 48]}')
    >>> found.anchors.tolist(), found.note
    ([[1.0, 2.0]], Input(fit='stretch', img_size=(64, 48)))
    """
    try:
        content = _json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is not JSON ({error})") from None
    if not isinstance(content, dict) or "anchors" not in content:
        raise DataError("is no JSON object with a key 'anchors'")
    anchors = _check.as_sizes(content["anchors"], "anchors", "pixels of the network input")
    fit, size = (content.get(key) for key in KEYS)
    note = None
    if fit in FITS and isinstance(size, list) and [type(side) for side in size] == [int, int]:
        note = Input(cast(Fit, fit), (size[0], size[1])) if min(size) > 0 else None
    return Config(anchors, _json_layout(content.get("levels"), anchors), len(anchors), note=note)


def _json_layout(rows: Any, anchors: FloatArray) -> Layout:
    """Return the levels if they hold all anchors in their order, else none."""
    layout: Layout = []
    held: list[Any] = []
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or type(row.get("level")) is not int or not isinstance(row.get("anchors"), list):
            return []
        layout.append((row["level"], list(range(len(held), len(held) + len(row["anchors"])))))
        held += row["anchors"]
    levels = [level for level, _ in layout]
    rising = levels == sorted(set(levels)) and all(0 <= level <= DEEPEST for level in levels)
    return layout if rising and held == anchors.tolist() else []


def read_csv(text: str) -> Config:
    r"""Return the anchors of a CSV with the columns ``width`` and ``height``, and ``level`` if it has it.

    Raises
    ------
    DataError
        If a column is missing, or a cell is no number.

    Examples
    --------
    >>> found = read_csv("level,stride,width,height\n4,16,10.5,13.0\n5,32,30.0,61.0\n")
    >>> found.anchors.tolist(), found.layout
    ([[10.5, 13.0], [30.0, 61.0]], [(4, [0]), (5, [1])])
    """
    try:
        reader = _csv.DictReader(text.removeprefix("\ufeff").splitlines())
        rows = [(reader.line_num, row) for row in reader]
    except _csv.Error as error:
        raise DataError(f"is not CSV ({error})") from None
    if not rows or not {"width", "height"} <= set(rows[0][1]):
        raise DataError("must have a line with the columns width, height, and lines with numbers below it")
    anchors = from_words(" ".join(_cell(row, side, line) for line, row in rows for side in ("width", "height")))
    levels = [row.get("level") or "" for _, row in rows]
    layout: dict[int, list[int]] = {}
    for i, level in enumerate(levels):
        if level.isascii() and level.isdigit() and len(level) < 3 and int(level) <= DEEPEST:
            layout.setdefault(int(level), []).append(i)
    if sum(map(len, layout.values())) < len(anchors):
        layout = {}
    return Config(anchors, sorted(layout.items()), len(anchors))


def _cell(row: dict[str, str | None], side: str, line: int) -> str:
    value = (row[side] or "").strip()
    if not value:
        raise DataError(f"line {line}: has no {side}")
    if not NUMBER.fullmatch(value):
        raise DataError(f"line {line}: {side} = {brief(value)}: must be a number")
    return value


def read_numbers(text: str) -> Config:
    r"""Return anchors that are numbers and nothing else, in one line or in many.

    Raises
    ------
    DataError
        If a word is no number, or they are no pairs.

    Examples
    --------
    >>> read_numbers("10,13,  16,30\n").anchors.tolist()
    [[10.0, 13.0], [16.0, 30.0]]
    """
    bare = "\n".join(line.split("#", 1)[0] for line in text.removeprefix("\ufeff").split("\n"))
    anchors = from_words(bare)
    why = ""
    if 2 <= anchors.max() < 32 and np.any(anchors != np.round(anchors)):
        why = "all anchors are below 32 pixels and have decimals; if they are in cells, multiply them by the stride"
    return Config(anchors, [], len(anchors), why, note=noted(text))


# for programs: whatever fit they were computed for
JSON = Target(json, read_json, "letterbox", any_fit=True)
CSV = Target(csv, read_csv, "letterbox", any_fit=True)
