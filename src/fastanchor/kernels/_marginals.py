"""Kernels that turn the leaves of `_settle.settle` into counts, marginal histograms and sums.

Settled blocks are answered from tables; boxes of open leaves by the reference formula in its operation order, ties to
the lowest index. A box counts as often as its weight says.
"""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.kernels._assign import assign_run
from fastanchor.kernels._digits import add_side
from fastanchor.kernels._grid import bin_of, bits_of
from fastanchor.kernels._jit import helper, inlined, uncounted
from fastanchor.kernels._tables import RUN, Axis, Centers, GridTables, Histograms, Leaves, Sums

COARSE = 4  # marginals of settled blocks are kept for 2^COARSE bins at a time and refined where the medians lie


@uncounted
def marginals(
    grid: GridTables, centers: Centers, leaves: Leaves, hist: Histograms, sums: Sums, buffers: FloatArray
) -> None:
    """Add the leaves to the histograms and, if they are wanted, each centre's widths and heights to the sums.

    The contents of `buffers` (2, RUN) do not matter.
    """
    for t in range(leaves.x.size):
        if leaves.label[t] >= 0:
            add_settled(grid, leaves, t, hist, sums)
        else:
            add_open(grid, centers, leaves, t, hist, sums, buffers)


@helper
def weight_at(weights: IntArray | None, i: int) -> int:
    """How often a box counts."""
    return 1 if weights is None else weights[i]


@helper
def weight_of_block(grid: GridTables, boxes: int, block: tuple[int, int, int], weights: IntArray | None) -> int:
    """How often the `boxes` of a block count."""
    if weights is None:
        return boxes
    table, (x0, y0, side) = grid.weight_table, block
    x1, y1 = min(x0 + side, table.shape[0] - 1), min(y0 + side, table.shape[1] - 1)
    return table[x1, y1] - table[x0, y1] - table[x1, y0] + table[x0, y0]


@helper
def weight_of_label(label: FloatArray, name: float, weights: IntArray | None, lo: int, hi: int) -> int:
    """How often those of the boxes `lo` to `hi` count that have a label."""
    n = 0
    if weights is None:
        for i in range(hi - lo):
            n += label[i] == name
    else:
        some = weights[lo:hi]
        for i in range(hi - lo):
            n += some[i] if label[i] == name else 0
    return n


@inlined
def add_settled(grid: GridTables, leaves: Leaves, t: int, hist: Histograms, sums: Sums) -> None:
    """Add a block of one centre, from the tables."""
    table, level, j = grid.weight_table, leaves.level[t], np.int64(leaves.label[t])
    x0, y0 = np.int64(leaves.x[t]) << level, np.int64(leaves.y[t]) << level
    n = weight_of_block(grid, leaves.boxes[t], (x0, y0, 1 << level), grid.weights)
    hist.counts[j] += n
    if level <= COARSE:  # all in one coarse bin
        hist.coarse_w[j, x0 >> COARSE] += n
        hist.coarse_h[j, y0 >> COARSE] += n
    else:
        x1, y1 = min(x0 + (1 << level), table.shape[0] - 1), min(y0 + (1 << level), table.shape[1] - 1)
        for c in range(x0 >> COARSE, (x1 - 1 >> COARSE) + 1):
            a, b = c << COARSE, min((c + 1) << COARSE, x1)
            hist.coarse_w[j, c] += table[b, y1] - table[a, y1] - table[b, y0] + table[a, y0]
        for c in range(y0 >> COARSE, (y1 - 1 >> COARSE) + 1):
            a, b = c << COARSE, min((c + 1) << COARSE, y1)
            hist.coarse_h[j, c] += table[x1, b] - table[x1, a] - table[x0, b] + table[x0, a]
    if len(sums.out):
        at = grid.level_start[level] + leaves.x[t] * grid.level_cols[level] + leaves.y[t]
        for d in range(sums.out.shape[1]):
            sums.out[j, d] += sums.blocks[at, d]


@inlined
def add_open(
    grid: GridTables,
    centers: Centers,
    leaves: Leaves,
    t: int,
    hist: Histograms,
    sums: Sums,
    buffers: FloatArray,
) -> None:
    """Add a block whose boxes have different centres, box by box."""
    w, h, offsets, axis = grid.w, grid.h, grid.offsets, Axis(grid.base_h, grid.shift)
    nx, ny, level, best, label = grid.edge_w.size - 1, grid.edge_h.size - 1, leaves.level[t], buffers[0], buffers[1]
    x0, y0 = np.int64(leaves.x[t]) << level, np.int64(leaves.y[t]) << level
    some = leaves.cands[leaves.first[t] : leaves.first[t] + leaves.size[t]]
    for x in range(x0, min(x0 + (1 << level), nx)):
        end = offsets[x * ny + min(y0 + (1 << level), ny)]
        for lo in range(offsets[x * ny + y0], end, RUN):
            hi = min(lo + RUN, end)
            ws, hs = w[lo:hi], h[lo:hi]
            assign_run(centers, ws, hs, some, best, label)
            for p in range(some.size):
                j = some[p]
                n = weight_of_label(label, float(j), grid.weights, lo, hi)
                hist.counts[j] += n
                hist.fine_w[j, x] += n
                if level == 0:
                    hist.fine_h[j, y0] += n
            if level > 0:
                for i in range(ws.size):
                    y = bin_of(bits_of(hs[i]), axis, ny)
                    hist.fine_h[np.int64(label[i]), y] += weight_at(grid.weights, lo + i)
            if len(sums.out):
                half = sums.out.shape[1] >> 1
                for i in range(ws.size):
                    j = int(label[i])
                    add_side(ws[i], sums.factor, sums.out, (j, 0, half), sums.lead, grid.weights, lo + i)
                    add_side(hs[i], sums.factor, sums.out, (j, half, half), sums.lead, grid.weights, lo + i)
