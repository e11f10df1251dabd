"""Counts and mean sizes of boxes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from fastanchor._types import FloatArray, Summary

if TYPE_CHECKING:
    from fastanchor.boxes._boxes import Boxes

__all__ = ["summary_of"]

OVERSIZE = 1.01  # times the side of the image; less comes from rounding


def summary_of(boxes: Boxes) -> Summary:
    """Return counts and mean sizes."""
    area = boxes.wh[:, 0] * boxes.wh[:, 1]
    per_class: Counter[str] = Counter()
    if boxes.class_index is not None:
        counts = np.bincount(boxes.class_index, minlength=len(boxes.class_names))
        for name, count in zip(boxes.class_names, counts.tolist(), strict=True):
            per_class[name] += count
    return Summary(
        images=boxes.n_images,
        boxes=len(boxes),
        mean_image=_mean_pair(np.empty((0, 2)) if boxes.image_wh is None else boxes.image_wh),
        mean_box=_mean_pair(boxes.wh),
        smallest_area=float(area.min()) if len(boxes) else float("nan"),
        largest_area=float(area.max()) if len(boxes) else float("nan"),
        relative=boxes.relative,
        exceeds_image=_exceeds_image(boxes),
        per_class=dict(per_class),
        skipped=dict(boxes.skipped),
    )


def _exceeds_image(boxes: Boxes) -> int:
    if boxes.image_wh is None or boxes.image_index is None:
        return 0
    beyond = np.zeros(len(boxes), dtype=bool)
    for axis in (0, 1):
        beyond |= boxes.wh[:, axis] > OVERSIZE * boxes.image_wh[boxes.image_index, axis]
    return int(np.count_nonzero(beyond))


def _mean_pair(values: FloatArray) -> tuple[float, float]:
    if not len(values):
        return float("nan"), float("nan")
    return float(values[:, 0].mean()), float(values[:, 1].mean())
