"""Stand-in for ``utils/autoanchor.py`` of YOLOv7: the same anchors and printed lines for the same seeds.

In ``train.py`` and ``train_aux.py``, write ``from fastanchor.compat.yolov7 import check_anchors`` in place of the
import from ``utils.autoanchor``. Random numbers come from ``numpy.random``, as many and in the same order. Parameters
and errors are those of :mod:`.yolov5`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._evolve import Draws
from fastanchor.compat import _autoanchor
from fastanchor.compat._labels import gather
from fastanchor.compat._repository import coloured

__all__ = ["check_anchor_order", "check_anchors", "kmean_anchors"]

GOOD = 0.98  # anchors with at least this best possible recall are kept


def check_anchor_order(m: Any) -> None:
    """Reverse the order of the levels' anchors if their mean areas run against the strides.

    ``anchor_grid`` (pixels) and ``anchors`` (in strides) of the detection layer are changed in place and together; see
    :func:`.yolov5.check_anchor_order`.
    """
    _autoanchor.order(m, dialect())


def check_anchors(dataset: Any, model: Any, thr: float = 4.0, imgsz: int = 640, *, start: str = "original") -> None:
    """Score a model's anchors on a data set; where they fit badly, put better ones into the model.

    Bad data never stops a training run here: the error is printed and the anchors stay as they are. Parameters are
    those of :func:`.yolov5.check_anchors`.
    """
    _autoanchor.check(dataset, model, thr, imgsz, start, dialect())


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
    """Return n anchors for a data set, (n, 2) float64: k-means from 30 random starts, then a genetic search.

    Parameters are those of :func:`.yolov5.kmean_anchors`; `path` may be any of its data sets. Both the anchors of
    k-means and those of the search are printed.
    """
    spoken = dialect()
    return _autoanchor.kmean(gather(path, img_size, spoken.warn), n, img_size, thr, gen, verbose, start, spoken)


def dialect() -> _autoanchor.Dialect:
    """Return the constants and words of YOLOv7, which YOLOv5 shared up to v5.0."""
    return _autoanchor.Dialect(
        prefix=coloured("autoanchor: "),
        small="Extremely small objects found. {} of {} labels are < 3 pixels in size.",
        separator=",  ",
        single=False,
        new_single=False,
        both=True,
        good=lambda bpr: bpr >= GOOD,
        state="Analyzing anchors... anchors/target = {matches:.2f}, Best Possible Recall (BPR) = {bpr:.4f}",
        fits="",
        poor=". Attempting to improve anchors, please wait...",
        adopted="New anchors saved to model. Update model *.yaml to use these anchors in the future.",
        rejected="Original anchors better than new anchors. Proceeding with original anchors.",
        turned="Reversing anchor order",
        blank=True,
        draws=Draws(np.random.random_sample, np.random.random_sample, np.random.standard_normal),
        say=print,
        alarm=lambda prefix, text: print(f"{prefix}WARNING: {text}"),
    )
