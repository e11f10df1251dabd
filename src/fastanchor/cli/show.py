"""Draw images of a data set with their boxes and class names.

OUT is a folder for one PNG per image, or a file.png for one contact sheet. The images are
chosen at random so that all classes are seen; those in an archive are drawn too. An image that
is not found is drawn as an empty canvas of its size. No window is opened.

With --anchors each box gets the anchor that matches it best, dashed and with the same centre;
the number is the ratio of both. --worst shows the images of the boxes that match worst.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor._reading import named
from fastanchor._text import plain
from fastanchor._types import FloatArray
from fastanchor.boxes import Boxes
from fastanchor.cli import _answer, _detector, _options, _scored
from fastanchor.cli._values import file_or_folder
from fastanchor.cli._words import Several
from fastanchor.datasets import PICKS, images_of, read
from fastanchor.evaluate import best_anchor
from fastanchor.preview import checked, draw, drawn

__all__ = ["add", "run"]

LOG = logging.getLogger("fastanchor")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("data", metavar="DATA", help="data set of any format with the positions of boxes")
    _options.add(parser, "reading", read)
    images = parser.add_argument_group("images to draw")
    images.add_argument("-n", "--n", type=int, default=9, help="number of images (default: 9)")
    images.add_argument("--pick", choices=PICKS, default=PICKS[0], help="images with each class in turn, any images, "
                        "or the first ones, for which the other labels may stay unread (default: classes)")  # fmt: skip
    _options.add(parser, "search", None, "rng")
    anchors = parser.add_argument_group("anchors to draw")
    anchors.add_argument("--anchors", action=Several, belongs=_scored.of_anchors, metavar="ANCHORS",
                         help="as in 10,13 16,30, or a configuration, or a file with them")  # fmt: skip
    anchors.add_argument("--worst", action="store_true", help="images of the boxes that match an anchor worst")
    _options.add(parser, "network input", draw)
    output = {"help": "file.png for one sheet, else a folder", "required": True, "type": file_or_folder}
    _answer.add_output(parser, "force", output=output)


def run(arguments: argparse.Namespace) -> int:
    """Draw, and print what was written."""
    checked(arguments.output, replace=arguments.force)
    network, pick = {}, arguments.pick
    if arguments.anchors is not None:
        config, used = _scored.read_used(arguments.anchors)
        network = {"anchors": config.anchors[used], **_detector.network(arguments, config)._asdict()}
    if arguments.worst:
        if not network:
            raise DataError("--worst: needs --anchors, which boxes can match well or badly")
        pick = _Ratio(**network)
    with named(arguments.data):
        fmt, images = images_of(
            arguments.data, limit=arguments.n, pick=pick, contents=True,
            **_options.given(arguments, read, report=LOG.warning, rng=arguments.rng),
        )  # fmt: skip
        if arguments.format == "auto":
            LOG.info("%s: read as %s", arguments.data, fmt)
        found = drawn(images, arguments.output, n=arguments.n, replace=arguments.force, **network)
    for text in found.remarks():
        LOG.warning("%s", text)
    written = [str(path) for path in found.paths]
    content = {"written": written, "format": fmt, "missing": found.missing,
               "unreadable": [name for name, _ in found.unreadable]}  # fmt: skip
    _answer.answer(arguments, content, [plain(path) for path in written])
    return 0


class _Ratio:
    """The ratio of each box with the anchor that matches it best."""

    def __init__(self, anchors: FloatArray, **network: Any) -> None:
        self.anchors, self.network = anchors, network

    def __call__(self, boxes: Boxes) -> FloatArray:
        """Return the ratios, (n,)."""
        scaled = boxes.scaled(self.network["img_size"], fit=self.network["fit"]) if len(boxes) else np.empty((0, 2))
        return best_anchor(scaled, self.anchors)[1]
