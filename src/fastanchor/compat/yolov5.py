"""Stand-in for ``utils/autoanchor.py`` of YOLOv5 and YOLOv3: the same anchors and log lines for the same seeds.

In ``train.py``, write ``from fastanchor.compat.yolov5 import check_anchors`` in place of the import from
``utils.autoanchor``. Random numbers come from ``numpy.random`` and ``random``, as many and in the same order.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from fastanchor._errors import FastanchorError
from fastanchor._evolve import Draws
from fastanchor.compat import _model, _search
from fastanchor.compat._labels import gather, rounded
from fastanchor.compat._log import say

__all__ = ["check_anchor_order", "check_anchors", "kmean_anchors"]

PREFIX = "AutoAnchor: "
GOOD = 0.98  # best possible recall above which anchors are left alone


def check_anchor_order(m: Any) -> None:
    """Turn the layers' anchors round if their mean areas run against the strides.

    Parameters
    ----------
    m : object
        A detection layer: ``anchors`` (layers, anchors, 2) and ``stride`` (layers,), tensors or arrays; changed in
        place.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> layer = SimpleNamespace(anchors=np.array([[[30.0, 30.0]], [[10.0, 10.0]]]), stride=np.array([8, 16]))
    >>> check_anchor_order(layer)
    >>> layer.anchors.tolist()
    [[[10.0, 10.0]], [[30.0, 30.0]]]
    """
    anchors = _model.values(m.anchors)
    if _model.opposed(anchors, _model.values(m.stride)):
        say(f"{PREFIX}Reversing anchor order")
        _model.put(m.anchors, anchors[::-1])


def check_anchors(dataset: Any, model: Any, thr: float = 4.0, imgsz: int = 640, *, start: str = "original") -> None:
    """Score a model's anchors on a data set; where they fit badly, put better ones into the model.

    Parameters
    ----------
    dataset : object, Boxes or path
        See :func:`kmean_anchors`.
    model : object
        Its last layer, ``model.model[-1]`` or ``model.module.model[-1]``, has ``anchors`` (layers, anchors, 2) in
        units of its ``stride`` (layers,): tensors or arrays, changed in place.
    thr : float, default 4
        Largest ratio of sides that counts as a match, the hyperparameter ``anchor_t``.
    imgsz : int, default 640
        Side of the network input, pixels.
    start : {"original", "iou"}
        See :func:`kmean_anchors`.

    Notes
    -----
    Bad data never stops a training run here: the sentence is logged and the anchors stay as they are.
    """
    m = _model.head(model)
    if not hasattr(m, "anchors") or not hasattr(m, "stride"):
        say(f"{PREFIX}a {type(m).__name__} head has no anchors: nothing to check")
        return
    try:
        _check(dataset, m, thr, imgsz, start)
    except FastanchorError as error:
        say(f"{PREFIX}WARNING: {error}; proceeding with original anchors")


def _check(dataset: Any, m: Any, thr: float, imgsz: int, start: str) -> None:
    ratio = _search.threshold(thr)
    dialect = _dialect()
    found = gather(dataset, imgsz, dialect.warn)
    wh = _model.jittered(found.wh, found.image, found.images)
    stride = _model.values(m.stride).reshape(-1, 1, 1)
    before = _search.report((_model.values(m.anchors) * stride).reshape(-1, 2), wh, ratio)
    told = f"\n{PREFIX}{before.matches:.2f} anchors/target, {before.bpr:.3f} Best Possible Recall (BPR). "
    if before.bpr > GOOD:
        say(f"{told}Current anchors are a good fit to dataset ✅")
        return
    say(f"{told}Anchors are a poor fit to dataset ⚠️, attempting to improve...")
    n = _model.values(m.anchors).size // 2
    anchors = rounded(_search.kmean(found, n, imgsz, thr, 1000, False, start, dialect))
    if _search.report(anchors, wh, ratio).bpr > before.bpr:
        _model.put(m.anchors, anchors)
        check_anchor_order(m)  # areas have to be pixels for this
        _model.put(m.anchors, _model.values(m.anchors) / stride)
        say(f"{PREFIX}Done ✅ (optional: update model *.yaml to use these anchors in the future)")
    else:
        say(f"{PREFIX}Done ⚠️ (original anchors better than new anchors, proceeding with original anchors)")


def kmean_anchors(
    dataset: Any = "./data/coco128.yaml",
    n: int = 9,
    img_size: int = 640,
    thr: float = 4.0,
    gen: int = 1000,
    verbose: bool = True,
    *,
    start: str = "original",
) -> Any:
    """Return n anchors for a data set: k-means from 30 random starts, then a genetic search.

    Parameters
    ----------
    dataset : object, Boxes or path
        An object with ``labels``, one (m, 5) array an image of class, x, y, width, height relative to the image, and
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
        "iou" begins with k-means under ``1 - IoU`` with medians: one start instead of 30, and a fitter one.

    Returns
    -------
    (n, 2) float32
        Widths and heights in pixels of the network input, smallest area first.

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
    dialect = _dialect()
    found = gather(dataset, img_size, dialect.warn)
    return _search.kmean(found, n, img_size, thr, gen, verbose, start, dialect).astype(np.float32)


def _dialect() -> _search.Dialect:
    return _search.Dialect(
        prefix=PREFIX,
        small="Extremely small objects found: {} of {} labels are <3 pixels in size",
        separator=", ",
        single=True,
        both=False,
        draws=Draws(np.random.random_sample, random.random, np.random.standard_normal),
        say=say,
    )
