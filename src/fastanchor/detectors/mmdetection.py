"""MMDetection: the AnchorGenerator of Faster R-CNN and RetinaNet. A ratio is height / width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.detectors._detector import Content, Resize
from fastanchor.detectors._grid import Grid
from fastanchor.detectors._models import COCO, RETINA, RPN, faster_rcnn, half_up, retinanet
from fastanchor.detectors._python import UNKNOWN, calls, parsed
from fastanchor.detectors._reading import config_of, reader, rows_of
from fastanchor.detectors._writing import enclosed, parted, written
from fastanchor.export import Config
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


def model(content: Content, remarks: list[str], head: str, generator: list[str], more: Sequence[str] = ()) -> str:
    """Return the text of a model with an anchor generator, and more lines, in its head."""
    inner = [*more, *enclosed("anchor_generator=dict(", generator, ")")]
    return written(content.note, remarks, enclosed("model = dict(", enclosed(f"{head}=dict(", inner, ")"), ")"))


def _text(content: Content, head: str, classes: str, strides: tuple[int, ...]) -> str:
    base, factors = parted(content.values.sizes, LIBRARY, octaves=True)
    n = len(factors)
    return model(content, content.of_classes(f"# classes: {{}}; set num_classes of the {classes}"), head, [
        "_delete_=True,  # of the base configuration: it may have scales that exclude these",
        'type="AnchorGenerator",',
        *(["octave_base_scale=1,", f"scales_per_octave={n},"] if n > 1 else ["scales=[1.0],"]),
        f"base_sizes={base},  # one for each level",
        f"ratios={content.ratios(LIBRARY)},  # height / width",
        f"strides={list(strides)},",
    ])  # fmt: skip


def rpn(content: Content) -> str:
    """Return the text for models with an RPN on a feature pyramid."""
    return _text(content, "rpn_head", "roi_head", RPN)


def retina(content: Content) -> str:
    """Return the text for RetinaNet."""
    return _text(content, "bbox_head", "bbox_head", RETINA)


def generator_of(text: str, kind: str) -> dict[str, Any]:
    """Return the arguments of the first generator of this type in a configuration; UNKNOWN and None are left out.

    Raises
    ------
    DataError
        If it has none.
    """
    found = next((one for one in calls(parsed(text), "dict") if one.get("type") == kind), None)
    if found is None:
        raise DataError(f"has no dict(type='{kind}', ...)")
    return {key: value for key, value in found.items() if value is not None and value is not UNKNOWN}


def read(text: str) -> Config:
    """Return the anchors of the first AnchorGenerator in a configuration.

    Examples
    --------
    >>> text = "dict(type='AnchorGenerator', scales=[8], ratios=[1.0], strides=[4, 8])"
    >>> read(text).anchors.tolist()
    [[32.0, 32.0], [64.0, 64.0]]
    """
    given = generator_of(text, "AnchorGenerator")
    strides = [row[0] for row in rows_of(given.get("strides"), "strides", each=True)]
    base = [row[0] for row in rows_of(given.get("base_sizes", strides), "base_sizes", levels=len(strides), each=True)]
    if "scales" in given:
        factors = list(rows_of(given["scales"], "scales")[0])
    else:
        first, octave = (rows_of([given.get(key)], key)[0][0] for key in ("octave_base_scale", "scales_per_octave"))
        factors = [first * 2 ** (i / int(octave)) for i in range(int(octave))]
    ratios = rows_of(given.get("ratios"), "ratios", levels=len(strides))
    sizes = tuple(tuple(side * factor for factor in factors) for side in base)
    known = all(np.log2(stride) % 1 == 0 for stride in strides)
    parts = [sides(*level) for level in zip(sizes, ratios, strict=True)]
    return config_of(parts, strides if known else (), fit="shortest")


MARK = r"type\s*=\s*[\"'](Legacy)?AnchorGenerator[\"']"
READER = reader(read, "MMDetection's AnchorGenerator", "shortest", ".py", mark=MARK, equal=True)
SCALED = Resize("shortest", COCO, half_up)
DETECTORS = {
    "mmdet-faster-rcnn": faster_rcnn(
        "Faster R-CNN, Mask R-CNN, Cascade R-CNN with FPN", Grid(sides, octaves=True), READER, rpn,
        resize=SCALED, matching=Matching(0.7, 0.3, "own", least=0.3),
    ),
    "mmdet-retinanet": retinanet(
        "RetinaNet", Grid(sides, sizes=3, octaves=True), READER, retina,
        resize=SCALED, matching=Matching(0.5, 0.4, "own"),
    ),
}  # fmt: skip
