"""Dask underneath: the connection to a cluster, its versions, and its failures in our words."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import pickle
import time
from collections.abc import Iterator, Sequence
from typing import Any

from fastanchor._errors import BackendError, ClusterError, DataError, WrongTypeError
from fastanchor._text import many
from fastanchor._version import __version__
from fastanchor.distributed._crew import LostError
from fastanchor.distributed._part import Part
from fastanchor.distributed._sources import Source

__all__ = ["DaskLink", "connected", "same_version", "worker_count"]

LOG = logging.getLogger("fastanchor")

CONNECT = 10.0  # seconds to reach a scheduler
ARRIVE = 30.0  # seconds that the first worker may take to appear
TOGETHER = 0.5  # seconds without a new worker after which all are taken to be there
RETURN = 3.0  # seconds in which a nanny usually has its worker back
ALIVE = 5.0  # seconds in which a scheduler answers


@contextlib.contextmanager
def connected(to: Any, *, workers: int | None = None, memory: str | None = None) -> Iterator[Any]:
    """Yield a client: `to` itself if it is one, else connected to an address, or to "local" workers.

    What was made here is closed afterwards; a client of the caller stays as it is.

    Raises
    ------
    BackendError
        If Dask is not installed.
    ClusterError
        If the scheduler cannot be reached.
    """
    try:
        import distributed
    except ImportError as error:
        raise BackendError(f"a cluster needs Dask: pip install 'fastanchor[dask]' ({error})") from None
    if isinstance(to, distributed.Client):
        if to.asynchronous:
            raise DataError("client: got an asynchronous client, expected one made with asynchronous=False")
        if to.status != "running":
            raise ClusterError(f"client: its connection is {to.status}, expected a running client")
        yield to
        return
    if not isinstance(to, str):
        raise WrongTypeError(f"client: got {type(to).__name__}, expected 'local', an address, or a distributed.Client")
    with contextlib.ExitStack() as stack:
        stack.enter_context(_quiet())
        if to == "local":
            to = stack.enter_context(_local(distributed, workers, memory))
        elif workers is not None or memory is not None:
            raise DataError("workers, memory: only for local workers; those of a cluster are started elsewhere")
        yield stack.enter_context(_client(distributed, to))


@contextlib.contextmanager
def _client(distributed: Any, to: Any) -> Iterator[Any]:
    try:
        client = distributed.Client(to, timeout=CONNECT, set_as_default=False)
    except (OSError, ValueError, TimeoutError, asyncio.TimeoutError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise ClusterError(f"scheduler {to}: cannot be reached ({reason})") from None
    try:
        yield client
    finally:
        with _quiet(), contextlib.suppress(OSError, TimeoutError, asyncio.TimeoutError):
            client.close(timeout=2)


@contextlib.contextmanager
def _local(distributed: Any, workers: int | None, memory: str | None) -> Iterator[Any]:
    """Yield a cluster of processes on this machine, each with one thread."""
    from fastanchor.engine._threads import thread_count

    cluster = distributed.LocalCluster(
        n_workers=workers or thread_count(None), threads_per_worker=1, processes=True,
        memory_limit="auto" if memory is None else memory, dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )  # fmt: skip
    try:
        yield cluster
    finally:
        with contextlib.suppress(OSError, TimeoutError, asyncio.TimeoutError):
            cluster.close(timeout=10)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's records about closing and restarting from the user, who reads our sentences.

    Dask gives some of its loggers levels of their own, so the level of the one above them is not enough.
    """
    names = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] == "distributed"]
    logs = [logging.getLogger(name) for name in {"distributed", *names}]
    before = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for log, level in zip(logs, before, strict=True):
            log.setLevel(level)


def worker_count(client: Any) -> int:
    """Return the number of workers, after waiting for them; say where the dashboard is.

    Raises
    ------
    ClusterError
        If no worker appears, or one has another version of fastanchor.
    """
    address = client.scheduler.address
    start, count, changed = time.monotonic(), 0, time.monotonic()
    while not count or time.monotonic() < changed + TOGETHER:
        there = len(_workers(client))
        count, changed = there, changed if there == count else time.monotonic()
        if not count and time.monotonic() > start + ARRIVE:
            raise ClusterError(f"scheduler {address}: has no workers; start some with `dask worker {address}`")
        time.sleep(0.05)
    about = _asked(client, lambda: client.get_versions(packages=["fastanchor"]))
    for worker, found in sorted(about["workers"].items()):
        version = found["packages"].get("fastanchor")
        if version is None:
            raise ClusterError(f"worker {worker}: has no fastanchor, this process has {__version__}; install the same")
        same_version(worker, version)
    limits = [info.get("memory_limit") or 0 for info in _workers(client).values()]
    memory = f", {sum(limits) / 1e9:.1f} GB of memory in all" if all(limits) else ""
    LOG.info("cluster %s: %s%s", address, many(count, "worker"), memory)
    if client.dashboard_link:
        LOG.info("dashboard: %s", client.dashboard_link)
    return count


