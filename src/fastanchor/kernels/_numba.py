"""Kernels compiled by numba. Contract in ``kernels``.

Boxes go through in blocks of ``LANES``: the block's columns stay in the first-level cache while all centres pass over
them, three centres at a time, so that a box is loaded once and its best so far stored once for three. (One centre at a
time: 4.3 instead of 3.4 ns a box at k = 9; box by box, as one writes it first: 12.5.) Indexing a slice from 0 is what
lets LLVM vectorise: ``w[start + i]`` needs a check for negative indices and runs at a third of the speed.
"""

from __future__ import annotations

import numpy as np

from fastanchor.kernels._jit import compiled
from fastanchor.kernels._numpy import BITS, DIGIT, LANES, LOW, ROUNDER, THR_MARGIN

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
def _fold(lanes):
    half = LANES // 2
    while half > 0:
        for i in range(half):
            lanes[i] += lanes[half + i]
        half //= 2
    return lanes[0]


@compiled
def label_counts(labels, counts):
    """Count the labels."""
    for i in range(labels.size):
        counts[labels[i]] += 1


@compiled
def exact_sum(values, scale, digits):
    """Add up values digit by digit."""
    rest = np.empty(LANES)
    lanes = np.zeros((digits.size, LANES))
    for start in range(0, values.size, LANES):
        some = values[start : start + LANES]
        for i in range(some.size):
            rest[i] = some[i] * scale
        for d in range(digits.size):
            lane = lanes[d]
            for i in range(some.size):
                shifted = rest[i] * DIGIT
                whole = np.trunc(shifted)
                lane[i] += whole
                rest[i] = shifted - whole
    for d in range(digits.size):
        digits[d] += np.int64(_fold(lanes[d]))


@compiled
def exact_sums(values, labels, scale, digits):
    """Add up each label's values digit by digit.

    In four tables by turns: an addition to a number that was just stored waits for it (1.7 ns a value with two digits,
    against 9.6 in one table of whole numbers).
    """
    k, count = digits.shape
    rest, whole = np.empty(LANES), np.empty(LANES)
    tables = np.zeros((count, 4, k))
    for start in range(0, values.size, LANES):
        some, own = values[start : start + LANES], labels[start : start + LANES]
        for i in range(some.size):
            rest[i] = some[i] * scale
        for d in range(count):
            one, two, three, four = tables[d, 0], tables[d, 1], tables[d, 2], tables[d, 3]
            for i in range(some.size):
                shifted = rest[i] * DIGIT
                whole[i] = np.trunc(shifted)
                rest[i] = shifted - whole[i]
            even = some.size & ~3
            for i in range(0, even, 4):
                one[own[i]] += whole[i]
                two[own[i + 1]] += whole[i + 1]
                three[own[i + 2]] += whole[i + 2]
                four[own[i + 3]] += whole[i + 3]
            for i in range(even, some.size):
                one[own[i]] += whole[i]
    for j in range(k):
        for d in range(count):
            for table in tables[d]:
                digits[j, d] += np.int64(table[j])


@compiled
def label_moves(w, h, before, labels, scale, counts, digits):
    """Move boxes from label to label.

    All sums of a label lie side by side, in four tables by turns (see `exact_sums`): 2 ns a box that had no label.
    """
    tables = np.zeros((4, counts.size, 8))
    for i in range(w.size):
        new, old = labels[i], before[i]
        if new == old:
            continue
        x, y = w[i] * scale, h[i] * scale
        a, b = (x + ROUNDER) - ROUNDER, (y + ROUNDER) - ROUNDER
        x, y = x - a, y - b
        row = tables[i & 3, new]
        row[0] += a
        row[1] += b
        row[2] += x
        row[3] += y
        row[4] += 1.0
        if old >= 0:
            row = tables[i & 3, old]
            row[0] -= a
            row[1] -= b
            row[2] -= x
            row[3] -= y
            row[4] -= 1.0
    for j in range(counts.size):
        for table in tables:
            counts[j] += np.int64(table[j, 4])
            for axis in range(2):
                digits[axis, j, 0] += np.int64(table[j, axis] * DIGIT)
                digits[axis, j, 1] += np.int64(table[j, 2 + axis] * DIGIT * DIGIT)


@compiled
def weighted_counts(labels, weights, counts):
    """Add up the weights of each label."""
    for i in range(labels.size):
        counts[labels[i]] += weights[i]


@compiled
def weighted_sum(values, weights, scale, digits, first, count):
    """Add up values as often as they count, digit by digit."""
    for i in range(values.size):
        rest = values[i] * scale
        for d in range(first, first + count):
            shifted = rest * DIGIT
            whole = np.trunc(shifted)
            product = np.int64(whole) * weights[i]
            digits[d] += product & LOW
            digits[d - 1] += product >> BITS
            rest = shifted - whole


@compiled
def weighted_sums(values, labels, weights, scale, digits, first, count):
    """Add up each label's values as often as they count, digit by digit."""
    for i in range(values.size):
        rest, own = values[i] * scale, digits[labels[i]]
        for d in range(first, first + count):
            shifted = rest * DIGIT
            whole = np.trunc(shifted)
            product = np.int64(whole) * weights[i]
            own[d] += product & LOW
            own[d - 1] += product >> BITS
            rest = shifted - whole


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
    return _fold(total_lanes), _fold(best_lanes), _fold(past_lanes), count, above


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
    return _fold(lanes), count


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
