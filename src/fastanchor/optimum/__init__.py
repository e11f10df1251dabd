"""The best anchors, and a proof of how near to the best they are.

**A space** says which anchors are allowed (`Space`), **an objective** what is good (``fastanchor.Objective``), and **a
search** how to look (`Search`): by exchange, by small steps, or by mutation. The first two take any space, and any
objective whose value of a box is the largest over the anchors; `bound` takes the objectives that have a name.

Choosing k anchors for the largest mean best match is the k-median problem in the plane of log sizes. Boxes are points
of that plane. Many boxes are gathered into cells, so that the time hardly depends on their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check
from fastanchor._errors import BackendError, DataError
from fastanchor._hints import called
from fastanchor._limits import Limits
from fastanchor._network import Scalable, to_network_input
from fastanchor._small import MIN_SIZE
from fastanchor._types import Fit, FloatArray, Result, Rng, Sizes, picture
from fastanchor.engine import Objective, choose, objective_of
from fastanchor.optimum._plug import STARTS, Global, Problem, Recipe, Refine, Search, best_of, solved
from fastanchor.optimum._space import Space

if TYPE_CHECKING:
    from fastanchor.optimum._points import Points

NEAR = 0.01  # gap from which a limit is so far that it is as well to begin anew

__all__ = ["BoundResult", "Global", "Problem", "Recipe", "Refine", "Search", "Space", "bound", "solved"]


@dataclass(frozen=True, eq=False, repr=False)
class BoundResult(Result):
    """What :func:`fastanchor.bound` found. Sizes are pixels of the network input; the arrays are read-only.

    Attributes
    ----------
    bound : float
        No k anchors reach more than this: the mean over the boxes of the objective's value.
    score : float
        What `anchors` reach.
    gap : float
        ``(bound - score) / score``.
    anchors : (k, 2) float64
        By area, smallest first.
    objective : str
        Its name.
    wh : (m, 2) float64
        The distinct sizes, or the mean sizes of cells of similar boxes where `exact` is False.
    weights, prices : (m,) float64
        Their shares of the boxes, and the prices that prove the bound: it is
        ``sum(weights * prices) + k * max_a sum(weights * max(value(a) - prices, 0))``, where a is any one anchor.
    peak : float
        Upper limit of that maximum over all anchors.
    exact : bool
        Whether each of `wh` is one size.
    candidates : (c, 2) float64
        Anchors whose sums above the prices come near to `peak`.
    thr : float
        Threshold of the ratio.
    """

    bound: float
    score: float
    gap: float
    anchors: FloatArray
    objective: str
    wh: FloatArray
    weights: FloatArray
    prices: FloatArray
    peak: float
    exact: bool
    candidates: FloatArray
    thr: float = 0.25

    def above(self, anchors: Sizes) -> FloatArray:
        """Return the sum above the prices for each of these anchors (m, 2): (m,), nowhere more than `peak`.

        Anchors of an even better set could only be where it comes near to `peak`. Cells count with their mean sizes.
        """
        from fastanchor.optimum._judge import Judge
        from fastanchor.optimum._points import weighted

        judge = Judge(objective_of(self.objective, self.thr), weighted(self.wh[:, 0], self.wh[:, 1], self.weights))
        return judge.trials(self.prices, _check.as_sizes(anchors, "anchors")) - float(self.weights @ self.prices)

    def plot(self) -> Any:
        """Return a matplotlib figure of :meth:`above` over the plane of sizes, with the anchors."""
        return picture("peaks", self)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain Python values, ready for JSON; without the prices."""
        return {
            "bound": self.bound,
            "score": self.score,
            "gap": self.gap,
            "anchors": self.anchors.tolist(),
            "objective": self.objective,
            "exact": self.exact,
        }


