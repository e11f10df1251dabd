"""Every detector that has anchors: which anchors are possible, how images are resized, what is matched, and its text.

There are two kinds. **Pairs**: any width and height, as in YOLO; :data:`PAIRS` lists them, and their configurations are
the dialects of ``fastanchor.export``. **Sizes and ratios**: a `Detector` per entry of :data:`GRIDS`, one file for each
library. A `Grid` has every size with every ratio, an `Ssd` two squares and one size with ratios on each level;
``_shapes`` says what such a form needs. ``_models`` has what libraries have in common, ``_reading`` and ``_writing``
the parts of readers and of texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastanchor import export
from fastanchor._network import NetworkBoxes, Scalable
from fastanchor._types import Fit, PathLike
from fastanchor.detectors._detector import Content, Detector, Resize
from fastanchor.detectors._doubts import doubts, unsuited
from fastanchor.detectors._fitted import DetectorAnchors, anchors_for, detector_of, resized
from fastanchor.detectors._grid import Grid
from fastanchor.detectors._judge import PLACED
from fastanchor.detectors._list import GRIDS, NAMES, PAIRS, READERS, Pairs
from fastanchor.detectors._positives import MATCHED, RULE_OF, positives
from fastanchor.detectors._reading import config_of, repeated
from fastanchor.detectors._shapes import Values
from fastanchor.detectors._ssd import Ssd
from fastanchor.levels import Level
from fastanchor.matching import Matching, Positives

__all__ = [
    "GRIDS", "MATCHED", "NAMES", "PAIRS", "PLACED", "RULE_OF", "Content", "Detector", "DetectorAnchors", "Grid",
    "Matching", "Pairs", "Positives", "Resize", "Ssd", "Values", "anchors_for", "config_with", "default_config",
    "default_levels", "doubts", "network_boxes", "positives", "read", "repeated", "unsuited",
]  # fmt: skip


def network_boxes(
    boxes: Scalable, detector: str, img_size: int | Sequence[int] | None, fit: Fit | None, min_size: float
) -> NetworkBoxes:
    """Return the boxes as :func:`anchors_for` uses them."""
    return resized(boxes, detector_of(detector), img_size, fit, min_size)


def default_levels(name: str, img_size: int | Sequence[int] | None = None) -> list[Level]:
    """Return the anchors that a detector has at a network input if nothing is configured, by level."""
    config = default_config(name, img_size)
    return [
        Level(level, int(stride), config.anchors[rows])
        for (level, rows), stride in zip(config.layout, config.strides, strict=True)
    ]


def default_config(name: str, img_size: int | Sequence[int] | None = None) -> export.Config:
    """Return the anchors that a detector has at a network input if nothing is configured, on its levels."""
    return config_with(name, img_size)


def config_with(
    name: str, img_size: int | Sequence[int] | None = None, sizes: Any = None, ratios: Any = None
) -> export.Config:
    """Return the anchors that a detector makes of sizes and ratios, by default of its own, on its levels.

    Raises
    ------
    DataError
        If they do not fit the levels, the library cannot have them, or an anchor has no area.

    Examples
    --------
    >>> config_with("torchvision-retinanet", ratios=[1.0], sizes=[[16], [32], [64], [128], [256]]).anchors[:2].tolist()
    [[16.0, 16.0], [32.0, 32.0]]
    """
    detector = GRIDS[name]
    size = detector.input(img_size)
    form = detector.form_at(size).chosen(sizes, ratios, own_ratios=False, symmetric=False)
    values = detector.default
    if sizes is not None:
        values = values._replace(sizes=form.some.sizes)
    if ratios is not None:
        values = values._replace(ratios=form.some.ratios)
    if values != detector.default:
        detector.text(Content(values, None, None, size))  # raises if the library cannot have such values
    return config_of(form.anchors(values), detector.strides, ratio="height / width" if form.tall else "width / height")


def read(anchors: PathLike | Sequence[str], *, name: str = "anchors") -> export.Config:
    """Return anchors that exist already, as :func:`fastanchor.export.read` does; it reads sizes and ratios too.

    Raises
    ------
    DataError
        If the file cannot be read or has no anchors, or the numbers are not pairs.
    """
    return export.read(anchors, name=name, others=READERS)
