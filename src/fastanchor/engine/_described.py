"""An index in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastanchor.engine.index import BoxIndex

__all__ = ["described", "size"]


def described(index: BoxIndex) -> str:
    """Return the number of boxes, and of distinct ones where equal boxes are merged, and the size of an index."""
    parts = [f"{len(index):,} boxes"]
    if any(shard.held > len(shard) for shard in index.shards):
        parts.append(f"{sum(map(len, index.shards)):,} distinct")
    if len(index.shards) > 1:
        parts.append(f"{len(index.shards)} shards")
    if index.rounded:
        parts.append("rounded to float32")
    parts.append(f"{size(sum(shard.resident for shard in index.shards))} in memory")
    if index.folder is not None:
        parts.append(f"{size(sum(shard.nbytes - shard.resident for shard in index.shards))} on disk")
    return f"BoxIndex({', '.join(parts)})"


def size(count: int) -> str:
    """Return a number of bytes as text.

    Examples
    --------
    >>> size(999), size(1_230_000), size(10_400_000_000)
    ('999 bytes', '1.2 MB', '10.4 GB')
    """
    for power, unit in ((9, "GB"), (6, "MB"), (3, "kB")):
        if count >= 10**power:
            return f"{count / 10**power:.1f} {unit}"
    return f"{count} bytes"
