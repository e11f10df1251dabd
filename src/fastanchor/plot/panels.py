"""The panels that pictures are made of: each function draws one into given axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fastanchor._anchor_result import AnchorResult
from fastanchor._sweep import SCORES, SweepResult
from fastanchor._text import many, plain
from fastanchor._types import FloatArray
from fastanchor.evaluate import SIZES, best_anchor
from fastanchor.levels import Level
from fastanchor.matching import Recall
from fastanchor.optimum import BoundResult
from fastanchor.plot._style import BLUE, GREY, INK, LINES, PIXELS, density, extent, legend_below, log_ticks

__all__ = [
    "MOST", "class_height", "classes", "curve", "gain", "gaps", "history", "levels", "peaks", "ratios", "recall",
    "sizes",
]  # fmt: skip

BINS = 80  # of each side in the density of sizes
FINE = 400  # sides for which the best anchor is computed: a border is then off by 1/400 of the picture
WIDTH = 300  # of the axes in points, about
AWAY = 12  # points between an anchor and its number
DASHES = ("-", "--", ":", "-.")
CORNERS = ((-1, 1), (1, 1), (1, -1), (-1, -1))
WIDE, HIGH = 60, 50  # bins of size and of ratio
PLANE = 240  # places for each side of the picture of the limit
SHARES = (0.5, 0.7, 0.85, 0.95, 0.99, 1.0)
FEW = 5  # a line through fewer boxes than these would show chance
ALL = "all"  # name of the recall of all boxes
ROOM = 0.35  # of the half frame, for an anchor to have a number
LISTED = 6  # lines below the frame of a level
HEAD, LIST = 0.14, 0.7  # of the height of a level: its title; where its list begins
LEAST_GAIN = 0.05  # of fitness: the height of the axis of a search that gains less
MOST = 30  # bars that a page has room for; further classes share the last one


def sizes(axes: Any, boxes: FloatArray, anchors: FloatArray, title: str) -> None:
    """Draw box sizes as a density, with the anchors and the region of sizes for which each is the best.

    `boxes` and `anchors`, (n, 2) and (k, 2), are pixels of the network input.
    """
    low, high = extent(boxes, 1.25, anchors.ravel().tolist())
    edges = np.geomspace(low, high, BINS + 1)
    counts, _, _ = np.histogram2d(boxes[:, 0], boxes[:, 1], bins=[edges, edges])
    density(axes, edges, edges, counts)
    side = np.geomspace(low, high, FINE)
    labels, _ = best_anchor(np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2), anchors)
    field = labels.reshape(FINE, FINE)
    for j in range(len(anchors)):
        region = field == j
        if region.any() and not region.all():
            axes.contour(side, side, region, levels=[0.5], colors=BLUE, linewidths=0.9)
    for w, h in anchors.tolist():  # the outline of a box whose other corner is beyond the axes
        axes.plot([low, w, w], [h, h, low], color=INK, linewidth=0.9, linestyle=(0, (1, 2)))
    places = label_places(np.log(anchors), np.log(high / low))
    for i, ((w, h), place) in enumerate(zip(anchors.tolist(), places, strict=True), 1):
        axes.plot(w, h, "o", color=INK, markeredgecolor="white", markersize=8)
        back = {"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.85}
        axes.annotate(str(i), (w, h), xytext=place, textcoords="offset points", color=INK, weight="bold", bbox=back,
                      ha="center", va="center")  # fmt: skip
    axes.plot([], [], "o", color=INK, label="anchor")
    axes.plot([], [], color=INK, linewidth=0.9, linestyle=(0, (1, 2)), label="its width and height")
    axes.plot([], [], color=BLUE, linewidth=0.9, label="where the best anchor changes")
    legend_below(axes, 2)
    axes.set(xscale="log", yscale="log", aspect="equal", xlim=(low, high), ylim=(low, high))
    axes.set(xlabel=f"width, {PIXELS}", ylabel=f"height, {PIXELS}")
    axes.set_title(title)
    log_ticks(axes.xaxis, low, high)
    log_ticks(axes.yaxis, low, high)


def label_places(points: FloatArray, span: float) -> list[tuple[float, float]]:
    """Return the place of each point's number, in points from it, away from other points and numbers."""
    points = points / span * WIDTH
    around = [(AWAY * np.cos(a), AWAY * np.sin(a)) for a in np.pi / 4 * np.array([1, 0, 7, 2, 3, 6, 4, 5])]
    taken = list(points)
    chosen = []
    for point in points:
        gaps = [min(_gap(point + place, other, point) for other in taken) for place in around]
        best = int(np.argmax(np.minimum(gaps, 2 * AWAY)))  # where there is room, the usual place
        chosen.append((float(around[best][0]), float(around[best][1])))
        taken.append(point + around[best])
    return chosen


