"""Every box, every centre, chunk by chunk on the kernels: the fallback, and the oracle of the other engines."""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray, Metric, Update
from fastanchor._weights import Weights
from fastanchor.engine._columns import Columns, Tally, columns_of
from fastanchor.engine._reduce import Reduced, StepTaken

__all__ = ["DenseEngine", "DenseLloyd"]


class DenseEngine(Reduced):
    """Boxes as two columns, 16 bytes per box; on NumPy k-means and the search keep 24 more.

    Parameters
    ----------
    wh : (n, 2) float64
        Clean boxes; see ``_check``.
    threads : int, optional
        Default: the processors this process may use.
    weights : Weights, optional
        How often each box counts. Default: once.
    backend : {"numba", "numpy"}, optional
        Default: the one in force.
    """

    name = "dense"

    def __init__(
        self,
        wh: FloatArray,
        *,
        threads: int | None = None,
        weights: Weights | None = None,
        backend: str | None = None,
    ) -> None:
        each = None if weights is None else weights.each
        self.columns = Columns(*columns_of(wh), threads=threads, backend=backend, weights=each)
        super().__init__([self.columns], weights=weights)
        self.backend = self.columns.backend

    @property
    def positive(self) -> bool:
        """Whether every side is > 0; only Euclidean k-means takes others."""
        return bool(self.columns.w.min() > 0.0 and self.columns.h.min() > 0.0)

    def lloyd(self, metric: Metric, update: Update) -> DenseLloyd:
        """Begin a run of k-means."""
        return DenseLloyd(self, self.columns, metric, update)


class DenseLloyd:
    """A run of k-means that keeps the label of every box.

    Parameters
    ----------
    engine : Reduced
        That chooses the scales.
    columns : Columns
        All its boxes.
    metric : {"iou", "euclidean", "ratio"}
    update : {"median", "mean"}
    last : (k, 2) float64, optional
        Centres of the step before the first one here.
    """

    def __init__(
        self, engine: Reduced, columns: Columns, metric: Metric, update: Update, last: FloatArray | None = None
    ) -> None:
        self._engine, self._columns = engine, columns
        self._metric, self._update = metric, update
        self._counts: IntArray | None = None
        self._sides: Tally | None = None
        self._labels = np.full(len(columns), -1, dtype=np.int32)
        if last is not None:
            self._move(last)

    def step(self, centers: FloatArray) -> StepTaken:
        """Assign the boxes to `centers` and return what the update rule makes of them."""
        changed, counts = self._move(centers)
        if self._sides is None:
            updated = self._columns.medians(self._labels, counts)
        else:
            updated = self._sides.scale.means(self._sides.digits.swapaxes(0, 1), counts)
        given = np.array(centers)
        return StepTaken.of(changed > 0, counts, updated, lambda: self._engine.nearest(given, self._metric).inertia)

    def _move(self, centers: FloatArray) -> tuple[int, IntArray]:
        """Assign the boxes; return how many changed their centre, and how many each has."""
        if self._counts is None:
            self._counts = np.zeros(len(centers), np.int64)
            if self._update == "mean":
                scale = self._engine.sides()
                self._sides = Tally(scale, scale.zeros(2, len(centers)))
        changed = self._columns.move(centers, self._metric, self._labels, self._counts, self._sides)
        return changed, self._counts.copy()
