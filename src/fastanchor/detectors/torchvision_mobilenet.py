"""torchvision: Faster R-CNN with MobileNet, whose first two levels have the same grid."""

from __future__ import annotations

import functools

from fastanchor.detectors._detector import Detector
from fastanchor.detectors._grid import Grid
from fastanchor.detectors._models import COCO, RATIOS, faster_rcnn
from fastanchor.detectors._shapes import Values
from fastanchor.detectors.torchvision import CELLS, MOBILE, READER, SCALED, sides, text

__all__ = ["DETECTORS"]


def _detector(name: str, limits: tuple[int, int] = COCO) -> Detector:
    return faster_rcnn(
        name, Grid(sides, levels=3, sizes=5, even=True), READER, functools.partial(text, name=name, count=15),
        strides=MOBILE, default=Values(((32.0, 64.0, 128.0, 256.0, 512.0),) * 3, (RATIOS,) * 3),
        resize=SCALED._replace(img_size=limits), cells=CELLS,
    )  # fmt: skip


DETECTORS = {
    "torchvision-mobilenet": _detector("fasterrcnn_mobilenet_v3_large_fpn"),
    "torchvision-mobilenet-320": _detector("fasterrcnn_mobilenet_v3_large_320_fpn", (320, 640)),
}
