"""``tools/analysis_tools/optimize_anchors.py`` of MMDetection and MMYOLO, over arrays of sizes.

The scripts read a data set through a config; here sizes are arrays from any source. As there, images are scaled so that
the longer side fits, per axis of the input (see :func:`resized`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._check import Called
from fastanchor._errors import BackendError, DataError
from fastanchor._types import FloatArray
from fastanchor.cluster import clustered
from fastanchor.compat import _v5
from fastanchor.compat._autoanchor import LEAST, by_area, threshold
from fastanchor.compat._repository import say
from fastanchor.engine import Engine, choose
from fastanchor.levels import as_counts

__all__ = ["differential_evolution", "k_means", "nested", "optimize_anchors", "resized", "v5_k_means"]

TINY = 1e-6  # pixels: an anchor on the bound 0 still has an area
ALGORITHMS = ("differential_evolution", "DE", "k-means", "v5-k-means")


def optimize_anchors(
    bbox_whs: Any,
    img_shapes: Any,
    input_shape: Sequence[int] = (640, 640),
    num_anchors: int = 9,
    algorithm: str = "differential_evolution",
    iters: int = 1000,
    *,
    rng: Any = None,
) -> FloatArray:
    """Return anchors that fit labelled boxes best by mean IoU, smallest area first.

    Parameters
    ----------
    bbox_whs : (n, 2) array-like
        Widths and heights of the boxes, pixels of their images.
    img_shapes : (n, 2) array-like
        Width and height of the image of each box, pixels.
    input_shape : (width, height), default (640, 640)
        Of the network input, pixels.
    num_anchors : int, default 9
        Number of anchors.
    algorithm : {"differential_evolution", "DE", "k-means", "v5-k-means"}
        See the functions of these names; "DE" is MMYOLO's name for differential evolution.
    iters : int, default 1000
        Most rounds.
    rng : int, numpy.random.Generator or None
        Seed or source of randomness.

    Returns
    -------
    (num_anchors, 2) float64
        Widths and heights in pixels of the network input.

    Raises
    ------
    DataError
        If an argument breaks a rule.
    BackendError
        If SciPy, which differential evolution needs, is not installed.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> boxes, images = rng.uniform(9, 99, (500, 2)), np.full((500, 2), 100)
    >>> optimize_anchors(boxes, images, num_anchors=3, algorithm="k-means", rng=0).shape
    (3, 2)
    """
    _check.choice(algorithm, "algorithm", ALGORITHMS)
    wh = resized(bbox_whs, img_shapes, input_shape)
    if algorithm == "k-means":
        return k_means(wh, num_anchors, iters, rng=rng)
    if algorithm == "v5-k-means":
        return v5_k_means(wh, num_anchors, iters, rng=rng)
    return differential_evolution(wh, num_anchors, input_shape, iters, rng=rng)


def resized(bbox_whs: Any, img_shapes: Any, input_shape: Sequence[int] = (640, 640)) -> FloatArray:
    """Return box sizes (n, 2) as the scripts scale them: longer side of the image over each side of the input.

    For an input that is not square, widths and heights are scaled by different factors, as there.

    Examples
    --------
    >>> resized([[50, 20]], [[100, 80]], (640, 320)).tolist()
    [[320.0, 64.0]]
    """
    wh = _check.as_sizes(bbox_whs, "bbox_whs", "pixels of the image")
    shapes = _check.as_sizes(img_shapes, "img_shapes", "pixels")
    if len(wh) != len(shapes):
        raise DataError(f"img_shapes: got {len(shapes)} rows for {len(wh)} boxes, expected one image size per box")
    width, height = _check.side_pair(input_shape, "input_shape")
    longest = shapes.max(1)
    return np.column_stack([wh[:, 0] * width / longest, wh[:, 1] * height / longest])


def k_means(bbox_whs: Any, num_anchors: int = 9, iters: int = 1000, *, rng: Any = None) -> FloatArray:
    """Return centres of k-means with means under ``1 - IoU``, smallest area first.

    A centre left without boxes moves to the box farthest from all centres; in the scripts it becomes (0, 0).

    Parameters
    ----------
    bbox_whs : (n, 2) array-like
        In pixels of the network input.
    num_anchors : int, default 9
    iters : int, default 1000
        Most updates.
    rng : int, numpy.random.Generator or None

    Raises
    ------
    DataError
        If an argument breaks a rule, or there are fewer distinct sizes than anchors.
    """
    iters = _check.integer(iters, "iters", least=1)
    named = Called("bbox_whs", "num_anchors", "iters")
    result = clustered(bbox_whs, num_anchors, update="mean", max_iter=iters, rng=rng, progress=False, named=named)
    return by_area(result.centers, stable=True)


def v5_k_means(
    bbox_whs: Any, num_anchors: int = 9, iters: int = 1000, prior_match_thr: float = 4.0, *, rng: Any = None
) -> FloatArray:
    """Return anchors by MMYOLO's ``v5-k-means``, smallest area first: whitened k-means, then YOLOv5's genetic search.

    Boxes without a side of 2 pixels are left out.

    Parameters
    ----------
    bbox_whs : (n, 2) array-like
        In pixels of the network input.
    num_anchors : int, default 9
    iters : int, default 1000
        Generations of the search.
    prior_match_thr : float, default 4
        Largest ratio of sides that counts as a match.
    rng : int, numpy.random.Generator or None
        None draws from ``numpy.random`` and ``random`` as the script does: same seeds, same anchors.

    Raises
    ------
    DataError
        If an argument breaks a rule, or there are fewer distinct sizes than anchors.

    Examples
    --------
    >>> boxes = np.random.default_rng(0).uniform(9, 99, (500, 2))
    >>> v5_k_means(boxes, 3, 100, rng=0).shape
    (3, 2)
    """
    n = _check.integer(num_anchors, "num_anchors", least=1)
    iters = _check.integer(iters, "iters", least=0)
    thr = threshold(prior_match_thr)
    wh = _check.as_sizes(bbox_whs, "bbox_whs", "pixels of the network input").astype(np.float32)
    wh = wh[(wh >= LEAST).any(1)]
    if n > len(wh):
        raise DataError(f"bbox_whs: {len(wh)} boxes have a side of {LEAST:g} pixels, fewer than {n} anchors")
    streams = _v5.global_streams() if rng is None else _v5.own_streams(rng)
    begun = _v5.start(wh, wh.std(0, ddof=1) if len(wh) > 1 else np.ones(2, np.float32), n, streams, say)
    return _v5.search(begun, wh, thr, iters, streams.draws).anchors.copy()


def differential_evolution(
    bbox_whs: Any,
    num_anchors: int = 9,
    input_shape: Sequence[int] = (640, 640),
    iters: int = 1000,
    strategy: str = "best1bin",
    population_size: int = 15,
    convergence_thr: float = 0.0001,
    mutation: tuple[float, float] = (0.5, 1),
    recombination: float = 0.7,
    *,
    rng: Any = None,
) -> FloatArray:
    """Return the anchors of largest mean IoU that SciPy's differential evolution finds, smallest area first.

    Parameters
    ----------
    bbox_whs : (n, 2) array-like
        In pixels of the network input.
    num_anchors : int, default 9
    input_shape : (width, height), default (640, 640)
        Bounds of the anchors, pixels.
    iters : int, default 1000
        Most generations, of ``population_size * 2 * num_anchors`` evaluations each.
    strategy, population_size, convergence_thr, mutation, recombination
        Passed to ``scipy.optimize.differential_evolution``.
    rng : int, numpy.random.Generator or None

    Raises
    ------
    DataError
        If an argument breaks a rule.
    BackendError
        If SciPy is not installed.
    """
    n = _check.integer(num_anchors, "num_anchors", least=1)
    iters = _check.integer(iters, "iters", least=1)
    width, height = _check.side_pair(input_shape, "input_shape")
    settings = (strategy, population_size, convergence_thr, mutation, recombination)
    engine = choose(bbox_whs, argument="bbox_whs")
    result = evolved(_loss, engine, (width, height), n, iters, settings, rng=_check.generator(rng))
    return by_area(np.maximum(np.asarray(result.x, dtype=np.float64).reshape(-1, 2), TINY), stable=True)


def evolved(
    loss: Callable[..., float], engine: Engine, size: tuple[int, int], n: int, iters: int, settings: Any, **more: Any
) -> Any:
    """Return the result of SciPy's differential evolution of n anchors within `size`."""
    try:
        from scipy.optimize import differential_evolution as scipy_search
    except ImportError:
        raise BackendError(
            "differential evolution needs SciPy: pip install 'fastanchor[compat]', or algorithm='k-means'"
        ) from None
    if "rng" in more and "rng" not in inspect.signature(scipy_search).parameters:
        more["seed"] = more.pop("rng")  # its name before SciPy 1.15
    strategy, population, tolerance, mutation, recombination = settings
    return scipy_search(
        loss, bounds=[(0.0, size[0]), (0.0, size[1])] * n, args=(engine,), strategy=strategy, maxiter=iters,
        popsize=population, tol=tolerance, mutation=mutation, recombination=recombination, updating="immediate", **more,
    )  # fmt: skip


