"""What a reader skips: the reasons, their counts and places, and files that are not label files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._text import many, plain

__all__ = [
    "BACKGROUND", "DUPLICATE", "FURTHER", "INFINITE", "NEGATIVE", "NO_CLASS", "NO_SIZE", "NO_SIZE_BOX", "NO_SPLIT",
    "OTHER_UNIT", "REVERSED", "UNREADABLE", "ZERO", "Skips", "Unusable", "first_line", "given_name", "given_names",
    "impostor", "no_text", "row_of", "sentence", "shown", "shown_counts", "standing_for",
]  # fmt: skip

UNREADABLE = "box with unreadable coordinates"
INFINITE = "box with non-finite coordinates"
REVERSED = "box with reversed corners"
NEGATIVE = "box with negative width or height"
ZERO = "box with zero width or height"
OTHER_UNIT = "box in pixels instead of relative to the image"
DUPLICATE = "duplicate row"
NO_CLASS = "row whose class is not a whole number >= 0"
NO_SIZE = "image size missing"
NO_SIZE_BOX = "box of an image without a size"
NO_SPLIT = "missing split"
FURTHER = "further annotation of the same image"
BACKGROUND = "image without a label file (background)"

REPORTED = 5
LONGEST = 160  # characters of a detail
PAGE = (b"<!doctype html", b"<html")
MARKUP = (*PAGE, b"<?xml", b"<annotation")

_given: dict[str, str] = {}  # temporary folders, and the paths by which the user knows them

Place = Callable[[], "str | int | None"]


class Unusable(Exception):
    """A file that cannot be used, with `reason` (a phrase to count by), `line` and `detail`."""

    def __init__(self, reason: str, line: int | None = None, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.line, self.detail = reason, line, detail


class Skips:
    """Counts what a reader skips, by reason, and reports the first places."""

    def __init__(self, *, strict: bool = False, report: Callable[[str], None] | None = None) -> None:
        self.counts: dict[str, int] = {}
        self.meant = {DUPLICATE}  # reasons that are not a fault of the labels
        self.examples: dict[str, str] = {}  # the first place of each reason
        self.strict = strict
        self.report = report
        self._reported = [0]  # shared by the data sets of one reading

    @property
    def room(self) -> int:
        """Number of places that will still be reported; count the others by :meth:`note`."""
        return REPORTED - self._reported[0]

    def part(self) -> Skips:
        """Return separate counts for one data set of several; the limit of five places is shared."""
        own = Skips(strict=self.strict, report=self.report)
        own._reported = self._reported
        return own

    def note(self, reason: str, count: int = 1) -> None:
        """Count something without a place; strict reading continues."""
        if count:
            self.counts[reason] = self.counts.get(reason, 0) + count

    def leave(self, reason: str, count: int = 1) -> None:
        """Count something ignored on purpose, such as crowds."""
        self.meant.add(reason)
        self.note(reason, count)

    def no_box(self, kind: Any) -> None:
        """Count a shape of another kind, such as a point or a line."""
        self.leave(f"{str(kind)[:LONGEST]}, which is not a box")

    def lost(self) -> dict[str, int]:
        """Return the counts of faults; images without a size are counted by their boxes."""
        return {why: count for why, count in self.counts.items() if why not in self.meant and why != NO_SIZE}

    def add(self, reason: str, file: str | Path, place: Place | str | int | None = None, detail: str = "") -> None:
        """Count one thing that is skipped."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        if reason in self.examples and self.room <= 0:
            return
        text = sentence(reason, file, place() if callable(place) else place, detail)
        self.examples.setdefault(reason, text)
        if self.room <= 0:
            return
        self._reported[0] += 1
        if self.strict:
            raise DataError(text + hint("strict"))
        if self.report is not None:
            self.report(text)

    def most(self) -> str:
        """Return a sentence about the most frequent reason, with its first place."""
        if not self.counts:
            return ""
        reason = max(self.counts, key=self.counts.__getitem__)
        return self.examples.get(reason) or shown_counts(self.counts)


def sentence(reason: str, file: str | Path, place: str | int | None = None, detail: str = "") -> str:
    """Return what is wrong at a place of a file."""
    spot = f", line {place}" if isinstance(place, int) else f", {place}" if place else ""
    detail = detail if len(detail) <= LONGEST else f"{detail[:LONGEST]}..."
    return f"{shown(file)}{spot}: {reason}" + (f" ({detail})" if detail else "")


def impostor(head: bytes, wanted: str, *, markup: bool = True) -> str:
    """Return what a file is if it only looks like a label file, else an empty text."""
    start = head[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(b"version https://git-lfs"):
        return f"Git LFS pointer instead of {wanted} (run: git lfs pull)"
    if start.startswith(MARKUP if markup else PAGE):
        return f"HTML or XML page instead of {wanted}" if markup else f"HTML page instead of {wanted}"
    if start.startswith(b"pk\x03\x04"):
        return f"zip archive instead of {wanted}"
    return ""


def row_of(columns: int) -> str:
    """Return the reason for a row with a wrong number of columns."""
    return f"row of {many(columns, 'column')}"


def no_text(data: bytes, text: str) -> str:
    """Return what a file is if it only looks like a text with labels, else an empty text."""
    return impostor(data, "labels") or ("binary file instead of labels" if "\0" in text else "")


def first_line(error: BaseException) -> str:
    """Return the message of an error, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def shown(path: str | Path) -> str:
    """Return `path` as text that can always be printed; in an archive, as it is there."""
    return plain(given_name(os.fspath(path)))


@contextlib.contextmanager
def standing_for(folder: str, path: str) -> Iterator[None]:
    """Name a temporary folder by another path inside the context."""
    _given[folder] = path
    try:
        yield
    finally:
        del _given[folder]


def given_name(text: str) -> str:
    """Return a path, or a text with paths, with the path of the archive in place of its temporary folder."""
    for folder, path in _given.items():
        text = text.replace(folder, path)
    return text


def given_names(paths: Sequence[str]) -> Sequence[str]:
    """Return :func:`given_name` of each path."""
    return list(map(given_name, paths)) if _given else paths


def shown_counts(counts: Mapping[str, int]) -> str:
    """Return the counts as text."""
    return ", ".join(f"{count:,} x {reason}" for reason, count in counts.items())
