"""Compute anchors for a data set and print them ready to paste.

The sizes of the boxes are clustered by k-means, and the centres improved by a genetic search.
Without DATA a built-in sample is used.
"""

from __future__ import annotations

import argparse
import logging
from typing import Any

from fastanchor import export, plot
from fastanchor._network import NetworkBoxes
from fastanchor._output import whole
from fastanchor.anchors import auto_anchor
from fastanchor.boxes import Boxes
from fastanchor.cli import (
    _answer,
    _cluster,
    _configuration,
    _data,
    _detector,
    _grids,
    _holdout,
    _optimum,
    _options,
    _values,
)
from fastanchor.cli._speak import print_exactly
from fastanchor.detectors import NAMES, PLACED
from fastanchor.levels import by_level, level_counts, remarks, unusual

__all__ = ["add", "run"]

LOG = logging.getLogger("fastanchor")


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser, optional=True, training=True, indexed=True)
    _options.add(parser, "network input", auto_anchor)
    objective = {"default": None, "unset": "ratio; placed for sizes and ratios"}
    _holdout.add(_options.add(parser, "search", auto_anchor, n=None, objective=objective, memory=None))
    _optimum.add(parser)
    _cluster.add(parser)
    _options.add(parser, "levels of the detector", level_counts, levels=None)
    text = parser.add_argument_group("text for a configuration")
    text.add_argument("--emit", choices=tuple(dict.fromkeys((*export.FORMATS, *NAMES))), metavar="NAME",
                      help="print the text for this detector, see `fastanchor detectors`, or json or csv, "
                      "and nothing else")  # fmt: skip
    text.add_argument("--edit", type=_values.file, metavar="FILE",
                      help="print this model .yaml or Darknet .cfg with the anchors put in")  # fmt: skip
    output = {"help": "write that text into OUT", "unset": "stdout"}
    _answer.add_output(parser, "plot", "force", "backend", output=output)
    _grids.add(parser)


def run(arguments: argparse.Namespace) -> int:
    """Compute anchors and print them."""
    name = _grids.name_of(arguments)
    arguments.objective = arguments.objective or ("ratio" if name is None else PLACED)
    if name is not None:
        return _grids.run(arguments, name)
    plan = _configuration.planned(arguments)
    allowed = _optimum.space(arguments, plan)
    search = _options.given(arguments, auto_anchor, n=plan.n, space=allowed, **plan.made_for._asdict())
    with _cluster.loaded(arguments, plan.made_for) as (data, boxes, held):
        return _computed(arguments, plan, search, data, _detector.ready(arguments, boxes, plan.made_for), held)


def _computed(
    arguments: argparse.Namespace, plan: _configuration.Plan, search: dict[str, Any], data: _data.Data,
    ready: NetworkBoxes, held: Boxes | None,
) -> int:  # fmt: skip
    """Compute anchors for boxes and print them."""
    with _answer.computing(arguments):
        result = auto_anchor(ready, **search)
        limit = _optimum.certified(arguments, ready, result)
        judged = _holdout.scored(arguments, held, result.anchors, plan.made_for)
    code = 130 if result.evolve.ended == "interrupted" else 0
    chosen = plan.levels(result.anchors)
    levels = by_level(
        result.anchors,
        chosen or export.default_levels(arguments.emit or arguments.detector, plan.n),
        result.check.counts,
    )
    warnings = [*([] if chosen else unusual(plan.n)), *remarks(levels)]
    if arguments.data:
        warnings += _detector.classes_remark(arguments.edit, plan.config, data.boxes)
    _answer.draw(
        arguments, plot.anchors, result, ready, levels, _detector.picture_title(_data.title(arguments, data), ready)
    )
    text = plan.text(result, chosen)
    if text is not None and arguments.output is not None:
        with whole(arguments.output, replace=arguments.force) as part:
            part.write_bytes(text.encode())
        LOG.info("wrote %s", arguments.output)
    if text is not None and arguments.output is None and not arguments.json:
        print_exactly(text)
    if text is not None:
        plan.log_changes(chosen)
        if not arguments.json:
            if arguments.output is None:
                data.log()
            for line in [f"network input: {_detector.input_text(result.fit, result.img_size)}",
                         *_holdout.shown(judged), *(f"warning: {warning}" for warning in warnings)]:  # fmt: skip
                LOG.info("%s", line)
    if text is not None and arguments.output is None and not arguments.json:
        return code
    content = {**result.to_dict(), "levels": _detector.level_rows(levels), "warnings": warnings, "thr": arguments.thr,
               "objective": arguments.objective, "seed": arguments.rng,
               "jitter": ready.jitter and list(ready.jitter), "limit": None if limit is None else limit.to_dict(),
               "held_out": None if judged is None else judged.to_dict()}  # fmt: skip
    lines = [*_detector.shown_input(ready, arguments.min_size), "", result.to_text(), *_optimum.shown(limit),
             *_holdout.shown(judged), "",
             _detector.shown_levels(levels), *(f"warning   {warning}" for warning in warnings)]  # fmt: skip
    lines += _configuration.pasted(result, levels, arguments) if text is None else []
    _answer.answer(arguments, content if text is None else {**content, "text": text}, lines, data)
    return code
