"""Plain tables: CSV, Parquet, ``.npy`` and ``.npz``, and CSV on standard input.

What the columns are called decides what they mean (case does not matter):

* ``xmin, ymin, xmax, ymax`` (or ``x1, y1, x2, y2``): corners, and ``width, height`` beside them are the image's, as in
  TensorFlow's tables ``filename, width, height, class, xmin, ymin, xmax, ymax``;
* else ``width, height`` (or ``w, h``, or two columns without a header): the box's, and ``image_width, image_height``
  the image's. `columns` names others.

``image``, ``filename`` or ``image_id`` say which image a box lies in, ``class`` or ``label`` its class. A row whose box
is empty stands for an image without one. Without image sizes the boxes are pixels of the network input.
:func:`write` makes such a table of any data set.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._errors import DataError
from fastanchor._progress import bar
from fastanchor._types import FloatArray, Progress
from fastanchor.boxes import Boxes
from fastanchor.datasets._csv import Sheet, number, sheet, text_of
from fastanchor.datasets._records import ImageAnnotation, Skips, shown
from fastanchor.datasets._table_out import arrow_of, check, write

__all__ = ["OPTIONS", "STDIN", "check", "detect", "iter_images", "read", "write"]

OPTIONS = ("columns",)
STDIN = "-"
ENDINGS = (".csv", ".tsv", ".parquet", ".npy", ".npz")
CORNERS = (("xmin", "x1", "left"), ("ymin", "y1", "top"), ("xmax", "x2", "right"), ("ymax", "y2", "bottom"))
SIDES = (("width", "w", "box_width", "bbox_width", "0"), ("height", "h", "box_height", "bbox_height", "1"))
IMAGE = ("image", "filename", "file_name", "image_id", "imageid", "image_path")
IMAGE_SIDES = (("image_width", "img_width", "imagewidth"), ("image_height", "img_height", "imageheight"))
CLASS = ("class", "label", "name", "class_name", "labelname", "category")


class _Columns(NamedTuple):
    """The columns of a table, each (n,) or None."""

    wh: FloatArray
    image: NDArray[Any] | None
    image_wh: FloatArray | None
    label: NDArray[Any] | None
    line: NDArray[Any] | None  # in the file; None: count rows from 0


def read(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress = None,
    columns: tuple[str, str] | None = None,
) -> Boxes:
    """Return the boxes of a table.

    Parameters
    ----------
    path : path-like
        A file, or "-" for CSV on standard input.
    split : None
        A table has no parts.
    strict : bool, default False
        Raise at the first row that would be skipped.
    report : callable, optional
        Called with one sentence for each of the first five rows skipped.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    columns : (width, height), optional
        Names of the columns with the boxes' sides.

    Returns
    -------
    Boxes
        Images in the order in which they first appear; class names sorted.

    Raises
    ------
    DataError
        If the columns are not there, or no row could be read.
    BackendError
        If Parquet is to be read without pyarrow.
    """
    if split is not None:
        raise DataError(f"{shown(str(path))}: is one table, so it has no split {split!r}")
    skips = Skips(strict=strict, report=report)
    file = Path(path)
    ending = file.suffix.lower()
    with bar(progress, total=1, desc="reading", unit=" tables") as moving:
        found: Boxes | _Columns
        if ending == ".parquet":
            found = _parquet(file, columns)
        elif ending in (".npy", ".npz"):
            found = _numpy(file)
        else:
            found = _csv(file, columns, skips)
        moving.update(1)
    return found if isinstance(found, Boxes) else _boxes(found, file, skips)


def iter_images(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    columns: tuple[str, str] | None = None,
) -> Iterator[ImageAnnotation]:
    """Refuse: a table of sizes does not say where the boxes lie.

    Raises
    ------
    DataError
        Always.
    """
    raise DataError(
        f"{shown(str(path))}: a table tells the sizes of boxes and not where they lie, so it cannot be drawn"
    )


def detect(path: Path) -> bool:
    """Return whether `path` ends like a table."""
    return str(path) == STDIN or (path.is_file() and path.suffix.lower() in ENDINGS)


# --- the kinds of files


def _csv(file: Path, given: tuple[str, str] | None, skips: Skips) -> _Columns:
    text = sys.stdin.read() if str(file) == STDIN else text_of(file)
    found = sheet(text, file, skips)
    corners = [found.place(*names) for names in CORNERS]
    by_corners = given is None and min(corners) >= 0
    # beside corners, width and height are the image's
    sides = SIDES if by_corners else IMAGE_SIDES
    image_sides = [found.place(*names[:2]) for names in sides]
    if by_corners and min(image_sides) < 0:
        image_sides = [found.place(*names) for names in IMAGE_SIDES]
    own = corners if by_corners else [found.place(*([name.lower()] if given else names)) for name, names in
                                      zip(given or ("", ""), SIDES, strict=True)]  # fmt: skip
    if min(own) < 0:
        _no_columns(file, given, found.columns)
    image, label = found.place(*IMAGE), found.place(*CLASS)
    if max(image, label, min(image_sides)) < 0:
        quick = _quick(text, found, own)
        if quick is not None:
            return quick
    rows = list(found.rows)
    cells = [row for _, row in rows]

    def column(at: int) -> FloatArray:
        return np.array([number(row[at]) for row in cells], dtype=np.float64)

    values = [column(at) for at in own]
    wh = np.column_stack([values[2] - values[0], values[3] - values[1]] if by_corners else values)
    # a row without a box stands for its image
    blank = np.array([all(not row[at].strip() for at in own) for row in cells], dtype=bool)
    wh[blank] = np.inf if image < 0 else np.nan
    unread = np.isnan(wh).any(1) & ~blank
    wh[unread] = np.inf
    return _Columns(
        wh.reshape(-1, 2),
        np.array([row[image] for row in cells], dtype=object) if image >= 0 else None,
        np.column_stack([column(at) for at in image_sides]) if min(image_sides) >= 0 else None,
        np.array([row[label].strip() for row in cells], dtype=object) if label >= 0 else None,
        np.array([line for line, _ in rows], dtype=np.int64),
    )


def _quick(text: str, found: Sheet, own: list[int]) -> _Columns | None:
    """Read sides alone ten times as fast, where every row is clean; else None, and rows are looked at one by one."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no rows: the careful way says so
            values = np.loadtxt(
                io.StringIO(text), delimiter=found.delimiter, skiprows=found.header, usecols=own, ndmin=2, comments=None
            )
    except ValueError:
        return None
    wh = values[:, 2:] - values[:, :2] if len(own) == 4 else values
    return _Columns(wh, None, None, None, None) if _clean(wh) else None


