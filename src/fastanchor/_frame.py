"""Tables of other libraries (pandas, polars, pyarrow, or any Arrow data): find the two columns with the boxes."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from reprlib import repr as brief
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import BackendError, DataError, WrongTypeError
from fastanchor._types import FloatArray, Shown

__all__ = ["IMAGE_SIDES", "Frame", "frame_of", "is_arrow", "key", "numbers_of", "sides_of"]

SIDES = (("width", "height"), ("w", "h"), ("box_width", "box_height"), ("bbox_width", "bbox_height"))
# beside the corners of boxes, "width" is that of the image in TensorFlow's tables, and that of the box in others
CORNERS = (("xmin", "xmax"), ("x1", "x2"), ("left", "right"))
# the sizes of images, by which only `fastanchor.read` lets boxes be scaled; names as `key` returns them
IMAGE_SIDES = (("imagewidth", "imageheight"), ("imgwidth", "imgheight"), ("imagew", "imageh"), ("imgw", "imgh"))
ARROW_NUMBERS = ("int", "uint", "float", "halffloat", "double", "decimal")


class Frame(NamedTuple):
    """The names of columns, and a function that returns the column at a position."""

    names: list[str]
    column: Callable[[int], Any]


def sides_of(values: Any, name: str) -> FloatArray | None:
    """Return the widths and heights in a table, (n, 2) float64, or None if `values` is not a table.

    The columns are ``width`` and ``height``, ``w`` and ``h`` (or either pair after ``box_`` or ``bbox_``, in any case),
    else the only two columns of numbers, in their order. A missing number becomes NaN.

    Raises
    ------
    DataError
        If no columns or several columns could be meant, the sizes of images are there too, or a column contains
        anything but numbers.
    BackendError
        If the table can only be read through pyarrow, and pyarrow is not installed.
    """
    table = frame_of(values, name)
    if table is None:
        return None
    return np.column_stack([numbers_of(table, at, name) for at in _chosen(table, name)])


def key(name: str) -> str:
    """Return the significant characters of the name of a column.

    Examples
    --------
    >>> key("Roi.X1"), key("file_name")
    ('roix1', 'filename')
    """
    return re.sub(r"[\W_]+", "", name.lower())


def is_arrow(values: Any) -> bool:
    """Return whether an object exports Arrow data (the PyCapsule interface)."""
    return hasattr(values, "__arrow_c_stream__") or hasattr(values, "__arrow_c_array__")


def frame_of(values: Any, name: str) -> Frame | None:
    """Return a table of another library as columns, None if `values` is not a table."""
    if isinstance(values, (np.ndarray, Shown)):  # a record array has names, but no columns; Boxes are no table of sides
        return None
    if hasattr(values, "column_names") and hasattr(values, "column"):  # pyarrow
        return Frame(list(values.column_names), values.column)
    if hasattr(values, "collect_schema") and hasattr(values, "collect"):  # polars, Ibis and similar libraries
        raise WrongTypeError(f"{name}: got a {type(values).__name__}, expected a data frame; call its collect()")
    arrays = hasattr(values, "__array__")
    # without arrays, a column is a query, as of DuckDB
    if (arrays or not is_arrow(values)) and hasattr(values, "columns") and hasattr(values, "__getitem__"):
        labels = list(values.columns)  # pandas, polars and similar libraries
        return Frame([str(label) for label in labels], lambda at: values[labels[at]])
    if arrays or not is_arrow(values):
        return None
    try:
        arrow = importlib.import_module("pyarrow")
    except ImportError:
        kind = type(values).__name__
        raise BackendError(f"{name}: a {kind} is read through pyarrow; pip install 'fastanchor[parquet]'") from None
    try:
        stream = hasattr(values, "__arrow_c_stream__")
        return frame_of(arrow.table(values) if stream else arrow.record_batch(values), name)
    except (arrow.ArrowException, TypeError) as error:
        raise DataError(f"{name}: is Arrow data, but not a table ({(str(error).splitlines() or ['?'])[0]})") from None


def _chosen(table: Frame, name: str) -> list[int]:
    lower = [one.strip().lower() for one in table.names]
    pairs = [pair for pair in SIDES if pair[0] in lower and pair[1] in lower]
    columns = f"has the columns {', '.join(map(brief, table.names[:12])) or 'of nothing'}"
    hint = "give a table of the two columns alone"
    short = [key(one) for one in table.names]
    images = next((pair for pair in IMAGE_SIDES if pair[0] in short and pair[1] in short), None)
    if images is not None:
        sides = " and ".join(repr(table.names[short.index(side)]) for side in images)
        raise DataError(f"{name}: {columns}; {sides} are the sizes of images: use fastanchor.read(frame), or {hint}")
    if pairs:
        unclear = [
            side for at, side in enumerate(("width", "height")) if sum(lower.count(pair[at]) for pair in pairs) > 1
        ]
        if unclear:
            raise DataError(f"{name}: {columns}, and more than one of them could be the {unclear[0]}; {hint}")
        corners = next((pair for pair in CORNERS if pair[0] in lower and pair[1] in lower), None)
        if corners is not None:
            beside = f"beside {corners[0]!r} and {corners[1]!r}, {pairs[0][0]!r} may be the image's"
            raise DataError(f"{name}: {columns}; {beside}: {hint}")
        return [lower.index(side) for side in pairs[0]]
    numeric = [at for at in range(len(lower)) if _is_numeric(table, at)]
    if len(numeric) != 2:
        wanted = "width and height, w and h, or exactly two columns of numbers"
        raise DataError(f"{name}: {columns}, {len(numeric)} of them numbers; expected {wanted}")
    return numeric


def _is_numeric(table: Frame, at: int) -> bool:
    if table.names.count(table.names[at]) > 1:
        return False
    column = table.column(at)
    kind: Any = getattr(column, "dtype", getattr(column, "type", ""))
    if hasattr(kind, "is_numeric"):  # polars
        return bool(kind.is_numeric())
    if hasattr(kind, "kind"):  # NumPy, pandas
        return kind.kind in "fiu"
    return str(kind).startswith(ARROW_NUMBERS)


def numbers_of(table: Frame, at: int, name: str) -> NDArray[Any]:
    """Return a column of numbers as float64, NaN where one is missing."""
    array = np.asarray(table.column(at))
    if array.dtype.kind in "fiu":
        return array.astype(np.float64, copy=False)
    if array.dtype.kind == "O":
        numbers = np.empty(len(array))
        for row, one in enumerate(array):
            try:
                if isinstance(one, (str, bytes, bool)):
                    raise TypeError
                numbers[row] = one
            except (TypeError, ValueError):
                what = f"{name}[{row}]: column {table.names[at]!r} must contain numbers"
                raise WrongTypeError(f"{what}, got {brief(one)}") from None
        return numbers
    what = "text" if array.dtype.kind in "UST" else str(array.dtype)
    raise WrongTypeError(f"{name}: column {table.names[at]!r} must contain numbers, got {what}")
