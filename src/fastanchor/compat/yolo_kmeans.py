"""Stand-in for the widely copied tutorial script ``yolo_kmeans.py``: the same functions, results and printed lines.

Random numbers come from ``numpy.random`` (k-means, the search) and ``random`` (the search), in the script's order.
Where the script never ends (fewer distinct boxes than centres, an emptied cluster, a cycle), this raises, moves the
centre to the box that is served worst, or stops; see :func:`fastanchor.kmeans`.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import numpy as np

from fastanchor import _check
from fastanchor import metrics as _metrics
from fastanchor._check import Called
from fastanchor._errors import DataError
from fastanchor._evolve import Draws, climb
from fastanchor._progress import bar
from fastanchor._types import Fitness, FloatArray, IntArray, KMeansResult, Metric, Update
from fastanchor.cluster import AS_IN_KMEANS, clustered
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
LEAST, SMALL = 2.0, 3.0  # pixels: boxes without such a side are left out, boxes with a side below are warned of
RELATIVE = 4.0  # sides of the image: a larger box is one in pixels
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
    return fitted(boxes, k, dist, use_iou, use_pp).centers.copy()  # scripts may change their anchors in place


def fitted(
    boxes: Any,
    k: int,
    dist: Rule = np.median,
    use_iou: bool = True,
    use_pp: bool = False,
    named: Called = AS_IN_KMEANS,
) -> KMeansResult:
    """Return the whole result of :func:`k_means`; errors name the arguments as they are `named`."""
    k = _check.integer(k, named.k, least=1)
    if not callable(dist):
        raise DataError(f"dist = {dist!r}: must be a function such as numpy.median, called with axis=0")
    metric = _metric(use_iou)
    answers: Engine
    if dist in RULES:
        answers = choose(boxes, metric=metric, argument=named.boxes)
    else:
        check = _check.as_sizes if use_iou else _check.as_points
        wh = check(boxes, named.boxes)
        answers = cast(Engine, _Ruled(choose(wh, name="dense", metric=metric), wh, dist))
    if k > len(answers):
        raise DataError(f"{named.boxes}: there are {len(answers)}, fewer than {named.k} = {k}")
    draw = _plus_plus if use_pp else _random
    start = draw(answers, k, metric)
    update = RULES.get(dist, "median")
    return clustered(
        answers, k, metric=metric, update=update, init=start, max_iter=ENDLESS, progress=False, named=named
    )


def anchor_fitness(k: Any, wh: Any, thr: float = 0.25) -> Fitness:
    """Return fitness and best possible recall of anchors `k` (k, 2) for boxes `wh` (n, 2); `thr` is a ratio.

    Examples
    --------
    >>> anchor_fitness([[10, 10]], [[10, 20], [10, 50]], 0.25)
    Fitness(fitness=0.25, bpr=0.5)
    """
    anchors, thr = _check.as_sizes(k, "k"), _check.number(thr, "thr", low=0.0, high=1.0)
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
    ratio = _check.number(thr, "thr", low=0.0, high=1.0)
    gen = _check.integer(gen, "gen", least=0)
    wh = _scaled(side, img_wh, bbox_wh)
    small = int(np.count_nonzero((wh < SMALL).any(1)))
    if small:
        print(f"WARNING: Extremely small objects found. {small} of {len(wh)} labels are < 3 pixels in size.")
    wh = wh[(wh >= LEAST).any(1)]
    if not len(wh):
        raise DataError(f"bbox_wh: no box has a side of {LEAST:g} pixels at img_size = {side}")
    answers = choose(wh)
    begun = _by_area(fitted(answers, n, named=Called("bbox_wh", "n")).centers)
    fitness, bpr = answers.fitness(begun, ratio)
    _tell("kmeans", begun, fitness, bpr)
    draws = Draws(np.random.random_sample, random.random, np.random.standard_normal)
    tried = _Tried(answers, begun)
    search = climb(begun, tried, ratio, gen, draws, _Bar)
    found = _by_area(search.anchors)
    bpr = answers.fitness(tried.last, ratio).bpr
    _tell("genetic", found, search.fitness, bpr)
    if bpr != search.bpr:
        print(
            f"fastanchor: {bpr:.5f} is the recall of the last mutant, as the script prints it; "
            f"these anchors reach {search.bpr:.5f}",
            file=sys.stderr,
        )
    return found


def _scaled(side: int, img_wh: Any, bbox_wh: Sequence[Any]) -> FloatArray:
    images = _check.as_sizes(img_wh, "img_wh", "pixels").astype(np.float32)
    if len(images) != len(bbox_wh):
        raise DataError(f"bbox_wh: holds {len(bbox_wh)} images, img_wh {len(images)}")
    per_image = [_of_image(one, i) for i, one in enumerate(bbox_wh) if len(one)]
    relative = _check.as_sizes(np.concatenate(per_image) if per_image else [], "bbox_wh", "relative to the image")
    if relative.max() > RELATIVE:
        row = int((relative > RELATIVE).any(1).argmax())
        image = int(np.searchsorted(np.cumsum([len(one) for one in bbox_wh]), row, side="right"))
        w, h = relative[row].tolist()
        raise DataError(f"bbox_wh[{image}]: holds the size ({w:g}, {h:g}); sizes must be relative to the image, 0 to 1")
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
            f"bbox_wh[{number}]: must be (m, 2) numbers, the widths and heights of the boxes of one image; "
            f"got {array.dtype} of shape {array.shape}"
        )
    return array


def _tell(name: str, anchors: FloatArray, fitness: float, bpr: float) -> None:
    print(f"{name}: " + " ".join(f"[{int(w)}, {int(h)}]" for w, h in anchors.tolist()))
    print(f"fitness: {fitness:.5f}, best possible recall: {bpr:.5f}")


def _by_area(anchors: FloatArray) -> FloatArray:
    ordered: FloatArray = anchors[np.argsort(anchors.prod(1))]
    return ordered


def _metric(use_iou: bool) -> Metric:
    return "iou" if use_iou else "euclidean"


def _random(answers: Engine, k: int, metric: Metric) -> FloatArray:
    return answers.take(np.random.choice(len(answers), k, replace=False))


def _plus_plus(answers: Engine, k: int, metric: Metric) -> FloatArray:
    centers = answers.take(np.array([np.random.randint(len(answers))]))
    while len(centers) < k:
        found = answers.pick(centers, metric, np.random.random_sample())
        if found is None:
            raise DataError(f"boxes: hold {len(centers)} distinct sizes, fewer than k = {k}")
        centers = np.vstack([centers, found.box])
    return centers


class _Bar:
    """The bar of the search with the script's text."""

    def __init__(self, total: int, desc: str, unit: str) -> None:
        self._inner = bar(None, total=total, desc=TITLE, unit="it")

    def __enter__(self) -> _Bar:
        self._inner.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._inner.__exit__(*error)

    def update(self, n: int) -> None:
        """Move on by n generations."""
        self._inner.update(n)

    def set_postfix_str(self, text: str, refresh: bool = True) -> None:
        """Show ``fitness 0.7581``, which the script has in front."""
        self._inner.set_description_str(f"{TITLE} {text.replace(' ', ' = ')}", refresh=refresh)


