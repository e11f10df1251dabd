"""Kernels for the ratio fitness of anchors: row by row of the grid, exactly or between bounds.

Along one row (one width bin, or 2^level of them) the value ``v_j(h) = min(P_j, h / kh_j, kh_j / h)`` of anchor j is a
trapezoid over ln h: a flat top of height ``P_j = min(w / kw_j, kw_j / w)`` between sides of slope one. Trapezoids of
equal slopes cross exactly once (the one with the smaller kh wins below), so their upper envelope comes from one pass
over the anchors sorted by kh: `envelope`. It cuts the row into a few segments in which one ratio of one anchor is the
value of every box, and running sums along the row give a segment's total from two look-ups. A row
costs 0.9 us at k = 9 where the tables are in the cache (2 us at the finest level of 1e7 boxes, where they are not).

The envelope is computed for the middle of the row and proves nothing. `holds` then proves each segment for all widths
of
the row, against all anchors. What is not proved stays open: it is bounded at first, and counted box by box if the
bounds
do not suffice.
"""

from __future__ import annotations

import numpy as np

from fastanchor.kernels._jit import compiled, helper

NONE, LEFT, FLAT, RIGHT = 0, 1, 2, 3  # what a segment's value is: nothing (at most thr), h / kh, P, kh / h
THR_MARGIN = 1e-9  # values nearer than this to thr are compared box by box
FEW = 256  # a segment with less than 1/FEW of the row's boxes is counted: the running sums have no digits for it
UNEVEN = 64.0  # a row that holds what lies beyond the grid may have widths so unlike that their sums have no digits
RUN = 256


@helper
def plateaus(w0, w1, m, kw, inv_kw, low, high, rising):
    """Smallest and largest P of each anchor in a row, and whether P = w / kw (1), kw / w (-1) or either (0)."""
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
def envelope(m, kh, ids, middle, top, order, begin, flat):
    """Put the anchors on the upper envelope for tops `top` into `order`, and where each begins; returns how many.

    `kh` ascends; ``middle[p, q] = sqrt(kh[p] kh[q])``. `flat` tells whether the crossing depends on a top.
    """
    size = 0
    for q in range(m):
        at, on_flat = 0.0, 0
        while size:
            p = order[size - 1]
            cross = middle[ids[p], ids[q]]
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
def segments(kh, thr, top, size, order, begin, flat, pos, loose, who, kind):
    """Cut the envelope where the ratio that counts changes and where it crosses thr; returns the number of segments.

    Segment s begins at ``pos[s]``, which depends on the tops if ``loose[s]``, and has the value `kind` of anchor `who`.
    """
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


@helper
def holds(m, kw, kh, thr, low, high, rising, j, what, h0, h1):
    """Whether `what` of anchor j is the value of all boxes of the row with heights from h0 to h1."""
    r0, r1 = 1.0 / h0, 1.0 / h1
    fine = True
    if what == NONE:
        limit = thr * (1.0 - THR_MARGIN)
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
    fine &= least > thr * (1.0 + THR_MARGIN)
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


@helper
def lowest_sum(kw, kh, inv_kw, inv_kh, runs, r, y0, y1):
    """Return the smallest of an anchor's four sums of ratios over columns y0 to y1, not below its total, and which."""
    wide, slim = (runs[r, y1, 0] - runs[r, y0, 0]) * inv_kw, (runs[r, y1, 1] - runs[r, y0, 1]) * kw
    high, flat = (runs[r, y1, 2] - runs[r, y0, 2]) * inv_kh, (runs[r, y0, 3] - runs[r, y1, 3]) * kh
    of_w, of_h = (0 if wide < slim else 1), (2 if high < flat else 3)
    wide, high = (wide if wide < slim else slim), (high if high < flat else flat)
    best, which = (wide if wide < high else high), (of_w if wide < high else of_h)
    return best, which


@helper
def ratio_range(which, kw, kh, inv_kw, inv_kh, w0, w1, h0, h1):
    """Smallest and largest value of one of the four ratios over a rectangle."""
    if which == 0:
        return w0 * inv_kw, w1 * inv_kw
    if which == 1:
        return kw / w1, kw / w0
    if which == 2:
        return h0 * inv_kh, h1 * inv_kh
    return kh / h1, kh / h0


