"""The interface of engines: questions about boxes, to which every engine gives the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeGuard

from fastanchor._errors import WrongTypeError
from fastanchor._types import Fitness, FloatArray, IntArray, Metric, Update
from fastanchor.engine._profile import Profile

if TYPE_CHECKING:
    from fastanchor.engine._objective import Objective

__all__ = [
    "Ahead",
    "Below",
    "Engine",
    "Lloyd",
    "Nearest",
    "Picked",
    "Profile",
    "Spread",
    "Step",
    "Worth",
    "answers_all",
]


GAPS = 5  # between accepted mutants, that their mean is taken of


class Nearest(NamedTuple):
    """Each centre's share: `counts` (k,), and `inertia`, the sum of 1 - IoU, 1 - ratio or squared distances."""

    counts: IntArray
    inertia: float


class Spread(NamedTuple):
    """Boxes far from centres: their rows (m,), the boxes (m, 2) and their distances (m,)."""

    rows: IntArray
    boxes: FloatArray
    distances: FloatArray


class Picked(NamedTuple):
    """A row and its box (2,)."""

    row: int
    box: FloatArray


class Below(NamedTuple):
    """Numbers of boxes with `both` sides below a limit, and with at least one (`either`)."""

    both: int
    either: int


class Worth(NamedTuple):
    """The exact sum of an objective's values in units of 2^-64, and their mean, rounded once."""

    total: int
    mean: float


class Ahead(NamedTuple):
    """How many mutants to compare at once: three times the mean of the last gaps between accepted ones.

    It is at least `least` and at most `most`. An engine whose answers take long to arrive has it as ``ahead``.
    """

    least: int
    most: int

    def number(self, accepted: Sequence[int], done: int) -> int:
        """Return how many to compare next, from the generations after which mutants were `accepted`; the first is 0."""
        some = accepted[-GAPS - 1 :]
        return int(min(max(3 * (done - some[0]) / max(1, len(some) - 1), self.least), self.most))


class Step(Protocol):
    """A step of k-means: whether the assignment differs from the last, its counts, and the updated centres.

    Its arrays are read-only.
    """

    @property
    def changed(self) -> bool:
        """Whether the centre of any box changed since the previous step."""

    @property
    def counts(self) -> IntArray:
        """Boxes of each centre, (k,)."""

    @property
    def centers(self) -> FloatArray:
        """The updated centres, (k, 2); NaN if a centre has no box."""

    @property
    def inertia(self) -> float:
        """Sum of the distances to the given centres; may cost another pass over the boxes."""


class Lloyd(Protocol):
    """A run of k-means; stores the assignment of its last step."""

    def step(self, centers: FloatArray) -> Step:
        """Assign the boxes to `centers` and return the step with the updated centres."""


class Scored(Protocol):
    """The questions of the genetic search."""

    def fitness(self, anchors: FloatArray, thr: float) -> Fitness:
        """Return the ratio fitness, to 1e-12, and the best possible recall."""

    def first_fitter(
        self, mutants: Sequence[FloatArray], thr: float, than: float, of: FloatArray | None = None
    ) -> tuple[int, float] | None:
        """Return the place and the fitness of the first of these anchors that is fitter than `than`.

        `than` is the fitness of the anchors `of`. Fitnesses that differ by at most a relative 1e-11 are compared by
        `total`: with the total of the anchors `of` if they are given, else by the mean, as a float64, with `than`.
        """


class Engine(Scored, Protocol):
    """Boxes that answer questions. `centers` and `anchors` are (k, 2) float64 in the unit of the boxes."""

    @property
    def name(self) -> str:
        """Name of the engine, as in ``engine=``."""

    @property
    def backend(self) -> str:
        """Name of the backend."""

    @property
    def positive(self) -> bool:
        """Whether every side is > 0; only Euclidean k-means accepts others."""

    def __len__(self) -> int: ...

    def take(self, rows: IntArray) -> FloatArray:
        """Return the boxes of these rows, (m, 2)."""

    def distinct(self, limit: int) -> FloatArray:
        """Return distinct boxes, (m, 2): all there are, or `limit` of them."""

    def below(self, side: float) -> Below:
        """Count the boxes with both sides below `side`, and those with at least one."""

    def lloyd(self, metric: Metric, update: Update) -> Lloyd:
        """Begin a run of k-means. A mean is the exact one, rounded once."""

    def nearest(self, centers: FloatArray, metric: Metric) -> Nearest:
        """Count each centre's boxes and add up their distances: the exact sum, rounded once."""

    def best_iou(self, centers: FloatArray) -> float:
        """Return the mean over the boxes of the IoU with the best centre, with full relative precision."""

    def labels(self, centers: FloatArray, metric: Metric, first: int = 0, last: int | None = None) -> IntArray:
        """Return the nearest centre of each box from row `first` to before row `last`, ties to the lowest."""

    def spread(self, centers: FloatArray, metric: Metric, many: int) -> Spread:
        """Return up to `many` boxes, each farthest from the centres and the boxes before it (of equals the lowest row).

        There are fewer if no other box has a distance above 0.
        """

    def pick(self, centers: FloatArray, metric: Metric, u: float) -> Picked | None:
        """Return the first row whose cumulative plain distance exceeds `u` times the total; None if that is zero.

        Both sums are exact.
        """

    def total(self, anchors: FloatArray, thr: float) -> int:
        """Return the sum over the boxes of ``best * (best > thr)``, in units of 2^-64, to which each is truncated.

        `best` is the largest over the anchors of ``min(w / kw, kw / w, h / kh, kh / h)``, quotients as float64.
        """

    def worth(self, anchors: FloatArray, objective: Objective) -> Worth:
        """Return the sum of the objective's values, each truncated to a multiple of 2^-64, and their mean."""

    def hopeful(self, mutants: Sequence[FloatArray], objective: Objective, need: int) -> Sequence[int]:
        """Return the places of the anchors whose sum of values, as in `worth`, may be at least `need`.

        An engine without bounds for the objective returns all.
        """

    def profile(self, anchors: FloatArray, thr: float, areas: Sequence[float]) -> Profile:
        """Return sums over the boxes for a report; `areas` are the upper limits of all area classes except the last."""


QUESTIONS = tuple(name for part in (Engine, Scored) for name in vars(part) if not name.startswith("_"))
METHODS = tuple(name for name in QUESTIONS if callable(getattr(Engine, name)))


def answers_all(boxes: object, argument: str = "boxes") -> TypeGuard[Engine]:
    """Return whether an object has all methods of an engine.

    Raises
    ------
    WrongTypeError
        If it has a part of an engine's methods and properties; it is called `argument`.
    """
    if all(hasattr(boxes, name) for name in QUESTIONS):
        return True
    # arrays and tables have a `take` too; a class is not an object of it
    if not isinstance(boxes, type) and any(hasattr(boxes, name) for name in METHODS if name != "take"):
        missing = ", ".join(name for name in QUESTIONS if not hasattr(boxes, name))
        raise WrongTypeError(f"{argument}: got an engine without {missing}; see fastanchor.engine.Engine")
    return False
