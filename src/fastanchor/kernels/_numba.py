"""Kernels compiled by numba. Contract in ``kernels``.

Boxes go through in blocks of ``LANES``: the block's columns stay in the first-level cache while all centres pass over
them, three centres at a time, so that a box is loaded once and its best so far stored once for three. (One centre at a
time: 4.3 instead of 3.4 ns per box at k = 9; a plain loop over the boxes: 12.5.) Indexing a slice from 0 is what
lets LLVM vectorise: ``w[start + i]`` needs a check for negative indices and runs at a third of the speed.
"""

from __future__ import annotations

import numpy as np

from fastanchor.kernels._jit import compiled
from fastanchor.kernels._numba_sums import (
    exact_sum,
    exact_sums,
    fold,
    label_moves,
    weighted_counts,
    weighted_sum,
    weighted_sums,
)
from fastanchor.kernels._numpy import LANES, THR_MARGIN

__all__ = [
    "LANES",
    "THR_MARGIN",
    "assign_euclidean",
    "assign_iou",
    "assign_ratio",
    "best_iou",
    "best_ratio",
    "exact_sum",
    "exact_sums",
    "fitness",
    "label_counts",
    "label_gather",
    "label_histogram",
    "label_moves",
    "ratios",
    "weighted_counts",
    "weighted_sum",
    "weighted_sums",
    "wh_iou",
]


@compiled
def wh_iou(w, h, cw, ch, out):
    """IoU matrix."""
    for i in range(w.size):
        area = w[i] * h[i]
        row = out[i]
        for j in range(cw.size):
            inter = min(w[i], cw[j]) * min(h[i], ch[j])
            row[j] = inter / (area + cw[j] * ch[j] - inter)


@compiled
def assign_iou(w, h, cw, ch, labels, distance):
    """Nearest centre under 1 - IoU."""
    last = cw.size - 1
    nearest = np.empty(LANES)
    changed = 0
    for start in range(0, w.size, LANES):
        wb, hb = w[start : start + LANES], h[start : start + LANES]
        best, old = distance[start : start + LANES], labels[start : start + LANES]
        for i in range(wb.size):
            best[i] = 2.0
            nearest[i] = 0.0
        for j in range(0, cw.size, 3):
            # past the end the last centre stands in again: a tie, which changes nothing
            j0, j1, j2 = float(j), float(min(j + 1, last)), float(min(j + 2, last))
            w0, w1, w2 = cw[j], cw[min(j + 1, last)], cw[min(j + 2, last)]
            h0, h1, h2 = ch[j], ch[min(j + 1, last)], ch[min(j + 2, last)]
            a0, a1, a2 = w0 * h0, w1 * h1, w2 * h2
            for i in range(wb.size):
                x, y, d, label = wb[i], hb[i], best[i], nearest[i]
                area = x * y
                inter = (x if x < w0 else w0) * (y if y < h0 else h0)
                e = 1.0 - inter / (area + a0 - inter)
                label = j0 if e < d else label
                d = e if e < d else d
                inter = (x if x < w1 else w1) * (y if y < h1 else h1)
                e = 1.0 - inter / (area + a1 - inter)
                label = j1 if e < d else label
                d = e if e < d else d
                inter = (x if x < w2 else w2) * (y if y < h2 else h2)
                e = 1.0 - inter / (area + a2 - inter)
                label = j2 if e < d else label
                d = e if e < d else d
                best[i] = d
                nearest[i] = label
        changed += _finish(nearest, old)
    return changed


