"""Write boxes as a table, Parquet or CSV."""

from __future__ import annotations

import csv
import importlib
import os
from pathlib import Path

import numpy as np

from fastanchor._errors import DataError
from fastanchor._output import check_output, is_stream, named_file, whole
from fastanchor.boxes import TEXTS, Boxes, columns_of
from fastanchor.datasets._arrow import pyarrow_for
from fastanchor.datasets._skips import shown

__all__ = ["check", "write"]


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
    columns = columns_of(boxes, empty=True)
    if out.suffix.lower() == ".parquet":
        arrow = pyarrow_for(out)
        parquet = importlib.import_module("pyarrow.parquet")
        with whole(out, replace=replace) as part:
            made = {
                name: arrow.array(values, mask=np.isnan(values) if values.dtype == np.float64 else None)
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
