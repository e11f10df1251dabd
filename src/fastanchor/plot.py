"""Pictures of anchors. matplotlib is imported inside; no window is ever opened."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor._errors import BackendError, DataError
from fastanchor._files import whole
from fastanchor._types import FloatArray
from fastanchor.anchors import AnchorResult

__all__ = ["anchors", "check"]

ENDINGS = (".png", ".svg", ".pdf")

INK = "#b2182b"


def anchors(result: AnchorResult, boxes: FloatArray, out: str | Path) -> None:
    """Draw the boxes as a density with the anchors on it, and the fitness over the generations, into a file.

    Parameters
    ----------
    result : AnchorResult
    boxes : (n, 2) float64
        Widths and heights in pixels of the network input.
    out : path
        Its ending chooses PNG, SVG or PDF.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    DataError
        If the ending is none of these, or the file cannot be written.
    """
    path = Path(out)
    check(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    _sizes(left, result, boxes)
    _history(right, result)
    with whole(path) as part:
        figure.savefig(part, format=path.suffix[1:].lower(), dpi=120, bbox_inches="tight")


def check(path: Path) -> None:
    """Raise what :func:`anchors` would raise for this file, before the work is done."""
    if path.suffix.lower() not in ENDINGS:
        raise DataError(f"{path}: must end in .png, .svg or .pdf")
    if importlib.util.find_spec("matplotlib") is None:
        raise BackendError("matplotlib is not installed; pip install 'fastanchor[plot]'")


def _sizes(axes: Any, result: AnchorResult, boxes: FloatArray) -> None:
    # the outermost thousandth would stretch the axes so far that the rest is a blot
    low, high = np.quantile(boxes, [0.0005, 0.9995])
    low, high = min(low, result.anchors.min()) / 1.1, max(high, result.anchors.max()) * 1.1
    edges = np.geomspace(low, high, 81)
    counts, _, _ = np.histogram2d(boxes[:, 0], boxes[:, 1], bins=[edges, edges])
    shown = np.ma.masked_equal(counts.T, 0)
    mesh = axes.pcolormesh(edges, edges, shown, cmap="Greys", norm="log", rasterized=True)
    axes.get_figure().colorbar(mesh, ax=axes, label="boxes per cell", shrink=0.8)
    w, h = result.anchors.T
    axes.plot(w, h, "o", color=INK, markeredgecolor="white", markersize=9)
    for i, (x, y) in enumerate(result.anchors.tolist(), start=1):
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
        axes.annotate(str(i), (x, y), xytext=(8, 7), textcoords="offset points", color=INK, weight="bold", bbox=back)
    axes.set(xscale="log", yscale="log", aspect="equal")
    axes.set(xlabel="width, pixels of the network input", ylabel="height, pixels of the network input")
    axes.set_title(f"{result.boxes:,} boxes and {len(w)} anchors, mean IoU {result.mean_iou:.4f}")
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000) if low <= t <= high]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_ticks(ticks, labels=[str(t) for t in ticks])
        axis.set_ticks([], minor=True)


def _history(axes: Any, result: AnchorResult) -> None:
    history = result.evolve.history
    axes.step(np.arange(len(history)), history, where="post", color=INK)
    axes.set(xlabel="generation", ylabel="fitness")
    axes.set_title(f"fitness {history[0]:.4f} to {result.fitness:.4f}, BPR {result.bpr:.4f}")
    axes.grid(alpha=0.3)
