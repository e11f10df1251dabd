"""Kernels that turn the leaves of `_settle.settle` into answers: counts, sums, exact medians, labels, distances.

Settled blocks are answered from tables; boxes of open leaves by the reference formula in its operation order, ties to
the lowest index. A leaf is (x, y, level, label or -1, first candidate, number of candidates, boxes).
"""

from __future__ import annotations

import numpy as np

from fastanchor.kernels._jit import compiled, helper

IOU, EUCLIDEAN = 0, 1
RUN = 256  # boxes decided at a time: their best so far stays in the first-level cache
FEW_HITS = 4  # up to so many medians in a leaf each are gathered by themselves: from their bins, not the whole leaf
COARSE = 4  # marginals of settled blocks are kept for 2^COARSE bins at a time and refined where the medians lie


@helper
def assign_run(metric, w, h, cw, ch, cands, best, label):
    """Distance to and label of the nearest of the centres `cands` for at most RUN boxes: the reference formula."""
    for i in range(w.size):
        best[i] = np.inf
        label[i] = 0.0
    for p in range(cands.size):
        j = cands[p]
        x, y, c, name = cw[j], ch[j], cw[j] * ch[j], float(j)
        if metric == IOU:
            for i in range(w.size):
                inter = (w[i] if w[i] < x else x) * (h[i] if h[i] < y else y)
                d = 1.0 - inter / (w[i] * h[i] + c - inter)
                label[i] = name if d < best[i] else label[i]
                best[i] = d if d < best[i] else best[i]
        else:
            for i in range(w.size):
                d = (w[i] - x) * (w[i] - x) + (h[i] - y) * (h[i] - y)
                label[i] = name if d < best[i] else label[i]
                best[i] = d if d < best[i] else best[i]


@compiled
def marginals(metric, cw, ch, w, h, base_h, shift, offsets, table, pyramid, level_start, level_cols, leaves, cands,
              coarse_w, coarse_h, fine_w, fine_h, counts, sums):  # fmt: skip
    """Add the leaves to the counts (k,), to the marginal histograms and, if `sums` (k, 2) has rows, to the sums.

    Settled blocks go into the coarse histograms, boxes of open leaves into the fine ones.
    """
    nx, ny = table.shape[0] - 1, table.shape[1] - 1
    best, label = np.empty(RUN), np.empty(RUN)
    bits = h.view(np.int64)
    for t in range(len(leaves)):
        level, j = leaves[t, 2], np.int64(leaves[t, 3])
        x0, y0 = np.int64(leaves[t, 0]) << level, np.int64(leaves[t, 1]) << level
        x1, y1 = min(x0 + (1 << level), nx), min(y0 + (1 << level), ny)
        if j >= 0:
            counts[j] += leaves[t, 6]
            if level <= COARSE:  # all in one coarse bin
                coarse_w[j, x0 >> COARSE] += leaves[t, 6]
                coarse_h[j, y0 >> COARSE] += leaves[t, 6]
            else:
                for c in range(x0 >> COARSE, (x1 - 1 >> COARSE) + 1):
                    a, b = c << COARSE, min((c + 1) << COARSE, x1)
                    coarse_w[j, c] += table[b, y1] - table[a, y1] - table[b, y0] + table[a, y0]
                for c in range(y0 >> COARSE, (y1 - 1 >> COARSE) + 1):
                    a, b = c << COARSE, min((c + 1) << COARSE, y1)
                    coarse_h[j, c] += table[x1, b] - table[x1, a] - table[x0, b] + table[x0, a]
            if len(sums):
                at = level_start[level] + leaves[t, 0] * level_cols[level] + leaves[t, 1]
                sums[j, 0] += pyramid[at, 0]
                sums[j, 1] += pyramid[at, 1]
            continue
        some = cands[leaves[t, 4] : leaves[t, 4] + leaves[t, 5]]
        for x in range(x0, x1):
            end = offsets[x * ny + y1]
            for lo in range(offsets[x * ny + y0], end, RUN):
                ws, hs, hb = w[lo : min(lo + RUN, end)], h[lo : min(lo + RUN, end)], bits[lo : min(lo + RUN, end)]
                assign_run(metric, ws, hs, cw, ch, some, best, label)
                for p in range(some.size):
                    j, name, n = some[p], float(some[p]), 0
                    for i in range(ws.size):
                        n += label[i] == name
                    counts[j] += n
                    fine_w[j, x] += n
                    if level == 0:
                        fine_h[j, y0] += n
                if level > 0:
                    for i in range(ws.size):
                        fine_h[np.int64(label[i]), min(max((hb[i] - base_h) >> shift, 0), ny - 1)] += 1
                if len(sums):
                    for i in range(ws.size):
                        j = np.int64(label[i])
                        sums[j, 0] += ws[i]
                        sums[j, 1] += hs[i]