@compiled
def scan(level, down, sequence, bound_before, spare, kw, kh, inv_kw, inv_kh, middle, thr, edge_w, edge_h, base_h, shift,
         runs, alive, winners, bound, gap, out, tops, cands):  # fmt: skip
    """Fitness of the rows of a level: total and number above thr, and what stays open.

    The level scanned before lies `down` levels higher; its rows are taken in this `sequence`. Row r needs only the
    anchors ``alive[r >> down]``; those that win somewhere in it are marked in ``winners[r]``, for the levels below.
    ``bound[r]`` becomes an upper bound of the row's total, ``gap[r]`` its open part. `spare` is what all bounds may
    shrink by before the decision falls; the scan ends where it falls below zero.

    An open run goes to `out` as (row, first and last column at the finest level, first candidate, number of
    candidates), with an upper bound of its total in `tops`. Those that thr cuts go to the end: they are few (a
    hundredth of the boxes) and hold over half of the gap between the bounds. Returns total, number, `spare` now, runs,
    runs at the end, candidates; -1 runs if `out` or `cands` is too small.
    """
    nx, ny = edge_w.size - 1, edge_h.size - 1
    k = kw.size
    floats = np.empty((9, k + 1))
    aw, ah, low, high, top, upper, begin = floats[0], floats[1], floats[2], floats[3], floats[4], floats[5], floats[6]
    inv_aw, inv_ah = floats[7], floats[8]
    ints = np.empty((4, k + 1), np.int64)
    ids, rising, order, flat = ints[0], ints[1], ints[2], ints[3]
    pos = np.empty(5 * k + 1)
    marks = np.empty((3, 5 * k + 1), np.int64)
    loose, who, kind = marks[0], marks[1], marks[2]
    point = np.empty(1)
    bits = point.view(np.int64)
    n_out = n_cut = n_cands = above = 0
    total = 0.0
    first_h, last_h = edge_h[0], edge_h[ny]
    rows = len(bound)
    for step in range(sequence.size << down):
        before = sequence[step >> down]
        r = (before << down) + (step & ((1 << down) - 1))
        if step & ((1 << down) - 1) == 0:
            if spare < 0.0:
                break
            spare -= bound_before[before]
        if r >= rows:
            continue
        row_total = row_open = 0.0
        bound[r] = gap[r] = 0.0
        m = np.int64(0)
        for j in range(k):
            winners[r, j] = 0
            if alive[r >> down, j]:
                ids[m], aw[m], ah[m], inv_aw[m], inv_ah[m] = j, kw[j], kh[j], inv_kw[j], inv_kh[j]
                m += 1
        x0, x1 = r << level, min((r + 1) << level, nx)
        in_row = runs[r, ny, 4]
        if in_row == 0.0 or m == 0:
            continue
        w0, w1 = edge_w[x0], edge_w[x1]
        plateaus(w0, w1, m, aw, inv_aw, low, high, rising)
        for j in range(m):
            top[j] = 0.5 * (low[j] + high[j])
        size = envelope(m, ah, ids, middle, top, order, begin, flat)
        n = segments(ah, thr, top, size, order, begin, flat, pos, loose, who, kind)
        stretch = 1.0 + 0.5 * (w1 / w0 - 1.0) * (w1 / w0) + 1e-9
        even = w1 <= UNEVEN * w0
        done = 0
        for s in range(n + 1):
            y0, y1 = done, ny  # what will stay open
            if s < n:
                # columns wholly between the end of what blurs the beginning and the beginning of what blurs the end
                a, b = 0, ny
                if s + 1 < n:
                    point[0] = pos[s + 1] / (stretch if loose[s + 1] else 1.0 + 1e-9)
                    if point[0] < last_h:
                        b = min(max((bits[0] - base_h) >> shift, 0), ny - 1)
                if s > 0:
                    point[0] = pos[s] * (stretch if loose[s] else 1.0 + 1e-9)
                    if point[0] >= last_h:
                        a = ny
                    elif point[0] > first_h:
                        a = min(max((bits[0] - base_h) >> shift, 0), ny - 1) + 1
                a = max(a, done)
                if a >= b:
                    continue
                j, what = who[s], kind[s]
                inside = runs[r, b, 4] - runs[r, a, 4]
                if inside > 0.0:
                    if what != NONE and inside * FEW < in_row:
                        continue
                    if not holds(m, aw, ah, thr, low, high, rising, j, what, edge_h[a], edge_h[b]):
                        continue
                    if what != NONE:
                        above += np.int64(inside)
                        winners[r, ids[j]] = 1
                        if what == LEFT:
                            row_total += (runs[r, b, 2] - runs[r, a, 2]) * inv_ah[j]
                        elif what == RIGHT:
                            row_total += (runs[r, a, 3] - runs[r, b, 3]) * ah[j]
                        elif rising[j] > 0:
                            row_total += (runs[r, b, 0] - runs[r, a, 0]) * inv_aw[j]
                        else:
                            row_total += (runs[r, b, 1] - runs[r, a, 1]) * aw[j]
                y1, done = a, b
            # columns y0 to y1, before this segment or after the last, stay open
            while y0 < y1:
                y2 = min(y0 + (2 << level), y1)
                inside = runs[r, y2, 4] - runs[r, y0, 4]
                if inside > 0.0:
                    h0, h1 = edge_h[y0], edge_h[y2]
                    rh0, rh1 = 1.0 / h0, 1.0 / h1
                    least = most = 0.0
                    for i in range(m):
                        k0, k1 = ah[i], inv_ah[i]
                        at0 = h0 * k1 if h0 < k0 else k0 * rh0
                        at1 = h1 * k1 if h1 < k0 else k0 * rh1
                        peak = at0 if h0 > k0 else at1 if h1 < k0 else 1.0
                        at0 = at0 if at0 < at1 else at1
                        at0 = at0 if at0 < low[i] else low[i]
                        least = at0 if at0 > least else least
                        peak = peak if peak < high[i] else high[i]
                        upper[i] = peak
                        most = peak if peak > most else most
                    if most > thr * (1.0 - THR_MARGIN):
                        if n_out + n_cut == len(out) or n_cands + k > cands.size:
                            return total, above, spare, -1, 0, n_cands
                        cut = least <= thr * (1.0 + THR_MARGIN)
                        least *= 1.0 - THR_MARGIN
                        first = n_cands
                        f = g = 0
                        for i in range(m):
                            near = upper[i] >= least
                            winners[r, ids[i]] |= near
                            cands[n_cands] = ids[i]
                            n_cands += near
                            f, g = (g if near else f), (i if near else g)
                        most *= inside
                        if not even:
                            pass
                        elif n_cands - first == 1:
                            sum_g, which_g = lowest_sum(aw[g], ah[g], inv_aw[g], inv_ah[g], runs, r, y0, y2)
                            most = min(most, sum_g + in_row * 1e-13)
                        elif n_cands - first == 2:
                            # max(f, g) = (f + g) / 2 + |f - g| / 2
                            sum_f, which_f = lowest_sum(aw[f], ah[f], inv_aw[f], inv_ah[f], runs, r, y0, y2)
                            sum_g, which_g = lowest_sum(aw[g], ah[g], inv_aw[g], inv_ah[g], runs, r, y0, y2)
                            f0, f1 = ratio_range(which_f, aw[f], ah[f], inv_aw[f], inv_ah[f], w0, w1, h0, h1)
                            g0, g1 = ratio_range(which_g, aw[g], ah[g], inv_aw[g], inv_ah[g], w0, w1, h0, h1)
                            apart = max(f1 - g0, g1 - f0)
                            most = min(most, 0.5 * (sum_f + sum_g + inside * apart) + in_row * 1e-13)
                        at = len(out) - 1 - n_cut if cut else n_out
                        n_cut += cut
                        n_out += not cut
                        tops[at] = most
                        row_open += most
                        out[at, 0], out[at, 1], out[at, 2] = r, y0, y2
                        out[at, 3], out[at, 4] = first, n_cands - first
                y0 = y2
        total += row_total
        spare += row_total + row_open
        bound[r], gap[r] = row_total + row_open, row_open
    return total, above, spare, n_out, n_cut, n_cands


