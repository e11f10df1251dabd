"""The dense engine: every box and every centre, in chunks on the kernels. The reference for other engines."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._types import FloatArray, Metric, Update
from fastanchor._weights import Weights
from fastanchor.engine._columns import Columns, columns_of
from fastanchor.engine._order_statistics import medians
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
        Default: the current one.
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
        """Whether every side is > 0; only Euclidean k-means accepts others."""
        return bool(self.columns.w.min() > 0.0 and self.columns.h.min() > 0.0)

    def lloyd(self, metric: Metric, update: Update) -> DenseLloyd:
        """Begin a run of k-means."""
        return DenseLloyd(self, metric, update)


class DenseLloyd:
    """A run of k-means that keeps the label of every box.

    Parameters
    ----------
    engine : Reduced
    metric : {"iou", "euclidean", "ratio"}
    update : {"median", "mean"}
    last : (k, 2) float64, optional
        Centres of the step before the first one here.
    """

    def __init__(self, engine: Reduced, metric: Metric, update: Update, last: FloatArray | None = None) -> None:
        self._engine, self._metric = engine, metric
        self._sides = engine.sides() if update == "mean" else None
        self._runs = engine._ask("labelled", metric, self._sides)
        if last is not None:
            self._ask("move", last)

    def step(self, centers: FloatArray) -> StepTaken:
        """Assign the boxes to `centers` and return the step with the updated centres."""
        changed, counts, digits = (sum(column) for column in zip(*self._ask("move", centers), strict=True))
        if self._sides is not None:
            updated = self._sides.means(digits.swapaxes(0, 1), counts)
        else:
            updated = medians(self._ask, counts, len(self._runs) == 1)
        given = np.array(centers)
        return StepTaken.of(changed > 0, counts, updated, lambda: self._engine.nearest(given, self._metric).inertia)

    def _ask(self, question: str, *arguments: Any) -> list[Any]:
        return self._engine._ask_of(self._runs, question, *arguments)
