"""Kernels for the ratio fitness of anchors, row by row of the grid, exactly or between bounds.

`_envelope` cuts a row into a few segments in which one ratio of one anchor should be the value of every box; running
sums along the row give a segment's total from two look-ups. `holds` proves each segment for all widths of the row,
against all anchors. What is not proved stays open: `_gaps` bounds it, and `_open_runs` counts it box by box if the
bounds do not suffice. A row costs 0.9 us at k = 9 where the tables are in the cache (2 us at the finest level of 1e7
boxes, where they are not).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.kernels._envelope import LEFT, NONE, RIGHT, Strip, cut
from fastanchor.kernels._gaps import UNDECIDED, bound_gaps
from fastanchor.kernels._jit import helper, inlined, uncounted
from fastanchor.kernels._tables import Anchors, Flags, GridTables, Row, Rows, Runs

FEW = 256  # a segment with less than 1/FEW of the row's boxes is counted: the running sums have no digits for it


@uncounted
def scan(
    grid: GridTables, anchors: Anchors, above: Rows, sequence: IntArray, rows: Rows, spare: float, out: Runs, row: Row
) -> tuple[int, float]:
    """Fitness of the `rows` of a level: number above thr, and what is left of `spare`.

    `above` is what is known of the rows of a higher level, which are taken in this
    `sequence`: each row needs only the anchors that win in the one above it. `rows` receives the totals and the bounds,
    and `out` the runs that stay open; those that thr cuts go to its end: they are few (a hundredth of the boxes) and
    hold over half of the gap between the bounds. ``out.used[0]`` becomes -1 if `out` has too little room.

    `spare` is what all bounds may shrink by before the decision falls; the scan ends where it falls below zero.
    """
    down = above.level - rows.level
    bound, gap, winners, bound_above, used = rows.bound, rows.gap, above.winners, above.bound, out.used
    number = 0
    used[0] = used[1] = used[2] = 0
    for step in range(sequence.size << down):
        parent = sequence[step >> down]
        r = (parent << down) + (step & ((1 << down) - 1))
        if step & ((1 << down) - 1) == 0:
            if spare < 0.0:
                break
            spare -= bound_above[parent]
        if r < bound.size:
            closed, more, opened = scan_row(grid, anchors, winners[parent], rows, r, row, out)
            if opened < 0.0:
                used[0] = -1
                break
            rows.total[r] = closed
            number += more
            spare += closed + opened
            bound[r], gap[r] = closed + opened, opened
    return number, spare


@helper
def scan_row(
    grid: GridTables, anchors: Anchors, alive: Flags, rows: Rows, r: int, row: Row, out: Runs
) -> tuple[float, int, float]:
    """Total of the segments of a row that are proved, number above thr in them, and upper bound of what stays open."""
    thr, sums, winners = anchors.thr, rows.sums, rows.winners[r]
    strip = prepare(grid, anchors, alive, rows, r, row)
    if strip.boxes == 0.0 or strip.m == 0:
        return 0.0, 0, 0.0
    segments = cut(anchors, row, strip)
    closed, number, gaps = close_segments(grid, sums, thr, row, strip, segments, winners)
    return closed, number, bound_gaps(grid, sums, thr, row, strip, gaps, rows, out)


@inlined
def prepare(grid: GridTables, anchors: Anchors, alive: Flags, rows: Rows, r: int, row: Row) -> Strip:
    """Put the anchors that matter in row `r` into `row`; none wins there so far."""
    m = 0
    for j in range(anchors.w.size):
        rows.winners[r, j] = 0
        if alive[j]:
            row.ids[m] = j
            row.w[m], row.h[m], row.inv_w[m], row.inv_h[m] = (
                anchors.w[j],
                anchors.h[j],
                anchors.inv_w[j],
                anchors.inv_h[j],
            )
            m += 1
    x0, x1 = r << rows.level, min((r + 1) << rows.level, grid.edge_w.size - 1)
    return Strip(r, m, grid.edge_w[x0], grid.edge_w[x1], rows.sums[r, grid.edge_h.size - 1, 4])


@helper
def close_segments(
    grid: GridTables, sums: FloatArray, thr: float, row: Row, strip: Strip, size: int, winners: Flags
) -> tuple[float, int, int]:
    """Add up the segments that are proved: total, number above thr, and how many gaps are left between them."""
    ny, r = grid.edge_h.size - 1, strip.r
    total, number, gaps, done = 0.0, 0, 0, 0
    for s in range(size):
        a, b = columns(grid, row, strip, s, size)
        a = max(a, done)
        if a >= b:
            continue
        j, what = row.anchor[s], row.kind[s]
        inside = sums[r, b, 4] - sums[r, a, 4]
        if inside > 0.0:
            if what != NONE and inside * FEW < strip.boxes:
                continue
            if not holds(row, strip.m, thr, j, what, grid.edge_h[a], grid.edge_h[b]):
                continue
            if what != NONE:
                number += int(inside)
                winners[row.ids[j]] = 1
                total += segment_sum(row, sums, r, j, what, a, b)
        row.gaps[gaps, 0], row.gaps[gaps, 1] = done, a
        gaps += 1
        done = b
    row.gaps[gaps, 0], row.gaps[gaps, 1] = done, ny
    return total, number, gaps + 1


@inlined
def columns(grid: GridTables, row: Row, strip: Strip, s: int, size: int) -> tuple[int, int]:
    """Columns wholly between the end of what blurs a segment's beginning and the beginning of what blurs its end."""
    ny = grid.edge_h.size - 1
    stretch = 1.0 + 0.5 * (strip.w1 / strip.w0 - 1.0) * (strip.w1 / strip.w0) + 1e-9
    a, b = 0, ny
    if s + 1 < size:
        end = row.pos[s + 1] / (stretch if row.loose[s + 1] else 1.0 + 1e-9)
        if end < grid.edge_h[ny]:
            b = column(grid, end)
    if s > 0:
        begin = row.pos[s] * (stretch if row.loose[s] else 1.0 + 1e-9)
        if begin >= grid.edge_h[ny]:
            a = ny
        elif begin > grid.edge_h[0]:
            a = column(grid, begin) + 1
    return a, b


