"""Kernel that puts equal boxes together, by a hash table."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._jit import helper, uncounted
from fastanchor.kernels._tables import RowArray

ODD = 0x9E3779B97F4A7C15  # the golden ratio in 64 bits: its products spread over all bits


class Distinct(NamedTuple):
    """Room for distinct boxes, in the order in which they are met, and how to find them again."""

    boxes: FloatArray  # (room, 2)
    weight: IntArray  # (room,) how often each counts
    row: IntArray  # (room,) the first row that counts; the first row where none does
    table: LabelArray  # (2^bits,) places of boxes by hash; -1 where there is none
    bits: int

    @classmethod
    def empty(cls, bits: int) -> Distinct:
        """Return room for ``2**(bits - 1)`` boxes, with nothing in it."""
        room, table = 1 << (bits - 1), np.full(1 << bits, -1, np.int32)
        return cls(np.empty((room, 2)), np.zeros(room, np.int64), np.zeros(room, np.int64), table, bits)


@helper
def times(weights: IntArray | None, i: int) -> int:
    """How often a box counts."""
    return 1 if weights is None else weights[i]


@uncounted
def merge(
    boxes: FloatArray, first: int, weights: IntArray | None, distinct: Distinct, used: int, owner: RowArray
) -> int:
    """Add a chunk of boxes, of which the first is row `first`, to the `used` distinct ones; returns how many there are.

    `owner` receives the place of each box among them. Returns -1 if there is too little room.
    """
    bits, found, table = boxes.view(np.uint64), distinct.boxes, distinct.table
    mask, shift, odd = table.size - 1, np.uint64(64 - distinct.bits), np.uint64(ODD)
    for i in range(len(boxes)):
        w, h = boxes[i, 0], boxes[i, 1]
        key = bits[i, 0] * odd + bits[i, 1]
        at = np.int64(((key ^ (key >> np.uint64(32))) * odd) >> shift)
        j = table[at]
        while j >= 0 and (found[j, 0] != w or found[j, 1] != h):
            at = (at + 1) & mask
            j = table[at]
        n = times(weights, i)
        if j < 0:
            if used == len(found):
                return -1
            j = table[at] = used
            found[j, 0], found[j, 1], distinct.row[j] = w, h, first + i
            used += 1
        elif n > 0 and distinct.weight[j] == 0:
            distinct.row[j] = first + i
        distinct.weight[j] += n
        owner[i] = j
    return used
