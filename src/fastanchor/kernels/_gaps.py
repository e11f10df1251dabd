"""Kernels that bound what stays open in a row of the grid: the columns between the segments that are proved."""

from __future__ import annotations

from typing import NamedTuple

from fastanchor._types import FloatArray
from fastanchor.kernels._envelope import Strip
from fastanchor.kernels._jit import helper
from fastanchor.kernels._tables import Flags, GridTables, Row, Rows, Runs

UNDECIDED = 1e-9  # relative: values nearer than this to thr are compared box by box
UNEVEN = 64.0  # a row that holds what lies beyond the grid may have widths so unlike that their sums have no digits


class Piece(NamedTuple):
    """Columns of a row that stay open: from y0 to y1, of heights from h0 to h1, and their boxes."""

    y0: int
    y1: int
    h0: float
    h1: float
    boxes: float


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
