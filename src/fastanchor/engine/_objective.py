"""Objectives: what a search maximises, a value from 0 to 1 per box, averaged over the boxes.

**An objective** is an object of a class derived from `Objective`, whose docstring states the contract. Every engine
adds up its values as whole numbers (``Engine.worth``), so all of them take the same decisions.

Such an objective is computed for every box. An index has bounds over blocks of boxes for the ratio fitness and for the
best IoU. An objective whose values are that IoU, or 1 where it is above a threshold, sets `counted` and `bounded`; then
boxes are compared only for the few mutants that the bounds do not rule out. ``Ratio.over`` returns the engine itself,
which computes the ratio fitness. To select an objective by name, add it to ``objective_of`` and ``LEGAL``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple, Protocol

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._hints import called, hint
from fastanchor._types import Fitness, FloatArray
from fastanchor.engine._protocol import Engine, Scored

__all__ = ["Best", "Counted", "Judge", "Objective", "Ratio", "objective_of", "valued"]

AT_ONCE = 4  # mutants bounded at once: one in twenty is fitter, and those after it are computed again
LEGAL = (
    "'ratio', 'recall', 'iou', 'placed' (for sizes and ratios), 'iou>0.5' or 'iou-recall@0.5', with any threshold "
    "from 0 to 1"
)
SAME = {"bpr": "recall", "fitness": "ratio"}  # what the scores are called elsewhere


class Judge(Scored, Protocol):
    """The questions of the search and of the choice of a start; an engine answers them by the ratio fitness."""

    def total(self, anchors: FloatArray, thr: float) -> int:
        """Return the exact sum of the values, in whole numbers."""


class Counted(NamedTuple):
    """A value that engines have bounds for: the best IoU, or 1 if `once`, where that is above a threshold."""

    above: float
    once: bool


class Objective:
    """What the genetic search maximises: the mean over the boxes of a value from 0 to 1.

    Derive from it, with a `name` and a method ``values(w, h, kw, kh, kernels)``, and pass an object of the class as
    `objective`. `values` gets the widths and heights of some boxes, `w` and `h`, (n,) float64, and those of the
    anchors, `kw` and `kh`, (k,), in pixels of the network input. It returns the value of each box, (n,) float64 from 0
    to 1. A value may depend only on its box and the anchors: boxes come in chunks, in any order, in several threads.

    `kernels` has the arithmetic of the backend: ``kernels.best_iou(w, h, kw, kh, out)`` writes each box's best IoU with
    an anchor into `out`, (n,) float64, and ``kernels.best_ratio`` its best ratio.

    Examples
    --------
    >>> import fastanchor
    >>> class Wide(fastanchor.Objective):
    ...     name = "wide"
    ...     def values(self, w, h, kw, kh, kernels):
    ...         best = np.empty(w.size)
    ...         kernels.best_iou(w, h, kw, kh, best)
    ...         return best * (w > h)
    >>> boxes = [[20.0, 10], [30, 12], [9, 40]]
    >>> found = fastanchor.evolve(boxes, [[20.0, 20]], objective=Wide(), gen=50, rng=0)
    >>> bool(found.anchors[0, 0] > found.anchors[0, 1])
    True
    """

    name = "objective"
    bounded = False  # whether engines have bounds for its values over blocks of boxes
    counted: Counted | None = None  # the values that have bounds, unless its judge has bounds itself

    def values(self, w: FloatArray, h: FloatArray, kw: FloatArray, kh: FloatArray, kernels: ModuleType) -> FloatArray:
        """Return the value of each box with these anchors, (n,) float64 from 0 to 1."""
        raise NotImplementedError(f"{type(self).__name__}: expected a method values(w, h, kw, kh, kernels)")

    def over(self, answers: Engine) -> Judge:
        """Return the object that scores anchors by this objective, for the boxes of an engine."""
        return _Worth(answers, self)


class Best(Objective):
    """The best match of each box, or 1 for it, where it is above a threshold.

    Parameters
    ----------
    name : str
    kernel : {"best_ratio", "best_iou"}
    above : float, optional
        Threshold that the match must exceed. Default: no threshold.
    count : bool, default False
        Whether every match above the threshold counts 1.
    """

    def __init__(self, name: str, kernel: str, above: float | None = None, count: bool = False) -> None:
        self.name, self._kernel, self._above, self._count = name, kernel, above, count
        if kernel == "best_iou":
            self.bounded, self.counted = True, Counted(-1.0 if above is None else above, count)

    def values(self, w: FloatArray, h: FloatArray, kw: FloatArray, kh: FloatArray, kernels: ModuleType) -> FloatArray:
        """Return the best match of each box, 0 if it is not above the threshold."""
        best = np.empty(w.size)
        getattr(kernels, self._kernel)(w, h, kw, kh, best)
        if self._above is not None:
            good = best > self._above
            best = good.astype(np.float64) if self._count else best * good
        return best

    @property
    def shape(self) -> tuple[str, float, bool]:
        """The kernel of the match, what a match must exceed to count, and whether it counts 1."""
        return self._kernel, -1.0 if self._above is None else self._above, self._count


class Ratio(Best):
    """The ratio fitness. Engines compute it themselves, by bounds if they have them."""

    bounded = True

    def __init__(self, thr: float) -> None:
        super().__init__("ratio", "best_ratio", thr)

    def over(self, answers: Engine) -> Judge:
        """Return the engine."""
        return answers


class _Worth:
    """Scores anchors by the exact mean of any objective; an engine's bounds avoid the sums of most mutants."""

    def __init__(self, answers: Engine, objective: Objective) -> None:
        self._answers, self._objective = answers, objective
        self._best: tuple[FloatArray, int] | None = None  # the fittest so far, and their total

    def fitness(self, anchors: FloatArray, thr: float) -> Fitness:
        """Return the mean value, and the best possible recall by ratio."""
        return Fitness(self._answers.worth(anchors, self._objective).mean, self._answers.fitness(anchors, thr).bpr)

    def total(self, anchors: FloatArray, thr: float) -> int:
        """Return the exact sum of the values."""
        if self._best is None or not np.array_equal(anchors, self._best[0]):
            self._best = anchors, self._answers.worth(anchors, self._objective).total
        return self._best[1]

    def first_fitter(
        self, mutants: Sequence[FloatArray], thr: float, than: float, of: FloatArray | None = None
    ) -> tuple[int, float] | None:
        """Return the first of these anchors with a larger sum than those `of`, and its mean; see ``Scored``."""
        limit = None if of is None else self.total(of, thr)
        for start in range(0, len(mutants), AT_ONCE):
            some = mutants[start : start + AT_ONCE]
            places = range(len(some)) if limit is None else self._answers.hopeful(some, self._objective, limit)
            for i in places:
                found = self._answers.worth(some[i], self._objective)
                if found.mean > than if limit is None else found.total > limit:
                    self._best = some[i], found.total
                    return start + i, found.mean
        return None