@compiled
def assign_euclidean(w, h, cw, ch, labels, distance):
    """Nearest centre under the squared Euclidean distance."""
    last = cw.size - 1
    nearest = np.empty(LANES)
    changed = 0
    for start in range(0, w.size, LANES):
        wb, hb = w[start : start + LANES], h[start : start + LANES]
        best, old = distance[start : start + LANES], labels[start : start + LANES]
        for i in range(wb.size):
            best[i] = np.inf
            nearest[i] = 0.0
        for j in range(0, cw.size, 3):
            j0, j1, j2 = float(j), float(min(j + 1, last)), float(min(j + 2, last))
            w0, w1, w2 = cw[j], cw[min(j + 1, last)], cw[min(j + 2, last)]
            h0, h1, h2 = ch[j], ch[min(j + 1, last)], ch[min(j + 2, last)]
            for i in range(wb.size):
                x, y, d, label = wb[i], hb[i], best[i], nearest[i]
                e = (x - w0) * (x - w0) + (y - h0) * (y - h0)
                label = j0 if e < d else label
                d = e if e < d else d
                e = (x - w1) * (x - w1) + (y - h1) * (y - h1)
                label = j1 if e < d else label
                d = e if e < d else d
                e = (x - w2) * (x - w2) + (y - h2) * (y - h2)
                label = j2 if e < d else label
                d = e if e < d else d
                best[i] = d
                nearest[i] = label
        changed += _finish(nearest, old)
    return changed


@compiled
def assign_ratio(w, h, cw, ch, labels, distance):
    """Nearest centre under 1 - ratio."""
    nearest = np.empty(LANES)
    changed = 0
    for start in range(0, w.size, LANES):
        wb, hb = w[start : start + LANES], h[start : start + LANES]
        best, old = distance[start : start + LANES], labels[start : start + LANES]
        for i in range(wb.size):
            best[i] = 2.0
            nearest[i] = 0.0
        for j in range(cw.size):
            x, y, own = cw[j], ch[j], float(j)
            for i in range(wb.size):
                p = (wb[i] if wb[i] < x else x) / (x if wb[i] < x else wb[i])
                q = (hb[i] if hb[i] < y else y) / (y if hb[i] < y else hb[i])
                e = 1.0 - (p if p < q else q)
                nearest[i] = own if e < best[i] else nearest[i]
                best[i] = e if e < best[i] else best[i]
        changed += _finish(nearest, old)
    return changed


@compiled
def _finish(nearest, labels):
    changed = 0
    for i in range(labels.size):
        label = np.int32(nearest[i])
        changed += label != labels[i]
        labels[i] = label
    return changed


@compiled
def label_counts(labels, counts):
    """Count the labels."""
    for i in range(labels.size):
        counts[labels[i]] += 1


@compiled
def _sort_key(bits):
    return np.uint64(bits ^ ((bits >> np.int64(63)) | np.int64(-(2**63))))


@compiled
def label_histogram(values, labels, low, high, shift, out, weights=None):
    """Count sort keys by label, or add up their weights."""
    bits = values.view(np.int64)
    for i in range(bits.size):
        key = _sort_key(bits[i])
        label = labels[i]
        if low[label] <= key <= high[label]:
            at = np.int64((key - low[label]) >> shift[label])
            if weights is None:
                out[label, at] += 1
            else:
                out[label, at] += weights[i]


@compiled
def label_gather(values, labels, low, high, out_values, out_labels, weights=None, out_weights=None):
    """Values in each label's range of keys, and their weights if there are any."""
    bits = values.view(np.int64)
    count = 0
    for i in range(bits.size):
        key = _sort_key(bits[i])
        label = labels[i]
        if low[label] <= key <= high[label]:
            out_values[count] = values[i]
            out_labels[count] = label
            if weights is not None:
                out_weights[count] = weights[i]
            count += 1
    return count


@compiled
def ratios(w, h, cw, ch, thr):
    """Add up and count all ratios, the best of each box, and those above thr."""
    best, total, past = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    best_lanes, total_lanes, past_lanes = np.zeros(LANES), np.zeros(LANES), np.zeros(LANES)
    count = above = 0
    for start in range(0, w.size, LANES):
        wb, hb = w[start : start + LANES], h[start : start + LANES]
        for i in range(wb.size):
            best[i] = total[i] = past[i] = 0.0
        for j in range(cw.size):
            x, y, n = cw[j], ch[j], 0
            for i in range(wb.size):
                p = (wb[i] if wb[i] < x else x) / (x if wb[i] < x else wb[i])
                q = (hb[i] if hb[i] < y else y) / (y if hb[i] < y else hb[i])
                p = p if p < q else q
                best[i] = p if p > best[i] else best[i]
                total[i] += p
                past[i] += p if p > thr else 0.0
                n += p > thr
            count += n
        n = 0
        for i in range(wb.size):
            best_lanes[i] += best[i]
            total_lanes[i] += total[i]
            past_lanes[i] += past[i]
            n += best[i] > thr
        above += n
    return fold(total_lanes), fold(best_lanes), fold(past_lanes), count, above


