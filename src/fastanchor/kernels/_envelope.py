"""Kernels that cut a row of the grid into segments in which one ratio of one anchor is the best for all boxes.

Along one row (one width bin, or 2^level of them) the value ``v_j(h) = min(P_j, h / kh_j, kh_j / h)`` of anchor j is a
trapezoid over ln h: a flat top of height ``P_j = min(w / kw_j, kw_j / w)`` between sides of slope one. Trapezoids of
equal slopes cross exactly once (the one with the smaller kh wins below), so their upper envelope comes from one pass
over the anchors sorted by kh. It is computed for the middle of the row and proves nothing; `_scan.holds` does.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.kernels._jit import helper
from fastanchor.kernels._tables import Anchors, Row

NONE, LEFT, FLAT, RIGHT = 0, 1, 2, 3  # what a segment's value is: nothing (at most thr), h / kh, P, kh / h


class Strip(NamedTuple):
    """Where a row lies, how many anchors matter in it, and how many boxes it has."""

    r: int
    m: int
    w0: float
    w1: float
    boxes: float


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
    pos, loose, anchor, kind = row.pos, row.loose, row.anchor, row.kind
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
                pos[n], loose[n], anchor[n], kind[n] = a, soft, j, what
                n += 1
    return n
