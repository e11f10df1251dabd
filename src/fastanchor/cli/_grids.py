"""``anchors --for`` and ``--emit`` with a detector whose anchors are sizes and ratios."""

from __future__ import annotations

import argparse
import logging
from typing import Any

from fastanchor import DataError, plot
from fastanchor._hints import called
from fastanchor._network import NetworkBoxes
from fastanchor._output import check_output, whole
from fastanchor.cli import _answer, _data, _detector, _options, _positives
from fastanchor.cli._speak import print_exactly
from fastanchor.cli._values import values
from fastanchor.detectors import (
    GRIDS,
    NAMES,
    PAIRS,
    PLACED,
    DetectorAnchors,
    Pairs,
    anchors_for,
    default_levels,
    network_boxes,
    repeated,
    unsuited,
)
from fastanchor.levels import remarks

__all__ = ["add", "given", "name_of", "run"]

LOG = logging.getLogger("fastanchor")

# options for sizes and ratios only, and those that are for pairs (width, height) too
GRID = ("sizes", "ratios", "own_ratios", "symmetric", "most_strides")
BOTH = {"detector", "emit", "img_size", "fit", "min_size", "thr", "objective", "rng", "balance", "data",
        *_options.OPTIONS["reading"], *_options.OPTIONS["output"]}  # fmt: skip


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options; call this last, because it looks at the defaults of all."""
    _options.add(parser, "detector", anchors_for, detector={"choices": NAMES, "default": None})
    parser.set_defaults(usual={action.dest: action.default for action in parser._actions})


def name_of(arguments: argparse.Namespace) -> str | None:
    """Return the detector of ``--for`` or ``--emit`` if its anchors are sizes and ratios.

    Raises
    ------
    DataError
        If options contradict each other.
    """
    if arguments.detector is not None:
        for other in ("emit", "edit"):
            if getattr(arguments, other, None) is not None:
                raise DataError(f"--for and --{other}: only one of them can be given")
    name: str | None = arguments.detector or getattr(arguments, "emit", None)
    grid = name in GRIDS
    for one, usual in arguments.usual.items():
        if getattr(arguments, one, usual) == usual or (one in BOTH if grid else one not in GRID):
            continue
        if not grid:
            way = "--for or --emit" if hasattr(arguments, "emit") else "--for"
            raise DataError(f"{called(one)}: needs {way} with a detector whose anchors are sizes and ratios")
        if one not in GRID:
            raise DataError(f"{called(one)}: not used for {name}, whose anchors are sizes and ratios")
    if getattr(arguments, "objective", None) == PLACED and not grid:
        raise DataError(f"--objective = {PLACED!r}: needs --for or --emit with a detector of sizes and ratios")
    if name in PAIRS:
        _settle(arguments, PAIRS[name])
    return name if grid else None


def _settle(arguments: argparse.Namespace, pairs: Pairs) -> None:
    """Set what the options leave open: the format, the network input, the number of anchors and their levels."""
    place = "detector" if getattr(arguments, "emit", None) is None else "emit"
    setattr(arguments, place, pairs.fmt)
    arguments.img_size = arguments.img_size or pairs.img_size
    if arguments.n is None and arguments.per_level is None and arguments.levels is None:
        arguments.n, arguments.levels = pairs.n, pairs.levels


def run(arguments: argparse.Namespace, name: str) -> int:
    """Compute sizes and ratios and print them."""
    if arguments.output is not None:
        if arguments.emit is None:
            raise DataError("--output: needs --emit in place of --for, which says what to write")
        check_output(arguments.output, replace=arguments.force)
    chosen = given(arguments, name)
    data = _data.load(arguments)
    ready = network_boxes(data.boxes, name, arguments.img_size, arguments.fit, arguments.min_size)
    with _answer.computing(arguments):
        result = anchors_for(data.boxes, **chosen)
    with _answer.computing(arguments):
        trained = _positives.of_result(arguments, data, result)
    levels = result.levels
    warnings = remarks(levels, result.img_size)
    warnings += unsuited([one.stride for one in levels], [one.anchors for one in levels])
    warnings += [*repeated([one.anchors for one in levels]), *_positives.fewer(trained)]
    _draw(arguments, data, ready, result)
    if arguments.output is not None:
        with whole(arguments.output, replace=arguments.force) as part:
            part.write_bytes(f"{result.text}\n".encode())
        LOG.info("wrote %s", arguments.output)
    elif arguments.emit is not None and not arguments.json:
        print_exactly(f"{result.text}\n")
        data.log()
        for line in [f"network input: {_detector.input_text(result.fit, result.img_size)}",
                     *(f"warning: {warning}" for warning in warnings)]:  # fmt: skip
            LOG.info("%s", line)
        return 0
    content = {**result.to_dict(), "levels": _detector.level_rows(result.levels), "warnings": warnings,
               "positives": trained and trained.to_dict(), "thr": arguments.thr,
               "seed": arguments.rng}  # fmt: skip
    lines = [f"detector  {name}: {GRIDS[name].title}", *_detector.shown_input(ready, arguments.min_size), "",
             result.to_text(), *_positives.shown(trained), "", _detector.shown_levels(result.levels),
             *(f"warning   {warning}" for warning in warnings),
             *([] if arguments.output else ["", result.text])]  # fmt: skip
    _answer.answer(arguments, content, lines, data)
    return 0


def given(arguments: argparse.Namespace, name: str) -> dict[str, Any]:
    """Return the arguments of :func:`fastanchor.anchors_for`."""
    return _options.given(
        arguments, anchors_for, detector=name, sizes=values(arguments.sizes, "--sizes"),
        ratios=values(arguments.ratios, "--ratios"),
    )  # fmt: skip


def _draw(arguments: argparse.Namespace, data: _data.Data, ready: NetworkBoxes, result: DetectorAnchors) -> None:
    """Draw the anchors beside the default ones, above the boxes."""
    usual = default_levels(result.detector, arguments.img_size)
    sets = {"these anchors": result.levels, f"the default anchors of {result.detector}": usual}
    title = _detector.picture_title(_data.title(arguments, data), ready)
    _answer.draw(arguments, plot.on_levels, ready, sets, title)
