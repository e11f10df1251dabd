"""What the formats share: what a target is, what a configuration says, numbers, and levels of equal size."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from reprlib import repr as brief
from typing import NamedTuple, cast

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import Fit, FloatArray
from fastanchor.levels import Layer, Split, equal, layers, levels

__all__ = [
    "Config", "Input", "Layout", "Target", "dealt", "from_words", "lines_of", "mask_layout", "noted", "number", "pairs",
    "same_count",
]  # fmt: skip

NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
NOTE = re.compile(r"# ?fastanchor: (letterbox|stretch), (\d{1,9}) x (\d{1,9})\b")

# (level, positions of its anchors in the file), smallest level first
Layout = list[tuple[int, list[int]]]


class Input(NamedTuple):
    """The network input that anchors are for: how images are brought to it, and its (width, height) in pixels."""

    fit: Fit
    img_size: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.fit}, {self.img_size[0]} x {self.img_size[1]} pixels"

    @property
    def note(self) -> str:
        """The comment that says so in a configuration; :func:`noted` finds it again."""
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
        What the anchors are for by a comment that we wrote.
    classes : int or None
    default_fit : str
        What the detectors that read such files do.
    even : bool
        Whether these detectors need the same number of anchors in each level.
    """

    anchors: FloatArray
    layout: Layout
    n: int | None
    why: str = ""
    fit: Fit | None = None
    img_size: tuple[int, int] | None = None
    note: Input | None = None
    classes: int | None = None
    default_fit: Fit = "letterbox"
    even: bool = False

    def own_parts(self, n: int) -> Split | None:
        """Return n anchors on the levels of the file: its own numbers if they can stay, else equal parts."""
        own = [(level, len(rows)) for level, rows in self.layout]
        if not own:
            return None
        stays = sum(count for _, count in own) == n and not self.even
        return own if stays else equal(n, [level for level, _ in own])


@dataclass(frozen=True)
class Target:
    """A detector family's format: its text, its grammar, and how its trainer resizes images.

    `write` takes anchors, levels and what they are for; `read` returns what a text says; `splice` puts anchors into a
    text, where that is possible. With `any_fit`, `fit` is only what is computed if nothing is chosen.
    """

    write: Callable[[FloatArray, Split | None, Input | None], str]
    read: Callable[[str], Config]
    fit: Fit
    any_fit: bool = False
    splice: Callable[[str, FloatArray, Split | None, Input | None], str] | None = None


def noted(text: str) -> Input | None:
    """Return what a comment of ours says the anchors are for.

    Examples
    --------
    >>> noted("anchors:  # fastanchor: letterbox, 640 x 384 pixels")
    Input(fit='letterbox', img_size=(640, 384))
    """
    match = NOTE.search(text)
    return None if match is None else Input(cast(Fit, match[1]), (int(match[2]), int(match[3])))


def number(value: float, decimals: int | None) -> str:
    """Return `value` rounded; None keeps four digits, and so does what would lose most of its digits."""
    if value < 2.0 or (decimals is None and value < 1000.0):
        return f"{value:.4g}"
    return f"{value:.{decimals or 0}f}".removesuffix(".0")


def pairs(anchors: FloatArray, form: str, decimals: int | None = 1) -> str:
    """Return the anchors joined by commas, each written like `form`, as in ``"({w}, {h})"``."""
    return ", ".join(
        form.format(w=number(w, decimals), h=number(h, decimals)) for w, h in anchors.tolist()
    )  # fmt: skip


def from_words(text: str, name: str = "anchors") -> FloatArray:
    """Return the anchors, (n, 2), of widths and heights in turn, apart by commas or blanks.

    Raises
    ------
    DataError
        If a word is no number, the last has no partner, or a side is not above zero.
    """
    words = re.split(r"[\s,]+", text.strip(" \t\r\n,"))
    if words == [""]:
        raise DataError(f"{called(name)}: no numbers found; write widths and heights as in 10,13 16,30")
    for word in words:
        if not NUMBER.fullmatch(word):
            raise DataError(f"{called(name)}: {brief(word)} is no number; write widths and heights as in 10,13 16,30")
    if len(words) % 2:
        raise DataError(f"{called(name)}: has {len(words)} numbers; widths and heights come in pairs")
    return _check.as_sizes(np.array(words, dtype=np.float64).reshape(-1, 2), name, "pixels of the network input")


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends; only a line feed ends one, as for the programs that read these files."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def mask_layout(levels: Sequence[int], masks: Sequence[list[int]], n: int) -> Layout:
    """Return the layout of levels whose masks point to n anchors.

    Raises
    ------
    DataError
        If a mask points beyond them.
    """
    beyond = [at for rows in masks for at in rows if not 0 <= at < n]
    if beyond:
        raise DataError(f"mask: points to anchor {beyond[0]}, and there are {n}, counted from 0")
    return sorted(zip(levels, masks, strict=True))


def dealt(anchors: FloatArray, parts: Split | None) -> list[Layer]:
    """Return the levels with their anchors; the usual ones if `parts` is None.

    Raises
    ------
    DataError
        If a level has no anchor, which no configuration can say.
    """
    found = layers(anchors, levels(len(anchors)) if parts is None else parts)
    for level, stride, part, _ in found:
        if not len(part):
            raise DataError(f"level P{level}/{stride} would have no anchor; choose other levels, or more anchors")
    return found


def same_count(found: list[Layer], target: str) -> list[Layer]:
    """Return the levels if all have the same number of anchors.

    Raises
    ------
    DataError
        If they do not.
    """
    counts = [len(layer.anchors) for layer in found]
    if min(counts) != max(counts):
        raise DataError(f"levels: hold {counts} anchors; {target} needs the same number in each level")
    return found
