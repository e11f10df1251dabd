"""Positives of YOLOv3 and its kind, which train a box at the cell that has its centre."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray
from fastanchor.engine._threads import Team, thread_count
from fastanchor.matching._count import IRRATIONAL, OFFSETS, Anchors, Counts, Places

__all__ = ["OwnCell", "Shape", "by_own_cell", "by_shape"]

AT_ONCE = 1 << 16  # boxes
PAIRS = 1 << 20  # of a box and a cell
BITS = 16  # of a cell along an axis
LOW = (1 << BITS) - 1
NOBODY = np.iinfo(np.int64).max


class Shape(NamedTuple):
    """Which anchors are positive, for detectors that compare sides as if the centres were the same.

    The anchor with the best IoU of all levels is positive at the cell that has the centre of the box; so are others
    with an IoU above `above`.

    Attributes
    ----------
    above : float
        Default: only the best anchor.
    single : bool
        Whether an anchor at a cell trains one box only: the last for which it is the best, else the first.
    """

    above: float = 1.0
    single: bool = False

    @property
    def measure(self) -> str:
        """By what boxes and anchors are compared."""
        return "IoU of sides"

    @property
    def threshold(self) -> float:
        """The least IoU of a match; without a limit, every box has one."""
        return 0.0 if self.above >= 1.0 else float(np.nextafter(np.float32(self.above), 1))

    def to_text(self) -> str:
        """Return the rule in words."""
        more = "" if self.above >= 1.0 else f", and others above {self.above:g}"
        last = "; of boxes that share an anchor and a cell, one trains it" if self.single else ""
        return f"best IoU of sides over all levels{more}, in the cell of the centre{last}"


class OwnCell(NamedTuple):
    """Which anchors are positive, for detectors that compare the anchors of cells that have the centre of a box.

    An anchor is positive with an IoU above `above`, for the box with which it has the largest. Besides, all anchors
    with the best IoU of a box are positive for it, of several boxes for the last. Boxes are compared with the anchors
    of the cells of the other boxes too.
    """

    above: float = 0.5

    @property
    def measure(self) -> str:
        """By what boxes and anchors are compared."""
        return "IoU"

    @property
    def threshold(self) -> float:
        """The least IoU of a match."""
        return float(np.nextafter(np.float32(self.above), 1))

    def to_text(self) -> str:
        """Return the rule in words."""
        return f"IoU > {self.above:g} at cells with the centre of a box; else all anchors there with its best IoU"


def by_shape(wh: FloatArray, anchors: Anchors, rule: Shape, places: Places | None = None) -> Counts:
    """Return the positives of each box; without `places` boxes are alone in their images."""
    n, parts = len(wh), np.concatenate(anchors.parts)
    level = np.repeat(np.arange(len(anchors.parts)), [len(part) for part in anchors.parts])
    positives, best = np.zeros((n, len(anchors.parts)), np.int32), np.empty((1, n), np.float32)
    claims: list[tuple[IntArray, IntArray, NDArray[np.bool_]]] = []
    for some in (slice(first, min(first + AT_ONCE, n)) for first in range(0, n, AT_ONCE)):
        inter = np.minimum(wh[some, None], parts).prod(axis=2)
        iou = inter / (wh[some].prod(axis=1)[:, None] + parts.prod(axis=1) - inter)
        best[0, some] = iou.max(axis=1)
        first = parts[iou.argmax(axis=1)]
        top = (parts == first[:, None]).all(axis=2)  # levels may share an anchor
        box, shape = np.nonzero(top | (iou > rule.above))
        if places is None or not rule.single:
            np.add.at(positives, (box + some.start, level[shape]), 1)
        else:
            claims.append((box + some.start, shape, top[box, shape]))
    if claims and places is not None:
        box, shape, top = (np.concatenate(each) for each in zip(*claims, strict=True))
        box, shape = _winners(box, shape, top, _slots(box, shape, level, anchors, places))
        np.add.at(positives, (box, level[shape]), 1)
    return Counts(positives, (positives.sum(axis=1) == 0).astype(np.float64), best)


def _slots(box: IntArray, shape: IntArray, level: IntArray, anchors: Anchors, places: Places) -> IntArray:
    """Return a number for each anchor at a cell of an image."""
    cell = _cells(places.corners[box], np.asarray(anchors.strides)[level[shape], None])
    code = (places.image[box] * len(level) + shape) << 2 * BITS | cell[:, 1] << BITS | cell[:, 0]
    slot: IntArray = np.unique(code, return_inverse=True)[1].reshape(-1)
    return slot


def _cells(corners: NDArray[np.float32], stride: float | FloatArray) -> IntArray:
    """Return the cells that have the centres of boxes, (n, 2)."""
    centre = (corners[:, :2] + corners[:, 2:]) * np.float32(0.5)
    cell: IntArray = np.floor(centre / stride).clip(0, LOW).astype(np.int64)
    return cell


def _winners(box: IntArray, shape: IntArray, top: NDArray[np.bool_], slot: IntArray) -> tuple[IntArray, IntArray]:
    """Return the box of each slot with its anchor: the last for which that is the best, else the first."""
    last = np.full(slot.max() + 1, -1)
    np.maximum.at(last, slot[top], box[top])
    first = np.full(slot.max() + 1, NOBODY)
    np.minimum.at(first, slot, box)
    wins = np.where(last[slot] >= 0, top & (box == last[slot]), box == first[slot])
    return box[wins], shape[wins]


def by_own_cell(wh: FloatArray, anchors: Anchors, rule: OwnCell, places: Places | None = None) -> Counts:
    """Return the positives of each box; without `places` as a mean over `OFFSETS` places of each box, alone."""
    if places is not None:
        return _by_own_cell(anchors, rule, places)
    n, period, each = len(wh), max(anchors.strides), np.arange(len(wh))
    positives, none, best = np.zeros((n, len(anchors.parts))), np.zeros(n), np.empty((OFFSETS, n), np.float32)
    begin = np.ceil(wh.max(initial=0.0) / period) * period
    for s in range(OFFSETS):
        corner = begin + (0.5 + s * np.array(IRRATIONAL)) % 1.0 * period
        corners = np.concatenate([np.broadcast_to(corner, (n, 2)), corner + wh], axis=1).astype(np.float32)
        found = _by_own_cell(anchors, rule, Places(corners, each, np.full((n, 2), np.inf)))
        positives += found.positives
        none += found.none
        best[s] = found.best[0]
    return Counts(positives / OFFSETS, none / OFFSETS, best)


def _by_own_cell(anchors: Anchors, rule: OwnCell, places: Places) -> Counts:
    n = len(places.corners)
    order = np.argsort(places.image, kind="stable")
    start = np.append(np.flatnonzero(np.diff(places.image[order], prepend=-1)), n)
    positives, best = np.zeros((n, len(anchors.parts)), np.int32), np.zeros(n, np.float32)
    # as many images at once as have about so many pairs
    pairs = np.cumsum(np.diff(start) ** 2)
    edges = [0]
    while edges[-1] < len(pairs):
        before = int(pairs[edges[-1] - 1]) if edges[-1] else 0
        edges.append(max(edges[-1] + 1, int(np.searchsorted(pairs, before + PAIRS, "right"))))

    def work(task: tuple[int, int]) -> None:
        a, b = task
        some = order[start[a] : start[b]]
        each = Places(places.corners[some], places.image[some], places.sides)
        positives[some], best[some] = _of_images(each, start[a : b + 1] - start[a], anchors, rule)

    Team(thread_count(None)).run(work, list(itertools.pairwise(edges)))
    return Counts(positives, (positives.sum(axis=1) == 0).astype(np.float64), best[None])


def _of_images(
    boxes: Places, start: IntArray, anchors: Anchors, rule: OwnCell
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return positives and best IoU of the boxes of images, each from ``start[i]`` to ``start[i + 1]``."""
    n = len(boxes.corners)
    image = np.repeat(np.arange(len(start) - 1), np.diff(start))
    best = np.zeros(n, np.float32)
    levels: list[tuple[IntArray, IntArray, IntArray, NDArray[np.float32]]] = []
    for part, stride in zip(anchors.parts, anchors.strides, strict=True):
        box, begin, cell = _near(boxes.corners, image, start, part, stride)
        iou = _iou(boxes.corners[box], cell, part, stride)
        np.maximum.at(best, box, iou.max(axis=1))
        levels.append((box, begin, np.diff(begin, append=len(box)), iou))
    positives = np.zeros((n, len(levels)), np.int32)
    for at, (box, begin, size, iou) in enumerate(levels):
        top = np.maximum.reduceat(iou, begin, axis=0)
        row = box[:, None]
        first = np.minimum.reduceat(np.where(iou == np.repeat(top, size, axis=0), row, NOBODY), begin, axis=0)
        last = np.maximum.reduceat(np.where((iou == best[row]) & (iou > 0), row, -1), begin, axis=0)
        owner = np.where(last >= 0, last, np.where(top > np.float32(rule.above), first, -1))
        positives[:, at] = np.bincount(owner[owner >= 0], minlength=n)
    return positives, best