def same_version(worker: str, version: str) -> None:
    """Raise ClusterError if a worker has another version of fastanchor than this process."""
    if version != __version__:
        raise ClusterError(
            f"worker {worker}: has fastanchor {version}, but this process has {__version__}; install the same version"
        )


def _workers(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = _asked(client, lambda: client.sync(client.scheduler.identity))["workers"]
    return found


def _asked(client: Any, question: Any) -> Any:
    """Return the scheduler's answer to a question."""
    try:
        return question()
    except (OSError, TimeoutError, asyncio.TimeoutError, concurrent.futures.CancelledError, asyncio.CancelledError):
        raise ClusterError(f"scheduler {client.scheduler.address}: the connection is lost") from None


class DaskLink:
    """Actors on the workers of a cluster.

    Parameters
    ----------
    client : distributed.Client
    workers : int
        How many there were at the beginning.
    sources : sequence of Source
        Those of all parts, whose pieces are computed at once.
    """

    def __init__(self, client: Any, workers: int, sources: Sequence[Source]) -> None:
        from distributed.actor import Actor
        from distributed.scheduler import KilledWorker

        self._actor: Any = Actor  # has no types
        self._client, self._count, self._killed = client, workers, KilledWorker
        self._ready = {one.names[0]: client.compute(list(one.pieces)) for one in sources if one.pieces}
        self._futures: dict[str, Any] = {}
        self._gone = (
            OSError, RuntimeError, KilledWorker, asyncio.CancelledError, concurrent.futures.CancelledError
        )  # fmt: skip

    def start(self, source: Any, deadline: float) -> Any:
        """Make an actor from a source on any worker, the one with the fewest; wait a little for lost workers."""
        soon = time.monotonic() + RETURN
        while len(_workers(self._client)) < self._count and time.monotonic() < soon:
            time.sleep(0.05)
        pieces = self._computed(source, deadline)
        future = self._client.submit(Part, pickle.dumps(source._replace(pieces=())), *pieces, actor=True, pure=False)
        try:
            actor = future.result(timeout=max(0.1, deadline - time.monotonic()))
        except (TimeoutError, asyncio.TimeoutError):
            future.cancel()
            self.check()
            raise ClusterError(
                f"scheduler {self._client.scheduler.address}: no worker took a part before the timeout; "
                "they may be gone, paused for want of memory, or busy"
            ) from None
        except self._gone as error:
            self.check()
            raise LostError from error
        self._futures[actor.key] = future
        with self._client.as_current():  # an actor is reached through the client that is current when it is made
            return self._actor(Part, actor._address, actor.key)

    def _computed(self, source: Source, deadline: float) -> list[Any]:
        """Return futures of the pieces of a Dask collection, all of them computed."""
        pieces = self._ready.pop(source.names[0], None)
        if pieces is None:
            pieces = self._client.compute(list(source.pieces))
        for name, piece in zip(source.names, pieces, strict=False):
            try:
                error = piece.exception(timeout=max(0.1, deadline - time.monotonic()))
            except (TimeoutError, asyncio.TimeoutError):
                raise ClusterError(f"{name}: not computed before the timeout") from None
            if isinstance(error, self._killed):
                raise ClusterError(f"{name}: its workers were lost again and again; they may need more memory")
            if error is not None:
                raise DataError(f"{name}: cannot be computed ({type(error).__name__}: {error})")
        return list(pieces)

    def send(self, actor: Any, data: bytes) -> Any:
        """Send a call to an actor."""
        try:
            return actor.call(data)
        except self._gone as error:
            self.check()
            raise LostError from error

    def receive(self, sent: Any, deadline: float) -> bytes:
        """Return the answer."""
        try:
            data: bytes = sent.result(timeout=max(0.1, deadline - time.monotonic()))
        except (TimeoutError, asyncio.TimeoutError) as error:
            if time.monotonic() < deadline:  # not ours: a connection
                raise LostError from error
            raise TimeoutError from None
        except self._gone as error:
            self.check()
            raise LostError from error
        return data

    def where(self, actor: Any) -> str:
        """Return the address of an actor's worker."""
        return str(actor._address)

    def check(self) -> None:
        """Raise ClusterError if the scheduler is gone."""
        address = self._client.scheduler.address
        if self._client.status != "running":
            raise ClusterError(f"scheduler {address}: the connection is lost")

        async def identity() -> Any:
            return await asyncio.wait_for(self._client.scheduler.identity(), ALIVE)

        _asked(self._client, lambda: self._client.sync(identity))

    def close(self) -> None:
        """Release all parts; their workers forget them."""
        with _quiet(), contextlib.suppress(*self._gone):
            if self._futures and self._client.status == "running":
                self._client.cancel(list(self._futures.values()), force=True)
        self._futures.clear()