def _gap(place: FloatArray, other: FloatArray, point: FloatArray) -> float:
    return np.inf if np.array_equal(other, point) else float(np.hypot(*(place - other)))


def levels(axes: Any, found: Sequence[Level], columns: int | None = None) -> None:
    """Draw the anchors of each level, all on one scale, over a cell of stride x stride pixels, and list them below."""
    axes.set_axis_off()
    axes.set_title("anchors by level, on one scale; grey: one cell of the level", fontsize=11)
    reach = 0.62 * max([0.0, *(side for one in found for side in (one.stride, *one.anchors.ravel().tolist()))])
    columns = columns or min(len(found), 3)
    rows = -(-len(found) // columns)
    numbers = iter(range(1, 1 + sum(len(one.anchors) for one in found)))
    for i, one in enumerate(found):
        row, column = divmod(i, columns)
        place = (column / columns + 0.01, 1 - (row + LIST) / rows, 1 / columns - 0.02, (LIST - HEAD) / rows)
        frame = axes.inset_axes(place, anchor="S")
        frame.set(xticks=[], yticks=[], aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach))
        share = "" if one.share is None else f"\n{one.share:.1%} of boxes"
        frame.set_title(f"P{one.level}, stride {one.stride}{share}", fontsize=10)
        frame.add_patch(_rectangle(one.stride, one.stride, facecolor="#d9d9d9", edgecolor=GREY, linewidth=0.8))
        _level(frame, [(next(numbers), w, h) for w, h in one.anchors.tolist()], reach)


def _level(frame: Any, anchors: Sequence[tuple[int, float, float]], reach: float) -> None:
    """Draw anchors, each with its number, into a frame that reaches so far from its middle, and list them below."""
    for j, (number, w, h) in enumerate(anchors):
        style = {"edgecolor": INK, "linewidth": 1.3, "linestyle": DASHES[j % len(DASHES)]}
        frame.add_patch(_rectangle(w, h, fill=False, **style))
        if max(w, h) > ROOM * reach:  # a number would hide a smaller one
            # the numbers of one level take turns at the corners, or they would hide each other
            sx, sy = CORNERS[j % 4]
            frame.annotate(str(number), (sx * w / 2, sy * h / 2), color=INK, fontsize=9, weight="bold",
                           ha="center", va="center",
                           bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6})  # fmt: skip
    if not anchors:
        frame.text(0, 0, "no anchor", ha="center", va="center", color=INK)
    listed = [f"{number}: {w:.0f} x {h:.0f}" for number, w, h in anchors]
    frame.set_xlabel("\n".join(listed if len(listed) <= LISTED else [*listed[: LISTED - 1], "..."]), fontsize=9)


