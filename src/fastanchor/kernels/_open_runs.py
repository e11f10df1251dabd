"""Kernels that count the boxes of open runs one by one, by the reference formula of the ratio fitness."""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._jit import helper, inlined, uncounted
from fastanchor.kernels._tables import RUN, Anchors, GridTables, Runs, SideArray


@inlined
def add_past(best: FloatArray, count: int, thr: float) -> tuple[float, int]:
    """Total and number of the first `count` values that are above thr."""
    total, above = 0.0, 0
    for i in range(count):
        if best[i] > thr:
            total += best[i]
            above += 1
    return total, above


@helper
def add_weighted(best: FloatArray, weights: IntArray, thr: float) -> tuple[float, int]:
    """Total and number of the values above thr, as often as they count."""
    total, above = 0.0, 0
    for i in range(weights.size):
        if best[i] > thr:
            total += best[i] * weights[i]
            above += weights[i]
    return total, above


@uncounted
def count_open(
    grid: GridTables,
    anchors: Anchors,
    runs: Runs,
    spare: float,
    best: FloatArray,
    totals: FloatArray,
    weights: IntArray | None = None,
) -> tuple[int, float]:
    """Count the boxes of open runs by the reference formula, and add them to the `totals` (rows,); return the number.

    That is of those above thr. With `weights` (n,) boxes count as often as these say. The contents of `best` (RUN,) do
    not matter. It stops when the upper bounds have shrunk by more than `spare`; the last value is by how much they
    shrank.
    """
    w, h, offsets, ny, thr = grid.w, grid.h, grid.offsets, grid.edge_h.size - 1, anchors.thr
    row, y0, y1, first, size, top, cands = runs.row, runs.y0, runs.y1, runs.first, runs.size, runs.top, runs.cands
    shrunk, above = 0.0, 0
    for t in range(row.size):
        x = np.int64(row[t])
        some = cands[first[t] : first[t] + size[t]]
        here = 0.0
        end = offsets[x * ny + y1[t]]
        for s in range(offsets[x * ny + y0[t]], end, RUN):
            ws, hs = w[s : min(s + RUN, end)], h[s : min(s + RUN, end)]
            best_run(anchors, ws, hs, some, best)
            if weights is None:
                more, past = add_past(best, ws.size, thr)
            else:
                more, past = add_weighted(best, weights[s : s + ws.size], thr)
            here += more
            above += past
        totals[x] += here
        shrunk += top[t] - here
        if shrunk > spare:
            break
    return above, shrunk


@helper
def best_run(anchors: Anchors, w: SideArray, h: SideArray, some: LabelArray, best: FloatArray) -> None:
    """Best ratio of at most RUN boxes with `some` of the anchors."""
    for i in range(w.size):
        best[i] = 0.0
    for p in range(some.size):
        a, b = anchors.w[some[p]], anchors.h[some[p]]
        for i in range(w.size):
            # min(w / a, a / w), as rounded, with one division
            u = (w[i] if w[i] < a else a) / (a if w[i] < a else w[i])
            v = (h[i] if h[i] < b else b) / (b if h[i] < b else h[i])
            u = u if u < v else v
            best[i] = u if u > best[i] else best[i]
