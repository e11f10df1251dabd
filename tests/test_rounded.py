"""What float32 settles on the NumPy path: labels and bounds that its rounding cannot make wrong."""

import numpy as np
import pytest

import fastanchor
from fastanchor.engine._rounded import Rounded
from fastanchor.kernels import _numpy

RNG = np.random.default_rng(5)
SHAPES = {
    "lognormal": np.exp(RNG.normal([3.8, 3.7], [1, 1], (9000, 2))).clip(2, 640),
    "integers": RNG.integers(1, 40, (5000, 2)).astype(float),
    "line": np.column_stack([np.arange(1.0, 700.0), np.full(699, 7.0)]),
    "nearly equal": 100.0 + RNG.random((300, 2)) * 1e-7,
    "wide": np.exp(RNG.normal(0.0, 20.0, (700, 2))).clip(1e-60, 1e60),
    "one box": np.array([[3.0, 4.0]]),
}


def centres(wh, k, seed):
    return wh[np.random.default_rng(seed).integers(len(wh), size=k)] * np.random.default_rng(seed).choice(
        [1.0, 1.0 + 1e-12, 0.5, 1.3], (k, 1)
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [1, 2, 9, 255, 256])
def test_labels_are_those_of_float64(shape, k):
    """Centres that are equal, or differ in the last digits, are many here; so are ties between boxes of a lattice."""
    wh = SHAPES[shape]
    w, h = wh.T.copy()
    for seed in range(3):
        cw, ch = centres(wh, k, seed).T.copy()
        want = np.full(len(wh), 1, np.int32)
        got = want.copy()
        changed = _numpy.assign_iou(w, h, cw, ch, want, np.empty(len(wh)))
        answer = Rounded(w, h).assign_iou(slice(0, len(wh)), cw, ch, got)
        if answer is None:
            assert shape == "wide" or k == 256
        else:
            assert answer == changed
            assert got.tolist() == want.tolist()


@pytest.mark.parametrize(
    "wh",
    [
        [[20.0, 20.0], [np.nextafter(20.0, 0.0), 20.0], [9.0, 1e-3]],
        [[1e9, 1e9], [5e8, 1e9], [3e8, 8e8]],  # IoUs of 1e-18 and more: all distances are 1, a tie
    ],
)
def test_centres_that_only_float64_can_compare(wh):
    w, h = np.array([1.0, 10.0, 21.0]), np.array([1.0, 10.0, 22.0])
    for order in ([0, 1, 2], [1, 2, 0], [2, 1, 0]):
        cw, ch = np.array(wh)[order].T.copy()
        want, got = np.zeros((2, 3), np.int32)
        _numpy.assign_iou(w, h, cw, ch, want, np.empty(3))
        Rounded(w, h).assign_iou(slice(0, 3), cw, ch, got)
        assert got.tolist() == want.tolist()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("thr", [0.0, 0.25, 1.0 / 3.0, 0.999999, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_ceiling_is_not_below_the_total_and_near_to_it(shape, thr, weighted):
    wh = SHAPES[shape]
    w, h = wh.T.copy()
    weights = np.random.default_rng(1).integers(0, 1 << 40, len(wh)) if weighted else None
    boxes = Rounded(w, h, weights)
    for seed in range(3):
        anchors = centres(wh, 9, seed)
        best = np.empty(len(wh))
        _numpy.best_ratio(w, h, *anchors.T.copy(), best)
        # a box whose ratio is the threshold, but for the last digits, may be counted
        cut = best > thr * (1.0 - 2e-5)
        total, most = (float((best * above * (1 if weights is None else weights)).sum()) for above in (best > thr, cut))
        ceiling = boxes.ceiling(slice(0, boxes.distinct), anchors, thr)
        assert total <= ceiling <= most * (1.0 + 2e-4)


def test_equal_boxes_are_merged_with_their_weights():
    w, h = np.array([2.0, 3.0, 2.0, 2.0, 3.0]), np.array([5.0, 3.0, 5.0, 4.0, 3.0])
    assert Rounded(w, h).distinct == 3
    anchors = np.array([[3.0, 3.0]])
    for weights, total in ((None, 2.0 + 2 * 0.6 + 2 / 3), (np.array([1, 0, 1, 1, 7]), 7.0 + 2 * 0.6 + 2 / 3)):
        assert Rounded(w, h, weights).ceiling(slice(0, 3), anchors, 0.5) == pytest.approx(total, rel=2e-5)


@pytest.mark.parametrize("weights", [None, np.arange(9000) % 3])
def test_the_search_takes_the_same_decisions_as_without_bounds(weights, monkeypatch):
    wh = SHAPES["lognormal"]
    with fastanchor.backend("numpy"):
        fast = fastanchor.evolve(wh, wh[:6], gen=60, rng=0, weights=weights)
        monkeypatch.setattr(Rounded, "ceiling", lambda *arguments: np.inf)
        slow = fastanchor.evolve(wh, wh[:6], gen=60, rng=0, weights=weights)
    assert fast.accepted > 3
    assert fast.anchors.tolist() == slow.anchors.tolist()
    assert fast.history.tolist() == slow.history.tolist()
