"""The update of k-means on its own: medians and means of labelled boxes, by definition, on both backends."""

import re

import numpy as np
import pytest

import fastanchor
from fastanchor import Boxes, BoxIndex, DataError, kernels, update_centers

import naive
import zoo


def owners(n, k, seed=0):
    """Labels in no order, each of them present."""
    labels = np.random.default_rng(seed).integers(0, k, n)
    labels[:k] = np.arange(k)
    return labels


@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("k", [1, 2, 7])
@pytest.mark.parametrize("name", zoo.BOXES)
def test_by_definition(backend, name, k, update):
    wh = zoo.BOXES[name]
    k = min(k, len(wh))
    labels = owners(len(wh), k)
    got = update_centers(wh, labels, k, update=update)
    right = naive.updated(wh, labels, k, update)
    assert got.shape == (k, 2)
    assert got.dtype == np.float64
    if update == "median":
        np.testing.assert_array_equal(got, right)
    else:
        np.testing.assert_allclose(got, right, rtol=1e-12)


@pytest.mark.parametrize("points", [[[-1.5, 0.0], [-0.0, -7.0], [3.0, 2.0], [4.0, -2.0]], [[0.0, 0.0]] * 4])
@pytest.mark.parametrize("update", ["median", "mean"])
def test_points_of_any_sign(backend, points, update):
    got = update_centers(points, [0, 1, 1, 0], 2, update=update)
    np.testing.assert_array_equal(got, naive.updated(np.array(points), np.array([0, 1, 1, 0]), 2, update))


@pytest.mark.parametrize("update", ["median", "mean"])
def test_it_is_the_update_that_k_means_makes(backend, update):
    wh = zoo.lognormal(70_000)
    start = zoo.lognormal(6, 3)
    labels = fastanchor.assign(wh, start)
    step = fastanchor.kmeans(wh, 6, init=start, update=update, max_iter=1, engine="dense", progress=False)
    np.testing.assert_array_equal(update_centers(wh, labels, 6, update=update), step.centers)


def test_backends_agree_bit_for_bit():
    if not kernels.installed():
        pytest.skip("numba is not installed")
    wh, labels = zoo.lognormal(70_000), owners(70_000, 5)
    for update in ("median", "mean"):
        answers = []
        for name in ("numpy", "numba"):
            with fastanchor.backend(name):
                answers.append(update_centers(wh, labels, 5, update=update))
        np.testing.assert_array_equal(*answers)


def test_boxes_of_any_kind():
    wh, labels = zoo.lognormal(500), owners(500, 3)
    right = update_centers(wh, labels, 3)
    np.testing.assert_array_equal(update_centers(wh.tolist(), labels.astype(np.uint8), 3), right)
    np.testing.assert_array_equal(update_centers(Boxes(wh), labels.tolist(), 3), right)
    if kernels.installed():
        np.testing.assert_array_equal(update_centers(BoxIndex(wh), labels, 3), right)


@pytest.mark.parametrize(("labels", "gone"), [([1, 1, 2], [0]), ([0, 0, 0], [1, 2]), ([0, 2, 2], [1])])
def test_a_centre_without_a_box(backend, labels, gone):
    boxes, places = [[1, 2], [3, 4], [5, 6]], np.array([[70.0, 71.0], [80.0, 81.0], [90.0, 91.0]])
    more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
    with pytest.raises(DataError, match=f"^labels: centre {gone[0]}{more} of k = 3 has no box; give empty="):
        update_centers(boxes, labels, 3)
    right = naive.updated(np.array(boxes, float), np.array(labels), 3, "median")
    right[gone] = places[gone]
    np.testing.assert_array_equal(update_centers(boxes, labels, 3, empty=places), right)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([[1, 2]], [0, 1], 2), "labels: must be 1 whole numbers"),
        (([[1, 2]], [0.0], 2), "labels: must be 1 whole numbers, one per box; got float64"),
        (([[1, 2]], [[0]], 2), "labels: must be 1 whole numbers, one per box; got int64 of shape (1, 1)"),
        (([[1, 2], [3, 4]], [0, 2], 2), "labels[1] = 2: must be from 0 to k - 1 = 1"),
        (([[1, 2], [3, 4]], [-1, 0], 2), "labels[0] = -1: must be from 0"),
        (([[1, np.nan]], [0], 1), "boxes[0] = (1.0, nan)"),
        (([], [], 1), "boxes: must have at least one"),
        (([[1, 2]], [0], 0), "k = 0"),
    ],
)
def test_bad_input(arguments, sentence):
    with pytest.raises(DataError, match="^" + re.escape(sentence)):
        update_centers(*arguments)


def test_bad_options():
    with pytest.raises(DataError, match=r"^update = 'mode': must be one of 'median', 'mean'"):
        update_centers([[1, 2]], [0], 1, update="mode")
    with pytest.raises(DataError, match=r"^empty: must have k = 2 centres, got 1"):
        update_centers([[1, 2]], [0], 2, empty=[[1, 2]])
