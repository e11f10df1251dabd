"""Text formats that are told apart by their first lines: recognition, and a parser made from a function of lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import Format, Image, Job, Source
from fastanchor.datasets._skips import Unusable, no_text, row_of, shown
from fastanchor.datasets._text_kinds import text_kind

__all__ = ["Lines", "odd", "text_format"]

LOOKED_AT = 5  # files of a folder with a file per image
MOST = 20  # text files of a folder with files of many images; more are label files of single images

Lines = Sequence[tuple[int, str]]  # number and text of the lines that are not blank
Images = Callable[[Lines, Job, str], Iterator[Image]]


def text_format(
    name: str, title: str, kind: str, images: Images, *, single: bool = False,
    called: str = "", **facts: Any,
) -> Format:  # fmt: skip
    """Return a format.

    Parameters
    ----------
    name, title : str
    kind : str
        What ``_text_kinds.text_kind`` calls such files.
    images : callable
        Yields the images of a file; gets its lines, the job and the path.
    single : bool
        Whether each image has its own file. Then all files of a folder belong to the format.
    called : str, optional
        How the name of such a file in a folder begins. Then all files of such names belong to the format.
    **facts
        Other fields of :class:`Format`.
    """

    def sniff(probe: Probe) -> Source | None:
        wanted, chosen = list[str](), list[str]()
        for found in probe.by_folder(".txt").values():
            if len(found) > MOST and not (single or probe.named):
                continue
            some = [file for file in found if file.rpartition(os.sep)[2].startswith(called)] if called else found
            some = found if probe.is_file else some
            own = [file for file in some[: LOOKED_AT if single else MOST] if text_kind(probe.head(file)) == kind]
            chosen += some if probe.named or (own and single) else own
            wanted += some if called else ()
        chosen = wanted if chosen and called else chosen
        return Source(chosen) if chosen else None

    def parse(file: str, data: bytes, job: Job) -> Iterator[Image]:
        text = data.decode("utf-8-sig", "surrogateescape")
        what = no_text(data, text)
        if what:
            raise Unusable(what, 1)
        lines = enumerate(map(str.strip, text.split("\n")), start=1)
        return images([(number, line) for number, line in lines if line], job, file)

    return Format(name, title, sniff, parse=parse, shared=not single, tells=frozenset(("place", "class")), **facts)


def odd(job: Job, file: str, number: int, columns: int, line: str, expected: str) -> None:
    """Count a row with a wrong number of columns."""
    job.skips.add(row_of(columns), file, number, f"{shown(line[:60])}; expected {expected}")
