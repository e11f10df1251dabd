"""DOTA: a text file for each image; rows of the four corners of a turned box, its class and its difficulty.

Lines such as ``imagesource:GoogleEarth`` and ``gsd:0.15`` may come first. A box is read as the upright extent of its
corners; those that are turned are counted, and left out on request.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from fastanchor.datasets._record import Image, Job, number_of
from fastanchor.datasets._skips import shown
from fastanchor.datasets._text_files import Lines, odd, text_format
from fastanchor.datasets._text_kinds import DOTA
from fastanchor.datasets._turned import is_turned, of_corners

__all__ = ["FORMAT"]

CORNERS = 8  # columns; then the class, and its difficulty if it is stated
HEADER = re.compile(r"[a-z ]+:", re.IGNORECASE)
WHOLE = re.compile(r"-?\d+")


def images(lines: Lines, job: Job, file: str) -> Iterator[Image]:
    """Yield the image."""
    box: list[float] = []
    classes, at = [], []
    for number, line in lines:
        columns = line.split()
        if HEADER.match(line) and not box:
            continue
        if len(columns) not in (CORNERS + 1, CORNERS + 2):
            odd(job, file, number, len(columns), line, "9 or 10: four corners, a class and a difficulty")
            continue
        name, difficulty = columns[CORNERS], columns[CORNERS + 1 :]
        if _number(name) or not all(map(WHOLE.fullmatch, difficulty)):  # rows of YOLO are numbers
            job.skips.add("row without a class and a difficulty", file, number, shown(line[:60]))
            continue
        corners = [number_of(one) for one in columns[:CORNERS]]
        extent = of_corners(corners)
        if extent[0] == extent[0] and is_turned(corners, extent) and not job.upright():
            continue
        box += extent
        classes.append(name)
        at.append(number)
    yield Image("", None, box, classes, at)


def _number(word: str) -> bool:
    value = number_of(word)
    return value == value


FORMAT = text_format(
    "dota", "DOTA (a text file of 9 or 10 columns for each image)", DOTA, images, single=True,
    options=frozenset(("turned",)),
)  # fmt: skip
