"""Kernels that bound the sum over the boxes of their IoU with the best anchor, block by block.

In a block that one anchor wins and that no side of it cuts, the IoU is a smooth function of width and height: ``w h /
(a b)`` where the anchor (a, b) is the larger in both, and so on for the other three cases. Its Taylor polynomial of
degree two needs only the number of boxes and the sums of w, h, w², w h and h² over the block, its moments; what the
polynomial leaves out is bounded by that of a majorant, a power series with coefficients that are nowhere smaller in
size. Where that is too coarse, the block is split in four. In cells that two anchors share, or that a side or a
threshold cuts, the boxes are looked at.
"""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._jit import helper, inlined, uncounted
from fastanchor.kernels._settle import LEAF_BOXES, LEAF_LEVEL, boxes_within, candidates, put_candidates, put_quarters
from fastanchor.kernels._tables import RUN, Centers, Goal, GridTables, Leaves, SideArray, Walk

WIDE = 0.2  # half the relative width of a block from which on the polynomial is not worth trying


@uncounted
def sum_moments(grid: GridTables, lo: int, hi: int, cells: FloatArray, weights: IntArray | None = None) -> None:
    """Put number and sums of w, h, w², w h, h² of the cells `lo` to `hi` into `cells` (nx * ny, 6)."""
    for c in range(lo, hi):
        cell = cells[c]
        for i in range(grid.offsets[c], grid.offsets[c + 1]):
            w, h = np.float64(grid.w[i]), np.float64(grid.h[i])
            times = 1.0 if weights is None else float(weights[i])
            cell[0] += times
            cell[1] += times * w
            cell[2] += times * h
            cell[3] += times * (w * w)
            cell[4] += times * (w * h)
            cell[5] += times * (h * h)


@uncounted
def bound_blocks(
    grid: GridTables, moments: FloatArray, anchors: Centers, alive: IntArray, goal: Goal, leaves: Leaves, walk: Walk
) -> tuple[float, float]:
    """Upper bounds of the sum over the blocks that need no closer look, and over the boxes of the others.

    These are written to `leaves`, ``walk.used[0]`` of them, -1 if there is too little room. `moments` (blocks, 6) are
    those of the blocks of all levels, `alive` lists the anchors.
    """
    stack, sizes, used = walk.stack, walk.sizes, walk.used
    top = grid.level_cols.size - 1
    for p in range(alive.size):
        walk.lists[top + 1, p] = alive[p]
    sizes[top + 1] = alive.size
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, 0, top
    used[0] = used[1] = 0
    closed = opened = 0.0
    depth = 1
    while depth:
        depth -= 1
        x, y, level = stack[depth, 0], stack[depth, 1], stack[depth, 2]
        x0, y0 = x << level, y << level
        x1, y1 = min((x + 1) << level, grid.edge_w.size - 1), min((y + 1) << level, grid.edge_h.size - 1)
        boxes = boxes_within(grid.table, x0, x1, y0, y1)
        if boxes == 0:
            continue
        m = candidates(grid, anchors, walk, x, y, level)
        at = grid.level_start[level] + x * grid.level_cols[level] + y
        rectangle = grid.edge_w[x0], grid.edge_w[x1], grid.edge_h[y0], grid.edge_h[y1]
        most, gap = bound_block(anchors, walk.lists[level], m, rectangle, moments[at], goal)
        if gap <= goal.slack:
            closed += most
        elif level > 0 and (boxes > LEAF_BOXES or level > LEAF_LEVEL):
            depth = put_quarters(grid, stack, depth, x, y, level)
        else:
            t, first = used[0], used[1]
            if t == leaves.x.size or first + m > leaves.cands.size:
                used[0] = -1
                break
            leaves.x[t], leaves.y[t], leaves.level[t], leaves.boxes[t] = x, y, level, boxes
            put_candidates(leaves, t, first, walk.lists[level], m)
            leaves.cands[first] = walk.lists[level, 0]
            used[0], used[1] = t + 1, first + m
            opened += most
    return closed, opened


@helper
def bound_block(
    anchors: Centers, some: IntArray, m: int, rectangle: tuple[float, float, float, float], sums: FloatArray, goal: Goal
) -> tuple[float, float]:
    """Upper bound of a block's sum, and how far the sum may lie below it."""
    w0, w1, h0, h1 = rectangle
    least = most = 0.0
    for p in range(m):
        a, b = anchors.w[some[p]], anchors.h[some[p]]
        most = max(most, iou(a, b, min(max(a, w0), w1), min(max(b, h0), h1)))
        if m == 1 or goal.once:
            least = max(least, lowest(a, b, rectangle))
    # the values themselves are rounded otherwise than these
    least, most = least * (1.0 - goal.rounding), min(1.0, most * (1.0 + goal.rounding))
    if most <= goal.thr:
        return 0.0, 0.0
    if goal.once:
        return sums[0], 0.0 if least > goal.thr else sums[0]
    gap = sums[0] * (most - (least if least > goal.thr else 0.0))
    most *= sums[0]
    if m == 1 and least > goal.thr and gap > goal.slack:
        about, off = smooth(anchors.w[some[0]], anchors.h[some[0]], rectangle, sums)
        if 2.0 * off < gap:
            return about + off, 2.0 * off
    return most, gap


