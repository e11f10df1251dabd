"""From a path to boxes, for all formats: choose the split, read, parse, find sizes, scale, check, examine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._reading import refusal
from fastanchor._types import FloatArray, Progress, Remark
from fastanchor.boxes import Boxes
from fastanchor.datasets import _fetch, _turned
from fastanchor.datasets._doctor import examine
from fastanchor.datasets._judge import judged, wanted, within
from fastanchor.datasets._moving import moving
from fastanchor.datasets._options import given
from fastanchor.datasets._parts import chosen, of_images
from fastanchor.datasets._places import Places
from fastanchor.datasets._probe import Probe, natural
from fastanchor.datasets._record import KEPT, SIZES, UNNAMED, Batch, Format, Image, Job, Options, Source, joined, packed
from fastanchor.datasets._sizes import differing, sized
from fastanchor.datasets._skips import BACKGROUND, Skips, Unusable, given_names, sentence, shown
from fastanchor.datasets._unit import InPixels, scaled

__all__ = ["Loaded", "NothingRead", "load"]

EXACT = 2.0**53  # up to which a float64 holds all whole numbers
CHUNK = 4096  # files parsed at once


class NothingRead(DataError):
    """Nothing could be read; `more` says whether the limit excluded files."""

    more = False


class Loaded(NamedTuple):
    """What was read from one path."""

    boxes: Boxes
    batch: Batch  # the rows of `boxes` in the form of the labels
    format: str
    splits: tuple[str, ...]  # those that the labels declare
    taken: tuple[str, ...]  # splits that were read; empty for everything
    idle: frozenset[str]  # supported options without an effect
    places: Places  # finds the images
    more: bool  # whether the limit excluded files


def load(
    format: Format, source: Source, probe: Probe, options: Options, skips: Skips, progress: Progress = False,
    limit: int | None = None,
) -> Loaded:  # fmt: skip
    """Read one data set; at most `limit` files of a format with one label file per image."""
    part = chosen(format, source, probe, options.split, skips)
    files = part.files if limit is None or not format.single else part.files[:limit]
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
    splits, taken = part.splits, part.taken
    if source.inner:
        batch, splits, taken = of_images(batch, options.split, probe)
    places = Places(probe, options.images)
    batch = wanted(batch, options.crowd or "crowd" not in format.options, skips)
    stated = within(batch.size)
    found = sized(format, batch, job, places)
    remarks = differing(batch, stated, places) if limit is None else []
    pixels = scaled(format, found, options, skips)
    batch, wh, xy = judged(format, (pixels.batch, pixels.wh, pixels.xy), pixels.form, skips)
    batch = _named(batch)
    pixels = pixels._replace(batch=batch, wh=wh, xy=xy)
    if not len(batch) and (skips.counts or batch.image is None or not batch.label):
        _nothing(probe.path, skips, more)
    remarks = [*source.others, *job.remarks, *_turned.remarks(job), *pixels.remarks, *remarks, *examine(pixels, skips)]
    boxes = _boxes(pixels, options.places, part.split_of, remarks, skips)
    idle = frozenset(given(options)) & (SIZES - found.used)
    return Loaded(boxes, batch, format.name, splits, taken, idle, places, more)


def _batches(format: Format, files: Sequence[str], job: Job) -> Iterator[Batch]:
    alone = len(files) == 1
    if format.single:
        with closing(_fetch.contents(files, progress=job.progress)) as contents:
            yield from _parsed_files(format, files, contents, job)
            next(contents, None)  # completes the progress bar
        return
    with moving(files, job.progress) as moved:
        job = replace(job, moved=moved)
        if format.table is None:
            with closing(_fetch.contents(files)) as contents:
                yield from _parsed_files(format, files, contents, job)
            return
        for file in files:
            images = 0
            try:
                batch = format.table(file, job)
                images = 0 if batch.image is None else len(batch.label)
                yield batch
            except Unusable as error:
                _unusable(file, error, job, alone)
            except OSError as error:
                why, detail = refusal(error)
                _unusable(file, Unusable(why, None, detail), job, alone)
            if moved is not None:
                moved.past(file, images)


def _parsed_files(
    format: Format, files: Sequence[str], contents: Iterator[bytes | OSError], job: Job
) -> Iterator[Batch]:  # fmt: skip
    alone, read = len(files) == 1, _parsed if job.moved is None else _counted
    for start in range(0, len(files), CHUNK):
        names, data = _read(files[start : start + CHUNK], contents, job, alone)
        if names and format.many is not None:
            yield format.many(names, data, job)
        elif names:
            found = zip(names, data, strict=True)
            yield packed((file, image) for file, one in found for image in read(format, file, one, job, alone))


def _read(
    files: Sequence[str], contents: Iterator[bytes | OSError], job: Job, alone: bool
) -> tuple[Sequence[str], list[bytes]]:
    """Return the files that could be read, and their contents."""
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
        elif not isinstance(content, IsADirectoryError):  # a folder named like a label file
            why, detail = refusal(content)
            _unusable(file, Unusable(why, None, detail), job, alone)
    return names, data


def _parsed(format: Format, file: str, content: bytes, job: Job, alone: bool) -> Sequence[Image]:
    assert format.parse is not None
    try:
        return list(format.parse(file, content, job))
    except Unusable as error:
        _unusable(file, error, job, alone)
        return ()


def _counted(format: Format, file: str, content: bytes, job: Job, alone: bool) -> Sequence[Image]:
    images = _parsed(format, file, content, job, alone)
    if job.moved is not None:
        job.moved.past(file, len(images))
    return images


def _unusable(file: str, error: Unusable, job: Job, alone: bool) -> None:
    """Skip a file; raise DataError if it is the only one."""
    if alone:
        raise DataError(sentence(error.reason, file, error.line, error.detail)) from None
    job.skips.add(error.reason, file, error.line, error.detail)


def _nothing(path: Path, skips: Skips, more: bool) -> None:
    error = NothingRead(f"{shown(path)}: nothing could be read; {skips.most() or 'no image is listed'}")
    error.more = more
    raise error


def _named(batch: Batch) -> Batch:
    """Order the classes: as in the list of the data set, else by name, without those that have no box."""
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


def _boxes(pixels: InPixels, places: bool, part: Mapping[str, str], remarks: list[Remark], skips: Skips) -> Boxes:
    batch = pixels.batch
    names = tuple(batch.classes) if batch.cls is not None else ()
    sized = len(batch.size) == len(batch.label)
    named = any(batch.file) or len(set(batch.label)) > 1
    if batch.image is None or not (sized or named):
        return Boxes(
            pixels.wh, class_index=batch.cls, class_names=names, skipped=skips.counts, remarks=tuple(remarks),
            weights=_weights(batch.weight), flags=_flags(batch),
        )  # fmt: skip
    split = batch.split or ([part.get(label, "") for label in batch.label] if part else None)
    labels = given_names(batch.label)
    return Boxes(
        pixels.wh,
        image_index=batch.image,
        image_wh=batch.size if sized else None,
        class_index=batch.cls,
        class_names=names,
        skipped=skips.counts,
        xy=pixels.xy if places else None,
        split=tuple(split) if split else None,
        files=tuple(file or label for file, label in zip(batch.file, labels, strict=True)) if named else None,
        remarks=tuple(remarks),
        weights=_weights(batch.weight),
        flags=_flags(batch),
    )


def _flags(batch: Batch) -> dict[str, NDArray[np.bool_]]:
    """Return the flags that a box has, by their names."""
    if batch.flags is None or not batch.flags.any():
        return {}
    every = int(np.bitwise_or.reduce(batch.flags))
    return {name: (batch.flags & bit) != 0 for name, bit in KEPT.items() if every & bit}


def _weights(column: FloatArray | None) -> Any:
    """Return weights as int64 if all are whole."""
    if column is None or (column != np.trunc(column)).any() or column.sum() > EXACT:
        return column
    return column.astype(np.int64)
