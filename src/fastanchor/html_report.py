"""One page about a data set and its anchors: tables, pictures and text to paste, all in one HTML file."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

import fastanchor
from fastanchor import export, plot, preview
from fastanchor._anchor_result import AnchorResult
from fastanchor._images import NEEDED
from fastanchor._intervals import RESAMPLES
from fastanchor._network import to_network_input
from fastanchor._small import MIN_SIZE, no_side, small_boxes
from fastanchor._sweep import SweepResult, sweep
from fastanchor._table import Table, escaped
from fastanchor._text import many
from fastanchor._types import Fit, FloatArray, Progress, Remark, Summary
from fastanchor.anchors import auto_anchor
from fastanchor.boxes import Boxes
from fastanchor.datasets import ImageAnnotation
from fastanchor.evaluate import AnchorCheck, check
from fastanchor.levels import Level, LevelCounts, by_level, counts_of, remarks, unusual, usual_counts
from fastanchor.plot import panels

__all__ = ["Report", "about", "figure", "framed", "make", "noted", "page", "pairs"]

# the detectors that people look for first; JSON and CSV are for programs
PASTED = {
    "yolov5": "YOLOv5 / YOLOv7 model YAML",
    "darknet": "Darknet cfg",
    "mmdet": "MMDetection",
    "mmyolo": "MMYOLO",
    "paddle": "PaddleDetection",
    "tao": "NVIDIA TAO",
    "keras-yolo3": "keras-yolo3 / yolov4-pytorch, yolo_anchors.txt",
}
SWEPT = 12
COLUMNS = 3  # levels beside each other
WIDTH = 5.0  # inches of a picture; as wide as a phone, its letters are as large as those of the page
# the anchors in the published YOLOv3 and YOLOv5 configurations, computed on COCO
COCO = np.reshape([10, 13, 16, 30, 33, 23, 30, 61, 62, 45, 59, 119, 116, 90, 156, 198, 373, 326], (9, 2)) * 1.0


@dataclass(frozen=True, eq=False)
class Report:
    """The content of a page about the data set `source`; `boxes` are those used, (n, 2) pixels of the network input."""

    source: str
    summary: Summary
    remarks: tuple[Remark, ...]
    boxes: FloatArray
    result: AnchorResult
    levels: list[Level]
    sweep: SweepResult | None
    settings: dict[str, Any]
    min_size: float
    reading: Mapping[str, str]
    usual: AnchorCheck | None = None  # scores of the anchors computed on COCO
    examples: Sequence[tuple[str, bytes]] = ()  # some images with their boxes and anchors, JPEG, after their captions

    @property
    def check(self) -> AnchorCheck:
        """The anchors' scores in detail."""
        return self.result.check


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
    choose_levels: Callable[[FloatArray], LevelCounts | None] | None = None,
    sweep_n: Iterable[int] | None = None,
    reading: Mapping[str, str] | None = None,
    progress: Progress = None,
    jitter: Sequence[float] | None = None,
    examples: Sequence[ImageAnnotation] = (),
) -> Report:
    """Return the content of a page about these boxes: anchors, their scores, and the curve over numbers of anchors.

    Parameters
    ----------
    boxes : Boxes
        As a reader returns them.
    source : str
        Name of the data set, for the title.
    img_size, n, thr, gen, fit, min_size, progress, jitter
        As in :func:`fastanchor.auto_anchor`.
    seed : int, default 0
        For the anchors and for the curve.
    choose_levels : callable, optional
        Takes the anchors, returns their levels. Default: the usual levels.
    sweep_n : iterable of int, optional
        Numbers of anchors of the curve; empty for no curve. Default: 1 to 12, or to the number of distinct boxes.
    reading : mapping of str to str, optional
        How the labels were read, such as their format and split, for the table about the data set.
    examples : sequence of ImageAnnotation, optional
        Images to show; Pillow draws them.

    Raises
    ------
    DataError
        If an argument breaks a rule, or no box is left.

    Warns
    -----
    SmallBoxWarning
        If boxes have a side < 3 pixels of the network input; the page says so too.

    Examples
    --------
    >>> from fastanchor.datasets import sample
    >>> made = make(sample(), source="sample", n=6, gen=10, sweep_n=[])
    >>> [(level.level, len(level.anchors)) for level in made.levels]
    [(4, 3), (5, 3)]
    """
    ready = to_network_input(boxes, img_size, fit, min_size, jitter=jitter).on_engine()
    result = auto_anchor(ready, n=n, thr=thr, gen=gen, rng=seed, progress=progress)
    wh = ready.wh
    counts = (choose_levels(result.anchors) if choose_levels else None) or usual_counts(n)
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
        "rescaling in training": "none" if ready.jitter is None else "{:g} to {:g}".format(*ready.jitter),
        "fastanchor": fastanchor.__version__,
    }
    levels = by_level(result.anchors, counts, result.check.counts)
    usual = check(ready, COCO, thr=thr) if n == len(COCO) and ready.img_size is not None else None
    drawn: Sequence[tuple[str, bytes]] = ()
    if examples and ready.img_size is not None and ready.fit is not None:
        drawn = preview.jpegs(examples, result.anchors, ready.img_size, ready.fit)
    return Report(
        source, boxes.summary(), boxes.remarks, wh, result, levels, swept, settings, min_size, reading or {}, usual,
        drawn,
    )  # fmt: skip


