"""Sizes and ratios of a configuration, checked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._text import many
from fastanchor._types import Fit, FloatArray
from fastanchor.detectors._literals import evaluated
from fastanchor.export import Config, Dialect
from fastanchor.export._dialect import NOTE, Needs
from fastanchor.export._yaml import Node

__all__ = ["config_of", "given", "nested", "noted_size", "reader", "rows_of", "with_area"]

Rows = tuple[tuple[float, ...], ...]


def rows_of(given: Any, name: str, *, levels: int | None = None, each: bool = False) -> Rows:
    """Return lists of numbers above 0, one for each level.

    A flat list is one number for each level with `each`, else the list of every level. With `levels`, a single list is
    repeated, and there must be so many.

    Raises
    ------
    DataError
        If they are not numbers above 0, or the number of lists differs from `levels`.

    Examples
    --------
    >>> rows_of([32, 64], "sizes", each=True), rows_of([[0.5, 2]], "ratios", levels=2)
    (((32.0,), (64.0,)), ((0.5, 2.0), (0.5, 2.0)))
    """
    rows = list(given) if isinstance(given, (list, tuple)) else []
    if rows and not any(isinstance(row, (list, tuple)) for row in rows):
        rows = [[number] for number in rows] if each else [rows]
    if not rows or not all(isinstance(row, (list, tuple)) and row for row in rows):
        raise DataError(f"{called(name)}: got {_check.short(given)}, expected a list of numbers for each level")
    found = tuple(tuple(_check.number(number, name, low=0.0, open_low=True) for number in row) for row in rows)
    if levels is not None and len(found) == 1:
        return found * levels
    if levels is not None and len(found) != levels:
        raise DataError(
            f"{called(name)}: got lists for {len(found)} levels, expected {levels}, as many as there are sizes"
        )
    return found


def config_of(
    parts: Sequence[FloatArray],
    strides: Sequence[float],
    *,
    ratio: str = "height / width",
    fit: Fit | None = None,
    img_size: tuple[int, int] | None = None,
    equal: bool = False,
    doubts: Sequence[str] = (),
) -> Config:
    """Return what a configuration says: the anchors of each level, (m, 2), and the strides of as many levels if known.

    With `equal`, another number of anchors on another level is a doubt, besides those that are given.

    Raises
    ------
    DataError
        If rounding leaves an anchor without area.
    """
    anchors = np.concatenate(with_area(parts))
    strides = tuple(strides) if len(strides) == len(parts) else ()
    ends = np.cumsum([len(part) for part in parts]).tolist()
    layout = [
        (int(np.log2(stride)), list(range(end - len(part), end)))
        for stride, part, end in zip(strides, parts if strides else (), ends if strides else (), strict=True)
    ]
    counts = [len(part) for part in parts]
    doubts = [*doubts, *repeated(parts)]
    if equal and len(set(counts)) > 1:
        doubts = [*doubts, f"levels have {counts} anchors of each place, but heads have the same number on all levels"]
    return Config(anchors, layout, fit=fit, img_size=img_size, strides=strides, ratio=ratio, doubts=tuple(doubts))


def repeated(parts: Sequence[FloatArray]) -> list[str]:
    """Return a sentence if levels have an anchor several times."""
    twice = sum(len(part) - len(np.unique(part, axis=0)) for part in parts)
    return (
        [f"{many(twice, 'anchor')} {'is' if twice == 1 else 'are'} equal to others of the same level"] if twice else []
    )


def with_area(parts: Sequence[FloatArray]) -> list[FloatArray]:
    """Return the anchors of each level.

    Raises
    ------
    DataError
        If rounding leaves an anchor without area.
    """
    for level, part in enumerate(parts):
        if part.min() <= 0.0:
            raise DataError(f"{called('sizes')}: so small that an anchor of level {level} has no area")
    return list(parts)


def noted_size(text: str, otherwise: tuple[int, int]) -> tuple[int, int]:
    """Return the network input that the comment of a configuration names, else another one."""
    note = NOTE.search(text)
    return otherwise if note is None else (int(note[2]), int(note[3]))


def nested(node: Node, depth: int = 0) -> Any:
    """Return a YAML node of lists of numbers as lists, also if it is an expression in Python; anything else as text.

    Raises
    ------
    DataError
        If lists are nested too deeply.
    """
    if depth > 3:
        raise DataError("lists of lists, nested too deeply")
    if node.tag.endswith("python/object/apply:eval") and node.id == "sequence" and len(node.value) == 1:
        return evaluated(str(node.value[0].value))
    if node.id == "sequence":
        return [nested(one, depth + 1) for one in node.value]
    try:
        return float(node.value)
    except (TypeError, ValueError):
        text = str(node.value)
        return evaluated(text) if text[:1] in ("[", "(") else text


def given(node: Node, *keys: str) -> dict[str, Any]:
    """Return the lists and values that a YAML mapping has under these keys, without any under all.

    Raises
    ------
    DataError
        If lists are nested too deeply.
    """
    pairs = node.value if getattr(node, "id", "") == "mapping" else []
    found = {str(key.value): value for key, value in pairs if value.id != "mapping"}
    return {key: nested(value) for key, value in found.items() if key in keys or not keys}


def reader(
    read: Callable[[str], Config], name: str, fit: Fit, *endings: str, mark: str, equal: bool = False
) -> Dialect:
    """Return the dialect of a configuration that takes sizes and ratios, and is read by a function.

    `name` is the detector, as messages call it; `fit`, `mark` and `equal` are as in ``Needs``.
    """
    return Dialect(Needs(name, fit, equal=equal, endings=endings, mark=mark), _no_pairs, read)


def _no_pairs(content: object) -> NoReturn:
    raise DataError("takes sizes and ratios, not pairs (width, height)")
