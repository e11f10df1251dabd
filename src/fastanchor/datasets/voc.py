"""Pascal VOC: one XML file per image.

``width = xmax - xmin``. Only ``<object>`` children of the root count, each with its own ``<bndbox>``, not parts or
nested objects. The lists in ``ImageSets/Main`` are the splits. Objects without a ``<bndbox>`` are those of
:mod:`fastanchor.datasets._voc_shapes`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fastanchor._errors import DataError
from fastanchor._reading import LABEL, content, text_of
from fastanchor.datasets import _xml
from fastanchor.datasets._foreign import VOC, xml_kind
from fastanchor.datasets._probe import Probe, joined
from fastanchor.datasets._record import DIFFICULT, OCCLUDED, TRUNCATED, Format, Image, Job, Source, number_of
from fastanchor.datasets._skips import Skips, Unusable, shown
from fastanchor.datasets._voc_shapes import extent_of, older_size

__all__ = ["FORMAT"]

LOOKED_AT = 5  # files of a folder
LISTS = ("ImageSets/Main", "ImageSets")

FLAGS = {"difficult": DIFFICULT, "truncated": TRUNCATED, "occluded": OCCLUDED}
MARKED = re.compile(rb"<(?:difficult|truncated|occluded)>\s*1")  # few files have one

Stems = Callable[[], Mapping[str, str]]


def sniff(probe: Probe) -> Source | None:
    """Return the XML files of folders whose first files are VOC, including broken ones."""
    strength, folders = 1, {}
    for folder, files in probe.by_folder(".xml").items():
        kinds = [VOC] if probe.named else [xml_kind(probe.head(file)) for file in files[:LOOKED_AT]]
        if VOC in kinds:
            strength = 3
        if VOC in kinds or ("" in kinds and probe.by_ending):
            folders[folder] = files
    if not folders:
        return None
    files = [file for some in folders.values() for file in some]
    return Source(files, strength, {} if probe.is_file else _parts(probe, folders))


def _parts(probe: Probe, folders: Mapping[str, list[str]]) -> dict[str, Callable[[Skips], list[str]]]:
    """Return the lists of splits: those beside a folder of XML files, or beside a folder above it."""
    bases: dict[str, list[str]] = {}
    texts: dict[str, list[str]] = {}
    for folder, files in folders.items():
        for base in probe.above(folder):
            places = joined(base, LISTS)
            lists = next((found for one in places if (found := joined(one, probe.ending(one, ".txt")))), [])
            if lists:
                texts[base] = lists
                bases.setdefault(base, []).extend(files)
                break
    parts: dict[str, list[tuple[str, Stems]]] = {}
    for base, lists in texts.items():
        stems = functools.cache(functools.partial(_stems, bases[base]))
        for text in lists:
            parts.setdefault(Path(text).stem, []).append((text, stems))
    return {name: functools.partial(_listed, lists) for name, lists in parts.items()}


def _stems(files: Sequence[str]) -> dict[str, str]:
    # Path.stem is ten times slower
    return {file.rpartition(os.sep)[2].rpartition(".")[0]: file for file in files}


def _listed(lists: Sequence[tuple[str, Stems]], skips: Skips) -> list[str]:
    """Return the files named by lists of the same name."""
    wanted: dict[str, None] = {}
    for text, stems in lists:
        files = stems()
        for number, line in enumerate(map(str.strip, text_of(Path(text)).split("\n")), start=1):
            name = line if line in files else _stem(line, files)
            if name not in files:
                if name:
                    skips.add("file named in the split but missing", text, number, shown(f"{name}.xml"))
            elif files[name] in wanted:
                skips.add("file named twice in the split", text, number, shown(f"{name}.xml"))
            else:
                wanted[files[name]] = None
    return list(wanted)


def _stem(line: str, files: Mapping[str, str]) -> str:
    """Return the name in a line of a list, without +-1 column, folder and suffix."""
    columns = line.split()
    bare = line[: -len(columns[-1])].strip() if len(columns) > 1 and columns[-1] in ("1", "-1", "0") else line
    return next((name for name in (bare, Path(bare).stem) if name in files), bare)


def parse(file: str, data: bytes, job: Job) -> tuple[Image]:
    """Return the image of a label file."""
    root = _xml.parse(data)
    if root.tag != "annotation" and root.find("object") is None and root.find("size") is None:
        if root.tag == "html":
            raise Unusable("HTML page instead of XML", 1)
        raise Unusable("XML file that is not a Pascal VOC annotation", 1, xml_kind(data))
    box: list[float] = []
    names, left = [], []
    flags: list[int] | None = [] if MARKED.search(data) else None
    # one plain tag per find: a path like "bndbox/xmin" leaves the C code and is ten times slower
    for nth, item in enumerate(root.findall("object")):
        corners = item.find("bndbox")
        if corners is None:
            extent = extent_of(item, job)
            if extent is None:
                job.skips.add("object without a bndbox", file, lambda nth=nth: _line(data, nth))  # type: ignore[misc]
            if not extent:
                left.append(nth)
                continue
            box += extent
        else:
            text = corners.findtext
            try:
                box += (float(text("xmin")), float(text("ymin")), float(text("xmax")), float(text("ymax")))  # type: ignore[arg-type]
            except (TypeError, ValueError):
                box += map(number_of, map(text, ("xmin", "ymin", "xmax", "ymax")))
        names.append(item.findtext("name") or "")
        if flags is not None:
            flags.append(sum(bit for name, bit in FLAGS.items() if (item.findtext(name) or "").strip() == "1"))
    size = root.find("size")
    if size is None:
        size_wh = older_size(root)
    else:
        size_wh = number_of(size.findtext("width")), number_of(size.findtext("height"))
    at = [nth for nth in range(len(names) + len(left)) if nth not in left] if left else None
    return (Image(root.findtext("filename") or "", size_wh, box, names, at, flags),)


def _place(file: str, nth: int) -> int | None:
    with contextlib.suppress(DataError):  # the file has gone
        return _line(content(file, LABEL), nth)
    return None


def _line(data: bytes, nth: int) -> int | None:
    return _xml.child_line(data, "object", nth, "bndbox")


FORMAT = Format(
    "voc",
    "Pascal VOC (XML files)",
    sniff,
    parse=parse,
    tells=frozenset(("place", "class")),
    options=frozenset(("unit", "form", "turned")),
    place=_place,
)
