"""torchvision: the DefaultBoxGenerator of SSD300 and SSDlite320. Sizes are parts of the sides of the network input."""

from __future__ import annotations

import functools
import re
from typing import Any

from fastanchor._errors import DataError
from fastanchor.detectors._detector import Content, Resize
from fastanchor.detectors._models import SSD, ssd
from fastanchor.detectors._python import UNKNOWN, calls, parsed
from fastanchor.detectors._reading import config_of, noted_size, reader, rows_of
from fastanchor.detectors._shapes import Values
from fastanchor.detectors._ssd import Ssd, boxes_of_level, chain
from fastanchor.detectors._torchvision import MODULE, classes
from fastanchor.detectors._writing import written
from fastanchor.export import Config

__all__ = ["DETECTORS", "sides"]

LITE_STEPS = (16, 32, 64, 107, 160, 320)
SCALES = (0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05)
LITE_SCALES = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)

sides = boxes_of_level(mirrored=True)


def unit(img_size: tuple[int, int]) -> tuple[float, float]:
    """Return the pixels of a size of 1: widths and heights are parts of the width and of the height."""
    return float(img_size[0]), float(img_size[1])


def text(content: Content, name: str, usual: tuple[int, ...], side: int, steps: list[int]) -> str:
    """Return the Python for a model whose own head has the usual numbers of ratios, and these steps at its size."""
    sizes, ratios = content.values
    module, head, more = "ssd", "SSDHead", ""
    if "lite" in name:
        module, head, more = "ssdlite", "SSDLiteHead", ", partial(torch.nn.BatchNorm2d, eps=0.001, momentum=0.03)"
    scales = [*(row[0] for row in sizes), sizes[-1][1]]
    heads, square = tuple(map(len, ratios)) != usual, content.img_size == (side, side)
    return written(
        ["import torch", "from functools import partial"] if heads and more else [],
        f"{MODULE} import {name}",
        f"{MODULE}.anchor_utils import DefaultBoxGenerator",
        [f"{MODULE}.{module} import {head}",
         f"{MODULE}._utils import retrieve_out_channels"] if heads else [],
        "",
        content.note,
        "anchor_generator = DefaultBoxGenerator(",
        f"    {[list(row) for row in ratios]},  # of each level, each with its reverse; 1 is always there",
        f"    scales={scales},  # parts of the sides of the input; one more than levels",
        [f"    steps={steps},"] if square and steps else [],
        ")",
        f"model = {name}(num_classes={classes(content)})  # background included",
        [] if square else [f"model.transform.fixed_size = {content.img_size}  # width, height"],
        f"# set it on the model: {name} does not take it",
        "model.anchor_generator = anchor_generator",
        [f"channels = retrieve_out_channels(model.backbone, {content.img_size})",
         f"model.head = {head}(channels, anchor_generator.num_anchors_per_location(), {classes(content)}{more})"]
        if heads else [],
    )  # fmt: skip


def read(text: str) -> Config:
    r"""Return the anchors of the first DefaultBoxGenerator in Python text.

    Examples
    --------
    >>> found = read("model = ssd300_vgg16()\ng = DefaultBoxGenerator([[2]], scales=[0.1, 0.4])")
    >>> found.anchors.round(1).tolist()
    [[30.0, 30.0], [60.0, 60.0], [42.4, 21.2], [21.2, 42.4]]
    """
    names = ("aspect_ratios", "min_ratio", "max_ratio", "scales", "steps", "clip")
    given: dict[str, Any] = next(calls(parsed(text), "DefaultBoxGenerator", names), {})
    ratios = rows_of(given.get("aspect_ratios"), "aspect_ratios")
    n = len(ratios)
    scales = given.get("scales")
    if scales is None:
        low, high = given.get("min_ratio", 0.15), given.get("max_ratio", 0.9)
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
    steps = () if n != len(SSD) else SSD if side == 300 else LITE_STEPS
    parts = form.anchors(Values(chain(row), ratios))
    return config_of(parts, steps, ratio="width / height", fit="stretch", img_size=size)


READER = reader(read, "torchvision's SSD", "stretch", ".py", mark=r"\bDefaultBoxGenerator\(")
LITE = functools.partial(text, name="ssdlite320_mobilenet_v3_large", usual=(2,) * 6, side=320, steps=[])
VGG = functools.partial(text, name="ssd300_vgg16", usual=(1, 2, 2, 2, 1, 1), side=300, steps=list(SSD))
DETECTORS = {
    "torchvision-ssd300": ssd(
        "ssd300_vgg16", Ssd(sides, clipped=True, tall=False), SCALES, READER, VGG, unit=unit,
    ),
    "torchvision-ssdlite320": ssd(
        "ssdlite320_mobilenet_v3_large", Ssd(sides, counts=(2,) * 6, clipped=True, tall=False), LITE_SCALES, READER,
        LITE, unit=unit, strides=LITE_STEPS, ratios=((2.0, 3.0),) * 6, resize=Resize("stretch", (320, 320)),
    ),
}  # fmt: skip