@helper
def lowest(a: float, b: float, rectangle: tuple[float, float, float, float]) -> float:
    """Smallest IoU of an anchor and a box of a rectangle: at the corner that is farthest, or the worst one."""
    w0, w1, h0, h1 = rectangle
    if not (w0 < a < w1 or h0 < b < h1):
        return iou(a, b, w0 if w1 <= a else w1, h0 if h1 <= b else h1)
    return min(iou(a, b, w0, h0), iou(a, b, w0, h1), iou(a, b, w1, h0), iou(a, b, w1, h1))


@inlined
def iou(a: float, b: float, w: float, h: float) -> float:
    """IoU of an anchor and a box."""
    inter = min(a, w) * min(b, h)
    return inter / (a * b + w * h - inter)


@helper
def smooth(a: float, b: float, rectangle: tuple[float, float, float, float], sums: FloatArray) -> tuple[float, float]:
    """Sum of the IoU with the anchor (a, b) over a block, and by how much it may be off; infinite if a side cuts it."""
    w0, w1, h0, h1 = rectangle
    w, h = 0.5 * (w0 + w1), 0.5 * (h0 + h1)
    ex, ey = 0.5 * (w1 - w0) / w, 0.5 * (h1 - h0) / h
    if w1 <= a and h1 <= b:  # proportional to w h
        return sums[4] / (a * b), 0.0
    if w0 < a < w1 or h0 < b < h1 or ex > WIDE or ey > WIDE:
        return 0.0, np.inf
    n = sums[0]
    # sums of x = w / middle - 1 and y, of their squares and of their product
    p, q = sums[1] / w, sums[2] / h
    sx, sy = p - n, q - n
    sxx, sxy, syy = sums[3] / (w * w) - 2.0 * p + n, sums[4] / (w * h) - p - q + n, sums[5] / (h * h) - 2.0 * q + n
    if w0 >= a and h0 >= b:  # 1 / ((1 + x) (1 + y))
        top = a * b / (w * h)
        rest = 1.0 / ((1.0 - ex) * (1.0 - ey)) - (1.0 + ex + ey + ex * ex + ex * ey + ey * ey)
        return top * (n - sx - sy + sxx + sxy + syy), top * rest * n
    if w0 >= a:  # as the last case, with the sides exchanged
        p, q = w / a, b / h
        sx, sy, sxx, syy, ex, ey = sy, sx, syy, sxx, ey, ex
    else:
        p, q = h / b, a / w
    # 1 / (p (1 + y) + q / (1 + x) - 1) = top / (1 + u), u = p (1 + y) + q / (1 + x) with p and q times top, less its
    # value at the middle
    top = 1.0 / (p + q - 1.0)
    p, q = p * top, q * top
    edge = p * ey + q * ex / (1.0 - ex)  # what u is at most
    if edge >= 0.5:
        return 0.0, np.inf
    first = p * ey + q * ex
    rest = 1.0 / (1.0 - edge) - (1.0 + first + first * first + q * ex * ex)
    total = n - (p * sy - q * sx) + (p * p * syy - 2.0 * p * q * sxy + q * q * sxx) - q * sxx
    return top * total, top * rest * n


@uncounted
def add_boxes(
    grid: GridTables, anchors: Centers, leaves: Leaves, goal: Goal, best: FloatArray, weights: IntArray | None = None
) -> float:
    """Sum over the boxes of the leaves, by the reference formula. The contents of `best` (RUN,) do not matter."""
    nx, ny, total = grid.edge_w.size - 1, grid.edge_h.size - 1, 0.0
    for t in range(leaves.x.size):
        level = leaves.level[t]
        x0, y0 = np.int64(leaves.x[t]) << level, np.int64(leaves.y[t]) << level
        some = leaves.cands[leaves.first[t] : leaves.first[t] + leaves.size[t]]
        for x in range(x0, min(x0 + (1 << level), nx)):
            end = grid.offsets[x * ny + min(y0 + (1 << level), ny)]
            for lo in range(grid.offsets[x * ny + y0], end, RUN):
                hi = min(lo + RUN, end)
                ws, hs = grid.w[lo:hi], grid.h[lo:hi]
                best_of(anchors, ws, hs, some, best)
                for i in range(ws.size):
                    value = (1.0 if goal.once else best[i]) if best[i] > goal.thr else 0.0
                    total += value if weights is None else value * weights[lo + i]
    return total


@helper
def best_of(anchors: Centers, w: SideArray, h: SideArray, some: LabelArray, best: FloatArray) -> None:
    """Largest IoU of at most RUN boxes with `some` of the anchors."""
    for i in range(w.size):
        best[i] = 0.0
    for p in range(some.size):
        a, b, area = anchors.w[some[p]], anchors.h[some[p]], anchors.w[some[p]] * anchors.h[some[p]]
        for i in range(w.size):
            inter = (w[i] if w[i] < a else a) * (h[i] if h[i] < b else b)
            value = inter / (np.float64(w[i]) * h[i] + area - inter)
            best[i] = value if value > best[i] else best[i]
