"""The positives of a detector on boxes: scaled and placed as it sees them, with its rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._network import NetworkBoxes, Scalable, to_network_input
from fastanchor._small import EVERY, reaching
from fastanchor._text import many
from fastanchor._types import Fit, FloatArray, Sizes
from fastanchor._weights import counting, weights_of
from fastanchor.boxes import Boxes, image_scale
from fastanchor.detectors._detector import Detector
from fastanchor.detectors._fitted import resized
from fastanchor.detectors._list import GRIDS, PAIRS, checked
from fastanchor.engine import answers_all
from fastanchor.export import FORMATS
from fastanchor.levels import Level, pyramid
from fastanchor.matching import (
    NOMINAL,
    Anchors,
    MatchRule,
    OwnCell,
    Places,
    Positives,
    Ratio,
    Shape,
    counts,
    summarised,
)
from fastanchor.metrics import as_anchors

__all__ = ["MATCHED", "RULE_OF", "positives"]

# of detectors with pairs, by name or else by format; YOLOv7 then takes some of these positives
RULES: dict[str, MatchRule] = {
    "yolov5": Ratio(), "yolov7": Ratio(), "mmyolo": Ratio(), "darknet": Shape(), "yolov4": Shape(0.213),
    "mmdet": OwnCell(), "paddle": Shape(single=True),
}  # fmt: skip
RULE_OF = {name: rule for name, one in PAIRS.items() if (rule := RULES.get(name, RULES.get(one.fmt))) is not None}
# whose positives are known
MATCHED = (*GRIDS, *RULE_OF)


def positives(
    boxes: Scalable,
    detector: str,
    anchors: Sequence[Level | Sizes] | None = None,
    *,
    img_size: int | Sequence[int] | None = None,
    fit: Fit | None = None,
    min_size: float = EVERY,
    weights: ArrayLike | None = None,
) -> Positives:
    """Return how many anchors a detector trains on each box, by its own rule and at the places of the boxes.

    Parameters
    ----------
    boxes : Boxes, BoxIndex or (n, 2) array-like
        A ``Boxes`` with image sizes is resized as the detector resizes images. If it has the places of the boxes too,
        `xy`, each anchor is compared where it is, and boxes of an image compete for anchors. Everything else counts as
        pixels of the network input; the result is then a mean over 8 places of each box.
    detector : str
        A name of :func:`anchors_for`, or of a YOLO, such as "yolov7-p6", "mmyolo-yolov5" or "yolov4"; not of those of
        TAO and Keras.
    anchors : sequence of (m, 2) array-like, optional
        The anchors of each level, smallest stride first, pixels of the network input, or the ``levels`` of a result.
        Default: those of the detector; there are none for YOLO.
    img_size : int or (int, int), optional
        As in :func:`anchors_for`. Default: the detector's, for YOLO 640.
    fit : {"letterbox", "stretch", "shortest"}, optional
        How images are resized. Default: as the detector does.
    min_size : float, default 0
        Boxes without a side of at least this many pixels of the network input are left out.
    weights : (n,) array-like, optional
        How often each box counts.

    Raises
    ------
    DataError
        If an argument breaks a rule, or no box is left.

    Notes
    -----
    The numbers are those of one image in a batch, in its test size and without other augmentation: torchvision and
    Detectron2 pad a batch to its largest image, so that anchors may lie a little differently. A box that overlaps no
    anchor has no positive here; torchvision and Detectron2 then make every anchor positive, and TensorFlow the first.
    IoU are computed in float32 and in pixels; YOLACT, SSD of TensorFlow and TAO compute them in parts of the image,
    so of anchors that are equally good they may take another.

    Examples
    --------
    >>> from fastanchor.datasets import sample
    >>> found = positives(sample(), "torchvision-retinanet")
    >>> found.known, round(found.matched, 2), len(found.levels)
    (False, 0.95, 5)
    >>> boxes = Boxes([[32, 32], [9, 90]], [0, 0], [[800, 800]], xy=[[10, 12], [300, 20]])
    >>> positives(boxes, "torchvision-fasterrcnn").counts.sum(axis=1).tolist()
    [2, 33]
    """
    checked(detector, MATCHED, "is a detector whose rule is not known in full")
    if weights is not None and isinstance(boxes, Boxes):
        boxes = replace(boxes, weights=np.asarray(weights))
    elif weights is not None:
        boxes = to_network_input(boxes, 640, "letterbox", min_size, weights)
    grid = GRIDS.get(detector)
    return (
        _of_pairs(boxes, detector, anchors, img_size, fit, min_size)
        if grid is None
        else _of_grid(boxes, detector, grid, anchors, img_size, fit, min_size)
    )


def _of_grid(
    boxes: Scalable, name: str, detector: Detector, anchors: Any, img_size: Any, fit: Fit | None, min_size: float
) -> Positives:
    ready = resized(boxes, detector, img_size, fit, min_size)
    parts = detector.form_at(detector.input(img_size)).anchors(detector.default) if anchors is None else _parts(anchors)
    if len(parts) != len(detector.strides):
        raise DataError(
            f"{called('anchors')}: got {many(len(parts), 'level')}, expected the {len(detector.strides)} of {name}"
        )
    placed = Anchors(parts, detector.strides, detector.cells)
    places = _places(boxes, ready, detector.resize.side, centred=False, min_size=min_size)
    return _counted(name, ready, placed, detector.matching, places)


def _of_pairs(boxes: Scalable, name: str, anchors: Any, img_size: Any, fit: Fit | None, min_size: float) -> Positives:
    rule, pairs = RULE_OF[name], PAIRS[name]
    if anchors is None:
        raise DataError(f"{called('anchors')}: needed for {name}, which has no sizes and ratios by default")
    ready = to_network_input(
        boxes, pairs.img_size or 640 if img_size is None else img_size, fit or FORMATS[pairs.fmt].needs.fit, min_size
    )
    parts = _parts(anchors)
    strides = tuple(float(one.stride) for one in anchors if isinstance(one, Level))
    if not strides:
        strides = tuple(2.0**level for level in pyramid(len(parts)))
    places = _places(boxes, ready, None, centred=isinstance(rule, Ratio), min_size=min_size)
    return _counted(name, ready, Anchors(parts, strides, NOMINAL), rule, places)


def _counted(name: str, ready: NetworkBoxes, anchors: Anchors, rule: MatchRule, places: Places | None) -> Positives:
    found = counts(ready.wh, anchors, rule, places)
    return summarised(name, ready.wh, _column(ready), anchors, rule, found, places is not None, ready.images)


def _parts(anchors: Sequence[Level | Sizes]) -> list[FloatArray]:
    if not isinstance(anchors, Iterable):
        raise DataError(f"{called('anchors')}: got {_check.short(anchors)}, expected the anchors of each level, or the "
                        "levels of a result")  # fmt: skip
    return [
        one.anchors if isinstance(one, Level) else as_anchors(one, 1, f"{called('anchors')}[{at}]")
        for at, one in enumerate(anchors)
    ]


def _column(ready: NetworkBoxes) -> Any:
    """Return the weights of the boxes, None without any."""
    if answers_all(ready.boxes):
        own = weights_of(ready.boxes)
        return None if own is None else own.each * own.unit
    if ready.weights is not None:
        counting(ready.weights, "weights", len(ready.wh))
    return ready.weights


def _places(
    boxes: Scalable,
    ready: NetworkBoxes,
    rounded: Callable[[FloatArray], FloatArray] | None,
    *,
    centred: bool,
    min_size: float,
) -> Places | None:
    """Return where the boxes that are used are, None if that is not known.

    `rounded` rounds sides of images; `centred` images have padding at all borders.
    """
    if not isinstance(boxes, Boxes) or boxes.xy is None or boxes.image_wh is None or boxes.image_index is None:
        return None
    assert ready.img_size is not None
    assert ready.fit is not None
    image = boxes.image_wh
    scale = image_scale(image, ready.img_size, ready.fit)
    if rounded is not None:
        scale = rounded(image * scale).clip(1.0) / image
    sides, shift = image * scale, np.zeros(2)
    if ready.fit != "shortest":  # the image is a part of the input
        whole = np.broadcast_to(np.asarray(ready.img_size, dtype=np.float64), image.shape)
        sides, shift = whole, ((whole - sides) / 2.0 if centred else shift)
    each = boxes.image_index
    low = boxes.xy * scale[each] + np.broadcast_to(shift, image.shape)[each]
    corners = np.concatenate([low, low + boxes.wh * scale[each]], axis=1).astype(np.float32)
    keep = reaching(boxes.wh * scale[each], min_size)
    return Places(corners[keep], each[keep], sides)
