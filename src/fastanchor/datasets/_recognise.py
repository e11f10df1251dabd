"""Which format a data set has: the strongest answer of those that look at it."""

from __future__ import annotations

import functools
import importlib
from typing import cast

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import Format, Source
from fastanchor.datasets._skips import shown

__all__ = ["FORMATS", "format_of", "recognise"]

# A format joins by its name here and a module with a FORMAT. The modules are imported when needed: a parser that is
# not used should not cost start-up time.
FORMATS = ("voc", "coco", "openimages", "table", "labels.cache", "kitti", "labelme", "list", "yolo")
_MODULES = {"labels.cache": "labels_cache", "list": "lists"}


_module = functools.cache(importlib.import_module)


def format_of(name: str) -> Format:
    """Return a format by its name."""
    return cast(Format, _module(f"fastanchor.datasets.{_MODULES.get(name, name)}").FORMAT)


def recognise(probe: Probe, name: str) -> tuple[Format, Source]:
    """Return the format of what lies at a path, and where its labels are."""
    names = FORMATS if name == "auto" else (name,)
    found = []
    for one in names:
        format = format_of(one)
        source = format.sniff(probe)
        if source is not None:
            found.append((format, source))
    if not found:
        raise DataError(f"{shown(probe.path)}: {_nothing(name)}; it holds {probe.seen()}")
    most = max(source.strength for _, source in found)
    best = [(format, source) for format, source in found if source.strength == most]
    if len(best) > 1:
        could = " or ".join(format.name for format, _ in best)
        raise DataError(f"{shown(probe.path)}: could be {could}; say which ({called('format')})")
    return best[0]


def _nothing(name: str) -> str:
    if name == "auto":
        return f"no labels recognised here; known formats: {', '.join(map(repr, FORMATS))}"
    return f"holds no labels of the format {name!r}, {format_of(name).title}"
