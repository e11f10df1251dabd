"""Where a label's image is, and how large: asked only when the label does not say, and for drawing."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from fastanchor._reading import is_file, opened

__all__ = ["ImageFinder", "image_size", "what_is"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")
# what imagesize raises for damaged headers
_UNREADABLE = (OSError, ValueError, ArithmeticError, LookupError, TypeError, struct.error, SyntaxError)
FOLDERS = (".", "../JPEGImages", "../images")


class ImageFinder:
    """Finds images beside label files; looks into each folder once."""

    def __init__(self) -> None:
        self._seen: dict[str, list[tuple[Path, dict[str, str]]]] = {}

    def find(self, label: Path, filename: str = "") -> Path | None:
        """Return the image of a label file, or None.

        Parameters
        ----------
        label : Path
            The label file; the image may be in its folder, or in JPEGImages or images beside that folder.
        filename : str
            What the label calls the image, if it does; its folders are ignored, its suffix may be missing.
        """
        folder = str(label).rpartition(os.sep)[0]  # Path.parent costs ten times as much
        places = self._seen.get(folder)
        if places is None:
            tries = [label.parent / place for place in FOLDERS]
            places = self._seen[folder] = [(place, names) for place in tries if (names := _names(place))]
        given = filename.strip().replace("\\", "/").rpartition("/")[2]
        for place, names in places:
            for stem in (given, given.rpartition(".")[0], label.stem):
                for name in (stem, *(stem + suffix for suffix in SUFFIXES)) if stem else ():
                    # `names` also knows every name in lower case
                    found = names.get(name) or names.get(name.lower())
                    if found:
                        return place / found
        return None


def _names(folder: Path) -> dict[str, str]:
    try:
        with os.scandir(folder) as entries:
            found = sorted(e.name for e in entries if e.name.lower().endswith(SUFFIXES) and is_file(e))
    except OSError:
        return {}
    names: dict[str, str] = {}
    for name in found:
        names.setdefault(name.lower(), name)
    names.update((name, name) for name in found)
    return names


def image_size(path: Path) -> tuple[float, float] | None:
    """Return (width, height) of an image in pixels, turned as its EXIF data say, or None if they cannot be read."""
    import imagesize

    try:
        with opened(path) as file:
            width, height = imagesize.get(file)
    except _UNREADABLE:
        return None
    return (float(width), float(height)) if width > 0 and height > 0 else None


def what_is(path: Path) -> str:
    """Return why no size can be read from an image, as well as can be told."""
    try:
        with opened(path) as file:
            head = file.read(64)
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    if not head:
        return "an empty file"
    if head.startswith(b"version https://git-lfs"):
        return "a pointer of Git LFS; fetch the file itself"
    return "an HTML page" if head.lstrip()[:1] == b"<" else "no image that can be read"
