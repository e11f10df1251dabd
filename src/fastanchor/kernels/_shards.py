"""The steps of `_medians.medians` one by one, for boxes that are spread over several shards.

Histograms add up over shards. The bins of the middle ranks are found in their sum; each shard then hands out its own
sides in these bins.
"""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.kernels._jit import compiled
from fastanchor.kernels._medians import complete, find_coarse, find_fine, gather
from fastanchor.kernels._tables import RUN, Centers, GridTables, Histograms, Leaves, Sought


@compiled
def coarse(hist: Histograms, sought: Sought) -> None:
    """Find the coarse bins of the middle ranks."""
    find_coarse(hist, sought)


@compiled
def refine(grid: GridTables, leaves: Leaves, hist: Histograms, sought: Sought) -> None:
    """Add a shard's settled blocks to its fine bins inside these coarse bins."""
    complete(grid, leaves, hist, sought)


@compiled
def fine(hist: Histograms, sought: Sought) -> None:
    """Find the bins of the middle ranks."""
    find_fine(hist, sought)


@compiled
def sides(grid: GridTables, centers: Centers, leaves: Leaves, hist: Histograms, sought: Sought) -> FloatArray:
    """Return a shard's sides in these bins; `sought` tells where those of each bin lie."""
    total = 0
    for axis in range(2):
        counts = hist.fine_w if axis == 0 else hist.fine_h
        for j in range(centers.w.size):
            for side in range(2):
                b = sought.bins[axis, j, side]
                sought.start[axis, j, side] = sought.cursor[axis, j, side] = total
                if b >= 0 and (side == 0 or b != sought.bins[axis, j, 0]):
                    total += counts[j, b]
    found = np.empty(total)
    gather(grid, centers, leaves, sought, found, np.empty((2, RUN)), np.empty(1, np.int32))
    return found
