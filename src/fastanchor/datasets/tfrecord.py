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
from typing import IO

from fastanchor._reading import opened
from fastanchor.datasets._example import Example, features, texts_of, values_of
from fastanchor.datasets._framing import begins, records
from fastanchor.datasets._json_files import inner, path_of
from fastanchor.datasets._probe import Probe, joined
from fastanchor.datasets._record import CROWD, Batch, Format, Image, Job, Source, packed
from fastanchor.datasets._sizes import size_in
from fastanchor.datasets._skips import Unusable, impostor

__all__ = ["FORMAT"]

NAMED = re.compile(r"\.(?:tf)?records?$|-\d+-of-\d+$")  # and parts such as train-00000-of-00010
SIDES = tuple(f"image/object/bbox/{name}" for name in ("xmin", "ymin", "xmax", "ymax"))
CLASSES = ("image/object/class/text", "image/object/class/label")
GROUPS, NAMES = ("image/object/is_crowd", "image/object/group_of"), ("image/filename", "image/source_id")
LENGTHS = "record whose lists have different lengths"
MOST = 6  # keys in a message


def sniff(probe: Probe) -> Source | None:
    """Return the files that begin with a record."""
    parts = {folder: names if probe.is_file else [name for name in names if NAMED.search(name.lower())]
             for folder, names in probe.tree().items()}  # fmt: skip
    files = [file for folder, names in parts.items() for file in joined(folder, names)]
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
            box = [values_of(example, name) for name in SIDES]
            classes = texts_of(example, *CLASSES) or [""] * len(box[0])
            flags = [CROWD * bool(one) for one in values_of(example, *GROUPS)] or [0] * len(box[0])
            name, size = next(iter(texts_of(example, *NAMES)), ""), _size(example)
        except ValueError as error:
            raise Unusable("TFRecord file that is not of tf.train.Example", None, f"record {number}: {error}") from None
        lengths = [*map(len, (*box, classes, flags))]
        if len({*lengths}) > 1:
            job.skips.add(LENGTHS, file, f"record {number}", ", ".join(map(str, lengths)))
            continue
        corners = [float(side) for four in zip(*box, strict=True) for side in four]
        yield Image(name, size, corners, classes, inner(number, len(classes)), flags)
    if not any(name in keys for name in SIDES):
        got = ", ".join(sorted(keys)[:MOST]) or "no features"
        raise Unusable("TFRecord file without boxes", None, f"expected {SIDES[0]}, ...; got {got}")


def _size(example: Example) -> tuple[float, float] | None:
    width, height = (values_of(example, name)[:1] for name in ("image/width", "image/height"))
    sides = [side for side in (*width, *height) if isinstance(side, (int, float)) and side > 0]
    if len(sides) == 2:
        return float(sides[0]), float(sides[1])
    encoded = next((one for one in values_of(example, "image/encoded") if isinstance(one, bytes)), b"")
    return size_in(io.BytesIO(encoded))


FORMAT = Format(
    "tfrecord", "TFRecord files (.record, .tfrecord, shards)", sniff, table=table, unit="either",
    tells=frozenset(("place", "class", "crowd")), options=frozenset(("unit", "crowd")),
    place=path_of("record {}, object {}"),
)  # fmt: skip