@inlined
def column(grid: GridTables, height: float) -> int:
    """Column in which a height lies."""
    bits: Any = np.float64(height).view(np.int64)
    return min(max((bits - grid.base_h) >> grid.shift, 0), grid.edge_h.size - 2)


@helper
def holds(row: Row, m: int, thr: float, j: int, what: int, h0: float, h1: float) -> bool:
    """Whether `what` of anchor j is the value of all boxes of the row with heights from h0 to h1."""
    kw, kh, low, high, rising = row.w, row.h, row.low, row.high, row.rising
    r0, r1 = 1.0 / h0, 1.0 / h1
    fine = True
    if what == NONE:
        limit = thr * (1.0 - UNDECIDED)
        for i in range(m):
            fine &= (high[i] < limit) | (h1 < limit * kh[i]) | (kh[i] * r0 < limit)
        return fine
    k, sign = kh[j], rising[j]
    if what == LEFT:
        least = h0 / k
        fine = (h1 <= k) & (h1 <= k * low[j])
    elif what == RIGHT:
        least = k * r1
        fine = (h0 >= k) & (k * r0 <= low[j])
    else:
        least = low[j]
        fine = (sign != 0) & (high[j] * k <= h0) & (high[j] <= k * r1)
    fine &= least > thr * (1.0 + UNDECIDED)
    for i in range(m):
        # its flat top, or one of its sides, is nowhere above the least value claimed
        below = (high[i] <= least) | (h1 <= least * kh[i]) | (kh[i] * r0 <= least)
        # or it is the same side or the same top, further out
        if what == LEFT:
            fine &= below | (kh[i] >= k)
        elif what == RIGHT:
            fine &= below | (kh[i] <= k)
        else:
            fine &= below | ((rising[i] == sign) & ((kw[i] - kw[j]) * sign >= 0.0))
    return fine


@inlined
def segment_sum(row: Row, sums: FloatArray, r: int, j: int, what: int, a: int, b: int) -> float:
    """Sum of one ratio of an anchor over columns a to b."""
    if what == LEFT:
        return (sums[r, b, 2] - sums[r, a, 2]) * row.inv_h[j]
    if what == RIGHT:
        return (sums[r, a, 3] - sums[r, b, 3]) * row.h[j]
    if row.rising[j] > 0:
        return (sums[r, b, 0] - sums[r, a, 0]) * row.inv_w[j]
    return (sums[r, b, 1] - sums[r, a, 1]) * row.w[j]
