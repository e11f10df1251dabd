"""YOLOv5 and YOLOv7: the ``anchors:`` block of a model YAML."""

from __future__ import annotations

import re

import numpy as np

from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._types import FloatArray
from fastanchor.export._dialect import Config, Content, Dialect, Input, Needs, from_words, pairs, rows_layout
from fastanchor.export._yaml import Node, compose, count_of, end_of, entries, under, words
from fastanchor.levels import Level, LevelCounts, even_counts, pyramid

__all__ = ["YOLOV5"]

DETECTOR = re.compile(r"Detect|Segment|Pose|Keypoint|IBin")


def write(content: Content) -> str:
    """Return the ``anchors:`` block, one line per level."""
    rows = (f"  - {_row(level)}  # {level.name}" for level in content.levels)
    return "\n".join(["  ".join(["anchors:", *content.note]), *rows])


def _row(level: Level) -> str:
    return f"[{pairs(level.anchors, '{w},{h}')}]"


def read(text: str) -> Config:
    r"""Return what a model YAML says, in whatever style it is written.

    Examples
    --------
    >>> found = read("nc: 3\nanchors:\n  - [5,6]  # P4/16\n  - [1,2, 3,4]  # P3/8\n")
    >>> found.anchors.tolist(), found.layout, found.classes
    ([[5.0, 6.0], [1.0, 2.0], [3.0, 4.0]], [(3, [1, 2]), (4, [0])], 3)
    """
    root = compose(text)
    key, value = _anchors(root)
    classes = count_of(root, "nc")
    if value.id == "scalar":
        own = sorted(_detector(root, text))
        n = int(value.value) * len(own) if own else None
        return Config(np.empty((0, 2)), [(level, []) for level in own], n, classes=classes)
    parts = [from_words(words(row, "anchors")) for row in _rows(value)]
    try:
        order, why = _order(key, value, text, len(parts)), ""
    except DataError as error:
        order, why = (), f"{error}; the levels are the usual ones for so many anchors"
    layout = rows_layout(order, [len(part) for part in parts])
    return Config(np.concatenate(parts), layout, why=why, classes=classes)


def splice(text: str, anchors: FloatArray, levels: LevelCounts | None, made_for: Input | None) -> str:
    r"""Return the text with its ``anchors:`` replaced, in a block of one line per level.

    A YAML in flow style, in braces, gets a list in brackets. Default levels: those of the block, or as many as the
    last layer has inputs, in equal numbers.

    Examples
    --------
    >>> print(splice("nc: 3  # classes\nanchors:\n  - [1,2]  # P3/8\n\nhead: []", np.array([[10.0, 20]]), None, None))
    nc: 3  # classes
    anchors:
      - [10,20]  # P3/8
    <BLANKLINE>
    head: []
    """
    root = compose(text)
    key, value = _anchors(root)
    order = _order(key, value, text, len(_rows(value))) if value.id == "sequence" else _detector(root, text)
    if entries(root, "anchor_masks"):
        raise DataError("has anchor_masks, so it is for PaddleDetection; only YOLOv5 and YOLOv7 models can be edited")
    if order:
        levels = even_counts(len(anchors), sorted(order)) if levels is None else levels
        if len(levels) != len(order):
            raise DataError(f"has {len(order)} levels, not {len(levels)}")
    elif levels is None:
        raise DataError(f"neither the block nor a layer that takes the anchors names the levels; {hint('levels')}")
    content = YOLOV5.content(anchors, levels, made_for)
    head, *rows = write(content).split("\n")
    found = content.levels
    if list(order) != sorted(order):  # a model whose last layer begins with the largest stride
        rows, found = rows[::-1], found[::-1]
    start, end = _span(key, value, text)
    line = max(text.rfind("\n", 0, key.start_mark.index), text.rfind("\r", 0, key.start_mark.index)) + 1
    indent = text[line : key.start_mark.index]
    if root.flow_style or indent.strip(" \ufeff"):
        blank = "" if text[start - 1 : start].isspace() else " "
        return f"{text[:start]}{blank}[{', '.join(map(_row, found))}]{text[end:]}"
    newline = "\r\n" if "\r\n" in text[line : end + 2] or text.find("\r\n") >= 0 else "\n"
    block = newline.join([head.removeprefix("anchors"), *(indent.strip("\ufeff") + row for row in rows)])
    rest = re.match(r"[ \t]*(?:#[^\r\n\x85\u2028\u2029]*)?", text[end:])
    return text[: key.end_mark.index] + block + text[end + (0 if rest is None else rest.end()) :]