def _rectangle(w: float, h: float, **style: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((-w / 2, -h / 2), w, h, **style)


def ratios(axes: Any, boxes: FloatArray, anchors: FloatArray, thr: float) -> None:
    """Draw the ratio with the best anchor against the size of the box: a density, its median and lowest tenth."""
    _, best = best_anchor(boxes, anchors)
    side = np.sqrt(boxes[:, 0] * boxes[:, 1])
    low, high = extent(side, 1.15)
    edges = np.geomspace(low, high, WIDE + 1)
    counts, _, _ = np.histogram2d(side, best, bins=[edges, np.linspace(0, 1, HIGH + 1)])
    density(axes, edges, np.linspace(0, 1, HIGH + 1), counts)
    middle = np.sqrt(edges[1:] * edges[:-1])
    enough = counts.sum(axis=1) >= FEW
    for (color, dash, _), q, name in zip(LINES, (0.5, 0.1), ("median", "a tenth lies below"), strict=False):
        if np.count_nonzero(enough) > 1:
            axes.plot(middle[enough], _quantile(counts, q)[enough], dash, color=color, label=name, linewidth=2)
    axes.axhline(thr, color="black", linewidth=0.9, linestyle="-.", label=f"threshold {thr:g}")
    ends = [(at, limit**0.5) for at, (_, limit) in enumerate(SIZES[:-1]) if 1.4 * low < limit**0.5 < high / 1.4]
    for at, end in ends:  # where the names have room
        axes.axvline(end, color=GREY, linewidth=0.8)
        axes.annotate(f"{SIZES[at][0]} ", (end, 0.02), ha="right", color="#525252", fontsize=9)
    for at, end in ends[-1:]:
        axes.annotate(f" {SIZES[at + 1][0]}", (end, 0.02), ha="left", color="#525252", fontsize=9)
    axes.set(xscale="log", xlim=(low, high), ylim=(0, 1.02))
    axes.set(xlabel="size of box (root of area), pixels of the network input", ylabel="ratio with the best anchor")
    axes.set_title(f"{np.mean(best > thr):.2%} of the boxes match an anchor")
    legend_below(axes, 3)
    log_ticks(axes.xaxis, low, high)


def _quantile(counts: FloatArray, q: float) -> FloatArray:
    """Return the quantile of each row of a histogram over [0, 1], to the width of a bin."""
    total = np.cumsum(counts, axis=1)
    at = (total < q * total[:, -1:]).sum(axis=1)
    middles: FloatArray = (at + 0.5) / counts.shape[1]
    return middles


def history(axes: Any, result: AnchorResult) -> None:
    """Draw the best fitness after each generation of the search, on an axis that does not enlarge small gains."""
    values = result.evolve.history
    axes.step(np.arange(len(values)), values, where="post", color=INK)
    gain = float(values[-1] - values[0])
    above = max(gain, LEAST_GAIN)
    axes.set(xlabel="generation", ylabel="fitness", ylim=(values[0] - 0.1 * above, values[0] + 1.1 * above))
    share = f" ({gain / values[0]:.2%})" if values[0] > 0 else ""
    axes.set_title(f"the search adds {gain:.4f}{share}: {values[0]:.4f} to {values[-1]:.4f}")
    axes.grid(alpha=0.3)


def curve(axes: Any, found: SweepResult) -> None:
    """Draw mean IoU, fitness and recall against the number of anchors, with their intervals, and the limit if known."""
    from matplotlib.ticker import MaxNLocator

    for (color, dash, marker), (title, name) in zip(LINES, SCORES.items(), strict=True):
        values = getattr(found, name)
        axes.plot(found.n, values, dash, color=color, marker=marker, markersize=5, label=title)
        if found.intervals is not None and found.enough is not None:
            ends = np.array([getattr(one, name)[1:] for one in found.intervals])
            axes.fill_between(found.n, ends[:, 0], ends[:, 1], color=color, alpha=0.2, linewidth=0)
            least = found.n.tolist().index(getattr(found.enough, name))
            label = "fewest as good as the best drawn, within noise" if name == "bpr" else None
            axes.plot(found.n[least], values[least], "o", fillstyle="none", color=color, markersize=13, label=label)
    if found.limit is not None:
        axes.plot(found.n, found.limit, "_", color=GREY, markersize=14, markeredgewidth=2, label=_limit(found))
    lowest = min(float(np.min(getattr(found, name))) for name in SCORES.values())
    axes.set(xlabel="number of anchors", ylabel="score, at most 1", ylim=(np.floor(10 * lowest) / 10, 1.02))
    title = many(round(found.boxes), "box", "boxes")
    if found.intervals is not None:
        title += f" on {many(found.intervals[0].images, 'image')}; shaded: 95 % intervals"
    axes.set_title(title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    legend_below(axes, 2)


def gaps(axes: Any, found: SweepResult) -> None:
    """Draw how far the anchors are below the limit, in per cent, against their number."""
    assert found.gap is not None
    bars = axes.bar(found.n, 100.0 * found.gap, color=GREY, width=0.6)
    axes.bar_label(bars, labels=[f"{100.0 * gap:.2g}" for gap in found.gap], fontsize=8, padding=1)
    axes.set(xlabel="number of anchors", ylabel="% of the score")
    axes.set_title(f"How far the {_limit(found)} lies above what is reached", fontsize=10)
    axes.margins(y=0.2)


def peaks(axes: Any, found: BoundResult) -> None:
    """Draw the sum above the prices over the plane of sizes, in shares of its largest value, and the anchors."""
    low, high = extent(found.wh, 1.25, found.anchors.ravel().tolist())
    side = np.geomspace(low, high, PLANE)
    places = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    share = found.above(places).reshape(PLANE, PLANE) / found.peak
    mesh = axes.contourf(side, side, share, levels=SHARES, cmap="Greys", extend="min")
    axes.get_figure().colorbar(mesh, ax=axes, label="sum above the prices, share of its peak", shrink=0.8, ticks=SHARES)
    axes.plot(*found.anchors.T, "o", color=INK, markeredgecolor="white", markersize=7, label="anchors of this set")
    axes.legend(loc="lower right")
    axes.set(xscale="log", yscale="log", aspect="equal", xlim=(low, high), ylim=(low, high))
    axes.set(xlabel=f"width, {PIXELS}", ylabel=f"height, {PIXELS}")
    axes.set_title(f"Dark: where anchors of a better set could be. None is better by more than {found.gap:.2%}",
                   fontsize=10)  # fmt: skip
    log_ticks(axes.xaxis, low, high)
    log_ticks(axes.yaxis, low, high)


def recall(axes: Any, found: Recall, threshold: float, others: str = "the others") -> None:
    """Draw the recall against the IoU, with that of other anchors."""
    axes.set_title("all boxes" if found.name == ALL else f"{found.name} boxes")
    axes.axvline(threshold, color=GREY, linewidth=0.9, linestyle="-.", label=f"threshold {threshold:g}")
    axes.plot(found.iou, found.recall, color=INK, label="these anchors")
    if found.others is not None:
        axes.plot(found.iou, found.others, color=BLUE, linestyle="--", label=others)
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.02), xticks=(0.0, 0.25, 0.5, 0.75, 1.0))
    axes.set_xticklabels(("0", "", "0.5", "", "1"))


