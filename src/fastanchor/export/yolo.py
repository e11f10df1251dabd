"""YOLOv5 and YOLOv7: the ``anchors:`` block of a model YAML."""

from __future__ import annotations

import re

import numpy as np

from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._types import FloatArray
from fastanchor.export._common import (
    Config,
    Input,
    Layout,
    Target,
    dealt,
    from_words,
    noted,
    pairs,
    same_count,
)  # fmt: skip
from fastanchor.export._yaml import Node, compose, end_of, entries, under, words
from fastanchor.levels import Split, checked, equal, usual

__all__ = ["YOLOV5", "edit_yaml", "yolov5"]

DETECTOR = re.compile(r"Detect|Segment|Pose|Keypoint|IBin")


def yolov5(anchors: FloatArray, parts: Split | None = None, made_for: Input | None = None) -> str:
    """Return the ``anchors:`` block of a YOLOv5 or YOLOv7 model YAML, a line a level.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
    made_for : Input, optional
        What the anchors are for, which a comment says.

    Raises
    ------
    DataError
        If the levels differ in their number of anchors, which these detectors cannot have.

    Examples
    --------
    >>> import numpy as np
    >>> nine = np.array([[10, 13], [16, 30], [33, 23], [30, 61], [62.25, 45], [59, 119]])
    >>> print(yolov5(nine, made_for=Input("letterbox", (640, 640))))
    anchors:  # fastanchor: letterbox, 640 x 640 pixels
      - [10,13, 16,30, 33,23]  # P4/16
      - [30,61, 62.2,45, 59,119]  # P5/32
    """
    found = same_count(dealt(anchors, parts), "a YOLOv5 or YOLOv7 model")
    lines = [f"  - [{pairs(part, '{w},{h}')}]  # P{level}/{stride}" for level, stride, part, _ in found]
    return "\n".join(["anchors:" if made_for is None else f"anchors:  {made_for.note}", *lines])


def read(text: str) -> Config:
    r"""Return what a model YAML says, in whatever style it is written.

    Raises
    ------
    DataError
        If it is not YAML, has not exactly one key ``anchors``, or that holds no pairs of numbers.

    Examples
    --------
    >>> found = read("nc: 3\nanchors:\n  - [5,6]  # P4/16\n  - [1,2, 3,4]  # P3/8\n")
    >>> found.anchors.tolist(), found.layout, found.classes
    ([[5.0, 6.0], [1.0, 2.0], [3.0, 4.0]], [(3, [1, 2]), (4, [0])], 3)
    """
    root = compose(text)
    key, value = _anchors(root)
    classes = next((int(node.value) for _, node in entries(root, "nc")
                    if node.id == "scalar" and re.fullmatch(r"\d{1,9}", node.value)), None)  # fmt: skip
    if value.id == "scalar":
        own = _detector(root, text)
        n = int(value.value) * len(own) if own else None
        return Config(
            np.empty((0, 2)), [(level, []) for level in sorted(own)], n, note=noted(text), classes=classes, even=True
        )
    rows = _rows(value)
    parts = [from_words(words(row, "anchors")) for row in rows]
    anchors = np.concatenate(parts)
    layout: Layout = []
    start, why = 0, ""
    try:
        for level, part in zip(_order(key, value, text, len(rows)), parts, strict=False):
            layout.append((level, list(range(start, start + len(part)))))
            start += len(part)
    except DataError as error:
        why = f"{error}; the levels are the usual ones for so many anchors"
    return Config(anchors, sorted(layout), len(anchors), why, note=noted(text), classes=classes, even=True)


