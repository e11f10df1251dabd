"""JSON and CSV: every digit, for programs."""

from __future__ import annotations

import csv
import json
import re
from reprlib import repr as brief
from typing import Any, cast

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._text import many
from fastanchor._types import Fit, FloatArray
from fastanchor.boxes import FITS
from fastanchor.export._dialect import (
    MOST_ROWS,
    NUMBER,
    UNIT,
    Config,
    Content,
    Dialect,
    Input,
    Layout,
    Needs,
    from_words,
)
from fastanchor.levels import DEEPEST

__all__ = ["CSV", "JSON"]

# the columns of a table of boxes that one of anchors has not
OF_BOXES = re.compile(
    r"(bbox|box|roi|bb)?([xy](\d|min|max|c|center|centre)?|(c|center|centre|min|max)[xy]|[xy][tb][lr])"
    r"|left|top|right|bottom|bbox|box|(image|img|file)(id|name|path|width|height|w|h)?|path|filepath"
    r"|(class|category|label)(id|name)?|split|boxweight"
)

# the keys of `fastanchor anchors --json` too
KEYS = ("fit", "img_size")


def write_json(content: Content) -> str:
    """Return one object: ``anchors``, ``levels`` with level, stride and anchors, and ``fit`` and ``img_size``."""
    rows = [{"level": one.level, "stride": one.stride, "anchors": one.anchors.tolist()} for one in content.levels]
    rest = {} if content.made_for is None else dict(zip(KEYS, content.made_for, strict=True))
    return json.dumps({"anchors": content.anchors.tolist(), "levels": rows, **rest}, allow_nan=False)


def write_csv(content: Content) -> str:
    """Return one line per anchor: level, stride, width, height.

    The network input is not written: CSV has no comments, and many readers would take one for the header.
    """
    rows = [f"{one.level},{one.stride},{w!r},{h!r}" for one in content.levels for w, h in one.anchors.tolist()]
    return "\n".join(["level,stride,width,height", *rows])


def read_json(text: str) -> Config:
    """Return what a JSON object with a key "anchors" says, as ``--emit json`` and ``anchors --json`` write it.

    Examples
    --------
    >>> found = read_json('{"anchors": [[1, 2]], "fit": "stretch", "img_size": [64, 48]}')
    >>> found.anchors.tolist(), found.note
    ([[1.0, 2.0]], Input(fit='stretch', img_size=(64, 48)))
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not valid JSON ({error})") from None
    rows = content.get("annotations") if isinstance(content, dict) and "anchors" not in content else content
    if isinstance(rows, list) and rows and _is_box(rows[0]):
        raise DataError(f"is a list of boxes, not of anchors ({many(len(rows), 'box', 'boxes')})")
    if not isinstance(content, dict) or "anchors" not in content:
        raise DataError("not a JSON object with a key 'anchors'")
    anchors = _check.as_sizes(content["anchors"], "anchors", UNIT)
    fit, size = (content.get(key) for key in KEYS)
    note = None
    if fit in FITS and isinstance(size, list) and [type(side) for side in size] == [int, int]:
        note = Input(cast(Fit, fit), (size[0], size[1])) if min(size) > 0 else None
    return Config(anchors, _json_layout(content.get("levels"), anchors), note=note)


def _is_box(row: Any) -> bool:
    return isinstance(row, dict) or (isinstance(row, list) and len(row) > 3)


def _json_layout(rows: Any, anchors: FloatArray) -> Layout:
    """Return the levels if they contain all anchors in their order, else []."""
    layout: Layout = []
    listed: list[Any] = []
    for row in rows if isinstance(rows, list) else []:
        if not isinstance(row, dict) or type(row.get("level")) is not int or not isinstance(row.get("anchors"), list):
            return []
        layout.append((row["level"], list(range(len(listed), len(listed) + len(row["anchors"])))))
        listed += row["anchors"]
    levels = [level for level, _ in layout]
    rising = levels == sorted(set(levels)) and all(0 <= level <= DEEPEST for level in levels)
    return layout if rising and listed == anchors.tolist() else []


def read_csv(text: str) -> Config:
    r"""Return the anchors of a CSV with the columns ``width`` and ``height``, and ``level`` if it has it.

    Examples
    --------
    >>> found = read_csv("level,stride,width,height\n4,16,10.5,13.0\n5,32,30.0,61.0\n")
    >>> found.anchors.tolist(), found.layout
    ([[10.5, 13.0], [30.0, 61.0]], [(4, [0]), (5, [1])])
    """
    try:
        reader = csv.DictReader(text.removeprefix("\ufeff").splitlines())
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise DataError(f"not valid CSV ({error})") from None
    if not rows or not {"width", "height"} <= set(rows[0][1]):
        raise DataError("must have a line with the columns width, height, and lines with numbers below it")
    columns = {re.sub(r"[^a-z0-9]", "", str(name).lower()) for name in rows[0][1]}
    if any(map(OF_BOXES.fullmatch, columns)) or (len(rows) > MOST_ROWS and "level" not in columns):
        raise DataError(f"is a table of boxes, not of anchors ({many(len(rows), 'row')})")
    anchors = from_words(" ".join(_cell(row, side, line) for line, row in rows for side in ("width", "height")))
    levels = [row.get("level") or "" for _, row in rows]
    layout: dict[int, list[int]] = {}
    for i, level in enumerate(levels):
        if level.isascii() and level.isdigit() and len(level) < 3 and int(level) <= DEEPEST:
            layout.setdefault(int(level), []).append(i)
    if sum(map(len, layout.values())) < len(anchors):
        layout = {}
    return Config(anchors, sorted(layout.items()))


def _cell(row: dict[str, str | None], side: str, line: int) -> str:
    value = (row[side] or "").strip()
    if not value:
        raise DataError(f"line {line}: has no {side}")
    if not NUMBER.fullmatch(value):
        raise DataError(f"line {line}: {side} = {brief(value)}: must be a number")
    return value


JSON = Dialect(Needs("JSON", any_fit=True, endings=(".json",)), write_json, read_json)
CSV = Dialect(Needs("CSV", any_fit=True, endings=(".csv",)), write_csv, read_csv)
