"""The kernels of ``_matching`` in NumPy, where numba is not in use, and the groups of arrays that both take.

IoU are computed in float32, with the operations of ``box_iou`` of torchvision in their order, because a detector
compares them for equality.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray

__all__ = [
    "EVERY", "EVERY_OWN", "NONE", "ONE", "ONE_FIRST", "RELATIVE", "SLACK", "Found", "Grids", "Job", "Placed", "Rule",
    "Shapes", "match",
]  # fmt: skip

Float32 = NDArray[np.float32]

# which anchors become positive whatever their IoU: see fastanchor.matching.Forced
NONE, EVERY, EVERY_OWN, ONE, ONE_FIRST = range(5)
# pixels by which rounding to float32 may move a corner, twice; sides of images are below 16,384
SLACK = 2e-3
RELATIVE = 1e-5  # more than the rounding of an IoU
AT_ONCE = 1 << 20  # pairs of boxes and anchors


class Shapes(NamedTuple):
    """Anchors: half of their sides (k, 2), their level (k,), and their place among those of a cell (k,)."""

    half: Float32
    level: IntArray
    at: IntArray


class Grids(NamedTuple):
    """Grids of images: the centre of the first cell, the distance of centres, the number of cells; (u, levels, 2)."""

    first: Float32
    step: Float32
    number: IntArray


class Placed(NamedTuple):
    """Boxes, image by image, in an image by their left side.

    `corners` (n, 4) are left, top, right, bottom; `row` (n,) is the order by which ties between boxes are decided.
    The boxes of image i are those from ``start[i]`` to ``start[i + 1]``, its grid is ``grid[i]``.
    """

    corners: Float32
    row: IntArray
    start: IntArray
    grid: IntArray


class Rule(NamedTuple):
    """Anchors with an IoU of at least `above` are positive, and `forced` ones, with an IoU of at least `least`."""

    above: np.float32
    least: np.float32
    forced: int


class Found(NamedTuple):
    """What is known of each box: positives (n, levels), best IoU (n,), key of the first anchor that has it (n,)."""

    positives: NDArray[np.int32]
    best: Float32
    key: IntArray


class Job(NamedTuple):
    """Everything that a kernel needs; `bounds` (k, 5) is room for a compiled one."""

    boxes: Placed
    shapes: Shapes
    grids: Grids
    rule: Rule
    found: Found
    bounds: FloatArray


def match(first: int, last: int, job: Job) -> None:
    """Find the positives of the boxes of some images."""
    boxes, shapes, grids, rule, found, _ = job
    lo, hi = int(boxes.start[first]), int(boxes.start[last])
    image = np.repeat(np.arange(first, last), np.diff(boxes.start[first : last + 1]))
    step = max(1, AT_ONCE // 64 // len(shapes.level))
    for a in range(lo, hi, step):
        b = min(a + step, hi)
        _find_best(slice(a, b), boxes, boxes.grid[image[a - lo : b - lo]], shapes, grids, found)
    for a, b in _spans(first, last, boxes.start, step):
        own = image[boxes.start[a] - lo : boxes.start[b] - lo]
        _count(slice(int(boxes.start[a]), int(boxes.start[b])), boxes, own, shapes, grids, rule, found)


def _spans(first: int, last: int, start: IntArray, step: int) -> Iterator[tuple[int, int]]:
    """Yield images in runs of about so many boxes."""
    while first < last:
        end = max(first + 1, int(np.searchsorted(start, start[first] + step, "right")) - 1)
        yield first, min(end, last)
        first = min(end, last)


class _Sides(NamedTuple):
    """Boxes and anchors along both axes, float64: arrays (2, n, k), or (2, n, 1) for those of a box alone."""

    low: FloatArray
    high: FloatArray
    half: FloatArray
    first: FloatArray
    step: FloatArray
    number: IntArray
    area: FloatArray  # of box and anchor together, less what rounding may take, (n, k)
    upper: FloatArray  # of the overlap


def _sides(corners: Float32, grid: IntArray, shapes: Shapes, grids: Grids) -> tuple[_Sides, IntArray]:
    """Return boxes and anchors, and the place of each anchor that is nearest to the box, (2, n, k)."""
    double = corners.astype(np.float64)
    low, high = double[:, :2].T[:, :, None], double[:, 2:].T[:, :, None]
    half = shapes.half.astype(np.float64).T[:, None, :]
    first, step = (one[grid][:, shapes.level].transpose(2, 0, 1).astype(np.float64) for one in grids[:2])
    number = grids.number[grid][:, shapes.level].transpose(2, 0, 1)
    place = np.rint(((low + high) / 2.0 - first) / step).clip(0, number - 1)
    centre = first + place * step
    upper = (np.minimum(high, centre + half) - np.maximum(low, centre - half) + SLACK).clip(0.0)
    area = np.prod(high - low, axis=0) + np.prod(2.0 * half, axis=0) - 2.0 * SLACK * half.sum(axis=0)
    return _Sides(low, high, half, first, step, number, area, upper), place.astype(np.int64)


def _iou(corners: Float32, anchors: Float32) -> Float32:
    """Return the IoU of boxes with anchors, (..., 4) both, operation by operation as torchvision does."""
    sides = (np.minimum(corners[..., 2:], anchors[..., 2:]) - np.maximum(corners[..., :2], anchors[..., :2])).clip(0)
    inter = sides[..., 0] * sides[..., 1]
    area = (corners[..., 2] - corners[..., 0]) * (corners[..., 3] - corners[..., 1])
    other = (anchors[..., 2] - anchors[..., 0]) * (anchors[..., 3] - anchors[..., 1])
    iou: Float32 = inter / (area + other - inter)
    return iou


def _anchors(places: Any, shape: IntArray, grid: IntArray, shapes: Shapes, grids: Grids) -> Float32:
    """Return the corners of anchors at places (x, y), (..., 4)."""
    level = shapes.level[shape]
    place = np.stack(places, axis=-1).astype(np.float32)
    centre = grids.first[grid, level] + place * grids.step[grid, level]
    half = shapes.half[shape]
    corners: Float32 = np.concatenate([centre - half, centre + half], axis=-1)
    return corners


def _candidates(
    rows: IntArray, least: Float32, sides: _Sides
) -> Iterator[tuple[IntArray, IntArray, tuple[IntArray, IntArray]]]:
    """Yield box, anchor and places (x, y) of all that may have an IoU of at least `least`, (n,); of some boxes."""
    t = least.astype(np.float64)[:, None] * (1.0 - RELATIVE)
    upper = sides.upper[:, rows]
    inter = t / (1.0 + t) * sides.area[rows]
    box, shape = np.nonzero(upper[0] * upper[1] >= inter)
    own = rows[box]
    begin, count = [], []
    for axis in (0, 1):
        overlap = inter[box, shape] / sides.upper[1 - axis, own, shape] - SLACK
        low, high, half = sides.low[axis, own, 0], sides.high[axis, own, 0], sides.half[axis, 0, shape]
        first, step = sides.first[axis, own, shape], sides.step[axis, own, shape]
        a = np.ceil((low - half + overlap - first) / step).clip(0.0)
        b = np.floor((high + half - overlap - first) / step).clip(None, sides.number[axis, own, shape] - 1)
        begin.append(a.astype(np.int64))
        count.append((b - a + 1).clip(0).astype(np.int64))
    total = count[0] * count[1]
    ends = np.cumsum(total)
    for a, b in _runs(ends):
        each = np.repeat(np.arange(a, b), total[a:b])
        within = np.arange(len(each)) - np.repeat(ends[a:b] - total[a:b] - (ends[a] - total[a]), total[a:b])
        places = begin[0][each] + within % count[0][each], begin[1][each] + within // count[0][each]
        yield own[each], shape[each], places


def _runs(ends: IntArray) -> Iterator[tuple[int, int]]:
    """Yield runs of about AT_ONCE, given the running sums of what each entry has."""
    a = 0
    while a < len(ends):
        before = int(ends[a - 1]) if a else 0
        b = max(a + 1, int(np.searchsorted(ends, before + AT_ONCE, "right")))
        yield a, b
        a = b


def _key(places: Any, shape: IntArray, grid: IntArray, shapes: Shapes, grids: Grids) -> IntArray:
    """Return the place of anchors in the detector's order: by level, row by row, anchors of a cell together."""
    level = shapes.level[shape]
    key: IntArray = (level << 48) | ((places[1] * grids.number[grid, level, 0] + places[0]) << 12) | shapes.at[shape]
    return key


