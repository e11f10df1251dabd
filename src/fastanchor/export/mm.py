"""MMDetection and MMYOLO: nested Python lists."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import Fit, FloatArray
from fastanchor.export._dialect import UNIT, Config, Content, Dialect, Layout, Needs, pairs, rows_layout
from fastanchor.levels import DEEPEST, Level, pyramid

__all__ = ["MMDET", "MMYOLO"]


def write_mmdet(content: Content) -> str:
    """Return ``base_sizes`` and ``strides`` of ``YOLOAnchorGenerator``, the largest stride first."""
    return _nested("base_sizes", content.levels[::-1], content.note)


def write_mmyolo(content: Content) -> str:
    """Return ``anchors`` and ``strides`` as in the YOLOv5 and YOLOv7 configurations, the smallest stride first."""
    return _nested("anchors", content.levels, content.note)


def _nested(name: str, levels: list[Level], note: list[str]) -> str:
    rows = [f"    [{pairs(level.anchors, '({w}, {h})')}],  # {level.name}" for level in levels]
    return "\n".join(["  ".join([f"{name} = [", *note]), *rows, "]", f"strides = {[one.stride for one in levels]}"])


def read(text: str) -> Config:
    """Return what the Python literals of a configuration say: ``base_sizes`` or ``anchors``, and ``strides``.

    The text is parsed, never run. Values that are computed, or come from another file, are not known.

    Examples
    --------
    >>> text = "head = dict(generator=dict(base_sizes=[[(30, 61)], [(10, 13), (16, 30)]], strides=[32, 16]))"
    >>> found = read(text)
    >>> found.anchors.tolist(), found.layout
    ([[30.0, 61.0], [10.0, 13.0], [16.0, 30.0]], [(4, [1, 2]), (5, [0])])
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about strings in the user's code
            tree = ast.parse(text.removeprefix("\ufeff"))
        scopes = list(_scopes(tree))
    except (SyntaxError, ValueError) as error:
        place = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise DataError(f"not valid Python ({place}{reason})") from None
    except (RecursionError, MemoryError):
        raise DataError("not readable as Python (nested too deeply)") from None
    found, refused = [], ""
    for names in scopes:
        for key in ("base_sizes", "anchors"):
            value = _literal(names.get(key))
            if value is None:
                continue
            try:
                found.append(_levels(value, key, _literal(names.get("strides"))))
            except DataError as error:
                refused = refused or str(error)
    if not found:
        raise DataError(refused or "has no base_sizes = [[(w, h), ...], ...] and no anchors like it")
    anchors, layout = found[0]
    if any(not np.array_equal(anchors, other) for other, _ in found):
        raise DataError("has different lists of anchors; give them as numbers instead")
    size, fit = _resized(scopes)
    count = _literal(scopes[0].get("num_classes"))
    return Config(anchors, layout, fit=fit, img_size=size, classes=count if isinstance(count, int) else None)


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
    """Return the value of a literal; None for an expression that is computed."""
    try:
        return None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _levels(value: object, key: str, strides: object) -> tuple[FloatArray, Layout]:
    """Return the anchors of a nested list, and their levels if there are strides."""
    rows = list(value) if isinstance(value, (list, tuple)) else []
    if not rows or not all(isinstance(row, (list, tuple)) and row for row in rows):
        raise DataError(f"{key}: not a list of levels with their pairs (width, height)")
    parts = [_check.as_sizes(row, key, UNIT) for row in rows]
    anchors = np.concatenate(parts)
    powers = list(strides) if isinstance(strides, (list, tuple)) else []
    if not powers and len(parts) <= 8:  # a configuration that changes the anchors alone: the usual order of its kind
        powers = [2**level for level in pyramid(len(parts))][:: 1 if key == "anchors" else -1]
    legal = [2**level for level in range(DEEPEST + 1)]
    known = len(powers) == len(parts) and all(type(s) is int and s in legal for s in powers)
    if not known or len(set(powers)) < len(powers):
        return anchors, []
    return anchors, rows_layout([s.bit_length() - 1 for s in powers], [len(part) for part in parts])


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
MMDET = Dialect(Needs("MMDetection's YOLO head", equal=True, endings=(".py",)), write_mmdet, read)
MMYOLO = Dialect(Needs("MMYOLO's YOLO head", equal=True), write_mmyolo, read)
