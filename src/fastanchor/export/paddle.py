"""PaddleDetection: ``anchors`` and ``anchor_masks`` of a YOLO head."""

from __future__ import annotations

from fastanchor._types import FloatArray
from fastanchor.export._common import dealt, pairs
from fastanchor.layers import Split

__all__ = ["paddle"]


def paddle(anchors: FloatArray, parts: Split | None = None) -> str:
    """Return the two lines of PaddleDetection's ``YOLOv3Head``, whole pixels; its masks begin with the largest stride.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional

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
    return f"anchors: [{pairs(anchors, '[{w}, {h}]', 0)}]\nanchor_masks: {masks}"
