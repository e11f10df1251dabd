"""Label files of YOLO data sets: those of a folder, and those of a list of images, one a line."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from math import isnan
from pathlib import Path

from fastanchor._reading import decoded, is_file, is_folder, text_of
from fastanchor.datasets._probe import HEAD, IMAGES, Probe, joined
from fastanchor.datasets._record import NOTHING, number_of

__all__ = [
    "below", "ends_of", "first_row", "folders_above", "has_rows", "is_list", "label_files", "label_folders",
    "labels_of",
]  # fmt: skip

NOT_LABELS = frozenset((
    "classes.txt", "obj.names.txt", "requirements.txt", "train.txt", "val.txt", "valid.txt", "test.txt",
    "_annotations.txt", "_classes.txt",
))  # fmt: skip
README = "readme"
LABELS = frozenset(("labels", "label"))
OF_IMAGES = ("images", "image", "JPEGImages")  # folders of images, beside one called labels
LOOKED_AT = 20  # files or images of a folder that are looked at
ABOVE = 3  # folders above a list from which its paths may start
FARTHEST = 10.0  # distance from the image, as a multiple of its side


def label_folders(probe: Probe) -> tuple[dict[str, list[str]], bool]:
    """Return the label files of each folder, and whether they have rows.

    The folders are those called labels, if any; else those with rows of numbers in their text files. For a folder of
    images, they are beside it.
    """
    found = texts(probe, probe.tree())
    if not found:
        found = texts(
            probe, next((probe.below(one) for one in labels_of(str(probe.path))[:-1] if is_folder(Path(one))), ())
        )
    rows = {folder for folder, files in found.items() if any(has_rows(probe.head(f, 4096)) for f in files[:LOOKED_AT])}
    called = {folder for folder in found if LABELS.intersection(Path(folder.lower()).parts)}
    chosen = set(found) if probe.named else rows
    if called and (called & rows or not rows):
        chosen = called
    return {folder: files for folder, files in found.items() if folder in chosen}, bool(chosen & rows)


def has_rows(head: bytes) -> bool:
    """Return whether the first row is a class and numbers relative to an image."""
    cls, *values = first_row(head) or [-1.0]
    return len(values) >= 4 and cls >= 0.0 and cls % 1.0 == 0.0 and max(map(abs, values[:4])) <= FARTHEST


def first_row(head: bytes) -> list[float]:
    """Return the first row as numbers, NaN for a class in words; empty if the row has other words."""
    first = next((words for line in decoded(head).splitlines() if (words := line.split())), [])
    cls, *values = [*map(number_of, first), NOTHING[0]]
    return [cls, *values[:-1]] if len(first) > 1 and not any(map(isnan, values[:-1])) else []


def texts(probe: Probe, folders: Iterable[str]) -> dict[str, list[str]]:
    """Return the label files of each folder, without empty folders."""
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


def below(probe: Probe, folder: str) -> list[str]:
    """Return the label files of a folder and the folders below."""
    tree = probe.tree() if not probe.is_file else {}
    start = folder.rstrip(os.sep) + os.sep
    inner = [one for one in tree if one == folder or one.startswith(start)] or probe.below(folder)
    return [file for files in texts(probe, inner).values() for file in files]


def labels_of(image: str) -> list[str]:
    """Return the possible folders of labels for a folder of images."""
    swapped = (_swap(image, name) for name in OF_IMAGES)
    return [*dict.fromkeys(one for one in swapped if one != image), image]


def _swap(path: str, name: str) -> str:
    """Return `path` with the last folder of this name replaced by labels."""
    parts = Path(path).parts
    for i in range(len(parts) - 1, -1, -1):
        if parts[i] == name:
            return str(Path(*parts[:i], "labels", *parts[i + 1 :]))
    return path


# --- lists of images


def is_list(head: bytes) -> bool:
    """Return whether each line of a text names an image."""
    lines = decoded(head).splitlines()
    if len(head) == HEAD:  # the last line may be cut
        lines = lines[:-1]
    named = [line for line in map(str.strip, lines) if line]
    return bool(named) and all(line.lower().endswith(IMAGES) for line in named)


def label_files(path: Path) -> dict[str, str]:
    """Return the label file of each image in a list, with the image.

    Labels are beside the images, or in a folder called labels in place of the folder of images.
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
    """Return the folder of labels and the folder of images for a folder in a list."""
    for root in folders_above(path):
        image = os.path.normpath(root / parent)
        for label in labels_of(image):
            if is_folder(Path(label)):
                return label, image
    # of another machine: some of the images or labels must exist
    for end in (*ends_of("/" + parent), ""):
        for root in folders_above(path):
            image = os.path.normpath(root / end)
            for label in labels_of(image):
                if any(is_file(Path(label, f"{stem}.txt")) or is_file(Path(image, name)) for name, stem in some):
                    return label, image
    return str(path.parent / parent), str(path.parent / parent)


def folders_above(path: Path) -> list[Path]:
    """Return the folders that paths in a file may start from."""
    return [path.parent, *path.parent.absolute().parents[:ABOVE], Path()]


def ends_of(entry: str) -> list[str]:
    """Return the ends of an absolute path, longest first."""
    if not (entry.startswith("/") or re.match(r"[A-Za-z]:", entry)):
        return []
    parts = [part for part in entry.split("/") if part]
    return ["/".join(parts[i:]) for i in range(1, len(parts))]
