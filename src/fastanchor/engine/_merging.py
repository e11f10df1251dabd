"""Indexes put together: their boxes are sorted anew, with the rows of each index after those of the ones before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor._weights import Weights
from fastanchor.engine._batches import Arrays, Rows
from fastanchor.engine._building import Built, build
from fastanchor.engine._merged import MergedShard
from fastanchor.engine._shard import Shard

__all__ = ["Member", "put_together"]


class Member(NamedTuple):
    """What is put together: the shards of an index and its weights, or boxes as an array with theirs."""

    boxes: tuple[Shard, ...] | FloatArray
    weights: Weights | None
    name: str

    def __len__(self) -> int:
        return len(self.boxes) if isinstance(self.boxes, np.ndarray) else sum(shard.held for shard in self.boxes)


class InCells(Rows):
    """The boxes of a shard, in the order of its cells."""

    def __init__(self, shard: Shard) -> None:
        self._shard = shard

    def __len__(self) -> int:
        return len(self._shard)

    def __getitem__(self, rows: Any) -> Any:
        return np.column_stack([self._shard.w[rows], self._shard.h[rows]])


class InRows(Rows):
    """The boxes of a shard that has all rows of its index, in their order."""

    def __init__(self, shard: MergedShard) -> None:
        self._shard = shard

    def __len__(self) -> int:
        return self._shard.held

    def __getitem__(self, rows: Any) -> Any:
        return self._shard.boxes_of(rows)


def put_together(members: Sequence[Member], threads: int | None = None) -> Built:
    """Return a shard with the boxes of all members.

    Raises
    ------
    DataError
        If some have weights and others have none, or weights are not whole.
    """
    weights = _weights(members)
    arrays: list[Any] = []
    rows: list[Any] = []
    before = 0
    for member in members:
        if isinstance(member.boxes, np.ndarray):
            arrays.append(member.boxes)
            rows.append(np.arange(before, before + len(member), dtype=np.uint32))
        else:
            for shard in member.boxes:
                merged = isinstance(shard, MergedShard)
                arrays.append(InRows(shard) if isinstance(shard, MergedShard) else InCells(shard))
                own = np.arange(shard.held, dtype=np.uint32) if merged else np.asarray(shard.grid.row)
                rows.append(own + np.uint32(before))
        before += len(member)
    order = np.concatenate(rows)
    ordered = bool((order[1:] > order[:-1]).all())
    return build(Arrays(arrays, whole=True), weights, threads=threads, order=None if ordered else order)


def _weights(members: Sequence[Member]) -> Any:
    """Return the weights of all rows."""
    first = members[0]
    for member in members:
        if (member.weights is None) != (first.weights is None):
            has, other = ("weights", "none") if member.weights is not None else ("no weights", "weights")
            raise DataError(f"weights: got {has} for {member.name}, expected {other} as of {first.name}")
        if member.weights is not None and member.weights.unit != 1.0:
            raise DataError(
                f"weights: those of {member.name} are not whole, so they cannot be put together exactly; "
                "build the index from all boxes"
            )
    columns = [member.weights.each for member in members if member.weights is not None]
    return np.concatenate(columns) if columns else None
