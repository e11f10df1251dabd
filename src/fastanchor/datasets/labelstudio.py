"""Label Studio JSON and JSON-MIN: rectangles in per cent of the image, which each of them states.

A rectangle turned about its left top corner is read as its upright extent. Of several annotations of a
task the first that was not cancelled counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import cos, radians, sin
from typing import Any

from fastanchor.datasets._json_files import extent, inner, json_format, path_of
from fastanchor.datasets._probe import IMAGES
from fastanchor.datasets._record import NOTHING, Image, Job, number_of

__all__ = ["FORMAT"]

KIND = "rectanglelabels"
MORE = "further annotation of the same task"
SIDES = ("x", "y", "width", "height")


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the tasks."""
    for number, task in enumerate(content):
        results, path = (_result(task, job), task["data"]) if "data" in task else (_minimal(task), task)
        box: list[float] = []
        classes, at, size = [], [], None
        for place, result in zip(inner(number, len(results)), results, strict=True):
            value = result.get("value") or {}
            size = size or _size(result)
            if KIND not in value and not {*SIDES} <= set(value):
                job.skips.leave(f"{result.get('type') or 'result'}, which is not a box")
                continue
            if value.get("rotation") and not job.upright():
                continue
            box += _sides(value, size)
            classes.append(str(next(iter(value.get(KIND) or ()), "")))
            at.append(place)
        yield Image(_name(path), size, box, classes, at)


def _result(task: Mapping[str, Any], job: Job) -> list[Any]:
    """Return the results of a task's first valid annotation."""
    every = task["annotations"] if "annotations" in task else task["completions"]
    valid = [one for one in every if not one.get("was_cancelled")]
    job.skips.leave(MORE, max(len(valid) - 1, 0))
    return list(valid[0]["result"]) if valid else []


def _minimal(task: Mapping[str, Any]) -> list[Any]:
    """Return the rectangles of JSON-MIN as results."""
    lists = [value for value in task.values() if isinstance(value, list)]
    found = [one for value in lists for one in value if isinstance(one, Mapping) and KIND in one]
    if not found and "id" not in task:  # neither a rectangle nor a task
        raise KeyError("id")
    return [{"value": one, "type": KIND, **one} for one in found]


def _size(result: Mapping[str, Any]) -> tuple[float, float] | None:
    if "original_width" not in result:
        return None
    return number_of(result["original_width"]), number_of(result["original_height"])


def _sides(value: Mapping[str, Any], size: tuple[float, float] | None) -> tuple[float, ...]:
    """Return left, top, width and height relative to the image; NaN if they are not numbers."""
    x, y, width, height = (number_of(value.get(key)) / 100.0 for key in SIDES)
    angle = radians(number_of(value.get("rotation") or 0))
    if angle == 0:
        return x, y, width, height
    if size is None or not min(size) > 0:
        return NOTHING
    c, s, aspect = cos(angle), sin(angle), size[1] / size[0]
    corners = [(a * c - b * aspect * s, a / aspect * s + b * c) for a in (0.0, width) for b in (0.0, height)]
    left, top, right, bottom = extent(corners)
    return x + left, y + top, right - left, bottom - top


def _name(data: Mapping[str, Any]) -> str:
    """Return the file name of the image: the first text that ends like an image, or the first text."""
    texts = [text.replace("?d=", "/").partition("?")[0] for text in data.values() if isinstance(text, str)]
    names = [text for text in texts if text.lower().endswith(IMAGES)]
    return next(iter(names or texts), "").rpartition("/")[2]


FORMAT = json_format(
    "labelstudio", "Label Studio (JSON or JSON-MIN)", "Label Studio", images, form="xywh", unit="relative",
    tells=frozenset(("place", "class")), options=frozenset(("turned",)), place=path_of("task {}, result[{}]"),
)  # fmt: skip
