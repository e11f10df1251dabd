"""The reference formula of k-means for a run of boxes, and the kernels that look at every box."""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._jit import compiled, helper, uncounted
from fastanchor.kernels._tables import IOU, RUN, Centers, GridTables, Leaves, Painted, SideArray


@helper
def assign_run(
    centers: Centers, w: SideArray, h: SideArray, some: LabelArray, best: FloatArray, label: FloatArray
) -> None:
    """Distance to and label of the nearest of `some` centres for at most RUN boxes; ties go to the first."""
    metric, cw, ch = centers.metric, centers.w, centers.h
    for i in range(w.size):
        best[i] = np.inf
        label[i] = 0.0
    for p in range(some.size):
        j = some[p]
        x, y, c, name = cw[j], ch[j], cw[j] * ch[j], float(j)
        if metric == IOU:
            for i in range(w.size):
                inter = (w[i] if w[i] < x else x) * (h[i] if h[i] < y else y)
                d = 1.0 - inter / (np.float64(w[i]) * h[i] + c - inter)
                label[i] = name if d < best[i] else label[i]
                best[i] = d if d < best[i] else best[i]
        else:
            for i in range(w.size):
                d = (w[i] - x) * (w[i] - x) + (h[i] - y) * (h[i] - y)
                label[i] = name if d < best[i] else label[i]
                best[i] = d if d < best[i] else best[i]


@uncounted
def paint(leaves: Leaves, cells: LabelArray) -> None:
    """Write each leaf's label, or -1 where it is open, into its `cells` (nx, ny)."""
    for t in range(leaves.x.size):
        level, j = leaves.level[t], leaves.label[t]
        x0, y0 = np.int64(leaves.x[t]) << level, np.int64(leaves.y[t]) << level
        for x in range(x0, min(x0 + (1 << level), cells.shape[0])):
            for y in range(y0, min(y0 + (1 << level), cells.shape[1])):
                cells[x, y] = j


@compiled
def visit(
    grid: GridTables, centers: Centers, painted: Painted, lo: int, hi: int, labels: LabelArray, distance: FloatArray
) -> None:
    """Write the distances and, if there is room for them, the labels of the boxes of the cells `lo` to `hi`."""
    w, h, offsets, cells = grid.w, grid.h, grid.offsets, painted.cells
    best, label = np.empty(RUN), np.empty(RUN)
    one = np.empty(1, np.int32)
    first_box = offsets[lo]
    cell = lo
    while cell < hi:
        name, first = cells[cell], cell
        while cell < hi and cells[cell] == name:  # cells of one label are one run: most are too small to vectorise
            cell += 1
        one[0] = name
        some = painted.every if name < 0 else one
        end = offsets[cell]
        for s in range(offsets[first], end, RUN):
            e = min(s + RUN, end)
            assign_run(centers, w[s:e], h[s:e], some, best, label)
            far = distance[s - first_box : e - first_box]
            for i in range(far.size):  # a slice assignment costs a second to compile, for the text of its error
                far[i] = best[i]
            if labels.size:
                for i in range(e - s):
                    labels[s - first_box + i] = np.int32(label[i])


@compiled
def same(
    grid: GridTables, centers: Centers, painted: Painted, others: Centers, others_painted: Painted, lo: int, hi: int
) -> bool:
    """Whether two sets of centres label all boxes of the cells `lo` to `hi` alike that count."""
    w, h, offsets = grid.w, grid.h, grid.offsets
    best, label, other_label = np.empty(RUN), np.empty(RUN), np.empty(RUN)
    one, other = np.empty(1, np.int32), np.empty(1, np.int32)
    for cell in range(lo, hi):
        one[0], other[0] = painted.cells[cell], others_painted.cells[cell]
        if one[0] >= 0 and one[0] == other[0]:
            continue
        some = painted.every if one[0] < 0 else one
        other_some = others_painted.every if other[0] < 0 else other
        end = offsets[cell + 1]
        for s in range(offsets[cell], end, RUN):
            e = min(s + RUN, end)
            assign_run(centers, w[s:e], h[s:e], some, best, label)
            assign_run(others, w[s:e], h[s:e], other_some, best, other_label)
            if differ(label, other_label, s, e, grid.weights):
                return False
    return True


@helper
def differ(label: FloatArray, other: FloatArray, lo: int, hi: int, weights: IntArray | None) -> bool:
    """Whether any of the boxes `lo` to `hi` that counts has two labels."""
    for i in range(hi - lo):  # noqa: SIM110  numba takes no any() over a generator here
        if label[i] != other[i] and (weights is None or weights[lo + i] > 0):
            return True
    return False
