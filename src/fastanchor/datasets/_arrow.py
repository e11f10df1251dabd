"""Columns of Parquet and CSV files by pyarrow, if installed, one block of the file at a time."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor._errors import BackendError
from fastanchor._reading import piped
from fastanchor._types import FloatArray
from fastanchor.datasets._columns import Codes, Taken, coded, coded_numbers, unpacked
from fastanchor.datasets._nested import BOX, EMPTY, ROW, Field, class_names, exposed, flat
from fastanchor.datasets._roles import Roles
from fastanchor.datasets._skips import Unusable, first_line, shown

__all__ = ["columns_of", "csv_columns", "parquet_columns", "parquet_names", "pyarrow_for"]

BLOCK = 8 << 20  # bytes of a CSV file that are read at once


def pyarrow_for(file: str | Path) -> Any:
    """Return pyarrow, which this file needs; BackendError if it is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        raise BackendError(f"{shown(file)}: Parquet needs pyarrow; pip install 'fastanchor[parquet]'")
    return importlib.import_module("pyarrow")


def parquet_names(file: str) -> list[str] | None:
    """Return the columns of a Parquet file; None if it cannot be read, or pyarrow is not installed."""
    if importlib.util.find_spec("pyarrow") is None:
        return None
    arrow, parquet = importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    try:
        with _native(arrow, Path(file)) as opened:
            return list(exposed(arrow, parquet.read_schema(opened)))
    except (arrow.ArrowException, OSError, UnicodeDecodeError):
        return None


