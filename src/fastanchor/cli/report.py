"""Compute anchors and write one HTML page about them.

The page has the anchors by level, pictures, scores by size of box, how many anchors are worth
it, and text to paste. It needs no other file and no network. With --for NAME, a detector whose
anchors are sizes and ratios, it shows what the detector trains on, beside its default anchors.
"""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path
from typing import Any

from fastanchor import detector_report
from fastanchor._errors import DataError
from fastanchor._output import check_output, is_stream, whole
from fastanchor._text import plain
from fastanchor.anchors import auto_anchor
from fastanchor.cli import _answer, _data, _detector, _grids, _options
from fastanchor.cli._values import ranges
from fastanchor.datasets import ImageAnnotation, images_of, read
from fastanchor.html_report import make, page
from fastanchor.levels import level_counts
from fastanchor.plot import needed

__all__ = ["add", "run"]

EXAMPLES = 6  # images on the page


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser, optional=True, training=True)
    _options.add(parser, "network input", auto_anchor)
    search = _options.add(parser, "search", auto_anchor, "thr", "gen", "rng", n={"default": None, "unset": "9"})
    search.add_argument("--sweep", type=lambda text: [] if text == "none" else ranges(text), metavar="N-N",
                        help="numbers of anchors of the curve, or none (default: 1-12)")  # fmt: skip
    _options.add(parser, "levels of the detector", level_counts, levels=None)
    output = {"help": "the page", "required": True, "metavar": "FILE.html"}
    _answer.add_output(parser, "force", "backend", output=output)
    _grids.add(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the page, and print its name."""
    name = _grids.name_of(arguments)
    out = arguments.output
    if out.suffix.lower() not in (".html", ".htm") and not is_stream(out):
        raise DataError(f"{out}: must end in .html")
    check_output(out, replace=arguments.force)
    needed()
    data = _data.load(arguments)
    text, content = _of_pairs(arguments, data) if name is None else _of_grid(arguments, data, name)
    with whole(out, replace=arguments.force) as part:
        part.write_text(text, encoding="utf-8")
    content = {
        "written": str(out),
        **content,
        "seed": arguments.rng,
        "read": data.read,
        "skipped": data.skipped,
    }
    _answer.answer(arguments, content, [plain(str(out))])
    return 0


def _of_pairs(arguments: argparse.Namespace, data: _data.Data) -> tuple[str, dict[str, Any]]:
    """Return the page about anchors that are any pairs (width, height), and what JSON says."""
    arguments.n = 9 if arguments.n is None else arguments.n
    options = _options.given(arguments, make, **_detector.network(arguments, fmt=arguments.detector)._asdict())
    options["seed"] = _options.given(arguments, auto_anchor)["rng"]
    with _answer.computing(arguments):
        made = make(
            data.boxes,
            source=_data.title(arguments, data),
            choose_levels=lambda anchors: _detector.chosen_levels(arguments, anchors),
            sweep_n=arguments.sweep,
            examples=_examples(arguments, data),
            reading=_reading(data),
            **options,
        )
    return page(made), {
        **made.result.to_dict(),
        "check": made.check.to_dict(),
        "levels": _detector.level_rows(made.levels),
        "sweep": None if made.sweep is None else made.sweep.to_dict(),
    }


def _of_grid(arguments: argparse.Namespace, data: _data.Data, name: str) -> tuple[str, dict[str, Any]]:
    """Return the page about sizes and ratios for a detector, and what JSON says."""
    given = _grids.given(arguments, name)
    seed = given.pop("rng")
    with _answer.computing(arguments):
        made = detector_report.make(
            data.boxes, source=_data.title(arguments, data), reading=_reading(data), seed=seed, **given
        )
    trained = None if made.trained is None else made.trained.to_dict()
    return detector_report.page(made), {
        **made.result.to_dict(), "levels": _detector.level_rows(made.result.levels), "positives": trained,
    }  # fmt: skip


def _reading(data: _data.Data) -> dict[str, str]:
    """Return how the labels were read, for the table about the data set."""
    return {"format": data.read["format"], **({"split": data.split} if data.split else {})}


def _examples(arguments: argparse.Namespace, data: _data.Data) -> list[ImageAnnotation]:
    """Return some images of each class; none without a single DATA, positions, sizes of images, or Pillow."""
    boxes = data.boxes
    known = boxes.xy is not None and boxes.image_index is not None and boxes.image_wh is not None
    if not known or boxes.relative or len(arguments.data) != 1 or importlib.util.find_spec("PIL") is None:
        return []
    options = _options.given(arguments, read, rng=arguments.rng)
    options["progress"], options["strict"] = False, False
    place = Path(arguments.data[0])
    if not (place.is_file() or place.is_dir()):  # a pipe is read once
        return []
    return images_of(place, limit=EXAMPLES, pick="classes", contents=True, **options).images
