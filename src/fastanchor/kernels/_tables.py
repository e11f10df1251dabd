"""What kernels of the box index are given: columns and tables in named groups, which numba takes as they are.

All arrays are C-contiguous. A kernel that needs few of a group's arrays in an inner loop takes them out before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray, LabelArray, Metric

__all__ = [
    "EUCLIDEAN",
    "IOU",
    "METRICS",
    "RUN",
    "Anchors",
    "Axis",
    "Centers",
    "Columns",
    "Flags",
    "GridTables",
    "Histograms",
    "Leaves",
    "Painted",
    "RowArray",
    "Rows",
    "Runs",
]

Flags = NDArray[np.uint8]
RowArray = NDArray[np.uint32]

IOU, EUCLIDEAN = 0, 1
METRICS: dict[Metric, int] = {"iou": IOU, "euclidean": EUCLIDEAN}
RUN = 256  # boxes decided at a time: their best so far stays in the first-level cache


class Axis(NamedTuple):
    """The bins of one side: ``bin(x) = (bits(x) - base) >> shift``, cut off at both ends."""

    base: int
    shift: int


class Columns(NamedTuple):
    """Boxes and the rows where they stood: w, h (n,) float64, row (n,) uint32."""

    w: FloatArray
    h: FloatArray
    row: RowArray


class GridTables(NamedTuple):
    """Boxes in the order of cells, and tables over nx * ny cells."""

    w: FloatArray  # (n,)
    h: FloatArray  # (n,)
    row: RowArray  # (n,) where each box stood
    edge_w: FloatArray  # (nx + 1,) bin i holds edge[i] <= side < edge[i + 1]; the last one its upper edge too
    edge_h: FloatArray  # (ny + 1,)
    base_h: int  # of the bins of heights, see `Axis`
    shift: int
    offsets: LabelArray  # (nx * ny + 1,) where each cell's boxes begin
    alike: Flags  # (nx * ny,) 1 where all boxes of a cell are equal
    table: LabelArray  # (nx + 1, ny + 1) summed-area table of counts
    sums: FloatArray  # (blocks, 2) sums of w and h of the blocks of all levels
    level_start: IntArray  # (levels + 1,) where those of a level begin
    level_cols: IntArray  # (levels,) and how many of them make a row


class Centers(NamedTuple):
    """The k centres of k-means, and the number of the metric."""

    metric: int
    w: FloatArray
    h: FloatArray


class Leaves(NamedTuple):
    """Blocks that are settled, or open and not split any more: (m,) int32 each, and the open ones' candidates.

    A block of a level covers ``2**level`` bins a side. The candidates of an open one are
    ``cands[first : first + size]``, ascending.
    """

    x: LabelArray
    y: LabelArray
    level: LabelArray
    label: LabelArray  # -1 where the block is open
    first: LabelArray
    size: LabelArray
    boxes: LabelArray
    cands: LabelArray

    @classmethod
    def empty(cls, room: int) -> Leaves:
        """Return room for so many leaves; contents are unspecified."""
        columns = np.empty((7, room), np.int32)
        return cls._make([*columns, np.empty(2 * room + 512, np.int32)])

    def used(self, leaves: int, cands: int) -> Leaves:
        """Return a copy of the leaves that were written."""
        columns = np.array([column[:leaves] for column in self[:7]])
        return Leaves._make([*columns, self.cands[:cands].copy()])

    @staticmethod
    def joined(parts: list[Leaves]) -> Leaves:
        """Put leaves one after the other."""
        if len(parts) == 1:
            return parts[0]
        starts = np.cumsum([0] + [part.cands.size for part in parts[:-1]])
        moved = [part._replace(first=part.first + start) for part, start in zip(parts, starts, strict=True)]
        return Leaves(*(np.concatenate(columns, dtype=np.int32) for columns in zip(*moved, strict=True)))


class Painted(NamedTuple):
    """Labels of all cells, (nx * ny,) int32; where it is -1, boxes have any of the centres `every`, ascending."""

    cells: LabelArray
    every: LabelArray


class Histograms(NamedTuple):
    """Boxes of each centre, and how they are spread over the bins of both sides.

    Settled blocks are counted in the coarse bins, boxes of open ones in the fine: the two add up.
    """

    coarse_w: IntArray  # (k, bins)
    coarse_h: IntArray
    fine_w: IntArray  # (k, nx)
    fine_h: IntArray  # (k, ny)
    counts: IntArray  # (k,)


class Anchors(NamedTuple):
    """Anchors by height, ascending, with their reciprocals and the threshold.

    `cross` (k, k) holds ``sqrt(h[i] * h[j])``, the height where the sides of two anchors' ratios cross.
    """

    w: FloatArray
    h: FloatArray
    inv_w: FloatArray
    inv_h: FloatArray
    cross: FloatArray
    thr: float

    @classmethod
    def of(cls, anchors: FloatArray, thr: float) -> Anchors:
        """Return what the kernels need of these anchors (k, 2)."""
        w, h = np.ascontiguousarray(anchors[anchors[:, 1].argsort(kind="stable")].T)
        root = np.sqrt(h)
        return cls(w, h, 1.0 / w, 1.0 / h, root[:, None] * root, float(thr))


class Rows(NamedTuple):
    """What is known of the rows of a level: which anchors win somewhere in a row, and how large its total may be."""

    level: int
    winners: Flags  # (rows, k)
    bound: FloatArray  # (rows,) upper bound of the total
    gap: FloatArray  # (rows,) the part of it that is open

    @classmethod
    def empty(cls, level: int, rows: int, k: int) -> Rows:
        """Return room for the rows of a level; contents are unspecified."""
        return cls(level, np.empty((rows, k), np.uint8), np.empty(rows), np.empty(rows))


class Runs(NamedTuple):
    """Columns `y0` to `y1` of the finest level of rows of cells, where no single ratio is proved to be the best.

    The anchors that may have it are ``cands[first : first + size]``; `top` bounds the run's total from above. `used`
    (3,) says how many runs stand at the front, how many at the end, and how many candidates there are.
    """

    row: LabelArray
    y0: LabelArray
    y1: LabelArray
    first: LabelArray
    size: LabelArray
    top: FloatArray
    cands: LabelArray
    used: IntArray

    @classmethod
    def empty(cls, room: int) -> Runs:
        """Return room for so many runs."""
        columns = np.empty((5, room), np.int32)
        top, cands = np.empty(room), np.empty(2 * room + 512, np.int32)
        return cls._make([*columns, top, cands, np.zeros(3, np.int64)])

    def lots(self) -> tuple[Runs, Runs]:
        """Return the runs at the end, and those at the front."""
        room, front, end = self.row.size, int(self.used[0]), int(self.used[1])
        return self._part(slice(room - end, room)), self._part(slice(front))

    def _part(self, which: slice) -> Runs:
        columns = [column[which] for column in self[:6]]
        return Runs._make([*columns, self.cands, self.used])
