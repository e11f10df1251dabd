"""The autoanchor of YOLOv5 and YOLOv7: whitened k-means, the genetic search, and the check of a model's anchors.

The programs differ in what :class:`Dialect` holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check, kernels
from fastanchor._check import Called
from fastanchor._errors import DataError, FastanchorError
from fastanchor._evolve import Draws, climb
from fastanchor._types import FloatArray
from fastanchor.cluster import kmeans
from fastanchor.compat import _model
from fastanchor.compat._labels import Labelled, gather, rounded
from fastanchor.compat._single import Single
from fastanchor.compat._vq import whitened
from fastanchor.engine import choose
from fastanchor.engine._threads import each, thread_count

__all__ = ["LEAST", "SMALL", "Dialect", "Report", "by_area", "check", "kmean", "order", "report", "threshold"]

LEAST = 2.0  # boxes with both sides below so many pixels are left out
SMALL = 3.0  # the log warns of boxes with a side below so many pixels
GENERATIONS = 1000  # of the search in `check`
Say = Callable[[str], None]


class Dialect(NamedTuple):
    """What differs between the two programs. The prefix is printed before each line unless the line is whole."""

    prefix: str
    small: str  # remark on small labels; two numbers
    separator: str  # between anchors
    single: bool  # sizes are rounded to single precision before k-means
    new_single: bool  # new anchors are rounded to single precision before they are compared
    both: bool  # the anchors of k-means are reported too
    good: Callable[[float], bool]  # whether anchors of this best possible recall are kept
    state: str  # what `check` found; `matches` per box and `bpr`
    fits: str  # ending of `state` if the anchors are kept
    poor: str  # ending of `state` if they are not
    adopted: str
    rejected: str
    turned: str  # a whole line
    blank: bool  # a blank line follows a search
    draws: Draws
    say: Say
    alarm: Callable[[str, str], None]  # called with the prefix and the warning

    def warn(self, text: str) -> None:
        """Print a warning."""
        self.alarm(self.prefix, text)


class Report(NamedTuple):
    """Share of boxes with a match, matches per box, and mean ratios: of all pairs, of the best ones, of matches."""

    bpr: float
    matches: float
    mean: float
    best: float
    past: float


def report(anchors: FloatArray, wh: FloatArray, thr: float) -> Report:
    """Return how well anchors (k, 2) > 0 fit boxes (n, 2) >= 0; `thr` is the ratio of a match."""
    ratios = kernels.load(None, kernels.ONCE, len(wh)).ratios
    kw, kh = anchors[:, 0].copy(), anchors[:, 1].copy()
    w, h = wh[:, 0].copy(), wh[:, 1].copy()

    def work(chunks: list[slice]) -> list[Any]:
        return [ratios(w[c], h[c], kw, kh, thr) for c in chunks]

    total, best, past, count, above = (sum(part) for part in zip(*each(work, len(w), thread_count(None)), strict=True))
    n, k = len(w), len(kw)
    return Report(above / n, count / n, total / (n * k), best / n, past / count if count else float("nan"))


def by_area(anchors: NDArray[Any], *, stable: bool = False) -> FloatArray:
    """Return anchors by area in their own precision, smallest first, as float64; originals differ in ties."""
    return anchors[np.argsort(anchors.prod(1), kind="stable" if stable else None)].astype(np.float64)


def threshold(thr: Any) -> float:
    """Return the ratio that a multiple `thr` (``anchor_t``, 4 by default) stands for."""
    return 1.0 / _check.number(thr, "thr", low=1.0)


def order(m: Any, dialect: Dialect) -> None:
    """Reverse the levels of a detection layer if their mean areas run against the strides."""
    if _model.Head(m).turn():
        dialect.say(dialect.turned)


def check(dataset: Any, model: Any, thr: float, imgsz: int, start: str, dialect: Dialect) -> None:
    """Score a model's anchors and replace them if new ones reach more boxes; bad data is one line in the log."""
    m = _model.last_layer(model)
    if not hasattr(m, "anchors") or not hasattr(m, "stride"):
        dialect.say(f"{dialect.prefix}this detector has no anchors: nothing to check")
        return
    try:
        _checked(dataset, _model.Head(m), thr, imgsz, start, dialect)
    except FastanchorError as error:
        dialect.warn(f"{error}; proceeding with original anchors")


