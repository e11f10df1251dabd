"""The bins of a grid: as narrow as their number allows in the region of most boxes.

The shards of an index share nothing but the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.engine._exact import Scale, coordinates

__all__ = ["GridSpec", "Layout", "Survey", "edges", "layout", "sampled", "side_for", "window"]

SAMPLE = 1 << 14
SEED = 20150607  # arbitrary; rows are drawn because equally spaced rows could follow a period, such as that of a video
# Shares of the boxes that the bins have to cover, the largest first. Boxes beyond fall into the outermost bins.
COVERED = (0.9996, 0.99, 0.95, 0.8)
JUDGED = 1 << 12  # boxes of the sample used to estimate crowding
CENTRES = 9  # number of centres for which crowding is estimated
NARROWEST = 35  # shift: boxes less than 1e-5 apart are compared one by one anyway, see MARGIN in kernels._settle
MANY = 1 << 29  # boxes from which 4096 bins per axis pay; their tables take 1.5 GB
CROWDED = 0.2  # share of boxes in open cells from which a narrower cover is tried


class Layout(NamedTuple):
    """A shift of the bits of a side that gives its bin, the sides that the bins have to cover, and the crowding.

    `cover` (2, 2) is the least and the largest width and height. `crowding` estimates the share of boxes that lie in
    cells where more than one centre has boxes: 0 if each box is alone in its cell, 1 if all are in one cell.
    """

    shift: int
    cover: Any
    crowding: float


class Survey(NamedTuple):
    """Data for the choice of a grid: the number of boxes, least and largest width and height, and some boxes.

    `extent` is (w0, w1, h0, h1), `sample` (m, 2).
    """

    number: int
    extent: tuple[float, float, float, float]
    sample: FloatArray

    @staticmethod
    def merged(parts: Sequence[Survey]) -> Survey:
        """Merge surveys; each part contributes to the sample in proportion to its number of boxes."""
        parts = [part for part in parts if part.number]
        if not parts:
            return Survey(0, (np.inf, 0.0, np.inf, 0.0), np.empty((0, 2)))
        if len(parts) == 1:
            return parts[0]
        count = sum(part.number for part in parts)
        extents = np.array([part.extent for part in parts])
        low, high = extents.min(axis=0), extents.max(axis=0)
        samples = []
        for part in parts:
            share = min(len(part.sample), -(-SAMPLE * part.number // count))
            samples.append(part.sample[np.linspace(0, len(part.sample) - 1, share).astype(int)])
        return Survey(count, (low[0], high[1], low[2], high[3]), np.concatenate(samples))


@dataclass(frozen=True, eq=False)
class GridSpec:
    """Bins over widths and heights, the same for all shards of an index.

    Attributes
    ----------
    shift : int
        Bin i of an axis contains the sides with ``(bits - base) >> shift == i``, where `bits` are those of a float64;
        the first and the last bin also contain all sides beyond.
    base_w, base_h : int
        The bits at which the first bins begin.
    edge_w, edge_h : (nx + 1,), (ny + 1,) float64
        Bin i contains edge[i] <= side < edge[i + 1]; the last bin includes its upper edge. The outermost edges are
        the least and the largest side.
    """

    shift: int
    base_w: int
    base_h: int
    edge_w: FloatArray
    edge_h: FloatArray

    @classmethod
    def of(cls, survey: Survey, where: Layout | None = None, side: int | None = None) -> GridSpec:
        """Return a grid for surveyed boxes: bins by `where`, or `side` per axis, or by the number of boxes."""
        shift, cover, _ = where or layout(survey.sample, side or side_for(survey.number))
        w0, w1, h0, h1 = survey.extent
        base_w, edge_w = edges(cover[0], w0, w1, shift)
        base_h, edge_h = edges(cover[1], h0, h1, shift)
        return cls(shift, base_w, base_h, edge_w, edge_h)

    @property
    def shape(self) -> tuple[int, int]:
        """Number of bins of widths and of heights."""
        return self.edge_w.size - 1, self.edge_h.size - 1

    @property
    def scale(self) -> Scale:
        """The scale of exact sums of sides."""
        return coordinates(*self.sizes)

    @property
    def sizes(self) -> tuple[float, float]:
        """The least and the largest side of all boxes."""
        return float(min(self.edge_w[0], self.edge_h[0])), float(max(self.edge_w[-1], self.edge_h[-1]))


def sampled(boxes: Any) -> Any:
    """Draw a sample of the boxes, (m, 2) float64."""
    n = len(boxes)
    rows = np.arange(n) if n <= SAMPLE else np.sort(np.random.default_rng(SEED).integers(0, n, SAMPLE))
    return np.asarray(boxes[rows], dtype=np.float64)


def layout(sample: Any, side: int) -> Layout:
    """Return the widest layout with about `side` bins per axis that is not crowded, else the least crowded."""
    ordered = np.sort(sample, axis=0)
    few = sample[:: -(-len(sample) // JUDGED)]
    # complex numbers sort by width, then by height, ten times as fast as unique rows
    sizes, repeats = np.unique(few[:, 0] + 1j * few[:, 1], return_counts=True)
    sizes = np.column_stack([sizes.real, sizes.imag])
    best = None
    for share in COVERED:
        cover = np.quantile(ordered, [(1.0 - share) / 2.0, (1.0 + share) / 2.0], axis=0).T
        octaves = max(np.log2(cover[:, 1] / cover[:, 0]).max(), 1e-9)
        shift = int(np.clip(52 - round(np.log2(side / octaves)), NARROWEST, 62))
        found = Layout(shift, cover, _crowding(sizes, repeats, shift, cover))
        if best is None or found.crowding < 0.5 * best.crowding:
            best = found
        if best.crowding < CROWDED:
            break
    assert best is not None
    return best


def _crowding(sizes: Any, repeats: Any, shift: int, cover: Any) -> float:
    """Return the expected share of boxes in cells that a line between two centres crosses.

    Centres follow the boxes, but not those that repeat: where a share p of the distinct sizes lies in a cell, k centres
    leave about sqrt(k p) such lines in it. A cell with a single size is never split.
    """
    bins = np.clip(sizes, cover[:, 0], cover[:, 1]).view(np.int64) >> shift
    _, cell = np.unique(
        (bins[:, 0] - bins[:, 0].min()) * (1 << 32) + bins[:, 1] - bins[:, 1].min(), return_inverse=True
    )
    distinct, boxes = np.bincount(cell), np.bincount(cell, repeats)
    lines = np.minimum(1.0, np.sqrt(CENTRES * distinct / distinct.sum())) * (distinct > 1)
    return float((boxes * lines).sum() / boxes.sum())


def edges(cover: Any, low: float, high: float, shift: int) -> tuple[int, Any]:
    """Return the base of the first bin and the edges: of the whole extent, or of the cover if outliers stretch it."""
    bits = np.array(cover).view(np.int64)
    whole = np.array([low, high]).view(np.int64)
    if (whole[1] - whole[0]) >> shift <= 1.5 * ((bits[1] - bits[0]) >> shift) + 8:
        bits = whole
    base = int(bits[0] >> shift << shift)
    bins = int((bits[1] - base) >> shift) + 1
    found = (base + (np.arange(bins + 1) << shift)).view(np.float64)
    found[0], found[-1] = low, high
    return base, found


def window(cover: Any, shift: int) -> tuple[int, int]:
    """Return the first of the bins that a grid with this cover may have, counted from a side of 0, and their number."""
    first, last = (np.array(cover).view(np.int64) >> shift).tolist()
    beyond = (last - first) // 2 + 16  # `edges` takes the whole extent if it has 1.5 times the bins of the cover, and 8
    least = max(first - beyond, 0)
    return least, last + beyond + 1 - least


def side_for(n: int) -> int:
    """Return the bins per axis, a balance of blocks and boxes in open cells: 64 at 4,000 boxes, 1024 at 1e7."""
    return int(np.clip(64 * (n / 4000) ** 0.36, 16, 2048 if n < MANY else 4096))
