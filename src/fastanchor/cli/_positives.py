"""``check --for``: which boxes a detector trains on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fastanchor import DataError, detectors, export
from fastanchor._hints import called
from fastanchor._network import NetworkBoxes
from fastanchor._table import Table
from fastanchor._types import FloatArray
from fastanchor.cli import _detector, _options, _scored
from fastanchor.cli._data import Data
from fastanchor.cli._values import values
from fastanchor.detectors import GRIDS, MATCHED, NAMES, DetectorAnchors, Positives, positives
from fastanchor.levels import Level
from fastanchor.matching import Recall

__all__ = ["add", "anchors", "are_usual", "counted", "fewer", "of_result", "ready", "shown"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    text = "show what this detector trains on each box, by its own rule; see `fastanchor detectors`"
    changes = {"choices": MATCHED, "default": None, "help": text, "type": _matched}
    sizes = {"help": "with --for: score anchors of these sizes, a list for each level as in '16,20 32,40'"}
    ratios = {"help": "with --for: score anchors of these ratios, as in 0.5,1,2"}
    both = {"metavar": "LIST", "unset": "as the detector has"}
    _options.add(parser, "detector", positives, detector=changes, sizes=sizes | both, ratios=ratios | both)


def _matched(name: str) -> str:
    """Return the name of a detector; raise ArgumentTypeError if it has a rule that is not known in full."""
    if name in NAMES and name not in MATCHED:
        raise argparse.ArgumentTypeError(f"{name!r}: is a detector whose rule is not known in full")
    return name


def anchors(arguments: argparse.Namespace) -> tuple[export.Config, list[int], list[str]]:
    """Return the configuration of ``--anchors``, else that of ``--for``, as `scored_anchors` does.

    The latter has the sizes and ratios of the command line, by default those of the detector.

    Raises
    ------
    DataError
        If neither has anchors, or options contradict each other.
    """
    name = arguments.detector
    if name is not None and arguments.jitter is not None:
        raise DataError("--jitter: cannot be combined with --for, which looks at images as they are")
    chosen = _chosen(arguments)
    if arguments.anchors is not None:
        config, used, warnings = _scored.scored_anchors(arguments)
        levels = arguments.levels is not None or arguments.per_level is not None or arguments.by != "area"
        return config if config.layout or levels else _on_levels(config, name), used, warnings
    if name not in GRIDS:
        raise DataError("--anchors: needed, unless --for names a detector whose anchors are sizes and ratios")
    config = detectors.config_with(name, arguments.img_size, **chosen)
    return config, list(range(len(config.anchors))), []


def _chosen(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the values of ``--sizes`` and of ``--ratios``, by name; raise DataError if they cannot be scored."""
    given = {}
    for name in ("sizes", "ratios"):
        text, option = getattr(arguments, name), called(name)
        if text is None:
            continue
        if arguments.anchors is not None:
            raise DataError(f"--anchors and {option}: only one of them can be given")
        if arguments.detector not in GRIDS:
            raise DataError(f"{option}: needs --for with a detector whose anchors are sizes and ratios")
        given[name] = values(text, option)
        if isinstance(given[name], int):
            raise DataError(f"{option} = {text!r}: must be values as in 0.5,1,2, not a number of them")
    return given


def are_usual(arguments: argparse.Namespace) -> bool:
    """Return whether the anchors that are scored are the detector's default ones."""
    return arguments.anchors is None and arguments.sizes is None and arguments.ratios is None


def _on_levels(config: export.Config, name: str) -> export.Config:
    """Return anchors without levels divided equally among those of a detector that has its own, smallest first."""
    if name not in GRIDS:
        return config
    levels = detectors.default_config(name)
    order = np.argsort(config.anchors.prod(axis=1), kind="stable")
    parts = np.array_split(order, len(levels.layout))
    layout = [(level, part.tolist()) for (level, _), part in zip(levels.layout, parts, strict=True)]
    return replace(config, layout=layout, strides=levels.strides)