def bound(
    boxes: Scalable,
    k: int,
    *,
    objective: str | Objective = "ratio",
    thr: float = 0.25,
    anchors: Sizes | None = None,
    keep: Sizes | None = None,
    gap: float = 0.001,
    max_seconds: float | None = None,
    resume: BoundResult | None = None,
    img_size: int | Sequence[int] = 640,
    fit: Fit = "letterbox",
    min_size: float = MIN_SIZE,
    weights: ArrayLike | None = None,
    rng: Rng = 0,
) -> BoundResult:
    """Return a proven upper limit of what any k anchors reach on these boxes, beside anchors that come near to it.

    Parameters
    ----------
    boxes : Boxes, BoxIndex or (n, 2) array-like
        As for :func:`auto_anchor`.
    k : int
        Number of anchors.
    objective : str, default "ratio"
        One of the objectives that have a name; see :func:`evolve`.
    thr : float, default 0.25
        Threshold of the ratio, from 0 to 1.
    anchors : (k, 2) array-like, optional
        Anchors to compare with the limit, pixels of the network input. Default: the best that are found.
    keep : (f, 2) array-like, optional
        Anchors that every set must contain; the limit is then that of such sets.
    gap : float, default 0.001
        Stop when the limit exceeds the best score by no more than this share of it.
    max_seconds : float, optional
        Stop after about so long; the limit is valid, if wider. To go on, pass the result as `resume`.
    resume : BoundResult, optional
        Go on from a limit for these boxes, if its gap is below 1 %: from its prices, candidates and anchors. The
        outcome is not that of an unbroken run to the last bit, and by up to 0.03 % wider than `resume` if it ends at
        once, but no less certain.
    img_size, fit, min_size, weights
        As for :func:`auto_anchor`.
    rng : int, numpy.random.Generator or None, default 0
        Of the random starts; the limit is valid for any.

    Raises
    ------
    DataError
        If an argument breaks a rule, no box is left, the objective is one without a name, or `resume` is a limit for
        other boxes or another number of anchors.
    BackendError
        If SciPy is not installed.

    Notes
    -----
    The limit is the Lagrangian dual of the k-median problem (Cornuejols, Fisher and Nemhauser 1977, "Location of bank
    accounts to optimize float", Management Science 23, section 3), evaluated over all anchors by branch and bound and
    rounded outwards. With 16,384 distinct sizes or fewer it holds for each of them; more are gathered into cells, which
    are bounded over all their boxes.

    Examples
    --------
    >>> found = bound([[20, 30], [24, 30], [60, 50], [66, 54]], 2)
    >>> found.score <= found.bound <= 1.001 * found.score
    True
    """
    try:
        import scipy.optimize  # noqa: F401  only this function needs it
    except ImportError:
        raise BackendError("bound needs SciPy: pip install 'fastanchor[bound]'") from None
    from fastanchor.optimum._bound import one_thread, proven
    from fastanchor.optimum._plane import Shape
    from fastanchor.optimum._points import STRAIGHT, points_of
    from fastanchor.optimum._search import search

    k = _check.integer(k, "k", least=1)
    thr = _check.number(thr, "thr", low=0.0, high=1.0)
    gap = _check.number(gap, "gap", low=0.0)
    limits = Limits(max_seconds=max_seconds)
    aim = objective_of(objective, thr)
    shape = getattr(aim, "shape", None)
    if shape is None:
        raise DataError(
            f"{called('objective')}: got {aim.name!r}, expected one that has a name, such as 'ratio' or 'iou'"
        )
    space = Space(keep=keep)
    free = space.free(k)
    ready = to_network_input(boxes, img_size, fit, min_size, weights)
    answers = choose(ready.boxes, weights=ready.weights)
    points = points_of(answers, STRAIGHT, turn=0.0)
    if resume is not None and not (len(resume.anchors) == k and np.array_equal(resume.wh, _sizes(points))):
        raise DataError(f"{called('resume')}: got a limit for other boxes or another k, expected one for these")
    before = resume if resume is not None and resume.gap < NEAR else None
    if before is None:
        places = points if points.exact else points_of(answers)
        with limits.timed():
            search(places, k, aim, space, _check.generator(rng), STARTS, limits)
        some = best_of(Problem(answers, k, aim, thr, space, np.random.default_rng(0), None, limits), places)
    else:
        some = before.anchors
    state = None if before is None else (before.prices, before.candidates)
    found = some if anchors is None else _check.as_sizes(anchors, "anchors")
    with one_thread():
        proof = proven(points, free, aim, Shape(*shape), some, space.keep, gap, limits.late, state)
    score = aim.over(answers).fitness(found, thr).fitness
    return BoundResult(
        bound=proof.bound,
        score=score,
        gap=(proof.bound - score) / score if score else float("inf"),
        anchors=found[np.argsort(found.prod(axis=1), kind="stable")],
        objective=aim.name,
        wh=_sizes(points),
        weights=points.weight,
        prices=proof.price,
        peak=proof.peak,
        exact=points.exact,
        candidates=proof.candidates,
        thr=thr,
    )


def _sizes(points: Points) -> FloatArray:
    return np.stack([points.w, points.h], axis=1)
