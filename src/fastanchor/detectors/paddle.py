"""PaddleDetection: the anchor generators of Faster R-CNN and RetinaNet. A ratio is height / width."""

from __future__ import annotations

from typing import Any

from fastanchor._errors import DataError
from fastanchor.detectors._detector import Content
from fastanchor.detectors._grid import Grid, crossed
from fastanchor.detectors._models import RATIOS, RETINA, RPN, faster_rcnn, retinanet
from fastanchor.detectors._reading import config_of, given, reader, rows_of
from fastanchor.detectors._writing import grid_rows, indented, of_strides, written
from fastanchor.export import Config
from fastanchor.export._yaml import compose, entries, mappings

__all__ = ["DETECTORS", "sides"]

LIBRARY = "PaddleDetection"

sides = crossed(tall=True, by_ratio=False)


def head(content: Content, name: str, *generator: str) -> str:
    """Return the YAML of a head with an anchor generator."""
    classes = content.of_classes("num_classes: {}")
    return written(content.note, classes, f"{name}:", "  anchor_generator:", indented(generator))


def rpn(content: Content) -> str:
    """Return the YAML for Faster R-CNN; its head counts the anchors of the first level."""
    values = content.values
    ratios = list(values.ratios[0]) if content.same_ratios else grid_rows(values.ratios, "[]")
    return head(content, "RPNHead", f"anchor_sizes: {grid_rows(values.sizes, '[]')}  # one list for each level",
                f"aspect_ratios: {ratios}  # height / width", f"strides: {list(RPN)}")  # fmt: skip


def retina(content: Content) -> str:
    """Return the YAML for RetinaNet."""
    scales = of_strides(content, RETINA, LIBRARY, "octave_base_scale", octaves=True)
    return head(
        content, "RetinaHead", "name: RetinaAnchorGenerator", f"octave_base_scale: {scales[0]}",
        f"scales_per_octave: {len(scales)}", f"aspect_ratios: {content.ratios(LIBRARY)}  # height / width",
        f"strides: {[float(one) for one in RETINA]}",
    )  # fmt: skip


def generator_of(text: str, *keys: str) -> dict[str, Any]:
    """Return the values of the first anchor_generator with one of these keys.

    Raises
    ------
    DataError
        If it has none.
    """
    generators = [value for node in mappings(compose(text)) for _, value in entries(node, "anchor_generator")]
    found = [given(value) for value in generators]
    for one in found:
        if any(key in one for key in keys):
            return one
    raise DataError(f"has no anchor_generator with {' or '.join(keys)}")


def read(text: str) -> Config:
    r"""Return the anchors of the first anchor_generator.

    Examples
    --------
    >>> read("RPNHead:\n  anchor_generator:\n    anchor_sizes: [[8], [16]]\n    aspect_ratios: [1]").anchors.tolist()
    [[8.0, 8.0], [16.0, 16.0]]
    """
    found = generator_of(text, "anchor_sizes", "octave_base_scale")
    strides = [row[0] for row in rows_of(found.get("strides", list(RPN)), "strides", each=True)]
    if "anchor_sizes" in found:
        sizes = rows_of(found["anchor_sizes"], "anchor_sizes")
    else:
        base, n = (rows_of([found.get(key)], key)[0][0] for key in ("octave_base_scale", "scales_per_octave"))
        sizes = tuple(tuple(base * stride * 2 ** (i / int(n)) for i in range(int(n))) for stride in strides)
    ratios = rows_of(found.get("aspect_ratios", list(RATIOS)), "aspect_ratios", levels=len(sizes))
    parts = [sides(*level) for level in zip(sizes, ratios, strict=True)]
    return config_of(parts, strides if len(strides) == len(sizes) else (), fit="shortest", equal=True)


# without the keys of SSD close by
MARK = r"\banchor_generator\s*:(?!(?s:.{0,2000}?)\bmin_sizes\s*:)"
READER = reader(read, "PaddleDetection's AnchorGenerator", "shortest", ".yaml", ".yml", mark=MARK, equal=True)
DETECTORS = {
    "paddle-frcnn": faster_rcnn("Faster R-CNN of PaddleDetection", Grid(sides), READER, rpn),
    "paddle-retinanet": retinanet(
        "RetinaNet of PaddleDetection", Grid(sides, sizes=3, octaves=True, strides=RETINA), READER, retina,
    ),
}  # fmt: skip
