"""Where the bins of a grid lie: as narrow as their number allows where most boxes are.

The grid is all that the shards of an index have in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.engine._exact import Scale, coordinates

__all__ = ["GridSpec", "Layout", "Survey", "edges", "layout", "sampled", "side_for"]

SAMPLE = 1 << 14
SEED = 20150607  # any: a draw, because rows at equal distances meet what repeats in a video, frame after frame
# Shares of the boxes that the bins have to cover, the widest first. What lies beyond shares the outermost bins.
COVERED = (0.9996, 0.99, 0.95, 0.8)
JUDGED = 1 << 12  # boxes of the sample that crowding is judged by
CENTRES = 9  # that crowding is judged for
NARROWEST = 35  # shift: boxes less than 1e-5 apart are compared one by one anyway, see MARGIN in kernels._settle
CROWDED = 0.2  # boxes in open cells, as a share: from here on a narrower cover is tried


class Layout(NamedTuple):
    """A shift of the bits of a side that gives its bin, the sides that the bins have to cover, and how it does.

    `cover` (2, 2) is the least and the largest width and height. `crowding` estimates the share of boxes that lie in
    cells where more than one centre has boxes: 0 where each box has a cell of its own, 1 where one cell holds them all.
    """

    shift: int
    cover: Any
    crowding: float


class Survey(NamedTuple):
    """What the grid is chosen by: a number of boxes, least and largest width and height, and some of the boxes.

    `extent` is (w0, w1, h0, h1), `sample` (m, 2).
    """

    number: int
    extent: tuple[float, float, float, float]
    sample: FloatArray

    @staticmethod
    def merged(parts: Sequence[Survey]) -> Survey:
        """Return the survey of all parts together: of each sample as large a share as its part has of the boxes."""
        parts = [part for part in parts if part.number]
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
        Bin i of an axis holds what has ``(bits - base) >> shift == i``, `bits` being those of a side as a float64; the
        first and the last bin also hold what lies beyond.
    base_w, base_h : int
        The bits at which the first bins begin.
    edge_w, edge_h : (nx + 1,), (ny + 1,) float64
        Bin i holds edge[i] <= side < edge[i + 1]; the last bin holds its upper edge too. The outermost edges are those
        of the boxes.
    """

    shift: int
    base_w: int
    base_h: int
    edge_w: FloatArray
    edge_h: FloatArray

    @classmethod
    def of(cls, survey: Survey, where: Layout | None = None, side: int | None = None) -> GridSpec:
        """Return a grid for these boxes: bins as `where` says, or `side` an axis, or as many as their number wants."""
        shift, cover, _ = where or layout(survey.sample, side or side_for(survey.number))
        w0, w1, h0, h1 = survey.extent
        base_w, edge_w = edges(cover[0], w0, w1, shift)
        base_h, edge_h = edges(cover[1], h0, h1, shift)
        return cls(shift, base_w, base_h, edge_w, edge_h)

    @property
    def scale(self) -> Scale:
        """The scale of exact sums of sides."""
        return coordinates(*self.sizes)

    @property
    def sizes(self) -> tuple[float, float]:
        """The least and the largest side of all boxes."""
        return float(min(self.edge_w[0], self.edge_h[0])), float(max(self.edge_w[-1], self.edge_h[-1]))


def sampled(boxes: Any) -> Any:
    """Return some boxes, drawn, as (m, 2) float64."""
    n = len(boxes)
    rows = np.arange(n) if n <= SAMPLE else np.sort(np.random.default_rng(SEED).integers(0, n, SAMPLE))
    return np.asarray(boxes[rows], dtype=np.float64)


def layout(sample: Any, side: int) -> Layout:
    """Return the least crowded of the layouts with about `side` bins an axis; the widest of those that will do."""
    ordered = np.sort(sample, axis=0)
    few = sample[:: -(-len(sample) // JUDGED)]
    # as complex numbers, which sort by width and then by height: ten times as fast as unique rows
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
    leave about sqrt(k p) such lines in it. A cell with one size in it is never parted.
    """
    bins = np.clip(sizes, cover[:, 0], cover[:, 1]).view(np.int64) >> shift
    _, cell = np.unique(
        (bins[:, 0] - bins[:, 0].min()) * (1 << 32) + bins[:, 1] - bins[:, 1].min(), return_inverse=True
    )
    distinct, boxes = np.bincount(cell), np.bincount(cell, repeats)
    lines = np.minimum(1.0, np.sqrt(CENTRES * distinct / distinct.sum())) * (distinct > 1)
    return float((boxes * lines).sum() / boxes.sum())


def edges(cover: Any, low: float, high: float, shift: int) -> tuple[int, Any]:
    """First bin's base and the edges of the bins: of the whole extent, or if outliers stretch it by half, its cover."""
    bits = np.array(cover).view(np.int64)
    whole = np.array([low, high]).view(np.int64)
    if (whole[1] - whole[0]) >> shift <= 1.5 * ((bits[1] - bits[0]) >> shift) + 8:
        bits = whole
    base = int(bits[0] >> shift << shift)
    bins = int((bits[1] - base) >> shift) + 1
    found = (base + (np.arange(bins + 1) << shift)).view(np.float64)
    found[0], found[-1] = low, high
    return base, found


def side_for(n: int) -> int:
    """Bins a side that balance blocks against boxes in open cells: 64 at 4,000 boxes, 512 at 1e6, 1024 at 1e7."""
    return int(np.clip(64 * (n / 4000) ** 0.36, 16, 2048))
