"""Detectron2 in Python: ``cfg.MODEL.ANCHOR_GENERATOR.SIZES = ...``, and the calls and changes of a LazyConfig."""

from __future__ import annotations

from typing import Any

from fastanchor._errors import DataError
from fastanchor.detectors._models import RATIOS
from fastanchor.detectors._python import assigned, calls, parsed
from fastanchor.detectors._reading import config_of, reader, rows_of
from fastanchor.detectors.detectron2 import sides, usual_strides
from fastanchor.export import Config

__all__ = ["READER"]

# the last names of what is assigned, with those of the arguments of DefaultAnchorGenerator
NAMES = {"SIZES": "sizes", "ASPECT_RATIOS": "aspect_ratios"}


def read(text: str) -> Config:
    r"""Return the anchors of a script, or of a LazyConfig.

    Examples
    --------
    >>> text = "cfg.MODEL.ANCHOR_GENERATOR.SIZES = [[32]]\ncfg.MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS = [[1.0]]"
    >>> read(text).anchors.tolist()
    [[32.0, 32.0]]
    """
    tree = parsed(text)
    given: dict[str, Any] = next(calls(tree, "DefaultAnchorGenerator"), {})
    for path, value in assigned(tree):
        if path[-2:-1] in (["ANCHOR_GENERATOR"], ["anchor_generator"]):
            given[NAMES.get(path[-1], path[-1])] = value
    if "sizes" not in given:
        raise DataError("ANCHOR_GENERATOR: has no SIZES; those of its base configuration are not read")
    strides = given.get("strides", ())
    levels = len(strides) if isinstance(strides, tuple) else 0
    sizes = rows_of(given["sizes"], "sizes", levels=levels or None)
    ratios = rows_of(given.get("aspect_ratios", (RATIOS,)), "aspect_ratios", levels=len(sizes))
    parts = [sides(*level) for level in zip(sizes, ratios, strict=True)]
    known = strides if levels else usual_strides(text, len(sizes))
    return config_of(parts, known, fit="shortest", equal=True)


MARK = r"(?m)^[^#\n]*\b(ANCHOR_GENERATOR\.SIZES\s*=|anchor_generator\.sizes\s*=|DefaultAnchorGenerator\)\s*\()"
READER = reader(read, "Detectron2 in Python", "shortest", ".py", mark=MARK, equal=True)
