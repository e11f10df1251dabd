"""The network input and the levels of the detector: from the command line, else from a configuration."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from fastanchor import DataError, _check
from fastanchor._jitter import SCALES
from fastanchor._network import NetworkBoxes, to_network_input
from fastanchor._small import no_side, small_boxes
from fastanchor._table import Table
from fastanchor._types import FloatArray
from fastanchor.boxes import Boxes
from fastanchor.cli import _indexed
from fastanchor.cli._values import whole
from fastanchor.detectors import GRIDS, PAIRS
from fastanchor.engine import BoxIndex
from fastanchor.export import FORMATS, Config, Input
from fastanchor.levels import Level, LevelCounts, level_counts

__all__ = ["chosen_levels", "classes_remark", "input_row", "input_text", "level_rows", "network", "per_level",
           "picture_title", "ready", "shown_input", "shown_levels"]  # fmt: skip


LIMITS = (800, 1333)  # usual ones of the shorter and of the longer side, for "shortest"


def network(arguments: argparse.Namespace, config: Config | None = None, fmt: str | None = None) -> Input:
    """Return the network input of the command line, else of the configuration, else the usual one of its detectors.

    `fmt` is a format or a detector.
    """
    fits = [arguments.fit]
    sizes = [None if arguments.img_size is None else _check.side_pair(arguments.img_size, "img_size", square=True)]
    if config is not None:
        note = config.note
        fits += [config.fit, note and note.fit]
        sizes += [config.img_size, note and note.img_size]
    there = _indexed.network(arguments, _wanted(fits, sizes))
    if there is not None:
        return there
    usual = Input("letterbox", (640, 640))
    if fmt in GRIDS:
        usual = Input(*GRIDS[fmt].resize[:2])
    else:
        pairs = PAIRS.get(str(fmt))
        needs = None if fmt is None else FORMATS[pairs.fmt if pairs else fmt].needs
        own = needs.fit if needs and not needs.any_fit else None
        # the anchors may be numbers, whose file says nothing of the fit
        fits += [own, None if config is None else config.default_fit, needs and needs.fit]
        sizes.append(pairs.img_size if pairs else None)
    fit = next(filter(None, fits), usual.fit)
    otherwise = LIMITS if fit == "shortest" and usual.fit != fit else usual.img_size
    return Input(fit, next(filter(None, sizes), otherwise))


def _wanted(fits: Sequence[Any], sizes: Sequence[Any]) -> list[tuple[str, Any, str]]:
    """Return the network input that is given: names of settings, values, and where they come from."""
    found = []
    for name, values in (("fit", fits), ("img_size", sizes)):
        value = next((value for value in values if value), None)
        if value is not None:
            option = f"--{name.replace('_', '-')}" if values[0] else f"{name} of the configuration"
            found.append((name, value, option))
    return found


def ready(arguments: argparse.Namespace, boxes: Boxes | BoxIndex | NetworkBoxes, made_for: Input) -> NetworkBoxes:
    """Return the boxes in pixels of the network input, by the options about it."""
    return to_network_input(boxes, **made_for._asdict(), min_size=arguments.min_size, jitter=arguments.jitter)


def input_text(fit: str | None, img_size: tuple[int, int] | None) -> str:
    """Return a network input in words."""
    if img_size is None:
        return "boxes without image sizes count as pixels of the network input"
    if fit == "shortest":
        return f"shorter side {img_size[0]} pixels, longer side at most {img_size[1]}"
    return f"{img_size[0]} x {img_size[1]} pixels, {fit}"


def picture_title(name: str, boxes: NetworkBoxes) -> str:
    """Return the title of a picture: the name of the data set, and the network input if there is one."""
    return name if boxes.img_size is None else f"{name}: {input_text(boxes.fit, boxes.img_size)}"


def input_row(boxes: NetworkBoxes) -> dict[str, Any]:
    """Return the network input, and the numbers of boxes that are small for it or left out, as JSON values."""
    pairs = {"img_size": boxes.img_size and list(boxes.img_size), "jitter": boxes.jitter and list(boxes.jitter)}
    return {"fit": boxes.fit, **pairs, "n_small": boxes.n_small, "n_filtered": boxes.n_filtered}


def shown_input(boxes: NetworkBoxes, min_size: float) -> list[str]:
    """Return the lines about the network input, and about boxes that are small for it or left out."""
    lines = [f"input     {input_text(boxes.fit, boxes.img_size)}"]
    if boxes.jitter is not None:
        lines.append("jitter    each box at {} scales from {:g} to {:g}".format(SCALES, *boxes.jitter))
    lines += [f"warning   {small_boxes(boxes.n_small)}"] if boxes.n_small else []
    return [*lines, f"left out  {no_side(boxes.n_filtered, min_size)}"] if boxes.n_filtered else lines


def classes_remark(name: object, config: Config | None, boxes: Boxes) -> list[str]:
    """Return a sentence if the configuration has another number of classes than the labels."""
    if config is None or config.classes is None or boxes.class_index is None:
        return []
    if config.classes == len(boxes.class_names):
        return []
    return [f"{name} is for {config.classes} classes, but the labels have {len(boxes.class_names)}"]


def per_level(arguments: argparse.Namespace) -> list[int] | None:
    """Return the numbers of ``--per-level``."""
    if arguments.per_level is None:
        return None
    try:
        counts = [whole(word) for word in arguments.per_level.split(",")]
    except ValueError:
        raise DataError(f"--per-level = {_check.short(arguments.per_level)}: must be numbers as in 3,3,3") from None
    return [_check.integer(count, "--per-level", least=0) for count in counts]


def chosen_levels(
    arguments: argparse.Namespace, anchors: FloatArray, configured: Sequence[int] = ()
) -> LevelCounts | None:
    """Return the levels of the command line, None without its options; `configured` are those of the configuration."""
    counts = per_level(arguments)
    if arguments.levels is None and counts is None and arguments.by == "area":
        return None
    known = configured and (counts is None or len(counts) == len(configured))
    names = arguments.levels if arguments.levels is not None or not known else list(configured)
    return level_counts(anchors, names, per_level=counts, by=arguments.by)


def level_rows(levels: Sequence[Level]) -> list[dict[str, Any]]:
    """Return the levels as JSON values."""
    return [{**level._asdict(), "anchors": level.anchors.tolist()} for level in levels]


def shown_levels(levels: Sequence[Level]) -> str:
    """Return the table of levels: stride, share of the boxes, anchors."""
    rows = []
    for level, stride, anchors, share in levels:
        sizes = "  ".join(f"{w:.4g} x {h:.4g}" for w, h in anchors.tolist()) or "none"
        rows.append((f"P{level}" if stride == 2**level else "", str(stride), f"{share or 0.0:.1%}", sizes))
    return Table(("level ", "stride", " boxes", "anchors"), rows, align="lrrl").text()
