"""How sure scores are: confidence intervals by drawing images again, the bootstrap.

Boxes of one image resemble each other, so images are what is drawn, with their boxes. A score is a ratio of two sums
over images, so a resample needs the sums of each image alone, and no box again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from fastanchor import kernels
from fastanchor._images import Images
from fastanchor._types import FloatArray, IntArray
from fastanchor._weights import weights_of
from fastanchor.engine import Engine
from fastanchor.engine._threads import each, thread_count

__all__ = [
    "RESAMPLES",
    "Enough",
    "Interval",
    "Intervals",
    "differences",
    "enough",
    "image_sums",
    "intervals",
    "resampled",
]

RESAMPLES, SEED = 1000, 0
TAILS = (0.025, 0.975)
GROUPS = 1 << 16  # from more images than this on, groups of images are drawn
AT_ONCE = 16  # resamples
PIECE = 1 << 23  # boxes taken from an engine at once: an index looks through all of its boxes each time


class Interval(NamedTuple):
    """A score, or a difference of two, with its 95 % confidence interval.

    Attributes
    ----------
    value, low, high : float
        That of the boxes as they are, and the ends of the interval.
    """

    value: float
    low: float
    high: float


class Intervals(NamedTuple):
    """The 95 % confidence intervals of scores, or of their differences.

    They come from 1,000 resamples, drawn with a fixed seed: as many images as there are, with repetition, each with all
    its boxes. An interval runs from the 2.5th to the 97.5th percentile of the scores of the resamples. Images without
    boxes are drawn like the others, and so are images whose boxes are all left out as too small. A resample without any
    box has no score and is not counted. Of more than 65,536 images, 65,536 groups are drawn: image i belongs to group
    ``i % 65536``. With few images, say fewer than 30, such intervals are too narrow.

    Attributes
    ----------
    fitness, bpr, mean_iou : Interval
        See :func:`fastanchor.anchor_fitness` and :func:`fastanchor.mean_iou`.
    images : int
        Images drawn from.
    """

    fitness: Interval
    bpr: Interval
    mean_iou: Interval
    images: int

    def to_dict(self) -> dict[str, Any]:
        """Return the intervals as plain Python values, ready for JSON."""
        return {name: one._asdict() if isinstance(one, Interval) else one for name, one in self._asdict().items()}


class Enough(NamedTuple):
    """The smallest numbers of anchors that are not worse than the best one beyond noise, by score.

    That is, the 95 % confidence interval of how far the best is ahead, on the same resamples, reaches 0.

    Attributes
    ----------
    fitness, bpr, mean_iou : int
    """

    fitness: int
    bpr: int
    mean_iou: int


def image_sums(
    answers: Engine, anchors: FloatArray, thr: float, images: Images, wh: FloatArray | None = None
) -> FloatArray:
    """Return sums over the boxes of each image or group of images, (g, 4); `wh` are the boxes, if they are at hand.

    The columns are the weight, that of the boxes with a best ratio above `thr`, and the weighted sums of these ratios
    and of the best IoUs, in the order weight, fitness, recall, IoU.
    """
    groups = min(images.number, GROUPS)
    backend = answers.backend if answers.backend in kernels.LEGAL else None
    kernel = kernels.load(backend, kernels.ONCE, len(answers))
    weights = weights_of(answers)
    kw, kh = np.ascontiguousarray(anchors.T)
    threads = thread_count(getattr(answers, "threads", None))
    total = np.zeros((4, groups))
    for first in range(0, len(answers), PIECE):
        last = min(first + PIECE, len(answers))
        boxes = answers.take(np.arange(first, last)) if wh is None else wh[first:last]
        group = images.of_box[first:last] % groups
        each_of = None if weights is None else weights.each[first:last]
        total += sum(each(_Sums(kernel, kw, kh, thr, boxes, group, each_of, groups).of, last - first, threads))
    return total.T


class _Sums(NamedTuple):
    """The sums over the boxes of each group, for some of the boxes."""

    kernel: Any
    kw: FloatArray
    kh: FloatArray
    thr: float
    boxes: FloatArray
    group: IntArray
    weights: IntArray | None
    groups: int

    def of(self, chunks: list[slice]) -> list[FloatArray]:
        """Return the sums over some chunks of boxes, (4, groups)."""
        sums = np.zeros((4, self.groups))
        for c in chunks:
            w, h = np.ascontiguousarray(self.boxes[c].T)
            ratio, iou = np.empty(w.size), np.empty(w.size)
            self.kernel.best_ratio(w, h, self.kw, self.kh, ratio)
            self.kernel.best_iou(w, h, self.kw, self.kh, iou)
            above = ratio > self.thr
            for column, values in zip(sums, (np.ones(w.size), ratio * above, above, iou), strict=True):
                counted = values if self.weights is None else values * self.weights[c]
                column += np.bincount(self.group[c], counted, self.groups)
        return [sums]


def drawn(groups: int) -> Iterator[IntArray]:
    """Yield how often each group is in each resample, (some, groups), for several resamples at a time."""
    rng = np.random.default_rng(SEED)
    for start in range(0, RESAMPLES, AT_ONCE):
        some = min(AT_ONCE, RESAMPLES - start)
        yield np.stack([np.bincount(rng.integers(0, groups, groups), minlength=groups) for _ in range(some)])


def resampled(sums: Sequence[FloatArray]) -> FloatArray:
    """Return the scores of each resample, (sets, resamples, c), for the sums (g, 1 + c) of several sets of anchors.

    All sets are scored on the same resamples, so that they can be compared. The first column are weights; a score is
    the sum of another column divided by theirs, for `image_sums` the fitness, the recall and the mean IoU.
    """
    table = np.ascontiguousarray(np.concatenate([sums[0][:, :1], *(one[:, 1:] for one in sums)], axis=1).T)
    # einsum and not a product of matrices, which would start threads that wait busily
    totals = np.concatenate([np.einsum("rg,cg->rc", many.astype(np.float64), table) for many in drawn(len(sums[0]))])
    totals = totals[totals[:, 0] > 0.0]
    scores: FloatArray = totals[:, 1:] / totals[:, :1]
    return scores.reshape(len(scores), len(sums), -1).swapaxes(0, 1)


def intervals(sums: Sequence[FloatArray], images: int) -> tuple[list[Intervals], FloatArray]:
    """Return the intervals of several sets of anchors, and the scores that they come from, as in `resampled`."""
    scores = resampled(sums)
    return [_intervals(_scores(own), many, images) for own, many in zip(sums, scores, strict=True)], scores


def differences(sums: Sequence[FloatArray], scores: FloatArray, images: int) -> Intervals:
    """Return the intervals of how far the scores of the first of two sets of anchors exceed those of the second."""
    return _intervals(_scores(sums[0]) - _scores(sums[1]), scores[0] - scores[1], images)


def enough(numbers: Sequence[int], sums: Sequence[FloatArray], scores: FloatArray) -> Enough:
    """Return the smallest of some rising numbers of anchors that are good enough, given their sums and `resampled`."""
    values = np.stack([_scores(one) for one in sums])
    found = []
    for column in range(3):
        ahead = scores[values[:, column].argmax(), :, column] - scores[:, :, column]
        low = np.quantile(ahead, TAILS[0], axis=1)
        found.append(int(numbers[int(np.flatnonzero(low <= 0.0)[0])]))
    return Enough(*found)


def _scores(sums: FloatArray) -> FloatArray:
    total = sums.sum(axis=0)
    scores: FloatArray = total[1:] / total[0]
    return scores


def _intervals(values: FloatArray, scores: FloatArray, images: int) -> Intervals:
    ends = np.quantile(scores, TAILS, axis=0)
    fitness, bpr, mean_iou = (Interval(*map(float, one)) for one in zip(values, *ends, strict=True))
    return Intervals(fitness, bpr, mean_iou, images)
