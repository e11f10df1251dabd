"""Time against the number of boxes on log axes: the whole job in one panel, or the stages in a panel each."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from fastanchor._output import whole
from fastanchor.bench._measure import Row
from fastanchor.bench._stages import JOB

__all__ = ["Line", "drawn", "job_lines", "save", "sheet", "svg", "whole_job"]

INK, GREY, OURS = "0.15", "0.45", "#0b5394"
MARKERS = "osD^vPX*<>"
APART = 12.0  # points between the labels of two lines


class Line(NamedTuple):
    """Seconds of one contender at some numbers of boxes."""

    name: str
    points: Sequence[tuple[float, float]]
    ours: bool = False


def job_lines(rows: Iterable[Row]) -> list[Line]:
    """Return a line for each contender of the whole job; points stand at the boxes that were measured."""
    points: dict[str, dict[float, float]] = {}
    for row in rows:
        if row.stage == JOB and row.seconds is not None:
            points.setdefault(row.contender, {})[row.boxes] = row.seconds
    return [Line(name, sorted(found.items()), name.startswith("fastanchor")) for name, found in points.items()]


def whole_job(lines: Sequence[Line], caption: str = "") -> Any:
    """Return a figure of the time of the whole job; beyond what was measured, lines go on dotted in proportion."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.9))
    panel = figure.add_axes((0.1, 0.19 if caption else 0.12, 0.64, 0.74 if caption else 0.82))
    _draw(panel, lines, to=max(n for line in lines for n, _ in line.points))
    panel.set_ylabel("seconds")
    panel.set_xlabel("boxes")
    panel.set_title("From box sizes to 9 anchors: the whole job", loc="left", fontsize=12)
    for seconds, words in ((1.0, "a second"), (60.0, "a minute"), (3600.0, "an hour")):
        if panel.get_ylim()[0] < seconds < panel.get_ylim()[1]:
            panel.axhline(seconds, color="0.85", linewidth=0.8, zorder=0)
            panel.annotate(words, (0.01, seconds), xycoords=("axes fraction", "data"), color=GREY, fontsize=8,
                           xytext=(0, 2), textcoords="offset points")  # fmt: skip
    if caption:
        figure.text(0.012, 0.012, caption, fontsize=7.5, color=GREY, va="bottom")
    _label(panel, 10.0)
    return figure


def sheet(rows: Sequence[Row]) -> Any:
    """Return a figure with a panel for each stage that was measured at several sizes."""
    from matplotlib.figure import Figure

    stages: dict[str, dict[str, dict[float, float]]] = {}
    for row in rows:
        if row.seconds is not None and row.stage not in ("reading", JOB):
            stages.setdefault(row.stage, {}).setdefault(row.contender, {})[row.boxes] = row.seconds
    across = min(3, len(stages))
    down = -(-len(stages) // across)
    figure = Figure(figsize=(5.4 * across, 3.5 * down))
    figure.subplots_adjust(left=0.04, right=0.88, bottom=0.05, top=0.96, wspace=0.85, hspace=0.32)
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel, (stage, found) in zip(panels, stages.items(), strict=False):
        lines = [Line(name, sorted(points.items()), name.startswith("fastanchor")) for name, points in found.items()]
        _draw(panel, lines)
        panel.set_title(stage, loc="left", fontsize=11)
        _label(panel, 8.0)
    for panel in panels[len(stages) :]:
        panel.set_axis_off()
    return figure


def _draw(panel: Any, lines: Sequence[Line], to: float | None = None) -> None:
    panel.set(xscale="log", yscale="log")
    panel.grid(color="0.92", linewidth=0.6)
    panel.set_axisbelow(True)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)
    for i, line in enumerate(lines):
        colour, width = (OURS, 3.0) if line.ours else (GREY, 1.2)
        n, seconds = line.points[-1]
        panel.plot(*zip(*line.points, strict=True), color=colour, linewidth=width, marker=MARKERS[i % len(MARKERS)],
                   markersize=6 if line.ours else 4.5, zorder=3 if line.ours else 2)  # fmt: skip
        if to is not None and n < to:
            panel.plot((n, to), (seconds, seconds * to / n), ":", color=colour, linewidth=width)
            n, seconds = to, seconds * to / n
        panel.annotate(line.name, (n, seconds), xytext=(1.03, 0.5), textcoords="axes fraction", va="center",
                       color=OURS if line.ours else INK, fontweight="bold" if line.ours else "normal", label="line",
                       arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.4, "relpos": (0.0, 0.5)},
                       annotation_clip=False)  # fmt: skip


def _label(panel: Any, size: float) -> None:
    """Put the names of the lines into a column at the right, in the order of their ends and apart from each other."""
    labels = [text for text in panel.texts if text.get_label() == "line"]
    panel.get_ylim()  # brings the limits up to date with the lines
    height = panel.bbox.height
    ends = {text: panel.transData.transform(text.xy)[1] - panel.bbox.y0 for text in labels}
    ordered = sorted(labels, key=ends.__getitem__)
    apart = APART * size / 10.0 * panel.figure.dpi / 72.0
    places: list[float] = []
    for i, text in enumerate(ordered):
        highest = height - (len(ordered) - 1 - i) * apart  # leaves room for those above
        places.append(max(min(ends[text], highest), places[-1] + apart if places else -apart))
    for text, place in zip(ordered, places, strict=True):
        text.set_fontsize(size)
        text.xyann = (1.03, place / height)


def save(figure: Any, out: Path, *, replace: bool = True) -> None:
    """Write a figure in the format of the file's ending."""
    with whole(out, replace=replace) as part:
        figure.savefig(part, format=out.suffix[1:].lower() or "png", dpi=110)  # a stream has no ending


def drawn(lines: Sequence[Line]) -> str:
    """Return the picture of the whole job as SVG; an empty string without lines, or without matplotlib."""
    if not lines or importlib.util.find_spec("matplotlib") is None:
        return ""
    return svg(whole_job(lines)).partition("?>")[2].partition(">")[2]  # without the XML head


def svg(figure: Any) -> str:
    """Return a figure as SVG for a page, the same text for the same figure."""
    import matplotlib

    out = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "fastanchor"}):
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()
