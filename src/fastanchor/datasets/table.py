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

import os
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._progress import bar
from fastanchor._reading import is_file, opened
from fastanchor._types import FloatArray, Progress
from fastanchor.boxes import Boxes
from fastanchor.datasets._arrow import parquet_columns
from fastanchor.datasets._columns import Roles, Taken, boxes_of, good_rows, roles
from fastanchor.datasets._csv import STDIN, sheet, take
from fastanchor.datasets._records import ImageAnnotation, Skips, shown
from fastanchor.datasets._table_out import check, write

__all__ = ["OPTIONS", "STDIN", "check", "detect", "iter_images", "read", "write"]

OPTIONS = ("columns",)
# what NumPy and the modules below it raise for damaged files
DAMAGED = (
    ValueError, OSError, EOFError, MemoryError, OverflowError, NotImplementedError, SyntaxError, tokenize.TokenError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
ENDINGS = (".csv", ".tsv", ".parquet", ".npy", ".npz")
WH = ("wh", "boxes", "arr_0")  # what an archive may call the boxes
EXTRA = ("image_index", "image_wh", "class_index")


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
        if ending in (".npy", ".npz"):
            found = _numpy(file, skips)
        else:
            found = (_parquet if ending == ".parquet" else _csv)(file, columns, skips)
        moving.update(1)
    return found


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
    return str(path) == STDIN or (is_file(path) and path.suffix.lower() in ENDINGS)


def _csv(file: Path, given: tuple[str, str] | None, skips: Skips) -> Boxes:
    there = sheet(file)
    chosen = roles(there.columns, given, file)
    return boxes_of(take(there, skips, *_wanted(chosen)), chosen, file, skips)


def _parquet(file: Path, given: tuple[str, str] | None, skips: Skips) -> Boxes:
    chosen: list[Roles] = []

    def choose(names: list[str]) -> tuple[list[int], list[int]]:
        chosen.append(roles(names, given, file))
        return _wanted(chosen[0])

    taken = parquet_columns(file, choose)
    return boxes_of(taken, chosen[0], file, skips)


def _wanted(chosen: Roles) -> tuple[list[int], list[int]]:
    """Return the positions of the columns with numbers and of those with texts."""
    return [*chosen.sides, *chosen.image_sides], [at for at in (chosen.image, chosen.label) if at >= 0]


def _numpy(file: Path, skips: Skips) -> Boxes:
    try:
        with opened(file) as source, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of headers that an old Python wrote
            content = np.load(source, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return boxes_of(Taken(_pairs(content, file), [], None), Roles([0, 1], [], -1, -1), file, skips)
            with content:
                arrays = {name: content[name] for name in content.files if name in (*WH, *EXTRA, "class_names")}
                there = ", ".join(content.files) or "nothing"
    except DataError:
        raise
    except DAMAGED as error:
        raise DataError(f"{shown(file)}: is no array of numbers ({_why(error)})") from None
    wh = next((arrays[name] for name in WH if name in arrays), None)
    if wh is None:
        raise DataError(f"{shown(file)}: holds {there}; an array named wh or boxes is needed")
    names = tuple(map(str, arrays["class_names"].tolist())) if "class_names" in arrays else ()
    wh = _pairs(wh, file)
    good = good_rows(wh, file, skips)
    extra = {name: arrays[name] for name in EXTRA if name in arrays}
    for name in ("image_index", "class_index"):  # one a box
        if name in extra and extra[name].shape == good.shape:
            extra[name] = extra[name][good]
    try:
        return Boxes(wh[good], **extra, class_names=names, skipped=skips.counts)
    except DataError as error:
        raise DataError(str(error) if str(error).startswith(shown(file)) else f"{shown(file)}: {error}") from None


def _pairs(array: NDArray[Any], file: Path) -> FloatArray:
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "fiu":
        there = f"{array.dtype} of shape {array.shape}"
        raise DataError(f"{shown(file)}: is {there}; must be numbers of shape (n, 2), widths and heights")
    return array.astype(np.float64)


def _why(error: BaseException) -> str:
    if "pickle" in str(error):  # NumPy's own words advise to load it nevertheless
        return "another kind of file, or pickled objects, which are never loaded"
    return (str(error).splitlines() or [type(error).__name__])[0]