def edit_yaml(text: str, anchors: FloatArray, parts: Split | None = None, made_for: Input | None = None) -> str:
    r"""Return the text of a model YAML with its ``anchors:`` replaced and all else as it was.

    The anchors become a block, a line a level; a YAML in flow style, in braces, gets a list in brackets.

    Parameters
    ----------
    text : str
        Of the model YAML.
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
        Default: the levels of the block, or as many as the last layer has inputs, in equal parts.
    made_for : Input, optional
        What the anchors are for, which a comment in the block says.

    Raises
    ------
    DataError
        If there is not exactly one key ``anchors``, or it has another number of levels.

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
    parts = None if parts is None else checked(parts, len(anchors))
    root = compose(text)
    key, value = _anchors(root)
    order = _order(key, value, text, len(_rows(value))) if value.id == "sequence" else _detector(root, text)
    if entries(root, "anchor_masks"):
        raise DataError("has anchor_masks, so it is for PaddleDetection; only YOLOv5 and YOLOv7 models are edited")
    if order:
        parts = equal(len(anchors), sorted(order)) if parts is None else parts
        if len(parts) != len(order):
            raise DataError(f"has {len(order)} levels, not {len(parts)}")
    elif parts is None:
        raise DataError(f"tells its levels neither in the block nor in a layer that has the anchors; {hint('levels')}")
    head, *rows = yolov5(anchors, parts, made_for).split("\n")
    found = dealt(anchors, parts)
    if list(order) != sorted(order):  # a model whose last layer begins with the largest stride
        rows.reverse()
        found.reverse()
    start, end = _span(key, value, text)
    line = max(text.rfind("\n", 0, key.start_mark.index), text.rfind("\r", 0, key.start_mark.index)) + 1
    indent = text[line : key.start_mark.index]
    if root.flow_style or indent.strip(" \ufeff"):
        flow = ", ".join(f"[{pairs(layer.anchors, '{w},{h}')}]" for layer in found)
        blank = "" if text[start - 1 : start].isspace() else " "
        return f"{text[:start]}{blank}[{flow}]{text[end:]}"
    newline = "\r\n" if "\r\n" in text[line : end + 2] or text.find("\r\n") >= 0 else "\n"
    block = newline.join([head.removeprefix("anchors"), *(indent.strip("\ufeff") + row for row in rows)])
    rest = re.match(r"[ \t]*(?:#[^\r\n\x85\u2028\u2029]*)?", text[end:])
    return text[: key.end_mark.index] + block + text[end + (0 if rest is None else rest.end()) :]


def _anchors(root: Node) -> tuple[Node, Node]:
    found = entries(root, "anchors")
    if not any(value.id == "sequence" for _, value in found) and _is_anchor_free(root):
        raise DataError("this detector has no anchors")
    if len(found) != 1:
        raise DataError(f"has {len(found)} blocks 'anchors:'; must have one")
    _, value = found[0]
    if value.id == "mapping" or (value.id == "scalar" and not re.fullmatch(r"\d{1,3}", value.value)):
        shown = " ".join(value.value.split())[:40] or "nothing" if value.id == "scalar" else "a mapping"
        raise DataError(f"anchors: {shown}: is no list of widths and heights")
    return found[0]


def _is_anchor_free(root: Node) -> bool:
    """Return whether the head has layers, none of which is given the anchors, as in YOLOv8 and YOLOv9."""
    layers = [
        layer
        for _, network in entries(root, "head")
        for layer in (network.value if network.id == "sequence" else [])
        if layer.id == "sequence" and len(layer.value) > 3
    ]
    return bool(layers) and not any(_takes(layer.value[3:]) for layer in layers)


def _takes(given: list[Node]) -> bool:
    """Return whether the anchors are among what a layer is given."""
    return any(node.id == "sequence" and any(word.value == "anchors" for word in node.value) for node in given)


def _rows(value: Node) -> list[Node]:
    """Return the nodes of the levels: the inner lists; or one for all if there are none."""
    inner = [node for node in value.value if node.id == "sequence" or re.search(r"[\s,]", node.value.strip())]
    if not value.value:
        raise DataError("anchors: is empty; at least one (width, height) is needed")
    return list(value.value) if len(inner) == len(value.value) else [value]


def _span(key: Node, value: Node, text: str) -> tuple[int, int]:
    """Return where the value begins and ends in the text.

    Raises
    ------
    DataError
        If parts of it stand elsewhere, or other parts of the file refer to it.
    """
    start, end = value.start_mark.index, end_of(value)
    place = key.end_mark.index
    for node in under(value, "anchors"):
        if node.start_mark.index < place:
            raise DataError("anchors: has an alias (*); write the numbers out to have them replaced")
        place = node.start_mark.index
    if re.search(r"[&*!]", re.sub(r"#[^\n]*", "", text[key.end_mark.index : end])):
        raise DataError("anchors: has a tag or an anchor of YAML (! or &); take it away to have them replaced")
    return start, end


def _order(key: Node, value: Node, text: str, present: int) -> tuple[int, ...]:
    """Return the levels in the order of the rows, rising or falling; () if the file does not tell."""
    if _rows(value)[0] is value:  # numbers without lists around those of a level
        return ()
    if value.start_mark.index < key.end_mark.index:  # an alias: the lines that name the levels are elsewhere
        return usual(present) if present <= 8 else ()
    end = end_of(value)
    tail = re.match(r"[^\r\n]*", text[end:])
    block = text[key.end_mark.index : end] + ("" if tail is None else tail[0])
    named = tuple(int(level) for level in re.findall(r"#[ \t]*P(\d)\b", block))
    if named and len(named) != present:
        raise DataError(f"names {len(named)} of the {present} levels of its anchors; name all of them, or none")
    return _monotone(named) or (usual(present) if present <= 8 else ())


def _monotone(named: tuple[int, ...]) -> tuple[int, ...]:
    if list(named) in (sorted(set(named)), sorted(set(named), reverse=True)):
        return named
    raise DataError(f"names its levels {', '.join(f'P{level}' for level in named)}; they must rise, or fall")


def _detector(root: Node, text: str) -> tuple[int, ...]:
    """Return the levels of the last layer that is given the anchors: those of its comment, or the usual ones."""
    # [[layers that feed it], times, name, [what it is given]]
    for _, network in reversed(root.value):
        for layer in reversed(network.value if network.id == "sequence" else []):
            if layer.id != "sequence" or len(layer.value) < 3 or layer.value[0].id != "sequence":
                continue
            name, given = layer.value[2], layer.value[3:]
            if name.id == "scalar" and (_takes(given) or DETECTOR.search(name.value)):
                count = len(layer.value[0].value)
                tail = re.match(r"[^\r\n]*", text[layer.end_mark.index :])
                named = tuple(int(level) for level in re.findall(r"\bP(\d)\b", "" if tail is None else tail[0]))
                return _monotone(named) if len(named) == count else usual(count)
    return ()


# both resize by the smaller of the two factors and pad the rest
YOLOV5 = Target(yolov5, read, "letterbox", splice=edit_yaml)
