"""What is said about the positives of a data set: over all boxes, by class of size, by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._images import Images
from fastanchor._table import Table
from fastanchor._types import FloatArray, Result, picture
from fastanchor._weights import number
from fastanchor.evaluate import SIZES
from fastanchor.matching._count import OFFSETS, Anchors, Counts
from fastanchor.matching._recall import Recall, Seen, recalls
from fastanchor.matching._rules import MatchRule

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
    measure : {"IoU", "ratio of sides", "IoU of sides"}
        By what the detector compares boxes and anchors; an IoU of sides is that of equal centres.
    known : bool
        Whether the places of the boxes are known; else the numbers are means over 8 places of each box on the grids,
        alone in its image.
    boxes : int
        Boxes looked at, as often as they count; float where weights are not whole.
    matched : float
        Share of the boxes with an anchor that matches: an IoU from the threshold of the detector on, or a ratio of
        sides within its limit. Other boxes have positives only if the detector forces some. Where a detector has no
        threshold and takes the best anchor, every box matches.
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
        The best IoU of each box with an anchor at its place, or the best ratio or IoU of their sides.
    """

    detector: str
    rule: str
    measure: str
    known: bool
    boxes: float
    matched: float
    without: float
    per_box: float
    sizes: tuple[SizePositives, ...]
    levels: tuple[LevelPositives, ...]
    counts: NDArray[np.int32] | FloatArray = field(repr=False)
    best: NDArray[np.float32] = field(repr=False)
    _above: float = field(repr=False)
    _seen: Seen = field(repr=False)

    def recall(self, against: Positives | None = None, iou: Sequence[float] | None = None) -> tuple[Recall, ...]:
        """Return the share of boxes whose best IoU is at least `iou`, for all boxes and by class of size.

        Parameters
        ----------
        against : Positives, optional
            Those of other anchors on the same boxes, to compare with.
        iou : sequence of float, optional
            Thresholds. Default: 0.05, 0.1, ... 0.95.

        Raises
        ------
        DataError
            If `against` is for other boxes.

        Examples
        --------
        >>> import fastanchor
        >>> ours, others = (
        ...     fastanchor.positives([[30, 30], [60, 90]], "yolov5", [[[side, side]]]) for side in (40, 20)
        ... )
        >>> [(one.name, one.recall.tolist(), one.others.tolist()) for one in ours.recall(others, iou=[0.25, 0.5])]
        [('all', [1.0, 0.5], [0.5, 0.5]), ('small', [1.0, 1.0], [1.0, 1.0]), ('medium', [1.0, 0.0], [0.0, 0.0])]
        """
        bests = [self.best] if against is None else [self.best, against.best]
        if len({best.shape[1] for best in bests}) > 1:
            raise DataError(
                f"{called('against')}: is for {bests[1].shape[1]:,} boxes, expected the same {bests[0].shape[1]:,}"
            )
        given = np.arange(1, 20) / 20.0 if iou is None else np.asarray(iou, dtype=np.float64)
        return recalls(self._seen, bests, given)

    def gains(self, against: Positives) -> tuple[Recall, ...]:
        """Return `recall` at the threshold of the detector, compared with other anchors on the same boxes."""
        return self.recall(against, [self._above])

    def plot(
        self,
        against: Positives | None = None,
        title: str = "",
        name: str = "the others",
        columns: int | None = None,
    ) -> Any:
        """Return a matplotlib figure of `recall`, with the threshold of the detector.

        `title` is the name of the data set, above the panels, by default that of the detector; `name` is that of the
        anchors `against`. So many `columns` of panels are beside each other, by default all.
        """
        title = title or self.detector
        return picture("recall", self.recall(against), self._above, self.measure, title, name, columns)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain Python values, ready for JSON; without the arrays."""
        names = ("detector", "rule", "measure", "known", "boxes", "matched", "without", "per_box")
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
    rule: MatchRule,
    found: Counts,
    known: bool,
    images: Images | None,
) -> Positives:
    """Return the result for boxes (n, 2) with weights, and their images if they are known."""
    weight = np.ones(len(wh)) if column is None else np.asarray(column, dtype=np.float64)
    matches = found.best >= np.float32(rule.threshold)
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
        detector=detector,
        rule=rule.to_text(),
        measure=rule.measure,
        known=known,
        boxes=number(column, np.ones(len(wh), dtype=bool)),
        matched=matched,
        without=without,
        per_box=per_box,
        sizes=sizes,
        levels=levels,
        counts=found.positives,
        best=found.best,
        _above=rule.threshold,
        _seen=Seen(weight, group, images),
    )
