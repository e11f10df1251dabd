"""PaddleDetection: ``anchors`` and ``anchor_masks`` of a YOLO head."""

from __future__ import annotations

import re

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.export._common import Config, Input, Layout, Target, dealt, from_words, mask_layout, noted
from fastanchor.export._yaml import Node, compose, entries, mappings, words
from fastanchor.levels import Split, usual

__all__ = ["PADDLE", "paddle"]


def paddle(anchors: FloatArray, parts: Split | None = None, made_for: Input | None = None) -> str:
    """Return the two lines of PaddleDetection's ``YOLOv3Head``, whole pixels; its masks begin with the largest stride.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
    made_for : Input, optional
        What the anchors are for, which a comment says.

    Raises
    ------
    DataError
        If a level is empty, or a side would be rounded to 0.

    Examples
    --------
    >>> import numpy as np
    >>> print(paddle(np.array([[10, 13], [16, 30], [33, 23], [30, 61], [62.25, 45], [59, 119]])))
    anchors: [[10, 13], [16, 30], [33, 23], [30, 61], [62, 45], [59, 119]]
    anchor_masks: [[3, 4, 5], [0, 1, 2]]
    """
    masks: list[list[int]] = []
    start = 0
    for layer in dealt(anchors, parts):
        masks.insert(0, list(range(start, start + len(layer.anchors))))
        start += len(layer.anchors)
    sides = np.round(anchors)
    if sides.min() < 1:
        w, h = anchors[int(sides.min(axis=1).argmin())].tolist()
        raise DataError(f"anchor {w:.4g} x {h:.4g}: PaddleDetection takes whole pixels, and a side would be 0")
    note = "" if made_for is None else f"{made_for.note}\n"
    listed = ", ".join(f"[{w:.0f}, {h:.0f}]" for w, h in sides.tolist())
    return f"{note}anchors: [{listed}]\nanchor_masks: {masks}"


def read(text: str) -> Config:
    r"""Return what a PaddleDetection configuration says; all ``anchors`` in it must be the same.

    Raises
    ------
    DataError
        If it is not YAML, there are no anchors, different ones, or a mask points beyond them.

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
    classes = next((int(value.value) for _, value in entries(root, "num_classes")
                    if value.id == "scalar" and re.fullmatch(r"\d{1,9}", value.value)), None)  # fmt: skip
    return Config(anchors, layout, len(anchors), "", None, None, noted(text), classes, PADDLE.fit)


def _layout(node: Node, n: int) -> Layout:
    """Return the levels of a head, which begin with the largest stride; [] if it has no masks."""
    for _, value in entries(node, "anchor_masks"):
        if value.id == "sequence":
            rows = [re.split(r"[\s,]+", words(row, "anchor_masks").strip()) for row in value.value]
            if not all(re.fullmatch(r"\d{1,9}", word) for row in rows for word in row):
                raise DataError("anchor_masks: must be lists of whole numbers")
            return mask_layout(usual(len(rows))[::-1], [[int(word) for word in row] for row in rows], n)
    return []


# its readers resize without the proportions (keep_ratio: False, BatchRandomResize)
PADDLE = Target(paddle, read, "stretch")
