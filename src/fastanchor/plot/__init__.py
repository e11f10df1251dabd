"""Pictures of boxes and anchors as matplotlib figures. matplotlib is imported inside; no window is ever opened."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastanchor._anchor_result import AnchorResult
from fastanchor._errors import DataError
from fastanchor._sweep import SweepResult
from fastanchor._text import many, plain
from fastanchor._types import FloatArray
from fastanchor.evaluate import AnchorCheck
from fastanchor.levels import Level, by_level, usual_counts
from fastanchor.matching import Recall
from fastanchor.optimum import BoundResult
from fastanchor.plot import panels
from fastanchor.plot._style import check, empty_figure, needed, save, write

__all__ = ["anchors", "check", "needed", "panel", "panels", "peaks", "per_class", "png", "recall", "save", "swept"]

Figure = Any  # of matplotlib, which is imported only where something is drawn


def anchors(
    result: AnchorResult | AnchorCheck, boxes: FloatArray, levels: Sequence[Level] | None = None, title: str = ""
) -> Figure:
    """Return a figure of the boxes with the anchors, the anchors by level, the ratios, and the search if there was one.

    Parameters
    ----------
    result : AnchorResult or AnchorCheck
    boxes : (n, 2) float64
        Widths and heights in pixels of the network input.
    levels : sequence of Level, optional
        As :func:`fastanchor.levels.by_level` returns them. Default: the usual ones.
    title : str, optional
        Name of the data set and network input, above the panels.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    searched = isinstance(result, AnchorResult)
    score = result.check if isinstance(result, AnchorResult) else result
    if levels is None:
        levels = by_level(score.anchors, usual_counts(len(score.anchors)), score.counts)
    figure = empty_figure(*((13, 10.5) if searched else (17, 5.6)))
    if title:
        figure.suptitle(plain(title).replace("$", r"\$"), fontsize=15)
    axes = figure.subplots(*((2, 2) if searched else (1, 3))).ravel()
    counted = f"{many(len(boxes), 'box', 'boxes')} and {many(len(score.anchors), 'anchor')}"
    panels.sizes(axes[0], boxes, score.anchors, f"{counted}, mean IoU {score.mean_iou:.4f}")
    panels.levels(axes[1], levels)
    panels.ratios(axes[2], boxes, score.anchors, score.thr)
    if isinstance(result, AnchorResult):
        panels.history(axes[3], result)
    return figure


def swept(found: SweepResult, title: str = "") -> Figure:
    """Return a figure of the scores against the number of anchors, and of the gap to the limit if it is known.

    `title` is the name of the data set and the network input.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    if found.gap is None:
        return _titled(panel(7, 5, panels.curve, found), title)
    figure = _titled(empty_figure(7, 6.6), title)
    scores, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    panels.curve(scores, found)
    scores.set_xlabel("")
    panels.gaps(below, found)
    return figure


def recall(found: Sequence[Recall], threshold: float, measure: str = "IoU", title: str = "") -> Figure:
    """Return a figure of the recall by class of size, and of the difference to other anchors if it is known.

    `title` is the name of the data set and the network input.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    compared = found[0].others is not None
    figure = _titled(empty_figure(3.4 * len(found), 5.8 if compared else 4.0), title)
    rows = figure.subplots(1 + compared, len(found), sharex=True, sharey="row", squeeze=False)
    for at, one in enumerate(found):
        panels.recall(rows[0, at], one, threshold)
        if compared:
            panels.gain(rows[1, at], one, threshold)
        rows[-1, at].set_xlabel(f"best {measure} with an anchor, at least")
    rows[0, 0].set_ylabel("share of the boxes")
    rows[0, 0].legend(loc="lower left")
    if compared:
        rows[1, 0].set_ylabel("difference of the shares")
        rows[1, 0].legend(loc="upper left")
    return figure


def peaks(found: BoundResult) -> Figure:
    """Return a figure of where on the plane of sizes the anchors of a better set could be.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    return panel(7, 5.6, panels.peaks, found)


def per_class(counts: Mapping[str, int], title: str = "") -> Figure:
    """Return a figure of the number of boxes per class name; `title` is the name of the data set.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    DataError
        If there is no class.
    """
    if not counts:
        raise DataError("boxes: expected classes to draw, got none")
    return _titled(panel(8, panels.class_height(counts), panels.classes, counts), title)


def _titled(figure: Figure, title: str) -> Figure:
    if title:
        figure.suptitle(plain(title).replace("$", r"\$"), fontsize=13)
    return figure


def panel(width: float, height: float, draw: Callable[..., None], *content: Any) -> Figure:
    """Return a figure of one of :mod:`panels`, with its content; sizes in inches."""
    figure = empty_figure(width, height)
    draw(figure.subplots(), *content)
    return figure


def png(figure: Figure) -> bytes:
    """Return the figure as a PNG."""
    out = io.BytesIO()
    write(figure, out, format="png", dpi=170)
    return out.getvalue()
