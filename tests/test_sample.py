"""The built-in set is the same every time and what its docstring says."""

import numpy as np

from fastanchor.datasets import sample


def test_same_every_time():
    a, b = sample(), sample()
    for column in ("wh", "image_index", "image_wh", "class_index"):
        np.testing.assert_array_equal(getattr(a, column), getattr(b, column))
    assert a.class_names == b.class_names


def test_what_the_docstring_says():
    boxes = sample()
    assert len(boxes) == 20_000
    assert boxes.image_wh.shape == (3000, 2)
    assert len(np.unique(boxes.image_wh, axis=0)) == 6
    assert list(boxes.class_names) == sorted(set(boxes.class_names))
    assert set(boxes.class_index) == set(range(7))
    assert boxes.wh.min() >= 1
    assert (boxes.wh <= boxes.image_wh[boxes.image_index]).all()
    np.testing.assert_array_equal(boxes.wh, np.rint(boxes.wh))


def test_kinds_differ():
    boxes = sample()
    ratio = {
        name: np.median(boxes.wh[boxes.class_index == i, 0] / boxes.wh[boxes.class_index == i, 1])
        for i, name in enumerate(boxes.class_names)
    }
    assert ratio["bottle"] < ratio["person"] < ratio["dog"] < ratio["car"] < ratio["boat"]
    size = {name: np.median(boxes.wh[boxes.class_index == i]) for i, name in enumerate(boxes.class_names)}
    assert size["sign"] < size["bottle"] < size["car"] < size["dog"]
