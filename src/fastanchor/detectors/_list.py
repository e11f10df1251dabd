"""The list of detectors, by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from fastanchor import _check, export
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._hints import called, unknown
from fastanchor.detectors import (
    detectron2,
    detectron2_python,
    efficientdet,
    keras_retinanet,
    mmdetection,
    mmdetection_ssd,
    odtk,
    paddle,
    paddle_ssd,
    tao,
    tao_ssd,
    tensorflow,
    tensorflow_ssd,
    torchvision,
    torchvision_mobilenet,
    torchvision_retinanet,
    torchvision_ssd,
    yolact,
    zylo_efficientdet,
)
from fastanchor.detectors._detector import Detector

__all__ = ["GRIDS", "NAMES", "PAIRS", "READERS", "Pairs", "checked"]

FAMILIES = (
    torchvision, torchvision_mobilenet, torchvision_retinanet, torchvision_ssd, detectron2, mmdetection,
    mmdetection_ssd, tensorflow, tensorflow_ssd, efficientdet, zylo_efficientdet, keras_retinanet, odtk, yolact, paddle,
    paddle_ssd, tao, tao_ssd,
)  # fmt: skip


class Pairs(NamedTuple):
    """A detector whose anchors are any pairs (width, height).

    Attributes
    ----------
    title : str
        The models it stands for.
    fmt : str
        Its format, a name in ``fastanchor.export.FORMATS``.
    n, levels, img_size
        The number of anchors, the levels, and the network input (width, height); None where models differ.
    """

    title: str
    fmt: str
    n: int | None = None
    levels: str | None = None
    img_size: tuple[int, int] | None = None


# the formats as such, for models that differ in size and number of anchors, and well-known models
PAIRS = {name: Pairs(one.needs.name, name) for name, one in export.FORMATS.items() if not one.needs.any_fit} | {
    "yolov3": Pairs("YOLOv3 of Darknet", "darknet", 9, "P5", (416, 416)),
    "yolov3-tiny": Pairs("YOLOv3-tiny of Darknet", "darknet", 6, "tiny", (416, 416)),
    "yolov4": Pairs("YOLOv4 of Darknet", "darknet", 9, "P5", (608, 608)),
    "yolov4-tiny": Pairs("YOLOv4-tiny of Darknet", "darknet", 6, "tiny", (416, 416)),
    "yolov5": Pairs("YOLOv5, YOLOv3 (PyTorch)", "yolov5"),
    "yolov5-p6": Pairs("YOLOv5 n6 to x6", "yolov5", 12, "P6", (1280, 1280)),
    "yolov7": Pairs("YOLOv7, -X and -tiny", "yolov7"),
    "yolov7-p6": Pairs("YOLOv7-W6, -E6, -D6, -E6E", "yolov7", 12, "P6", (1280, 1280)),
    "mmdet-yolov3": Pairs("YOLOv3 of MMDetection", "mmdet", 9, "P5", (608, 608)),
    "mmyolo-yolov5": Pairs("YOLOv5 of MMYOLO", "mmyolo", 9, "P5", (640, 640)),
    "mmyolo-yolov7": Pairs("YOLOv7 of MMYOLO", "mmyolo", 9, "P5", (640, 640)),
    "paddle-yolov3": Pairs("YOLOv3 of PaddleDetection", "paddle", 9, "P5", (608, 608)),
    "paddle-ppyolo": Pairs("PP-YOLO of PaddleDetection", "paddle", 9, "P5", (608, 608)),
    "tao-yolov3": Pairs("YOLOv3 of TAO", "tao", 9, "P5", (1248, 384)),
    "tao-yolov4": Pairs("YOLOv4 of TAO", "tao", 9, "P5", (1248, 384)),
    "tao-yolov4-tiny": Pairs("YOLOv4-tiny of TAO", "tao", 6, "tiny", (1248, 384)),
}
GRIDS: dict[str, Detector] = {name: one for family in FAMILIES for name, one in family.DETECTORS.items()}
NAMES = (*GRIDS, *PAIRS)
# of configurations with sizes and ratios
READERS = [*dict.fromkeys(detector.dialect for detector in GRIDS.values()), detectron2_python.READER]


def checked(name: Any, legal: Collection[str], otherwise: str) -> str:
    """Return the name of a detector if it is legal; `otherwise` is what is wrong with those that are not.

    Raises
    ------
    DataError
        If it is another one.
    """
    if isinstance(name, str) and name in legal:
        return name
    value = f"{called('detector')} = {_check.short(name)}"
    if not isinstance(name, str):
        raise WrongTypeError(f"{value}: must be a name that `fastanchor detectors` lists")
    raise DataError(f"{value}: {otherwise if name in NAMES else unknown(name, legal, 'fastanchor detectors')}")
