"""Kernels in plain NumPy: the fallback, and what the compiled ones are compared with. Contract in ``kernels``.

Callers pass chunks; a loop over the centres keeps a few columns of one chunk alive, whatever k is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray, LabelArray

__all__ = [
    "DIGIT",
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
    "sort_keys",
    "weighted_counts",
    "weighted_sum",
    "weighted_sums",
    "wh_iou",
]

LANES = 512
DIGIT = 2.0**32  # in a float64, 2^21 digits of this base add up without rounding
# added and taken off again, it leaves a number of at most 1 rounded to a multiple of 2^-32
ROUNDER = 1.5 * 2.0**20
BITS, LOW = 32, 2**32 - 1  # of a digit
# four ulps: the product with a reciprocal is within 1.5 of the true quotient, the reference's quotient within 0.5
THR_MARGIN = 1e-15

Keys = NDArray[np.uint64]


def wh_iou(w: FloatArray, h: FloatArray, cw: FloatArray, ch: FloatArray, out: FloatArray) -> None:
    """IoU matrix."""
    area = w * h
    for j in range(cw.size):
        inter = np.minimum(w, cw[j]) * np.minimum(h, ch[j])
        out[:, j] = inter / (area + cw[j] * ch[j] - inter)


def assign_iou(
    w: FloatArray, h: FloatArray, cw: FloatArray, ch: FloatArray, labels: LabelArray, distance: FloatArray
) -> int:
    """Nearest centre under 1 - IoU."""
    area = w * h
    nearest = np.zeros(w.size, dtype=np.int32)
    distance[:] = 2.0
    for j in range(cw.size):
        inter = np.minimum(w, cw[j]) * np.minimum(h, ch[j])
        _closer(1.0 - inter / (area + cw[j] * ch[j] - inter), j, nearest, distance)
    return _finish(nearest, labels)


def assign_euclidean(
    w: FloatArray, h: FloatArray, cw: FloatArray, ch: FloatArray, labels: LabelArray, distance: FloatArray
) -> int:
    """Nearest centre under the squared Euclidean distance."""
    nearest = np.zeros(w.size, dtype=np.int32)
    distance[:] = np.inf
    for j in range(cw.size):
        dw = w - cw[j]
        dh = h - ch[j]
        _closer(dw * dw + dh * dh, j, nearest, distance)
    return _finish(nearest, labels)


def assign_ratio(
    w: FloatArray, h: FloatArray, cw: FloatArray, ch: FloatArray, labels: LabelArray, distance: FloatArray
) -> int:
    """Nearest centre under 1 - ratio."""
    nearest = np.zeros(w.size, dtype=np.int32)
    distance[:] = 2.0
    for j in range(cw.size):
        ratio = np.minimum(w, cw[j]) / np.maximum(w, cw[j])
        np.minimum(ratio, np.minimum(h, ch[j]) / np.maximum(h, ch[j]), out=ratio)
        _closer(1.0 - ratio, j, nearest, distance)
    return _finish(nearest, labels)


def _closer(candidate: NDArray[Any], j: int, nearest: LabelArray, distance: NDArray[Any]) -> None:
    np.putmask(nearest, candidate < distance, j)  # an assignment through a mask takes twice the time
    np.minimum(distance, candidate, out=distance)


def _finish(nearest: LabelArray, labels: LabelArray) -> int:
    changed = int(np.count_nonzero(nearest != labels))
    labels[:] = nearest
    return changed


def label_counts(labels: LabelArray, counts: IntArray) -> None:
    """Count the labels."""
    counts += np.bincount(labels, minlength=counts.size)


def exact_sum(values: FloatArray, scale: float, digits: IntArray) -> None:
    """Add up values digit by digit."""
    for d, whole in _cut(values, scale, digits.size):
        digits[d] += int(whole.sum())  # of whole numbers that fit a float64, as all their sums do


def exact_sums(values: FloatArray, labels: LabelArray, scale: float, digits: IntArray) -> None:
    """Add up each label's values digit by digit."""
    for d, whole in _cut(values, scale, digits.shape[1]):
        digits[:, d] += np.bincount(labels, weights=whole, minlength=len(digits)).astype(np.int64)


def label_moves(
    w: FloatArray,
    h: FloatArray,
    before: LabelArray,
    labels: LabelArray,
    scale: float,
    counts: IntArray,
    digits: IntArray,
) -> None:
    """Move boxes from label to label."""
    k, rows = counts.size, np.flatnonzero(before != labels)
    left = rows[before[rows] >= 0]
    counts += np.bincount(labels[rows], minlength=k) - np.bincount(before[left], minlength=k)
    for axis, side in enumerate((w, h)):
        for d, part in enumerate(_halves(side * scale)):
            moved = np.bincount(labels[rows], part[rows], k) - np.bincount(before[left], part[left], k)
            digits[axis, :, d] += (moved * DIGIT ** (d + 1)).astype(np.int64)


