"""Sizes and ratios for a detector, from boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._images import images_of
from fastanchor._network import NetworkBoxes, Scalable, to_network_input
from fastanchor._small import MIN_SIZE, kept
from fastanchor._types import Computed, Fit, FloatArray, Result, Rng
from fastanchor._weights import amount, weight_of
from fastanchor.boxes import Boxes, image_scale
from fastanchor.detectors._detector import Content, Detector
from fastanchor.detectors._reading import rows_of
from fastanchor.detectors._search import best
from fastanchor.detectors._shapes import Form, Grid
from fastanchor.engine import Objective, choose, objective_of
from fastanchor.evaluate import AnchorCheck, ByImage, by_area, scored
from fastanchor.export import Input
from fastanchor.levels import Level
from fastanchor.metrics import mean_best_iou

__all__ = ["DetectorAnchors", "fitted", "resized"]

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
        ratios = _listed(self.ratios[:1] if same else self.ratios)
        return "\n".join([
            f"sizes     {_listed(self.sizes)}",
            f"ratios    {ratios} ({'height / width' if self.tall else 'width / height'})",
            f"{self.objective:<9} {self.score:.5f}, and with the detector's defaults {self.default_score:.5f}",
            f"fitness {found.fitness:.5f}   BPR {found.bpr:.5f}   mean IoU {found.mean_iou:.5f}",
        ])  # fmt: skip


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


def fitted(
    boxes: Scalable,
    name: str,
    detector: Detector,
    *,
    img_size: int | Sequence[int] | None = None,
    fit: Fit | None = None,
    sizes: int | Rows | None = None,
    ratios: int | Rows | None = None,
    own_ratios: bool = False,
    symmetric: bool = False,
    objective: str | Objective = "iou",
    thr: float = 0.25,
    min_size: float = MIN_SIZE,
    weights: ArrayLike | None = None,
    rng: Rng = 0,
) -> DetectorAnchors:
    """Return sizes and ratios for a detector; see :func:`fastanchor.anchors_for`."""
    thr = _check.threshold(thr)
    aim = objective_of(objective, thr)
    form = chosen(detector.form, sizes, ratios, own_ratios, symmetric)
    if isinstance(boxes, Boxes) and weights is not None:
        boxes, weights = replace(boxes, weights=np.asarray(weights)), None
    ready = resized(boxes, detector, img_size, fit, min_size)
    answers = choose(ready.boxes, weights=ready.weights if weights is None else weights)
    values = form.values(best(answers, form, aim, thr, _check.generator(rng)))
    parts = form.anchors(values)
    anchors = np.concatenate(parts)
    judge = aim.over(answers)
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
        score=judge.fitness(anchors, thr).fitness,
        default_score=judge.fitness(np.concatenate(detector.form.anchors(detector.default)), thr).fitness,
        boxes=amount(answers, weight_of(answers)),
        n_small=ready.n_small,
        n_filtered=ready.n_filtered,
        fit=ready.fit,
        img_size=ready.img_size,
        text=detector.text(Content(values, made_for, classes)),
        tall=not isinstance(form, Grid) or form.tall,
        _check=Computed(lambda: found),
    )


def chosen(form: Form, sizes: Any, ratios: Any, own_ratios: bool, symmetric: bool) -> Form:
    """Return the form with other numbers of sizes and ratios, or with fixed ones.

    Raises
    ------
    DataError
        If they are neither a number nor lists of numbers, or do not fit the levels.
    """
    if not isinstance(form, Grid):
        if sizes is not None or ratios is not None or own_ratios or symmetric:
            raise DataError("sizes, ratios: cannot be chosen for this detector")
        return form
    changes: dict[str, Any] = {"own_ratios": own_ratios, "symmetric": symmetric}
    for key, given in (("sizes", sizes), ("ratios", ratios)):
        if given is None:
            continue
        if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
            changes[key] = _check.integer(given, key, least=1, most=20)
            continue
        rows = rows_of(_check.listed(given) or given, key, levels=form.levels, each=key == "sizes")
        if len({len(row) for row in rows}) > 1:
            raise DataError(f"{key}: got {[len(row) for row in rows]} on the levels, expected the same number on each")
        changes |= {key: len(rows[0]), f"fixed_{key}": rows}
    if changes.get("fixed_sizes") and form.octaves:
        changes["octaves"] = False
    if changes.get("fixed_ratios") and (own_ratios or symmetric):
        raise DataError("ratios: are given, so they can be neither symmetric nor found for each level")
    return replace(form, **changes)


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
