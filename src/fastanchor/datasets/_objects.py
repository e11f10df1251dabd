"""Data sets of other libraries as Python objects, by what they offer; no library is imported.

Recognised are ``pycocotools.coco.COCO`` and decoded COCO JSON, FiftyOne data sets, views and samples, supervision's
``Detections`` and ``DetectionDataset``, Hugging Face's ``Dataset`` and ``DatasetDict``, and data frames: of pandas,
polars and pyarrow, or any Arrow table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from fastanchor._frame import Frame, frame_of, numbers_of
from fastanchor._types import FloatArray
from fastanchor.datasets import coco, fiftyone, table
from fastanchor.datasets._arrow import columns_of, pyarrow_for
from fastanchor.datasets._coco_json import loose
from fastanchor.datasets._columns import Codes, Taken, batch_of, coded
from fastanchor.datasets._probe import PARTS, Probe
from fastanchor.datasets._record import NOTHING, Batch, Format, Image, Job, Source, joined, packed
from fastanchor.datasets._roles import SPLIT, key
from fastanchor.datasets._skips import Unusable

__all__ = ["found_in"]

GROUP = 10_000  # rows of a Dataset that are read at once
SUPERVISION = Format("supervision", "supervision", lambda _: None, tells=frozenset(("place",)))


class Nowhere(Probe):
    """A probe without files; images are found by the paths that the object has for them."""

    def __init__(self, name: str) -> None:
        super().__init__(Path(name))
        self.is_file = True
        self._tree = {}


def found_in(value: Any) -> tuple[Format, Source, Probe] | None:
    """Return how to read an object of another library; None for anything else, such as a path."""
    reader = _reader(value)
    if reader is None:
        return None
    format, read = reader
    one = value[0] if isinstance(value, Sequence) else value
    name = f"{type(one).__name__} object"
    frame = _frame(value) if format.name == "table" else None
    split = frame is not None and any(key(column) in SPLIT for column in frame.names)
    inner = format.name == "fiftyone" or (format.name == "table" and isinstance(value, Mapping)) or split
    source = Source([name], hints={"beside": 0}, inner=inner)
    return replace(format, parse=None, table=read), source, Nowhere(name)


def _reader(value: Any) -> tuple[Format, Callable[[str, Job], Batch]] | None:
    content = value if isinstance(value, Mapping) else getattr(value, "dataset", None)
    if isinstance(content, Mapping) and isinstance(content.get("annotations"), list):
        return coco.FORMAT, lambda name, job: coco.listed(loose(content, name, job), job)
    if hasattr(value, "xyxy") and hasattr(value, "class_id"):
        return replace(SUPERVISION, unsized=True), lambda name, job: packed([(name, _detections("", value, ()))])
    annotations = getattr(value, "annotations", None)
    if isinstance(annotations, Mapping) and hasattr(value, "classes"):
        return SUPERVISION, lambda name, job: _of_dataset(name, value)
    samples = value if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else [value]
    if samples and all(hasattr(one, "filepath") and hasattr(one, "to_dict") for one in samples):
        return fiftyone.FORMAT, lambda name, job: _fiftyone(name, [one.to_dict() for one in samples], job)
    if hasattr(value, "values") and hasattr(value, "get_field_schema"):
        return fiftyone.FORMAT, lambda name, job: _fiftyone(name, _samples(value), job)
    parts = value if isinstance(value, Mapping) else {"": value}
    offered = ("features", "with_format", "__len__")  # not all of them by an IterableDataset
    if parts and all(hasattr(one, name) for one in parts.values() for name in offered):
        return table.FORMAT, lambda name, job: _hugging_face(name, parts, job)
    frame = _frame(value)
    if frame is not None:
        return table.FORMAT, lambda name, job: _framed(name, frame, job)
    return None


# --- supervision


def _of_dataset(name: str, value: Any) -> Batch:
    classes = list(value.classes)
    held = next((one for key in ("_images_in_memory", "images")
                 if isinstance(one := getattr(value, key, None), Mapping)), {})  # fmt: skip

    def images() -> Iterator[tuple[str, Image]]:
        for path, found in value.annotations.items():
            shape: Sequence[int] = getattr(held.get(path), "shape", ())
            size = (float(shape[1]), float(shape[0])) if len(shape) >= 2 else None
            yield name, _detections(str(path), found, classes, size)

    return packed(images())


def _detections(
    path: str, value: Any, classes: Sequence[str], size: tuple[float, float] | None = None
) -> Image:  # fmt: skip
    box = np.asarray(value.xyxy, dtype=np.float64).reshape(-1, 4)
    numbers = [None] * len(box) if value.class_id is None else np.asarray(value.class_id).tolist()
    names = list((getattr(value, "data", None) or {}).get("class_name", ()))
    if len(names) != len(box):
        names = [classes[at] if at is not None and 0 <= at < len(classes) else "" if at is None else str(at)
                 for at in numbers]  # fmt: skip
    return Image(path, size, box.ravel().tolist(), list(map(str, names)))


# --- FiftyOne


def _fiftyone(name: str, samples: Sequence[Mapping[str, Any]], job: Job) -> Batch:
    batch = packed((name, image) for image in fiftyone.images({"samples": samples}, job, name))
    tags = [[str(tag).lower() for tag in sample.get("tags") or ()] for sample in samples]
    parts = [next((PARTS[tag] for tag in own if tag in PARTS), "") for own in tags]
    return replace(batch, split=parts) if any(parts) else batch


def _samples(value: Any) -> list[dict[str, Any]]:
    """Return the samples of a data set or view as dictionaries: one query for each field, not for each sample."""
    kinds = {name: getattr(getattr(field, "document_type", None), "__name__", "")
             for name, field in value.get_field_schema().items()}  # fmt: skip
    fields = {name: (kind, fiftyone.FIELDS[kind]) for name, kind in kinds.items() if kind in fiftyone.FIELDS}
    if not fields:
        raise Unusable("no field with boxes", None, f"expected Detections or Polylines; got {', '.join(kinds)}")
    keys = {"detections": ("bounding_box", "label"), "polylines": ("points", "closed", "label")}
    columns = {name: [value.values(f"{name}.{inner}.{key}") for key in keys[inner]]
               for name, (_, inner) in fields.items()}  # fmt: skip
    paths, widths, heights, tags = (
        value.values(key) for key in ("filepath", "metadata.width", "metadata.height", "tags")
    )
    samples = []
    for i, path in enumerate(paths):
        sample = {"filepath": path, "metadata": {"width": widths[i], "height": heights[i]}, "tags": tags[i]}
        for name, (kind, inner) in fields.items():
            lists = [column[i] or () for column in columns[name]]
            labels = [dict(zip(keys[inner], one, strict=True)) for one in zip(*lists, strict=True)]
            sample[name] = {"_cls": kind, inner: labels}
        samples.append(sample)
    return samples


# --- data frames


def _frame(value: Any) -> Frame | None:
    return None if isinstance(value, (Mapping, Sequence)) else frame_of(value, "path")


def _framed(name: str, frame: Frame, job: Job) -> Batch:
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


# --- Hugging Face


def _hugging_face(name: str, parts: Mapping[str, Any], job: Job) -> Batch:
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
