"""Sizes of images that the labels do not tell: from the images, from what the format knows, or given by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import Remark
from fastanchor.datasets._judge import within
from fastanchor.datasets._places import Places
from fastanchor.datasets._record import Batch, Format, Job
from fastanchor.datasets._sizes import ImageSizes

__all__ = ["Sized", "differing", "sized"]

SAMPLED = 16  # images whose headers are compared with what the labels say


class Sized(NamedTuple):
    """A batch with the sizes that could be had."""

    batch: Batch
    known: NDArray[np.bool_]  # (m,): which images have a size
    found: dict[int, str]  # image found for each of the others, by position; it has no readable size
    used: frozenset[str]  # options that had an effect


def sized(format: Format, batch: Batch, job: Job, places: Places) -> Sized:
    """Fill in the sizes of images that the labels do not tell."""
    known = within(batch.size)
    if known.all() and batch.image is not None:
        return Sized(batch, known, {}, frozenset())
    options, used = job.options, set()
    if batch.image is None:  # boxes of no particular image
        if options.source_size is None:
            return Sized(batch, known, {}, frozenset())
        n = len(batch)
        batch = replace(
            batch, image=np.arange(n), size=np.full((n, 2), options.source_size, dtype=np.float64),
            label=batch.label[:1] * n, file=[""] * n,
        )  # fmt: skip
        return Sized(batch, np.ones(n, bool), {}, frozenset(("source_size",)))
    size = np.where(known[:, None], batch.size, np.nan)
    missing = np.flatnonzero(~known).tolist()
    there = places.each(batch.label, batch.file, missing)
    if there:
        used |= {"size_cache", "images"}
        with ImageSizes(options.size_cache) as images:
            pairs = images.each([Path(image) for image in there.values()], job.progress)
            for i, pair in zip(there, pairs, strict=True):
                if pair is not None:
                    size[i] = pair
    batch = replace(batch, size=size)
    known = within(size)
    if format.sizes is not None and not known.all():
        format.sizes(batch, job)
        known = within(size)
    if options.source_size is not None and not known.all():
        size[~known] = options.source_size
        known[:] = True
        used.add("source_size")
    return Sized(batch, known, {i: image for i, image in there.items() if not known[i]}, frozenset(used))


def differing(batch: Batch, told: NDArray[np.bool_], job: Job, places: Places) -> list[Remark]:
    """Return a remark if images have other sizes than their labels say, looking at some of those that are there.

    `told` says of which images, (m,), the label tells the size.
    """
    at = np.flatnonzero(told)
    count, example, looked = 0, "", 0
    for i in at[:: max(1, len(at) // SAMPLED)][:SAMPLED].tolist():
        image = places.find(batch.label[i], batch.file[i])
        if image is None:
            if not looked:
                break  # the images are not here
            continue
        looked += 1
        with ImageSizes(None) as images:
            pair = images.of(Path(image))
        if pair is not None and pair != tuple(batch.size[i]):
            width, height = batch.size[i]
            example = example or f"{image}: {pair[0]:g} x {pair[1]:g}, the label says {width:g} x {height:g}"
            count += 1
    if not count:
        return []
    text = f"{count} of {looked} images looked at have another size than their labels say; {example}"
    return [Remark("image sizes that differ", text, count, doubt=True)]
