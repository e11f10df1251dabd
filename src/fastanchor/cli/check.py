"""Score anchors that you have: numbers on the command line, or those of a file.

The file is the configuration of a detector that `fastanchor detectors` lists (YAML, cfg,
Python, pbtxt, INI, a TAO specification), JSON, CSV, or text with nothing but numbers. The
size and the fit of the network input come from the file if it sets them. With
--min-bpr the exit code is 1 if the best possible recall is lower, for use in scripts.
--for NAME adds what that detector trains on each box; then its default anchors are scored
unless there are others, or those of --sizes and --ratios. --plot draws the share of boxes
against their best IoU. With --min-matched too, the exit code is 1 if fewer boxes have an
anchor that matches.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

from fastanchor import DataError, _check, evaluate, plot
from fastanchor.cli import _against, _answer, _data, _detector, _options, _positives, _scored
from fastanchor.cli._words import Several
from fastanchor.levels import level_counts, remarks

__all__ = ["add", "run"]


class Gate(NamedTuple):
    """A score and the least that is asked of it, if anything is."""

    name: str
    form: str
    value: float
    least: float | None

    @property
    def passed(self) -> bool:
        """Whether the score is high enough."""
        return self.least is None or self.value >= self.least

    @property
    def text(self) -> str:
        """The verdict."""
        verdict = "passed" if self.passed else "FAILED"
        return f"{verdict}    {self.name} {self.value:{self.form}}, required at least {self.least:g}"


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser, optional=True, training=True, indexed=True)
    job = parser.add_argument_group("anchors to score")
    job.add_argument("--anchors", action=Several, belongs=_scored.of_anchors, metavar="ANCHORS",
                     help="as in 10,13 16,30, or a configuration, or a .txt, .json or .csv file with them")  # fmt: skip
    _positives.add(parser)
    _against.add(job)
    job.add_argument("--min-bpr", type=float, metavar="BPR", help="exit code 1 if the recall is below this")
    job.add_argument("--min-matched", type=float, metavar="SHARE",
                     help="with --for: exit code 1 if the share of boxes that match is below this")  # fmt: skip
    _options.add(parser, "network input", evaluate.check)
    _options.add(parser, "search", evaluate.check, memory=None)
    _options.add(parser, "levels of the detector", level_counts, levels=None)
    _answer.add_output(parser, "plot", "force", "backend")


def _least(given: float | None, name: str) -> float | None:
    return None if given is None else _check.number(given, name, low=0.0, high=1.0)


def run(arguments: argparse.Namespace) -> int:
    """Score, and compare with ``--min-bpr`` and ``--min-matched``."""
    min_bpr, min_matched = _least(arguments.min_bpr, "min_bpr"), _least(arguments.min_matched, "min_matched")
    if min_matched is not None and arguments.detector is None:
        raise DataError("--min-matched: needs --for, which says what a match is")
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
    if not _positives.are_usual(arguments):
        warnings += _scored.differences(arguments, config, found, ready)
    if arguments.data:
        warnings += _detector.classes_remark(arguments.anchors, config, data.boxes)
    warnings += remarks(levels, ready.img_size)
    title = _detector.picture_title(_data.title(arguments, data), ready)
    if trained is not None:
        own = "default anchors of " if _positives.are_usual(arguments) else ""
        title += f"; {own}{arguments.detector}"
        _answer.draw(arguments, trained.found.plot, trained.usual, title, "default anchors")
    else:
        _answer.draw(arguments, plot.anchors, found, ready, levels, title)
    gates = [
        Gate("BPR", ".5f", found.bpr, min_bpr),
        Gate("matched", ".2%", trained.found.matched if trained else 0.0, min_matched),
    ]
    passed = all(gate.passed for gate in gates)
    content = {**found.to_dict(), **_detector.input_row(ready), "levels": _detector.level_rows(levels),
               "positives": trained and trained.to_dict(), "warnings": warnings, "min_bpr": min_bpr,
               "min_matched": min_matched, "passed": passed}  # fmt: skip
    lines = [*_detector.shown_input(ready, arguments.min_size), "", found.to_text(),
             *_against.shown(arguments, found.difference), "",
             _detector.shown_levels(levels), *(["", trained.to_text()] if trained else []),
             *(f"warning   {warning}" for warning in warnings)]  # fmt: skip
    verdicts = [gate.text for gate in gates if gate.least is not None]
    lines += ["", *verdicts] if verdicts else []
    _answer.answer(arguments, content, lines, data)
    return 0 if passed else 1
