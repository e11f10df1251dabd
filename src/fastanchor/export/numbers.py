"""keras-yolo3 and yolov4-pytorch: ``yolo_anchors.txt``, one line of widths and heights in turn, and nothing else."""

from __future__ import annotations

import numpy as np

from fastanchor.export._dialect import Config, Content, Dialect, Needs, from_words, pairs

__all__ = ["NUMBERS"]


def write(content: Content) -> str:
    """Return the line; a comment in it would be read as a number."""
    return pairs(content.anchors, "{w},{h}")


def read(text: str) -> Config:
    r"""Return anchors that are numbers, in one line or in many, with or without comments.

    Examples
    --------
    >>> read("10,13,  16,30\n").anchors.tolist()
    [[10.0, 13.0], [16.0, 30.0]]
    """
    anchors = from_words("\n".join(line.split("#", 1)[0] for line in text.removeprefix("\ufeff").split("\n")))
    why = ""
    if 2 <= anchors.max() < 32 and np.any(anchors != np.round(anchors)):
        why = "all anchors are below 32 pixels and have decimals; if they are in cells, multiply them by the stride"
    return Config(anchors, [], why=why)


# both pad images to keep their proportions, and have three masks of three anchors, or two for the tiny network
NUMBERS = Dialect(Needs("keras-yolo3", equal=True, levels=(2, 3), endings=(".txt",)), write, read)
