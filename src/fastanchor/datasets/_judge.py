"""Check which rows are valid boxes, and report the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._types import FloatArray
from fastanchor.datasets._record import CROWD, IGNORED, Batch, Format
from fastanchor.datasets._skips import INFINITE, NEGATIVE, REVERSED, UNREADABLE, ZERO, Skips

__all__ = ["AREA", "alike", "blame", "classed", "is_number", "judged", "wanted", "within"]

BELOW = 2**31  # numbers of classes
AREA = 0.02  # relative difference of areas in labels from those of the boxes, from rounding

Boxes = tuple[Batch, FloatArray, FloatArray | None]


def within(pairs: FloatArray) -> NDArray[np.bool_]:
    """Return the mask (n,) of valid widths and heights (n, 2)."""
    # one column at a time: all(1) over two columns is several times slower
    good: NDArray[np.bool_] = (pairs[:, 0] >= MIN_SIDE) & (pairs[:, 0] <= MAX_SIDE)
    good &= (pairs[:, 1] >= MIN_SIDE) & (pairs[:, 1] <= MAX_SIDE)
    return good


def alike(area: FloatArray, wh: FloatArray) -> NDArray[np.bool_]:
    """Return the mask of areas (n,) that equal width times height (n, 2)."""
    good: NDArray[np.bool_] = np.abs(area - wh[:, 0] * wh[:, 1]) <= AREA * area
    return good


def wanted(batch: Batch, crowds: bool, skips: Skips) -> Batch:
    """Remove crowds, unless kept on purpose, and boxes marked to be ignored."""
    if batch.flags is None or not batch.flags.any():
        return batch
    crowd, ignored = (batch.flags & CROWD) != 0, (batch.flags & IGNORED) != 0
    if crowds:
        crowd[:] = False
    skips.leave("box of a crowd", int(np.count_nonzero(crowd)))
    skips.leave("box marked to be ignored", int(np.count_nonzero(ignored & ~crowd)))
    return batch.take(~(crowd | ignored))


def judged(format: Format, given: Boxes, form: str, skips: Skips) -> Boxes:
    """Remove rows that are not valid boxes, and count them by reason."""
    batch, wh, xy = given
    # flat reductions are several times faster than reductions by row
    if len(wh) and wh.min() >= MIN_SIDE and wh.max() <= MAX_SIDE and (xy is None or np.isfinite(xy.sum())):
        return given
    good = within(wh)
    if xy is not None and not np.isfinite(xy.sum()):
        good &= np.isfinite(xy).all(1)
    if good.all():
        return given
    left = ~good
    faults = (  # in order of precedence; the last takes the rest
        (UNREADABLE, np.any(np.isnan(batch.box), 1)),
        (INFINITE, ~np.all(np.abs(wh) <= MAX_SIDE, 1)),
        (REVERSED if form == "xyxy" else NEGATIVE, np.any(wh < 0.0, 1)),
        (ZERO, np.any(wh < MIN_SIDE, 1)),
        (INFINITE, left),
    )
    for reason, bad in faults:
        rows = bad & left
        if rows.any():
            blame(reason, rows, batch, format, skips)
            left = left & ~rows
    return batch.take(good), wh[good], None if xy is None else xy[good]


def blame(reason: str, rows: NDArray[np.bool_], batch: Batch, format: Format, skips: Skips, advice: str = "") -> None:
    """Count the rows of a mask under a reason; report the places of the first ones, with advice."""
    at = np.flatnonzero(rows).tolist()
    named = at[: max(skips.room, 1)]
    for row in named:
        owner = batch.owner if batch.image is None else batch.image
        label = batch.label[0 if owner is None else int(owner[row])]

        def place(row: int = row, label: str = label) -> str | int | None:
            number = row if batch.at is None else int(batch.at[row])
            return number if format.place is None else format.place(label, number)

        values = ", ".join("?" if value != value else f"{value:g}" for value in batch.box[row].tolist())
        skips.add(reason, label, place, f"{values}; {advice}" if advice else values)
    skips.note(reason, len(at) - len(named))


def is_number(values: FloatArray) -> NDArray[np.bool_]:
    """Return the mask of values that are valid class numbers."""
    with np.errstate(invalid="ignore"):
        found: NDArray[np.bool_] = (values >= 0) & (values < BELOW) & (values == np.floor(values))
    return found


def classed(batch: Batch, values: FloatArray, names: Sequence[str] | None) -> Batch:
    """Return a batch with its classes by number; a class without a name is named by its number."""
    cls, classes = values.astype(np.int64), list(names or ())
    beyond = cls >= len(classes)
    numbers: list[int] = []
    if beyond.any():
        found, at = np.unique(cls[beyond], return_inverse=True)
        cls[beyond] = len(classes) + at.reshape(-1)
        numbers = found.tolist()
    return replace(
        batch, cls=cls, classes=[*classes, *map(str, numbers)], ordered=bool(names),
        unnamed=len(numbers) if names else 0,
    )  # fmt: skip
