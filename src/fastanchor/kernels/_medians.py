"""Kernels that take exact medians of the boxes of each centre: locate, gather, select.

The histograms show in which bins the two middle ranks lie (coarse bins first, then only those are completed from the
settled blocks); only the boxes in these bins are gathered, and `_selection` takes the medians from them.
"""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._assign import assign_run
from fastanchor.kernels._jit import compiled, helper, inlined
from fastanchor.kernels._marginals import COARSE
from fastanchor.kernels._selection import BUCKETS, select_middles
from fastanchor.kernels._tables import RUN, Centers, Found, GridTables, Histograms, Leaves, SideArray, Sought

FEW_HITS = 4  # up to so many medians in a leaf each are gathered by themselves: from their bins, not the whole leaf


@compiled
def medians(
    grid: GridTables,
    centers: Centers,
    leaves: Leaves,
    hist: Histograms,
    out: FloatArray,
    first: int,
    step: int,
) -> None:
    """Put medians of widths and heights into `out` (k, 2), NaN where a centre has no boxes.

    Of every `step`-th centre from the `first`, so that threads may share. The fine histograms are completed where the
    medians lie.
    """
    room = np.empty((4, 2, centers.w.size, 2), np.int64)
    sought = Sought(room[0], room[1], room[2], room[3], first, step)
    find_coarse(hist, sought)
    complete(grid, leaves, hist, sought)
    find_fine(hist, sought)
    found = gathered(grid, centers, leaves, hist, sought)
    select_middles(hist.counts, sought, found, out, grid.weights, np.empty(BUCKETS + 1, np.int64))


@inlined  # compiled by itself too, it would add a second to the first run; `_shards.sides` is for Python
def gathered(grid: GridTables, centers: Centers, leaves: Leaves, hist: Histograms, sought: Sought) -> Found:
    """Return the sides of the boxes in the bins that were found; `sought` says where those of each bin lie."""
    room = lay_out(grid, hist, sought)
    found = Found(np.empty(room), np.empty(room * weighted(grid.weights), np.int64))
    gather(grid, centers, leaves, sought, found, np.empty((2, RUN)), np.empty(1, np.int32))
    return found


@helper
def weighted(weights: IntArray | None) -> int:
    """1 where boxes have weights, 0 where each counts once."""
    return 0 if weights is None else 1


# ---- locate


@helper
def coarse_bin(fine: IntArray, coarse: IntArray, rank: int) -> tuple[int, int]:
    """Coarse bin that holds a rank, and the number of boxes before it."""
    before = 0
    for c in range(coarse.size):
        n = coarse[c]
        for x in range(c << COARSE, min((c + 1) << COARSE, fine.size)):
            n += fine[x]
        if rank < before + n:
            return c, before
        before += n
    return coarse.size - 1, before


@helper
def fine_bin(fine: IntArray, c: int, before: int, rank: int) -> tuple[int, int]:
    """Bin inside coarse bin `c` that holds a rank, and the number of boxes before it."""
    for x in range(c << COARSE, min((c + 1) << COARSE, fine.size)):
        if rank < before + fine[x]:
            return x, before
        before += fine[x]
    return fine.size - 1, before


@helper
def find_coarse(hist: Histograms, sought: Sought) -> None:
    """Find the coarse bins of the middle ranks."""
    bins, before, counts = sought.bins, sought.before, hist.counts
    for j in range(sought.first, counts.size, sought.step):
        for side in range(2):
            bins[0, j, side] = bins[1, j, side] = -1
            if counts[j]:
                rank = (counts[j] - 1 + side) >> 1
                bins[0, j, side], before[0, j, side] = coarse_bin(hist.fine_w[j], hist.coarse_w[j], rank)
                bins[1, j, side], before[1, j, side] = coarse_bin(hist.fine_h[j], hist.coarse_h[j], rank)


