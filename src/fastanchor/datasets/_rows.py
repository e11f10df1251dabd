"""Rows of YOLO label files: many files at once while all is plain, line by line where it is not.

A row is a class and a box (5 columns), a box with a confidence (6), a polygon (1 + 2m columns, m >= 3), or a box with
key points (5 + n * d columns where `kpt_shape` is [n, d]; without it, an even number 5 + 3n whose third values are
visibilities). A row of an odd number from 11 on may be a polygon or a box with key points: see :func:`unsure`.
Coordinates are relative to the image; as the trainers do, 0.01 beyond its edge is tolerated.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray
from fastanchor.datasets._records import Skips

__all__ = ["AMBIGUOUS", "Rows", "joined", "parse", "unsure"]

SLACK = 0.01
PIXELS = 2.0  # a coordinate beyond this was never meant as relative
MANY = 1 << 15  # numbers from which on a faster decoder is worth its import
PLAIN = 6  # columns of a row without points, at most
SPREAD = 0.25  # of a box that its key points reach over; a polygon read as such a box reaches over less, or beyond it
AMBIGUOUS = "row that is a polygon or a box with key points (kpt_shape in a data.yaml would tell)"
_NUMERIC = np.zeros(256, dtype=bool)
_NUMERIC[list(b"0123456789+-.eE \t\r\n")] = True

# odd numbers without pattern
_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    dtype=np.uint64,
)


class Rows(NamedTuple):
    """Boxes of several files.

    Attributes
    ----------
    box : (n, 4) float64
        Centre x, centre y, width, height; relative to the image, 0-1.
    classes : (n,) int64
    files : (n,) int64
        Position of the box's file among those parsed.
    columns : (n,) int64
        Columns of the row the box stood in.
    signs : (n,) int8
        Of a row that was taken for a polygon: 2 if it cannot be one, 1 if it may as well be a box with key points.
    """

    box: FloatArray
    classes: IntArray
    files: IntArray
    columns: IntArray
    signs: NDArray[np.int8]

    def take(self, which: NDArray[Any]) -> Rows:
        """Return the rows chosen by a mask or by positions."""
        return Rows(*(column[which] for column in self))


class _Fault(ValueError):
    """A row that gives no box; the message is the reason."""


def parse(
    names: Sequence[str],
    contents: Sequence[bytes],
    skips: Skips,
    *,
    n_classes: int | None = None,
    kpt_shape: tuple[int, int] | None = None,
) -> Rows:
    """Return the boxes of label files, in the order of the files and their lines.

    Parameters
    ----------
    names : sequence of str
        Paths, for messages.
    contents : sequence of bytes
        What the files hold.
    skips : Skips
        Gets what cannot be used.
    n_classes : int, optional
        Classes from this one on are skipped.
    kpt_shape : (int, int), optional
        Number of key points and of values each, where rows have them.
    """
    values, files, odd = _plain(contents, n_classes)
    columns, signs = np.full(len(files), 5, dtype=np.int64), np.zeros(len(files), np.int8)
    parts = [Rows(values[:, 1:], values[:, 0].astype(np.int64), files, columns, signs)]
    parts += [_careful(names[i], contents[i], i, skips, n_classes, kpt_shape) for i in odd]
    rows = joined(parts)
    if not odd:
        return rows
    return rows.take(np.argsort(rows.files, kind="stable"))


def joined(parts: Sequence[Rows]) -> Rows:
    """Return several Rows as one; positions of files must already be distinct."""
    return Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def unsure(rows: Rows) -> NDArray[np.bool_]:
    """Return which rows may be polygons or boxes with key points, and cannot be told apart.

    All rows of one length are of one kind. They are no polygons for sure if one of them shows it. They may be either if
    nearly all long rows have this length, which polygons seldom do, and half of them look like a box with key points.
    """
    found = np.zeros(len(rows.signs), dtype=bool)
    long = np.count_nonzero(rows.columns > PLAIN)
    for length in np.unique(rows.columns[rows.signs > 0]).tolist():
        own = rows.columns == length
        signs = rows.signs[own]
        alike = 10 * signs.size >= 9 * long and 2 * np.count_nonzero(signs) >= signs.size
        found |= own & bool((signs == 2).any() or alike)
    return found


# --- many files at once


def _plain(contents: Sequence[bytes], n_classes: int | None) -> tuple[FloatArray, IntArray, list[int]]:
    """Return rows (n, 5) and their files, of all files that are plain and faultless; and the other files."""
    good = np.ones(len(contents), dtype=bool)
    for _ in range(2):  # the second time without the files that are not plain
        kept = np.flatnonzero(good)
        buffer = b"\n".join([contents[i] for i in kept.tolist()] + [b""])
        ends = np.cumsum([len(contents[i]) + 1 for i in kept.tolist()])
        raw = np.frombuffer(buffer, dtype=np.uint8)
        starts = raw > 32
        starts[1:] &= ~starts[:-1]
        lines = np.flatnonzero(raw == 10)
        tokens = np.searchsorted(np.flatnonzero(starts), lines)
        width = np.diff(tokens, prepend=0)
        bad = np.concatenate([lines[(width != 5) & (width != 0)], np.flatnonzero(~_NUMERIC[raw])])
        if len(bad):
            good[kept[np.searchsorted(ends, bad, side="right")]] = False
            continue
        values = _numbers(buffer, int(starts.sum()))
        if values is None:
            break
        files = np.searchsorted(ends, lines[width == 5], side="right")
        wrong = files[_faulty(values, files, n_classes)]
        rows_kept = np.ones(len(kept), dtype=bool)
        rows_kept[wrong] = False
        good[kept[wrong]] = False
        chosen = rows_kept[files]
        return values[chosen], kept[files[chosen]], np.flatnonzero(~good).tolist()
    return np.empty((0, 5)), np.empty(0, dtype=np.int64), list(range(len(contents)))


def _numbers(buffer: bytes, count: int) -> FloatArray | None:
    if not count:
        return np.empty((0, 5))
    values = _as_json(buffer) if count >= MANY else None
    if values is not None and len(values) == count:
        return values.reshape(-1, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # how NumPy says that it met something else than a number
        try:
            values = np.fromstring(buffer.decode("ascii"), dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    return values.reshape(-1, 5) if len(values) == count else None


@functools.cache
def _decoder() -> Any:
    """Return a decoder of lists of numbers and what it raises, or None where msgspec is not installed."""
    if importlib.util.find_spec("msgspec") is None:
        return None
    msgspec: Any = importlib.import_module("msgspec")
    return msgspec.json.Decoder(list[float]), msgspec.MsgspecError


def _as_json(buffer: bytes) -> FloatArray | None:
    """Return the numbers in a third of the time, if they are written as JSON writes them."""
    found = _decoder()
    if found is None:
        return None
    decoder, refused = found
    try:
        return np.array(decoder.decode(b"[" + b",".join(buffer.split()) + b"]"), dtype=np.float64)
    except refused:
        return None


def _faulty(values: FloatArray, files: IntArray, n_classes: int | None) -> NDArray[np.bool_]:
    """Return which rows must be looked at one by one: out of range, no class, or a second of their kind."""
    cls, box = values[:, 0], values[:, 1:]
    faulty = ~((box >= -SLACK) & (box <= 1.0 + SLACK)).all(1)
    faulty |= ~((box[:, 2] > 0.0) & (box[:, 3] > 0.0))
    faulty |= ~((cls >= 0) & (cls < (2**31 if n_classes is None else n_classes)) & (cls == np.floor(cls)))
    # equal rows have equal keys, and a chance meeting of others costs only the slower path
    keys = ((values + 0.0).view(np.uint64) * _FACTORS).sum(1, dtype=np.uint64)
    keys ^= files.astype(np.uint64) * np.uint64(0xE7037ED1A0B428DB)
    order = np.argsort(keys)
    again = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    faulty[order[again]] = True
    return faulty


# --- one file, line by line


def _careful(
    name: str, data: bytes, file: int, skips: Skips, n_classes: int | None, kpt_shape: tuple[int, int] | None
) -> Rows:
    found: list[tuple[list[float], int, int, int]] = []
    what = _what_else(data)
    if what:
        skips.add(what, name, 1)
        data = b""
    seen: set[tuple[float, ...]] = set()
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").splitlines(), start=1):
        tokens = line.split()
        if not tokens:
            continue
        try:
            values = _floats(tokens)
            box, cls, sign = _row(values, n_classes, kpt_shape)
            key = tuple(values)
            if key in seen:
                raise _Fault("row that stands twice in its file")
            seen.add(key)
        except _Fault as error:
            skips.add(str(error), name, number, line[:60].decode("utf-8", "backslashreplace"))
        else:
            found.append((box, cls, len(values), sign))
    return Rows(
        np.array([box for box, _, _, _ in found], dtype=np.float64).reshape(-1, 4),
        np.array([cls for _, cls, _, _ in found], dtype=np.int64),
        np.full(len(found), file, dtype=np.int64),
        np.array([columns for _, _, columns, _ in found], dtype=np.int64),
        np.array([sign for _, _, _, sign in found], dtype=np.int8),
    )


def _what_else(data: bytes) -> str:
    """Return what a file is that is no label file at all, or nothing."""
    head = data[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(b"version https://git-lfs"):
        return "Git LFS pointer instead of labels (run: git lfs pull)"
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<annotation")):
        return "HTML or XML page instead of labels"
    if head.startswith(b"pk\x03\x04"):
        return "zip archive instead of labels"
    return "binary file instead of labels" if b"\0" in data[:4096] else ""


def _floats(tokens: list[bytes]) -> list[float]:
    try:
        if any(b"_" in token for token in tokens):  # Python's own spelling of numbers
            raise ValueError
        return [float(token) for token in tokens]
    except ValueError:
        raise _Fault("row that is not all numbers") from None


def _row(values: list[float], n_classes: int | None, kpt_shape: tuple[int, int] | None) -> tuple[list[float], int, int]:
    """Return box, class and sign of a row."""
    kind = _kind(values, kpt_shape)
    shown = values[1:] if kind == "polygon" else values[1:5]
    if not all(map(math.isfinite, values)):
        raise _Fault("box with non-finite coordinates")
    if max(shown) > PIXELS:
        raise _Fault("box in pixels, where coordinates relative to the image are needed")
    sign = _sign(values) if kind == "polygon" and len(values) > 9 else 0
    if sign < 2 and not (min(shown) >= -SLACK and max(shown) <= 1.0 + SLACK):
        raise _Fault("box with coordinates outside 0-1")
    cls = values[0]
    if cls != math.floor(cls) or not 0 <= cls < 2**31:
        raise _Fault("row whose class is no whole number >= 0")
    if n_classes is not None and cls >= n_classes:
        raise _Fault("box of a class that the names do not have")
    if kind == "polygon":
        xs, ys = values[1::2], values[2::2]
        x0, x1, y0, y1 = min(xs), max(xs), min(ys), max(ys)
        box = [(x0 + x1) / 2.0, (y0 + y1) / 2.0, x1 - x0, y1 - y0]
    else:
        box = shown
    if sign < 2 and not (box[2] > 0.0 and box[3] > 0.0):
        raise _Fault("box with zero width or height" if min(box[2:]) == 0.0 else "box with negative width or height")
    return box, int(cls), sign


def _kind(values: list[float], kpt_shape: tuple[int, int] | None) -> str:
    columns = len(values)
    if columns in (5, 6):
        return "box"
    if kpt_shape is not None and columns == 5 + kpt_shape[0] * kpt_shape[1]:
        return "key points"
    if columns >= 7 and columns % 2:
        return "polygon"
    if columns >= 8 and (columns - 5) % 3 == 0 and set(values[7::3]) <= {0.0, 1.0, 2.0}:
        return "key points"
    raise _Fault(f"row of {columns} columns")


def _sign(values: list[float]) -> int:
    """Return how much a row of an odd number of columns looks like a box with key points: 0 not, 1 like one, 2 sure."""
    x, y, width, height = values[1:5]
    # key points that are not there are often -1
    if min(values[5:]) < -SLACK and min(values[1:5]) >= -SLACK:
        return 2
    flags = values[7::3]
    if (len(values) - 5) % 3 == 0 and set(flags) <= {0.0, 1.0, 2.0} and any(flags):
        return 2
    xs, ys = values[5::2], values[6::2]
    left, right, top, bottom = min(xs), max(xs), min(ys), max(ys)
    inside = 2.0 * max(right - x, x - left) <= width and 2.0 * max(bottom - y, y - top) <= height
    spread = right - left >= SPREAD * width and bottom - top >= SPREAD * height
    within = max(2.0 * abs(x - 0.5) + width, 2.0 * abs(y - 0.5) + height) <= 1.0 + 2.0 * SLACK
    return 1 if inside and spread and within else 0
