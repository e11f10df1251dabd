"""Columns of a table as images and boxes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray
from fastanchor._weights import LEAST, MOST
from fastanchor.datasets._judge import within
from fastanchor.datasets._record import KEPT, NOTHING, Batch
from fastanchor.datasets._roles import Roles
from fastanchor.datasets._skips import Skips

__all__ = ["Codes", "Taken", "batch_of", "coded", "coded_numbers", "place", "unpacked"]

OTHER_SIZE = "image size that differs from that of the image's first row"
BAD_WEIGHT = "weight that is not a number >= 0"
YES = ("1", "1.0", "true", "yes")
BRACKETS = str.maketrans("[](){},;", "        ")


class Codes(NamedTuple):
    """A column of texts: the position of each text in `names`, -1 if empty; names in order of appearance."""

    at: IntArray
    names: list[str]


class Taken(NamedTuple):
    """Columns taken from a file."""

    box: FloatArray  # (n, 2) or (n, 4): NaN where unreadable
    sizes: FloatArray | None  # (n, 2): size of the image of each row
    texts: dict[str, Codes]  # by role
    lines: IntArray | None = None  # (n,): line of each row; None: row numbers from 0
    empty: NDArray[np.bool_] | None = None  # (n,): rows without a box; None: those without any number
    classes: list[str] | None = None  # names of the classes, if labels are class numbers
    weights: FloatArray | None = None  # (n,): NaN where unreadable


def place(file: str, number: int) -> str | int:
    """Return the place of a row: a line of a text file, else a row."""
    return f"row {number}" if re.search(r"\.(?:parquet|np[yz])$", file.lower()) else number


def coded(at: IntArray, names: Sequence[str]) -> Codes:
    """Return stripped names, each once; empty names get -1."""
    bare = list(map(str.strip, names))
    if bare == names and "" not in bare:  # each name occurs once
        return Codes(at, bare)
    place: dict[str, int] = {"": -1}
    for name in bare:
        if name not in place:
            place[name] = len(place) - 1
    table = np.array([*(place[name] for name in bare), -1], dtype=np.int64)
    return Codes(table[at], list(place)[1:])


def coded_numbers(values: IntArray) -> Codes:
    """Return whole numbers as names."""
    if len(values) and values.min() >= 0 and values.max() < len(values):
        used = np.bincount(values) > 0
        if used.all():  # images numbered from 0 keep their order
            return Codes(values, list(map(str, range(len(used)))))
    numbers, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return Codes(place[inverse.reshape(-1)], [str(number) for number in numbers[order].tolist()])


def unpacked(texts: Codes) -> FloatArray:
    """Return the boxes of a column of texts such as "[834.0, 222.0, 56.0, 36.0]", (n, 4); NaN for another text."""
    rows = [*map(_four, texts.names), NOTHING]
    return np.array(rows, dtype=np.float64)[texts.at]


def _four(text: str) -> Sequence[float]:
    words = text.translate(BRACKETS).split()
    try:
        values = [float(word) for word in words]
    except ValueError:
        return NOTHING
    return values if len(values) == 4 else NOTHING


def batch_of(taken: Taken, roles: Roles, file: str, skips: Skips) -> Batch:
    """Return the images and boxes of a table; a row without a box only adds its image."""
    box, texts, at = taken.box, taken.texts, taken.lines
    n = len(box)
    image, names = _images(texts, roles)
    if image is None and taken.sizes is not None:  # each box on its own image
        image, names = np.arange(n), [""] * n
    size = np.full((len(names), 2), np.nan)
    keep = np.ones(n, bool) if image is not None else None
    if image is not None and keep is not None:
        if taken.sizes is not None:
            other = _sizes(taken.sizes, image, size)
            for row in np.flatnonzero(other).tolist() if other.any() else ():
                skips.add(OTHER_SIZE, file, place(file, row if at is None else int(at[row])))
            keep &= ~other
        if taken.empty is not None:
            keep &= ~taken.empty
        elif not np.isfinite(box.sum()):
            keep &= ~np.isnan(box).all(1)
    if taken.weights is not None:
        keep = np.ones(n, bool) if keep is None else keep
        bad = keep & ~((taken.weights == 0.0) | ((taken.weights >= LEAST) & (taken.weights <= MOST)))
        for row in np.flatnonzero(bad).tolist():
            skips.add(BAD_WEIGHT, file, place(file, row if at is None else int(at[row])))
        keep &= ~bad
    label, split = texts.get("label"), texts.get("split")
    parts = None
    if split is not None and image is not None:
        parts = _first(image, split, len(names))
    flags = None
    for name, bit in KEPT.items():
        if (column := texts.get(name)) is not None:
            yes = np.array([*(word.lower() in YES for word in column.names), False])
            some = np.where(yes[column.at], bit, 0).astype(np.uint8)
            flags = some if flags is None else flags | some
    batch = Batch(
        [file] * max(len(names), image is None), names or [""] * (image is None), size, image, box,
        None if label is None else label.at, [] if label is None else label.names, at=at, flags=flags,
        form=roles.form, split=parts, weight=taken.weights,
    )  # fmt: skip
    if label is not None and taken.classes is not None:
        batch = _numbered(batch, taken.classes)
    return batch if keep is None or keep.all() else batch.take(keep)


def _images(texts: dict[str, Codes], roles: Roles) -> tuple[IntArray | None, list[str]]:
    """Return the image of each row, and the names of the images."""
    if "image" not in texts:
        return None, []
    own = _own_numbers(texts["image"])
    at, names = own or texts["image"]
    if "name" in texts:
        names = _first(at, texts["name"], len(names))
    elif own is not None and roles.name < 0 and roles.sizes:
        names = [""] * len(names)
    if len(at) and at.min() < 0:
        at, names = np.where(at < 0, len(names), at), [*names, ""]
    return at, names


def _first(image: IntArray, texts: Codes, m: int) -> list[str]:
    """Return the text in the first row of each of m images."""
    first = np.full(m, -1)
    rows = np.flatnonzero(image >= 0)[::-1]
    first[image[rows]] = texts.at[rows]
    names = [*texts.names, ""]
    return [names[i] for i in first.tolist()]


def _sizes(rows: FloatArray, image: IntArray, size: FloatArray) -> NDArray[np.bool_]:
    """Fill in the size of each image from its first row; return the mask of rows that differ."""
    good = within(rows)
    kept = slice(None) if good.all() else good
    at = image[kept][::-1]
    for axis in (0, 1):  # one column at a time takes a third of the time
        size[at, axis] = rows[kept, axis][::-1]  # the first row of an image is written last
    good &= (rows[:, 0] != size[image, 0]) | (rows[:, 1] != size[image, 1])
    return good


def _own_numbers(image: Codes) -> Codes | None:
    """Return images by their numbers, if these count from 0."""
    if not all(name.isdecimal() and len(name) < 19 for name in image.names):
        return None
    numbers = np.array(list(map(int, image.names)), dtype=np.int64)
    if not np.array_equal(np.sort(numbers), np.arange(len(numbers))):
        return None
    place = np.append(numbers, -1)
    return Codes(place[image.at], list(map(str, range(len(numbers)))))


def _numbered(batch: Batch, classes: list[str]) -> Batch:
    """Return the boxes with classes by their numbers, if all numbers are valid."""
    numbers = [int(name) if name.isdecimal() else -1 for name in batch.classes]
    if not numbers or max(numbers) >= len(classes) or min(numbers) < 0:
        return batch
    table = np.array([*numbers, -1], dtype=np.int64)
    batch.cls, batch.classes, batch.ordered = table[batch.cls], classes, True
    return batch
