"""The triangle naive - numpy - numba, over the zoo and over drawn inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastanchor import kernels
from fastanchor.kernels import _numpy

import naive
import strategies
import zoo

needs_numba = pytest.mark.skipif(not kernels.installed(), reason="numba is not installed")


def columns(pairs):
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def some_centers(wh, k, seed=0):
    """Boxes, near misses of boxes, and far ones, in turn."""
    rng = np.random.default_rng(seed)
    centers = wh[rng.integers(len(wh), size=k)].copy()
    centers[1::3] *= 1.0 + 1e-9
    centers[2::3] *= 7.0
    return centers


def assigned(module, wh, centers, metric):
    labels, distance = np.full(len(wh), -1, np.int32), np.empty(len(wh))
    kernel = module.assign_iou if metric == "iou" else module.assign_euclidean
    changed, total = kernel(*columns(wh), *columns(centers), labels, distance)
    again = kernel(*columns(wh), *columns(centers), labels, distance)
    assert changed == len(wh)
    assert again == (0, total)
    return labels, distance, total


@pytest.fixture(params=zoo.BOXES)
def wh(request):
    return zoo.BOXES[request.param]


@pytest.mark.parametrize("k", [1, 2, 3, 4, 9, 32])
@pytest.mark.parametrize("metric", ["iou", "euclidean"])
def test_assignment_is_the_definition_bit_for_bit(backend, wh, k, metric):
    centers = some_centers(wh, k)
    labels, distance, total = assigned(kernels.load(), wh, centers, metric)
    right, right_distance = naive.nearest_fast(wh, centers, metric)
    np.testing.assert_array_equal(labels, right)
    np.testing.assert_array_equal(distance, right_distance)
    np.testing.assert_allclose(total, right_distance.sum(), rtol=1e-12)


@given(
    strategies.pairs(strategies.sides),
    strategies.pairs(strategies.sides, most=12),
    st.sampled_from(["iou", "euclidean"]),
)
def test_assignment_by_loops(wh, centers, metric):
    right, right_distance = naive.nearest(wh, centers, metric)
    for name in kernels.LEGAL if kernels.installed() else ["numpy"]:
        labels, distance, _ = assigned(kernels.load(name), wh, centers, metric)
        np.testing.assert_array_equal(labels, right)
        np.testing.assert_array_equal(distance, right_distance)


@needs_numba
@pytest.mark.parametrize("k", [1, 2, 3, 9, 100])
def test_backends_agree_on_every_bit(wh, k):
    centers = some_centers(wh, k)
    one, two = kernels.load("numpy"), kernels.load("numba")
    for metric in ("iou", "euclidean"):
        a, b = assigned(one, wh, centers, metric), assigned(two, wh, centers, metric)
        np.testing.assert_array_equal(a[0], b[0])
        np.testing.assert_array_equal(a[1], b[1])
        assert a[2] == b[2]
    sums = [np.zeros((k, 3)), np.zeros((k, 3))]
    for module, out in zip((one, two), sums, strict=True):
        module.label_sums(*columns(wh), a[0], out)
    np.testing.assert_array_equal(*sums)
    for thr in (0.0, 0.25, 0.5, 1.0, naive.best_ratio(wh[0], centers)):
        assert one.fitness(*columns(wh), *columns(centers), float(thr)) == two.fitness(
            *columns(wh), *columns(centers), float(thr)
        )
        assert one.ratios(*columns(wh), *columns(centers), float(thr)) == two.ratios(
            *columns(wh), *columns(centers), float(thr)
        )
    singles = []
    with np.errstate(over="ignore"):  # sides up to 1e100 are infinite in single precision; both have to do the same
        x, y, cx, cy = (c.astype(np.float32) for c in (*columns(wh), *columns(centers)))
        for module in (one, two):
            label, far = np.zeros(len(wh), np.int32), np.empty(len(wh), np.float32)
            module.assign_single(x, y, cx, cy, label, far)
            total = np.zeros((k, 3), np.float32)
            module.add_single(x, y, label, total)
            singles.append((label, far, total))
    for mine, theirs in zip(*singles, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    matrices = [np.empty((len(wh), k)), np.empty((len(wh), k))]
    for module, out in zip((one, two), matrices, strict=True):
        module.wh_iou(*columns(wh), *columns(centers), out)
    np.testing.assert_array_equal(*matrices)


@given(strategies.pairs(strategies.ordinary), strategies.pairs(strategies.ordinary, most=12), st.floats(0, 1))
def test_fitness_counts_exactly_and_sums_to_rounding(wh, anchors, thr):
    for at in (thr, naive.best_ratio(wh[0], anchors)):  # the second: exactly at a box's ratio
        right = naive.fitness(anchors, wh, at)
        for name in kernels.LEGAL if kernels.installed() else ["numpy"]:
            total, count = kernels.load(name).fitness(*columns(wh), *columns(anchors), at)
            assert count / len(wh) == right[1]
            np.testing.assert_allclose(total / len(wh), right[0], rtol=1e-12)


@given(strategies.pairs(strategies.ordinary), strategies.pairs(strategies.ordinary, most=12), st.floats(0, 1))
def test_ratios_are_the_definition(wh, anchors, thr):
    every = [[naive.best_ratio(box, anchor[None]) for anchor in anchors] for box in wh]
    every = np.array(every).reshape(len(wh), len(anchors))
    best = every.max(1)
    sums = every.sum(), best.sum(), every[every > thr].sum()
    for name in kernels.LEGAL if kernels.installed() else ["numpy"]:
        got = kernels.load(name).ratios(*columns(wh), *columns(anchors), thr)
        np.testing.assert_allclose(got[:3], sums, rtol=1e-12)
        assert got[3:] == ((every > thr).sum(), (best > thr).sum())


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=50))
def test_sort_keys_are_in_the_order_of_the_values(values):
    ordered = np.sort(np.array(values) + 0.0)
    keys = _numpy.sort_keys(ordered)
    assert (np.diff(ordered) > 0).tolist() == (keys[1:] > keys[:-1]).tolist()


@needs_numba
@given(strategies.pairs(strategies.coordinates), st.integers(1, 5), st.integers(40, 62), st.randoms())
@settings(max_examples=50)
def test_histogram_and_gather_agree(wh, k, shift, random):
    values = wh[:, 0].copy()
    labels = np.array([random.randrange(k) for _ in values], np.int32)
    keys = _numpy.sort_keys(values)
    low = np.array([min(random.choices(keys.tolist(), k=2)) for _ in range(k)], np.uint64)
    bins = 1 << 6
    high = low + (np.uint64(bins) << np.uint64(shift)) - np.uint64(1)
    high = np.where(high < low, np.uint64(2**64 - 1), high)
    results = []
    for name in kernels.LEGAL:
        module = kernels.load(name)
        table = np.zeros((k, bins), np.int64)
        module.label_histogram(values, labels, low, high, np.full(k, shift, np.uint64), table)
        out, owners = np.empty_like(values), np.empty_like(labels)
        count = module.label_gather(values, labels, low, high, out, owners)
        assert table.sum() == count == ((keys >= low[labels]) & (keys <= high[labels])).sum()
        results.append((table, out[:count], owners[:count]))
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)
