"""TensorFlow Object Detection API: the anchor generator of SSD. A ratio is width / height."""

from __future__ import annotations

import numpy as np

from fastanchor._errors import DataError
from fastanchor.detectors._blocks import blocks, numbers, one
from fastanchor.detectors._detector import Content
from fastanchor.detectors._models import EVEN, shorter, ssd
from fastanchor.detectors._pipeline import ENDINGS, FIXED, model, resized
from fastanchor.detectors._reading import config_of, reader
from fastanchor.detectors._ssd import Ssd, boxes_of_level
from fastanchor.detectors.tensorflow import sides
from fastanchor.export import Config
from fastanchor.matching import Matching

__all__ = ["DETECTORS", "ssd_sides"]

LIBRARY = "TensorFlow's ssd_anchor_generator"
STRIDES = (16, 30, 60, 100, 150, 300)
SIZES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)

ssd_sides = boxes_of_level(mirrored=False, last=True)


def text(content: Content) -> str:
    """Return the text for SSD; its head counts the anchors itself."""
    return model(content, "ssd", "anchor_generator", FIXED, [
        "ssd_anchor_generator {", f"num_layers: {len(content.values.sizes)}",
        f"scales: {[row[0] for row in content.values.sizes]}  # parts of the shorter side",
        f"aspect_ratios: {content.ratios(LIBRARY)}  # width / height",
        "reduce_boxes_in_lowest_layer: false  # so that the first level has these ratios too",
    ])  # fmt: skip


def read(text: str) -> Config:
    """Return the anchors of a pipeline configuration.

    Examples
    --------
    >>> more = "num_layers: 1 scales: 0.1 aspect_ratios: 4 reduce_boxes_in_lowest_layer: false"
    >>> read(f"anchor_generator {{ ssd_anchor_generator {{ {more} }} }}").anchors.round(2).tolist()
    [[60.0, 15.0], [94.87, 94.87]]
    """
    root = blocks(text)
    fit, size = resized(root, text)
    block = one(root, "ssd_anchor_generator")
    if block is None:
        raise DataError("has no ssd_anchor_generator")
    n = int(numbers(block, "num_layers", 6)[0])
    low, high = (numbers(block, f"{end}_scale", usual)[0] for end, usual in (("min", 0.2), ("max", 0.95)))
    scales = numbers(block, "scales", *(low + (high - low) * i / max(n - 1, 1) for i in range(n)))
    ratios = numbers(block, "aspect_ratios")
    levels = [ssd_sides(pair, ratios) for pair in zip(scales, [*scales[1:], 1.0], strict=True)]
    if numbers(block, "interpolated_scale_aspect_ratio", 1.0)[0] == 0.0:
        levels = [level[:-1] for level in levels]
    if block.get("reduce_boxes_in_lowest_layer", ["true"])[-1] == "true":
        levels[0] = np.concatenate([sides([0.1], [1.0]), sides([scales[0]], [2.0, 0.5])])
    strides = STRIDES if n == len(STRIDES) else ()
    parts = [level * float(min(size)) for level in levels]
    return config_of(parts, strides, ratio="width / height", fit=fit, img_size=size)


READER = reader(read, "TensorFlow's SSD", "stretch", *ENDINGS, mark=r"\bssd_anchor_generator\b")
DETECTORS = {
    "tf-ssd": ssd(
        "SSD of the TensorFlow Object Detection API",
        Ssd(ssd_sides, counts=(4,) * 6, mirrored=False, listed=True, end=1.0, tall=False), SIZES, READER, text,
        strides=STRIDES, ratios=((1.0, 2.0, 0.5, 3.0, 0.3333),) * 6, matching=Matching(0.5, 0.5, "first"), cells=EVEN,
        unit=shorter,
    ),
}  # fmt: skip
