"""Detectron2: MODEL.ANCHOR_GENERATOR of the RPN and of RetinaNet. A ratio is height / width."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.detectors._detector import Content, Resize
from fastanchor.detectors._grid import Grid
from fastanchor.detectors._models import COCO, RATIOS, RETINA, RPN, faster_rcnn, half_up, retinanet
from fastanchor.detectors._reading import config_of, given, reader, rows_of
from fastanchor.detectors._shapes import Values
from fastanchor.detectors._writing import grid_rows, written
from fastanchor.export import Config
from fastanchor.export._yaml import Node, compose, entries, mappings

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


def _text(content: Content, more: list[str], head: str, limit: str) -> str:
    values = content.values
    ratios = grid_rows(values.ratios[:1] if content.same_ratios else values.ratios, "[]")
    sizes = grid_rows(values.sizes, "[]")
    generator = f"model.{head}anchor_generator"
    return written(
        content.note,
        "MODEL:",
        more,
        "  ANCHOR_GENERATOR:",
        f"    SIZES: {sizes}  # one list for each level",
        f"    ASPECT_RATIOS: {ratios}  # height / width",
        content.of_classes(f"  {limit}:\n    NUM_CLASSES: {{}}"),
        "# with LazyConfig, where the head does not count its anchors itself:",
        f"# {generator}.sizes = {sizes}",
        f"# {generator}.aspect_ratios = {ratios}",
        f"# model.{head}head.num_anchors = {content.per_place}",
    )


def rpn(content: Content) -> str:
    """Return the YAML for models with an RPN on a feature pyramid."""
    return _text(content, [], "proposal_generator.", "ROI_HEADS")


def c4(content: Content) -> str:
    """Return the YAML for models with an RPN on one level."""
    return _text(content, ["  RPN:", '    IN_FEATURES: ["res4"]'], "proposal_generator.", "ROI_HEADS")


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
    found = given(blocks[0], "SIZES", "ASPECT_RATIOS") if blocks else {}
    if "SIZES" not in found:
        raise DataError("ANCHOR_GENERATOR: has no SIZES; those of its base file are not read")
    strides = _strides(root)
    sizes = rows_of(found["SIZES"], "SIZES", levels=len(strides) or None)
    ratios = rows_of(found.get("ASPECT_RATIOS", [RATIOS]), "ASPECT_RATIOS", levels=len(sizes))
    strides = strides or usual_strides(text, len(sizes))
    return config_of([sides(*level) for level in zip(sizes, ratios, strict=True)], strides, fit="shortest", equal=True)


def usual_strides(text: str, levels: int) -> tuple[int, ...]:
    """Return the strides of a feature pyramid; none for another number of levels."""
    return () if levels != len(RPN) else RETINA if "retinanet" in text.lower() else RPN


def _strides(root: Node) -> tuple[int, ...]:
    """Return the strides of the levels with anchors, named like p3 or res4; none if the text does not name them."""
    heads = [value for node in mappings(root) for key in ("RPN", "RETINANET") for _, value in entries(node, key)]
    names = [name for head in heads for name in given(head, "IN_FEATURES").get("IN_FEATURES", [])]
    levels = [re.fullmatch(r"(?:p|res)(\d)", str(name)) for name in names]
    return tuple(2 ** int(level[1]) for level in levels if level) if all(levels) else ()


READER = reader(read, "Detectron2", "shortest", ".yaml", ".yml", mark=r"\bANCHOR_GENERATOR\s*:", equal=True)
SCALED = Resize("shortest", COCO, half_up)
DETECTORS = {
    "detectron2-rpn": faster_rcnn(
        "Faster R-CNN and Mask R-CNN with FPN", Grid(sides), READER, rpn, resize=SCALED,
    ),
    "detectron2-c4": faster_rcnn(
        "Faster R-CNN and Mask R-CNN on one level (C4)", Grid(sides, levels=1, sizes=5), READER, c4, resize=SCALED,
        strides=(16,), default=Values(((32.0, 64.0, 128.0, 256.0, 512.0),), (RATIOS,)),
    ),
    "detectron2-retinanet": retinanet("RetinaNet", Grid(sides, sizes=3), READER, retina, resize=SCALED),
}  # fmt: skip
