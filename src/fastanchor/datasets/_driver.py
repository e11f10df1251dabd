"""The one way from a path to boxes: recognise, choose the part, fetch, parse, size, scale, judge, name, examine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple, cast

import numpy as np

from fastanchor._errors import DataError
from fastanchor._progress import bar
from fastanchor._reading import refusal
from fastanchor._types import Progress, Remark
from fastanchor.boxes import Boxes
from fastanchor.datasets import _doctor, _fetch
from fastanchor.datasets._judge import judged
from fastanchor.datasets._options import given
from fastanchor.datasets._parts import chosen, of_images
from fastanchor.datasets._places import Places
from fastanchor.datasets._probe import Probe, natural
from fastanchor.datasets._record import (
    CROWD,
    IGNORED,
    SIZES,
    UNNAMED,
    Batch,
    Format,
    Image,
    Job,
    Options,
    Source,
    joined,
    packed,
)
from fastanchor.datasets._sized import differing, sized
from fastanchor.datasets._skips import BACKGROUND, Skips, Unusable, shown
from fastanchor.datasets._unit import InPixels, scaled
from fastanchor.datasets._values import within

__all__ = ["Loaded", "NothingRead", "load"]

CHUNK = 4096  # files parsed at once


class NothingRead(DataError):
    """Nothing could be read; `more` says whether files are left because of the limit."""

    more = False


class Loaded(NamedTuple):
    """What was read from one path.

    Attributes
    ----------
    boxes : Boxes
    batch : Batch
        The rows of `boxes` as the labels have them.
    format : str
    parts, taken : tuple of str
        Parts that the data declare, and those that were read; none taken is everything.
    idle : set of str
        Options that could have had an effect and had none.
    places : Places
        Finds the images.
    more : bool
        Whether files are left that were not read because of the limit.
    """

    boxes: Boxes
    batch: Batch
    format: str
    parts: tuple[str, ...]
    taken: tuple[str, ...]
    idle: frozenset[str]
    places: Places
    more: bool


def load(
    format: Format,
    source: Source,
    probe: Probe,
    options: Options,
    skips: Skips,
    progress: Progress = False,
    limit: int | None = None,
) -> Loaded:
    """Read one data set.

    Parameters
    ----------
    format, source, probe
        As :func:`fastanchor.datasets._recognise.recognise` found them.
    options : Options
    skips : Skips
        Gets what is left out.
    progress : bool, callable or None
    limit : int, optional
        Read no more than so many label files, of formats with one for each image.

    Raises
    ------
    DataError
        If there is no such split, or nothing could be read.
    """
    part = chosen(format, source, probe, options.split, skips)
    files = part.files if limit is None or format.table is not None else part.files[:limit]
    if limit is None:
        for file, why in dict.fromkeys(probe.broken):
            skips.add(why, file)
    job = Job(probe, source, options, skips, progress)
    more = len(files) < len(part.files)
    batches = list(_batches(format, files, job))
    if not batches:
        _nothing(probe.path, skips, more)
    batch = joined(batches)
    if format.whole is not None:
        batch = format.whole(batch, job)
    parts, taken = part.parts, part.taken
    if source.inner:
        batch, parts, taken = of_images(batch, options.split, probe)
    places = Places(probe, options.images)
    batch = _wanted(batch, options, skips)
    told = within(batch.size)
    found = sized(format, batch, job, places)
    remarks = differing(batch, told, job, places) if limit is None else []
    pixels = judged(format, scaled(format, found, options, skips), skips)
    batch = _named(pixels.batch)
    if not len(batch) and (skips.counts or batch.image is None or not batch.label):
        _nothing(probe.path, skips, more)
    remarks = [*source.others, *job.remarks, *pixels.remarks, *remarks, *_doctor.examine(_seen(pixels, batch, skips))]
    boxes = _boxes(batch, pixels, options.places, part.part, remarks, skips)
    idle = frozenset(given(options)) & (SIZES - found.used)
    return Loaded(boxes, batch, format.name, parts, taken, idle, places, more)


def _batches(format: Format, files: Sequence[str], job: Job) -> Iterator[Batch]:
    if format.table is None:
        yield from _of_many(format, files, job)
        return
    with bar(job.progress, total=len(files), desc="reading", unit=" files") as moving:
        for file in files:
            try:
                yield format.table(file, job)
            except Unusable as error:
                _unusable(file, error, job, alone=len(files) == 1)
            except OSError as error:
                why, detail = refusal(error)
                _unusable(file, Unusable(why, None, detail), job, alone=len(files) == 1)
            moving.update(1)


def _of_many(format: Format, files: Sequence[str], job: Job) -> Iterator[Batch]:
    with closing(_fetch.contents(files, progress=job.progress)) as contents:
        for start in range(0, len(files), CHUNK):
            names, data = _read(files[start : start + CHUNK], contents, job)
            if names:
                yield _columns(format, names, data, job, alone=len(files) == 1)
        next(contents, None)  # moves the bar to its end


def _columns(format: Format, names: Sequence[str], data: list[bytes], job: Job, alone: bool) -> Batch:
    if format.many is not None:
        return format.many(names, data, job)
    return packed(
        (file, image)
        for file, content in zip(names, data, strict=True)
        for image in _parsed(format, file, content, job, alone)
    )


def _read(files: Sequence[str], contents: Iterator[bytes | OSError], job: Job) -> tuple[Sequence[str], list[bytes]]:
    """Return the files that could be read, and what stands in them."""
    found = list(islice(contents, len(files)))
    if set(map(type, found)) <= {bytes}:
        return files, cast(list[bytes], found)
    names, data = [], []
    for file, content in zip(files, found, strict=True):
        if isinstance(content, bytes):
            names.append(file)
            data.append(content)
        elif isinstance(content, FileNotFoundError) and file in job.source.images:
            job.skips.leave(BACKGROUND)
            names.append(file)
            data.append(b"")
        elif not isinstance(content, IsADirectoryError):  # that is a folder which is called like a label file
            why, detail = refusal(content)
            job.skips.add(why, file, None, detail)
    return names, data


def _parsed(format: Format, file: str, content: bytes, job: Job, alone: bool) -> Sequence[Image]:
    assert format.parse is not None
    try:
        return list(format.parse(file, content, job))
    except Unusable as error:
        _unusable(file, error, job, alone)
        return ()


def _unusable(file: str, error: Unusable, job: Job, alone: bool) -> None:
    """Skip a file of several; the only one is an error."""
    job.skips.add(error.reason, file, error.line, error.detail)
    if alone:
        raise DataError(job.skips.examples[error.reason]) from None


def _nothing(path: Path, skips: Skips, more: bool) -> None:
    error = NothingRead(f"{shown(path)}: nothing could be read; {skips.most() or 'no image is listed'}")
    error.more = more
    raise error


def _wanted(batch: Batch, options: Options, skips: Skips) -> Batch:
    """Leave out crowds, unless they are wanted, and what is marked to be ignored."""
    if batch.flags is None or not batch.flags.any():
        return batch
    crowd, ignored = (batch.flags & CROWD) != 0, (batch.flags & IGNORED) != 0
    if options.crowd:
        crowd = np.zeros(len(crowd), bool)
    skips.leave("box of a crowd", int(np.count_nonzero(crowd)))
    skips.leave("box marked to be ignored", int(np.count_nonzero(ignored & ~crowd)))
    return batch.take(~(crowd | ignored))


def _named(batch: Batch) -> Batch:
    """Put the classes in order: the data set's own, else that of their names, of those that have boxes."""
    if batch.cls is None:
        return batch
    names = [name.strip() or UNNAMED for name in batch.classes]
    at = batch.cls
    if len(at) and at.min() < 0:
        at = np.where(at < 0, len(names), at)
        names.append(UNNAMED)
    if not batch.ordered:
        used = np.flatnonzero(np.bincount(at, minlength=len(names))).tolist()
        order = natural({names[i] for i in used})
        number = {name: i for i, name in enumerate(order)}
        place = np.zeros(len(names), np.int64)
        place[used] = [number[names[i]] for i in used]
        at, names = place[at], order
    return replace(batch, cls=at, classes=names)


