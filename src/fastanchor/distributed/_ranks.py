"""Values of given ranks among numbers that are spread over parts, by messages whose size does not depend on how many.

Each part sends some of its values in a range, with the exact numbers of its values below each and up to each. They
bound, for any x, the numbers of all values below x and up to x. A rank is found where both bounds agree on one value;
if not, they enclose it in a smaller range, for which the parts are asked again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray

__all__ = ["Sample", "enclosed", "sampled"]


class Sample(NamedTuple):
    """Values of one part in several ranges, one range after the other, in rising order inside each.

    For an x in range i, at least ``start[i]`` plus the `upto` of its values up to x are up to x; at most ``first[i]``
    plus the `below` of its values below x are below x. `start` and `end` count the values before the range, and up to
    its end.
    """

    sizes: IntArray  # (ranges,) of the values in each range
    start: IntArray  # (ranges,)
    end: IntArray
    first: IntArray
    values: FloatArray
    below: IntArray
    upto: IntArray


def sampled(ranges: Sequence[tuple[FloatArray, int]], near: Sequence[int], many: int, spaced: int) -> Sample:
    """Return a sample of sorted values in several ranges, each with the number of values before it.

    In each, take `many` distinct neighbours around the place `near`, and `spaced` others from all over it.
    With at least three spaced ones, a range with more of them becomes smaller from one sample to the next.
    """
    out: list[tuple[FloatArray, IntArray, IntArray]] = []
    first = []
    for (values, start), place in zip(ranges, near, strict=True):
        new = np.ones(len(values), bool)
        np.not_equal(values[1:], values[:-1], out=new[1:])
        begins = np.flatnonzero(new)  # of each distinct value: where many are equal, the others must be seen too
        at = int(np.searchsorted(begins, place, "right")) - 1
        low = min(max(at - many // 2, 0), max(len(begins) - many, 0))
        some = np.arange(low, min(low + many, len(begins)))
        if spaced and len(begins) > many:
            some = np.union1d(some, np.linspace(0, len(begins) - 1, spaced).astype(np.int64))
        end = start + len(values)
        under, upto = start + begins[some], start + np.append(begins, len(values))[some + 1]
        first.append(int(under[0]) if len(some) else end)
        out.append((values[begins[some]], np.diff(under, append=end), np.diff(upto, prepend=start)))
    starts = np.array([start for _, start in ranges], np.int64)
    ends = np.array([start + len(values) for values, start in ranges], np.int64)
    columns = [np.concatenate(column) for column in zip(*out, strict=True)] if out else [np.empty(0)] * 3
    return Sample(
        np.array([len(some) for some, _, _ in out], np.int64), starts, ends, np.array(first, np.int64),
        columns[0], columns[1].astype(np.int64), columns[2].astype(np.int64),
    )  # fmt: skip


def enclosed(samples: Sequence[Sample], wanted: Sequence[tuple[int, int]]) -> list[tuple[float, float] | None]:
    """Return bounds of the value of each (range, rank): equal ones if it is found, None if it is not in the range."""
    count = len(samples[0].sizes)
    start, end, first = (sum(getattr(one, name) for one in samples) for name in ("start", "end", "first"))
    group = np.concatenate([np.repeat(np.arange(count), one.sizes) for one in samples])
    values = np.concatenate([one.values for one in samples])
    order = np.lexsort((values, group))
    edges = np.searchsorted(group[order], np.arange(count + 1))
    values = values[order]
    below, upto = (
        np.concatenate([[0], np.concatenate([getattr(one, name) for one in samples])[order].cumsum()])
        for name in ("below", "upto")
    )
    found: list[tuple[float, float] | None] = []
    for i, rank in wanted:
        if not start[i] <= rank < end[i]:
            found.append(None)
            continue
        a, b = edges[i : i + 2]
        # at most `under` values are below each of these, and at least `reach` up to it
        under, reach = first[i] + below[a:b] - below[a], start[i] + upto[a + 1 : b + 1] - upto[a]
        low, high = int(np.searchsorted(under, rank, "right")) - 1, int(np.searchsorted(reach, rank, "right"))
        bounds = values[a + low] if low >= 0 else -np.inf, values[a + high] if high < b - a else np.inf
        found.append((float(bounds[0]), float(bounds[1])))
    return found
