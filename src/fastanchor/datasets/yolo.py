"""YOLO text labels: one file per image, one box per line, relative to the image.

Reads a ``data.yaml``, a Darknet ``.data`` file, a list of images, a folder, or one label file. The rows are those of
:mod:`fastanchor.datasets._kinds`. Duplicate rows of a file count once, as in trainers; a file or row that cannot be
used is skipped and counted, where trainers skip the whole image.

Sizes of images that are not available come from a ``labels.cache`` beside the labels.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._reading import decoded, is_file
from fastanchor._types import FloatArray, IntArray, Remark
from fastanchor.datasets import _kinds, labels_cache
from fastanchor.datasets._judge import blame, classed, is_number, within
from fastanchor.datasets._options import rows_of
from fastanchor.datasets._probe import folders_of
from fastanchor.datasets._record import Batch, Format, Job
from fastanchor.datasets._rows import Rows, parse, twice
from fastanchor.datasets._skips import DUPLICATE, NO_CLASS, no_text, row_of
from fastanchor.datasets._yolo_files import sniff

__all__ = ["FORMAT"]

Mask = NDArray[np.bool_]
COLUMNS = "expected at least 5: a class and the four numbers of a box"
LABEL_TOOL = "file of BBox-Label-Tool (a count and corners in pixels), which is not supported"


def many(files: Sequence[str], contents: Sequence[bytes], job: Job) -> Batch:
    """Return the rows of label files as boxes; further columns are kept for :func:`whole`."""
    other: list[int] = []

    def usable(i: int) -> bool:
        what = no_text(contents[i], decoded(contents[i][:4096]))
        if what:
            job.skips.add(what, files[i], 1)
            other.append(i)
        return not what

    rows = parse(contents, usable)
    n = len(rows.width)
    box, cls, again = np.full((n, 4), np.nan), np.full(n, np.nan), np.zeros(n, dtype=bool)
    extra: dict[str, NDArray[Any]] = {}
    for at, values in rows.blocks():
        known = min(values.shape[1], 5)
        box[at, : known - 1] = values[:, 1:known]
        if known < 5:
            continue
        cls[at] = values[:, 0]
        again[at] = twice(values, rows.file[at])
        if values.shape[1] > _kinds.PLAIN:
            for name, column in _kinds.columns_of(values).items():
                extra.setdefault(name, np.zeros((n, *column.shape[1:]), column.dtype))[at] = column
    called = [job.source.images.get(file, "").rpartition(os.sep)[2] for file in files]
    batch = Batch(
        list(files), called, np.full((len(files), 2), np.nan), rows.file, box, None, [], at=rows.line, extra=extra
    )
    width = rows.width
    for i in _of_label_tool(rows, len(files)):
        job.skips.add(LABEL_TOOL, files[i], 1)
        other.append(i)
    if other:
        kept = np.ones(len(files), dtype=bool)
        kept[other] = False
        batch, there = batch.on(kept), kept[rows.file]
        cls, again, width = cls[there], again[there], width[there]
    return _classed(batch, cls, again, width, job)


def _of_label_tool(rows: Rows, m: int) -> list[int]:
    """Return the files, of m, that are a count followed by that number of rows of four numbers."""
    if not len(rows.width) or rows.width.min() > 1:
        return []
    counts = np.bincount(rows.file, minlength=m)
    first = np.cumsum(counts) - counts
    fours = np.bincount(rows.file[rows.width == 4], minlength=m)
    at = np.flatnonzero((fours > 0) & (fours == counts - 1))
    at = at[rows.width[first[at]] == 1]
    starts = np.cumsum(rows.width) - rows.width
    found: list[int] = at[rows.values[starts[first[at]]] == fours[at]].tolist()
    return found


def _classed(batch: Batch, cls: FloatArray, again: Mask, width: IntArray, job: Job) -> Batch:
    """Return a batch with its classes, without rows of invalid class and duplicates."""
    skips = job.skips
    whole, short = is_number(cls), width < 5
    left_out = again | ~whole
    if left_out.any():
        for columns in np.unique(width[short]).tolist():
            blame(row_of(columns), width == columns, batch, FORMAT, skips, COLUMNS)
        blame(NO_CLASS, ~whole & ~short, batch, FORMAT, skips)
        blame(DUPLICATE, whole & again, batch, FORMAT, skips)
        batch, cls = batch.take(~left_out), cls[~left_out]
    return classed(batch, cls, job.source.names)


def whole(batch: Batch, job: Job) -> Batch:
    """Decide the contents of rows of more than six columns."""
    if not batch.extra or not len(batch):
        return replace(batch, extra={})
    rows, options = batch.extra, job.options
    by_hand = None if options.rows is None else rows_of(options.rows)
    kind, remarks = _kinds.decide(rows, by_hand, job.source.hints.get("kpt_shape"))
    job.remarks.extend(remarks)
    box = batch.box.copy()
    for one, name in ((_kinds.POLYGON, "polygon"), (_kinds.TRACKED, "tracked")):
        box[kind == one] = _in_form(rows[name][kind == one], options.form or FORMAT.form)
    batch = replace(batch, box=box, extra={})
    unsure, unfit = kind == _kinds.UNSURE, kind == _kinds.UNFIT
    if not (unsure.any() or unfit.any()):
        return batch if by_hand else _upright(batch, _kinds.turned(rows, kind), job)
    for columns in np.unique(rows["columns"][unfit]).tolist():
        blame(row_of(columns), unfit & (rows["columns"] == columns), batch, FORMAT, job.skips, hint("rows"))
    blame(_kinds.AMBIGUOUS, unsure, batch, FORMAT, job.skips, hint("rows"))
    return batch.take(~(unsure | unfit))


def _upright(batch: Batch, turned: Mask | None, job: Job) -> Batch:
    """Count the turned boxes, and remove them if they are not wanted."""
    count = 0 if turned is None else int(np.count_nonzero(turned))
    return batch if turned is None or not count or job.upright(count) else batch.take(~turned)


def _in_form(corners: FloatArray, form: str) -> FloatArray:
    if form == "xyxy":
        return corners
    first, last = corners[:, :2], corners[:, 2:]
    with np.errstate(invalid="ignore"):
        return np.hstack([first if form == "xywh" else (first + last) / 2.0, last - first])


def sizes(batch: Batch, job: Job) -> None:
    """Fill in sizes of images from a labels.cache beside the labels."""
    caches: dict[str, dict[str, tuple[float, float]]] = {}
    for folder in folders_of(batch.label):
        place = Path(f"{folder}.cache")
        with suppress(DataError):  # optional: the labels themselves are present
            caches[folder] = labels_cache.image_sizes(place) if is_file(place) else {}
    if not any(caches.values()):
        return
    count = 0
    for i in np.flatnonzero(~within(batch.size)).tolist():
        folder, _, name = batch.label[i].rpartition(os.sep)
        pair = caches.get(folder, {}).get(name[:-4])
        if pair is not None:
            batch.size[i] = pair
            count += 1
    if count:
        text = f"sizes of {count:,} images taken from labels.cache"
        job.remarks.append(Remark("sizes from labels.cache", text, count))


FORMAT = Format(
    "yolo",
    "YOLO (data.yaml, .data, a list of images, or text files of labels)",
    sniff,
    many=many,
    whole=whole,
    sizes=sizes,
    form="cxcywh",
    unit="relative",
    tells=frozenset(("place", "class")),
    options=frozenset(("unit", "form", "rows", "turned")),
)
