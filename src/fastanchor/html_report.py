"""One page about a data set and its anchors: tables, pictures and text to paste, all in one HTML file."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import fastanchor
from fastanchor import export, plot
from fastanchor._network import to_network_input
from fastanchor._small import MIN_SIZE, no_side, small_boxes
from fastanchor._sweep import SweepResult, sweep
from fastanchor._text import many, plain
from fastanchor._types import Fit, FloatArray, Progress, Remark, Summary
from fastanchor.anchors import AnchorResult, auto_anchor
from fastanchor.boxes import Boxes
from fastanchor.evaluate import AnchorCheck
from fastanchor.levels import Layer, Split, layers, levels, remarks, unusual
from fastanchor.plot import classes, curve, heads, history, served, sizes

__all__ = ["Report", "make", "page"]

# in the order in which people look for theirs; JSON and CSV are for programs
PASTED = {
    "yolov5": "YOLOv5 / YOLOv7 model YAML",
    "darknet": "Darknet cfg",
    "mmdet": "MMDetection",
    "mmyolo": "MMYOLO",
    "paddle": "PaddleDetection",
    "tao": "NVIDIA TAO",
}
SWEPT = 12

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1a1a1a; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: 0; }
h2 { font-size: 1.25rem; margin-top: 2.4rem; border-bottom: 1px solid #bbb; }
h3 { font-size: 1rem; margin-bottom: 0.2rem; }
.lead { color: #444; margin-top: 0.3rem; } .warning { border-left: 4px solid #b2182b; padding: 0.2rem 0.8rem; }
table { border-collapse: collapse; margin: 0.8rem 0; } caption { text-align: left; color: #444; }
th, td { padding: 0.15rem 0.8rem; text-align: right; border-bottom: 1px solid #ddd; }
th:first-child, td:first-child, td.text { text-align: left; } td.text { overflow-wrap: anywhere; }
pre { background: #f4f4f4; padding: 0.7rem; overflow-x: auto; } figure { margin: 1.2rem 0; }
img { max-width: 100%; height: auto; } figcaption { color: #444; font-size: 0.92rem; }
@media print { h2 { break-after: avoid; } figure, table, pre { break-inside: avoid; } }
"""


@dataclass(frozen=True, eq=False)
class Report:
    """What a page is made of. Sizes are pixels of the network input unless said otherwise.

    Attributes
    ----------
    source : str
        Where the boxes came from.
    summary : Summary
        What was read; its sizes are pixels of the image.
    boxes : (n, 2) float64
        Boxes used.
    result : AnchorResult
    levels : list of Layer
    check : AnchorCheck
        The anchors' scores in detail.
    sweep : SweepResult or None
    settings : dict
        Name to value, as the page shows them.
    min_size : float
        Boxes without such a side were left out.
    remarks : tuple of Remark
        What looks wrong about the data set.
    """

    source: str
    summary: Summary
    boxes: FloatArray
    result: AnchorResult
    levels: list[Layer]
    check: AnchorCheck
    sweep: SweepResult | None
    settings: dict[str, Any]
    min_size: float
    remarks: tuple[Remark, ...] = ()


def make(
    boxes: Boxes,
    *,
    source: str,
    img_size: int | Sequence[int] = 640,
    n: int = 9,
    thr: float = 0.25,
    gen: int = 1000,
    fit: Fit = "letterbox",
    min_size: float = MIN_SIZE,
    seed: int = 0,
    deal: Callable[[FloatArray], Split | None] | None = None,
    sweep_n: Iterable[int] | None = None,
    progress: Progress = None,
) -> Report:
    """Return what a page about these boxes needs: the main job, its scores, and the curve over numbers of anchors.

    Parameters
    ----------
    boxes : Boxes
        What a reader returned.
    source : str
        Where they came from, for the page's head.
    img_size, n, thr, gen, fit, min_size, progress
        Of :func:`fastanchor.auto_anchor`.
    seed : int, default 0
        Of the main job and of the curve.
    deal : callable, optional
        From the anchors to their levels. Default: the usual levels.
    sweep_n : iterable of int, optional
        Numbers of anchors of the curve; empty for none. Default: 1 to 12, as far as there are distinct boxes.

    Raises
    ------
    DataError
        If an argument breaks a rule, or no box is left.

    Warns
    -----
    SmallBoxWarning
        If boxes have a side of less than 3 pixels of the network input; the page says it too.

    Examples
    --------
    >>> from fastanchor.datasets import sample
    >>> made = make(sample(), source="sample", n=6, gen=10, sweep_n=[])
    >>> [(layer.level, len(layer.anchors)) for layer in made.levels]
    [(4, 3), (5, 3)]
    """
    ready = to_network_input(boxes, img_size, fit, min_size).on_engine()
    result = auto_anchor(ready, n=n, thr=thr, gen=gen, rng=seed, progress=progress)
    wh = ready.wh
    parts = (deal(result.anchors) if deal else None) or levels(n)
    if sweep_n is None:
        distinct = len(np.unique(wh[:100_000], axis=0))
        sweep_n = range(1, min(SWEPT, max(distinct, n)) + 1)
    numbers = list(sweep_n)
    swept = sweep(ready, numbers, thr=thr, rng=seed, progress=progress) if numbers else None
    settings = {
        "network input": _input(result),
        "anchors": n,
        "threshold": thr,
        "generations": gen,
        "least side": f"{min_size:g} pixels",
        "seed": seed,
        "fastanchor": fastanchor.__version__,
    }
    heads = layers(result.anchors, parts, result.check.counts)
    return Report(source, boxes.summary(), wh, result, heads, result.check, swept, settings, min_size, boxes.remarks)


