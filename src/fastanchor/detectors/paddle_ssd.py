"""PaddleDetection: the anchor generator of SSD300."""

from __future__ import annotations

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
    ratios = rows_of(found.get("aspect_ratios"), "aspect_ratios")
    both = [[row[0] for row in rows_of(found.get(key), key, each=True, levels=len(ratios))]
            for key in ("min_sizes", "max_sizes")]  # fmt: skip
    last = str(found.get("min_max_aspect_ratios_order", "false")).lower() != "true"
    level_sides = boxes_of_level(mirrored=True, last=last)
    parts = [level_sides(*level) for level in zip(zip(*both, strict=True), ratios, strict=True)]
    steps = [row[0] for row in rows_of(found.get("steps", list(SSD)), "steps", each=True)]
    return config_of(parts, steps if len(steps) == len(parts) else (), ratio="width / height", fit="stretch",
                     img_size=noted_size(text, (300, 300)))  # fmt: skip


MARK = r"\banchor_generator\s*:(?s:.{0,2000}?)\bmin_sizes\s*:"
READER = reader(read, "PaddleDetection's SSD", "stretch", ".yaml", ".yml", mark=MARK)
DETECTORS = {"paddle-ssd": ssd("SSD300 of PaddleDetection", Ssd(sides, tall=False), SIZES, READER, text)}
