"""Where a label's image is, and how large: asked only when the label does not say, and for drawing."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

__all__ = ["ImageFinder", "image_size"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")
FOLDERS = (".", "../JPEGImages", "../images")


class ImageFinder:
    """Finds images beside label files; looks into each folder once."""

    def __init__(self) -> None:
        self._seen: dict[Path, dict[str, str]] = {}

    def find(self, label: Path, filename: str = "") -> Path | None:
        """Return the image of a label file, or None.

        Parameters
        ----------
        label : Path
            The label file; the image may be in its folder, or in JPEGImages or images beside that folder.
        filename : str
            What the label calls the image, if it does; its folders are ignored, its suffix may be missing.
        """
        given = filename.strip().replace("\\", "/").rpartition("/")[2]
        for folder in FOLDERS:
            place = label.parent / folder
            names = self._names(place)
            for stem in (given, given.rpartition(".")[0], label.stem):
                for name in (stem, *(stem + suffix for suffix in SUFFIXES)) if stem else ():
                    # `names` also knows every name in lower case
                    found = names.get(name) or names.get(name.lower())
                    if found:
                        return place / found
        return None

    def _names(self, folder: Path) -> dict[str, str]:
        names = self._seen.get(folder)
        if names is None:
            names = {}
            try:
                with os.scandir(folder) as entries:
                    found = sorted(e.name for e in entries if e.name.lower().endswith(SUFFIXES) and e.is_file())
            except OSError:
                found = []
            for name in found:
                names.setdefault(name.lower(), name)
            names.update((name, name) for name in found)
            self._seen[folder] = names
        return names


def image_size(path: Path) -> tuple[float, float] | None:
    """Return (width, height) of an image in pixels, or None if Pillow is missing or cannot read it."""
    try:
        from PIL import Image
    except ImportError:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # only the header is read
            with Image.open(path) as image:
                width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return float(width), float(height)
