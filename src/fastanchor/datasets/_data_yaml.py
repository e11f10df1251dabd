"""data.yaml, which declares the splits and classes of a YOLO data set."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from reprlib import repr as brief
from typing import Any

from fastanchor._errors import DataError
from fastanchor._reading import SETTINGS, is_file, is_folder, text_of
from fastanchor.datasets import _yaml
from fastanchor.datasets._label_files import below, ends_of, label_files, labels_of
from fastanchor.datasets._probe import Probe, joined
from fastanchor.datasets._record import Source
from fastanchor.datasets._skips import NO_SPLIT, Skips, shown

__all__ = ["YAML", "above", "class_names", "described", "kpt_shape", "load", "of_yaml", "part_keys"]

SPLITS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
YAML = (".yaml", ".yml")
DESCRIBED = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
ABOVE = 2  # folders above one of labels in which its data.yaml may be
LONGEST = 4096  # characters of a path; no system allows more


def above(folder: Path) -> tuple[tuple[str, ...] | None, tuple[int, int] | None]:
    """Return the class names and the shape of key points that the nearest data.yaml in or above a folder declares."""
    folder = folder.absolute()
    for path in (place / name for place in (folder, *folder.parents[:ABOVE]) for name in DESCRIBED):
        if is_file(path):
            with suppress(DataError):  # optional: the labels themselves are present
                content = load(path)
                if part_keys(content):
                    return class_names(path, content), kpt_shape(path, content)
    return None, None


def described(probe: Probe) -> Path | None:
    """Return the YAML file that describes a folder, or the only one below, of any name if it has a training set."""
    root, *below = probe.tree()
    names = probe.ending(root, *YAML)
    for name in DESCRIBED:
        if name in names and is_file(file := Path(root, name)):
            return file
    others = joined(root, names)
    found = [file for file in others if re.search(rb"^train:", probe.head(file), re.MULTILINE)]
    if not found:
        there_in = ((folder, probe.ending(folder, *YAML)) for folder in below)
        found = [one for folder, own in there_in for one in joined(folder, [n for n in DESCRIBED if n in own][:1])]
    return Path(found[0]) if len(found) == 1 and is_file(Path(found[0])) else None


def of_yaml(probe: Probe, path: Path) -> Source:
    """Return the splits declared by a YAML file."""
    content = load(path)
    keys = part_keys(content)
    if not keys:
        raise DataError(f"{shown(path)}: expected at least one of train, val, test")
    for key in keys.values():
        for entry in _entries(content[key]):
            if not isinstance(entry, str):
                raise DataError(f"{shown(path)}: {key} = {brief(entry)}: expected a path or a list of paths")
    found = parts_of(
        probe, path, {key: _entries(content[key]) for key in keys.values()}, _roots(path, content.get("path"))
    )
    return found._replace(names=class_names(path, content), hints={"kpt_shape": kpt_shape(path, content)})


def parts_of(
    probe: Probe, path: Path, entries: Mapping[str, list[str]], roots: list[Path], *, by_end: bool = False
) -> Source:
    """Return the splits declared by a file."""
    images: dict[str, str] = {}
    resolve = functools.cache(functools.partial(_resolve, probe, roots, by_end))

    def part(key: str, skips: Skips) -> list[str]:
        files: list[str] = []
        for entry in entries[key]:
            place = resolve(entry)
            if place is None:
                skips.add(NO_SPLIT, path, functools.partial(_line_of, path, key), f"{key}: {entry}")
            elif isinstance(place, Path):
                listed = label_files(place)
                files += listed
                images.update(listed)
            else:
                files += place
        return files

    parts = {name: functools.partial(part, key) for name, key in part_keys(entries).items()}
    sure = probe.is_file or any(resolve(entry) for some in entries.values() for entry in some)
    return Source([], 3 if sure else 1, parts, images=images)


def load(path: Path) -> dict[Any, Any]:
    """Return the mapping in a YAML file; raise DataError for anything else."""
    content = _yaml.load(path)
    if not isinstance(content, dict):
        raise DataError(f"{shown(path)}: expected a mapping with train, val and names")
    return content


def part_keys(content: Mapping[Any, Any]) -> dict[str, str]:
    """Return the key of each split."""
    keys = {name for name, value in content.items() if value is not None}
    found = {name: next((key for key in aliases if key in keys), None) for name, aliases in SPLITS.items()}
    return {name: key for name, key in found.items() if key is not None}


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _roots(path: Path, declared: Any) -> list[Path]:
    """Return the folders that paths in a data.yaml may start from; its `path` may be of another machine."""
    base = path.parent
    roots = [base / declared, Path(declared)] if isinstance(declared, str) and declared else []
    return [root for root in (*roots, base) if is_folder(root)]


def _resolve(probe: Probe, roots: list[Path], by_end: bool, entry: str) -> Path | list[str] | None:
    """Return the list, or the label files, of an entry; exports often have one ``../`` too many."""
    if len(entry) > LONGEST:
        return None
    entry = entry.strip().replace("\\", "/")
    bare = entry
    while bare.startswith("../"):
        bare = bare[3:]
    # "images" alone is not specific enough
    tails = (end for end in ends_of("/" + bare if by_end else bare) if end not in ("images", "labels"))
    for text in dict.fromkeys((entry, bare, *tails)):
        for root in roots:
            place = Path(os.path.normpath(root / text))
            if is_file(place):
                return place
            *swapped, own = labels_of(str(place))
            for folder in (*swapped, str(place / "labels"), own):
                if is_folder(Path(folder)) and (files := below(probe, folder)):
                    return files
    return None


def class_names(path: Path, content: Mapping[Any, Any]) -> tuple[str, ...] | None:
    """Return the class names in the content of a YAML file, or None."""
    names = content.get("names")
    if isinstance(names, dict):
        with suppress(ValueError):  # keys may be quoted
            names = {int(key) if isinstance(key, str) else key: name for key, name in names.items()}
        if all(isinstance(key, int) and 0 <= key < 1_000_000 for key in names):
            names = [names.get(i, i) for i in range(max(names, default=-1) + 1)]
    if isinstance(names, list):
        return tuple(_name(path, i, name) for i, name in enumerate(names))
    if names is not None:
        raise DataError(f"{shown(path)}: names: expected a list, or a mapping from whole numbers >= 0")
    nc = content.get("nc")
    return tuple(map(str, range(nc))) if isinstance(nc, int) and 0 < nc < 1_000_000 else None


def _name(path: Path, i: int, name: Any) -> str:
    if isinstance(name, (list, dict, set, tuple)):
        raise DataError(f"{shown(path)}: names[{i}] = {brief(name)}: expected a text")
    return str(name)


def kpt_shape(path: Path, content: Mapping[Any, Any]) -> tuple[int, int] | None:
    """Return the number of key points per box and of values per key point, or None."""
    shape = content.get("kpt_shape")
    if shape is None:
        return None
    if isinstance(shape, list) and len(shape) == 2 and all(isinstance(n, int) for n in shape):
        points, each = shape
        if points > 0 and each in (2, 3):
            return points, each
    raise DataError(f"{shown(path)}: kpt_shape = {brief(shape)}: expected [number of points, 2 or 3]")


def _line_of(path: Path, key: str) -> int | None:
    lines = text_of(path, SETTINGS).splitlines()
    return next((n for n, line in enumerate(lines, start=1) if re.match(rf"{key}\s*[:=]", line)), None)
