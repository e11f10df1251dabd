"""Recognise the format of a data set: the one with the strongest evidence."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Sequence
from typing import cast

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._text import many
from fastanchor._types import Remark
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import Format, Source
from fastanchor.datasets._skips import shown

__all__ = ["FORMATS", "format_of", "recognise"]

# Each name has a module with a FORMAT, imported when needed: unused parsers should not cost start-up time. A format
# looks at files with these endings only; "" stands for a folder without any of them.
ENDINGS: dict[str, tuple[str, ...]] = {
    "voc": (".xml",), "coco": (".json",), "openimages": (".csv",),
    "table": (".csv", ".tsv", ".parquet", ".npy", ".npz"), "labels.cache": (".cache",), "kitti": (".txt",),
    "visdrone": (".txt",), "widerface": (".txt",), "mot": (".txt",), "dota": (".txt",), "labelme": (".json",),
    "cvat": (".xml",), "via": (".json", ".csv"), "createml": (".json",), "labelstudio": (".json",),
    "bdd100k": (".json",), "supervisely": (".json",), "vott": (".json",), "datumaro": (".json",),
    "labelbox": (".json", ".ndjson"), "superannotate": (".json",), "fiftyone": (".json",), "list": (".txt", ".list"),
    "tfrecord": (".record", ".records", ".tfrecord", ".tfrecords"),
    "yolo": (".txt", ".yaml", ".yml", ".data", ""),
}  # fmt: skip
FORMATS = tuple(ENDINGS)
_MODULES = {"labels.cache": "labels_cache", "list": "lists"}


_module = functools.cache(importlib.import_module)


def format_of(name: str) -> Format:
    """Return a format by its name."""
    return cast(Format, _module(f"fastanchor.datasets.{_MODULES.get(name, name)}").FORMAT)


def recognise(probe: Probe, name: str) -> tuple[Format, Source]:
    """Return the format of the labels at a path, and their files."""
    names = _possible(probe) if name == "auto" else [name]
    found = []
    for one in names:
        format = format_of(one)
        source = format.sniff(probe)
        if source is not None:
            found.append((format, source))
    if not found:
        raise DataError(f"{shown(probe.path)}: {_nothing(name, probe)}")
    most = max(source.strength for _, source in found)
    best = [(format, source) for format, source in found if source.strength == most]
    if len(best) > 1:
        could = " or ".join(format.name for format, _ in best)
        raise DataError(f"{shown(probe.path)}: could be {could}; say which ({called('format')})")
    format, source = best[0]
    return format, source._replace(others=[*source.others, *_others(found, source)])


def _possible(probe: Probe) -> list[str]:
    """Return the formats with files of the endings that are there; all for a file without an ending."""
    if not probe.by_ending:
        return [*FORMATS]
    there = probe.endings()
    return [name for name, own in ENDINGS.items() if not there.isdisjoint(own)]


def _others(found: Sequence[tuple[Format, Source]], chosen: Source) -> Iterator[Remark]:
    """Remark on labels of other formats that were recognised with weaker evidence, except guesses."""
    for format, source in found:
        if 1 < source.strength < chosen.strength:
            own = set(chosen.files)
            files = [file for file in source.files if file not in own]
            if files:
                count = many(len(files), "label file")
                text = f"not read: {count} of the format {format.name} ({shown(files[0])})"
                yield Remark("labels of another format", text, len(files))


def _nothing(name: str, probe: Probe) -> str:
    seen = probe.seen()
    if name != "auto":
        return f"holds no labels of the format {name!r}, {format_of(name).title}; it {seen}"
    formats = {end: sorted(one for one in FORMATS if end in ENDINGS[one]) for own in ENDINGS.values() for end in own}
    formats.pop("")
    there = probe.endings()
    known = "; ".join(f"of {end} files: {', '.join(names)}" for end, names in formats.items() if end in there)
    known = f"formats {known}" if known else f"labels are files with the endings {', '.join(formats)}"
    return f"no labels recognised here; it {seen}; {known}"
