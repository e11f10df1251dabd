"""The clock: answers first, contenders in turns, medians with their spread, and a bound on everything."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fastanchor._errors import FastanchorError
from fastanchor.bench._contest import CONTENDERS, STAGES, Call, Case, Contender, Unusable
from fastanchor.bench._ratio import turns

__all__ = ["Row", "contest", "fitted", "peak"]

FIRST: dict[tuple[str, str], float] = {}  # seconds of each contender's first call in this process
TRIAL = 2_000  # boxes of the first try, which tells whether a contender is right and about how long it takes
WIDE = 0.35  # a spread of the middle half beyond this share of the median gives no ratio


@dataclass(frozen=True)
class Row:
    """One contender at one size.

    Attributes
    ----------
    stage, contender : str
    n, k : int
        Boxes and centres asked for.
    boxes : int
        Boxes measured; fewer than n where n would have taken too long.
    rule : str
        How the answer was compared.
    wrong : bool
        Whether it disagreed; nothing was timed then.
    first : float or None
        Seconds of the first call in this process, on at most 2,000 boxes: imports and compilation are in it.
    median, low, high : float or None
        Seconds of the timed calls, median and quartiles, for `boxes` boxes.
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
    median: float | None = None
    low: float | None = None
    high: float | None = None
    quality: str = ""
    peak: int | None = None

    @property
    def seconds(self) -> float | None:
        """Seconds for n boxes, in proportion where fewer were measured."""
        return None if self.median is None else self.median * self.n / self.boxes

    @property
    def extrapolated(self) -> bool:
        """Whether fewer boxes were measured than asked for."""
        return self.boxes < self.n

    @property
    def wide(self) -> bool:
        """Whether the times scatter too much for a ratio."""
        if self.median is None or self.low is None or self.high is None:
            return False
        return self.high - self.low > WIDE * self.median

    def plain(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return {**asdict(self), "seconds": self.seconds, "extrapolated": self.extrapolated, "wide": self.wide}


@dataclass
class _Entry:
    contender: Contender
    case: Case
    call: Call
    first: float
    quality: str


def contest(
    stage: str,
    case: Case,
    *,
    rounds: int,
    limit: float,
    memory: bool,
    remark: Callable[[str], object] = lambda text: None,
) -> Iterator[Row]:
    """Yield a row for each contender of a stage that is installed and can be imported; `remark` is told of the others.

    `limit` bounds the seconds of a single call; what would take longer is measured on fewer boxes.
    """
    k, n = len(case.start), len(case.wh)
    cases = {m: case.first(m) for m in (_sizes(n) if STAGES[stage].sized else [n])}
    ready: list[_Entry] = []
    for one in (c for c in CONTENDERS if c.stage == stage and not c.missing()):
        try:
            entry = _enter(one, cases, limit)
        except Unusable as error:
            remark(f"{error}; without it: {one.name} ({stage})")
            continue
        if entry is None:
            yield Row(stage, one.name, n, k, n, _rule(one), wrong=True)
        else:
            ready.append(entry)
    for entry, times in zip(ready, turns([entry.call for entry in ready], rounds, time.perf_counter), strict=True):
        low, median, high = (float(q) for q in np.quantile(times, [0.25, 0.5, 0.75]))
        boxes = len(entry.case.wh)
        grown = peak(stage, entry.contender.name, boxes, k) if memory and STAGES[stage].sized else None
        yield Row(
            stage, entry.contender.name, n, k, boxes, _rule(entry.contender), False, entry.first, median, low, high,
            entry.quality, grown,
        )  # fmt: skip


def _sizes(n: int) -> list[int]:
    """Trial sizes up to n, each ten times the one before."""
    sizes = [min(n, TRIAL)]
    while sizes[-1] < n:
        sizes.append(min(n, sizes[-1] * 10))
    return sizes


def _enter(one: Contender, cases: dict[int, Case], limit: float) -> _Entry | None:
    """Check a contender on few boxes, then on more, as long as the next size should keep the limit; None if wrong."""
    stage = STAGES[one.stage]
    entry: _Entry | None = None
    for n, case in cases.items():
        if entry is not None and _clock(entry.call) * n / len(entry.case.wh) > limit:
            break
        answer: list[Any] = []
        call = one.prepare(case)
        began = _clock(lambda: answer.append(call()))  # noqa: B023  called at once
        agrees = one.agrees or stage.agrees
        if not agrees(stage.view(answer[0]), stage.expected(case)):
            return None
        first = FIRST.setdefault((one.stage, one.name), began)
        entry = _Entry(one, case, call, first, stage.quality(stage.view(answer[0]), case))
    return entry


def _rule(one: Contender) -> str:
    return one.rule or STAGES[one.stage].rule


def _clock(call: Call) -> float:
    ((seconds,),) = turns([call], 1, time.perf_counter)
    return seconds


def peak(stage: str, name: str, n: int, k: int) -> int | None:
    """Return the bytes by which a fresh process grows while a contender works; None where the system does not tell."""
    done = subprocess.run(  # noqa: S603  our own module
        [sys.executable, "-m", "fastanchor.bench._peak", stage, name, str(n), str(k)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise FastanchorError(f"bench: measuring the memory of {name} failed: {done.stderr.strip()[-200:]}")
    found = json.loads(done.stdout)
    return None if found is None else int(found)


def fitted(rows: list[Row], by: str = "n") -> float | None:
    """Return the exponent of the power of `by` ("n" or "k") that fits the seconds best; None for fewer than 3 sizes."""
    points = [(getattr(row, by), row.median) for row in rows if row.median is not None and not row.extrapolated]
    if len({x for x, _ in points}) < 3:
        return None
    x, y = np.log(np.array(points)).T
    return float(np.polyfit(x, y, 1)[0])