def gain(axes: Any, found: Recall, threshold: float) -> None:
    """Draw how far the recall exceeds that of other anchors, with its interval."""
    if found.others is None:
        return
    axes.axvline(threshold, color=GREY, linewidth=0.9, linestyle="-.")
    axes.axhline(0.0, color=GREY, linewidth=0.9)
    axes.plot(found.iou, found.recall - found.others, color=INK)
    if found.low is not None:
        axes.fill_between(found.iou, found.low, found.high, color=INK, alpha=0.25, linewidth=0,
                          label="95 % interval of the difference")  # fmt: skip


def _limit(found: SweepResult) -> str:
    return "limit of the " + {"ratio": "fitness", "iou": "mean IoU", "recall": "BPR"}.get(
        found.objective, found.objective
    )


def class_height(counts: Mapping[str, int]) -> float:
    """Return the height of a figure with a bar per class, inches."""
    return 1.1 + 0.27 * min(len(counts), MOST)


def classes(axes: Any, counts: Mapping[str, int]) -> None:
    """Draw a bar per class, the largest on top; a grey one at the bottom for the classes that have no room."""
    rows = sorted(counts.items(), key=lambda item: -item[1])
    rest = rows[MOST - 1 :] if len(rows) > MOST else []
    if rest:
        rows = [*rows[: MOST - 1], (f"{len(rest)} other classes", sum(count for _, count in rest))]
    rows.reverse()
    # a name may contain $, which would begin a formula
    names = [plain(name).replace("$", r"\$") for name, _ in rows]
    names = [name if len(name) <= 32 else name[:31] + "…" for name in names]
    colours = [GREY if rest and i == 0 else INK for i in range(len(rows))]
    bars = axes.barh(range(len(rows)), [count for _, count in rows], color=colours, height=0.7)
    axes.set_yticks(range(len(rows)), labels=names)
    axes.bar_label(bars, labels=[f"{count:,}" for _, count in rows], padding=3)
    axes.margins(x=0.15, y=0.02)
    axes.set_xlabel("boxes")
    axes.set_title(f"{many(sum(counts.values()), 'box', 'boxes')} of {many(len(counts), 'class', 'classes')}")
    for edge in ("top", "right"):
        axes.spines[edge].set_visible(False)
