"""Arguments about the network input and the levels of the detector, and the table of levels."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from fastanchor import DataError, _check
from fastanchor._small import MIN_SIZE, no_side, small_boxes
from fastanchor._types import FloatArray
from fastanchor.boxes import FITS, Boxes
from fastanchor.cli._values import SIZE, of_size, size, whole
from fastanchor.cli._words import Several
from fastanchor.export import FORMATS, Config, Input
from fastanchor.levels import BY, Level, LevelCounts, level_counts

__all__ = [
    "add_input", "add_levels", "chosen_split", "classes_remark", "input_row", "input_text", "level_rows", "network",
    "per_level", "shown_input", "shown_levels", "shown_small", "used",
]  # fmt: skip


def add_objective(job: argparse._ArgumentGroup) -> None:
    """Add what the search maximises."""
    names = "ratio, recall, iou, 'iou>0.5' or iou-recall@0.5, with any threshold"
    job.add_argument("--objective", default="ratio", help=f"what the search maximises: {names} (default: ratio)")


def add_input(group: Any, *, min_size: float = MIN_SIZE) -> None:
    """Add ``--img-size``, ``--fit`` and ``--min-size``."""
    group.add_argument(
        "--img-size", "--imgsz", "--img", action=Several, belongs=of_size, type=size, metavar="SIZE",
        help=f"network input, pixels, as in {SIZE} (default: that of the configuration, else 640)",
    )  # fmt: skip
    group.add_argument("--fit", choices=FITS,
                       help="how images are resized (default: as the detector does, else letterbox)")  # fmt: skip
    group.add_argument("--min-size", type=float, default=min_size, metavar="PX",
                       help=f"leave out boxes without a side of at least this (default: {min_size:g})")  # fmt: skip


def network(arguments: argparse.Namespace, config: Config | None = None, fmt: str | None = None) -> Input:
    """Return the network input: as given by hand, else as the configuration says, else as its detectors do."""
    fits = [arguments.fit]
    sizes = [None if arguments.img_size is None else _check.side_pair(arguments.img_size, "img_size", square=True)]
    if config is not None:
        note = config.note
        fits += [config.fit, note and note.fit, config.default_fit]
        sizes += [config.img_size, note and note.img_size]
    fits.append("letterbox" if fmt is None else FORMATS[fmt].needs.fit)
    return Input(next(fit for fit in fits if fit), next((size for size in sizes if size), (640, 640)))


def used(boxes: Boxes, found: Input) -> Input | None:
    """Return what boxes were brought to; None if they have no image sizes, and were taken as they are."""
    return None if boxes.image_wh is None else found


def input_row(boxes: Boxes, found: Input) -> dict[str, Any]:
    """Return the network input as JSON values."""
    now = used(boxes, found)
    return {"fit": now and now.fit, "img_size": now and list(now.img_size)}


def input_text(found: Input | None) -> str:
    """Return what anchors are for, in words."""
    if found is None:
        return "boxes without image sizes count as pixels of the network input"
    return f"{found.img_size[0]} x {found.img_size[1]} pixels, {found.fit}"


def shown_input(found: Input | None) -> str:
    """Return the line that says what anchors are for."""
    return f"input     {input_text(found)}"


def shown_small(small: float, dropped: float, min_size: float) -> list[str]:
    """Return the lines about small boxes, and about those left out."""
    lines = [f"warning   {small_boxes(small)}"] if small else []
    return [*lines, f"left out  {no_side(dropped, min_size)}"] if dropped else lines


def classes_remark(name: object, config: Config | None, boxes: Boxes) -> list[str]:
    """Return a sentence if the configuration has another number of classes than the labels."""
    if config is None or config.classes is None or boxes.class_index is None:
        return []
    if config.classes == len(boxes.class_names):
        return []
    return [f"{name} is for {config.classes} classes, but the labels have {len(boxes.class_names)}"]


def add_levels(parser: argparse.ArgumentParser) -> None:
    """Add ``--levels``, ``--per-level`` and ``--by``."""
    group = parser.add_argument_group("levels of the detector")
    group.add_argument("--levels", help="tiny (P4, P5), P5 (P3 to P5), P6, P7, or as in 3,4,5 (default: by --n)")
    group.add_argument("--per-level", metavar="N,N,..", help="anchors of each level, smallest stride first")
    group.add_argument("--by", choices=BY, default="area",
                       help="equal parts by area, or below 4 strides of the level (default: area)")  # fmt: skip


def per_level(arguments: argparse.Namespace) -> list[int] | None:
    """Return the numbers of ``--per-level``."""
    if arguments.per_level is None:
        return None
    try:
        counts = [whole(part) for part in arguments.per_level.split(",")]
    except ValueError:
        raise DataError(f"--per-level = {_check.short(arguments.per_level)}: must be numbers as in 3,3,3") from None
    return [_check.integer(count, "--per-level", least=0) for count in counts]


def chosen_split(arguments: argparse.Namespace, anchors: FloatArray, own: Sequence[int] = ()) -> LevelCounts | None:
    """Return the levels chosen by hand, None if none were; `own` are those of the configuration."""
    counts = per_level(arguments)
    if arguments.levels is None and counts is None and arguments.by == "area":
        return None
    known = own and (counts is None or len(counts) == len(own))
    names = arguments.levels if arguments.levels is not None or not known else list(own)
    return level_counts(anchors, names, per_level=counts, by=arguments.by)


def level_rows(found: Sequence[Level]) -> list[dict[str, Any]]:
    """Return the levels as JSON values."""
    return [{**level._asdict(), "anchors": level.anchors.tolist()} for level in found]


def shown_levels(found: Sequence[Level]) -> str:
    """Return the table of levels: stride, share of the boxes, anchors."""
    lines = ["level   stride   boxes  anchors"]
    for level, stride, anchors, share in found:
        sizes = "  ".join(f"{w:.4g} x {h:.4g}" for w, h in anchors.tolist()) or "none"
        lines.append(f"P{level:<6} {stride:>6}  {share or 0.0:6.1%}  {sizes}")
    return "\n".join(lines)
