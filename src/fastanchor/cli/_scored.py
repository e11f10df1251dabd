"""Anchors to check: what their file says about levels and network input, and what does not fit the data."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastanchor import DataError, detectors, export
from fastanchor._network import NetworkBoxes
from fastanchor._small import MIN_SIZE, no_side
from fastanchor._text import many
from fastanchor._weights import number
from fastanchor.cli import _detector
from fastanchor.cli._words import Word
from fastanchor.evaluate import AnchorCheck
from fastanchor.levels import Level, by_level, unusual, usual_counts

__all__ = ["differences", "levels_of", "of_anchors", "other_input", "read_used", "scored_anchors"]


def of_anchors(given: Sequence[str], word: str) -> Word:
    """Return what a word is to anchors, which are numbers, or one file.

    Examples
    --------
    >>> [of_anchors(["10,13"], word).name for word in ("16,30", "16,3o", "VOC2012")]
    ['PART', 'SLIP', 'OTHER']
    >>> of_anchors(["yolov4.cfg"], "16,30").name
    'OTHER'
    """
    if not export.is_numbers(given[0]):
        return Word.OTHER
    if export.is_numbers(word):
        return Word.PART
    return Word.SLIP if re.match(r"[-+.]?\d[^/\\]*,", word) else Word.OTHER


def scored_anchors(arguments: argparse.Namespace) -> tuple[export.Config, list[int], list[str]]:
    """Return the configuration, the positions of the anchors that a level uses, and warnings about levels."""
    config, used = read_used(arguments.anchors)
    n = len(config.anchors)
    _need_as_many(arguments, config, len(used))
    unused = sorted(set(range(n)) - set(used))
    warnings = [f"anchor {w:g} x {h:g} is on no level, and is not scored" for w, h in config.anchors[unused].tolist()]
    shared = Counter(at for _, rows in config.layout for at in set(rows))
    for at, count in sorted(shared.items()):
        if count > 1:
            w, h = config.anchors[at].tolist()
            warnings.append(f"anchor {w:g} x {h:g} is used by {count} levels; its boxes count in each of them")
    return config, used, warnings


def read_used(anchors: Any) -> tuple[export.Config, list[int]]:
    """Return a configuration, and the positions of the anchors that a level uses."""
    config = detectors.read(anchors)
    if not len(config.anchors):
        raise DataError(f"{anchors}: contains a number of anchors, but not their sizes")
    return config, sorted({at for _, rows in config.layout for at in rows}) or list(range(len(config.anchors)))


def other_input(name: str, config: export.Config, scored: export.Input, how: Sequence[str] = ("", "")) -> list[str]:
    """Return warnings if a configuration is for another network input than that of the scores, set by `how`."""
    warnings = []
    size = config.img_size or (config.note and config.note.img_size)
    fit = config.fit or (config.note and config.note.fit)
    if size and size != scored.img_size:
        want, have = (f"{w} x {h}" for w, h in (size, scored.img_size))
        warnings.append(f"{name} is for {want} pixels, but was scored at {have}{how[0]}")
    if fit and fit != scored.fit:
        warnings.append(f"{name} is for {fit}, but was scored with {scored.fit}{how[1]}")
    return warnings


def _need_as_many(arguments: argparse.Namespace, config: export.Config, used: int) -> None:
    """Raise if ``--per-level`` does not add up to the anchors that are scored, which may not be all of the file."""
    counts = _detector.per_level(arguments)
    if counts is None or sum(counts) == used:
        return
    name = arguments.anchors if export.is_file_name(arguments.anchors) else "--anchors"
    held = [len(rows) for _, rows in config.layout]
    has = f"{name} has {many(len(config.anchors), 'anchor')}"
    if held:
        has += f", and its levels hold {', '.join(map(str, held))} of them"
    if used < len(config.anchors) or sum(held) > used:
        has += f", {used} different ones"
    rule = "leave out --per-level to score those levels" if held else f"it must add up to {used}"
    raise DataError(f"--per-level = {counts}: adds up to {sum(counts)}, but {has}; {rule}")


def levels_of(
    arguments: argparse.Namespace, config: export.Config, used: list[int], found: AnchorCheck
) -> tuple[list[Level], list[str]]:
    """Return the levels: those of the command line, else of the file, else the usual ones; and warnings about them."""
    chosen = _detector.chosen_levels(arguments, found.anchors, [level for level, _ in config.layout])
    if chosen is not None or not config.layout:
        n = len(found.anchors)
        warnings = [*([config.why] if config.why else []), *(unusual(n) if chosen is None else [])]
        return by_level(found.anchors, chosen or usual_counts(n), found.counts), warnings
    anchors = config.anchors[used]
    order = np.argsort(anchors[:, 0] * anchors[:, 1], kind="stable")
    place = {used[at]: i for i, at in enumerate(order.tolist())}
    levels = []
    strides = config.strides or [2**level for level, _ in config.layout]
    for (level, rows), stride in zip(config.layout, strides, strict=True):
        at = [place[row] for row in rows]
        share = float(found.counts[sorted(set(at))].sum() / found.counts.sum())
        levels.append(Level(level, int(stride), found.anchors[at], share))
    return levels, []


def differences(
    arguments: argparse.Namespace, config: export.Config, found: AnchorCheck, boxes: NetworkBoxes
) -> list[str]:
    """Return warnings: options that differ from the file, what was assumed, and sizes that do not fit the boxes."""
    warnings = []
    size = config.img_size or (config.note and config.note.img_size)
    fit = config.fit or (config.note and config.note.fit)
    name = arguments.anchors
    if boxes.img_size is not None:
        have = f"{boxes.img_size[0]} x {boxes.img_size[1]}"
        if not size and arguments.img_size is None and arguments.detector is None:
            missing = "--img-size" if arguments.fit or fit else "--img-size and --fit"
            whose = f"{name} names" if export.is_file_name(name) else "the anchors name"
            warnings.append(f"{whose} no network input; scored for {have}, {boxes.fit}: give {missing}")
        scored = export.Input(boxes.fit or "letterbox", boxes.img_size)
        warnings += other_input(name, config, scored, (" as given by --img-size", " as given by --fit"))
    if found.anchors.max() < MIN_SIZE:
        warnings.append(f"all sides of the anchors are below {MIN_SIZE:g}: they look like fractions of the image or "
                        "cells, not pixels of the network input")  # fmt: skip
    warnings += detectors.doubts(config, boxes, found.mean_iou)
    tiny = number(boxes.weights, boxes.wh.max(axis=1) < MIN_SIZE)
    if tiny:
        warnings.append(f"{no_side(tiny, MIN_SIZE)}; `anchors` leaves such boxes out (--min-size {MIN_SIZE:g})")
    return warnings
