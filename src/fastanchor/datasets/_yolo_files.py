"""Which label files a YOLO data set has: a data.yaml, a Darknet .data file, a list of images, or folders of labels."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from reprlib import repr as brief
from typing import Any

from fastanchor._errors import DataError
from fastanchor._reading import SETTINGS, decoded, is_file, is_folder, text_of
from fastanchor.datasets import _yaml
from fastanchor.datasets._probe import HEAD, IMAGES, Probe, ending, joined
from fastanchor.datasets._record import Source
from fastanchor.datasets._skips import Skips, shown

__all__ = ["names_above", "sniff"]

SPLITS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
NOT_LABELS = frozenset((
    "classes.txt", "obj.names.txt", "requirements.txt", "train.txt", "val.txt", "valid.txt", "test.txt",
    "_annotations.txt", "_classes.txt",
))  # fmt: skip
README = "readme"
YAML = (".yaml", ".yml")
DESCRIBED = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
NAMES = ("classes.txt", "obj.names", "predefined_classes.txt", "_darknet.labels")
LABELS = frozenset(("labels", "label"))
OF_IMAGES = ("images", "image", "JPEGImages")  # folders beside which one called labels may stand
LONGEST = 4096  # characters of a path, which no system exceeds
LOOKED_AT = 20  # files of a folder that are opened to find a row
FARTHEST = 10.0  # from the image, as a multiple of its side
ABOVE = 3  # folders above a list from which its paths may start
GONE = "part of the data set that is not there"


def sniff(probe: Probe) -> Source | None:
    """Return where the labels of a YOLO data set are."""
    if not probe.is_file:
        return _of_folder(probe)
    path = probe.path
    if probe.suffix in YAML:
        return _of_yaml(probe, path)
    if probe.suffix == ".data":
        return _of_darknet(path)
    if probe.suffix != ".txt":
        return None
    head = probe.head(str(path))
    if _is_list(head):
        images = _listed(path)
        return Source(list(images), 3, names=_names_beside([path.parent]), images=images)
    if probe.named or _has_rows(head):
        return Source([str(path)], 3, names=_names_beside([path.parent, path.parent.parent]))
    return None


# --- folders


def _of_folder(probe: Probe) -> Source | None:
    folders, seen = _label_folders(probe)
    there = _described(probe)
    try:
        content = _load(there) if there is not None else {}
    except DataError:
        if probe.named or folders:
            raise
        return None
    if there is not None and _keys(content):
        return _of_yaml(probe, there)
    root = str(probe.path)
    data = [file for file in joined(root, probe.ending(root, ".data")) if is_file(Path(file))]
    if len(data) == 1 and _keys(_settings(Path(data[0]))):
        return _of_darknet(Path(data[0]))
    if not folders:
        return None
    names = _names_beside([*map(Path, folders), probe.path, probe.path.absolute().parent])
    shape = None
    if there is not None:
        names, shape = names or _names(there, content), _kpt_shape(there, content)
    files = [file for found in folders.values() for file in found]
    return Source(files, 3 if seen else 1, names=names, hints={"kpt_shape": shape})


def _described(probe: Probe) -> Path | None:
    """Return the YAML file that describes a folder, or the only one below it; any that names a training set will do."""
    root, *below = probe.tree().items()
    for name in DESCRIBED:
        if name in root[1] and is_file(there := Path(root[0], name)):
            return there
    others = joined(root[0], ending(root[1], YAML))
    found = [file for file in others if re.search(rb"^train:", probe.head(file), re.MULTILINE)]
    if not found:
        found = [one for folder, names in below for one in joined(folder, [n for n in DESCRIBED if n in names][:1])]
    return Path(found[0]) if len(found) == 1 and is_file(Path(found[0])) else None


def _label_folders(probe: Probe) -> tuple[dict[str, list[str]], bool]:
    """Return the label files of each folder, and whether rows were seen in them.

    The folders are those called labels, where there are any; else those with rows of numbers in their text files. Of a
    folder of images they are beside it.
    """
    found = _texts(probe, probe.tree())
    if not found:
        found = _texts(
            probe, next((probe.below(one) for one in _labels_of(str(probe.path))[:-1] if is_folder(Path(one))), ())
        )
    rows = {folder for folder, files in found.items() if _rows_in(probe, files)}
    called = {folder for folder in found if LABELS.intersection(Path(folder).parts)}
    chosen = set(found) if probe.named else rows
    if called and (called & rows or not rows):
        chosen = called
    return {folder: files for folder, files in found.items() if folder in chosen}, bool(chosen & rows)


def _rows_in(probe: Probe, files: list[str]) -> bool:
    return any(_has_rows(probe.head(file, 4096)) for file in files[:LOOKED_AT])


def _has_rows(head: bytes) -> bool:
    """Return whether the first row of a file is a class and numbers relative to an image."""
    first = next((words for line in decoded(head).splitlines() if (words := line.split())), [])
    try:
        cls, *values = map(float, first)
    except ValueError:
        return False
    return len(values) >= 4 and cls >= 0.0 and cls % 1.0 == 0.0 and max(map(abs, values[:4])) <= FARTHEST


def _texts(probe: Probe, folders: Iterable[str]) -> dict[str, list[str]]:
    """Return the label files of each folder that has some."""
    found = {}
    for folder in folders:
        names = probe.ending(folder, ".txt")
        text = "\0".join(names).lower()
        if any(word in text for word in (README, *NOT_LABELS)):
            lower = map(str.lower, names)
            names = [
                n for n, low in zip(names, lower, strict=True) if low not in NOT_LABELS and not low.startswith(README)
            ]
        if names:
            found[folder] = joined(folder, names)
    return found


def _below(probe: Probe, folder: str) -> list[str]:
    """Return the label files of a folder and of those below it."""
    tree = probe.tree() if not probe.is_file else {}
    start = folder.rstrip(os.sep) + os.sep
    inner = [one for one in tree if one == folder or one.startswith(start)] or probe.below(folder)
    return [file for files in _texts(probe, inner).values() for file in files]


# --- data.yaml


def names_above(path: Path) -> tuple[str, ...] | None:
    """Return the class names of the data.yaml in the folder of `path` or the one above."""
    for folder in (path.parent, path.absolute().parent.parent):
        for name in DESCRIBED:
            if is_file(folder / name):
                return _names(folder / name, _load(folder / name))
    return None


def _of_yaml(probe: Probe, path: Path) -> Source:
    content = _load(path)
    keys = _keys(content)
    if not keys:
        raise DataError(f"{shown(path)}: has none of train, val, test")
    for key in keys.values():
        for entry in _entries(content[key]):
            if not isinstance(entry, str):
                raise DataError(f"{shown(path)}: {key} = {brief(entry)}: must be a path or a list of paths")
    images: dict[str, str] = {}
    roots = _roots(path, content.get("path"))
    resolve = functools.cache(functools.partial(_resolve, probe, roots))

    def part(key: str, skips: Skips) -> list[str]:
        files: list[str] = []
        for entry in _entries(content[key]):
            there = resolve(entry)
            if there is None:
                skips.add(GONE, path, functools.partial(_line_of, path, key), f"{key}: {entry}")
            elif isinstance(there, Path):
                listed = _listed(there)
                files += listed
                images.update(listed)
            else:
                files += there
        return files

    parts = {name: functools.partial(part, key) for name, key in keys.items()}
    sure = probe.is_file or any(resolve(entry) for key in keys.values() for entry in _entries(content[key]))
    return Source([], 3 if sure else 1, parts, _names(path, content), images, {"kpt_shape": _kpt_shape(path, content)})


def _load(path: Path) -> dict[Any, Any]:
    content = _yaml.load(path)
    if not isinstance(content, dict):
        raise DataError(f"{shown(path)}: must hold a mapping with train, val and names")
    return content


def _keys(content: Mapping[Any, Any]) -> dict[str, str]:
    """Return the key of each part of the data set."""
    there = {name for name, value in content.items() if value is not None}
    found = {name: next((key for key in aliases if key in there), None) for name, aliases in SPLITS.items()}
    return {name: key for name, key in found.items() if key is not None}


def _entries(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _roots(path: Path, declared: Any) -> list[Path]:
    """Return the folders that a data.yaml's paths may start from; its own `path` may be of another machine."""
    base = path.parent
    roots = [base / declared, Path(declared)] if isinstance(declared, str) and declared else []
    return [root for root in (*roots, base) if is_folder(root)]


