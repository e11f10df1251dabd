"""What ``kmean_anchors`` of YOLOv5 and of YOLOv7 have in common: whitened k-means, the search, the report lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check, kernels
from fastanchor._errors import DataError
from fastanchor._evolve import Draws, climb
from fastanchor._types import FloatArray
from fastanchor.cluster import kmeans
from fastanchor.compat._labels import Labelled, rounded
from fastanchor.compat._single import Single
from fastanchor.compat._vq import restarts
from fastanchor.engine import choose
from fastanchor.engine._threads import each, thread_count

__all__ = ["LEAST", "STARTS", "Dialect", "Report", "beginning", "by_area", "fit", "kmean", "report", "threshold"]

LEAST = 2.0  # boxes without a side of so many pixels are left out
SMALL = 3.0  # boxes with a side below so many pixels are warned of
STARTS = 30
Say = Callable[[str], None]


class Dialect(NamedTuple):
    """What differs between the two programs."""

    prefix: str
    small: str  # remark on the number of small labels among all
    separator: str  # between anchors
    single: bool  # whether sizes are rounded to single precision before k-means
    both: bool  # whether the anchors of k-means are reported too
    draws: Draws
    say: Say
    alarm: Callable[[str, str], None]  # given the prefix and what is amiss

    def tell(self, text: str) -> None:
        """Say `text` behind the program's name."""
        self.say(self.prefix + text)

    def warn(self, text: str) -> None:
        """Say that something is amiss."""
        self.alarm(self.prefix, text)


class Report(NamedTuple):
    """Ratios of boxes to anchors: share of boxes with a match, matches a box, and means over all, best and matches."""

    bpr: float
    matches: float
    mean: float
    best: float
    past: float


def report(anchors: FloatArray, wh: FloatArray, thr: float) -> Report:
    """Return how boxes (n, 2), sides from 0 on, and anchors (k, 2) > 0 fit each other; `thr` is a ratio."""
    ratios = kernels.load(None, kernels.ONCE, len(wh)).ratios
    kw, kh = anchors[:, 0].copy(), anchors[:, 1].copy()
    w, h = wh[:, 0].copy(), wh[:, 1].copy()

    def work(chunks: list[slice]) -> list[Any]:
        return [ratios(w[c], h[c], kw, kh, thr) for c in chunks]

    total, best, past, count, above = (sum(part) for part in zip(*each(work, len(w), thread_count(None)), strict=True))
    n, k = len(w), len(kw)
    return Report(above / n, count / n, total / (n * k), best / n, past / count if count else float("nan"))


def by_area(anchors: NDArray[Any]) -> FloatArray:
    """Return anchors, smallest area first; areas as their own precision holds them."""
    return anchors[np.argsort(anchors.prod(1))].astype(np.float64)


def threshold(thr: Any) -> float:
    """Return the ratio that a multiple `thr` (``anchor_t``, 4 by default) stands for."""
    return 1.0 / _check.number(thr, "thr", low=1.0)


def kmean(
    found: Labelled, n: int, img_size: int, thr: float, gen: int, verbose: bool, start: str, dialect: Dialect
) -> FloatArray:
    """Return n anchors by area, (n, 2) in pixels of the network input: the whole of ``kmean_anchors``."""
    ratio = threshold(thr)
    gen = _check.integer(gen, "gen", least=0)
    small = int(np.count_nonzero((found.wh < SMALL).any(1)))
    if small:
        dialect.warn(dialect.small.format(small, len(found.wh)))
    wh, begun = beginning(found, n, start, dialect)
    every = rounded(found.wh)

    def told(anchors: NDArray[Any]) -> FloatArray:
        ordered = by_area(anchors)
        r = report(ordered, every, ratio)
        each_one = dialect.separator.join(f"{round(w)},{round(h)}" for w, h in ordered.tolist())
        dialect.say(
            f"{dialect.prefix}thr={ratio:.2f}: {r.bpr:.4f} best possible recall, {r.matches:.2f} anchors past thr\n"
            f"{dialect.prefix}n={n}, img_size={img_size}, metric_all={r.mean:.3f}/{r.best:.3f}-mean/best, "
            f"past_thr={r.past:.3f}-mean: {each_one}"
        )
        return ordered

    begun = told(begun) if dialect.both else by_area(begun)
    return told(fit(begun, rounded(wh), ratio, gen, dialect.draws, told if verbose else lambda anchors: None))


