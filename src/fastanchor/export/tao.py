"""NVIDIA TAO: the anchor shapes of a yolov3_config or yolov4_config."""

from __future__ import annotations

import re

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.export._common import Config, Input, Layout, Target, dealt, from_words, noted, pairs
from fastanchor.levels import Split, equal, levels

__all__ = ["SHAPE", "TAO", "tao", "tao_levels"]

NAMES = ("big", "mid", "small")
SHAPE = re.compile(r"\b(big|mid|small)_anchor_shape[ \t]*:[ \t]*[\"']([^\"'\n]*)[\"']")


def tao(anchors: FloatArray, parts: Split | None = None, made_for: Input | None = None) -> str:
    """Return ``big_``, ``mid_`` and ``small_anchor_shape``; the tiny network has no small ones.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
        Two levels or three. Default: :func:`tao_levels`.
    made_for : Input, optional
        What the anchors are for, which a comment says.

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
    lines = [
        f'{name}_anchor_shape: "[{pairs(layer.anchors, "({w}, {h})", 2)}]"'
        for name, layer in zip(NAMES, found[::-1], strict=False)
    ]
    return "\n".join(lines if made_for is None else [made_for.note, *lines])


def read(text: str) -> Config:
    r"""Return what a TAO specification says: its anchor shapes, and ``output_width`` and ``output_height``.

    Raises
    ------
    DataError
        If there are no anchor shapes, or they are no pairs.

    Examples
    --------
    >>> found = read('big_anchor_shape: "[(30.00, 61.00)]"\nmid_anchor_shape: "[(10.00, 13.00)]"')
    >>> found.anchors.tolist(), found.layout
    ([[30.0, 61.0], [10.0, 13.0]], [(4, [1]), (5, [0])])
    """
    shapes = {match[1]: from_words(re.sub(r"[\[\]()]", " ", match[2]), f"{match[1]}_anchor_shape")
              for match in SHAPE.finditer(re.sub(r"#[^\n]*", "", text))}  # fmt: skip
    if not shapes:
        raise DataError("has no big_anchor_shape, mid_anchor_shape or small_anchor_shape")
    layout: Layout = []
    start = 0
    for name, part in shapes.items():
        layout.append((5 - NAMES.index(name), list(range(start, start + len(part)))))
        start += len(part)
    sides = [re.search(rf"\boutput_{side}[ \t]*:[ \t]*(\d{{1,9}})\b", text) for side in ("width", "height")]
    size = (int(sides[0][1]), int(sides[1][1])) if sides[0] and sides[1] else None
    anchors = np.concatenate(list(shapes.values()))
    return Config(anchors, sorted(layout), len(anchors), "", None, size, noted(text), None, TAO.fit)


def tao_levels(n: int) -> Split:
    """Return the usual levels for n anchors, but never more than three and never one.

    Examples
    --------
    >>> tao_levels(9), tao_levels(12), tao_levels(5)
    ([(3, 3), (4, 3), (5, 3)], [(3, 4), (4, 4), (5, 4)], [(4, 3), (5, 2)])
    """
    parts = levels(n)
    return parts if len(parts) in (2, 3) else equal(n, (4, 5) if len(parts) < 2 else (3, 4, 5))


# images are resized to output_width x output_height, each side by its own factor
TAO = Target(tao, read, "stretch")
