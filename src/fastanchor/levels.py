"""The levels of a detector: which anchors belong to which, their strides, and remarks about them.

Level p is a feature map of stride ``2 ** p``. Anchors are put on levels by area, the smallest on the lowest level.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._hints import called
from fastanchor._types import FloatArray, IntArray

__all__ = [
    "BY", "DEEPEST", "NAMED", "By", "Level", "LevelCounts", "as_counts", "as_level_counts", "by_level", "counts_of",
    "even_counts", "level_counts", "pyramid", "remarks", "unusual", "usual_counts",
]  # fmt: skip

By = Literal["area", "stride"]
BY = get_args(By)

DEEPEST = 12  # the largest level, of stride 4096

NAMED = {"tiny": (4, 5), "P5": (3, 4, 5), "P6": (3, 4, 5, 6), "P7": (3, 4, 5, 6, 7)}

# A level takes anchors whose side (root of the area) is below so many of its strides: 32 pixels at P3/8, 64 at P4/16,
# near the 30 and 60 that Darknet's handbook gives for its three heads.
REACH = 4.0

# (level, number of its anchors), smallest level first
LevelCounts = list[tuple[int, int]]


class Level(NamedTuple):
    """One level of a detector.

    `anchors` are (m, 2) pixels of the network input; `share` is the share of the boxes whose best anchor is on this
    level, or None if it is not known.
    """

    level: int
    stride: int
    anchors: FloatArray
    share: float | None = None

    @property
    def name(self) -> str:
        """The level and its stride, as in P3/8, or the stride alone if it is no power of 2."""
        return f"P{self.level}/{self.stride}" if self.stride == 2**self.level else f"stride {self.stride}"


def usual_counts(n: int) -> LevelCounts:
    """Return (level, number of anchors) for n anchors: three per level where n allows it, else equal numbers.

    Examples
    --------
    >>> usual_counts(9)
    [(3, 3), (4, 3), (5, 3)]
    >>> usual_counts(10)
    [(4, 5), (5, 5)]
    """
    count = n // 3 if n in (6, 9, 12, 15) else next(c for c in (3, 2, 1) if n % c == 0)
    return [(level, n // count) for level in pyramid(count)]


def unusual(n: int) -> list[str]:
    """Return a sentence if n anchors fit no usual detector, so that :func:`usual_counts` had to choose levels.

    Examples
    --------
    >>> unusual(9)
    []
    >>> unusual(7)
    ['7 anchors fit no usual head; they were put on P5 alone, choose with --levels and --per-level']
    """
    if n in (1, 2, 3, 4, 6, 9, 12, 15):
        return []
    names = [f"P{level}" for level, _ in usual_counts(n)]
    where = f"{names[0]} alone" if len(names) == 1 else " and ".join([", ".join(names[:-1]), names[-1]])
    return [f"{n} anchors fit no usual head; they were put on {where}, choose with --levels and --per-level"]


def level_counts(
    anchors: FloatArray,
    names: str | Sequence[int] | None = None,
    *,
    per_level: Sequence[int] | None = None,
    by: By = "area",
) -> LevelCounts:
    """Return (level, number of its anchors), smallest level first.

    Parameters
    ----------
    anchors : (n, 2) float64
        Pixels of the network input, smallest area first.
    names : str or sequence of int, optional
        The levels: ``"tiny"`` (P4, P5), ``"P5"`` (P3 to P5), ``"P6"``, ``"P7"``, a list as in ``"3,4,5"`` or
        ``[3, 4, 5]``. Default: those of :func:`usual_counts`, or as many as `per_level` has entries.
    per_level : sequence of int, optional
        Number of anchors of each level; must add up to n.
    by : {"area", "stride"}
        "area": equal numbers; where n cannot be divided, the smaller levels get one more. "stride": an anchor goes to
        the first level with 4 strides above the root of its area, else to the last; a level may stay empty.

    Raises
    ------
    DataError
        If a name is unknown, or the numbers do not add up.

    Examples
    --------
    >>> import numpy as np
    >>> anchors = np.array([[8, 8], [12, 20], [20, 20], [40, 50], [300, 200]])
    >>> level_counts(anchors, "P5")
    [(3, 2), (4, 2), (5, 1)]
    >>> level_counts(anchors, "P5", by="stride")
    [(3, 3), (4, 1), (5, 1)]
    >>> level_counts(anchors, "tiny", per_level=[4, 1])
    [(4, 4), (5, 1)]
    """
    n = len(anchors)
    _check.choice(by, "by", BY)
    if per_level is not None:
        if by == "stride":
            rule = f"cannot be given together with {called('by')} = 'stride', which counts the anchors itself"
            raise DataError(f"{called('per_level')}: {rule}")
        counts = as_counts(per_level, n)
        chosen = _named(names) if names is not None else pyramid(len(counts))
        if len(chosen) != len(counts):
            raise DataError(f"{called('per_level')} = {counts}: has {len(counts)} entries for {len(chosen)} levels")
        return list(zip(chosen, counts, strict=True))
    if names is None and by == "area":
        return usual_counts(n)
    chosen = _named(names) if names is not None else NAMED["P5"]
    if by == "area":
        return even_counts(n, chosen)
    side = np.sqrt(anchors[:, 0] * anchors[:, 1])
    limits = [REACH * 2**level for level in chosen[:-1]]
    counts = np.bincount(np.searchsorted(limits, side, side="right"), minlength=len(chosen)).tolist()
    return list(zip(chosen, counts, strict=True))


def as_level_counts(levels: Any, n: int) -> LevelCounts:
    """Return the levels of n anchors that a caller gave, checked.

    Raises
    ------
    DataError
        If they are not pairs (level, number of anchors) of whole numbers, a level is not from 0 to 12, levels do not
        rise, or the numbers do not add up to n.

    Examples
    --------
    >>> as_level_counts([(3, 2), (5, 1)], 3)
    [(3, 2), (5, 1)]
    """
    rows = [_check.listed(pair) for pair in _check.listed(levels) or ()]
    pairs = [row for row in rows if row is not None and len(row) == 2]
    given = f"{called('levels')} = {_check.short(levels)}"
    if not rows or len(pairs) < len(rows):
        raise WrongTypeError(f"{given}: expected pairs (level, number of anchors), as in [(3, 3), (4, 3), (5, 3)]")
    chosen = [_level(level, f"{called('levels')}[{i}][0]") for i, (level, _) in enumerate(pairs)]
    counts = [_check.integer(count, f"{called('levels')}[{i}][1]", least=0) for i, (_, count) in enumerate(pairs)]
    if not _rise(chosen):
        raise DataError(f"{given}: levels must rise, as in [(3, 3), (4, 3), (5, 3)]")
    if sum(counts) != n:
        raise DataError(f"{given}: got {sum(counts)} anchors on these levels, expected {n}")
    return list(zip(chosen, counts, strict=True))


def as_counts(per_level: Any, n: int) -> list[int]:
    """Return the numbers of anchors of the levels, if they add up to n.

    Raises
    ------
    DataError
        If they are not whole numbers >= 0, or do not add up to n.

    Examples
    --------
    >>> as_counts([2, 0, 1], 3)
    [2, 0, 1]
    """
    given = _check.listed(per_level)
    if given is None:
        rule = "must be the number of anchors of each level, as in [3, 3, 3]"
        raise WrongTypeError(f"{called('per_level')} = {_check.short(per_level)}: {rule}")
    counts = [_check.integer(count, "per_level", least=0) for count in given]
    if sum(counts) != n:
        rule = f"adds up to {sum(counts)}; must be {n}, the number of anchors"
        raise DataError(f"{called('per_level')} = {counts}: {rule}")
    return counts


def _level(value: Any, name: str) -> int:
    return _check.integer(value, name, least=0, most=DEEPEST)


def _rise(chosen: Sequence[int]) -> bool:
    return list(chosen) == sorted(set(chosen))


def even_counts(n: int, chosen: Sequence[int]) -> LevelCounts:
    """Return n anchors on the levels of `chosen` in equal numbers; the first levels take the remainder."""
    each, rest = divmod(n, len(chosen))
    return [(level, each + (i < rest)) for i, level in enumerate(chosen)]


def by_level(anchors: FloatArray, levels: LevelCounts, boxes: IntArray | None = None) -> list[Level]:
    """Return the levels with their anchors.

    Parameters
    ----------
    anchors : (n, 2) float64
        Pixels of the network input, smallest area first.
    levels : list of (level, number of its anchors)
        As :func:`level_counts` returns it.
    boxes : (n,) int64, optional
        Number of boxes for which each anchor is the best.

    Raises
    ------
    DataError
        If the levels break a rule of :func:`as_level_counts`.

    Examples
    --------
    >>> import numpy as np
    >>> [(level.name, level.share) for level in by_level(np.ones((3, 2)), [(4, 1), (5, 2)], np.array([1, 1, 2]))]
    [('P4/16', 0.25), ('P5/32', 0.75)]
    """
    result, start = [], 0
    for level, count in as_level_counts(levels, len(anchors)):
        rows = slice(start, start + count)
        share = None if boxes is None else float(boxes[rows].sum() / boxes.sum())
        result.append(Level(level, 2**level, anchors[rows], share))
        start += count
    return result


def counts_of(levels: Sequence[Level]) -> LevelCounts:
    """Return (level, number of its anchors) of levels that have their anchors."""
    return [(level.level, len(level.anchors)) for level in levels]


def remarks(levels: Sequence[Level], img_size: tuple[int, int] | None = None) -> list[str]:
    """Return a sentence for every level that is empty or has anchors smaller than its stride.

    A level of a single cell, whose stride is that of `img_size`, may have smaller anchors.

    Examples
    --------
    >>> import numpy as np
    >>> remarks(by_level(np.array([[4.0, 5.0]]), [(3, 1), (4, 0)]))
    ['P3/8: the only anchor is smaller than the stride, 8 pixels', 'P4/16: no anchor']
    """
    side = np.inf if img_size is None else min(img_size)
    sentences = []
    for level in levels:
        n = len(level.anchors)
        below = int(np.count_nonzero(np.sqrt(level.anchors[:, 0] * level.anchors[:, 1]) < level.stride))
        if not n:
            sentences.append(f"{level.name}: no anchor")
        elif below and level.stride < side:
            verb = "is" if below == 1 else "are"
            which = "the only anchor" if n == 1 else f"{below} of {n} anchors"
            sentences.append(f"{level.name}: {which} {verb} smaller than the stride, {level.stride} pixels")
    return sentences


def _named(names: Any) -> tuple[int, ...]:
    legal = f"{called('levels')} = {_check.short(names)}: must be {', '.join(NAMED)}, or rising levels as in 3,4,5"
    if isinstance(names, str):
        named = {name.lower(): levels for name, levels in NAMED.items()}
        if names.lower() in named:
            return named[names.lower()]
        if not re.fullmatch(r"\d\d?(,\d\d?)*", names):
            raise DataError(legal)
        names = [int(part) for part in names.split(",")]
    chosen = tuple(_level(level, "levels") for level in _check.listed(names) or ())
    if not chosen or not _rise(chosen):
        raise DataError(legal)
    return chosen


def pyramid(count: int) -> tuple[int, ...]:
    """Return the usual levels of a detector that has `count` of them, at most 8.

    Raises
    ------
    DataError
        If there are more.

    Examples
    --------
    >>> pyramid(2), pyramid(4)
    ((4, 5), (3, 4, 5, 6))
    """
    if not 0 <= count <= 8:
        raise DataError(f"{called('levels')}: got {count}, expected 1 to 8")
    first = {1: 5, 2: 4}.get(count, 3)
    return tuple(range(first, first + count))