@helper
def complete(grid: GridTables, leaves: Leaves, hist: Histograms, sought: Sought) -> None:
    """Add the settled blocks to the fine bins inside the coarse bins that were found."""
    table, before, bins = grid.weight_table, grid.weight_before, sought.bins
    nx, ny = table.shape[0] - 1, table.shape[1] - 1
    for t in range(leaves.x.size):
        level, j = leaves.level[t], np.int64(leaves.label[t])
        if j < 0 or j % sought.step != sought.first:
            continue
        x0, y0 = np.int64(leaves.x[t]) << level, np.int64(leaves.y[t]) << level
        x1, y1 = min(x0 + (1 << level), nx), min(y0 + (1 << level), ny)
        for side in range(2):
            c = bins[0, j, side]
            if side == 0 or c != bins[0, j, 0]:
                for x in range(max(x0, c << COARSE), min(x1, (c + 1) << COARSE)):
                    hist.fine_w[j, x] += before[x * ny + y1] - before[x * ny + y0]
            c = bins[1, j, side]
            if side == 0 or c != bins[1, j, 0]:
                for y in range(max(y0, c << COARSE), min(y1, (c + 1) << COARSE)):
                    hist.fine_h[j, y] += table[x1, y + 1] - table[x1, y] - table[x0, y + 1] + table[x0, y]


@helper
def find_fine(hist: Histograms, sought: Sought) -> None:
    """Find the bins of the middle ranks."""
    bins, before, counts = sought.bins, sought.before, hist.counts
    for axis in range(2):
        fine = hist.fine_w if axis == 0 else hist.fine_h
        for j in range(sought.first, counts.size, sought.step):
            if counts[j] == 0:
                continue
            for side in range(2):
                rank = (counts[j] - 1 + side) >> 1
                b, n = fine_bin(fine[j], bins[axis, j, side], before[axis, j, side], rank)
                bins[axis, j, side], before[axis, j, side] = b, n


# ---- gather


@helper
def lay_out(grid: GridTables, hist: Histograms, sought: Sought) -> int:
    """Lay out room for the boxes in the bins that were found, one after the other; returns how much it is."""
    bins, total = sought.bins, 0
    for axis in range(2):
        for j in range(sought.first, hist.counts.size, sought.step):
            for side in range(2):
                b = bins[axis, j, side]
                sought.start[axis, j, side] = sought.cursor[axis, j, side] = total
                if b >= 0 and (side == 0 or b != bins[axis, j, 0]):
                    total += most_boxes(
                        grid, axis, b, hist.fine_w[j, b] if axis == 0 else hist.fine_h[j, b], grid.weights
                    )
    return total


@helper
def most_boxes(grid: GridTables, axis: int, b: int, weight: int, weights: IntArray | None) -> int:
    """Largest number of boxes that can have this weight in a bin: those that count nothing are not gathered."""
    if weights is None:
        return weight
    nx, ny = grid.table.shape[0] - 1, grid.table.shape[1] - 1
    boxes = grid.table[b + 1, ny] - grid.table[b, ny] if axis == 0 else grid.table[nx, b + 1] - grid.table[nx, b]
    return int(min(weight, boxes))


@helper
def put(found: Found, at: int, value: float, weights: IntArray | None, i: int) -> int:
    """Write the value of box `i` at a place, unless the box counts nothing; returns the next place."""
    if weights is None:
        found.values[at] = value
        return at + 1
    if weights[i] == 0:
        return at
    found.values[at] = value
    found.weights[at] = weights[i]
    return at + 1


@helper
def gather(
    grid: GridTables,
    centers: Centers,
    leaves: Leaves,
    sought: Sought,
    found: Found,
    buffers: FloatArray,
    one: LabelArray,
) -> None:
    """Put the sides of the boxes in the bins that were found into `found`."""
    nx, ny = grid.table.shape[0] - 1, grid.table.shape[1] - 1
    for t in range(leaves.x.size):
        level, at, m = leaves.level[t], leaves.first[t], leaves.size[t]
        x0, y0 = np.int64(leaves.x[t]) << level, np.int64(leaves.y[t]) << level
        block = x0, min(x0 + (1 << level), nx), y0, min(y0 + (1 << level), ny)
        one[0] = leaves.label[t]
        some = one if m == 1 else leaves.cands[at : at + m]
        if m > 1 and hits(sought, some, block) > FEW_HITS:
            gather_all(grid, centers, block, some, sought, found, buffers)
        else:
            gather_each(grid, centers, block, some, sought, found, buffers)


@helper
def hits(sought: Sought, some: LabelArray, block: tuple[int, int, int, int]) -> int:
    """How many bins to gather from cross a block."""
    bins = sought.bins
    x0, x1, y0, y1 = block
    n = 0
    for p in range(some.size):
        j = some[p]
        if j % sought.step == sought.first:
            for side in range(2):
                n += x0 <= bins[0, j, side] < x1 and (side == 0 or bins[0, j, 1] != bins[0, j, 0])
                n += y0 <= bins[1, j, side] < y1 and (side == 0 or bins[1, j, 1] != bins[1, j, 0])
    return n


