"""Label Studio JSON and JSON-MIN: boxes in per cent of the image, which each of them states.

Boxes are rectangles, those turned about their left top corner by their upright extents, and the extents of polygons and
ellipses. Several results with one id are one box. Of several annotations of a task that were not cancelled, the first
that is marked as the truth counts, else the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fastanchor.datasets._json_files import inner, json_format, path_of
from fastanchor.datasets._labelstudio_shapes import is_shape, is_turned, sides_of
from fastanchor.datasets._probe import IMAGES
from fastanchor.datasets._record import Image, Job, number_of
from fastanchor.datasets._skips import FURTHER

__all__ = ["FORMAT"]

LABELS = ("rectanglelabels", "polygonlabels", "ellipselabels", "labels")  # lists of classes


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the tasks."""
    for number, task in enumerate(content):
        results, path = (_result(task, job), task["data"]) if "data" in task else (_minimal(task), task)
        size = next(filter(None, map(_size, results)), None)
        box: list[float] = []
        classes, at = [], []
        for place, value, name in _regions(results, number, job):
            if is_turned(value) and not job.upright():
                continue
            box += sides_of(value, size)
            classes.append(name)
            at.append(place)
        yield Image(_name(path), size, box, classes, at)


def _result(task: Mapping[str, Any], job: Job) -> list[Any]:
    """Return the results of the annotation that counts."""
    every = task["annotations"] if "annotations" in task else task["completions"]
    valid = [one for one in every if not one.get("was_cancelled")]
    job.skips.leave(FURTHER, max(len(valid) - 1, 0))
    true = [one for one in valid if one.get("ground_truth")]
    return list((true or valid)[0]["result"]) if valid else []


def _minimal(task: Mapping[str, Any]) -> list[Any]:
    """Return the labelled shapes of JSON-MIN as results."""
    lists = [value for value in task.values() if isinstance(value, list)]
    found = [
        (kind, one) for some in lists for one in some if isinstance(one, Mapping) for kind in LABELS if kind in one
    ]
    if not found and "id" not in task:  # neither a shape nor a task
        raise KeyError("id")
    return [{"type": kind, **one, "value": one} for kind, one in found]


def _regions(results: Sequence[Any], number: int, job: Job) -> Iterable[tuple[int, Mapping[str, Any], str]]:
    """Return the place, the shape and the class of each region; all results about a region have its id."""
    found: dict[Any, tuple[int, Mapping[str, Any], str]] = {}
    for place, result in zip(inner(number, len(results)), results, strict=True):
        value, region, kind = result.get("value") or {}, result.get("id", place), result.get("type")
        name = str(next(iter(value.get(kind if kind in LABELS else LABELS[0]) or ()), ""))
        if region in found:
            found[region] = *found[region][:2], found[region][2] or name
        elif LABELS[0] in value or is_shape(value):
            found[region] = place, value, name
        else:
            job.skips.no_box(kind or "result")
    return found.values()


def _size(result: Mapping[str, Any]) -> tuple[float, float] | None:
    width, height = result.get("original_width"), result.get("original_height")
    return None if width is None else (number_of(width), number_of(height))


def _name(data: Mapping[str, Any]) -> str:
    """Return the file name of the image: the first text that ends like an image, or the first text."""
    texts = [text.replace("?d=", "/").partition("?")[0] for text in data.values() if isinstance(text, str)]
    names = [text for text in texts if text.lower().endswith(IMAGES)]
    return next(iter(names or texts), "").rpartition("/")[2]


FORMAT = json_format(
    "labelstudio", "Label Studio (JSON or JSON-MIN)", "Label Studio", images, form="xywh", unit="relative",
    tells=frozenset(("place", "class")), options=frozenset(("turned",)), place=path_of("task {}, result[{}]"),
)  # fmt: skip
