"""EfficientDet, of google/automl and effdet: one anchor_scale for each level. A ratio is width / height."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.detectors._detector import Content, Resize
from fastanchor.detectors._grid import Grid, crossed
from fastanchor.detectors._models import EVEN, RETINA, retinanet
from fastanchor.detectors._reading import config_of, given, noted_size, reader, rows_of
from fastanchor.detectors._writing import parted, written
from fastanchor.export import Config
from fastanchor.export._yaml import compose, count_of
from fastanchor.matching import Matching

__all__ = ["DETECTORS", "pairs", "sides"]

LIBRARY = "EfficientDet"

sides = crossed(tall=False, by_ratio=False)


def text(content: Content) -> str:
    """Return the YAML of hparams; the same names and values belong into a configuration of effdet."""
    bases, parts = parted(content.values.sizes, LIBRARY, octaves=True)
    w, h = content.img_size
    return written(
        content.note,
        f"image_size: {w}x{h}  # width x height; effdet has (height, width)",
        "min_level: 3",
        "max_level: 7",
        f"num_scales: {len(parts)}  # for each octave",
        f"anchor_scale: {[base / stride for base, stride in zip(bases, RETINA, strict=True)]}  # one for each level",
        f"aspect_ratios: {content.ratios(LIBRARY)}  # width / height",
    )


def read(text: str) -> Config:
    r"""Return the anchors of hparams; ratios may be pairs of multipliers of width and height.

    Examples
    --------
    >>> read("anchor_scale: 2\nnum_scales: 1\nmax_level: 3\naspect_ratios: [[1.4, 0.7]]").anchors.round(4).tolist()
    [[22.4, 11.2]]
    """
    root = compose(text)
    found = given(root, "anchor_scale", "aspect_ratios", "image_size")
    low, high, n = (count_of(root, key) or usual for key, usual in (("min_level", 3), ("max_level", 7),
                                                                    ("num_scales", 3)))  # fmt: skip
    strides = [2**level for level in range(low, high + 1)]
    scale = found.get("anchor_scale", 4.0)
    rows = rows_of(scale if isinstance(scale, list) else [scale], "anchor_scale", each=True, levels=len(strides))
    ratios = found.get("aspect_ratios", [1.0, 2.0, 0.5])
    parts = []
    for (one,), stride in zip(rows, strides, strict=True):
        sizes = [one * stride * 2 ** (i / n) for i in range(n)]
        paired = isinstance(ratios, (list, tuple)) and all(isinstance(ratio, (list, tuple)) for ratio in ratios)
        parts.append(pairs(sizes, ratios) if paired else sides(sizes, rows_of(ratios, "aspect_ratios")[0]))
    size = re.fullmatch(r"(\d{1,6})(?:x(\d{1,6}))?(?:\.0)?", str(found.get("image_size", "")))
    image = (int(size[1]), int(size[2] or size[1])) if size else noted_size(text, (512, 512))
    return config_of(parts, strides, ratio="width / height", fit="letterbox", img_size=image)


def pairs(sizes: Sequence[float], ratios: Any, name: str = "aspect_ratios") -> FloatArray:
    """Return the anchors of a level whose ratios are pairs of factors of width and height.

    Raises
    ------
    DataError
        If they are anything else.
    """
    rows = rows_of(ratios, name)
    if any(len(row) != 2 for row in rows):
        raise DataError(f"{name}: expected numbers, or pairs of multipliers of width and height")
    both = np.array([[size * x, size * y] for size in sizes for x, y in rows], dtype=np.float32)
    return _check.as_sizes(both.astype(np.float64), name, "pixels")


READER = reader(read, "EfficientDet", "letterbox", ".yaml", ".yml", mark=r"(?m)^anchor_scale\s*:", equal=True)
DETECTORS = {
    "efficientdet": retinanet(
        "EfficientDet-D0 to D6 of google/automl and effdet", Grid(sides, sizes=3, octaves=True, tall=False), READER,
        text, ratios=(1.0, 2.0, 0.5), resize=Resize("letterbox", (512, 512)),
        matching=Matching(0.5, 0.5, "first"), cells=EVEN,
    ),
}  # fmt: skip