def parquet_columns(
    file: str, choose: Callable[[list[str]], Roles], moved: Callable[[int], object]
) -> tuple[Taken, Roles]:
    """Return columns of a Parquet file, one row group at a time; `moved` is called with the place in it, about."""
    arrow = pyarrow_for(file)
    parquet = importlib.import_module("pyarrow.parquet")
    try:
        with _native(arrow, Path(file)) as opened, parquet.ParquetFile(opened) as source:
            size, count = os.path.getsize(file), source.num_row_groups  # noqa: PTH202  names are texts
            return columns_of(source, choose, lambda groups: moved(size * groups // count))
    except (arrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise Unusable("not a valid Parquet file", None, first_line(error)) from None


def columns_of(
    source: Any, choose: Callable[[list[str]], Roles], moved: Callable[[int], object] = lambda _: None
) -> tuple[Taken, Roles]:
    """Return columns of a ``ParquetFile``, or of another object with its properties and ``read_row_group``.

    `moved` is called with the number of row groups that were read.
    """
    arrow = importlib.import_module("pyarrow")
    fields = exposed(arrow, source.schema_arrow)
    roles = choose(list(fields))
    return _parquet(arrow, source, (fields, roles), moved), roles


def _parquet(arrow: Any, source: Any, chosen: tuple[dict[str, Field], Roles], moved: Callable[[int], object]) -> Taken:
    fields, roles = chosen
    names = list(fields)
    box, sizes = [names[at] for at in roles.box], [names[at] for at in roles.sizes]
    weight = [names[roles.weight]] if roles.weight >= 0 else []
    texts = {role: names[at] for role, at in roles.texts().items()}
    wanted = {name: fields[name] for name in (*box, *sizes, *weight, *texts.values())}
    label = wanted.get(texts.get("label", ""))
    packed = empty = None
    types = (arrow.types.is_string, arrow.types.is_large_string, arrow.types.is_dictionary)
    if len(box) == 1 and any(one(wanted[box[0]].type) for one in types):
        texts["box"] = box.pop()
    elif len(box) == 1:
        packed = box[0]
    groups: Any = _groups(source, sorted({field.read for field in wanted.values()}), moved)
    rows = source.metadata.num_rows
    if not all(field.plain for field in wanted.values()) or packed is not None:
        groups = flat(arrow, groups, wanted, packed)
        rows = sum(group.num_rows for group in groups)
        deep = any(field.deep for field in wanted.values())
        if packed is not None:
            box = list(BOX)
        if packed is not None or deep:
            empty = np.concatenate([group.column(EMPTY).to_numpy() for group in groups] or [np.empty(0, bool)])
        if deep:  # one row per image
            called = texts.get("name", texts.get("image"))
            texts = {**texts, "image": ROW, **({} if called is None else {"name": called})}
    values, codes = _taken(arrow, groups, rows, [*box, *sizes, *weight], list(texts.values()))
    found = dict(zip(texts, codes, strict=True))
    if "box" in found:
        empty = found["box"].at < 0
        four = unpacked(found.pop("box"))
    else:
        four = np.ascontiguousarray(values[:, : len(box)])
    classes = class_names(source.schema_arrow, label)
    pixels = values[:, len(box) : len(box) + 2] if sizes else None
    return Taken(four, pixels, found, empty=empty, classes=classes, weights=values[:, -1] if weight else None)


def _groups(source: Any, columns: list[str], moved: Callable[[int], object]) -> Iterator[Any]:
    for i in range(source.num_row_groups):
        yield source.read_row_group(i, columns=columns)
        moved(i + 1)


def csv_columns(
    file: Path | bytes, layout: tuple[int, str, int], numbers: Sequence[int], texts: Sequence[int],
    moved: Callable[[int], object],
) -> tuple[FloatArray, list[Codes]] | None:  # fmt: skip
    """Return columns of a CSV file; None if pyarrow is not installed or the file is not plain.

    `layout` is the number of columns, the delimiter and the number of lines before the first row; `moved` is called
    with the place in the file, about, after each block.
    """
    width, delimiter, header = layout
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
                read_options=csv.ReadOptions(column_names=names, skip_rows=header, block_size=BLOCK),
                parse_options=csv.ParseOptions(delimiter=delimiter),
                convert_options=csv.ConvertOptions(
                    column_types=types, include_columns=list(types), null_values=[], strings_can_be_null=False
                ),
            ) as source,
        ):
            batches = []
            for number, batch in enumerate(source, 1):
                batches.append(arrow.Table.from_batches([batch]))
                moved(number * BLOCK)
    except (arrow.ArrowException, OSError, UnicodeDecodeError):  # the other way reports what is wrong, and where
        return None
    rows = sum(batch.num_rows for batch in batches)
    try:
        return _taken(arrow, batches, rows, [names[i] for i in numbers], [names[i] for i in texts])
    except Unusable:
        return None


def _native(arrow: Any, file: Path | bytes) -> Any:
    """Return a source that holds no Python object.

    A thread of pyarrow may release its source while the interpreter shuts down. If the source then needs the
    interpreter, even only to free bytes, the process aborts.
    """
    data = piped(file) if isinstance(file, Path) else file
    if data is None:
        return arrow.OSFile(os.fsencode(file))
    own = arrow.BufferOutputStream()
    own.write(data)
    return arrow.BufferReader(own.getvalue())


def _taken(
    arrow: Any, parts: Iterable[Any], rows: int, numbers: Sequence[str], texts: Sequence[str]
) -> tuple[FloatArray, list[Codes]]:
    """Return the concatenated columns of tables; raise Unusable for a column that is not numeric."""
    values = np.empty((rows, len(numbers)))
    chunks: list[list[Any]] = [[] for _ in texts]
    at = 0
    for part in parts:
        for i, name in enumerate(numbers):
            try:
                values[at : at + part.num_rows, i] = part.column(name).to_numpy()
            except (TypeError, ValueError):
                raise Unusable("column that is not numeric", None, repr(name)) from None
        for i, name in enumerate(texts):
            chunks[i].append(_compact(arrow, part.column(name)))
        at += part.num_rows
    return values, [_codes(arrow, some) for some in chunks]


def _compact(arrow: Any, column: Any) -> Any:
    """Return a column of integers unchanged, others as a dictionary of texts."""
    kind = column.type
    if arrow.types.is_integer(kind) and not column.null_count:
        return column.to_numpy()
    if arrow.types.is_dictionary(kind) and arrow.types.is_string(kind.value_type):
        return column
    return column.cast(arrow.string()).dictionary_encode()


def _codes(arrow: Any, chunks: list[Any]) -> Codes:
    if chunks and all(isinstance(one, np.ndarray) for one in chunks):
        return coded_numbers(np.concatenate(chunks).astype(np.int64))
    encoded = [
        one if not isinstance(one, np.ndarray) else arrow.chunked_array([arrow.array(one).cast(arrow.string())])
        for one in chunks
    ]
    encoded = [one if arrow.types.is_dictionary(one.type) else one.dictionary_encode() for one in encoded]
    pieces = [piece for one in encoded for piece in one.chunks]
    pieces = [one.dictionary_decode().dictionary_encode() if one.dictionary.null_count else one for one in pieces]
    if not pieces:
        return Codes(np.empty(0, np.int64), [])
    pieces = arrow.chunked_array(pieces).unify_dictionaries().chunks
    at = [one.indices.cast(arrow.int64()).fill_null(-1).to_numpy(zero_copy_only=False) for one in pieces]
    return coded(np.concatenate(at), pieces[0].dictionary.to_pylist())
