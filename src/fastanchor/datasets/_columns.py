"""Columns of a table: what their names mean, and boxes made of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as brief
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._errors import DataError
from fastanchor._types import FloatArray, IntArray
from fastanchor.boxes import Boxes
from fastanchor.datasets._records import Skips, shown

__all__ = [
    "Codes",
    "Roles",
    "Taken",
    "boxes_of",
    "coded",
    "coded_numbers",
    "good_rows",
    "roles",
    "sorted_codes",
    "widths",
    "within",
]

CORNERS = (("xmin", "x1", "left"), ("ymin", "y1", "top"), ("xmax", "x2", "right"), ("ymax", "y2", "bottom"))
SIDES = (("width", "w", "box_width", "bbox_width"), ("height", "h", "box_height", "bbox_height"))
IMAGE = ("image", "filename", "file_name", "image_id", "imageid", "image_path")
IMAGE_SIDES = (("image_width", "img_width", "imagewidth"), ("image_height", "img_height", "imageheight"))
CLASS = ("class", "label", "name", "class_name", "labelname", "category")
UNNAMED = "unnamed"


class Roles(NamedTuple):
    """Positions of the columns that matter: 2 or 4 `sides`, up to 2 of `image_sides`, -1 where there is none."""

    sides: list[int]
    image_sides: list[int]
    image: int
    label: int


class Codes(NamedTuple):
    """A column of names: for each row the position of its name, -1 for nothing; names as they first appear."""

    at: IntArray
    names: list[str]


class Taken(NamedTuple):
    """Columns taken from a file.

    Attributes
    ----------
    numbers : (n, a) float64
        NaN where nothing stands, inf where something else than a number does.
    texts : list of Codes
    lines : (n,) int64 or None
        In the file; None: rows are counted from 0.
    """

    numbers: FloatArray
    texts: list[Codes]
    lines: IntArray | None


def roles(columns: Sequence[str], given: tuple[str, str] | None, file: Path) -> Roles:
    """Return which columns matter; names are compared in lower case, and those without a header are "0", "1", ...

    Raises
    ------
    DataError
        If there are no columns with boxes.
    """
    place = {name.strip().lower(): i for i, name in reversed(list(enumerate(columns)))}

    def first(names: Sequence[str]) -> int:
        return next((place[name] for name in names if name in place), -1)

    corners = [first(names) for names in CORNERS]
    by_corners = given is None and min(corners) >= 0
    if by_corners:
        sides = corners
    elif given is not None:
        sides = [first([name.strip().lower()]) for name in given]
    elif list(columns) == ["0", "1"]:
        sides = [0, 1]
    else:
        sides = [first(names) for names in SIDES]
    if min(sides) < 0:
        wanted = " and ".join(map(repr, given)) if given else "width and height, or xmin, ymin, xmax and ymax"
        bare = set(place) == {str(i) for i in range(len(columns))}
        there = (
            f"{len(columns)} columns without names" if bare else f"the columns {', '.join(map(brief, columns[:12]))}"
        )
        raise DataError(f"{shown(file)}: has {there}; {wanted} are needed (columns)")
    image_sides = [first(names) for names in IMAGE_SIDES]
    if by_corners and min(image_sides) < 0:  # beside corners, width and height are the image's
        image_sides = [first(names[:2]) for names in SIDES]
    return Roles(sides, image_sides if min(image_sides) >= 0 else [], first(IMAGE), first(CLASS))


def coded(at: IntArray, names: Sequence[str]) -> Codes:
    """Return names without the white space around them, each once; what is empty counts as nothing."""
    place: dict[str, int] = {"": -1}
    bare = [name.strip() for name in names]
    for name in bare:
        if name not in place:
            place[name] = len(place) - 1
    if len(place) == len(names) + 1 and bare == list(names):
        return Codes(at, bare)
    table = np.array([*(place[name] for name in bare), -1], dtype=np.int64)
    return Codes(table[at], list(place)[1:])


def coded_numbers(values: IntArray) -> Codes:
    """Return whole numbers as names."""
    if len(values) and values.min() >= 0 and values.max() < len(values):
        used = np.bincount(values) > 0
        if used.all():  # images numbered from 0 on: their own order is kept
            return Codes(values, list(map(str, range(len(used)))))
    numbers, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return Codes(place[inverse.reshape(-1)], [str(number) for number in numbers[order].tolist()])


def boxes_of(taken: Taken, roles: Roles, file: Path, skips: Skips) -> Boxes:
    """Return the boxes of a table whose numbers are sides, then image sides, and whose texts are image and class.

    Raises
    ------
    DataError
        If no row can be used.
    """
    n_sides = len(roles.sides)
    sides = taken.numbers[:, :n_sides]
    wh = widths(sides) if n_sides == 4 else sides
    texts = iter(taken.texts)
    image = _own_numbers(next(texts)) if roles.image >= 0 else None
    label = next(texts) if roles.label >= 0 else None
    image_wh = taken.numbers[:, n_sides:] if roles.image_sides else None
    good = within(wh)
    plain = image is None and image_wh is None and label is None
    if plain and good.all() and len(wh) and wh.max() > 1.0:
        return Boxes(np.ascontiguousarray(wh), skipped=skips.counts)

    def skip(rows: NDArray[np.bool_], reason: str) -> None:
        for row in np.flatnonzero(rows).tolist():
            line = int(taken.lines[row]) if taken.lines is not None else None
            skips.add(reason or _fault(wh[row]), file, line, "" if line else f"row {row}")

    # a row without a box stands for its image
    empty = np.isnan(sides).all(1) if image is not None else np.zeros(len(wh), bool)
    skip(~(good | empty), "")
    known = good | empty
    if image_wh is not None:
        sized = within(image_wh)
        skip(known & ~sized, "image size missing")
        known &= sized
    elif empty.any():
        skips.note("image without a box and without a size", int(empty.sum()))
        known &= good
    sizes = index = None
    if image_wh is not None and image is not None:
        image = Codes(np.where(image.at < 0, len(image.names), image.at), [*image.names, UNNAMED])
        sizes = np.empty((len(image.names), 2))
        rows = np.flatnonzero(known)[::-1]
        sizes[image.at[rows]] = image_wh[rows]  # the first row of an image is the last to be written
        other = known & (sizes[image.at] != image_wh).any(1)
        skip(other, "image size that is not the one of the image's first row")
        known &= ~other
        used = np.bincount(image.at[known], minlength=len(sizes)) > 0
        sizes, index = sizes[used], (np.cumsum(used) - 1)[image.at]
    elif image_wh is not None:  # every box on an image of its own
        sizes, index = image_wh[known], np.cumsum(known) - 1
    if not known.any():
        raise DataError(f"{shown(file)}: no row could be read; the first: {skips.first or 'there is none'}")
    keep = known & good
    if sizes is None and keep.any() and wh[keep].max() <= 1.0:
        skips.remark(
            f"{shown(file)}: no box is larger than 1 and image sizes are missing, so boxes are relative to images "
            "taken as square"
        )
        at = image.at if image is not None else np.zeros(len(wh), np.int64)
        used, index = np.unique(at, return_inverse=True)
        sizes, index = np.ones((len(used), 2)), index.reshape(-1)
    classes, names = sorted_codes(label, keep) if label is not None else (None, ())
    return Boxes(wh[keep], None if index is None else index[keep], sizes, classes, names, skips.counts)


def good_rows(wh: FloatArray, file: Path, skips: Skips) -> NDArray[np.bool_]:
    """Return which widths and heights (n, 2) are ones; the others go to `skips`."""
    good = within(wh)
    for row in np.flatnonzero(~good).tolist():
        skips.add(_fault(wh[row]), file, None, f"row {row}")
    return good


def _own_numbers(image: Codes) -> Codes:
    """Return images by their own numbers, if they are numbered from 0 on."""
    if not all(name.isdecimal() and len(name) < 19 for name in image.names):
        return image
    numbers = np.array(list(map(int, image.names)), dtype=np.int64)
    if not np.array_equal(np.sort(numbers), np.arange(len(numbers))):
        return image
    place = np.append(numbers, -1)
    return Codes(place[image.at], list(map(str, range(len(numbers)))))


def sorted_codes(label: Codes, keep: NDArray[np.bool_]) -> tuple[IntArray, tuple[str, ...]]:
    """Return the class of each row kept as a position in the names, and the names, sorted."""
    at = np.where(label.at[keep] < 0, len(label.names), label.at[keep])
    used = np.flatnonzero(np.bincount(at, minlength=len(label.names) + 1)).tolist()
    all_names = [*label.names, UNNAMED]
    names = sorted({all_names[i] for i in used})
    number = {name: i for i, name in enumerate(names)}
    place = np.zeros(len(all_names), np.int64)
    place[used] = [number[all_names[i]] for i in used]
    return place[at], tuple(names)


def widths(corners: FloatArray) -> FloatArray:
    """Return widths and heights of left, top, right, bottom; NaN where both sides are infinite."""
    with np.errstate(invalid="ignore"):
        return corners[:, 2:] - corners[:, :2]


def within(pairs: FloatArray) -> NDArray[np.bool_]:
    """Return which widths and heights (n, 2) are ones."""
    # one column at a time: all(1) over two columns costs several times as much
    good: NDArray[np.bool_] = (pairs[:, 0] >= MIN_SIDE) & (pairs[:, 0] <= MAX_SIDE)
    good &= (pairs[:, 1] >= MIN_SIDE) & (pairs[:, 1] <= MAX_SIDE)
    return good


def _fault(side: FloatArray) -> str:
    if not (np.abs(side) <= MAX_SIDE).all():
        return "box with unreadable or infinite sides"
    return "box with negative width or height" if (side < 0.0).any() else "box with zero width or height"
