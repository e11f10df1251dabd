"""Folders inside a folder: the one place that follows links on the way down, and leaves out those that cannot be."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from fastanchor.datasets._images import SUFFIXES
from fastanchor.datasets._records import Skips

__all__ = ["Way", "inner", "start"]

# device and inode of each folder from the first one down
Way = tuple[tuple[int, int], ...]


def start(folder: Path) -> Way:
    """Return the way that begins in `folder`."""
    there = folder.stat()
    return ((there.st_dev, there.st_ino),)


def inner(folder: Path, way: Way, skips: Skips) -> list[tuple[Path, Way]]:
    """Return the folders in a folder, links followed, sorted by name, each with the way to it.

    A link that cannot be followed goes to `skips`, unless it is called like an image or a label file, of which others
    speak; and so does a link to a folder of the way, which would lead round and round.

    Parameters
    ----------
    folder : Path
    way : Way
        The way to `folder`.
    skips : Skips

    Raises
    ------
    OSError
        If `folder` cannot be read.
    """
    with os.scandir(folder) as entries:
        others = sorted((one for one in entries if one.is_symlink() or one.is_dir()), key=lambda one: one.name)
    found = []
    for entry in others:
        path = folder / entry.name
        try:
            there = entry.stat()
        except OSError as error:
            if not entry.name.lower().endswith((".txt", *SUFFIXES)):
                skips.add("link that cannot be followed", path, None, error.strerror or "")
            continue
        place = there.st_dev, there.st_ino
        if not stat.S_ISDIR(there.st_mode):
            continue
        if place in way:
            skips.add("link that leads back to a folder above it", path)
        else:
            found.append((path, (*way, place)))
    return found
