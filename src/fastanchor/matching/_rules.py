"""Which anchors a detector makes positive, and where its anchors are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray
from fastanchor.kernels._matching_types import (
    DISTINCT,
    EVERY,
    EVERY_OWN,
    MISSED,
    NONE,
    ONE,
    ONE_FIRST,
    Grids,
    Rule,
    Shapes,
)

__all__ = ["NOMINAL", "Cells", "Forced", "MatchRule", "Matching", "Pixels"]

Pixels = Literal["", "whole", "last"]
Forced = Literal["every", "own", "one", "first", "missed", "distinct", "none"]

CODES = {
    "none": NONE, "every": EVERY, "own": EVERY_OWN, "one": ONE, "first": ONE_FIRST, "missed": MISSED,
    "distinct": DISTINCT,
}  # fmt: skip
WORDS = {
    "every": "else all anchors with the best IoU of a box{}, each for the box that it overlaps most",
    "own": "else all anchors with the best IoU of a box{}",
    "one": "else the first anchor with the best IoU of a box{}",
    "first": "else the first anchor with the best IoU of a box{}",
    "missed": "a box that gets no such anchor has the first with its best IoU{}",
    "distinct": "each box has an anchor that no other box has, given by IoU{}",
    "none": "a box without such an anchor has no positive",
}


class MatchRule(Protocol):
    """Which anchors are positive."""

    @property
    def measure(self) -> str:
        """By what boxes and anchors are compared."""

    @property
    def threshold(self) -> float:
        """The least value of a match."""

    def to_text(self) -> str:
        """Return the rule in words."""


class Matching(NamedTuple):
    """Which anchors are positive, for detectors that match by IoU.

    Attributes
    ----------
    above : float
        An anchor is positive from this IoU on, for the box with which it has the largest.
    below : float
        An anchor is background below this IoU with every box; in between it is ignored.
    forced : {"every", "own", "one", "first", "missed", "distinct", "none"}
        What becomes positive for a box whose best IoU is lower: "every" anchor with its best IoU, for the box that the
        anchor overlaps most; the same for the box's "own", of several boxes the last; "one" anchor, the first that has
        the box's best IoU, of several boxes for the last; the same for the "first" of them; or "none". "missed" does
        as "one" for boxes that got no anchor, though their best IoU may be higher. "distinct" gives each box an anchor
        that no other box gets: first the pair of a box and an anchor with the largest IoU, then the pair with the
        largest among the others, and so on.
    least : float
        The best IoU from which anchors are forced.
    inside : bool
        Whether anchors that cross the border of the image take no part.
    pixels : {"", "whole", "last"}
        Whether a side is a pixel longer than the distance of its corners, those of anchors too. For "whole", boxes are
        rounded to whole pixels; for "last", their corner at the right and below is moved to the last pixel first.
    """

    above: float
    below: float
    forced: Forced = "every"
    least: float = 0.0
    inside: bool = False
    pixels: Pixels = ""

    @property
    def measure(self) -> str:
        """By what boxes and anchors are compared."""
        return "IoU"

    @property
    def threshold(self) -> float:
        """The least IoU of a match."""
        return float(np.float32(self.above))

    @property
    def rule(self) -> Rule:
        """The rule as kernels take it."""
        return Rule(
            np.float32(self.above), np.float32(self.least), CODES[self.forced], np.float32(1.0 if self.pixels else 0.0)
        )

    def to_text(self) -> str:
        """Return the rule in words."""
        low = f" whose best IoU is at least {self.least:g}" if self.least else ""
        parts = [f"IoU >= {self.above:g}", WORDS[self.forced].format(low)]
        if self.inside:
            parts.append("anchors that cross the border take no part")
        if self.pixels:
            parts.append("sides of anchors are a pixel longer")
        return "; ".join(parts)


@dataclass(frozen=True)
class Cells:
    """How the grids of the levels follow from the size of a resized image.

    Attributes
    ----------
    multiple : int
        Images are padded at the right and at the bottom to a multiple of this many pixels.
    derived : bool
        Whether the distance of centres is the padded side divided by the number of cells, rounded down, and not the
        stride of the level.
    offset : float
        Of the first centre from the left and top of the image, in distances of centres.
    even : bool
        Whether the distance of centres is the padded side divided by the number of cells.
    """

    multiple: int = 32
    derived: bool = False
    offset: float = 0.0
    even: bool = False

    def grids(
        self, sides: FloatArray, strides: tuple[float, ...], shapes: Shapes, matching: Matching | None = None
    ) -> Grids:
        """Return the grids of images (m, 2), for each level; a level has a cell for each stride that has begun.

        With a `matching` that leaves out anchors that cross the border, anchors have fewer places.
        """
        stride = np.asarray(strides, dtype=np.float64)[:, None]
        padded = np.ceil(sides / self.multiple)[:, None] * self.multiple
        number = np.ceil(padded / stride)
        step = np.broadcast_to(stride, number.shape)
        if self.even:
            step = padded / number
        elif self.derived:
            step = padded // number
        first, step = np.ascontiguousarray(self.offset * step), np.ascontiguousarray(step)
        number = np.ascontiguousarray(number, dtype=np.int64)
        low, high = np.zeros((len(sides), len(shapes.level), 2), np.int64), number[:, shapes.level] - 1
        if matching is not None and matching.inside:
            border = sides[:, None] - (1.0 if matching.pixels == "whole" else 0.0)
            low, high = _inside(first[:, shapes.level], step[:, shapes.level], shapes.half, high, border)
        return Grids(first, step, number, low, high)


def _inside(
    first: FloatArray, step: FloatArray, half: NDArray[np.float32], last: NDArray[np.int64], border: FloatArray
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first and the last place at which anchors do not cross the border, (m, k, 2) both.

    The places are estimated; whether an anchor crosses is then decided by its corners in float32.
    """

    def centre(place: FloatArray) -> NDArray[np.float32]:
        return (first + place * step).astype(np.float32)

    low = (np.ceil((half - first) / step) - 1.0).clip(0.0)
    for _ in range(2):
        low += centre(low) - half < 0
    high = np.minimum(np.floor((border - half - first) / step) + 1.0, last)
    for _ in range(2):
        high -= centre(high) + half > border
    return low.astype(np.int64), high.astype(np.int64)


NOMINAL = Cells()
