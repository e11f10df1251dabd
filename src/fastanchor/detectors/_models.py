"""What a kind of model has in common in all libraries: Faster R-CNN and RetinaNet with a feature pyramid, and SSD."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.detectors._detector import Content, Detector, Resize
from fastanchor.detectors._grid import Grid
from fastanchor.detectors._shapes import Values
from fastanchor.detectors._ssd import USUAL, Ssd, chain
from fastanchor.export import Dialect
from fastanchor.matching import Cells, Matching

__all__ = [
    "CENTRED", "COCO", "EVEN", "RATIOS", "RETINA", "RPN", "SSD", "faster_rcnn", "half_up", "retinanet", "shorter",
    "ssd",
]  # fmt: skip

RPN, RETINA = (4, 8, 16, 32, 64), (8, 16, 32, 64, 128)  # strides
SSD = (8, 16, 32, 64, 100, 300)
COCO = (800, 1333)  # limits of the shorter and of the longer side
RATIOS = (0.5, 1.0, 2.0)
CENTRED = Cells(multiple=1, offset=0.5)  # anchors in the middle of the cells of images that are not padded
EVEN = Cells(multiple=1, offset=0.5, even=True)  # where the cells of a level cover just the image

Text = Callable[[Content], str]


def faster_rcnn(title: str, form: Grid, dialect: Dialect, text: Text, **more: Any) -> Detector:
    """Return a Faster R-CNN with a feature pyramid; `more` are attributes in which it is not as usual."""
    values = Values(tuple((8.0 * stride,) for stride in RPN), (RATIOS,) * 5)
    usual = {"strides": RPN, "default": values, "resize": Resize("shortest", COCO), "matching": Matching(0.7, 0.3)}
    return Detector(title, form, dialect=dialect, text=text, **{**usual, **more})


def retinanet(title: str, form: Grid, dialect: Dialect, text: Text, **more: Any) -> Detector:
    """Return a RetinaNet; `more` are attributes in which it is not as usual, `sizes` and `ratios` its default ones."""
    sizes = tuple(tuple(4.0 * stride * 2 ** (k / 3) for k in range(3)) for stride in RETINA)
    values = Values(more.pop("sizes", sizes), (more.pop("ratios", RATIOS),) * 5)
    usual = {"strides": RETINA, "default": values, "resize": Resize("shortest", COCO), "matching": Matching(0.5, 0.4)}
    return Detector(title, form, dialect=dialect, text=text, **{**usual, **more})


def ssd(title: str, form: Ssd, sizes: tuple[float, ...], dialect: Dialect, text: Text, **more: Any) -> Detector:
    """Return an SSD of these sizes; `more` are attributes in which it is not as usual, `ratios` those of the levels."""
    values = Values(chain(sizes), more.pop("ratios", USUAL))
    usual = {"strides": SSD, "default": values, "resize": Resize("stretch", (300, 300)),
             "matching": Matching(0.5, 0.5, "one"), "cells": CENTRED}  # fmt: skip
    return Detector(title, form, dialect=dialect, text=text, **{**usual, **more})


def half_up(image: FloatArray) -> FloatArray:
    """Return the sides of a resized image, rounded to whole pixels."""
    return np.floor(image + 0.5)


def shorter(img_size: tuple[int, int]) -> tuple[float, float]:
    """Return the unit of sizes that are parts of the shorter side of the network input."""
    return (float(min(img_size)),) * 2
