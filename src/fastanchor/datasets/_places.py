"""Find the images of labels."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from fastanchor.datasets._probe import IMAGES, Probe, folders_of, joined

__all__ = ["Places"]

# a folder of labels, and the folders of images beside it
BESIDE = {
    "labels": ("images", "image", "JPEGImages"), "label": ("image", "images"), "label_2": ("image_2",),
    "annotations": ("JPEGImages", "images", "image"), "xml": ("images", "JPEGImages"),
}  # fmt: skip
NEAR = (".", "../JPEGImages", "../images", "../image", "images")

Names = dict[str, str]


class Places:
    """Finds the images of label files; lists each folder once."""

    def __init__(self, probe: Probe, images: str | None = None) -> None:
        self._probe = probe
        self._near: dict[str, list[Names]] = {}
        self._folders: dict[str, Names] = {}
        self._far: Names | None = None
        self._given = [] if images is None else [self._of(f) for f in probe.below(images)]

    def each(self, labels: Sequence[str], names: Sequence[str], at: Iterable[int]) -> dict[int, str]:
        """Return the images of the label files at some positions, by position."""
        if not any(names) and not any(map(self._around, folders_of(labels))) and not self._all():
            return {}
        return {i: image for i in at if (image := self.find(labels[i], names[i])) is not None}

    def find(self, label: str, name: str = "") -> str | None:
        """Return the image of a label file, or None."""
        folder, _, own = label.rpartition(os.sep)  # os.path.split costs six times as much
        stem = own.rpartition(".")[0]
        if not name:
            return next((found[stem] for found in self._around(folder) if stem in found), None) or self._anywhere(stem)
        given = name.strip().replace("\\", "/")
        parent, _, last = given.rpartition("/")
        if not parent and not self._around(folder) and not self._all():  # no images at all, a common case
            return None
        if parent and (image := self._along(folder, parent, last)) is not None:
            return image
        keys = (last, last.lower(), last.rpartition(".")[0], stem)
        for found in self._around(folder):
            for key in keys:
                if key and key in found:
                    return found[key]
        return self._anywhere(last) if last else None

    def _along(self, folder: str, parent: str, last: str) -> str | None:
        """Follow the folders in the name of an image, or the last ones of them, from that of the label and above."""
        parts = [part for part in parent.split("/") if part not in ("", ".")]
        absolute = parent if parent.startswith("/") else None
        for start in range(len(parts)) if parts else ():
            inner = os.sep.join(parts[start:])
            for base in self._bases(folder):
                found = self._of(os.path.join(base, inner))
                if (image := found.get(last) or found.get(last.lower())) is not None:
                    return image
        if absolute is not None and (place := f"{parent}/{last}") and os.path.isfile(place):
            return place
        return None

    def _bases(self, folder: str) -> list[str]:
        up = os.path.dirname(folder) if folder else ".."
        root = str(self._probe.path) if not self._probe.is_file else ""
        return list(dict.fromkeys(one for one in (folder, up, root) if one or not folder))

    def _around(self, folder: str) -> list[Names]:
        found = self._near.get(folder)
        if found is None:
            near = [*_swapped(folder), *(os.path.normpath(os.path.join(folder or ".", one)) for one in NEAR)]
            folders = filter(os.path.isdir, dict.fromkeys(near))  # isdir is cheap
            found = [*self._given, *(names for place in folders if (names := self._of(place)))]
            self._near[folder] = found
        return found

    def _of(self, folder: str) -> Names:
        """Return the images of a folder by name, by name in lower case and by stem."""
        found = self._folders.get(folder)
        if found is None:
            names = self._probe.ending(folder, *IMAGES)
            found = {}
            for name, path in zip(names, joined(folder, names), strict=True):
                found.setdefault(name.rpartition(".")[0], path)
                found.setdefault(name.lower(), path)
            found.update(zip(names, joined(folder, names), strict=True))
            self._folders[folder] = found
        return found

    def _anywhere(self, name: str) -> str | None:
        """Return the only image of this name or stem below the path."""
        far = self._all()
        return far.get(name) or far.get(name.lower()) or None

    def _all(self) -> Names:
        """Return all images below the path, as :meth:`_of` does; an empty text for names that occur twice."""
        if self._far is None:
            self._far = {}
            for folder in () if self._probe.is_file else self._probe.tree():
                for key, path in self._of(folder).items():
                    self._far[key] = "" if self._far.get(key, path) != path else path
        return self._far


def _swapped(folder: str) -> list[str]:
    """Return the folders of images in place of the last folder of labels in a path."""
    parts = folder.split(os.sep)
    for i in range(len(parts) - 1, -1, -1):
        others = BESIDE.get(parts[i]) or BESIDE.get(parts[i].lower())
        if others:
            return [os.sep.join([*parts[:i], other, *parts[i + 1 :]]) for other in others]
    return []
