"""MMDetection and MMYOLO: nested Python lists."""

from __future__ import annotations

from fastanchor._types import FloatArray
from fastanchor.export._common import dealt, pairs, same_count
from fastanchor.layers import Layer, Split

__all__ = ["mmdet", "mmyolo"]


def mmdet(anchors: FloatArray, parts: Split | None = None) -> str:
    """Return ``base_sizes`` and ``strides`` of MMDetection's ``YOLOAnchorGenerator``, the largest stride first.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional

    Raises
    ------
    DataError
        If the levels differ in their number of anchors.

    Examples
    --------
    >>> import numpy as np
    >>> print(mmdet(np.array([[10, 13], [16, 30], [33, 23], [30, 61], [62.25, 45], [59, 119]])))
    base_sizes = [
        [(30, 61), (62.2, 45), (59, 119)],  # P5/32
        [(10, 13), (16, 30), (33, 23)],  # P4/16
    ]
    strides = [32, 16]
    """
    found = same_count(dealt(anchors, parts), "MMDetection's YOLO head")[::-1]
    return _nested("base_sizes", found) + f"\nstrides = {[layer.stride for layer in found]}"


def mmyolo(anchors: FloatArray, parts: Split | None = None) -> str:
    """Return ``anchors`` and ``strides`` as MMYOLO's YOLOv5 and YOLOv7 configurations have them, smallest stride first.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional

    Raises
    ------
    DataError
        If the levels differ in their number of anchors.

    Examples
    --------
    >>> import numpy as np
    >>> print(mmyolo(np.array([[10.0, 13.0]])))
    anchors = [
        [(10, 13)],  # P5/32
    ]
    strides = [32]
    """
    found = same_count(dealt(anchors, parts), "MMYOLO's YOLO head")
    return _nested("anchors", found) + f"\nstrides = {[layer.stride for layer in found]}"


def _nested(name: str, found: list[Layer]) -> str:
    lines = [f"    [{pairs(part, '({w}, {h})')}],  # P{level}/{stride}" for level, stride, part, _ in found]
    return "\n".join([f"{name} = [", *lines, "]"])
