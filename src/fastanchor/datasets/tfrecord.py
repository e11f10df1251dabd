"""TFRecord files of TensorFlow's Object Detection API: a ``tf.train.Example`` for each image. TensorFlow is not needed.

``image/object/bbox/xmin`` and the others are relative to the image, or pixels if most boxes extend beyond 2. The size
is ``image/width`` and ``image/height``, else that of the encoded image, of which only the header is read. The class is
``image/object/class/text``, else the number in ``image/object/class/label``. Files are recognised by their first
checksum; all checksums are verified.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import IO, Any

from fastanchor._reading import opened
from fastanchor.datasets._framing import Values, begins, features, records
from fastanchor.datasets._json_files import inner, path_of
from fastanchor.datasets._probe import Probe, joined
from fastanchor.datasets._record import CROWD, Batch, Format, Image, Job, Source, packed
from fastanchor.datasets._skips import Unusable, impostor

__all__ = ["FORMAT"]

NAMED = re.compile(r"\.(?:tf)?records?$|-\d+-of-\d+$")  # and parts such as train-00000-of-00010
BOX = "image/object/bbox/"
SIDES = tuple(BOX + name for name in ("xmin", "ymin", "xmax", "ymax"))
TEXT, LABEL, GROUPS = "image/object/class/text", "image/object/class/label", "image/object/is_crowd"
NAMES = ("image/filename", "image/source_id")
LENGTHS = "record whose lists have different lengths"
MOST = 6  # keys in a message

Example = dict[str, Any]


def sniff(probe: Probe) -> Source | None:
    """Return the files that begin with a record."""
    files = [
        file
        for folder, names in probe.tree().items()
        for file in joined(folder, names if probe.is_file else [name for name in names if NAMED.search(name.lower())])
    ]
    found = [file for file in files if probe.named or begins(probe.head(file))]
    return Source(found) if found else None


def table(file: str, job: Job) -> Batch:
    """Return the images of a file."""
    head = job.probe.head(file)
    what = impostor(head, "records") if head else "empty file"
    if what:
        raise Unusable(what)
    with opened(file) as source:
        return packed((file, image) for image in _images(source, file, job))


def _images(source: IO[bytes], file: str, job: Job) -> Iterator[Image]:
    keys: set[str] = set()
    for number, data in enumerate(records(source, None if job.moved is None else job.moved.inside)):
        try:
            example = features(data)
            keys.update(example)
            box = [_values(example, name) for name in SIDES]
            classes = _classes(example)
            flags = [CROWD * bool(one) for one in _values(example, GROUPS)]
            name = next((text for one in NAMES for text in _texts(example, one)), "")
        except ValueError as error:
            raise Unusable("TFRecord file that is not of tf.train.Example", None, f"record {number}: {error}") from None
        count = len(box[0])
        classes, flags = classes or [""] * count, flags or [0] * count
        lengths = [*map(len, (*box, classes, flags))]
        if {*lengths} != {count}:
            job.skips.add(LENGTHS, file, f"record {number}", ", ".join(map(str, lengths)))
            continue
        corners = [float(side) for four in zip(*box, strict=True) for side in four]
        yield Image(name, _size(example), corners, classes, inner(number, count), flags)
    if not any(name in keys for name in SIDES):
        got = ", ".join(sorted(keys)[:MOST]) or "no features"
        raise Unusable("TFRecord file without boxes", None, f"expected {SIDES[0]}, ...; got {got}")


def _values(example: Example, name: str) -> Values:
    return example[name]() if name in example else []


def _texts(example: Example, name: str) -> list[str]:
    found = [one.decode("utf-8", "replace") if isinstance(one, bytes) else f"{one}" for one in _values(example, name)]
    return found if any(found) else []


def _classes(example: Example) -> list[str]:
    return _texts(example, TEXT) or _texts(example, LABEL)


def _size(example: Example) -> tuple[float, float] | None:
    sides = [_values(example, name)[:1] for name in ("image/width", "image/height")]
    if all(sides) and all(isinstance(side, (int, float)) and side > 0 for (side,) in sides):
        return float(sides[0][0]), float(sides[1][0])
    import imagesize

    encoded = next((one for one in _values(example, "image/encoded") if isinstance(one, bytes)), b"")
    width, height = imagesize.get(io.BytesIO(encoded)) if encoded else (0, 0)
    return (float(width), float(height)) if width > 0 and height > 0 else None


FORMAT = Format(
    "tfrecord",
    "TFRecord files (.record, .tfrecord, shards)",
    sniff,
    table=table,
    unit="either",
    tells=frozenset(("place", "class", "crowd")),
    options=frozenset(("unit", "crowd")),
    place=path_of("record {}, object {}"),
)
