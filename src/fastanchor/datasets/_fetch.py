"""Many small files: read by one thread while they come from memory, by many once they are seen to come from a disk."""

from __future__ import annotations

import errno
import functools
import os
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from fastanchor._progress import bar
from fastanchor._types import Progress

__all__ = ["contents", "each", "read"]

THREADS = 16  # they wait, they do not compute; more are no faster
SLICE = 32  # items a thread takes at once: handing over one at a time costs more than reading it
BLOCK = 1024  # items between two looks at how fast it goes
COLD = 30e-6  # seconds a file: from memory it takes a tenth of this, from a disk three times as much
BUFFER = 32 << 10  # a larger buffer costs more to allocate than it saves
_FLAGS = os.O_RDONLY | getattr(os, "O_BINARY", 0)

Item = TypeVar("Item")
Result = TypeVar("Result")


def contents(
    files: Sequence[str], *, progress: Progress = False, limit: int | None = None
) -> Generator[bytes | OSError]:
    """Yield the bytes of each file in order, or why it cannot be read.

    Parameters
    ----------
    files : sequence of str
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    limit : int, optional
        See :func:`read`.
    """

    def content(file: str) -> bytes | OSError:
        try:
            return read(file, limit=limit)
        except OSError as error:
            return error

    with bar(progress, total=len(files), desc="reading", unit=" files") as moving:
        yield from each(content, files, COLD, moving.update)


def read(file: str, *, limit: int | None = None) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    OSError
        If it cannot be read, or with `errno.EFBIG` has more bytes than `limit`.
    """
    fd = os.open(file, _FLAGS)
    try:
        data = os.read(fd, BUFFER)
        if len(data) == BUFFER:
            if limit is not None and os.fstat(fd).st_size > limit:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), file)
            parts = [data]
            while part := os.read(fd, 1 << 20):
                parts.append(part)
            data = b"".join(parts)
    finally:
        os.close(fd)
    return data


def each(
    call: Callable[[Item], Result], items: Sequence[Item], slow: float, moved: Callable[[int], Any]
) -> Generator[Result]:
    """Yield ``call(item)`` of each item in order; threads help while one item takes more than `slow` seconds.

    `call` must release the interpreter's lock while it waits, or threads are of no use. `moved` is told how many items
    were taken.
    """
    pool: ThreadPoolExecutor | None = None
    try:
        for start in range(0, len(items), BLOCK):
            block = items[start : start + BLOCK]
            began = time.perf_counter()
            first = [call(item) for item in block[:SLICE]]
            waiting = time.perf_counter() - began > slow * len(first)
            yield from first
            if not waiting:
                yield from map(call, block[SLICE:])
                moved(len(block))
                continue
            pool = pool or ThreadPoolExecutor(THREADS)
            slices = [block[i : i + SLICE] for i in range(SLICE, len(block), SLICE)]
            for some in pool.map(functools.partial(_all, call), slices):
                yield from some
            moved(len(block))
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)


def _all(call: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    return [call(item) for item in items]
