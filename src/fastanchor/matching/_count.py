"""Positives of each box, image by image."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import kernels
from fastanchor._types import FloatArray, IntArray
from fastanchor.engine._threads import Team, thread_count
from fastanchor.kernels._choice import worth
from fastanchor.kernels._matching_types import Found, Grids, Job, Placed, Shapes
from fastanchor.matching._rules import Cells, Matching

__all__ = ["OFFSETS", "Anchors", "Counts", "Places", "at_offsets", "at_places", "fractions"]

AT_ONCE = 1 << 14  # boxes of a task
OFFSETS = 8  # places tried where those of boxes are not known
IRRATIONAL = 0.7548776662466927, 0.5698402909980532  # steps between them, whose multiples spread over any stride
NUMPY = 1e-6  # seconds that NumPy takes for a box and an anchor


class Places(NamedTuple):
    """Boxes in pixels of the network input.

    `corners` (n, 4) are left, top, right, bottom; `image` (n,) is the image of each box, `sides` (m, 2) are the width
    and height of each resized image.
    """

    corners: NDArray[np.float32]
    image: IntArray
    sides: FloatArray


class Anchors(NamedTuple):
    """The anchors of each level, (k, 2) each, the strides of the levels, and where the anchors are."""

    parts: Sequence[FloatArray]
    strides: tuple[float, ...]
    cells: Cells

    @property
    def shapes(self) -> Shapes:
        """The anchors of all levels, as kernels take them."""
        counts = [len(part) for part in self.parts]
        half = np.concatenate([np.asarray(part, dtype=np.float32) / np.float32(2.0) for part in self.parts])
        level = np.repeat(np.arange(len(counts)), counts)
        return Shapes(half, level, np.concatenate([np.arange(count) for count in counts]))

    def grids(self, sides: FloatArray, matching: Matching | None = None) -> Grids:
        """Return the grids of resized images (m, 2)."""
        return self.cells.grids(sides, self.strides, self.shapes, matching)


def fractions() -> FloatArray:
    """Return the places at which a box is tried, in parts of the largest stride, (OFFSETS, 2)."""
    parts: FloatArray = (0.5 + np.arange(OFFSETS)[:, None] * np.array(IRRATIONAL)) % 1.0
    return parts


class Counts(NamedTuple):
    """What is known of each of n boxes.

    `positives` (n, levels) and `none` (n,), whether a box has none, are means over the places that it was tried at;
    `best` (places, n) is its best IoU, or ratio, at each of them.
    """

    positives: NDArray[np.int32] | FloatArray
    none: FloatArray
    best: NDArray[np.float32]


def at_places(boxes: Places, anchors: Anchors, matching: Matching, threads: int | None = None) -> Counts:
    """Return the positives of each box, with its real place and with the other boxes of its image."""
    if matching.pixels == "whole":
        return _in_whole_pixels(boxes, anchors, matching, threads)
    return _at_places(boxes._replace(corners=_compared(boxes.corners, matching)), anchors, matching, threads)


def _compared(corners: NDArray[np.float32], matching: Matching) -> NDArray[np.float32]:
    """Return the corners of boxes as the detector compares them with anchors."""
    if matching.pixels == "whole":
        return np.rint(corners)
    return corners - np.array([0, 0, 1, 1], np.float32) if matching.pixels == "last" else corners


def _in_whole_pixels(boxes: Places, anchors: Anchors, matching: Matching, threads: int | None) -> Counts:
    """Leave out boxes of which nothing remains."""
    n = len(boxes.corners)
    last = np.tile(boxes.sides - 1.0, 2)[boxes.image]
    corners = _compared(boxes.corners, matching).clip(0.0, last).astype(np.float32)
    kept = np.flatnonzero(np.all(corners[:, :2] < corners[:, 2:], axis=1))
    found = _at_places(Places(corners[kept], boxes.image[kept], boxes.sides), anchors, matching, threads)
    positives, none, best = np.zeros((n, len(anchors.parts)), np.int32), np.ones(n), np.zeros((1, n), np.float32)
    positives[kept], none[kept], best[:, kept] = found
    return Counts(positives, none, best)


def _at_places(boxes: Places, anchors: Anchors, matching: Matching, threads: int | None) -> Counts:
    order = np.lexsort((boxes.corners[:, 0], boxes.image))
    image = boxes.image[order]
    begin = np.flatnonzero(np.diff(image, prepend=-1))
    kinds, kind = np.unique(boxes.sides, axis=0, return_inverse=True)
    placed = Placed(
        np.ascontiguousarray(boxes.corners[order]),
        order,
        np.append(begin, len(order)),
        kind.reshape(-1)[image[begin]],
    )
    found = counted(placed, anchors.shapes, anchors.grids(kinds, matching), matching, threads)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    positives = found.positives[back]
    return Counts(positives, (positives.sum(axis=1) == 0).astype(np.float64), found.best[None, back])


def at_offsets(wh: FloatArray, anchors: Anchors, matching: Matching, threads: int | None = None) -> Counts:
    """Return the positives of each box alone on a grid without borders, as a mean over `OFFSETS` places."""
    shapes, period = anchors.shapes, float(max(anchors.strides))
    # as near to 0 as no anchor that touches a box is cut off: float32 is finer there
    begin = np.ceil(2.0 * float(shapes.half.max(initial=0.0)) / period + 1.0) * period
    free = anchors._replace(cells=Cells(1, offset=anchors.cells.offset))
    n = len(wh)
    reach = 2.0 * begin + period + wh.max(axis=0, initial=0.0)
    grids, each = free.grids(reach[None]), np.arange(n)
    positives, none = np.zeros((n, len(anchors.parts))), np.zeros(n)
    best = np.empty((OFFSETS, n), np.float32)
    for s, part in enumerate(fractions()):
        corner = begin + part * period
        corners = np.concatenate([np.broadcast_to(corner, (n, 2)), corner + wh], axis=1).astype(np.float32)
        corners = _compared(corners, matching)
        nothing = np.any(corners[:, :2] >= corners[:, 2:], axis=1) & (matching.pixels == "whole")
        placed = Placed(corners, each, np.arange(n + 1), np.zeros(n, np.int64))
        found = counted(placed, shapes, grids, matching, threads)
        found.positives[nothing], found.best[nothing] = 0, 0.0
        positives += found.positives
        none += found.positives.sum(axis=1) == 0
        best[s] = found.best
    return Counts(positives / OFFSETS, none / OFFSETS, best)


def _on_numba(name: str, pairs: int) -> bool:
    """Return whether to use this compiled kernel for so many pairs of a box and an anchor."""
    chosen = kernels.chosen()
    if chosen is not None or not kernels.installed():
        return chosen == "numba"
    return worth(f"_{name}", "match", 0.0) or worth(f"_{name}", "match", NUMPY * pairs)


def counted(placed: Placed, shapes: Shapes, grids: Grids, matching: Matching, threads: int | None) -> Found:
    """Return what is known of each box, in the order of `placed`."""
    n, images = len(placed.corners), len(placed.grid)
    levels = grids.number.shape[1]
    found = Found(
        np.zeros((n, levels), np.int32), np.empty(n, np.float32), np.empty(n, np.int64), np.empty(n, np.float32)
    )
    edges = np.searchsorted(placed.start, np.arange(0, n, AT_ONCE), "left")
    edges = np.unique(np.append(edges, images)).tolist()
    name = "matching_given" if matching.forced in ("missed", "distinct") else "matching"
    module = kernels.part(name if _on_numba(name, n * len(shapes.level)) else "matching_numpy")

    def work(task: tuple[int, int]) -> None:
        bounds = np.empty((len(shapes.level), 5))
        module.match(*task, Job(placed, shapes, grids, matching.rule, found, bounds))

    Team(thread_count(threads)).run(work, list(itertools.pairwise(edges)))
    return found
