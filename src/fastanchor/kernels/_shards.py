"""The steps of `_medians.medians` one by one, for boxes that are spread over several shards.

Histograms add up over shards. The bins of the middle ranks are found in their sum; each shard then hands out its own
sides in these bins (`_medians.gathered`).
"""

from __future__ import annotations

from fastanchor.kernels._jit import compiled
from fastanchor.kernels._medians import complete, find_coarse, find_fine, gathered
from fastanchor.kernels._tables import Centers, Found, GridTables, Histograms, Leaves, Sought


@compiled
def coarse(hist: Histograms, sought: Sought) -> None:
    """Find the coarse bins of the middle ranks."""
    find_coarse(hist, sought)


@compiled
def refine(grid: GridTables, leaves: Leaves, hist: Histograms, sought: Sought) -> None:
    """Add a shard's settled blocks to its fine bins inside these coarse bins."""
    complete(grid, leaves, hist, sought)


@compiled
def sides(grid: GridTables, centers: Centers, leaves: Leaves, hist: Histograms, sought: Sought) -> Found:
    """Return the sides of the boxes in the bins that were found; `sought` says where those of each bin lie."""
    return gathered(grid, centers, leaves, hist, sought)


@compiled
def fine(hist: Histograms, sought: Sought) -> None:
    """Find the bins of the middle ranks."""
    find_fine(hist, sought)
