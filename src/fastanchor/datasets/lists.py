"""Lists of images with their boxes in pixels, one image per line.

Two dialects: ``path x0,y0,x1,y1,c x0,y0,x1,y1,c ...`` (keras-yolo3), whose image sizes come from the images; and
``number path W H c x0 y0 x1 y1 c x0 y0 x1 y1 ...`` (YOLOv3_TensorFlow). ``width = x1 - x0``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from fastanchor._reading import text_of
from fastanchor.datasets._probe import IMAGES, Probe
from fastanchor.datasets._record import Batch, Format, Image, Job, Source, number_of, packed
from fastanchor.datasets._skips import Unusable, impostor, shown

__all__ = ["FORMAT"]

ENDINGS = (".txt", ".list", "")
MOST = 20  # text files of a folder; more files are label files of single images


def sniff(probe: Probe) -> Source | None:
    """Return the text files that begin like such a list."""
    if probe.is_file:
        found = [str(probe.path)] if probe.suffix in ENDINGS else []
    else:
        found = [file for files in probe.by_folder(".txt", ".list").values() if len(files) <= MOST for file in files]
    files = [file for file in found if probe.named or _begins(probe.head(file))]
    return Source(files) if files else None


def _begins(head: bytes) -> bool:
    lines = filter(None, map(str.strip, head.decode("utf-8-sig", "replace").splitlines()))
    first = _parts(next(lines, ""))
    if first is None:
        return False
    # an image may have no boxes, but a list without any boxes is a list of YOLO images
    return first[1] is not None or any(one is not None and one[2] for one in (first, *map(_parts, lines)))


def table(file: str, job: Job) -> Batch:
    """Return the images of a list."""
    text = text_of(Path(file))
    what = impostor(text[:512].encode("utf-8", "replace"), "a list")
    if what:
        raise Unusable(what, 1)
    return packed((file, image) for image in _images(text, file, job))


def _images(text: str, file: str, job: Job) -> Iterator[Image]:
    for number, line in enumerate(map(str.strip, text.split("\n")), start=1):
        if not line:
            continue
        parts = _parts(line)
        if parts is None:
            job.skips.add("line that is not an image with boxes", file, number, shown(line[:60]))
            continue
        name, size, rows = parts
        box: list[float] = []
        classes = []
        for row in rows:
            if len(row) != 5:
                detail = shown(",".join(row)[:60])
                job.skips.add(f"box of {len(row)} values instead of 5", file, number, detail)
                continue
            box += map(number_of, row[:4])
            classes.append(row[4])
        yield Image(name, size, box, classes, [number] * len(classes))


def _parts(line: str) -> tuple[str, tuple[float, float] | None, list[list[str]]] | None:
    """Return image, size and boxes of a line of either dialect, or None.

    The name of the image may contain blanks; the size may be None; each box has its values, the class last.
    """
    words = list(re.finditer(r"\S+", line))
    texts = [word[0] for word in words]
    # where the name of the image may end; it may contain blanks, and is more than a suffix
    ends = [i for i, text in enumerate(texts) if text.lower().endswith(IMAGES)]
    last_comma = max((i for i, text in enumerate(texts) if "," in text), default=-1)
    if texts and texts[0].isdecimal():
        for i in ends:
            sides = texts[i + 1 : i + 3]
            if last_comma <= i and len(sides) == 2 and all(map(str.isdecimal, sides)) and _named(texts, 1, i):
                rest = texts[i + 3 :]
                rows = [[*rest[k + 1 : k + 5], rest[k]] for k in range(0, len(rest), 5)]
                return line[words[1].start() : words[i].end()], (float(sides[0]), float(sides[1])), rows
    last_other = max((i for i, text in enumerate(texts) if "," not in text), default=-1)
    for i in ends:
        if i >= last_other and _named(texts, 0, i):
            return line[: words[i].end()], None, [text.split(",") for text in texts[i + 1 :]]
    return None


def _named(texts: list[str], first: int, last: int) -> bool:
    return last > first or (last == first and texts[last].lower() not in IMAGES)


FORMAT = Format(
    "list",
    "lists (text files with an image and its boxes in each line)",
    sniff,
    table=table,
    tells=frozenset(("place", "class")),
    options=frozenset(("unit", "form")),
)
