"""One page about a data set and sizes and ratios for a detector: what it trains on, pictures, and text to paste."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastanchor
from fastanchor import plot
from fastanchor._images import NEEDED
from fastanchor._intervals import RESAMPLES
from fastanchor._small import MIN_SIZE, no_side, small_boxes
from fastanchor._table import Table, escaped
from fastanchor._text import many
from fastanchor._types import Fit, FloatArray, Progress
from fastanchor.boxes import Boxes
from fastanchor.detectors import (
    GRIDS,
    MATCHED,
    DetectorAnchors,
    Positives,
    anchors_for,
    default_levels,
    network_boxes,
    positives,
    unsuited,
)
from fastanchor.html_report import about, figure, framed, noted, pairs
from fastanchor.levels import remarks

__all__ = ["DetectorReport", "make", "page"]

Rows = Sequence[Sequence[float]] | Sequence[float]

# of the words in the tables below them
WORDS = {
    "Matched": "The share of boxes that have an anchor whose IoU reaches the detector's threshold, at a place where "
    "the detector has this anchor. It trains the other boxes on less similar anchors, or not at all.",
    "Positives": "The anchors that the detector trains on a box, by its own rule.",
    "IoU": "The overlap of a box and an anchor: intersection over union.",
    "Size": "By area at the network input, as in COCO: small boxes are below 32 x 32 pixels, large ones above 96 x 96.",
}


@dataclass(frozen=True, eq=False)
class DetectorReport:
    """The content of a page about the data set `source`; `wh` are the boxes used, (n, 2) pixels of the network input.

    `trained` and `usual` are the positives of the anchors and of the default ones, None if the detector's rule is not
    known in full.
    """

    source: str
    boxes: Boxes
    wh: FloatArray
    result: DetectorAnchors
    trained: Positives | None
    usual: Positives | None
    settings: Mapping[str, Any]
    min_size: float
    reading: Mapping[str, str]


def make(
    boxes: Boxes,
    detector: str,
    *,
    source: str,
    img_size: int | Sequence[int] | None = None,
    fit: Fit | None = None,
    sizes: int | Rows | None = None,
    ratios: int | Rows | None = None,
    own_ratios: bool = False,
    symmetric: bool = False,
    most_strides: float | None = None,
    thr: float = 0.25,
    min_size: float = MIN_SIZE,
    seed: int = 0,
    progress: Progress = None,
    reading: Mapping[str, str] | None = None,
) -> DetectorReport:
    """Return the content of a page about these boxes: sizes and ratios for a detector, and what it trains on.

    Parameters
    ----------
    boxes : Boxes
        As a reader returns them.
    detector : str
        A name of :func:`fastanchor.anchors_for`.
    source : str
        Name of the data set, for the title.
    img_size, fit, sizes, ratios, own_ratios, symmetric, most_strides, thr, min_size
        As in :func:`fastanchor.anchors_for`.
    seed : int, default 0
        Of the search.
    progress : bool or callable, optional
        As in :func:`fastanchor.anchors_for`.
    reading : mapping of str to str, optional
        How the labels were read, such as their format and split, for the table about the data set.

    Raises
    ------
    DataError
        If an argument breaks a rule, or no box is left.

    Examples
    --------
    >>> from fastanchor.datasets import sample
    >>> fixed = {"sizes": [24, 48, 96, 192, 384], "ratios": [0.5, 1, 2]}
    >>> make(sample(), "torchvision-fasterrcnn", source="sample", **fixed).result.sizes
    ((24.0,), (48.0,), (96.0,), (192.0,), (384.0,))
    """
    network: dict[str, Any] = {"img_size": img_size, "fit": fit, "min_size": min_size}
    chosen: dict[str, Any] = {"sizes": sizes, "ratios": ratios, "own_ratios": own_ratios, "symmetric": symmetric,
                              "most_strides": most_strides}  # fmt: skip
    result = anchors_for(boxes, detector, thr=thr, rng=seed, progress=progress, **network, **chosen)
    known = detector in MATCHED
    settings = {
        "detector": f"{detector}: {GRIDS[detector].title}",
        "network input": _input(result),
        "objective": result.objective,
        "threshold of the ratio": thr,
        "least side": f"{min_size:g} pixels",
        "seed": seed,
        "fastanchor": fastanchor.__version__,
    }
    return DetectorReport(
        source,
        boxes,
        network_boxes(boxes, detector, img_size, fit, min_size).wh,
        result,
        positives(boxes, detector, result.levels, **network) if known else None,
        positives(boxes, detector, **network) if known else None,
        settings,
        min_size,
        reading or {},
    )


def page(report: DetectorReport) -> str:
    """Return the page: HTML with the pictures inside, without scripts and without links.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    """
    sections = {
        "Anchors by level": _levels(report),
        "What the detector trains on": _trained(report),
        "How well the shapes fit": _shapes(report.result),
        "Remarks": noted(report.boxes.remarks, _notes(report)),
        "Data set": about(report.boxes.summary(), report.result.boxes, report.reading),
        "To paste": [f"<pre>{escaped(report.result.text)}</pre>"],
        "Settings": [pairs("setting", report.settings)],
    }
    written = ((title, list(parts)) for title, parts in sections.items())
    body = [line for title, parts in written if parts for line in (f"<h2>{title}</h2>", *parts)]
    return framed(f"Anchors for {report.source}", _lead(report), body)


def _lead(report: DetectorReport) -> str:
    result, trained, usual = report.result, report.trained, report.usual
    matched = ""
    if trained is not None and usual is not None:
        matched = f" {trained.matched:.2%} of them match, with the detector's default anchors {usual.matched:.2%}."
    doubt = " The labels may be misread; see Remarks." if any(one.doubt for one in report.boxes.remarks) else ""
    return (
        f"{result.detector}: {round(result.boxes):,} boxes, {len(result.anchors)} anchors.{matched} "
        f"Network input: {_input(result)}.{doubt}"
    )


def _input(result: DetectorAnchors) -> str:
    if result.img_size is None:
        return "boxes without image sizes count as its pixels"
    w, h = result.img_size
    if result.fit == "shortest":
        return f"shorter side {w} pixels, longer side at most {h}"
    return f"{w} x {h} pixels, {result.fit}"


def _levels(report: DetectorReport) -> Iterator[str]:
    result = report.result
    sets = {"these anchors": result.levels, "the default anchors": default_levels(result.detector, result.img_size)}
    yield figure(
        "Box sizes as a density, with the anchors of each level; below, with the default anchors of the detector. "
        "Dashed lines separate small, medium and large boxes.",
        "png",
        plot.png(plot.on_levels(report.wh, sets, columns=1)),
    )
    rows = [
        (f"{level.stride:g}", _numbers(sizes), _numbers(ratios), f"{level.share or 0.0:.1%}")
        for level, sizes, ratios in zip(result.levels, result.sizes, result.ratios, strict=False)
    ]
    ratio = "ratios, height / width" if result.tall else "ratios, width / height"
    yield Table(("stride", "sizes", ratio, "boxes whose best shape is here"), rows).html()


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{value:g}" for value in values)


def _trained(report: DetectorReport) -> Iterator[str]:
    found, usual = report.trained, report.usual
    if found is None or usual is None:
        yield "<p>The rule of this detector is not known in full, so it is left out here.</p>"
        return
    yield f"<dl>{''.join(f'<dt>{word}</dt><dd>{text}</dd>' for word, text in WORDS.items())}</dl>"
    yield f"<p>Positive is an anchor with an {escaped(found.rule)}.</p>"
    rows = [
        (one.name, f"{one.recall[0]:.2%}", f"{one.others[0]:.2%}", f"{one.recall[0] - one.others[0]:+.2%}",
         "" if one.low is None or one.high is None else f"{one.low[0]:+.2%} to {one.high[0]:+.2%}")
        for one in found.gains(usual) if one.others is not None
    ]  # fmt: skip
    head = ("size", "matched", "by default", "difference", "95 % interval")
    yield Table(head, rows).html()
    yield _intervals(found)
    each = [
        (mine.name, f"{round(mine.boxes):,}", *(_share(one.without) for one in (mine, theirs)),
         *("" if one.per_box is None else f"{one.per_box:.2f}" for one in (mine, theirs)))
        for mine, theirs in zip(found.sizes, usual.sizes, strict=True)
    ]  # fmt: skip
    yield Table(("size", "boxes", "without a positive", "by default", "positives per box", "by default"), each).html()
    yield figure(
        "Share of the boxes with an IoU of at least so much with an anchor, by size; below, how far it exceeds that of "
        "the default anchors.",
        "png",
        plot.png(found.plot(usual, name="default anchors", columns=2)),
    )


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def _intervals(found: Positives) -> str:
    where = "where the labels place the boxes" if found.known else "as a mean over 8 places of each box, alone"
    return f"<p>The boxes are {where}. Intervals need the images of the boxes: {RESAMPLES:,} resamples of them.</p>"


def _shapes(result: DetectorAnchors) -> Iterator[str]:
    check = result.check
    rows = [(f"objective of the search: {result.objective}", f"{result.score:.5f}", f"{result.default_score:.5f}")]
    yield Table(("over all boxes", "these anchors", "default anchors"), rows).html()
    sizes = [
        (size.name, f"{round(size.boxes):,}", "none" if size.mean_iou is None else f"{size.mean_iou:.4f}")
        for size in check.sizes
    ]
    yield Table(("size", "boxes", "mean IoU of shapes"), sizes).html()
    if not check.intervals:
        yield f"<p>No interval: it {escaped(NEEDED)}.</p>"
    else:
        low, high = check.intervals.mean_iou[1:]
        images = many(check.intervals.images, "image")
        yield f"<p>Mean IoU {check.mean_iou:.5f}, from {low:.5f} to {high:.5f} (95 %, {images}).</p>"


def _notes(report: DetectorReport) -> list[str]:
    result = report.result
    found = [f"Skipped while reading: {count:,} x {reason}" for reason, count in report.boxes.skipped.items()]
    if result.n_filtered:
        found.append(f"Left out: {no_side(result.n_filtered, report.min_size)}")
    if result.n_small:
        found.append(small_boxes(result.n_small))
    found += remarks(result.levels, result.img_size)
    return found + unsuited([one.stride for one in result.levels], [one.anchors for one in result.levels])
