"""Pictures of boxes and anchors, one file a picture. matplotlib is imported inside; no window is ever opened."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from fastanchor._errors import DataError
from fastanchor._output import named_file
from fastanchor._sweep import SweepResult
from fastanchor._types import FloatArray
from fastanchor.anchors import AnchorResult
from fastanchor.evaluate import AnchorCheck, best_anchor
from fastanchor.levels import Layer, layers, levels
from fastanchor.plot import classes, curve, heads, history, served, sizes
from fastanchor.plot._style import check, counted, empty_figure, needed, save, write

__all__ = [
    "anchors",
    "check",
    "checked",
    "classes",
    "curve",
    "heads",
    "history",
    "needed",
    "per_class",
    "png",
    "served",
    "sizes",
    "swept",
]


def anchors(
    result: AnchorResult,
    boxes: FloatArray,
    out: str | Path,
    *,
    levels: Sequence[Layer] | None = None,
    thr: float = 0.25,
    replace: bool = True,
) -> None:
    """Draw the boxes with the anchors, the anchors by level, who is served, and the search, into a file.

    Parameters
    ----------
    result : AnchorResult
    boxes : (n, 2) float64
        Widths and heights in pixels of the network input.
    out : path
        Its ending chooses PNG, SVG or PDF; a pipe or device gets a PNG.
    levels : sequence of Layer, optional
        As :func:`fastanchor.levels.layers` returns them. Default: the usual ones.
    thr : float, default 0.25
        Threshold of the fitness, a ratio from 0 to 1.
    replace : bool, default True
        Whether a file that exists may be replaced.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    DataError
        If the ending is none of these, or the file cannot be written or may not be replaced.
    """
    path = named_file(out)
    check(path, replace=replace)
    figure = empty_figure(13, 10.5)
    axes = figure.subplots(2, 2).ravel()
    title = f"{counted(len(boxes), len(result.anchors))}, mean IoU {result.mean_iou:.4f}"
    _three(axes, boxes, result.anchors, levels, thr, title)
    history.draw(axes[3], result)
    save(figure, path, replace=replace)


def checked(
    found: AnchorCheck, boxes: FloatArray, levels: Sequence[Layer], out: str | Path, *, replace: bool = True
) -> None:
    """Draw the boxes with given anchors, the anchors by level, and who is served, into a file.

    Parameters
    ----------
    found : AnchorCheck
    boxes : (n, 2) float64
        Widths and heights in pixels of the network input.
    levels : sequence of Layer
        As :func:`fastanchor.levels.layers` returns them.
    out : path
        Its ending chooses PNG, SVG or PDF.
    replace : bool, default True
        Whether a file that exists may be replaced.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    DataError
        If the ending is none of these, or the file cannot be written or may not be replaced.
    """
    path = named_file(out)
    check(path, replace=replace)
    figure = empty_figure(17, 5.6)
    title = f"{counted(found.boxes, len(found.anchors))}, mean IoU {found.mean_iou:.4f}"
    _three(figure.subplots(1, 3), boxes, found.anchors, levels, found.thr, title)
    save(figure, path, replace=replace)


def swept(found: SweepResult, out: str | Path, *, replace: bool = True) -> None:
    """Draw the scores over the number of anchors into a file.

    Parameters
    ----------
    found : SweepResult
    out : path
        Its ending chooses PNG, SVG or PDF.
    replace : bool, default True
        Whether a file that exists may be replaced.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    DataError
        If the ending is none of these, or the file cannot be written or may not be replaced.
    """
    path = named_file(out)
    check(path, replace=replace)
    figure = empty_figure(7, 4.5)
    curve.draw(figure.subplots(), found)
    save(figure, path, replace=replace)


def per_class(counts: Mapping[str, int], out: str | Path, *, replace: bool = True) -> None:
    """Draw the boxes per class into a file.

    Parameters
    ----------
    counts : mapping
        Class name to number of boxes.
    out : path
        Its ending chooses PNG, SVG or PDF.
    replace : bool, default True
        Whether a file that exists may be replaced.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    DataError
        If the ending is none of these, there is no class, or the file cannot be written or may not be replaced.
    """
    path = named_file(out)
    check(path, replace=replace)
    if not counts:
        raise DataError("boxes: have no classes to draw")
    figure = empty_figure(8, classes.height(counts))
    classes.draw(figure.subplots(), counts)
    save(figure, path, replace=replace)


def png(draw: Callable[[Any], None], width: float, height: float) -> bytes:
    """Return one picture as a PNG: `draw` gets the axes; sizes in inches.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    figure = empty_figure(width, height)
    draw(figure.subplots())
    out = io.BytesIO()
    write(figure, out, format="png", dpi=110)
    return out.getvalue()


def _three(
    axes: Any, boxes: FloatArray, found: FloatArray, given: Sequence[Layer] | None, thr: float, title: str
) -> None:
    import numpy as np

    if given is None:
        counts = np.bincount(best_anchor(boxes, found)[0], minlength=len(found))
        given = layers(found, levels(len(found)), counts)
    sizes.draw(axes[0], boxes, found, title)
    heads.draw(axes[1], given)
    served.draw(axes[2], boxes, found, thr)
