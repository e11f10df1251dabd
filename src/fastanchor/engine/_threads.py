"""A thread pool over chunks of boxes. Kernels release the GIL; results never depend on the number of threads."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

__all__ = ["CHUNK", "Team", "each", "thread_count"]

# A multiple of the kernels' lanes; a column of it (0.5 MB) stays in the second-level cache, and one call of a kernel
# (200 us) takes far longer than the overhead of calling it (3 us).
CHUNK = 1 << 16

T = TypeVar("T")

_pools: dict[int, ThreadPoolExecutor] = {}

if hasattr(os, "register_at_fork"):
    # a forked child has the pool object but not its threads: waiting for them would never end
    os.register_at_fork(after_in_child=_pools.clear)


def thread_count(threads: int | None) -> int:
    """Return `threads`, or the number of processors this process may use."""
    if threads is not None:
        return threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each(function: Callable[[list[slice]], list[T]], n: int, threads: int) -> list[T]:
    """Return ``function`` of all chunks of n boxes, one result per chunk, in their order.

    `function` is called once in each thread, with consecutive chunks.
    """
    chunks = [slice(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]
    workers = min(threads, len(chunks) // 2)  # waking a thread costs half a chunk's work
    if workers < 2:
        return function(chunks)
    edges = [len(chunks) * i // workers for i in range(workers + 1)]
    shares = [chunks[a:b] for a, b in itertools.pairwise(edges)]
    return [result for share in _pool(threads).map(function, shares) for result in share]


def _pool(threads: int) -> ThreadPoolExecutor:
    pool = _pools.get(threads)
    if pool is None:
        from concurrent.futures import ThreadPoolExecutor  # takes milliseconds, which small jobs avoid

        pool = _pools.setdefault(threads, ThreadPoolExecutor(threads, thread_name_prefix="fastanchor"))
    return pool


class Team:
    """Threads that run a list of tasks; the calling thread is one of them.

    Each free thread takes the next task; results come in the order of the tasks, and must not depend on the thread.
    It takes 10 us until a thread begins, 40 us after a pause. Where processors are busy it may take a slice of 3 ms,
    so calls of a few milliseconds gain on idle processors only.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def run(self, task: Callable[[Any], T], items: Sequence[Any]) -> list[T]:
        """Return ``[task(item) for item in items]``."""
        if self.threads < 2 or len(items) < 2:
            return [task(item) for item in items]
        results: list[Any] = [None] * len(items)
        rest = iter(range(len(items)))  # next() on it is atomic

        def drain() -> None:
            for i in rest:
                results[i] = task(items[i])

        helpers = [_pool(self.threads).submit(drain) for _ in range(min(self.threads, len(items)) - 1)]
        drain()
        for helper in helpers:
            helper.result()
        return results

    def pull(self, task: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
        """Return ``[task(item) for item in items]``; an item is taken when a thread is free for it."""
        rest = iter(items)
        first = list(itertools.islice(rest, 2))
        if self.threads < 2 or len(first) < 2:
            return [task(item) for item in itertools.chain(first, rest)]
        results, lock = dict[int, T](), threading.Lock()
        numbered = enumerate(itertools.chain(first, rest))

        def drain() -> None:
            while True:
                with lock:  # of an iterator that is in use, two threads cannot take items at once
                    at, item = next(numbered, (-1, None))
                if at < 0:
                    return
                results[at] = task(item)

        helpers = [_pool(self.threads).submit(drain) for _ in range(self.threads - 1)]
        drain()
        for helper in helpers:
            helper.result()
        return [results[at] for at in range(len(results))]
