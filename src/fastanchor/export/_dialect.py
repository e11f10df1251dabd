"""What a dialect is, and what all of them share: levels with their anchors, numbers, notes and refusals.

A dialect declares its :class:`Needs` and provides ``write``, ``read`` and perhaps ``splice``. Everything else (levels,
remainders, rounding to zero, the comment with the network input) is done here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from reprlib import repr as brief
from typing import NamedTuple, cast

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import Fit, FloatArray
from fastanchor.levels import (
    Level,
    LevelCounts,
    as_level_counts,
    by_level,
    counts_of,
    even_counts,
    pyramid,
    usual_counts,
)

__all__ = [
    "MOST_ROWS", "NUMBER", "UNIT", "Config", "Content", "Dialect", "Input", "Layout", "Needs", "from_words", "lines_of",
    "mask_layout", "pairs", "rows_layout", "simplified",
]  # fmt: skip

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
NOTE = re.compile(r"(?:#|//) ?fastanchor: (letterbox|stretch|shortest), (\d{1,9}) x (\d{1,9})\b")
UNIT = "pixels of the network input"
MOST_ROWS = 100  # a file with more rows, and no levels, is a table of boxes

# (level, positions of its anchors in the file), smallest level first
Layout = list[tuple[int, list[int]]]


class Input(NamedTuple):
    """The network input that anchors are for: how images are resized to it, and its (width, height) in pixels."""

    fit: Fit
    img_size: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.fit}, {self.img_size[0]} x {self.img_size[1]} pixels"

    @property
    def note(self) -> str:
        """The comment for a configuration, which :meth:`Dialect.read` reads back."""
        return f"# fastanchor: {self}"


@dataclass(frozen=True, eq=False)
class Config:
    """What a configuration says about its anchors.

    Attributes
    ----------
    anchors : (n, 2) float64
        Pixels of the network input, in the order of the file; empty where it has only a number of anchors.
    layout : list of (level, positions in `anchors`)
        Smallest level first; empty if the file does not say it.
    n : int or None
        Number of anchors.
    why : str
        Why there is no layout, if there is a reason to name.
    fit, img_size : str, (width, height)
        Of the network, if the file sets them.
    note : Input or None
        What the anchors are for, by a comment that fastanchor wrote.
    classes : int or None
    default_fit : str
        How the detectors that read such files resize images.
    even : bool
        Whether these detectors need the same number of anchors in each level.
    strides : tuple of float
        Of the levels in the order of the file, where they need not be powers of 2; else empty.
    ratio : str
        What a ratio is, if the file has sizes and ratios; else empty.
    doubts : tuple of str
        What looks wrong in the text, a sentence each.
    """

    anchors: FloatArray
    layout: Layout
    n: int | None = None
    why: str = ""
    fit: Fit | None = None
    img_size: tuple[int, int] | None = None
    note: Input | None = None
    classes: int | None = None
    default_fit: Fit = "letterbox"
    even: bool = False
    strides: tuple[float, ...] = ()
    ratio: str = ""
    doubts: tuple[str, ...] = ()

    def own_levels(self, n: int) -> LevelCounts | None:
        """Return n anchors on the levels of the file: its own numbers if they add up to n, else equal numbers."""
        own = [(level, len(rows)) for level, rows in self.layout]
        stays = sum(count for _, count in own) == n and not self.even
        return (own if stays else even_counts(n, [level for level, _ in own])) if own else None


@dataclass(frozen=True)
class Needs:
    """What a detector family needs of its text.

    Attributes
    ----------
    name : str
        The detector, as messages call it.
    fit : {"letterbox", "stretch", "shortest"}
        How its trainer resizes images. With `any_fit`, it is only the default.
    any_fit : bool, default False
        Whether the text is for every fit, such as that for programs.
    equal : bool, default False
        Whether all levels have the same number of anchors.
    levels : (int, int), default (1, 13)
        The least and the largest number of levels.
    whole : bool, default False
        Whether sides are whole pixels, so that none may be rounded to 0.
    endings : tuple of str
        Of the files it is read from.
    mark : str
        Pattern of a text that is in this dialect and in no other with the same ending.
    """

    name: str
    fit: Fit = "letterbox"
    any_fit: bool = False
    equal: bool = False
    levels: tuple[int, int] = (1, 13)
    whole: bool = False
    endings: tuple[str, ...] = ()
    mark: str = ""


class Content(NamedTuple):
    """What a dialect writes: the anchors, (n, 2), by level, and what they are for.

    `chosen` says whether the caller chose the levels.
    """

    anchors: FloatArray
    levels: list[Level]
    made_for: Input | None
    chosen: bool

    @property
    def note(self) -> list[str]:
        """The comment that says what the anchors are for, if it is known."""
        return [] if self.made_for is None else [self.made_for.note]

    @property
    def masks(self) -> list[list[int]]:
        """The positions of each level's anchors."""
        ends = np.cumsum([len(level.anchors) for level in self.levels]).tolist()
        return [list(range(end - len(level.anchors), end)) for level, end in zip(self.levels, ends, strict=True)]


