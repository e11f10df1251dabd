"""MMDetection: the AnchorGenerator of Faster R-CNN and RetinaNet. A ratio is height / width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.detectors._detector import (
    COCO,
    RATIOS,
    RETINA,
    RETINA_SIZES,
    RPN,
    RPN_SIZES,
    Content,
    Detector,
    Resize,
    parted,
)
from fastanchor.detectors._python import UNKNOWN, calls, parsed
from fastanchor.detectors._reading import config_of, no_pairs, rows_of
from fastanchor.detectors._shapes import Grid, Values
from fastanchor.export import Config, Dialect
from fastanchor.export._dialect import Needs
from fastanchor.matching import Matching

__all__ = ["DETECTORS", "sides"]

LIBRARY = "MMDetection"


def sides(sizes: Sequence[float], ratios: Sequence[float]) -> FloatArray:
    """Return the anchors of a level, ratio by ratio: the first size times the scales, not rounded.

    Examples
    --------
    >>> sides([32], [0.5, 1.0]).round(2).tolist()
    [[45.25, 22.63], [32.0, 32.0]]
    """
    base, scales = np.float32(sizes[0]), np.asarray([size / sizes[0] for size in sizes], dtype=np.float32)
    tall = np.sqrt(np.asarray(ratios, dtype=np.float32))
    both = np.stack([np.outer(base / tall, scales).ravel(), np.outer(base * tall, scales).ravel()], axis=1)
    return both.astype(np.float64)


def side(image: FloatArray) -> FloatArray:
    """Return the sides of a resized image, rounded to whole pixels."""
    return np.floor(image + 0.5)


def _text(content: Content, head: str, strides: tuple[int, ...]) -> str:
    ratios = content.ratios(LIBRARY)
    base, factors = parted(content.values.sizes, LIBRARY, octaves=True)
    n = len(factors)
    scales = ["octave_base_scale=1,", f"scales_per_octave={n},"] if n > 1 else ["scales=[1.0],"]
    classes = [] if content.classes is None else [
        f"# classes: {content.classes}; set num_classes of the {'bbox_head' if n > 1 else 'roi_head'}"
    ]  # fmt: skip
    generator = [
        'type="AnchorGenerator",',
        *scales,
        f"base_sizes={base},  # one for each level",
        f"ratios={ratios},  # height / width",
        f"strides={list(strides)},",
    ]
    return "\n".join([
        *content.note,
        *classes,
        "model = dict(",
        f"    {head}=dict(",
        "        anchor_generator=dict(",
        "            _delete_=True,  # of the base configuration: it may have scales that exclude these",
        *(f"            {line}" for line in generator),
        "        )",
        "    )",
        ")",
    ])  # fmt: skip


def rpn(content: Content) -> str:
    """Return the text for models with an RPN on a feature pyramid."""
    return _text(content, "rpn_head", RPN)


def retina(content: Content) -> str:
    """Return the text for RetinaNet."""
    return _text(content, "bbox_head", RETINA)


def read(text: str) -> Config:
    """Return the anchors of the first AnchorGenerator in a configuration.

    Examples
    --------
    >>> text = "dict(type='AnchorGenerator', scales=[8], ratios=[1.0], strides=[4, 8])"
    >>> read(text).anchors.tolist()
    [[32.0, 32.0], [64.0, 64.0]]
    """
    found = [one for one in calls(parsed(text), "dict") if one.get("type") == "AnchorGenerator"]
    if not found:
        raise DataError("has no dict(type='AnchorGenerator', ...)")
    given = {key: value for key, value in found[0].items() if value is not None and value is not UNKNOWN}
    strides = [row[0] for row in rows_of(given.get("strides"), "strides", each=True)]
    base = [row[0] for row in rows_of(given.get("base_sizes", strides), "base_sizes", levels=len(strides), each=True)]
    if "scales" in given:
        factors = list(rows_of(given["scales"], "scales")[0])
    else:
        (first, *_), (octave, *_) = (rows_of([given.get(key)], key)[0] for key in ("octave_base_scale",
                                                                                   "scales_per_octave"))  # fmt: skip
        factors = [first * 2 ** (i / int(octave)) for i in range(int(octave))]
    ratios = rows_of(given.get("ratios"), "ratios", levels=len(strides))
    sizes = tuple(tuple(side * factor for factor in factors) for side in base)
    known = all(np.log2(stride) % 1 == 0 for stride in strides)
    parts = [sides(*level) for level in zip(sizes, ratios, strict=True)]
    return config_of(parts, strides if known else (), fit="shortest")


NEEDS = Needs("MMDetection's AnchorGenerator", "shortest", equal=True, endings=(".py",),
              mark=r"type\s*=\s*[\"']AnchorGenerator[\"']")  # fmt: skip
READER = Dialect(NEEDS, no_pairs, read)
SCALED = Resize("shortest", COCO, side)
DETECTORS = {
    "mmdet-faster-rcnn": Detector(
        "Faster R-CNN, Mask R-CNN, Cascade R-CNN with FPN",
        Grid(sides, octaves=True),
        RPN,
        Values(RPN_SIZES, RATIOS),
        SCALED,
        Matching(0.7, 0.3, "own", least=0.3),
        READER,
        rpn,
    ),
    "mmdet-retinanet": Detector(
        "RetinaNet",
        Grid(sides, sizes=3, octaves=True),
        RETINA,
        Values(RETINA_SIZES, RATIOS),
        SCALED,
        Matching(0.5, 0.4, "own"),
        READER,
        retina,
    ),
}
