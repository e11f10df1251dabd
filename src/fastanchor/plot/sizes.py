"""Box sizes as a density, with the anchors and the region of sizes that each serves best."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.evaluate import best_anchor
from fastanchor.plot._style import INK, PIXELS, density, limits, log_ticks

__all__ = ["draw"]

BINS = 80
# points a side at which the best anchor is asked for: a border is then off by 1/400 of the picture
FINE = 400
WIDTH = 300  # of the axes in printer's points, about
AWAY = 12  # of a number from its point


def draw(axes: Any, boxes: FloatArray, anchors: FloatArray, title: str) -> None:
    """Draw boxes and anchors, (n, 2) and (k, 2) pixels of the network input, into `axes`."""
    low, high = limits(boxes, anchors)
    edges = np.geomspace(low, high, BINS + 1)
    counts, _, _ = np.histogram2d(boxes[:, 0], boxes[:, 1], bins=[edges, edges])
    density(axes, edges, edges, counts)
    side = np.geomspace(low, high, FINE)
    labels, _ = best_anchor(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2), anchors)
    field = labels.reshape(FINE, FINE)
    for j in range(len(anchors)):
        mine = field == j
        if mine.any() and not mine.all():
            axes.contour(side, side, mine, levels=[0.5], colors="#08306b", linewidths=0.9)
    for w, h in anchors.tolist():  # the outline of a box whose other corner is beyond the axes' own
        axes.plot([low, w, w], [h, h, low], color=INK, linewidth=0.7, linestyle=(0, (1, 2)))
    for i, ((w, h), at) in enumerate(
        zip(anchors.tolist(), _places(np.log(anchors), np.log(high / low)), strict=True), 1
    ):
        axes.plot(w, h, "o", color=INK, markeredgecolor="white", markersize=8)
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
        axes.annotate(str(i), (w, h), xytext=at, textcoords="offset points", color=INK, weight="bold", bbox=back,
                      ha="center", va="center")  # fmt: skip
    axes.set(xscale="log", yscale="log", aspect="equal", xlim=(low, high), ylim=(low, high))
    axes.set(xlabel=f"width, {PIXELS}", ylabel=f"height, {PIXELS}")
    axes.set_title(title)
    log_ticks(axes.xaxis, low, high)
    log_ticks(axes.yaxis, low, high)


def _places(points: FloatArray, span: float) -> list[tuple[float, float]]:
    """Return where the number of each point goes, in printer's points from it: away from other points and numbers."""
    points = points / span * WIDTH
    around = [(AWAY * np.cos(a), AWAY * np.sin(a)) for a in np.pi / 4 * np.array([1, 0, 7, 2, 3, 6, 4, 5])]
    taken = list(points)
    chosen = []
    for point in points:
        gaps = [min(_gap(point + place, other, point) for other in taken) for place in around]
        best = int(np.argmax(np.minimum(gaps, 2 * AWAY)))  # where there is room, the usual place
        chosen.append((float(around[best][0]), float(around[best][1])))
        taken.append(point + around[best])
    return chosen


def _gap(place: FloatArray, other: FloatArray, own: FloatArray) -> float:
    return np.inf if other is own or np.array_equal(other, own) else float(np.hypot(*(place - other)))
