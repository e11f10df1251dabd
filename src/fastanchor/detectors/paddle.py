"""PaddleDetection: the anchor generators of Faster R-CNN, RetinaNet (ratios are height / width) and SSD."""

from __future__ import annotations

from typing import Any

from fastanchor._errors import DataError
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
    grid_rows,
    parted,
)
from fastanchor.detectors._reading import config_of, nested, no_pairs, noted_size, rows_of
from fastanchor.detectors._shapes import Grid, Values, crossed
from fastanchor.detectors._ssd import USUAL, Ssd, boxes_of_level, chain
from fastanchor.export import Config, Dialect
from fastanchor.export._dialect import Needs
from fastanchor.export._yaml import Node, compose, entries, mappings
from fastanchor.matching import Cells, Matching

__all__ = ["DETECTORS", "sides", "ssd_sides"]

LIBRARY = "PaddleDetection"
STEPS = (8, 16, 32, 64, 100, 300)

sides = crossed(tall=True, by_ratio=False)
ssd_sides = boxes_of_level(mirrored=True)


def _text(content: Content, head: str, lines: list[str]) -> str:
    classes = [] if content.classes is None else [f"num_classes: {content.classes}"]
    return "\n".join([*content.note, *classes, f"{head}:", "  anchor_generator:", *(f"    {line}" for line in lines)])


def rpn(content: Content) -> str:
    """Return the YAML for Faster R-CNN; its head counts the anchors of the first level."""
    values = content.values
    ratios = list(values.ratios[0]) if content.same_ratios else grid_rows(values.ratios, "[]")
    return _text(content, "RPNHead", [
        f"anchor_sizes: {grid_rows(values.sizes, '[]')}  # one list for each level",
        f"aspect_ratios: {ratios}  # height / width", f"strides: {list(RPN)}",
    ])  # fmt: skip


def retina(content: Content) -> str:
    """Return the YAML for RetinaNet."""
    bases, parts = parted(content.values.sizes, LIBRARY, octaves=True)
    scales = [base / stride for base, stride in zip(bases, RETINA, strict=True)]
    if max(scales) - min(scales) > 1e-6 * max(scales):
        raise DataError(f"sizes: {LIBRARY} has one octave_base_scale, for all levels")
    return _text(content, "RetinaHead", [
        "name: RetinaAnchorGenerator", f"octave_base_scale: {scales[0]}", f"scales_per_octave: {len(parts)}",
        f"aspect_ratios: {content.ratios(LIBRARY)}  # height / width", f"strides: {[float(one) for one in RETINA]}",
    ])  # fmt: skip


def ssd(content: Content) -> str:
    """Return the YAML for SSD."""
    sizes, ratios = content.values
    return _text(content, "SSDHead", [
        f"steps: {list(STEPS)}", f"aspect_ratios: {grid_rows(ratios, '[]')}  # each with its reverse",
        f"min_sizes: {[row[0] for row in sizes]}", f"max_sizes: {[row[1] for row in sizes]}",
        "offset: 0.5", "flip: true", "min_max_aspect_ratios_order: true",
    ])  # fmt: skip


def read(text: str) -> Config:
    r"""Return the anchors of the first anchor_generator.

    Examples
    --------
    >>> read("RPNHead:\n  anchor_generator:\n    anchor_sizes: [[8], [16]]\n    aspect_ratios: [1]").anchors.tolist()
    [[8.0, 8.0], [16.0, 16.0]]
    """
    keys = ("anchor_sizes", "octave_base_scale", "min_sizes")
    found = [_given(value) for node in mappings(compose(text)) for _, value in entries(node, "anchor_generator")]
    given = next((one for one in found if any(key in one for key in keys)), None)
    if given is None:
        raise DataError(f"has no anchor_generator with {', '.join(keys[:-1])} or {keys[-1]}")
    if "min_sizes" in given:
        return _read_ssd(given, text)
    strides = [row[0] for row in rows_of(given.get("strides", list(RPN)), "strides", each=True)]
    if "anchor_sizes" in given:
        sizes = rows_of(given["anchor_sizes"], "anchor_sizes")
    else:
        base, n = (rows_of([given.get(key)], key)[0][0] for key in ("octave_base_scale", "scales_per_octave"))
        sizes = tuple(tuple(base * stride * 2 ** (i / int(n)) for i in range(int(n))) for stride in strides)
    ratios = rows_of(given.get("aspect_ratios", [0.5, 1.0, 2.0]), "aspect_ratios", levels=len(sizes))
    parts = [sides(*level) for level in zip(sizes, ratios, strict=True)]
    return config_of(parts, strides if len(strides) == len(sizes) else (), fit="shortest")


def _read_ssd(given: dict[str, Any], text: str) -> Config:
    ratios = rows_of(given.get("aspect_ratios"), "aspect_ratios")
    both = [[row[0] for row in rows_of(given.get(key), key, each=True, levels=len(ratios))]
            for key in ("min_sizes", "max_sizes")]  # fmt: skip
    last = str(given.get("min_max_aspect_ratios_order", "false")).lower() != "true"
    level_sides = boxes_of_level(mirrored=True, last=last)
    parts = [level_sides(*level) for level in zip(zip(*both, strict=True), ratios, strict=True)]
    steps = [row[0] for row in rows_of(given.get("steps", list(STEPS)), "steps", each=True)]
    return config_of(parts, steps if len(steps) == len(parts) else (), ratio="width / height", fit="stretch",
                     img_size=noted_size(text, (300, 300)))  # fmt: skip


def _given(node: Node) -> dict[str, Any]:
    if getattr(node, "id", "") != "mapping":
        return {}
    return {str(key.value): nested(value) for key, value in node.value if value.id != "mapping"}


NEEDS = Needs("PaddleDetection's anchor generators", "shortest", equal=True, endings=(".yaml", ".yml"),
              mark=r"\banchor_generator\s*:")  # fmt: skip
READER = Dialect(NEEDS, no_pairs, read)
SSD_SIZES = (30.0, 60.0, 111.0, 162.0, 213.0, 264.0, 315.0)
DETECTORS = {
    "paddle-frcnn": Detector(
        "Faster R-CNN of PaddleDetection", Grid(sides), RPN, Values(RPN_SIZES, RATIOS), Resize("shortest", COCO),
        Matching(0.7, 0.3), READER, rpn,
    ),
    "paddle-retinanet": Detector(
        "RetinaNet of PaddleDetection", Grid(sides, sizes=3, octaves=True, strides=RETINA), RETINA,
        Values(RETINA_SIZES, RATIOS), Resize("shortest", COCO), Matching(0.5, 0.4), READER, retina,
    ),
    "paddle-ssd": Detector(
        "SSD300 of PaddleDetection", Ssd(ssd_sides, tall=False), STEPS,
        Values(chain(SSD_SIZES), USUAL),
        Resize("stretch", (300, 300)), Matching(0.5, 0.5, "one"), READER, ssd,
        Cells(multiple=1, offset=0.5),
    ),
}  # fmt: skip
