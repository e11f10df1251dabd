"""torchvision: the AnchorGenerator of RetinaNet, which is that of Faster R-CNN with other defaults."""

from __future__ import annotations

from fastanchor.detectors._detector import Content
from fastanchor.detectors._grid import Grid
from fastanchor.detectors._models import retinanet
from fastanchor.detectors._torchvision import MODULE, build, classes, generator
from fastanchor.detectors._writing import written
from fastanchor.detectors.torchvision import CELLS, READER, SCALED, sides

__all__ = ["DETECTORS"]

NAME = "retinanet_resnet50_fpn"
COUNT = 9  # anchors of each place that its own head has


def text(content: Content) -> str:
    """Return the text for RetinaNet."""
    head = f"RetinaNetHead(model.backbone.out_channels, {content.per_place}, num_classes={classes(content)})"
    some = content.per_place != COUNT
    return written(
        f"{MODULE} import {NAME}",
        f"{MODULE}.anchor_utils import AnchorGenerator",
        [f"{MODULE}.retinanet import RetinaNetHead"] if some else [],
        "",
        generator(content),
        build(NAME, content),
        f"# set it on the model: {NAME}_v2 does not take anchor_generator",
        "model.anchor_generator = anchor_generator",
        [f"model.head = {head}"] if some else [],
    )


# sizes are whole: x, x * 2 ** (1 / 3) and x * 2 ** (2 / 3) without their decimals
SIZES = ((32.0, 40, 50), (64.0, 80, 101), (128.0, 161, 203), (256.0, 322, 406), (512.0, 645, 812))
DETECTORS = {
    "torchvision-retinanet": retinanet(
        "retinanet_resnet50_fpn and retinanet_resnet50_fpn_v2", Grid(sides, sizes=3, even=True), READER, text,
        sizes=SIZES, resize=SCALED, cells=CELLS,
    ),
}  # fmt: skip
