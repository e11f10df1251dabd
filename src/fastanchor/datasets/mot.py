"""MOT challenge: ``gt/gt.txt`` of each sequence.

A row is frame, identity, left, top, width, height, flag, class, visibility; the older version has ten columns without a
class. Each frame with a row is an image. Its size comes from ``seqinfo.ini`` beside the folder ``gt``. Rows of flag 0
are objects that the evaluation ignores: they are counted and ignored. Class names come from ``labels.txt`` beside the
rows, if there is one. In folders, only files are read whose name begins with ``gt``; detections, which have neither
identity nor class, are no labels.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from fastanchor._errors import DataError
from fastanchor._reading import SETTINGS, is_file, text_of
from fastanchor.datasets._probe import IMAGES
from fastanchor.datasets._record import Image, Job, number_of
from fastanchor.datasets._skips import Unusable, first_line
from fastanchor.datasets._text_files import Lines, odd, text_format
from fastanchor.datasets._text_kinds import MOT

__all__ = ["FORMAT"]

COLUMNS = (9, 10)
INFO, NAMES = "seqinfo.ini", "labels.txt"


def images(lines: Lines, job: Job, file: str) -> Iterator[Image]:
    """Yield the frames."""
    frames: dict[int, tuple[list[float], list[str], list[int]]] = {}
    names = _names(Path(file).with_name(NAMES))
    for number, line in lines:
        cells = [cell.strip() for cell in line.removesuffix(",").split(",")]
        frame = number_of(cells[0])
        if len(cells) not in COLUMNS:
            odd(job, file, number, len(cells), line, "9 or 10 columns, separated by commas")
        elif not (frame >= 1.0 and frame % 1.0 == 0.0):
            job.skips.add("frame that is not a whole number >= 1", file, number, cells[0])
        elif number_of(cells[6]) == 0.0:
            job.skips.leave("object to be ignored (flag 0)")
        else:
            box, classes, at = frames.setdefault(int(frame), ([], [], []))
            box += map(number_of, cells[2:6])
            classes.append("" if len(cells) == max(COLUMNS) else names.get(cells[7], cells[7]))
            at.append(number)
    info = _info(file)
    size = number_of(info.get("imwidth")), number_of(info.get("imheight"))
    called = _called(file, info, job)
    for frame in sorted(frames):
        yield Image(called(frame), size, *frames[frame])


def _names(file: Path) -> dict[str, str]:
    """Return the names in a file, by the numbers of their lines."""
    lines = text_of(file, SETTINGS).splitlines() if is_file(file) else []
    return {str(number): line.strip() for number, line in enumerate(lines, start=1)}


def _info(file: str) -> Mapping[str, str]:
    """Return what is said about a sequence."""
    place = Path(file).parent / os.pardir / INFO
    if not is_file(place):
        return {}
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(text_of(place, SETTINGS))
        return dict(parser["Sequence"])
    except (configparser.Error, KeyError, DataError) as error:
        raise Unusable(f"{INFO} without a valid section [Sequence]", None, first_line(error)) from None


def _called(file: str, info: Mapping[str, str], job: Job) -> Callable[[int], str]:
    """Return a function that names the image of a frame: by its number, or as usual if there is none."""
    folder, ending = info.get("imdir", "img1"), info.get("imext", ".jpg")
    there = job.probe.ending(os.path.normpath(Path(file).parent / os.pardir / folder), *IMAGES)
    names = {int(digits[1]): name for name in there if (digits := re.search(r"(\d+)\.\w+$", name))}
    return lambda frame: f"{folder}/{names.get(frame) or f'{frame:06d}{ending}'}"


FORMAT = text_format("mot", "MOT challenge (gt/gt.txt of each sequence)", MOT, images, called="gt", form="xywh")
