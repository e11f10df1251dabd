"""Late steps of k-means on a shard at the cost of what moved: see ``kernels._bands`` for why labels stay.

Where a scratch step decides all blocks anew, a late step looks at the few boxes whose label may have changed, and keeps
three things up to date: the counts, the complete histograms, and the sides in the bins of the medians (for means, the
exact sums). All are whole numbers or plain sets, so a step has the same bits as one from scratch.

A frame is for centres that move on as they moved so far: around where they will be half-way through `m` steps. It is
made again, at the centres of the step before, when a centre has left its ball; `m` is chosen so that the frame holds a
few times the boxes that a step from scratch looks at. Inner levels are for a fraction of the steps that are left.
Speeds, and so the run of levels, follow from the centres alone, never from time.

Steps are taken from scratch where centres move too fast, where one lost its boxes or jumped, where too many boxes lie
close together, and for weighted boxes, more than `MOST_CENTERS` centres and other metrics than the IoU.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.engine._assignment import Assignment, Share, Work
from fastanchor.kernels import part
from fastanchor.kernels._band_tables import BUCKETS, Ball, Bins, Frame, Kept, Tally
from fastanchor.kernels._choice import worth
from fastanchor.kernels._tables import IOU, RUN, Centers, Found, Histograms, Leaves, Sought

__all__ = ["Bands", "Late", "compile_at_once"]

LEVELS = 10
RATIO = 3.0  # steps of a level, as a multiple of those of the next one; 2 to 6 take the same time within a tenth
FEW = 1000  # boxes of a level that are not worth another one
SHRUNK = 0.7  # a level of more boxes than this share of the one before is not kept
FRAME = 3.5  # boxes of a frame, as a multiple of those that a step from scratch looks at
GOAL = 20_000  # boxes that it may always hold
SHARE = 8  # a frame may hold 1 / SHARE of all boxes
LEAST = 100_000  # estimate: with fewer boxes a step from scratch costs no more than the overhead of a late one
FIRST, SHORTEST = 8.0, 2.0  # steps of the first frame, and those below which a frame does not pay
FARTHEST = 0.4  # reach beyond which a frame cannot pay
NEAREST = 1e-9  # least reach, so that centres may stand still for a while
FADE = 0.85  # of the largest move, with each step
WAIT = 4  # steps from scratch before a frame is tried again
MANY = 8  # bins to gather from, from which on looking for the leaves that they cross does not pay
ROOM = 200_000  # values in the bins of the medians, or 3 / 8 of the boxes


_spent = [0.0]  # seconds of this process for some of the steps that could have been late ones


def compile_at_once() -> None:
    """Let late steps begin in this process as soon as they are of use, whatever compiling their kernels takes."""
    _spent[0] = np.inf


class Late(NamedTuple):
    """A late step: whether a box changed its centre, the counts, and the medians (k, 2) or the exact sums of sides."""

    changed: bool
    counts: IntArray
    medians: FloatArray
    sums: IntArray


class Pace:
    """How fast the centres move.

    Attributes
    ----------
    at, mean : (k, 2) float64
        Their logarithms, and the running mean of their moves.
    length, most, speed : (k,) float64
        The length of the mean, the longest move of late, and roughly that of the next one.
    """

    def __init__(self) -> None:
        self.at = self.mean = self.length = self.most = self.speed = np.empty(0)

    def move(self, centers: FloatArray) -> None:
        """Take the centres of the next step."""
        last, self.at = self.at, np.log(centers)
        if not last.size:
            return
        move = self.at - last
        size = _length(move)
        if not size.max() < FARTHEST:  # a jump, or a centre without boxes
            self.mean = self.most = np.empty(0)
            return
        self.most = np.maximum(FADE * self.most, size) if self.most.size else size
        self.mean = 0.7 * self.mean + 0.3 * move if self.mean.size else move
        self.length = _length(self.mean)
        self.speed = 0.5 * (self.length + self.most) + 1e-300

    def ahead(self, steps: float) -> tuple[FloatArray, FloatArray]:
        """Return the logarithms of places (k, 2) and a reach (k,) that hold the centres for so many steps, roughly."""
        reach = 0.5 * steps * self.length + self.most
        return self.at + 0.5 * steps * self.mean, np.maximum(reach, 0.1 * reach.max() + NEAREST)

    def steps(self, reach: float) -> float:
        """Return for how many steps the reaches add up to this, and none is too far."""
        length = self.length + 1e-300
        far = (0.9 * FARTHEST - self.most) / length
        return 2.0 * min((reach - float(self.most.sum())) / float(length.sum()), float(far.min()))


def _length(moves: FloatArray) -> FloatArray:
    """Return how far moves of centres (..., 2) go, in logarithms."""
    size = np.abs(moves)
    length: FloatArray = size[..., 0] + size[..., 1]
    return length


class Bands:
    """The late steps of a run.

    Parameters
    ----------
    work : Work
        The boxes of a shard; without weights.
    factor : float, optional
        What sides are multiplied with before they are cut into digits, if centres move to means.
    """

    def __init__(self, work: Work, factor: float | None) -> None:
        self._work, self._factor, self._pace = work, factor, Pace()
        spec, grid = work.grid.spec, work.grid
        self._bins = Bins(spec.base_w, spec.base_h, spec.shift, grid.nx, grid.ny)
        self._levels = 0  # that hold; 0 before a frame, and after it broke
        self._counted = False  # whether the tally is that of the centres before
        self._open = self._wait = 0
        self._frame: Frame | None = None
        self._boxes = [0] * LEVELS  # of each level
        self._usable = False
        self._barren = 0.0  # steps that the innermost level may last, when the next one was not smaller
        self._cost = 0.0  # seconds that the last step from scratch took, roughly
        self._density = 0.0  # boxes of a frame for each unit of its reach

    def scratched(self, step: Assignment, sums: IntArray) -> None:
        """Note what a step from scratch looked at, and its sums."""
        self._open, self._cost, self._sums, self._levels, self._counted = step.open_boxes, step.cost, sums, 0, False

    def step(self, old: FloatArray | None, new: FloatArray) -> bool | None:
        """Move to `new` from the centres before; return whether a label changed, or None if scratch is the way."""
        self._pace.move(new)
        if old is None or not self._pace.most.size or len(old) > part("bands").MOST_CENTERS:
            self._levels = 0
            return None
        self._levels = self._holding()
        if not self._levels and not self._framed(old):
            return None
        self.centers = Centers.of(IOU, new)
        return self._scan(self.centers)

    def late(self, changed: bool) -> Late | None:
        """Return the answers of the step just taken, or None if it has to be taken from scratch after all."""
        counts = self._tally.hist.counts.copy()
        if self._factor is not None:
            return Late(changed, counts, np.empty((0, 2)), self._tally.sums)
        after = self._medians()
        return None if after is None else Late(changed, counts, after, self._tally.sums)

    def share(self) -> Share:
        """Return the share of this shard, where there are several: complete histograms, or exact sums."""
        hist = self._tally.hist
        if self._factor is not None:
            bins = 1 << part("marginals").COARSE
            hist = Histograms.empty(len(hist.counts), self._bins.nx, self._bins.ny, bins)._replace(counts=hist.counts)
        return Share(hist, self._tally.sums)

    # ---- levels

    def _holding(self) -> int:
        """Return how many levels hold the centres, with level 0, which has no ball; 0 for none."""
        if not self._levels:
            return 0
        far = _length(self._pace.at - self._places[1 : self._levels])
        holds = (far <= self._reach[1 : self._levels]).all(axis=1)
        return self._levels if holds.all() else _whole(int(holds.argmin()) + 1)

    def _scan(self, centers: Centers) -> bool:
        """Decide the boxes of the innermost level, and sort out the next one if it pays."""
        assert self._frame is not None
        frame, level, pace = self._frame, self._levels - 1, self._pace
        boxes, steps, ball = self._boxes[level], 0.0, self._nowhere
        if boxes > FEW and level + 1 < LEVELS and int(frame.span[level, -1, 1]) + boxes <= len(frame.inner_w):
            steps = float((self._reach[level] / pace.speed).min())
        build = steps >= RATIO and steps > 2.0 * self._barren
        if build:
            self._places[level + 1], self._reach[level + 1] = pace.ahead(steps / RATIO)
            ball = Ball.of(np.exp(self._places[level + 1]), self._reach[level + 1])
        changed = part("bands").scan(frame, centers, level, ball, self._bins, self._tally, self._buffers)
        if build:
            self._boxes[level + 1] = inner = frame.boxes(level + 1)
            self._barren = 0.0 if inner <= SHRUNK * boxes else steps
            self._levels += inner <= SHRUNK * boxes
        return bool(changed)

    # ---- frames

    def _framed(self, old: FloatArray) -> bool:
        """Make a frame with the labels of the centres before; return whether that pays."""
        self._wait -= 1
        if self._wait > 0 or not self._compiled():
            return False
        n, pace = len(self._work.grid.w), self._pace
        goal = min(max(FRAME * self._open, GOAL), n / SHARE)
        for _ in range(2):
            steps = pace.steps((goal - self._open) / self._density) if self._density else min(pace.steps(np.inf), FIRST)
            if steps < SHORTEST:
                break
            places, reach = pace.ahead(steps)
            whole = int(1.5 * goal)
            found = Assignment(self._work, np.exp(places), "iou", reach=reach, room=whole)
            extra = max(found.open_boxes - self._open, 0.1 * self._open, 1.0)
            self._density = extra / float(reach.sum())
            if not found.given_up and self._fill(found, places, reach, Centers.of(IOU, old)):
                self._levels = 2
                return True
        self._wait, self._counted = WAIT, False
        return False

    def _compiled(self) -> bool:
        """Return whether the kernels are there, or steps from scratch have cost so much that compiling them pays."""
        if not self._usable:
            self._usable = worth("_bands", "scan", _spent[0])
            _spent[0] += self._cost
        return self._usable

    def _fill(self, found: Assignment, places: FloatArray, reach: FloatArray, old: Centers) -> bool:
        """Fill a frame with the boxes of open leaves; return False if these have too many sets of candidates."""
        kernel, leaves, grid = part("bands"), Leaves.joined(found.leaves), self._work.grid
        sets, boxes = np.empty((2, kernel.GROUPS), np.int64)
        found.request()
        owner = np.empty(leaves.x.size, np.int64)
        count = kernel.group(leaves, sets, np.empty(4 * kernel.GROUPS, np.int64), owner, boxes)
        if count < 0:
            return False
        fresh = not self._counted
        if fresh:
            self._begin(len(reach))
        hist = self._tally.hist if fresh else self._nothing
        frame = self._frame = _frame(sets[:count], boxes[:count], len(reach), self._frame)
        kernel.stage(grid.tables, leaves, owner, frame, hist)
        self._places[1], self._reach[1] = places, reach
        kernel.scan(
            frame, old, 0, Ball.of(found.given, reach), self._bins, self._tally._replace(hist=hist), self._buffers
        )
        self._boxes[1] = frame.boxes(1)
        self._leaves, self._counted, self._barren = leaves, True, 0.0
        return True

    def _begin(self, k: int) -> None:
        """Make room for k centres, with an empty tally."""
        nx, ny = (self._bins.nx, self._bins.ny) if self._factor is None else (0, 0)
        hist = Histograms.empty(k, nx, ny, 1 << part("marginals").COARSE)
        if self._factor is not None:
            hist = hist._replace(fine_w=np.empty((0, 0), np.int64), fine_h=np.empty((0, 0), np.int64))
        sums = self._sums.copy() if self._factor is not None else np.empty((0, 0), np.int64)
        self._tally = Tally(hist, Kept.empty(k, 0), sums, self._factor or 1.0)
        self._nothing = hist._replace(counts=np.empty(0, np.int64))
        self._places, self._reach = np.empty((LEVELS, k, 2)), np.empty((LEVELS, k))
        self._buffers = np.empty((k + 6, RUN))
        self._sought = Sought.empty(k)
        self._nowhere = Ball(*np.empty((4, 0)))

    # ---- medians

    def _medians(self) -> FloatArray | None:
        """Return the medians of each centre's boxes, (k, 2); None if too many boxes lie in their bins."""
        k = len(self.centers.w)
        out, sought, hist = np.empty((k, 2)), self._sought, self._tally.hist
        while part("kept").middles(hist, self._tally.kept, sought, out):
            found, kept = self.gathered(sought), self._tally.kept
            fresh = not kept.used[0]  # so that all bins were gathered
            if part("kept").fill(hist, sought, found, kept, out):
                break
            if not fresh:
                kept.used[0], kept.room[:], kept.bin[:] = 0, 0, -1
                continue
            room = 3 * found.values.size + 4 * BUCKETS * 2 * k
            if room > max(ROOM, 3 * len(self._work.grid.w) // 8):
                self._levels, self._wait, self._counted = 0, 1 << 30, False
                return None
            self._tally = self._tally._replace(kept=Kept.empty(k, room))
        return out

    def gathered(self, sought: Sought) -> Found:
        """Return the sides in the bins sought, from the leaves that these cross: mostly one bin, and few leaves."""
        leaves, wanted = self._leaves, np.argwhere(sought.bins >= 0)
        if len(wanted) <= MANY:
            hit = np.zeros(leaves.x.size, bool)
            for axis, j, side in wanted.tolist():
                here = sought.bins[axis, j, side] >> leaves.level == (leaves.y if axis else leaves.x)
                hit |= here & ((leaves.label == j) | (leaves.label < 0))
            leaves = Leaves._make([*(column[hit] for column in leaves[:7]), leaves.cands])
        tables, hist = self._work.grid.tables, self._tally.hist
        found: Found = part("shards").sides(tables, self.centers, leaves, hist, sought)
        return found


def _whole(levels: int) -> int:
    """Return the number of levels; level 0 alone is none."""
    return levels if levels > 1 else 0


def _frame(sets: IntArray, boxes: IntArray, k: int, last: Frame | None) -> Frame:
    """Return an empty frame with room for so many boxes with each of these sets of candidates; `last` gives its room.

    Fresh memory would cost as much as writing to it.
    """
    have = (sets[:, None] >> np.arange(k) & 1).astype(bool)
    span = np.zeros((LEVELS, len(sets), 2), np.int64)
    span[0] = (np.cumsum(boxes) - boxes)[:, None]
    first, cands = np.concatenate([[0], np.cumsum(have.sum(axis=1))]), np.nonzero(have)[1].astype(np.int32)
    room = int(boxes.sum())
    if last is not None and len(last.w) >= room:
        return last._replace(first=first, cands=cands, span=span)
    room += room // 8
    inner = room + room // 8 + RUN
    return Frame(
        np.empty(room),
        np.empty(room),
        np.empty(room, np.uint8),
        first,
        cands,
        span,
        np.empty(inner),
        np.empty(inner),
        np.empty(inner, np.int32),
    )
