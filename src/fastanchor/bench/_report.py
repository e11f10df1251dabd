"""The benchmark's rows as text, as Markdown, and as a picture of growth."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from fastanchor._output import whole
from fastanchor._table import Table
from fastanchor.bench._measure import Row, fitted

__all__ = ["growth", "markdown", "picture", "text"]

HEAD = ("who", "time", "middle half", "times as fast", "first call", "memory", "reached", "answer")


def duration(seconds: float) -> str:
    """Return seconds in the unit that suits them."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:,.{3 if seconds < 10 * size else 1}f} {unit}"
    return f"{seconds / 1e-6:,.1f} us"


def tables(rows: list[Row]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Yield a title and the cells of each stage at each size."""
    for (stage, n, k), group in groupby(rows, key=lambda row: (row.stage, row.n, row.k)):
        some = list(group)
        referent = next((row for row in some if row.seconds is not None), None)
        title = stage if stage == "reading" else f"{stage}: {n:,} boxes, k = {k}"
        yield title, [_cells(row, referent) for row in some]


def _cells(row: Row, referent: Row | None) -> tuple[str, ...]:
    if row.seconds is None or row.first is None:
        return row.contender, "not timed", "", "", "", "", "", f"WRONG ({row.rule})"
    scale = row.n / row.boxes
    low, high = (row.low or 0.0) * scale, (row.high or 0.0) * scale
    if referent is None or referent.seconds is None:
        times = ""
    elif row.wide or referent.wide:
        times = "unsteady"
    else:
        times = f"{referent.seconds / row.seconds:,.1f}"
    memory = "" if row.peak is None else f"{row.peak / (1 << 20):,.0f} MiB"
    mark = f" (from {row.boxes:,} boxes)" if row.extrapolated else ""
    return (
        row.contender, duration(row.seconds) + mark, f"{duration(low)} - {duration(high)}", times,
        duration(row.first), memory, row.quality, row.rule,
    )  # fmt: skip


def growth(rows: list[Row]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Yield, for n and for k, a title and (stage, who, exponent) of all who were measured at three sizes or more."""
    for by, title in (
        ("n", "growth with the number of boxes: time ~ n^e"),
        ("k", "growth with the centres: time ~ k^e"),
    ):
        cells = []
        for (stage, who), group in _series(rows).items():
            other = "k" if by == "n" else "n"
            level = max(getattr(row, other) for row in group)
            exponent = fitted([row for row in group if getattr(row, other) == level], by)
            if exponent is not None and stage != "reading":
                cells.append((stage, who, f"{exponent:.2f}"))
        if cells:
            yield title, [("stage", "who", "e"), *cells]


def _series(rows: list[Row]) -> dict[tuple[str, str], list[Row]]:
    out: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        out.setdefault((row.stage, row.contender), []).append(row)
    return out


def text(rows: list[Row], machine: dict[str, Any]) -> str:
    """Return all tables for a terminal."""
    lines = [", ".join(f"{name} {value}" for name, value in machine.items())]
    lines += [f"\n{table.text('  ')}" for table in _all(rows)]
    return "\n".join([*lines, "", *_legend(rows)])


def markdown(rows: list[Row], machine: dict[str, Any]) -> str:
    """Return all tables in Markdown."""
    lines = [", ".join(f"{name} {value}" for name, value in machine.items()) + "."]
    lines += [f"\n{table.markdown()}" for table in _all(rows)]
    return "\n".join([*lines, "", *_legend(rows)])


def _all(rows: list[Row]) -> list[Table]:
    found = [Table(HEAD, cells, title) for title, cells in tables(rows)]
    return found + [Table(head, cells, title, "l") for title, (head, *cells) in growth(rows)]


def _legend(rows: list[Row]) -> list[str]:
    lines = [
        "Times are medians of calls taken in turns; times as fast: against the first of the stage. First call: in this",
        "process, on at most 2,000 boxes, with imports and compilation. Memory: growth of a process of its own.",
    ]
    if any(row.extrapolated for row in rows):
        lines.append(
            '"from ... boxes": measured on fewer and taken in proportion, as the whole would have run too long.'
        )
    wide = [f"{row.contender} ({row.stage}, {row.n:,})" for row in rows if row.wide]
    if wide:
        lines.append("unsteady, so without a ratio: " + "; ".join(wide))
    return lines


def picture(rows: list[Row], out: Path, *, replace: bool = True) -> None:
    """Draw time against the number of boxes, a panel a stage, on log axes; needs matplotlib."""
    from matplotlib.figure import Figure

    series = {key: group for key, group in _series(rows).items() if key[0] != "reading"}
    stages = list(dict.fromkeys(stage for stage, _ in series))
    names = list(dict.fromkeys(name for _, name in series))
    across = min(3, len(stages))
    down = -(-len(stages) // across)
    figure = Figure(figsize=(5.2 * across, 3.9 * down + 1.0), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    styles = {name: (f"C{i % 10}", "osD^vPX*<>"[i % 10], "-" if i < 10 else "--") for i, name in enumerate(names)}
    drawn: dict[str, Any] = {}
    for panel, stage in zip(panels, stages, strict=False):
        for (which, name), group in series.items():
            points = sorted((row.n, row.seconds) for row in group if row.seconds is not None)
            if which == stage and points:
                colour, marker, line = styles[name]
                (drawn[name],) = panel.plot(*zip(*points, strict=True), line, marker=marker, color=colour, markersize=5)
        panel.set(xscale="log", yscale="log", title=stage, xlabel="boxes", ylabel="seconds")
        panel.grid(alpha=0.3)
    for panel in panels[len(stages) :]:
        panel.set_axis_off()
    figure.legend(drawn.values(), drawn.keys(), loc="outside lower center", ncols=4, fontsize="small")
    with whole(out, replace=replace) as part:
        figure.savefig(part, format=out.suffix[1:].lower() or "png", dpi=110)  # a stream has no ending
