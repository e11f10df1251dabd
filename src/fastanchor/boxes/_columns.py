"""Boxes as the columns of a table: for files, data frames and notebooks."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import BackendError
from fastanchor._table import Table
from fastanchor._text import plain
from fastanchor._types import IntArray

if TYPE_CHECKING:
    from fastanchor.boxes._boxes import Boxes

__all__ = ["TEXTS", "arrow_stream", "as_html", "columns_of"]

TEXTS = ("file", "split", "class")  # columns of texts
SHOWN = 5  # boxes of a notebook's table


def columns_of(boxes: Boxes, *, empty: bool = False) -> dict[str, NDArray[Any]]:
    """Return the columns of a table with a row for each box, by name; see :meth:`Boxes.to_columns`.

    With `empty`, images without boxes have a row too, of NaN, False and empty texts. The images then have the order of
    their rows, or a column ``image`` with their numbers.
    """
    rows, images = np.arange(len(boxes)), boxes.image_index
    if images is not None and empty:
        rows, images = _with_empty(images, boxes.n_images)
    columns: dict[str, NDArray[Any]] = {}

    def put(names: Sequence[str], values: Any, nothing: Any) -> None:
        """Add columns with the values of boxes."""
        some = values if len(rows) == len(boxes) else np.concatenate([values, np.full((1, *values.shape[1:]), nothing)])
        picked = some[rows] if empty else some
        columns.update(zip(names, picked.T if picked.ndim == 2 else [picked], strict=True))

    if images is not None:
        if boxes.files is not None:
            columns["file"] = _texts(boxes.files)[images]
        if boxes.files is None or (empty and not _names_order(boxes.files, images)):
            columns["image"] = images
        if boxes.split is not None:
            columns["split"] = _texts(boxes.split)[images]
    # without a place and a class, width and height could be those of the image
    put(
        ("width", "height") if boxes.xy is not None or images is None else ("box_width", "box_height"), boxes.wh, np.nan
    )
    if images is not None and boxes.image_wh is not None:
        columns["image_width"], columns["image_height"] = boxes.image_wh[images].T
    if boxes.xy is not None:
        put(("x", "y"), boxes.xy, np.nan)
    if boxes.class_index is not None:
        put(("class",), _texts(boxes.class_names)[boxes.class_index], "")
    if boxes.weights is not None:
        put(("box_weight",), boxes.weights, np.nan)
    for name, column in boxes.flags.items():
        put((name,), column, False)
    return {name: np.ascontiguousarray(column) for name, column in columns.items()}


def _texts(names: Sequence[str]) -> NDArray[np.object_]:
    texts = np.empty(len(names), dtype=object)
    texts[:] = names
    return texts


def _with_empty(images: IntArray, count: int) -> tuple[IntArray, IntArray]:
    """Return the box of each row, n for none, and its image; boxes stay in order, and images if they are in order."""
    empty = np.flatnonzero(np.bincount(images, minlength=count) == 0)
    n = len(images)
    rows = np.concatenate([np.arange(n), np.full(len(empty), n)])
    of_row = np.concatenate([images, empty])
    if n and (np.diff(images) < 0).any():
        return rows, of_row
    order = np.argsort(of_row, kind="stable")
    return rows[order], of_row[order]


def _names_order(files: Sequence[str], images: IntArray) -> bool:
    """Return whether the names alone tell images apart, and their rows come in the order of the images."""
    if len(set(files)) < len(files) or any(name != name.strip() or not name for name in files):
        return False
    return not all(map(str.isdecimal, files)) and not (np.diff(images) < 0).any()


def arrow_stream(boxes: Boxes, schema: object) -> object:
    """Return the columns as a stream of Arrow data; texts as dictionaries.

    Raises
    ------
    BackendError
        If pyarrow is not installed.
    """
    try:
        arrow = importlib.import_module("pyarrow")
    except ImportError:
        sentence = "boxes: need pyarrow to become Arrow data; pip install 'fastanchor[parquet]', or use to_columns()"
        raise BackendError(sentence) from None
    columns = {name: arrow.array(values) for name, values in columns_of(boxes).items()}
    texts = {name: column.dictionary_encode() for name, column in columns.items() if name in TEXTS}
    return arrow.table({**columns, **texts}).__arrow_c_stream__(schema)


def as_html(boxes: Boxes) -> str:
    """Return the first boxes as a table of a notebook, below a line of counts."""
    columns = columns_of(boxes[:SHOWN])
    rows = [[_cell(value) for value in row] for row in zip(*(one.tolist() for one in columns.values()), strict=True)]
    if len(boxes) > SHOWN:
        rows.append(["..."] * len(columns))
    title = plain(repr(boxes))
    align = "".join("l" if name in TEXTS else "r" for name in columns)
    return Table(tuple(columns), rows, title=title, align=align).html()


def _cell(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
