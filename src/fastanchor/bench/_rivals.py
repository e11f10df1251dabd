"""Contenders from other packages: the same stages, each at the best setting known."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.bench._contest import Call, Case, Unusable, contender
from fastanchor.bench._stages import ASSIGNMENT, FITNESS, MATRIX, MEAN, MEDIANS, THR, UPDATES, close, labelled

__all__: list[str] = []

SINGLE: dict[str, Any] = {"rule": "float32: within 0.2 px", "agrees": close(0.0, 0.2)}


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception as error:  # the import of a broken package may raise anything
        raise Unusable(name.partition(".")[0], error) from error


def _sklearn(module: Any, case: Case, algorithm: str) -> Call:
    def call() -> FloatArray:
        model = module.KMeans(
            len(case.start), init=case.start, n_init=1, max_iter=UPDATES, tol=0.0, algorithm=algorithm
        )
        centers: FloatArray = model.fit(case.wh).cluster_centers_
        return centers

    return call


def _scikit(package: str, algorithm: str) -> Callable[[Case], Call]:
    return lambda case: _sklearn(_module(f"{package}.cluster"), case, algorithm)


contender(MEAN, "scikit-learn, lloyd", "sklearn")(_scikit("sklearn", "lloyd"))
contender(MEAN, "scikit-learn, elkan", "sklearn")(_scikit("sklearn", "elkan"))
contender(MEAN, "scikit-learn-intelex", "sklearnex")(_scikit("sklearnex", "lloyd"))


@contender(MEAN, "scipy, kmeans2", "scipy")
def _kmeans2(case: Case) -> Call:
    vq = _module("scipy.cluster.vq")
    return lambda: vq.kmeans2(case.wh, case.start.copy(), iter=UPDATES, minit="matrix")[0]


@contender(MEAN, "faiss", "faiss", **SINGLE)
def _faiss(case: Case) -> Call:
    faiss = _module("faiss")
    faiss.omp_set_num_threads(case.threads)
    k = len(case.start)
    wh, start = case.wh.astype(np.float32), case.start.astype(np.float32)

    def call() -> Any:
        # by default it would take a sample of 256 points a centre
        model = faiss.Kmeans(2, k, niter=UPDATES, max_points_per_centroid=len(wh), min_points_per_centroid=1)
        model.train(wh, init_centroids=start)
        return model.centroids.astype(np.float64)

    return call


@contender(MEAN, "mlpack, Pelleg-Moore", "mlpack")
def _mlpack(case: Case) -> Call:
    mlpack = _module("mlpack")

    def call() -> Any:
        return mlpack.kmeans(
            input_=case.wh, clusters=len(case.start), algorithm="pelleg-moore", max_iterations=UPDATES,
            initial_centroids=case.start, copy_all_inputs=True,  # or it overwrites them
        )["centroid"]  # fmt: skip

    return call


def _iou_distance(a: FloatArray, b: FloatArray) -> float:
    inter = min(a[0], b[0]) * min(a[1], b[1])
    return float(1.0 - inter / (a[0] * a[1] + b[0] * b[1] - inter))


@contender(MATRIX, "scikit-learn, callable", "sklearn")
def _matrix(case: Case) -> Call:
    metrics = _module("sklearn.metrics")
    return lambda: 1.0 - metrics.pairwise_distances(case.wh, case.start, metric=_iou_distance)


@contender(ASSIGNMENT, "scikit-learn, callable", "sklearn")
def _callable(case: Case) -> Call:
    metrics = _module("sklearn.metrics")
    return lambda: metrics.pairwise_distances_argmin(case.wh, case.start, metric=_iou_distance)


@contender(MEDIANS, "scikit-learn, NearestCentroid", "sklearn")
def _nearest_centroid(case: Case) -> Call:
    neighbors = _module("sklearn.neighbors")
    labels = labelled(case)

    def call() -> FloatArray:
        centers: FloatArray = neighbors.NearestCentroid(metric="manhattan").fit(case.wh, labels).centroids_
        return centers

    return call


@contender(FITNESS, "scikit-learn, chebyshev of logarithms", "sklearn")
def _chebyshev(case: Case) -> Call:
    metrics = _module("sklearn.metrics")

    def call() -> Any:
        # the worst ratio of two sides is e to the minus largest difference of their logarithms
        distance = metrics.pairwise_distances(np.log(case.wh), np.log(case.start), metric="chebyshev")
        best = np.exp(-distance.min(1))
        over = best > THR
        return float((best * over).mean()), float(over.mean())

    return call


@contender(FITNESS, "torch, float32", "torch", rule="float32: rtol 1e-5", agrees=close(1e-5))
def _torch(case: Case) -> Call:
    torch = _module("torch")
    torch.set_num_threads(case.threads)
    wh, anchors = (torch.tensor(values, dtype=torch.float32) for values in (case.wh, case.start))

    def call() -> Any:
        ratio = wh[:, None] / anchors[None]
        best = torch.min(ratio, 1.0 / ratio).min(2)[0].max(1)[0]
        over = best > THR
        return float((best * over).mean()), float(over.float().mean())

    return call
