"""IoU, mean IoU, fitness and assignment as the public sees them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastanchor
from fastanchor import DataError

import naive
import strategies
import zoo


@given(strategies.pairs(strategies.ordinary), strategies.pairs(strategies.ordinary, most=9))
def test_wh_iou_by_loops(wh, anchors):
    right = [[naive.iou(box, anchor) for anchor in anchors.tolist()] for box in wh.tolist()]
    got = fastanchor.wh_iou(wh, anchors)
    np.testing.assert_array_equal(got, right)
    np.testing.assert_allclose(fastanchor.mean_iou(wh, anchors), got.max(1).mean(), rtol=1e-12, atol=1e-15)


@given(strategies.pairs(strategies.ordinary), strategies.pairs(strategies.ordinary, most=9), st.floats(0, 1))
def test_anchor_fitness_by_loops(wh, anchors, thr):
    got = fastanchor.anchor_fitness(anchors, wh, thr)
    right = naive.fitness(anchors, wh, thr)
    np.testing.assert_allclose(got.fitness, right[0], rtol=1e-12)
    assert got.bpr == right[1]


def test_threshold_of_one_is_never_passed():
    assert fastanchor.anchor_fitness([[3.0, 7.0]], [[3.0, 7.0], [49.0, 49.0]], 1.0) == (0.0, 0.0)


@pytest.mark.parametrize("metric", ["iou", "euclidean"])
def test_assign(backend, metric):
    wh, centers = zoo.lognormal(70_000), zoo.lognormal(9, 4)
    labels = fastanchor.assign(wh, centers, metric=metric)
    np.testing.assert_array_equal(labels, naive.nearest_fast(wh, centers, metric)[0])
    assert labels.dtype == np.int64


def test_equal_centres_share_nothing():
    np.testing.assert_array_equal(fastanchor.assign([[1, 2], [3, 3]], [[2, 2]] * 3), [0, 0])


@pytest.mark.parametrize("thr", [-0.1, 1.1, float("nan"), "a", None])
def test_threshold_out_of_range(thr):
    with pytest.raises(DataError, match=r"thr = .*must be a number from 0 to 1"):
        fastanchor.anchor_fitness([[1, 1]], [[1, 1]], thr)


def test_errors_name_the_argument():
    with pytest.raises(DataError, match=r"anchors\[0\] = \(0.0, 1.0\)"):
        fastanchor.anchor_fitness([[0, 1]], [[1, 1]])
    with pytest.raises(DataError, match=r"boxes\[0\] = \(0.0, 1.0\)"):
        fastanchor.anchor_fitness([[1, 1]], [[0, 1]])
    with pytest.raises(DataError, match="centers: has shape"):
        fastanchor.assign([[1, 1]], [1, 1])
    with pytest.raises(DataError, match="metric = 'l1'"):
        fastanchor.assign([[1, 1]], [[1, 1]], metric="l1")
