"""Where answers are written: a file is replaced whole or not at all, and nothing is replaced that is not ours."""

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
    """Return whether bytes go through `path` as they come: a pipe, a device, an open descriptor as in ``>(cat)``."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISDIR(mode) and (not stat.S_ISREG(mode) or _descriptor(path) is not None)


def is_stdout(path: Path) -> bool:
    """Return whether `path` is standard output itself, by the name of its descriptor or as the same file."""
    try:
        there = path.stat()
        if os.path.samestat(there, Path(os.devnull).stat()):
            return False  # where nothing gets mixed up
        return _descriptor(path) == 1 or os.path.samestat(there, os.fstat(1))
    except (OSError, ValueError):
        return False


def named_file(name: str | os.PathLike[str], argument: str = "path") -> Path:
    """Return the path of a file to write, whose name must not be that of a folder.

    Raises
    ------
    DataError
        If the name is empty or ends like that of a folder; a Path would hide both.
    """
    if name in ("", b""):
        raise DataError("'': is empty; the name of a file is needed")
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
    """Lend a path to write to; what is there at the end becomes the content of `path`.

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
                _target(path, replace)  # it may have come into being meanwhile


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:  # of what is written, perhaps of a file that is missing
        raise
    except OSError as error:
        raise DataError(f"{plain(str(path))}: cannot be written ({error.strerror or error})") from None
    except UnicodeEncodeError as error:
        raise DataError(f"{plain(str(path))}: cannot be written ({_unwritable(error)})") from None


def _unwritable(error: UnicodeEncodeError) -> str:
    start, end = max(0, error.start - 20), error.end + 20
    return f"{plain(repr(error.object[start:end]))} holds half of a surrogate pair, which is not in {error.encoding}"


def _target(path: Path, replace: bool) -> Path | None:
    """Return the regular file to write, links followed, or None if `path` is a stream."""
    try:
        there = path.stat()
    except FileNotFoundError:
        there = None
    except ValueError as error:  # a name with a NUL
        raise OSError(errno.EINVAL, str(error)) from None
    if there is not None:
        if stat.S_ISDIR(there.st_mode):
            raise DataError(f"{plain(str(path))}: is a folder; the name of a file is needed")
        if is_stream(path):
            return None
        if not replace:
            raise DataError(f"{plain(str(path))}: exists already; {hint('replace')}")
        if there.st_nlink > 1:
            others = f"{there.st_nlink} names (hard links), and only this one would get the new content"
            raise DataError(f"{plain(str(path))}: is a file with {others}; delete it first, or name another file")
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    folder = next(one for one in place.parents if one.exists())
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OSError(errno.EACCES, f"no permission to write in {plain(str(folder))}")
    return place


@contextlib.contextmanager
def _beside(place: Path) -> Iterator[Path]:
    """Lend a new file in the folder of `place`, which takes its place at the end."""
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
                stream.flush()  # what was printed before comes first
        fd = os.dup(number)
    with part.open("rb") as source, open(fd, "wb") as out:  # noqa: PTH123  a descriptor is no path
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
