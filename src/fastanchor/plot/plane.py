"""The plane of widths and heights: the density of the boxes, and above it the anchors of each level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.evaluate import SIZES
from fastanchor.levels import Level
from fastanchor.plot._style import GREY, PIXELS, density, extent, log_ticks

__all__ = ["plane"]

BINS = 60  # of each side
SOFT = "#525252"
# one for each level, smallest stride first; they differ in shape too, for prints in grey and for eyes that see no red
MARKS = (
    ("o", "#0072b2"), ("s", "#d55e00"), ("^", "#007a5a"), ("D", "#b04f8a"), ("v", "#1a1a1a"), ("p", "#8c6500"),
    ("X", "#4b3fa0"), ("*", "#b2182b"),
)  # fmt: skip


def plane(grid: Any, boxes: FloatArray, sets: Mapping[str, Sequence[Level]]) -> None:
    """Draw the boxes as a density into each panel, all on one scale, with one set of anchors by level in each.

    `grid` (rows, columns) are the axes; `boxes` (n, 2) and the anchors are pixels of the network input; the names of
    the sets are the titles.
    """
    sides = [level.anchors.ravel() for levels in sets.values() for level in levels]
    low, high = extent(boxes, 1.25, np.concatenate(sides).tolist())
    edges = np.geomspace(low, high, BINS + 1)
    counts, _, _ = np.histogram2d(boxes[:, 0], boxes[:, 1], bins=[edges, edges])
    panels = grid.ravel().tolist()
    for axes in panels[len(sets) :]:
        axes.set_axis_off()
    for axes, (name, levels) in zip(panels, sets.items(), strict=False):
        shared = panels if axes is panels[0] else ()
        density(axes, edges, edges, counts, beside=None if grid.shape[1] == 1 else shared)
        _classes(axes, low, high)
        strides = [level.stride for level in levels]
        for at, level in enumerate(levels):
            mark, colour = MARKS[at % len(MARKS)]
            label = f"stride {level.stride:g}"
            if strides.count(level.stride) > 1:
                label += f", level {at + 1}"
            style = {"color": colour, "markeredgecolor": "white", "markeredgewidth": 0.8, "markersize": 7.5}
            axes.plot(*level.anchors.T, mark, linestyle="", label=label, **style)
        axes.set(xscale="log", yscale="log", aspect="equal", xlim=(low, high), ylim=(low, high))
        axes.set_title(name)
        log_ticks(axes.xaxis, low, high)
        log_ticks(axes.yaxis, low, high)
    for axes in grid[-1]:
        axes.set_xlabel(f"width, {PIXELS}")
    for axes in grid[:, 0]:
        axes.set_ylabel(f"height, {PIXELS}")


def _classes(axes: Any, low: float, high: float) -> None:
    """Draw the limits of small and of medium boxes, with the names at their lower ends, where there are few boxes."""
    words = {"color": SOFT, "fontsize": 8, "rotation": -45, "rotation_mode": "anchor", "ha": "right"}
    shown = [(name, limit) for name, limit in SIZES[:-1] if low**2 < limit < high**2]
    for at, (name, limit) in enumerate(shown):
        axes.plot([low, high], [limit / low, limit / high], color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        end = min(high, limit / low) / (high / low) ** 0.02
        axes.text(end, limit / end, f"{name} ", va="top", **words)
        if at == len(shown) - 1:
            axes.text(end, limit / end, f"{SIZES[[one for one, _ in SIZES].index(name) + 1][0]} ", va="bottom", **words)
