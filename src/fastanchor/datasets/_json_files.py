"""JSON formats that are told apart by their keys: recognition, and a parser made from a function of the content."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from fastanchor.datasets._foreign import json_kind, json_of
from fastanchor.datasets._probe import HEAD, Probe
from fastanchor.datasets._record import NOTHING, Format, Image, Job, Source
from fastanchor.datasets._skips import Unusable
from fastanchor.datasets._turned import Corners, of_corners

__all__ = ["FAULTY", "extent", "inner", "json_format", "kind_of", "of_sides", "path_of"]

LOOKED_AT = 5  # files of a folder with a file per image
LISTED = 100  # files of a folder with files of many images
FAULTY = (ArithmeticError, LookupError, TypeError, ValueError)  # raised for values of a wrong type or number
SHIFT = 32  # of the number of an image, in the place of a box

Images = Callable[[Any, Job, str], Iterator[Image]]


def kind_of(probe: Probe, file: str) -> str:
    """Return the kind of a JSON file by its keys; each file is looked at once."""
    kinds: dict[str, str] = probe.known.setdefault("kinds of JSON files", {})
    if file not in kinds:
        head = probe.head(file)
        kinds[file] = json_kind(head, whole=len(head) < HEAD)
    return kinds[file]


def json_format(
    name: str, title: str, kind: str, images: Images, *, single: bool = False, lines: bool = False,
    **facts: Any,
) -> Format:  # fmt: skip
    """Return a format.

    Parameters
    ----------
    name, title : str
    kind : str
        What ``_foreign.json_kind`` calls such files.
    images : callable
        Yields the images of the content of a file; gets the content, the job and the path.
    single : bool
        Whether each image has its own file. Then all files of a folder belong to the format.
    lines : bool
        Whether the files may be NDJSON: a value in each line. The content is then a list, with None for blank lines.
    **facts
        Other fields of :class:`Format`.
    """

    def sniff(probe: Probe) -> Source | None:
        files = []
        for found in probe.by_folder(*((".json", ".ndjson") if lines else (".json",))).values():
            if probe.named or (single and any(kind_of(probe, file) == kind for file in found[:LOOKED_AT])):
                files += found
            elif not single:
                files += [file for file in found[:LISTED] if kind_of(probe, file) == kind]
        return Source(files) if files else None

    def parse(file: str, data: bytes, job: Job) -> Iterator[Image]:
        content = json_of(data, lines=lines)
        try:
            found = list(images(content, job, file))  # all images of a file or none
        except (AttributeError, *FAULTY) as error:
            detail = f"{type(error).__name__}: {error}"
            raise Unusable(f"JSON file that is not {kind}", None, detail) from None
        yield from found

    return Format(name, title, sniff, parse=parse, shared=not single, **facts)


def inner(image: int, count: int) -> list[int]:
    """Return the places of the first `count` boxes of an image; `path_of` turns them into text."""
    return [(image << SHIFT) + box for box in range(count)]


def path_of(pattern: str) -> Callable[[str, int], str]:
    """Return a function for ``Format.place``; `pattern`, such as ``[{}].labels[{}]``, has fields for image and box."""
    return lambda file, at: pattern.format(at >> SHIFT, at & ((1 << SHIFT) - 1))


def extent(points: Any, *keys: str) -> Corners:
    """Return the extent of points (x, y), or with these keys; NaN if they are not pairs of finite numbers."""
    try:
        pairs = ([point[key] for key in keys] for point in points) if keys else points
        return of_corners([float(side) for x, y in pairs for side in (x, y)])
    except FAULTY:
        return NOTHING


def of_sides(values: Any) -> Corners:
    """Return the corners of a box by left, top, width and height, NaN if they are not four numbers."""
    try:
        left, top, width, height = map(float, values)
    except FAULTY:
        return NOTHING
    return left, top, left + width, top + height
