"""Kernels for late steps of k-means, in which few boxes change their centre: only boxes that may do so are looked at.

Where centre c moves to c', ``|ln IoU(x, c') - ln IoU(x, c)| <= D = |ln w' / w| + |ln h' / h|`` for every box x, see
`_settle`. So if, at some places of the centres, one has ``q_a e^-W_a > q_b e^W_b (1 + MARGIN)`` against all others, q
being its IoU with a box, it has that box wherever each centre j is within W_j of its place. A **frame** holds the boxes
for which this is not so, of the open leaves that `_settle.settle` leaves with that reach; its inner levels hold those
for which it is not so in smaller balls. While the centres stay in a ball, every box outside its level keeps its label,
and those inside are decided by the reference formula. A step looks at the innermost level whose ball the centres have
not left, and meanwhile may sort out the next one.
"""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._assign import assign_run
from fastanchor.kernels._band_tables import Ball, Bins, Frame, Tally
from fastanchor.kernels._digits import add_digits
from fastanchor.kernels._jit import helper, uncounted
from fastanchor.kernels._kept import add_kept, remove_kept
from fastanchor.kernels._settle import LEAST_IOU, MARGIN
from fastanchor.kernels._tables import RUN, Centers, GridTables, Histograms, Leaves

MOST_CENTERS = 62  # so that a set of centres fits into the bits of one number
GROUPS = 512  # sets of candidates in a frame; there are 20 to 40 as a rule


@uncounted
def group(leaves: Leaves, sets: IntArray, slots: IntArray, owner: IntArray, boxes: IntArray) -> int:
    """Number the sets of candidates of the open leaves, the `owner` of each leaf; returns how many there are, or -1.

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
def stage(grid: GridTables, leaves: Leaves, owner: IntArray, frame: Frame, groups: tuple[int, int]) -> None:
    """Copy the boxes of open leaves into the frame, for a range of its groups.

    Each group is looked at only when all its boxes stand together: a leaf's own are too few to vectorise.
    """
    nx, ny, ends = grid.edge_w.size - 1, grid.edge_h.size - 1, frame.span[0]
    for t in range(leaves.x.size):
        g, level = owner[t], leaves.level[t]
        if g < groups[0] or g >= groups[1]:
            continue
        x0, y0 = np.int64(leaves.x[t]) << level, np.int64(leaves.y[t]) << level
        for x in range(x0, min(x0 + (1 << level), nx)):
            lo, hi = grid.offsets[x * ny + y0], grid.offsets[x * ny + min(y0 + (1 << level), ny)]
            at = ends[g, 1]
            ws, hs, out_w, out_h = grid.w[lo:hi], grid.h[lo:hi], frame.w[at:], frame.h[at:]
            for i in range(ws.size):
                out_w[i] = ws[i]
                out_h[i] = hs[i]
            ends[g, 1] = at + ws.size


@uncounted
def sift(
    frame: Frame,
    centers: Centers,
    ball: Ball,
    groups: tuple[int, int],
    bins: Bins,
    hist: Histograms,
    buffers: FloatArray,
) -> None:
    """Label the boxes of a range of groups, and leave those in the frame whose label may change in the ball.

    Before that all are added to the histograms, if these have rows. `buffers` is (k + 4, RUN).
    """
    label, near, ends = buffers[1], buffers[2], frame.span[0]
    for g in range(groups[0], groups[1]):
        some = frame.cands[frame.first[g] : frame.first[g + 1]]
        at, end = ends[g, 0], ends[g, 1]
        for lo in range(ends[g, 0], end, RUN):
            hi = min(lo + RUN, end)
            ws, hs = frame.w[lo:hi], frame.h[lo:hi]
            assign_run(centers, ws, hs, some, buffers[0], label)
            if hist.counts.size:
                count_run(bins, hist, ws, hs, label)
            mark_run(ball, ws, hs, some, near, buffers[3:])
            for i in range(ws.size):
                frame.w[at], frame.h[at], frame.label[at] = ws[i], hs[i], np.uint8(label[i])
                at += near[i] >= 2.0
        ends[g, 1] = at


@helper
def count_run(bins: Bins, hist: Histograms, w: FloatArray, h: FloatArray, label: FloatArray) -> None:
    """Add boxes to the counts and, if these have rows, to the histograms."""
    x, y = w.view(np.int64), h.view(np.int64)
    for i in range(w.size):
        j = int(label[i])
        hist.counts[j] += 1
        if len(hist.fine_w):
            hist.fine_w[j, min(max((x[i] - bins.base_w) >> bins.shift, 0), bins.nx - 1)] += 1
            hist.fine_h[j, min(max((y[i] - bins.base_h) >> bins.shift, 0), bins.ny - 1)] += 1


@uncounted
def count_settled(grid: GridTables, leaves: Leaves, hist: Histograms) -> None:
    """Add the settled leaves to the fine histograms and the counts."""
    table, before, nx, ny = grid.table, grid.offsets, grid.edge_w.size - 1, grid.edge_h.size - 1
    for t in range(leaves.x.size):
        level, j = leaves.level[t], np.int64(leaves.label[t])
        if j < 0:
            continue
        x0, y0 = np.int64(leaves.x[t]) << level, np.int64(leaves.y[t]) << level
        x1, y1 = min(x0 + (1 << level), nx), min(y0 + (1 << level), ny)
        hist.counts[j] += leaves.boxes[t]
        if len(hist.fine_w):
            for x in range(x0, x1):
                hist.fine_w[j, x] += before[x * ny + y1] - before[x * ny + y0]
            for y in range(y0, y1):
                hist.fine_h[j, y] += table[x1, y + 1] - table[x1, y] - table[x0, y + 1] + table[x0, y]


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

    Unless the ball has no places, the level of those that may change in it is written. `buffers` is (k + 5, RUN).
    """
    changed, top, label, near, old = 0, 0, buffers[1], buffers[2], buffers[3]
    place = buffers[4].view(np.int64)
    span, build = frame.span, ball.w.size > 0
    if build and level > 0:
        top = span[level, span.shape[1] - 1, 1]
    for g in range(span.shape[1]):
        some = frame.cands[frame.first[g] : frame.first[g + 1]]
        if build:
            span[level + 1, g, 0] = top
        for lo in range(span[level, g, 0], span[level, g, 1], RUN):
            hi = min(lo + RUN, span[level, g, 1])
            ws, hs = (frame.w[lo:hi], frame.h[lo:hi]) if level == 0 else (frame.inner_w[lo:hi], frame.inner_h[lo:hi])
            look_up(frame, level, lo, hi, place, old)
            assign_run(centers, ws, hs, some, buffers[0], label)
            changed += move_run(frame, bins, tally, (ws, hs), place, old, label)
            if build:
                mark_run(ball, ws, hs, some, near, buffers[5:])
                top = keep_run(frame, ws, hs, place, near, top)
        if build:
            span[level + 1, g, 1] = top
    return changed


