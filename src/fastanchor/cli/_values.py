"""Values of the command line: whole numbers, numbers, and sizes in pixels."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from fastanchor.cli._words import Word

__all__ = ["SIZE", "number", "of_size", "size", "whole", "whole_number"]

SIZE = "640, 384x640, 384 640 or 384,640: one side of a square, or width first"
LONGEST = 60  # characters of a value that is shown


def whole(text: str) -> int:
    """Return a whole number, of however many digits.

    One that is too long for Python to read becomes another that is far above all limits, which then say so.

    Raises
    ------
    ValueError
        If it is no whole number.

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
    """Return the value of an option that is a whole number.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.
    """
    try:
        return whole(text)
    except ValueError:
        raise _wrong(text, "must be a whole number") from None


def number(text: str) -> float:
    """Return the value of an option that is a number.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is none.
    """
    try:
        return float(text)
    except ValueError:
        raise _wrong(text, "must be a number") from None


def size(text: str) -> tuple[int, int]:
    """Return (width, height) of a size in pixels; one number is the side of a square.

    Raises
    ------
    argparse.ArgumentTypeError
        If it is neither one whole number nor two.

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


def _wrong(text: str, rule: str) -> argparse.ArgumentTypeError:
    shown = repr(text)
    return argparse.ArgumentTypeError(f"{shown if len(shown) <= LONGEST else f'{shown[: LONGEST - 3]}...'}: {rule}")
