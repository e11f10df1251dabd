"""Kernels for late steps of k-means, in which few boxes change their centre: only boxes that may do so are looked at.

Where centre c moves to c', ``|ln IoU(x, c') - ln IoU(x, c)| <= D = |ln w' / w| + |ln h' / h|`` for every box x, see
`_settle`. So if, at some places of the centres, one has ``q_a e^-W_a > q_b e^W_b (1 + MARGIN)`` against all others, q
being its IoU with a box, it has that box wherever each centre j is within W_j of its place. A **frame** holds the boxes
of the open leaves that `_settle.settle` leaves with that reach, as its level 0; level 1 holds those for which this is
not so; the levels after it those for which it is not so in smaller balls. While the centres stay in a ball, every box
outside its level keeps its label, and those inside are decided by the reference formula. A step looks at the innermost
level whose ball the centres have not left, and meanwhile may sort out the next one.
"""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._assign import assign_run
from fastanchor.kernels._band_tables import Ball, Bins, Frame, Tally
from fastanchor.kernels._digits import add_digits
from fastanchor.kernels._jit import helper, uncounted
from fastanchor.kernels._kept import add_kept, remove_kept
from fastanchor.kernels._settle import LEAST_IOU, MARGIN, TINY
from fastanchor.kernels._tables import RUN, Centers, GridTables, Histograms, Leaves

MOST_CENTERS = 62  # so that a set of centres fits into the bits of one number
GROUPS = 512  # sets of candidates in a frame; there are 20 to 40 as a rule


@uncounted
def group(leaves: Leaves, sets: IntArray, slots: IntArray, owner: IntArray, boxes: IntArray) -> int:
    """Write the number of each open leaf's set of candidates, its `owner`; return how many sets there are, or -1.

    A settled leaf has owner -1. `sets` gets the candidates as bits, `boxes` how many boxes have them. `slots` is room
    for a hash table, a power of two and more than twice as long.
    """
    count = 0
    for i in range(slots.size):
        slots[i] = -1
    for t in range(leaves.x.size):
        owner[t] = -1
        if leaves.label[t] >= 0:
            continue
        bits = np.int64(0)
        for p in range(leaves.first[t], leaves.first[t] + leaves.size[t]):
            bits |= np.int64(1) << np.int64(leaves.cands[p])
        at = (bits ^ (bits >> 7) * 31 ^ (bits >> 29) * 73) & (slots.size - 1)
        while slots[at] >= 0 and sets[slots[at]] != bits:
            at = (at + 1) & (slots.size - 1)
        if slots[at] < 0:
            if count == sets.size:
                return -1
            slots[at], sets[count], boxes[count] = count, bits, 0
            count += 1
        owner[t] = slots[at]
        boxes[owner[t]] += leaves.boxes[t]
    return count


@uncounted
def stage(grid: GridTables, leaves: Leaves, owner: IntArray, frame: Frame, hist: Histograms) -> None:
    """Copy the boxes of open leaves into the frame, and add the settled leaves to the histograms if these have counts.

    A group's boxes are looked at only when they all stand together: a leaf's own are too few to vectorise.
    """
    nx, ny, ends = grid.edge_w.size - 1, grid.edge_h.size - 1, frame.span[0]
    for t in range(leaves.x.size):
        g, level = owner[t], leaves.level[t]
        x0, y0 = np.int64(leaves.x[t]) << level, np.int64(leaves.y[t]) << level
        x1, y1 = min(x0 + (1 << level), nx), min(y0 + (1 << level), ny)
        if g < 0:
            if hist.counts.size:
                count_settled(grid, (x0, x1, y0, y1), int(leaves.label[t]), leaves.boxes[t], hist)
            continue
        for x in range(x0, x1):
            lo, hi, at = grid.offsets[x * ny + y0], grid.offsets[x * ny + y1], ends[g, 1]
            ws, hs, out_w, out_h = grid.w[lo:hi], grid.h[lo:hi], frame.w[at:], frame.h[at:]
            for i in range(ws.size):
                out_w[i] = ws[i]
                out_h[i] = hs[i]
            ends[g, 1] = at + ws.size


