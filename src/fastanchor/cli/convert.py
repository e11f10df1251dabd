"""Write the boxes of a data set as a table: Parquet or CSV, by the ending of OUT.

The columns are file (image, a number, where files have no names), split, width, height,
image_width, image_height, x, y, class, box_weight and flags such as difficult, as far as the
labels contain them. All commands read the table back to the same boxes; for large data sets
that is faster than reading the labels again.

  fastanchor convert instances_train2017.json -o boxes.parquet
  fastanchor anchors boxes.parquet
"""

from __future__ import annotations

import argparse

from fastanchor._text import plain
from fastanchor.cli import _answer, _data
from fastanchor.datasets import table

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser)
    _answer.add_output(parser, "force", output={"help": "a .parquet or .csv file", "required": True})


def run(arguments: argparse.Namespace) -> int:
    """Write the table, and print what was read."""
    table.check(arguments.output, replace=arguments.force)
    data = _data.load(arguments)
    table.write(data.boxes, arguments.output, replace=arguments.force)
    written = str(arguments.output)
    _answer.answer(arguments, {"written": written}, [f"written   {plain(written)}"], data)
    return 0
