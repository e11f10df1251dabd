"""PaddleDetection: the anchor generator of SSD300."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor.detectors._detector import Content
from fastanchor.detectors._models import SSD, ssd
from fastanchor.detectors._reading import config_of, noted_size, reader, rows_of
from fastanchor.detectors._ssd import Ssd, boxes_of_level
from fastanchor.detectors._writing import grid_rows
from fastanchor.detectors.paddle import generator_of, head
from fastanchor.export import Config

__all__ = ["DETECTORS", "sides"]

SIZES = (30.0, 60.0, 111.0, 162.0, 213.0, 264.0, 315.0)

sides = boxes_of_level(mirrored=True)


def text(content: Content) -> str:
    """Return the YAML for SSD."""
    sizes, ratios = content.values
    return head(
        content, "SSDHead", f"steps: {list(SSD)}", f"aspect_ratios: {grid_rows(ratios, '[]')}  # each with its reverse",
        f"min_sizes: {[row[0] for row in sizes]}", f"max_sizes: {[row[1] for row in sizes]}",
        "offset: 0.5", "flip: true", "min_max_aspect_ratios_order: true",
    )  # fmt: skip


def read(text: str) -> Config:
    r"""Return the anchors of the first anchor_generator with min_sizes.

    Examples
    --------
    >>> more = "aspect_ratios: [[4]], min_sizes: [16], max_sizes: [64], min_max_aspect_ratios_order: true"
    >>> read(f"SSDHead:\n  anchor_generator: {{{more}}}").anchors.tolist()
    [[16.0, 16.0], [32.0, 32.0], [32.0, 8.0], [8.0, 32.0]]
    """
    found = generator_of(text, "min_sizes")
    rows = rows_of(found.get("aspect_ratios"), "aspect_ratios")
    ratios = [tuple(ratio for ratio in row if ratio != 1.0) for row in rows]  # 1 is always there, once
    mirrored, last = _true(found.get("flip", True)), not _true(found.get("min_max_aspect_ratios_order", False))
    level_sides = boxes_of_level(mirrored=mirrored, last=last)
    parts = []
    for least, most, row in zip(*_sizes(found, len(ratios)), ratios, strict=True):
        part = level_sides((least, most or least), row if mirrored else (1.0, *row))
        parts.append(part if most else np.delete(part, -1 if last else 1, axis=0))
    steps = found.get("steps", list(SSD))
    known = (
        isinstance(steps, list) and len(steps) == len(parts) and all(isinstance(one, float) and one for one in steps)
    )
    return config_of(parts, steps if known else (), ratio="width / height", fit="stretch",
                     img_size=noted_size(text, (int(found.get("base_size", 300)),) * 2))  # fmt: skip


def _true(value: object) -> bool:
    return str(value).lower() == "true"


def _sizes(found: dict[str, Any], n: int) -> tuple[list[float], list[float]]:
    """Return the least and the largest size of n levels; 0 for a largest one that is missing."""
    if found["min_sizes"] == [] and found.get("max_sizes") == []:  # those of a range of ratios
        low, high, side = (int(found.get(key, usual)) for key, usual in
                           (("min_ratio", 15), ("max_ratio", 90), ("base_size", 300)))  # fmt: skip
        step = (high - low) // max(n - 2, 1) or 1
        rising = [side * ratio / 100 for ratio in range(low, high + 1, step)][: n - 1]
        return [side * 0.1, *rising], [side * 0.2, *(size + side * step / 100 for size in rising)]
    given = [one or 0.0 for one in found.get("max_sizes") or []]  # a level without one has an empty list
    most = [0.0] * n if not any(given) else [0.0 if not one else rows_of([one], "max_sizes")[0][0] for one in given]
    return [row[0] for row in rows_of(found["min_sizes"], "min_sizes", each=True, levels=n)], most


MARK = r"\banchor_generator\s*:(?s:.{0,2000}?)\bmin_sizes\s*:"
READER = reader(read, "PaddleDetection's SSD", "stretch", ".yaml", ".yml", mark=MARK)
DETECTORS = {"paddle-ssd": ssd("SSD300 of PaddleDetection", Ssd(sides, tall=False), SIZES, READER, text)}
