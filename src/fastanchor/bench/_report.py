"""The benchmark's rows as a verdict, and as tables in text, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from fastanchor._table import Table, escaped
from fastanchor.bench._machine import line
from fastanchor.bench._measure import Row, fitted
from fastanchor.bench._ratio import Ratio
from fastanchor.bench._stages import JOB

__all__ = ["HEAD", "cells", "duration", "growth", "markdown", "page", "ratio", "rounded", "tables", "text", "verdict"]

HEAD = ("contender", "time", "times as fast", "interval", "first call", "memory", "reached", "answer")


def duration(seconds: float) -> str:
    """Return seconds in the unit that suits them."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:,.{3 if seconds < 10 * size else 1}f} {unit}"
    return f"{seconds / 1e-6:,.1f} us"


def verdict(rows: Iterable[Row]) -> list[str]:
    """Return what matters most: the time of the whole job, how many times as fast it is, and how many were right."""
    rows = list(rows)
    lines = []
    ours = [row for row in rows if row.stage == JOB and row.contender == "fastanchor" and row.seconds is not None]
    if ours:
        row = max(ours, key=lambda row: row.boxes)
        kind = " of processor time" if row.processor else ""
        lines.append(f"Your machine: {row.boxes:,} boxes to {row.k} anchors in {duration(row.seconds or 0.0)}{kind}.")
        timed = [row for row in ours if row.ratio is not None]
        if timed:
            row = max(timed, key=lambda row: row.against or 0)
            lines.append(f"At {row.against:,} boxes, where plain NumPy was timed as well, {_times(row.ratio)}.")
    right = sum(not row.wrong for row in rows)
    return [*lines, f"Answers checked: {right} of {len(rows)} right."]


def _times(found: Ratio | None) -> str:
    if found is None:
        return ""
    if found.steady:
        return f"{found.median:,.{0 if found.median >= 10 else 1}f} times as fast"
    return f"between {rounded(found.low)} and {rounded(found.high)} times as fast (unsteady)"


def ratio(found: Ratio | None) -> tuple[str, str]:
    """Return the cells of a ratio: the median, or "unsteady", and the interval."""
    if found is None:
        return "", ""
    return rounded(found.median) if found.steady else "unsteady", f"{rounded(found.low)} - {rounded(found.high)}"


def rounded(value: float) -> str:
    """Return a ratio with one decimal, or two significant digits where it is below 1.

    Examples
    --------
    >>> [rounded(value) for value in (1234.56, 3.14, 0.95, 0.0234)]
    ['1,234.6', '3.1', '0.95', '0.023']
    """
    return f"{value:,.1f}" if value >= 1.0 else f"{value:.2g}"


def cells(row: Row) -> tuple[str, ...]:
    """Return the cells of a row, as in HEAD."""
    if row.seconds is None or row.first is None:
        return row.contender, "not timed", "", "", "", "", "", f"WRONG ({row.rule})"
    times, interval = ratio(row.ratio)
    if row.against is not None and row.against < row.n:
        times += f" (at {row.against:,})"
    fewer = f" ({row.boxes:,} boxes)" if row.boxes < row.n else ""
    return (
        row.contender, duration(row.seconds) + (" CPU" if row.processor else "") + fewer, times, interval,
        duration(row.first), "" if row.peak is None else f"{row.peak / (1 << 20):,.0f} MiB", row.quality, row.rule,
    )  # fmt: skip


def tables(rows: Iterable[Row]) -> Iterator[Table]:
    """Yield a table of each stage at each size, and then those of the growth."""
    rows = list(rows)
    for (stage, n, k), group in groupby(rows, key=lambda row: (row.stage, row.n, row.k)):
        title = stage if stage == "reading" else f"{stage}: {n:,} boxes, k = {k}"
        yield Table(HEAD, list(map(cells, group)), title)
    yield from growth(rows)


def growth(rows: Iterable[Row]) -> Iterator[Table]:
    """Yield, for n and for k, the exponent of each contender that was measured at three sizes or more."""
    series: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.stage != "reading":
            series.setdefault((row.stage, row.contender), []).append(row)
    for by, other, what in (("n", "k", "number of boxes"), ("k", "n", "number of centres")):
        found = []
        for (stage, name), group in series.items():
            level = max(getattr(row, other) for row in group)
            exponent = fitted([row for row in group if getattr(row, other) == level], by)
            if exponent is not None:
                found.append((stage, name, f"{exponent:.2f}"))
        if found:
            yield Table(("stage", "contender", "e"), found, f"growth with the {what}: time ~ {by}^e", align="llr")


def text(rows: list[Row], machine: dict[str, Any]) -> str:
    """Return the verdict and all tables for a terminal."""
    shown = (f"\n{table.text('  ')}" for table in tables(rows))
    return "\n".join([*verdict(rows), "", line(machine), *shown, "", *_legend(rows)])


def markdown(rows: list[Row], machine: dict[str, Any]) -> str:
    """Return the verdict and all tables in Markdown."""
    shown = (f"\n{table.markdown()}" for table in tables(rows))
    return "\n".join([*verdict(rows), "", f"{line(machine)}.", *shown, "", *_legend(rows)])


STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}.table{overflow-x:auto;margin:2em 0}caption{text-align:left;font-weight:600}"
    ".first{font-size:1.4em}svg{max-width:100%;height:auto}"
    "td,th{padding:.2em .7em;text-align:right;border-bottom:1px solid #8884;white-space:nowrap}.text,th:first-child"
    "{text-align:left}"
)


def page(rows: list[Row], machine: dict[str, Any], picture: str = "") -> str:
    """Return verdict, picture (SVG) and tables as an HTML page without outside parts."""
    first, *others = verdict(rows)
    parts = [f'<p class="first">{escaped(first)}</p>', *(f"<p>{escaped(other)}</p>" for other in others), picture]
    parts += [table.html() for table in tables(rows)]
    parts += [f"<p>{escaped(last)}</p>" for last in (line(machine), " ".join(_legend(rows)))]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><title>fastanchor bench</title>'
        f"<style>{STYLE}</style></head>\n<body>" + "\n".join(parts) + "</body></html>\n"
    )


def _legend(rows: list[Row]) -> list[str]:
    lines = [
        "Times as fast: against the first of the stage. Both take turns in each round; the figure is the median of the",
        "rounds' ratios, with its 95 % interval; where the interval is wider than 10 %, the cell says unsteady. First",
        "call: in this process, on at most 2,000 boxes, with imports and compilation. Memory: growth of a new process.",
    ]
    if any(row.boxes < row.n for row in rows):
        lines.append('"(... boxes)": measured on fewer boxes, as all of them would have taken too long.')
    if any(row.processor for row in rows):
        lines.append("CPU: the machine was busy, so processor time of all threads was measured.")
    return lines