@helper
def count_settled(grid: GridTables, block: tuple[int, int, int, int], j: int, boxes: int, hist: Histograms) -> None:
    """Add a block of centre j to the counts and, if these have rows, to the fine histograms."""
    table, before, ny, (x0, x1, y0, y1) = grid.table, grid.offsets, grid.edge_h.size - 1, block
    hist.counts[j] += boxes
    if len(hist.fine_w):
        for x in range(x0, x1):
            hist.fine_w[j, x] += before[x * ny + y1] - before[x * ny + y0]
        for y in range(y0, y1):
            hist.fine_h[j, y] += table[x1, y + 1] - table[x1, y] - table[x0, y + 1] + table[x0, y]


@uncounted
def scan(
    frame: Frame,
    centers: Centers,
    level: int,
    ball: Ball,
    bins: Bins,
    tally: Tally,
    buffers: FloatArray,
) -> int:
    """Decide the boxes of a level by the reference formula; returns how many labels changed.

    Unless the ball has no places, the next level is written: those boxes that may change in it. At level 0, whose boxes
    have no label yet, they get one, and are added to the tally if that has counts. `buffers` is (k + 6, RUN).
    """
    changed, top, label, old = 0, 0, buffers[1], buffers[3]
    place, span, build = buffers[4].view(np.int64), frame.span, ball.w.size > 0
    if build and level > 0:
        top = span[level, span.shape[1] - 1, 1]
    for g in range(span.shape[1]):
        some = frame.cands[frame.first[g] : frame.first[g + 1]]
        if build:
            span[level + 1, g, 0] = top
        for lo in range(span[level, g, 0], span[level, g, 1], RUN):
            hi = min(lo + RUN, span[level, g, 1])
            ws, hs = (frame.w[lo:hi], frame.h[lo:hi]) if level == 0 else (frame.inner_w[lo:hi], frame.inner_h[lo:hi])
            if some.size == 2:
                label_pair(centers, ws, hs, some, label)
            else:
                assign_run(centers, ws, hs, some, buffers[0], label)
            if level == 0:
                name_run(frame, lo, place, label, ws.size)
                count_run(bins, tally.hist, ws, hs, label)
            else:
                look_up(frame, lo, hi, place, old)
                changed += move_run(frame, bins, tally, (ws, hs), place, old, label)
            if build:
                if some.size == 2:
                    mark_pair(ball, ws, hs, some, buffers[2])
                else:
                    mark_run(ball, ws, hs, some, buffers[2], buffers[5:])
                top = keep_run(frame, ws, hs, place, buffers[2], top)
        if build:
            span[level + 1, g, 1] = top
    return changed


@helper
def name_run(frame: Frame, lo: int, place: IntArray, label: FloatArray, n: int) -> None:
    """Give `n` boxes of the outermost level, from `lo` on, their labels; write their places."""
    out = frame.label[lo : lo + n]
    for i in range(n):
        place[i] = lo + i
        out[i] = np.uint8(label[i])


@helper
def count_run(bins: Bins, hist: Histograms, w: FloatArray, h: FloatArray, label: FloatArray) -> None:
    """Add boxes to the counts and the histograms, those of these that have rows."""
    x, y = w.view(np.int64), h.view(np.int64)
    for i in range(w.size if hist.counts.size else 0):
        j = int(label[i])
        hist.counts[j] += 1
        if len(hist.fine_w):
            hist.fine_w[j, min(max((x[i] - bins.base_w) >> bins.shift, 0), bins.nx - 1)] += 1
            hist.fine_h[j, min(max((y[i] - bins.base_h) >> bins.shift, 0), bins.ny - 1)] += 1


@helper
def look_up(frame: Frame, lo: int, hi: int, place: IntArray, old: FloatArray) -> None:
    """Write the places in the frame of some boxes of an inner level, and their labels."""
    at = frame.inner_at[lo:hi]
    for i in range(hi - lo):
        place[i] = at[i]
        old[i] = frame.label[at[i]]


@helper
def label_pair(centers: Centers, w: FloatArray, h: FloatArray, some: LabelArray, label: FloatArray) -> None:
    """Label boxes as `assign_run` does, for two centres in one pass; most groups have two."""
    a, b = some[0], some[1]
    aw, ah, bw, bh, one, two = centers.w[a], centers.h[a], centers.w[b], centers.h[b], float(a), float(b)
    ac, bc = aw * ah, bw * bh
    for i in range(w.size):
        area = w[i] * h[i]
        inter = (w[i] if w[i] < aw else aw) * (h[i] if h[i] < ah else ah)
        other = (w[i] if w[i] < bw else bw) * (h[i] if h[i] < bh else bh)
        label[i] = two if 1.0 - other / (area + bc - other) < 1.0 - inter / (area + ac - inter) else one


