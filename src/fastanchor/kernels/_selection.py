"""Kernels that select medians from the values that `_medians` gathered, weighted or not."""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.kernels._jit import helper
from fastanchor.kernels._tables import Found, Sought

BUCKETS = 64  # of equal width, into which values are sorted before one is selected


@helper
def select(x: FloatArray, lo: int, hi: int, rank: int) -> float:
    """Value of a rank among ``x[lo:hi]``, which is reordered: Hoare's selection (np.partition compiles for 2 s)."""
    a, b = lo, hi - 1
    at = lo + rank
    while a < b:
        p, q, r = x[a], x[(a + b) >> 1], x[b]
        pivot = max(min(p, q), min(max(p, q), r))
        i, j = a, b
        while i <= j:
            while x[i] < pivot:
                i += 1
            while x[j] > pivot:
                j -= 1
            if i <= j:
                x[i], x[j] = x[j], x[i]
                i += 1
                j -= 1
        if at <= j:
            b = j
        elif at >= i:
            a = i
        else:
            return x[at]
    return x[at]


@helper
def middle(x: FloatArray, lo: int, hi: int, rank: int, both: bool, numbers: IntArray) -> float:
    """Value of the given rank among ``x[lo:hi]``, or the mean of it and the next; `x` is overwritten.

    One round of BUCKETS first, counted in `numbers`: it has few branches to mispredict (all medians of a step at 1e7
    boxes, gathering included: 1.3 ms hot instead of about 3).
    """
    after = np.inf
    if hi - lo > 128:
        least = most = x[lo]
        for i in range(lo, hi):
            least = x[i] if x[i] < least else least
            most = x[i] if x[i] > most else most
        scale = BUCKETS / (most - least) if most > least else 0.0  # finite: sides are at least 1e-100
        for b in range(numbers.size):
            numbers[b] = 0
        for i in range(lo, hi):
            numbers[int((x[i] - least) * scale)] += 1
        bucket = 0
        while rank >= numbers[bucket]:
            rank -= numbers[bucket]
            bucket += 1
        end = lo
        for i in range(lo, hi):
            value = x[i]
            b = int((value - least) * scale)
            after = value if b > bucket and value < after else after
            if b == bucket:
                x[end] = value
                end += 1
        hi = end
    value = select(x, lo, hi, rank)
    if not both:
        return value
    if lo + rank + 1 < hi:
        after = select(x, lo, hi, rank + 1)
    return (value + after) * 0.5


@helper
def weighted_middle(found: Found, lo: int, hi: int, rank: int, both: bool, numbers: IntArray) -> float:
    """Return what `middle` does for values repeated as often as they count; the columns of `found` are overwritten.

    Rounds of BUCKETS until the value is the only one left, or one of the last few.
    """
    x, weights, after = found.values, found.weights, np.inf
    while hi - lo > 16:
        least = most = x[lo]
        for i in range(lo, hi):
            least = x[i] if x[i] < least else least
            most = x[i] if x[i] > most else most
        if least == most:
            break
        scale = BUCKETS / (most - least)
        for b in range(numbers.size):
            numbers[b] = 0
        for i in range(lo, hi):
            numbers[int((x[i] - least) * scale)] += weights[i]
        bucket = 0
        while rank >= numbers[bucket]:
            rank -= numbers[bucket]
            bucket += 1
        end = lo
        for i in range(lo, hi):
            value = x[i]
            b = int((value - least) * scale)
            after = value if b > bucket and value < after else after
            if b == bucket:
                x[end], weights[end] = value, weights[i]
                end += 1
        hi = end
    while True:  # the smallest value left, until it has the rank
        value, n = np.inf, 0
        for i in range(lo, hi):
            if x[i] < value:
                value, n = x[i], weights[i]
            elif x[i] == value:
                n += weights[i]
        if rank < n:
            break
        rank -= n
        end = lo
        for i in range(lo, hi):
            if x[i] > value:
                x[end], weights[end] = x[i], weights[i]
                end += 1
        hi = end
    if not both or rank + 1 < n:
        return value
    for i in range(lo, hi):
        after = x[i] if value < x[i] < after else after
    return (value + after) * 0.5


@helper
def middle_of(
    found: Found, weights: IntArray | None, lo: int, hi: int, rank: int, both: bool, numbers: IntArray
) -> float:
    """Value of a rank among those that were gathered for a bin, or the mean of it and the next."""
    if weights is None:
        return middle(found.values, lo, hi, rank, both, numbers)
    return weighted_middle(found, lo, hi, rank, both, numbers)


@helper
def select_middles(
    counts: IntArray, sought: Sought, found: Found, out: FloatArray, weights: IntArray | None, numbers: IntArray
) -> None:
    """Take the medians from the values that were gathered."""
    for axis in range(2):
        for j in range(sought.first, counts.size, sought.step):
            if counts[j] == 0:
                out[j, axis] = np.nan
                continue
            lo, hi = sought.start[axis, j], sought.cursor[axis, j]
            rank = ((counts[j] - 1) >> 1) - sought.before[axis, j, 0]
            even = counts[j] & 1 == 0
            same = sought.bins[axis, j, 0] == sought.bins[axis, j, 1]
            value = middle_of(found, weights, lo[0], hi[0], rank, even and same, numbers)
            if not same:  # the last of one bin and the first of a later one
                after = np.inf
                for i in range(lo[1], hi[1]):
                    after = found.values[i] if found.values[i] < after else after
                value = (value + after) * 0.5
            out[j, axis] = value
