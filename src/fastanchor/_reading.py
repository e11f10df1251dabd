"""Open files to read, and check their kind and size.

A file in a folder must be a regular file: a pipe would block for ever. A path given by the user may be a pipe;
:func:`named` reads it once, and later calls for that path return the same bytes.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO, TYPE_CHECKING, NamedTuple

from fastanchor._errors import DataError, MissingFileError
from fastanchor._later import Later

if TYPE_CHECKING:
    import pathlib
else:
    pathlib = Later("pathlib")

__all__ = [
    "FLAGS", "LABEL", "SETTINGS", "STDIN", "Bound", "Inner", "check_kind", "check_size", "content", "decoded",
    "inner_contents", "is_file", "is_folder", "named", "opened", "piped", "refusal", "standing_in", "stands_in",
    "text_of", "unreadable",
]  # fmt: skip


class Bound(NamedTuple):
    """The largest size of a kind of file; `kind` is a plural noun for messages."""

    size: int
    kind: str


class Inner(NamedTuple):
    """A file in an archive: functions that open a part which says what it is, and return the whole."""

    head: Callable[[], IO[bytes]]
    whole: Callable[[], bytes]  # empty if it cannot be read


SETTINGS = Bound(16 << 20, "YAML, cfg and name files")
LABEL = Bound(64 << 20, "label files of one image")
STDIN = "-"  # the name of standard input

# opening a pipe does not wait for a writer, and a terminal does not take over the process
FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY"))
_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}

_pipes: dict[str, bytes] = {}  # contents of the pipes given by the user
_inside: list[Mapping[str, Inner]] = []  # files in archives, in their order, by the paths that stand for them


def opened(path: str | os.PathLike[str], bound: Bound | None = None) -> IO[bytes]:
    """Return a file, opened to read bytes; of a file in an archive, the head.

    Raises
    ------
    OSError
        If the file cannot be opened, is not a regular file (``errno.ENODEV``) or exceeds `bound` (``errno.EFBIG``).
    """
    data = piped(path)
    if data is not None:
        check_size(len(data), bound)
        return io.BytesIO(data)
    if _inside and (member := _member(path)) is not None:
        return member.head()
    try:
        file = open(path, "rb", opener=lambda name, _: os.open(name, FLAGS))  # noqa: SIM115  pathlib takes no opener; the caller closes
    except ValueError as error:  # a name with a NUL
        raise OSError(errno.EINVAL, str(error)) from None
    try:
        there = os.fstat(file.fileno())
        check_kind(there.st_mode)
        check_size(there.st_size, bound)
    except OSError:
        file.close()
        raise
    return file


def content(path: str | os.PathLike[str], bound: Bound | None = None, size: int = -1) -> bytes:
    """Return the bytes of a file, or the first `size` of them.

    Raises
    ------
    DataError
        If it cannot be read, is not a regular file or exceeds `bound`.
    """
    try:
        with opened(path, bound) as file:
            return file.read(size)
    except OSError as error:
        raise unreadable(path, error) from None


def unreadable(place: str | os.PathLike[str], error: OSError) -> DataError:
    """Return the error to raise for a file that cannot be read; a DataError is returned unchanged."""
    if isinstance(error, DataError):
        return error
    sentence = f"{os.fspath(place)}: cannot be read ({error.strerror or error})"
    return MissingFileError(sentence) if isinstance(error, FileNotFoundError) else DataError(sentence)


def text_of(path: pathlib.Path, bound: Bound | None = None) -> str:
    """Return the text of a file, as :func:`decoded` returns it, with lines that end in line feeds.

    Raises
    ------
    DataError
        If it cannot be read, is not a regular file or exceeds `bound`.
    """
    return decoded(content(path, bound)).replace("\r\n", "\n").replace("\r", "\n")


def decoded(data: bytes) -> str:
    """Return bytes as text: UTF-16 with a byte order mark, else UTF-8, without its mark.

    Invalid bytes are kept as surrogates.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "surrogateescape")


