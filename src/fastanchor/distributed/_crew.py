"""The parts of a data set on workers: questions go to all of them, and a part that is lost is made again."""

from __future__ import annotations

import pickle
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fastanchor._errors import ClusterError
from fastanchor.distributed._part import Begun, Failed

__all__ = ["Crew", "Link", "LostError", "Place", "Traffic"]

ATTEMPTS = 4  # times that a part is made, at most, before one call is given up
# Calls that settle the state of a run alone: before the last so many of them, nothing need be repeated.
SETTLING = {"step": 2, "move": 1}
Call = tuple[Any, ...]


class LostError(Exception):
    """The worker of a part is gone, with the part."""


class Link(Protocol):
    """What reaches workers."""

    def start(self, source: Any, deadline: float) -> Any:
        """Make an actor from a source on any worker, and return it."""

    def send(self, actor: Any, data: bytes) -> Any:
        """Send a call to an actor, and return what `receive` waits for."""

    def receive(self, sent: Any, deadline: float) -> bytes:
        """Return the answer. Raise LostError if its worker is gone, TimeoutError after the deadline."""

    def where(self, actor: Any) -> str:
        """Return the address of the worker of an actor."""

    def check(self) -> None:
        """Raise ClusterError if the cluster is gone."""


@dataclass
class Traffic:
    """Trips to the workers, and bytes sent and received over all of them."""

    trips: int = 0
    sent: int = 0
    received: int = 0
    largest: int = 0  # answer of one part
    lost: int = 0  # parts made again


@dataclass
class Place:
    """A part of the data set, as the driver knows it."""

    number: int
    source: Any
    actor: Any = None
    made: list[Call] = field(default_factory=list)  # the calls that made it
    runs: dict[int, list[Call]] = field(default_factory=dict)  # and those of each of its runs
    held: int = 0  # boxes
    nbytes: int = 0
    counted: None = None  # no weights


@dataclass(frozen=True, eq=False)
class Run:
    """A run of one part, which stays on the worker."""

    place: Place
    number: int


