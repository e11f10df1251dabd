"""k-means as SciPy runs it: against its definition, against SciPy, by points and by cells."""

import numpy as np
import pytest

from fastanchor import kernels
from fastanchor.compat import _mean, _scipy_numpy, _vq

import naive
import zoo


def slow_restarts(points, k, starts):
    """SciPy's k-means, by its documentation."""
    books = []
    for start in [points[np.random.choice(len(points), k, replace=False)] for _ in range(starts)]:
        centers, before = start, np.inf
        while True:
            labels, squared = naive.nearest_fast(points, centers, "euclidean")
            distortion = np.sqrt(squared).mean()
            centers = np.array([points[labels == j].mean(0) for j in range(len(centers)) if (labels == j).any()])
            if abs(before - distortion) <= 1e-5:
                break
            before = distortion
        books.append((centers, distortion))
    return books


@pytest.mark.slow
@pytest.mark.parametrize("name", ["random", "duplicates", "large"])
def test_restarts_are_the_definition(backend, name):
    points = {
        "random": zoo.lognormal(500) / 50,
        "duplicates": np.random.default_rng(0).integers(1, 4, (60, 2)).astype(float),
        "large": zoo.lognormal(150_000) / 50,
    }[name]
    starts = 2 if name == "large" else 20
    np.random.seed(3)
    right = slow_restarts(points, 6, starts)
    after = np.random.random_sample()
    np.random.seed(3)
    got = _vq.restarts(points, 6, starts=starts, threads=2)
    assert np.random.random_sample() == after
    for book, (centers, distortion) in zip(got, right, strict=True):
        np.testing.assert_allclose(book.centers, centers, rtol=1e-9)
        np.testing.assert_allclose(book.distortion, distortion, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")
@pytest.mark.parametrize("threads", [1, 3])
def test_restarts_by_cells_are_those_by_points(tune, threads):
    points = np.vstack([zoo.lognormal(40_000), np.full((3000, 2), 7.0), [[1e-3, 1e5]]]) / 60
    books = []
    for large in (10**9, 1):
        tune(large_mean=large)
        np.random.seed(1)
        books.append(_vq.restarts(points, 9, starts=6, threads=threads))
    for a, b in zip(*books, strict=True):
        np.testing.assert_allclose(b.centers, a.centers, rtol=1e-9)
        np.testing.assert_allclose(b.distortion, a.distortion, rtol=1e-12)


@pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")
@pytest.mark.parametrize("name", [name for name, wh in zoo.BOXES.items() if wh.min() > 0])
@pytest.mark.parametrize("k", [1, 3, 9])
def test_bounds_of_cells_hold(name, k):
    points = zoo.BOXES[name]
    points = np.ascontiguousarray(points, np.float64)
    centers = points[np.random.default_rng(k).integers(len(points), size=k)] * 1.01
    labels, squared = naive.nearest_fast(points, centers, "euclidean")
    look = _mean._Cells(points).look(centers)
    mean = np.sqrt(squared).mean()
    assert look.low <= mean <= look.high
    np.testing.assert_allclose(look.exact(), mean, rtol=1e-10)
    sums = [[*points[labels == j].sum(0), (labels == j).sum()] for j in range(k)]
    np.testing.assert_allclose(look.sums, sums, rtol=1e-9)


@pytest.mark.skipif(not kernels.installed(), reason="numba is not installed")
@pytest.mark.parametrize("name", zoo.BOXES)
@pytest.mark.parametrize("k", [1, 2, 3, 9, 100])
def test_twins_agree_on_every_bit(name, k):
    compiled = pytest.importorskip("fastanchor.compat._scipy_numba")
    wh = zoo.BOXES[name]
    centers = wh[np.random.default_rng(k).integers(len(wh), size=k)] * 1.01
    found = []
    for module in (_scipy_numpy, compiled):
        x, y, cx, cy = (column.astype(np.float32) for column in (*wh.T, *centers.T))
        label, far, single = np.zeros(len(wh), np.int32), np.empty(len(wh), np.float32), np.zeros((k, 3), np.float32)
        module.assign_single(x, y, cx, cy, label, far)
        module.add_single(x, y, label, single)
        double = np.zeros((k, 3))
        module.label_sums(*wh.T.copy(), label, double)
        found.append((label, far, single, double))
    for mine, theirs in zip(*found, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_many_points_need_no_compiled_kernels(backend, tune, dtype):
    tune(large_mean=100)
    points = zoo.lognormal(200).astype(dtype)
    centers = points[:4].astype(np.float64)
    labels, squared = naive.nearest_fast(points.astype(np.float64), centers, "euclidean")
    look = _mean.looker(points)(centers)
    np.testing.assert_allclose(look.exact(), np.sqrt(squared).mean(), rtol=1e-10)
    sums = [[*points[labels == j].sum(0, dtype=np.float64), (labels == j).sum()] for j in range(4)]
    np.testing.assert_allclose(look.sums, sums, rtol=1e-9)


@pytest.mark.slow
def test_restarts_in_single_precision_are_those_of_scipy_bit_for_bit(backend):
    vq = pytest.importorskip("scipy.cluster.vq")
    for points in (zoo.lognormal(20_000), np.random.default_rng(0).integers(1, 5, (90, 2))):
        points = points.astype(np.float32)
        points /= points.std(0)
        np.random.seed(5)
        centers, distortion = vq.kmeans(points, 9, iter=6)
        np.random.seed(5)
        best = min(_vq.restarts(points, 9, starts=6), key=lambda book: book.distortion)
        np.testing.assert_array_equal(best.centers, centers)
        assert best.distortion == distortion


def test_restarts_are_those_of_scipy(backend):
    vq = pytest.importorskip("scipy.cluster.vq")
    points = zoo.lognormal(3000) / 60
    np.random.seed(5)
    centers, distortion = vq.kmeans(points, 9, iter=10)
    np.random.seed(5)
    best = min(_vq.restarts(points, 9, starts=10), key=lambda book: book.distortion)
    np.testing.assert_allclose(best.centers, centers, rtol=1e-9)
    np.testing.assert_allclose(best.distortion, distortion, rtol=1e-12)
