"""What looks wrong in a configuration of sizes and ratios: reversed ratios, and levels that do not suit their sizes."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np

from fastanchor._network import NetworkBoxes
from fastanchor.export import Config
from fastanchor.metrics import mean_iou

__all__ = ["doubts"]

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
    found = []
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
    sides = [float(np.sqrt(config.anchors[rows].prod(axis=1)).mean()) for _, rows in config.layout]
    levels = sorted(zip(config.strides, sides, strict=True))
    found += [
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
