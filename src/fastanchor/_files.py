"""Files written whole or not at all, read or named as unreadable, and paths that come from files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from fastanchor._errors import DataError

__all__ = ["head_of", "is_file", "is_folder", "text_of", "whole"]


def is_file(path: Path) -> bool:
    """Return whether there is such a file; what can be no path (too long, with a NUL) is none."""
    with contextlib.suppress(OSError, ValueError):
        return path.is_file()
    return False


def is_folder(path: Path) -> bool:
    """Return whether there is such a folder; what can be no path is none."""
    with contextlib.suppress(OSError, ValueError):
        return path.is_dir()
    return False


def text_of(path: Path) -> str:
    """Return the text of a file, with or without a byte order mark; bytes that are no UTF-8 are kept as surrogates.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    return _read(path).decode("utf-8-sig", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")


def head_of(path: Path, size: int) -> bytes:
    """Return the first bytes of a file.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    return _read(path, size)


def _read(path: Path, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None


@contextlib.contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Lend a path beside `path` to write to; what is there at the end takes its place. Folders are made.

    Raises
    ------
    DataError
        If the system refuses.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error})") from None
