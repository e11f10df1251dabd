"""Files read or named as unreadable, and paths that come from files."""

from __future__ import annotations

import contextlib
from pathlib import Path

from fastanchor._errors import DataError

__all__ = ["head_of", "is_file", "is_folder", "text_of"]


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
