"""Files of nothing but widths and heights that may be too large for memory: ``.npy`` and Parquet, read in pieces."""

from __future__ import annotations

import importlib
import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor._reading import unreadable
from fastanchor.datasets._arrow import parquet_names, pyarrow_for
from fastanchor.datasets._record import Options
from fastanchor.datasets._roles import roles
from fastanchor.datasets._skips import Unusable
from fastanchor.engine._batches import Rows

__all__ = ["large_files", "rows_of_file"]

FEW = 64  # rows of which one of this number at least must be wanted for whole pieces to be read
GROUPS = 4  # row groups of a Parquet file that are kept


class Numpy(Rows):
    """The boxes of a ``.npy`` file; its pages do not count as memory of the process."""

    def __init__(self, file: Path) -> None:
        with file.open("rb") as source:
            version = np.lib.format.read_magic(source)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            self.shape, fortran, self.dtype = read(source)
            self._start = source.tell()
        if len(self.shape) != 2 or self.shape[1] != 2 or self.dtype.kind not in "fiu" or fortran:
            raise ValueError(f"{self.dtype} of shape {self.shape}")
        self._file, self._width = file, 2 * self.dtype.itemsize
        if file.stat().st_size < self._start + len(self) * self._width:
            raise DataError(f"{file}: is truncated, expected {len(self):,} boxes")

    def __len__(self) -> int:
        return int(self.shape[0])

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, slice):
            first, last, _ = rows.indices(len(self))
            return self._piece(first, max(last - first, 0))
        out = np.empty((len(rows), 2), self.dtype)
        with self._file.open("rb", buffering=0) as source:
            if hasattr(os, "posix_fadvise"):  # no reading ahead of what is not wanted
                os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
            for place, row in enumerate(np.asarray(rows).tolist()):
                source.seek(self._start + row * self._width)
                out[place] = np.frombuffer(source.read(self._width), self.dtype)
        return out

    def _piece(self, first: int, count: int) -> Any:
        try:
            found = np.fromfile(self._file, self.dtype, 2 * count, offset=self._start + first * self._width)
        except OSError as error:
            raise unreadable(self._file, error) from None
        if found.size != 2 * count:
            raise DataError(f"{self._file}: is truncated, expected {len(self):,} boxes")
        return found.reshape(-1, 2)


class Parquet(Rows):
    """The boxes of a Parquet file; the last row groups that were read are kept."""

    slow = True

    def __init__(self, file: Path, columns: list[str]) -> None:
        arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
        self._parquet, self._file, self._columns = parquet, file, columns
        self._about = there = parquet.read_metadata(file)
        schema = there.schema.to_arrow_schema()
        if not set(columns) <= set(schema.names):
            raise ValueError("nested columns")
        narrow = all(schema.field(name).type == arrow.float32() for name in columns)
        self.dtype = np.dtype(np.float32 if narrow else np.float64)
        sizes = [there.row_group(i).num_rows for i in range(there.num_row_groups)]
        self._starts = np.cumsum([0, *sizes])
        self._kept: OrderedDict[int, Any] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, slice):
            first, last, _ = rows.indices(len(self))
            parts = []
            for i in range(len(self._starts) - 1):
                lo, hi = int(self._starts[i]), int(self._starts[i + 1])
                if lo < last and hi > first:
                    parts.append(self._group(i)[max(first - lo, 0) : last - lo])
            return parts[0] if len(parts) == 1 else np.concatenate([np.empty((0, 2), self.dtype), *parts])
        out = np.empty((len(rows), 2))
        owner = np.searchsorted(self._starts, rows, side="right") - 1
        for i in np.unique(owner).tolist():
            out[owner == i] = self._group(i)[np.asarray(rows)[owner == i] - self._starts[i]]
        return out

    def _group(self, i: int) -> Any:
        with self._lock:
            if i not in self._kept:
                source = self._parquet.ParquetFile(self._file, metadata=self._about)
                table = source.read_row_group(i, columns=self._columns)
                self._kept[i] = np.column_stack([table.column(name).to_numpy() for name in self._columns])
                while len(self._kept) > GROUPS:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(i)
            return self._kept[i]


def rows_of_file(path: str) -> Rows | None:
    """Return the boxes of a file that contains nothing else, to be read in pieces; None for any other."""
    file, ending = Path(path), path.lower().rpartition(".")[2]
    try:
        if ending == "npy" and file.is_file():
            return Numpy(file)
        names = parquet_names(path) if ending == "parquet" and file.is_file() else None
        if names is None:
            return None
        found = roles(names, Options())
        if len(found.box) != 2 or found.texts() or found.sizes or found.weight >= 0 or found.unclear:
            return None
        pyarrow_for(path)
        return Parquet(file, [names[at] for at in found.box])
    except (OSError, ValueError, Unusable) as error:
        if isinstance(error, DataError):
            raise
        return None


def large_files(paths: list[str], most: int) -> list[Rows] | None:
    """Return the boxes of these files if there are more than `most` of them and the files hold nothing else."""
    found = []
    for path in paths:
        rows = rows_of_file(path)
        if rows is None:
            return None
        found.append(rows)
    return found if sum(map(len, found)) > most else None