def _clean(wh: FloatArray) -> bool:
    return wh.size > 0 and bool(wh.min() >= MIN_SIDE and wh.max() <= MAX_SIDE)


def _parquet(file: Path, given: tuple[str, str] | None) -> _Columns:
    arrow = arrow_of(file)
    parquet = importlib.import_module("pyarrow.parquet")
    try:
        source = parquet.ParquetFile(file)
    except (arrow.ArrowInvalid, OSError) as error:
        raise DataError(f"{shown(file)}: is no Parquet file ({str(error).splitlines()[0]})") from None
    names = {name.lower(): name for name in reversed(source.schema_arrow.names)}

    def name_of(*wanted: str) -> str | None:
        return next((names[name] for name in wanted if name in names), None)

    corners = [name_of(*c) for c in CORNERS]
    by_corners = given is None and None not in corners
    own = corners if by_corners else [name_of(g.lower()) for g in given] if given else [name_of(*s) for s in SIDES]
    if None in own:
        _no_columns(file, given, list(source.schema_arrow.names))
    image_sides = [name_of(*names) for names in IMAGE_SIDES]
    image, label = name_of(*IMAGE), name_of(*CLASS)
    wanted = [name for name in (*own, image, label, *image_sides) if name is not None]
    own_names = [name for name in own if name is not None]
    sizes = [] if None in image_sides else [name for name in image_sides if name is not None]
    n = source.metadata.num_rows
    wh, image_wh = np.empty((n, 2)), np.empty((n, 2)) if sizes else None
    images: list[NDArray[Any]] = []
    labels: list[NDArray[Any]] = []
    wanted = list(dict.fromkeys([*own_names, *sizes, *(name for name in (image, label) if name is not None)]))
    at = 0
    for group in range(source.num_row_groups):  # so that the file is never in memory whole
        part = source.read_row_group(group, columns=wanted)
        rows = slice(at, at + part.num_rows)
        at += part.num_rows
        try:
            values = [part.column(name).to_numpy() for name in own_names]
            for axis in (0, 1):
                wh[rows, axis] = values[axis + 2] - values[axis] if by_corners else values[axis]
                if image_wh is not None:
                    image_wh[rows, axis] = part.column(sizes[axis]).to_numpy()
        except (ValueError, TypeError):
            raise DataError(f"{shown(file)}: columns {own_names} hold no numbers") from None
        if image is not None:
            images.append(part.column(image).to_numpy())
        if label is not None:
            text = part.column(label).cast(arrow.string())
            labels.append(np.asarray(text.to_numpy(zero_copy_only=False), dtype=object))
    joined = np.concatenate(images) if images else None
    return _Columns(wh, joined, image_wh, np.concatenate(labels) if labels else None, None)


