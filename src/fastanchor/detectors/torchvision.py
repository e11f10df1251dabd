"""torchvision: the AnchorGenerator of Faster R-CNN and Mask R-CNN. A ratio is height / width."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Sequence

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.detectors._detector import Content, Resize
from fastanchor.detectors._grid import Grid
from fastanchor.detectors._models import COCO, RATIOS, RETINA, RPN, faster_rcnn
from fastanchor.detectors._python import calls, parsed
from fastanchor.detectors._reading import config_of, reader, rows_of
from fastanchor.detectors._torchvision import MODULE, build, generator
from fastanchor.detectors._writing import written
from fastanchor.export import Config
from fastanchor.matching import Cells

__all__ = ["DETECTORS", "sides"]

MOBILE = (32, 32, 64)  # strides of MobileNet's pyramid, whose first levels have the same grid
BUILDERS = r"\b(?:(?:faster|mask|keypoint)rcnn_\w+|retinanet_\w+|(?:Faster|Mask|Keypoint)RCNN|RetinaNet)\b"


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


def text(content: Content, name: str, count: int = 3, other: str = "") -> str:
    """Return the text for a Faster R-CNN whose own head has so many anchors; `other` is a model with its anchors."""
    some = content.per_place != count
    head = "model.rpn.head = RPNHead(model.backbone.out_channels, anchor_generator.num_anchors_per_location()[0])"
    return written(
        f"{MODULE} import {name}",
        f"{MODULE}.rpn import AnchorGenerator{', RPNHead' if some else ''}",
        "",
        generator(content),
        build(name, content),
        f"# set it on the model: {other or name} does not take rpn_anchor_generator",
        "model.rpn.anchor_generator = anchor_generator",
        [head] if some else [],
    )


def read(text: str) -> Config:
    """Return the anchors of the first AnchorGenerator in Python text.

    Examples
    --------
    >>> found = read("AnchorGenerator(((32,), (64,)), ((0.5, 1.0),) * 2)")
    >>> found.anchors.tolist()
    [[46.0, 22.0], [32.0, 32.0], [90.0, 46.0], [64.0, 64.0]]
    """
    tree = parsed(text)
    given = next(calls(tree, "AnchorGenerator", ("sizes", "aspect_ratios")), {})
    sizes = rows_of(given.get("sizes", ((128, 256, 512),)), "sizes", each=True)
    rows = given.get("aspect_ratios", (RATIOS,))
    ratios = rows_of(rows, "aspect_ratios", levels=len(sizes))
    if len(rows) < len(sizes) and isinstance(rows[0], tuple):
        raise DataError(
            f"aspect_ratios: got a tuple for 1 level, expected {len(sizes)}: torchvision does not repeat it"
        )
    strides: tuple[int, ...] = (RETINA if "etina" in text else RPN) if len(sizes) == 5 else ()
    if len(sizes) == len(MOBILE) and "mobilenet" in text:
        strides = MOBILE
    parts = [sides(*level) for level in zip(sizes, ratios, strict=True)]
    size, doubts = _model(tree, text)
    return config_of(parts, strides, fit="shortest", img_size=size, equal=True, doubts=doubts)


def _model(tree: ast.Module, text: str) -> tuple[tuple[int, int] | None, list[str]]:
    """Return the limits of the sides that a model is built with, and a sentence for each that ignores its generator."""
    size, doubts = None, []
    for name in sorted(set(re.findall(BUILDERS, text))):
        right = "anchor_generator" if name.lower().startswith("retinanet") else "rpn_anchor_generator"
        wrong = "rpn_anchor_generator" if right == "anchor_generator" else "anchor_generator"
        for given in calls(tree, name):
            if wrong in given and right not in given:
                doubts.append(f"{name} ignores {wrong}=; set model.{right.replace('rpn_', 'rpn.')} after building it")
            short, long = given.get("min_size"), given.get("max_size")
            if isinstance(short, int) and isinstance(long, int) and 0 < short <= long:
                size = (short, long)
    return size, doubts


READER = reader(read, "torchvision", "shortest", ".py", mark=r"\bAnchorGenerator\(", equal=True)
CELLS = Cells(derived=True)  # a stride is the padded side divided by the number of cells
SCALED = Resize("shortest", COCO, np.floor)  # fractions of a pixel are cut off


RESNET = functools.partial(text, name="fasterrcnn_resnet50_fpn", other="fasterrcnn_resnet50_fpn_v2")
DETECTORS = {
    "torchvision-fasterrcnn": faster_rcnn(
        "fasterrcnn_resnet50_fpn, maskrcnn_resnet50_fpn and their _v2", Grid(sides, even=True), READER, RESNET,
        resize=SCALED, cells=CELLS,
    ),
}  # fmt: skip
