"""Every detector that has anchors: which anchors are possible, how images are resized, what is matched, and its text.

There are two kinds. **Pairs**: any width and height, as in YOLO; their configurations are the dialects of
``fastanchor.export``. **Sizes and ratios**: a `Detector` per entry of :data:`GRIDS`, one file for each library.
"""

from __future__ import annotations

from collections.abc import Sequence

from numpy.typing import ArrayLike

from fastanchor import _check, export
from fastanchor._network import NetworkBoxes, Scalable
from fastanchor._small import MIN_SIZE
from fastanchor._types import Fit, PathLike, Rng
from fastanchor.detectors import detectron2, mmdetection, torchvision
from fastanchor.detectors._detector import Content, Detector, Resize
from fastanchor.detectors._fitted import DetectorAnchors, Rows, fitted, resized
from fastanchor.detectors._positives import RATIO_FORMATS, positives
from fastanchor.detectors._reading import config_of
from fastanchor.detectors._shapes import Grid, Values
from fastanchor.engine import Objective
from fastanchor.matching import Matching, Positives

__all__ = [
    "GRIDS", "MATCHED", "NAMES", "PAIRS", "Content", "Detector", "DetectorAnchors", "Grid", "Matching", "Positives",
    "Resize", "Values", "anchors_for", "default_config", "network_boxes", "positives", "read",
]  # fmt: skip

GRIDS: dict[str, Detector] = {**torchvision.DETECTORS, **detectron2.DETECTORS, **mmdetection.DETECTORS}
PAIRS = {name: dialect for name, dialect in export.FORMATS.items() if not dialect.needs.any_fit}
NAMES = (*GRIDS, *PAIRS)
MATCHED = (*GRIDS, *RATIO_FORMATS)  # whose positives are known


def anchors_for(
    boxes: Scalable,
    detector: str,
    *,
    img_size: int | Sequence[int] | None = None,
    fit: Fit | None = None,
    sizes: int | Rows | None = None,
    ratios: int | Rows | None = None,
    own_ratios: bool = False,
    symmetric: bool = False,
    objective: str | Objective = "iou",
    thr: float = 0.25,
    min_size: float = MIN_SIZE,
    weights: ArrayLike | None = None,
    rng: Rng = 0,
) -> DetectorAnchors:
    """Return the sizes and ratios for a detector whose anchors are every size of a level with every ratio.

    Parameters
    ----------
    boxes : Boxes, BoxIndex or (n, 2) array-like
        A ``Boxes`` with image sizes is resized as the detector resizes images; everything else counts as pixels of the
        network input.
    detector : str
        A name such as "torchvision-fasterrcnn"; ``fastanchor detectors`` lists them.
    img_size : int or (int, int), optional
        The network input, pixels; for detectors that resize by the shorter side, the limits of the shorter and of the
        longer side. Default: the detector's.
    fit : {"letterbox", "stretch", "shortest"}, optional
        How images are resized. Default: as the detector does.
    sizes, ratios : int or sequence, optional
        How many of each level, or the values themselves, which then stay: a list for each level, or one list of ratios.
        Default: as many as the detector has.
    own_ratios : bool, default False
        Whether each level has ratios of its own.
    symmetric : bool, default False
        Whether ratios are r with 1 / r, and 1 if their number is odd.
    objective : str or Objective, default "iou"
        What is maximised; see :func:`evolve`.
    thr : float, default 0.25
        Threshold of the ratio, from 0 to 1, for the objectives "ratio" and "recall" and for the scores.
    min_size : float, default 2
        Boxes without a side of at least this many pixels of the network input are left out.
    weights : (n,) array-like, optional
        How often each box counts.
    rng : int, numpy.random.Generator or None, default 0
        Of the random starts.

    Raises
    ------
    DataError
        If an argument breaks a rule, no box is left, or the detector takes pairs (width, height).

    Notes
    -----
    The anchors are scored as the detector makes them, after its rounding: those of torchvision have even sides.

    Examples
    --------
    >>> from fastanchor.datasets import sample
    >>> found = anchors_for(sample(), "detectron2-rpn", ratios=[0.5, 1.0, 2.0])
    >>> len(found.sizes), found.ratios[0]
    (5, (0.5, 1.0, 2.0))
    >>> found.score > found.default_score
    True
    """
    _check.choice(detector, "detector", tuple(GRIDS))
    return fitted(
        boxes, detector, GRIDS[detector], img_size=img_size, fit=fit, sizes=sizes, ratios=ratios,
        own_ratios=own_ratios, symmetric=symmetric, objective=objective, thr=thr, min_size=min_size, weights=weights,
        rng=rng,
    )  # fmt: skip


def network_boxes(
    boxes: Scalable, detector: str, img_size: int | Sequence[int] | None, fit: Fit | None, min_size: float
) -> NetworkBoxes:
    """Return the boxes as :func:`anchors_for` uses them."""
    return resized(boxes, GRIDS[detector], img_size, fit, min_size)


def default_config(name: str) -> export.Config:
    """Return the anchors that a detector has if nothing is configured, on its levels."""
    detector = GRIDS[name]
    return config_of(detector.form, detector.default, detector.strides)


def read(anchors: PathLike | Sequence[str], *, name: str = "anchors") -> export.Config:
    """Return anchors that exist already, as :func:`fastanchor.export.read` does; it reads sizes and ratios too.

    Raises
    ------
    DataError
        If the file cannot be read or has no anchors, or the numbers are not pairs.
    """
    return export.read(anchors, name=name, others=[detector.dialect for detector in GRIDS.values()])