def _find_best(part: slice, boxes: Placed, grid: IntArray, shapes: Shapes, grids: Grids, found: Found) -> None:
    """Find the best IoU of some boxes, and their first anchor that has it."""
    corners = boxes.corners[part]
    sides, place = _sides(corners, grid, shapes, grids)
    every = np.broadcast_to(np.arange(len(shapes.level)), place.shape[1:])
    near = _iou(corners[:, None], _anchors(place, every, grid[:, None], shapes, grids))
    best = near.max(axis=1)
    key = np.full(len(best), np.iinfo(np.int64).max)
    some = np.flatnonzero(best > 0)
    for own, shape, places in _candidates(some, best[some], sides):
        iou = _iou(corners[own], _anchors(places, shape, grid[own], shapes, grids))
        before = best.copy()
        np.maximum.at(best, own, iou)
        key[best > before] = np.iinfo(np.int64).max
        ties = iou == best[own]
        at = tuple(one[ties] for one in places)
        np.minimum.at(key, own[ties], _key(at, shape[ties], grid[own[ties]], shapes, grids))
    found.best[part], found.key[part] = best, key


def _count(part: slice, boxes: Placed, image: IntArray, shapes: Shapes, grids: Grids, rule: Rule, found: Found) -> None:
    """Count the positives of the boxes of whole images."""
    corners, best, grid = boxes.corners[part], found.best[part], boxes.grid[image]
    sides, _ = _sides(corners, grid, shapes, grids)
    least = np.minimum(best, rule.above)
    allowed = best > 0 if rule.forced != NONE else best >= rule.above
    if rule.forced == EVERY_OWN:
        allowed &= (best >= rule.least) | (best >= rule.above)
    for own, shape, places in _candidates(np.flatnonzero(allowed), least[allowed], sides):
        anchors = _anchors(places, shape, grid[own], shapes, grids)
        key = _key(places, shape, grid[own], shapes, grids)
        listed = _iou(corners[own], anchors) >= least[own]
        if rule.forced in (ONE, ONE_FIRST):
            listed &= (least[own] == rule.above) | (key == found.key[part][own])
        rows = _once(image[own], key, np.flatnonzero(listed))
        _award(part, boxes, image[own[rows]], anchors[rows], key[rows], rule, found)