def _seen(pixels: InPixels, batch: Batch, skips: Skips) -> _doctor.Seen:
    files = batch.file if any(batch.file) else batch.label
    return _doctor.Seen(
        pixels.wh, pixels.xy, batch.image, batch.size, pixels.known, batch.box, pixels.unit == "relative", batch.area,
        batch.cls, tuple(batch.classes), batch.unnamed, skips.lost(), files, batch.label,
    )  # fmt: skip


def _boxes(
    batch: Batch, pixels: InPixels, places: bool, part: Mapping[str, str], remarks: list[Remark], skips: Skips
) -> Boxes:
    imaged = batch.image is not None
    xy = pixels.xy if places else None
    split = batch.split or ([part.get(label, "") for label in batch.label] if part else None)
    named = imaged and (any(batch.file) or len(set(batch.label)) > 1)
    return Boxes(
        pixels.wh,
        image_index=batch.image if imaged else None,
        image_wh=batch.size if imaged and len(batch.size) == len(batch.label) else None,
        class_index=batch.cls,
        class_names=tuple(batch.classes) if batch.cls is not None else (),
        skipped=skips.counts,
        xy=xy if imaged else None,
        split=tuple(split) if split and imaged else None,
        files=tuple(file or label for file, label in zip(batch.file, batch.label, strict=True)) if named else None,
        remarks=tuple(remarks),
    )
