"""Rows of YOLO label files as numbers: many plain files at once, others token by token.

A row is a class, four numbers of a box, and possibly more; :mod:`fastanchor.datasets._kinds` decides later, over the
whole data set, which columns hold the box.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._reading import decoded
from fastanchor._types import FloatArray, IntArray
from fastanchor.datasets._record import number_of

__all__ = ["Rows", "parse", "twice"]

MANY = 1 << 15  # numbers above which a faster decoder is worth its import
_NUMERIC = np.zeros(256, dtype=bool)
_NUMERIC[list(b"0123456789+-.eE \t\r\n")] = True
_COMMAS = bytes.maketrans(b" \t\r\n", b",,,,")

Mask = NDArray[np.bool_]


class Rows(NamedTuple):
    """Rows of several files, in the order of the files and their lines."""

    values: FloatArray  # (sum of width,): the numbers of all rows; NaN for other tokens
    width: IntArray  # (n,): columns of each row
    file: IntArray  # (n,): position of the row's file among those parsed
    line: IntArray  # (n,): line of the row in its file, from 1

    def blocks(self) -> Iterator[tuple[Any, FloatArray]]:
        """Yield the rows of each width: their positions, and their numbers (k, width)."""
        width = self.width
        if not len(width):
            return
        if (width == width[0]).all():
            yield slice(None), self.values.reshape(-1, int(width[0]))
            return
        starts = np.cumsum(width) - width
        order = np.argsort(width, kind="stable")
        cuts = np.flatnonzero(np.diff(width[order])) + 1
        for rows in np.split(order, cuts):
            yield rows, self.values[starts[rows][:, None] + np.arange(width[rows[0]])]


def parse(contents: Sequence[bytes], usable: Callable[[int], bool]) -> Rows:
    """Return the rows of label files; of files with other tokens than numbers, only those accepted by `usable`."""
    plain, odd = _plain(contents)
    if not odd:
        return plain
    parts = [plain, *(_careful(contents[i], i) for i in odd if usable(i))]
    whole = Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    order = np.argsort(whole.file, kind="stable")
    starts, width = (np.cumsum(whole.width) - whole.width)[order], whole.width[order]
    ends = np.cumsum(width)
    at = np.arange(len(whole.values)) + np.repeat(starts - (ends - width), width)
    return Rows(whole.values[at], width, whole.file[order], whole.line[order])


def twice(values: FloatArray, file: IntArray) -> Mask:
    """Return the mask of rows (n, width) that equal an earlier row of the same file."""
    found = np.zeros(len(values), dtype=bool)
    # equal rows have equal keys; rows with equal keys are compared
    keys = ((values + 0.0).view(np.uint64) * _factors(values.shape[1])).sum(1, dtype=np.uint64)
    keys ^= file.astype(np.uint64) * np.uint64(0xE7037ED1A0B428DB)
    order = np.argsort(keys)
    alike = keys[order][1:] == keys[order][:-1]
    if not alike.any():
        return found
    seen: set[tuple[int, bytes]] = set()
    for row in np.sort(order[np.append(alike, False) | np.append(False, alike)]).tolist():
        key = int(file[row]), (values[row] + 0.0).tobytes()
        found[row] = key in seen
        seen.add(key)
    return found


@functools.cache
def _factors(count: int) -> NDArray[np.uint64]:
    """Return random odd numbers."""
    return np.random.default_rng(count).integers(1 << 62, 1 << 63, count, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


# --- many files at once


def _plain(contents: Sequence[bytes]) -> tuple[Rows, list[int]]:
    """Return the rows of all files with nothing but numbers, and the other files."""
    good = np.ones(len(contents), dtype=bool)
    for _ in range(2):  # the second time only plain files
        kept = np.flatnonzero(good)
        some = [contents[i] for i in kept.tolist()]
        some = [one if one[-1:] in (b"\n", b"") else one + b"\n" for one in some]
        buffer = b"".join(some)
        ends = np.cumsum(np.fromiter(map(len, some), np.int64, len(some)))
        raw = np.frombuffer(buffer, dtype=np.uint8)
        bad = np.flatnonzero(~_NUMERIC[raw])
        if b"\r" in buffer:  # a lone \r ends a line
            returns = np.flatnonzero(raw == 13)
            bad = np.concatenate([bad, returns[raw[np.minimum(returns + 1, len(raw) - 1)] != 10]])
        if len(bad):
            good[kept[np.searchsorted(ends, bad, side="right")]] = False
            continue
        starts = raw > 32
        starts[1:] &= ~starts[:-1]
        lines = np.flatnonzero(raw == 10)
        width = np.add.reduceat(starts, np.append(0, lines[:-1]), dtype=np.int64) if len(lines) else lines
        values = _numbers(buffer, int(width.sum()))
        if values is None:
            break
        rows = np.flatnonzero(width)
        file = np.searchsorted(ends, lines[rows], side="right")
        first = np.searchsorted(lines, ends)  # where the lines of the next file begin
        line = rows + 1 - np.append(0, first)[file]
        return Rows(values, width[rows], kept[file], line), np.flatnonzero(~good).tolist()
    nothing = np.empty(0, dtype=np.int64)
    return Rows(np.empty(0), nothing, nothing, nothing), list(range(len(contents)))


def _numbers(buffer: bytes, count: int) -> FloatArray | None:
    """Return the numbers in a text, None if it has other tokens."""
    if not count:
        return np.empty(0)
    values = _as_json(buffer, count) if count >= MANY else None
    if values is not None and len(values) == count:
        return values
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # raised by NumPy for other tokens
        try:
            values = np.fromstring(buffer.decode("ascii"), dtype=np.float64, sep=" ")
        except (DeprecationWarning, ValueError):
            return None
    return values if len(values) == count else None


@functools.cache
def _decoder() -> Any:
    """Return a decoder of lists of numbers and its exception; None if msgspec is not installed."""
    if importlib.util.find_spec("msgspec") is None:
        return None
    msgspec: Any = importlib.import_module("msgspec")
    return msgspec.json.Decoder(list[float]), msgspec.MsgspecError


def _as_json(buffer: bytes, count: int) -> FloatArray | None:
    """Return the numbers in a third of the time, if they are valid JSON."""
    found = _decoder()
    if found is None:
        return None
    decoder, refused = found
    commas = buffer.strip().translate(_COMMAS)
    if commas.count(b",") != count - 1:  # more than one blank somewhere
        commas = b",".join(buffer.split())
    try:
        return np.array(decoder.decode(b"[" + commas + b"]"), dtype=np.float64)
    except refused:
        return None


# --- one file, token by token


def _careful(data: bytes, file: int) -> Rows:
    values: list[float] = []
    width, lines = [], []
    for number, line in enumerate(decoded(data).encode("utf-8", "surrogateescape").splitlines(), start=1):
        tokens = line.split()
        if tokens:
            values += [number_of(token.decode("ascii", "replace")) for token in tokens]
            width.append(len(tokens))
            lines.append(number)
    return Rows(
        np.array(values, dtype=np.float64),
        np.array(width, dtype=np.int64),
        np.full(len(width), file, dtype=np.int64),
        np.array(lines, dtype=np.int64),
    )