def _once(image: IntArray, key: IntArray, rows: IntArray) -> IntArray:
    """Return the rows of different anchors, one for each."""
    rows = rows[np.lexsort((key[rows], image[rows]))]
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (np.diff(key[rows]) != 0) | (np.diff(image[rows]) != 0)
    return rows[new]


def _award(
    part: slice, boxes: Placed, image: IntArray, anchors: Float32, key: IntArray, rule: Rule, found: Found
) -> None:
    """Add each of these different anchors to the positives of the box that it is assigned to."""
    number = np.diff(boxes.start)[image]
    ends = np.cumsum(number)
    for a, b in _runs(ends):
        size = number[a:b]
        begin = ends[a:b] - size - (ends[a] - size[0])
        each = np.repeat(np.arange(a, b), size)
        box = boxes.start[image[each]] + np.arange(len(each)) - np.repeat(begin, size)
        iou = _iou(boxes.corners[box], anchors[each])
        top = iou == np.repeat(np.maximum.reduceat(iou, begin), size)
        row = boxes.row[box]
        owner = np.minimum.reduceat(np.where(top, row, np.iinfo(np.int64).max), begin)
        if rule.forced in (EVERY_OWN, ONE, ONE_FIRST):
            mine = (iou == found.best[box]) & (iou >= rule.least) & (iou > 0)
            mine = mine if rule.forced == EVERY_OWN else found.key[box] == key[each]
            if rule.forced == ONE_FIRST:
                forced = np.minimum.reduceat(np.where(mine, row, np.iinfo(np.int64).max), begin)
                owner = np.where(forced < np.iinfo(np.int64).max, forced, owner)
            else:
                forced = np.maximum.reduceat(np.where(mine, row, -1), begin)
                owner = np.where(forced >= 0, forced, owner)
        place = np.flatnonzero(row == np.repeat(owner, size))
        np.add.at(found.positives, (box[place], key[a:b] >> 48), 1)
