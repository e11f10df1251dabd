"""How well given anchors fit a data set, in detail: per anchor and per size of box."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._images import NEEDED, Images
from fastanchor._intervals import RESAMPLES, Intervals, differences, image_sums, intervals
from fastanchor._network import Scalable, to_network_input
from fastanchor._small import EVERY
from fastanchor._table import Table
from fastanchor._text import many
from fastanchor._types import Computed, Fit, Fitness, FloatArray, IntArray, Result, Sizes, picture
from fastanchor._weights import amount, weight_of
from fastanchor.engine import Engine, choose
from fastanchor.engine._threads import each, thread_count
from fastanchor.kernels import Work
from fastanchor.metrics import as_anchors, mean_best_iou

__all__ = ["SIZES", "AnchorCheck", "ByImage", "SizeClass", "best_anchor", "by_area", "check", "scored"]

Sure = tuple[Intervals | None, Intervals | None]  # of the scores, and of how far they exceed those of other anchors

# COCO's small, medium and large: areas below these, square pixels
SIZES = (("small", 32.0**2), ("medium", 96.0**2), ("large", np.inf))


class SizeClass(NamedTuple):
    """Boxes of one class of size, by area in square pixels of the network input.

    `fitness`, `bpr` and `mean_iou` are None for a class without boxes.
    """

    name: str
    boxes: int
    fitness: float | None
    bpr: float | None
    mean_iou: float | None


@dataclass(frozen=True, eq=False, repr=False)
class AnchorCheck(Result):
    """The result of :func:`fastanchor.check`. Sizes are pixels of the network input; the arrays are read-only.

    `intervals` and `difference` of the anchors of :func:`auto_anchor` are computed when first used, then kept.

    Attributes
    ----------
    anchors : (k, 2) float64
        By area, smallest first.
    fitness, bpr : float
        Ratio fitness and best possible recall, as :func:`fastanchor.anchor_fitness` defines them.
    mean_iou : float
        Mean over the boxes of the IoU with the best anchor.
    past_thr : float
        Matches per box: anchors whose ratio with the box exceeds the threshold, mean over the boxes.
    mean_ratio, mean_best : float
        Mean over boxes and anchors of the ratio, and over the boxes of the best ratio.
    counts : (k,) int64
        Boxes for which each anchor is the best by ratio, ties to the lowest.
    sizes : tuple of SizeClass
        COCO's small (area < 32 x 32), medium (< 96 x 96) and large boxes.
    boxes : int
        Boxes scored, as often as they count; this and `counts` are float where weights are not whole.
    thr : float
        The threshold.
    intervals : Intervals or None
        95 % confidence intervals of fitness, recall and mean IoU, by drawing images; None where it is not known which
        boxes belong to the same image.
    difference : Intervals or None
        How far the scores exceed those of the anchors `against`, with intervals on the same resamples.
    """

    anchors: FloatArray
    fitness: float
    bpr: float
    mean_iou: float
    past_thr: float
    mean_ratio: float
    mean_best: float
    counts: IntArray
    sizes: tuple[SizeClass, ...]
    boxes: int
    thr: float
    _sure: Computed[Sure] = field(repr=False)

    @property
    def intervals(self) -> Intervals | None:
        """95 % confidence intervals of the scores; None where it is not known which boxes belong to the same image."""
        return self._sure()[0]

    @property
    def difference(self) -> Intervals | None:
        """How far the scores exceed those of the anchors `against`, with intervals; None without such."""
        return self._sure()[1]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain Python values, ready for JSON."""
        values = {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(self).items()
            if name[0] != "_"
        }
        drawn = {name: (one := getattr(self, name)) and one.to_dict() for name in ("intervals", "difference")}
        return {**values, **drawn, "sizes": [size._asdict() for size in self.sizes]}

    def plot(self, boxes: Sizes) -> Any:
        """Return a matplotlib figure of the anchors and `boxes`, (n, 2) in pixels of the network input."""
        return picture("anchors", self, _check.as_sizes(boxes, "boxes"))

    def to_text(self) -> str:
        """Return the scores as text: over all boxes, by size of box, by anchor."""
        ends = [""] * 3
        if self.intervals is not None:
            ends = [f"   {low:.5f} to {high:.5f}" for _, low, high in self.intervals[:3]]
        lines = [
            f"fitness   {self.fitness:.5f}{ends[0]}",
            f"BPR       {self.bpr:.5f}{ends[1]}   boxes with an anchor above thr = {self.thr:g}",
            f"matches   {self.past_thr:.2f} anchors per box above thr",
            f"mean IoU  {self.mean_iou:.5f}{ends[2]}",
            f"ratio     {self.mean_ratio:.3f} over all anchors, {self.mean_best:.3f} with the best",
        ]
        if self.intervals is None:
            lines.append(f"interval  none: it {NEEDED}")
        else:
            lines.append(f"interval  95 %, from {RESAMPLES:,} resamples of the {many(self.intervals.images, 'image')}")
        sizes = [
            (name, f"{round(count):,}", f"{count / self.boxes:.1%}",
             *("-" if score is None else f"{score:.5f}" for score in scores))
            for name, count, *scores in self.sizes
        ]  # fmt: skip
        anchors = [
            (f"{w:>7.4g} x {h:<7.4g}", f"{round(count):,}", f"{count / self.boxes:.1%}")
            for (w, h), count in zip(self.anchors.tolist(), self.counts.tolist(), strict=True)
        ]
        # the least width of a column is that of its header
        head = ("size", "    boxes", " share", "fitness", "    BPR", "mean IoU")
        tables = (Table(head, sizes), Table(("anchor", *head[1:3]), anchors))
        return "\n\n".join(["\n".join(lines), *(table.text() for table in tables)])


