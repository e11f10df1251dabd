"""Which label files a YOLO data set has: a data.yaml, a Darknet .data file, a list of images, or a folder."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable
from pathlib import Path
from reprlib import repr as brief
from typing import Any, NamedTuple

from fastanchor._errors import DataError
from fastanchor._reading import SETTINGS, head_of, is_file, is_folder, text_of
from fastanchor.datasets import _folders as _down
from fastanchor.datasets import _yaml
from fastanchor.datasets._images import SUFFIXES
from fastanchor.datasets._records import Skips, shown

__all__ = ["Found", "find", "is_source", "names_above"]

SPLITS = {"train": ("train",), "val": ("val", "valid", "validation"), "test": ("test",)}
NOT_LABELS = frozenset(
    ("classes.txt", "obj.names.txt", "requirements.txt", "train.txt", "val.txt", "valid.txt", "test.txt")
)
YAML = (".yaml", ".yml")
LONGEST = 4096  # characters of a path, which no system exceeds
NAMES = ("classes.txt", "obj.names", "predefined_classes.txt")


class Found(NamedTuple):
    """Label files and what is known of them.

    Attributes
    ----------
    files : list of str
        Label files; those of a list of images may be missing.
    images : dict
        Label file to the image that a list names.
    names : tuple of str or None
        Class names, if there are any.
    kpt_shape : (int, int) or None
    """

    files: list[str]
    images: dict[str, str]
    names: tuple[str, ...] | None = None
    kpt_shape: tuple[int, int] | None = None


def is_source(path: Path) -> bool:
    """Return whether `path` is a file that leads to labels, or a folder that holds such a file or label files."""
    if is_file(path):
        return path.suffix.lower() in (*YAML, ".data", ".txt")
    return _yaml_in(path) is not None or bool(_folders(path, Skips())) or bool(_texts(path) or _one_down(path))


def find(path: Path, split: str | None, skips: Skips) -> Found:
    """Return the label files of a data set or of one split of it; DataError if there are none."""
    if path.is_dir():
        inner = _yaml_in(path)
        found = _of_yaml(inner, split, skips) if inner is not None else _of_folder(path, split, skips)
    elif path.suffix.lower() in YAML:
        found = _of_yaml(path, split, skips)
    elif path.suffix.lower() == ".data":
        found = _of_darknet(path, split, skips)
    else:
        found = _of_text(path, split)
    if not found.files:
        raise DataError(f"{shown(path)}: leads to no YOLO label file (.txt)")
    return found


def names_above(path: Path) -> tuple[str, ...] | None:
    """Return the class names of the data.yaml in the folder of `path` or the one above."""
    there = _yaml_in(path.parent) or _yaml_in(path.absolute().parent.parent)
    return _names(there, _load(there)) if there is not None else None


# --- data.yaml


def _of_yaml(path: Path, split: str | None, skips: Skips) -> Found:
    content = _load(path)
    wanted = _wanted(path, split, [name for name in content if content[name] is not None])
    roots = _roots(path, content.get("path"))
    labels: dict[str, None] = {}
    images: dict[str, str] = {}
    for key in wanted:
        entries = content[key] if isinstance(content[key], list) else [content[key]]
        for entry in entries:
            if not isinstance(entry, str):
                raise DataError(f"{shown(path)}: {key} = {brief(entry)}: must be a path or a list of paths")
            there = _resolve(roots, entry)
            if there is None:
                skips.add(
                    "part of the data set that is not there",
                    path,
                    functools.partial(_line_of, path, key),
                    f"{key}: {entry}",
                )
                continue
            if is_file(there):
                listed = _of_list(there)
                labels.update(dict.fromkeys(listed.files))
                images.update(listed.images)
            else:
                labels.update(dict.fromkeys(_texts_below(there, skips)))
    return Found(list(labels), images, _names(path, content), _kpt_shape(path, content))


def _load(path: Path) -> dict[Any, Any]:
    content = _yaml.load(path)
    if not isinstance(content, dict):
        raise DataError(f"{shown(path)}: must hold a mapping with train, val and names")
    return content


def _wanted(path: Path, split: str | None, there: Iterable[Any]) -> list[str]:
    """Return the keys of the parts to read."""
    keys = set(there)
    parts = {name: next((k for k in aliases if k in keys), None) for name, aliases in SPLITS.items()}
    legal = {name: key for name, key in parts.items() if key is not None}
    if split is None:
        if not legal:
            raise DataError(f"{shown(path)}: has none of train, val, test")
        return list(legal.values())
    name = next((name for name, aliases in SPLITS.items() if split in aliases), split)
    if name not in legal:
        raise DataError(
            f"split = {split!r}: must be one of {', '.join(map(repr, legal)) or '(none)'}, in {shown(path)}"
        )
    return [legal[name]]


def _roots(path: Path, declared: Any) -> list[Path]:
    """Return the folders that a data.yaml's paths may start from; its own `path` may be of another machine."""
    base = path.parent
    roots = [base / declared, Path(declared)] if isinstance(declared, str) and declared else []
    return [root for root in (*roots, base) if is_folder(root)]


