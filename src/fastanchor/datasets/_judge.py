"""Which rows are boxes: the one place that judges them, once they are in pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._types import FloatArray
from fastanchor.datasets._blame import blame
from fastanchor.datasets._record import Format
from fastanchor.datasets._skips import INFINITE, NEGATIVE, REVERSED, UNREADABLE, ZERO, Skips
from fastanchor.datasets._unit import InPixels
from fastanchor.datasets._values import within

__all__ = ["judged"]


def judged(format: Format, given: InPixels, skips: Skips) -> InPixels:
    """Leave out the rows that are no boxes; each is counted under what is wrong with it."""
    batch, wh, xy = given.batch, given.wh, given.xy
    # flat reductions are several times as fast as a look at each row
    if len(wh) and wh.min() >= MIN_SIDE and wh.max() <= MAX_SIDE and (xy is None or np.isfinite(xy.sum())):
        return given
    good = within(wh)
    if xy is not None and not np.isfinite(xy.sum()):
        good &= np.isfinite(xy).all(1)
    if good.all():
        return given
    left = ~good
    for reason, bad in _faults(batch.box, wh, given.form):
        rows = bad & left
        if rows.any():
            blame(reason, rows, batch, format, skips)
            left &= ~rows
    return given._replace(batch=batch.take(good), wh=wh[good], xy=None if xy is None else xy[good])


def _faults(raw: FloatArray, wh: FloatArray, form: str) -> list[tuple[str, NDArray[np.bool_]]]:
    """Return faults in the order in which they are looked for; the last takes what is left."""
    finite = np.all(np.abs(wh) <= MAX_SIDE, 1)
    return [
        (UNREADABLE, np.any(np.isnan(raw), 1)),
        (INFINITE, ~finite),
        (REVERSED if form == "xyxy" else NEGATIVE, np.any(wh < 0.0, 1)),
        (ZERO, np.any(wh < MIN_SIDE, 1)),
        (INFINITE, np.ones(len(wh), bool)),
    ]
