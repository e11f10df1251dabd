"""Sizes and ratios for a detector, from boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check
from fastanchor._images import images_of
from fastanchor._network import NetworkBoxes, Scalable, to_network_input
from fastanchor._small import MIN_SIZE, kept
from fastanchor._types import Computed, Fit, FloatArray, Progress, Result, Rng
from fastanchor._weights import amount, weight_of
from fastanchor.boxes import Boxes, image_scale
from fastanchor.detectors._detector import Content, Detector
from fastanchor.detectors._judge import PLACED, aim_of
from fastanchor.detectors._list import GRIDS, checked
from fastanchor.detectors._reading import with_area
from fastanchor.detectors._search import best
from fastanchor.engine import Objective, choose
from fastanchor.evaluate import AnchorCheck, ByImage, by_area, scored
from fastanchor.export import Input
from fastanchor.levels import Level
from fastanchor.metrics import mean_best_iou

__all__ = ["DetectorAnchors", "anchors_for", "detector_of", "resized"]

Rows = Sequence[Sequence[float]] | Sequence[float]


@dataclass(frozen=True, eq=False, repr=False)
class DetectorAnchors(Result):
    """Result of :func:`fastanchor.anchors_for`. Sizes are pixels of the network input; the arrays are read-only.

    Attributes
    ----------
    detector : str
        Its name, as ``fastanchor detectors`` lists it.
    sizes, ratios : tuple of tuple of float
        Of each level, as they are in the text. What a ratio is depends on the detector: height / width or the reverse.
    anchors : (k, 2) float64
        The anchors that the detector makes of them, level by level, in its order.
    levels : tuple of Level
        The same by level, with the share of the boxes whose best anchor is there.
    objective : str
        What was maximised.
    score, default_score : float
        Its mean over the boxes, and that of the detector's default anchors.
    boxes, n_small, n_filtered : int
        As in ``AnchorResult``.
    fit, img_size
        How images were resized; None if the boxes counted as pixels of the network input already.
    text : str
        The text for the detector's configuration.
    """

    detector: str
    sizes: tuple[tuple[float, ...], ...]
    ratios: tuple[tuple[float, ...], ...]
    anchors: FloatArray
    levels: tuple[Level, ...]
    objective: str
    score: float
    default_score: float
    boxes: int
    n_small: int
    n_filtered: int
    fit: Fit | None
    img_size: tuple[int, int] | None
    text: str
    tall: bool
    _check: Computed[AnchorCheck] = field(repr=False)

    @property
    def check(self) -> AnchorCheck:
        """Detailed scores of the anchors on the boxes used, as :func:`fastanchor.check` returns them."""
        return self._check()

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain Python values, ready for JSON."""
        names = ("detector", "objective", "score", "default_score", "boxes", "n_small", "n_filtered", "fit")
        return {
            **{name: getattr(self, name) for name in names},
            "img_size": None if self.img_size is None else list(self.img_size),
            "sizes": [list(row) for row in self.sizes],
            "ratios": [list(row) for row in self.ratios],
            "anchors": self.anchors.tolist(),
            "fitness": self.check.fitness,
            "bpr": self.check.bpr,
            "mean_iou": self.check.mean_iou,
            "text": self.text,
        }

    def to_text(self) -> str:
        """Return the sizes, the ratios and their score as text."""
        found = self.check
        same = len(set(self.ratios)) == 1
        means = " (half the share that match, half the best IoU)" if self.objective == PLACED else ""
        ratios = _listed(self.ratios[:1] if same else self.ratios)
        return "\n".join([
            f"sizes     {_listed(self.sizes)}",
            f"ratios    {ratios} ({'height / width' if self.tall else 'width / height'})",
            f"{self.objective:<9} {self.score:.5f}, and with the detector's defaults {self.default_score:.5f}{means}",
            f"sides     mean IoU {found.mean_iou:.5f}, fitness {found.fitness:.5f}, BPR {found.bpr:.5f}, at any place",
        ])  # fmt: skip


def detector_of(name: str | Detector) -> Detector:
    """Return the detector of a name."""
    pairs = "takes any pairs (width, height); see auto_anchor"
    return name if isinstance(name, Detector) else GRIDS[checked(name, GRIDS, pairs)]


def resized(boxes: Scalable, detector: Detector, img_size: Any, fit: Fit | None, min_size: float) -> NetworkBoxes:
    """Return the boxes as the detector sees them, the sides of images rounded as it does."""
    how = detector.resize
    fit = fit or how.fit
    size = how.img_size if img_size is None else img_size
    if not isinstance(boxes, Boxes) or boxes.image_wh is None or boxes.image_index is None or how.side is None:
        return to_network_input(boxes, size, fit, min_size)
    image = boxes.image_wh
    scale = how.side(image * image_scale(image, size, fit)).clip(1.0) / image
    wh = boxes.wh * scale[boxes.image_index]
    ready = to_network_input(wh, size, fit, min_size, boxes.weights)
    images = images_of(boxes)
    return ready._replace(
        fit=fit,
        img_size=_check.side_pair(size, "img_size", square=True),
        images=images and images.part(kept(wh, min_size)),
    )