def check(
    boxes: Scalable,
    anchors: Sizes,
    *,
    thr: float = 0.25,
    img_size: int | Sequence[int] = 640,
    fit: Fit = "letterbox",
    min_size: float = EVERY,
    weights: ArrayLike | None = None,
    against: Sizes | None = None,
    jitter: Sequence[float] | None = None,
) -> AnchorCheck:
    """Return how well anchors fit boxes: fitness, recall, IoU, and the boxes per anchor and per size.

    Where it is known which boxes belong to the same image, the result has confidence intervals; see :class:`Intervals`.

    Parameters
    ----------
    boxes : Boxes, BoxIndex or (n, 2) array-like
        A ``Boxes`` with image sizes is scaled to `img_size`; everything else counts as pixels of the network input.
    anchors : (k, 2) array-like
        Widths and heights in pixels of the network input.
    thr : float, default 0.25
        A ratio from 0 to 1 (YOLOv5's ``anchor_t`` of 4 is 0.25 here).
    img_size : int or (width, height), default 640
        The network input, pixels.
    fit : {"letterbox", "stretch", "shortest"}
        How images are brought to `img_size`; see :meth:`Boxes.scaled`.
    min_size : float, default 0
        Boxes without a side of at least this many pixels of the network input are left out. The default keeps all,
        because a trainer scores every label; ``auto_anchor`` and ``sweep``, which choose anchors, have 2. An index with
        such boxes raises.
    weights : (n,) array-like, optional
        How often each box counts, in the numbers of boxes too; see :func:`kmeans`.
    against : (k, 2) array-like, optional
        Other anchors, to compare with. Needs a ``Boxes`` that knows the image of each box.
    jitter : (low, high), optional
        How training rescales images at random, as (0.5, 1.5) for YOLOv5's ``scale: 0.5``. Each box then counts at 8
        evenly spaced scales in this range, an eighth at each, cut off at the network input if `img_size` is applied;
        this takes 8 times the memory. Default: no rescaling. An index cannot be rescaled.

    Raises
    ------
    DataError
        If an argument breaks a rule, no box is left, or the images are unknown and needed.

    Examples
    --------
    >>> found = check([[10, 20], [12, 11], [48, 66], [300, 300]], [[10, 10], [50, 60]])
    >>> found.bpr, found.past_thr, found.counts.tolist()
    (0.75, 0.75, [2, 2])
    >>> [(size.name, size.boxes, size.bpr) for size in found.sizes]
    [('small', 2, 1.0), ('medium', 1, 1.0), ('large', 1, 0.0)]

    Anchors compared with others, on images of the built-in sample:

    >>> from fastanchor.datasets import sample
    >>> found = check(sample(), [[20, 30], [60, 90], [200, 250]], against=[[20, 20], [60, 60], [200, 200]])
    >>> [round(number, 3) for number in found.difference.fitness]
    [-0.008, -0.01, -0.006]
    """
    thr = _check.threshold(thr)
    ready = to_network_input(boxes, img_size, fit, min_size, weights, jitter)
    engine = choose(ready.boxes, weights=ready.weights, work=Work(looks=3))
    sizes = by_area(as_anchors(anchors, len(engine)))
    others = None if against is None else by_area(as_anchors(against, len(engine), "against"))
    if others is not None and ready.images is None:
        raise DataError(f"{called('against')}: the comparison {NEEDED}")
    by_image = ready.images and ByImage(ready.images, ready.array, others)
    found = scored(engine, sizes, thr, engine.fitness(sizes, thr), mean_best_iou(engine, sizes), by_image)
    found._sure()  # now, so that the result does not keep the boxes
    return found


