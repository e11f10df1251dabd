"""Kernels that find out, block by block, which centre is nearest.

A block is an aligned square of grid cells. `settle` drops centres that cannot win anywhere in it until one is left (the
block is settled), few boxes are left, or a cell is left; otherwise it splits the block in four. It never looks at a
box.

Dropping is safe by a margin: a relative MARGIN on the ratio of IoUs or distances, and a winner's IoU of at least
LEAST_IOU, below which the reference's ``1 - IoU`` rounds different IoUs to a tie.

With a `reach`, a centre is dropped only if it cannot win wherever the centres move within it. Where a centre moves by
``D = |ln w' / w| + |ln h' / h|``, the logarithm of its IoU with any box moves by D at most, and so does that of
``i / (A + c)``: the derivative by ln w is between 0 and 1 if the centre is the narrower one, and else between -1 and 0.
So the margins grow by e^D of the two centres.
"""

from __future__ import annotations

from fastanchor._types import IntArray, LabelArray
from fastanchor.kernels._jit import helper, inlined, uncounted
from fastanchor.kernels._tables import IOU, Centers, GridTables, Leaves, Walk

MARGIN = 1e-6
LEAST_IOU = 1e-8
TINY = 1e-280  # products below are rounded too coarsely to be compared
LEAF_BOXES = 32  # with 16 to 256 the time is the same within a tenth
LEAF_LEVEL = 3


@helper
def iou_beats(
    a: tuple[float, float], b: tuple[float, float], block: tuple[float, float, float, float], more: float
) -> bool:
    """Whether centre a has the larger IoU with all boxes of a rectangle, by a margin: more than `more` times that of b.

    R = IoU_a / IoU_b, up to a monotone map, is i_a (A + c_b) / (i_b (A + c_a)). As w grows it rises where both centres
    are wider or both narrower, if a has the larger area, and else falls; in between it rises if a is the wider, and
    else falls. So it is smallest at one end, or where a dip between the two widths ends, which is at the width of b.
    The same holds for h. Only one side can have such a dip: a cannot be smaller in both and yet have the larger area.
    """
    (aw, ah), (bw, bh), (w0, w1, h0, h1) = a, b, block
    ac, bc = aw * ah, bw * bh
    w, h = (w0, h0) if ac >= bc else (w1, h1)
    area = w * h
    if not min(w, aw) * min(h, ah) * (area + bc) > more * (min(w, bw) * min(h, bh) * (area + ac)) + TINY:
        return False
    if (aw < bw) == (ac >= bc):
        w = min(max(bw, w0), w1)
    elif (ah < bh) == (ac >= bc):
        h = min(max(bh, h0), h1)
    else:
        return True
    area = w * h
    return min(w, aw) * min(h, ah) * (area + bc) > more * (min(w, bw) * min(h, bh) * (area + ac)) + TINY


@helper
def euclidean_beats(aw: float, ah: float, bw: float, bh: float, w0: float, w1: float, h0: float, h1: float) -> bool:
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
def overlaps(cw: float, ch: float, w0: float, w1: float, h0: float, h1: float, least: float) -> bool:
    """Whether the IoU with all boxes of a rectangle is at least `least`: it is smallest at a corner."""
    c = cw * ch
    w0i, w1i, h0i, h1i = min(cw, w0), min(cw, w1), min(ch, h0), min(ch, h1)
    return (
        w0i * h0i > least * (w0 * h0 + c) + TINY
        and w0i * h1i > least * (w0 * h1 + c) + TINY
        and w1i * h0i > least * (w1 * h0 + c) + TINY
        and w1i * h1i > least * (w1 * h1 + c) + TINY
    )


@helper
def nearest_of(centers: Centers, some: IntArray, m: int, w: float, h: float) -> int:
    """Nearest of the first `m` centres of `some` to one box; of equally near ones, any."""
    metric, cw, ch = centers.metric, centers.w, centers.h
    a = some[0]
    if metric == IOU:
        area = w * h
        best_i, best_t = min(w, cw[a]) * min(h, ch[a]), area + cw[a] * ch[a]
        for p in range(1, m):
            j = some[p]
            i, t = min(w, cw[j]) * min(h, ch[j]), area + cw[j] * ch[j]
            if i * best_t > best_i * t:
                best_i, best_t, a = i, t, j
    else:
        best = (w - cw[a]) ** 2 + (h - ch[a]) ** 2
        for p in range(1, m):
            j = some[p]
            d = (w - cw[j]) ** 2 + (h - ch[j]) ** 2
            if d < best:
                best, a = d, j
    return a


@helper
def drop_beaten(
    centers: Centers, old: IntArray, m: int, new: IntArray, w0: float, w1: float, h0: float, h1: float
) -> int:
    """Copy to `new` those of the `m` candidates `old` that may win on a rectangle; returns how many.

    Only the winner in the middle is tried against the others: m tests instead of m^2, and it is the one that beats
    most.
    """
    metric, cw, ch = centers.metric, centers.w, centers.h
    a = nearest_of(centers, old, m, 0.5 * (w0 + w1), 0.5 * (h0 + h1))
    aw, ah, own = cw[a], ch[a], centers.reach[a]
    if metric == IOU and not overlaps(aw, ah, w0, w1, h0, h1, LEAST_IOU * own):
        for p in range(m):
            new[p] = old[p]
        return m
    kept = 0
    for p in range(m):
        j = old[p]
        if j != a:
            if metric == IOU:
                more = (1.0 + MARGIN) * own * centers.reach[j]
                beaten = iou_beats((aw, ah), (cw[j], ch[j]), (w0, w1, h0, h1), more)
            else:
                beaten = euclidean_beats(aw, ah, cw[j], ch[j], w0, w1, h0, h1)
            if beaten:
                continue
        new[kept] = j  # ascending, as ties need it
        kept += 1
    return kept


