"""Kernels over the cells of a box index: Euclidean sums, and bounds of the distance to a centre.

Let e be the offset of a box from the mean of its cell, d the distance of that mean to a centre. Taylor's formula for
the length of ``mean - centre + e``, added up over the cell, has no first-order term; the second-order term is the sum
of squared offsets across the line of sight, over 2 d. The third derivative along e is at most
``2 / sqrt(3) |e|^3 / (d - r)^2``, where r is the largest |e|; a sixth of that bounds the rest.
"""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray
from fastanchor.kernels._jit import compiled

__all__ = ["distances", "moments", "sweep"]

THIRD = 0.1925  # 2 / sqrt(3) / 6, rounded up
NEAR = 4.0  # a cell whose distance to its centre is less than so many radii is computed box by box


@compiled
def moments(w: FloatArray, h: FloatArray, offsets: LabelArray, cells: IntArray, rows: FloatArray) -> None:
    """Write what `sweep` needs of each of the `cells` into `rows` (m, 8).

    Number, mean w and h, sums of the squares and the product of the offsets from it, sum of their cubed lengths, and
    the largest length.
    """
    for c in range(cells.size):
        lo, hi = offsets[cells[c]], offsets[cells[c] + 1]
        n, x, y = float(hi - lo), 0.0, 0.0
        for i in range(lo, hi):
            x += w[i]
            y += h[i]
        x /= n
        y /= n
        ww = wh = hh = cubes = most = 0.0
        for i in range(lo, hi):
            u, v = w[i] - x, h[i] - y
            length = np.sqrt(u * u + v * v)
            ww += u * u
            wh += u * v
            hh += v * v
            cubes += length * length * length
            most = max(most, length)
        row = rows[c]
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7] = n, x, y, ww, wh, hh, cubes, most


@compiled
def sweep(
    cw: FloatArray,
    ch: FloatArray,
    w: FloatArray,
    h: FloatArray,
    offsets: LabelArray,
    labels: LabelArray,
    cells: IntArray,
    rows: FloatArray,
    sums: FloatArray,
) -> tuple[float, float]:
    """Add each centre's (w, h, 1) to `sums` (k, 3); return the sum of the distances and a bound of its error.

    `labels` are the centres of the cells, -1 where the boxes of one differ: these are computed one by one.
    """
    total = slack = 0.0
    for c in range(cells.size):
        cell = cells[c]
        j = labels[cell]
        if j >= 0:
            row = rows[c]
            n, most = row[0], row[7]
            x, y = row[1] - cw[j], row[2] - ch[j]
            d2 = x * x + y * y
            d = np.sqrt(d2)
            rho = d - most
            sums[j, 0] += n * row[1]
            sums[j, 1] += n * row[2]
            sums[j, 2] += n
            if rho > NEAR * most:
                total += n * d + 0.5 * (row[3] * y * y - 2.0 * row[4] * x * y + row[5] * x * x) / (d2 * d)
                slack += THIRD * row[6] / (rho * rho)
            else:
                for i in range(offsets[cell], offsets[cell + 1]):
                    total += np.sqrt((w[i] - cw[j]) * (w[i] - cw[j]) + (h[i] - ch[j]) * (h[i] - ch[j]))
        else:
            for i in range(offsets[cell], offsets[cell + 1]):
                best, j = np.inf, 0
                for p in range(cw.size):
                    d = (w[i] - cw[p]) * (w[i] - cw[p]) + (h[i] - ch[p]) * (h[i] - ch[p])
                    if d < best:
                        best, j = d, p
                total += np.sqrt(best)
                sums[j, 0] += w[i]
                sums[j, 1] += h[i]
                sums[j, 2] += 1.0
    return total, slack


@compiled
def distances(
    cw: FloatArray,
    ch: FloatArray,
    w: FloatArray,
    h: FloatArray,
    offsets: LabelArray,
    labels: LabelArray,
    cells: IntArray,
) -> float:
    """Return the sum of the distances of all boxes to their nearest centres."""
    total = 0.0
    for c in range(cells.size):
        cell = cells[c]
        lo, hi = offsets[cell], offsets[cell + 1]
        j = labels[cell]
        if j >= 0:
            for i in range(lo, hi):
                total += np.sqrt((w[i] - cw[j]) * (w[i] - cw[j]) + (h[i] - ch[j]) * (h[i] - ch[j]))
        else:
            for i in range(lo, hi):
                best = np.inf
                for p in range(cw.size):
                    best = min(best, (w[i] - cw[p]) * (w[i] - cw[p]) + (h[i] - ch[p]) * (h[i] - ch[p]))
                total += np.sqrt(best)
    return total
