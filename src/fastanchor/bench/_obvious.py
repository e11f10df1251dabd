"""The loops that one writes first, under plain ``@njit``: rivals of the kernels. Importing this imports numba."""

from __future__ import annotations

import numpy as np

from fastanchor.kernels._jit import parallel, plain, span

__all__ = ["assign_all_cores", "assign_iou", "fitness", "labels", "mean_fitness"]


def labels(w, h, cw, ch):
    """Return the nearest centre of each box, (n,)."""
    out = np.empty(w.size, np.int64)
    assign_iou(w, h, cw, ch, out, np.empty(w.size))
    return out


def mean_fitness(w, h, cw, ch, thr):
    """Return the fitness and the best possible recall."""
    total, above = fitness(w, h, cw, ch, thr)
    return total / w.size, above / w.size


@plain
def assign_iou(w, h, cw, ch, labels, distance):
    """Box by box, centre by centre."""
    total = 0.0
    for i in range(w.size):
        best, label = 2.0, 0
        for j in range(cw.size):
            inter = min(w[i], cw[j]) * min(h[i], ch[j])
            d = 1.0 - inter / (w[i] * h[i] + cw[j] * ch[j] - inter)
            if d < best:
                best = d
                label = j
        labels[i] = label
        distance[i] = best
        total += best
    return total


@parallel
def assign_all_cores(w, h, cw, ch, labels):
    """Do the same with ``prange`` over the boxes; labels only."""
    for i in span(w.size):
        best, label = 2.0, 0
        for j in range(cw.size):
            inter = min(w[i], cw[j]) * min(h[i], ch[j])
            d = 1.0 - inter / (w[i] * h[i] + cw[j] * ch[j] - inter)
            if d < best:
                best = d
                label = j
        labels[i] = label


@plain
def fitness(w, h, cw, ch, thr):
    """Sum of the best ratios above the threshold, and their number."""
    total, count = 0.0, 0
    for i in range(w.size):
        best = 0.0
        for j in range(cw.size):
            ratio = min(min(w[i] / cw[j], cw[j] / w[i]), min(h[i] / ch[j], ch[j] / h[i]))
            best = max(best, ratio)
        if best > thr:
            total += best
            count += 1
    return total, count
