"""Recall against the IoU that a match takes, by class of size, with intervals over images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._images import Images
from fastanchor._intervals import TAILS, resampled
from fastanchor._types import FloatArray, IntArray
from fastanchor.evaluate import SIZES

__all__ = ["CLASSES", "Recall", "Seen", "recalls"]

CLASSES = ("all", *(name for name, _ in SIZES))
GROUPS = 1 << 12  # from more images than this on, groups of images are drawn


class Seen(NamedTuple):
    """The boxes of a result: weight (n,), class of size (n,), image of each box if known."""

    weight: FloatArray
    group: IntArray
    images: Images | None


class Recall(NamedTuple):
    """Share of boxes of a class of size whose best IoU is at least `iou`.

    Attributes
    ----------
    name : str
        "all", "small", "medium" or "large".
    iou, recall : (t,) float64
        Thresholds, and the share at each.
    others : (t,) float64 or None
        The share with the anchors that these are compared with.
    low, high : (t,) float64 or None
        The 95 % interval of ``recall - others``, from 1,000 resamples of the images; None where it is not known which
        boxes belong to the same image. Of more than 4,096 images, 4,096 groups are drawn.
    """

    name: str
    iou: FloatArray
    recall: FloatArray
    others: FloatArray | None = None
    low: FloatArray | None = None
    high: FloatArray | None = None


def recalls(seen: Seen, bests: Sequence[NDArray[np.float32]], iou: FloatArray) -> tuple[Recall, ...]:
    """Return the recall for the classes that have boxes, of one set of anchors or of two, given their best IoU."""
    images = seen.images
    groups = min(images.number, GROUPS) if images is not None else 1
    place = images.of_box % groups if images is not None else np.zeros(len(seen.weight), np.int64)
    cells = place * len(SIZES) + seen.group
    size = groups * len(SIZES)
    limits = iou.astype(np.float32)

    def table(best: NDArray[np.float32]) -> FloatArray:
        columns = [seen.weight, *(seen.weight * (best >= limit).mean(axis=0) for limit in limits)]
        sums = np.stack([np.bincount(cells, one, size) for one in columns], axis=1)
        return np.asarray(sums, dtype=np.float64).reshape(groups, len(SIZES), -1)

    tables = [table(best) for best in bests]
    found = []
    for at, name in enumerate(CLASSES):
        sums = [one.sum(axis=1) if at == 0 else one[:, at - 1] for one in tables]
        if not sums[0][:, 0].any():
            continue
        shares = [one.sum(axis=0)[1:] / one[:, 0].sum() for one in sums]
        if len(shares) == 1:
            found.append(Recall(name, iou, shares[0]))
            continue
        low = high = None
        if images is not None:
            scores = resampled(sums)
            low, high = np.quantile(scores[0] - scores[1], TAILS, axis=0)
        found.append(Recall(name, iou, shares[0], shares[1], low, high))
    return tuple(found)
