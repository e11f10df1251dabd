"""Which anchors a detector makes positive, and where its anchors are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.kernels._matching_numpy import EVERY, EVERY_OWN, NONE, ONE, ONE_FIRST, Grids

__all__ = ["CODES", "NOMINAL", "Cells", "Forced", "Matching"]

Forced = Literal["every", "own", "one", "first", "none"]

CODES = {"none": NONE, "every": EVERY, "own": EVERY_OWN, "one": ONE, "first": ONE_FIRST}
WORDS = {
    "every": "else all anchors with the best IoU of a box{}, each for the box that it overlaps most",
    "own": "else all anchors with the best IoU of a box{}",
    "one": "else the first anchor with the best IoU of a box{}",
    "first": "else the first anchor with the best IoU of a box{}",
    "none": "a box without such an anchor has no positive",
}


class Matching(NamedTuple):
    """Which anchors are positive, for detectors that match by IoU.

    Attributes
    ----------
    above : float
        An anchor is positive from this IoU on, for the box with which it has the largest.
    below : float
        An anchor is background below this IoU with every box; in between it is ignored.
    forced : {"every", "own", "one", "first", "none"}
        What becomes positive for a box whose best IoU is lower: "every" anchor with its best IoU, for the box that the
        anchor overlaps most; the same for the box's "own", of several boxes the last; "one" anchor, the first that has
        the box's best IoU, of several boxes for the last; the same for the "first" of them; or "none".
    least : float
        The best IoU from which anchors are forced.
    """

    above: float
    below: float
    forced: Forced = "every"
    least: float = 0.0

    def to_text(self) -> str:
        """Return the rule in words."""
        low = f" whose best IoU is at least {self.least:g}" if self.least else ""
        return f"IoU >= {self.above:g}; {WORDS[self.forced].format(low)}"


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
    """

    multiple: int = 32
    derived: bool = False
    offset: float = 0.0

    def grids(self, sides: FloatArray, strides: tuple[float, ...]) -> Grids:
        """Return the grids of images (m, 2), for each level; a level has a cell for each stride that has begun."""
        stride = np.asarray(strides, dtype=np.float64)[:, None]
        padded = np.ceil(sides / self.multiple)[:, None] * self.multiple
        number = np.ceil(padded / stride)
        step = padded // number if self.derived else np.broadcast_to(stride, number.shape)
        first, step = (np.ascontiguousarray(one, dtype=np.float32) for one in (self.offset * step, step))
        return Grids(first, step, np.ascontiguousarray(number, dtype=np.int64))


NOMINAL = Cells()
