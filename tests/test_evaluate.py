"""Scores of given anchors, and the curve over their number, against loops."""

import dataclasses
import math
import re
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastanchor
from fastanchor import Boxes, DataError, kernels
from fastanchor._network import to_network_input
from fastanchor.evaluate import best_anchor

import naive
import strategies
import zoo

needs_numba = pytest.mark.skipif(not kernels.installed(), reason="numba is not installed")


def slow(anchors, wh, thr):
    """The scores from their definitions, in loops."""
    anchors = np.array(sorted(anchors.tolist(), key=lambda a: a[0] * a[1]))
    ratios = [[min(w / kw, kw / w, h / kh, kh / h) for kw, kh in anchors.tolist()] for w, h in wh.tolist()]
    best = [max(row) for row in ratios]
    counts = [0] * len(anchors)
    for row in ratios:
        counts[row.index(max(row))] += 1
    sizes = {"small": [], "medium": [], "large": []}
    for (w, h), b in zip(wh.tolist(), best, strict=True):
        area = w * h
        iou = max(naive.iou((w, h), a) for a in anchors.tolist())
        sizes["small" if area < 1024 else "medium" if area < 9216 else "large"].append((b, iou))
    return {
        "past_thr": sum(r > thr for row in ratios for r in row) / len(wh),
        "mean_ratio": math.fsum(r for row in ratios for r in row) / (len(wh) * len(anchors)),
        "mean_best": math.fsum(best) / len(wh),
        "counts": counts,
        "sizes": [
            (
                name,
                len(rows),
                math.fsum(b for b, _ in rows if b > thr) / len(rows) if rows else None,
                sum(b > thr for b, _ in rows) / len(rows) if rows else None,
                math.fsum(i for _, i in rows) / len(rows) if rows else None,
            )
            for name, rows in sizes.items()
        ],
    }


def agree(found, anchors, wh, thr):
    right = slow(anchors, wh, thr)
    assert found.past_thr == right["past_thr"]
    assert found.counts.tolist() == right["counts"]
    assert found.counts.sum() == found.boxes == len(wh)
    np.testing.assert_allclose([found.mean_ratio, found.mean_best], [right["mean_ratio"], right["mean_best"]], 1e-12)
    for got, expected in zip(found.sizes, right["sizes"], strict=True):
        assert got[:2] == expected[:2]
        if got.boxes:
            np.testing.assert_allclose(got[2:], expected[2:], 1e-12, 1e-15)
        else:
            assert got[2:] == expected[2:] == (None, None, None)
    assert (found.fitness, found.bpr) == fastanchor.anchor_fitness(wh, found.anchors, thr)
    assert found.mean_iou == fastanchor.mean_iou(wh, found.anchors)


@given(strategies.pairs(strategies.ordinary), strategies.pairs(strategies.ordinary, most=9), st.floats(0, 1))
def test_check_by_loops(wh, anchors, thr):
    agree(fastanchor.check(wh, anchors, thr=thr), anchors, wh, thr)


@pytest.mark.slow
def test_check_over_several_chunks(backend):
    wh, anchors = zoo.lognormal(70_000), zoo.lognormal(5, 3)
    agree(fastanchor.check(wh, anchors), anchors, wh, 0.25)


@needs_numba
def test_check_of_an_index():
    wh, anchors = zoo.lognormal(3000), zoo.lognormal(5, 3)
    found = fastanchor.check(fastanchor.BoxIndex(wh), anchors)
    dense = fastanchor.check(wh, anchors)
    assert found.counts.tolist() == dense.counts.tolist()
    np.testing.assert_allclose([found.fitness, found.mean_iou], [dense.fitness, dense.mean_iou], 1e-12)


def test_the_edges_of_the_sizes():
    found = fastanchor.check([[31.99, 32], [32, 32], [95.99, 96], [96, 96]], [[32, 32]])
    assert [size.boxes for size in found.sizes] == [1, 2, 1]


def test_check_scales_a_data_set():
    boxes = Boxes([[50, 40], [1, 1]], image_index=[0, 0], image_wh=[[640, 480]])
    found = fastanchor.check(boxes, [[25, 20]], img_size=320, min_size=2)
    assert (found.boxes, found.fitness) == (1, 1.0)
    found = fastanchor.check(boxes, [[25, 40]], img_size=(320, 480), fit="stretch", min_size=0.5)
    assert (found.boxes, found.mean_best) == (2, (1 + 0.5 / 25) / 2)


def test_a_side_of_exactly_the_least_size_is_kept():
    boxes = [[2, 1], [1, 2], [2, 2], [1, 1], [1.99, 1.99]]
    assert fastanchor.check(boxes, [[5, 5]], min_size=2).boxes == 3
    assert fastanchor.sweep(boxes, [1], min_size=2, rng=0, progress=False).boxes == 3
    with pytest.warns(fastanchor.SmallBoxWarning):
        assert fastanchor.auto_anchor(boxes, n=1, gen=0, min_size=2, rng=0, progress=False).boxes == 3