def ready(arguments: argparse.Namespace, data: Data, network: export.Input) -> NetworkBoxes:
    """Return the boxes in pixels of the network input, with ``--for`` as that detector rounds them."""
    if arguments.detector in GRIDS:
        size, fit = network.img_size, network.fit
        return detectors.network_boxes(data.used, arguments.detector, size, fit, arguments.min_size)
    return _detector.ready(arguments, data.used, network)


class Trained(NamedTuple):
    """The positives of the anchors, and those of the default ones where the anchors are others."""

    found: Positives
    usual: Positives | None

    def to_dict(self) -> dict[str, Any]:
        """Return them as JSON values, with the differences at the threshold of the detector."""
        gains = [
            {"name": one.name, "matched": float(one.recall[0]), "default": float(one.others[0]),
             "difference": float(one.recall[0] - one.others[0]), "low": _first(one.low), "high": _first(one.high)}
            for one in self.gains if one.others is not None
        ]  # fmt: skip
        return {**self.found.to_dict(), "against_default": gains or None}

    @property
    def gains(self) -> tuple[Recall, ...]:
        """Share of boxes that match by class of size, compared with the default anchors."""
        return () if self.usual is None else self.found.gains(self.usual)

    def to_text(self) -> str:
        """Return them as text."""
        rows = [
            (one["name"], f"{one['matched']:.2%}", f"{one['default']:.2%}", f"{one['difference']:+.2%}",
             "-" if one["low"] is None else f"{one['low']:+.2%} to {one['high']:+.2%}")
            for one in self.to_dict()["against_default"] or ()
        ]  # fmt: skip
        head = ("size", "matched", "default anchors", "difference", "95 % interval")
        return "\n\n".join([self.found.to_text(), *([Table(head, rows, align="lrrrl").text()] if rows else [])])


def _first(values: FloatArray | None) -> float | None:
    return None if values is None else float(values[0])


def of_result(arguments: argparse.Namespace, data: Data, result: DetectorAnchors) -> Trained | None:
    """Return the positives of new anchors and of the default ones, None if the detector's rule is not known in full."""
    name = result.detector
    if name not in MATCHED:
        return None
    given: dict[str, Any] = {"img_size": arguments.img_size, "fit": arguments.fit, "min_size": arguments.min_size}
    return Trained(positives(data.used, name, result.levels, **given), positives(data.used, name, **given))


def shown(trained: Trained | None) -> list[str]:
    """Return the share of boxes that match, beside that of the default anchors, as lines."""
    if trained is None:
        return []
    one = trained.to_dict()["against_default"][0]
    return [f"matched   {one['matched']:.2%}, and with the detector's defaults {one['default']:.2%} ({_rule(trained)})"]


def _rule(trained: Trained) -> str:
    place = "where the labels place the boxes" if trained.found.known else "a mean over 8 places of each box"
    return f"{trained.found.rule.split(';')[0]}, {place}"


def fewer(trained: Trained | None) -> list[str]:
    """Return sentences if fewer boxes, or boxes of a size, match than with the default anchors, beyond noise."""
    if trained is None:
        return []
    every, *sizes = trained.to_dict()["against_default"]
    less = [one for one in sizes if one["high"] is not None and one["high"] < 0.0]
    found = [
        f"of the {one['name']} boxes {one['matched']:.2%} match, with the default anchors {one['default']:.2%}"
        for one in less
    ]
    if every["difference"] < 0.0 and (every["high"] is None or every["high"] < 0.0):
        found.insert(0, f"only {every['matched']:.2%} of the boxes have an anchor that matches where the detector "
                     f"places it, with its default anchors {every['default']:.2%}: these may train worse; `fastanchor "
                     "check --for` shows which boxes")  # fmt: skip
    return found


def counted(
    arguments: argparse.Namespace, data: Data, network: export.Input, levels: Sequence[Level]
) -> Trained | None:
    """Return the positives of the detector of ``--for``, None without it."""
    name = arguments.detector
    if name is None:
        return None
    given: dict[str, Any] = {"img_size": network.img_size, "fit": network.fit, "min_size": arguments.min_size}
    if are_usual(arguments):
        return Trained(positives(data.used, name, **given), None)
    usual = positives(data.used, name, **given) if name in GRIDS else None
    return Trained(positives(data.used, name, levels, **given), usual)