@compiled
def paint(leaves, cells):
    """Write each leaf's label, or -1 where it is open, into its `cells` (nx, ny)."""
    for t in range(len(leaves)):
        level, j = leaves[t, 2], leaves[t, 3]
        x0, y0 = np.int64(leaves[t, 0]) << level, np.int64(leaves[t, 1]) << level
        for x in range(x0, min(x0 + (1 << level), cells.shape[0])):
            for y in range(y0, min(y0 + (1 << level), cells.shape[1])):
                cells[x, y] = j


@helper
def select(x, lo, hi, rank):
    """Value of a rank among ``x[lo:hi]``, which is reordered: Hoare's selection (np.partition compiles for 2 s)."""
    a, b = lo, hi - 1
    at = lo + rank
    while a < b:
        p, q, r = x[a], x[(a + b) >> 1], x[b]
        pivot = max(min(p, q), min(max(p, q), r))
        i, j = a, b
        while i <= j:
            while x[i] < pivot:
                i += 1
            while x[j] > pivot:
                j -= 1
            if i <= j:
                x[i], x[j] = x[j], x[i]
                i += 1
                j -= 1
        if at <= j:
            b = j
        elif at >= i:
            a = i
        else:
            return x[at]
    return x[at]


@helper
def middle(x, lo, hi, rank, both):
    """Value of the given rank among ``x[lo:hi]``, or the mean of it and the next; `x` is overwritten.

    One round of 64 buckets first: it has few branches to mispredict (all medians of a step at 1e7 boxes, gathering
    included: 1.3 ms hot instead of about 3).
    """
    after = np.inf
    if hi - lo > 128:
        least = most = x[lo]
        for i in range(lo, hi):
            least = x[i] if x[i] < least else least
            most = x[i] if x[i] > most else most
        scale = 64.0 / (most - least) if most > least else 0.0  # finite: sides are at least 1e-100
        counts = np.zeros(65, np.int64)
        for i in range(lo, hi):
            counts[np.int64((x[i] - least) * scale)] += 1
        bucket = 0
        while rank >= counts[bucket]:
            rank -= counts[bucket]
            bucket += 1
        end = lo
        for i in range(lo, hi):
            value = x[i]
            b = np.int64((value - least) * scale)
            after = value if b > bucket and value < after else after
            if b == bucket:
                x[end] = value
                end += 1
        hi = end
    value = select(x, lo, hi, rank)
    if not both:
        return value
    if lo + rank + 1 < hi:
        after = select(x, lo, hi, rank + 1)
    return (value + after) * 0.5


@helper
def find_bin(fine, coarse, rank):
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
def walk_bins(fine, c, before, rank):
    """Bin inside coarse bin `c` that holds a rank, and the number of boxes before it."""
    for x in range(c << COARSE, min((c + 1) << COARSE, fine.size)):
        if rank < before + fine[x]:
            return x, before
        before += fine[x]
    return fine.size - 1, before


