"""Stand-in for ``utils/autoanchor.py`` of YOLOv7: the same anchors and printed lines for the same seeds.

In ``train.py`` and ``train_aux.py``, write ``from fastanchor.compat.yolov7 import check_anchors`` in place of the
import from ``utils.autoanchor``. Random numbers come from ``numpy.random``, as many and in the same order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._errors import FastanchorError
from fastanchor._evolve import Draws
from fastanchor.compat import _autoanchor, _model
from fastanchor.compat._labels import gather
from fastanchor.compat._repository import coloured

__all__ = ["check_anchor_order", "check_anchors", "kmean_anchors"]

PREFIX = "autoanchor: "
GOOD = 0.98  # best possible recall from which anchors are left alone


def check_anchor_order(m: Any) -> None:
    """Turn the layers' anchors round if their mean areas run against the strides.

    Parameters
    ----------
    m : object
        A detection layer: ``anchor_grid`` (pixels) and ``anchors`` (in strides), layers first, and ``stride``
        (layers,), tensors or arrays; both are changed in place, so that each layer's agree.

    Raises
    ------
    DataError
        If these do not fit each other; nothing is changed then.
    """
    if _model.Head(m).turn():
        print("Reversing anchor order")


def check_anchors(dataset: Any, model: Any, thr: float = 4.0, imgsz: int = 640, *, start: str = "original") -> None:
    """Score a model's anchors on a data set; where they fit badly, put better ones into the model.

    Parameters
    ----------
    dataset : object, Boxes or path
        See :func:`kmean_anchors`.
    model : object
        Its last layer, ``model.model[-1]`` or ``model.module.model[-1]``, has ``anchor_grid`` in pixels, ``anchors``
        in units of its ``stride``: tensors or arrays, changed in place and together.
    thr : float, default 4
        Largest ratio of sides that counts as a match, the hyperparameter ``anchor_t``.
    imgsz : int, default 640
        Side of the network input, pixels.
    start : {"original", "iou"}
        See :func:`kmean_anchors`.

    Notes
    -----
    Bad data never stops a training run here: the sentence is printed and the anchors stay as they are.
    """
    m = _model.last_layer(model)
    prefix = coloured(PREFIX)
    if not hasattr(m, "anchors") or not hasattr(m, "stride"):
        print(f"{prefix}this detector has no anchors: nothing to check")
        return
    try:
        _check(dataset, _model.Head(m), thr, imgsz, start)
    except FastanchorError as error:
        print(f"{prefix}ERROR: {error}; proceeding with original anchors")


def _check(dataset: Any, head: _model.Head, thr: float, imgsz: int, start: str) -> None:
    ratio = _autoanchor.threshold(thr)
    dialect = _dialect()
    found = gather(dataset, imgsz, dialect.warn)
    wh = _model.jittered(found.wh, found.image, found.images)
    before = _autoanchor.report(head.pixels.reshape(-1, 2), wh, ratio)
    told = (
        f"\n{dialect.prefix}Analyzing anchors... anchors/target = {before.matches:.2f}, "
        f"Best Possible Recall (BPR) = {before.bpr:.4f}"
    )
    if before.bpr >= GOOD:
        print(told)
        head.doubt(dialect.warn)
        return
    print(f"{told}. Attempting to improve anchors, please wait...")
    n = head.anchors.size // 2
    anchors = _autoanchor.kmean(found, n, imgsz, thr, 1000, False, start, dialect)
    if _autoanchor.report(anchors, wh, ratio).bpr > before.bpr:
        if head.write(anchors):
            print("Reversing anchor order")
        dialect.tell("New anchors saved to model. Update model *.yaml to use these anchors in the future.")
    else:
        dialect.tell("Original anchors better than new anchors. Proceeding with original anchors.")
        head.doubt(dialect.warn)
    print()


def kmean_anchors(
    path: Any = "./data/coco.yaml",
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
    path : object, Boxes or path
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
        Print each improvement.
    start : {"original", "iou"}
        "iou" begins with k-means under ``1 - IoU`` with medians: one start instead of 30, and a fitter one.

    Returns
    -------
    (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.

    Raises
    ------
    DataError
        If an argument breaks a rule, or no label is left.
    """
    dialect = _dialect()
    found = gather(path, img_size, dialect.warn)
    return _autoanchor.kmean(found, n, img_size, thr, gen, verbose, start, dialect)


def _dialect() -> _autoanchor.Dialect:
    return _autoanchor.Dialect(
        prefix=coloured(PREFIX),
        small="Extremely small objects found. {} of {} labels are < 3 pixels in size.",
        separator=",  ",
        single=False,
        both=True,
        draws=Draws(np.random.random_sample, np.random.random_sample, np.random.standard_normal),
        say=print,
        alarm=lambda prefix, text: print(f"{prefix}WARNING: {text}"),
    )
