"""Which anchors a detector trains on a box, its positives.

An anchor is repeated at every place of the grid of its level. Most detectors compare it with a box by IoU where both
are: `Matching` says which anchors become positive, `Cells` where they are. `at_places` counts the positives of boxes
whose places are known, exactly as the detector does: IoU in float32, ties, and other boxes of the image that take
anchors away. It looks only at the few places that can win. `at_offsets` is for boxes whose places are not known.
YOLOv5 and its kind compare sides alone: `Ratio`, `by_ratio`. All count boxes in `Counts`, which `summarised` turns into
`Positives`.
"""

from __future__ import annotations

from fastanchor.matching._count import OFFSETS, Anchors, Counts, Places, at_offsets, at_places, fractions
from fastanchor.matching._ratio import Ratio, by_ratio
from fastanchor.matching._recall import Recall
from fastanchor.matching._result import LevelPositives, Positives, SizePositives, summarised
from fastanchor.matching._rules import NOMINAL, Cells, Forced, Matching

__all__ = [
    "NOMINAL", "OFFSETS", "Anchors", "Cells", "Counts", "Forced", "LevelPositives", "Matching", "Places", "Positives",
    "Ratio", "Recall", "SizePositives", "at_offsets", "at_places", "by_ratio", "fractions", "summarised",
]  # fmt: skip
