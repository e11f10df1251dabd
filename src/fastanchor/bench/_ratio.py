"""How many times as fast: two calls timed in turns, the ratio of each round, its median and the interval around it."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Ratio", "busy", "interval", "paired", "turns"]

Call = Callable[[], Any]
Clock = Callable[[], float]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Ratio:
    """How many times as fast a contender is as its reference, measured in rounds.

    Attributes
    ----------
    median, low, high : float
        Median of the rounds' ratios, reference over contender, and its confidence interval.
    rounds : int
    reference, contender : float
        Median seconds of each.
    """

    median: float
    low: float
    high: float
    rounds: int
    reference: float
    contender: float

    @classmethod
    def of(cls, reference: Sequence[float], contender: Sequence[float]) -> Ratio:
        """Return the ratio of two lists of seconds that were measured round by round."""
        ratios = [theirs / ours for theirs, ours in zip(reference, contender, strict=True)]
        seconds = statistics.median(reference), statistics.median(contender)
        return cls(statistics.median(ratios), *interval(ratios), len(ratios), *seconds)

    def met(self, bar: float) -> bool:
        """Return whether the contender may be `bar` times as fast: its interval does not lie wholly below the bar.

        "At most x % slower" is a bar of ``1 / (1 + x / 100)``.
        """
        return self.high >= bar

    def __str__(self) -> str:
        return f"{self.median:.2f}x ({self.low:.2f} to {self.high:.2f}, {self.rounds} rounds)"


def interval(sample: Sequence[float], confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the confidence interval of the median between two values of the sample.

    The r-th smallest and the r-th largest value enclose the median unless fewer than r values lie on one side of it,
    whatever their distribution. Fewer than six values cannot reach 95 %: they give the smallest and the largest.
    """
    n, outside, rank = len(sample), 0.0, 0
    while 2 * (outside + math.comb(n, rank) / 2**n) <= 1 - confidence:
        outside += math.comb(n, rank) / 2**n
        rank += 1
    ordered, place = sorted(sample), max(rank - 1, 0)
    return ordered[place], ordered[n - 1 - place]


def turns(
    calls: Sequence[Call], rounds: int, clock: Clock = time.perf_counter, before: Call | None = None
) -> list[list[float]]:
    """Return the seconds of each call in each round.

    All calls take turns within a round, so that a slow moment of the machine meets all alike, and every other round
    runs backwards, so that none always follows the same neighbour. `before` is called before each, outside the clock.
    """
    times: list[list[float]] = [[] for _ in calls]
    for turn in range(rounds):
        pairs = list(zip(calls, times, strict=True))
        for call, kept in reversed(pairs) if turn % 2 else pairs:
            if before is not None:
                before()
            began = clock()
            call()
            kept.append(clock() - began)
    return times


def paired(
    reference: Call,
    contender: Call,
    *,
    rounds: tuple[int, int] = (7, 127),
    width: float = 0.02,
    seconds: float = 60.0,
    clock: Clock | None = None,
    before: Call | None = None,
) -> Ratio:
    """Return how many times as fast the contender is, after one call of each outside the clock.

    Parameters
    ----------
    reference, contender : callable
    rounds : (least, most)
        More are added until the interval is narrow.
    width : float, default 0.02
        Width of the interval that is narrow enough, as a share of the median.
    seconds : float, default 60
        No rounds are added after so many seconds on the clock.
    clock : callable, optional
        Default: the processor time of all threads where the machine is busy, else the time that passes.
    before : callable, optional
        Called before each call, outside the clock.
    """
    chosen = clock or (time.process_time if busy() else time.perf_counter)
    reference()
    contender()
    least, most = rounds
    times: tuple[list[float], list[float]] = ([], [])
    while True:
        for kept, new in zip(times, turns((reference, contender), least, chosen, before), strict=True):
            kept += new
        found, done = Ratio.of(*times), len(times[0])
        spent = sum(map(sum, times))
        if found.high - found.low <= width * found.median or done >= most or spent >= seconds:
            return found
        # as many again: looking after every round would stop at the first lucky one
        least = max(1, min(done, most - done, int(done * (seconds / spent - 1)) if spent else most))


def busy() -> bool:
    """Return whether more programs ran in the last minute than half of the processors can serve."""
    try:
        return os.getloadavg()[0] > max(1.0, (os.cpu_count() or 1) / 2)
    except (AttributeError, OSError):  # the system does not tell
        return False
