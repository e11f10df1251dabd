"""Sums of what an anchor is worth above the prices of points, bounded over squares of the plane of log sizes."""

from __future__ import annotations

import math

from fastanchor._types import FloatArray, IntArray
from fastanchor.kernels._jit import compiled, inlined
from fastanchor.kernels._plane_numpy import Items

__all__ = ["ceiling_iou", "ceiling_ratio", "coverage", "excess"]


@compiled
def excess(
    first: IntArray,
    column: IntArray,
    value: FloatArray,
    price: FloatArray,
    weight: FloatArray,
    soft: float,
    out: FloatArray,
) -> None:
    """Add up ``weight * max(value - price, 0)`` over the entries of each row; `soft` rounds its corner."""
    for row in range(out.size):
        total = 0.0
        for t in range(first[row], first[row + 1]):
            i = column[t]
            more = value[t] - price[i]
            if more >= soft:
                total += weight[i] * (more - 0.5 * soft)
            elif more > 0.0:
                total += weight[i] * more * more / (2.0 * soft)
        out[row] = total


@compiled
def coverage(
    first: IntArray,
    column: IntArray,
    value: FloatArray,
    price: FloatArray,
    share: FloatArray,
    soft: float,
    out: FloatArray,
) -> None:
    """Add up, for each column, the shares of the rows whose value exceeds the price; a part of it within `soft`."""
    out[:] = 0.0
    for row in range(share.size):
        if share[row] > 1e-12:
            for t in range(first[row], first[row + 1]):
                more = value[t] - price[column[t]]
                if more > 0.0:
                    out[column[t]] += share[row] * (1.0 if more >= soft else more / soft)


@inlined
def _above(total: float, most: float, least: float, weight: float, price: float) -> float:
    """Return a bound of the sum of ``max(v - price, 0)``, for v from `least` to `most` that add up to `total`."""
    if most <= price:
        return 0.0
    if least >= price:
        return max(total - weight * price, 0.0)
    return min((most - price) / (most - least) * max(total - least * weight, 0.0), weight * (most - price))


@inlined
def _nearest(low: float, high: float, least: float, most: float) -> float:
    """Return the largest ratio, at most 1, of a side from `low` to `high` and an anchor's from `least` to `most`."""
    if low > most:
        return most / low
    if high < least:
        return high / least
    return 1.0


@compiled
def ceiling_ratio(
    items: Items, some: IntArray, x: float, y: float, half: float, above: float, count: bool, kept: IntArray
) -> tuple[float, float, int]:
    """Bound the sum over a square of anchors, by ratio; return the bound, the sum at its centre, and how many count.

    The square has its centre at (x, y), logarithms of the sides. `some` are the items to look at; those that can be
    worth more than their price go to `kept`.

    A ratio is the smaller of an exponential of either coordinate. Taking, for each item, the one that is smaller at the
    centre gives sums of convex functions of one coordinate, which are largest at an end.
    """
    aw, ah, grow = math.exp(x), math.exp(y), math.exp(half) * (1.0 + 1e-12)
    aw0, aw1, ah0, ah1 = aw / grow, aw * grow, ah / grow, ah * grow
    n = 0
    base = right = left = upper = lower = centre = 0.0
    for t in range(some.size):
        i = some[t]
        reach_w = _nearest(items.low_w[i], items.high_w[i], aw0, aw1)
        reach_h = _nearest(items.low_h[i], items.high_h[i], ah0, ah1)
        reach, price, weight = min(reach_w, reach_h), items.price[i], items.weight[i]
        if reach <= above or (1.0 if count else reach) <= price:
            continue
        kept[n] = i
        n += 1
        here_w = min(items.w[i] / aw, aw / items.w[i])
        here_h = min(items.h[i] / ah, ah / items.h[i])
        here = min(here_w, here_h)
        if here > above:
            centre += weight * max((1.0 if count else here) - price, 0.0)
        if count:
            base += weight * (1.0 - price)
        elif here_w <= here_h:
            if reach_w == 1.0:
                base += weight * (reach - price)
            elif items.low_w[i] > aw1:
                total, low, high = items.sum_iw[i], items.low_w[i], items.high_w[i]
                right += _above(aw1 * total, aw1 / low, aw1 / high, weight, price)
                left += _above(aw0 * total, aw0 / low, aw0 / high, weight, price)
            else:
                total, low, high = items.sum_w[i], items.low_w[i], items.high_w[i]
                left += _above(total / aw0, high / aw0, low / aw0, weight, price)
                right += _above(total / aw1, high / aw1, low / aw1, weight, price)
        elif reach_h == 1.0:
            base += weight * (reach - price)
        elif items.low_h[i] > ah1:
            total, low, high = items.sum_ih[i], items.low_h[i], items.high_h[i]
            upper += _above(ah1 * total, ah1 / low, ah1 / high, weight, price)
            lower += _above(ah0 * total, ah0 / low, ah0 / high, weight, price)
        else:
            total, low, high = items.sum_h[i], items.low_h[i], items.high_h[i]
            lower += _above(total / ah0, high / ah0, low / ah0, weight, price)
            upper += _above(total / ah1, high / ah1, low / ah1, weight, price)
    return base + max(right, left) + max(upper, lower), centre, n


