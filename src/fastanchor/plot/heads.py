"""The anchors drawn to scale, a frame a level, beside a cell of that level's grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastanchor.levels import Layer
from fastanchor.plot._style import INK

__all__ = ["draw"]

DASHES = ("-", "--", ":", "-.")


def draw(axes: Any, heads: Sequence[Layer], columns: int | None = None) -> None:
    """Draw the levels into `axes`; each frame has its own scale, told by its cell of stride x stride pixels."""
    axes.set_axis_off()
    axes.set_title("anchors by level, each on one centre; grey: one cell of the level")
    columns = columns or min(len(heads), 2 if len(heads) < 5 else 3)
    rows = -(-len(heads) // columns)
    number = 1
    for i, (level, stride, anchors, share) in enumerate(heads):
        row, column = divmod(i, columns)
        frame = axes.inset_axes(
            (column / columns + 0.01, 1 - (row + 1) / rows + 0.02, 1 / columns - 0.02, 1 / rows - 0.16)
        )
        frame.set(xticks=[], yticks=[], aspect="equal")
        frame.set_title(f"P{level}, stride {stride}" + (f"\n{share:.1%} of boxes" if share is not None else ""),
                        fontsize=10)  # fmt: skip
        reach = max([stride, *anchors.max(axis=1).tolist()]) if len(anchors) else stride
        # room at the sides for the numbers
        frame.set(xlim=(-0.62 * reach, 0.62 * reach), ylim=(-0.62 * reach, 0.62 * reach))
        frame.add_patch(_rectangle(stride, stride, facecolor="#d9d9d9", edgecolor="#969696", linewidth=0.8))
        for j, (w, h) in enumerate(anchors.tolist()):
            frame.add_patch(
                _rectangle(w, h, fill=False, edgecolor=INK, linewidth=1.3, linestyle=DASHES[j % len(DASHES)])
            )
            # the numbers of one level take turns at the corners, or they would hide each other
            sx, sy = ((-1, 1), (1, 1), (1, -1), (-1, -1))[j % 4]
            frame.annotate(str(number), (sx * w / 2, sy * h / 2), color=INK, fontsize=9, weight="bold", ha="center",
                           va="center", bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
            number += 1
        if not len(anchors):
            frame.text(0, 0, "no anchor", ha="center", va="center", color=INK)


def _rectangle(w: float, h: float, **style: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((-w / 2, -h / 2), w, h, **style)
