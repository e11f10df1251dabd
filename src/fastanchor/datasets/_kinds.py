"""Decide the contents of YOLO rows of more than six columns, over the whole data set.

A row is a class and a box (5 columns), a box with a confidence (6), a polygon (1 + 2m columns, m >= 3), or a box with
key points (5 + n * d columns where `kpt_shape` is [n, d]; without it, an even number 5 + 3n whose third values are
visibilities, or any where nearly all of at least 20 rows have their points in their box). Predictions may have a
confidence at the end, and the number of a track. Where all rows have four corners, they are turned boxes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._hints import hint
from fastanchor._types import FloatArray, IntArray, Remark
from fastanchor.datasets._turned import UPRIGHT

__all__ = ["AMBIGUOUS", "BOX", "PLAIN", "POLYGON", "TRACKED", "UNFIT", "UNSURE", "columns_of", "decide", "turned"]

PLAIN = 6  # columns of a row without points, at most
SLACK = 0.01  # beyond the edge of the image, from rounding
SPREAD = 0.25  # least share of a box covered by its key points; of polygons read as such boxes, less
PROOF = 20  # rows that cannot all look like boxes with key points by chance; of real polygons one in twenty does
CORNERS = 9  # columns of a row with four corners; predictions have a confidence, and perhaps a track, behind them
HIDDEN = -1.0  # value of a missing key point
AMBIGUOUS = "row that is a polygon or a box with key points"

BOX, POLYGON, TRACKED, UNSURE, UNFIT = range(5)  # TRACKED: a polygon, a confidence and a track
# how much a row looks like a box with key points; THIRD only with a third value of each point, in rows of an odd length
NOT, LIKE, SURE, OUTSIDE, THIRD = range(5)

Columns = Mapping[str, NDArray[Any]]


class _Decided(NamedTuple):
    kind: int
    why: str  # for a remark; empty where the decision is plain


def columns_of(values: FloatArray) -> dict[str, NDArray[Any]]:
    """Return the facts about rows (n, width), all longer than PLAIN, that :func:`decide` needs.

    ``columns``, their number; ``sign``, one of those above; ``track``, the last value if it is a whole number,
    else NaN; ``polygon`` and ``tracked``, (n, 4), left, top, right and bottom of the polygon in them, the latter if a
    confidence and a track stand at the end; ``turned``, of rows that may have four corners, whether these are not
    upright.
    """
    n, width = values.shape
    even = width % 2 == 0
    last = values[:, -1]
    polygon = _around(values[:, 1 : width - even])
    with np.errstate(invalid="ignore"):  # infinite values
        signs = _signs(values, even)
    found: dict[str, NDArray[Any]] = {
        "columns": np.full(n, width, dtype=np.int32),
        "sign": signs,
        "track": np.where(last == np.floor(last), last, np.nan),
        "polygon": polygon,
        "tracked": polygon if even or width < 9 else _around(values[:, 1 : width - 2]),
    }
    if CORNERS <= width <= CORNERS + 2:
        found["turned"] = _turned(values[:, 1:CORNERS], polygon if width < CORNERS + 2 else found["tracked"])
    return found


def _turned(corners: FloatArray, extent: FloatArray) -> NDArray[np.bool_]:
    """Return the mask of four corners (n, 8) that are not those of their extent (n, 4)."""
    turned = np.zeros(len(corners), dtype=bool)
    for axis in (0, 1):
        first, last = extent[:, axis], extent[:, axis + 2]
        for values in corners[:, axis::2].T:
            with np.errstate(invalid="ignore"):  # infinite values
                turned |= np.minimum(values - first, last - values) > UPRIGHT * (last - first)
    return turned


def turned(rows: Columns, kind: NDArray[np.int8]) -> NDArray[np.bool_] | None:
    """Return the mask of rows that are turned boxes, if all rows have four corners; else None."""
    corners = np.where(kind == TRACKED, CORNERS + 2, CORNERS + (rows["columns"] % 2 == 0))
    alike = (rows["columns"] == corners) & ((kind == POLYGON) | (kind == TRACKED))
    return rows["turned"] if alike.all() else None


def _around(points: FloatArray) -> FloatArray:
    xs, ys = points[:, 0::2], points[:, 1::2]
    return np.stack([xs.min(1), ys.min(1), xs.max(1), ys.max(1)], axis=1)


def _signs(values: FloatArray, even: bool) -> NDArray[np.int8]:
    """Return how much each row looks like a box with key points.

    OUTSIDE is a value that a key point can have, but no corner of a polygon.
    """
    n, width = values.shape
    signs = np.zeros(n, dtype=np.int8)
    if width < 8 or width in (CORNERS, CORNERS + 1):  # key points of two or three numbers do not fit into 10 columns
        return signs
    triples = (width - 5) % 3 == 0
    box, rest = values[:, 1:5], values[:, 5:]
    if triples:
        signs[_inside(box, rest[:, ::3], rest[:, 1::3])] = LIKE if even else THIRD
    if not even:
        signs[_inside(box, rest[:, ::2], rest[:, 1::2])] = LIKE
    outside = ((rest < -SLACK) | (rest > 1.0 + SLACK)).any(1) & (box.min(1) >= -SLACK)
    signs[outside] = OUTSIDE
    if not even:
        signs[outside & (rest == HIDDEN).any(1)] = SURE
    if triples:
        flags = values[:, 7::3]
        seen = ((flags == 0.0) | (flags == 1.0) | (flags == 2.0)).all(1)
        signs[seen if even else seen & flags.any(1)] = SURE
    return signs


def _inside(box: FloatArray, xs: FloatArray, ys: FloatArray) -> NDArray[np.bool_]:
    """Return the mask of rows whose box lies in the image, and whose points lie in the box and cover it."""
    x, y, width, height = box.T
    hidden = (xs == 0.0) & (ys == 0.0)
    if hidden.any():
        xs, ys = np.where(hidden, x[:, None], xs), np.where(hidden, y[:, None], ys)
    left, right, top, bottom = xs.min(1), xs.max(1), ys.min(1), ys.max(1)
    inside: NDArray[np.bool_] = (
        (2.0 * np.maximum(right - x, x - left) <= width)
        & (2.0 * np.maximum(bottom - y, y - top) <= height)
        & (right - left >= SPREAD * width)
        & (bottom - top >= SPREAD * height)
        & (np.maximum(2.0 * np.abs(x - 0.5) + width, 2.0 * np.abs(y - 0.5) + height) <= 1.0 + 2.0 * SLACK)
    )
    return inside


def decide(
    rows: Columns, by_hand: tuple[str, tuple[int, int] | None] | None, kpt_shape: tuple[int, int] | None
) -> tuple[NDArray[np.int8], list[Remark]]:
    """Return the kind of each row, (n,), and remarks about the conclusions."""
    lengths, at = np.unique(rows["columns"], return_inverse=True)
    at = at.reshape(-1)
    counts = np.bincount(5 * at + rows["sign"], minlength=5 * len(lengths)).reshape(-1, 5)
    tracked = _tracked(rows, counts)
    kinds, remarks = np.zeros(len(lengths), dtype=np.int8), list[Remark]()
    for i, length in enumerate(lengths.tolist()):
        if length <= PLAIN:
            continue
        if by_hand is not None:
            what, shape = by_hand
            fits = shape is None or length == 5 + shape[0] * shape[1]
            kinds[i] = POLYGON if what == "polygon" else BOX if fits else UNFIT
        elif kpt_shape is None or length != 5 + kpt_shape[0] * kpt_shape[1]:
            found = tracked or (_odd if length % 2 else _even)(lengths, counts, i)
            kinds[i] = found.kind
            if found.why:
                text = f"rows of {length} columns are read as {found.why}; {hint('rows')}"
                remarks.append(Remark("kind of rows", text, int(counts[i].sum())))
    kind = kinds[at]
    if by_hand is None:
        kind[(rows["sign"] == SURE) & (rows["columns"] % 2 == 0)] = BOX
    return kind, remarks


def _tracked(rows: Columns, counts: IntArray) -> _Decided | None:
    """Return the kind of rows if all end in a whole number, above 1 at least once: a track, not a coordinate."""
    columns, track = rows["columns"], rows["track"]
    if counts[:, SURE].any() or not (columns % 2).all() or not np.isfinite(track).all() or track.max() <= 1.0:
        return None
    why = "with a confidence and a track, because all end in a whole number, some above 1"
    if (columns == PLAIN + 1).all():
        return _Decided(BOX, f"boxes {why}")
    return _Decided(TRACKED, f"polygons {why}") if (columns > PLAIN + 1).all() else None


def _odd(lengths: NDArray[Any], counts: IntArray, i: int) -> _Decided:
    """Return the kind of rows of one odd length.

    Nearly all long rows have it, which is seldom so of polygons, and half of them look like boxes with key points: then
    they are, if one of them cannot be a polygon, and may be, if all can. With a third value of each point they may be
    if nearly all look like it, since regular polygons of many objects do.
    """
    own, long = counts[i].sum(), counts[lengths > PLAIN].sum()
    likely = own - counts[i, NOT] - counts[i, THIRD]
    alike = 10 * own >= 9 * long and (2 * likely >= own or 10 * (likely + counts[i, THIRD]) >= 9 * own)
    if alike and counts[i, SURE] + counts[i, OUTSIDE]:
        return _Decided(BOX, "boxes with key points, because some hold values that no polygon has")
    return _Decided(UNSURE if alike or counts[i, SURE] else POLYGON, "")


def _even(lengths: NDArray[Any], counts: IntArray, i: int) -> _Decided:
    """Return the kind of rows of one even length without flags of visible and hidden key points."""
    if (lengths % 2).any() or lengths[0] <= PLAIN or counts[:, SURE:].any():
        return _Decided(UNFIT, "")
    if counts.sum() == counts[i].sum() >= PROOF and 10 * counts[i, LIKE] >= 9 * counts.sum():
        return _Decided(BOX, "boxes with key points, because these lie in their box in nearly all rows")
    if 2 * counts[i, LIKE] < counts[i].sum():
        return _Decided(POLYGON, "polygons with a confidence, because all rows have an even number of columns")
    return _Decided(UNSURE, "")