def _resolve(probe: Probe, roots: list[Path], entry: str) -> Path | list[str] | None:
    """Return the list or the label files that an entry means; exports often have one ``../`` too many."""
    if len(entry) > LONGEST:
        return None
    entry = entry.strip().replace("\\", "/")
    bare = entry
    while bare.startswith("../"):
        bare = bare[3:]
    # one folder called images alone says too little
    tails = (end for end in _tails(bare) if end not in ("images", "labels"))
    for text in dict.fromkeys((entry, bare, *tails)):
        for root in roots:
            place = Path(os.path.normpath(root / text))
            if is_file(place):
                return place
            *swapped, own = _labels_of(str(place))
            for folder in (*swapped, str(place / "labels"), own):
                if is_folder(Path(folder)) and (files := _below(probe, folder)):
                    return files
    return None


def _tails(entry: str) -> list[str]:
    """Return the ends of a path from another machine, longest first."""
    if not (entry.startswith("/") or re.match(r"[A-Za-z]:", entry)):
        return []
    parts = [part for part in entry.split("/") if part]
    return ["/".join(parts[i:]) for i in range(1, len(parts))]


def _swap(path: str, name: str) -> str:
    """Return `path` with the last folder of this name called labels."""
    parts = Path(path).parts
    for i in range(len(parts) - 1, -1, -1):
        if parts[i] == name:
            return str(Path(*parts[:i], "labels", *parts[i + 1 :]))
    return path


