"""How kernels are compiled and kept; the only file that imports numba."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import pickle
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import llvmlite

# loaded by kernels.load() and kernels.part(), not by importing fastanchor
import numba  # noqa: TID253
from numba import njit, prange  # noqa: TID253
from numba.core.caching import FunctionCache  # noqa: TID253
from numba.core.options import DefaultOptions  # noqa: TID253
from numba.core.serialize import dumps  # noqa: TID253

from fastanchor._reading import opened
from fastanchor.kernels._choice import CODE, stamps, tag

__all__ = ["compiled", "helper", "inlined", "parallel", "plain", "span", "uncounted"]

F = TypeVar("F", bound=Callable[..., Any])

# kernels are not called from C, and a wrapper for that would take a tenth of the time to compile
OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
# Numba counts references to each array of a group whenever one of the group is used: three quarters of the time of
# `_scan.scan`. The option is not documented; a numba without it would be slow, not wrong.
UNCOUNTED: dict[str, Any] = {**OPTIONS, **({"_nrt": False} if hasattr(DefaultOptions, "_nrt") else {})}
# Where LLVM calls a helper, each array of a group is copied to the stack for it, seven words an array: half of the time
# of `_scan.scan`.
INNER: dict[str, Any] = {**UNCOUNTED, "no_cpython_wrapper": True, "forceinline": True}
DIGEST = hashlib.sha256().digest_size

_printed: set[str] = set()


def compiled(function: F) -> F:
    """Compile `function`, with a cache where the package or the home folder can be written."""
    return _kept(_njit(OPTIONS, function), function)


def _njit(options: dict[str, Any], function: Callable[..., Any]) -> Any:
    return njit(**options)(function)


def _kept(made: Any, function: F) -> F:
    if made is not function:  # NUMBA_DISABLE_JIT leaves functions as they are
        with contextlib.suppress(RuntimeError):  # numba finds no place for a cache
            made._cache = _Cache(function)
    return made


def uncounted(function: F) -> F:
    """Do the same for a function that allocates nothing, and so need not count references to its arguments."""
    return _kept(_njit(UNCOUNTED, function), function)


def helper(function: F) -> F:
    """Compile `function` for the use of other kernels only; it allocates nothing."""
    return _njit(INNER, function)


def inlined(function: F) -> F:
    """Do the same, and make it part of its callers: where passing its arguments costs more than using them."""
    return _njit({**INNER, "inline": "always"}, function)


# for the plain loops of the benchmark only: numba without options
plain, parallel, span = njit, njit(parallel=True), prange


class _Cache(FunctionCache):
    """numba's cache of a function, with files that are checked before use; a run goes on where none can be written."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp(), _neighbours(Path(function.__code__.co_filename).parent)
        self._cache_file = _Files(self.cache_path, self._impl.filename_base, stamp)  # type: ignore[assignment]  # instead

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            why = error.strerror or error
            _print_once("kept", f"{self.cache_path}: compiled code cannot be kept ({why}); the next run compiles again")


class _Files:
    """Files of compiled code, one for each function and signature.

    numba's own files hold no checksum, and an index that two processes can leave wrong. A file here is a digest of all
    that follows, a digest of what the code was made from and for, the `tag` by which a process that has not imported
    numba sees whether the code is of use to it, and the code.
    """

    def __init__(self, folder: str, base: str, stamp: Any) -> None:
        self._folder, self._base = Path(folder), base
        self._origin = numba.__version__, llvmlite.__version__, stamp

    def load(self, key: Any) -> Any:
        """Return what was saved under `key`; None if there is nothing, or nothing that is whole and up to date."""
        path, origin = self._place(key)
        try:
            with opened(path, CODE) as file:
                content = file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            _print_once("damaged", f"{path}: compiled code cannot be read ({error.strerror or error}); compiling again")
            return None
        if hashlib.sha256(content[DIGEST:]).digest() != content[:DIGEST]:
            _print_once("damaged", f"{path}: compiled code is damaged; compiling again")
            return None
        if content[DIGEST : 2 * DIGEST] != origin:
            return None
        return pickle.loads(content[3 * DIGEST :])  # noqa: S301  as numba does, and checked before

    def save(self, key: Any, data: Any) -> None:
        """Write a file whole; of processes that write the same one, the last one's stays."""
        path, origin = self._place(key)
        content = origin + tag() + dumps(data)
        part = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}.part")
        try:
            part.write_bytes(hashlib.sha256(content).digest() + content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def flush(self) -> None:
        """Remove all files of the function."""
        for path in self._folder.glob(f"{self._base}.*.nbc"):
            path.unlink(missing_ok=True)

    def _place(self, key: Any) -> tuple[Path, bytes]:
        """Return the file of a key, and the digest of what its code is made from and for."""
        name = hashlib.sha256(str(key).encode()).hexdigest()[:16]
        return self._folder / f"{self._base}.{name}.nbc", hashlib.sha256(str((self._origin, key)).encode()).digest()


_neighbours = functools.cache(stamps)


def _print_once(what: str, text: str) -> None:
    """Write a line to stderr, the first time in a process."""
    if what not in _printed and sys.stderr is not None:
        _printed.add(what)
        sys.stderr.write(f"fastanchor: {os.fsencode(text).decode('utf-8', 'backslashreplace')}\n")
