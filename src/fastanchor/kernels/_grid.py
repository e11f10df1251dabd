"""Kernels that sort boxes into a grid over (ln w, ln h) and sum up its cells.

No logarithm is taken: the bits of a positive float64, read as an integer, grow monotonically with its value and nearly
linearly with its logarithm, so a bin is a shift of the bits and each bin's edges are exact floats. The first and the
last bin also take what lies beyond the grid, so that a few outliers do not coarsen it.

The sort is a counting sort in two passes, stable, over chunks that threads share out: by width bin straight into the
final arrays (sequential reads, one write stream per bin), then each width bin by height bin in place, through a copy of
it that stays in the cache. One pass over all cells at once is twice as slow (every write a cache miss), and a second
full copy would cost 20 bytes per box.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._digits import add_side
from fastanchor.kernels._jit import compiled, helper, inlined, uncounted
from fastanchor.kernels._tables import Axis, Columns, Flags, GridTables, RowArray


@uncounted
def narrow(boxes: FloatArray) -> bool:
    """Return whether all sides are numbers of float32."""
    same = True
    for i in range(len(boxes)):
        w, h = boxes[i, 0], boxes[i, 1]
        same &= (np.float64(np.float32(w)) == w) & (np.float64(np.float32(h)) == h)
    return same


@uncounted
def extent(boxes: FloatArray) -> tuple[float, float, float, float]:
    """Smallest and largest width and height; NaN if any side is NaN (NumPy's axis-0 reductions cost 37 ns per box)."""
    w0 = w1 = boxes[0, 0]
    h0 = h1 = boxes[0, 1]
    clean = True
    for i in range(len(boxes)):
        w, h = boxes[i, 0], boxes[i, 1]
        w0 = w if w < w0 else w0
        w1 = w if w > w1 else w1
        h0 = h if h < h0 else h0
        h1 = h if h > h1 else h1
        clean &= (w == w) & (h == h)
    return (w0, w1, h0, h1) if clean else (np.nan, np.nan, np.nan, np.nan)


@uncounted
def figures(boxes: FloatArray, least: float, small: float) -> tuple[int, int, float, float, float, float]:
    """Numbers of boxes with both sides below `least` and of those with one below `small`; sums of widths and heights.

    Then the smallest and the largest area.
    """
    left = few = 0
    w_sum = h_sum = high = 0.0
    low = np.inf
    for i in range(len(boxes)):
        w, h = np.float64(boxes[i, 0]), np.float64(boxes[i, 1])
        left += int((w < least) & (h < least))
        few += int((w < small) | (h < small))
        w_sum += w
        h_sum += h
        area = w * h
        low = area if area < low else low
        high = area if area > high else high
    return left, few, w_sum, h_sum, low, high


@inlined
def bits_of(side: float) -> int:
    """Bits of a side, which may be stored in float32, as float64."""
    bits: Any = np.float64(side).view(np.int64)
    return bits


@inlined
def bin_of(bits: int, axis: Axis, bins: int) -> int:
    """Bin of a side, given by its bits."""
    return min(max((bits - axis.base) >> axis.shift, 0), bins - 1)


@uncounted
def count_rows(boxes: FloatArray, axis: Axis, counts: IntArray) -> None:
    """Boxes of one chunk in each width bin."""
    for i in range(len(boxes)):
        counts[bin_of(bits_of(boxes[i, 0]), axis, counts.size)] += 1


@uncounted
def scatter_rows(boxes: FloatArray, axis: Axis, first: int, cursor: IntArray, columns: Columns) -> None:
    """Move one chunk's boxes, of which the first is row `first`, to their width bins; `cursor` says where to write."""
    w, h, row = columns.w, columns.h, columns.row
    rowed = row.size > 0
    for i in range(len(boxes)):
        x = bin_of(bits_of(boxes[i, 0]), axis, cursor.size)
        at = cursor[x]
        cursor[x] = at + 1
        w[at] = boxes[i, 0]
        h[at] = boxes[i, 1]
        if rowed:
            row[at] = first + i


@compiled
def sort_rows(
    x0: int,
    x1: int,
    starts: IntArray,
    axis: Axis,
    columns: Columns,
    offsets: LabelArray,
    cells: FloatArray,
    alike: Flags,
) -> None:
    """Sort the width bins x0 to x1 by height bin; fill their `offsets` (nx, ny) and the sums of their `cells`.

    `starts` (nx + 1) is where each width bin begins. `cells` (nx, ny, 5) receives the sums of w, 1/w, h, 1/h, 1.
    `alike` (nx, ny) becomes 1 where all boxes of a cell are equal.
    """
    w, h, row, rowed = columns.w, columns.h, columns.row, columns.row.size > 0
    longest = 0
    for x in range(x0, x1):
        longest = max(longest, starts[x + 1] - starts[x])
    old_w, old_h, old_row = np.empty(longest), np.empty(longest), np.empty(longest, np.uint32)
    ny = cells.shape[1]
    bits = old_h.view(np.int64)
    cursor = np.empty(ny, np.int64)
    for x in range(x0, x1):
        lo, hi = starts[x], starts[x + 1]
        size = hi - lo
        for y in range(ny):
            cursor[y] = 0
        for i in range(size):
            # element by element: a slice assignment costs a second to compile, for the text of its error
            old_w[i], old_h[i] = w[lo + i], h[lo + i]
            if rowed:
                old_row[i] = row[lo + i]
            cursor[bin_of(bits[i], axis, ny)] += 1
        at = lo
        for y in range(ny):
            n = cursor[y]
            cursor[y] = offsets[x, y] = at
            at += n
        for i in range(size):
            y = bin_of(bits[i], axis, ny)
            at = cursor[y]
            cursor[y] = at + 1
            w[at] = old_w[i]
            h[at] = old_h[i]
            if rowed:
                row[at] = old_row[i]
            start = offsets[x, y]
            if w[start] != old_w[i] or h[start] != old_h[i]:
                alike[x, y] = 0
            # in the order of the boxes in the cell, whatever the chunks: the same sums for any number of threads
            add_box(cells[x, y], old_w[i], old_h[i])


@uncounted
def seek(held: RowArray, lo: int, hi: int, low_bits: Flags, wanted: Flags, places: IntArray) -> int:
    """Write the places from `lo` to `hi` where a wanted row is; return how many.

    `wanted` marks the rows, `low_bits` (65536,) the last 16 bits of each. That table stays in the cache, and few rows
    pass it; so memory is seldom read at random. There is no branch, because with 16,384 wanted rows of 1e7 the
    processor mispredicts it (57 ms; 22 ms without).
    """
    passed = count = 0
    for i in range(lo, hi):
        places[passed] = i
        passed += low_bits[held[i] & 0xFFFF]
    for t in range(passed):
        places[count] = places[t]
        count += wanted[held[places[t]]]
    return count


@helper
def add_box(cell: FloatArray, w: float, h: float) -> None:
    """Add a box to the sums of its cell."""
    cell[0] += w
    cell[1] += 1.0 / w
    cell[2] += h
    cell[3] += 1.0 / h
    cell[4] += 1.0


@uncounted
def weigh_cells(
    offsets: LabelArray, columns: Columns, weights: IntArray | None, cells: FloatArray, before: IntArray
) -> None:
    """Add the boxes of each cell to its sums, `cells` (nx * ny, 5), as often as they count.

    `before` (nx * ny + 1,) receives the weight of all cells before.
    """
    before[0] = 0
    for c in range(len(cells)):
        before[c + 1] = before[c]
        for i in range(offsets[c], offsets[c + 1]):
            w, h = columns.w[i], columns.h[i]
            times = 1.0 if weights is None else float(weights[i])
            cells[c, 0] += times * w
            cells[c, 1] += times / w
            cells[c, 2] += times * h
            cells[c, 3] += times / h
            cells[c, 4] += times
            before[c + 1] += 1 if weights is None else weights[i]


@uncounted
def sum_counts(starts: IntArray, offsets: LabelArray | IntArray, table: LabelArray | IntArray) -> None:
    """Summed-area table: ``table[x, y]`` boxes, or their weight, lie in width bins below x and height bins below y.

    `offsets` (nx, ny) and `starts` (nx + 1,) say how many come before each cell and each width bin.
    """
    nx, ny = offsets.shape
    for x in range(nx):
        for y in range(ny):
            table[x + 1, y] = table[x, y] + offsets[x, y] - starts[x]
        table[x + 1, ny] = table[x, ny] + starts[x + 1] - starts[x]


@uncounted
def sum_cells(grid: GridTables, factor: float, lead: int, lo: int, hi: int, cells: IntArray) -> None:
    """Add the widths and heights of the boxes of the cells `lo` to `hi` to `cells` (nx * ny, 2 * digits), exactly.

    Weights take the first `lead` digits.
    """
    half = cells.shape[1] >> 1
    for c in range(lo, hi):
        for i in range(grid.offsets[c], grid.offsets[c + 1]):
            add_side(grid.w[i], factor, cells, (c, 0, half), lead, grid.weights, i)
            add_side(grid.h[i], factor, cells, (c, half, half), lead, grid.weights, i)


@uncounted
def halve(cells: IntArray, out: IntArray) -> None:
    """Next level of a pyramid: each cell of `out` adds four (at the rim two, or one) of `cells`."""
    for x in range(cells.shape[0]):
        for y in range(cells.shape[1]):
            for q in range(cells.shape[2]):
                out[x >> 1, y >> 1, q] += cells[x, y, q]


@uncounted
def run_rows(cells: FloatArray, runs: FloatArray) -> None:
    """Sum along each row of cells: w, 1/w, h and the number from the left, 1/h from the right.

    That way the running sum at the used end of a segment is never much larger than the value it stands for: heights
    grow to the right, their reciprocals to the left. The number stands beside the sums because the search waits for
    memory.
    """
    nx, ny, _ = cells.shape
    for x in range(nx):
        for y in range(ny):
            for q in (0, 1, 2, 4):
                runs[x, y + 1, q] = runs[x, y, q] + cells[x, y, q]
        for y in range(ny - 1, -1, -1):
            runs[x, y, 3] = runs[x, y + 1, 3] + cells[x, y, 3]
