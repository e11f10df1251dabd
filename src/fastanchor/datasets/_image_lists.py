"""Lists of images, one a line, whose label files stand elsewhere."""

from __future__ import annotations

import os
import re
from pathlib import Path

from fastanchor._reading import decoded, is_file, is_folder, text_of
from fastanchor.datasets._label_folders import labels_of
from fastanchor.datasets._probe import HEAD, IMAGES, joined

__all__ = ["ends_of", "folders_above", "is_list", "label_files"]

LOOKED_AT = 20  # images of a folder that are looked for
ABOVE = 3  # folders above a list from which its paths may start


def is_list(head: bytes) -> bool:
    """Return whether a text names an image in each line."""
    lines = decoded(head).splitlines()
    if len(head) == HEAD:  # the last line may be cut
        lines = lines[:-1]
    named = [line for line in map(str.strip, lines) if line]
    return bool(named) and all(line.lower().endswith(IMAGES) for line in named)


def label_files(path: Path) -> dict[str, str]:
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
    for root in folders_above(path):
        image = os.path.normpath(root / parent)
        for label in labels_of(image):
            if is_folder(Path(label)):
                return label, image
    # of another machine: some of the images or their labels must be there
    for end in (*ends_of("/" + parent), ""):
        for root in folders_above(path):
            image = os.path.normpath(root / end)
            for label in labels_of(image):
                if any(is_file(Path(label, f"{stem}.txt")) or is_file(Path(image, name)) for name, stem in some):
                    return label, image
    return str(path.parent / parent), str(path.parent / parent)


def folders_above(path: Path) -> list[Path]:
    """Return the folders from which the paths in a file may start."""
    return [path.parent, *path.parent.absolute().parents[:ABOVE], Path()]


def ends_of(entry: str) -> list[str]:
    """Return the ends of a path from another machine, longest first."""
    if not (entry.startswith("/") or re.match(r"[A-Za-z]:", entry)):
        return []
    parts = [part for part in entry.split("/") if part]
    return ["/".join(parts[i:]) for i in range(1, len(parts))]
