"""Kernels for the ratio fitness of anchors: row by row of the grid, exactly or between bounds.

Along one row (one width bin, or 2^level of them) the value ``v_j(h) = min(P_j, h / kh_j, kh_j / h)`` of anchor j is a
trapezoid over ln h: a flat top of height ``P_j = min(w / kw_j, kw_j / w)`` between sides of slope one. Trapezoids of
equal slopes cross exactly once (the one with the smaller kh wins below), so their upper envelope comes from one pass
over the anchors sorted by kh: `envelope`. It cuts the row into a few segments in which one ratio of one anchor is the
value of every box, and running sums along the row give a segment's total from two look-ups. A row costs 0.9 us at k = 9
where the tables are in the cache (2 us at the finest level of 1e7 boxes, where they are not).

The envelope is computed for the middle of the row and proves nothing. `holds` then proves each segment for all widths
of the row, against all anchors. What is not proved stays open: it is bounded at first, and counted box by box if the
bounds do not suffice.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._jit import helper, inlined, uncounted
from fastanchor.kernels._tables import RUN, Anchors, Flags, GridTables, Row, Rows, Runs

NONE, LEFT, FLAT, RIGHT = 0, 1, 2, 3  # what a segment's value is: nothing (at most thr), h / kh, P, kh / h
UNDECIDED = 1e-9  # relative: values nearer than this to thr are compared box by box
FEW = 256  # a segment with less than 1/FEW of the row's boxes is counted: the running sums have no digits for it
UNEVEN = 64.0  # a row that holds what lies beyond the grid may have widths so unlike that their sums have no digits


class Strip(NamedTuple):
    """Where a row lies, how many anchors matter in it, and how many boxes it has."""

    r: int
    m: int
    w0: float
    w1: float
    boxes: float


class Piece(NamedTuple):
    """Columns of a row that stay open: from y0 to y1, of heights from h0 to h1, and their boxes."""

    y0: int
    y1: int
    h0: float
    h1: float
    boxes: float


@uncounted
def scan(
    grid: GridTables, anchors: Anchors, above: Rows, sequence: IntArray, rows: Rows, spare: float, out: Runs, row: Row
) -> tuple[float, int, float]:
    """Fitness of the `rows` of a level: total, number above thr, and what is left of `spare`.

    `above` is what is known of the rows of a higher level, which are taken in this
    `sequence`: each row needs only the anchors that win in the one above it. `rows` is filled for the levels below, and
    `out` with the runs that stay open; those that thr cuts go to its end: they are few (a hundredth of the boxes) and
    hold over half of the gap between the bounds. ``out.used[0]`` becomes -1 if `out` has too little room.

    `spare` is what all bounds may shrink by before the decision falls; the scan ends where it falls below zero.
    """
    down = above.level - rows.level
    bound, gap, winners, bound_above, used = rows.bound, rows.gap, above.winners, above.bound, out.used
    total, number = 0.0, 0
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
            total += closed
            number += more
            spare += closed + opened
            bound[r], gap[r] = closed + opened, opened
    return total, number, spare


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


# ---- prepare a row


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
def cut(anchors: Anchors, row: Row, strip: Strip) -> int:
    """Cut a row into segments, by its middle; returns how many."""
    plateaus(row, strip.m, strip.w0, strip.w1)
    for j in range(strip.m):
        row.top[j] = 0.5 * (row.low[j] + row.high[j])
    return segments(row, anchors.thr, envelope(row, strip.m, anchors.cross))


@helper
def plateaus(row: Row, m: int, w0: float, w1: float) -> None:
    """Find the smallest and the largest P of each anchor in a row, and which ratio it is."""
    kw, inv_kw, low, high, rising = row.w, row.inv_w, row.low, row.high, row.rising
    r0, r1 = 1.0 / w0, 1.0 / w1
    for j in range(m):
        k, rk = kw[j], inv_kw[j]
        if w1 <= k:
            low[j], high[j], rising[j] = w0 * rk, w1 * rk, 1
        elif w0 >= k:
            low[j], high[j], rising[j] = k * r1, k * r0, -1
        else:
            low[j], high[j], rising[j] = min(w0 * rk, k * r1), 1.0, 0


@helper
def envelope(row: Row, m: int, cross_at: FloatArray) -> int:
    """Put the anchors on the upper envelope of the tops in order, and where each begins; returns how many."""
    kh, ids, top, order, begin, flat = row.h, row.ids, row.top, row.order, row.begin, row.flat
    size = 0
    for q in range(m):
        at, on_flat = 0.0, 0
        while size:
            p = order[size - 1]
            cross = cross_at[ids[p], ids[q]]
            if top[p] <= top[q]:  # p's flat top meets q's left side, unless their sides meet below both tops
                at = kh[q] * top[p]
                sides = at > cross
            else:
                at = kh[p] / top[q]
                sides = at < cross
            on_flat = 1
            if sides:
                at, on_flat = cross, 0
            if size == 1 or at > begin[size - 1]:
                break
            size -= 1
        begin[size], flat[size], order[size] = at, on_flat, q
        size += 1
    begin[0] = 0.0
    return size


@helper
def segments(row: Row, thr: float, size: int) -> int:
    """Cut the envelope where the ratio that counts changes and where it crosses thr; returns the number of segments."""
    kh, top, order, begin, flat = row.h, row.top, row.order, row.begin, row.flat
    pos, loose, who, kind = row.pos, row.loose, row.who, row.kind
    n = 0
    for v in range(size):
        j = order[v]
        s, e = begin[v], begin[v + 1] if v + 1 < size else np.inf
        k, t = kh[j], top[j]
        left, right = k * t, k / t
        low, high = k * thr, (k / thr if thr > 0.0 else np.inf)
        for part in range(5):
            # in the order of h: below thr, left side, flat top, right side, below thr again
            what = part & 3
            soft = 1 if part in (FLAT, RIGHT) else 0
            a = s if part == 0 else low if part == 1 else left if part == 2 else right if part == 3 else high
            b = low if part == 0 else left if part == 1 else right if part == 2 else high if part == 3 else e
            if t <= thr:
                if part:
                    break
                b = e
            if a <= s:
                a, soft = s, flat[v]
            if a < b and a < e and not (what == NONE and n > 0 and kind[n - 1] == NONE):
                pos[n], loose[n], who[n], kind[n] = a, soft, j, what
                n += 1
    return n


# ---- close its segments


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
        j, what = row.who[s], row.kind[s]
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


# ---- bound its open runs


@helper
def bound_gaps(
    grid: GridTables, sums: FloatArray, thr: float, row: Row, strip: Strip, gaps: int, rows: Rows, out: Runs
) -> float:
    """Put what stays open into `out`, piece by piece; returns an upper bound of its total, -1 if there is no room."""
    r, bound = strip.r, 0.0
    for gap in range(gaps):
        y0, end = row.gaps[gap, 0], row.gaps[gap, 1]
        while y0 < end:
            y1 = min(y0 + (2 << rows.level), end)
            inside = sums[r, y1, 4] - sums[r, y0, 4]
            if inside > 0.0:
                piece = Piece(y0, y1, grid.edge_h[y0], grid.edge_h[y1], inside)
                top = bound_piece(sums, thr, row, strip, piece, rows.winners[r], out)
                if top < 0.0:
                    return -1.0
                bound += top
            y0 = y1
    return bound


@helper
def bound_piece(sums: FloatArray, thr: float, row: Row, strip: Strip, piece: Piece, winners: Flags, out: Runs) -> float:
    """Put one piece into `out` unless it is wholly below thr; returns its upper bound, -1 if there is no room."""
    m, ids, upper = strip.m, row.ids, row.upper
    least, most = reach(row, m, piece.h0, piece.h1)
    if most <= thr * (1.0 - UNDECIDED):
        return 0.0
    front, end, first = out.used[0], out.used[1], out.used[2]
    if front + end == out.row.size or first + winners.size > out.cands.size:
        return -1.0
    cut = least <= thr * (1.0 + UNDECIDED)
    least *= 1.0 - UNDECIDED
    at = first
    f = g = m - 1  # the last two that come near; for a plain 0 numba compiles once more
    for i in range(m):
        near = upper[i] >= least
        winners[ids[i]] |= near
        out.cands[at] = ids[i]
        at += near
        f, g = (g if near else f), (i if near else g)
    most *= piece.boxes
    if strip.w1 > UNEVEN * strip.w0:
        pass
    elif at - first == 1:
        most = min(most, lowest_sum(row, g, sums, strip.r, piece.y0, piece.y1)[0] + strip.boxes * 1e-13)
    elif at - first == 2:
        most = min(most, sum_of_two(row, f, g, sums, strip, piece) + strip.boxes * 1e-13)
    put = out.row.size - 1 - end if cut else front
    out.row[put], out.y0[put], out.y1[put] = strip.r, piece.y0, piece.y1
    out.first[put], out.size[put], out.top[put] = first, at - first, most
    out.used[0], out.used[1], out.used[2] = front + (not cut), end + cut, at
    return most


@helper
def reach(row: Row, m: int, h0: float, h1: float) -> tuple[float, float]:
    """Bounds of the best value in a piece of a row, the upper one of each anchor going to `upper`."""
    kh, inv_kh, low, high, upper = row.h, row.inv_h, row.low, row.high, row.upper
    rh0, rh1 = 1.0 / h0, 1.0 / h1
    least = most = 0.0
    for i in range(m):
        k0, k1 = kh[i], inv_kh[i]
        at0 = h0 * k1 if h0 < k0 else k0 * rh0
        at1 = h1 * k1 if h1 < k0 else k0 * rh1
        peak = at0 if h0 > k0 else at1 if h1 < k0 else 1.0
        at0 = at0 if at0 < at1 else at1
        at0 = at0 if at0 < low[i] else low[i]
        least = at0 if at0 > least else least
        peak = peak if peak < high[i] else high[i]
        upper[i] = peak
        most = peak if peak > most else most
    return least, most


@helper
def sum_of_two(row: Row, f: int, g: int, sums: FloatArray, strip: Strip, piece: Piece) -> float:
    """Upper bound of a piece's total where one of two anchors is the best: max(f, g) = (f + g) / 2 + |f - g| / 2."""
    sum_f, which_f = lowest_sum(row, f, sums, strip.r, piece.y0, piece.y1)
    sum_g, which_g = lowest_sum(row, g, sums, strip.r, piece.y0, piece.y1)
    f0, f1 = ratio_range(row, f, which_f, strip, piece)
    g0, g1 = ratio_range(row, g, which_g, strip, piece)
    return 0.5 * (sum_f + sum_g + piece.boxes * max(f1 - g0, g1 - f0))