@helper
def mark_pair(ball: Ball, w: FloatArray, h: FloatArray, some: LabelArray, near: FloatArray) -> None:
    """Mark boxes as `mark_run` does, for two centres in one pass without divisions."""
    a, b = some[0], some[1]
    aw, ah, bw, bh = ball.w[a], ball.h[a], ball.w[b], ball.h[b]
    ac, bc, more = aw * ah, bw * bh, ball.grow[a] * ball.grow[b] * (1.0 + MARGIN)
    least, last = 2.0 * LEAST_IOU * ball.grow[a], 2.0 * LEAST_IOU * ball.grow[b]
    for i in range(w.size):
        area = w[i] * h[i]
        inter = (w[i] if w[i] < aw else aw) * (h[i] if h[i] < ah else ah)
        other = (w[i] if w[i] < bw else bw) * (h[i] if h[i] < bh else bh)
        union, second = area + ac - inter, area + bc - other
        x, y = inter * second, other * union
        first = (x > more * y + TINY) & (inter > least * union)
        near[i] = 1.0 if first | ((y > more * x + TINY) & (other > last * second)) else 2.0


@helper
def mark_run(ball: Ball, w: FloatArray, h: FloatArray, some: LabelArray, near: FloatArray, room: FloatArray) -> None:
    """How many of `some` centres may win each of at most RUN boxes somewhere in the ball; 2 if that is unknown."""
    top = room[0]
    for i in range(w.size):
        top[i] = near[i] = 0.0
    for p in range(some.size):
        x, y, less, iou = ball.w[some[p]], ball.h[some[p]], ball.shrink[some[p]], room[p + 1]
        area = x * y
        for i in range(w.size):
            inter = (w[i] if w[i] < x else x) * (h[i] if h[i] < y else y)
            value = inter / (w[i] * h[i] + area - inter)
            iou[i] = value
            value *= less
            top[i] = value if value > top[i] else top[i]
    for p in range(some.size):
        more, iou = ball.grow[some[p]] * (1.0 + MARGIN), room[p + 1]
        for i in range(w.size):
            near[i] += 1.0 if iou[i] * more >= top[i] else 0.0
    for i in range(w.size):
        near[i] = near[i] if top[i] > 2.0 * LEAST_IOU else 2.0


@helper
def keep_run(frame: Frame, w: FloatArray, h: FloatArray, place: IntArray, near: FloatArray, top: int) -> int:
    """Append the boxes that more than one centre may win; returns where they end."""
    for i in range(w.size):
        frame.inner_w[top], frame.inner_h[top], frame.inner_at[top] = w[i], h[i], place[i]
        top += near[i] >= 2.0
    return top


@helper
def move_run(
    frame: Frame,
    bins: Bins,
    tally: Tally,
    boxes: tuple[FloatArray, FloatArray],
    place: IntArray,
    old: FloatArray,
    label: FloatArray,
) -> int:
    """Give boxes their new labels; returns how many differ."""
    changed, n = 0, boxes[0].size
    for i in range(n):
        changed += label[i] != old[i]
    if changed:
        for i in range(n):
            if label[i] != old[i]:
                frame.label[place[i]] = np.uint8(label[i])
                move(bins, tally, boxes[0][i : i + 1], boxes[1][i : i + 1], int(old[i]), int(label[i]))
    return changed


@helper
def move(bins: Bins, tally: Tally, w: FloatArray, h: FloatArray, old: int, new: int) -> None:
    """Move one box from a centre to another in the tally."""
    tally.hist.counts[old] -= 1
    tally.hist.counts[new] += 1
    half = tally.sums.shape[1] >> 1
    for axis in range(2):
        side = w if axis == 0 else h
        if len(tally.hist.fine_w):
            base, last = (bins.base_w, bins.nx - 1) if axis == 0 else (bins.base_h, bins.ny - 1)
            fine = tally.hist.fine_w if axis == 0 else tally.hist.fine_h
            x = min(max((side.view(np.int64)[0] - base) >> bins.shift, 0), last)
            fine[old, x] -= 1
            fine[new, x] += 1
            if tally.kept.bin[axis, old] == x:
                remove_kept(tally.kept, axis, old, side[0])
            if tally.kept.bin[axis, new] == x:
                add_kept(tally.kept, axis, new, side[0])
        for sign in range(-1, 2 if half else -1, 2):
            add_digits(sign * side[0], tally.factor, tally.sums, old if sign < 0 else new, axis * half, half)
