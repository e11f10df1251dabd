"""Stand-in for ``utils/autoanchor.py`` of YOLOv5 and YOLOv3: the same anchors and log lines for the same seeds.

In ``train.py``, write ``from fastanchor.compat.yolov5 import check_anchors`` in place of the import from
``utils.autoanchor``. Random numbers come from ``numpy.random`` and ``random``, as many and in the same order.

The anchors that a seed gives changed twice between releases. The release is known from the repository's own module, or
else from the model. Up to YOLOv5 v5.0 and YOLOv3 v9.5.0 anchors and lines are those of YOLOv7. Later releases print the
lines of v7.0.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from fastanchor._evolve import Draws
from fastanchor.compat import _autoanchor, _model, yolov7
from fastanchor.compat._labels import gather
from fastanchor.compat._repository import Age, age, coloured, say, warn

__all__ = ["check_anchor_order", "check_anchors", "kmean_anchors"]

GOOD = 0.98  # anchors with a greater best possible recall are kept


def check_anchor_order(m: Any) -> None:
    """Reverse the order of the levels' anchors if their mean areas run against the strides.

    Parameters
    ----------
    m : object
        A detection layer: ``anchors`` (levels, anchors, 2), ``stride`` (levels,) and, in models of some releases,
        ``anchor_grid``, tensors or arrays; changed in place.

    Raises
    ------
    DataError
        If these do not fit each other; nothing is changed then.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> layer = SimpleNamespace(anchors=np.array([[[30.0, 30.0]], [[10.0, 10.0]]]), stride=np.array([8, 16]))
    >>> check_anchor_order(layer)
    >>> layer.anchors.tolist()
    [[[10.0, 10.0]], [[30.0, 30.0]]]
    """
    _autoanchor.order(m, _dialect())


def check_anchors(dataset: Any, model: Any, thr: float = 4.0, imgsz: int = 640, *, start: str = "original") -> None:
    """Score a model's anchors on a data set; where they fit badly, put better ones into the model.

    Parameters
    ----------
    dataset : object, Boxes or path
        See :func:`kmean_anchors`.
    model : object
        Its last layer, ``model.model[-1]`` or ``model.module.model[-1]``, has ``anchors`` (levels, anchors, 2) in
        units of its ``stride`` (levels,), and in some releases ``anchor_grid`` in pixels: tensors or arrays, changed
        in place and together.
    thr : float, default 4
        Largest ratio of sides that counts as a match, the hyperparameter ``anchor_t``.
    imgsz : int, default 640
        Side of the network input, pixels.
    start : {"original", "iou"}
        See :func:`kmean_anchors`.

    Notes
    -----
    Bad data never stops a training run here: the error is logged and the anchors stay as they are.
    """
    first = age(_model.is_buffered(_model.last_layer(model))) is Age.FIRST
    _autoanchor.check(dataset, model, thr, imgsz, start, yolov7.dialect() if first else _dialect())


def kmean_anchors(
    dataset: Any = "./data/coco128.yaml",
    n: int = 9,
    img_size: int = 640,
    thr: float = 4.0,
    gen: int = 1000,
    verbose: bool = True,
    *,
    start: str = "original",
    path: Any = None,
) -> Any:
    """Return n anchors for a data set: k-means from 30 random starts, then a genetic search.

    Parameters
    ----------
    dataset : object, Boxes or path
        An object with ``labels``, one (m, 5) array per image of class, x, y, width, height relative to the image, and
        ``shapes`` (images, 2), width and height in pixels; or anything that :func:`fastanchor.read` reads.
    n : int, default 9
        Number of anchors.
    img_size : int, default 640
        Side of the network input, pixels.
    thr : float, default 4
        Largest ratio of sides that counts as a match.
    gen : int, default 1000
        Generations of the search.
    verbose : bool, default True
        Log each improvement.
    start : {"original", "iou"}
        "iou" starts from k-means under ``1 - IoU`` with medians: one start instead of 30, and a fitter one.
    path : object, Boxes or path, optional
        Name of the first argument up to YOLOv5 v5.0.

    Returns
    -------
    (n, 2) float32
        Widths and heights in pixels of the network input, smallest area first. float64 inside a release before v7.0.

    Raises
    ------
    DataError
        If an argument breaks a rule, or no label is left.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> rng = np.random.default_rng(0)
    >>> labels = [np.column_stack([np.zeros((5, 3)), rng.uniform(0.05, 0.5, (5, 2))]) for _ in range(20)]
    >>> dataset = SimpleNamespace(labels=labels, shapes=np.full((20, 2), [640, 480]))
    >>> kmean_anchors(dataset, n=3, gen=100, verbose=False).shape
    (3, 2)
    """
    dataset = dataset if path is None else path
    dialect = yolov7.dialect() if age() is Age.FIRST else _dialect()
    labels = gather(dataset, img_size, dialect.warn)
    anchors = _autoanchor.kmean(labels, n, img_size, thr, gen, verbose, start, dialect)
    return anchors.astype(np.float32) if dialect.single else anchors


def _dialect() -> _autoanchor.Dialect:
    prefix = coloured("AutoAnchor: ")
    return _autoanchor.Dialect(
        prefix=prefix,
        small="Extremely small objects found: {} of {} labels are <3 pixels in size",
        separator=", ",
        single=age() is Age.NEWEST,
        new_single=True,
        both=False,
        good=lambda bpr: bpr > GOOD,
        state="{matches:.2f} anchors/target, {bpr:.3f} Best Possible Recall (BPR). ",
        fits="Current anchors are a good fit to dataset ✅",
        poor="Anchors are a poor fit to dataset ⚠️, attempting to improve...",
        adopted="Done ✅ (optional: update model *.yaml to use these anchors in the future)",
        rejected="Done ⚠️ (original anchors better than new anchors, proceeding with original anchors)",
        turned=f"{prefix}Reversing anchor order",
        blank=False,
        draws=Draws(np.random.random_sample, random.random, np.random.standard_normal),
        say=say,
        alarm=warn,
    )
