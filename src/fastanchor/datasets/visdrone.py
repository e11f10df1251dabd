"""VisDrone: a text file for each image; rows of left, top, width, height, score, category, truncation, occlusion.

Rows of score 0 are regions and objects that the evaluation ignores: they are counted and ignored.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastanchor.datasets._record import Image, Job, number_of
from fastanchor.datasets._text_files import Lines, odd, text_format
from fastanchor.datasets._text_kinds import VISDRONE

__all__ = ["FORMAT"]

COLUMNS = 8
# by their numbers
CATEGORIES = ("ignored regions", "pedestrian", "people", "bicycle", "car", "van", "truck", "tricycle",
              "awning-tricycle", "bus", "motor", "others")  # fmt: skip
NAMES = {str(number): name for number, name in enumerate(CATEGORIES)}
IGNORED = "region or object to be ignored (score or category 0)"


def images(lines: Lines, job: Job, file: str) -> Iterator[Image]:
    """Yield the image."""
    box: list[float] = []
    classes, at = [], []
    for number, line in lines:
        cells = [cell.strip() for cell in line.removesuffix(",").split(",")]
        if len(cells) != COLUMNS:
            odd(job, file, number, len(cells), line, f"{COLUMNS} columns, separated by commas")
        elif number_of(cells[4]) == 0.0 or cells[5] == "0":
            job.skips.leave(IGNORED)
        else:
            box += map(number_of, cells[:4])
            classes.append(NAMES.get(cells[5], cells[5]))
            at.append(number)
    yield Image("", None, box, classes, at)


FORMAT = text_format(
    "visdrone", "VisDrone (a text file of 8 columns for each image)", VISDRONE, images, single=True, form="xywh"
)
