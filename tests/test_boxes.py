"""Boxes: what it takes, refuses, scales and sums up."""

import math

import numpy as np
import pytest

from fastanchor import Boxes, DataError
from fastanchor.boxes import concatenated


def full():
    return Boxes(
        [[50, 40], [10, 30], [5, 5]],
        image_index=[0, 0, 2],
        image_wh=[[640, 480], [100, 100], [200, 800]],
        class_index=[1, 0, 1],
        class_names=("cat", "dog", "emu"),
        skipped={"box with zero width or height": 2},
    )


def test_columns_are_clean():
    boxes = full()
    assert boxes.wh.dtype == boxes.image_wh.dtype == np.float64
    assert boxes.image_index.dtype == boxes.class_index.dtype == np.int64
    assert repr(boxes) == "Boxes(3 boxes, 3 images, 3 classes, 2 skipped)"
    assert repr(Boxes([[1, 2]])) == "Boxes(1 box)"


REFUSED = {
    "zero side": ({"wh": [[1, 0]]}, r"wh\[0\] = \(1.0, 0.0\): widths and heights must be finite and > 0 \(pixels of"),
    "nan": ({"wh": [[1, 1], [math.nan, 1]]}, r"wh\[1\] = \(nan, 1.0\)"),
    "shape": ({"wh": [1, 2, 3]}, r"wh: must have shape \(n, 2\), widths and heights; got \(3,\)"),
    "image size": ({"wh": [[1, 1]], "image_wh": [[0, 5]]}, r"image_wh\[0\] = \(0.0, 5.0\): .*\(pixels\)"),
    "index alone": ({"wh": [[1, 1]], "image_index": [0]}, "image_index: needs image_wh"),
    "index too far": (
        {"wh": [[1, 1]], "image_index": [1], "image_wh": [[5, 5]]},
        r"image_index\[0\] = 1: image_wh has 1 entries",
    ),
    "index below": ({"wh": [[1, 1]], "image_index": [-1], "image_wh": [[5, 5]]}, r"image_index\[0\] = -1"),
    "index of floats": (
        {"wh": [[1, 1]], "image_index": [0.0], "image_wh": [[5, 5]]},
        "image_index: must be 1 whole numbers, one per box; got float64",
    ),
    "index too long": ({"wh": [[1, 1]], "class_index": [0, 0], "class_names": ("a",)}, r"class_index: .* shape \(2,\)"),
    "class too far": (
        {"wh": [[1, 1]], "class_index": [1], "class_names": ("a",)},
        r"class_index\[0\] = 1: class_names",
    ),
}


@pytest.mark.parametrize(("columns", "sentence"), REFUSED.values(), ids=REFUSED)
def test_refused(columns, sentence):
    with pytest.raises(DataError, match="^" + sentence):
        Boxes(**columns)


def test_letterbox():
    np.testing.assert_array_equal(full().scaled(320), [[25, 20], [5, 15], [2, 2]])
    np.testing.assert_array_equal(full().scaled((640, 240)), [[25, 20], [5, 15], [1.5, 1.5]])


def test_stretch():
    np.testing.assert_array_equal(full().scaled((320, 480), fit="stretch"), [[25, 40], [5, 30], [8, 3]])
    np.testing.assert_array_equal(full().scaled([320, 480], fit="stretch"), full().scaled((320, 480), fit="stretch"))


SCALED_REFUSED = {
    "fit": ({"img_size": 320, "fit": "squeeze"}, "fit = 'squeeze': must be one of 'letterbox', 'stretch'"),
    "zero": ({"img_size": 0}, "img_size = 0: must be at least 1"),
    "float": ({"img_size": (320.5, 1)}, r"img_size = 320\.5: must be a whole number"),
    "three": ({"img_size": (1, 2, 3)}, r"img_size = \(1, 2, 3\): must be one whole number or \(width, height\)"),
}


@pytest.mark.parametrize(("arguments", "sentence"), SCALED_REFUSED.values(), ids=SCALED_REFUSED)
def test_scaled_refuses(arguments, sentence):
    with pytest.raises(DataError, match="^" + sentence):
        full().scaled(**arguments)


def test_scaling_needs_image_sizes():
    with pytest.raises(DataError, match=r"^boxes: have no image sizes"):
        Boxes([[1, 1]]).scaled(320)


def test_summary():
    summary = full().summary()
    assert (summary.images, summary.boxes) == (3, 3)
    assert summary.mean_image == (pytest.approx(940 / 3), 460)
    assert summary.mean_box == (pytest.approx(65 / 3), 25)
    assert (summary.smallest_area, summary.largest_area) == (25, 2000)
    assert summary.per_class == {"cat": 1, "dog": 2, "emu": 0}
    assert summary.skipped == {"box with zero width or height": 2}


def test_summary_of_nothing():
    summary = Boxes([]).summary()
    assert (summary.images, summary.boxes, summary.per_class) == (0, 0, {})
    assert math.isnan(summary.mean_box[0])
    assert math.isnan(summary.smallest_area)


def test_boxes_larger_than_their_image_are_counted():
    boxes = Boxes([[100, 50], [101, 50], [102, 5], [5, 90], [900, 900]], [0, 0, 0, 1, 1], [[100, 50], [80, 80]])
    assert boxes.summary().exceeds_image == 3
    assert Boxes([[100, 50]]).summary().exceeds_image == 0


def test_data_sets_with_and_without_classes_together_have_none():
    with_classes = Boxes([[5, 4]], class_index=[0], class_names=["cat"])
    for parts in ([with_classes, Boxes([[3, 2]])], [Boxes([[3, 2]]), with_classes]):
        both = concatenated(parts)
        assert len(both) == 2
        assert both.class_index is None
        assert both.class_names == ()