def _halves(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    high = (values + ROUNDER) - ROUNDER
    return high, values - high


def weighted_counts(labels: LabelArray | IntArray, weights: IntArray, counts: IntArray) -> None:
    """Add up the weights of each label."""
    for shift, part in ((0, weights & LOW), (BITS, weights >> BITS)):  # whole numbers that fit a float64
        counts += np.bincount(labels, weights=part, minlength=counts.size).astype(np.int64) << shift


def weighted_sum(values: FloatArray, weights: IntArray, scale: float, digits: IntArray, first: int, count: int) -> None:
    """Add up values as often as they count, digit by digit."""
    for d, whole in _cut(values, scale, count):
        product = whole.astype(np.int64) * weights
        digits[first + d] += int((product & LOW).sum())
        digits[first + d - 1] += int((product >> BITS).sum())


def weighted_sums(
    values: FloatArray,
    labels: LabelArray,
    weights: IntArray,
    scale: float,
    digits: IntArray,
    first: int,
    count: int,
) -> None:
    """Add up each label's values as often as they count, digit by digit."""
    for d, whole in _cut(values, scale, count):
        product = whole.astype(np.int64) * weights
        for place, part in ((first + d, product & LOW), (first + d - 1, product >> BITS)):
            digits[:, place] += np.bincount(labels, weights=part, minlength=len(digits)).astype(np.int64)


def _cut(values: FloatArray, scale: float, count: int) -> Iterator[tuple[int, FloatArray]]:
    """Yield the digits of all values, the first first."""
    rest = values * scale
    for d in range(count):
        rest *= DIGIT
        whole = np.trunc(rest)
        yield d, whole
        rest -= whole


def sort_keys(values: FloatArray) -> Keys:
    """Return uint64 that are ordered as the values are (negative ones: all bits flipped, others: the sign bit)."""
    bits = values.view(np.int64)
    flipped: Keys = (bits ^ ((bits >> np.int64(63)) | np.int64(-(2**63)))).view(np.uint64)
    return flipped


def label_histogram(
    values: FloatArray,
    labels: LabelArray,
    low: Keys,
    high: Keys,
    shift: Keys,
    out: IntArray,
    weights: IntArray | None = None,
) -> None:
    """Count sort keys by label, or add up their weights."""
    keys = sort_keys(values)
    inside = (keys >= low[labels]) & (keys <= high[labels])
    if not inside.all():
        keys, labels = keys[inside], labels[inside]
        weights = None if weights is None else weights[inside]
    k, bins = out.shape
    cell = ((keys - low[labels]) >> shift[labels]).astype(np.int64) + labels.astype(np.int64) * bins
    if weights is None:
        out += np.bincount(cell, minlength=k * bins).reshape(k, bins)
    else:
        weighted_counts(cell, weights, out.reshape(-1))


def label_gather(
    values: FloatArray,
    labels: LabelArray,
    low: Keys,
    high: Keys,
    out_values: FloatArray,
    out_labels: LabelArray,
    weights: IntArray | None = None,
    out_weights: IntArray | None = None,
) -> int:
    """Values in each label's range of keys, and their weights if there are any."""
    keys = sort_keys(values)
    inside = (keys >= low[labels]) & (keys <= high[labels])
    count = int(np.count_nonzero(inside))
    out_values[:count] = values[inside]
    out_labels[:count] = labels[inside]
    if weights is not None and out_weights is not None:
        out_weights[:count] = weights[inside]
    return count


def fitness(w: FloatArray, h: FloatArray, cw: FloatArray, ch: FloatArray, thr: float) -> tuple[float, int]:
    """Sum and number of the best ratios above thr."""
    inv_w, inv_h = 1.0 / w, 1.0 / h
    best = np.zeros(w.size)
    for j in range(cw.size):
        ratio = np.minimum(w * (1.0 / cw[j]), cw[j] * inv_w)
        np.minimum(ratio, h * (1.0 / ch[j]), out=ratio)
        np.minimum(ratio, ch[j] * inv_h, out=ratio)
        np.maximum(best, ratio, out=best)
    above = best > thr
    near = np.flatnonzero(np.abs(best - thr) <= THR_MARGIN)
    if near.size:
        exact = np.empty(near.size)
        best_ratio(w[near], h[near], cw, ch, exact)
        above[near] = exact > thr
    return _lane_sum(np.where(above, best, 0.0)), int(np.count_nonzero(above))


def ratios(
    w: FloatArray, h: FloatArray, cw: FloatArray, ch: FloatArray, thr: float
) -> tuple[float, float, float, int, int]:
    """Add up and count all ratios, the best of each box, and those above thr."""
    best = np.zeros(w.size)
    total, past, count = np.zeros(w.size), np.zeros(w.size), 0
    for j in range(cw.size):
        ratio = np.minimum(w, cw[j]) / np.maximum(w, cw[j])
        np.minimum(ratio, np.minimum(h, ch[j]) / np.maximum(h, ch[j]), out=ratio)
        np.maximum(best, ratio, out=best)
        above = ratio > thr
        total += ratio
        past += np.where(above, ratio, 0.0)
        count += int(np.count_nonzero(above))
    return _lane_sum(total), _lane_sum(best), _lane_sum(past), count, int(np.count_nonzero(best > thr))


def best_ratio(w: FloatArray, h: FloatArray, cw: FloatArray, ch: FloatArray, best: FloatArray) -> None:
    """Largest ratio, by true division."""
    best[:] = 0.0
    for j in range(cw.size):
        ratio = np.minimum(np.minimum(w / cw[j], cw[j] / w), np.minimum(h / ch[j], ch[j] / h))
        np.maximum(best, ratio, out=best)


def best_iou(w: FloatArray, h: FloatArray, cw: FloatArray, ch: FloatArray, best: FloatArray) -> None:
    """Largest IoU."""
    area = w * h
    best[:] = 0.0
    for j in range(cw.size):
        inter = np.minimum(w, cw[j]) * np.minimum(h, ch[j])
        np.maximum(best, inter / (area + cw[j] * ch[j] - inter), out=best)


def _lane_sum(values: FloatArray) -> float:
    full = values.size - values.size % LANES
    lanes = np.zeros(LANES)
    for block in values[:full].reshape(-1, LANES):
        lanes += block
    lanes[: values.size - full] += values[full:]
    while lanes.size > 1:
        half = lanes.size // 2
        lanes = lanes[:half] + lanes[half:]
    return float(lanes[0])
