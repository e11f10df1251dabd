"""``check --for``: which boxes a detector trains on."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fastanchor import DataError, detectors, export
from fastanchor._network import NetworkBoxes
from fastanchor.cli import _detector, _options, _scored
from fastanchor.cli._data import Data
from fastanchor.detectors import GRIDS, MATCHED, Positives, positives
from fastanchor.levels import Level

__all__ = ["add", "anchors", "counted", "ready"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    text = "show what this detector trains on each box, by its own rule; see `fastanchor detectors`"
    _options.add(parser, "detector", positives, detector={"choices": MATCHED, "default": None, "help": text})


def anchors(arguments: argparse.Namespace) -> tuple[export.Config, list[int], list[str]]:
    """Return the configuration of ``--anchors``, else the default one of ``--for``, as `scored_anchors` does.

    Raises
    ------
    DataError
        If neither has anchors, or options contradict each other.
    """
    name = arguments.detector
    if name is not None and arguments.jitter is not None:
        raise DataError("--jitter: cannot be combined with --for, which looks at images as they are")
    if arguments.anchors is not None:
        config, used, warnings = _scored.scored_anchors(arguments)
        chosen = arguments.levels is not None or arguments.per_level is not None or arguments.by != "area"
        return config if config.layout or chosen else _on_levels(config, name), used, warnings
    if name not in GRIDS:
        raise DataError("--anchors: needed, unless --for names a detector whose anchors are sizes and ratios")
    config = detectors.default_config(name, arguments.img_size)
    return config, list(range(len(config.anchors))), []


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


def counted(
    arguments: argparse.Namespace, data: Data, network: export.Input, levels: Sequence[Level]
) -> Positives | None:
    """Return the positives of the detector of ``--for``, None without it."""
    if arguments.detector is None:
        return None
    own = None if arguments.anchors is None else levels
    size, fit = network.img_size, network.fit
    return positives(data.used, arguments.detector, own, img_size=size, fit=fit, min_size=arguments.min_size)
