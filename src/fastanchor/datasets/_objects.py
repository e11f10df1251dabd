"""Data sets of other libraries as Python objects, by what they offer; no library is imported.

Recognised are ``pycocotools.coco.COCO`` and decoded COCO JSON, FiftyOne data sets, views and samples, supervision's
``Detections`` and ``DetectionDataset``, Hugging Face's ``Dataset`` and ``DatasetDict``, and data frames: of pandas,
polars and pyarrow, or any Arrow table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fastanchor._frame import key
from fastanchor.datasets import coco, fiftyone, table
from fastanchor.datasets._coco_json import loose
from fastanchor.datasets._object_images import of_detections, of_samples, of_supervision, samples_of
from fastanchor.datasets._object_tables import frame_in, of_datasets, of_frame
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import Batch, Format, Job, Source, packed
from fastanchor.datasets._roles import SPLIT

__all__ = ["found_in"]

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
    frame = frame_in(value) if format.name == "table" else None
    split = frame is not None and any(key(column) in SPLIT for column in frame.names)
    inner = format.name == "fiftyone" or (format.name == "table" and isinstance(value, Mapping)) or split
    source = Source([name], hints={"beside": 0}, inner=inner)
    return replace(format, parse=None, table=read), source, Nowhere(name)


def _reader(value: Any) -> tuple[Format, Callable[[str, Job], Batch]] | None:
    content = value if isinstance(value, Mapping) else getattr(value, "dataset", None)
    if isinstance(content, Mapping) and isinstance(content.get("annotations"), list):
        return coco.FORMAT, lambda name, job: coco.listed(loose(content, name, job), job)
    if hasattr(value, "xyxy") and hasattr(value, "class_id"):
        return replace(SUPERVISION, unsized=True), lambda name, job: packed([(name, of_detections("", value, ()))])
    annotations = getattr(value, "annotations", None)
    if isinstance(annotations, Mapping) and hasattr(value, "classes"):
        return SUPERVISION, lambda name, job: of_supervision(name, value)
    samples = value if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) else [value]
    if samples and all(hasattr(one, "filepath") and hasattr(one, "to_dict") for one in samples):
        return fiftyone.FORMAT, lambda name, job: of_samples(name, [one.to_dict() for one in samples], job)
    if hasattr(value, "values") and hasattr(value, "get_field_schema"):
        return fiftyone.FORMAT, lambda name, job: of_samples(name, samples_of(value), job)
    parts = value if isinstance(value, Mapping) else {"": value}
    offered = ("features", "with_format", "__len__")  # not all of them by an IterableDataset
    if parts and all(hasattr(one, name) for one in parts.values() for name in offered):
        return table.FORMAT, lambda name, job: of_datasets(name, parts, job)
    frame = frame_in(value)
    if frame is not None:
        return table.FORMAT, lambda name, job: of_frame(name, frame, job)
    return None
