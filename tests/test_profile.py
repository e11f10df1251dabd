"""The sums behind a report on anchors: the kernel of the index, and NumPy over every box."""

import numpy as np
import pytest

from fastanchor import BoxIndex, kernels
from fastanchor.engine import choose

import naive
import zoo

pytestmark = pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")

ANCHORS = np.array([[10.0, 20.0], [10.0, 20.0], [20.0, 10.0], [15.0, 15.0], [3.0, 90.0]])  # equal ones, and ties
TIED = np.array([[15.0, 15.0], [14.0, 14.0], [10.0, 20.0], [40.0, 40.0], [1e-9, 1e9]])
SETS = {
    **{name: wh for name, wh in zoo.BOXES.items() if wh.min() > 0},
    "tied": np.tile(TIED, (300, 1)),
    "float32": zoo.lognormal(3000).clip(3).astype(np.float32).astype(np.float64),
}
AREAS = [225.0, 1600.0]  # of boxes: a class ends before its limit


@pytest.mark.parametrize("weighted", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", SETS)
def test_sums_of_the_index_are_those_of_every_box(name, weighted):
    boxes = SETS[name]
    weights = np.random.default_rng(0).integers(0, 2**36, len(boxes)) if weighted else None  # sums are exact
    dense = choose(boxes, name="dense", weights=weights)
    kind = "float32" if name == "float32" and weights is None else "float64"
    index = BoxIndex.from_batches(np.array_split(boxes, 3), dtype=kind, weights=weights)
    for anchors in (ANCHORS, boxes[:1].copy(), np.resize(boxes, (70, 2))):
        for thr in (0.0, 0.25, naive.best_ratio(boxes[0], ANCHORS[3:4]), 1.0):
            mine, right = (engine.profile(anchors, thr, AREAS) for engine in (index, dense))
            np.testing.assert_array_equal(mine.counts, right.counts)
            np.testing.assert_array_equal(mine.table[:, :2], right.table[:, :2])
            assert mine.past == right.past
            for one, other in zip(mine, right, strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-12)