class Crew:
    """The parts of a data set.

    Parameters
    ----------
    link : Link
    sources : sequence
        What each part is made from, now and whenever its worker is lost.
    timeout : float
        Seconds that an answer may take.
    """

    def __init__(self, link: Link, sources: Sequence[Any], timeout: float) -> None:
        self.link, self.timeout, self.traffic = link, timeout, Traffic()
        self.places = [Place(number, source) for number, source in enumerate(sources)]
        self._begun = 0
        self._idle: list[tuple[Place, int]] = []  # runs without a reference

    def start(self) -> list[Any]:
        """Make all parts, and return their greetings."""
        for place in self.places:
            try:
                place.actor = self._started(place)
            except LostError:
                self._remake(place)
        return self.ask([(place, ("hello",)) for place in self.places])

    def map(self, question: Callable[..., Any], *columns: Iterable[Any]) -> list[Any]:
        """Return the answers of parts, or of their runs, in the last column; the others are further arguments.

        A run that begins is returned as a `Run`. Its worker forgets it some time after the last reference is gone.
        """
        self._begun += 1
        idle = self._forgotten()
        calls = []
        for *arguments, target in zip(*columns, strict=True):
            place, run = (target.place, target.number) if isinstance(target, Run) else (target, None)
            given = run, self._begun, question, tuple(arguments), idle.get(place.number, ())
            calls.append((place, ("answer", *given)))
        answers = self.ask(calls)
        for i, (place, call) in enumerate(calls):
            if isinstance(answers[i], Begun):
                place.runs[self._begun] = [call]
                answers[i] = Run(place, self._begun)
                weakref.finalize(answers[i], self._idle.append, (place, self._begun)).atexit = False
            elif call[1] is not None:
                _remember(place.runs[call[1]], call)
        return answers

    def _forgotten(self) -> dict[int, list[int]]:
        """Return the numbers of the runs that are not used any more, by part."""
        found: dict[int, list[int]] = {}
        while self._idle:
            place, number = self._idle.pop()
            place.runs.pop(number, None)
            found.setdefault(place.number, []).append(number)
        return found

    def make(self, calls: Mapping[int, Call]) -> dict[int, Any]:
        """Return the answers to calls that change parts, by number; they are repeated where a part is lost."""
        answers = self.ask([(self.places[i], call) for i, call in calls.items()])
        for i, call in calls.items():
            self.places[i].made.append(call)
        return dict(zip(calls, answers, strict=True))

    def ask(self, calls: Sequence[tuple[Place, Call]]) -> list[Any]:
        """Return one answer per call, in their order; all are sent at once.

        Raises
        ------
        ClusterError
            If an answer takes too long, or a part is lost again and again.
        """
        answers: list[Any] = [None] * len(calls)
        self.traffic.trips += 1
        waiting, attempts = list(range(len(calls))), 0
        while waiting:
            deadline = time.monotonic() + self.timeout
            sent = {}
            for i in waiting:
                place, call = calls[i]
                sent[i] = self._sent(place, pickle.dumps(call, protocol=5))
            lost = []
            for i, future in sent.items():
                try:
                    if future is None:
                        raise LostError
                    answers[i] = self._received(calls[i][0], future, deadline)
                except LostError:
                    lost.append(i)
            attempts += bool(lost)
            for place in {id(calls[i][0]): calls[i][0] for i in lost}.values():
                if attempts >= ATTEMPTS:
                    raise self._hopeless(place)
                self._remake(place)
            waiting = lost
        return answers

    def _sent(self, place: Place, data: bytes) -> Any:
        self.traffic.sent += len(data)
        try:
            return self.link.send(place.actor, data)
        except LostError:
            return None

    def _received(self, place: Place, future: Any, deadline: float) -> Any:
        try:
            data = self.link.receive(future, deadline)
        except TimeoutError:
            self.link.check()
            where = self.link.where(place.actor)
            raise ClusterError(
                f"worker {where}: no answer within timeout = {self.timeout:g} seconds; it may be frozen or overloaded"
            ) from None
        self.traffic.received += len(data)
        self.traffic.largest = max(self.traffic.largest, len(data))
        found = pickle.loads(data)  # noqa: S301  from our own part
        if isinstance(found, Failed):
            if isinstance(found.error, MemoryError):
                raise ClusterError(f"worker {self.link.where(place.actor)}: not enough memory ({found.error})")
            raise found.error
        return found

    def _started(self, place: Place) -> Any:
        return self.link.start(place.source, time.monotonic() + self.timeout)

    def _remake(self, place: Place) -> None:
        """Make a lost part again, with its runs."""
        for _ in range(ATTEMPTS):
            self.traffic.lost += 1
            self.link.check()
            try:
                place.actor = self._started(place)
                for call in [*place.made, *(call for run in place.runs.values() for call in run)]:
                    sent = self.link.send(place.actor, pickle.dumps(call, protocol=5))
                    self._received(place, sent, time.monotonic() + self.timeout)
            except LostError:
                continue
            return
        raise self._hopeless(place)

    def _hopeless(self, place: Place) -> ClusterError:
        names = place.source.names
        units = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
        return ClusterError(
            f"part {place.number + 1} of {len(self.places)} ({units}): its worker was lost {ATTEMPTS} times in a row; "
            "it may need more memory than a worker has: use more workers, or give each more memory"
        )


def _remember(calls: list[Call], call: Call) -> None:
    """Add a call to those of a run, and forget those that no longer matter; the first call began the run."""
    calls.append(call)
    name = getattr(call[3], "name", "")
    if name not in SETTLING:
        return
    places = [i for i in range(1, len(calls)) if getattr(calls[i][3], "name", "") == name]
    if len(places) > SETTLING[name]:
        del calls[1 : places[-SETTLING[name]]]
