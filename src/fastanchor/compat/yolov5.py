"""Stand-in for ``utils/autoanchor.py`` of YOLOv5 and YOLOv3: the same anchors and log lines for the same seeds.

In ``train.py``, write ``from fastanchor.compat.yolov5 import check_anchors`` in place of the import from
``utils.autoanchor``. Random numbers come from ``numpy.random`` and ``random``, as many and in the same order.

What the same seeds give has changed twice; the repository's own module, or else the model, tells which release runs. Up
to YOLOv5 v5.0 and YOLOv3 v9.5.0 its law is that of YOLOv7, and so are its lines. Those of later releases are v7.0's.
"""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from fastanchor._errors import FastanchorError
from fastanchor._evolve import Draws
from fastanchor.compat import _autoanchor, _model, yolov7
from fastanchor.compat._labels import gather, rounded
from fastanchor.compat._log import say, warn
from fastanchor.compat._repository import Age, age, coloured

__all__ = ["check_anchor_order", "check_anchors", "kmean_anchors"]

PREFIX = "AutoAnchor: "
GOOD = 0.98  # best possible recall above which anchors are left alone


def check_anchor_order(m: Any) -> None:
    """Turn the layers' anchors round if their mean areas run against the strides.

    Parameters
    ----------
    m : object
        A detection layer: ``anchors`` (layers, anchors, 2), ``stride`` (layers,) and, in models of some releases,
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
    if _model.Head(m).turn():
        say(f"{coloured(PREFIX)}Reversing anchor order")


def check_anchors(dataset: Any, model: Any, thr: float = 4.0, imgsz: int = 640, *, start: str = "original") -> None:
    """Score a model's anchors on a data set; where they fit badly, put better ones into the model.

    Parameters
    ----------
    dataset : object, Boxes or path
        See :func:`kmean_anchors`.
    model : object
        Its last layer, ``model.model[-1]`` or ``model.module.model[-1]``, has ``anchors`` (layers, anchors, 2) in
        units of its ``stride`` (layers,), and in some releases ``anchor_grid`` in pixels: tensors or arrays, changed
        in place and together.
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
    m = _model.last_layer(model)
    if age(_model.is_buffered(m)) is Age.FIRST:
        yolov7.check_anchors(dataset, model, thr, imgsz, start=start)
        return
    prefix = coloured(PREFIX)
    if not hasattr(m, "anchors") or not hasattr(m, "stride"):
        say(f"{prefix}this detector has no anchors: nothing to check")
        return
    try:
        _check(dataset, _model.Head(m), thr, imgsz, start)
    except FastanchorError as error:
        warn(prefix, f"{error}; proceeding with original anchors")


def _check(dataset: Any, head: _model.Head, thr: float, imgsz: int, start: str) -> None:
    ratio = _autoanchor.threshold(thr)
    dialect = _dialect()
    found = gather(dataset, imgsz, dialect.warn)
    wh = _model.jittered(found.wh, found.image, found.images)
    before = _autoanchor.report(head.pixels.reshape(-1, 2), wh, ratio)
    told = f"\n{dialect.prefix}{before.matches:.2f} anchors/target, {before.bpr:.3f} Best Possible Recall (BPR). "
    if before.bpr > GOOD:
        say(f"{told}Current anchors are a good fit to dataset ✅")
        head.doubt(dialect.warn)
        return
    say(f"{told}Anchors are a poor fit to dataset ⚠️, attempting to improve...")
    n = head.anchors.size // 2
    anchors = rounded(_autoanchor.kmean(found, n, imgsz, thr, 1000, False, start, dialect))
    if _autoanchor.report(anchors, wh, ratio).bpr > before.bpr:
        if head.write(anchors):
            say(f"{dialect.prefix}Reversing anchor order")
        dialect.tell("Done ✅ (optional: update model *.yaml to use these anchors in the future)")
    else:
        dialect.tell("Done ⚠️ (original anchors better than new anchors, proceeding with original anchors)")
        head.doubt(dialect.warn)


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
    path : object, Boxes or path, optional
        What the first argument is called up to YOLOv5 v5.0.

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
    if age() is Age.FIRST:
        return yolov7.kmean_anchors(dataset, n, img_size, thr, gen, verbose, start=start)
    dialect = _dialect()
    found = gather(dataset, img_size, dialect.warn)
    anchors = _autoanchor.kmean(found, n, img_size, thr, gen, verbose, start, dialect)
    return anchors.astype(np.float32) if dialect.single else anchors


def _dialect() -> _autoanchor.Dialect:
    return _autoanchor.Dialect(
        prefix=coloured(PREFIX),
        small="Extremely small objects found: {} of {} labels are <3 pixels in size",
        separator=", ",
        single=age() is Age.NEWEST,
        both=False,
        draws=Draws(np.random.random_sample, random.random, np.random.standard_normal),
        say=say,
        alarm=warn,
    )
