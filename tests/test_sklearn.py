"""scikit-learn as the reference of each kernel and of whole Euclidean runs: its own functions, on the same boxes."""

import numpy as np
import pytest

import fastanchor

import zoo

metrics = pytest.importorskip("sklearn.metrics")
cluster = pytest.importorskip("sklearn.cluster")
neighbors = pytest.importorskip("sklearn.neighbors")

CASES = ["lognormal", "integers with many duplicates", "relative to the image", "thin", "squares only"]


def iou_distance(a, b):
    inter = min(a[0], b[0]) * min(a[1], b[1])
    return 1.0 - inter / (a[0] * a[1] + b[0] * b[1] - inter)


def case(name, k=5):
    wh = zoo.BOXES[name][:400]
    distinct = np.unique(wh, axis=0)
    return wh, distinct[np.random.default_rng(0).choice(len(distinct), k, replace=False)]


@pytest.mark.parametrize("name", CASES)
def test_distance_matrix(backend, name):
    wh, centers = case(name)
    right = metrics.pairwise_distances(wh, centers, metric=iou_distance)
    np.testing.assert_array_equal(1.0 - fastanchor.wh_iou(wh, centers), right)


@pytest.mark.parametrize("name", CASES)
def test_assignment(backend, name):
    wh, centers = case(name)
    right = metrics.pairwise_distances_argmin(wh, centers, metric=iou_distance)
    np.testing.assert_array_equal(fastanchor.assign(wh, centers), right)


def test_assignment_by_euclidean_distance(backend):
    # its own euclidean expands the square, which no longer tells near distances apart; boxes here are far from ties
    wh, centers = case("lognormal")
    right = metrics.pairwise_distances_argmin(wh, centers, metric="euclidean")
    np.testing.assert_array_equal(fastanchor.assign(wh, centers, metric="euclidean"), right)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("rule", [("median", "manhattan"), ("mean", "euclidean")], ids=lambda rule: rule[0])
def test_update(backend, name, rule):
    update, metric = rule
    wh, centers = case(name)
    labels = fastanchor.assign(wh, centers)
    right = neighbors.NearestCentroid(metric=metric).fit(wh, labels).centroids_
    got = fastanchor.update_centers(wh, labels, len(centers), update=update)
    np.testing.assert_allclose(got, right, rtol=0 if update == "median" else 1e-12)


@pytest.mark.parametrize("thr", [0.2503, 0.6007])  # no ratio of small whole numbers: logarithms round
@pytest.mark.parametrize("name", CASES)
def test_fitness(backend, name, thr):
    wh, anchors = case(name)
    best = np.exp(-metrics.pairwise_distances(np.log(wh), np.log(anchors), metric="chebyshev").min(1))
    assert not np.isclose(best, thr, rtol=1e-9).any()
    got = fastanchor.anchor_fitness(wh, anchors, thr)
    assert got.fitness == pytest.approx((best * (best > thr)).mean(), rel=1e-12)
    assert got.bpr == (best > thr).mean()


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
@pytest.mark.parametrize("algorithm", ["lloyd", "elkan"])
def test_whole_euclidean_runs(backend, algorithm, seed):
    wh = zoo.lognormal(2000, seed)
    start = wh[np.random.default_rng(seed).choice(2000, 6, replace=False)]
    model = cluster.KMeans(6, init=start, n_init=1, max_iter=1000, tol=0.0, algorithm=algorithm).fit(wh)
    ours = fastanchor.kmeans(wh, 6, metric="euclidean", update="mean", init=start, max_iter=1000, progress=False)
    assert ours.stop == "converged"
    np.testing.assert_array_equal(ours.labels, model.labels_)
    np.testing.assert_allclose(ours.centers, model.cluster_centers_, rtol=1e-12)
    assert ours.inertia == pytest.approx(model.inertia_, rel=1e-12)
