"""Sums of the best matches of weighted places, for many trial anchors, and for all exchanges of one candidate.

Sums run in ``LANES`` parallel lanes, as in ``_numba``, so that ``_exchange_numpy`` gives the same. Ratios are products
with reciprocals. A match counts ``rule.lift + rule.scale * match`` where it is above ``rule.above``, and a part of it
where it is hardly above.
"""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.kernels._exchange_numpy import LANES, Float32Array, Mass, Rule
from fastanchor.kernels._jit import compiled, inlined

__all__ = ["cover_iou", "cover_ratio", "exchanges", "trials_iou", "trials_ratio"]


@inlined
def _fold(lanes: FloatArray) -> float:
    half = LANES // 2
    while half > 0:
        for i in range(half):
            lanes[i] += lanes[half + i]
        half //= 2
    return lanes[0]


@compiled
def cover_ratio(mass: Mass, rule: Rule, aw: FloatArray, ah: FloatArray, out: FloatArray) -> None:
    """Raise ``out`` to the value of each place with the best of these anchors, by ratio."""
    above, slope, lift, scale = rule.above, rule.slope, rule.lift, rule.scale
    for j in range(aw.size):
        x, y, rx, ry = aw[j], ah[j], 1.0 / aw[j], 1.0 / ah[j]
        for start in range(0, out.size, LANES):
            w, h = mass.w[start : start + LANES], mass.h[start : start + LANES]
            iw, ih, best = mass.iw[start : start + LANES], mass.ih[start : start + LANES], out[start : start + LANES]
            for i in range(best.size):
                p, q, r, s = w[i] * rx, x * iw[i], h[i] * ry, y * ih[i]
                p, r = (p if p < q else q), (r if r < s else s)
                p = p if p < r else r
                share = (p - above) * slope
                share = share if share < 1.0 else 1.0
                p = (lift + scale * p) * (share if share > 0.0 else 0.0)
                best[i] = p if p > best[i] else best[i]


@compiled
def trials_ratio(mass: Mass, rule: Rule, rest: FloatArray, aw: FloatArray, ah: FloatArray, out: FloatArray) -> None:
    """Add up, for each of these anchors, the places' best values: with it, or those of the `rest`, by ratio."""
    above, slope, lift, scale = rule.above, rule.slope, rule.lift, rule.scale
    lanes = np.empty(LANES)
    for j in range(aw.size):
        x, y, rx, ry = aw[j], ah[j], 1.0 / aw[j], 1.0 / ah[j]
        for i in range(LANES):
            lanes[i] = 0.0
        for start in range(0, rest.size, LANES):
            w, h, weight = (
                mass.w[start : start + LANES],
                mass.h[start : start + LANES],
                mass.weight[start : start + LANES],
            )
            iw, ih, least = mass.iw[start : start + LANES], mass.ih[start : start + LANES], rest[start : start + LANES]
            for i in range(least.size):
                p, q, r, s = w[i] * rx, x * iw[i], h[i] * ry, y * ih[i]
                p, r = (p if p < q else q), (r if r < s else s)
                p = p if p < r else r
                share = (p - above) * slope
                share = share if share < 1.0 else 1.0
                p = (lift + scale * p) * (share if share > 0.0 else 0.0)
                p = p if p > least[i] else least[i]
                lanes[i] += weight[i] * p
        out[j] = _fold(lanes)


@compiled
def cover_iou(mass: Mass, rule: Rule, aw: FloatArray, ah: FloatArray, out: FloatArray) -> None:
    """Raise ``out`` to the value of each place with the best of these anchors, by IoU."""
    above, slope, lift, scale = rule.above, rule.slope, rule.lift, rule.scale
    for j in range(aw.size):
        x, y, area = aw[j], ah[j], aw[j] * ah[j]
        for start in range(0, out.size, LANES):
            w, h, best = mass.w[start : start + LANES], mass.h[start : start + LANES], out[start : start + LANES]
            for i in range(best.size):
                p = (w[i] if w[i] < x else x) * (h[i] if h[i] < y else y)
                p = p / (w[i] * h[i] + area - p)
                share = (p - above) * slope
                share = share if share < 1.0 else 1.0
                p = (lift + scale * p) * (share if share > 0.0 else 0.0)
                best[i] = p if p > best[i] else best[i]


@compiled
def trials_iou(mass: Mass, rule: Rule, rest: FloatArray, aw: FloatArray, ah: FloatArray, out: FloatArray) -> None:
    """Add up, for each of these anchors, the places' best values: with it, or those of the `rest`, by IoU."""
    above, slope, lift, scale = rule.above, rule.slope, rule.lift, rule.scale
    lanes = np.empty(LANES)
    for j in range(aw.size):
        x, y, area = aw[j], ah[j], aw[j] * ah[j]
        for i in range(LANES):
            lanes[i] = 0.0
        for start in range(0, rest.size, LANES):
            w, h, weight = (
                mass.w[start : start + LANES],
                mass.h[start : start + LANES],
                mass.weight[start : start + LANES],
            )
            least = rest[start : start + LANES]
            for i in range(least.size):
                p = (w[i] if w[i] < x else x) * (h[i] if h[i] < y else y)
                p = p / (w[i] * h[i] + area - p)
                share = (p - above) * slope
                share = share if share < 1.0 else 1.0
                p = (lift + scale * p) * (share if share > 0.0 else 0.0)
                p = p if p > least[i] else least[i]
                lanes[i] += weight[i] * p
        out[j] = _fold(lanes)


@compiled
def exchanges(
    table: Float32Array,
    weight: FloatArray,
    nearest: IntArray,
    best: Float32Array,
    second: Float32Array,
    out: FloatArray,
) -> None:
    """Add up what each candidate gains in the place of each anchor, into ``out`` (k, c).

    `table` (m, c) has the values of each place with each candidate; `best` and `second` (m,) those of each place with
    its best and its second best anchor, and `nearest` (m,) is the number of the best one, k if none is any good.
    """
    k, c = out.shape
    gain, loss = np.zeros(c), np.zeros((k + 1, c))
    for i in range(nearest.size):
        row, most, next_best, share, own = table[i], best[i], second[i], weight[i], loss[nearest[i]]
        for j in range(c):
            v = row[j]
            low = v if v < most else most
            low = low if low > next_best else next_best
            gain[j] += share * ((v if v > most else most) - most)
            own[j] += share * (most - low)
    for r in range(k):
        for j in range(c):
            out[r, j] = gain[j] - loss[r, j]
