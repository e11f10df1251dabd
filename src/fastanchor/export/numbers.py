"""keras-yolo3 and yolov4-pytorch: ``yolo_anchors.txt``, one line of widths and heights in turn, and nothing else."""

from __future__ import annotations

import itertools
import re
from reprlib import repr as brief

import numpy as np

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor.export._dialect import MOST_ROWS, NUMBER, Config, Content, Dialect, Needs, from_words, pairs, simplified

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
    lines = [line.split("#", 1)[0] for line in text.removeprefix("\ufeff").split("\n")]
    rows = [row for row in (re.split(r"[\s,]+", simplified(line).strip(" \t\r\n,")) for line in lines) if row != [""]]
    if len(rows) > MOST_ROWS:
        raise DataError(f"is a table of boxes, not of anchors ({len(rows):,} lines)")
    if rows and all(map(_is_label, rows)) and (len(rows) > 1 or len(rows[0]) % 2):
        raise DataError("is a YOLO label file (class, then fractions of the image), not anchors")
    for word in itertools.chain(*rows):
        if not NUMBER.fullmatch(word):
            form = "write widths and heights as in 10,13 16,30"
            ending = "the configuration of a detector needs its own ending, such as .yaml, .cfg or .py"
            raise DataError(f"{called('anchors')}: {brief(word)} is not a number; {form}; {ending}")
    anchors = from_words(simplified("\n".join(lines)))
    why = ""
    if 2 <= anchors.max() < 32 and np.any(anchors != np.round(anchors)):
        why = "all anchors are below 32 pixels and have decimals; if they are in cells, multiply them by the stride"
    return Config(anchors, [], why=why)


def _is_label(row: list[str]) -> bool:
    """Return whether a line is a box or polygon of YOLO labels: a class, then at least four fractions."""
    return len(row) > 4 and row[0].isdecimal() and all(NUMBER.fullmatch(x) and 0 <= float(x) <= 1 for x in row[1:])


# both pad images to keep their proportions, and have three masks of three anchors, or two for the tiny network
NUMBERS = Dialect(Needs("keras-yolo3", equal=True, levels=(2, 3), endings=(".txt",)), write, read)
