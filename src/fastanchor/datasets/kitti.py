"""KITTI object labels: one text file per image, 15 columns per row (16 with a score), corners in pixels.

``width = right - left``. Rows of the type ``DontCare`` mark regions, not objects: they are counted and ignored. Sizes
of images come from ``image_2`` beside ``label_2`` or ``images`` beside ``labels``.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import NOTHING, Format, Image, Job, Source
from fastanchor.datasets._skips import Unusable, no_text, row_of, shown

__all__ = ["FORMAT"]

AFTER = 14  # columns after the class, which may contain blanks; a score may follow
MOST = 12  # words of a class; with more, the line has several objects
SEVERAL = "line with more than one object"
REGION = "DontCare"
LOOKED_AT = 5  # files of a folder


def sniff(probe: Probe) -> Source | None:
    """Return the text files of folders whose first rows have the columns of KITTI."""
    files = []
    for found in probe.by_folder(".txt").values():
        if probe.named:
            files += found
            continue
        heads = (probe.head(file).partition(b"\n")[0] for file in found[:LOOKED_AT])
        first = next((head for head in heads if head.strip()), b"").decode("utf-8-sig", "replace").split()
        # a line may have several objects, which is reported later
        rows = map(_row, (first, *(first[:end] for end in range(AFTER + 1, AFTER + MOST))))
        if any(row is not None and row[1][0] == row[1][0] for row in rows):
            files += found
    return Source(files) if files else None


def parse(file: str, data: bytes, job: Job) -> Iterator[Image]:
    """Yield the image of a label file."""
    text = data.decode("utf-8-sig", "surrogateescape")
    what = no_text(data, text)
    if what:
        raise Unusable(what, 1)
    box: list[float] = []
    names, lines = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split()
        if not words:
            continue
        if words[0] == REGION:
            job.skips.leave(f"{REGION} region")
            continue
        row = _row(words)
        if row is None:
            reason = SEVERAL if len(words) > AFTER + MOST else row_of(len(words))
            job.skips.add(reason, file, number, f"{shown(line.strip()[:60])}; expected 15 or 16")
            continue
        names.append(row[0])
        box += row[1]
        lines.append(number)
    yield Image("", None, box, names, lines)


def _row(words: list[str]) -> tuple[str, tuple[float, ...]] | None:
    """Return class and corners of a row, None if the columns do not match."""
    for score in (0, 1):
        start = len(words) - AFTER - score
        if 1 <= start <= MOST and not _number(words[start - 1]) and all(map(_number, words[start : start + 3])):
            try:
                return " ".join(words[:start]), tuple(map(float, words[start + 3 : start + 7]))
            except ValueError:
                return " ".join(words[:start]), NOTHING
    return None


def _number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


FORMAT = Format(
    "kitti",
    "KITTI (a folder of text files of 15 columns)",
    sniff,
    parse=parse,
    tells=frozenset(("place", "class")),
    options=frozenset(("unit", "form")),
)
