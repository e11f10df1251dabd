"""The files at a path: each folder is listed once, and the head of each file is read once, for all formats."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fastanchor._errors import DataError
from fastanchor._reading import is_file, opened
from fastanchor.datasets._foreign import kind
from fastanchor.datasets._skips import shown

__all__ = ["IMAGES", "SHARD", "Listing", "Probe", "natural", "part_of"]

IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif")
LABELS = (
    ".txt",
    ".xml",
    ".json",
    ".ndjson",
    ".csv",
    ".tsv",
    ".parquet",
    ".npy",
    ".npz",
    ".cache",
    ".yaml",
    ".yml",
    ".data",
)
FILES = frozenset((*IMAGES, *LABELS))  # endings of files; a stat call for each name would take time
RECORD = ".record"  # stands for the ending of parts such as train.record-00000-of-00010
SHARD = re.compile(r"-\d+-of-\d+$")
HEAD = 1 << 16
PARTS = {
    "train": "train", "training": "train", "trainval": "trainval",
    "val": "val", "valid": "val", "validation": "val", "validate": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
_ZEROS = str.maketrans("123456789", "000000000")
_NUMBER = re.compile(r"([0-9]+)")
_WORD = re.compile(r"[a-z]+")

Way = tuple[tuple[int, int], ...]


class Listing(NamedTuple):
    """The names in a folder, files in natural order; and the files' endings."""

    files: list[str]
    folders: list[str]
    broken: list[str]  # links that cannot be followed
    endings: set[str]


class Probe:
    """A path with cached listings and heads of files."""

    def __init__(self, path: Path, *, named: bool = False) -> None:
        self.path = path
        self.named = named
        self.is_file = str(path) == "-" or is_file(path)
        self._listings: dict[str, Listing] = {}
        self._heads: dict[str, bytes] = {}
        self._found: dict[tuple[str, ...], dict[str, list[str]]] = {}
        self.known: dict[str, Any] = {}  # facts about files that formats share
        self._tree: dict[str, list[str]] | None = None
        self.broken: list[tuple[str, str]] = []  # links and folders that cannot be followed, with the reason

    @property
    def suffix(self) -> str:
        """Ending of the file, in lower case; empty for a folder."""
        shard = RECORD if SHARD.search(self.path.name) else ""
        return shard or self.path.suffix.lower() if self.is_file else ""

    @property
    def by_ending(self) -> bool:
        """Whether endings tell the kind of files; false for a file without an ending, such as "-"."""
        return not self.is_file or self.suffix != ""

    def listing(self, folder: str) -> Listing:
        """Return the listing of a folder; raise OSError if it cannot be read."""
        found = self._listings.get(folder)
        if found is None:
            found = self._listings[folder] = _listed(folder)
        return found

    def names(self, folder: str) -> list[str]:
        """Return the files of a folder; empty if it does not exist."""
        with contextlib.suppress(OSError, ValueError):
            return self.listing(folder).files
        return []

    def ending(self, folder: str, *suffixes: str) -> list[str]:
        """Return the files of a folder with these endings, in any case; empty if it does not exist."""
        with contextlib.suppress(OSError, ValueError):
            found = self.listing(folder)
            if not found.endings.isdisjoint(suffixes):
                return found.files if found.endings.issubset(suffixes) else ending(found.files, suffixes)
        return []

    def tree(self) -> dict[str, list[str]]:
        """Return the files of each folder from the path down, nearest first; for a file, the file itself."""
        if self._tree is None:
            if self.is_file:
                self._tree = {os.path.dirname(self.path) or ".": [self.path.name]}
            else:
                self._tree = self.below(str(self.path))
        return self._tree

    def endings(self) -> set[str]:
        """Return the endings of all files, in lower case; for a folder also ""."""
        if self.is_file:
            return {self.suffix}
        return set().union({""}, *(self.listing(folder).endings for folder in self.tree()))

    def below(self, folder: str) -> dict[str, list[str]]:
        """Return the files of each folder from `folder` down, nearest first; follow links, but no cycles."""
        found: dict[str, list[str]] = {}
        waiting: list[tuple[str, Way]] = [(folder, _way(folder))]
        while waiting:
            further: list[tuple[str, Way]] = []
            for place, way in waiting:
                try:
                    listing = self.listing(place)
                except OSError as error:
                    if place == folder:
                        raise DataError(f"{shown(folder)}: cannot be read ({error.strerror})") from None
                    self.broken.append((place, f"folder that cannot be read ({error.strerror})"))
                    continue
                found[place] = listing.files
                self.broken += [(os.path.join(place, name), "link that cannot be followed") for name in listing.broken]
                further += self._inner(place, way, listing.folders)
            waiting = further
        return found

    def _inner(self, place: str, way: Way, folders: list[str]) -> Iterator[tuple[str, Way]]:
        for name in folders:
            path = os.path.join(place, name)
            with contextlib.suppress(OSError):
                status = os.stat(path)
                if (status.st_dev, status.st_ino) in way:
                    self.broken.append((path, "link that leads back to a folder above it"))
                else:
                    yield path, (*way, (status.st_dev, status.st_ino))

    def above(self, folder: str) -> Iterator[str]:
        """Yield a folder below the path and its parents, up to the parent of the path."""
        root = str(self.path)
        while folder != root:
            yield folder
            folder = os.path.dirname(folder)
        yield root
        yield os.pardir if root == os.curdir else os.path.dirname(root) or os.curdir

    def by_folder(self, *suffixes: str) -> dict[str, list[str]]:
        """Return the paths of the files with these endings, by folder; also a given file without an ending.

        All formats get the same lists, which stay as they are.
        """
        known = self._found.get(suffixes)
        if known is not None:
            return known
        found = self._found[suffixes] = {}
        for folder, names in self.tree().items():
            if self.is_file:
                files = ending(names, suffixes) if self.by_ending else names
            else:
                files = self.ending(folder, *suffixes)
            if files:
                found[folder] = joined(folder, files)
        return found

    def files(self, *suffixes: str) -> list[str]:
        """Return the paths of all files with these endings."""
        return [file for files in self.by_folder(*suffixes).values() for file in files]

    def head(self, file: str, size: int = HEAD) -> bytes:
        """Return the first bytes of a file; empty if it cannot be read."""
        found = self._heads.get(file)
        if found is None:
            found = b""
            with contextlib.suppress(OSError), opened(file) as source:
                found = source.read(HEAD)
            self._heads[file] = found
        return found[:size]

    def seen(self) -> str:
        """Return what the path is or holds, for messages: a clause without its subject."""
        if self.is_file:
            file = f"a {self.suffix} file" if self.suffix else "a file without an ending"
            return f"is {file}{self._kind(str(self.path))}"
        tree = self.tree()
        endings: Counter[str] = Counter()
        first: dict[str, str] = {}
        for folder, names in tree.items():
            for name in names:
                suffix = os.path.splitext(name)[1].lower() or "without an ending"
                endings[suffix] += 1
                first.setdefault(suffix, os.path.join(folder, name))
        parts = [f"{count:,} {suffix}{self._kind(first[suffix])}" for suffix, count in endings.most_common(6)]
        if len(tree) > 1:
            parts.insert(0, f"{len(tree) - 1:,} folder{'s' if len(tree) > 2 else ''}")
        parts += [f"{shown(place)}: {why}" for place, why in self.broken[:1]]
        return f"holds {', '.join(parts) or 'nothing'}"

    def _kind(self, file: str) -> str:
        head = self.head(file)
        found = kind(head, os.path.splitext(file)[1].lower(), whole=len(head) < HEAD)
        return f" ({found})" if found else ""


