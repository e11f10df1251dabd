"""Kernels that find out, block by block, which centre is nearest.

A block is an aligned square of grid cells. `settle` drops centres that cannot win anywhere in it until one is left (the
block is settled), few boxes are left, or a cell is left; otherwise it splits the block in four. It never looks at a
box.

Dropping is safe by a margin: relative MARGIN on the ratio of IoUs or distances, and a winner's IoU of at least LEAST,
below which the reference's ``1 - IoU`` rounds different IoUs to a tie.
"""

from __future__ import annotations

import numpy as np

from fastanchor.kernels._jit import compiled, helper

IOU, EUCLIDEAN = 0, 1
MARGIN = 1e-6
LEAST = 1e-8
TINY = 1e-280  # products below are rounded too coarsely to be compared
LEAF_BOXES = 32  # guess, not tuned
LEAF_LEVEL = 3


@helper
def iou_beats(aw, ah, bw, bh, w0, w1, h0, h1):
    """Whether centre a has the larger IoU with all boxes of a rectangle, by a margin.

    R = IoU_a / IoU_b, up to a monotone map, is i_a (A + c_b) / (i_b (A + c_a)). On a rectangle that no side of a or b
    cuts
    it is monotone in w and in h, so its corners decide; else the corners of the pieces do.
    """
    ac, bc = aw * ah, bw * bh
    more = 1.0 + MARGIN
    aw0, aw1, bw0, bw1 = min(aw, w0), min(aw, w1), min(bw, w0), min(bw, w1)
    ah0, ah1, bh0, bh1 = min(ah, h0), min(ah, h1), min(bh, h0), min(bh, h1)
    area = w0 * h0
    if not aw0 * ah0 * (area + bc) > more * (bw0 * bh0 * (area + ac)) + TINY:
        return False
    area = w1 * h1
    if not aw1 * ah1 * (area + bc) > more * (bw1 * bh1 * (area + ac)) + TINY:
        return False
    area = w0 * h1
    if not aw0 * ah1 * (area + bc) > more * (bw0 * bh1 * (area + ac)) + TINY:
        return False
    area = w1 * h0
    if not aw1 * ah0 * (area + bc) > more * (bw1 * bh0 * (area + ac)) + TINY:
        return False
    if not (w0 < aw < w1 or w0 < bw < w1 or h0 < ah < h1 or h0 < bh < h1):
        return True
    for p in range(4):
        w = w0 if p == 0 else w1 if p == 1 else aw if p == 2 else bw
        if not w0 <= w <= w1:
            continue
        for q in range(4):
            h = h0 if q == 0 else h1 if q == 1 else ah if q == 2 else bh
            if not h0 <= h <= h1:
                continue
            area = w * h
            if not min(w, aw) * min(h, ah) * (area + bc) > more * (min(w, bw) * min(h, bh) * (area + ac)) + TINY:
                return False
    return True


@helper
def euclidean_beats(aw, ah, bw, bh, w0, w1, h0, h1):
    """Whether centre a is nearer than b to all boxes of a rectangle, by a margin.

    ``(1 - MARGIN) d_b - d_a`` is concave, so it is smallest at a corner.
    """
    aw0, aw1, bw0, bw1 = (w0 - aw) ** 2, (w1 - aw) ** 2, (w0 - bw) ** 2, (w1 - bw) ** 2
    ah0, ah1, bh0, bh1 = (h0 - ah) ** 2, (h1 - ah) ** 2, (h0 - bh) ** 2, (h1 - bh) ** 2
    less = 1.0 - MARGIN
    return (
        aw0 + ah0 < less * (bw0 + bh0)
        and aw1 + ah1 < less * (bw1 + bh1)
        and aw0 + ah1 < less * (bw0 + bh1)
        and aw1 + ah0 < less * (bw1 + bh0)
    )


@helper
def overlaps(cw, ch, w0, w1, h0, h1):
    """Whether the IoU with all boxes of a rectangle is at least LEAST: it is smallest at a corner."""
    c = cw * ch
    w0i, w1i, h0i, h1i = min(cw, w0), min(cw, w1), min(ch, h0), min(ch, h1)
    return (
        w0i * h0i > LEAST * (w0 * h0 + c) + TINY
        and w0i * h1i > LEAST * (w0 * h1 + c) + TINY
        and w1i * h0i > LEAST * (w1 * h0 + c) + TINY
        and w1i * h1i > LEAST * (w1 * h1 + c) + TINY
    )