def test_dictionaries_hold_the_results_under_the_names_of_their_fields():
    wh = zoo.lognormal(300)
    for result in (fastanchor.check(wh, zoo.lognormal(3, 1)), fastanchor.sweep(wh, [1, 3], rng=0, progress=False)):
        found = result.to_dict()
        lazy = {"intervals", "difference"} if isinstance(result, fastanchor.AnchorCheck) else set()
        assert set(found) == {field.name for field in dataclasses.fields(result) if field.name[0] != "_"} | lazy
        for name, value in found.items():
            expected = getattr(result, name)
            if name == "sizes":
                expected = [size._asdict() for size in expected]
            elif isinstance(expected, tuple):
                expected = [part.tolist() for part in expected]
            assert value == (expected.tolist() if isinstance(expected, np.ndarray) else expected)


@given(strategies.pairs(strategies.ordinary), strategies.pairs(strategies.ordinary, most=5))
def test_best_served_by_loops(wh, anchors):
    labels, best = best_anchor(wh, anchors)
    assert best.tolist() == [naive.best_ratio(box, anchors) for box in wh.tolist()]
    for box, label, ratio in zip(wh.tolist(), labels.tolist(), best.tolist(), strict=True):
        assert naive.best_ratio(box, anchors[label : label + 1]) == ratio
        assert label == 0 or naive.best_ratio(box, anchors[:label]) < ratio


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([[1, 0]], [[1, 1]], {}), "anchors[0] = (1.0, 0.0): widths and heights must be finite and > 0"),
        (([[1, 1]], [[1, 1]], {"thr": 4}), "thr = 4: must be a number from 0 to 1"),
        (([[1, 1]], [[1, 1]], {"min_size": 5}), "boxes: none of 1 has a side >= min_size = 5 pixels"),
        (([[1, 1]], Boxes(np.empty((0, 2))), {}), "boxes: the data set holds no box"),
        (([[1, 1]], [[1, 1]], {"fit": "crop"}), "fit = 'crop': must be one of 'letterbox', 'stretch'"),
    ],
)
def test_bad_check(arguments, sentence):
    anchors, boxes, rest = arguments
    with pytest.raises(DataError, match="^" + re.escape(sentence)):
        fastanchor.check(boxes, anchors, **rest)


@pytest.mark.parametrize("side", [1e3, 1e6, 1e9])
def test_small_means_keep_their_digits_everywhere(side):
    """An IoU of one in a thousand and less, by check, sweep, auto_anchor and mean_iou alike."""
    wh = [[4, 4 * side], [4 * side, 4]]
    iou = 1 / (2 * side - 1)
    assert fastanchor.mean_iou(wh[:1], wh[1:]) == pytest.approx(iou, rel=1e-12)
    assert fastanchor.check(wh[:1], wh[1:]).mean_iou == pytest.approx(iou, rel=1e-12)
    half = 2 + 2 * side
    middle = [[half, half]]  # where one centre ends, the median of both
    right = fastanchor.mean_iou(wh, middle)
    assert right == pytest.approx(4 * half / (16 * side + half**2 - 4 * half), rel=1e-12)
    swept = fastanchor.sweep(wh, [1], rng=0, n_init=1, progress=False)
    result = fastanchor.auto_anchor(wh, n=1, gen=0, rng=0, progress=False)
    assert result.anchors.tolist() == swept.anchors[0].tolist() == middle
    assert swept.mean_iou[0] == result.mean_iou == right


def test_sweep_scores_are_those_of_its_anchors(backend):
    wh = zoo.lognormal(4000)
    found = fastanchor.sweep(wh, [5, 1, 3, 3], rng=1, progress=False)
    assert found.n.tolist() == [1, 3, 5]
    for i, anchors in enumerate(found.anchors):
        assert len(anchors) == found.n[i]
        assert (np.diff(anchors[:, 0] * anchors[:, 1]) >= 0).all()
        fitness, bpr = naive.fitness_fast(anchors, wh, 0.25)
        np.testing.assert_allclose([found.fitness[i], found.bpr[i]], [fitness, bpr], 1e-12)
        np.testing.assert_allclose(found.mean_iou[i], 1 - naive.nearest_fast(wh, anchors, "iou")[1].mean(), 1e-12)
    assert (np.diff(found.mean_iou) > 0).all()
    np.testing.assert_allclose(found.anchors[0][0], np.median(wh, axis=0))


