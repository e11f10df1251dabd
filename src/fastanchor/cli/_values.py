"""Values of options: whole numbers, numbers, lists of numbers, sizes in pixels and names of files."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from fastanchor._errors import DataError
from fastanchor.cli._words import Word

TYPE_CHECKING = False  # the help of all commands needs none of this
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

__all__ = [
    "SIZE", "file", "file_or_folder", "least", "memory", "number", "of_size", "pair", "ranges", "size", "values",
    "whole", "whole_number",
]  # fmt: skip

SIZE = "640, 384x640, 384 640 or 384,640: one side of a square, or width first"
MOST, LARGEST = 100, 9999  # numbers in a list, and each of them
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
LONGEST = 60  # characters of a value in an error


def whole(text: str) -> int:
    """Return a whole number of any length.

    Python does not parse very long ones; they become another number that is far above every limit.

    Examples
    --------
    >>> whole(" 12 "), whole("9" * 5000) > 10**4999
    (12, True)
    """
    try:
        return int(text)
    except ValueError:
        match = re.fullmatch(r"\s*([-+]?)(\d+)\s*", text)
        if match is None:
            raise
        size: int = 10 ** len(match[2])
        return -size if match[1] == "-" else size


def whole_number(text: str) -> int:
    """Return the value of an option that is a whole number."""
    try:
        return whole(text)
    except ValueError:
        raise _wrong(text, "must be a whole number") from None


def number(text: str) -> float:
    """Return the value of an option that is a number."""
    try:
        return float(text)
    except ValueError:
        raise _wrong(text, "must be a number") from None


def least(text: str) -> float:
    """Return the value of an option that is a number >= 0."""
    value = number(text)
    if not 0.0 <= value < float("inf"):
        raise _wrong(text, "must be a number from 0")
    return value


def memory(text: str) -> int:
    """Return the number of bytes of a text such as 4GB or 500M.

    Examples
    --------
    >>> memory("4GB"), memory("1.5g"), memory("300 MB")
    (4000000000, 1500000000, 300000000)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?\s*", text.lower())
    if match is None:
        raise _wrong(text, "must be a number of bytes, as in 4GB or 500MB")
    return int(float(match[1]) * UNITS[match[2]])


def pair(text: str) -> tuple[float, float]:
    """Return two numbers, as in ``0.5,1.5``."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise _wrong(text, "must be two numbers, as in 0.5,1.5") from None
    return low, high


def ranges(text: str) -> list[int]:
    """Return the numbers in a text like ``1-15`` or ``3,6,9-12``: 1 to 100 of them, each from 1 to 9,999.

    Examples
    --------
    >>> ranges("3,6-8")
    [3, 6, 7, 8]
    """
    numbers: list[int] = []
    rule = f"must name 1 to {MOST} numbers, each at least 1 and at most {LARGEST:,}"
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise _wrong(text, "must be numbers or ranges, as in 1-15 or 3,6,9")
        low = whole(match[1])
        high = whole(match[2]) if match[2] else low
        if high < low:
            raise _wrong(text, f"{low}-{high} runs backwards; write {high}-{low}")
        if low < 1 or high > LARGEST or high - low + len(numbers) >= MOST:
            raise _wrong(text, rule)
        numbers += range(low, high + 1)
    if not numbers:
        raise _wrong(text, rule)
    return numbers


def size(text: str) -> tuple[int, int]:
    """Return (width, height) of a size in pixels; one number is the side of a square.

    Examples
    --------
    >>> [size(text) for text in ("640", "384x640", "384 640", "384,640")]
    [(640, 640), (384, 640), (384, 640), (384, 640)]
    """
    match = re.fullmatch(r"\s*([-+]?\d+)(?:(?:\s*[xX\N{MULTIPLICATION SIGN},]\s*|\s+)([-+]?\d+))?\s*", text)
    if match is None:
        raise _wrong(text, "must be one whole number, or width and height as in 384x640, 384,640 or 384 640")
    return whole(match[1]), whole(match[2] or match[1])


def of_size(given: Sequence[str], word: str) -> Word:
    """Return what a word is to a size.

    Examples
    --------
    >>> [of_size(["384"], word).name for word in ("640", "x", "VOC2012")]
    ['PART', 'PART', 'OTHER']
    >>> of_size(["384x640"], "640").name
    'SLIP'
    """
    if not re.fullmatch(r"[-+]?\d[-+\dxX,.]*|[xX,][\dxX,]*", word):
        return Word.OTHER
    return Word.SLIP if len(re.findall(r"\d+", " ".join(given))) > 1 else Word.PART


def file(text: str) -> Path:
    """Return the path of a file to write."""
    from fastanchor._output import named_file

    try:
        return named_file(text)
    except DataError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def file_or_folder(text: str) -> Path:
    """Return the path of a file or folder to write."""
    from pathlib import Path

    return Path(text) if text else file(text)


def values(text: str | None, option: str) -> Any:
    """Return a number of values, or the values of each level, from an option.

    Examples
    --------
    >>> values("3", "--ratios"), values("0.5,1,2", "--ratios"), values("16,20 32,40", "--sizes")
    (3, [0.5, 1.0, 2.0], [[16.0, 20.0], [32.0, 40.0]])
    """
    if text is None:
        return None
    if re.fullmatch(r"\d{1,3}", text):
        return int(text)
    try:
        rows = [[float(word) for word in part.split(",")] for part in text.split()]
    except ValueError:
        rows = []
    if not rows:
        raise DataError(f"{option} = {text!r}: must be a number of them, or values as in 0.5,1,2")
    return rows[0] if len(rows) == 1 else rows


def _wrong(text: str, rule: str) -> argparse.ArgumentTypeError:
    shown = repr(text)
    return argparse.ArgumentTypeError(f"{shown if len(shown) <= LONGEST else f'{shown[: LONGEST - 3]}...'}: {rule}")
