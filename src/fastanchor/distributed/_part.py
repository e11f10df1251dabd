"""What a worker holds: one part of the data set, as an actor. It reads its units, then answers for their shard."""

from __future__ import annotations

import os
import pickle
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastanchor._hints import worded
from fastanchor._types import FloatArray, IntArray
from fastanchor._version import __version__
from fastanchor.distributed._shard import Consecutive
from fastanchor.distributed._sources import Read, Source
from fastanchor.engine import GridSpec, Survey, survey
from fastanchor.engine._labelled import Labelled
from fastanchor.engine._shard import Shard, ShardLloyd
from fastanchor.engine._spreading import Spreading

__all__ = ["Begun", "Failed", "Hello", "Part"]

RUNS = ShardLloyd, Labelled, Spreading  # answers that stay on the worker and are asked again


class Hello(NamedTuple):
    """A worker's version of fastanchor and its process."""

    version: str
    process: int


class Begun(NamedTuple):
    """A run stays on the worker under this number."""

    number: int


class Failed(NamedTuple):
    """An error of a part, to be raised by the driver."""

    error: BaseException


class Part:
    """Some units of a data set on a worker.

    Parameters
    ----------
    data : bytes
        The pickled `Source`, as a value that Dask does not look into.
    *pieces
        The pieces of a Dask collection, for a source without paths.
    """

    def __init__(self, data: bytes, *pieces: Any) -> None:
        self._source: Source = pickle.loads(data)  # noqa: S301  from the driver
        self._pieces: tuple[Any, ...] = pieces
        self._read: list[FloatArray] = []
        self._weights: list[Any] = []
        self._shard: Shard | None = None
        self._runs: dict[int, Any] = {}

    def call(self, data: bytes) -> bytes:
        """Return the pickled answer to a pickled call: the name of a method and its arguments.

        Errors are answers too, so that whatever is raised here is a failure of the cluster.
        """
        try:
            name, *arguments = pickle.loads(data)  # noqa: S301  from the driver
            found = getattr(self, name)(*arguments)
        except (Exception, MemoryError) as error:  # noqa: BLE001  raised again by the driver
            found = Failed(error)
        return pickle.dumps(found, protocol=5)

    def hello(self) -> Hello:
        """Return the version of fastanchor here."""
        return Hello(__version__, os.getpid())

    def read(self, at: int) -> Read:
        """Read a unit."""
        with worded(self._source.wording):
            wh, weights, about = self._source.read(at, self._pieces)
        self._read.append(wh)
        self._weights.append(weights)
        return about

    def survey(self) -> Survey:
        """Return the survey of all boxes read."""
        self._pieces = ()
        self._read = [np.concatenate([np.empty((0, 2)), *self._read])]
        return survey(self._read[0], _threads())

    def weights(self) -> list[Any]:
        """Return the weights of the boxes of each unit, as they were read."""
        return self._weights

    def build(self, spec: GridSpec, first: int, weights: IntArray | None = None) -> int:
        """Sort the boxes into the grid of all parts; `first` is the row of the first. Return the size in bytes.

        `weights` (n,) are whole.
        """
        self._shard = Consecutive(self._read.pop(), spec, first, threads=_threads(), weights=weights)
        return self._shard.nbytes

    def answer(
        self, run: int | None, begins: int, question: Any, arguments: tuple[Any, ...], idle: Sequence[int]
    ) -> Any:
        """Return the answer of the shard, or of one of its runs; a run that begins is kept under number `begins`.

        The runs in `idle` are forgotten.
        """
        for one in idle:
            self._runs.pop(one, None)
        target = self._shard if run is None else self._runs[run]
        found = question(*arguments, target)
        if isinstance(found, RUNS):
            self._runs[begins] = found
            return Begun(begins)
        return found


def _threads() -> int | None:
    """Return the threads of the worker; None outside of one."""
    from distributed import get_worker

    try:
        threads: int = get_worker().state.nthreads
    except ValueError:  # no worker
        return None
    return threads
