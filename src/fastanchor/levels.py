"""Which anchor belongs to which layer of a detector: levels, their strides, and what is odd about them."""

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
    "BY", "DEEPEST", "NAMED", "By", "Layer", "Split", "checked", "counted", "equal", "layers", "levels", "remarks",
    "split", "unusual", "usual",
]  # fmt: skip

By = Literal["area", "stride"]
BY = get_args(By)

DEEPEST = 12  # the largest level, of stride 4096

# levels of the usual heads; level p has stride 2 ** p
NAMED = {"tiny": (4, 5), "P5": (3, 4, 5), "P6": (3, 4, 5, 6), "P7": (3, 4, 5, 6, 7)}

# A level takes anchors whose side (root of the area) is below so many of its strides: 32 pixels at P3/8, 64 at P4/16,
# near the 30 and 60 that Darknet's handbook gives for its three heads.
REACH = 4.0

# (level, anchors in it), smallest level first; anchors by area are dealt out in this order
Split = list[tuple[int, int]]


class Layer(NamedTuple):
    """One level of a detector.

    `anchors` are (m, 2) pixels of the network input; `share` is the part of the boxes that its anchors serve best, or
    None where no boxes were asked.
    """

    level: int
    stride: int
    anchors: FloatArray
    share: float | None


def levels(n: int) -> Split:
    """Return (level, anchors in it) for n anchors, smallest first: three a level where that works, else evenly.

    Level p has stride ``2 ** p``. Two levels are those of the tiny networks, P4 and P5.

    Examples
    --------
    >>> levels(9)
    [(3, 3), (4, 3), (5, 3)]
    >>> levels(10)
    [(4, 5), (5, 5)]
    """
    count = n // 3 if n in (6, 9, 12, 15) else next(c for c in (3, 2, 1) if n % c == 0)
    first = {1: 5, 2: 4}.get(count, 3)
    return [(first + i, n // count) for i in range(count)]


def unusual(n: int) -> list[str]:
    """Return a sentence if n anchors fit no usual head, so that :func:`levels` had to choose one.

    Examples
    --------
    >>> unusual(9)
    []
    >>> unusual(7)
    ['7 anchors fit no usual head; they were put on P5 alone, choose with --levels and --per-level']
    """
    if n in (1, 2, 3, 4, 6, 9, 12, 15):
        return []
    names = [f"P{level}" for level, _ in levels(n)]
    where = f"{names[0]} alone" if len(names) == 1 else " and ".join([", ".join(names[:-1]), names[-1]])
    return [f"{n} anchors fit no usual head; they were put on {where}, choose with --levels and --per-level"]


def split(
    anchors: FloatArray,
    names: str | Sequence[int] | None = None,
    *,
    per_level: Sequence[int] | None = None,
    by: By = "area",
) -> Split:
    """Return (level, anchors in it), smallest level first.

    Parameters
    ----------
    anchors : (n, 2) float64
        Pixels of the network input, smallest area first.
    names : str or sequence of int, optional
        The levels: ``"tiny"`` (P4, P5), ``"P5"`` (P3 to P5), ``"P6"``, ``"P7"``, a list as in ``"3,4,5"`` or
        ``[3, 4, 5]``. Default: what :func:`levels` says, or as many as `per_level` has entries.
    per_level : sequence of int, optional
        Anchors of each level; need not be equal, must add up to n.
    by : {"area", "stride"}
        "area": equal parts; where n cannot be divided, the smaller levels get one more. "stride": an anchor goes to
        the first level with 4 strides above the root of its area, else to the last; a level may stay empty.

    Raises
    ------
    DataError
        If a name is unknown, or the numbers do not add up.

    Examples
    --------
    >>> import numpy as np
    >>> anchors = np.array([[8, 8], [12, 20], [20, 20], [40, 50], [300, 200]])
    >>> split(anchors, "P5")
    [(3, 2), (4, 2), (5, 1)]
    >>> split(anchors, "P5", by="stride")
    [(3, 3), (4, 1), (5, 1)]
    >>> split(anchors, "tiny", per_level=[4, 1])
    [(4, 4), (5, 1)]
    """
    n = len(anchors)
    _check.choice(by, "by", BY)
    if per_level is not None:
        if by == "stride":
            raise DataError(
                f"{called('per_level')}: cannot be given together with {called('by')} = 'stride', which counts itself"
            )
        counts = counted(per_level, n)
        chosen = _named(names) if names is not None else usual(len(counts))
        if len(chosen) != len(counts):
            raise DataError(f"{called('per_level')} = {counts}: has {len(counts)} entries for {len(chosen)} levels")
        return list(zip(chosen, counts, strict=True))
    if names is None and by == "area":
        return levels(n)
    chosen = _named(names) if names is not None else NAMED["P5"]
    if by == "area":
        return equal(n, chosen)
    side = np.sqrt(anchors[:, 0] * anchors[:, 1])
    limits = [REACH * 2**level for level in chosen[:-1]]
    found = np.bincount(np.searchsorted(limits, side, side="right"), minlength=len(chosen))
    return list(zip(chosen, found.tolist(), strict=True))


def checked(parts: Any, n: int) -> Split:
    """Return the levels of n anchors that a caller gave, if there can be such.

    Raises
    ------
    DataError
        If they are no pairs (level, anchors in it) of whole numbers, a level is not from 0 to 12, levels do not rise,
        or the anchors do not add up to n.

    Examples
    --------
    >>> checked([(3, 2), (5, 1)], 3)
    [(3, 2), (5, 1)]
    """
    rows = [_check.listed(pair) for pair in _check.listed(parts) or ()]
    pairs = [row for row in rows if row is not None and len(row) == 2]
    if not rows or len(pairs) < len(rows):
        rule = "must be pairs (level, anchors in it), as in [(3, 3), (4, 3), (5, 3)]"
        raise WrongTypeError(f"parts = {_check.short(parts)}: {rule}")
    chosen = [_level(level, f"parts[{i}][0]") for i, (level, _) in enumerate(pairs)]
    counts = [_check.integer(count, f"parts[{i}][1]", least=0) for i, (_, count) in enumerate(pairs)]
    if not _rise(chosen):
        raise DataError(f"parts = {_check.short(parts)}: levels must rise, as in [(3, 3), (4, 3), (5, 3)]")
    if sum(counts) != n:
        raise DataError(f"parts = {_check.short(parts)}: hold {sum(counts)} anchors; must be {n}")
    return list(zip(chosen, counts, strict=True))


def counted(per_level: Any, n: int) -> list[int]:
    """Return the numbers of anchors of the levels, if they add up to n.

    Raises
    ------
    DataError
        If they are no whole numbers >= 0, or add up to another number.

    Examples
    --------
    >>> counted([2, 0, 1], 3)
    [2, 0, 1]
    """
    given = _check.listed(per_level)
    if given is None:
        raise WrongTypeError(
            f"{called('per_level')} = {_check.short(per_level)}: must be the anchors of each level, as in [3, 3, 3]"
        )
    counts = [_check.integer(count, "per_level", least=0) for count in given]
    if sum(counts) != n:
        raise DataError(
            f"{called('per_level')} = {counts}: adds up to {sum(counts)}; must be {n}, the number of anchors"
        )
    return counts


def _level(value: Any, name: str) -> int:
    return _check.integer(value, name, least=0, most=DEEPEST)


def _rise(chosen: Sequence[int]) -> bool:
    return list(chosen) == sorted(set(chosen))


def equal(n: int, chosen: Sequence[int]) -> Split:
    """Return n anchors dealt evenly to the levels of `chosen`; the first ones take what is left over."""
    part, rest = divmod(n, len(chosen))
    return [(level, part + (i < rest)) for i, level in enumerate(chosen)]


def layers(anchors: FloatArray, parts: Split, counts: IntArray | None = None) -> list[Layer]:
    """Return the levels with their anchors.

    Parameters
    ----------
    anchors : (n, 2) float64
        Pixels of the network input, smallest area first.
    parts : list of (level, anchors in it)
        As :func:`split` returns it.
    counts : (n,) int64, optional
        Boxes that each anchor serves best.

    Raises
    ------
    DataError
        If the parts break a rule of :func:`checked`.

    Examples
    --------
    >>> import numpy as np
    >>> [(layer.stride, layer.share) for layer in layers(np.ones((3, 2)), [(4, 1), (5, 2)], np.array([1, 1, 2]))]
    [(16, 0.25), (32, 0.75)]
    """
    found, start = [], 0
    for level, count in checked(parts, len(anchors)):
        rows = slice(start, start + count)
        share = None if counts is None else float(counts[rows].sum() / counts.sum())
        found.append(Layer(level, 2**level, anchors[rows], share))
        start += count
    return found


def remarks(found: Sequence[Layer]) -> list[str]:
    """Return a sentence for every level that is empty or has anchors smaller than its stride.

    Examples
    --------
    >>> import numpy as np
    >>> remarks(layers(np.array([[4.0, 5.0]]), [(3, 1), (4, 0)]))
    ['P3/8: the only anchor is smaller than the stride, 8 pixels', 'P4/16: no anchor']
    """
    said = []
    for level, stride, anchors, _ in found:
        if not len(anchors):
            said.append(f"P{level}/{stride}: no anchor")
            continue
        below = int(np.count_nonzero(np.sqrt(anchors[:, 0] * anchors[:, 1]) < stride))
        if below:
            verb = "is" if below == 1 else "are"
            which = "the only anchor" if len(anchors) == 1 else f"{below} of {len(anchors)} anchors"
            said.append(f"P{level}/{stride}: {which} {verb} smaller than the stride, {stride} pixels")
    return said


def _named(names: Any) -> tuple[int, ...]:
    legal = f"{called('levels')} = {_check.short(names)}: must be {', '.join(NAMED)}, or rising levels as in 3,4,5"
    if isinstance(names, str):
        if names in NAMED:
            return NAMED[names]
        if not re.fullmatch(r"\d\d?(,\d\d?)*", names):
            raise DataError(legal)
        names = [int(part) for part in names.split(",")]
    chosen = tuple(_level(level, "levels") for level in _check.listed(names) or ())
    if not chosen or not _rise(chosen):
        raise DataError(legal)
    return chosen


def usual(count: int) -> tuple[int, ...]:
    """Return the usual levels of a detector that has so many of them, at most 8.

    Raises
    ------
    DataError
        If there are more.

    Examples
    --------
    >>> usual(2), usual(4)
    ((4, 5), (3, 4, 5, 6))
    """
    if not 0 <= count <= 8:
        raise DataError(f"levels: are {count}; must be 1 to 8")
    first = {1: 5, 2: 4}.get(count, 3)
    return tuple(range(first, first + count))