def _names(path: Path, content: Mapping[Any, Any]) -> tuple[str, ...] | None:
    names = content.get("names")
    if isinstance(names, dict):
        with suppress(ValueError):  # keys may be quoted
            names = {int(key) if isinstance(key, str) else key: name for key, name in names.items()}
        if all(isinstance(key, int) and 0 <= key < 1_000_000 for key in names):
            names = [names.get(i, i) for i in range(max(names, default=-1) + 1)]
    if isinstance(names, list):
        return tuple(_name(path, i, name) for i, name in enumerate(names))
    if names is not None:
        raise DataError(f"{shown(path)}: names: must be a list, or a mapping from whole numbers >= 0")
    nc = content.get("nc")
    return tuple(map(str, range(nc))) if isinstance(nc, int) and 0 < nc < 1_000_000 else None


def _name(path: Path, i: int, name: Any) -> str:
    if isinstance(name, (list, dict, set, tuple)):
        raise DataError(f"{shown(path)}: names[{i}] = {brief(name)}: must be a text")
    return str(name)


def _kpt_shape(path: Path, content: Mapping[Any, Any]) -> tuple[int, int] | None:
    shape = content.get("kpt_shape")
    if shape is None:
        return None
    if isinstance(shape, list) and len(shape) == 2 and all(isinstance(n, int) for n in shape):
        points, each = shape
        if points > 0 and each in (2, 3):
            return points, each
    raise DataError(f"{shown(path)}: kpt_shape = {brief(shape)}: must be [number of points, 2 or 3]")


def _line_of(path: Path, key: str) -> int | None:
    lines = text_of(path, SETTINGS).splitlines()
    return next((n for n, line in enumerate(lines, start=1) if line.startswith(f"{key}:")), None)


# --- Darknet