@compiled
def medians(metric, cw, ch, w, h, offsets, table, leaves, cands, coarse_w, coarse_h, fine_w, fine_h, counts,
            out, room, first, step):  # fmt: skip
    """Put medians of widths and heights into `out` (k, 2), NaN where a centre has no boxes.

    Of every `step`-th centre from the `first`, so that threads may share. Returns how much `room` it can use.

    The marginals tell in which bin the two middle ranks lie (coarse bins first, then only those are completed from the
    settled blocks); only the boxes in these bins are gathered.
    """
    nx, ny = table.shape[0] - 1, table.shape[1] - 1
    k = cw.size
    bins = np.zeros((2, k, 2), np.int64)  # axis, centre, lower or upper middle
    before = np.zeros((2, k, 2), np.int64)
    for j in range(first, k, step):
        for side in range(2):
            bins[0, j, side] = bins[1, j, side] = -1
            if counts[j]:
                rank = (counts[j] - 1 + side) >> 1
                bins[0, j, side], before[0, j, side] = find_bin(fine_w[j], coarse_w[j], rank)
                bins[1, j, side], before[1, j, side] = find_bin(fine_h[j], coarse_h[j], rank)
    for t in range(len(leaves)):
        level, j = leaves[t, 2], np.int64(leaves[t, 3])
        if j < 0 or j % step != first:
            continue
        x0, y0 = np.int64(leaves[t, 0]) << level, np.int64(leaves[t, 1]) << level
        x1, y1 = min(x0 + (1 << level), nx), min(y0 + (1 << level), ny)
        for side in range(2):
            c = bins[0, j, side]
            if side == 0 or c != bins[0, j, 0]:
                for x in range(max(x0, c << COARSE), min(x1, (c + 1) << COARSE)):
                    fine_w[j, x] += offsets[x * ny + y1] - offsets[x * ny + y0]
            c = bins[1, j, side]
            if side == 0 or c != bins[1, j, 0]:
                for y in range(max(y0, c << COARSE), min(y1, (c + 1) << COARSE)):
                    fine_h[j, y] += table[x1, y + 1] - table[x1, y] - table[x0, y + 1] + table[x0, y]
    # room for the boxes of each bin that is asked for
    start = np.zeros((2, k, 2), np.int64)
    total = 0
    for axis in range(2):
        fine = fine_w if axis == 0 else fine_h
        for j in range(first, k, step):
            if counts[j]:
                for side in range(2):
                    rank = (counts[j] - 1 + side) >> 1
                    b, n = walk_bins(fine[j], bins[axis, j, side], before[axis, j, side], rank)
                    bins[axis, j, side], before[axis, j, side] = b, n
                    start[axis, j, side] = total
                    if side == 0 or b != bins[axis, j, 0]:
                        total += fine[j, b]
    found = room if total <= room.size else np.empty(total)
    cursor = start.copy()
    best, label = np.empty(RUN), np.empty(RUN)
    every = np.empty(1, np.int32)
    for t in range(len(leaves)):
        level, at, m = leaves[t, 2], leaves[t, 4], leaves[t, 5]
        x0, y0 = np.int64(leaves[t, 0]) << level, np.int64(leaves[t, 1]) << level
        x1, y1 = min(x0 + (1 << level), nx), min(y0 + (1 << level), ny)
        every[0] = leaves[t, 3]
        some = every if m == 1 else cands[at : at + m]
        if m > 1 and hits(bins, some, x0, x1, y0, y1, first, step) > FEW_HITS:
            gather_all(metric, cw, ch, w, h, offsets, ny, x0, x1, y0, y1, some, bins, found, cursor, first, step,
                       best, label)  # fmt: skip
            continue
        for p in range(m):
            j, name = some[p], float(some[p])
            if j % step != first:
                continue
            for side in range(2):
                b = bins[0, j, side]
                if x0 <= b < x1 and (side == 0 or b != bins[0, j, 0]):
                    gather(metric, cw, ch, w, h, offsets[b * ny + y0], offsets[b * ny + y1], some, name, w, found,
                           cursor[0, j, side : side + 1], best, label)  # fmt: skip
                b = bins[1, j, side]
                if y0 <= b < y1 and (side == 0 or b != bins[1, j, 0]):
                    for x in range(x0, x1):
                        gather(metric, cw, ch, w, h, offsets[x * ny + b], offsets[x * ny + b + 1], some, name, h, found,
                               cursor[1, j, side : side + 1], best, label)  # fmt: skip
    for axis in range(2):
        for j in range(first, k, step):
            if counts[j] == 0:
                out[j, axis] = np.nan
                continue
            lo, hi = start[axis, j], cursor[axis, j]
            rank = ((counts[j] - 1) >> 1) - before[axis, j, 0]
            even = counts[j] & 1 == 0
            if bins[axis, j, 0] == bins[axis, j, 1]:
                out[j, axis] = middle(found, lo[0], hi[0], rank, even)
            else:  # the last of one bin and the first of a later one
                lower = middle(found, lo[0], hi[0], rank, False)
                out[j, axis] = (lower + middle(found, lo[1], hi[1], 0, False)) * 0.5
    return total


@helper
def gather(metric, cw, ch, w, h, lo, hi, cands, name, values, found, cursor, best, label):
    """Append the `values` of those boxes from `lo` to `hi` whose label is `name`."""
    at = cursor[0]
    for s in range(lo, hi, RUN):
        e = min(s + RUN, hi)
        if cands.size == 1:
            for i in range(s, e):
                found[at] = values[i]
                at += 1
        else:
            assign_run(metric, w[s:e], h[s:e], cw, ch, cands, best, label)
            for i in range(e - s):
                if label[i] == name:
                    found[at] = values[s + i]
                    at += 1
    cursor[0] = at


