"""MMDetection: the SSDAnchorGenerator of SSD300."""

from __future__ import annotations

from typing import Any

from fastanchor._errors import DataError
from fastanchor.detectors._detector import Content
from fastanchor.detectors._models import SSD, ssd
from fastanchor.detectors._reading import config_of, noted_size, reader, rows_of
from fastanchor.detectors._shapes import Values
from fastanchor.detectors._ssd import Ssd, boxes_of_level
from fastanchor.detectors.mmdetection import generator_of, model
from fastanchor.export import Config

__all__ = ["DETECTORS", "sides"]

SIZES = (21.0, 45.0, 99.0, 153.0, 207.0, 261.0, 315.0)
# the first sizes, in percent of the input, that the library adds below its range of ratios
FIRST = {(300, 15): (7, 15), (300, 20): (10, 20), (512, 10): (4, 10), (512, 15): (7, 15)}

sides = boxes_of_level(mirrored=True)


def text(content: Content) -> str:
    """Return the text for SSD."""
    (sizes, ratios), size = content.values, content.img_size
    generator = [
        "_delete_=True,  # of the base configuration: it may have a range of sizes",
        'type="SSDAnchorGenerator",',
        "scale_major=False,",
        f"strides={list(SSD)},",
        f"ratios={[list(row) for row in ratios]},  # of each level, each with its reverse; 1 is always there",
        f"min_sizes={[row[0] for row in sizes]},",
        f"max_sizes={[row[1] for row in sizes]},",
    ]
    remark = f"# set input_size, and scale=({size[0]}, {size[1]}) of every Resize, too"
    classes = content.of_classes("num_classes={},")
    return model(content, [] if size == (300, 300) else [remark], "bbox_head", generator, classes)


def read(text: str) -> Config:
    """Return the anchors of the first SSDAnchorGenerator in a configuration.

    Examples
    --------
    >>> more = "min_sizes=[22], max_sizes=[45], scale_major=False"
    >>> read(f"dict(type='SSDAnchorGenerator', strides=[8], ratios=[[2.5]], {more})").anchors.round(1).tolist()
    [[22.0, 22.0], [31.5, 31.5], [34.8, 13.9], [13.9, 34.8]]
    """
    given = generator_of(text, "SSDAnchorGenerator")
    if given.get("scale_major", True) is not False:
        raise DataError("scale_major: expected False; otherwise the library leaves out some of the ratios")
    ratios = rows_of(given.get("ratios"), "ratios")
    n = len(ratios)
    sizes = _sizes(given, n)
    strides = tuple(row[0] for row in rows_of(given.get("strides"), "strides", levels=n, each=True))
    values = Values(tuple(zip(*(row[:n] for row in sizes), strict=True)), ratios)
    size = noted_size(text, (int(given.get("input_size", 300)),) * 2)
    parts = Ssd(sides, counts=tuple(map(len, ratios))).anchors(values)
    return config_of(parts, strides, ratio="height / width", fit="stretch", img_size=size)


def _sizes(given: dict[str, Any], n: int) -> list[tuple[float, ...]]:
    """Return the least and the largest sizes of the levels: those given, else those of a range of ratios."""
    if "min_sizes" in given:
        return [
            tuple(row[0] for row in rows_of(given.get(key), key, levels=n, each=True))
            for key in ("min_sizes", "max_sizes")
        ]
    low, high = (int(100 * one) for one in rows_of(given.get("basesize_ratio_range", (0.15, 0.9)), "range")[0])
    side = int(given.get("input_size", 300))
    if (side, low) not in FIRST or n < 3:
        raise DataError(f"input_size = {side}, basesize_ratio_range from {low / 100:g}: has no sizes in the library")
    step = (high - low) // (n - 2)
    rising = range(low, high + 1, step)
    first = FIRST[side, low]
    least = [int(side * first[0] / 100), *(int(side * ratio / 100) for ratio in rising)]
    most = [int(side * first[1] / 100), *(int(side * (ratio + step) / 100) for ratio in rising)]
    return [tuple(map(float, least)), tuple(map(float, most))]


READER = reader(
    read, "MMDetection's SSDAnchorGenerator", "stretch", ".py", mark=r"type\s*=\s*[\"']SSDAnchorGenerator[\"']"
)
DETECTORS = {"mmdet-ssd": ssd("SSD300", Ssd(sides, tall=False), SIZES, READER, text)}
