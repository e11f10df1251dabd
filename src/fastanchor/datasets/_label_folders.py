"""Folders of YOLO label files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from math import isnan
from pathlib import Path

from fastanchor._reading import decoded, is_folder
from fastanchor.datasets._probe import Probe, joined
from fastanchor.datasets._record import NOTHING, number_of

__all__ = ["below", "first_row", "has_rows", "label_folders", "labels_of"]

NOT_LABELS = frozenset((
    "classes.txt", "obj.names.txt", "requirements.txt", "train.txt", "val.txt", "valid.txt", "test.txt",
    "_annotations.txt", "_classes.txt",
))  # fmt: skip
README = "readme"
LABELS = frozenset(("labels", "label"))
OF_IMAGES = ("images", "image", "JPEGImages")  # folders beside which one called labels may stand
LOOKED_AT = 20  # files of a folder that are opened to find a row
FARTHEST = 10.0  # from the image, as a multiple of its side


def label_folders(probe: Probe) -> tuple[dict[str, list[str]], bool]:
    """Return the label files of each folder, and whether rows were seen in them.

    The folders are those called labels, where there are any; else those with rows of numbers in their text files. Of a
    folder of images they are beside it.
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
    """Return whether the first row of a file is a class and numbers relative to an image."""
    cls, *values = first_row(head) or [-1.0]
    return len(values) >= 4 and cls >= 0.0 and cls % 1.0 == 0.0 and max(map(abs, values[:4])) <= FARTHEST


def first_row(head: bytes) -> list[float]:
    """Return the first row of a file as numbers, NaN for a class that is a word; nothing if it is not such a row."""
    first = next((words for line in decoded(head).splitlines() if (words := line.split())), [])
    cls, *values = [*map(number_of, first), NOTHING[0]]
    return [cls, *values[:-1]] if len(first) > 1 and not any(map(isnan, values[:-1])) else []


def texts(probe: Probe, folders: Iterable[str]) -> dict[str, list[str]]:
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


def below(probe: Probe, folder: str) -> list[str]:
    """Return the label files of a folder and of those below it."""
    tree = probe.tree() if not probe.is_file else {}
    start = folder.rstrip(os.sep) + os.sep
    inner = [one for one in tree if one == folder or one.startswith(start)] or probe.below(folder)
    return [file for files in texts(probe, inner).values() for file in files]


def labels_of(image: str) -> list[str]:
    """Return the folders in which the labels of a folder of images may be."""
    swapped = (_swap(image, name) for name in OF_IMAGES)
    return [*dict.fromkeys(one for one in swapped if one != image), image]


def _swap(path: str, name: str) -> str:
    """Return `path` with the last folder of this name called labels."""
    parts = Path(path).parts
    for i in range(len(parts) - 1, -1, -1):
        if parts[i] == name:
            return str(Path(*parts[:i], "labels", *parts[i + 1 :]))
    return path
