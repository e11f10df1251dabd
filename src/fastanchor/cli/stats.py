"""``fastanchor stats``: what a data set holds."""

from __future__ import annotations

import argparse

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
        plot.per_class(read["per_class"], arguments.plot, replace=arguments.force)
        _common.wrote(arguments, arguments.plot)
    if arguments.json:
        _common.emit_json({**read, "read": read, "skipped": skipped, "version": fastanchor.__version__})
        return 0
    lines = [_common.shown_summary(read, skipped), f"classes   {len(read['per_class'])}"]
    classes = [(plain(name), n) for name, n in read["per_class"].items()]
    width = max((len(name) for name, _ in classes), default=0)
    total = max(read["boxes"], 1)
    lines += [f"  {name:<{width}}  {n:>9,}  {n / total:6.1%}" for name, n in classes]
    _common.answer("\n".join(lines))
    return 0