def page(report: Report) -> str:
    """Return the page: HTML with the pictures inside, without scripts and without links.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    found = report.result
    sections = {
        "examples": _examples(report.examples),
        "remarks": _remarks(report),
        "levels": _levels(report),
        "boxes": [_picture("Box sizes as a density; lines separate the sizes for which each anchor is the best",
                           4.9, panels.sizes, report.boxes, found.anchors,
                           f"{many(len(report.boxes), 'box', 'boxes')} and {many(len(found.anchors), 'anchor')}")],
        "thr": [f"{report.check.thr:g}"],
        "scores": _scores(report),
        "search": _search(found),
        "sweep": _sweep(report.sweep),
        "data": about(report.summary, report.result.boxes, report.reading),
        "pasted": _pasted(report),
        "settings": [pairs("setting", report.settings)],
    }  # fmt: skip
    body = _template("html_pairs").substitute({name: "\n".join(parts) for name, parts in sections.items()})
    return framed(f"Anchors for {report.source}", _lead(report), [body])


def framed(title: str, lead: str, body: Iterable[str]) -> str:
    """Return a whole page; title and lead are text, the body is HTML."""
    return _template("html_report").substitute(title=escaped(title), lead=escaped(lead), body="\n".join(body))


def _template(name: str) -> Template:
    return Template(Path(__file__).with_name(f"{name}.html").read_text(encoding="utf-8"))


def _lead(report: Report) -> str:
    result = report.result
    doubt = " The labels may be misread; see Remarks." if any(one.doubt for one in report.remarks) else ""
    return (
        f"{round(result.boxes):,} boxes, {len(result.anchors)} anchors: fitness {result.fitness:.4f}, best possible "
        f"recall {result.bpr:.4f}, mean IoU {result.mean_iou:.4f}. Network input: {_input(result)}.{doubt}"
    )


def _examples(pictures: Sequence[tuple[str, bytes]]) -> Iterator[str]:
    if not pictures:
        return
    yield "<h2>Examples</h2>"
    yield "<p>Images with their boxes. Dashed: the anchor that matches best, with the ratio of both.</p>"
    yield '<div class="photos">'
    for caption, picture in pictures:
        yield figure(caption, "jpeg", picture)
    yield "</div>"


def _remarks(report: Report) -> Iterator[str]:
    lines = noted(report.remarks, _notes(report))
    if lines:
        yield "<h2>Remarks</h2>"
    yield from lines


def noted(read: Iterable[Remark], warnings: Iterable[str]) -> list[str]:
    """Return a paragraph for each remark about labels, doubts first, and for each warning."""
    doubts = sorted(read, key=lambda remark: not remark.doubt)
    notes = [("warning" if one.doubt else "note", one.text) for one in doubts] + [("warning", one) for one in warnings]
    return [f'<p class="{kind}">{escaped(text)}</p>' for kind, text in notes]


def _notes(report: Report) -> list[str]:
    """Return what a reader of the page should know about boxes and levels."""
    result, n = report.result, len(report.result.anchors)
    notes = [f"Skipped while reading: {count:,} x {reason}" for reason, count in report.summary.skipped.items()]
    if result.n_filtered:
        notes.append(f"Left out: {no_side(result.n_filtered, report.min_size)}")
    if result.n_small:
        notes.append(small_boxes(result.n_small))
    if counts_of(report.levels) == usual_counts(n):
        notes += unusual(n)
    return notes + remarks(report.levels)


def pairs(what: str, values: Mapping[str, Any]) -> str:
    """Return a table of names and values."""
    return Table((what, "value"), [(name, str(value)) for name, value in values.items()], align="l").html()


def _picture(caption: str, height: float, draw: Callable[..., None], *content: Any) -> str:
    return figure(f"{caption}.", "png", plot.png(plot.panel(WIDTH, height, draw, *content)))


def figure(caption: str, kind: str, picture: bytes) -> str:
    """Return a picture with a caption; `kind` is "png" or "jpeg"."""
    text, data = escaped(caption), base64.b64encode(picture).decode("ascii")
    return (
        f'<figure class="{kind}"><img alt="{text}" src="data:image/{kind};base64,{data}">'
        f"<figcaption>{text}</figcaption></figure>"
    )


def _levels(report: Report) -> Iterator[str]:
    found, check = report.levels, report.check
    rows = -(-len(found) // COLUMNS)
    each = [(level, w, h) for level in found for w, h in level.anchors.tolist()]
    shares = [(f"P{p}", str(stride), str(len(anchors)), f"{share or 0.0:.1%}") for p, stride, anchors, share in found]
    sizes = [
        (f"P{level.level}", str(level.stride), str(i), f"{w:.1f}", f"{h:.1f}", f"{round(count):,}",
         f"{count / check.boxes:.1%}")
        for i, ((level, w, h), count) in enumerate(zip(each, check.counts.tolist(), strict=True), 1)
    ]  # fmt: skip
    yield Table(("level", "stride", "anchors", "share of boxes"), shares).html()
    yield Table(("level", "stride", "anchor", "width", "height", "boxes nearest to it", "share"), sizes).html()
    yield _picture("The anchors of each level on one scale, over one cell of the level",
                   0.35 + 2.95 * rows, panels.levels, found, COLUMNS)  # fmt: skip


def _scores(report: Report) -> Iterator[str]:
    found, usual, start = report.check, report.usual, report.result.to_dict()["kmeans"] or {}
    before = {name: f"{start[name]:.5f}" if start else "" for name in ("fitness", "bpr", "mean_iou")}
    ends = [f"{low:.5f} to {high:.5f}" for _, low, high in found.intervals[:3]] if found.intervals else [""] * 3
    scores: list[tuple[str, ...]] = [
        ("fitness", before["fitness"], f"{found.fitness:.5f}", ends[0]),
        ("best possible recall", before["bpr"], f"{found.bpr:.5f}", ends[1]),
        ("mean IoU", before["mean_iou"], f"{found.mean_iou:.5f}", ends[2]),
        ("matches per box", "", f"{found.past_thr:.2f}", ""),
        ("ratio with the best anchor", "", f"{found.mean_best:.3f}", ""),
    ]
    sizes = [
        (name, f"{round(count):,}", f"{count / found.boxes:.1%}",
         *("none" if score is None else f"{score:.4f}" for score in rest))
        for name, count, *rest in found.sizes
    ]  # fmt: skip
    head = ["over all boxes", "k-means", "after the search", "95 % interval"]
    if usual is not None:
        head.insert(3, "anchors of COCO")
        theirs = [f"{usual.fitness:.5f}", f"{usual.bpr:.5f}", f"{usual.mean_iou:.5f}", f"{usual.past_thr:.2f}",
                  f"{usual.mean_best:.3f}"]  # fmt: skip
        scores = [(*row[:3], score, row[3]) for row, score in zip(scores, theirs, strict=True)]
    yield Table(head, scores).html()
    if usual is not None:
        yield "<p>The anchors of COCO are those of the published YOLOv3 and YOLOv5 configurations, as they are.</p>"
    if found.intervals:
        images = f"{many(found.intervals.images, 'image')}, each with all its boxes"
        yield f"<p>The intervals come from {RESAMPLES:,} resamples of the {images}.</p>"
    else:
        yield f"<p>No interval: it {escaped(NEEDED)}.</p>"
    yield Table(("size at the network input (COCO)", "boxes", "share", "fitness", "recall", "mean IoU"), sizes).html()
    yield _picture("Ratio with the best anchor against the size of the box",
                   4.4, panels.ratios, report.boxes, found.anchors, found.thr)  # fmt: skip


def _search(result: AnchorResult) -> Iterator[str]:
    if result.kmeans is None:
        return
    runs = (
        f"k-means: {many(result.kmeans.n_iter, 'update')}, {result.kmeans.stop}. Search: "
        f"{many(len(result.evolve.history) - 1, 'generation')}, {result.evolve.accepted:,} of them fitter."
    )
    yield f"<p>{escaped(runs)}</p>"
    yield _picture("Fitness over the generations", 3.2, panels.history, result)


def _sweep(found: SweepResult | None) -> Iterator[str]:
    if found is not None:
        yield "<h2>How many anchors</h2>"
        yield _picture("Scores against the number of anchors, k-means alone", 4.4, panels.curve, found)
        yield found.table().html()
        yield f"<p>{escaped(found.remark())}</p>"


def about(summary: Summary, used: float, reading: Mapping[str, str]) -> Iterator[str]:
    """Yield tables about a data set, of which so many boxes are used, and a picture of its classes."""
    facts = {**reading, "images": f"{summary.images:,}", "boxes read": f"{summary.boxes:,}"}
    if summary.images:
        facts["mean image, pixels"] = " x ".join(f"{side:.1f}" for side in summary.mean_image)
    facts["mean box, pixels of the image"] = " x ".join(f"{side:.1f}" for side in summary.mean_box)
    facts["areas of boxes, square pixels"] = f"{summary.smallest_area:,.0f} to {summary.largest_area:,.0f}"
    facts["boxes used"] = f"{round(used):,}"
    yield pairs("what", facts)
    if summary.per_class:
        total = max(sum(summary.per_class.values()), 1)
        rows = sorted(summary.per_class.items(), key=lambda item: -item[1])
        shares = [(name, f"{count:,}", f"{count / total:.1%}") for name, count in rows]
        height = panels.class_height(summary.per_class)
        yield _picture("Boxes per class", height, panels.classes, summary.per_class)
        yield Table(("class", "boxes", "share"), shares).html()


def _input(result: AnchorResult) -> str:
    if result.img_size is None:
        return "boxes without image sizes count as its pixels"
    return f"{result.img_size[0]} x {result.img_size[1]} pixels, {result.fit}"


def _pasted(report: Report) -> Iterator[str]:
    """Yield the text for each detector that resizes images as was done here; of the others, why it is missing."""
    result = report.result
    for name, title in PASTED.items():
        fit = export.FORMATS[name].needs.fit
        yield f"<h3>{escaped(title)}</h3>"
        if result.fit not in (None, fit):
            does = "stretches images" if fit == "stretch" else "keeps the proportions of images"
            yield (f"<p>Left out: this detector {does}, and these anchors are for {result.fit}; "
                   f"--fit {fit} makes a page with it.</p>")  # fmt: skip
            continue
        try:
            text = export.emit(result.anchors, name, counts_of(report.levels), made_for=result.made_for)
        except fastanchor.DataError as error:
            text = f"# {error}"
        yield f"<pre>{escaped(text)}</pre>"