def _shown(text: str) -> str:
    """Return text as HTML shows it; names may hold what no page can."""
    return html.escape(plain(text, keep="\n"))


def page(report: Report) -> str:
    """Return the page: HTML with the pictures inside, without scripts and without links to anywhere.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    result, found = report.result, report.check
    title = f"Anchors for {report.source}"
    columns = max(len(report.levels), 2) if len(report.levels) <= 4 else 3
    rows = -(-len(report.levels) // columns)
    notes = [f"{count:,} x {reason}" for reason, count in report.summary.skipped.items()]
    notes = [f"Skipped while reading: {note}" for note in notes]
    notes += [remark.text for remark in report.remarks]
    if result.n_filtered:
        notes.append(f"Left out: {no_side(result.n_filtered, report.min_size)}")
    if result.n_small:
        notes.append(small_boxes(result.n_small))
    if [(layer.level, len(layer.anchors)) for layer in report.levels] == levels(len(result.anchors)):
        notes += unusual(len(result.anchors))
    notes += remarks(report.levels)
    body = [
        f"<h1>{_shown(title)}</h1>",
        f'<p class="lead">{round(result.boxes):,} boxes, {len(result.anchors)} anchors: fitness {result.fitness:.4f}, '
        f"best possible recall {result.bpr:.4f}, mean IoU {result.mean_iou:.4f}. Network input: "
        f"{_shown(_input(result))}.</p>",
        *(f'<p class="warning">{_shown(note)}</p>' for note in notes),
        "<h2>Anchors by level</h2>",
        _level_table(report),
        _picture("The anchors of each level on one centre, beside one cell of the level",
                 lambda axes: heads.draw(axes, report.levels, columns), 9, 0.6 + rows * max(11 / columns, 3)),
        "<h2>Boxes and anchors</h2>",
        _picture("Box sizes as a density; lines part the sizes that each anchor serves best",
                 lambda axes: sizes.draw(axes, report.boxes, result.anchors, "widths and heights"), 7.5, 6.5),
        "<h2>How well boxes are served</h2>",
        _score_table(found, result),
        _size_table(found),
        _picture("Ratio with the best anchor over the size of the box",
                 lambda axes: served.draw(axes, report.boxes, result.anchors, found.thr), 8.5, 4.8),
        "<h2>The search</h2>",
        f"<p>k-means: {many(result.kmeans.n_iter, 'update')}, {result.kmeans.stop}. Search: "
        f"{many(len(result.evolve.history) - 1, 'generation')}, {result.evolve.accepted:,} of them fitter.</p>",
        _picture("Fitness over the generations", lambda axes: history.draw(axes, result), 8.5, 4),
        *_sweep(report.sweep),
        "<h2>Data set</h2>",
        _data_table(report),
        *_classes(report.summary),
        "<h2>To paste</h2>",
        *_pasted(report),
        "<h2>Settings</h2>",
        _table(("setting", "value"), [(name, str(value)) for name, value in report.settings.items()], text=2),
    ]  # fmt: skip
    head = f'<meta charset="utf-8"><title>{_shown(title)}</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(body) + "\n</body></html>\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, text: int = 1) -> str:
    """Return a table; the first `text` columns are words, the rest numbers."""
    lines = ["<table><tr>" + "".join(f'<th scope="col">{_shown(cell)}</th>' for cell in head) + "</tr>"]
    for row in rows:
        cells = (f"<td{' class=text' if i < text else ''}>{_shown(cell)}</td>" for i, cell in enumerate(row))
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return "\n".join(lines) + "</table>"


def _picture(caption: str, draw: Callable[[Any], None], width: float, height: float) -> str:
    data = base64.b64encode(plot.png(draw, width, height)).decode("ascii")
    text = _shown(caption)
    image = f'<img alt="{text}" src="data:image/png;base64,{data}">'
    return f"<figure>{image}<figcaption>{text}.</figcaption></figure>"


def _level_table(report: Report) -> str:
    rows, number = [], 1
    for level, stride, anchors, _ in report.levels:
        for w, h in anchors.tolist():
            count = round(float(report.check.counts[number - 1]))
            share = f"{count / report.check.boxes:.1%}"
            rows.append((f"P{level}", str(stride), str(number), f"{w:.1f}", f"{h:.1f}", f"{count:,}", share))
            number += 1
    head = ("level", "stride", "anchor", "width", "height", "boxes best served", "share")
    shares = _table(
        ("level", "stride", "anchors", "share of boxes"),
        [(f"P{p}", str(s), str(len(a)), f"{share or 0.0:.1%}") for p, s, a, share in report.levels],
    )
    return shares + _table(head, rows)


def _score_table(found: AnchorCheck, result: AnchorResult) -> str:
    before, now = result.kmeans_fitness, found
    return _table(
        ("over all boxes", "k-means", "after the search"),
        [
            ("fitness", f"{before.fitness:.5f}", f"{now.fitness:.5f}"),
            ("best possible recall", f"{before.bpr:.5f}", f"{now.bpr:.5f}"),
            ("mean IoU", f"{result.kmeans.mean_iou:.5f}", f"{now.mean_iou:.5f}"),
            ("anchors past the threshold, per box", "", f"{now.past_thr:.2f}"),
            ("ratio with the best anchor", "", f"{now.mean_best:.3f}"),
        ],
    )


def _size_table(found: AnchorCheck) -> str:
    rows = []
    for name, count, *scores in found.sizes:
        shown = ("none" if score is None else f"{score:.4f}" for score in scores)
        rows.append((name, f"{round(count):,}", f"{count / found.boxes:.1%}", *shown))
    head = ("size at the network input (COCO)", "boxes", "share", "fitness", "recall", "mean IoU")
    return _table(head, rows)


def _sweep(found: SweepResult | None) -> list[str]:
    if found is None:
        return []
    rows = zip(found.n.tolist(), found.mean_iou, found.fitness, found.bpr, strict=True)
    return [
        "<h2>How many anchors</h2>",
        _picture("Scores over the number of anchors, k-means alone", lambda axes: curve.draw(axes, found), 8, 4.2),
        _table(
            ("anchors", "mean IoU", "fitness", "recall"),
            [(str(n), f"{iou:.4f}", f"{fitness:.4f}", f"{bpr:.4f}") for n, iou, fitness, bpr in rows],
        ),
    ]


def _data_table(report: Report) -> str:
    summary = report.summary
    rows = [("images", f"{summary.images:,}"), ("boxes read", f"{summary.boxes:,}")]
    if summary.images:
        rows.append(("mean image, pixels", " x ".join(f"{side:.1f}" for side in summary.mean_image)))
    rows += [
        ("mean box, pixels of the image", " x ".join(f"{side:.1f}" for side in summary.mean_box)),
        ("areas of boxes, square pixels", f"{summary.smallest_area:,.0f} to {summary.largest_area:,.0f}"),
        ("boxes used", f"{round(report.result.boxes):,}"),
    ]
    return _table(("what", "value"), rows)


def _classes(summary: Summary) -> list[str]:
    if not summary.per_class:
        return []
    rows = sorted(summary.per_class.items(), key=lambda item: -item[1])
    total = max(sum(summary.per_class.values()), 1)
    return [
        _picture(
            "Boxes per class", lambda axes: classes.draw(axes, summary.per_class), 8, classes.height(summary.per_class)
        ),
        _table(("class", "boxes", "share"), [(name, f"{count:,}", f"{count / total:.1%}") for name, count in rows]),
    ]


def _input(result: AnchorResult) -> str:
    if result.img_size is None:
        return "boxes without image sizes count as its pixels"
    return f"{result.img_size[0]} x {result.img_size[1]} pixels, {result.fit}"


def _pasted(report: Report) -> list[str]:
    """Return the text for each detector that resizes images as was done here; of the others, that they are left out."""
    parts = [(layer.level, len(layer.anchors)) for layer in report.levels]
    result = report.result
    lines = []
    for name, title in PASTED.items():
        fit = export.FORMATS[name].fit
        lines.append(f"<h3>{_shown(title)}</h3>")
        if result.fit not in (None, fit):
            does = {"stretch": "stretches images", "letterbox": "keeps the proportions of images"}[fit]
            lines.append(f"<p>Left out: this detector {does}, and these anchors are for {result.fit}; "
                         f"--fit {fit} makes a page with it.</p>")  # fmt: skip
            continue
        try:
            text = export.emit(result.anchors, name, parts, made_for=result.made_for)
        except fastanchor.DataError as error:
            text = f"# {error}"
        lines.append(f"<pre>{_shown(text)}</pre>")
    return lines
