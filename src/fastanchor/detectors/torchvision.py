"""torchvision: the AnchorGenerator of Faster R-CNN, Mask R-CNN and RetinaNet. A ratio is height / width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.detectors._detector import (
    COCO,
    RATIOS,
    RETINA,
    RPN,
    RPN_SIZES,
    Content,
    Detector,
    Resize,
    grid_rows,
)
from fastanchor.detectors._python import calls, parsed
from fastanchor.detectors._reading import config_of, no_pairs, rows_of
from fastanchor.detectors._shapes import Grid, Values
from fastanchor.export import Config, Dialect
from fastanchor.export._dialect import Needs
from fastanchor.matching import Cells, Matching

__all__ = ["DETECTORS", "sides"]


MOBILE = (32, 32, 64)  # strides of fasterrcnn_mobilenet_v3_large_fpn, whose first levels have the same grid


def sides(sizes: Sequence[float], ratios: Sequence[float]) -> FloatArray:
    """Return the anchors of a level: halves of their sides are rounded to even numbers of pixels, so sides are even.

    Examples
    --------
    >>> sides([32], [0.5, 1.0]).tolist()
    [[46.0, 22.0], [32.0, 32.0]]
    """
    scale = np.asarray(sizes, dtype=np.float32)
    tall = np.sqrt(np.asarray(ratios, dtype=np.float32))
    both = np.stack([np.outer(1 / tall, scale).ravel(), np.outer(tall, scale).ravel()], axis=1)
    return 2.0 * np.rint(both / 2).astype(np.float64)


def side(image: FloatArray) -> FloatArray:
    """Return the sides of a resized image: fractions of a pixel are cut off."""
    return np.floor(image)


def generator(content: Content) -> list[str]:
    """Return the lines that build the AnchorGenerator."""
    ratios = content.values.ratios
    listed = f"{grid_rows(ratios[:1])} * {len(ratios)}" if content.same_ratios else grid_rows(ratios)
    return [
        *content.note,
        "anchor_generator = AnchorGenerator(",
        f"    sizes={grid_rows(content.values.sizes)},  # one tuple for each level",
        f"    aspect_ratios={listed},  # height / width",
        ")",
    ]


def build(name: str, content: Content) -> list[str]:
    """Return the line that builds the model."""
    limits = content.made_for.img_size if content.made_for is not None else COCO
    sides = f"min_size={limits[0]}, max_size={limits[1]}"
    return [f"model = {name}(num_classes={_classes(content)}, {sides})  # background included"]


def faster(content: Content) -> str:
    """Return the text for Faster R-CNN and Mask R-CNN."""
    head = [
        "model.rpn.head = RPNHead(model.backbone.out_channels, anchor_generator.num_anchors_per_location()[0])",
    ]
    some = len(content.values.sizes[0]) * len(content.values.ratios[0]) != 3
    return "\n".join([
        "from torchvision.models.detection import fasterrcnn_resnet50_fpn",
        f"from torchvision.models.detection.rpn import AnchorGenerator{', RPNHead' if some else ''}",
        "",
        *generator(content),
        *build("fasterrcnn_resnet50_fpn", content),
        "# set it on the model: fasterrcnn_resnet50_fpn_v2 does not take rpn_anchor_generator",
        "model.rpn.anchor_generator = anchor_generator",
        *(head if some else []),
    ])  # fmt: skip


def retina(content: Content) -> str:
    """Return the text for RetinaNet."""
    count = len(content.values.sizes[0]) * len(content.values.ratios[0])
    name = "retinanet_resnet50_fpn"
    head = [
        f"model.head = RetinaNetHead(model.backbone.out_channels, {count}, num_classes={_classes(content)})",
    ]
    return "\n".join([
        f"from torchvision.models.detection import {name}",
        "from torchvision.models.detection.anchor_utils import AnchorGenerator",
        *(["from torchvision.models.detection.retinanet import RetinaNetHead"] if count != 9 else []),
        "",
        *generator(content),
        *build(name, content),
        "# set it on the model: retinanet_resnet50_fpn_v2 does not take anchor_generator",
        "model.anchor_generator = anchor_generator",
        *(head if count != 9 else []),
    ])  # fmt: skip


def _classes(content: Content) -> int:
    return 91 if content.classes is None else content.classes + 1


def read(text: str) -> Config:
    """Return the anchors of the first AnchorGenerator in Python text.

    Examples
    --------
    >>> found = read("AnchorGenerator(((32,), (64,)), ((0.5, 1.0),) * 2)")
    >>> found.anchors.tolist()
    [[46.0, 22.0], [32.0, 32.0], [90.0, 46.0], [64.0, 64.0]]
    """
    found: list[dict[str, Any]] = list(calls(parsed(text), "AnchorGenerator", ("sizes", "aspect_ratios")))
    given = found[0] if found else {}
    sizes = rows_of(given.get("sizes", ((128, 256, 512),)), "sizes", each=True)
    ratios = rows_of(given.get("aspect_ratios", ((0.5, 1.0, 2.0),)), "aspect_ratios", levels=len(sizes))
    strides: tuple[int, ...] = (RETINA if "etina" in text else RPN) if len(sizes) == 5 else ()
    if len(sizes) == len(MOBILE) and "mobilenet" in text:
        strides = MOBILE
    return config_of([sides(*level) for level in zip(sizes, ratios, strict=True)], strides, fit="shortest")


READER = Dialect(
    Needs("torchvision", "shortest", equal=True, endings=(".py",), mark=r"\bAnchorGenerator\("), no_pairs, read
)
CELLS = Cells(derived=True)  # a stride is the padded side divided by the number of cells
SCALED = Resize("shortest", COCO, side)
DETECTORS = {
    "torchvision-fasterrcnn": Detector(
        "fasterrcnn_resnet50_fpn, maskrcnn_resnet50_fpn and their _v2",
        Grid(sides, even=True),
        RPN,
        Values(RPN_SIZES, RATIOS),
        SCALED,
        Matching(0.7, 0.3),
        READER,
        faster,
        CELLS,
    ),
    "torchvision-retinanet": Detector(
        "retinanet_resnet50_fpn and retinanet_resnet50_fpn_v2",
        Grid(sides, sizes=3, even=True),
        RETINA,
        Values(((32.0, 40, 50), (64.0, 80, 101), (128.0, 161, 203), (256.0, 322, 406), (512.0, 645, 812)), RATIOS),
        SCALED,
        Matching(0.5, 0.4),
        READER,
        retina,
        CELLS,
    ),
}