def anchors_for(
    boxes: Scalable,
    detector: str | Detector,
    *,
    img_size: int | Sequence[int] | None = None,
    fit: Fit | None = None,
    sizes: int | Rows | None = None,
    ratios: int | Rows | None = None,
    own_ratios: bool = False,
    symmetric: bool = False,
    most_strides: float | None = None,
    objective: str | Objective = PLACED,
    thr: float = 0.25,
    min_size: float = MIN_SIZE,
    weights: ArrayLike | None = None,
    rng: Rng = 0,
    progress: Progress = None,
) -> DetectorAnchors:
    """Return the sizes and ratios for a detector whose anchors are every size of a level with every ratio.

    Parameters
    ----------
    boxes : Boxes, BoxIndex or (n, 2) array-like
        A ``Boxes`` with image sizes is resized as the detector resizes images; everything else counts as pixels of the
        network input.
    detector : str or Detector
        A name such as "torchvision-fasterrcnn"; ``fastanchor detectors`` lists them.
    img_size : int or (int, int), optional
        The network input, pixels; for detectors that resize by the shorter side, the limits of the shorter and of the
        longer side. Default: the detector's.
    fit : {"letterbox", "stretch", "shortest"}, optional
        How images are resized. Default: as the detector does.
    sizes, ratios : int or sequence, optional
        How many of each level, or the values themselves, which then stay: a list for each level, or one list of ratios.
        Default: as many as the detector has.
    own_ratios : bool, default False
        Whether each level has ratios of its own.
    symmetric : bool, default False
        Whether ratios are r with 1 / r, and 1 if their number is odd.
    most_strides : float, optional
        Strides of its level that a size may have at most. Default: 16 for the objective "placed" if there are several
        levels, else no limit.
    objective : str or Objective, default "placed"
        What is maximised. "placed" is the share of the boxes that match plus their mean best IoU, half of each, with
        the anchors on the grids of their levels: a box matches from the detector's IoU on. It is a mean over 8 places
        of each box, and over cells of similar boxes where more than 16,384 sizes are different. Grids have
        the nominal strides and no borders. Others compare sides alone; see :func:`evolve`.
    thr : float, default 0.25
        Threshold of the ratio, from 0 to 1, for the objectives "ratio" and "recall" and for the scores.
    min_size : float, default 2
        Boxes without a side of at least this many pixels of the network input are left out.
    weights : (n,) array-like, optional
        How often each box counts.
    rng : int, numpy.random.Generator or None, default 0
        Of the random starts.
    progress : bool or callable, optional
        Whether to draw a progress bar on stderr, or what makes one, such as tqdm. Default: if stderr is a terminal.

    Raises
    ------
    DataError
        If an argument breaks a rule, no box is left, or the detector takes pairs (width, height).

    Notes
    -----
    The anchors are scored as the detector makes them, after its rounding: those of torchvision have even sides. If
    the detector's own values have the form asked for, the score is never below theirs, unless `most_strides` is given.

    Examples
    --------
    >>> from fastanchor.datasets import sample
    >>> found = anchors_for(sample(), "detectron2-rpn", ratios=[0.5, 1.0, 2.0])
    >>> len(found.sizes), found.ratios[0]
    (5, (0.5, 1.0, 2.0))
    >>> found.score > found.default_score
    True
    """
    name, detector = detector, detector_of(detector)
    name = name if isinstance(name, str) else detector.title
    thr = _check.threshold(thr)
    if most_strides is not None:
        most_strides = _check.number(most_strides, "most_strides", low=0.0, open_low=True)
    size = detector.input(img_size)
    form = detector.form_at(size).chosen(sizes, ratios, own_ratios, symmetric)
    detector.text(Content(form.some, None, None, size))  # raises if the library cannot have such values
    if isinstance(boxes, Boxes) and weights is not None:
        boxes, weights = replace(boxes, weights=np.asarray(weights)), None
    ready = resized(boxes, detector, img_size, fit, min_size)
    answers = choose(ready.boxes, weights=ready.weights if weights is None else weights)
    usual = detector.form_at(size).anchors(detector.default)
    aim = aim_of(objective, thr, answers, detector, form, most_strides)
    values = form.values(best(aim.judge, form, _check.generator(rng), aim.start, aim.most, progress))
    if most_strides is None and form == detector.form_at(size) and aim.score(usual) > aim.score(form.anchors(values)):
        values = detector.default
    parts = with_area(form.anchors(values))
    anchors = np.concatenate(parts)
    sorted_ = by_area(anchors)
    score = answers.fitness(sorted_, thr)
    by_image = ready.images and ByImage(ready.images, ready.array)
    found = scored(answers, sorted_, thr, score, mean_best_iou(answers, sorted_), by_image)
    made_for = None if ready.fit is None or ready.img_size is None else Input(ready.fit, ready.img_size)
    classes = len(boxes.class_names) or None if isinstance(boxes, Boxes) else None
    return DetectorAnchors(
        detector=name,
        sizes=values.sizes,
        ratios=values.ratios,
        anchors=anchors,
        levels=_levels(parts, detector.strides, found),
        objective=aim.name,
        score=aim.score(parts),
        default_score=aim.score(usual),
        boxes=amount(answers, weight_of(answers)),
        n_small=ready.n_small,
        n_filtered=ready.n_filtered,
        fit=ready.fit,
        img_size=ready.img_size,
        text=detector.text(Content(values, made_for, classes, size)),
        tall=form.tall,
        _check=Computed(lambda: found),
    )


def _levels(parts: Sequence[FloatArray], strides: Sequence[int], found: AnchorCheck) -> tuple[Level, ...]:
    anchors = np.concatenate(parts)
    place = np.argsort(anchors[:, 0] * anchors[:, 1], kind="stable")
    counts = np.empty(len(anchors))
    counts[place] = found.counts
    ends = np.cumsum([len(part) for part in parts])
    shares = np.add.reduceat(counts, np.r_[0, ends[:-1]]) / counts.sum()
    return tuple(
        Level(int(np.log2(stride)), stride, part, share)
        for stride, part, share in zip(strides, parts, shares.tolist(), strict=True)
    )


def _listed(rows: tuple[tuple[float, ...], ...]) -> str:
    return " | ".join(" ".join(f"{value:g}" for value in row) for row in rows)
