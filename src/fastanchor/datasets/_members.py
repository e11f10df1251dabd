"""The files in an archive (.zip, .tar, compressed .tar) that are wanted: labels, and images by their headers.

In a zip, the header of an image is read when it is needed; a tar can only be read in order. Whole images are read when
they are drawn.
"""

from __future__ import annotations

import contextlib
import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, NamedTuple

from fastanchor._errors import DataError
from fastanchor._later import Later
from fastanchor.datasets._probe import IMAGES, LABELS, SHARD
from fastanchor.datasets._recognise import ENDINGS as LOOKED_AT
from fastanchor.datasets._sizes import size_in
from fastanchor.datasets._skips import shown

if TYPE_CHECKING:
    import lzma
    import tarfile
else:  # milliseconds that others need not wait for
    lzma, tarfile = Later("lzma"), Later("tarfile")

__all__ = ["ENDINGS", "Budget", "Member", "Members", "damaged", "members"]

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
BESIDE = (".names", ".ini")  # endings of files that formats look for beside labels
WANTED = tuple(sorted({one for own in LOOKED_AT.values() for one in own if one}.union(LABELS, BESIDE)))
KINDS = {"image": IMAGES, "label": WANTED, "archive": ENDINGS}
MOST = 16 << 30  # bytes of label files
RATIO = 250  # and as a multiple of the archive, if they exceed FREE; labels shrink to a tenth, rarely to a fiftieth
FREE = 256 << 20
IMAGE = 256 << 20  # bytes of an image that is drawn
HEADERS = (1 << 13, 1 << 16, 1 << 22)  # bytes of an image that are read until they say its size


class Member(NamedTuple):
    """A file in an archive."""

    parts: tuple[str, ...]  # its path
    kind: str  # "label", "image", or a key of OTHERS
    open: Callable[[], IO[bytes]]
    head: Callable[[], IO[bytes]] = io.BytesIO  # of an image, a header that says its size

    def whole(self) -> bytes:
        """Return the contents of an image; nothing if it cannot be read or exceeds the limit."""
        with contextlib.suppress(OSError, *damaged()), self.open() as source:
            data = source.read(IMAGE + 1)
            return data if len(data) <= IMAGE else b""
        return b""


class Budget:
    """What may still be unpacked."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.most = min(MOST, max(FREE, RATIO * path.stat().st_size))
        self.left = self.most

    def copy(self, member: Member, file: IO[bytes]) -> None:
        """Copy a member; raise DataError beyond the limit, whatever the archive says about sizes."""
        with member.open() as source:
            while part := source.read(1 << 20):
                self.left -= len(part)
                if self.left < 0:
                    most = f"{self.most >> 20:,} MB, the limit for an archive of its size"
                    raise DataError(f"{shown(self.path)}: the label files in it exceed {most}; unpack it by hand")
                file.write(part)


class Members(NamedTuple):
    """The wanted files of an archive, and what a progress bar says while they are read."""

    each: Iterator[Member | None]  # None in the place of files that are not wanted
    total: int  # number of files, or bytes of the archive
    unit: str
    passed: Callable[[], int] | None  # the bytes that were read; None where files are counted


@contextlib.contextmanager
def members(path: Path) -> Iterator[Members]:
    """Open an archive; the number of files in a tar is only known in the end."""
    if path.suffix.lower() == ".zip":
        with zipfile.ZipFile(path) as source:
            yield Members(_of_zip(source, path), len(source.filelist), " files", None)
    else:
        with path.open("rb") as file, tarfile.open(fileobj=file) as source:
            yield Members(_of_tar(source, path), path.stat().st_size, "B", file.tell)


def _of_zip(source: zipfile.ZipFile, path: Path) -> Iterator[Member | None]:
    for info in source.infolist():
        linked = stat.S_ISLNK(info.external_attr >> 16)
        found = None if info.is_dir() else _parts(info.filename, path)
        if found is None:
            yield None
            continue
        parts, kind = found
        if info.flag_bits & 1 and kind == "label":
            raise DataError(f"{shown(path)}/{shown(info.filename)}: is encrypted; unpack it with its password")

        opening = partial(source.open, info)
        yield Member(parts, "link" if linked else kind, opening, partial(_header, opening))


def _of_tar(source: tarfile.TarFile, path: Path) -> Iterator[Member | None]:
    most, passed = max(4 * FREE, 4 * RATIO * path.stat().st_size), 0
    for info in source:
        passed += info.size if info.isreg() else 0
        if passed > most:
            raise DataError(f"{shown(path)}: its files are more than {4 * RATIO:,} times as large as the archive")
        found = None if info.isdir() else _parts(info.name, path)
        if found is None:
            yield None
            continue
        parts, kind = found
        if not info.isreg():
            yield Member(parts, "link", io.BytesIO)
            continue
        opening = partial(_extracted, source, info)
        head = _header(opening).read() if kind == "image" else b""
        yield Member(parts, kind, opening, partial(io.BytesIO, head))


def _extracted(source: tarfile.TarFile, info: tarfile.TarInfo) -> IO[bytes]:
    file = source.extractfile(info)
    assert file is not None  # so it is for regular files
    return file


def damaged() -> tuple[type[Exception], ...]:
    """Return what is raised for damaged archives."""
    return (tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError,
            ValueError)  # fmt: skip


def _parts(name: str, path: Path) -> tuple[tuple[str, ...], str] | None:
    """Return the path of a member and its kind, None if it is not wanted; raise DataError if it leaves the archive."""
    low = name.lower()
    kind = next(
        (kind for kind, endings in KINDS.items() if low.endswith(endings)), "label" if SHARD.search(low) else ""
    )
    place = PurePosixPath(name.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or re.match("[A-Za-z]:", name):
        raise DataError(f"{shown(path)}: holds a file outside of the archive, {shown(name)!r}; nothing is unpacked")
    hidden = any(part[0] == "." or part == "__MACOSX" for part in place.parts)
    return None if not kind or hidden or "\0" in name else (place.parts, kind)


def _header(opening: Callable[[], IO[bytes]]) -> IO[bytes]:
    """Return a header that says the size of an image; if it cannot be read, the first bytes of the image."""
    head = b""
    with contextlib.suppress(OSError, *damaged()), opening() as source:
        for most in HEADERS:
            head += source.read(most - len(head))
            if size := size_in(io.BytesIO(head)):
                shape = struct.pack(">I4sIIBBBBBI", 13, b"IHDR", *map(int, size), 8, 2, 0, 0, 0, 0)
                return io.BytesIO(b"\x89PNG\r\n\x1a\n" + shape)
            if len(head) < most:
                break
    return io.BytesIO(head[:512])
