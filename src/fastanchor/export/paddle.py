"""PaddleDetection: ``anchors`` and ``anchor_masks`` of a YOLO head, masks with the largest stride first."""

from __future__ import annotations

import re

from fastanchor._errors import DataError
from fastanchor.export._dialect import Config, Content, Dialect, Layout, Needs, from_words, mask_layout
from fastanchor.export._yaml import Node, compose, count_of, entries, mappings, words
from fastanchor.levels import pyramid

__all__ = ["PADDLE"]


def write(content: Content) -> str:
    """Return the two lines of ``YOLOv3Head``, whole pixels."""
    sides = ", ".join(f"[{w:.0f}, {h:.0f}]" for w, h in content.anchors.tolist())
    return "\n".join([*content.note, f"anchors: [{sides}]", f"anchor_masks: {content.masks[::-1]}"])


def read(text: str) -> Config:
    r"""Return what a configuration says; all ``anchors`` in it must be the same.

    Examples
    --------
    >>> found = read("YOLOv3Head:\n  anchors: [[10, 13], [16, 30]]\n  anchor_masks: [[1], [0]]")
    >>> found.anchors.tolist(), found.layout
    ([[10.0, 13.0], [16.0, 30.0]], [(4, [0]), (5, [1])])
    """
    root = compose(text)
    found = [(node, value) for node in mappings(root) for _, value in entries(node, "anchors") if value.id != "scalar"]
    if not found:
        raise DataError("has no block 'anchors:'")
    lists = [words(value, "anchors") for _, value in found]
    if len(set(lists)) > 1:
        raise DataError("has different lists of anchors; give them as numbers instead")
    anchors = from_words(lists[0])
    layout = next((layout for node, _ in found if (layout := _layout(node, len(anchors)))), [])
    return Config(anchors, layout, classes=count_of(root, "num_classes"))


def _layout(node: Node, n: int) -> Layout:
    """Return the levels of a head; [] if it has no masks."""
    for _, value in entries(node, "anchor_masks"):
        if value.id == "sequence":
            rows = [re.split(r"[\s,]+", words(row, "anchor_masks").strip()) for row in value.value]
            if not all(re.fullmatch(r"\d{1,9}", word) for row in rows for word in row):
                raise DataError("anchor_masks: must be lists of whole numbers")
            return mask_layout(pyramid(len(rows))[::-1], [[int(word) for word in row] for row in rows], n)
    return []


# its readers resize without keeping the proportions (keep_ratio: False, BatchRandomResize)
NEEDS = Needs("PaddleDetection", "stretch", whole=True, endings=(".yaml", ".yml"), mark=r"\banchor_masks\b")
PADDLE = Dialect(NEEDS, write, read)
