"""When a search ends before it is done: by patience, by time, or by Ctrl-C, always with the best anchors so far."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from fastanchor import _check, _interrupt
from fastanchor._types import Ended, FloatArray

__all__ = ["Limits"]


class _Late(Exception):
    """The time is up."""


class Limits:
    """What may end a search early, and why it ended.

    Parameters
    ----------
    patience : int, optional
        Generations, or starts, without a better set of anchors after which the search ends.
    max_seconds : float, optional
        Time from now after which it ends.

    Attributes
    ----------
    ended : {"done", "patience", "max_seconds", "interrupted"}
    held : list of (k, 2) float64
        Sets of anchors found so far; the best of them counts if the search ends early.
    """

    def __init__(self, patience: int | None = None, max_seconds: float | None = None) -> None:
        self.patience = None if patience is None else _check.integer(patience, "patience", least=1)
        seconds = None if max_seconds is None else _check.number(max_seconds, "max_seconds", low=0.0)
        self._until = float("inf") if seconds is None else time.monotonic() + seconds
        self.ended: Ended = "done"
        self.held: list[FloatArray] = []

    def left(self, stale: int) -> int:
        """Return how many more may pass without a better set, after `stale` that did; 0 if the search must end."""
        if self.late():
            self.ended = "max_seconds"
            return 0
        if self.patience is not None and stale >= self.patience:
            self.ended = "patience"
            return 0
        return 1 << 60 if self.patience is None else self.patience - stale

    def tick(self) -> None:
        """End a guarded block if the time is up and there are anchors to return."""
        if self.held and self.late():
            raise _Late

    @contextlib.contextmanager
    def timed(self) -> Iterator[None]:
        """Leave the block if the time is up: `tick` says so."""
        try:
            yield
        except _Late:
            self.ended = "max_seconds"

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Leave the block if the time is up, or at Ctrl-C if anchors are held: then they are the answer."""
        try:
            with self.timed():
                yield
        except KeyboardInterrupt:
            if not self.held or not _interrupt.taken():
                raise
            self.ended = "interrupted"
            import logging

            logging.getLogger("fastanchor").warning("interrupted: these are the best anchors so far")

    def late(self) -> bool:
        return time.monotonic() >= self._until
