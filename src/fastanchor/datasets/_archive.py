"""Archives (.zip, .tar, compressed .tar): label files are unpacked into a temporary folder, images only named there.

An image keeps its place as an empty file, and its header is what :func:`opened` returns; :func:`inner_contents` reads
the few images that are drawn. In a zip, the header is read when it is needed; a tar can only be read in order. Messages
name a file in an archive as ``archive.zip/folder/file``.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, TYPE_CHECKING, NamedTuple

from fastanchor._errors import DataError
from fastanchor._later import Later
from fastanchor._progress import bar
from fastanchor._reading import Inner, is_file, opened, standing_in, unreadable
from fastanchor._types import Progress
from fastanchor.datasets._probe import IMAGES, LABELS, SHARD, Probe
from fastanchor.datasets._recognise import ENDINGS as LOOKED_AT
from fastanchor.datasets._skips import first_line, given_name, impostor, shown, standing_for

if TYPE_CHECKING:
    import lzma
    import tarfile
    import tempfile
else:  # milliseconds that others need not wait for
    lzma, tarfile, tempfile = Later("lzma"), Later("tarfile"), Later("tempfile")

__all__ = ["Archives", "is_archive"]

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
BESIDE = (".names", ".ini")  # endings of files that formats look for beside labels
WANTED = tuple(sorted({one for own in LOOKED_AT.values() for one in own if one}.union(LABELS, BESIDE)))
KINDS = {"image": IMAGES, "label": WANTED, "archive": ENDINGS}
MOST = 16 << 30  # bytes of label files
RATIO = 250  # and as a multiple of the archive, if they exceed FREE; labels shrink to a tenth, rarely to a fiftieth
FREE = 256 << 20
IMAGE = 256 << 20  # bytes of an image that is drawn
HEADERS = (1 << 13, 1 << 16, 1 << 22)  # bytes of an image that are read until they say its size
DEEP = ("a", "b", "c")  # folders between that of all temporary files and the labels, whose parents may be looked into
OTHERS = {
    "link": "link in an archive, which is not followed",
    "archive": "archive in an archive, which is not unpacked",
}


class Member(NamedTuple):
    """A file in an archive."""

    parts: tuple[str, ...]  # its path
    kind: str  # "label", "image", or a key of OTHERS
    open: Callable[[], IO[bytes]]
    head: Callable[[], IO[bytes]] = io.BytesIO  # of an image


class Unpacked(NamedTuple):
    """The files of an archive, by their places in the temporary folder."""

    labels: list[str]
    images: dict[str, Inner]
    broken: list[tuple[str, str]]  # what else could hold labels, with the reason why it is not read


def is_archive(path: Path) -> bool:
    """Return whether a path is a file with the ending of an archive."""
    return path.name.lower().endswith(ENDINGS) and is_file(path)


class Archives:
    """A context in which archives are unpacked; errors that leave it name files as they are in the archive."""

    def __init__(self, progress: Progress = False) -> None:
        self._progress = progress
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Archives:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, DataError):
            error.args = (given_name(str(error)), *error.args[1:])
        self._stack.close()

    def probe(self, path: Path, *, named: bool) -> Probe:
        """Return the probe of a path; of an archive, that of its label files."""
        if not is_archive(path):
            return Probe(path, named=named)
        try:
            above = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="fastanchor-"))
            folder = Path(above, *DEEP, path.name)
            folder.mkdir(parents=True)
            self._stack.enter_context(standing_for(str(folder), str(path)))
            labels, images, broken = self._unpack(path, folder)
        except DataError:
            raise
        except _damaged() as error:
            raise DataError(f"{shown(path)}: {_what(path) or f'not a valid archive ({first_line(error)})'}") from None
        except OSError as error:
            raise unreadable(shown(error.filename or path), error) from None
        probe = Probe(Path(labels[0]) if len(labels) == 1 and not images else folder, named=named)
        probe.broken += broken
        return probe

    def _unpack(self, path: Path, folder: Path) -> Unpacked:
        if path.suffix.lower() == ".zip":
            source = self._stack.enter_context(zipfile.ZipFile(path))
            members, count = _of_zip(source, path), len(source.filelist)
        else:
            members, count = _of_tar(self._stack.enter_context(tarfile.open(path)), path), None
        left, done, made = Budget(path), Unpacked([], {}, []), {""}
        self._stack.enter_context(standing_in(done.images))
        with bar(self._progress, total=count, desc="unpacking labels", unit=" files") as moving:
            for member in members:
                moving.update(1)
                if member is None:
                    continue
                target = os.path.join(folder, *member.parts)  # noqa: PTH118  pathlib takes ten times as long
                if member.kind in OTHERS:
                    done.broken.append((target, OTHERS[member.kind]))
                    continue
                if (parent := os.path.dirname(target)) not in made:  # noqa: PTH120  as above
                    Path(parent).mkdir(parents=True, exist_ok=True)
                    made.add(parent)
                with open(target, "wb") as file:  # noqa: PTH123  as above
                    if member.kind == "image":
                        done.images.pop(target, None)  # the last of several with one name counts, and its place
                        done.images[target] = Inner(member.head, partial(_whole, member.open))
                    else:
                        done.labels.append(target)
                        left.copy(member, file)
        return done


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


def _whole(opening: Callable[[], IO[bytes]]) -> bytes:
    """Return the contents of an image; nothing if it cannot be read or exceeds the limit."""
    with contextlib.suppress(OSError, *_damaged()), opening() as source:
        data = source.read(IMAGE + 1)
        return data if len(data) <= IMAGE else b""
    return b""


def _damaged() -> tuple[type[Exception], ...]:
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
    import imagesize

    head = b""
    with contextlib.suppress(OSError, *_damaged()), opening() as source:
        for most in HEADERS:
            head += source.read(most - len(head))
            width, height = imagesize.get(io.BytesIO(head))
            if width > 0 and height > 0:
                shape = struct.pack(">I4sIIBBBBBI", 13, b"IHDR", width, height, 8, 2, 0, 0, 0, 0)
                return io.BytesIO(b"\x89PNG\r\n\x1a\n" + shape)
            if len(head) < most:
                break
    return io.BytesIO(head[:512])


def _what(path: Path) -> str:
    """Return what a file is that is no archive, if it is known."""
    with opened(path) as file:
        head = file.read(512)
    return "empty file" if not head else "" if head[:2] == b"PK" else impostor(head, "an archive")
