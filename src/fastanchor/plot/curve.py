"""Mean IoU, fitness and recall over the number of anchors."""

from __future__ import annotations

from typing import Any

from fastanchor._sweep import SweepResult
from fastanchor.plot._style import LINES

__all__ = ["draw"]


def draw(axes: Any, found: SweepResult) -> None:
    """Draw the three curves into `axes`."""
    for (color, dash, marker), values, name in zip(
        LINES, (found.mean_iou, found.fitness, found.bpr), ("mean IoU", "fitness", "BPR"), strict=True
    ):
        axes.plot(found.n, values, dash, color=color, marker=marker, markersize=5, label=name)
    axes.set(xlabel="number of anchors", ylabel="share, 0 to 1", ylim=(0, 1.02))
    axes.set_title(f"{found.boxes:,} boxes")
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