def _checked(dataset: Any, head: _model.Head, thr: float, imgsz: int, start: str, dialect: Dialect) -> None:
    ratio, prefix = threshold(thr), dialect.prefix
    labels = gather(dataset, imgsz, dialect.warn)
    wh = _model.jittered(labels.wh, labels.image, labels.images)
    before = report(head.pixels.reshape(-1, 2), wh, ratio)
    state = f"\n{prefix}{dialect.state.format(matches=before.matches, bpr=before.bpr)}"
    if dialect.good(before.bpr):
        dialect.say(state + dialect.fits)
        head.doubt(dialect.warn)
        return
    dialect.say(state + dialect.poor)
    anchors = kmean(labels, head.anchors.size // 2, imgsz, thr, GENERATIONS, False, start, dialect)
    if dialect.new_single:
        anchors = rounded(anchors)
    if report(anchors, wh, ratio).bpr > before.bpr:
        if head.write(anchors):
            dialect.say(dialect.turned)
        dialect.say(prefix + dialect.adopted)
    else:
        dialect.say(prefix + dialect.rejected)
        head.doubt(dialect.warn)
    if dialect.blank:
        dialect.say("")


def kmean(
    labels: Labelled, n: int, img_size: int, thr: float, gen: int, verbose: bool, start: str, dialect: Dialect
) -> FloatArray:
    """Return n anchors by area, (n, 2) in pixels of the network input: the whole of ``kmean_anchors``."""
    ratio = threshold(thr)
    gen = _check.integer(gen, "gen", least=0)
    small = int(np.count_nonzero((labels.wh < SMALL).any(1)))
    if small:
        dialect.warn(dialect.small.format(small, len(labels.wh)))
    wh, first = _first(labels, n, start, dialect)
    every = rounded(labels.wh)

    def reported(anchors: NDArray[Any]) -> FloatArray:
        ordered = by_area(anchors)
        r = report(ordered, every, ratio)
        sizes = dialect.separator.join(f"{round(w)},{round(h)}" for w, h in ordered.tolist())
        dialect.say(
            f"{dialect.prefix}thr={ratio:.2f}: {r.bpr:.4f} best possible recall, {r.matches:.2f} anchors past thr\n"
            f"{dialect.prefix}n={n}, img_size={img_size}, metric_all={r.mean:.3f}/{r.best:.3f}-mean/best, "
            f"past_thr={r.past:.3f}-mean: {sizes}"
        )
        return ordered

    first = reported(first) if dialect.both else by_area(first)
    wh = rounded(wh)
    whole = (wh > 0.0).all(1)  # the others match nothing, but they count
    if not whole.any():
        raise DataError("dataset: every label has a width or a height of 0")
    work = kernels.Work(n, generations=gen)
    engine = Single(choose(wh if whole.all() else wh[whole], work=work), wh)
    improved = reported if verbose else lambda anchors: anchors
    return reported(climb(np.maximum(first, 1e-3), engine, ratio, gen, dialect.draws, None, improved).anchors.copy())


def _first(labels: Labelled, n: int, start: str, dialect: Dialect) -> tuple[FloatArray, NDArray[Any]]:
    """Return the boxes that are large enough, (m, 2), and the anchors (n, 2) that the search starts from.

    `start` is "original", SciPy's k-means on whitened sizes, or "iou", k-means under ``1 - IoU`` with medians.
    """
    n = _check.integer(n, "n", least=1)
    _check.choice(start, "start", ("original", "iou"))
    wh = labels.wh[(labels.wh >= LEAST).any(1)]
    if not len(wh):
        raise DataError(f"dataset: none of {len(labels.wh)} labels has a side of {LEAST:g} pixels of the network input")
    if dialect.single:
        wh = rounded(wh)
    dialect.say(f"{dialect.prefix}Running kmeans for {n} anchors on {len(wh)} points...")
    few = _few(wh, n)
    if few is not None:
        dialect.warn(
            f"labels have {len(few)} distinct sizes, fewer than {n} anchors: the others start as variations of them"
        )
        return wh, _varied(few, n)
    if start == "iou":
        whole = wh[(wh > 0.0).all(1)]
        return wh, kmeans(whole, n, rng=int(np.random.randint(2**31)), progress=False).centers.copy()
    points = wh.astype(np.float32) if dialect.single else wh
    return wh, whitened(points, points.std(0), n, dialect.warn, Called("dataset", "n"))


def _few(wh: FloatArray, n: int) -> FloatArray | None:
    """Return the distinct sizes, (m, 2), if they are fewer than n."""
    for some in (wh[: 100 * n], wh):  # the first rows nearly always suffice
        distinct = np.unique(some[:, 0] + 1j * some[:, 1])
        if len(distinct) >= n:
            return None
    return np.column_stack([distinct.real, distinct.imag])


def _varied(sizes: FloatArray, n: int) -> FloatArray:
    """Return n anchors: the sizes, then again a tenth larger, and so on."""
    rows = np.arange(n)
    return np.maximum(sizes[rows % len(sizes)] * (1.1 ** (rows // len(sizes)))[:, None], LEAST)
