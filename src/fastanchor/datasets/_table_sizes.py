"""Sizes of images from a table ``ImageID, Width, Height`` beside the labels."""

from __future__ import annotations

import os

import numpy as np

from fastanchor.datasets._csv import sheet, take
from fastanchor.datasets._judge import within
from fastanchor.datasets._probe import ending, joined
from fastanchor.datasets._record import Batch, Job, Options
from fastanchor.datasets._roles import roles
from fastanchor.datasets._skips import Unusable

__all__ = ["sizes_beside"]

WORDS = ("size", "image")  # one of them stands in the name of such a table


def sizes_beside(batch: Batch, job: Job) -> None:
    """Fill in the sizes that tables beside the labels tell."""
    listed = {label: _listed(label.rpartition(os.sep)[0], job) for label in set(batch.label)}
    if not any(listed.values()):
        return
    for i in np.flatnonzero(~within(batch.size)).tolist():
        known, name = listed[batch.label[i]], batch.file[i]
        pair = known.get(name) or known.get(name.rpartition(".")[0] or name)
        if pair is not None:
            batch.size[i] = pair


def _listed(folder: str, job: Job) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for file in joined(folder, ending(job.probe.names(folder or "."), (".csv",))):
        stem = file.rpartition(os.sep)[2].lower()
        if file in job.source.files or not any(word in stem for word in WORDS):
            continue
        try:
            there = sheet(file, job.probe.head(file))
            columns = roles(there.columns, Options())
            if columns.bare and columns.image >= 0:
                taken = take(there, job.skips, columns)
                at, names = taken.texts["image"]
                good = within(taken.box) & (at >= 0)
                found.update(
                    zip([names[i] for i in at[good].tolist()], map(tuple, taken.box[good].tolist()), strict=True)
                )
        except (Unusable, OSError):
            continue
    return found