@helper
def hits(bins, cands, x0, x1, y0, y1, first, step):
    """How many bins to gather from cross a leaf."""
    n = 0
    for p in range(cands.size):
        j = cands[p]
        if j % step == first:
            for side in range(2):
                n += x0 <= bins[0, j, side] < x1 and (side == 0 or bins[0, j, 1] != bins[0, j, 0])
                n += y0 <= bins[1, j, side] < y1 and (side == 0 or bins[1, j, 1] != bins[1, j, 0])
    return n


@helper
def gather_all(metric, cw, ch, w, h, offsets, ny, x0, x1, y0, y1, cands, bins, found, cursor, first, step, best,
               label):  # fmt: skip
    """Append the boxes of an open leaf for all its centres in one pass.

    Where many medians lie in one leaf, a pass for each of them would cost the square of the number of candidates.
    """
    for x in range(x0, x1):
        for y in range(y0, y1):
            end = offsets[x * ny + y + 1]
            for s in range(offsets[x * ny + y], end, RUN):
                e = min(s + RUN, end)
                assign_run(metric, w[s:e], h[s:e], cw, ch, cands, best, label)
                for i in range(e - s):
                    j = np.int64(label[i])
                    if j % step != first:
                        continue
                    if x == bins[0, j, 0] or x == bins[0, j, 1]:
                        side = 0 if x == bins[0, j, 0] else 1
                        found[cursor[0, j, side]] = w[s + i]
                        cursor[0, j, side] += 1
                    if y == bins[1, j, 0] or y == bins[1, j, 1]:
                        side = 0 if y == bins[1, j, 0] else 1
                        found[cursor[1, j, side]] = h[s + i]
                        cursor[1, j, side] += 1


@compiled
def visit(metric, cw, ch, every, w, h, row, offsets, cells, lo, hi, labels, lanes, far):
    """Look at every box of the cells `lo` to `hi`, whose labels are `cells` (-1: among `every`, ascending).

    Writes `labels` in the order of the rows (if there are any), adds the distances to the RUN lanes of `lanes`, and
    puts the largest distance and its lowest row into `far`.
    """
    best, label = np.empty(RUN), np.empty(RUN)
    one = np.empty(1, np.int32)
    cell = lo
    while cell < hi:
        name, first = cells[cell], cell
        while cell < hi and cells[cell] == name:  # cells of one label are one run: most are too small to vectorise
            cell += 1
        one[0] = name
        some = every if name < 0 else one
        end = offsets[cell]
        for s in range(offsets[first], end, RUN):
            e = min(s + RUN, end)
            assign_run(metric, w[s:e], h[s:e], cw, ch, some, best, label)
            top = 0.0
            for i in range(e - s):
                lanes[i] += best[i]
                top = best[i] if best[i] > top else top
            if top >= far[0]:
                for i in range(e - s):
                    if best[i] == top and (top > far[0] or far[1] < 0.0 or row[s + i] < far[1]):
                        far[0] = top
                        far[1] = float(row[s + i])
            if labels.size:
                for i in range(e - s):
                    labels[row[s + i]] = np.int64(label[i])


@compiled
def same(metric, cw, ch, every, cells, old_cw, old_ch, old_every, old_cells, w, h, offsets, lo, hi):
    """Whether two sets of centres label all boxes of the cells `lo` to `hi` alike."""
    best, label, old_label = np.empty(RUN), np.empty(RUN), np.empty(RUN)
    one, old_one = np.empty(1, np.int32), np.empty(1, np.int32)
    for cell in range(lo, hi):
        one[0], old_one[0] = cells[cell], old_cells[cell]
        if one[0] >= 0 and one[0] == old_one[0]:
            continue
        some, old_some = (every if one[0] < 0 else one), (old_every if old_one[0] < 0 else old_one)
        end = offsets[cell + 1]
        for s in range(offsets[cell], end, RUN):
            e = min(s + RUN, end)
            assign_run(metric, w[s:e], h[s:e], cw, ch, some, best, label)
            assign_run(metric, w[s:e], h[s:e], old_cw, old_ch, old_some, best, old_label)
            for i in range(e - s):
                if label[i] != old_label[i]:
                    return False
    return True