def joined(folder: str, names: Iterable[str]) -> list[str]:
    """Return the paths of names in a folder; "." leaves them as they are."""
    start = "" if folder in ("", ".") else folder if folder.endswith(os.sep) else folder + os.sep
    return [start + name for name in names]


def folders_of(files: Sequence[str]) -> set[str]:
    """Return the folders of files."""
    if not files:
        return set()
    folder, _, name = files[0].rpartition(os.sep)
    start, text = files[0][: len(files[0]) - len(name)], "\0" + "\0".join(files)
    # mostly one folder, which two counts show in a fifth of the time
    if text.count(f"\0{start}") == len(files) and text.count(os.sep) == len(files) * start.count(os.sep):
        return {folder}
    return {file.rpartition(os.sep)[0] for file in files}


def ending(names: Iterable[str], suffixes: tuple[str, ...]) -> list[str]:
    """Return the names with these endings, in any case."""
    return [name for name in names if name.endswith(suffixes) or name.lower().endswith(suffixes)]


def natural(names: Iterable[str]) -> list[str]:
    """Return names sorted with numbers in them as numbers.

    Examples
    --------
    >>> natural(["img10", "img9", "img1"])
    ['img1', 'img9', 'img10']
    """
    found = sorted(names)
    # names of one pattern sort the same as texts, which is faster than the key
    if len(set("\0".join(found).translate(_ZEROS).split("\0"))) > 1:
        found.sort(key=_natural_key)
    return found


def _natural_key(name: str) -> list[tuple[int, str]]:
    parts = _NUMBER.split(name)
    parts[1::2] = [digits.lstrip("0") for digits in parts[1::2]]
    return [(len(part) if i % 2 else 0, part) for i, part in enumerate(parts)]


def part_of(file: str, root: str) -> str:
    """Return the split named by a path below `root`: "train", "trainval", "val", "test", or empty for none.

    Whole words count: ``untrained.json`` names no split. The last word wins: ``test/labels/train`` is "train".
    """
    words = _WORD.findall(os.path.relpath(file, root).lower() if root else file.lower())
    return next((PARTS[word] for word in reversed(words) if word in PARTS), "")


def _way(folder: str) -> Way:
    try:
        status = os.stat(folder)
    except OSError as error:
        raise DataError(f"{shown(folder)}: cannot be read ({error.strerror})") from None
    return ((status.st_dev, status.st_ino),)


def _listed(folder: str) -> Listing:
    files: list[str] = []
    folders: list[str] = []
    broken, endings = [], set()
    names = os.listdir(folder or ".")
    text, one = "\0".join(("", *names, "")), os.path.splitext(names[0])[1] if names else ""
    if one.lower() in FILES and text.count(f"{one}\0") == len(names) and "\0." not in text:  # the common case
        return Listing(natural(names), [], [], {one.lower()})
    for name in names:
        if name[:1] == ".":
            continue
        end = name[name.rfind(".") :].lower()
        if end in FILES:
            files.append(name)
            endings.add(end)
            continue
        path = os.path.join(folder, name)
        try:
            is_folder = os.stat(path).st_mode & 0o170000 == 0o040000
        except OSError:
            broken.append(name)
        else:
            if is_folder:
                folders.append(name)
            else:
                files.append(name)
                endings.add(RECORD if SHARD.search(name) else end)
    return Listing(natural(files), natural(folders), sorted(broken), endings)
