"""What looks wrong in a configuration of sizes and ratios: reversed ratios, and levels that do not suit their sizes."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np

from fastanchor._network import NetworkBoxes
from fastanchor._types import FloatArray
from fastanchor.export import Config
from fastanchor.metrics import mean_iou

__all__ = ["FAR", "doubts", "unsuited"]

REVERSED = 0.02  # mean IoU by which reversed ratios must be better
FAR = 16.0  # strides of a level that the sides of its anchors rarely exceed: the largest of the usual ones are 12


def doubts(config: Config, boxes: NetworkBoxes, score: float) -> list[str]:
    """Return a sentence for whatever looks wrong; `score` is the mean IoU of the boxes with the anchors.

    Examples
    --------
    >>> import numpy as np
    >>> wide = Config(np.array([[40.0, 10.0]]), [], ratio="height / width")
    >>> doubts(wide, NetworkBoxes(np.array([[10.0, 40.0]]), None, 0, 0), 0.143)
    ['ratios look reversed: a ratio is height / width here, and with width / height the mean IoU is 1.000, not 0.143']
    """
    if not config.ratio:
        return []
    found = list(config.doubts)
    turned = mean_iou(boxes.boxes, np.ascontiguousarray(config.anchors[:, ::-1]), weights=boxes.weights)
    if turned > score + REVERSED:
        other = " / ".join(config.ratio.split(" / ")[::-1])
        found.append(f"ratios look reversed: a ratio is {config.ratio} here, and with {other} the mean IoU is "
                     f"{turned:.3f}, not {score:.3f}")  # fmt: skip
    if len(config.strides) < 2:
        return found
    for stride, count in Counter(config.strides).items():
        if count > 1:
            found.append(f"{count} levels have stride {stride:g}, so that their anchors are at the same places")
    parts = [config.anchors[rows] for _, rows in config.layout]
    return found + unsuited(config.strides, parts)


def unsuited(strides: Sequence[float], parts: Sequence[FloatArray]) -> list[str]:
    """Return a sentence for every level whose anchors do not suit its stride.

    Examples
    --------
    >>> import numpy as np
    >>> unsuited([8, 16], [np.array([[200.0, 200.0]]), np.array([[210.0, 210.0]])])
    ['the anchors of stride 8 have sides of 200 pixels, 25 strides: too large for the level']
    """
    sides = [float(np.sqrt(part.prod(axis=1)).mean()) for part in parts]
    levels = sorted(zip(strides, sides, strict=True))
    found = [
        f"the anchors of stride {coarse:g} are smaller than those of stride {fine:g}; is the order of levels right?"
        for (fine, small), (coarse, large) in itertools.pairwise(levels)
        if fine < coarse and large < small
    ]
    found += [
        f"the anchors of stride {stride:g} have sides of {side:.0f} pixels, {side / stride:.0f} strides: too large for "
        "the level"
        for stride, side in levels
        if side > FAR * stride
    ]  # fmt: skip
    return found
