"""``tf.train.Example``, a message of protocol buffers: its features by name, and their values."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np

__all__ = ["Example", "features", "texts_of", "values_of"]

BYTES, FLOATS = 1, 2  # kinds of lists; the third are integers
VARINT, FIXED64, SPAN, FIXED32 = 0, 1, 2, 5  # kinds of values

Values = list[bytes] | list[float]
Example = dict[str, Callable[[], Values]]


def features(data: bytes) -> Example:
    """Return the features of a ``tf.train.Example`` by name, each with a function that returns its values.

    Raises
    ------
    ValueError
        If the data are not such a message.
    """
    found: Example = {}
    for number, span in _spans(data, 0, len(data)):
        for _, entry in _spans(data, *span) if number == 1 else ():
            parts = dict(_spans(data, *entry))
            if 1 in parts and 2 in parts:
                found[data[slice(*parts[1])].decode()] = functools.partial(_values, data, parts[2])
    return found


def values_of(example: Example, *names: str) -> Values:
    """Return the values of the first of these features that has any."""
    for name in names:
        if name in example and (values := example[name]()):
            return values
    return []


def texts_of(example: Example, *names: str) -> list[str]:
    """Return the values of the first of these features that has any, as texts; empty texts alone do not count."""
    for name in names:
        values = values_of(example, name)
        found = [one.decode("utf-8", "replace") if isinstance(one, bytes) else f"{one}" for one in values]
        if any(found):
            return found
    return []


def _values(data: bytes, span: tuple[int, int]) -> Values:
    """Return the values of a feature: bytes, numbers, or nothing."""
    for kind, inner in _spans(data, *span):
        if kind == BYTES:
            return [data[slice(*one)] for _, one in _spans(data, *inner)]
        read = _floats if kind == FLOATS else _integers
        return [number for _, _, one in _fields(data, *inner) for number in read(data, one)]
    return []


def _floats(data: bytes, one: int | tuple[int, int]) -> list[float]:
    """Return the numbers of a field, which holds one or all of them."""
    if isinstance(one, int):
        raise ValueError("integer in a list of floats")
    return cast(list[float], np.frombuffer(data[slice(*one)], "<f4").tolist())


def _integers(data: bytes, one: int | tuple[int, int]) -> list[float]:
    if isinstance(one, int):
        return [_signed(one)]
    (at, end), found = one, list[float]()
    while at < end:
        value, at = _varint(data, at, end)
        found.append(_signed(value))
    return found


def _spans(data: bytes, at: int, end: int) -> Iterator[tuple[int, tuple[int, int]]]:
    """Yield number and place of each field that is a message, a text or a list."""
    for number, wire, one in _fields(data, at, end):
        if wire == SPAN and not isinstance(one, int):
            yield number, one


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int | tuple[int, int]]]:
    """Yield number, kind and value of each field of a message; the value is an integer or a place."""
    while at < end:
        key, at = _varint(data, at, end)
        wire = key & 7
        if wire == VARINT:
            value, at = _varint(data, at, end)
            yield key >> 3, wire, value
            continue
        if wire == SPAN:
            size, at = _varint(data, at, end)
        elif wire in (FIXED64, FIXED32):
            size = 8 if wire == FIXED64 else 4
        else:
            raise ValueError(f"field of kind {wire}")
        if size > end - at:
            raise ValueError("field that is cut")
        yield key >> 3, wire, (at, at + size)
        at += size


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise ValueError("number that is cut")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >= 1 << 63 else value
