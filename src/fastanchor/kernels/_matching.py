"""Positives of detectors that match by IoU: for each box, only places of the grid that can win are looked at.

Overlap with an anchor along one axis falls with the distance of the centres, so the place nearest to the box is the
best one for each anchor, and the places with at least some overlap are a range. Bounds are in float64 and leave room
for rounding; what is between them is computed in float32 as the detector computes it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from fastanchor.kernels._jit import helper, inlined, uncounted
from fastanchor.kernels._matching_types import (
    EVERY_OWN,
    MISSED,
    NONE,
    NOTHING,
    ONE,
    ONE_FIRST,
    RELATIVE,
    SLACK,
    Job,
)

__all__ = [
    "LAST", "ZERO", "Span", "corners_at", "count", "find_all", "iou_with", "keep_bounds", "key_of", "match", "needed",
    "span_of",
]  # fmt: skip

ZERO = np.float32(0.0)
LAST = np.int64(2**63 - 1)

Row = Any  # a row of an array: the corners of a box
Span = tuple[int, int]


@uncounted
def match(first: int, last: int, job: Job) -> None:
    """Find the positives of the boxes of some images."""
    for image in range(first, last):
        widest = find_all(image, job)
        for g in range(job.boxes.start[image], job.boxes.start[image + 1]):
            count(g, image, widest, job)


@helper
def find_all(image: int, job: Job) -> float:
    """Find the best IoU of the boxes of an image, and what they bring about; return the width of the widest."""
    boxes, widest, plus = job.boxes, 0.0, float(job.rule.plus)
    for g in range(boxes.start[image], boxes.start[image + 1]):
        widest = max(widest, float(boxes.corners[g, 2]) - float(boxes.corners[g, 0]) + plus)
        _find_best(g, boxes.grid[image], job)
        _settle(g, job)
    return widest


@inlined
def iou_with(box: Row, x1: np.float32, y1: np.float32, x2: np.float32, y2: np.float32, plus: np.float32) -> np.float32:
    """IoU of a box and an anchor, operation by operation as torchvision computes it."""
    w = max(min(box[2], x2) - max(box[0], x1) + plus, ZERO)
    h = max(min(box[3], y2) - max(box[1], y1) + plus, ZERO)
    inter = w * h
    area = (box[2] - box[0] + plus) * (box[3] - box[1] + plus)
    return inter / (area + (x2 - x1 + plus) * (y2 - y1 + plus) - inter)


@inlined
def corners_at(k: int, grid: int, x: int, y: int, job: Job) -> tuple[np.float32, np.float32, np.float32, np.float32]:
    """Corners of anchor k at a place."""
    half, first, step = job.shapes.half, job.grids.first, job.grids.step
    level = job.shapes.level[k]
    cx = np.float32(first[grid, level, 0] + float(x) * step[grid, level, 0])
    cy = np.float32(first[grid, level, 1] + float(y) * step[grid, level, 1])
    return cx - half[k, 0], cy - half[k, 1], cx + half[k, 0], cy + half[k, 1]


@inlined
def key_of(k: int, grid: int, x: int, y: int, job: Job) -> int:
    """Return the place of an anchor in the detector's order."""
    level = job.shapes.level[k]
    return (level << 48) | ((y * job.grids.number[grid, level, 0] + x) << 12) | job.shapes.at[k]


@helper
def _bound(g: int, k: int, grid: int, axis: int, job: Job) -> None:
    """Keep the place nearest to a box along an axis, and a bound of the overlap there."""
    low, high = float(job.boxes.corners[g, axis]), float(job.boxes.corners[g, axis + 2])
    level, half = job.shapes.level[k], float(job.shapes.half[k, axis])
    first, step = job.grids.first[grid, level, axis], job.grids.step[grid, level, axis]
    begin, end = job.grids.low[grid, k, axis], job.grids.high[grid, k, axis]
    place = np.rint(((low + high) / 2.0 - first) / step)
    place = min(max(place, float(begin)), float(end))
    centre = first + place * step
    overlap = min(high, centre + half) - max(low, centre - half) + (SLACK + float(job.rule.plus))
    job.bounds[k, axis] = place
    job.bounds[k, 2 + axis] = max(overlap, 0.0) if begin <= end else 0.0


@helper
def keep_bounds(g: int, k: int, grid: int, job: Job) -> None:
    """Keep what is needed of a box and an anchor: places, bounds, and the area of both less what rounding may take."""
    _bound(g, k, grid, 0, job)
    _bound(g, k, grid, 1, job)
    corners, half, plus = job.boxes.corners, job.shapes.half, float(job.rule.plus)
    w, h = float(half[k, 0]), float(half[k, 1])
    area = (float(corners[g, 2]) - float(corners[g, 0]) + plus) * (float(corners[g, 3]) - float(corners[g, 1]) + plus)
    job.bounds[k, 4] = area + (2.0 * w + plus) * (2.0 * h + plus) - 2.0 * SLACK * (w + h + plus)


@helper
def span_of(g: int, k: int, grid: int, axis: int, inter: float, job: Job) -> Span:
    """First and last place along an axis at which an intersection of this area is possible."""
    low, high = float(job.boxes.corners[g, axis]), float(job.boxes.corners[g, axis + 2])
    level, half = job.shapes.level[k], float(job.shapes.half[k, axis])
    first, step = job.grids.first[grid, level, axis], job.grids.step[grid, level, axis]
    overlap = inter / job.bounds[k, 3 - axis] - (SLACK + float(job.rule.plus))
    a = math.ceil((low - half + overlap - first) / step)
    b = math.floor((high + half - overlap - first) / step)
    return max(a, job.grids.low[grid, k, axis]), min(b, job.grids.high[grid, k, axis])


