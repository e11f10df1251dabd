"""Texts of configurations: lines put together, lists of numbers, and sizes as factors of one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor.detectors._detector import Content

__all__ = ["enclosed", "grid_rows", "indented", "of_strides", "parted", "written"]

Rows = tuple[tuple[float, ...], ...]


def written(*parts: str | Sequence[str]) -> str:
    r"""Return lines, and lists of lines, as one text.

    Examples
    --------
    >>> written("a", [], ["b", "c"])
    'a\nb\nc'
    """
    return "\n".join(line for part in parts for line in ([part] if isinstance(part, str) else part))


def indented(lines: Sequence[str], by: int = 4) -> list[str]:
    """Return lines that begin with so many blanks more."""
    return [" " * by + line for line in lines]


def enclosed(opening: str, lines: Sequence[str], closing: str, by: int = 4) -> list[str]:
    """Return lines, indented, between two others.

    Examples
    --------
    >>> enclosed("a {", ["b: 1", "c: 2"], "}", 2)
    ['a {', '  b: 1', '  c: 2', '}']
    """
    return [opening, *indented(lines, by), closing]


def grid_rows(rows: Rows, brackets: str = "()") -> str:
    """Return nested lists of numbers as Python writes them, one for each level.

    Examples
    --------
    >>> grid_rows(((8.0,), (16.5,))), grid_rows(((0.5, 2.0),), "[]")
    ('((8.0,), (16.5,))', '[[0.5, 2.0]]')
    """
    left, right = brackets[0], brackets[1]
    whole = all(side == np.rint(side) for row in rows for side in row)
    lists = []
    for row in rows:
        items = [f"{side:.0f}" if whole else repr(side) for side in row]
        lists.append(f"{left}{', '.join(items)}{',' if len(items) == 1 and left == '(' else ''}{right}")
    return f"{left}{', '.join(lists)}{',' if len(lists) == 1 and left == '(' else ''}{right}"


def parted(sizes: Rows, library: str, octaves: bool = False) -> tuple[list[float], list[float]]:
    """Return the first size of each level, and the scales that all its sizes are multiples by.

    Raises
    ------
    DataError
        If levels have different scales, or with `octaves` other scales than the parts of an octave.

    Examples
    --------
    >>> parted(((8.0, 12.0), (20.0, 30.0)), "this")
    ([8.0, 20.0], [1.0, 1.5])
    """
    scales = [size / sizes[0][0] for size in sizes[0]]
    parts = [2 ** (i / len(scales)) for i in range(len(scales))] if octaves else scales
    if any(abs(size / row[0] - part) > 1e-6 for row in sizes for size, part in zip(row, parts, strict=True)):
        rule = "the parts of an octave" if octaves else "the same scales"
        raise DataError(f"{called('sizes')}: {library} has one size for each level, times {rule}")
    return [row[0] for row in sizes], parts


def of_strides(content: Content, strides: Sequence[int], library: str, name: str, octaves: bool = False) -> list[float]:
    """Return the sizes of a stride of 1, of which those of all levels are multiples.

    Raises
    ------
    DataError
        If the sizes are not in proportion to the strides, or with `octaves` no parts of an octave.
    """
    sizes = content.values.sizes
    bases, _ = parted(sizes, library, octaves)
    first = [base / stride for base, stride in zip(bases, strides, strict=True)]
    if max(first) - min(first) > 1e-6 * max(first):
        raise DataError(f"{called('sizes')}: {library} has one {name}, for all levels")
    return [size / strides[0] for size in sizes[0]]
