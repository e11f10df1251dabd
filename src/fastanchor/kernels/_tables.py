"""Arguments of the kernels of the box index: columns and tables in named groups, which numba accepts as they are.

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
    "Found",
    "Goal",
    "GridTables",
    "Histograms",
    "Leaves",
    "Painted",
    "Row",
    "RowArray",
    "Rows",
    "Runs",
    "SideArray",
    "Sought",
    "Sums",
    "Walk",
]

Flags = NDArray[np.uint8]
RowArray = NDArray[np.uint32]
SideArray = NDArray[np.float64] | NDArray[np.float32]

IOU, EUCLIDEAN = 0, 1
# Those for which a block's corners prove its winner. Under 1 - ratio they do not: the region of another centre may be a
# wedge that enters the block through one side.
METRICS: dict[Metric, int] = {"iou": IOU, "euclidean": EUCLIDEAN}
RUN = 256  # boxes decided at a time: their best so far stays in the first-level cache


class Axis(NamedTuple):
    """The bins of one side: ``bin(x) = (bits(x) - base) >> shift``, cut off at both ends."""

    base: int
    shift: int


class Columns(NamedTuple):
    """Boxes and the rows where they stood: w, h (n,) float64 or float32, row (n,) uint32, or (0,) if not kept."""

    w: SideArray
    h: SideArray
    row: RowArray


class GridTables(NamedTuple):
    """Boxes in the order of cells, and tables over nx * ny cells.

    Sides in float32 are exactly those of the boxes. A product of two of them is rounded to float32 unless one of them
    is converted first.
    """

    w: SideArray  # (n,)
    h: SideArray  # (n,)
    row: RowArray  # (n,) where each box stood
    edge_w: FloatArray  # (nx + 1,) bin i holds edge[i] <= side < edge[i + 1]; the last one its upper edge too
    edge_h: FloatArray  # (ny + 1,)
    base_h: int  # of the bins of heights, see `Axis`
    shift: int
    offsets: LabelArray  # (nx * ny + 1,) where each cell's boxes begin
    alike: Flags  # (nx * ny,) 1 where all boxes of a cell are equal
    table: LabelArray  # (nx + 1, ny + 1) summed-area table of the number of boxes
    # How often boxes count: without weights None, and the table and the offsets above once more. So numba compiles the
    # kernels for boxes without weights apart, and these know nothing of them.
    weights: IntArray | None  # (n,)
    weight_table: LabelArray | IntArray  # (nx + 1, ny + 1)
    weight_before: LabelArray | IntArray  # (nx * ny + 1,) of all cells before
    level_start: IntArray  # (levels + 1,) where the blocks of a level begin, in tables over blocks
    level_cols: IntArray  # (levels,) and how many of them make a row


class Centers(NamedTuple):
    """The k centres of k-means, and the number of the metric.

    `reach` says how far each may move, see `_settle`: the factor (k,) by which its IoUs may change, 1 for not at all.
    """

    metric: int
    w: FloatArray
    h: FloatArray
    reach: FloatArray

    @classmethod
    def of(cls, metric: int, centers: FloatArray, reach: FloatArray | None = None) -> Centers:
        """Return centers (k, 2); `reach` (k,) holds logarithms."""
        w, h = np.ascontiguousarray(centers.T)
        return cls(metric, w, h, np.ones(len(w)) if reach is None else np.exp(reach))


class Goal(NamedTuple):
    """The value of a box: its best IoU, or 1 if `once`, where that IoU is above `thr`; else 0.

    A block's bound may be off by `slack`. An IoU may be off by a relative `rounding`.
    """

    thr: float
    once: bool
    slack: float
    rounding: float


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


class Walk(NamedTuple):
    """State of `settle`: candidates of each level, blocks still to do, lengths of the output and counts of the work."""

    lists: IntArray  # (levels + 1, k)
    sizes: IntArray  # (levels + 1,)
    stack: IntArray  # (depth, 3)
    used: IntArray  # (2,) leaves, candidates
    work: IntArray  # (3,) candidates tried, boxes of open leaves, these times their candidates

    @classmethod
    def empty(cls, levels: int, k: int, work: IntArray) -> Walk:
        """Return room for blocks of so many levels; contents are unspecified."""
        lists, sizes = np.empty((levels + 1, k), np.int64), np.empty(levels + 1, np.int64)
        return cls(lists, sizes, np.empty((3 * levels + 4, 3), np.int64), np.empty(2, np.int64), work)


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

    @classmethod
    def empty(cls, k: int, nx: int, ny: int, bins: int) -> Histograms:
        """Return histograms of nothing, with so many bins in a coarse one."""

        def zeros(columns: int) -> IntArray:
            return np.zeros((k, columns), np.int64)

        return cls(zeros(nx // bins + 1), zeros(ny // bins + 1), zeros(nx), zeros(ny), np.zeros(k, np.int64))


class Sought(NamedTuple):
    """Bins that hold the middle ranks of the centres first, first + step, ...: (axis, centre, lower or upper) each.

    `before` counts the centre's boxes in the bins before; `start` and `cursor` say where in `found` the gathered
    values of the bin begin, and where they end so far. Where both ranks lie in one bin, only the lower is gathered.
    """

    bins: IntArray  # -1 where a centre has no boxes
    before: IntArray
    start: IntArray
    cursor: IntArray
    first: int
    step: int

    @classmethod
    def empty(cls, k: int, first: int = 0, step: int = 1) -> Sought:
        """Return what is sought before anything is found."""
        shape = (2, k, 2)
        before, start, cursor = np.zeros((3, *shape), np.int64)
        return cls(np.full(shape, -1, np.int64), before, start, cursor, first, step)


class Found(NamedTuple):
    """Values gathered for a median, and how often each counts; no weights where boxes have none."""

    values: FloatArray
    weights: IntArray


class Sums(NamedTuple):
    """Exact sums of widths and heights, in digits as ``exact_sum`` cuts them: of widths first, then of heights."""

    blocks: IntArray  # (blocks, 2 * digits) of the blocks of all levels
    factor: float  # what sides are multiplied with before they are cut
    lead: int  # digits of a sum before the first one of a side that counts once, see ``engine._exact.Scale``
    out: IntArray  # (k, 2 * digits) of each centre; no rows where they are not needed

    @classmethod
    def unwanted(cls) -> Sums:
        """Return sums that are not taken."""
        return cls(np.empty((0, 0), np.int64), 1.0, 0, np.empty((0, 0), np.int64))


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
    """A level's rows: their running sums, which anchors win somewhere in a row, and how large its total may be."""

    level: int
    sums: FloatArray  # (rows, ny + 1, 5), see `_grid.run_rows`
    winners: Flags  # (rows, k)
    bound: FloatArray  # (rows,) upper bound of the total
    gap: FloatArray  # (rows,) the part of it that is open
    total: FloatArray  # (rows,) what is known of its total

    @classmethod
    def empty(cls, level: int, sums: FloatArray, k: int) -> Rows:
        """Return room for what is not known yet; contents are unspecified."""
        rows = len(sums)
        bound, gap = np.empty((2, rows))
        return cls(level, sums, np.empty((rows, k), np.uint8), bound, gap, np.zeros(rows))