@helper
def needed(k: int, least: np.float32, job: Job) -> float:
    """Return the area of the intersection that an IoU of `least` takes; negative if no place reaches it."""
    t = float(least) * (1.0 - RELATIVE)
    inter = t / (1.0 + t) * job.bounds[k, 4]
    upper = job.bounds[k, 2] * job.bounds[k, 3]
    return inter if upper > 0.0 and upper >= inter else -1.0


@helper
def _find_best(g: int, grid: int, job: Job) -> None:
    """Find the best IoU of a box, and its first anchor that has it."""
    box, best = job.boxes.corners[g], ZERO
    for k in range(job.shapes.level.size):
        keep_bounds(g, k, grid, job)
        if job.bounds[k, 2] * job.bounds[k, 3] > 0.0:
            x1, y1, x2, y2 = corners_at(k, grid, int(job.bounds[k, 0]), int(job.bounds[k, 1]), job)
            best = max(best, iou_with(box, x1, y1, x2, y2, job.rule.plus))
    job.found.best[g], job.found.key[g] = best, LAST
    if best > ZERO:
        for k in range(job.shapes.level.size):
            inter = needed(k, job.found.best[g], job)
            if inter >= 0.0:
                _look(g, k, grid, span_of(g, k, grid, 0, inter, job), span_of(g, k, grid, 1, inter, job), job)


@helper
def _look(g: int, k: int, grid: int, xs: Span, ys: Span, job: Job) -> None:
    """Look for better IoU, or equal ones of an earlier anchor, at some places."""
    box, best, key = job.boxes.corners[g], job.found.best[g], job.found.key[g]
    for y in range(ys[0], ys[1] + 1):
        for x in range(xs[0], xs[1] + 1):
            x1, y1, x2, y2 = corners_at(k, grid, x, y, job)
            iou = iou_with(box, x1, y1, x2, y2, job.rule.plus)
            if iou > best:
                best, key = iou, key_of(k, grid, x, y, job)
            elif iou == best:
                key = min(key, key_of(k, grid, x, y, job))
    job.found.best[g], job.found.key[g] = best, key


@helper
def _settle(g: int, job: Job) -> None:
    """Find the least IoU of the anchors that a box brings about."""
    rule, best = job.rule, job.found.best[g]
    job.found.least[g] = NOTHING
    if best >= rule.above:
        job.found.least[g] = rule.above
    elif rule.forced != NONE and rule.forced != MISSED and _may_force(best, job):
        job.found.least[g] = best


@inlined
def _may_force(best: np.float32, job: Job) -> bool:
    """Whether a box with this best IoU forces anchors."""
    return bool(best > ZERO and (job.rule.forced != EVERY_OWN or best >= job.rule.least))


@helper
def count(g: int, image: int, widest: float, job: Job) -> None:
    """Count the positives that a box brings about."""
    grid, least = job.boxes.grid[image], job.found.least[g]
    if least >= NOTHING:
        return
    for k in range(job.shapes.level.size):
        keep_bounds(g, k, grid, job)
        inter = needed(k, least, job)
        if inter >= 0.0:
            xs, ys = span_of(g, k, grid, 0, inter, job), span_of(g, k, grid, 1, inter, job)
            for y in range(ys[0], ys[1] + 1):
                _award_row(g, k, image, (y, xs[0], xs[1]), widest, job)


@helper
def _award_row(g: int, k: int, image: int, places: tuple[int, int, int], widest: float, job: Job) -> None:
    """Count the positives that a box brings about in a row of places (y, x from, x to)."""
    box, grid, best, rule = job.boxes.corners[g], job.boxes.grid[image], job.found.best[g], job.rule
    one = rule.forced >= ONE
    y = places[0]
    for x in range(places[1], places[2] + 1):
        anchor = corners_at(k, grid, x, y, job)
        iou = iou_with(box, anchor[0], anchor[1], anchor[2], anchor[3], rule.plus)
        key = key_of(k, grid, x, y, job)
        if iou >= rule.above or (key == job.found.key[g] if one else iou == best):
            owner = _owner(g, image, anchor, key, widest, job)
            if owner >= 0:
                job.found.positives[owner, job.shapes.level[k]] += 1


@helper
def _owner(g: int, image: int, anchor: tuple[np.float32, ...], key: int, widest: float, job: Job) -> int:
    """Return the box that an anchor is assigned to; -1 if a box before this one brings it about too."""
    corners, row, rule = job.boxes.corners, job.boxes.row, job.rule
    start, end = job.boxes.start[image], job.boxes.start[image + 1]
    h = g
    while h > start and corners[h - 1, 0] + widest >= anchor[0]:
        h -= 1
    top, owner, forced = ZERO, -1, -1
    while h < end and corners[h, 0] < anchor[2] + rule.plus:
        iou = iou_with(corners[h], anchor[0], anchor[1], anchor[2], anchor[3], rule.plus)
        if iou > ZERO:
            mine = _forces(h, iou, key, job)
            if h < g and (iou >= rule.above or mine):
                return -1
            if iou > top or (iou == top and row[h] < row[owner]):
                top, owner = iou, h
            if mine and (forced < 0 or (row[h] > row[forced]) == (rule.forced != ONE_FIRST)):
                forced = h
        h += 1
    return forced if forced >= 0 and rule.forced >= EVERY_OWN else owner


@inlined
def _forces(h: int, iou: np.float32, key: int, job: Job) -> bool:
    """Whether a box makes this anchor positive whatever their IoU."""
    forced = job.rule.forced
    if forced == NONE:
        return False
    if forced >= ONE:
        return key == job.found.key[h]
    return iou == job.found.best[h] and _may_force(iou, job)
