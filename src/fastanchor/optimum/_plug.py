"""How anchors are looked for: the searches, and what one is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._evolve import evolved
from fastanchor._hints import called
from fastanchor._limits import Limits
from fastanchor._progress import bar
from fastanchor._types import EvolveResult, FloatArray, Progress
from fastanchor.engine import Engine, Objective
from fastanchor.optimum._space import Space

# the recipe needs none of what searches on points, so functions import it
if TYPE_CHECKING:
    from fastanchor.optimum._points import Points

__all__ = ["Global", "Problem", "Recipe", "Refine", "Search", "best_of", "solved"]

STARTS = 48  # random starts of the exchanges
DRAWN = 15  # starts of the small steps, beside k-means


@dataclass(frozen=True)
class Problem:
    """What a search is given.

    Attributes
    ----------
    boxes : Engine
        The boxes, in pixels of the network input; ``boxes.take(rows)`` returns some, ``len(boxes)`` their number.
    k : int
        Number of anchors.
    objective, thr, space
        As for :func:`fastanchor.auto_anchor`.
    rng : numpy.random.Generator
    start : (k, 2) float64 or None
        Centres of k-means, if the search has ``clusters = True``, or the anchors to go on from.
    limits : Limits
        ``limits.left(stale)`` returns 0 when the search must end.
    progress : bool, callable or None
    """

    boxes: Engine
    k: int
    objective: Objective
    thr: float
    space: Space
    rng: np.random.Generator
    start: FloatArray | None
    limits: Limits
    progress: Progress = None

    def score(self, anchors: FloatArray) -> float:
        """Return what anchors (k, 2) reach: the mean of the objective over the boxes."""
        return self.objective.over(self.boxes).fitness(anchors, self.thr).fitness


class Search:
    """How anchors are looked for.

    Derive from it, with a `name` and a method ``find(problem)`` that returns anchors, (k, 2) in pixels of the network
    input, and pass an object of the class as `method` to :func:`auto_anchor`. With ``clusters = True`` k-means comes
    first, and its centres are ``problem.start``. ``problem.score(anchors)`` is what counts; ``problem.rng`` the source
    of randomness; ``problem.space.allowed(anchors)`` returns anchors that are allowed. Sets that are appended to
    ``problem.limits.held`` are the answer after Ctrl-C.

    Examples
    --------
    >>> import fastanchor
    >>> class Guess(fastanchor.Search):
    ...     name = "guess"
    ...     def find(self, problem):
    ...         rows = problem.rng.integers(len(problem.boxes), size=(50, problem.k))
    ...         return max(map(problem.boxes.take, rows), key=problem.score)
    >>> found = fastanchor.auto_anchor(fastanchor.datasets.sample(), n=3, method=Guess(), rng=0)
    >>> found.method, found.fitness > 0.5
    ('guess', True)
    """

    name = "search"
    clusters = False  # whether k-means comes first

    def find(self, problem: Problem) -> FloatArray | EvolveResult:
        """Return the anchors, (k, 2)."""
        raise NotImplementedError(f"{type(self).__name__}: expected a method find(problem)")


class Recipe(Search):
    """k-means, then the genetic search."""

    name, clusters = "recipe", True

    def __init__(self, gen: int) -> None:
        self._gen = gen

    def find(self, problem: Problem) -> EvolveResult:
        """Return the outcome of the genetic search."""
        p = problem
        assert p.start is not None
        return evolved(p.boxes, p.start, p.objective, p.thr, self._gen, p.rng, p.progress, p.limits)


class Refine(Search):
    """Small steps, from k-means and from drawn boxes."""

    name, clusters = "refine", True

    def find(self, problem: Problem) -> FloatArray:
        """Return the best anchors of which none gains by a small step."""
        from fastanchor.optimum._points import points_of
        from fastanchor.optimum._search import finalists, starts_of

        p, points = problem, points_of(problem.boxes)
        assert p.start is not None
        free = p.space.free(p.k)
        starts = [p.start[:free], *starts_of(points, free, p.rng, DRAWN)]
        with p.limits.guard():
            finalists(points, starts, p.objective, p.space, p.rng, p.limits)
        _hold(p)
        return best_of(p, points)


class Global(Search):
    """Exchanges from several starts, then small steps."""

    name = "global"

    def find(self, problem: Problem) -> FloatArray:
        """Return the best anchors of several exchanges, polished on the boxes."""
        from fastanchor.optimum._points import points_of
        from fastanchor.optimum._search import search

        p, points = problem, points_of(problem.boxes)
        with bar(p.progress, total=STARTS, desc="exchanging", unit=" starts") as moving, p.limits.guard():
            search(points, p.k, p.objective, p.space, p.rng, STARTS, p.limits, lambda done: moving.update(1))
        _hold(p)
        return best_of(p, points)


def _hold(problem: Problem) -> None:
    """Let the anchors to start from, where they are allowed, be an answer too."""
    free, space = problem.space.free(problem.k), problem.space
    if problem.start is not None and np.array_equal(space.allowed(problem.start[:free]), problem.start[:free]):
        problem.limits.held.append(np.concatenate([problem.start[:free], space.keep]))


def best_of(problem: Problem, points: Points) -> FloatArray:
    """Return the best of the sets that are held, polished on the boxes if the points are cells and there is time."""
    sets = problem.limits.held
    scores = [problem.score(anchors) for anchors in sets]
    score = max(scores)
    anchors = sets[scores.index(score)]
    if points.exact or problem.limits.ended in ("interrupted", "max_seconds"):
        return anchors
    from fastanchor.optimum._judge import Judge
    from fastanchor.optimum._search import finished

    cells, judge = Judge(problem.objective, points), problem.objective.over(problem.boxes)
    return finished(cells, judge, anchors, problem.thr, score, problem.space, problem.limits)[0]


def solved(search: Search, problem: Problem) -> EvolveResult:
    """Return the outcome of a search; one that returns anchors alone made no generations.

    Raises
    ------
    DataError
        If it does not return k anchors.
    """
    if type(search).find is Search.find:
        raise WrongTypeError(
            f"{called('method')} = {_check.short(search.name)}: has no method find(problem); see fastanchor.Search"
        )
    found = search.find(problem)
    if isinstance(found, EvolveResult):
        return found
    anchors = _check.as_sizes(found, f"anchors of method {search.name!r}")
    if len(anchors) != problem.k:
        raise DataError(f"method {search.name!r}: got {len(anchors)} anchors, expected {problem.k}")
    boxes, objective, thr = problem.boxes, problem.objective, problem.thr
    score, value = boxes.fitness(anchors, thr), problem.score(anchors)
    engine = boxes.name if objective.bounded else "dense"
    history, ended = np.array([value]), problem.limits.ended
    return EvolveResult(anchors, score.fitness, score.bpr, 0, history, objective.name, engine, ended)