@compiled
def count_open(kw, kh, thr, w, h, offsets, ny, out, tops, cands, spare):
    """Total and number above thr of the boxes in the open runs `out`, by the reference formula.

    Stops when the upper bounds have shrunk by more than `spare`; tells by how much they shrank.
    """
    best = np.empty(RUN)
    total = shrunk = 0.0
    above = 0
    for t in range(len(out)):
        x = np.int64(out[t, 0])
        some = cands[out[t, 3] : out[t, 3] + out[t, 4]]
        here = 0.0
        end = offsets[x * ny + out[t, 2]]
        for s in range(offsets[x * ny + out[t, 1]], end, RUN):
            ws, hs = w[s : min(s + RUN, end)], h[s : min(s + RUN, end)]
            for i in range(ws.size):
                best[i] = 0.0
            for p in range(some.size):
                a, b = kw[some[p]], kh[some[p]]
                for i in range(ws.size):
                    # min(w / a, a / w), as rounded, with one division
                    u = (ws[i] if ws[i] < a else a) / (a if ws[i] < a else ws[i])
                    v = (hs[i] if hs[i] < b else b) / (b if hs[i] < b else hs[i])
                    u = u if u < v else v
                    best[i] = u if u > best[i] else best[i]
            for i in range(ws.size):
                if best[i] > thr:
                    here += best[i]
                    above += 1
        total += here
        shrunk += tops[t] - here
        if shrunk > spare:
            break
    return total, above, shrunk
