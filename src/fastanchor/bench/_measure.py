"""A contest: answers are checked first, then contenders take turns with the reference, and everything is bounded."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fastanchor._errors import FastanchorError
from fastanchor.bench._contest import CONTENDERS, STAGES, Call, Case, Contender, Unusable
from fastanchor.bench._ratio import NARROW, Clock, Ratio, busy, compared, turns

__all__ = ["LEAST", "Row", "contest", "fitted", "peak"]

FIRST: dict[tuple[str, str], float] = {}  # seconds of each contender's first call in this process
TRIAL = 2_000  # boxes of the first check, which also estimates the time of more
LEAST = 7  # rounds before the first look at the intervals
TURN = 5e-3  # seconds of a turn at least: short calls are repeated
BUDGET = 5.0  # times the limit of a call: no rounds are added to a stage after that


@dataclass(frozen=True)
class Row:
    """One contender at one size.

    Attributes
    ----------
    stage, contender : str
    n, k : int
        Requested boxes and centres.
    boxes : int
        Boxes measured; fewer than n where n would have taken too long.
    rule : str
        How the answer was compared.
    wrong : bool
        Whether it disagreed; nothing was timed then.
    first : float or None
        Seconds of the first call in this process, on at most 2,000 boxes: imports and compilation are in it.
    seconds : float or None
        Median of the timed calls, for `boxes` boxes.
    processor : bool
        Whether these are seconds of processor time.
    ratio : Ratio or None
        How many times as fast it is as the first contender of the stage; None for that one.
    against : int or None
        Boxes on which both took turns: the smaller of their numbers.
    quality : str
        What was reached.
    peak : int or None
        Bytes by which a fresh process grew.
    """

    stage: str
    contender: str
    n: int
    k: int
    boxes: int
    rule: str
    wrong: bool
    first: float | None = None
    seconds: float | None = None
    processor: bool = False
    ratio: Ratio | None = None
    against: int | None = None
    quality: str = ""
    peak: int | None = None

    def plain(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return asdict(self)

    @classmethod
    def of(cls, content: dict[str, Any]) -> Row:
        """Return the row that :meth:`plain` made `content` of."""
        ratio = content["ratio"]
        return cls(**{**content, "ratio": None if ratio is None else Ratio(**ratio)})


@dataclass
class _Entry:
    contender: Contender
    case: Case
    calls: dict[int, Call]  # by numbers of boxes: the largest, and that of the reference if it is smaller
    first: float
    quality: str

    @property
    def boxes(self) -> int:
        return max(self.calls)


def contest(
    stage: str,
    case: Case,
    *,
    rounds: int,
    limit: float,
    memory: bool,
    remark: Callable[[str], object] = lambda text: None,
) -> Iterator[Row]:
    """Yield a row for each contender of a stage that is installed; one that cannot be imported is a `remark`.

    `limit` bounds the seconds of a single call; what would take longer is measured on fewer boxes. `rounds` is the cap.
    """
    k, n = len(case.start), len(case.wh)
    cases = {m: case.first(m) for m in (_sizes(n) if STAGES[stage].sized else [n])}
    ready: list[_Entry] = []
    clock = time.process_time if busy() else time.perf_counter
    for one in (c for c in CONTENDERS if c.stage == stage and not c.missing()):
        try:
            entry = _enter(one, cases, limit, ready[0].boxes if ready else n, clock)
        except Unusable as error:
            remark(f"{error}; without it: {one.name} ({stage})")
            continue
        if entry is None:
            yield Row(stage, one.name, n, k, n, _rule(one), wrong=True)
        else:
            ready.append(entry)
    for entry, (seconds, ratio) in zip(ready, _timed(ready, rounds, limit, clock), strict=True):
        one, boxes = entry.contender, entry.boxes
        grown = peak(stage, one.name, boxes, k) if memory and STAGES[stage].sized else None
        against = None if ratio is None else min(boxes, ready[0].boxes)
        yield Row(
            stage, one.name, n, k, boxes, _rule(one), False, entry.first, seconds, clock is time.process_time, ratio,
            against, entry.quality, grown,
        )  # fmt: skip


def _sizes(n: int) -> list[int]:
    """Trial sizes up to n, each ten times the one before."""
    sizes = [min(n, TRIAL)]
    while sizes[-1] < n:
        sizes.append(min(n, sizes[-1] * 10))
    return sizes


def _enter(one: Contender, cases: dict[int, Case], limit: float, reference: int, clock: Clock) -> _Entry | None:
    """Check a contender on few boxes, then on more while the next size should keep the limit; None if it is wrong."""
    stage = STAGES[one.stage]
    entry: _Entry | None = None
    for n, case in cases.items():
        if entry is not None and _seconds(entry.calls[entry.boxes], clock) * n / entry.boxes > limit:
            break
        answer: list[Any] = []
        call = one.prepare(case)
        began = _seconds(lambda: answer.append(call()))  # noqa: B023  called at once
        agrees = one.agrees or stage.agrees
        if not agrees(stage.view(answer[0]), stage.expected(case)):
            return None
        first = FIRST.setdefault((one.stage, one.name), began)
        kept = {m: earlier for m, earlier in entry.calls.items() if m == reference} if entry is not None else {}
        entry = _Entry(one, case, {**kept, n: call}, first, stage.quality(stage.view(answer[0]), case))
    return entry


def _timed(ready: list[_Entry], rounds: int, limit: float, clock: Clock) -> list[tuple[float, Ratio | None]]:
    """Return the seconds of each entry on all its boxes, and its ratio to the first one on as many as both did."""
    seconds: dict[int, float] = {}
    ratios: dict[int, Ratio] = {}
    least = min(rounds, LEAST)
    for n in sorted({min(entry.boxes, ready[0].boxes) for entry in ready[1:]}):
        # a contender that did fewer boxes than the reference meets it on those
        if n not in ready[0].calls:
            ready[0].calls[n] = ready[0].contender.prepare(ready[0].case.first(n))
        group = [i for i, entry in enumerate(ready) if i and min(entry.boxes, ready[0].boxes) == n]
        found = compared(
            ready[0].calls[n], [ready[i].calls[n] for i in group], rounds=(least, rounds), width=NARROW,
            seconds=BUDGET * limit, clock=clock, batch=TURN,
        )  # fmt: skip
        for i, ratio in zip(group, found, strict=True):
            ratios[i] = ratio
            if ready[i].boxes == n:
                seconds[i] = ratio.contender
            if ready[0].boxes == n:
                seconds[0] = ratio.reference
    alone = [i for i in range(len(ready)) if i not in seconds]
    calls = [entry.calls[entry.boxes] for entry in (ready[i] for i in alone)]
    for i, times in zip(alone, turns(calls, least, clock), strict=True):
        seconds[i] = statistics.median(times)
    return [(seconds[i], ratios.get(i)) for i in range(len(ready))]


def _rule(one: Contender) -> str:
    return one.rule or STAGES[one.stage].rule


def _seconds(call: Call, clock: Clock = time.perf_counter) -> float:
    ((seconds,),) = turns([call], 1, clock)
    return seconds


def peak(stage: str, name: str, n: int, k: int) -> int | None:
    """Return the bytes by which a fresh process grows while a contender works; None if they cannot be measured."""
    done = subprocess.run(  # noqa: S603  our own module
        [sys.executable, "-m", "fastanchor.bench._peak", stage, name, str(n), str(k)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise FastanchorError(f"bench: measuring the memory of {name} failed: {done.stderr.strip()[-200:]}")
    grown = json.loads(done.stdout)
    return None if grown is None else int(grown)


def fitted(rows: list[Row], by: str = "n") -> float | None:
    """Return the exponent of the power of `by` ("n" or "k") that fits the seconds best; None for fewer than 3 sizes."""
    points = [(getattr(row, by), row.seconds) for row in rows if row.seconds is not None and row.boxes == row.n]
    if len({x for x, _ in points}) < 3:
        return None
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])