def valued(
    objective: Objective, w: FloatArray, h: FloatArray, kw: FloatArray, kh: FloatArray, kernels: ModuleType
) -> FloatArray:
    """Return an objective's values of these boxes, (n,) float64.

    Raises
    ------
    DataError
        If there is not one value per box, or one is not from 0 to 1.
    """
    values = np.asarray(objective.values(w, h, kw, kh, kernels), dtype=np.float64, order="C")
    rule = f"{called('objective')} {objective.name!r}: must return a value from 0 to 1 for each box"
    if values.shape != w.shape:
        raise DataError(f"{rule}; got an array of shape {values.shape} for {w.size:,} boxes")
    if w.size and not (values.min() >= 0.0 and values.max() <= 1.0):
        at = int(np.flatnonzero(~((values >= 0.0) & (values <= 1.0)))[0])
        raise DataError(f"{rule}; got {values[at]:g} for a box of {w[at]:g} x {h[at]:g}")
    return values


def objective_of(objective: str | Objective, thr: float) -> Objective:
    """Return the objective with this name, or `objective` itself; `thr` is the threshold of "ratio" and "recall".

    Raises
    ------
    DataError
        If no objective has this name.
    """
    if isinstance(objective, Objective):
        kind = type(objective)
        if kind.values is Objective.values and kind.over is Objective.over:
            name = f"{called('objective')} {_check.short(objective.name)}"
            raise WrongTypeError(f"{name}: has no method values(w, h, kw, kh, kernels); see fastanchor.Objective")
        return objective
    rule = f"{called('objective')} = {_check.short(objective)}: must be {LEGAL}{hint('objective')}"
    if not isinstance(objective, str):
        raise WrongTypeError(rule)
    if objective == "ratio":
        return Ratio(thr)
    if objective == "recall":
        return Best("recall", "best_ratio", thr, count=True)
    if objective == "iou":
        return Best("iou", "best_iou")
    found = re.fullmatch(r"(iou>|iou-recall@)(0|1|0?\.\d+|1\.0+)", objective, re.ASCII)
    if found is None:
        meant = SAME.get(objective.lower())
        raise DataError(f"{rule}; did you mean {meant!r}?" if meant else rule)
    return Best(objective, "best_iou", float(found[2]), count=found[1] == "iou-recall@")
