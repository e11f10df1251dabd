"""Decide the unit of the coordinates over the whole data set, and scale boxes to pixels of their images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._types import FloatArray, Remark
from fastanchor.datasets._judge import blame
from fastanchor.datasets._record import Batch, Format, Options, sides_of
from fastanchor.datasets._sizes import Sized, what_is
from fastanchor.datasets._skips import NO_SIZE, NO_SIZE_BOX, OTHER_UNIT, Skips, shown

__all__ = ["InPixels", "scaled"]

FIRST = 1000
EDGE = 0.001  # relative coordinates beyond the image, from rounding
RELATIVE = 2.0  # boxes may extend beyond their image, but most by less than its width
MIXED = 10.0  # and none by ten times as much


class InPixels(NamedTuple):
    """Boxes in pixels of their images."""

    # without known image sizes: sizes of 1 x 1 if boxes are relative, empty if they stay unscaled
    batch: Batch
    wh: FloatArray  # (n, 2)
    xy: FloatArray | None  # (n, 2): left and top
    form: str  # of the labels
    unit: str
    known: bool  # whether the sizes of images are known
    remarks: list[Remark]


def scaled(format: Format, found: Sized, options: Options, skips: Skips) -> InPixels:
    """Return the boxes in pixels of their images; skip images without a size."""
    batch, known = found.batch, found.known
    form = "wh" if batch.box.shape[1] == 2 else options.form or batch.form or format.form
    unit, remarks = options.unit, list[Remark]()
    if unit is None:
        unit, remarks = _unit(format, batch, known)
        if unit == "relative":
            batch = _without_pixels(format, batch, skips)
    all_known = bool(known.any())
    if not all_known and unit != "pixels":
        batch = _square(batch, found, len(known))
    elif not all_known and format.unsized:
        batch = replace(batch, size=np.empty((0, 2)))
    elif not known.all():
        batch = _without_unsized(batch, found, skips)
    wh, xy = sides_of(batch.box, form)
    if unit == "percent":
        wh, xy = wh / 100.0, None if xy is None else xy / 100.0
    if unit != "pixels" and all_known:
        wh, xy = _times(wh, batch), None if xy is None else _times(xy, batch)
    return InPixels(batch, wh, xy, form, unit, all_known and not (batch.size == 1.0).all(), remarks)


def _unit(format: Format, batch: Batch, known: NDArray[np.bool_]) -> tuple[str, list[Remark]]:
    if format.unit == "relative" or not len(batch):
        return ("pixels" if format.unit == "either" else format.unit), []
    box = batch.box
    if format.unit == "either":
        if box.max() <= RELATIVE and box.min() >= -RELATIVE:  # flat reductions are 20 times faster
            return "relative", []
        beyond = np.count_nonzero(np.abs(box).max(1) > RELATIVE)
        return ("relative" if 2 * beyond <= len(box) else "pixels"), []
    if box[:FIRST].max() > 1.0 + EDGE:  # for most data sets the first boxes are enough
        return "pixels", []
    least, most = float(box.min()), float(box.max())  # NaN if one is
    if not most >= 2.0 and not (least >= -EDGE and most <= 1.0 + EDGE):
        finite = box[np.isfinite(box).all(1)]
        least, most = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 2.0)
    sizes = batch.size[known]
    if not (least >= -EDGE and most <= 1.0 + EDGE):
        return "pixels", []
    if (box == np.floor(box)).all() or (len(sizes) and sizes.min() <= 1.0):
        return "pixels", []
    text = "all coordinates lie between 0 and 1, so they are read as relative to the image"
    return "relative", [Remark("relative coordinates", text, len(box))]


def _without_pixels(format: Format, batch: Batch, skips: Skips) -> Batch:
    """Remove boxes in pixels where relative coordinates are expected."""
    if not len(batch) or (batch.box.max() <= MIXED and batch.box.min() >= -MIXED):  # false if one is NaN
        return batch
    farthest = np.abs(batch.box).max(1)
    other = (farthest > MIXED) & (farthest < np.inf)
    blame(OTHER_UNIT, other, batch, format, skips, hint("unit"))
    return batch.take(~other)


def _square(batch: Batch, found: Sized, m: int) -> Batch:
    """Take all images as squares of side 1; raise DataError if there are images whose sizes cannot be read."""
    if found.found:
        image = Path(next(iter(found.found.values())))
        raise DataError(
            f"{shown(image)}: no size can be read from it or any other image ({what_is(image)}); {hint('source_size')}"
        )
    if batch.image is None:  # a table of relative sides without images
        return replace(batch, image=np.zeros(len(batch), np.int64), size=np.ones((1, 2)), label=[""], file=[""])
    return replace(batch, size=np.ones((m, 2)))


def _without_unsized(batch: Batch, found: Sized, skips: Skips) -> Batch:
    assert batch.image is not None
    for i in np.flatnonzero(~found.known).tolist():
        image = found.found.get(i)
        why = "image not found" if image is None else f"{shown(Path(image).name)}: {what_is(Path(image))}"
        name, advice = batch.file[i], hint("sizes" if image is None else "source_size")
        skips.add(NO_SIZE, batch.label[i], None, f"{shown(name)}: {why}; {advice}" if name else f"{why}; {advice}")
    lost = int(np.count_nonzero(~found.known[batch.image]))
    skips.note(NO_SIZE_BOX, lost)
    return batch.on(found.known)


def _times(pairs: FloatArray, batch: Batch) -> FloatArray:
    # one column at a time: fancy-indexing rows of an (m, 2) array is several times slower
    out = np.empty((len(pairs), 2))
    for axis in (0, 1):
        np.multiply(pairs[:, axis], batch.size[batch.image, axis], out=out[:, axis])
    return out