@helper
def lowest_sum(row: Row, i: int, sums: FloatArray, r: int, y0: int, y1: int) -> tuple[float, int]:
    """Return the smallest of an anchor's four sums of ratios over columns y0 to y1, not below its total, and which."""
    wide, slim = (sums[r, y1, 0] - sums[r, y0, 0]) * row.inv_w[i], (sums[r, y1, 1] - sums[r, y0, 1]) * row.w[i]
    high, flat = (sums[r, y1, 2] - sums[r, y0, 2]) * row.inv_h[i], (sums[r, y0, 3] - sums[r, y1, 3]) * row.h[i]
    of_w, of_h = (0 if wide < slim else 1), (2 if high < flat else 3)
    wide, high = (wide if wide < slim else slim), (high if high < flat else flat)
    best, which = (wide if wide < high else high), (of_w if wide < high else of_h)
    return best, which


@helper
def ratio_range(row: Row, i: int, which: int, strip: Strip, piece: Piece) -> tuple[float, float]:
    """Smallest and largest value of one of the four ratios over a piece."""
    if which == 0:
        return strip.w0 * row.inv_w[i], strip.w1 * row.inv_w[i]
    if which == 1:
        return row.w[i] / strip.w1, row.w[i] / strip.w0
    if which == 2:
        return piece.h0 * row.inv_h[i], piece.h1 * row.inv_h[i]
    return row.h[i] / piece.h1, row.h[i] / piece.h0


