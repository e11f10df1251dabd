"""NVIDIA TAO: the anchor shapes of a yolov3_config or yolov4_config."""

from __future__ import annotations

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.export._common import dealt, pairs
from fastanchor.layers import Split, equal, levels

__all__ = ["tao", "tao_levels"]


def tao(anchors: FloatArray, parts: Split | None = None) -> str:
    """Return ``big_``, ``mid_`` and ``small_anchor_shape``; the tiny network has no small ones.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
        Two levels or three. Default: :func:`tao_levels`.

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
    found = dealt(anchors, tao_levels(len(anchors)) if parts is None else parts)
    if len(found) not in (2, 3):
        raise DataError(f"levels: are {len(found)}; TAO has two, or three")
    names = ("big", "mid", "small")
    return "\n".join(
        f'{name}_anchor_shape: "[{pairs(layer.anchors, "({w}, {h})", 2)}]"'
        for name, layer in zip(names, found[::-1], strict=False)
    )


def tao_levels(n: int) -> Split:
    """Return the usual levels for n anchors, but never more than three and never one.

    Examples
    --------
    >>> tao_levels(9), tao_levels(12), tao_levels(5)
    ([(3, 3), (4, 3), (5, 3)], [(3, 4), (4, 4), (5, 4)], [(4, 3), (5, 2)])
    """
    parts = levels(n)
    return parts if len(parts) in (2, 3) else equal(n, (4, 5) if len(parts) < 2 else (3, 4, 5))
