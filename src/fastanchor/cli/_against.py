"""Anchors to compare with: ``--against``, and what is printed about the difference."""

from __future__ import annotations

import argparse

from fastanchor._intervals import Intervals
from fastanchor._table import Table
from fastanchor._types import FloatArray
from fastanchor.cli import _scored
from fastanchor.cli._words import Several
from fastanchor.export import Input, is_file_name

__all__ = ["add", "others", "shown"]


def add(group: argparse._ArgumentGroup) -> None:
    """Add the option."""
    group.add_argument("--against", action=Several, belongs=_scored.of_anchors, metavar="ANCHORS",
                       help="other anchors, numbers or a file, to compare with")  # fmt: skip


def others(arguments: argparse.Namespace, network: Input) -> tuple[FloatArray | None, list[str]]:
    """Return the anchors to compare with, if any, and warnings if they are for another network input."""
    if arguments.against is None:
        return None, []
    config, used = _scored.read_used(arguments.against)
    return config.anchors[used], _scored.other_input(arguments.against, config, network)


def shown(arguments: argparse.Namespace, found: Intervals | None) -> list[str]:
    """Return the lines about how far the scores exceed those of the other anchors."""
    if found is None:
        return []
    name = arguments.against if is_file_name(arguments.against) else "the others"
    rows = [
        (title, f"{value:+.5f}", f"{low:+.5f} to {high:+.5f}")
        for title, (value, low, high) in zip(("fitness", "BPR", "mean IoU"), found[:3], strict=True)
    ]
    table = Table((f"against {name}", "difference", "95 % interval"), rows, align="lrl")
    return ["", table.text(), verdict(found)]


def verdict(found: Intervals) -> str:
    """Return a sentence that compares the fitness with that of other anchors.

    Examples
    --------
    >>> from fastanchor._intervals import Interval
    >>> def of(*fitness):
    ...     return Intervals(Interval(*fitness), Interval(0, 0, 0), Interval(0, 0, 0), 10)
    >>> print(verdict(of(0.031, 0.027, 0.035)))
    The fitness of these anchors is higher by 0.0310 +- 0.0040, more than the choice of images explains.
    >>> print(verdict(of(0.001, -0.001, 0.003)))
    The fitness differs by +0.0010 +- 0.0020: which anchors fit better depends on the choice of images.
    >>> print(verdict(of(0.0, 0.0, 0.0)))
    The fitness is the same.
    """
    value, low, high = found.fitness
    if value == low == high == 0.0:
        return "The fitness is the same."
    half = (high - low) / 2
    if low <= 0.0 <= high:
        size = f"{value:+.4f} +- {half:.4f}"
        return f"The fitness differs by {size}: which anchors fit better depends on the choice of images."
    way, size = "higher" if value > 0.0 else "lower", f"{abs(value):.4f} +- {half:.4f}"
    return f"The fitness of these anchors is {way} by {size}, more than the choice of images explains."