class _Tried:
    """An engine that remembers the anchors it was asked about last."""

    def __init__(self, answers: Engine, first: FloatArray) -> None:
        self.fitness, self._first_fitter, self.last = answers.fitness, answers.first_fitter, first

    def first_fitter(
        self, mutants: Sequence[FloatArray], thr: float, than: float, of: FloatArray | None = None
    ) -> tuple[int, float] | None:
        """Return which of these anchors is the first that is fitter, and its fitness."""
        found = self._first_fitter(mutants, thr, than, of)
        self.last = mutants[-1 if found is None else found[0]]
        return found


class _Ruled:
    """An engine whose centres follow a rule of the caller's."""

    def __init__(self, answers: Engine, wh: FloatArray, rule: Rule) -> None:
        self._answers, self._wh, self._rule = answers, wh, rule

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answers, name)

    def __len__(self) -> int:
        return len(self._answers)

    def lloyd(self, metric: Metric, update: Update) -> _RuledLloyd:
        """Begin a run of k-means."""
        return _RuledLloyd(self, metric)

    def ruled(self, labels: IntArray, k: int) -> FloatArray:
        """Return what the rule makes of each label's boxes, (k, 2); NaN for no box."""
        out = np.full((k, 2), np.nan)
        for j in range(k):
            own = self._wh[labels == j]
            if len(own):
                out[j] = self._rule(own, axis=0)
        return out


class _RuledStep(NamedTuple):
    changed: bool
    counts: IntArray
    centers: FloatArray
    distances: Callable[[], float]

    @property
    def inertia(self) -> float:
        """Sum of the distances to the centres given."""
        return self.distances()


class _RuledLloyd:
    def __init__(self, answers: Any, metric: Metric) -> None:
        self._answers, self._metric = answers, metric
        self._labels: IntArray | None = None

    def step(self, centers: FloatArray) -> _RuledStep:
        """Assign the boxes to `centers` and return what the rule makes of them."""
        k, labels = len(centers), self._answers.labels(centers, self._metric)
        changed = self._labels is None or not np.array_equal(labels, self._labels)
        self._labels = labels
        return _RuledStep(
            changed,
            np.bincount(labels, minlength=k),
            self._answers.ruled(labels, k),
            lambda: float(self._answers.nearest(centers, self._metric).inertia),
        )


# what a script holds itself, where it is no module of its own; main.py has its own anchor_fitness
SCRIPT: dict[str, Callable[..., Any]] = {
    "anchor_fitness": anchor_fitness,
    "auto_anchor": auto_anchor,
    "calc_center": calc_center,
    "calc_distance": calc_distance,
    "k_means": k_means,
    "read_voc": read_voc,
    "wh_iou": wh_iou,
}
