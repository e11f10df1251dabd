"""Kernels that keep the sides in the bins of the medians between the late steps of k-means.

The median of a centre's boxes stays in one bin for many steps. The sides in that bin are kept in buckets, and each box
that changes its centre is added or removed; so a median is the order statistic of one bucket. The boxes before the bin
are counted in the histogram when the median is taken: to keep their number costs more, an unpredictable branch for
every change.
"""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.kernels._band_tables import BUCKETS, Kept
from fastanchor.kernels._jit import helper, uncounted
from fastanchor.kernels._selection import select
from fastanchor.kernels._tables import Found, Histograms, Sought

SPARE = 2  # free places in a bucket, beside half as many as it has values


@helper
def bucket_of(kept: Kept, axis: int, j: int, value: float) -> int:
    """Bucket of a value; it never falls as the value grows."""
    return int(min(max((value - kept.low[axis, j]) * kept.scale[axis, j], 0.0), BUCKETS - 1.0))


@helper
def add_kept(kept: Kept, axis: int, j: int, value: float) -> None:
    """Add a value to its bucket; if that is full, nothing is kept any longer."""
    b = bucket_of(kept, axis, j, value)
    at = kept.start[axis, j, b] + kept.size[axis, j, b]
    if at == kept.start[axis, j, b + 1]:
        kept.bin[axis, j] = -1
        return
    kept.values[at] = value
    kept.size[axis, j, b] += 1


@helper
def remove_kept(kept: Kept, axis: int, j: int, value: float) -> None:
    """Remove a value from its bucket."""
    b = bucket_of(kept, axis, j, value)
    at = lo = kept.start[axis, j, b]
    last = lo + kept.size[axis, j, b] - 1
    while at < last and kept.values[at] != value:
        at += 1
    kept.values[at] = kept.values[last]
    kept.size[axis, j, b] -= 1


@helper
def middle_kept(kept: Kept, axis: int, j: int, rank: int, both: bool) -> float:
    """Value of a rank among those kept, or the mean of it and the next."""
    size, b = kept.size[axis, j], 0
    while rank >= size[b]:
        rank -= size[b]
        b += 1
    lo = kept.start[axis, j, b]
    value = select(kept.values, lo, lo + size[b], rank)
    if not both:
        return value
    if rank + 1 < size[b]:
        return (value + select(kept.values, lo, lo + size[b], rank + 1)) * 0.5
    b += 1
    while size[b] == 0:
        b += 1
    lo, after = kept.start[axis, j, b], np.inf
    for i in range(lo, lo + size[b]):
        after = min(after, kept.values[i])
    return (value + after) * 0.5


@helper
def bin_with(row: IntArray, rank: int) -> tuple[int, int]:
    """Bin that holds a rank, and the number of boxes before it."""
    before = 0
    for x in range(row.size):
        if rank < before + row[x]:
            return x, before
        before += row[x]
    return row.size - 1, before


@uncounted
def middles(hist: Histograms, kept: Kept, sought: Sought, out: FloatArray) -> int:
    """Put medians into `out` (k, 2), NaN where a centre has no boxes; returns how many bins have to be gathered.

    These are left in `sought`.
    """
    wanted = 0
    for axis in range(2):
        fine = hist.fine_w if axis == 0 else hist.fine_h
        for j in range(hist.counts.size):
            sought.bins[axis, j, 0] = sought.bins[axis, j, 1] = -1
            n, b = hist.counts[j], kept.bin[axis, j]
            if n == 0:
                out[j, axis] = np.nan
                kept.bin[axis, j] = -1
                continue
            rank, even, row = (n - 1) >> 1, 1 - (n & 1), fine[j]
            if b >= 0:
                before = 0
                for value in row[:b]:
                    before += value
                if before <= rank and rank + even < before + row[b]:
                    out[j, axis] = middle_kept(kept, axis, j, rank - before, even == 1)
                    continue
            sought.bins[axis, j, 0], sought.before[axis, j, 0] = bin_with(row, rank)
            sought.bins[axis, j, 1], sought.before[axis, j, 1] = bin_with(row, rank + even)
            wanted += 1
    return wanted


@uncounted
def fill(hist: Histograms, sought: Sought, found: Found, kept: Kept, out: FloatArray) -> bool:
    """Keep the values that were gathered for the lower middle ranks, and put these medians into `out`.

    Returns False if there is too little room.
    """
    for axis in range(2):
        for j in range(hist.counts.size):
            if sought.bins[axis, j, 0] < 0:
                continue
            if not fill_bin(kept, axis, j, found.values[sought.start[axis, j, 0] : sought.cursor[axis, j, 0]]):
                return False
            kept.bin[axis, j] = sought.bins[axis, j, 0]
            n = hist.counts[j]
            rank = ((n - 1) >> 1) - sought.before[axis, j, 0]
            if sought.bins[axis, j, 0] == sought.bins[axis, j, 1]:
                out[j, axis] = middle_kept(kept, axis, j, rank, n & 1 == 0)
                continue
            after = np.inf
            for i in range(sought.start[axis, j, 1], sought.cursor[axis, j, 1]):
                after = min(after, found.values[i])
            out[j, axis] = (middle_kept(kept, axis, j, rank, False) + after) * 0.5
    return True


@helper
def fill_bin(kept: Kept, axis: int, j: int, values: FloatArray) -> bool:
    """Sort values into buckets; False if there is too little room."""
    start, size = kept.start[axis, j], kept.size[axis, j]
    least, most = np.inf, 0.0
    for value in values:
        least, most = min(least, value), max(most, value)
    kept.low[axis, j], kept.scale[axis, j] = least, BUCKETS / (most - least) if most > least else 0.0
    for b in range(BUCKETS):
        size[b] = 0
    for value in values:
        size[bucket_of(kept, axis, j, value)] += 1
    room, need = kept.room[axis, j], values.size + (values.size >> 1) + BUCKETS * SPARE
    if need > room[1] - room[0]:
        room[0], room[1] = kept.used[0], kept.used[0] + need + (need >> 2)
        if room[1] > kept.values.size:
            return False
        kept.used[0] = room[1]
    top = room[0]
    for b in range(BUCKETS):
        start[b] = top
        top += size[b] + (size[b] >> 1) + SPARE
        size[b] = 0
    start[BUCKETS] = top
    for value in values:
        b = bucket_of(kept, axis, j, value)
        kept.values[start[b] + size[b]] = value
        size[b] += 1
    return True
