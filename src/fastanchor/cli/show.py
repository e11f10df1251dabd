"""Draw the first images of a data set with their boxes and class names.

OUT is a folder for one PNG per image, or a file.png for one contact sheet. An image that is
not found is drawn as an empty canvas of its size. No window is opened.
"""

from __future__ import annotations

import argparse
import logging

from fastanchor._reading import named
from fastanchor._text import plain
from fastanchor.cli import _answer, _options
from fastanchor.cli._values import file_or_folder
from fastanchor.datasets import images_of, read
from fastanchor.preview import checked, draw

__all__ = ["add", "run"]

LOG = logging.getLogger("fastanchor")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("data", metavar="DATA", help="data set of any format with the positions of boxes")
    _options.add(parser, "reading", read)
    parser.add_argument("-n", "--n", type=int, default=9, help="number of images (default: 9)")
    output = {"help": "file.png for one sheet, else a folder", "required": True, "type": file_or_folder}
    _answer.add_output(parser, "force", output=output)


def run(arguments: argparse.Namespace) -> int:
    """Draw, and print what was written."""
    checked(arguments.output, replace=arguments.force)
    with named(arguments.data):
        fmt, images = images_of(
            arguments.data, limit=arguments.n, **_options.given(arguments, read, report=LOG.warning)
        )
        if arguments.format == "auto":
            LOG.info("%s: read as %s", arguments.data, fmt)
        missing = sum(image.image_path is None for image in images)
        if missing:
            LOG.warning("%d of %d images are not found, and drawn as empty canvases; give --images DIR",
                        missing, len(images))  # fmt: skip
        written = [str(path) for path in draw(images, arguments.output, n=arguments.n, replace=arguments.force)]
    content = {"written": written, "format": fmt, "missing": missing}
    _answer.answer(arguments, content, [plain(path) for path in written])
    return 0
