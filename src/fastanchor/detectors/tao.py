"""NVIDIA TAO: the specification of FasterRCNN. A ratio is width / height."""

from __future__ import annotations

from fastanchor._errors import DataError
from fastanchor.detectors._blocks import blocks, numbers, one
from fastanchor.detectors._detector import Content, Resize
from fastanchor.detectors._grid import Grid, crossed
from fastanchor.detectors._models import EVEN, faster_rcnn
from fastanchor.detectors._reading import config_of, noted_size, reader
from fastanchor.detectors._shapes import Values
from fastanchor.detectors._writing import written
from fastanchor.export import Config
from fastanchor.matching import Matching

__all__ = ["DETECTORS", "sides"]

sides = crossed(tall=False, by_ratio=False)


def text(content: Content) -> str:
    """Return the specification."""
    w, h = content.img_size
    sizes, ratios = content.values
    return written(
        content.note,
        "model_config {",
        f"  input_image_config {{ size_height_width {{ height: {h} width: {w} }} }}",
        "  anchor_box_config {",
        [f"    scale: {size}" for size in sizes[0]],
        [f"    ratio: {ratio}  # width / height" for ratio in ratios[0]],
        "  }",
        "}",
    )


def read(text: str) -> Config:
    """Return the anchors of a specification.

    Examples
    --------
    >>> read("anchor_box_config { scale: 16 scale: 32 ratio: 1 }").anchors.tolist()
    [[16.0, 16.0], [32.0, 32.0]]
    """
    root = blocks(text)
    block = one(root, "anchor_box_config")
    if block is None:
        raise DataError("has no anchor_box_config")
    image = one(root, "size_height_width") or {}
    size = noted_size(text, (int(numbers(image, "width", 1280)[0]), int(numbers(image, "height", 384)[0])))
    found = sides(numbers(block, "scale"), numbers(block, "ratio"))
    return config_of([found], (16,), ratio="width / height", fit="stretch", img_size=size)


READER = reader(read, "NVIDIA TAO's FasterRCNN", "stretch", ".txt", mark=r"\banchor_box_config\b")
DETECTORS = {
    "tao-frcnn": faster_rcnn(
        "FasterRCNN of TAO", Grid(sides, levels=1, sizes=3, tall=False), READER, text, strides=(16,),
        default=Values(((64.0, 128.0, 256.0),), ((1.0, 0.5, 2.0),)), resize=Resize("stretch", (1280, 384)),
        matching=Matching(0.7, 0.3, "missed", inside=True, pixels="whole"), cells=EVEN,
    ),
}  # fmt: skip
