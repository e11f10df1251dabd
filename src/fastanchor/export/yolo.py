"""YOLOv5 and YOLOv7: the ``anchors:`` block of a model YAML."""

from __future__ import annotations

import re

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.export._common import dealt, pairs, same_count
from fastanchor.layers import Split, equal, usual

__all__ = ["edit_yaml", "yaml_levels", "yolov5"]


def yolov5(anchors: FloatArray, parts: Split | None = None) -> str:
    """Return the ``anchors:`` block of a YOLOv5 or YOLOv7 model YAML, a line a level.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional

    Raises
    ------
    DataError
        If the levels differ in their number of anchors, which these detectors cannot have.

    Examples
    --------
    >>> import numpy as np
    >>> print(yolov5(np.array([[10, 13], [16, 30], [33, 23], [30, 61], [62.25, 45], [59, 119]])))
    anchors:
      - [10,13, 16,30, 33,23]  # P4/16
      - [30,61, 62.2,45, 59,119]  # P5/32
    """
    found = same_count(dealt(anchors, parts), "a YOLOv5 or YOLOv7 model")
    lines = [f"  - [{pairs(part, '{w},{h}')}]  # P{level}/{stride}" for level, stride, part, _ in found]
    return "\n".join(["anchors:", *lines])


def edit_yaml(text: str, anchors: FloatArray, parts: Split | None = None) -> str:
    r"""Return the text of a model YAML with its ``anchors:`` block replaced and all else as it was.

    Parameters
    ----------
    text : str
        Of the model YAML.
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
        Default: as many levels as the block has lines, or the last layer has inputs, in equal parts.

    Raises
    ------
    DataError
        If there is not exactly one ``anchors:`` block, or it has another number of levels.

    Examples
    --------
    >>> import numpy as np
    >>> print(edit_yaml("nc: 3  # classes\nanchors:\n  - [1,2]  # P3/8\n\nhead: []", np.array([[10.0, 20.0]])))
    nc: 3  # classes
    anchors:
      - [10,20]  # P3/8
    <BLANKLINE>
    head: []
    """
    lines, start, end = _block(text)
    block = lines[start:end]
    own = yaml_levels(text)
    if own:
        parts = equal(len(anchors), own) if parts is None else parts
        if len(parts) != len(own):
            raise DataError(f"has {len(own)} levels, not {len(parts)}")
    newline = "\r\n" if lines[start].endswith("\r\n") else "\n"
    new = yolov5(anchors, parts).replace("\n", newline)
    last = newline if block[-1].endswith(("\n", "\r")) else ""
    return "".join([*lines[:start], new + last, *lines[end:]])


def yaml_levels(text: str) -> tuple[int, ...]:
    r"""Return the levels of a model YAML: of its ``anchors:`` block, else of its last layer; () if neither tells.

    Raises
    ------
    DataError
        If there is not exactly one ``anchors:`` block, or it has more than 8 levels.

    Examples
    --------
    >>> yaml_levels("anchors:\n  - [1,2]  # P2/4\n  - [3,4]  # P3/8\n")
    (2, 3)
    """
    lines, start, end = _block(text)
    block = "".join(lines[start:end])
    # each level is a list of numbers: a line "- [...]", or an inner pair of brackets
    present = len(re.findall(r"\[[^\[\]]*\d[^\[\]]*\]", re.sub(r"#[^\n]*", "", block)))
    named = [int(level) for level in re.findall(r"#\s*P(\d)\b", block)]
    if not present:
        present, named = _detector(text)
    if len(named) == present and named == sorted(set(named)):
        return tuple(named)
    return usual(present)


def _block(text: str) -> tuple[list[str], int, int]:
    """Return the lines of a YAML, and where its ``anchors:`` block begins and ends."""
    lines = text.splitlines(keepends=True)
    starts = [i for i, line in enumerate(lines) if re.match(r"anchors[ \t]*:(\s|$)", line)]
    if len(starts) != 1:
        raise DataError(f"has {len(starts)} blocks 'anchors:'; must have one")
    end = starts[0] + 1
    for i in range(end, len(lines)):
        if re.match(r"\s+[^\s#]|- |\]", lines[i]):
            end = i + 1
        elif lines[i].strip() and not lines[i].lstrip().startswith("#"):
            break
    return lines, starts[0], end


def _detector(text: str) -> tuple[int, list[int]]:
    """Return how many levels the last layer of the model has, and those that its comment names; 0 if there is none."""
    match = re.search(r"\[\s*\[([\d,\s]+)\]\s*,\s*\d+\s*,\s*\w*(?:Detect|Segment)\w*\s*,.*", text)
    if match is None:
        return 0, []
    return match[1].count(",") + 1, [int(level) for level in re.findall(r"\bP(\d)\b", match[0])]
