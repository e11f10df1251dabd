"""torchvision: the AnchorGenerator of Faster R-CNN and Mask R-CNN. A ratio is height / width."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.detectors._detector import Content, Detector, Resize
from fastanchor.detectors._grid import Grid
from fastanchor.detectors._models import COCO, RATIOS, RETINA, RPN, faster_rcnn
from fastanchor.detectors._python import calls, parsed
from fastanchor.detectors._reading import config_of, reader, rows_of
from fastanchor.detectors._shapes import Values
from fastanchor.detectors._writing import grid_rows, written
from fastanchor.export import Config
from fastanchor.matching import Cells

__all__ = ["DETECTORS", "sides"]

MODULE = "from torchvision.models.detection"
MOBILE = (32, 32, 64)  # strides of MobileNet's pyramid, whose first levels have the same grid


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


def classes(content: Content) -> int:
    """Return the number of classes, the background included; that of COCO if it is not known."""
    return 91 if content.classes is None else content.classes + 1


def build(name: str, content: Content) -> str:
    """Return the line that builds the model."""
    short, long = content.img_size
    return f"model = {name}(num_classes={classes(content)}, min_size={short}, max_size={long})  # background included"


def text(content: Content, name: str, count: int = 3, other: str = "") -> str:
    """Return the text for a Faster R-CNN whose own head has so many anchors; `other` is a model with its anchors."""
    some = content.count != count
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
    given = next(calls(parsed(text), "AnchorGenerator", ("sizes", "aspect_ratios")), {})
    sizes = rows_of(given.get("sizes", ((128, 256, 512),)), "sizes", each=True)
    ratios = rows_of(given.get("aspect_ratios", (RATIOS,)), "aspect_ratios", levels=len(sizes))
    strides: tuple[int, ...] = (RETINA if "etina" in text else RPN) if len(sizes) == 5 else ()
    if len(sizes) == len(MOBILE) and "mobilenet" in text:
        strides = MOBILE
    return config_of([sides(*level) for level in zip(sizes, ratios, strict=True)], strides, fit="shortest")


READER = reader(read, "torchvision", "shortest", ".py", mark=r"\bAnchorGenerator\(", equal=True)
CELLS = Cells(derived=True)  # a stride is the padded side divided by the number of cells
SCALED = Resize("shortest", COCO, np.floor)  # fractions of a pixel are cut off


def _mobile(name: str, limits: tuple[int, int] = COCO) -> Detector:
    return faster_rcnn(
        name, Grid(sides, levels=3, sizes=5, even=True), READER, functools.partial(text, name=name, count=15),
        strides=MOBILE, default=Values(((32.0, 64.0, 128.0, 256.0, 512.0),) * 3, (RATIOS,) * 3), cells=CELLS,
        resize=SCALED._replace(img_size=limits),
    )  # fmt: skip


RESNET = functools.partial(text, name="fasterrcnn_resnet50_fpn", other="fasterrcnn_resnet50_fpn_v2")
DETECTORS = {
    "torchvision-fasterrcnn": faster_rcnn(
        "fasterrcnn_resnet50_fpn, maskrcnn_resnet50_fpn and their _v2", Grid(sides, even=True), READER, RESNET,
        resize=SCALED, cells=CELLS,
    ),
    "torchvision-mobilenet": _mobile("fasterrcnn_mobilenet_v3_large_fpn"),
    "torchvision-mobilenet-320": _mobile("fasterrcnn_mobilenet_v3_large_320_fpn", (320, 640)),
}  # fmt: skip
