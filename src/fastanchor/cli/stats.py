"""``fastanchor stats``: what a data set holds."""

from __future__ import annotations

import argparse
from typing import Any

import fastanchor
from fastanchor import plot
from fastanchor._text import plain
from fastanchor.cli import _common

__all__ = ["add", "run"]


def add(commands: _common.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("stats", description="Count images, boxes and classes of a data set.")
    _common.add_data(parser)
    _common.add_json(parser)
    _common.add_plot(parser, "draw the boxes per class")
    _common.add_force(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress and no remarks on stderr")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the summary."""
    if arguments.plot is not None:
        plot.check(arguments.plot, replace=arguments.force)
    boxes, read = _common.load(arguments)
    skipped = dict(boxes.skipped)
    if arguments.plot is not None:
        plot.save(plot.per_class(read["per_class"]), arguments.plot, replace=arguments.force)
        _common.wrote(arguments, arguments.plot)
    names = [name for name in read["parts"] if name in set(boxes.split or ())]
    parts = {name: _common.plain_summary(boxes.part(name).summary()) for name in names}
    if arguments.json:
        _common.emit_json(
            {**read, "by_part": parts, "read": read, "skipped": skipped, "version": fastanchor.__version__}
        )
        return 0
    lines = [_common.shown_summary(read, skipped), *_shown_parts(parts), f"classes   {len(read['per_class'])}"]
    classes = [(plain(name), n) for name, n in read["per_class"].items()]
    width = max((len(name) for name, _ in classes), default=0)
    total = max(read["boxes"], 1)
    lines += [f"  {name:<{width}}  {n:>9,}  {n / total:6.1%}" for name, n in classes]
    _common.answer("\n".join(lines))
    return 0


def _shown_parts(parts: dict[str, dict[str, Any]]) -> list[str]:
    """Return a line for each part of the data set, if there are several."""
    if len(parts) < 2:
        return []
    width = max(map(len, map(plain, parts)))
    lines = [f"parts     {len(parts)}"]
    for name, one in parts.items():
        factor, unit = (100.0, "% of the image") if one["relative"] else (1.0, "pixels")
        sides = " x ".join("-" if side is None else f"{factor * side:.1f}" for side in one["mean_box"])
        lines.append(f"  {plain(name):<{width}}  {one['images']:>9,} images  {one['boxes']:>9,} boxes  {sides} {unit}")
    return lines
