"""Kernel that adds up how well anchors fit the boxes of an index, for a report."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.kernels._jit import compiled
from fastanchor.kernels._numpy import LANES
from fastanchor.kernels._tables import SideArray


class Tally(NamedTuple):
    """Sums over boxes. Classes are those of area."""

    counts: IntArray  # (k,) boxes for which each anchor is the best by ratio, ties to the lowest
    numbers: IntArray  # (classes, 3) boxes, those with a best ratio above thr, and ratios above thr
    sums: FloatArray  # (classes, 4) of these best ratios, of the best IoUs, of all ratios, and of the best ratios

    @classmethod
    def empty(cls, k: int, classes: int) -> Tally:
        """Return the sums over no box."""
        return cls(np.zeros(k, np.int64), np.zeros((classes, 3), np.int64), np.zeros((classes, 4)))


@compiled
def tally(
    w: SideArray,
    h: SideArray,
    kw: FloatArray,
    kh: FloatArray,
    thr: float,
    areas: FloatArray,
    out: Tally,
    weights: IntArray | None = None,
) -> None:
    """Add boxes to the sums; `areas` are the upper limits of all classes but the last.

    Ratios are those of true divisions, IoUs those of the kernel ``best_iou``.
    """
    x, y, best, own = np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty(LANES)
    total, past, iou, sums = np.empty(LANES), np.empty(LANES), np.empty(LANES), np.empty_like(out.sums)
    for start in range(0, w.size, LANES):
        wb, hb = w[start : start + LANES], h[start : start + LANES]
        for i in range(wb.size):
            x[i], y[i] = wb[i], hb[i]
            best[i] = own[i] = total[i] = past[i] = iou[i] = 0.0
        for j in range(kw.size):
            a, b, area, name = kw[j], kh[j], kw[j] * kh[j], float(j)
            for i in range(wb.size):
                p = (x[i] if x[i] < a else a) / (a if x[i] < a else x[i])
                q = (y[i] if y[i] < b else b) / (b if y[i] < b else y[i])
                p = p if p < q else q
                own[i] = name if p > best[i] else own[i]
                best[i] = p if p > best[i] else best[i]
                total[i] += p
                past[i] += 1.0 if p > thr else 0.0
            for i in range(wb.size):
                inter = (x[i] if x[i] < a else a) * (y[i] if y[i] < b else b)
                q = inter / (x[i] * y[i] + area - inter)
                iou[i] = q if q > iou[i] else iou[i]
        sums[:] = 0.0  # of these boxes alone: sums of sums keep more digits
        for i in range(wb.size):
            area, of = x[i] * y[i], 0
            while of < areas.size and areas[of] <= area:
                of += 1
            times = 1 if weights is None else weights[start + i]
            good = best[i] > thr
            out.counts[int(own[i])] += times
            out.numbers[of, 0] += times
            out.numbers[of, 1] += times if good else 0
            out.numbers[of, 2] += times * int(past[i])
            sums[of, 0] += times * best[i] if good else 0.0
            sums[of, 1] += times * iou[i]
            sums[of, 2] += times * total[i]
            sums[of, 3] += times * best[i]
        for of in range(len(sums)):
            for q in range(4):
                out.sums[of, q] += sums[of, q]
