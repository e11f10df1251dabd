"""How an index is built: from a source of boxes, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np

from fastanchor import _check, kernels
from fastanchor._errors import BackendError, DataError
from fastanchor._hints import setting
from fastanchor._progress import bar
from fastanchor._types import IntArray, Progress, SideType
from fastanchor._weights import Weights, counting
from fastanchor.engine._batches import Arrays, Single, Source
from fastanchor.engine._disk import sort_to_disk
from fastanchor.engine._layout import GridSpec, Layout
from fastanchor.engine._merged import MergedShard, merged
from fastanchor.engine._shard import Shard
from fastanchor.engine._sorting import sort, surveyed
from fastanchor.engine._sourced import Sourced
from fastanchor.engine._threads import Team, thread_count
from fastanchor.kernels._tables import RowArray

__all__ = ["Built", "build", "column_of", "need_numba", "weights_of_rows"]

NARROW = 1 << 22  # boxes from which half the memory is worth kernels for float32, which are compiled once more
PASSES = 2  # over the boxes of a source, to count and to sort them; one more before where no sample is at hand


class Built(NamedTuple):
    """A shard with all boxes, their weights, and whether sides were rounded.

    `sourced` answers what depends on rows, where these are not kept.
    """

    shard: Shard
    weights: Weights | None
    sourced: Sourced | None
    rounded: bool


def need_numba() -> None:
    """Raise BackendError where kernels of an index cannot run."""
    if kernels.current() != "numba":
        use = setting("engine", "dense")
        raise BackendError(f"engine 'index' needs numba, but the NumPy backend is selected; use {use}")


def build(
    source: Source,
    weights: Any = None,
    *,
    threads: int | None = None,
    dtype: SideType | None = None,
    rows: bool = True,
    where: Layout | None = None,
    progress: Progress = False,
    order: RowArray | None = None,
    folder: Path | None = None,
) -> Built:
    """Sort the boxes of a source into a shard; `dtype` None stores float32 where that changes no side.

    `order` (n,) is the row of each box of the source, if they do not come in the order of their rows. Boxes are sorted
    into files of a `folder`, if there is one.
    """
    threads = None if threads is None else _check.integer(threads, "threads", least=1)
    if dtype is not None:
        _check.choice(dtype, "dtype", get_args(SideType))
    need_numba()
    known = source.size
    total = None if known is None else (PASSES + (not source.scattered)) * known
    with bar(progress, total=total, desc="sorting boxes", unit=" boxes") as moving:
        seen, exact, where, bins = surveyed(
            source, threads, moving, narrow=dtype != "float64", counting=True, where=where
        )
        if not seen.number:
            raise DataError("batches: must have at least one (width, height), got none")
        rounded = dtype == "float32" and not exact
        if rounded:
            source = Single(source)
            seen, _, where, bins = surveyed(source, threads, counting=True)
        each = None if weights is None else counting(weights, "weights", seen.number)
        if each is not None and not rows:
            raise DataError("keep_rows = False: must be True with weights, which belong to rows")
        own = None if each is None else each.each
        mergeable = rows and order is None and folder is None and isinstance(source, Arrays)
        alike = merged(source, own, seen.sample) if mergeable else None
        if alike is not None:
            spec = GridSpec.of(seen._replace(number=len(alike.boxes)))
            return Built(MergedShard(alike, spec, threads=threads, weights=own), each, None, rounded)
        team, spec = Team(thread_count(threads)), GridSpec.of(seen, where)
        narrow = dtype == "float32" or (dtype is None and exact and seen.number >= NARROW)
        kind = np.float32 if narrow else np.float64
        if folder is None:
            found = sort(source, spec, team, bins, dtype=kind, rows=rows, moving=moving)
        else:
            found = sort_to_disk(source, spec, team, folder, bins, dtype=kind, rows=rows, moving=moving)
    bins = None  # hundreds of megabytes for a billion boxes
    if order is not None:
        found.row[:] = order[found.row]
    shard = Shard.of(found, spec, None if own is None else own[found.row], threads=threads)
    return Built(shard, each, None if rows else Sourced(source, threads), rounded)


def column_of(weights: Any) -> Any:
    """Return weights as one column; they may come as one array per batch, as the boxes do."""
    if weights is None or isinstance(weights, np.ndarray):
        return weights
    parts = weights() if callable(weights) else weights
    if isinstance(parts, Sequence) and not any(np.ndim(part) for part in parts[:1]):
        return parts
    columns: list[IntArray] = [np.asarray(part).reshape(-1) for part in parts]
    return np.concatenate(columns) if columns else np.empty(0)


def weights_of_rows(shards: Sequence[Shard]) -> Weights | None:
    """Return the weights of all rows of some shards."""
    counted = [own for shard in shards if (own := shard.row_weights()) is not None]
    if not counted:
        return None
    if len(counted) < len(shards):
        raise DataError("shards: some have weights and others have none")
    each = np.zeros(sum(shard.held for shard in shards), np.int64)
    for rows, some in counted:
        each[rows] = some
    return Weights(each, 1.0)