def beginning(found: Labelled, n: int, start: str, dialect: Dialect) -> tuple[FloatArray, NDArray[Any]]:
    """Return the boxes that count (m, 2) and the anchors (n, 2) to begin the search with.

    `start` is "original", SciPy's k-means on whitened sizes, or "iou", k-means under ``1 - IoU`` with medians.
    """
    n = _check.integer(n, "n", least=1)
    _check.choice(start, "start", ("original", "iou"))
    wh = found.wh[(found.wh >= LEAST).any(1)]
    if not len(wh):
        raise DataError(f"dataset: none of {len(found.wh)} labels has a side of {LEAST:g} pixels of the network input")
    if dialect.single:
        wh = rounded(wh)
    dialect.tell(f"Running kmeans for {n} anchors on {len(wh)} points...")
    few = _few(wh, n)
    if few is not None:
        dialect.warn(
            f"labels have {len(few)} distinct sizes, fewer than {n} anchors: the others start as variations of them"
        )
        return wh, _varied(few, n)
    if start == "iou":
        whole = wh[(wh > 0.0).all(1)]
        return wh, kmeans(whole, n, rng=int(np.random.randint(2**31)), progress=False).centers.copy()
    return wh, _whitened(wh.astype(np.float32) if dialect.single else wh, n, dialect.warn)


def _few(wh: FloatArray, n: int) -> FloatArray | None:
    """Return the distinct sizes, (m, 2), if they are fewer than n."""
    for some in (wh[: 100 * n], wh):  # nearly always the first look suffices
        distinct = np.unique(some[:, 0] + 1j * some[:, 1])
        if len(distinct) >= n:
            return None
    return np.column_stack([distinct.real, distinct.imag])


def _varied(sizes: FloatArray, n: int) -> FloatArray:
    """Return n anchors: the sizes, then again a tenth larger, and so on."""
    rows = np.arange(n)
    return np.maximum(sizes[rows % len(sizes)] * (1.1 ** (rows // len(sizes)))[:, None], LEAST)


def _whitened(wh: NDArray[Any], n: int, warn: Say) -> Any:
    scale = wh.std(0)
    if not (scale > 0.0).all():
        side = "width" if scale[0] == 0.0 else "height"
        warn(f"all labels have one {side}: it is not scaled for k-means")
        scale = np.where(scale > 0.0, scale, wh.dtype.type(1.0))
    books = restarts(wh / scale, n, starts=STARTS)
    first = min(books, key=lambda book: book.distortion)
    if len(first.centers) < n:
        whole = [book for book in books if len(book.centers) == n]
        warn(
            f"k-means requested {n} points but its best run returned only {len(first.centers)}: "
            "taking the best run that kept them all"
        )
        if not whole:
            found = kmeans(wh / scale, n, metric="euclidean", update="mean", rng=0, progress=False)
            return found.centers * scale
        first = min(whole, key=lambda book: book.distortion)
    return first.centers * scale


def fit(anchors: FloatArray, wh: FloatArray, thr: float, gen: int, draws: Draws, improved: Any) -> FloatArray:
    """Return anchors after `gen` generations. Boxes (n, 2) may have a side of 0: nothing matches them."""
    whole = (wh > 0.0).all(1)
    kept = wh if whole.all() else wh[whole]
    if not len(kept):
        raise DataError("dataset: every label has a width or a height of 0")
    answers = Single(choose(kept, work=kernels.Work(len(anchors), generations=gen)), wh)
    return climb(np.maximum(anchors, 1e-3), answers, thr, gen, draws, None, improved).anchors.copy()
