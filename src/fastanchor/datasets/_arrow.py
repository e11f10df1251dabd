"""pyarrow, where it is installed: columns of Parquet and CSV files, a part of the file in memory at a time."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import BackendError, DataError
from fastanchor._reading import piped
from fastanchor.datasets._columns import Codes, Taken, coded, coded_numbers
from fastanchor.datasets._records import shown

__all__ = ["csv_columns", "parquet_columns", "pyarrow_for"]


def pyarrow_for(file: Path) -> Any:
    """Return pyarrow, which this file needs; BackendError if it is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        raise BackendError(f"{shown(file)}: Parquet needs pyarrow; pip install 'fastanchor[parquet]'")
    return importlib.import_module("pyarrow")


def parquet_columns(file: Path, choose: Callable[[list[str]], tuple[list[int], list[int]]]) -> Taken:
    """Return columns of a Parquet file, a row group in memory at a time.

    Parameters
    ----------
    file : Path
    choose : callable
        Takes the names of the columns, returns positions: of those with numbers, of those with texts.

    Raises
    ------
    DataError
        If it is no such file, or a column of numbers holds none.
    BackendError
        If pyarrow is not installed.
    """
    arrow = pyarrow_for(file)
    parquet = importlib.import_module("pyarrow.parquet")
    try:
        with _native(arrow, file) as opened, parquet.ParquetFile(opened) as source:
            names = source.schema_arrow.names
            numbers, texts = choose(names)
            wanted = [names[at] for at in dict.fromkeys([*numbers, *texts])]
            groups = (source.read_row_group(i, columns=wanted) for i in range(source.num_row_groups))
            taken = _taken(
                arrow, groups, source.metadata.num_rows, [names[i] for i in numbers], [names[i] for i in texts]
            )
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{shown(file)}: is no Parquet file that can be read ({_line(error)})") from None
    if isinstance(taken, str):
        raise DataError(f"{shown(file)}: column {taken!r} holds something else than numbers")
    return taken


def csv_columns(
    file: Path | bytes, width: int, delimiter: str, header: int, numbers: Sequence[int], texts: Sequence[int]
) -> Taken | None:
    """Return columns of a CSV file, or None where pyarrow is not installed or something in them is not plain.

    Parameters
    ----------
    file : Path or bytes
        Where the file is, or what it holds.
    width : int
        Cells of a row.
    delimiter : str
    header : int
        Lines before the first row.
    numbers, texts : sequences of int
        Positions of the columns wanted.
    """
    if importlib.util.find_spec("pyarrow") is None:
        return None
    arrow, csv = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.csv")
    names = [str(i) for i in range(width)]
    types = {names[i]: arrow.dictionary(arrow.int32(), arrow.string()) for i in texts}
    types.update({names[i]: arrow.float64() for i in numbers})
    try:
        with (
            _native(arrow, file) as opened,
            csv.open_csv(
                opened,
                read_options=csv.ReadOptions(column_names=names, skip_rows=header, block_size=8 << 20),
                parse_options=csv.ParseOptions(delimiter=delimiter),
                convert_options=csv.ConvertOptions(
                    column_types=types, include_columns=list(types), null_values=[], strings_can_be_null=False
                ),
            ) as source,
        ):
            batches = [arrow.Table.from_batches([batch]) for batch in source]
    except (arrow.ArrowException, OSError, UnicodeDecodeError):  # the careful way says what is wrong, and where
        return None
    rows = sum(batch.num_rows for batch in batches)
    taken = _taken(arrow, batches, rows, [names[i] for i in numbers], [names[i] for i in texts])
    return None if isinstance(taken, str) else taken


def _native(arrow: Any, file: Path | bytes) -> Any:
    """Return a source that holds nothing of Python's.

    A thread of pyarrow may let go of its source while the interpreter shuts down. If it then needs the interpreter, for
    a file object or only to free bytes, the process is aborted.
    """
    data = piped(file) if isinstance(file, Path) else file
    if data is None:
        return arrow.OSFile(os.fsencode(file))
    own = arrow.BufferOutputStream()
    own.write(data)
    return arrow.BufferReader(own.getvalue())


def _taken(arrow: Any, parts: Iterable[Any], rows: int, numbers: Sequence[str], texts: Sequence[str]) -> Taken | str:
    """Return the columns of tables one after another, or the name of one that holds no numbers."""
    values = np.empty((rows, len(numbers)))
    chunks: list[list[Any]] = [[] for _ in texts]
    at = 0
    for part in parts:
        for i, name in enumerate(numbers):
            try:
                values[at : at + part.num_rows, i] = part.column(name).to_numpy()
            except (TypeError, ValueError):
                return name
        for i, name in enumerate(texts):
            chunks[i].append(_compact(arrow, part.column(name)))
        at += part.num_rows
    return Taken(values, [_codes(arrow, some) for some in chunks], None)


def _compact(arrow: Any, column: Any) -> Any:
    """Return a column of whole numbers as it is, and one of anything else as positions in a list of texts."""
    kind = column.type
    if arrow.types.is_integer(kind) and not column.null_count:
        return column.to_numpy()
    if arrow.types.is_dictionary(kind) and arrow.types.is_string(kind.value_type):
        return column
    return column.cast(arrow.string()).dictionary_encode()


def _codes(arrow: Any, chunks: list[Any]) -> Codes:
    if not chunks:
        return Codes(np.empty(0, np.int64), [])
    if all(isinstance(one, np.ndarray) for one in chunks):
        return coded_numbers(np.concatenate(chunks).astype(np.int64))
    encoded = [
        one if not isinstance(one, np.ndarray) else arrow.chunked_array([arrow.array(one).cast(arrow.string())])
        for one in chunks
    ]
    encoded = [one if arrow.types.is_dictionary(one.type) else one.dictionary_encode() for one in encoded]
    names: list[str] = []
    place: dict[str, int] = {}
    positions: list[NDArray[np.int64]] = []
    for piece in (piece for one in encoded for piece in one.chunks):
        own = ["" if name is None else name for name in piece.dictionary.to_pylist()]
        for name in own:
            if name not in place:
                place[name] = len(names)
                names.append(name)
        table = np.array([*(place[name] for name in own), -1], dtype=np.int64)
        index = piece.indices
        positions.append(table[index.fill_null(len(own)).to_numpy(zero_copy_only=False)])
    return coded(np.concatenate(positions) if positions else np.empty(0, np.int64), names)


def _line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
