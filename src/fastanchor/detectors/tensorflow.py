"""TensorFlow Object Detection API: grid, multiscale and SSD anchor generators. A ratio is width / height."""

from __future__ import annotations

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import Fit, FloatArray
from fastanchor.detectors._blocks import Block, blocks, numbers, one, under
from fastanchor.detectors._detector import COCO, RETINA, Content, Detector, Resize, parted, shorter
from fastanchor.detectors._reading import config_of, no_pairs, noted_size
from fastanchor.detectors._shapes import Grid, Values, crossed
from fastanchor.detectors._ssd import Ssd, boxes_of_level, chain
from fastanchor.export import Config, Dialect
from fastanchor.export._dialect import Needs
from fastanchor.matching import Cells, Matching

__all__ = ["DETECTORS", "sides", "ssd_sides"]

BASE = 256.0  # pixels of scale 1 of Faster R-CNN
LIBRARY = "TensorFlow's multiscale_anchor_generator"
STRIDES = (16, 30, 60, 100, 150, 300)

sides = crossed(tall=False, by_ratio=True)
ssd_sides = boxes_of_level(mirrored=False, last=True)


def _text(content: Content, family: str, anchors: str, generator: list[str]) -> str:
    w, h = content.img_size
    fixed = f"fixed_shape_resizer {{ height: {h} width: {w} }}"
    limits = f"keep_aspect_ratio_resizer {{ min_dimension: {w} max_dimension: {h} }}"
    classes = [] if content.classes is None else [f"num_classes: {content.classes}"]
    inner = [*classes, f"image_resizer {{ {limits if family == 'faster_rcnn' else fixed} }}", f"{anchors} {{",
             *(f"  {line}" for line in generator), "}"]  # fmt: skip
    return "\n".join([*content.note, "model {", f"  {family} {{", *(f"    {line}" for line in inner), "  }", "}"])


def grid(content: Content) -> str:
    """Return the text for Faster R-CNN; its head counts the anchors itself."""
    scales = [size / BASE for size in content.values.sizes[0]]
    return _text(content, "faster_rcnn", "first_stage_anchor_generator", [
        "grid_anchor_generator {", f"  height: {BASE:.0f} width: {BASE:.0f}", "  height_stride: 16 width_stride: 16",
        f"  scales: {scales}", f"  aspect_ratios: {list(content.values.ratios[0])}  # width / height", "}",
    ])  # fmt: skip


def multiscale(content: Content) -> str:
    """Return the text for RetinaNet (SSD with FPN); its head counts the anchors itself."""
    bases, parts = parted(content.values.sizes, LIBRARY, octaves=True)
    scales = [base / stride for base, stride in zip(bases, RETINA, strict=True)]
    if max(scales) - min(scales) > 1e-6 * max(scales):
        raise DataError(f"sizes: {LIBRARY} has one anchor_scale, for all levels")
    return _text(content, "ssd", "anchor_generator", [
        "multiscale_anchor_generator {", "  min_level: 3 max_level: 7", f"  anchor_scale: {scales[0]}",
        f"  scales_per_octave: {len(parts)}", f"  aspect_ratios: {content.ratios(LIBRARY)}  # width / height", "}",
    ])  # fmt: skip


