"""Objects with rows and columns: data frames, Arrow tables, and the ``Dataset`` of Hugging Face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from fastanchor._frame import Frame, frame_of, numbers_of
from fastanchor._types import FloatArray
from fastanchor.datasets import table
from fastanchor.datasets._arrow import columns_of, pyarrow_for
from fastanchor.datasets._columns import Codes, Taken, batch_of, coded
from fastanchor.datasets._record import NOTHING, Batch, Job, joined

__all__ = ["frame_in", "of_datasets", "of_frame"]

GROUP = 10_000  # rows of a Dataset that are read at once


def frame_in(value: Any) -> Frame | None:
    """Return a value as a data frame, None if it is none."""
    return None if isinstance(value, (Mapping, Sequence)) else frame_of(value, "path")


def of_frame(name: str, frame: Frame, job: Job) -> Batch:
    """Return the boxes of a data frame."""
    roles = table.wanted(frame.names, job.options)

    def numbers(columns: Sequence[int]) -> FloatArray:
        return np.column_stack([numbers_of(frame, at, name) for at in columns])

    if len(roles.box) == 1:  # four numbers in each row
        rows = [NOTHING if row is None else row for row in _listed(frame.column(roles.box[0]))]
        box = np.array(rows, dtype=np.float64).reshape(-1, 4)
    else:
        box = numbers(roles.box)
    sizes = numbers(roles.sizes) if roles.sizes else None
    weights = numbers([roles.weight])[:, 0] if roles.weight >= 0 else None
    texts = {role: _coded(_listed(frame.column(at))) for role, at in roles.texts().items()}
    return batch_of(Taken(box, sizes, texts, weights=weights), roles, name, job.skips)


def _listed(column: Any) -> list[Any]:
    """Return the values of a column as Python objects."""
    listed = getattr(column, "to_pylist", None) or getattr(column, "tolist", None) or getattr(column, "to_list", None)
    return list(column) if listed is None else list(listed())


def _coded(values: list[Any]) -> Codes:
    """Return a column as texts; what is missing is empty."""
    place: dict[str, int] = {}
    texts = ["" if value is None or value != value else str(value) for value in values]
    at = np.array([place.setdefault(text, len(place)) for text in texts], dtype=np.int64)
    return coded(at, list(place))


def of_datasets(name: str, parts: Mapping[str, Any], job: Job) -> Batch:
    """Return the boxes of each ``Dataset``, by the names of their splits."""
    pyarrow_for(name)
    found = []
    for part, dataset in parts.items():
        taken, roles = columns_of(_row_groups(dataset), lambda names: table.wanted(names, job.options))
        batch = batch_of(taken, roles, name, job.skips)
        found.append(replace(batch, split=[part] * len(batch.label)) if part else batch)
    return joined(found)


def _row_groups(dataset: Any) -> Any:
    """Return a ``Dataset`` with what is used of a ``ParquetFile``."""

    def read(i: int, columns: Sequence[str]) -> Any:
        """Return some rows; of a struct only the fields in `columns`, since an image would be copied."""
        import pyarrow
        import pyarrow.compute as compute

        inner = {name: [one.removeprefix(f"{name}.") for one in columns if one.startswith(f"{name}.")]
                 for name in dataset.column_names}  # fmt: skip
        own = [name for name in dataset.column_names if name in columns or inner[name]]
        rows = dataset.select_columns(own).with_format("arrow")[i * GROUP : (i + 1) * GROUP]
        made = {}
        for name in own:
            column = rows.column(name)
            if name not in columns:
                column = pyarrow.chunked_array(
                    [compute.make_struct(*(compute.struct_field(chunk, one) for one in inner[name]),
                                         field_names=inner[name]) for chunk in column.chunks]
                )  # fmt: skip
            made[name] = column
        return pyarrow.table(made)

    groups = -(-len(dataset) // GROUP)
    metadata = SimpleNamespace(num_rows=len(dataset))
    return SimpleNamespace(
        schema_arrow=dataset.features.arrow_schema, num_row_groups=groups, metadata=metadata, read_row_group=read
    )
