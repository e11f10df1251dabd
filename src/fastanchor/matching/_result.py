"""What is said about the positives of a data set: over all boxes, by class of size, by level."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._table import Table
from fastanchor._types import FloatArray, Result
from fastanchor._weights import number
from fastanchor.evaluate import SIZES
from fastanchor.matching._count import OFFSETS, Anchors, Counts
from fastanchor.matching._ratio import Ratio
from fastanchor.matching._rules import Matching

__all__ = ["LevelPositives", "Positives", "SizePositives", "summarised"]


class SizePositives(NamedTuple):
    """Positives of the boxes of a class of size; the shares and the mean are None for a class without boxes."""

    name: str
    boxes: float
    matched: float | None
    without: float | None
    per_box: float | None


class LevelPositives(NamedTuple):
    """Positives on a level: its stride, their mean number per box, and the share of all positives."""

    stride: float
    per_box: float
    share: float


@dataclass(frozen=True, eq=False, repr=False)
class Positives(Result):
    """Result of :func:`fastanchor.positives`. The arrays are read-only.

    Attributes
    ----------
    detector : str
        Its name.
    rule : str
        Which anchors are positive, in words.
    known : bool
        Whether the places of the boxes are known; else the numbers are means over 8 places of each box on the grids,
        alone in its image.
    boxes : int
        Boxes looked at, as often as they count; float where weights are not whole.
    matched : float
        Share of the boxes with an anchor that matches: an IoU from the threshold of the detector on, or a ratio of
        sides within its limit. Other boxes have positives only if the detector forces some.
    without : float
        Share of the boxes without a positive. Such boxes train nothing.
    per_box : float
        Positives per box.
    sizes : tuple of SizePositives
        The same for COCO's small, medium and large boxes.
    levels : tuple of LevelPositives
        Positives by level.
    counts : (n, levels) int32 or float64
        Positives of each box; means where places are not known.
    best : (places, n) float32
        The best IoU of each box with an anchor at its place, or the best ratio of their sides.
    """

    detector: str
    rule: str
    known: bool
    boxes: float
    matched: float
    without: float
    per_box: float
    sizes: tuple[SizePositives, ...]
    levels: tuple[LevelPositives, ...]
    counts: NDArray[np.int32] | FloatArray = field(repr=False)
    best: NDArray[np.float32] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain Python values, ready for JSON; without the arrays."""
        names = ("detector", "rule", "known", "boxes", "matched", "without", "per_box")
        return {
            **{name: getattr(self, name) for name in names},
            "sizes": [size._asdict() for size in self.sizes],
            "levels": [level._asdict() for level in self.levels],
        }

    def to_text(self) -> str:
        """Return the result as text."""
        where = "where the labels place the boxes" if self.known else f"mean over {OFFSETS} places of each box, alone"
        lines = [
            f"positive  {self.rule}",
            f"places    {where}",
            f"matched   {self.matched:.2%} of the boxes have such an anchor",
            f"without   {self.without:.2%} of the boxes have no positive",
            f"per box   {self.per_box:.2f} positives",
        ]
        sizes = [
            (name, f"{round(count):,}", *("-" if one is None else f"{one:.2%}" for one in (matched, without)),
             "-" if per_box is None else f"{per_box:.2f}")
            for name, count, matched, without, per_box in self.sizes
        ]  # fmt: skip
        levels = [(f"{stride:g}", f"{per_box:.2f}", f"{share:.1%}") for stride, per_box, share in self.levels]
        tables = (
            Table(("size", "    boxes", "matched", "without", "positives per box"), sizes),
            Table(("stride", "positives per box", " share"), levels),
        )
        return "\n\n".join(["\n".join(lines), *(table.text() for table in tables)])


def summarised(
    detector: str,
    wh: FloatArray,
    column: Any,
    anchors: Anchors,
    rule: Matching | Ratio,
    found: Counts,
    known: bool,
) -> Positives:
    """Return the result for boxes (n, 2) with weights."""
    weight = np.ones(len(wh)) if column is None else np.asarray(column, dtype=np.float64)
    matches = found.best > np.float32(rule.above) if isinstance(rule, Ratio) else found.best >= np.float32(rule.above)
    each = found.positives.sum(axis=1)
    columns = np.stack([weight, weight * matches.mean(axis=0), weight * found.none, weight * each])
    area = wh[:, 0] * wh[:, 1]
    group = np.searchsorted([limit for _, limit in SIZES[:-1]], area, side="right")
    sums = np.stack([np.bincount(group, one, len(SIZES)) for one in columns], axis=1)
    total = sums.sum(axis=0)
    by_level = weight @ found.positives
    sizes = tuple(
        SizePositives(name, number(column, group == at), *(row[1:] / row[0]).tolist())
        if row[0]
        else SizePositives(name, 0, None, None, None)
        for at, ((name, _), row) in enumerate(zip(SIZES, sums, strict=True))
    )
    levels = tuple(
        LevelPositives(float(stride), float(one / total[0]), float(one / total[3]) if total[3] else 0.0)
        for stride, one in zip(anchors.strides, by_level, strict=True)
    )
    matched, without, per_box = (total[1:] / total[0]).tolist()
    return Positives(
        detector, rule.to_text(), known, number(column, np.ones(len(wh), dtype=bool)), matched, without, per_box,
        sizes, levels, found.positives, found.best,
    )  # fmt: skip