@helper
def drop_beaten(metric, cw, ch, old, m, new, w0, w1, h0, h1):
    """Copy to `new` those of the `m` candidates `old` that may win on a rectangle; returns how many.

    Only the winner in the middle is tried against the others: m tests instead of m^2, and it is the one that beats
    most.
    """
    w, h = 0.5 * (w0 + w1), 0.5 * (h0 + h1)
    area = w * h
    a = old[0]
    if metric == IOU:
        best_i, best_t = min(w, cw[a]) * min(h, ch[a]), area + cw[a] * ch[a]
        for p in range(1, m):
            j = old[p]
            i, t = min(w, cw[j]) * min(h, ch[j]), area + cw[j] * ch[j]
            if i * best_t > best_i * t:
                best_i, best_t, a = i, t, j
    else:
        best = (w - cw[a]) ** 2 + (h - ch[a]) ** 2
        for p in range(1, m):
            j = old[p]
            d = (w - cw[j]) ** 2 + (h - ch[j]) ** 2
            if d < best:
                best, a = d, j
    aw, ah = cw[a], ch[a]
    if metric == IOU and not overlaps(aw, ah, w0, w1, h0, h1):
        for p in range(m):
            new[p] = old[p]
        return m
    left = 0
    for p in range(m):
        j = old[p]
        if j != a:
            if metric == IOU:
                beaten = iou_beats(aw, ah, cw[j], ch[j], w0, w1, h0, h1)
            else:
                beaten = euclidean_beats(aw, ah, cw[j], ch[j], w0, w1, h0, h1)
            if beaten:
                continue
        new[left] = j  # ascending, as ties need it
        left += 1
    return left


@compiled
def settle(metric, cw, ch, alive, edge_w, edge_h, table, w, h, offsets, alike, tiles, most, leaves, cands, work):
    """Write the `leaves` of the recursion over `tiles` (x, y, level) and candidates of the open ones.

    Returns how many, or -1 if there is too little room (growing an array here takes a second to compile). A leaf is
    (x, y, level, label or -1, first candidate, number of candidates, boxes). `alive` lists the centres, ascending,
    without repetitions of equal ones (these never win: ties go to the lowest). The boxes of a cell that is `alike`
    (nx * ny,) are equal, so the rectangle to decide on is that of its first box.

    `work` (3,) becomes the candidates tried, the boxes of open leaves, and these times their candidates. Past `most`
    candidates the recursion ends unfinished, with 0 leaves: whoever asked has a cheaper way.
    """
    nx, ny = edge_w.size - 1, edge_h.size - 1
    levels = 2
    for t in range(len(tiles)):
        levels = max(levels, tiles[t, 2] + 2)
    lists = np.empty((levels, alive.size), np.int64)
    sizes = np.empty(levels, np.int64)
    stack = np.empty((3 * levels + 1, 3), np.int64)
    n_leaves = n_cands = 0
    work[0] = work[1] = work[2] = 0
    for t in range(len(tiles)):
        stack[0, 0], stack[0, 1], stack[0, 2] = tiles[t, 0], tiles[t, 1], tiles[t, 2]
        for p in range(alive.size):
            lists[tiles[t, 2] + 1, p] = alive[p]
        sizes[tiles[t, 2] + 1] = alive.size
        depth = 1
        while depth:
            depth -= 1
            x, y, level = stack[depth, 0], stack[depth, 1], stack[depth, 2]
            x0, y0 = x << level, y << level
            x1, y1 = min((x + 1) << level, nx), min((y + 1) << level, ny)
            boxes = np.int64(table[x1, y1] - table[x0, y1] - table[x1, y0] + table[x0, y0])
            if boxes == 0:
                continue
            # a block reads its parent's list and writes its own; its siblings come before the parent's level is
            # written again
            new = lists[level]
            m = sizes[level + 1]
            if m > 1:
                work[0] += m
                if work[0] > most:
                    return 0, 0
                at = x0 * ny + y0
                if level == 0 and alike[at]:
                    one_w, one_h = w[offsets[at]], h[offsets[at]]
                    m = drop_beaten(metric, cw, ch, lists[1], m, new, one_w, one_w, one_h, one_h)
                else:
                    m = drop_beaten(
                        metric, cw, ch, lists[level + 1], m, new, edge_w[x0], edge_w[x1], edge_h[y0], edge_h[y1]
                    )
            else:
                new[0] = lists[level + 1][0]
            sizes[level] = m
            if m > 1 and level > 0 and (boxes > LEAF_BOXES or level > LEAF_LEVEL):
                for c in range(4):
                    cx, cy = 2 * x + (c >> 1), 2 * y + (c & 1)
                    if (cx << (level - 1)) < nx and (cy << (level - 1)) < ny:
                        stack[depth, 0], stack[depth, 1], stack[depth, 2] = cx, cy, level - 1
                        depth += 1
                continue
            if n_leaves == len(leaves) or n_cands + m > cands.size:
                return -1, n_cands
            leaf = leaves[n_leaves]
            n_leaves += 1
            leaf[0], leaf[1], leaf[2], leaf[4], leaf[5], leaf[6] = x, y, level, n_cands, m, boxes
            leaf[3] = new[0] if m == 1 else -1
            if m > 1:
                work[1] += boxes
                work[2] += boxes * m
                for p in range(m):
                    cands[n_cands + p] = new[p]
                n_cands += m
    return n_leaves, n_cands
