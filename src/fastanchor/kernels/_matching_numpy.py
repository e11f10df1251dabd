"""The kernels of ``_matching`` in NumPy, where numba is not in use.

IoU are computed in float32, with the operations of ``box_iou`` of torchvision in their order, because a detector
compares them for equality.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.kernels._matching_types import (
    DISTINCT,
    EVERY_OWN,
    MISSED,
    NONE,
    NOTHING,
    ONE,
    ONE_FIRST,
    RELATIVE,
    SLACK,
    Float32,
    Grids,
    Job,
    Shapes,
)

__all__ = ["match"]

AT_ONCE = 1 << 20  # pairs of boxes and anchors
NO_KEY = np.iinfo(np.int64).max


def match(first: int, last: int, job: Job) -> None:
    """Find the positives of the boxes of some images."""
    start = job.boxes.start
    step = max(1, AT_ONCE // 64 // len(job.shapes.level))
    for a in range(int(start[first]), int(start[last]), step):
        _find_best(slice(a, min(a + step, int(start[last]))), job)
    for a, b in _spans(first, last, start, step):
        part, image = slice(int(start[a]), int(start[b])), np.repeat(np.arange(a, b), np.diff(start[a : b + 1]))
        _settle(part, job)
        if job.rule.forced == DISTINCT:
            _distinct(part, image, job)
        if job.rule.forced == MISSED:
            _missed(part, image, job)
        _count(part, image, job)


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
    begin: IntArray  # places of the anchors
    end: IntArray
    area: FloatArray  # of box and anchor together, less what rounding may take, (n, k)
    upper: FloatArray  # of the overlap
    room: float  # SLACK, and what is added to each side


def _sides(corners: Float32, grid: IntArray, job: Job) -> tuple[_Sides, IntArray]:
    """Return boxes and anchors, and the place of each anchor that is nearest to the box, (2, n, k)."""
    shapes, grids, plus = job.shapes, job.grids, float(job.rule.plus)
    double = corners.astype(np.float64)
    low, high = double[:, :2].T[:, :, None], double[:, 2:].T[:, :, None]
    half = shapes.half.astype(np.float64).T[:, None, :]
    first, step = (one[grid][:, shapes.level].transpose(2, 0, 1) for one in grids[:2])
    begin, end = grids.low[grid].transpose(2, 0, 1), grids.high[grid].transpose(2, 0, 1)
    place = np.minimum(np.maximum(np.rint(((low + high) / 2.0 - first) / step), begin), end)
    centre = first + place * step
    room = SLACK + plus
    upper = (np.minimum(high, centre + half) - np.maximum(low, centre - half) + room).clip(0.0)
    upper[begin > end] = 0.0
    area = np.prod(high - low + plus, axis=0) + np.prod(2.0 * half + plus, axis=0)
    area -= 2.0 * SLACK * (half.sum(axis=0) + plus)
    return _Sides(low, high, half, first, step, begin, end, area, upper, room), place.astype(np.int64)


def _iou(corners: Float32, anchors: Float32, plus: np.float32) -> Float32:
    """Return the IoU of boxes with anchors, (..., 4) both, operation by operation as torchvision does."""
    sides = np.minimum(corners[..., 2:], anchors[..., 2:]) - np.maximum(corners[..., :2], anchors[..., :2])
    sides = (sides + plus).clip(0)
    inter = sides[..., 0] * sides[..., 1]
    area = (corners[..., 2] - corners[..., 0] + plus) * (corners[..., 3] - corners[..., 1] + plus)
    other = (anchors[..., 2] - anchors[..., 0] + plus) * (anchors[..., 3] - anchors[..., 1] + plus)
    iou: Float32 = inter / (area + other - inter)
    return iou


def _anchors(places: Any, shape: IntArray, grid: IntArray, shapes: Shapes, grids: Grids) -> Float32:
    """Return the corners of anchors at places (x, y), (..., 4)."""
    level = shapes.level[shape]
    place = np.stack(places, axis=-1).astype(np.float64)
    centre = (grids.first[grid, level] + place * grids.step[grid, level]).astype(np.float32)
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
        overlap = inter[box, shape] / sides.upper[1 - axis, own, shape] - sides.room
        low, high, half = sides.low[axis, own, 0], sides.high[axis, own, 0], sides.half[axis, 0, shape]
        first, step = sides.first[axis, own, shape], sides.step[axis, own, shape]
        a = np.maximum(np.ceil((low - half + overlap - first) / step), sides.begin[axis, own, shape])
        b = np.minimum(np.floor((high + half - overlap - first) / step), sides.end[axis, own, shape])
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


def _find_best(part: slice, job: Job) -> None:
    """Find the best IoU of some boxes, and their first anchor that has it."""
    boxes, shapes, grids, plus, found = job.boxes, job.shapes, job.grids, job.rule.plus, job.found
    corners = boxes.corners[part]
    grid = boxes.grid[np.searchsorted(boxes.start, np.arange(part.start, part.stop), "right") - 1]
    sides, place = _sides(corners, grid, job)
    every = np.broadcast_to(np.arange(len(shapes.level)), place.shape[1:])
    near = _iou(corners[:, None], _anchors(place, every, grid[:, None], shapes, grids), plus)
    near[(sides.upper == 0.0).any(axis=0)] = 0.0
    best = near.max(axis=1)
    key = np.full(len(best), NO_KEY)
    some = np.flatnonzero(best > 0)
    for own, shape, places in _candidates(some, best[some], sides):
        iou = _iou(corners[own], _anchors(places, shape, grid[own], shapes, grids), plus)
        before = best.copy()
        np.maximum.at(best, own, iou)
        key[best > before] = NO_KEY
        ties = iou == best[own]
        at = tuple(one[ties] for one in places)
        np.minimum.at(key, own[ties], _key(at, shape[ties], grid[own[ties]], shapes, grids))
    found.best[part], found.key[part] = best, key


def _settle(part: slice, job: Job) -> None:
    """Find the least IoU of the anchors that some boxes bring about."""
    rule, best = job.rule, job.found.best[part]
    allowed = best > 0 if rule.forced not in (NONE, MISSED) else best >= rule.above
    if rule.forced == EVERY_OWN:
        allowed &= (best >= rule.least) | (best >= rule.above)
    job.found.least[part] = np.where(allowed, np.minimum(best, rule.above), NOTHING)


def _distinct(part: slice, image: IntArray, job: Job) -> None:
    """Give the boxes of images different anchors, where the best ones of some are the same."""
    order = np.lexsort((job.found.key[part], image))
    key, own = job.found.key[part][order], image[order]
    same = (np.diff(key) == 0) & (np.diff(own) == 0) & (key[1:] != NO_KEY)
    for one in np.unique(own[1:][same]):
        _distinct_in(int(job.boxes.start[one]), int(job.boxes.start[one + 1]), job)


def _distinct_in(start: int, end: int, job: Job) -> None:
    """Give the boxes of an image different anchors, first where the IoU is largest."""
    found, row, taken = job.found, job.boxes.row, set[int]()
    queue = [(-iou, row[g], g, key) for g in range(start, end)
             for iou, key in [(found.best[g], int(found.key[g]))] if iou > 0]  # fmt: skip
    heapq.heapify(queue)
    while queue:
        iou, _, g, key = heapq.heappop(queue)
        if key not in taken:
            taken.add(key)
            found.key[g], found.least[g] = key, min(-iou, job.rule.above)
            continue
        best, key = _another(g, taken, job)
        if best > 0:
            heapq.heappush(queue, (-best, row[g], g, key))
        else:
            found.key[g], found.least[g] = NO_KEY, job.rule.above if found.best[g] >= job.rule.above else NOTHING


def _another(g: int, taken: set[int], job: Job) -> tuple[np.float32, int]:
    """Return the best IoU of a box with the other anchors, and the first that has it."""
    corners, shapes, grids = job.boxes.corners[g : g + 1], job.shapes, job.grids
    grid = job.boxes.grid[np.searchsorted(job.boxes.start, [g], "right") - 1]
    best, first = np.float32(0.0), NO_KEY
    sides, _ = _sides(corners, grid, job)
    for own, shape, places in _candidates(np.zeros(1, np.int64), np.full(1, 1e-30, np.float32), sides):
        iou = _iou(corners[own], _anchors(places, shape, grid[own], shapes, grids), job.rule.plus)
        key = _key(places, shape, grid[own], shapes, grids)
        iou[np.isin(key, list(taken))] = 0.0
        top = iou.max(initial=0.0)
        if top > 0 and top >= best:
            here = int(key[iou == top].min())
            best, first = top, here if top > best else min(first, here)
    return best, first


def _missed(part: slice, image: IntArray, job: Job) -> None:
    """Let boxes that got no anchor bring about their best one, and no other box one that is below the threshold."""
    found = job.found
    own = found.key[part].copy()
    found.key[part] = NO_KEY
    _count(part, image, job)
    missed = (found.positives[part].sum(axis=1) == 0) & (found.best[part] > 0)
    found.positives[part] = 0
    found.key[part] = np.where(missed, own, NO_KEY)
    found.least[part] = np.where(missed, np.minimum(found.best[part], job.rule.above), found.least[part])


def _count(part: slice, image: IntArray, job: Job) -> None:
    """Count the positives of the boxes of whole images."""
    boxes, shapes, grids, rule, found = job.boxes, job.shapes, job.grids, job.rule, job.found
    corners, grid, least = boxes.corners[part], boxes.grid[image], found.least[part]
    sides, _ = _sides(corners, grid, job)
    some, found_rows = np.flatnonzero(least < NOTHING), []
    for own, shape, places in _candidates(some, least[some], sides):
        anchors = _anchors(places, shape, grid[own], shapes, grids)
        key = _key(places, shape, grid[own], shapes, grids)
        iou = _iou(corners[own], anchors, rule.plus)
        listed = iou >= least[own]
        if rule.forced >= ONE:
            listed = (iou >= rule.above) | (key == found.key[part][own])
        found_rows.append((image[own[listed]], key[listed], anchors[listed]))
    if found_rows:
        own, key, anchors = (np.concatenate(each) for each in zip(*found_rows, strict=True))
        rows = _once(own, key)
        _award(own[rows], anchors[rows], key[rows], job)


def _once(image: IntArray, key: IntArray) -> IntArray:
    """Return the rows of different anchors, one for each."""
    rows = np.lexsort((key, image))
    new = np.ones(len(rows), dtype=bool)
    new[1:] = (np.diff(key[rows]) != 0) | (np.diff(image[rows]) != 0)
    return rows[new]


def _award(image: IntArray, anchors: Float32, key: IntArray, job: Job) -> None:
    """Add each of these different anchors to the positives of the box that it is assigned to."""
    boxes, rule, found = job.boxes, job.rule, job.found
    number = np.diff(boxes.start)[image]
    ends = np.cumsum(number)
    for a, b in _runs(ends):
        size = number[a:b]
        begin = ends[a:b] - size - (ends[a] - size[0])
        each = np.repeat(np.arange(a, b), size)
        box = boxes.start[image[each]] + np.arange(len(each)) - np.repeat(begin, size)
        iou = _iou(boxes.corners[box], anchors[each], rule.plus)
        top = iou == np.repeat(np.maximum.reduceat(iou, begin), size)
        row = boxes.row[box]
        owner = np.minimum.reduceat(np.where(top, row, NO_KEY), begin)
        if rule.forced >= EVERY_OWN:
            mine = (iou == found.best[box]) & (iou >= rule.least) & (iou > 0)
            mine = mine if rule.forced == EVERY_OWN else found.key[box] == key[each]
            if rule.forced == ONE_FIRST:
                forced = np.minimum.reduceat(np.where(mine, row, NO_KEY), begin)
                owner = np.where(forced < NO_KEY, forced, owner)
            else:
                forced = np.maximum.reduceat(np.where(mine, row, -1), begin)
                owner = np.where(forced >= 0, forced, owner)
        place = np.flatnonzero(row == np.repeat(owner, size))
        np.add.at(found.positives, (box[place], key[a:b] >> 48), 1)
