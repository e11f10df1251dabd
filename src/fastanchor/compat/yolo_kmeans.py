"""Stand-in for the widely copied tutorial script ``yolo_kmeans.py``: the same functions, results and printed lines.

Random numbers come from ``numpy.random`` (k-means, the search) and ``random`` (the search), in the script's order.
Where the script never ends (fewer distinct boxes than centres, an emptied cluster, a cycle), this raises, moves the
centre to the box farthest from all centres, or stops; see :func:`fastanchor.kmeans`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor import metrics as _metrics
from fastanchor._check import Called
from fastanchor._errors import DataError
from fastanchor._evolve import Draws, climb
from fastanchor._progress import bar
from fastanchor._types import Fitness, FloatArray, KMeansResult, Metric, Update
from fastanchor.cluster import AS_IN_KMEANS, clustered
from fastanchor.compat._autoanchor import LEAST, SMALL, by_area
from fastanchor.compat._read_voc import read_voc
from fastanchor.engine import Engine, choose

__all__ = [
    "anchor_fitness",
    "auto_anchor",
    "calc_center",
    "calc_distance",
    "k_means",
    "read_voc",
    "wh_iou",
]

ENDLESS = 100_000  # updates; the script has no limit
RELATIVE = 4.0  # sides of the image: a larger box must be in pixels
TITLE = "Evolving anchors with Genetic Algorithm:"
RULES: dict[Any, Update] = {np.median: "median", np.mean: "mean"}
Rule = Callable[..., Any]


def wh_iou(wh1: Any, wh2: Any) -> FloatArray:
    """Return the IoU of every size in `wh1` (n, 2) with every size in `wh2` (m, 2), corners together: (n, m).

    Examples
    --------
    >>> wh_iou(np.array([[2, 2], [4, 1]]), np.array([[2, 2]])).tolist()
    [[1.0], [0.3333333333333333]]
    """
    return _metrics.wh_iou(wh1, wh2)


def calc_distance(obs: Any, centers: Any, use_iou: bool = False) -> FloatArray:
    """Return the Euclidean distance of every point (n, 2) to every centre (k, 2), as (n, k).

    Some copies of the script return half of it. ``use_iou=True`` takes sizes > 0 and returns ``1 - IoU``.

    Examples
    --------
    >>> calc_distance([[3, 4], [-3, -4]], [[6, 8], [3, 4]]).tolist()
    [[5.0, 0.0], [15.0, 10.0]]
    """
    if use_iou:
        return 1.0 - _metrics.wh_iou(obs, centers)
    points, to = _check.as_points(obs, "obs"), _check.as_points(centers, "centers")
    out = np.empty((len(points), len(to)))
    for j, (x, y) in enumerate(to.tolist()):
        np.sqrt((points[:, 0] - x) ** 2 + (points[:, 1] - y) ** 2, out=out[:, j])
    return out


def calc_center(boxes: Any, k: int, use_iou: bool = True) -> FloatArray:
    """Return k first centres by k-means++: each next box is drawn by its distance to those before, (k, 2).

    Raises
    ------
    DataError
        If there are fewer distinct boxes than k.

    Examples
    --------
    >>> np.random.seed(0)
    >>> calc_center([[1, 1], [2, 2], [9, 9]], 2).shape
    (2, 2)
    """
    k = _check.integer(k, "k", least=1)
    return _plus_plus(choose(boxes, metric=_metric(use_iou)), k, _metric(use_iou))


def k_means(boxes: Any, k: int, dist: Rule = np.median, use_iou: bool = True, use_pp: bool = False) -> FloatArray:
    """Return k centres (k, 2) of the boxes (n, 2), in the order of the centres drawn.

    Boxes of whole numbers get centres such as 10.5 here. The script keeps them in an array of integers, so it cuts off
    the fraction in every round, which moves its centres down and to the left.

    Parameters
    ----------
    boxes : (n, 2) array-like
        Widths and heights > 0, in any unit.
    k : int
        Number of centres.
    dist : callable, default numpy.median
        How a centre follows from its boxes: called as ``dist(boxes, axis=0)``. ``numpy.median`` and ``numpy.mean``
        run on compiled kernels.
    use_iou : bool, default True
        Distance ``1 - IoU``; False: Euclidean.
    use_pp : bool, default False
        Start from :func:`calc_center` in place of k random boxes.

    Raises
    ------
    DataError
        If there are fewer distinct boxes than k, or a side is not finite and > 0.

    Examples
    --------
    >>> np.random.seed(0)
    >>> boxes = np.array([[10, 10], [12, 10], [50, 60], [54, 66], [52, 60]])
    >>> k_means(boxes, 2).tolist()
    [[52.0, 60.0], [11.0, 10.0]]
    """
    if not callable(dist):
        raise DataError(f"dist: got {dist!r}, expected a function such as numpy.median, called with axis=0")
    if dist in RULES:
        return fitted(boxes, k, RULES[dist], use_iou, use_pp).centers.copy()  # scripts may change them in place
    wh = (_check.as_sizes if use_iou else _check.as_points)(boxes, "boxes")
    return _by_rule(wh, k, dist, _metric(use_iou), use_pp)


def fitted(
    boxes: Any,
    k: int,
    update: Update = "median",
    use_iou: bool = True,
    use_pp: bool = False,
    named: Called = AS_IN_KMEANS,
) -> KMeansResult:
    """Return the whole result of :func:`k_means`; errors name the arguments as in `named`."""
    metric = _metric(use_iou)
    engine = choose(boxes, metric=metric, argument=named.boxes)
    start = _started(engine, k, metric, use_pp, named)
    return clustered(engine, k, metric=metric, update=update, init=start, max_iter=ENDLESS, progress=False, named=named)


def _by_rule(wh: FloatArray, k: int, rule: Rule, metric: Metric, use_pp: bool) -> FloatArray:
    """Return the centres of k-means whose centres follow from their boxes by any function.

    As in :func:`fastanchor.kmeans`, a centre without boxes moves to the box farthest from all others, and a cycle ends
    with the best of its centres.
    """
    engine = choose(wh, name="dense", metric=metric)
    centers = _started(engine, k, metric, use_pp, AS_IN_KMEANS)
    k, before, seen = len(centers), None, {centers.tobytes(): centers}
    for _ in range(ENDLESS):
        labels = engine.labels(centers, metric)
        filled = np.bincount(labels, minlength=k) > 0
        if before is not None and filled.all() and np.array_equal(labels, before):
            break
        before, moved = labels, np.empty_like(centers)
        for j in np.flatnonzero(filled):
            moved[j] = rule(wh[labels == j], axis=0)
        if not filled.all():
            empty = k - int(np.count_nonzero(filled))
            far = engine.spread(moved[filled], metric, empty)
            if len(far.rows) < empty:
                raise DataError(f"boxes: too few of them can be told apart for k = {k} centres")
            moved[~filled] = far.boxes
        if moved.tobytes() in seen and not np.array_equal(moved, centers):
            return min(seen.values(), key=lambda one: engine.nearest(one, metric).inertia)
        seen[moved.tobytes()] = centers = moved
    return centers


def _started(engine: Engine, k: int, metric: Metric, use_pp: bool, named: Called) -> FloatArray:
    """Return the first centres: k-means++ or k random boxes."""
    k = _check.integer(k, named.k, least=1)
    if k > len(engine):
        raise DataError(f"{named.boxes}: got {len(engine)}, fewer than {named.k} = {k}")
    if use_pp:
        return _plus_plus(engine, k, metric)
    return engine.take(np.random.choice(len(engine), k, replace=False))


def anchor_fitness(k: Any, wh: Any, thr: float = 0.25) -> Fitness:
    """Return fitness and best possible recall of anchors `k` (k, 2) for boxes `wh` (n, 2); `thr` is a ratio.

    Examples
    --------
    >>> anchor_fitness([[10, 10]], [[10, 20], [10, 50]], 0.25)
    Fitness(fitness=0.25, bpr=0.5)
    """
    anchors, thr = _check.as_sizes(k, "k"), _check.threshold(thr)
    return choose(wh, argument="wh").fitness(anchors, thr)


def auto_anchor(img_size: int, n: int, thr: float, gen: int, img_wh: Any, bbox_wh: Sequence[Any]) -> FloatArray:
    """Print and return n anchors: k-means with medians under ``1 - IoU``, then a genetic search.

    Parameters
    ----------
    img_size : int
        What the longer side of each image is scaled to, pixels.
    n : int
        Number of anchors.
    thr : float
        Ratio that counts as a match, 0.25 as a rule.
    gen : int
        Generations of the search.
    img_wh : (images, 2) array-like
        Widths and heights of the images, pixels. Scaled in float32, as in the script.
    bbox_wh : sequence of (m, 2) array-like
        For each image, widths and heights of its boxes relative to the image, 0 to 1.

    Returns
    -------
    (n, 2) float64
        In pixels of the network input, by area. (The script only printed them.)

    Raises
    ------
    DataError
        If an argument breaks a rule, no box is left, or sizes are not relative to the image.
    """
    side = _check.integer(img_size, "img_size", least=1)
    ratio = _check.threshold(thr)
    gen = _check.integer(gen, "gen", least=0)
    wh = _scaled(side, img_wh, bbox_wh)
    small = int(np.count_nonzero((wh < SMALL).any(1)))
    if small:
        print(f"WARNING: Extremely small objects found. {small} of {len(wh)} labels are < 3 pixels in size.")
    wh = wh[(wh >= LEAST).any(1)]
    if not len(wh):
        raise DataError(f"bbox_wh: no box has a side of {LEAST:g} pixels at img_size = {side}")
    answers = choose(wh)
    begun = by_area(fitted(answers, n, named=Called("bbox_wh", "n")).centers)
    fitness, bpr = answers.fitness(begun, ratio)
    _print("kmeans", begun, fitness, bpr)
    draws = Draws(np.random.random_sample, random.random, np.random.standard_normal)
    tried = _Tried(answers, begun)
    search = climb(begun, tried, ratio, gen, draws, _bar)
    anchors = by_area(search.anchors)
    bpr = answers.fitness(tried.last, ratio).bpr
    _print("genetic", anchors, search.fitness, bpr)
    if bpr != search.bpr:
        print(
            f"fastanchor: {bpr:.5f} is the recall of the last mutant, as the script prints it; "
            f"these anchors reach {search.bpr:.5f}",
            file=sys.stderr,
        )
    return anchors


def _scaled(side: int, img_wh: Any, bbox_wh: Sequence[Any]) -> FloatArray:
    images = _check.as_sizes(img_wh, "img_wh", "pixels").astype(np.float32)
    if len(images) != len(bbox_wh):
        raise DataError(f"bbox_wh: got {len(bbox_wh)} images, expected {len(images)} as in img_wh")
    per_image = [_of_image(one, i) for i, one in enumerate(bbox_wh) if len(one)]
    relative = _check.as_sizes(np.concatenate(per_image) if per_image else [], "bbox_wh", "relative to the image")
    if relative.max() > RELATIVE:
        row = int((relative > RELATIVE).any(1).argmax())
        image = int(np.searchsorted(np.cumsum([len(one) for one in bbox_wh]), row, side="right"))
        w, h = relative[row].tolist()
        raise DataError(f"bbox_wh[{image}]: got the size ({w:g}, {h:g}), expected sizes relative to the image, 0 to 1")
    scale = np.repeat(side * images / images.max(1, keepdims=True), [len(one) for one in bbox_wh], axis=0)
    single = all(one.dtype == np.float32 for one in per_image)  # single precision twice gives single precision
    product: FloatArray = (relative.astype(np.float32) if single else relative) * scale
    return product.astype(np.float64)


def _of_image(sizes: Any, number: int) -> Any:
    """Return the boxes of one image as an array of numbers, (m, 2)."""
    _check.unmasked(sizes, f"bbox_wh[{number}]")
    try:
        array = np.asarray(sizes)
    except ValueError:
        array = np.empty(0, dtype=object)
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "fiu":
        raise DataError(
            f"bbox_wh[{number}]: got {array.dtype} of shape {array.shape}, expected (m, 2) numbers: "
            "the widths and heights of the boxes of one image"
        )
    return array


def _print(name: str, anchors: FloatArray, fitness: float, bpr: float) -> None:
    print(f"{name}: " + " ".join(f"[{int(w)}, {int(h)}]" for w, h in anchors.tolist()))
    print(f"fitness: {fitness:.5f}, best possible recall: {bpr:.5f}")


def _metric(use_iou: bool) -> Metric:
    return "iou" if use_iou else "euclidean"


def _plus_plus(answers: Engine, k: int, metric: Metric) -> FloatArray:
    centers = answers.take(np.array([np.random.randint(len(answers))]))
    while len(centers) < k:
        picked = answers.pick(centers, metric, np.random.random_sample())
        if picked is None:
            raise DataError(f"boxes: got {len(centers)} distinct sizes, fewer than k = {k}")
        centers = np.vstack([centers, picked.box])
    return centers


def _bar(total: int, desc: str, unit: str) -> Any:
    """Return a bar that shows ``fitness = 0.7581`` in front, with the script's text."""
    moving = bar(None, total=total, desc=TITLE, unit="it")
    front = moving.set_description_str
    moving.set_postfix_str = lambda text, refresh=True: front(f"{TITLE} {text.replace(' ', ' = ')}", refresh=refresh)
    return moving


class _Tried:
    """An engine that remembers the last anchors that it compared."""

    def __init__(self, answers: Engine, first: FloatArray) -> None:
        self.fitness, self._first_fitter, self.last = answers.fitness, answers.first_fitter, first

    def first_fitter(
        self, mutants: Sequence[FloatArray], thr: float, than: float, of: FloatArray | None = None
    ) -> tuple[int, float] | None:
        """Return which of these anchors is the first that is fitter, and its fitness."""
        fitter = self._first_fitter(mutants, thr, than, of)
        self.last = mutants[-1 if fitter is None else fitter[0]]
        return fitter


# the functions that a script may define itself
SCRIPT: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (anchor_fitness, auto_anchor, calc_center, calc_distance, k_means, read_voc, wh_iou)
}