def _anchors(root: Node) -> tuple[Node, Node]:
    found = entries(root, "anchors")
    if not any(value.id == "sequence" for _, value in found) and _is_anchor_free(root):
        raise DataError("this detector has no anchors")
    if len(found) != 1:
        raise DataError(f"got {len(found)} blocks 'anchors:', expected one")
    _, value = found[0]
    if value.id == "mapping" or (value.id == "scalar" and not re.fullmatch(r"\d{1,3}", value.value)):
        shown = " ".join(value.value.split())[:40] or "nothing" if value.id == "scalar" else "a mapping"
        raise DataError(f"anchors: {shown}: not a list of widths and heights")
    return found[0]


def _is_anchor_free(root: Node) -> bool:
    """Return whether the head has layers but none of them takes the anchors, as in YOLOv8 and YOLOv9."""
    layers = [
        layer
        for _, network in entries(root, "head")
        for layer in (network.value if network.id == "sequence" else [])
        if layer.id == "sequence" and len(layer.value) > 3
    ]
    return bool(layers) and not any(_takes(layer.value[3:]) for layer in layers)


def _takes(arguments: list[Node]) -> bool:
    """Return whether the anchors are among the arguments of a layer."""
    return any(node.id == "sequence" and any(word.value == "anchors" for word in node.value) for node in arguments)


def _rows(value: Node) -> list[Node]:
    """Return the nodes of the levels: the inner lists; or one for all if there are none."""
    inner = [node for node in value.value if node.id == "sequence" or re.search(r"[\s,]", node.value.strip())]
    if not value.value:
        raise DataError("anchors: must have at least one (width, height), got none")
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
        raise DataError("anchors: has a tag or an anchor of YAML (! or &); remove it to have them replaced")
    return start, end


def _order(key: Node, value: Node, text: str, present: int) -> tuple[int, ...]:
    """Return the levels in the order of the rows, rising or falling; () if the file does not say."""
    if _rows(value)[0] is value:  # numbers without lists around those of a level
        return ()
    if value.start_mark.index < key.end_mark.index:  # an alias: the lines that name the levels are elsewhere
        return pyramid(present) if present <= 8 else ()
    end = end_of(value)
    tail = re.match(r"[^\r\n]*", text[end:])
    block = text[key.end_mark.index : end] + ("" if tail is None else tail[0])
    named = tuple(int(level) for level in re.findall(r"#[ \t]*P(\d)\b", block))
    if named and len(named) != present:
        raise DataError(f"names {len(named)} of the {present} levels of its anchors; name all of them, or none")
    return _monotone(named) or (pyramid(present) if present <= 8 else ())


def _monotone(named: tuple[int, ...]) -> tuple[int, ...]:
    if list(named) in (sorted(set(named)), sorted(set(named), reverse=True)):
        return named
    raise DataError(f"names its levels {', '.join(f'P{level}' for level in named)}; they must rise, or fall")


def _detector(root: Node, text: str) -> tuple[int, ...]:
    """Return the levels of the last layer that takes the anchors: those of its comment, or the usual ones."""
    # [[layers that feed it], times, name, [arguments]]
    for _, network in reversed(root.value):
        for layer in reversed(network.value if network.id == "sequence" else []):
            if layer.id != "sequence" or len(layer.value) < 3 or layer.value[0].id != "sequence":
                continue
            name, arguments = layer.value[2], layer.value[3:]
            if name.id == "scalar" and (_takes(arguments) or DETECTOR.search(name.value)):
                count = len(layer.value[0].value)
                tail = re.match(r"[^\r\n]*", text[layer.end_mark.index :])
                named = tuple(int(level) for level in re.findall(r"\bP(\d)\b", "" if tail is None else tail[0]))
                return _monotone(named) if len(named) == count else pyramid(count)
    return ()


# both resize by the smaller of the two factors and pad the rest
NEEDS = Needs("a YOLOv5 or YOLOv7 model", "letterbox", equal=True, endings=(".yaml", ".yml"))
YOLOV5 = Dialect(NEEDS, write, read, splice)
