"""YOLOv5 and YOLOv7: the ``anchors:`` block of a model YAML."""

from __future__ import annotations

import re

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.export._common import dealt, lines_of, pairs, same_count
from fastanchor.given import is_anchor_free
from fastanchor.layers import Split, equal, usual

__all__ = ["edit_yaml", "yaml_layout", "yaml_levels", "yolov5"]


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
    own = _order(text)
    if own:
        parts = equal(len(anchors), sorted(own)) if parts is None else parts
        if len(parts) != len(own):
            raise DataError(f"has {len(own)} levels, not {len(parts)}")
    elif parts is None:
        raise DataError("tells its levels neither in the block nor in a layer that has the anchors; choose them")
    head, *rows = yolov5(anchors, parts).split("\n")
    if list(own) != sorted(own):  # a model whose last layer begins with the largest stride
        rows.reverse()
    newline = "\r\n" if lines[start].endswith("\r\n") else "\n"
    last = newline if block[-1].endswith(("\n", "\r")) else ""
    return "".join([*lines[:start], newline.join([head, *rows]) + last, *lines[end:]])


def yaml_levels(text: str) -> tuple[int, ...]:
    r"""Return the levels of a model YAML, rising: of its ``anchors:`` block, else of its last layer; () if none tells.

    Raises
    ------
    DataError
        If there is not exactly one ``anchors:`` block, it has more than 8 levels, or names some of them only.

    Examples
    --------
    >>> yaml_levels("anchors:\n  - [1,2]  # P2/4\n  - [3,4]  # P3/8\n")
    (2, 3)
    """
    return tuple(sorted(_order(text)))


def yaml_layout(text: str) -> list[tuple[int, list[int]]]:
    r"""Return the levels of a model YAML's ``anchors:`` block, rising, and the positions of their anchors in it.

    Raises
    ------
    DataError
        As :func:`yaml_levels`.

    Examples
    --------
    >>> yaml_layout("anchors:\n  - [5,6]  # P4/16\n  - [1,2, 3,4]  # P3/8\n")
    [(3, [1, 2]), (4, [0])]
    """
    found, start = [], 0
    for level, row in zip(_order(text), _rows(_bare(text)), strict=False):
        count = len(re.findall(r"[\d.]+(?:[eE][-+]?\d+)?", row)) // 2
        found.append((level, list(range(start, start + count))))
        start += count
    return sorted(found)


def _order(text: str) -> tuple[int, ...]:
    """Return the levels in the order of the file's rows, rising or falling; () if it does not tell."""
    lines, start, end = _block(text)
    present = len(_rows(_bare(text)))
    named = [int(level) for level in re.findall(r"#\s*P(\d)\b", "".join(lines[start:end]))]
    if not present:
        present, named = _detector(text)
        named = named if len(named) == present else []
    if named and len(named) != present:
        raise DataError(f"names {len(named)} of the {present} levels of its anchors; name all of them, or none")
    if named in (sorted(set(named)), sorted(set(named), reverse=True)):
        return tuple(named) or usual(present)
    raise DataError(f"names its levels {', '.join(f'P{level}' for level in named)}; they must rise, or fall")


def _bare(text: str) -> str:
    """Return the block without its comments."""
    lines, start, end = _block(text)
    return re.sub(r"#[^\n]*", "", "".join(lines[start:end]))


def _rows(block: str) -> list[str]:
    """Return the levels of a block, each a list of numbers: a line ``- [...]``, or an inner pair of brackets."""
    return re.findall(r"\[[^\[\]]*\d[^\[\]]*\]", block)


def _block(text: str) -> tuple[list[str], int, int]:
    """Return the lines of a YAML, and where its ``anchors:`` block begins and ends."""
    lines = lines_of(text)
    if is_anchor_free(text):
        raise DataError("this detector has no anchors")
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
    # [[layers that feed it], times, name, [what it is given]]: the anchors among it, or a name that says enough
    given = r"\w*(?:Detect|Segment)\w*\s*,.*|\w+\s*,\s*\[[^\]\n]*\banchors\b.*"
    match = re.search(rf"\[\s*\[([\d,\s]+)\]\s*,\s*\d+\s*,\s*(?:{given})", text)
    if match is None:
        return 0, []
    return match[1].count(",") + 1, [int(level) for level in re.findall(r"\bP(\d)\b", match[0])]