def ssd(content: Content) -> str:
    """Return the text for SSD; its head counts the anchors itself."""
    ratios = content.ratios("TensorFlow's ssd_anchor_generator")
    return _text(content, "ssd", "anchor_generator", [
        "ssd_anchor_generator {", f"  num_layers: {len(content.values.sizes)}",
        f"  scales: {[row[0] for row in content.values.sizes]}  # parts of the shorter side",
        f"  aspect_ratios: {ratios}  # width / height",
        "  reduce_boxes_in_lowest_layer: false  # so that the first level has these ratios too", "}",
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
    fit, size = _resized(root, text)
    for name, parts_of in (("grid", _grid), ("multiscale", _multiscale), ("flexible_grid", _flexible), ("ssd", _ssd)):
        block = one(root, f"{name}_anchor_generator")
        if block is not None:
            parts, strides = parts_of(block, float(min(size)))
            return config_of(parts, strides, ratio="width / height", fit=fit, img_size=size)
    raise DataError("has no grid_, multiscale_, flexible_grid_ or ssd_anchor_generator")


Parts = tuple[list[FloatArray], tuple[float, ...]]


def _grid(block: Block, side: float) -> Parts:
    height, width = (numbers(block, key, BASE)[0] for key in ("height", "width"))
    found = sides(numbers(block, "scales", 0.5, 1.0, 2.0), numbers(block, "aspect_ratios", 0.5, 1.0, 2.0))
    return [found * (width, height)], (numbers(block, "width_stride", 16)[0],)


def _multiscale(block: Block, side: float) -> Parts:
    low, high = (int(numbers(block, f"{end}_level", usual)[0]) for end, usual in (("min", 3), ("max", 7)))
    scale, n = numbers(block, "anchor_scale", 4.0)[0], int(numbers(block, "scales_per_octave", 2)[0])
    ratios, strides = numbers(block, "aspect_ratios", 1.0, 2.0, 0.5), [2**level for level in range(low, high + 1)]
    return [sides([scale * stride * 2 ** (i / n) for i in range(n)], ratios) for stride in strides], tuple(strides)


def _flexible(block: Block, side: float) -> Parts:
    rows = list(under(block, "anchor_grid"))
    pairs = [list(zip(*(numbers(row, key) for key in ("base_sizes", "aspect_ratios")), strict=False)) for row in rows]
    parts = [np.concatenate([sides([size], [ratio]) for size, ratio in row]) for row in pairs if row]
    return parts, tuple(numbers(row, "width_stride", 16)[0] for row in rows)


def _ssd(block: Block, side: float) -> Parts:
    n = int(numbers(block, "num_layers", 6)[0])
    low, high = (numbers(block, f"{end}_scale", usual)[0] for end, usual in (("min", 0.2), ("max", 0.95)))
    scales = numbers(block, "scales", *(low + (high - low) * i / max(n - 1, 1) for i in range(n)))
    ratios = numbers(block, "aspect_ratios")
    levels = [ssd_sides(sizes, ratios) for sizes in zip(scales, [*scales[1:], 1.0], strict=True)]
    if numbers(block, "interpolated_scale_aspect_ratio", 1.0)[0] == 0.0:
        levels = [level[:-1] for level in levels]
    if block.get("reduce_boxes_in_lowest_layer", ["true"])[-1] == "true":
        levels[0] = np.concatenate([sides([0.1], [1.0]), sides([scales[0]], [2.0, 0.5])])
    return [level * side for level in levels], STRIDES if n == len(STRIDES) else ()


def _resized(root: Block, text: str) -> tuple[Fit, tuple[int, int]]:
    """Return how images are resized, and the network input."""
    block = one(root, "keep_aspect_ratio_resizer")
    if block is not None:
        return "shortest", (int(numbers(block, "min_dimension", 600)[0]), int(numbers(block, "max_dimension", 1024)[0]))
    block = one(root, "fixed_shape_resizer")
    if block is not None:
        return "stretch", (int(numbers(block, "width", 300)[0]), int(numbers(block, "height", 300)[0]))
    return "stretch", noted_size(text, (300, 300))


NEEDS = Needs("TensorFlow's object detection", "stretch", endings=(".config", ".pbtxt"))
READER = Dialect(NEEDS, no_pairs, read)
RATIOS = (0.5, 1.0, 2.0)
SSD_SIZES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
DETECTORS = {
    "tf-frcnn": Detector(
        "Faster R-CNN of the TensorFlow Object Detection API",
        Grid(sides, levels=1, sizes=4, tall=False),
        (16,),
        Values(((64.0, 128.0, 256.0, 512.0),), (RATIOS,)),
        Resize("shortest", COCO, lambda image: np.floor(image + 0.5)),
        Matching(0.7, 0.3, "first", inside=True),
        READER,
        grid,
        Cells(multiple=1),
    ),
    "tf-ssd": Detector(
        "SSD of the TensorFlow Object Detection API",
        Ssd(ssd_sides, counts=(4,) * 6, mirrored=False, listed=True, end=1.0, tall=False),
        STRIDES,
        Values(chain(SSD_SIZES), ((1.0, 2.0, 0.5, 3.0, 0.3333),) * 6),
        Resize("stretch", (300, 300)),
        Matching(0.5, 0.5, "first"),
        READER,
        ssd,
        Cells(multiple=1, offset=0.5, even=True),
        shorter,
    ),
    "tf-retinanet": Detector(
        "RetinaNet (SSD with FPN) of the TensorFlow Object Detection API",
        Grid(sides, sizes=2, octaves=True, strides=RETINA, tall=False),
        RETINA,
        Values(tuple((4.0 * stride, 4.0 * stride * 2**0.5) for stride in RETINA), ((1.0, 2.0, 0.5),) * 5),
        Resize("stretch", (640, 640)),
        Matching(0.5, 0.5, "first"),
        READER,
        multiscale,
        Cells(multiple=1, offset=0.5),  # where the stride divides the side
    ),
}
