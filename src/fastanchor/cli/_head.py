"""Arguments about the network input and the levels of the detector, and the table of levels."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from fastanchor import DataError
from fastanchor._types import FloatArray
from fastanchor.layers import BY, Layer, Split, split

__all__ = ["add_input", "add_levels", "chosen_split", "img_size", "level_rows", "shown_levels"]


def add_input(group: Any, *, min_size: float) -> None:
    """Add ``--img-size``, ``--fit`` and ``--min-size``."""
    group.add_argument(
        "--img-size", "--imgsz", "--img", nargs="+", type=int, default=[640], metavar="PX",
        help="network input, one side or width and height (default: 640)",
    )  # fmt: skip
    group.add_argument("--fit", choices=("letterbox", "stretch"), default="letterbox", help="how images are resized")
    group.add_argument("--min-size", type=float, default=min_size, metavar="PX",
                       help=f"leave out boxes without a side of at least this (default: {min_size:g})")  # fmt: skip


def img_size(arguments: argparse.Namespace) -> Any:
    """Return what ``--img-size`` says: a side, or (width, height)."""
    return arguments.img_size[0] if len(arguments.img_size) == 1 else arguments.img_size


def add_levels(parser: argparse.ArgumentParser) -> None:
    """Add ``--levels``, ``--per-level`` and ``--by``."""
    group = parser.add_argument_group("layers of the detector")
    group.add_argument("--levels", help="tiny (P4, P5), P5 (P3 to P5), P6, P7, or as in 3,4,5 (default: by --n)")
    group.add_argument("--per-level", metavar="N,N,..", help="anchors of each level, smallest stride first")
    group.add_argument("--by", choices=BY, default="area",
                       help="equal parts by area, or below 4 strides of the level (default: area)")  # fmt: skip


def chosen_split(arguments: argparse.Namespace, anchors: FloatArray) -> Split | None:
    """Return the levels that were asked for; None if none were."""
    if arguments.levels is None and arguments.per_level is None and arguments.by == "area":
        return None
    counts = None
    if arguments.per_level is not None:
        try:
            counts = [int(part) for part in arguments.per_level.split(",")]
        except ValueError:
            raise DataError(f"--per-level = {arguments.per_level!r}: must be numbers as in 3,3,3") from None
    return split(anchors, arguments.levels, per_level=counts, by=arguments.by)


def level_rows(found: Sequence[Layer]) -> list[dict[str, Any]]:
    """Return the levels as JSON values."""
    return [{**layer._asdict(), "anchors": layer.anchors.tolist()} for layer in found]


def shown_levels(found: Sequence[Layer]) -> str:
    """Return the table of levels: stride, share of the boxes, anchors."""
    lines = ["level   stride   boxes  anchors"]
    for level, stride, anchors, share in found:
        sizes = "  ".join(f"{w:.4g} x {h:.4g}" for w, h in anchors.tolist()) or "none"
        lines.append(f"P{level:<6} {stride:>6}  {share or 0.0:6.1%}  {sizes}")
    return "\n".join(lines)