def _resolve(roots: list[Path], entry: str) -> Path | None:
    """Return the list file or the folder of labels that an entry means; exports often have one ``../`` too many."""
    if len(entry) > LONGEST:
        return None
    entry = entry.strip().replace("\\", "/")
    bare = entry
    while bare.startswith("../"):
        bare = bare[3:]
    for text in dict.fromkeys((entry, bare, *_tails(bare))):
        for root in roots:
            place = root / text
            if is_file(place):
                return place
            for folder in (_swap(place, "images", "labels"), place / "labels", place):
                if is_folder(folder) and _any_text(folder):
                    return folder
    return None


def _tails(entry: str) -> list[str]:
    """Return the ends of a path from another machine, longest first; one folder called images alone says too little."""
    parts = [part for part in entry.split("/") if part]
    if not (entry.startswith("/") or re.match(r"[A-Za-z]:", entry)):
        return []
    ends = ["/".join(parts[i:]) for i in range(1, len(parts))]
    return [end for end in ends if end not in ("images", "labels")]


def _swap(path: Path, old: str, new: str) -> Path:
    """Return `path` with the last folder named `old` renamed."""
    parts = list(path.parts)
    for i in range(len(parts) - 1, -1, -1):
        if parts[i] == old:
            return Path(*parts[:i], new, *parts[i + 1 :])
    return path


def _names(path: Path, content: dict[Any, Any]) -> tuple[str, ...] | None:
    names = content.get("names")
    if isinstance(names, dict) and all(isinstance(k, int) and 0 <= k < 1_000_000 for k in names):
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


def _kpt_shape(path: Path, content: dict[Any, Any]) -> tuple[int, int] | None:
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


def _of_darknet(path: Path, split: str | None, skips: Skips) -> Found:
    content: dict[str, str] = {}
    for line in text_of(path, SETTINGS).splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.lstrip().startswith("#"):
            content[key.strip()] = value.strip()
    labels: dict[str, None] = {}
    images: dict[str, str] = {}
    for key in _wanted(path, split, content):
        there = _near(path, content[key])
        if there is None:
            skips.add("part of the data set that is not there", path, None, f"{key} = {content[key]}")
            continue
        listed = _of_list(there)
        labels.update(dict.fromkeys(listed.files))
        images.update(listed.images)
    given = _near(path, content["names"]) if "names" in content else None
    return Found(list(labels), images, _names_file(given) if given is not None else None)


def _near(path: Path, text: str) -> Path | None:
    """Return the file that `text` names from the folder of `path`, one above it, or the working folder."""
    text = text.replace("\\", "/")
    for folder in (path.parent, *path.parent.absolute().parents[:3], Path()):
        if is_file(place := folder / text):
            return place
    return None


def _names_file(path: Path) -> tuple[str, ...]:
    lines = text_of(path, SETTINGS).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(line.strip() for line in lines)


# --- lists, files and folders


def _of_text(path: Path, split: str | None) -> Found:
    if split is not None:
        raise DataError(f"{shown(path)}: is one file, so it has no split {split!r}")
    if is_list(path):
        return _of_list(path)
    return Found([str(path)], {}, _names_beside([path.parent, path.parent.parent]))


def is_list(path: Path) -> bool:
    """Return whether a text file names images, one a line."""
    try:
        head = head_of(path, 4096).decode("utf-8-sig", "replace").split("\n")
    except DataError:
        return False
    first = next((line.strip() for line in head if line.strip()), "")
    return first.lower().endswith(SUFFIXES)


