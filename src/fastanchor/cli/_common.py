"""What several commands share: arguments, reading with a report, and the shape of what is printed."""

from __future__ import annotations

import argparse
import contextlib
import math
from collections.abc import Iterator, Sequence
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
from fastanchor.cli._values import SIZE, of_size, size
from fastanchor.cli._words import Several
from fastanchor.datasets import FORMATS, FORMS, PARTS, TRAINING, UNITS, Reading, reading, sample

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
    "reading_options",
    "say",
    "shown_summary",
    "using_backend",
    "wrote",
]

READING = (
    "format",
    "split",
    "source_size",
    "size_cache",
    "images",
    "crowd",
    "unit",
    "form",
    "rows",
    "columns",
    "weight",
)

Commands = Any  # argparse keeps the type of add_subparsers() private


def add_data(parser: argparse.ArgumentParser, *, optional: bool = False, training: bool = False) -> None:
    """Add the data set and how to read it; a command for anchors takes the training set by itself."""
    text = (
        "one or more data sets, read as one: Pascal VOC (folder or root), COCO JSON, YOLO (data.yaml, .data, list, "
        "folder), labels.cache, Open Images CSV, KITTI, lists, tables (.csv, .parquet, .npy, .npz, - for CSV on stdin)"
    )
    if optional:
        text = f"{text}; default: a built-in sample"
    parser.add_argument("data", nargs="*" if optional else "+", metavar="DATA", help=text)
    parser.set_defaults(training=training)
    group = add_reading(parser, training=training)
    if training:
        group.add_argument("--balance", choices=("class", "image"),
                           help="let every class, or every image, count the same in all")  # fmt: skip
    group.add_argument("--strict", action="store_true",
                       help="stop at the first thing skipped, and at doubts about the reading")  # fmt: skip


def add_reading(parser: argparse.ArgumentParser, *, training: bool = False) -> Any:
    """Add how to read a data set whose boxes have a place in their image; return the group."""
    group = parser.add_argument_group("reading")
    group.add_argument("--format", default="auto", choices=("auto", *FORMATS), help="of DATA (default: look at it)")
    group.add_argument(
        "--split",
        default=TRAINING if training else None,
        help="read these parts: train, val, test or others that the data declare, joined by +, or all "
        f"(default: {'train where it is declared, else all' if training else 'all'})",
    )
    group.add_argument("--images", metavar="DIR", help="folder of the images, where they are not beside the labels")
    group.add_argument(
        "--source-size",
        action=Several,
        belongs=of_size,
        type=size,
        metavar="SIZE",
        help=f"of images that are not there, where labels do not tell it; pixels, as in {SIZE}",
    )
    group.add_argument(
        "--size-cache", metavar="FILE", help="keep the sizes read from images in FILE, for the next time"
    )
    group.add_argument("--crowd", action="store_true", help="keep crowds (COCO: iscrowd, Open Images: IsGroupOf)")
    group.add_argument("--unit", choices=UNITS, help="of the coordinates (default: that of the format)")
    group.add_argument("--form", choices=FORMS, help="what the four numbers of a box are (default: as in the format)")
    group.add_argument(
        "--rows", metavar="KIND", help="what stands in YOLO rows: box, polygon, keypoints, keypoints:5x2"
    )
    group.add_argument("--columns", type=_names, metavar="W,H", help="names of the columns of a table with the boxes: "
                       "width and height, or four as in --form")  # fmt: skip
    group.add_argument("--weight", metavar="COLUMN", help="column of a table that says how often each box counts "
                       "(default: box_weight, if there is one)")  # fmt: skip
    return group


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(","))


def reading_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options of reading as Python takes them."""
    return {name: getattr(arguments, name) for name in READING}


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
    parser.add_argument("--backend", choices=kernels.LEGAL, help="kernels to use (default: by the work, see info)")
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
        found = Reading(sample(), ("sample",), (), ())
        source = "built-in sample"
    else:
        found = reading(
            arguments.data,
            strict=arguments.strict,
            progress=False if quiet else None,
            report=None if quiet else say,
            **reading_options(arguments),
        )
        if not quiet and arguments.format == "auto":
            for one, name in zip(arguments.data, found.formats, strict=True):
                say(f"{one}: read as {name}")
        source = ", ".join(arguments.data)
    boxes = found.boxes
    if arguments.training and not len(boxes):
        raise DataError(f"{plain(source)}: the labels of {many(boxes.summary().images, 'image')} hold no box")
    balance = getattr(arguments, "balance", None)
    if balance is not None:
        boxes = boxes.balanced(balance)
    return boxes, {
        "source": source,
        "format": ", ".join(dict.fromkeys(found.formats)),
        "parts": list(found.parts),
        "split": list(found.taken) or None,
        **plain_summary(boxes.summary()),
        "remarks": [vars(remark) for remark in boxes.remarks],
    }


def _sides(pair: Sequence[float]) -> str:
    return " x ".join(f"{side:.1f}" for side in pair)


def _shown_split(read: dict[str, Any]) -> str:
    """Return which parts of the data set were read, and which of the usual ones were not."""
    parts, taken = read["parts"], read["split"]
    usual = [name for name in parts if name in PARTS] or parts
    if not taken:
        return f" (all parts: {', '.join(usual)})" if parts else ""
    inside = {"train", "val"} if "trainval" in taken else set()  # trainval is both of them
    left = [name for name in usual if name not in taken and PARTS.get(name) not in inside]
    return f" (split {' + '.join(taken)}{'; left out: ' if left else ''}{', '.join(left)})"


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
        "relative": summary.relative,
        "exceeds_image": summary.exceeds_image,
        "per_class": summary.per_class,
    }


def shown_summary(read: dict[str, Any], skipped: dict[str, int]) -> str:
    """Return the lines that tell what was read and what was left out."""
    if not read["boxes"]:
        lines = [f"read      {read['source']}: {many(read['images'], 'image')}, no boxes{_shown_split(read)}"]
    else:
        boxes = many(read["boxes"], "box", "boxes")
        sized = read["mean_image"][0] is not None
        there = f" on {many(read['images'], 'image')}" if read["images"] else ""
        there += "" if sized else ", without the sizes of their images"
        lines = [f"read      {read['source']}: {boxes}{there}{_shown_split(read)}"]
        if sized and not read["relative"]:
            lines.append(f"images    {_sides(read['mean_image'])} pixels on average")
        if read["relative"]:
            lines.append(f"boxes     {_sides([100.0 * side for side in read['mean_box']])} % of their image on average")
        else:
            areas = f"areas {read['smallest_area']:,.0f} to {read['largest_area']:,.0f}"
            lines.append(f"boxes     {_sides(read['mean_box'])} pixels on average, {areas}")
    lines += [f"{'doubt' if remark['doubt'] else 'note':<9} {remark['text']}" for remark in read["remarks"]]
    lines += [f"skipped   {count:,} x {reason}" for reason, count in skipped.items()] or ["skipped   nothing"]
    return "\n".join(plain(line) for line in lines)