def _loss(flat: Any, engine: Engine) -> float:
    return engine.nearest(np.maximum(flat.reshape(-1, 2), TINY), "iou").inertia / len(engine)


def nested(anchors: Any, per_level: Sequence[int] = (3, 3, 3), *, largest_first: bool = True) -> list[Any]:
    """Return anchors as ``base_sizes``: a list of levels, each a list of (width, height), rounded to whole pixels.

    Parameters
    ----------
    anchors : (n, 2) array-like
        By area, smallest first.
    per_level : sequence of int, default (3, 3, 3)
        Anchors of each level, from the smallest anchors to the largest.
    largest_first : bool, default True
        MMDetection's ``YOLOAnchorGenerator`` has strides 32, 16, 8: the largest first. MMYOLO has them the other way.

    Raises
    ------
    DataError
        If the levels do not add up to the number of anchors.

    Examples
    --------
    >>> nested([[10, 13], [16, 30], [33, 23], [30, 61]], (2, 2))
    [[(33, 23), (30, 61)], [(10, 13), (16, 30)]]
    """
    sizes = _check.as_sizes(anchors, "anchors", "pixels")
    counts = as_counts(per_level, len(sizes))
    whole = [(round(w), round(h)) for w, h in sizes.tolist()]
    ends = np.cumsum(counts).tolist()
    levels = [whole[end - count : end] for end, count in zip(ends, counts, strict=True)]
    return levels[::-1] if largest_first else levels