def by_area(anchors: FloatArray) -> FloatArray:
    """Return the anchors by area, smallest first; equal areas keep their order."""
    return anchors[np.argsort(anchors[:, 0] * anchors[:, 1], kind="stable")]


class ByImage(NamedTuple):
    """What intervals need: the image of each box, the boxes if at hand, and other anchors to compare with."""

    images: Images
    wh: FloatArray | None = None
    against: FloatArray | None = None

    def compared(self, engine: Engine, anchors: FloatArray, thr: float) -> Sure:
        """Return the intervals of the scores of anchors, and of how far they exceed those of the others."""
        sets = [anchors] if self.against is None else [anchors, self.against]
        sums = [image_sums(engine, one, thr, self.images, self.wh) for one in sets]
        (found, *_), scores = intervals(sums, self.images.number)
        return found, None if self.against is None else differences(sums, scores, self.images.number)


def scored(
    engine: Engine,
    anchors: FloatArray,
    thr: float,
    score: Fitness,
    mean_iou: float,
    by_image: ByImage | None,
) -> AnchorCheck:
    """Return what :func:`check` does, for anchors by area whose fitness and mean IoU are known."""
    sure = (lambda: (None, None)) if by_image is None else (lambda: by_image.compared(engine, anchors, thr))
    n, k = weight_of(engine), len(anchors)
    sums = engine.profile(anchors, thr, [limit for _, limit in SIZES[:-1]])
    classes = tuple(
        SizeClass(name, amount(engine, int(count)), fit_sum / count, above / count, iou_sum / count)
        if count
        else SizeClass(name, 0, None, None, None)
        for (name, _), (count, above, fit_sum, iou_sum) in zip(SIZES, sums.table.tolist(), strict=True)
    )
    return AnchorCheck(
        anchors=anchors,
        fitness=score.fitness,
        bpr=score.bpr,
        mean_iou=mean_iou,
        past_thr=sums.past / n,
        mean_ratio=sums.ratio / (n * k),
        mean_best=sums.best / n,
        counts=amount(engine, sums.counts),
        sizes=classes,
        boxes=amount(engine, n),
        thr=thr,
        _sure=Computed(sure),
    )


def best_anchor(boxes: FloatArray, anchors: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the best anchor of each box by ratio, (n,), and that ratio, (n,); ties to the lowest.

    Parameters
    ----------
    boxes, anchors : (n, 2) and (k, 2) float64
        In the same unit.

    Examples
    --------
    >>> import numpy as np
    >>> best_anchor(np.array([[10.0, 20.0]]), np.array([[5.0, 5.0], [10.0, 10.0]]))
    (array([1]), array([0.5]))
    """
    labels, best = np.empty(len(boxes), np.int64), np.empty(len(boxes))

    def work(chunks: list[slice]) -> list[None]:
        for part in chunks:
            ratio = _ratios(boxes[part], anchors)
            labels[part], best[part] = ratio.argmax(axis=1), ratio.max(axis=1)
        return []

    each(work, len(boxes), thread_count(None))
    return labels, best


def _ratios(wh: FloatArray, anchors: FloatArray) -> FloatArray:
    """Return the ratio of every box with every anchor, (n, k)."""
    out = np.ones((len(wh), len(anchors)))
    for axis in (0, 1):
        quotient = wh[:, axis, None] / anchors[:, axis]
        np.minimum(out, quotient, out=out)
        np.minimum(out, anchors[:, axis] / wh[:, axis, None], out=out)
    return out
