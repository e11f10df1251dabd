"""What the kernels that find positives take and return, in both versions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray

__all__ = [
    "DISTINCT", "EVERY", "EVERY_OWN", "MISSED", "NONE", "NOTHING", "ONE", "ONE_FIRST", "RELATIVE", "SLACK", "Float32",
    "Found", "Grids", "Job", "Placed", "Rule", "Shapes",
]  # fmt: skip

Float32 = NDArray[np.float32]

# which anchors become positive whatever their IoU: see fastanchor.matching.Forced; from ONE on, one for each box
NONE, EVERY, EVERY_OWN, ONE, ONE_FIRST, MISSED, DISTINCT = range(7)
# pixels by which rounding to float32 may move a corner, twice; sides of images are below 16,384
SLACK = 2e-3
RELATIVE = 1e-5  # more than the rounding of an IoU
NOTHING = np.float32(2.0)  # an IoU that no anchor has


class Shapes(NamedTuple):
    """Anchors: half of their sides (k, 2), their level (k,), and their place among those of a cell (k,)."""

    half: Float32
    level: IntArray
    at: IntArray


class Grids(NamedTuple):
    """Grids of images: the centre of the first cell, the distance of centres, the number of cells; (u, levels, 2).

    `low` and `high` (u, k, 2) are the first and the last place of each anchor; there is none where `high` is less.
    """

    first: FloatArray
    step: FloatArray
    number: IntArray
    low: IntArray
    high: IntArray


class Placed(NamedTuple):
    """Boxes, image by image, in an image by their left side.

    `corners` (n, 4) are left, top, right, bottom; `row` (n,) is the order by which ties between boxes are decided.
    The boxes of image i are those from ``start[i]`` to ``start[i + 1]``, its grid is ``grid[i]``.
    """

    corners: Float32
    row: IntArray
    start: IntArray
    grid: IntArray


class Rule(NamedTuple):
    """Anchors with an IoU of at least `above` are positive, and `forced` ones, with an IoU of at least `least`.

    `plus` is added to each side of boxes, anchors and intersections.
    """

    above: np.float32
    least: np.float32
    forced: int
    plus: np.float32


class Found(NamedTuple):
    """What is known of each box.

    Positives (n, levels); best IoU (n,); key (n,) of the first anchor that has it, or of the one that the box is given;
    the least IoU (n,) of an anchor that the box brings about, NOTHING if it brings about none.
    """

    positives: NDArray[np.int32]
    best: Float32
    key: IntArray
    least: Float32


class Job(NamedTuple):
    """Everything that a kernel needs; `bounds` (k, 5) is room for a compiled one."""

    boxes: Placed
    shapes: Shapes
    grids: Grids
    rule: Rule
    found: Found
    bounds: FloatArray
