"""NVIDIA TAO: the specifications of FasterRCNN, SSD and RetinaNet. A ratio is width / height."""

from __future__ import annotations

import ast
from typing import Any

from fastanchor._errors import DataError
from fastanchor.detectors._blocks import Block, blocks, numbers, one
from fastanchor.detectors._detector import RETINA, Content, Detector, Resize, parted, shorter
from fastanchor.detectors._reading import config_of, no_pairs, noted_size, rows_of
from fastanchor.detectors._shapes import Grid, Values, crossed
from fastanchor.detectors._ssd import Ssd, boxes_of_level, chain
from fastanchor.export import Config, Dialect
from fastanchor.export._dialect import Needs
from fastanchor.matching import Cells, Matching

__all__ = ["DETECTORS", "sides", "ssd_sides"]

LIBRARY = "TAO"
STRIDES = (8, 16, 32, 64, 128, 256)

sides = crossed(tall=False, by_ratio=False)
ssd_sides = boxes_of_level(mirrored=False)


def frcnn(content: Content) -> str:
    """Return the specification of FasterRCNN."""
    w, h = content.img_size
    sizes, ratios = content.values
    return "\n".join([
        *content.note,
        "model_config {",
        f"  input_image_config {{ size_height_width {{ height: {h} width: {w} }} }}",
        "  anchor_box_config {",
        *(f"    scale: {size}" for size in sizes[0]),
        *(f"    ratio: {ratio}  # width / height" for ratio in ratios[0]),
        "  }",
        "}",
    ])  # fmt: skip


def _listed(content: Content, config: str, scales: list[float], more: list[str]) -> str:
    w, h = content.img_size
    same = content.same_ratios
    ratios: Any = list(content.values.ratios[0]) if same else [list(row) for row in content.values.ratios]
    return "\n".join([
        *content.note,
        f"augmentation_config {{ output_width: {w} output_height: {h} }}",
        f"{config} {{",
        f'  scales: "{scales}"  # parts of the shorter side; one more than levels',
        f'  aspect_ratios{"_global" if same else ""}: "{ratios}"  # width / height',
        *(f"  {line}" for line in more),
        "}",
    ])  # fmt: skip


def ssd(content: Content) -> str:
    """Return the specification of SSD."""
    sizes = content.values.sizes
    return _listed(content, "ssd_config", [*(row[0] for row in sizes), sizes[-1][1]], ["two_boxes_for_ar1: true"])


def retina(content: Content) -> str:
    """Return the specification of RetinaNet; the last of its scales is not used."""
    bases, parts = parted(content.values.sizes, LIBRARY, octaves=True)
    content.ratios(LIBRARY)
    more = ["two_boxes_for_ar1: false", f"n_anchor_levels: {len(parts)}"]
    return _listed(content, "retinanet_config", [*bases, bases[-1]], more)


def read(text: str) -> Config:
    """Return the anchors of a specification.

    Examples
    --------
    >>> read("anchor_box_config { scale: 16 scale: 32 ratio: 1 }").anchors.tolist()
    [[16.0, 16.0], [32.0, 32.0]]
    """
    root = blocks(text)
    block = one(root, "anchor_box_config")
    if block is not None:
        image = one(root, "size_height_width") or {}
        size = noted_size(text, (int(numbers(image, "width", 1280)[0]), int(numbers(image, "height", 384)[0])))
        found = sides(numbers(block, "scale"), numbers(block, "ratio"))
        return config_of([found], (16,), ratio="width / height", fit="stretch", img_size=size)
    names = ("ssd_config", "dssd_config", "retinanet_config")
    name = next((name for name in names if one(root, name)), None)
    if name is None:
        raise DataError(f"has no anchor_box_config, {names[0]} or {names[2]}")
    return _read_listed(root, one(root, name) or {}, name == names[2], text)


def _read_listed(root: Block, block: Block, retina: bool, text: str) -> Config:
    image = one(root, "augmentation_config") or {}
    w, h = (960, 544) if retina else (300, 300)
    size = noted_size(text, (int(numbers(image, "output_width", w)[0]), int(numbers(image, "output_height", h)[0])))
    scales = numbers(block, "scales")
    n = len(scales) - 1
    if n < 1:
        raise DataError("scales: expected a list, one longer than levels")
    if "aspect_ratios" in block:
        try:
            given = ast.literal_eval(str(block["aspect_ratios"][0]))
        except (ValueError, SyntaxError):
            given = None
        ratios = rows_of(given, "aspect_ratios", levels=n)
    else:
        ratios = rows_of(numbers(block, "aspect_ratios_global"), "aspect_ratios_global", levels=n)
    octaves = int(numbers(block, "n_anchor_levels", 3)[0]) if retina else 1
    both = block.get("two_boxes_for_ar1", ["false"])[-1].lower() == "true"
    if both and not retina:
        parts = [ssd_sides(pair, row) for pair, row in zip(chain(scales), ratios, strict=True)]
    else:
        parts = [sides([scale * 2 ** (i / octaves) for i in range(octaves)], row)
                 for scale, row in zip(scales, ratios, strict=False)]  # fmt: skip
    strides = (RETINA if retina else STRIDES)[:n] if n <= 6 else ()
    return config_of([part * float(min(size)) for part in parts], strides, ratio="width / height", fit="stretch",
                     img_size=size)  # fmt: skip


NEEDS = Needs("NVIDIA TAO's FasterRCNN, SSD and RetinaNet", "stretch", endings=(".txt",),
              mark=r"\b(anchor_box_config|d?ssd_config|retinanet_config)\b")  # fmt: skip
READER = Dialect(NEEDS, no_pairs, read)
SSD_SIZES = (0.1, 0.24166667, 0.38333333, 0.525, 0.66666667, 0.80833333, 0.95)
CELLS = Cells(multiple=1, offset=0.5, even=True)
RETINA_SCALES = (0.05, 0.2, 0.35, 0.5, 0.65)
DETECTORS = {
    "tao-frcnn": Detector(
        "FasterRCNN of TAO", Grid(sides, levels=1, sizes=3, tall=False), (16,),
        Values(((64.0, 128.0, 256.0),), ((1.0, 0.5, 2.0),)), Resize("stretch", (1280, 384)),
        Matching(0.7, 0.3, "missed", inside=True, pixels=True), READER, frcnn, CELLS,
    ),
    "tao-ssd": Detector(
        "SSD of TAO", Ssd(ssd_sides, counts=(4,) * 6, mirrored=False, listed=True, tall=False), STRIDES,
        Values(chain(SSD_SIZES), ((1.0, 2.0, 0.5, 3.0, 0.33),) * 6),
        Resize("stretch", (300, 300)), Matching(0.5, 0.5, "distinct"), READER, ssd, CELLS, shorter,
    ),
    "tao-retinanet": Detector(
        "RetinaNet of TAO", Grid(sides, sizes=3, octaves=True, tall=False), RETINA,
        Values(tuple(tuple(scale * 2 ** (k / 3) for k in range(3)) for scale in RETINA_SCALES),
               ((1.0, 2.0, 0.5),) * 5),
        Resize("stretch", (960, 544)), Matching(0.5, 0.4, "distinct"), READER, retina, CELLS, shorter,
    ),
}  # fmt: skip
