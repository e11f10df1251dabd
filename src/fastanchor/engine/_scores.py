"""Scores of anchors, computed over every box of a part; the answers add up over parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.engine._exact import UNIT, Scale
from fastanchor.engine._held import Held, columns_of
from fastanchor.engine._objective import Objective, valued
from fastanchor.engine._profile import Profile
from fastanchor.engine._rounded import Rounded
from fastanchor.engine._threads import CHUNK, each

__all__ = ["Scores"]

CELLS = 1 << 18  # elements of a matrix of IoUs or ratios, 2 MB


class Scores(Held):
    """A part of a data set: its answers to the search and to reports."""

    def best_iou(self, centers: FloatArray) -> list[float]:
        """Return numbers whose sum is that of the IoUs with the best centre, with full relative precision."""
        kw, kh = columns_of(centers)
        out_rows = max(1, CELLS // kw.size)

        def score(chunks: list[slice]) -> list[float]:
            out, totals = np.empty((out_rows, kw.size)), []
            for c in _pieces(chunks, out_rows):
                ious = out[: c.stop - c.start]
                self.kernels.wh_iou(self.w[c], self.h[c], kw, kh, ious)
                best = ious.max(axis=1)
                totals.append(float((best if self.counted is None else best * self.counted[c]).sum()))
            return totals

        return self.each(score)

    def fitness(self, anchors: FloatArray, thr: float) -> tuple[float, int]:
        """Return the sum over the boxes of ``best * (best > thr)``, to 1e-12, and the number of those above thr."""
        kw, kh = columns_of(anchors)

        def score(chunks: list[slice]) -> list[tuple[float, int]]:
            if self.counted is None:
                return [self.kernels.fitness(self.w[c], self.h[c], kw, kh, thr) for c in chunks]
            best, found = np.empty(min(CHUNK, len(self))), []
            for c in chunks:
                own = best[: c.stop - c.start]
                self.kernels.best_ratio(self.w[c], self.h[c], kw, kh, own)
                above = own > thr
                found.append((float((own * above * self.counted[c]).sum()), self._number(above, c)))
            return found

        total, count = 0.0, 0
        for part, above in self.each(score):
            total += part
            count += above
        return total, count

    def search(
        self, mutants: Sequence[FloatArray], thr: float, needs: Sequence[float], sure: float
    ) -> list[float | None]:
        """Return the total of each of these anchors, or None if it is certainly below its need.

        Stop after the first total above `sure`.
        """
        found: list[float | None] = [None] * len(mutants)
        single = self._single()
        for i, anchors in enumerate(mutants):
            if single is not None and self._ceiling(single, anchors, thr) < needs[i]:
                continue
            total, _ = self.fitness(anchors, thr)
            found[i] = total
            if total > sure:
                break
        return found

    def _ceiling(self, single: Rounded, anchors: FloatArray, thr: float) -> float:
        """Return an upper bound of the total of these anchors, in a third of the time."""

        def bound(chunks: list[slice]) -> list[float]:
            return [single.ceiling(c, anchors, thr) for c in chunks]

        return sum(each(bound, single.distinct, self.threads))

    def bounds(self, mutants: Sequence[FloatArray], thr: float) -> FloatArray:
        """Return upper bounds of the totals of these anchors, (m,), without a pass over the boxes."""
        return np.full(len(mutants), float(len(self) if self.counted is None else self.counted.sum()))

    def total(self, anchors: FloatArray, thr: float, scale: Scale = UNIT) -> IntArray:
        """Return the exact sum of ``best * (best > thr)``, each truncated to a multiple of 2^-64; its digits."""
        kw, kh = columns_of(anchors)

        def work(chunks: list[slice]) -> list[IntArray]:
            best, digits = np.empty(min(CHUNK, len(self))), scale.zeros()
            for c in chunks:
                own = best[: c.stop - c.start]
                self.kernels.best_ratio(self.w[c], self.h[c], kw, kh, own)
                own[own <= thr] = 0.0
                scale.add(self.kernels, own, digits, weights=self.weights_of(c))
            return [digits]

        return sum(self.each(work), start=scale.zeros())

    def worth(self, anchors: FloatArray, objective: Objective, scale: Scale = UNIT) -> IntArray:
        """Return the exact sum of an objective's values, each truncated to a multiple of 2^-64; its digits."""
        kw, kh = columns_of(anchors)

        def work(chunks: list[slice]) -> list[IntArray]:
            digits = scale.zeros()
            for c in chunks:
                values = valued(objective, self.w[c], self.h[c], kw, kh, self.kernels)
                scale.add(self.kernels, values, digits, weights=self.weights_of(c))
            return [digits]

        return sum(self.each(work), start=scale.zeros())

    def tops(self, mutants: Sequence[FloatArray], objective: Objective, need: float) -> FloatArray:
        """Return upper bounds of the sums of an objective's values, (m,); coarse ones if these are below `need`."""
        return np.full(len(mutants), np.inf)

    def profile(self, anchors: FloatArray, thr: float, areas: Sequence[float]) -> Profile:
        """Return sums over the boxes for a report; see ``_protocol.Profile``."""
        kw, kh = columns_of(anchors)
        piece = max(1, CELLS // kw.size)

        def work(chunks: list[slice]) -> list[Profile]:
            found = []
            for c in _pieces(chunks, piece):
                w, h = self.w[c], self.h[c]
                ratio, iou = np.ones((w.size, kw.size)), np.empty((w.size, kw.size))
                for side, own in ((w, kw), (h, kh)):
                    np.minimum(ratio, side[:, None] / own, out=ratio)
                    np.minimum(ratio, own / side[:, None], out=ratio)
                self.kernels.wh_iou(w, h, kw, kh, iou)
                found.append(Profile.of(ratio, iou.max(axis=1), w * h, thr, areas, self.weights_of(c)))
            return found

        return Profile.total([Profile.empty(kw.size, areas), *self.each(work)])


def _pieces(chunks: list[slice], rows: int) -> list[slice]:
    return [slice(at, min(at + rows, c.stop)) for c in chunks for at in range(c.start, c.stop, rows)]
