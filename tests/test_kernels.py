"""The triangle naive - numpy - numba, over the zoo and over drawn inputs."""

import functools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
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
    kernel = getattr(module, f"assign_{metric}")
    assert kernel(*columns(wh), *columns(centers), labels, distance) == len(wh)
    assert kernel(*columns(wh), *columns(centers), labels, distance) == 0
    return labels, distance


def exactly(values, scale, digits):
    """The sum of the values, each cut to so many digits of 32 bits, as a whole number of the last digit's units."""
    return sum(int(Fraction(value) * Fraction(scale) * 2 ** (32 * digits)) for value in values.tolist())


def number(digits):
    """The whole number that digits of 32 bits stand for."""
    return functools.reduce(lambda number, digit: (number << 32) + int(digit), digits.tolist(), 0)


@pytest.fixture(params=zoo.BOXES)
def wh(request):
    return zoo.BOXES[request.param]


@pytest.mark.parametrize("k", [1, 2, 3, 4, 9, 32])
@pytest.mark.parametrize("metric", ["iou", "euclidean", "ratio"])
def test_assignment_is_the_definition_bit_for_bit(backend, wh, k, metric):
    centers = some_centers(wh, k)
    labels, distance = assigned(kernels.load(), wh, centers, metric)
    right, right_distance = naive.nearest_fast(wh, centers, metric)
    np.testing.assert_array_equal(labels, right)
    np.testing.assert_array_equal(distance, right_distance)


@pytest.mark.slow
@given(
    strategies.pairs(strategies.sides),
    strategies.pairs(strategies.sides, most=12),
    st.sampled_from(["iou", "euclidean"]),
)
def test_assignment_by_loops(wh, centers, metric):
    right, right_distance = naive.nearest(wh, centers, metric)
    for name in kernels.LEGAL if kernels.installed() else ["numpy"]:
        labels, distance = assigned(kernels.load(name), wh, centers, metric)
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
    sums = [(np.zeros((k, 4), np.int64), np.zeros(4, np.int64), np.zeros(k, np.int64)) for _ in range(2)]
    for module, (by_label, total, counts) in zip((one, two), sums, strict=True):
        for start in range(0, len(wh), 1 << 16):
            some, labels = wh[start : start + (1 << 16), 0].copy(), a[0][start : start + (1 << 16)]
            module.exact_sums(some, labels, 2.0**-40, by_label)
            module.exact_sum(some, 2.0**-40, total)
            module.label_counts(labels, counts)
    for mine, theirs in zip(*sums, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    best = [np.empty(len(wh)), np.empty(len(wh))]
    for module, out in zip((one, two), best, strict=True):
        module.best_ratio(*columns(wh), *columns(centers), out)
    np.testing.assert_array_equal(*best)
    for thr in (0.0, 0.25, 0.5, 1.0, naive.best_ratio(wh[0], centers)):
        assert one.fitness(*columns(wh), *columns(centers), float(thr)) == two.fitness(
            *columns(wh), *columns(centers), float(thr)
        )
        assert one.ratios(*columns(wh), *columns(centers), float(thr)) == two.ratios(
            *columns(wh), *columns(centers), float(thr)
        )
    matrices = [np.empty((len(wh), k)), np.empty((len(wh), k))]
    for module, out in zip((one, two), matrices, strict=True):
        module.wh_iou(*columns(wh), *columns(centers), out)
    np.testing.assert_array_equal(*matrices)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40), st.integers(-3, 900), st.integers(1, 5), st.integers(1, 3))
def test_exact_sums_are_those_of_fractions(values, top, digits, k):
    values = np.array(values) * 2.0**top
    labels = np.arange(len(values), dtype=np.int32) % k
    for name in kernels.LEGAL if kernels.installed() else ["numpy"]:
        module, total = kernels.load(name), np.zeros(digits, np.int64)
        module.exact_sum(values, 2.0**-top, total)
        assert number(total) == exactly(values, 2.0**-top, digits)
        by_label = np.zeros((k, digits), np.int64)
        module.exact_sums(values, labels, 2.0**-top, by_label)
        assert [number(row) for row in by_label] == [exactly(values[labels == j], 2.0**-top, digits) for j in range(k)]


@given(strategies.pairs(strategies.ordinary), strategies.pairs(strategies.ordinary, most=12), st.floats(0, 1))
def test_fitness_counts_exactly_and_sums_to_rounding(wh, anchors, thr):
    for at in (thr, naive.best_ratio(wh[0], anchors)):  # the second: exactly at a box's ratio
        right = naive.fitness(anchors, wh, at)
        for name in kernels.LEGAL if kernels.installed() else ["numpy"]:
            total, count = kernels.load(name).fitness(*columns(wh), *columns(anchors), at)
            assert count / len(wh) == right[1]
            best = np.empty(len(wh))
            kernels.load(name).best_ratio(*columns(wh), *columns(anchors), best)
            assert best.tolist() == [naive.best_ratio(box, anchors) for box in wh.tolist()]
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
@strategies.examples(50)
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


@given(
    st.lists(st.floats(-1e6, 1e6, width=32) | st.integers(-(2**40), 2**40).map(float), min_size=1, max_size=40),
    st.integers(1, 5),
    st.integers(0, 999),
)
def test_moved_labels_leave_the_sums_of_the_new_ones(values, k, seed):
    rng = np.random.default_rng(seed)
    w = np.array(values)
    w[np.abs(w) < 2.0**-20] = 0.0  # two digits of 32 bits below 2^41
    w = np.trunc(w * 2.0**20) / 2.0**20
    h = rng.permutation(w)
    for name in kernels.LEGAL if kernels.installed() else ["numpy"]:
        module, before = kernels.load(name), np.full(len(w), -1, np.int32)
        counts, digits = np.zeros(k, np.int64), np.zeros((2, k, 2), np.int64)
        for share in (1.0, 0.5, 0.0, 1.0):
            labels = np.where(rng.random(len(w)) < share, rng.integers(0, k, len(w)), before).astype(np.int32)
            module.label_moves(w, h, before, labels, 2.0**-41, counts, digits)
            before = labels
            np.testing.assert_array_equal(counts, np.bincount(labels, minlength=k))
            for j in range(k):
                for axis, side in enumerate((w, h)):
                    assert number(digits[axis, j]) == exactly(side[labels == j], 2.0**-41, 2)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(-(2**31), 2**31 - 1)), min_size=1, max_size=40),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_weighted_sums_are_those_of_fractions(pairs, k, digits):
    values, weights = np.array([value for value, _ in pairs]), np.array([weight for _, weight in pairs], np.int64)
    labels = (np.arange(len(values)) % k).astype(np.int32)
    for name in kernels.LEGAL if kernels.installed() else ["numpy"]:
        module = kernels.load(name)
        total, by_label = np.zeros(digits + 1, np.int64), np.zeros((k, digits + 1), np.int64)
        module.weighted_sum(values, weights, 1.0, total, 1, digits)
        module.weighted_sums(values, labels, weights, 1.0, by_label, 1, digits)
        each = [exactly(values[i : i + 1], 1.0, digits) * int(weights[i]) for i in range(len(values))]
        assert number(total) == sum(each)
        assert [number(row) for row in by_label] == [sum(each[j::k]) for j in range(k)]
        counts = np.zeros(k, np.int64)
        module.weighted_counts(labels, np.abs(weights) << 30, counts)
        assert counts.tolist() == [int((np.abs(weights[j::k]) << 30).sum()) for j in range(k)]