# ---- count what is open


@inlined
def add_past(best: FloatArray, count: int, thr: float) -> tuple[float, int]:
    """Total and number of the first `count` values that are above thr."""
    total, above = 0.0, 0
    for i in range(count):
        if best[i] > thr:
            total += best[i]
            above += 1
    return total, above


@helper
def add_weighted(best: FloatArray, weights: IntArray, thr: float) -> tuple[float, int]:
    """Total and number of the values above thr, as often as they count."""
    total, above = 0.0, 0
    for i in range(weights.size):
        if best[i] > thr:
            total += best[i] * weights[i]
            above += weights[i]
    return total, above


@uncounted
def count_open(
    grid: GridTables, anchors: Anchors, runs: Runs, spare: float, best: FloatArray, weights: IntArray | None = None
) -> tuple[float, int, float]:
    """Total and number above thr of the boxes in open runs, by the reference formula.

    With `weights` (n,) both are of boxes as often as they count. The contents of `best` (RUN,) do not matter. It stops
    when the upper bounds have shrunk by more than `spare`; the last value is by how much they shrank.
    """
    w, h, offsets, ny, thr = grid.w, grid.h, grid.offsets, grid.edge_h.size - 1, anchors.thr
    row, y0, y1, first, size, top, cands = runs.row, runs.y0, runs.y1, runs.first, runs.size, runs.top, runs.cands
    total = shrunk = 0.0
    above = 0
    for t in range(row.size):
        x = np.int64(row[t])
        some = cands[first[t] : first[t] + size[t]]
        here = 0.0
        end = offsets[x * ny + y1[t]]
        for s in range(offsets[x * ny + y0[t]], end, RUN):
            ws, hs = w[s : min(s + RUN, end)], h[s : min(s + RUN, end)]
            best_run(anchors, ws, hs, some, best)
            if weights is None:
                more, past = add_past(best, ws.size, thr)
            else:
                more, past = add_weighted(best, weights[s : s + ws.size], thr)
            here += more
            above += past
        total += here
        shrunk += top[t] - here
        if shrunk > spare:
            break
    return total, above, shrunk


@helper
def best_run(anchors: Anchors, w: FloatArray, h: FloatArray, some: LabelArray, best: FloatArray) -> None:
    """Best ratio of at most RUN boxes with `some` of the anchors."""
    for i in range(w.size):
        best[i] = 0.0
    for p in range(some.size):
        a, b = anchors.w[some[p]], anchors.h[some[p]]
        for i in range(w.size):
            # min(w / a, a / w), as rounded, with one division
            u = (w[i] if w[i] < a else a) / (a if w[i] < a else w[i])
            v = (h[i] if h[i] < b else b) / (b if h[i] < b else h[i])
            u = u if u < v else v
            best[i] = u if u > best[i] else best[i]
