"""MMDetection and MMYOLO: nested Python lists."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import Fit, FloatArray
from fastanchor.export._common import Config, Input, Layout, Target, dealt, mask_layout, noted, pairs, same_count
from fastanchor.levels import DEEPEST, Layer, Split, usual

__all__ = ["MMDET", "MMYOLO", "mmdet", "mmyolo"]


def mmdet(anchors: FloatArray, parts: Split | None = None, made_for: Input | None = None) -> str:
    """Return ``base_sizes`` and ``strides`` of MMDetection's ``YOLOAnchorGenerator``, the largest stride first.

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
        If the levels differ in their number of anchors.

    Examples
    --------
    >>> import numpy as np
    >>> print(mmdet(np.array([[10, 13], [16, 30], [33, 23], [30, 61], [62.25, 45], [59, 119]])))
    base_sizes = [
        [(30, 61), (62.2, 45), (59, 119)],  # P5/32
        [(10, 13), (16, 30), (33, 23)],  # P4/16
    ]
    strides = [32, 16]
    """
    found = same_count(dealt(anchors, parts), "MMDetection's YOLO head")[::-1]
    return _nested("base_sizes", found, made_for) + f"\nstrides = {[layer.stride for layer in found]}"


def mmyolo(anchors: FloatArray, parts: Split | None = None, made_for: Input | None = None) -> str:
    """Return ``anchors`` and ``strides`` as MMYOLO's YOLOv5 and YOLOv7 configurations have them, smallest stride first.

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
        If the levels differ in their number of anchors.

    Examples
    --------
    >>> import numpy as np
    >>> print(mmyolo(np.array([[10.0, 13.0]])))
    anchors = [
        [(10, 13)],  # P5/32
    ]
    strides = [32]
    """
    found = same_count(dealt(anchors, parts), "MMYOLO's YOLO head")
    return _nested("anchors", found, made_for) + f"\nstrides = {[layer.stride for layer in found]}"


def read(text: str) -> Config:
    """Return what the Python literals of a configuration say: ``base_sizes`` or ``anchors``, and ``strides``.

    The text is taken apart, never run. What is computed, or stands in another file, is not known.

    Raises
    ------
    DataError
        If it is not Python, or has no such lists of pairs, or different ones.

    Examples
    --------
    >>> text = "head = dict(generator=dict(base_sizes=[[(30, 61)], [(10, 13), (16, 30)]], strides=[32, 16]))"
    >>> found = read(text)
    >>> found.anchors.tolist(), found.layout
    ([[30.0, 61.0], [10.0, 13.0], [16.0, 30.0]], [(4, [1, 2]), (5, [0])])
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of strings in code that is not ours
            tree = ast.parse(text.removeprefix("\ufeff"))
        scopes = list(_scopes(tree))
    except (SyntaxError, ValueError) as error:
        place = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise DataError(f"is not Python ({place}{reason})") from None
    except (RecursionError, MemoryError):
        raise DataError("is not Python that can be read (nested too deeply)") from None
    found, refused = [], ""
    for names in scopes:
        for key in ("base_sizes", "anchors"):
            value = _literal(names.get(key))
            if value is None:
                continue
            try:
                found.append((*_levels(value, key, _literal(names.get("strides"))), key))
            except DataError as error:
                refused = refused or str(error)
    if not found:
        raise DataError(refused or "has no base_sizes = [[(w, h), ...], ...] and no anchors like it")
    anchors, layout, key = found[0]
    if any(not np.array_equal(anchors, other) for other, *_ in found):
        raise DataError("has different lists of anchors; give them as numbers instead")
    target = MMDET if key == "base_sizes" else MMYOLO
    size, fit = _resized(scopes)
    count = _literal(scopes[0].get("num_classes"))
    classes = count if isinstance(count, int) else None
    return Config(anchors, layout, len(anchors), "", fit, size, noted(text), classes, target.fit)


def _nested(name: str, found: list[Layer], made_for: Input | None) -> str:
    lines = [f"    [{pairs(part, '({w}, {h})')}],  # P{level}/{stride}" for level, stride, part, _ in found]
    return "\n".join([f"{name} = [" if made_for is None else f"{name} = [  {made_for.note}", *lines, "]"])


def _scopes(tree: ast.Module) -> Iterator[dict[str, ast.expr]]:
    """Yield the names that are set together: of the module first, then of every call and dictionary."""
    assigned = [node for node in tree.body if isinstance(node, ast.Assign)]
    yield {name.id: node.value for node in assigned for name in node.targets if isinstance(name, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield {word.arg: word.value for word in node.keywords if word.arg is not None}
        elif isinstance(node, ast.Dict):
            yield {key.value: value for key, value in zip(node.keys, node.values, strict=True)
                   if isinstance(key, ast.Constant) and isinstance(key.value, str)}  # fmt: skip


def _literal(node: ast.expr | None) -> object:
    """Return the value of a literal; None for what is computed."""
    try:
        return None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _levels(value: object, key: str, strides: object) -> tuple[FloatArray, Layout]:
    """Return the anchors of a nested list, and their levels if there are strides to go by."""
    rows = list(value) if isinstance(value, (list, tuple)) else []
    if not rows or not all(isinstance(row, (list, tuple)) and row for row in rows):
        raise DataError(f"{key}: is no list of levels with their pairs (width, height)")
    parts = [_check.as_sizes(row, key, "pixels of the network input") for row in rows]
    anchors, ends = np.concatenate(parts), np.cumsum([len(part) for part in parts])
    powers = list(strides) if isinstance(strides, (list, tuple)) else []
    if not powers and len(parts) <= 8:  # a configuration that changes the anchors alone: the usual order of its kind
        powers = [2**level for level in usual(len(parts))][:: 1 if key == "anchors" else -1]
    legal = [2**level for level in range(DEEPEST + 1)]
    if len(powers) != len(parts) or not all(type(s) is int and s in legal for s in powers):
        return anchors, []
    if len(set(powers)) < len(powers):
        return anchors, []
    masks = [list(range(end - len(part), end)) for end, part in zip(ends.tolist(), parts, strict=True)]
    return anchors, mask_layout([s.bit_length() - 1 for s in powers], masks, len(anchors))


def _resized(scopes: list[dict[str, ast.expr]]) -> tuple[tuple[int, int] | None, Fit | None]:
    """Return the network input and the fit, where all that the configuration says of them agrees.

    ``scale`` with ``keep_ratio`` is a longer and a shorter side, whichever is the width, so only squares count there.
    """
    sizes = {_size(_literal(scopes[0].get(name))) for name in ("img_scale", "input_size")}
    ratios = set()
    for names in scopes:
        if _literal(names.get("type")) == "Resize":
            ratios.add(_literal(names.get("keep_ratio")) is True)
            scale = _size(_literal(names.get("scale")))
            sizes.add(scale if scale and scale[0] == scale[1] else None)
    sizes.discard(None)
    fit: Fit | None = None if len(ratios) != 1 else "letterbox" if ratios.pop() else "stretch"
    return sizes.pop() if len(sizes) == 1 else None, fit


def _size(value: object) -> tuple[int, int] | None:
    """Return (width, height) if it is two whole numbers."""
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(type(side) is int and side > 0 for side in value):
        return value[0], value[1]
    return None


# MMDetection's own YOLOv3 resizes with keep_ratio=True, MMYOLO's models as YOLOv5 does
MMDET = Target(mmdet, read, "letterbox")
MMYOLO = Target(mmyolo, read, "letterbox")
