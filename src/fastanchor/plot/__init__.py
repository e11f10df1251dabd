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
from fastanchor.plot.plane import plane

__all__ = [
    "anchors", "check", "needed", "on_levels", "panel", "panels", "peaks", "per_class", "png", "recall", "save",
    "swept",
]  # fmt: skip

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


def on_levels(
    boxes: FloatArray, sets: Mapping[str, Sequence[Level]], title: str = "", columns: int | None = None
) -> Figure:
    """Return a figure of sets of anchors above the density of the boxes, a panel for each set, a mark for each level.

    Parameters
    ----------
    boxes : (n, 2) float64
        Widths and heights in pixels of the network input.
    sets : mapping of str to sequence of Level
        The levels of each set; the names are the titles of the panels.
    title : str, optional
        Name of the data set and network input, above the panels.
    columns : int, optional
        How many panels are beside each other. Default: all.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    columns = min(columns or len(sets), len(sets))
    rows = -(-len(sets) // columns)
    # the height decides how large the squares are: where the width does, labels of the axes are cut off
    figure = _titled(empty_figure(1.0 + 4.1 * columns, 1.0 + 3.65 * rows + 0.55 * bool(title)), title)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    plane(axes, boxes, sets)
    _legend(figure, axes.ravel(), 3 if columns < 2 else 6)
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
    scores.get_legend().set_bbox_to_anchor((0.5, -0.02))  # there is nothing else between the panels
    panels.gaps(below, found)
    return figure


def recall(
    found: Sequence[Recall],
    threshold: float,
    measure: str = "IoU",
    title: str = "",
    others: str = "the others",
    columns: int | None = None,
) -> Figure:
    """Return a figure of the recall by class of size, and of the difference to other anchors if it is known.

    `title` is the name of the data set and the network input, `others` that of the other anchors in the legend. So many
    `columns` of classes are beside each other, by default all.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    parts = 1 + (found[0].others is not None)
    columns = min(columns or len(found), len(found))
    rows = -(-len(found) // columns)
    figure = _titled(empty_figure(2.5 * columns, 0.8 + 2.3 * rows * parts), title)
    grid = figure.subplots(rows * parts, columns, sharex=True, sharey="row", squeeze=False)
    for at in range(rows * columns):
        upper, lower = (grid[at // columns * parts + part, at % columns] for part in (0, parts - 1))
        if at >= len(found):
            upper.set_axis_off()
            lower.set_axis_off()
            continue
        panels.recall(upper, found[at], threshold, others)
        if parts > 1:
            panels.gain(lower, found[at], threshold)
        if at + columns >= len(found):
            lower.set_xlabel(f"best {measure} is at least")
            lower.tick_params(labelbottom=True)
        if at % columns == 0:
            upper.set_ylabel("share of the boxes")
            lower.set_ylabel("difference of the shares" if parts > 1 else "share of the boxes")
    _legend(figure, [grid[0, 0], grid[parts - 1, 0]], 2 if columns < 4 else 4)
    return figure


def _legend(figure: Figure, axes: Sequence[Any], columns: int) -> None:
    """Write what is drawn into these axes below all of them."""
    handles = {label: handle for one in axes for handle, label in zip(*one.get_legend_handles_labels(), strict=True)}
    figure.legend(
        handles.values(), handles, loc="outside lower center", ncols=min(len(handles), columns), frameon=False
    )


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
