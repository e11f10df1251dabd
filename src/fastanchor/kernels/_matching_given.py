"""Positives of detectors that give a box an anchor of its own, or one only if it got none.

It is compiled apart from ``_matching``, whose functions it uses: most detectors do neither.
"""

from __future__ import annotations

from fastanchor.kernels._jit import helper, uncounted
from fastanchor.kernels._matching import (
    LAST,
    ZERO,
    Span,
    corners_at,
    count,
    find_all,
    iou_with,
    keep_bounds,
    key_of,
    needed,
    span_of,
)
from fastanchor.kernels._matching_types import DISTINCT, MISSED, NOTHING, Job

__all__ = ["match"]


@uncounted
def match(first: int, last: int, job: Job) -> None:
    """Find the positives of the boxes of some images."""
    for image in range(first, last):
        widest = find_all(image, job)
        if job.rule.forced == DISTINCT:
            _distinct(image, job)
        if job.rule.forced == MISSED:
            _hide(image, job)
            for g in range(job.boxes.start[image], job.boxes.start[image + 1]):
                count(g, image, widest, job)
            _missed(image, job)
        for g in range(job.boxes.start[image], job.boxes.start[image + 1]):
            count(g, image, widest, job)


@helper
def _distinct(image: int, job: Job) -> None:
    """Give the boxes of an image different anchors, first where the IoU is largest.

    Until a box has its anchor, `least` is the negative IoU of the one it may get.
    """
    start, end = job.boxes.start[image], job.boxes.start[image + 1]
    least, row = job.found.least, job.boxes.row
    for g in range(start, end):
        if job.found.best[g] > ZERO:
            least[g] = -job.found.best[g]
    while True:
        top = -1
        for g in range(start, end):
            if least[g] < ZERO and (top < 0 or least[g] < least[top] or (least[g] == least[top] and row[g] < row[top])):
                top = g
        if top < 0:
            return
        if not _taken(job.found.key[top], image, job):
            least[top] = min(-least[top], job.rule.above)
        else:
            _find_another(top, image, job)


@helper
def _taken(key: int, image: int, job: Job) -> bool:
    """Whether a box of an image has this anchor."""
    for h in range(job.boxes.start[image], job.boxes.start[image + 1]):
        if job.found.least[h] > ZERO and job.found.key[h] == key:
            return True
    return False


@helper
def _find_another(g: int, image: int, job: Job) -> None:
    """Find the best IoU of a box with the anchors that no box has, and the first that has it."""
    grid, found = job.boxes.grid[image], job.found
    found.least[g], found.key[g] = ZERO, LAST
    for k in range(job.shapes.level.size):
        keep_bounds(g, k, grid, job)
        inter = needed(k, -found.least[g], job)
        if inter >= 0.0:
            _look_among_others(g, k, image, span_of(g, k, grid, 0, inter, job), span_of(g, k, grid, 1, inter, job), job)
    if found.key[g] == LAST:
        found.least[g] = job.rule.above if found.best[g] >= job.rule.above else NOTHING


@helper
def _look_among_others(g: int, k: int, image: int, xs: Span, ys: Span, job: Job) -> None:
    """Do as `_look`, for anchors that no box has."""
    box, found, grid = job.boxes.corners[g], job.found, job.boxes.grid[image]
    for y in range(ys[0], ys[1] + 1):
        for x in range(xs[0], xs[1] + 1):
            x1, y1, x2, y2 = corners_at(k, grid, x, y, job)
            iou, key = iou_with(box, x1, y1, x2, y2, job.rule.plus), key_of(k, grid, x, y, job)
            better = iou > -found.least[g] or (iou == -found.least[g] and iou > ZERO and key < found.key[g])
            if better and not _taken(key, image, job):
                found.least[g], found.key[g] = -iou, key


@helper
def _hide(image: int, job: Job) -> None:
    """Turn the keys of boxes over, so that they are no anchor's, and no box forces one."""
    for g in range(job.boxes.start[image], job.boxes.start[image + 1]):
        job.found.key[g] = ~job.found.key[g]


@helper
def _missed(image: int, job: Job) -> None:
    """Let boxes that got no anchor bring about their best one; forget what boxes got."""
    found, levels = job.found, job.found.positives.shape[1]
    for g in range(job.boxes.start[image], job.boxes.start[image + 1]):
        number = 0
        for level in range(levels):
            number += found.positives[g, level]
            found.positives[g, level] = 0
        if number == 0 and found.best[g] > ZERO:
            found.key[g], found.least[g] = ~found.key[g], min(found.best[g], job.rule.above)