@compiled
def best_ratio(w, h, cw, ch, best):
    """Largest ratio, by true division."""
    for i in range(w.size):
        best[i] = 0.0
    for j in range(cw.size):
        x, y = cw[j], ch[j]
        for i in range(w.size):
            p = (w[i] if w[i] < x else x) / (x if w[i] < x else w[i])
            q = (h[i] if h[i] < y else y) / (y if h[i] < y else h[i])
            p = p if p < q else q
            best[i] = p if p > best[i] else best[i]


@compiled
def best_iou(w, h, cw, ch, best):
    """Largest IoU."""
    for i in range(w.size):
        best[i] = 0.0
    for j in range(cw.size):
        x, y, area = cw[j], ch[j], cw[j] * ch[j]
        for i in range(w.size):
            inter = (w[i] if w[i] < x else x) * (h[i] if h[i] < y else y)
            p = inter / (w[i] * h[i] + area - inter)
            best[i] = p if p > best[i] else best[i]


@compiled
def fitness(w, h, cw, ch, thr):
    """Sum and number of the best ratios above thr."""
    last = cw.size - 1
    inv_w, inv_h, best = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    lanes = np.zeros(LANES)
    count = 0
    for start in range(0, w.size, LANES):
        wb, hb = w[start : start + LANES], h[start : start + LANES]
        for i in range(wb.size):
            inv_w[i] = 1.0 / wb[i]
            inv_h[i] = 1.0 / hb[i]
            best[i] = 0.0
        for j in range(0, cw.size, 3):
            w0, w1, w2 = cw[j], cw[min(j + 1, last)], cw[min(j + 2, last)]
            h0, h1, h2 = ch[j], ch[min(j + 1, last)], ch[min(j + 2, last)]
            rw0, rw1, rw2 = 1.0 / w0, 1.0 / w1, 1.0 / w2
            rh0, rh1, rh2 = 1.0 / h0, 1.0 / h1, 1.0 / h2
            for i in range(wb.size):
                x, y, rx, ry, b = wb[i], hb[i], inv_w[i], inv_h[i], best[i]
                p, q, r, s = x * rw0, w0 * rx, y * rh0, h0 * ry
                p, r = (p if p < q else q), (r if r < s else s)
                p = p if p < r else r
                b = p if p > b else b
                p, q, r, s = x * rw1, w1 * rx, y * rh1, h1 * ry
                p, r = (p if p < q else q), (r if r < s else s)
                p = p if p < r else r
                b = p if p > b else b
                p, q, r, s = x * rw2, w2 * rx, y * rh2, h2 * ry
                p, r = (p if p < q else q), (r if r < s else s)
                p = p if p < r else r
                b = p if p > b else b
                best[i] = b
        closest = 1.0
        for i in range(wb.size):
            gap = abs(best[i] - thr)
            closest = gap if gap < closest else closest
        if closest <= THR_MARGIN:
            count += _add_exactly(wb, hb, cw, ch, thr, best, lanes)
        else:
            above = 0
            for i in range(wb.size):
                lanes[i] += best[i] if best[i] > thr else 0.0
                above += best[i] > thr
            count += above
    return fold(lanes), count


@compiled
def _add_exactly(w, h, cw, ch, thr, best, lanes):
    count = 0
    for i in range(w.size):
        exact = best[i]
        if abs(exact - thr) <= THR_MARGIN:
            exact = 0.0
            for j in range(cw.size):
                ratio = min(min(w[i] / cw[j], cw[j] / w[i]), min(h[i] / ch[j], ch[j] / h[i]))
                exact = max(exact, ratio)
        if exact > thr:
            lanes[i] += best[i]
            count += 1
    return count
