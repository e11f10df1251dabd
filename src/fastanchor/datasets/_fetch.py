"""Read many small files: one by one while they come from memory, ahead of time once they come from a disk.

Reading ahead uses two threads, and advises the system of many files at once.
"""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fastanchor import _reading
from fastanchor._progress import bar
from fastanchor._types import Progress

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

__all__ = ["contents", "each"]

COLD = 30e-6  # seconds to read a file: from memory it takes a fifth of this, from a disk three times as much
BLOCK = 2048  # files between two measurements of the speed
LOOKED_AT = 15  # files that are timed; their median counts
THREADS = 2  # more gain nothing, since the system reads many files at once
SLICE = 128  # files advised at once
AHEAD = 4  # slices read ahead
BUFFER = 32 << 10  # a larger buffer costs more to allocate than it saves
HEADER = 64 << 10  # bytes of a file that are advised

File = TypeVar("File", bound="str | os.PathLike[str]")
Result = TypeVar("Result")


def contents(
    files: Sequence[str], *, progress: Progress = False, bound: _reading.Bound = _reading.LABEL
) -> Generator[bytes | OSError]:
    """Yield the bytes of each label file in order, or the error; :func:`_reading.refusal` describes it."""
    pipe = _reading.piped(files[0]) if len(files) == 1 else None

    def content(file: str) -> bytes | OSError:
        try:
            if pipe is not None:
                _reading.check_size(len(pipe), bound)
                return pipe
            return _read(file, bound)
        except OSError as error:
            return error
        except ValueError as error:  # a name with a NUL
            return OSError(errno.EINVAL, str(error))

    with bar(progress, total=len(files), desc="reading", unit=" images") as moving:
        yield from each(content, files, COLD, moving.update)


def each(
    call: Callable[[File], Result], files: Sequence[File], cold: float, moved: Callable[[int], Any]
) -> Generator[Result]:
    """Yield ``call(file)`` of each file in order; read ahead if it takes more than `cold` seconds per file.

    `moved` is called with the number of files after each block.
    """
    pool: ThreadPoolExecutor | None = None
    try:
        for start in range(0, len(files), BLOCK):
            block = files[start : start + BLOCK]
            times = [time.perf_counter()]
            first = []
            for file in block[:LOOKED_AT]:
                first.append(call(file))
                times.append(time.perf_counter())
            yield from first
            rest = block[LOOKED_AT:]
            if np.median(np.diff(times)) <= cold:
                yield from map(call, rest)
            else:
                from concurrent.futures import ThreadPoolExecutor  # milliseconds that warm files need not wait for

                pool = pool or ThreadPoolExecutor(THREADS)
                yield from _ahead(pool, call, rest)
            moved(len(block))
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _ahead(pool: ThreadPoolExecutor, call: Callable[[File], Result], files: Sequence[File]) -> Generator[Result]:
    waiting: deque[Future[list[Result]]] = deque()
    for start in range(0, len(files), SLICE):
        waiting.append(pool.submit(_slice, call, files[start : start + SLICE]))
        if len(waiting) == AHEAD:
            yield from waiting.popleft().result()
    for last in waiting:
        yield from last.result()


def _slice(call: Callable[[File], Result], files: Sequence[File]) -> list[Result]:
    if hasattr(os, "posix_fadvise"):
        for file in files:
            with contextlib.suppress(OSError, ValueError):
                fd = os.open(file, _reading.FLAGS)
                try:
                    os.posix_fadvise(fd, 0, HEADER, os.POSIX_FADV_WILLNEED)
                finally:
                    os.close(fd)
    return [call(file) for file in files]


def _read(file: str, bound: _reading.Bound) -> bytes:
    fd = os.open(file, _reading.FLAGS)
    try:
        try:
            data = _START(fd, BUFFER, 0)
        except OSError as error:
            if error.errno == errno.ESPIPE:
                _reading.check_kind(os.fstat(fd).st_mode)
            raise
        if 0 < len(data) < BUFFER:
            return data
        # empty or large: only these are checked by fstat, which costs a fifth of the reading
        status = os.fstat(fd)
        _reading.check_kind(status.st_mode)
        _reading.check_size(status.st_size, bound)
        os.lseek(fd, len(data), os.SEEK_SET)
        parts = [data]
        while part := os.read(fd, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)


def _start(fd: int, size: int, _: int) -> bytes:
    return os.read(fd, size)


# unlike read, pread refuses pipes, sockets and terminals; Windows has none of them
_START: Callable[[int, int, int], bytes] = getattr(os, "pread", _start)