class Row(NamedTuple):
    """Room for one row while it is scanned: its anchors, how high they reach in it, the envelope and the segments."""

    ids: IntArray  # of the anchors that matter here, ascending by height
    w: FloatArray
    h: FloatArray
    inv_w: FloatArray
    inv_h: FloatArray
    low: FloatArray  # smallest and largest P
    high: FloatArray
    rising: IntArray  # whether P = w / kw (1), kw / w (-1) or either (0)
    top: FloatArray  # P in the middle of the row
    upper: FloatArray  # largest value in the piece that is looked at
    order: IntArray  # anchors on the envelope
    begin: FloatArray  # where each begins
    flat: IntArray  # and whether that depends on a top
    pos: FloatArray  # where segments begin
    loose: IntArray  # whether that depends on a top
    anchor: IntArray  # whose ratio is the best
    kind: IntArray  # NONE, LEFT, FLAT or RIGHT
    gaps: IntArray  # (segments + 1, 2) columns that stay open

    @classmethod
    def empty(cls, k: int) -> Row:
        """Return room for a row and k anchors; contents are unspecified."""
        floats, ints, marks = np.empty((9, k + 1)), np.empty((4, k + 1), np.int64), np.empty((3, 5 * k + 1), np.int64)
        return cls(
            ids=ints[0],
            w=floats[0],
            h=floats[1],
            inv_w=floats[2],
            inv_h=floats[3],
            low=floats[4],
            high=floats[5],
            rising=ints[1],
            top=floats[6],
            upper=floats[7],
            order=ints[2],
            begin=floats[8],
            flat=ints[3],
            pos=np.empty(5 * k + 1),
            loose=marks[0],
            anchor=marks[1],
            kind=marks[2],
            gaps=np.empty((5 * k + 2, 2), np.int64),
        )


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
