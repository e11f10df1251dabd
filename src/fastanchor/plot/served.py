"""How well boxes of each size are served: the best ratio against the size."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.evaluate import SIZES, best_anchor
from fastanchor.plot._style import LINES, density, log_ticks

__all__ = ["draw"]

WIDE, HIGH = 60, 50
# a line through fewer boxes than these would show chance
FEW = 5


def draw(axes: Any, boxes: FloatArray, anchors: FloatArray, thr: float) -> None:
    """Draw the density of (size, best ratio) with its median and tenth, into `axes`."""
    _, best = best_anchor(boxes, anchors)
    side = np.sqrt(boxes[:, 0] * boxes[:, 1])
    low, high = np.quantile(side, [0.0005, 0.9995])
    low, high = float(low) / 1.15, float(high) * 1.15
    edges = np.geomspace(low, high, WIDE + 1)
    counts, _, _ = np.histogram2d(side, best, bins=[edges, np.linspace(0, 1, HIGH + 1)])
    density(axes, edges, np.linspace(0, 1, HIGH + 1), counts)
    middle = np.sqrt(edges[1:] * edges[:-1])
    enough = counts.sum(axis=1) >= FEW
    for (color, dash, _), q, name in zip(LINES, (0.5, 0.1), ("median", "lowest tenth"), strict=False):
        if np.count_nonzero(enough) > 1:
            axes.plot(middle[enough], _quantile(counts, q)[enough], dash, color=color, label=name, linewidth=2)
    axes.axhline(thr, color="black", linewidth=0.9, linestyle="-.", label=f"threshold {thr:g}")
    for name, limit in SIZES[:-1]:
        if low < limit**0.5 < high:
            axes.axvline(limit**0.5, color="#969696", linewidth=0.8)
            axes.annotate(f"{name} ", (limit**0.5, 0.02), ha="right", color="#525252", fontsize=9)
    axes.set(xscale="log", xlim=(low, high), ylim=(0, 1.02))
    axes.set(xlabel="size of box (root of area), pixels of the network input", ylabel="ratio with the best anchor")
    axes.set_title(f"{np.mean(best > thr):.2%} of the boxes past the threshold")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=3, frameon=False)  # where it hides no box
    log_ticks(axes.xaxis, low, high)


def _quantile(counts: FloatArray, q: float) -> FloatArray:
    """Return the quantile of each row of a histogram over [0, 1], to the width of a bin."""
    total = np.cumsum(counts, axis=1)
    at = (total < q * total[:, -1:]).sum(axis=1)
    middles: FloatArray = (at + 0.5) / counts.shape[1]
    return middles
