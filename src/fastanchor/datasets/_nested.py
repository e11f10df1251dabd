"""Nested columns of Parquet, as in data sets of Hugging Face: one row per image, with lists of boxes."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.datasets._record import NOTHING
from fastanchor.datasets._skips import Unusable

__all__ = ["BOX", "EMPTY", "ROW", "Field", "class_names", "exposed", "flat"]

BOX = ("#0", "#1", "#2", "#3")  # columns of the four numbers of a box
ROW = "#row"  # row number
EMPTY = "#empty"  # whether the row has no box


class Field(NamedTuple):
    """A column: its parent, its name there, the path to read, and whether each row has a list of values."""

    top: str
    sub: str | None
    read: str
    deep: bool
    type: Any

    @property
    def plain(self) -> bool:
        return self.sub is None and not self.deep


def exposed(arrow: Any, schema: Any) -> dict[str, Field]:
    """Return the columns of a schema by name, including nested ones; of an image only its path."""
    types = arrow.types
    found: dict[str, Field] = {}
    inner = []
    for field in schema:
        kind, name = field.type, field.name
        if types.is_struct(kind) and "path" in (names := [one.name for one in kind]) and "bytes" in names:
            found[name] = Field(name, "path", f"{name}.path", False, kind.field("path").type)
        elif types.is_struct(kind):
            inner += [Field(name, one.name, f"{name}.{one.name}", _is_list(types, one.type), one.type) for one in kind]
        elif _is_list(types, kind) and types.is_struct(kind.value_type):
            inner += [Field(name, one.name, name, True, one.type) for one in kind.value_type]
        else:
            of_numbers = _is_list(types, kind) and types.is_floating(kind.value_type)
            found[name] = Field(name, None, name, _is_list(types, kind) and not of_numbers, kind)
    for one in inner:
        name = one.sub or ""
        if one.deep and name in found and not found[name].deep:  # of each box, beside one of the image
            found = {f"image_{key}" if key == name else key: field for key, field in found.items()}
        found.setdefault(name, one)
    return found


def _is_list(types: Any, kind: Any) -> bool:
    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def flat(arrow: Any, groups: Iterable[Any], wanted: dict[str, Field], box: str | None) -> list[Any]:
    """Return tables with one row per box, and one empty row for each image without boxes.

    `box` is the column with all four numbers of a box; None if each has a column.
    """
    compute = importlib.import_module("pyarrow.compute")
    tables, before = [], 0
    first = box or next((name for name, field in wanted.items() if field.deep), None)
    for group in groups:
        columns = {name: _column(compute, group, field) for name, field in wanted.items()}
        rows = np.arange(group.num_rows)
        if first is not None:
            counts = np.ones(len(rows), np.int64)
            if (lengths := columns[first][1]) is not None:
                counts = lengths
            rows = np.repeat(rows, np.maximum(counts, 1))
            filled = np.repeat(counts > 0, np.maximum(counts, 1))
            index = arrow.array(np.cumsum(filled) - 1, mask=~filled)
        made: dict[str, Any] = {ROW: arrow.array(rows + before)}
        if first is not None:
            made[EMPTY] = arrow.array(~filled)
        for name, (values, lengths) in columns.items():
            if name == box:
                four = np.full((len(rows), 4), np.nan)
                four[filled] = _fours(values)
                made.update(zip(BOX, map(arrow.array, four.T.copy()), strict=True))
            elif lengths is None:
                made[name] = values if first is None else values.take(arrow.array(rows))
            elif not np.array_equal(lengths, counts):
                raise Unusable("lists of different lengths in a row", None, f"{first} and {name}")
            else:
                made[name] = values.take(index)
        tables.append(arrow.table(made))
        before += group.num_rows
    return tables


def _column(compute: Any, group: Any, field: Field) -> tuple[Any, IntArray | None]:
    """Return the values of a column, and their number in each row; None for one per row."""
    whole = group.column(field.top).combine_chunks()
    lists = whole if field.read == field.top or field.sub is None else compute.struct_field(whole, field.sub)
    if not field.deep:
        return lists, None
    lengths = compute.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    values = compute.list_flatten(lists)
    if field.sub is not None and field.read == field.top:
        values = compute.struct_field(values, field.sub)
    return values, lengths


def _fours(lists: Any) -> FloatArray:
    """Return the four numbers of each list; NaN for a list of another length."""
    compute = importlib.import_module("pyarrow.compute")
    lengths = compute.list_value_length(lists)
    if not lists.null_count and compute.all(compute.equal(lengths, 4)).as_py() is not False:
        values = compute.list_flatten(lists).to_numpy(zero_copy_only=False)
        return np.asarray(values, dtype=np.float64).reshape(-1, 4)
    rows = [one if one is not None and len(one) == 4 else NOTHING for one in lists.to_pylist()]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def class_names(schema: Any, label: Field | None) -> list[str] | None:
    """Return the names of the classes in the metadata of the schema, or None."""
    text = (schema.metadata or {}).get(b"huggingface")
    if text is None or label is None:
        return None
    try:
        content = json.loads(text)
    except ValueError:
        return None
    found = _names(content, label.sub or label.top)
    return found if found and all(isinstance(one, str) for one in found) else None


def _names(content: Any, wanted: str, inside: bool = False) -> list[str] | None:
    if not isinstance(content, dict):
        return None
    if inside and isinstance(content.get("names"), list):
        return content["names"]  # type: ignore[no-any-return]
    return next(
        (found for name, one in content.items() if (found := _names(one, wanted, inside or name == wanted))), None
    )
