"""``--holdout``: anchors are chosen on some images and scored on the others."""

from __future__ import annotations

import argparse

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._images import holdout
from fastanchor._text import many
from fastanchor._types import FloatArray
from fastanchor.boxes import Boxes
from fastanchor.cli import _detector, _values
from fastanchor.engine import BoxIndex
from fastanchor.evaluate import AnchorCheck, check
from fastanchor.export import Input

__all__ = ["add", "divided", "scored", "shown"]


def add(group: argparse._ArgumentGroup) -> None:
    """Add the option."""
    group.add_argument("--holdout", type=_values.number, metavar="SHARE",
                       help="choose without this share of the images, and score on it, as in 0.2")  # fmt: skip


def divided(arguments: argparse.Namespace, boxes: Boxes | BoxIndex) -> tuple[Boxes | BoxIndex, Boxes | None]:
    """Return the images to choose anchors on, and those to score them on; None without the option."""
    if arguments.holdout is None or not isinstance(boxes, Boxes):
        return boxes, None
    share = _check.number(arguments.holdout, "--holdout", low=0.0, high=1.0, open_low=True)
    try:
        return holdout(boxes, share, rng=_check.integer(arguments.rng, "rng", least=0, most=_check.SEED_MOST))
    except DataError as error:
        raise DataError(str(error).replace("share", "--holdout", 1)) from None


def scored(
    arguments: argparse.Namespace, held: Boxes | None, anchors: FloatArray, made_for: Input
) -> AnchorCheck | None:
    """Return the scores of the anchors on the images that they were not chosen on."""
    if held is None:
        return None
    return check(_detector.ready(arguments, held, made_for), anchors, thr=arguments.thr)


def shown(found: AnchorCheck | None) -> list[str]:
    """Return the lines about those scores."""
    if found is None or found.intervals is None:
        return []
    images, boxes = many(found.intervals.images, "image"), many(round(found.boxes), "box", "boxes")
    lines = [f"held out  {images} with {boxes}; on these, with 95 % intervals:"]
    for title, (value, low, high) in zip(("fitness", "BPR", "mean IoU"), found.intervals[:3], strict=True):
        lines.append(f"  {title:<9} {value:.5f}   {low:.5f} to {high:.5f}")
    return lines
