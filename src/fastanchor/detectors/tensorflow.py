"""TensorFlow Object Detection API: the anchor generators of Faster R-CNN and RetinaNet. A ratio is width / height."""

from __future__ import annotations

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.detectors._blocks import Block, blocks, numbers, one, under
from fastanchor.detectors._detector import Content, Resize
from fastanchor.detectors._grid import Grid, crossed
from fastanchor.detectors._models import CENTRED, COCO, RATIOS, RETINA, faster_rcnn, half_up, retinanet
from fastanchor.detectors._pipeline import ENDINGS, FIXED, LIMITS, model, resized
from fastanchor.detectors._reading import config_of, reader
from fastanchor.detectors._shapes import Values
from fastanchor.detectors._writing import of_strides
from fastanchor.export import Config
from fastanchor.matching import Cells, Matching

__all__ = ["DETECTORS", "sides"]

BASE = 256.0  # pixels of scale 1 of Faster R-CNN
LIBRARY = "TensorFlow's multiscale_anchor_generator"

sides = crossed(tall=False, by_ratio=True)


def grid(content: Content) -> str:
    """Return the text for Faster R-CNN; its head counts the anchors itself."""
    return model(content, "faster_rcnn", "first_stage_anchor_generator", LIMITS, [
        "grid_anchor_generator {", f"height: {BASE:.0f} width: {BASE:.0f}", "height_stride: 16 width_stride: 16",
        f"scales: {[size / BASE for size in content.values.sizes[0]]}",
        f"aspect_ratios: {list(content.values.ratios[0])}  # width / height",
    ])  # fmt: skip


def multiscale(content: Content) -> str:
    """Return the text for RetinaNet (SSD with FPN); its head counts the anchors itself."""
    scales = of_strides(content, RETINA, LIBRARY, "anchor_scale", octaves=True)
    return model(content, "ssd", "anchor_generator", FIXED, [
        "multiscale_anchor_generator {", "min_level: 3 max_level: 7", f"anchor_scale: {scales[0]}",
        f"scales_per_octave: {len(scales)}", f"aspect_ratios: {content.ratios(LIBRARY)}  # width / height",
    ])  # fmt: skip


def read(text: str) -> Config:
    """Return the anchors of a pipeline configuration.

    Examples
    --------
    >>> text = "anchor_generator { multiscale_anchor_generator { max_level: 4 aspect_ratios: 1 scales_per_octave: 1 } }"
    >>> read(text).anchors.tolist(), read(text).strides
    ([[32.0, 32.0], [64.0, 64.0]], (8, 16))
    """
    root = blocks(text)
    fit, size = resized(root, text)
    for name, parts_of in (("grid", _grid), ("multiscale", _multiscale), ("flexible_grid", _flexible)):
        block = one(root, f"{name}_anchor_generator")
        if block is not None:
            parts, strides = parts_of(block)
            return config_of(parts, strides, ratio="width / height", fit=fit, img_size=size)
    raise DataError("has no grid_, multiscale_ or flexible_grid_anchor_generator")


Parts = tuple[list[FloatArray], tuple[float, ...]]


def _grid(block: Block) -> Parts:
    height, width = (numbers(block, key, BASE)[0] for key in ("height", "width"))
    found = sides(numbers(block, "scales", 0.5, 1.0, 2.0), numbers(block, "aspect_ratios", *RATIOS))
    return [found * (width, height)], (numbers(block, "width_stride", 16)[0],)


def _multiscale(block: Block) -> Parts:
    low, high = (int(numbers(block, f"{end}_level", usual)[0]) for end, usual in (("min", 3), ("max", 7)))
    scale, n = numbers(block, "anchor_scale", 4.0)[0], int(numbers(block, "scales_per_octave", 2)[0])
    ratios, strides = numbers(block, "aspect_ratios", 1.0, 2.0, 0.5), [2**level for level in range(low, high + 1)]
    return [sides([scale * stride * 2 ** (i / n) for i in range(n)], ratios) for stride in strides], tuple(strides)


def _flexible(block: Block) -> Parts:
    rows = list(under(block, "anchor_grid"))
    pairs = [list(zip(*(numbers(row, key) for key in ("base_sizes", "aspect_ratios")), strict=False)) for row in rows]
    parts = [np.concatenate([sides([size], [ratio]) for size, ratio in row]) for row in pairs if row]
    return parts, tuple(numbers(row, "width_stride", 16)[0] for row in rows)


MARK = r"\b(multiscale|(flexible_)?grid)_anchor_generator\b"
READER = reader(read, "TensorFlow's Faster R-CNN and RetinaNet", "stretch", *ENDINGS, mark=MARK)
DETECTORS = {
    "tf-frcnn": faster_rcnn(
        "Faster R-CNN of the TensorFlow Object Detection API", Grid(sides, levels=1, sizes=4, tall=False), READER, grid,
        strides=(16,), default=Values(((64.0, 128.0, 256.0, 512.0),), (RATIOS,)),
        resize=Resize("shortest", COCO, half_up), matching=Matching(0.7, 0.3, "first", inside=True),
        cells=Cells(multiple=1),
    ),
    "tf-retinanet": retinanet(
        "RetinaNet (SSD with FPN) of the TensorFlow Object Detection API",
        Grid(sides, sizes=2, octaves=True, strides=RETINA, tall=False), READER, multiscale,
        sizes=tuple((4.0 * stride, 4.0 * stride * 2**0.5) for stride in RETINA), ratios=(1.0, 2.0, 0.5),
        resize=Resize("stretch", (640, 640)), matching=Matching(0.5, 0.5, "first"),
        cells=CENTRED,  # where the stride divides the side
    ),
}  # fmt: skip
