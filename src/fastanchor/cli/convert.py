"""``fastanchor convert``: any data set as a table of boxes."""

from __future__ import annotations

import argparse

import fastanchor
from fastanchor._text import plain
from fastanchor.cli import _common
from fastanchor.datasets import table

__all__ = ["add", "run"]

DESCRIPTION = """\
Write the boxes of a data set as a table with the columns xmin, ymin, width,
height, image, image_width, image_height, filename, split, box_weight and class,
those that the labels tell: Parquet or CSV, by the ending of OUT. All commands
read it back to the same boxes; of big sets that is the fast way.

  fastanchor convert instances_train2017.json -o boxes.parquet
  fastanchor anchors boxes.parquet"""


def add(commands: _common.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "convert",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _common.add_data(parser)
    _common.add_out(parser, "OUT", "a .parquet or .csv file", required=True)
    _common.add_force(parser)
    _common.add_json(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress and no remarks on stderr")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the table, and print what was read."""
    table.check(arguments.output, replace=arguments.force)
    boxes, read = _common.load(arguments)
    table.write(boxes, arguments.output, replace=arguments.force)
    skipped = dict(boxes.skipped)
    written = str(arguments.output)
    if arguments.json:
        content = {"written": written, "read": read, "skipped": skipped, "version": fastanchor.__version__}
        _common.emit_json(content)
    else:
        _common.answer_beside(arguments, f"{_common.shown_summary(read, skipped)}\nwritten   {plain(written)}")
    return 0
