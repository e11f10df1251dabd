"""Box sizes as a density, with the anchors and the region of sizes that each serves best."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.plot._style import INK, PIXELS, greys, limits, log_ticks
from fastanchor.quality import best_served

__all__ = ["draw"]

BINS = 80
# points a side at which the best anchor is asked for: a border is then off by 1/400 of the picture
FINE = 400


def draw(axes: Any, boxes: FloatArray, anchors: FloatArray, title: str) -> None:
    """Draw boxes and anchors, (n, 2) and (k, 2) pixels of the network input, into `axes`."""
    low, high = limits(boxes, anchors)
    edges = np.geomspace(low, high, BINS + 1)
    counts, _, _ = np.histogram2d(boxes[:, 0], boxes[:, 1], bins=[edges, edges])
    shown = np.ma.masked_equal(counts.T, 0)
    mesh = axes.pcolormesh(edges, edges, shown, cmap=greys(), norm="log", rasterized=True)
    axes.get_figure().colorbar(mesh, ax=axes, label="boxes per cell", shrink=0.8)
    side = np.geomspace(low, high, FINE)
    labels, _ = best_served(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2), anchors)
    field = labels.reshape(FINE, FINE)
    for j in range(len(anchors)):
        mine = field == j
        if mine.any() and not mine.all():
            axes.contour(side, side, mine, levels=[0.5], colors="#08306b", linewidths=0.9)
    for i, (w, h) in enumerate(anchors.tolist(), start=1):
        axes.plot(w, h, "o", color=INK, markeredgecolor="white", markersize=8)
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
        axes.annotate(str(i), (w, h), xytext=(7, 6), textcoords="offset points", color=INK, weight="bold", bbox=back)
    axes.set(xscale="log", yscale="log", aspect="equal", xlim=(low, high), ylim=(low, high))
    axes.set(xlabel=f"width, {PIXELS}", ylabel=f"height, {PIXELS}")
    axes.set_title(title)
    log_ticks(axes.xaxis, low, high)
    log_ticks(axes.yaxis, low, high)
