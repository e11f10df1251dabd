"""The text of ``anchors``: a configuration to edit or to emit, checked before the work and written after it."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from fastanchor import DataError, _check, export
from fastanchor._anchor_result import AnchorResult
from fastanchor._output import check_output
from fastanchor._types import Fit
from fastanchor.cli import _detector
from fastanchor.levels import Level, LevelCounts, counts_of

__all__ = ["Plan", "pasted", "planned"]

LOG = logging.getLogger("fastanchor")


class Plan(NamedTuple):
    """What to compute, from the command line and the configuration to edit."""

    arguments: argparse.Namespace
    config: export.Config | None
    made_for: export.Input
    n: int

    @property
    def fit(self) -> Fit | None:
        """The fit of the command line for a file that does not set its own, which is not changed there."""
        if self.config is None or self.config.fit:
            return None
        return self.arguments.fit or (self.config.note and self.config.note.fit)

    def levels(self, anchors: np.ndarray) -> LevelCounts | None:
        """Return the levels that were chosen, else those of the configuration, else None."""
        levels = [] if self.config is None else [level for level, _ in self.config.layout]
        chosen = _detector.chosen_levels(self.arguments, anchors, levels)
        return self.config.own_levels(self.n) if chosen is None and self.config is not None else chosen

    def text(self, result: AnchorResult, levels: LevelCounts | None) -> str | None:
        """Return the text of ``--edit`` or ``--emit``."""
        if self.arguments.edit is not None:
            return result.edited(self.arguments.edit, levels, fit=self.fit)
        if self.arguments.emit is None:
            return None
        text = export.emit(
            result.anchors, self.arguments.emit, levels, made_for=result.made_for, fit=self.arguments.fit
        )
        return f"{text}\n"

    def log_changes(self, levels: LevelCounts | None) -> None:
        """Log what changes in the edited file besides the sizes of its anchors."""
        config, file = self.config, self.arguments.edit
        if config is None:
            return
        if config.n is not None and config.n != self.n:
            LOG.info("%s: has %d anchors, and gets %d", file, config.n, self.n)
        have, want = [len(rows) for _, rows in config.layout], [count for _, count in levels or []]
        if sum(have) and have != want:
            LOG.info("%s: its levels have %s anchors, and get %s", file, _listed(have), _listed(want))


def planned(arguments: argparse.Namespace) -> Plan:
    """Return what to compute; every possible error about it is raised here, before the work."""
    if arguments.emit is not None and arguments.edit is not None:
        raise DataError("--emit and --edit: only one of them can be given")
    if arguments.output is not None:
        if arguments.emit is None and arguments.edit is None:
            raise DataError("--output: needs --emit FORMAT or --edit FILE, which say what to write")
        check_output(arguments.output, replace=arguments.force)
    config = None if arguments.edit is None else export.read_edited(arguments.edit)
    if config is not None:
        _agree(arguments, config)
    counts = _detector.per_level(arguments)
    n = arguments.n
    if n is None:
        n = sum(counts) if counts is not None else config.n if config is not None and config.n else 9
    n = _check.integer(n, "n", least=1)
    fmt = arguments.emit or arguments.detector
    plan = Plan(arguments, config, _detector.network(arguments, config, fmt), n)
    stand_in = np.full((n, 2), 100.0)
    # levels by stride depend on the anchors
    levels = None if arguments.by == "stride" else plan.levels(stand_in)
    if config is not None:
        export.edit(arguments.edit, stand_in, levels, made_for=plan.made_for, fit=plan.fit)
    elif fmt is not None:
        export.emit(stand_in, fmt, levels, made_for=plan.made_for, fit=arguments.fit)
    return plan


def _agree(arguments: argparse.Namespace, config: export.Config) -> None:
    """Raise if ``--fit`` is not what the cfg to edit sets itself."""
    if arguments.fit is None or config.fit in (None, arguments.fit):
        return
    does, change = {
        "stretch": ("stretches images (no letter_box=1)", "set letter_box=1"),
        "letterbox": ("keeps the proportions of images (letter_box=1)", "take out letter_box=1"),
    }[str(config.fit)]
    raise DataError(f"{arguments.edit} {does}: drop --fit {arguments.fit}, or {change} in the file")


def pasted(result: AnchorResult, levels: Sequence[Level], arguments: argparse.Namespace) -> list[str]:
    """Return the text to paste for the detector, by default for two families of YOLO, or why there is none."""
    lines = []
    parts = counts_of(levels)
    if arguments.detector is not None:
        text = export.emit(result.anchors, arguments.detector, parts, made_for=result.made_for, fit=arguments.fit)
        return ["", text]
    counts = [count for _, count in parts]
    if result.fit in (None, export.FORMATS["yolov5"].needs.fit):
        if len(set(counts)) == 1:
            lines += ["", "# YOLOv5 / YOLOv7 model YAML", result.to_yolov5(parts)]
        else:
            lines += ["", "no text for YOLOv5, which needs the same number of anchors in each level, not "
                          f"{_listed(counts)}: {_evened(counts, arguments)}"]  # fmt: skip
    if result.fit in (None, export.FORMATS["darknet"].needs.fit):
        lines += ["", "# Darknet cfg", result.to_darknet()]
    return lines


def _evened(counts: list[int], arguments: argparse.Namespace) -> str:
    """Return what to change on the command line for levels of equal size."""
    if arguments.per_level is not None:
        return "give equal numbers to --per-level"
    low, rest = divmod(sum(counts), len(counts))
    numbers = [f"--n {each * len(counts)}" for each in (low, low + 1) if each]
    changes = ["leave out --by stride"] if arguments.by == "stride" else []
    return " and ".join([*changes, *([f"give {' or '.join(numbers)}"] if rest else [])])


def _listed(counts: list[int]) -> str:
    return ", ".join(map(str, counts))
