"""Files to write: each is replaced whole or not at all, and only where that is allowed."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import hint
from fastanchor._text import plain

__all__ = ["check_output", "is_stdout", "is_stream", "named_file", "whole"]

# folders whose entries are the open descriptors of this process
_DESCRIPTORS = ("/proc/self/fd", "/dev/fd")


def is_stream(path: Path) -> bool:
    """Return whether `path` is a stream: a pipe, a device, or an open descriptor as in ``>(cat)``."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISDIR(mode) and (not stat.S_ISREG(mode) or _descriptor(path) is not None)


def is_stdout(path: Path) -> bool:
    """Return whether `path` is standard output: its descriptor, or the same file."""
    try:
        status = path.stat()
        if os.path.samestat(status, Path(os.devnull).stat()):
            return False  # nothing gets mixed up in it
        return _descriptor(path) == 1 or os.path.samestat(status, os.fstat(1))
    except (OSError, ValueError):
        return False


def named_file(name: str | os.PathLike[str], argument: str = "path") -> Path:
    """Return the path of a file to write; its name must not be that of a folder.

    Raises
    ------
    DataError
        If the name is empty, or ends like that of a folder, which a Path would hide.
    """
    if name in ("", b""):
        raise DataError("'': must be the name of a file")
    path = _check.as_path(name, argument)
    text = os.fsdecode(name)
    if text.endswith(("/", os.sep)):
        raise DataError(f"{plain(text)}: is the name of a folder; the name of a file is needed")
    return path


def check_output(path: Path, *, replace: bool) -> None:
    """Raise what :func:`whole` would raise for this file, before the work is done.

    Raises
    ------
    DataError
        As :func:`whole` does.
    """
    with _named(path):
        _target(path, replace)


@contextlib.contextmanager
def whole(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """Yield a path to write to, whose content becomes that of `path` at the end.

    A regular file is replaced in one step and keeps its mode, so the old content stays until the new one is complete.
    Symbolic links are followed, and missing folders are made. Streams, see :func:`is_stream`, are written to.

    Parameters
    ----------
    path : Path
    replace : bool, default True
        Whether a regular file that exists may be replaced.

    Raises
    ------
    DataError
        If `path` is a folder, a file that exists and may not be replaced, or one of several hard links, or if the
        system refuses.
    """
    with _named(path):
        place = _target(path, replace)
        if place is None:
            with tempfile.TemporaryDirectory(prefix="fastanchor-") as folder:
                part = Path(folder, "part")
                yield part
                _pour(part, path)
        else:
            with _beside(place) as part:
                yield part
                _target(path, replace)  # it may have been created meanwhile


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:  # from the writer, perhaps about a missing file
        raise
    except OSError as error:
        raise DataError(f"{plain(str(path))}: cannot be written ({error.strerror or error})") from None
    except UnicodeEncodeError as error:
        raise DataError(f"{plain(str(path))}: cannot be written ({_unwritable(error)})") from None


def _unwritable(error: UnicodeEncodeError) -> str:
    start, end = max(0, error.start - 20), error.end + 20
    part = plain(repr(error.object[start:end]))
    return f"{part} contains half of a surrogate pair, which {error.encoding} cannot encode"


def _target(path: Path, replace: bool) -> Path | None:
    """Return the regular file to write, links followed, or None if `path` is a stream."""
    try:
        status = path.stat()
    except FileNotFoundError:
        status = None
    except ValueError as error:  # a name with a NUL
        raise OSError(errno.EINVAL, str(error)) from None
    if status is not None:
        if stat.S_ISDIR(status.st_mode):
            raise DataError(f"{plain(str(path))}: is a folder; the name of a file is needed")
        if is_stream(path):
            return None
        if not replace:
            raise DataError(f"{plain(str(path))}: exists already; {hint('replace')}")
        if status.st_nlink > 1:
            others = f"{status.st_nlink} names (hard links), and only this one would get the new content"
            raise DataError(f"{plain(str(path))}: is a file with {others}; delete it first, or name another file")
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    folder = next(one for one in place.parents if one.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, f"no permission to write in {plain(str(folder))}")
    return place


@contextlib.contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Yield a new file in the folder of `place`, which replaces it at the end."""
    missing = [folder for folder in (place.parent, *place.parent.parents) if not folder.exists()]
    part = place.with_name(f".fastanchor-{os.urandom(6).hex()}.part")
    done = False
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))  # the umask decides the mode
        yield part
        _finish(part, place)
        part.replace(place)
        done = True
    finally:
        part.unlink(missing_ok=True)
        if not done:
            with contextlib.suppress(OSError):
                for folder in missing:
                    folder.rmdir()


def _finish(part: Path, place: Path) -> None:
    """Give `part` the owner and mode of the file that it replaces, and wait until its content is on the disk."""
    with contextlib.suppress(FileNotFoundError):
        old = place.stat()
        if hasattr(os, "chown"):
            with contextlib.suppress(PermissionError):
                os.chown(part, old.st_uid, old.st_gid)
        part.chmod(stat.S_IMODE(old.st_mode))
    with part.open("ab") as file:
        os.fsync(file.fileno())


def _pour(part: Path, path: Path) -> None:
    number = _descriptor(path)
    if number is None:
        fd = os.open(path, os.O_WRONLY)
    else:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()  # earlier output comes first
        fd = os.dup(number)
    with part.open("rb") as source, open(fd, "wb") as out:  # noqa: PTH123  a descriptor is not a path
        shutil.copyfileobj(source, out)


def _descriptor(path: Path) -> int | None:
    """Return the number of the open descriptor that `path` names, as /dev/stdout and /dev/fd/63 do."""
    folders = {os.path.realpath(folder) for folder in _DESCRIPTORS}
    for _ in range(8):
        if path.name.isdigit() and os.path.realpath(path.parent) in folders:
            return int(path.name)
        if not path.is_symlink():
            return None
        path = path.parent / path.readlink()
    return None
