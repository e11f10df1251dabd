"""Score anchors that you have: numbers on the command line, or those of a file.

The file is the configuration of a detector that `fastanchor detectors` lists (YAML, cfg,
Python, pbtxt, INI, a TAO specification), JSON, CSV, or text with nothing but numbers. The
size and the fit of the network input come from the file if it sets them. With
--min-bpr the exit code is 1 if the best possible recall is lower, for use in scripts.
--for NAME adds what that detector trains on each box; then its default anchors are scored
unless there are others, and --plot draws the share of boxes against their best IoU.
"""

from __future__ import annotations

import argparse

from fastanchor import _check, evaluate, plot
from fastanchor.cli import _against, _answer, _data, _detector, _options, _positives, _scored
from fastanchor.cli._words import Several
from fastanchor.levels import level_counts, remarks

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser, optional=True, training=True, indexed=True)
    job = parser.add_argument_group("anchors to score")
    job.add_argument("--anchors", action=Several, belongs=_scored.of_anchors, metavar="ANCHORS",
                     help="as in 10,13 16,30, or a configuration, or a .txt, .json or .csv file with them")  # fmt: skip
    _positives.add(parser)
    _against.add(job)
    job.add_argument("--min-bpr", type=float, metavar="BPR", help="exit code 1 if the recall is below this")
    _options.add(parser, "network input", evaluate.check)
    _options.add(parser, "search", evaluate.check, memory=None)
    _options.add(parser, "levels of the detector", level_counts, levels=None)
    _answer.add_output(parser, "plot", "force", "backend")


def run(arguments: argparse.Namespace) -> int:
    """Score, and compare with ``--min-bpr``."""
    least = arguments.min_bpr
    if least is not None:
        least = _check.number(least, "min_bpr", low=0.0, high=1.0)
    config, used, warnings = _positives.anchors(arguments)
    network = _detector.network(arguments, config, arguments.detector)
    others, other_input = _against.others(arguments, network)
    data = _data.load(arguments)
    with _answer.computing(arguments):
        ready = _positives.ready(arguments, data, network)
        found = evaluate.check(ready, config.anchors[used], thr=arguments.thr, against=others)
        levels, more = _scored.levels_of(arguments, config, used, found)
        trained = _positives.counted(arguments, data, network, levels)
    warnings += [*more, *other_input]
    if arguments.anchors is not None:
        warnings += _scored.differences(arguments, config, found, ready)
    if arguments.data:
        warnings += _detector.classes_remark(arguments.anchors, config, data.boxes)
    warnings += remarks(levels, ready.img_size)
    title = _detector.picture_title(_data.title(arguments, data), ready)
    if trained is not None:
        own = "default anchors of " if arguments.anchors is None else ""
        title += f"; {own}{arguments.detector}" + ("" if trained.usual is None else ", the others: its default anchors")
        _answer.draw(arguments, trained.found.plot, trained.usual, title)
    else:
        _answer.draw(arguments, plot.anchors, found, ready, levels, title)
    passed = least is None or found.bpr >= least
    content = {**found.to_dict(), **_detector.input_row(ready), "levels": _detector.level_rows(levels),
               "positives": trained and trained.to_dict(), "warnings": warnings, "min_bpr": least,
               "passed": passed}  # fmt: skip
    lines = [*_detector.shown_input(ready, arguments.min_size), "", found.to_text(),
             *_against.shown(arguments, found.difference), "",
             _detector.shown_levels(levels), *(["", trained.to_text()] if trained else []),
             *(f"warning   {warning}" for warning in warnings)]  # fmt: skip
    if least is not None:
        lines += ["", f"{'passed' if passed else 'FAILED'}    BPR {found.bpr:.5f}, required at least {least:g}"]
    _answer.answer(arguments, content, lines, data)
    return 0 if passed else 1