# --- which files


def is_file(path: pathlib.Path | os.DirEntry[str]) -> bool:
    """Return whether :func:`opened` accepts `path`: a regular file, or a pipe given by the user."""
    with contextlib.suppress(OSError, ValueError):
        return piped(path) is not None or path.is_file()
    return False


def is_folder(path: pathlib.Path | os.DirEntry[str]) -> bool:
    """Return whether `path` is a folder; false for invalid paths and broken links."""
    with contextlib.suppress(OSError, ValueError):
        return path.is_dir()
    return False


def check_kind(mode: int) -> None:
    """Raise OSError (``errno.ENODEV``) if the mode of a file is not that of a regular file."""
    if not stat.S_ISREG(mode):
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        raise OSError(errno.ENODEV, f"{_KINDS.get(stat.S_IFMT(mode), 'a special file')}, not a regular file")


def check_size(size: int, bound: Bound | None) -> None:
    """Raise OSError (``errno.EFBIG``) if a size exceeds its bound."""
    if bound is not None and size > bound.size:
        raise OSError(errno.EFBIG, f"larger than {bound.size >> 20} MB, the limit for {bound.kind}")


def refusal(error: OSError) -> tuple[str, str]:
    """Return the reason for skipping a file, a phrase to count by, and a detail."""
    if error.errno == errno.EFBIG:
        return f"file {error.strerror}", ""
    if error.errno == errno.ENODEV:
        return "file that is not a regular file", (error.strerror or "").partition(",")[0]
    return "file that cannot be read", error.strerror or ""


# --- pipes


@contextlib.contextmanager
def named(*paths: str | os.PathLike[str]) -> Iterator[None]:
    """Read the pipes and devices among paths given by the user once, for all who open them inside the context.

    Raises
    ------
    DataError
        If one cannot be read.
    """
    here: list[str] = []
    try:
        for path in paths:
            name = str(pathlib.Path(os.fsdecode(path)))  # as readers spell it
            if name not in _pipes and _is_special(name):
                _pipes[name] = _all_of(name)
                here.append(name)
        yield
    finally:
        for name in here:
            del _pipes[name]


def piped(path: str | os.PathLike[str]) -> bytes | None:
    """Return the contents of a pipe given by the user, or None if `path` is not one."""
    return _pipes.get(os.fspath(path)) if _pipes else None


@contextlib.contextmanager
def standing_in(files: Mapping[str, Inner]) -> Iterator[None]:
    """Open files in archives inside the context, wherever they are opened by the paths that stand for them."""
    _inside.append(files)
    try:
        yield
    finally:
        _inside.remove(files)


def stands_in(path: str | os.PathLike[str]) -> bool:
    """Return whether a path stands for a file in an archive."""
    return bool(_inside) and _member(path) is not None


def inner_contents(paths: Iterable[str]) -> dict[str, bytes]:
    """Return the contents of files in archives, by the paths that stand for them; empty if one cannot be read.

    They are read in the order of the archive: a compressed tar can only be read forwards.
    """
    wanted = {os.path.normpath(path): path for path in paths}
    return {wanted[name]: file.whole() for files in _inside for name, file in files.items() if name in wanted}


def _member(path: str | os.PathLike[str]) -> Inner | None:
    name = os.path.normpath(path)
    return next((files[name] for files in _inside if name in files), None)


def _is_special(name: str) -> bool:
    if name == STDIN:
        return True
    try:
        mode = os.stat(name).st_mode  # noqa: PTH116  as above
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _all_of(name: str) -> bytes:
    if name == STDIN:
        if sys.stdin is None:
            raise DataError(f"{STDIN}: standard input is closed")
        return sys.stdin.buffer.read()
    try:
        with open(name, "rb") as file:  # noqa: PTH123  as above
            return file.read()
    except OSError as error:
        raise unreadable(name, error) from None
