"""IoU, mean IoU, fitness and assignment as the public sees them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastanchor
from fastanchor import DataError, kernels
from fastanchor.engine.dense import DenseEngine

import naive
import strategies
import zoo


@pytest.mark.slow
@given(strategies.pairs(strategies.ordinary), strategies.pairs(strategies.ordinary, most=9))
def test_wh_iou_by_loops(wh, anchors):
    right = [[naive.iou(box, anchor) for anchor in anchors.tolist()] for box in wh.tolist()]
    got = fastanchor.wh_iou(wh, anchors)
    np.testing.assert_array_equal(got, right)
    np.testing.assert_allclose(fastanchor.mean_iou(wh, anchors), got.max(1).mean(), rtol=1e-12, atol=1e-15)


@pytest.mark.slow
@given(strategies.pairs(strategies.ordinary), strategies.pairs(strategies.ordinary, most=9), st.floats(0, 1))
def test_anchor_fitness_by_loops(wh, anchors, thr):
    got = fastanchor.anchor_fitness(wh, anchors, thr)
    right = naive.fitness(anchors, wh, thr)
    np.testing.assert_allclose(got.fitness, right[0], rtol=1e-12)
    assert got.bpr == right[1]


def test_threshold_of_one_is_never_passed():
    assert fastanchor.anchor_fitness([[3.0, 7.0], [49.0, 49.0]], [[3.0, 7.0]], 1.0) == (0.0, 0.0)


@pytest.mark.parametrize("pair", [(10, 13), (3, 7), (1, 49), (29, 31), (5, 6)])
def test_ratios_next_to_the_threshold_are_decided_by_their_quotient(backend, pair):
    """`best` of the boxes is that of the definition to the last bit, where it matters."""
    small, large = pair
    best = small / large
    for box, anchor in (([large, 20], [small, 20]), ([small, 20], [large, 20]), ([20, large], [20, small])):
        for thr, passed in ((np.nextafter(best, 0), True), (best, False), (np.nextafter(best, 1), False)):
            got = fastanchor.anchor_fitness([box, [1e6, 1e6]], [anchor], thr)
            assert got.bpr == passed / 2
            np.testing.assert_allclose(got.fitness, passed * best / 2, rtol=1e-14)


@pytest.mark.parametrize("metric", ["iou", "euclidean"])
def test_assign(backend, metric):
    wh, centers = zoo.lognormal(70_000), zoo.lognormal(9, 4)
    labels = fastanchor.assign(wh, centers, metric=metric)
    np.testing.assert_array_equal(labels, naive.nearest_fast(wh, centers, metric)[0])
    assert labels.dtype == np.int64


def test_centres_and_points_of_any_sign_are_assigned():
    points = [[-1, 2], [5, 4], [0, 0], [-3, -9]]
    assert fastanchor.assign(points, [[-2, 0], [5, 5]], metric="euclidean").tolist() == [0, 1, 0, 0]
    assert fastanchor.assign(points, [[5, 5], [0, 0]], metric="euclidean").tolist() == [1, 0, 1, 1]
    for boxes, centers, argument in ((points, [[5, 5]], "boxes"), ([[5, 5]], points, "centers")):
        with pytest.raises(DataError, match=rf"^{argument}\[0\] = \(-1.0, 2.0\): widths and heights must be finite"):
            fastanchor.assign(boxes, centers)


def test_equal_centres_share_nothing():
    np.testing.assert_array_equal(fastanchor.assign([[1, 2], [3, 3]], [[2, 2]] * 3), [0, 0])


@pytest.mark.parametrize("thr", [-0.1, 1.1, float("nan"), "a", None])
def test_threshold_out_of_range(thr):
    with pytest.raises(DataError, match=r"^thr = .*must be a number from 0 to 1"):
        fastanchor.anchor_fitness([[1, 1]], [[1, 1]], thr)


def test_errors_name_the_argument():
    with pytest.raises(DataError, match=r"^anchors\[0\] = \(0.0, 1.0\)"):
        fastanchor.anchor_fitness([[1, 1]], [[0, 1]])
    with pytest.raises(DataError, match=r"^boxes\[0\] = \(0.0, 1.0\)"):
        fastanchor.anchor_fitness([[0, 1]], [[1, 1]])
    with pytest.raises(DataError, match=r"^centers: must have shape"):
        fastanchor.assign([[1, 1]], [1, 1])
    with pytest.raises(DataError, match=r"^metric = 'l1'"):
        fastanchor.assign([[1, 1]], [[1, 1]], metric="l1")


# --- boxes in the place of anchors

HOLDERS = {
    "Boxes": fastanchor.Boxes,
    "BoxIndex": lambda wh: index_of(wh),
    "DenseEngine": DenseEngine,
    "101 rows": lambda wh: np.tile(wh, (51, 1))[:101],
    "rows": lambda wh: np.tile(wh, (1000, 1)).tolist(),
}
SCORES = {
    "anchor_fitness": fastanchor.anchor_fitness,
    "mean_iou": fastanchor.mean_iou,
    "check": fastanchor.check,
    "evolve": lambda boxes, anchors: fastanchor.evolve(boxes, anchors, gen=1, rng=0, progress=False),
}


def index_of(wh):
    if kernels.current() != "numba":
        pytest.skip("the index needs numba")
    return fastanchor.BoxIndex(wh)


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
@pytest.mark.parametrize("hold", HOLDERS.values(), ids=HOLDERS)
def test_boxes_in_the_place_of_anchors_are_refused(score, hold):
    wh = np.array([[20.0, 30.0], [60.0, 50.0]])
    with pytest.raises(fastanchor.DataError, match=r"^anchors: .*; pass the boxes first, then the anchors$"):
        score([[24.0, 30.0], [66.0, 54.0], [10.0, 9.0]], hold(wh))
    score(wh, [[24.0, 30.0], [66.0, 54.0], [10.0, 9.0]])


@pytest.mark.parametrize("score", SCORES.values(), ids=SCORES)
def test_a_hundred_anchors_may_be_more_than_the_boxes(score):
    score([[20.0, 30.0]], zoo.lognormal(100))
    score(zoo.lognormal(101), zoo.lognormal(101))