@inlined
def boxes_within(table: LabelArray, x0: int, x1: int, y0: int, y1: int) -> int:
    """Boxes of a block of cells."""
    return table[x1, y1] - table[x0, y1] - table[x1, y0] + table[x0, y0]


@inlined
def candidates(grid: GridTables, centers: Centers, walk: Walk, x: int, y: int, level: int) -> int:
    """Find a block's candidates among its parent's; returns how many there are.

    A block reads its parent's list and writes its own; its siblings come before the parent's level is written again.
    """
    nx, ny = grid.edge_w.size - 1, grid.edge_h.size - 1
    old, m, new = walk.lists[level + 1], walk.sizes[level + 1], walk.lists[level]
    if m == 1:
        new[0] = old[0]
    else:
        x0, y0 = x << level, y << level
        x1, y1 = min((x + 1) << level, nx), min((y + 1) << level, ny)
        w0, w1, h0, h1 = grid.edge_w[x0], grid.edge_w[x1], grid.edge_h[y0], grid.edge_h[y1]
        at = x0 * ny + y0
        if level == 0 and grid.alike[at]:
            w0 = w1 = grid.w[grid.offsets[at]]
            h0 = h1 = grid.h[grid.offsets[at]]
        m = drop_beaten(centers, old, m, new, w0, w1, h0, h1)
    walk.sizes[level] = m
    return m


@inlined
def put_quarters(grid: GridTables, stack: IntArray, depth: int, x: int, y: int, level: int) -> int:
    """Put the four parts of a block on the stack, as far as they lie in the grid; returns how deep it is then."""
    for c in range(4):
        cx, cy = 2 * x + (c >> 1), 2 * y + (c & 1)
        if (cx << (level - 1)) < grid.edge_w.size - 1 and (cy << (level - 1)) < grid.edge_h.size - 1:
            stack[depth, 0], stack[depth, 1], stack[depth, 2] = cx, cy, level - 1
            depth += 1
    return depth


@uncounted
def settle(
    grid: GridTables, centers: Centers, alive: IntArray, tiles: IntArray, most: IntArray, leaves: Leaves, walk: Walk
) -> int:
    """Write the `leaves` of the recursion over `tiles` (x, y, level); return how many.

    Returns -1 if there is too little room (growing an array here takes a second to compile). `alive` lists the centres,
    ascending, without repetitions of equal ones (these never win: ties go to the lowest). The boxes of a cell that is
    alike are equal, so the rectangle to decide on is that of its first box.

    Past `most` (2,) candidates tried or boxes in open leaves the recursion ends unfinished, with 0 leaves: the caller
    has a cheaper way.
    """
    walk.used[0] = walk.used[1] = walk.work[0] = walk.work[1] = walk.work[2] = 0
    for t in range(len(tiles)):
        level = tiles[t, 2]
        for p in range(alive.size):
            walk.lists[level + 1, p] = alive[p]
        walk.sizes[level + 1] = alive.size
        if not settle_tile(grid, centers, tiles[t], most, leaves, walk):
            return -1
        if walk.work[0] > most[0] or walk.work[1] > most[1]:
            return 0
    return walk.used[0]


@helper
def settle_tile(grid: GridTables, centers: Centers, tile: IntArray, most: IntArray, leaves: Leaves, walk: Walk) -> bool:
    """Write the leaves of one block; False if there is too little room."""
    nx, ny = grid.edge_w.size - 1, grid.edge_h.size - 1
    stack, sizes, used, work = walk.stack, walk.sizes, walk.used, walk.work
    stack[0, 0], stack[0, 1], stack[0, 2] = tile[0], tile[1], tile[2]
    depth = 1
    while depth:
        depth -= 1
        x, y, level = stack[depth, 0], stack[depth, 1], stack[depth, 2]
        x1, y1 = min((x + 1) << level, nx), min((y + 1) << level, ny)
        boxes = boxes_within(grid.table, x << level, x1, y << level, y1)
        if boxes == 0:
            continue
        work[0] += sizes[level + 1] if sizes[level + 1] > 1 else 0
        if work[0] > most[0] or work[1] > most[1]:
            break
        m = candidates(grid, centers, walk, x, y, level)
        if m > 1 and level > 0 and (boxes > LEAF_BOXES or level > LEAF_LEVEL):
            depth = put_quarters(grid, stack, depth, x, y, level)
            continue
        t, first = used[0], used[1]
        if t == leaves.x.size or first + m > leaves.cands.size:
            return False
        leaves.x[t], leaves.y[t], leaves.level[t], leaves.boxes[t] = x, y, level, boxes
        put_candidates(leaves, t, first, walk.lists[level], m)
        used[0] = t + 1
        if m > 1:
            used[1] = first + m
            work[1] += boxes
            work[2] += boxes * m
    return True


@inlined
def put_candidates(leaves: Leaves, t: int, first: int, some: IntArray, m: int) -> None:
    """Write the label of a settled leaf, or the candidates of an open one."""
    leaves.label[t] = some[0] if m == 1 else -1
    leaves.first[t], leaves.size[t] = first, m
    if m > 1:
        for p in range(m):
            leaves.cands[first + p] = some[p]
