"""The questions that algorithms ask of the boxes. Every engine answers them, with the same answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from fastanchor._types import Fitness, FloatArray, IntArray, Metric, Update

__all__ = ["Engine", "Lloyd", "Nearest", "Step"]


class Nearest(NamedTuple):
    """Each centre's share: `counts` (k,), and `inertia`, the sum of 1 - IoU or of squared distances."""

    counts: IntArray
    inertia: float


class Step(Protocol):
    """One look at the boxes: whether the assignment differs from the last, its counts, and where centres go.

    Its arrays are read-only.
    """

    @property
    def changed(self) -> bool:
        """Whether any box has another centre than after the step before."""

    @property
    def counts(self) -> IntArray:
        """Boxes of each centre, (k,)."""

    @property
    def centers(self) -> FloatArray:
        """The updated centres, (k, 2); NaN where a centre has no box left."""

    @property
    def inertia(self) -> float:
        """Sum of the distances to the centres given; ask only when it is needed, an engine may have to look again."""


class Lloyd(Protocol):
    """A run of k-means; remembers the assignment of its last step."""

    def step(self, centers: FloatArray) -> Step:
        """Assign the boxes to `centers` and return what the update rule makes of them."""


class Engine(Protocol):
    """Boxes, ready to be asked. `centers` and `anchors` are (k, 2) float64 in the unit of the boxes."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def backend(self) -> str:
        """Which kernels it runs on."""

    @property
    def positive(self) -> bool:
        """Whether every side is > 0; only Euclidean k-means takes others."""

    def __len__(self) -> int: ...

    def take(self, rows: IntArray) -> FloatArray:
        """Return the boxes of these rows, (m, 2)."""

    def lloyd(self, metric: Metric, update: Update) -> Lloyd:
        """Begin a run of k-means."""

    def nearest(self, centers: FloatArray, metric: Metric) -> Nearest:
        """Count each centre's boxes and add up their distances."""

    def best_iou(self, centers: FloatArray) -> float:
        """Return the mean over the boxes of the IoU with the best centre, with all its digits however small it is."""

    def labels(self, centers: FloatArray, metric: Metric) -> IntArray:
        """Return the nearest centre of each box, (n,) in the order of the boxes, ties to the lowest."""

    def spread(self, centers: FloatArray, metric: Metric, many: int) -> IntArray:
        """Return up to `many` rows, each farthest from the centres and from the rows before it (of equals the lowest).

        There are fewer where no box has a distance above zero any more.
        """

    def pick(self, centers: FloatArray, metric: Metric, u: float) -> int | None:
        """Return the first row whose cumulative plain distance exceeds `u` of the total; None if that is zero."""

    def fitness(self, anchors: FloatArray, thr: float) -> Fitness:
        """Return the ratio fitness and the best possible recall."""

    def first_fitter(self, mutants: Sequence[FloatArray], thr: float, than: float) -> tuple[int, float] | None:
        """Return which of these anchors is the first with a ratio fitness greater than `than`, and its fitness."""
