"""What several commands share: arguments, reading with a report, and the shape of what is printed."""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastanchor
from fastanchor import kernels
from fastanchor._errors import DataError
from fastanchor._output import is_stdout, named_file
from fastanchor._progress import bar
from fastanchor._reading import named
from fastanchor._text import many, plain
from fastanchor._types import Summary
from fastanchor.boxes import Boxes
from fastanchor.cli._speak import answer, answer_exactly, emit_json, say
from fastanchor.cli._whole import whole
from fastanchor.datasets import FORMATS, detect, read, sample

__all__ = [
    "add_data",
    "add_force",
    "add_json",
    "add_out",
    "add_output",
    "add_plot",
    "add_reading",
    "answer",
    "answer_beside",
    "answer_exactly",
    "bar",
    "emit_json",
    "file",
    "load",
    "say",
    "shown_summary",
    "using_backend",
    "wrote",
]

Commands = Any  # argparse keeps the type of add_subparsers() private


def add_data(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the data set and how to read it."""
    text = (
        "one or more data sets, read as one: Pascal VOC (folder or root), COCO JSON, YOLO (data.yaml, .data, list, "
        "folder), labels.cache, Open Images CSV, KITTI, lists, tables (.csv, .parquet, .npy, .npz, - for CSV on stdin)"
    )
    if optional:
        text = f"{text}; default: a built-in sample"
    parser.add_argument("data", nargs="*" if optional else "+", metavar="DATA", help=text)
    group = add_reading(parser)
    group.add_argument("--columns", type=_pair, metavar="W,H", help="names of the columns of a table with the sides")
    group.add_argument("--strict", action="store_true", help="stop at the first thing that would be skipped")


def add_reading(parser: argparse.ArgumentParser) -> Any:
    """Add how to read a data set whose boxes have a place in their image; return the group."""
    group = parser.add_argument_group("reading")
    group.add_argument("--format", default="auto", choices=("auto", *FORMATS), help="of DATA (default: look at it)")
    group.add_argument(
        "--split", help="read only this part: of ImageSets/Main (VOC), of the names of files (COCO), train, val (YOLO)"
    )
    group.add_argument(
        "--source-size",
        type=_size,
        metavar="WxH",
        help="of images that are not there, such as 1280x720, where labels do not tell it (YOLO)",
    )
    group.add_argument(
        "--size-cache", metavar="FILE", help="keep the sizes read from images in FILE, for the next time (YOLO)"
    )
    group.add_argument("--crowd", action="store_true", help="keep crowds (COCO: iscrowd, Open Images: IsGroupOf)")
    return group


def _pair(text: str) -> tuple[str, str]:
    width, comma, height = text.partition(",")
    if not comma:
        raise argparse.ArgumentTypeError(f"{text!r}: must be two names, WIDTH,HEIGHT")
    return width.strip(), height.strip()


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.lower().partition("x")
    try:
        return whole(width), whole(height or width)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: must be one whole number or WIDTHxHEIGHT (pixels)") from None


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of text")


def add_out(group: Any, metavar: str, text: str, *, required: bool = False, folder: bool = False) -> None:
    """Add ``--output``, a file; with `folder` it may be a folder too."""
    kind = _file_or_folder if folder else file
    group.add_argument("-o", "--output", type=kind, required=required, metavar=metavar, help=text)


def file(text: str) -> Path:
    """Return the path of an argument that is the name of a file."""
    try:
        return named_file(text)
    except DataError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _file_or_folder(text: str) -> Path:
    return Path(text) if text else file(text)


def add_plot(group: Any, text: str) -> None:
    """Add ``--plot``."""
    group.add_argument("--plot", type=file, metavar="FILE", help=f"{text} (PNG, SVG or PDF)")


def add_force(group: Any) -> None:
    """Add ``--force``, which every command has that writes a file."""
    group.add_argument("--force", action="store_true", help="replace files that exist")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``, ``--backend`` and ``--quiet``."""
    add_json(parser)
    parser.add_argument("--backend", choices=kernels.LEGAL, help="kernels to use (default: numba if installed)")
    parser.add_argument("--quiet", action="store_true", help="no progress and no remarks on stderr")


def answer_beside(arguments: argparse.Namespace, text: str) -> None:
    """Print what is said besides the file of ``--output``; nothing where standard output is that file."""
    if arguments.output is None or not is_stdout(arguments.output):
        answer(text)


def wrote(arguments: argparse.Namespace, file: Path | None) -> None:
    """Say which file was written besides the answer, if one was."""
    if file is not None and not arguments.quiet:
        say(f"wrote {file}")


@contextlib.contextmanager
def using_backend(name: str | None) -> Iterator[None]:
    """Use the backend of ``--backend``, if given."""
    with contextlib.nullcontext() if name is None else fastanchor.backend(name):
        yield


def load(arguments: argparse.Namespace) -> tuple[Boxes, dict[str, Any]]:
    """Read DATA, or make the sample; return the boxes and what JSON says under ``read``."""
    with named(*arguments.data or ()):
        return _loaded(arguments)


def _loaded(arguments: argparse.Namespace) -> tuple[Boxes, dict[str, Any]]:
    quiet = getattr(arguments, "quiet", False)
    if not arguments.data:
        if not quiet:
            say("no DATA given: using the built-in sample, boxes made up from a fixed seed")
        boxes, source, fmt = sample(), "built-in sample", "sample"
    else:
        formats = [detect(one) if arguments.format == "auto" else arguments.format for one in arguments.data]
        if not quiet and arguments.format == "auto":
            for one, found in zip(arguments.data, formats, strict=True):
                say(f"{one}: read as {found}")
        boxes = read(
            arguments.data,
            format=arguments.format,
            split=arguments.split,
            strict=arguments.strict,
            progress=False if quiet else None,
            report=None if quiet else say,
            source_size=arguments.source_size,
            size_cache=arguments.size_cache,
            crowd=arguments.crowd,
            columns=arguments.columns,
        )
        source, fmt = ", ".join(arguments.data), ", ".join(dict.fromkeys(formats))
    return boxes, {"source": source, "format": fmt, **plain_summary(boxes.summary())}


def plain_summary(summary: Summary) -> dict[str, Any]:
    """Return a summary as JSON values; what does not exist is None."""

    def value(x: float) -> float | None:
        return None if math.isnan(x) else x

    return {
        "images": summary.images,
        "boxes": summary.boxes,
        "mean_image": [value(x) for x in summary.mean_image],
        "mean_box": [value(x) for x in summary.mean_box],
        "smallest_area": value(summary.smallest_area),
        "largest_area": value(summary.largest_area),
        "oversize": summary.oversize,
        "per_class": summary.per_class,
    }


def shown_summary(read: dict[str, Any], skipped: dict[str, int]) -> str:
    """Return the lines that tell what was read and what was left out."""
    if not read["boxes"]:
        lines = [f"read      {read['source']}: {many(read['images'], 'image')}, no boxes"]
    else:
        box = " x ".join(f"{side:.1f}" for side in read["mean_box"])
        lines = [
            f"read      {read['source']}: {many(read['boxes'], 'box', 'boxes')} on {many(read['images'], 'image')}",
            f"boxes     {box} pixels on average, areas {read['smallest_area']:,.0f} to {read['largest_area']:,.0f}",
        ]
        if read["images"]:
            image = " x ".join(f"{side:.1f}" for side in read["mean_image"])
            lines.insert(1, f"images    {image} pixels on average")
        else:
            lines[0] = (
                f"read      {read['source']}: {many(read['boxes'], 'box', 'boxes')}, without the sizes of their images"
            )
        if read["oversize"]:
            lines.append(f"remark    {read['oversize']:,} x box larger than its image, kept as it is")
    lines += [f"skipped   {count:,} x {reason}" for reason, count in skipped.items()] or ["skipped   nothing"]
    return "\n".join(plain(line) for line in lines)
