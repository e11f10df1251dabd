"""Boxes per class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastanchor._text import plain
from fastanchor.plot._style import INK

__all__ = ["MOST", "draw", "height"]

# bars that a page can hold; the classes after them share one
MOST = 30


def height(per_class: Mapping[str, int]) -> float:
    """Return the height of a figure for so many bars, inches."""
    return 1.1 + 0.27 * min(len(per_class), MOST)


def draw(axes: Any, per_class: Mapping[str, int]) -> None:
    """Draw a bar a class into `axes`, the largest on top."""
    rows = sorted(per_class.items(), key=lambda item: -item[1])
    if len(rows) > MOST:
        rest = rows[MOST - 1 :]
        rows = [*rows[: MOST - 1], (f"{len(rest)} other classes", sum(count for _, count in rest))]
    rows.reverse()
    # a name may hold $, which would begin a formula
    names = [plain(name).replace("$", r"\$") for name, _ in rows]
    names = [name if len(name) <= 32 else name[:31] + "…" for name in names]
    bars = axes.barh(range(len(rows)), [count for _, count in rows], color=INK, height=0.7)
    axes.set_yticks(range(len(rows)), labels=names)
    axes.bar_label(bars, labels=[f"{count:,}" for _, count in rows], padding=3)
    axes.margins(x=0.15, y=0.02)
    axes.set_xlabel("boxes")
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
