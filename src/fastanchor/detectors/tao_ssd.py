"""NVIDIA TAO: the specifications of SSD and RetinaNet. Sizes are parts of the shorter side, a ratio width / height."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor.detectors._blocks import Block, blocks, numbers, one
from fastanchor.detectors._detector import Content, Resize
from fastanchor.detectors._grid import Grid
from fastanchor.detectors._literals import evaluated
from fastanchor.detectors._models import EVEN, RETINA, retinanet, shorter, ssd
from fastanchor.detectors._reading import config_of, noted_size, reader, rows_of
from fastanchor.detectors._ssd import Ssd, boxes_of_level, chain
from fastanchor.detectors._writing import enclosed, parted, written
from fastanchor.detectors.tao import sides
from fastanchor.export import Config
from fastanchor.matching import Matching

__all__ = ["DETECTORS", "ssd_sides"]

LIBRARY = "TAO"
STRIDES = (8, 16, 32, 64, 128, 256)
NAMES = ("ssd_config", "dssd_config", "retinanet_config")

ssd_sides = boxes_of_level(mirrored=False)


def _text(content: Content, config: str, scales: list[float], more: list[str]) -> str:
    w, h = content.img_size
    same = content.same_ratios
    ratios: Any = list(content.values.ratios[0]) if same else [list(row) for row in content.values.ratios]
    lines = [
        f'scales: "{scales}"  # parts of the shorter side; one more than levels',
        f'aspect_ratios{"_global" if same else ""}: "{ratios}"  # width / height',
    ]
    image = f"augmentation_config {{ output_width: {w} output_height: {h} }}"
    return written(content.note, image, enclosed(f"{config} {{", [*lines, *more], "}", 2))


def text(content: Content) -> str:
    """Return the specification of SSD."""
    sizes = content.values.sizes
    return _text(content, "ssd_config", [*(row[0] for row in sizes), sizes[-1][1]], ["two_boxes_for_ar1: true"])


def retina(content: Content) -> str:
    """Return the specification of RetinaNet; the last of its scales is not used."""
    bases, parts = parted(content.values.sizes, LIBRARY, octaves=True)
    content.ratios(LIBRARY)
    more = ["two_boxes_for_ar1: false", f"n_anchor_levels: {len(parts)}"]
    return _text(content, "retinanet_config", [*bases, bases[-1]], more)


def read(text: str) -> Config:
    """Return the anchors of a specification.

    Examples
    --------
    >>> more = "aspect_ratios_global: '[1.0]' n_anchor_levels: 1"
    >>> read(f"retinanet_config {{ scales: '[0.125, 0.25, 0.5]' {more} }}").anchors.tolist()
    [[68.0, 68.0], [136.0, 136.0]]
    """
    root = blocks(text)
    name = next((name for name in NAMES if one(root, name)), None)
    if name is None:
        raise DataError(f"has no {NAMES[0]} or {NAMES[2]}")
    block, retina = one(root, name) or {}, name == NAMES[2]
    image = one(root, "augmentation_config") or {}
    w, h = (960, 544) if retina else (300, 300)
    size = noted_size(text, (int(numbers(image, "output_width", w)[0]), int(numbers(image, "output_height", h)[0])))
    scales = numbers(block, "scales")
    n = len(scales) - 1
    if n < 1:
        raise DataError("scales: expected a list, one longer than levels")
    octaves = int(numbers(block, "n_anchor_levels", 3)[0]) if retina else 1
    both = block.get("two_boxes_for_ar1", ["false"])[-1].lower() == "true"
    factors = [2 ** (i / octaves) for i in range(octaves)]
    parts = [
        np.concatenate([
            # the second square comes with a ratio of 1
            ssd_sides((size * factor, after * factor), row) if both and 1.0 in row else sides([size * factor], row)
            for factor in factors
        ])
        for (size, after), row in zip(chain(scales), _ratios(block, n), strict=True)
    ]  # fmt: skip
    strides = (RETINA if retina else STRIDES)[:n] if n <= 6 else ()
    return config_of([part * float(min(size)) for part in parts], strides, ratio="width / height", fit="stretch",
                     img_size=size)  # fmt: skip


def _ratios(block: Block, n: int) -> tuple[tuple[float, ...], ...]:
    """Return the ratios of n levels, which may be lists in quotation marks."""
    if "aspect_ratios" not in block:
        return rows_of(numbers(block, "aspect_ratios_global"), "aspect_ratios_global", levels=n)
    return rows_of(evaluated(str(block["aspect_ratios"][0])), "aspect_ratios", levels=n)


READER = reader(read, "NVIDIA TAO's SSD and RetinaNet", "stretch", ".txt", mark=r"\b(d?ssd_config|retinanet_config)\b")
DETECTORS = {
    "tao-ssd": ssd(
        "SSD of TAO", Ssd(ssd_sides, counts=(4,) * 6, mirrored=False, listed=True, tall=False),
        (0.1, 0.24166667, 0.38333333, 0.525, 0.66666667, 0.80833333, 0.95), READER, text,
        strides=STRIDES, ratios=((1.0, 2.0, 0.5, 3.0, 0.33),) * 6, matching=Matching(0.5, 0.5, "distinct"), cells=EVEN,
        unit=shorter,
    ),
    "tao-retinanet": retinanet(
        "RetinaNet of TAO", Grid(sides, sizes=3, octaves=True, tall=False), READER, retina,
        sizes=tuple(tuple(scale * 2 ** (k / 3) for k in range(3)) for scale in (0.05, 0.2, 0.35, 0.5, 0.65)),
        ratios=(1.0, 2.0, 0.5),
        resize=Resize("stretch", (960, 544)), matching=Matching(0.5, 0.4, "distinct"), cells=EVEN, unit=shorter,
    ),
}  # fmt: skip
