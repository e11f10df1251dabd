"""Write boxes as a table, Parquet or CSV."""

from __future__ import annotations

import csv
import importlib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._output import check_output, is_stream, named_file, whole
from fastanchor.boxes import Boxes
from fastanchor.datasets._arrow import pyarrow_for
from fastanchor.datasets._skips import shown

__all__ = ["check", "write"]

TEXTS = ("class", "split", "filename")


def write(boxes: Boxes, path: str | os.PathLike[str], *, replace: bool = True) -> None:
    """Write boxes as a table, Parquet or CSV by the ending; :func:`read` returns the same boxes.

    Parameters
    ----------
    boxes : Boxes
    path : path-like
        Path that ends in .parquet or .csv; CSV for a pipe or device. Written completely or not at all.
    replace : bool, default True
        Replace an existing file.

    Raises
    ------
    DataError
        If the ending is different, the file cannot be written, or it exists and `replace` is False.
    BackendError
        If the table is Parquet and pyarrow is not installed.
    """
    out = named_file(path)
    check(out, replace=replace)
    columns = _table_of(boxes)
    if out.suffix.lower() == ".parquet":
        arrow = pyarrow_for(out)
        parquet = importlib.import_module("pyarrow.parquet")
        with whole(out, replace=replace) as part:
            made = {
                name: arrow.array(values, mask=None if values.dtype != np.float64 else np.isnan(values))
                for name, values in columns.items()
            }
            parquet.write_table(arrow.table(made), part, compression="zstd", use_dictionary=list(TEXTS))
        return
    with whole(out, replace=replace) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in zip(*(values.tolist() for values in columns.values()), strict=True):
            writer.writerow(["" if value != value else value for value in row])


def check(out: Path, *, replace: bool = True) -> None:
    """Raise the errors of :func:`write` for this file early."""
    if out.suffix.lower() not in (".parquet", ".csv") and not is_stream(out):
        raise DataError(f"{shown(out)}: must end in .parquet or .csv")
    if out.suffix.lower() == ".parquet":
        pyarrow_for(out)
    check_output(out, replace=replace)


def _table_of(boxes: Boxes) -> dict[str, NDArray[Any]]:
    """Return the columns of a table; images without boxes have rows with NaN at the end."""
    index, empty = boxes.image_index, np.empty(0, np.int64)
    known = boxes.files if boxes.image_wh is None else boxes.image_wh
    if index is not None and known is not None:
        empty = np.setdiff1d(np.arange(len(known)), index)
    nothing = np.full(len(empty), np.nan)
    columns: dict[str, NDArray[Any]] = {}
    # without a place and a class, width and height could be those of the image
    sides = ("width", "height") if boxes.xy is not None or index is None else ("box_width", "box_height")
    for names, pairs in ((("xmin", "ymin"), boxes.xy), (sides, boxes.wh)):
        if pairs is not None:
            columns.update((name, np.concatenate([pairs[:, i], nothing])) for i, name in enumerate(names))
    if index is not None:
        image = columns["image"] = np.concatenate([index, empty])
        if boxes.image_wh is not None:
            columns["image_width"], columns["image_height"] = boxes.image_wh[image].T.copy()
        for name, texts in (("filename", boxes.files), ("split", boxes.split)):
            if texts is not None:
                columns[name] = np.array(texts, dtype=object)[image]
    if boxes.weights is not None:
        columns["box_weight"] = np.concatenate([boxes.weights, nothing])
    if boxes.class_index is not None:
        classes = np.array([*boxes.class_names, ""], dtype=object)
        columns["class"] = classes[np.concatenate([boxes.class_index, np.full(len(empty), len(classes) - 1)])]
    return columns
