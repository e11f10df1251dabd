"""What readers share: an image with its rectangles, and the book of what was left out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._text import plain
from fastanchor._types import FloatArray

__all__ = ["ImageAnnotation", "Skips", "shown", "shown_counts"]

REPORTED = 5
LONGEST = 160  # characters of a detail


class ImageAnnotation(NamedTuple):
    """An image and the rectangles labelled in it.

    Attributes
    ----------
    name : str
        File name without suffix, unique in the data set.
    image_path : Path or None
        Where the image is; None if it was not found.
    width, height : float
        Size of the image, pixels.
    boxes : (m, 4) float64
        Left, top, right, bottom; pixels of the image.
    classes : tuple of str
        Class name of each box.
    """

    name: str
    image_path: Path | None
    width: float
    height: float
    boxes: FloatArray
    classes: tuple[str, ...]


class Skips:
    """Counts what a reader leaves out, by reason, and names the first places.

    Parameters
    ----------
    strict : bool
        Raise DataError at the first thing left out.
    report : callable, optional
        Called with a sentence for each of the first five.
    """

    def __init__(self, *, strict: bool = False, report: Callable[[str], None] | None = None) -> None:
        self.counts: dict[str, int] = {}
        self.first = ""  # a sentence about the first thing left out
        self._strict = strict
        self._report = report
        self._reported = 0

    def note(self, reason: str, count: int = 1) -> None:
        """Count what is no fault: it is told at the end, and strict reading goes on."""
        self.counts[reason] = self.counts.get(reason, 0) + count

    def remark(self, sentence: str) -> None:
        """Say what was assumed."""
        if self._report is not None:
            self._report(sentence)

    def add(
        self, reason: str, file: str | Path, line: Callable[[], int | None] | int | None = None, detail: str = ""
    ) -> None:
        """Count one thing left out; `line` may be a function, called only if the place will be named."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        if self._reported >= REPORTED:
            return
        self._reported += 1
        number = line() if callable(line) else line
        where = shown(file) + (f", line {number}" if number else "")
        detail = detail if len(detail) <= LONGEST else f"{detail[:LONGEST]}..."
        sentence = f"{where}: {reason}" + (f" ({detail})" if detail else "")
        self.first = self.first or sentence
        if self._strict:
            raise DataError(sentence + hint("strict"))
        if self._report is not None:
            self._report(sentence)


def shown(path: str | Path) -> str:
    """Return `path` as text that can always be printed."""
    return plain(os.fspath(path))


def shown_counts(counts: Mapping[str, int]) -> str:
    """Return what was left out as text."""
    return ", ".join(f"{count:,} x {reason}" for reason, count in counts.items())