@dataclass(frozen=True)
class Dialect:
    """A detector family's configuration: its needs, and its text written, read, and changed in place."""

    needs: Needs
    writer: Callable[[Content], str]
    reader: Callable[[str], Config]
    splicer: Callable[[str, FloatArray, LevelCounts | None, Input | None], str] | None = None

    def default_levels(self, n: int) -> LevelCounts:
        """Return the levels that n anchors have if none are chosen.

        Examples
        --------
        >>> three = Dialect(Needs("TAO", levels=(2, 3)), lambda content: "", lambda text: Config(np.empty((0, 2)), []))
        >>> three.default_levels(9), three.default_levels(12), three.default_levels(5)
        ([(3, 3), (4, 3), (5, 3)], [(3, 4), (4, 4), (5, 4)], [(4, 3), (5, 2)])
        """
        counts = usual_counts(n)
        least, most = self.needs.levels
        fitting = min(max(len(counts), least), most)
        return counts if fitting == len(counts) else even_counts(n, pyramid(fitting))

    def content(self, anchors: FloatArray, levels: LevelCounts | None, made_for: Input | None) -> Content:
        """Return the anchors by level, if this dialect can express them.

        Raises
        ------
        DataError
            If it cannot.
        """
        needs = self.needs
        found = by_level(anchors, self.default_levels(len(anchors)) if levels is None else levels)
        counts = [count for _, count in counts_of(found)]
        if 0 in counts:
            empty = found[counts.index(0)]
            raise DataError(f"level {empty.name} would have no anchor; choose other levels, or more anchors")
        if not needs.levels[0] <= len(found) <= needs.levels[1]:
            expected = " to ".join(map(str, dict.fromkeys(needs.levels)))
            raise DataError(f"{called('levels')}: got {len(found)}, expected {expected} for {needs.name}")
        if needs.equal and min(counts) != max(counts):
            raise DataError(
                f"{called('levels')}: got {counts} anchors; {needs.name} needs the same number in each level"
            )
        if needs.whole and np.round(anchors).min() < 1:
            w, h = anchors[int(np.round(anchors).min(axis=1).argmin())].tolist()
            raise DataError(f"anchor {w:.4g} x {h:.4g}: {needs.name} takes whole pixels, and a side would be 0")
        return Content(anchors, found, made_for, levels is not None)

    def write(self, anchors: FloatArray, levels: LevelCounts | None = None, made_for: Input | None = None) -> str:
        """Return the text of these anchors, without a newline at the end."""
        return self.writer(self.content(anchors, levels, made_for))

    def read(self, text: str) -> Config:
        """Return what a text says."""
        found = self.reader(text)
        note = NOTE.search(text)
        if note is not None and not self.needs.any_fit:
            found = replace(found, note=Input(cast(Fit, note[1]), (int(note[2]), int(note[3]))))
        return replace(
            found,
            n=len(found.anchors) if len(found.anchors) else found.n,
            default_fit=self.needs.fit,
            even=self.needs.equal,
        )

    def splice(
        self, text: str, anchors: FloatArray, levels: LevelCounts | None = None, made_for: Input | None = None
    ) -> str:
        """Return the text with these anchors in place of its own, and everything else unchanged."""
        if self.splicer is None:
            raise DataError("cannot be edited")
        levels = None if levels is None else as_level_counts(levels, len(anchors))
        return self.splicer(text, anchors, levels, made_for)


def number(value: float, decimals: int | None) -> str:
    """Return `value` rounded; None keeps four digits, and so does a value that would lose most of its digits."""
    if value < 2.0 or (decimals is None and value < 1000.0):
        return f"{value:.4g}"
    return f"{value:.{decimals or 0}f}".removesuffix(".0")


def pairs(anchors: FloatArray, form: str, decimals: int | None = 1) -> str:
    """Return the anchors joined by commas, each written like `form`, as in ``"({w}, {h})"``."""
    return ", ".join(form.format(w=number(w, decimals), h=number(h, decimals)) for w, h in anchors.tolist())


def simplified(text: str) -> str:
    """Return typed anchors as numbers separated by commas or blanks: without brackets, and without "x" between sides.

    Examples
    --------
    >>> simplified("10 x 13, 16x30").split(), simplified("[[10,13],[16,30]]").split()
    (['10', '13,', '16', '30'], ['10,13', ',', '16,30'])
    """
    side = NUMBER.pattern
    return re.sub(rf"({side})\s*[xX\N{{MULTIPLICATION SIGN}}]\s*({side})", r"\1 \2", re.sub(r"[\[\]()]", " ", text))


def from_words(text: str, name: str = "anchors") -> FloatArray:
    """Return the anchors, (n, 2), of widths and heights in turn, separated by commas or blanks.

    Raises
    ------
    DataError
        If a word is not a number, the last has no partner, or a side is not above zero.
    """
    words = re.split(r"[\s,]+", text.strip(" \t\r\n,"))
    form = "write widths and heights as in 10,13 16,30"
    if words == [""]:
        raise DataError(f"{called(name)}: no numbers found; {form}")
    for word in words:
        if not NUMBER.fullmatch(word):
            raise DataError(f"{called(name)}: {brief(word)} is not a number; {form}")
    if len(words) % 2:
        raise DataError(f"{called(name)}: got {len(words)} numbers; widths and heights come in pairs")
    return _check.as_sizes(np.array(words, dtype=np.float64).reshape(-1, 2), name, UNIT)


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends; only a line feed ends one, as for the programs that read these files."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def rows_layout(levels: Sequence[int], counts: Sequence[int]) -> Layout:
    """Return the layout of levels whose anchors follow each other in the file, so many each."""
    ends = np.cumsum(counts).tolist()
    return sorted(
        (level, list(range(end - count, end))) for level, count, end in zip(levels, counts, ends, strict=False)
    )


def mask_layout(levels: Sequence[int], masks: Sequence[list[int]], n: int) -> Layout:
    """Return the layout of levels whose masks point to n anchors.

    Raises
    ------
    DataError
        If a mask points beyond them.
    """
    beyond = [at for rows in masks for at in rows if not 0 <= at < n]
    if beyond:
        raise DataError(f"mask: points to anchor {beyond[0]}, but there are {n}, counted from 0")
    return sorted(zip(levels, masks, strict=True))
