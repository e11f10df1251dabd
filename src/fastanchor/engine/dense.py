"""Every box, every centre, chunk by chunk on the kernels: the fallback, and the oracle of the other engines."""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, Metric, Update
from fastanchor.engine._columns import Columns, columns_of
from fastanchor.engine._exact import Scale
from fastanchor.engine._reduce import Reduced, StepTaken

__all__ = ["DenseEngine", "DenseLloyd"]


class DenseEngine(Reduced):
    """Boxes as two columns, 16 bytes a box.

    Parameters
    ----------
    wh : (n, 2) float64
        Clean boxes; see ``_check``.
    threads : int, optional
        Default: the processors this process may use.
    """

    name = "dense"

    def __init__(self, wh: FloatArray, *, threads: int | None = None) -> None:
        self.columns = Columns(*columns_of(wh), threads=threads)
        super().__init__([self.columns])
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
        self._sides: Scale | None = None
        self._labels = np.full(len(columns), -1, dtype=np.int32)
        if last is not None:
            columns.assign(last, metric, self._labels)

    def step(self, centers: FloatArray) -> StepTaken:
        """Assign the boxes to `centers` and return what the update rule makes of them."""
        scale = self._engine.scale(self._metric, centers)
        changed, (counts, distance) = self._columns.assign(centers, self._metric, self._labels, scale)
        if self._update == "median":
            updated = self._columns.medians(self._labels, counts)
        else:
            self._sides = self._sides or self._engine.sides()
            updated = self._sides.means(self._columns.sums(self._labels, len(counts), self._sides), counts)
        return StepTaken.of(changed > 0, counts, updated, lambda: scale.mean(scale.total(distance)))
