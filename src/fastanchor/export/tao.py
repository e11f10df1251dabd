"""NVIDIA TAO: the anchor shapes of a yolov3_config or yolov4_config."""

from __future__ import annotations

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.export._common import dealt, pairs
from fastanchor.layers import Split, equal

__all__ = ["tao"]


def tao(anchors: FloatArray, parts: Split | None = None) -> str:
    """Return ``big_``, ``mid_`` and ``small_anchor_shape``; the tiny network has no small ones.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
        Two levels or three. Default: three if n can be divided by it and is above 6, else two.

    Raises
    ------
    DataError
        If there are other than two or three levels, or one is empty.

    Examples
    --------
    >>> import numpy as np
    >>> print(tao(np.array([[10, 13], [16, 30], [33, 23], [30, 61], [62.25, 45], [59, 119]])))
    big_anchor_shape: "[(30.00, 61.00), (62.25, 45.00), (59.00, 119.00)]"
    mid_anchor_shape: "[(10.00, 13.00), (16.00, 30.00), (33.00, 23.00)]"
    """
    if parts is None:
        n = len(anchors)
        parts = equal(n, (3, 4, 5) if n > 6 and n % 3 == 0 else (4, 5))
    found = dealt(anchors, parts)
    counts = [len(layer.anchors) for layer in found]
    if len(counts) not in (2, 3) or not min(counts):
        raise DataError(f"levels: hold {counts} anchors; TAO has two or three levels, none of them empty")
    names = ("big", "mid", "small")
    return "\n".join(
        f'{name}_anchor_shape: "[{pairs(layer.anchors, "({w}, {h})", 2)}]"'
        for name, layer in zip(names, found[::-1], strict=False)
    )