def _near(
    corners: NDArray[np.float32], image: IntArray, start: IntArray, part: FloatArray, stride: float
) -> tuple[IntArray, IntArray, NDArray[np.float32]]:
    """Return boxes that may overlap an anchor of each cell that has the centre of a box, cell after cell.

    The second array has the place of the first box of each cell; the third the left and the top of the cell, (n, 2).
    """
    place = _cells(corners, stride)
    own = image << 2 * BITS | place[:, 1] << BITS | place[:, 0]
    cells = np.unique(own)
    size = np.diff(start)[cells >> 2 * BITS]
    ends = np.cumsum(size)
    first = np.repeat(start[cells >> 2 * BITS] - (ends - size), size)
    box, cell = first + np.arange(len(first)), np.repeat(cells, size)
    low = np.stack([cell & LOW, cell >> BITS & LOW], axis=1).astype(np.float32) * np.float32(stride)
    reach = (part.max(axis=0) + stride) / 2.0 + 1.0  # a pixel more than needed
    middle = low + np.float32(stride / 2.0)
    near = np.all((corners[box, :2] < middle + reach) & (corners[box, 2:] > middle - reach), axis=1)
    near |= own[box] == cell  # so that no cell is without a box
    kept = np.flatnonzero(near)
    return box[kept], np.flatnonzero(np.diff(cell[kept], prepend=-1)), low[kept]


def _iou(
    corners: NDArray[np.float32], shift: NDArray[np.float32], part: FloatArray, stride: float
) -> NDArray[np.float32]:
    """Return the IoU of boxes with the anchors of a cell, (n, k), operation by operation as the detector does."""
    half, middle = part.astype(np.float32) * np.float32(0.5), np.float32(stride / 2.0)
    low, high = (base + shift[:, None] for base in (middle - half, middle + half))
    inter = (np.minimum(corners[:, None, 2:], high) - np.maximum(corners[:, None, :2], low)).clip(0).prod(axis=2)
    area = (corners[:, 2:] - corners[:, :2]).prod(axis=1)[:, None]
    iou: NDArray[np.float32] = inter / (area + (high - low).prod(axis=2) - inter)
    return iou
