"""Sums of the best IoU over the boxes of an index, bounded from above by tables."""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.engine._assignment import Work, distinct_centers
from fastanchor.engine._objective import Counted
from fastanchor.kernels import part
from fastanchor.kernels._tables import IOU, RUN, Centers, Goal, Leaves, Walk

__all__ = ["upper_bound"]

ROUNDING = 1e-10  # of the boxes' weight: far above the rounding error of all sums, which are at most that weight
OFF = 1e-12  # relative: far above the rounding error of one IoU
SLACK = 2e-8  # of the boxes' weight, per block; closer bounds take longer than they save, measured


def upper_bound(work: Work, anchors: FloatArray, counted: Counted, need: float) -> float:
    """Return an upper bound of the sum over the boxes; a coarse one if that is below `need` already."""
    grid = work.grid
    if not grid.weight:
        return 0.0
    goal = Goal(counted.above, counted.once, SLACK * grid.weight, OFF)
    centers = Centers.of(IOU, anchors)
    alive, moments = distinct_centers(anchors), grid.moments(work.team, work.spans)
    walk, room = Walk.empty(grid.levels, alive.size, np.zeros(3, np.int64)), 8192
    while True:
        leaves = Leaves.empty(room)
        closed, opened = part("iou_bounds").bound_blocks(grid.tables, moments, centers, alive, goal, leaves, walk)
        if walk.used[0] >= 0:
            break
        room *= 4
    spare = ROUNDING * grid.weight
    if closed + opened + spare < need:
        return float(closed + opened + spare)
    some = leaves.used(*walk.used)
    return float(
        closed + spare + part("iou_bounds").add_boxes(grid.tables, centers, some, goal, np.empty(RUN), grid.weights)
    )
