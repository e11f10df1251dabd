"""NVIDIA TAO: the anchor shapes of a yolov3_config or yolov4_config."""

from __future__ import annotations

import re

import numpy as np

from fastanchor._errors import DataError
from fastanchor.export._dialect import Config, Content, Dialect, Needs, from_words, pairs, rows_layout

__all__ = ["TAO"]

NAMES = {"big": 5, "mid": 4, "small": 3}  # with their levels
SHAPE = r"\b(big|mid|small)_anchor_shape[ \t]*:[ \t]*[\"']([^\"'\n]*)[\"']"


def write(content: Content) -> str:
    """Return ``big_``, ``mid_`` and ``small_anchor_shape``; the tiny network has no small ones."""
    levels = zip(NAMES, content.levels[::-1], strict=False)
    return "\n".join(
        [*content.note, *(f'{name}_anchor_shape: "[{pairs(one.anchors, "({w}, {h})", 2)}]"' for name, one in levels)]
    )


def read(text: str) -> Config:
    r"""Return what a specification says: its anchor shapes, and ``output_width`` and ``output_height``.

    Examples
    --------
    >>> found = read('big_anchor_shape: "[(30.00, 61.00)]"\nmid_anchor_shape: "[(10.00, 13.00)]"')
    >>> found.anchors.tolist(), found.layout
    ([[30.0, 61.0], [10.0, 13.0]], [(4, [1]), (5, [0])])
    """
    shapes = {match[1]: from_words(re.sub(r"[\[\]()]", " ", match[2]), f"{match[1]}_anchor_shape")
              for match in re.finditer(SHAPE, re.sub(r"#[^\n]*", "", text))}  # fmt: skip
    if not shapes:
        raise DataError("has no big_anchor_shape, mid_anchor_shape or small_anchor_shape")
    layout = rows_layout([NAMES[name] for name in shapes], [len(part) for part in shapes.values()])
    sides = [re.search(rf"\boutput_{side}[ \t]*:[ \t]*(\d{{1,9}})\b", text) for side in ("width", "height")]
    size = (int(sides[0][1]), int(sides[1][1])) if sides[0] and sides[1] else None
    return Config(np.concatenate(list(shapes.values())), layout, img_size=size)


# images are resized to output_width x output_height, each side by its own factor
NEEDS = Needs("NVIDIA TAO", "stretch", levels=(2, 3), endings=(".yaml", ".yml", ".txt"), mark=SHAPE)
TAO = Dialect(NEEDS, write, read)
