"""Whole numbers of the command line."""

from __future__ import annotations

import re

__all__ = ["whole"]


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
