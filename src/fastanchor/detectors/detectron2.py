"""Detectron2: MODEL.ANCHOR_GENERATOR of the RPN and of RetinaNet. A ratio is height / width."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.detectors._detector import (
    COCO,
    RATIOS,
    RETINA,
    RETINA_SIZES,
    RPN,
    RPN_SIZES,
    Content,
    Detector,
    Resize,
    grid_rows,
)
from fastanchor.detectors._reading import config_of, nested, no_pairs, rows_of
from fastanchor.detectors._shapes import Grid, Values
from fastanchor.export import Config, Dialect
from fastanchor.export._dialect import Needs
from fastanchor.export._yaml import compose, entries, mappings
from fastanchor.matching import Matching

__all__ = ["DETECTORS", "sides"]


def sides(sizes: Sequence[float], ratios: Sequence[float]) -> FloatArray:
    """Return the anchors of a level, not rounded.

    Examples
    --------
    >>> sides([32], [0.5, 1.0]).round(2).tolist()
    [[45.25, 22.63], [32.0, 32.0]]
    """
    widths = [(math.sqrt(size**2.0 / ratio), ratio) for size in sizes for ratio in ratios]
    both = np.array([(width, ratio * width) for width, ratio in widths], dtype=np.float32)
    return both.astype(np.float64)


def side(image: FloatArray) -> FloatArray:
    """Return the sides of a resized image, rounded to whole pixels."""
    return np.floor(image + 0.5)


def _text(content: Content, meta: list[str], head: str, limit: str) -> str:
    values = content.values
    count = len(values.sizes[0]) * len(values.ratios[0])
    ratios = grid_rows(values.ratios[:1] if content.same_ratios else values.ratios, "[]")
    sizes = grid_rows(values.sizes, "[]")
    classes = [] if content.classes is None else [f"  {limit}:", f"    NUM_CLASSES: {content.classes}"]
    generator = f"model.{head}anchor_generator"
    return "\n".join([
        *content.note,
        "MODEL:",
        *meta,
        "  ANCHOR_GENERATOR:",
        f"    SIZES: {sizes}  # one list for each level",
        f"    ASPECT_RATIOS: {ratios}  # height / width",
        *classes,
        "# with LazyConfig, where the head does not count its anchors itself:",
        f"# {generator}.sizes = {sizes}",
        f"# {generator}.aspect_ratios = {ratios}",
        f"# model.{head}head.num_anchors = {count}",
    ])  # fmt: skip


def rpn(content: Content) -> str:
    """Return the YAML for models with an RPN on a feature pyramid."""
    return _text(content, [], "proposal_generator.", "ROI_HEADS")


def retina(content: Content) -> str:
    """Return the YAML for RetinaNet."""
    return _text(content, ['  META_ARCHITECTURE: "RetinaNet"'], "", "RETINANET")


def read(text: str) -> Config:
    r"""Return the anchors of a YAML with ANCHOR_GENERATOR.

    Examples
    --------
    >>> text = "MODEL:\n  ANCHOR_GENERATOR:\n    SIZES: [[32], [64]]\n    ASPECT_RATIOS: [[1.0]]"
    >>> read(text).anchors.tolist()
    [[32.0, 32.0], [64.0, 64.0]]
    """
    root = compose(text)
    blocks = [value for node in mappings(root) for _, value in entries(node, "ANCHOR_GENERATOR")]
    given = {key: nested(value) for key in ("SIZES", "ASPECT_RATIOS") for _, value in entries(blocks[0], key)}
    if "SIZES" not in given:
        raise DataError("ANCHOR_GENERATOR: has no SIZES; those of its base file are not read")
    sizes = rows_of(given["SIZES"], "SIZES")
    ratios = rows_of(given.get("ASPECT_RATIOS", [[0.5, 1.0, 2.0]]), "ASPECT_RATIOS", levels=len(sizes))
    strides = (RETINA if "retinanet" in text.lower() else RPN) if len(sizes) == 5 else ()
    return config_of([sides(*level) for level in zip(sizes, ratios, strict=True)], strides, fit="shortest")


NEEDS = Needs("Detectron2", "shortest", equal=True, endings=(".yaml", ".yml"), mark=r"\bANCHOR_GENERATOR\b")
READER = Dialect(NEEDS, no_pairs, read)
SCALED = Resize("shortest", COCO, side)
DETECTORS = {
    "detectron2-rpn": Detector(
        "Faster R-CNN and Mask R-CNN with FPN",
        Grid(sides),
        RPN,
        Values(RPN_SIZES, RATIOS),
        SCALED,
        Matching(0.7, 0.3),
        READER,
        rpn,
    ),
    "detectron2-retinanet": Detector(
        "RetinaNet",
        Grid(sides, sizes=3),
        RETINA,
        Values(RETINA_SIZES, RATIOS),
        SCALED,
        Matching(0.5, 0.4),
        READER,
        retina,
    ),
}
