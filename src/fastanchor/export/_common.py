"""What the formats share: numbers, and levels of equal size."""

from __future__ import annotations

import re

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.layers import Layer, Split, layers, levels

__all__ = ["dealt", "number", "pairs", "same_count"]


def number(value: float, decimals: int) -> str:
    """Return `value` rounded; what would lose most of its digits keeps four."""
    if value < 2.0:
        return f"{value:.4g}"
    return f"{value:.{decimals}f}".removesuffix(".0")


def pairs(anchors: FloatArray, form: str, decimals: int = 1) -> str:
    """Return the anchors joined by commas, each written like `form`, as in ``"({w}, {h})"``."""
    return ", ".join(
        form.format(w=number(w, decimals), h=number(h, decimals)) for w, h in anchors.tolist()
    )  # fmt: skip


def lines_of(text: str) -> list[str]:
    """Return the lines with their ends; only a line feed ends one, as for the programs that read these files."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def dealt(anchors: FloatArray, parts: Split | None) -> list[Layer]:
    """Return the levels with their anchors; the usual ones if `parts` is None.

    Raises
    ------
    DataError
        If a level has no anchor, which no configuration can say.
    """
    found = layers(anchors, levels(len(anchors)) if parts is None else parts)
    for level, stride, part, _ in found:
        if not len(part):
            raise DataError(f"level P{level}/{stride} would have no anchor; choose other levels, or more anchors")
    return found


def same_count(found: list[Layer], target: str) -> list[Layer]:
    """Return the levels if all have the same number of anchors.

    Raises
    ------
    DataError
        If they do not.
    """
    counts = [len(layer.anchors) for layer in found]
    if min(counts) != max(counts):
        raise DataError(f"levels: hold {counts} anchors; {target} needs the same number in each level")
    return found