def _of_darknet(path: Path) -> Source:
    content = _settings(path)
    keys = _keys(content)
    if not keys:
        raise DataError(f"{shown(path)}: has none of train, val, test")
    images: dict[str, str] = {}

    def part(key: str, skips: Skips) -> list[str]:
        there = _near(path, content[key])
        if there is None:
            skips.add(GONE, path, None, f"{key} = {content[key]}")
            return []
        listed = _listed(there)
        images.update(listed)
        return list(listed)

    given = _near(path, content["names"]) if "names" in content else None
    names = _names_file(given) if given is not None else None
    return Source([], 3, {name: functools.partial(part, key) for name, key in keys.items()}, names, images)


def _settings(path: Path) -> dict[str, str]:
    """Return what a .data file sets."""
    lines = (line.partition("=") for line in text_of(path, SETTINGS).splitlines() if not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, equals, value in lines if equals}


def _near(path: Path, text: str) -> Path | None:
    """Return the file that `text` names from the folder of `path` or one above, or its end from that of `path`."""
    text = text.replace("\\", "/")
    ends = [path.parent / end for end in _tails("/" + text)]
    return next((place for place in (*(root / text for root in _above(path)), *ends) if is_file(place)), None)


def _above(path: Path) -> list[Path]:
    return [path.parent, *path.parent.absolute().parents[:ABOVE], Path()]


def _names_file(path: Path) -> tuple[str, ...]:
    lines = text_of(path, SETTINGS).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(line.strip() for line in lines)


def _names_beside(folders: Iterable[Path]) -> tuple[str, ...] | None:
    tries = (folder / name for folder in folders for name in NAMES)
    there = next((place for place in tries if is_file(place)), None)
    return _names_file(there) if there is not None else None


# --- lists of images


def _is_list(head: bytes) -> bool:
    """Return whether a text names an image in each line."""
    lines = decoded(head).splitlines()
    if len(head) == HEAD:  # the last line may be cut
        lines = lines[:-1]
    named = [line for line in map(str.strip, lines) if line]
    return bool(named) and all(line.lower().endswith(IMAGES) for line in named)


def _listed(path: Path) -> dict[str, str]:
    """Return the label file of each image in a list, with the image.

    Labels stand beside the images, or in a folder called labels instead of that of the images.
    """
    names: dict[tuple[str, str], str] = {}
    for line in text_of(path).splitlines():
        parent, _, name = line.strip().replace("\\", "/").rpartition("/")
        if name:
            names[parent, name] = name.rpartition(".")[0] or name
    inside: dict[str, list[tuple[str, str]]] = {}
    for (parent, name), stem in names.items():
        inside.setdefault(parent, []).append((name, stem))
    starts = {}
    for parent, some in inside.items():
        starts[parent] = [joined(folder, [""])[0] for folder in _places(path, parent, some[:LOOKED_AT])]
    found: dict[str, str] = {}
    for (parent, name), stem in names.items():
        label, image = starts[parent]
        found.setdefault(f"{label}{stem}.txt", image + name)
    return found


def _places(path: Path, parent: str, some: list[tuple[str, str]]) -> tuple[str, str]:
    """Return the folders that are meant by one in a list: that of the labels, and that of the images."""
    for root in _above(path):
        image = os.path.normpath(root / parent)
        for label in _labels_of(image):
            if is_folder(Path(label)):
                return label, image
    # of another machine: some of the images or their labels must be there
    for end in (*_tails("/" + parent), ""):
        for root in _above(path):
            image = os.path.normpath(root / end)
            for label in _labels_of(image):
                if any(is_file(Path(label, f"{stem}.txt")) or is_file(Path(image, name)) for name, stem in some):
                    return label, image
    return str(path.parent / parent), str(path.parent / parent)


def _labels_of(image: str) -> list[str]:
    """Return the folders in which the labels of a folder of images may be."""
    swapped = (_swap(image, name) for name in OF_IMAGES)
    return [*dict.fromkeys(one for one in swapped if one != image), image]
