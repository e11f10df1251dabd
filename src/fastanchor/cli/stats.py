"""Count the images, boxes and classes of a data set."""

from __future__ import annotations

import argparse
from typing import Any

from fastanchor import plot
from fastanchor._text import plain
from fastanchor.cli import _answer, _data

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser)
    _answer.add_output(parser, "plot", "force")


def run(arguments: argparse.Namespace) -> int:
    """Print the summary."""
    data = _data.load(arguments)
    boxes, read = data
    _answer.draw(arguments, plot.per_class, read["per_class"])
    names = [name for name in read["parts"] if name in set(boxes.split or ())]
    parts = {name: _data.plain_summary(boxes.part(name).summary()) for name in names}
    classes = [(plain(name), n) for name, n in read["per_class"].items()]
    width, total = max((len(name) for name, _ in classes), default=0), max(read["boxes"], 1)
    lines = [*_shown_parts(parts), f"classes   {len(classes)}"]
    lines += [f"  {name:<{width}}  {n:>9,}  {n / total:6.1%}" for name, n in classes]
    _answer.answer(arguments, {**read, "by_part": parts}, lines, data)
    return 0


def _shown_parts(parts: dict[str, dict[str, Any]]) -> list[str]:
    """Return a line for each split of the data set, if there are several."""
    if len(parts) < 2:
        return []
    width = max(map(len, map(plain, parts)))
    lines = [f"parts     {len(parts)}"]
    for name, one in parts.items():
        factor, unit = (100.0, "% of the image") if one["relative"] else (1.0, "pixels")
        sides = " x ".join("-" if side is None else f"{factor * side:.1f}" for side in one["mean_box"])
        lines.append(f"  {plain(name):<{width}}  {one['images']:>9,} images  {one['boxes']:>9,} boxes  {sides} {unit}")
    return lines
