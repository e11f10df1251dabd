"""Write the boxes of a data set as a table, or as the labels of another program.

OUT is a .csv, .parquet or .json (COCO) file; or, with --to yolo or voc, a new folder. Images are
not copied. What the labels cannot hold, such as weights, is said.

A table has the columns file (image, a number, where files have no names), split, width, height,
image_width, image_height, x, y, class, box_weight and flags such as difficult, as far as the
labels contain them. All commands read it back to the same boxes; for large data sets that is
faster than reading the labels again.

  fastanchor convert instances_train2017.json -o boxes.parquet
  fastanchor anchors boxes.parquet
  fastanchor convert VOC2012 --to yolo -o voc-as-yolo
"""

from __future__ import annotations

import argparse
import logging

from fastanchor._text import plain
from fastanchor.cli import _answer, _data
from fastanchor.datasets import WRITTEN, write
from fastanchor.datasets._write import SIZES, check

__all__ = ["add", "run"]

LOG = logging.getLogger("fastanchor")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser)
    parser.add_argument("--to", choices=WRITTEN, help="what to write (default: by the ending of OUT)")
    _answer.add_output(parser, "force", output={"help": "file or new folder to write", "required": True})


def run(arguments: argparse.Namespace) -> int:
    """Write the labels, and print what was read."""
    check(arguments.output, arguments.to, replace=arguments.force)
    data = _data.load(arguments)
    lost = write(data.boxes, arguments.output, to=arguments.to, replace=arguments.force)
    if lost:
        LOG.warning("not written, since the labels cannot hold it: %s", ", ".join(lost))
    if SIZES in lost:
        LOG.warning("without the images, read them back with --source-size")
    written = str(arguments.output)
    content = {"written": written, "lost": list(lost)}
    _answer.answer(arguments, content, [f"written   {plain(written)}"], data)
    return 0
