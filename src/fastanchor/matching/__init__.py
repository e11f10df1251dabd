"""Which anchors a detector trains on a box, its positives.

An anchor is repeated at every place of the grid of its level. Most detectors compare it with a box by IoU where both
are: `Matching` says which anchors become positive, `Cells` where they are. `at_places` counts the positives of boxes
whose places are known, exactly as the detector does: IoU in float32, ties, and other boxes of the image that take
anchors away. It looks only at the few places that can win. `at_offsets` is for boxes whose places are not known.
YOLOv5 and its kind compare sides alone: `Ratio`. YOLOv3 and its kind train a box at the cell of its centre: `Shape`,
`OwnCell`. `counts` counts the positives of boxes by any of these rules, as `Counts`, which `summarised` turns into
`Positives`.

A rule is a named tuple with `measure`, by what it compares boxes and anchors, `threshold`, the least value of a match,
and `to_text`; `counts` knows the function that counts by it.
"""

from __future__ import annotations

from fastanchor._types import FloatArray
from fastanchor.matching._count import OFFSETS, Anchors, Counts, Places, at_offsets, at_places, fractions
from fastanchor.matching._own_cell import OwnCell, Shape, by_own_cell, by_shape
from fastanchor.matching._ratio import Ratio, by_ratio
from fastanchor.matching._recall import Recall
from fastanchor.matching._result import LevelPositives, Positives, SizePositives, summarised
from fastanchor.matching._rules import NOMINAL, Cells, Forced, Matching, MatchRule

__all__ = [
    "NOMINAL", "OFFSETS", "Anchors", "Cells", "Counts", "Forced", "LevelPositives", "MatchRule", "Matching", "OwnCell",
    "Places", "Positives", "Ratio", "Recall", "Shape", "SizePositives", "at_offsets", "at_places", "counts",
    "fractions", "summarised",
]  # fmt: skip


def counts(wh: FloatArray, anchors: Anchors, rule: MatchRule, places: Places | None = None) -> Counts:
    """Return the positives of boxes (n, 2) by a rule, at their `places` or as a mean over several."""
    if isinstance(rule, Ratio):
        return by_ratio(wh, anchors, rule, places)
    if isinstance(rule, Shape):
        return by_shape(wh, anchors, rule, places)
    if isinstance(rule, OwnCell):
        return by_own_cell(wh, anchors, rule, places)
    assert isinstance(rule, Matching)
    return at_offsets(wh, anchors, rule) if places is None else at_places(places, anchors, rule)
