"""Scores of anchors on boxes, each defined once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check, _text, kernels
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._types import Fitness, FloatArray, Sizes
from fastanchor._weights import weight_of
from fastanchor.boxes import Boxes
from fastanchor.engine import BoxesLike, Engine, choose
from fastanchor.engine._threads import CHUNK

__all__ = ["anchor_fitness", "as_anchors", "mean_best_iou", "mean_iou", "wh_iou"]

FEW_DIGITS = 1e-3  # 1 - x keeps 1e-13 of a mean above this
ORDER = "pass the boxes first, then the anchors"
MANY = 100  # no detector has more anchor shapes; more rows than this and than boxes means swapped arguments


def as_anchors(anchors: Sizes, boxes: int, name: str = "anchors") -> FloatArray:
    """Return `anchors` as (k, 2) float64, unless they are boxes; errors call them `name`.

    Two arrays of a few rows look alike. Swapped arguments are detected if `anchors` is an object that contains boxes,
    or has more than 100 rows and more rows than there are `boxes`.

    Raises
    ------
    DataError
        If they are boxes, a side is not finite and > 0, or the shape is not (k, 2).

    Examples
    --------
    >>> as_anchors([[10, 10]], 5)
    array([[10., 10.]])
    """
    if isinstance(anchors, Boxes) or hasattr(anchors, "first_fitter"):  # an engine
        raise WrongTypeError(f"{name}: got boxes ({type(anchors).__name__}); {ORDER}")
    found = _check.as_sizes(anchors, name)
    if len(found) > max(boxes, MANY):
        raise DataError(f"{name}: got {len(found):,} rows for {_text.many(boxes, 'box', 'boxes')}; {ORDER}")
    return found


def wh_iou(boxes: Boxes | Sizes, anchors: Sizes) -> FloatArray:
    """Return the IoU of every box with every anchor, as if both had the same top left corner.

    Parameters
    ----------
    boxes : (n, 2) array-like or Boxes
        Widths and heights, in any unit.
    anchors : (k, 2) array-like
        Widths and heights, in the same unit.

    Returns
    -------
    (n, k) float64
        In (0, 1]. The distance of ``metric="iou"`` is one minus this.

    Raises
    ------
    DataError
        If a side is not finite and > 0, or a shape is not (n, 2).

    References
    ----------
    J. Redmon, A. Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017, section 2, "Dimension Clusters".

    Examples
    --------
    >>> wh_iou([[2, 2], [4, 1]], [[2, 2], [2, 1]])
    array([[1.        , 0.5       ],
           [0.33333333, 0.5       ]])
    """
    wh = _check.as_sizes(boxes.wh if isinstance(boxes, Boxes) else boxes, "boxes")
    kw, kh = _check.as_sizes(anchors, "anchors").T.copy()
    out = np.empty((len(wh), kw.size))
    kernel = kernels.load(None, kernels.ONCE, len(wh)).wh_iou
    for start in range(0, len(wh), CHUNK):
        part = slice(start, start + CHUNK)
        kernel(wh[part, 0].copy(), wh[part, 1].copy(), kw, kh, out[part])
    return out


def mean_iou(boxes: BoxesLike, anchors: Sizes, *, weights: ArrayLike | None = None) -> float:
    """Return the mean over the boxes of the IoU with the best anchor.

    Parameters
    ----------
    boxes : (n, 2) array-like or Boxes
        Widths and heights, in any unit.
    anchors : (k, 2) array-like
        Widths and heights, in the same unit.
    weights : (n,) array-like, optional
        How often each box counts; see :func:`kmeans`.

    Raises
    ------
    DataError
        If a side is not finite and > 0, or a shape is not (n, 2).

    Examples
    --------
    >>> mean_iou([[2, 2], [4, 1]], [[2, 2], [2, 1]])
    0.75
    """
    answers = choose(boxes, weights=weights, work=kernels.ONCE)
    return mean_best_iou(answers, as_anchors(anchors, len(answers)))


def mean_best_iou(answers: Engine, anchors: FloatArray, inertia: float | None = None) -> float:
    """Return :func:`mean_iou` for an engine; `inertia` is the sum of ``1 - IoU``, if already known."""
    if inertia is None:
        inertia = answers.nearest(anchors, "iou").inertia
    mean = 1.0 - inertia / weight_of(answers)
    # near 0 the difference loses digits, so the IoUs themselves are averaged
    return mean if mean > FEW_DIGITS else answers.best_iou(anchors)


def anchor_fitness(boxes: BoxesLike, anchors: Sizes, thr: float = 0.25, *, weights: ArrayLike | None = None) -> Fitness:
    """Return the ratio fitness and the best possible recall of anchors over boxes.

    The ratio of a box and an anchor is ``min(w/kw, kw/w, h/kh, kh/h)``; for each box the best over the anchors
    counts. The fitness is the mean of ``best * (best > thr)``, the recall the share of boxes with
    ``best > thr``. These are the measures of YOLOv5's AutoAnchor, whose threshold is given as ``1 / thr``.

    Parameters
    ----------
    boxes : (n, 2) array-like, Boxes or BoxIndex
        Widths and heights, in any unit.
    anchors : (k, 2) array-like
        Widths and heights, in the same unit.
    thr : float, default 0.25
        A ratio from 0 to 1.
    weights : (n,) array-like, optional
        How often each box counts; see :func:`kmeans`.

    Raises
    ------
    DataError
        If a side is not finite and > 0, or `thr` is out of range.

    Examples
    --------
    >>> anchor_fitness([[10, 20], [10, 50]], [[10, 10]])
    Fitness(fitness=0.25, bpr=0.5)
    """
    thr = _check.threshold(thr)
    answers = choose(boxes, weights=weights, work=kernels.ONCE)
    return answers.fitness(as_anchors(anchors, len(answers)), thr)
