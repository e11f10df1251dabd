"""FiftyOne: ``labels.json`` with the boxes of each image, or ``samples.json`` of a data set. Relative to the image.

Of several fields with boxes, ``ground_truth`` counts. The extents of closed polylines are boxes; other labels of the
field are counted and ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastanchor.datasets._json_files import FAULTY, extent, inner, json_format, of_sides, path_of
from fastanchor.datasets._record import NOTHING, Image, Job, number_of
from fastanchor.datasets._skips import Unusable
from fastanchor.datasets._turned import Corners

__all__ = ["FIELDS", "FORMAT", "images"]

FOLDER = "data"  # of the images, beside labels.json
FIELDS = {"Detections": "detections", "Polylines": "polylines"}
TRUTH = "ground_truth"


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the images."""
    if "samples" in content:
        samples = content["samples"]
        field = _field(samples)
        for number, sample in enumerate(samples):
            value = sample.get(field) or {}
            facts = sample.get("metadata") or {}
            size = number_of(facts.get("width")), number_of(facts.get("height"))
            labels = value.get(FIELDS.get(value.get("_cls", ""), "")) or ()
            yield _image(number, str(sample["filepath"]), size, labels, (), job)
        return
    for number, (name, labels) in enumerate(content["labels"].items()):
        yield _image(number, f"{FOLDER}/{name}", None, labels or (), content["classes"] or (), job)


def _field(samples: Sequence[Mapping[str, Any]]) -> str:
    """Return the field of the samples with boxes."""
    found = {name: None for sample in samples for name, value in sample.items()
             if isinstance(value, Mapping) and value.get("_cls") in FIELDS}  # fmt: skip
    if len(found) > 1 and TRUTH not in found:
        raise Unusable(f"several fields with boxes, and none is called {TRUTH}", None, ", ".join(found))
    return TRUTH if TRUTH in found or not found else next(iter(found))


def _image(
    number: int, name: str, size: tuple[float, float] | None, labels: Sequence[Any], classes: Sequence[Any], job: Job
) -> Image:
    box: list[float] = []
    names, at = [], []
    for place, label in zip(inner(number, len(labels)), labels, strict=True):
        if "bounding_box" not in label and not label.get("closed"):
            job.skips.no_box("polyline")
            continue
        box += _corners(label)
        kind = label.get("label")
        known = isinstance(kind, int) and 0 <= kind < len(classes)
        names.append(str(classes[kind]) if known else "" if kind is None else str(kind))
        at.append(place)
    return Image(name, size, box, names, at)


def _corners(label: Mapping[str, Any]) -> Corners:
    if "bounding_box" in label:
        return of_sides(label["bounding_box"])
    try:
        points = [point for shape in label["points"] for point in shape]
    except FAULTY:
        return NOTHING
    return extent(points)


FORMAT = json_format(
    "fiftyone", "FiftyOne (labels.json or samples.json)", "FiftyOne", images, unit="relative",
    tells=frozenset(("place", "class")), place=path_of("image {}, label {}"),
)  # fmt: skip
