"""torchvision: the DefaultBoxGenerator of SSD300 and SSDlite320. Sizes are parts of the sides of the network input."""

from __future__ import annotations

import functools
import re
from typing import Any

from fastanchor._errors import DataError
from fastanchor.detectors._detector import Content, Detector, Resize
from fastanchor.detectors._python import UNKNOWN, calls, parsed
from fastanchor.detectors._reading import config_of, no_pairs, noted_size, rows_of
from fastanchor.detectors._shapes import Values
from fastanchor.detectors._ssd import USUAL, Ssd, boxes_of_level, chain
from fastanchor.export import Config, Dialect
from fastanchor.export._dialect import Needs
from fastanchor.matching import Cells, Matching

__all__ = ["DETECTORS", "sides"]

STEPS, LITE_STEPS = (8, 16, 32, 64, 100, 300), (16, 32, 64, 107, 160, 320)
SCALES = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05)
LITE_SCALES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
HEADS = {
    "ssd300_vgg16": ("SSDHead", ""),
    "ssdlite320_mobilenet_v3_large": (
        "SSDLiteHead", ", partial(torch.nn.BatchNorm2d, eps=0.001, momentum=0.03)",
    ),
}  # fmt: skip

sides = boxes_of_level(mirrored=True)


def unit(img_size: tuple[int, int]) -> tuple[float, float]:
    """Return the pixels of a size of 1: widths and heights are parts of the width and of the height."""
    return float(img_size[0]), float(img_size[1])


def text(content: Content, name: str, usual: tuple[int, ...], size: int, steps: tuple[int, ...]) -> str:
    """Return the Python for a model."""
    sizes, ratios = content.values
    scales = [row[0] for row in sizes] + [sizes[-1][1]]
    classes = 91 if content.classes is None else content.classes + 1
    head, more = HEADS[name]
    heads = tuple(map(len, ratios)) != usual
    square = content.img_size == (size, size)
    return "\n".join([
        *(["import torch", "from functools import partial"] if heads and more else []),
        f"from torchvision.models.detection import {name}",
        "from torchvision.models.detection.anchor_utils import DefaultBoxGenerator",
        *([f"from torchvision.models.detection.{name.partition('_')[0].strip('0123456789')} import {head}",
           "from torchvision.models.detection._utils import retrieve_out_channels"] if heads else []),
        "",
        *content.note,
        "anchor_generator = DefaultBoxGenerator(",
        f"    {[list(row) for row in ratios]},  # of each level, each with its reverse; 1 is always there",
        f"    scales={scales},  # parts of the sides of the input; one more than levels",
        *([f"    steps={list(steps)},"] if square and size == 300 else []),
        ")",
        f"model = {name}(num_classes={classes})  # background included",
        *([] if square else [f"model.transform.fixed_size = {content.img_size}  # width, height"]),
        f"# set it on the model: {name} does not take it",
        "model.anchor_generator = anchor_generator",
        *([f"channels = retrieve_out_channels(model.backbone, {content.img_size})",
           f"model.head = {head}(channels, anchor_generator.num_anchors_per_location(), {classes}{more})"]
          if heads else []),
    ])  # fmt: skip


def read(text: str) -> Config:
    r"""Return the anchors of the first DefaultBoxGenerator in Python text.

    Examples
    --------
    >>> found = read("model = ssd300_vgg16()\ng = DefaultBoxGenerator([[2]], scales=[0.1, 0.4])")
    >>> found.anchors.round(1).tolist()
    [[30.0, 30.0], [60.0, 60.0], [42.4, 21.2], [21.2, 42.4]]
    """
    names = ("aspect_ratios", "min_ratio", "max_ratio", "scales", "steps", "clip")
    given: dict[str, Any] = next(iter(calls(parsed(text), "DefaultBoxGenerator", names)), {})
    ratios = rows_of(given.get("aspect_ratios"), "aspect_ratios")
    n = len(ratios)
    scales = given.get("scales")
    if scales is None:
        low, high = (given.get(key, usual) for key, usual in (("min_ratio", 0.15), ("max_ratio", 0.9)))
        if low is UNKNOWN or high is UNKNOWN:
            raise DataError("min_ratio, max_ratio: are computed, so the scales are not known")
        scales = [*(low + (high - low) * k / max(n - 1, 1) for k in range(n)), 1.0 if n > 1 else high]
    (row,) = rows_of(scales, "scales")
    if len(row) != n + 1:
        raise DataError(f"scales: got {len(row)}, expected {n + 1}, one more than levels")
    side = 320 if "ssdlite" in text else 300
    set_size = re.search(r"fixed_size\s*=\s*\((\d{1,6}),\s*(\d{1,6})\)", text)
    size = noted_size(text, (int(set_size[1]), int(set_size[2])) if set_size else (side, side))
    form = Ssd(sides, counts=tuple(map(len, ratios)), clipped=given.get("clip", True) is True, unit=unit(size))
    values = Values(chain(row), ratios)
    steps = STEPS if side == 300 and n == 6 else LITE_STEPS if n == 6 else ()
    return config_of(form.anchors(values), steps, ratio="width / height", fit="stretch", img_size=size)


NEEDS = Needs("torchvision's SSD", "stretch", endings=(".py",), mark=r"\bDefaultBoxGenerator\(")
READER = Dialect(NEEDS, no_pairs, read)


def _detector(name: str, title: str, counts: tuple[int, ...], side: int, more: tuple[Any, ...]) -> Detector:
    ratios, scales, steps = more
    return Detector(
        title,
        Ssd(sides, counts=counts, clipped=True, tall=False),
        steps,
        Values(chain(scales), ratios),
        Resize("stretch", (side, side)),
        Matching(0.5, 0.5, "one"),
        READER,
        functools.partial(text, name=name, usual=counts, size=side, steps=steps),
        Cells(multiple=1, offset=0.5),
        unit,
    )


DETECTORS = {
    "torchvision-ssd300": _detector("ssd300_vgg16", "ssd300_vgg16", (1, 2, 2, 2, 1, 1), 300, (USUAL, SCALES, STEPS)),
    "torchvision-ssdlite320": _detector(
        "ssdlite320_mobilenet_v3_large", "ssdlite320_mobilenet_v3_large", (2,) * 6, 320,
        (((2.0, 3.0),) * 6, LITE_SCALES, LITE_STEPS),
    ),
}  # fmt: skip