def _numpy(file: Path) -> Boxes:
    try:
        content = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{shown(file)}: is no array of numbers ({str(error).splitlines()[0]})") from None
    if isinstance(content, np.ndarray):
        return Boxes(_pairs(content, file))
    with content:
        name = next((n for n in ("wh", "boxes", "arr_0") if n in content.files), None)
        if name is None:
            raise DataError(f"{shown(file)}: holds {', '.join(content.files)}; an array named wh or boxes is needed")
        try:
            extra = {n: content[n] for n in ("image_index", "image_wh", "class_index") if n in content.files}
            names = tuple(str(one) for one in content["class_names"]) if "class_names" in content.files else ()
            return Boxes(_pairs(content[name], file), **extra, class_names=names)
        except ValueError as error:
            raise error if isinstance(error, DataError) else DataError(f"{shown(file)}: {error}") from None


def _pairs(array: NDArray[Any], file: Path) -> NDArray[Any]:
    if array.ndim != 2 or array.shape[1] != 2:
        raise DataError(f"{shown(file)}: has shape {array.shape}; must be (n, 2), widths and heights")
    return array


def _no_columns(file: Path, given: tuple[str, str] | None, there: list[str]) -> None:
    wanted = " and ".join(map(repr, given)) if given else "width and height, or xmin, ymin, xmax and ymax"
    raise DataError(f"{shown(file)}: has the columns {', '.join(map(repr, there[:12]))}; {wanted} are needed (columns)")


# --- from columns to boxes


def _boxes(table: _Columns, file: Path, skips: Skips) -> Boxes:
    wh = table.wh
    if table.image is table.image_wh is table.label is None and _clean(wh):
        return Boxes(wh)
    empty = np.isnan(wh).all(1)
    good = ((wh >= MIN_SIDE) & (wh <= MAX_SIDE)).all(1)
    for row in np.flatnonzero(~(good | empty)).tolist():
        skips.add(_fault(wh[row]), file, _line(table, row), "" if table.line is not None else f"row {row}")
    sized: Any = np.ones(len(wh), bool)
    if table.image_wh is not None:
        sized = np.asarray((table.image_wh >= MIN_SIDE) & (table.image_wh <= MAX_SIDE)).all(axis=1)
        for row in np.flatnonzero(good & ~sized).tolist():
            skips.add("image size missing", file, _line(table, row), "" if table.line is not None else f"row {row}")
    keep = good & sized
    if not (keep | (empty & sized)).any():
        raise DataError(f"{shown(file)}: no row could be read; the first: {skips.first or 'there is none'}")
    image_index = image_wh = None
    if table.image_wh is not None:
        known = keep | (empty & sized)
        if table.image is not None:
            keys, first, inverse = np.unique(_keys(table.image[known]), return_index=True, return_inverse=True)
            # numbers from 0 on are the images' own; other names stand in the order in which they appear
            own = keys.dtype.kind in "iu" and np.array_equal(keys, np.arange(len(keys)))
            order = np.arange(len(keys)) if own else np.argsort(first)
            place = np.empty(len(order), np.int64)
            place[order] = np.arange(len(order))
            image_wh = table.image_wh[known][first[order]]
            image_index = place[inverse.reshape(-1)][keep[known]]
        else:  # every box on an image of its own
            image_wh, image_index = table.image_wh[keep], np.arange(int(keep.sum()))
    names: list[str] = []
    classes = None
    if table.label is not None:
        texts = np.array([str(one) for one in table.label[keep]], dtype=object)
        names = sorted(set(texts.tolist()))
        number_of = {name: i for i, name in enumerate(names)}
        classes = np.array([number_of[name] for name in texts], dtype=np.int64)
    return Boxes(wh[keep], image_index, image_wh, classes, tuple(names), skips.counts)


def _keys(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype != object:
        return values
    texts = [str(one) for one in values]
    return np.array([int(one) for one in texts] if all(one.isdecimal() for one in texts) else texts)


def _line(table: _Columns, row: int) -> int | None:
    return int(table.line[row]) if table.line is not None else None


def _fault(side: FloatArray) -> str:
    if not np.isfinite(side).all():
        return "box with unreadable or infinite sides"
    return "box with negative width or height" if (side < 0.0).any() else "box with zero width or height"
