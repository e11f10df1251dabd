"""List the detectors that `anchors --for NAME` knows, with the anchors they can have.

Sizes and ratios are those of each level, the strides pixels of the network input. Images are
stretched, or keep their proportions: "letterbox" within the input, "shortest" with limits of
the shorter and of the longer side.
"""

from __future__ import annotations

import argparse
from typing import Any

from fastanchor._table import Table
from fastanchor.cli import _answer
from fastanchor.detectors import GRIDS, NAMES, PAIRS, RULE_OF
from fastanchor.export import FORMATS
from fastanchor.levels import NAMED

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _answer.add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the list."""
    rows = [row(name) for name in NAMES]
    table = Table(
        ("name", "anchors of a place", "strides", "images", "models"),
        [(one["name"], one["anchors"], " ".join(map(str, one["strides"])) or "any",
          one["fit"] + (" {}/{}".format(*one["img_size"]) if one["img_size"] else ""), one["models"]) for one in rows],
        align="lllll",
    )  # fmt: skip
    _answer.answer(arguments, {"detectors": rows}, [table.text()])
    return 0


def row(name: str) -> dict[str, Any]:
    """Return what is listed of a detector, as JSON values."""
    if name in PAIRS:
        pairs = PAIRS[name]
        needs = FORMATS[pairs.fmt].needs
        count = "" if pairs.n is None else f"{pairs.n} "
        anchors = f"{count}pairs (w, h){', as many on each level' if needs.equal else ''}"
        strides = [] if pairs.levels is None else [2**level for level in NAMED[pairs.levels]]
        return {"name": name, "models": pairs.title, "anchors": anchors, "strides": strides, "fit": needs.fit,
                "img_size": pairs.img_size and list(pairs.img_size),
                "matching": _matching(RULE_OF.get(name))}  # fmt: skip
    detector = GRIDS[name]
    return {
        "name": name,
        "models": detector.title,
        "anchors": detector.form.summary,
        "strides": list(detector.strides),
        "fit": detector.resize.fit,
        "img_size": list(detector.resize.img_size),
        "matching": _matching(detector.matching),
    }


def _matching(rule: Any) -> dict[str, Any] | None:
    return rule and {**rule._asdict(), "rule": rule.to_text()}