def test_sweep_of_one_number_does_not_depend_on_the_others():
    wh = zoo.lognormal(2000)
    alone = fastanchor.sweep(wh, [4], rng=3, gen=20, progress=False)
    among = fastanchor.sweep(wh, range(1, 6), rng=3, gen=20, progress=False)
    np.testing.assert_array_equal(alone.anchors[0], among.anchors[3])


@pytest.mark.parametrize("engine", ["dense", pytest.param("index", marks=needs_numba)])
def test_sweep_with_generations_searches(engine):
    wh = zoo.lognormal(800)
    options = {"rng": 0, "max_iter": 3, "engine": engine, "progress": False}
    plain, searched = (fastanchor.sweep(wh, [3, 5], gen=gen, **options) for gen in (0, 50))
    assert (searched.fitness > plain.fitness).all()


def test_sweep_goes_by_its_seed():
    wh = zoo.lognormal(800)
    options = {"n_init": 1, "max_iter": 1, "progress": False}
    one, same, other = (fastanchor.sweep(wh, [2, 5], rng=rng, **options) for rng in (1, np.random.default_rng(1), 2))
    for i in range(2):
        np.testing.assert_array_equal(one.anchors[i], same.anchors[i])
        assert not np.array_equal(one.anchors[i], other.anchors[i])


@needs_numba
def test_sweep_on_an_index_is_the_same():
    wh = zoo.lognormal(3000)
    dense = fastanchor.sweep(wh, [2, 5], rng=0, gen=30, engine="dense", progress=False)
    index = fastanchor.sweep(fastanchor.BoxIndex(wh), [2, 5], rng=0, gen=30, progress=False)
    assert (dense.engine, index.engine) == ("dense", "index")
    for one, two in zip(dense.anchors, index.anchors, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("numbers", "rest", "sentence"),
    [
        ([], {}, "n: must have at least one number of anchors, got none"),
        ([0], {}, "n = 0: must be at least 1"),
        ([1.5], {}, "n = 1.5: must be a whole number"),
        ([1], {"gen": -1}, "gen = -1: must be at least 0"),
        ([1], {"gen": 0.0}, "gen = 0.0: must be a whole number"),
        ([1], {"gen": None}, "gen = None: must be a whole number"),
        ([3], {}, "boxes: only 2 distinct sizes, too few for n = 3"),
    ],
)
def test_bad_sweep(numbers, rest, sentence):
    with pytest.raises(DataError, match="^" + re.escape(sentence)):
        fastanchor.sweep([[1, 1], [2, 2]], numbers, min_size=0, progress=False, **rest)


@pytest.mark.parametrize("place", ["neu_det", "bccd"])
def test_real_boxes(data, place):
    boxes = fastanchor.read(data / place)
    wh = boxes.scaled(640)
    coco = np.array([[10, 13], [16, 30], [33, 23], [30, 61], [62, 45], [59, 119], [116, 90], [156, 198], [373, 326]])
    agree(fastanchor.check(boxes, coco), coco.astype(float), wh, 0.25)
    found = fastanchor.sweep(boxes, [1, 3, 9], rng=0, progress=False)
    assert (np.diff(found.mean_iou) > 0).all()
    assert found.mean_iou[-1] > fastanchor.mean_iou(boxes.scaled(640), coco)


@pytest.mark.parametrize("weighted", [False, True])
def test_auto_anchor_has_the_check_of_its_own_boxes(weighted):
    wh = zoo.lognormal(400)
    boxes = fastanchor.Boxes(
        wh,
        image_index=np.arange(400) % 3,
        image_wh=[[640, 480], [320, 320], [1000, 50]],
        weights=np.arange(400) % 5 if weighted else None,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastanchor.SmallBoxWarning)
        result = fastanchor.auto_anchor(boxes, img_size=320, n=4, gen=10, rng=0, thr=0.3, min_size=9.0, progress=False)
    right = fastanchor.check(boxes, result.anchors, img_size=320, thr=0.3, min_size=9.0)
    assert result.n_filtered
    assert result.check.to_dict() == right.to_dict()
    assert result.check is result.check


def test_scaled_boxes_are_used_as_they_are():
    boxes = fastanchor.Boxes(zoo.lognormal(300), image_index=np.zeros(300, int), image_wh=[[640, 480]])
    ready = to_network_input(boxes, 320, "stretch", 2.0)
    anchors = [[10, 20], [60, 50]]
    once = fastanchor.check(ready, anchors)
    assert once.to_dict() == fastanchor.check(boxes, anchors, img_size=320, fit="stretch", min_size=2.0).to_dict()
    assert fastanchor.check(ready.on_engine(), anchors).to_dict() == once.to_dict()
    np.testing.assert_array_equal(ready.on_engine().wh, ready.wh)
    with pytest.raises(fastanchor.DataError, match="weights"):
        fastanchor.check(ready, anchors, weights=np.ones(300))
