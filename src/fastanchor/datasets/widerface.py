"""WIDER FACE: one text file; for each image its path, the number of faces, and a row for each face.

A row is left, top, width, height, blur, expression, illumination, invalid, occlusion, pose. An image without faces has
the number 0 and a row of zeros. Faces marked as invalid are counted and ignored.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastanchor.datasets._probe import IMAGES
from fastanchor.datasets._record import Image, Job, number_of
from fastanchor.datasets._skips import Unusable, shown
from fastanchor.datasets._text_files import Lines, odd, text_format
from fastanchor.datasets._text_kinds import WIDER

__all__ = ["FORMAT"]

COLUMNS = 10
INVALID = 7  # column
FACE = "face"
DIGITS = 9  # of a number of faces, at most
COUNT = "image whose number of faces differs from its rows"


def images(lines: Lines, job: Job, file: str) -> Iterator[Image]:
    """Yield the images."""
    starts = [i for i, (_, line) in enumerate(lines) if line.lower().endswith(IMAGES)]
    if not lines:
        raise Unusable("empty file", 1)
    if not starts or starts[0] > 0:
        number, line = lines[0]
        raise Unusable("line that is not the path of an image", number, shown(line[:60]))
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        name = lines[start][1]
        number, count = lines[start + 1] if start + 1 < end else (lines[start][0], "nothing")
        rows = lines[start + 2 : end]
        if not count.isdecimal() or len(count) > DIGITS:
            job.skips.add("image without a number of faces", file, number, f"got {shown(count[:60])}")
        elif int(count) != len(rows) and (int(count), len(rows)) != (0, 1):
            job.skips.add(COUNT, file, number, f"{count} and {len(rows)}")
        else:
            yield _image(name, rows if int(count) else (), job, file)


def _image(name: str, rows: Lines, job: Job, file: str) -> Image:
    box: list[float] = []
    at = []
    for number, line in rows:
        columns = line.split()
        if len(columns) != COLUMNS:
            odd(job, file, number, len(columns), line, f"{COLUMNS}")
        elif columns[INVALID] == "1":
            job.skips.leave("face marked as invalid")
        else:
            box += map(number_of, columns[:4])
            at.append(number)
    return Image(name, None, box, [FACE] * len(at), at)


FORMAT = text_format(
    "widerface", "WIDER FACE (a text file with images, numbers of faces and faces)", WIDER, images, form="xywh"
)
