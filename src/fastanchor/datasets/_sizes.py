"""Sizes of images that are not in the labels: from the images, from other files of the format, or from an option."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._output import check_output, is_stream, named_file, whole
from fastanchor._progress import bar
from fastanchor._reading import opened, stands_in
from fastanchor._types import PathLike, Progress, Remark
from fastanchor.datasets._fetch import each
from fastanchor.datasets._judge import within
from fastanchor.datasets._places import Places
from fastanchor.datasets._record import Batch, Format, Job
from fastanchor.datasets._skips import impostor, shown

__all__ = ["SAMPLED", "Sized", "differing", "image_size", "kind_of", "size_in", "sized", "what_is"]

SAMPLED = 16  # images whose headers are compared with the labels
MARK = "fastanchor image sizes"
VERSION = 1
COLD = 100e-6  # seconds to read a header; from memory it takes a quarter
# raised by imagesize for damaged headers
_UNREADABLE = (OSError, ValueError, ArithmeticError, LookupError, TypeError, struct.error, SyntaxError)

Pair = tuple[float, float]


class Sized(NamedTuple):
    """A batch with the sizes that could be found."""

    batch: Batch
    known: NDArray[np.bool_]  # (m,): mask of images with a size
    found: dict[int, str]  # images that exist but cannot be read, by position
    used: frozenset[str] = frozenset()  # options that had an effect


def sized(format: Format, batch: Batch, job: Job, places: Places) -> Sized:
    """Fill in the sizes of images that are not in the labels."""
    known, by_hand = within(batch.size), job.options.source_size
    if batch.image is None:  # boxes without images
        if by_hand is None:
            return Sized(batch, known, {})
        n = len(batch)
        batch = replace(batch, image=np.arange(n), size=np.full((n, 2), by_hand, dtype=np.float64),
                        label=batch.label[:1] * n, file=[""] * n)  # fmt: skip
        return Sized(batch, np.ones(n, bool), {}, frozenset(("source_size",)))
    if known.all():
        return Sized(batch, known, {})
    size, used = np.where(known[:, None], batch.size, np.nan), set[str]()
    images = places.each(batch.label, batch.file, np.flatnonzero(~known).tolist())
    if images:
        used |= {"size_cache", "images"}
        pairs = _read([Path(image) for image in images.values()], job.options.size_cache, job.progress)
        for i, pair in zip(images, pairs, strict=True):
            if pair is not None:
                size[i] = pair
    batch, known = replace(batch, size=size), within(size)
    if format.sizes is not None and not known.all():
        format.sizes(batch, job)
        known = within(size)
    if by_hand is not None and not known.all():
        size[~known] = by_hand
        known[:] = True
        used.add("source_size")
    return Sized(batch, known, {i: image for i, image in images.items() if not known[i]}, frozenset(used))


def differing(batch: Batch, stated: NDArray[np.bool_], places: Places) -> list[Remark]:
    """Return a remark if images differ in size from their labels; `stated` is the mask of sizes in the labels."""
    at = np.flatnonzero(stated)
    count, example, looked = 0, "", 0
    for i in at[:: max(1, len(at) // SAMPLED)][:SAMPLED].tolist():
        image = places.find(batch.label[i], batch.file[i])
        if image is None:
            if not looked:
                break  # no images
            continue
        looked += 1
        pair = image_size(Path(image))
        if pair is not None and pair != tuple(batch.size[i]):
            width, height = batch.size[i]
            example = example or f"{shown(image)}: {pair[0]:g} x {pair[1]:g}, the label says {width:g} x {height:g}"
            count += 1
    if not count:
        return []
    text = f"{count} of {looked} sampled images differ in size from their labels; {example}"
    return [Remark("image sizes that differ", text, count, doubt=True)]


def what_is(path: Path) -> str:
    """Return why no size can be read from an image."""
    try:
        with opened(path) as file:
            head = file.read(64)
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    return kind_of(head)


def kind_of(head: bytes) -> str:
    """Return what a file is that is no image, by its first bytes."""
    return impostor(head, "an image") or "not a readable image" if head else "an empty file"


def image_size(path: Path) -> Pair | None:
    """Return width and height of an image, rotated by its EXIF data, or None if they cannot be read."""
    try:
        with opened(path) as file:
            return size_in(file)
    except OSError:
        return None


def size_in(image: IO[bytes]) -> Pair | None:
    """Return width and height of an opened image, as :func:`image_size`."""
    import imagesize

    try:
        width, height = imagesize.get(image)
    except _UNREADABLE:
        return None
    return (float(width), float(height)) if width > 0 and height > 0 else None


def _read(images: Sequence[Path], cache: PathLike | None, progress: Progress) -> Iterator[Pair | None]:
    """Yield the size of each image; the cache keeps them with the time and length of each file."""
    file = None if cache is None else named_file(cache, "size_cache")
    known = {} if file is None else _cached(file)
    learned: dict[str, list[Any]] = {}

    def size(image: Path) -> Pair | None:
        if file is None or stands_in(image):
            return image_size(image)
        try:
            status = image.stat()
        except (OSError, ValueError):
            return None
        key, stamp = str(image.absolute()), [status.st_mtime_ns, status.st_size]
        entry = known.get(key)
        if entry is not None and entry[:2] == stamp:
            return entry[2], entry[3]
        pair = image_size(image)
        if pair is not None:
            learned[key] = [*stamp, *pair]
        return pair

    try:
        with bar(progress, total=len(images), desc="reading sizes of images", unit=" images") as moving:
            yield from each(size, images, COLD, moving.update)
    finally:
        if file is not None and learned:
            content = json.dumps({MARK: VERSION, "images": {**known, **learned}})
            with whole(file) as part:
                part.write_text(content, encoding="utf-8")


def _cached(file: Path) -> dict[str, list[Any]]:
    check_output(file, replace=True)
    if is_stream(file):
        raise DataError(f"{called('size_cache')} = {shown(file)}: got a pipe or a device, expected a file")
    try:
        with opened(file) as source:
            content = json.loads(source.read())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataError(f"{shown(file)}: cannot be read ({error.strerror})") from None
    except ValueError:
        content = None
    images = content.get("images") if isinstance(content, dict) and content.get(MARK) == VERSION else None
    if not isinstance(images, dict):
        raise DataError(f"{called('size_cache')} = {shown(file)}: not a file of image sizes; name a new file")
    return {
        name: entry
        for name, entry in images.items()
        if isinstance(entry, list) and len(entry) == 4 and all(isinstance(one, (int, float)) for one in entry)
    }