@helper
def look_up(frame: Frame, level: int, lo: int, hi: int, place: IntArray, old: FloatArray) -> None:
    """Write the places in the frame of some boxes of a level, and their labels."""
    if level == 0:
        labels = frame.label[lo:hi]
        for i in range(hi - lo):
            place[i] = lo + i
            old[i] = labels[i]
    else:
        at = frame.inner_at[lo:hi]
        for i in range(hi - lo):
            place[i] = at[i]
            old[i] = frame.label[at[i]]


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
    changed, (w, h) = 0, boxes
    for i in range(w.size):
        changed += label[i] != old[i]
    if changed:
        for i in range(w.size):
            if label[i] != old[i]:
                frame.label[place[i]] = np.uint8(label[i])
                move(bins, tally, w[i : i + 1], h[i : i + 1], int(old[i]), int(label[i]))
    return changed


@helper
def move(bins: Bins, tally: Tally, w: FloatArray, h: FloatArray, old: int, new: int) -> None:
    """Move one box from a centre to another in the tally."""
    hist, kept, sums = tally.hist, tally.kept, tally.sums
    hist.counts[old] -= 1
    hist.counts[new] += 1
    if len(hist.fine_w):
        x = min(max((w.view(np.int64)[0] - bins.base_w) >> bins.shift, 0), bins.nx - 1)
        y = min(max((h.view(np.int64)[0] - bins.base_h) >> bins.shift, 0), bins.ny - 1)
        hist.fine_w[old, x] -= 1
        hist.fine_w[new, x] += 1
        hist.fine_h[old, y] -= 1
        hist.fine_h[new, y] += 1
        if kept.bin[0, old] == x:
            remove_kept(kept, 0, old, w[0])
        if kept.bin[0, new] == x:
            add_kept(kept, 0, new, w[0])
        if kept.bin[1, old] == y:
            remove_kept(kept, 1, old, h[0])
        if kept.bin[1, new] == y:
            add_kept(kept, 1, new, h[0])
    if len(sums):
        half = sums.shape[1] >> 1
        add_digits(-w[0], tally.factor, sums, old, 0, half)
        add_digits(w[0], tally.factor, sums, new, 0, half)
        add_digits(-h[0], tally.factor, sums, old, half, half)
        add_digits(h[0], tally.factor, sums, new, half, half)