@inlined
def gather_each(
    grid: GridTables,
    centers: Centers,
    block: tuple[int, int, int, int],
    some: LabelArray,
    sought: Sought,
    found: Found,
    buffers: FloatArray,
) -> None:
    """Gather the boxes of a block for one centre after the other, only from the cells of its bins."""
    bins, ny = sought.bins, grid.edge_h.size - 1
    x0, x1, y0, y1 = block
    for p in range(some.size):
        j = some[p]
        if j % sought.step != sought.first:
            continue
        for side in range(2):
            b = bins[0, j, side]
            if x0 <= b < x1 and (side == 0 or b != bins[0, j, 0]):
                cursor = sought.cursor[0, j, side : side + 1]
                gather_cells(grid, centers, (b * ny + y0, b * ny + y1), (some, j), grid.w, found, cursor, buffers)
            b = bins[1, j, side]
            if y0 <= b < y1 and (side == 0 or b != bins[1, j, 0]):
                cursor = sought.cursor[1, j, side : side + 1]
                for x in range(x0, x1):
                    at = x * ny + b
                    gather_cells(grid, centers, (at, at + 1), (some, j), grid.h, found, cursor, buffers)


@helper
def gather_cells(
    grid: GridTables,
    centers: Centers,
    cells: tuple[int, int],
    which: tuple[LabelArray, int],
    values: SideArray,
    found: Found,
    cursor: IntArray,
    buffers: FloatArray,
) -> None:
    """Append the `values` of the boxes of some cells nearest to centre ``which[1]`` of candidates ``which[0]``."""
    w, h, best, label = grid.w, grid.h, buffers[0], buffers[1]
    some, name = which[0], float(which[1])
    at, hi = cursor[0], grid.offsets[cells[1]]
    for s in range(grid.offsets[cells[0]], hi, RUN):
        e = min(s + RUN, hi)
        if some.size == 1:
            for i in range(s, e):
                at = put(found, at, values[i], grid.weights, i)
        else:
            assign_run(centers, w[s:e], h[s:e], some, best, label)
            for i in range(e - s):
                if label[i] == name:
                    at = put(found, at, values[s + i], grid.weights, s + i)
    cursor[0] = at


@helper
def gather_all(
    grid: GridTables,
    centers: Centers,
    block: tuple[int, int, int, int],
    some: LabelArray,
    sought: Sought,
    found: Found,
    buffers: FloatArray,
) -> None:
    """Gather the boxes of an open block for all its centres in one pass.

    Where many medians lie in one leaf, a pass for each of them would cost the square of the number of candidates.
    """
    w, h, ny, best, label = grid.w, grid.h, grid.edge_h.size - 1, buffers[0], buffers[1]
    x0, x1, y0, y1 = block
    for x in range(x0, x1):
        for y in range(y0, y1):
            end = grid.offsets[x * ny + y + 1]
            for s in range(grid.offsets[x * ny + y], end, RUN):
                e = min(s + RUN, end)
                assign_run(centers, w[s:e], h[s:e], some, best, label)
                append_run(grid, sought, (x, y), (s, e), label, found)


@helper
def append_run(
    grid: GridTables, sought: Sought, cell: tuple[int, int], run: tuple[int, int], label: FloatArray, found: Found
) -> None:
    """Append the sides of a run of the boxes of one cell that lie in bins to gather from."""
    for i in range(run[0], run[1]):
        j = int(label[i - run[0]])
        if j % sought.step == sought.first:
            append(sought, (0, j, cell[0]), found, grid.w[i], grid.weights, i)
            append(sought, (1, j, cell[1]), found, grid.h[i], grid.weights, i)


@helper
def append(
    sought: Sought, place: tuple[int, int, int], found: Found, value: float, weights: IntArray | None, i: int
) -> None:
    """Append the value of box `i`, if its place (axis, centre and bin) is one of those to gather from."""
    axis, j, b = place
    bins = sought.bins
    if b == bins[axis, j, 0] or b == bins[axis, j, 1]:
        side = 0 if b == bins[axis, j, 0] else 1
        sought.cursor[axis, j, side] = put(found, sought.cursor[axis, j, side], value, weights, i)
