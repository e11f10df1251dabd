"""Boxes far from centres: each the farthest from the centres and the boxes found before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, Metric

if TYPE_CHECKING:
    from fastanchor.engine._columns import Columns

__all__ = ["Far", "Spreading"]


class Far(NamedTuple):
    """A box far from some centres; of equal distances the one with the lowest row."""

    distance: float
    row: int
    box: FloatArray


class Spreading:
    """Keeps the distance of every box to the nearest of the centres so far."""

    def __init__(self, columns: Columns, metric: Metric) -> None:
        self._columns, self._kernel = columns, columns.assigner(metric)
        self._distance = np.full(len(columns), np.inf)
        if columns.counted is not None:
            self._distance[columns.counted == 0] = -1.0

    def farthest(self, new: FloatArray) -> Far:
        """Add centres, and return the box that is then the farthest."""
        mine, (cw, ch) = self._columns, new.T.copy()
        w, h, rows = mine.w, mine.h, mine.rows

        def work(chunks: list[slice]) -> list[tuple[float, int, int]]:
            results = []
            for c in chunks:
                to_new = np.empty(c.stop - c.start)
                self._kernel(w[c], h[c], cw, ch, np.zeros(to_new.size, dtype=np.int32), to_new)
                own = self._distance[c]
                np.minimum(own, to_new, out=own)
                at = int(own.argmax())
                row = c.start + at
                if rows is not None:
                    equals = np.flatnonzero(own == own[at])
                    at = int(equals[rows[c][equals].argmin()])
                    row = int(rows[c][at])
                results.append((float(own[at]), -row, c.start + at))
            return results

        if not len(mine):
            return Far(-1.0, 0, np.empty(2))
        top, row, at = max(mine.each(work))
        return Far(top, -row, np.array([w[at], h[at]]))