def _of_list(path: Path) -> Found:
    """Return the label files of a list of images; they stand beside the images or in labels instead of images."""
    images: dict[str, str] = {}
    folders: dict[str, Path | None] = {}
    for line in text_of(path).splitlines():
        text = line.strip().replace("\\", "/")
        if not text:
            continue
        parent, _, name = text.rpartition("/")
        if parent not in folders:
            near = [root / parent for root in (path.parent, *path.parent.absolute().parents[:3], Path())]
            tries = [(image, _swap(image, "images", "labels")) for image in near]
            folders[parent] = next((i for i, label in tries if is_folder(i) or is_folder(label)), None)
        folder = folders[parent] or path.parent / parent
        label = _swap(folder, "images", "labels")
        images.setdefault(str(label / f"{name.rpartition('.')[0] or name}.txt"), str(folder / name))
    return Found(list(images), images, _names_beside([path.parent]))


def _of_folder(path: Path, split: str | None, skips: Skips) -> Found:
    folders = _folders(path, skips) or [path]
    if split is not None:
        aliases = next((a for a in SPLITS.values() if split in a), (split,))
        inner = [folder / name for folder in folders for name in aliases]
        own = [folder for folder in folders if folder.parent.name in aliases or folder.name in aliases]
        folders = [folder for folder in (*own, *inner) if is_folder(folder)]
        if not folders:
            raise DataError(f"{shown(path)}: has no folder of labels for the split {split!r}")
    deep = [folder != path or path.name == "labels" for folder in folders]
    found = (_texts_below(one, skips) if below else _texts(one) for one, below in zip(folders, deep, strict=True))
    files = [file for part in found for file in part]
    if not files:  # Darknet's habit: images and labels together, one folder down
        files = _one_down(path)
    return Found(list(dict.fromkeys(files)), {}, _names_beside([*folders, path, path.parent]))


def _folders(path: Path, skips: Skips) -> list[Path]:
    """Return the folders called labels in a folder and in the folders of it."""
    if is_folder(path / "labels"):
        return [path / "labels"]
    return [one / "labels" for one in _inner(path, skips) if is_folder(one / "labels")]


def _one_down(path: Path) -> list[str]:
    return [file for one in _inner(path, Skips()) for file in _texts(one)]


def _inner(path: Path, skips: Skips) -> list[Path]:
    try:
        return [one for one, _ in _down.inner(path, _down.start(path), skips)]
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read ({error.strerror})") from None


def _names_beside(folders: list[Path]) -> tuple[str, ...] | None:
    tries = (folder / name for folder in folders for name in NAMES)
    there = next((place for place in tries if is_file(place)), None)
    return _names_file(there) if there is not None else None


def _texts(folder: Path) -> list[str]:
    """Return the label files of a folder, sorted."""
    return _listed(folder)[0]


def _texts_below(folder: Path, skips: Skips, way: _down.Way = ()) -> list[str]:
    """Return the label files of a folder, sorted, and of the folders below."""
    files, others = _listed(folder)
    if others:
        for inner, further in _down.inner(folder, way or _down.start(folder), skips):
            if inner.name[-4:].lower() != ".txt":
                files += _texts_below(inner, skips, further)
    return files


def _listed(folder: Path) -> tuple[list[str], bool]:
    """Return the label files of a folder, sorted, and whether there is anything else in it."""
    try:
        names = os.listdir(folder)  # noqa: PTH208  half the time of the objects that pathlib makes
    except OSError as error:
        raise DataError(f"{shown(folder)}: cannot be read ({error.strerror})") from None
    texts = sorted([name for name in names if name[-4:].lower() == ".txt"])
    start = str(folder / "x")[:-1]
    files = [start + name for name in texts if name.lower() not in NOT_LABELS and name[:6].lower() != "readme"]
    return files, len(texts) < len(names)


def _any_text(folder: Path, way: _down.Way = ()) -> bool:
    """Return whether there is a text file in a folder, or below it."""
    try:
        with os.scandir(folder) as entries:
            if any(entry.name[-4:].lower() == ".txt" for entry in entries):
                return True
        below = _down.inner(folder, way or _down.start(folder), Skips())
    except (FileNotFoundError, NotADirectoryError):
        return False
    return any(_any_text(inner, further) for inner, further in below)


def _yaml_in(folder: Path) -> Path | None:
    """Return the YAML file that describes a folder: data.yaml, or the only one that names a training set."""
    for name in ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml"):
        if is_file(folder / name):
            return folder / name
    return None
