"""Count the images, boxes and classes of a data set."""

from __future__ import annotations

import argparse
from typing import Any

from fastanchor import plot
from fastanchor._table import Table
from fastanchor.cli import _answer, _data

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser)
    _answer.add_output(parser, "plot", "force")


def run(arguments: argparse.Namespace) -> int:
    """Print the summary."""
    data = _data.load(arguments)
    boxes, read = data.boxes, data.read
    _answer.draw(arguments, plot.per_class, read["per_class"], _data.title(arguments, data))
    names = [name for name in read["splits"] if name in set(boxes.split or ())]
    splits = {name: _data.plain_summary(boxes.of_split(name).summary()) for name in names}
    classes, total = read["per_class"], max(read["boxes"], 1)
    rows = [(name, f"{n:>9,}", f"{n / total:>6.1%}") for name, n in classes.items()]
    lines = [*_shown_splits(splits), Table((), rows, f"classes   {len(classes)}").text("  ")]
    _answer.answer(arguments, {**read, "by_split": splits}, lines, data)
    return 0


def _shown_splits(splits: dict[str, dict[str, Any]]) -> list[str]:
    """Return a line for each split of the data set, if there are several."""
    if len(splits) < 2:
        return []
    rows = []
    for name, one in splits.items():
        factor, unit = (100.0, "% of the image") if one["relative"] else (1.0, "pixels")
        sides = " x ".join("-" if side is None else f"{factor * side:.1f}" for side in one["mean_box"])
        rows.append((name, f"{one['images']:>9,} images", f"{one['boxes']:>9,} boxes", f"{sides} {unit}"))
    return [Table((), rows, f"splits    {len(splits)}", "lrrl").text("  ")]
