"""The clock of all benchmarks: calls in turns, the ratio of each round, its median and the interval around it."""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["NARROW", "Ratio", "busy", "compared", "interval", "paired", "turns"]

Call = Callable[[], Any]
Clock = Callable[[], float]
CONFIDENCE = 0.95
ENOUGH = 6  # rounds; fewer cannot enclose the median with 95 % confidence
NARROW = 0.1  # width of the interval of a steady ratio, as a share of the median


@dataclass(frozen=True)
class Ratio:
    """How many times as fast a contender is as its reference, measured in rounds.

    Attributes
    ----------
    median, low, high : float
        Median of the ratios of the rounds, reference over contender, and its confidence interval.
    rounds : int
    reference, contender : float
        Median seconds of each.
    processor : bool
        Whether these are seconds of processor time.
    """

    median: float
    low: float
    high: float
    rounds: int
    reference: float
    contender: float
    processor: bool = False

    @classmethod
    def of(cls, reference: Sequence[float], contender: Sequence[float], *, processor: bool = False) -> Ratio:
        """Return the ratio of two lists of seconds that were measured round by round."""
        ratios = [theirs / ours for theirs, ours in zip(reference, contender, strict=True)]
        seconds = statistics.median(reference), statistics.median(contender)
        return cls(statistics.median(ratios), *interval(ratios), len(ratios), *seconds, processor)

    @property
    def steady(self) -> bool:
        """Whether the interval is at most 10 % of the median wide, from rounds enough for an interval."""
        return self.rounds >= ENOUGH and self.high - self.low <= NARROW * self.median

    def met(self, bar: float) -> bool:
        """Return whether the contender may be `bar` times as fast: its interval does not lie wholly below the bar.

        "At most x % slower" is a bar of ``1 / (1 + x / 100)``.
        """
        return self.high >= bar

    def __str__(self) -> str:
        kind = " of processor time" if self.processor else ""
        return f"{self.median:.2f}x ({self.low:.2f} to {self.high:.2f}, {self.rounds} rounds{kind})"


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


def paired(reference: Call, contender: Call, **options: Any) -> Ratio:
    """Return how many times as fast the contender is; options are those of :func:`compared`."""
    return compared(reference, [contender], **options)[0]


def compared(
    reference: Call,
    contenders: Sequence[Call],
    *,
    rounds: tuple[int, int] = (7, 127),
    width: float = 0.02,
    seconds: float = 60.0,
    clock: Clock | None = None,
    before: Call | None = None,
    batch: float = 0.0,
) -> list[Ratio]:
    """Return how many times as fast each contender is as the reference.

    Parameters
    ----------
    reference : callable
    contenders : sequence of callable
        They take turns with the reference; one whose interval is narrow leaves the turns.
    rounds : (least, most)
        More are added until the intervals are narrow.
    width : float, default 0.02
        Width of an interval that is narrow enough, as a share of the median.
    seconds : float, default 60
        No rounds are added after so many seconds on the clock.
    clock : callable, optional
        Default: the processor time of all threads where the machine is busy, else the time that passes.
    before : callable, optional
        Called before each call, outside the clock.
    batch : float, default 0
        Calls that take fewer seconds than this are repeated until a turn takes about so long.
    """
    chosen = clock or (time.process_time if busy() else time.perf_counter)
    times = [times[0] for times in turns([reference, *contenders], 1, chosen, before)]
    repeats = [max(1, min(1000, round(batch / max(time, 1e-9)))) for time in times]
    calls = [_repeated(call, times) for call, times in zip((reference, *contenders), repeats, strict=True)]
    least, most = rounds
    theirs: list[list[float]] = [[] for _ in contenders]
    ours: list[list[float]] = [[] for _ in contenders]
    active, done, spent = list(range(len(contenders))), 0, 0.0
    while active:
        first, *others = turns([calls[0], *(calls[i + 1] for i in active)], least, chosen, before)
        for i, times in zip(active, others, strict=True):
            theirs[i] += [seconds / repeats[0] for seconds in first]
            ours[i] += [seconds / repeats[i + 1] for seconds in times]
        done += least
        spent += sum(first) + sum(map(sum, others))
        if done >= most or spent >= seconds:
            break
        found = {i: Ratio.of(theirs[i], ours[i]) for i in active}
        active = [i for i in active if found[i].high - found[i].low > width * found[i].median]
        # as many again: looking after every round would stop at the first lucky one
        least = max(1, min(done, most - done, int(done * (seconds / spent - 1)) if spent else most))
    processor = chosen is time.process_time
    return [Ratio.of(*times, processor=processor) for times in zip(theirs, ours, strict=True)]


def _repeated(call: Call, times: int) -> Call:
    def repeat() -> None:
        for _ in range(times):
            call()

    return call if times == 1 else repeat


def busy() -> bool:
    """Return whether more programs ran in the last minute than half of the processors can serve."""
    try:
        return os.getloadavg()[0] > max(1.0, (os.cpu_count() or 1) / 2)
    except (AttributeError, OSError):  # the system does not report it
        return False
