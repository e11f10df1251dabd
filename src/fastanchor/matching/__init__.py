"""Which anchors a detector trains on a box, its positives, for detectors that match by IoU.

An anchor is repeated at every place of the grid of its level, and compared with a box where both are. `Matching` says
which anchors become positive, `Cells` where they are. `at_places` counts the positives of boxes whose places are known,
exactly as the detector does: IoU in float32, ties, and other boxes of the image that take anchors away. It looks only
at the few places that can win.
"""

from __future__ import annotations

from fastanchor.matching._count import Anchors, Counts, Places, at_places
from fastanchor.matching._rules import NOMINAL, Cells, Forced, Matching

__all__ = ["NOMINAL", "Anchors", "Cells", "Counts", "Forced", "Matching", "Places", "at_places"]
