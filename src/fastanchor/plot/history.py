"""Fitness over the generations of the search."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor.anchors import AnchorResult
from fastanchor.plot._style import INK

__all__ = ["draw"]


def draw(axes: Any, result: AnchorResult) -> None:
    """Draw the best fitness after each generation into `axes`."""
    history = result.evolve.history
    axes.step(np.arange(len(history)), history, where="post", color=INK)
    axes.set(xlabel="generation", ylabel="fitness")
    axes.set_title(f"fitness {history[0]:.4f} to {result.fitness:.4f}, BPR {result.bpr:.4f}")
    axes.grid(alpha=0.3)
