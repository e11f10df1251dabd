"""Names the places of rows that are left out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastanchor.datasets._record import Batch, Format
from fastanchor.datasets._skips import Skips

__all__ = ["blame"]


def blame(reason: str, rows: NDArray[np.bool_], batch: Batch, format: Format, skips: Skips, advice: str = "") -> None:
    """Count the rows of a mask under a reason; the places of the first ones are reported, with an advice."""
    at = np.flatnonzero(rows).tolist()
    named = at[: max(skips.room, 1)]
    for row in named:
        image = (
            int(batch.image[row])
            if batch.image is not None
            else int(batch.owner[row])
            if batch.owner is not None
            else 0
        )
        label = batch.label[image]

        def place(row: int = row, label: str = label) -> str | int | None:
            number = row if batch.at is None else int(batch.at[row])
            return number if format.place is None else format.place(label, number)

        values = ", ".join("?" if value != value else f"{value:g}" for value in batch.box[row].tolist())
        skips.add(reason, label, place, f"{values}; {advice}" if advice else values)
    skips.note(reason, len(at) - len(named))
