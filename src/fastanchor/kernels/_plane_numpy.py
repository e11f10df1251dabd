"""The kernels of ``_plane`` in NumPy, where numba is not in use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray

__all__ = ["Items", "ceiling_iou", "ceiling_ratio", "coverage", "excess"]


class Items(NamedTuple):
    """Points (m,) with a price each; see ``fastanchor.optimum._points.Points`` for the columns."""

    w: FloatArray
    h: FloatArray
    weight: FloatArray
    low_w: FloatArray
    high_w: FloatArray
    low_h: FloatArray
    high_h: FloatArray
    sum_w: FloatArray
    sum_iw: FloatArray
    sum_h: FloatArray
    sum_ih: FloatArray
    price: FloatArray


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
    more = np.maximum(value - price[column], 0.0)
    if soft > 0.0:
        more = np.where(more >= soft, more - 0.5 * soft, more * more / (2.0 * soft))
    more *= weight[column]
    row = np.repeat(np.arange(out.size), np.diff(first))
    out[:] = np.bincount(row, more, minlength=out.size)


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
    each = np.where(share > 1e-12, share, 0.0)
    row = np.repeat(np.arange(share.size), np.diff(first))
    more = value - price[column]
    part = np.clip(more / soft, 0.0, 1.0) if soft > 0.0 else (more > 0.0).astype(np.float64)
    out[:] = np.bincount(column, each[row] * part, minlength=out.size)


def _above(total: FloatArray, most: FloatArray, least: FloatArray, weight: FloatArray, price: FloatArray) -> FloatArray:
    """Return a bound of the sums of ``max(v - price, 0)``, for v from `least` to `most` that add up to `total`."""
    with np.errstate(divide="ignore", invalid="ignore"):
        chord = (most - price) / (most - least) * np.maximum(total - least * weight, 0.0)
    mixed = np.fmin(chord, weight * (most - price))
    some = np.where(least >= price, np.maximum(total - weight * price, 0.0), mixed)
    return np.where(most <= price, 0.0, some)


def _nearest(low: FloatArray, high: FloatArray, least: float, most: float) -> FloatArray:
    """Return the largest ratios, at most 1, of sides from `low` to `high` and an anchor's from `least` to `most`."""
    return np.where(low > most, most / low, np.where(high < least, high / least, 1.0))


def _part(items: Items, some: IntArray | NDArray[np.bool_]) -> Items:
    return Items(*(column[some] for column in items))


def _ends(
    low: FloatArray, high: FloatArray, side_sum: FloatArray, inverse_sum: FloatArray, ends: tuple[float, float],
    weight: FloatArray, price: FloatArray,
) -> list[float]:  # fmt: skip
    """Return the sums at both ends of the square along one axis."""
    out = []
    bigger = low > ends[1]
    for end in ends:
        total = np.where(bigger, end * inverse_sum, side_sum / end)
        most, least = np.where(bigger, end / low, high / end), np.where(bigger, end / high, low / end)
        out.append(float(_above(total, most, least, weight, price).sum()))
    return out


def ceiling_ratio(
    items: Items, some: IntArray, x: float, y: float, half: float, above: float, count: bool, kept: IntArray
) -> tuple[float, float, int]:
    """Bound the sum over a square of anchors, by ratio; return the bound, the sum at its centre, and how many count."""
    aw, ah, grow = np.exp(x), np.exp(y), np.exp(half) * (1.0 + 1e-12)
    part = _part(items, some)
    reach_w = _nearest(part.low_w, part.high_w, aw / grow, aw * grow)
    reach_h = _nearest(part.low_h, part.high_h, ah / grow, ah * grow)
    reach = np.minimum(reach_w, reach_h)
    counts: NDArray[np.bool_] = (reach > above) & ((1.0 if count else reach) > part.price)
    n = int(np.count_nonzero(counts))
    kept[:n] = some[counts]
    part, reach, reach_w, reach_h = _part(part, counts), reach[counts], reach_w[counts], reach_h[counts]
    weight, price = part.weight, part.price
    here_w, here_h = np.minimum(part.w / aw, aw / part.w), np.minimum(part.h / ah, ah / part.h)
    here = np.minimum(here_w, here_h)
    centre = float((weight * np.maximum((1.0 if count else here) - price, 0.0))[here > above].sum())
    if count:
        return float((weight * (1.0 - price)).sum()), centre, n
    along = here_w <= here_h
    inside = np.where(along, reach_w, reach_h) == 1.0
    total = float((weight * (reach - price))[inside].sum())
    for axis, low, high, sums, inverse, side in (
        (along, part.low_w, part.high_w, part.sum_w, part.sum_iw, aw),
        (~along, part.low_h, part.high_h, part.sum_h, part.sum_ih, ah),
    ):
        t = axis & ~inside
        total += max(
            _ends(low[t], high[t], sums[t], inverse[t], (float(side / grow), float(side * grow)), weight[t], price[t])
        )
    return total, centre, n


def _iou(w: FloatArray, h: FloatArray, aw: float, ah: float) -> FloatArray:
    shared = np.minimum(w, aw) * np.minimum(h, ah)
    return shared / (w * h + aw * ah - shared)


def ceiling_iou(
    items: Items, some: IntArray, x: float, y: float, half: float, above: float, count: bool, kept: IntArray
) -> tuple[float, float, int]:
    """Bound the sum over a square of anchors, by IoU; return the bound, the sum at its centre, and how many count."""
    aw, ah, grow = float(np.exp(x)), float(np.exp(y)), float(np.exp(half)) * (1.0 + 1e-12)
    part = _part(items, some)
    ratio_w = _nearest(part.low_w, part.high_w, aw / grow, aw * grow)
    ratio_h = _nearest(part.low_h, part.high_h, ah / grow, ah * grow)
    same = (part.low_w > aw * grow) == (part.low_h > ah * grow)
    reach = np.where(same, ratio_w * ratio_h, 1.0 / (1.0 / ratio_w + 1.0 / ratio_h - 1.0))
    counts: NDArray[np.bool_] = (reach > above) & ((1.0 if count else reach) > part.price)
    n = int(np.count_nonzero(counts))
    kept[:n] = some[counts]
    single = (part.low_w == part.high_w) & (part.low_h == part.high_h)
    smooth = ((ratio_w < 1.0) & (ratio_h < 1.0) & single)[counts]
    part, reach, same = _part(part, counts), reach[counts], same[counts]
    weight, price = part.weight, part.price
    here = _iou(part.w, part.h, aw, ah)
    centre = float((weight * np.maximum((1.0 if count else here) - price, 0.0))[here > above].sum())
    if count:
        return float((weight * (1.0 - price)).sum()), centre, n
    less = price - np.where(same, 0.0, reach * half * half * (1.0 + 1e-12))
    corners = [
        float((weight * np.maximum(_iou(part.w, part.h, a, b) - less, 0.0))[smooth].sum())
        for a in (aw / grow, aw * grow)
        for b in (ah / grow, ah * grow)
    ]
    return float((weight * (reach - price))[~smooth].sum()) + max(corners), centre, n
