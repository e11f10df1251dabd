"""``fastanchor show``: pictures of the first images with their boxes."""

from __future__ import annotations

import argparse

import fastanchor
from fastanchor._reading import named
from fastanchor._text import plain
from fastanchor.cli import _common
from fastanchor.datasets import images_of
from fastanchor.preview import draw

__all__ = ["add", "run"]

DESCRIPTION = """\
Draw the first images with their boxes and class names: one PNG an image into a
folder, or one contact sheet if OUT ends in .png. Where an image is not found its
boxes are drawn on an empty canvas of the image's size. No window is opened."""


def add(commands: _common.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "show",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", metavar="DATA", help="data set of any format that tells where boxes lie")
    _common.add_reading(parser)
    _common.add_out(parser, "OUT", "a folder, or a file.png for one sheet", required=True, folder=True)
    _common.add_force(parser)
    parser.add_argument("-n", "--n", type=int, default=9, help="number of images (default: 9)")
    _common.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Draw, and print what was written."""
    with named(arguments.data):
        return _run(arguments)


def _run(arguments: argparse.Namespace) -> int:
    options = _common.reading_options(arguments)
    fmt, images = images_of(arguments.data, limit=arguments.n, report=_common.say, **options)
    if arguments.format == "auto":
        _common.say(f"{arguments.data}: read as {fmt}")
    missing = sum(image.image_path is None for image in images)
    if missing:
        _common.say(f"{missing} of {len(images)} images are not found, and drawn as empty canvases; give --images DIR")
    paths = draw(images, arguments.output, n=arguments.n, replace=arguments.force)
    written = [str(path) for path in paths]
    if arguments.json:
        _common.emit_json({"written": written, "format": fmt, "missing": missing, "version": fastanchor.__version__})
    else:
        _common.answer_beside(arguments, "\n".join(plain(path) for path in written))
    return 0