@inlined
def _iou(w: float, h: float, aw: float, ah: float) -> float:
    shared = min(w, aw) * min(h, ah)
    return shared / (w * h + aw * ah - shared)


@compiled
def ceiling_iou(
    items: Items, some: IntArray, x: float, y: float, half: float, above: float, count: bool, kept: IntArray
) -> tuple[float, float, int]:
    """Bound the sum over a square of anchors, by IoU; see `ceiling_ratio`.

    Where neither side of a box lies within the square's, its IoU is convex in the logarithms of the anchor's sides, or
    becomes so by adding half its largest value times the squared distance from the centre; such sums are largest at a
    corner. Any other item counts with its largest value.
    """
    aw, ah, grow = math.exp(x), math.exp(y), math.exp(half) * (1.0 + 1e-12)
    aw0, aw1, ah0, ah1 = aw / grow, aw * grow, ah / grow, ah * grow
    n = 0
    base = c00 = c01 = c10 = c11 = centre = 0.0
    for t in range(some.size):
        i = some[t]
        ratio_w = _nearest(items.low_w[i], items.high_w[i], aw0, aw1)
        ratio_h = _nearest(items.low_h[i], items.high_h[i], ah0, ah1)
        wide, high = items.low_w[i] > aw1, items.low_h[i] > ah1
        reach = ratio_w * ratio_h if wide == high else 1.0 / (1.0 / ratio_w + 1.0 / ratio_h - 1.0)
        price, weight = items.price[i], items.weight[i]
        if reach <= above or (1.0 if count else reach) <= price:
            continue
        kept[n] = i
        n += 1
        w, h = items.w[i], items.h[i]
        here = _iou(w, h, aw, ah)
        if here > above:
            centre += weight * max((1.0 if count else here) - price, 0.0)
        single = items.low_w[i] == items.high_w[i] and items.low_h[i] == items.high_h[i]
        if count:
            base += weight * (1.0 - price)
        elif ratio_w == 1.0 or ratio_h == 1.0 or not single:
            base += weight * (reach - price)
        else:
            less = price - (0.0 if wide == high else reach * half * half * (1.0 + 1e-12))
            c00 += weight * max(_iou(w, h, aw0, ah0) - less, 0.0)
            c01 += weight * max(_iou(w, h, aw0, ah1) - less, 0.0)
            c10 += weight * max(_iou(w, h, aw1, ah0) - less, 0.0)
            c11 += weight * max(_iou(w, h, aw1, ah1) - less, 0.0)
    return base + max(max(c00, c01), max(c10, c11)), centre, n
