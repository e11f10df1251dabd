"""Checks of the files that a command writes: no two are the same, and none is an input."""

from __future__ import annotations

import argparse
import os
import stat
from itertools import combinations
from pathlib import Path

from fastanchor._errors import DataError
from fastanchor._output import is_stdout, named_file
from fastanchor._text import plain
from fastanchor.export import is_file_name

__all__ = ["check"]


def check(arguments: argparse.Namespace) -> None:
    """Raise if two outputs are one file, or an output is an input; called before the work of every command.

    ``--output`` is dropped if it is standard output and the answer is a text of ``--emit`` or ``--edit``, which goes
    there anyway. With ``--force`` the new text may replace the file of ``--edit``; inputs are never replaced.
    """
    text = getattr(arguments, "emit", None) is not None or getattr(arguments, "edit", None) is not None
    if text and arguments.output is not None and is_stdout(arguments.output):
        arguments.output = None
    written = _written(arguments)
    for (one, first), (other, second) in combinations(written.items(), 2):
        if _same(first, second):
            raise DataError(f"{one} and {other}: are the same file, {plain(str(first))}; name two files")
    if "--plot" in written:
        from fastanchor import plot

        plot.check(arguments.plot, replace=arguments.force)
    for option, out in written.items():
        if is_stdout(out) and (option != "--output" or arguments.json):
            raise DataError(f"{option}: is standard output, where the answer goes; name another file")
        for name, path in _read(arguments):
            if _is_file(path) and _same(out, path):
                raise DataError(f"{option}: {plain(str(out))} is also read ({name}) and would be lost; "
                                "name another file")  # fmt: skip


def _written(arguments: argparse.Namespace) -> dict[str, Path]:
    found = {option: getattr(arguments, option[2:].replace("-", "_"), None) for option in ("--output", "--plot")}
    cache = getattr(arguments, "size_cache", None)
    found["--size-cache"] = None if cache is None else named_file(cache)
    return {option: path for option, path in found.items() if path is not None}


def _read(arguments: argparse.Namespace) -> list[tuple[str, Path]]:
    data = getattr(arguments, "data", None) or []
    found = [("DATA", Path(one)) for one in ([data] if isinstance(data, str) else data)]
    anchors = getattr(arguments, "anchors", None)
    return found + ([("--anchors", Path(anchors))] if anchors and is_file_name(anchors) else [])


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _same(one: Path, other: Path) -> bool:
    """Return whether two names lead to one file, existing or not; devices accept several outputs."""
    try:
        first, second = one.stat(), other.stat()
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)
    except ValueError:  # a NUL character, which is reported when the file is opened
        return False
    return os.path.samestat(first, second) and not stat.S_ISCHR(first.st_mode)
