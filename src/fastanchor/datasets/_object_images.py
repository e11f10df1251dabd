"""Objects of supervision and FiftyOne, image by image, by what they offer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastanchor.datasets import fiftyone
from fastanchor.datasets._probe import PARTS
from fastanchor.datasets._record import Batch, Image, Job, packed
from fastanchor.datasets._skips import Unusable

__all__ = ["of_detections", "of_samples", "of_supervision", "samples_of"]


def of_supervision(name: str, value: Any) -> Batch:
    """Return the boxes of a ``DetectionDataset``; images in memory have sizes."""
    classes = list(value.classes)
    held = next((one for key in ("_images_in_memory", "images")
                 if isinstance(one := getattr(value, key, None), Mapping)), {})  # fmt: skip

    def images() -> Iterator[tuple[str, Image]]:
        for path, found in value.annotations.items():
            shape: Sequence[int] = getattr(held.get(path), "shape", ())
            size = (float(shape[1]), float(shape[0])) if len(shape) >= 2 else None
            yield name, of_detections(str(path), found, classes, size)

    return packed(images())


def of_detections(
    path: str, value: Any, classes: Sequence[str], size: tuple[float, float] | None = None
) -> Image:  # fmt: skip
    """Return the boxes of ``Detections`` of one image."""
    box = np.asarray(value.xyxy, dtype=np.float64).reshape(-1, 4)
    numbers = [None] * len(box) if value.class_id is None else np.asarray(value.class_id).tolist()
    names = list((getattr(value, "data", None) or {}).get("class_name", ()))
    if len(names) != len(box):
        names = [classes[at] if at is not None and 0 <= at < len(classes) else "" if at is None else str(at)
                 for at in numbers]  # fmt: skip
    return Image(path, size, box.ravel().tolist(), list(map(str, names)))


def of_samples(name: str, samples: Sequence[Mapping[str, Any]], job: Job) -> Batch:
    """Return the boxes of samples of FiftyOne as dictionaries; their tags name the splits."""
    batch = packed((name, image) for image in fiftyone.images({"samples": samples}, job, name))
    tags = [[str(tag).lower() for tag in sample.get("tags") or ()] for sample in samples]
    parts = [next((PARTS[tag] for tag in own if tag in PARTS), "") for own in tags]
    return replace(batch, split=parts) if any(parts) else batch


def samples_of(value: Any) -> list[dict[str, Any]]:
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
