"""Arguments of the kernels for late steps of k-means, see `_bands`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._tables import Flags, Histograms

__all__ = ["BUCKETS", "Ball", "Bins", "Frame", "Kept", "Tally"]

BUCKETS = 256  # of a kept bin: about 60 sides each at 1e7 boxes


class Bins(NamedTuple):
    """Bins of both sides: ``bin(x) = (bits(x) - base) >> shift``, cut off at both ends; their numbers."""

    base_w: int
    base_h: int
    shift: int
    nx: int
    ny: int


class Ball(NamedTuple):
    """Where centres may move: a place (k,) of each, and the factors by which its IoUs may grow and shrink meanwhile."""

    w: FloatArray
    h: FloatArray
    grow: FloatArray
    shrink: FloatArray

    @classmethod
    def of(cls, places: FloatArray, reach: FloatArray) -> Ball:
        """Return the ball of these radii (k,) around places (k, 2)."""
        w, h = np.ascontiguousarray(places.T)
        return cls(w, h, np.exp(reach), np.exp(-reach))


class Frame(NamedTuple):
    """Boxes whose nearest centre may change while the centres stay in a ball, and nested subsets of them.

    Boxes are grouped by the centres that they may have: those of group g are ``cands[first[g] : first[g + 1]]``,
    ascending. ``span[level, g]`` is where a group's boxes begin and end: at level 0 in `w`, `h` and `label`, further in
    in the `inner` columns, which hold all other levels one after the other. `w` and `h` are used once only.
    """

    w: FloatArray
    h: FloatArray
    label: Flags
    first: IntArray  # (groups + 1,)
    cands: LabelArray
    span: IntArray  # (levels, groups, 2)
    inner_w: FloatArray
    inner_h: FloatArray
    inner_at: LabelArray  # place in the frame, where the one true label stands

    def boxes(self, level: int) -> int:
        """Return the number of boxes of a level."""
        return int((self.span[level, :, 1] - self.span[level, :, 0]).sum())


class Kept(NamedTuple):
    """The sides of each centre's boxes in the bin that held its median: (axis, centre) each, in buckets by value.

    The order within a bucket is free.
    """

    bin: IntArray  # (2, k) -1 where nothing is kept
    low: FloatArray  # (2, k) ``bucket(x) = (x - low) * scale``, cut off at both ends
    scale: FloatArray  # (2, k)
    start: IntArray  # (2, k, BUCKETS + 1) where the room of each bucket begins
    size: IntArray  # (2, k, BUCKETS)
    room: IntArray  # (2, k, 2) where the room of all its buckets begins and ends
    values: FloatArray
    used: IntArray  # (1,) where the room of all begins that have none yet

    @classmethod
    def empty(cls, k: int, room: int) -> Kept:
        """Return room for so many values."""
        start, size = np.zeros((2, k, BUCKETS + 1), np.int64), np.zeros((2, k, BUCKETS), np.int64)
        low, scale = np.zeros((2, 2, k))
        own, used = np.zeros((2, k, 2), np.int64), np.zeros(1, np.int64)
        return cls(np.full((2, k), -1), low, scale, start, size, own, np.empty(room), used)


class Tally(NamedTuple):
    """What is known of each centre's boxes, and changed by each box that changes its centre.

    For medians `hist`, whose fine histograms are complete, and what is `kept`; for means the digits of exact `sums`
    (k, 2 * digits). The other has no rows; the counts are always there.
    """

    hist: Histograms
    kept: Kept
    sums: IntArray
    factor: float  # what sides are multiplied with before they are cut
