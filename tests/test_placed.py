"""The objective "placed": matches on the grids of a detector, as a mean over places."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastanchor
from fastanchor import DataError, datasets, kernels
from fastanchor.boxes import Boxes
from fastanchor.cli import main
from fastanchor.detectors import (
    GRIDS,
    PLACED,
    Grid,
    Values,
    _judge,
    _search,
    anchors_for,
    detectron2,
    positives,
    unsuited,
)
from fastanchor.kernels import _placed_numpy
from fastanchor.matching import fractions
from fastanchor.optimum._points import weighted

BACKENDS = ("numpy", "numba") if kernels.installed() else ("numpy",)
SIZES = [[20.0, 30], [64, 64], [150, 70], [9, 11], [300, 310], [33, 90], [33, 90], [500, 40]]


def naive(wh, anchors, strides, offset):
    """Return the best IoU of boxes with all anchors near them, at each place, from the definition, (places, n)."""
    found = np.zeros((len(fractions()), len(wh)))
    for (s, part), (i, (w, h)) in itertools.product(enumerate(fractions()), enumerate(wh)):
        x, y = part * max(strides) + 2 * np.lcm.reduce(strides)  # away from borders, on a centre of all grids
        for sides, stride in zip(anchors, strides, strict=True):
            column, row = (int((c + side / 2) / stride) for c, side in ((x, w), (y, h)))
            for (aw, ah), u, v in itertools.product(sides, (-1, 0, 1), (-1, 0, 1)):
                cx, cy = (column + u + offset) * stride, (row + v + offset) * stride
                wide = max(0.0, min(x + w, cx + aw / 2) - max(x, cx - aw / 2))
                high = max(0.0, min(y + h, cy + ah / 2) - max(y, cy - ah / 2))
                found[s, i] = max(found[s, i], wide * high / (w * h + aw * ah - wide * high))
    return found


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """The search tries less than usual: these tests are about what it scores."""
    for name, value in {"STARTS": 2, "HOPS": 2, "KEPT": 1, "SHAKES": 4, "WINDOWS": (0.15, 0.04), "STEPS": ()}.items():
        monkeypatch.setattr(_search, name, value)


@pytest.fixture(params=BACKENDS)
def backend(request):
    with fastanchor.backend(request.param):
        yield request.param


@pytest.mark.parametrize("name", ["torchvision-fasterrcnn", "efficientdet", "torchvision-ssd300"])
def test_the_score_is_that_of_the_definition(name, backend):
    wh, detector = np.array(SIZES), GRIDS[name]
    parts = detector.form_at(detector.input()).anchors(detector.default)
    best = naive(wh, parts, detector.strides, detector.cells.offset)
    above = detector.matching.above
    assert (np.abs(best - above) > 1e-4).all()  # no match depends on rounding
    found = anchors_for(wh, name, sizes=[row[0] for row in detector.default.sizes] if "ssd" not in name else None)
    expected = ((best >= above).mean() + best.mean()) / 2
    assert found.default_score == pytest.approx(expected, abs=1e-6)
    assert found.objective == PLACED
    if max(detector.strides) % min(detector.strides) == 0:  # boxes without places are looked at in the same places
        np.testing.assert_allclose(positives(wh, name).best, best, atol=2e-4)
        ours = positives(wh, name, found.levels)
        assert found.score == pytest.approx((ours.matched + ours.best.mean()) / 2, abs=1e-4)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 20), st.integers(1, 4))
@pytest.mark.skipif(not kernels.installed(), reason="needs numba")
def test_kernels_agree(seed, n, k, levels):
    rng = np.random.default_rng(seed)
    wh = np.exp(rng.normal(3, 2, (2, n))).astype(np.float32)
    near = rng.uniform(0, 64, (3, levels, 2, n)).astype(np.float32)
    anchors = np.exp(rng.normal(3, 2, (2, k))).astype(np.float32)
    level = rng.integers(0, levels, k)
    first, second = np.empty((3, n), np.float32), np.ones((3, n), np.float32)
    _placed_numpy.best_placed(wh, near, anchors, level, first)
    kernels.part("placed").best_placed(wh, near, anchors, level, second)
    np.testing.assert_array_equal(first, second)


# of each kind of anchors, one is searched for by the quick tests
FEW = {"detectron2-rpn", "efficientdet", "mmdet-retinanet", "torchvision-fasterrcnn", "torchvision-ssd300", "yolact"}
SEARCHED = [pytest.param(name, marks=[pytest.mark.slow] * (name not in FEW)) for name in GRIDS]


@pytest.mark.parametrize("name", GRIDS)
def test_default_values_are_a_start(name):
    """The parameters of the default values make the default anchors."""
    detector = GRIDS[name]
    form = detector.form_at(detector.input())
    made = np.concatenate(form.anchors(form.values(form.parameters(detector.default))))
    usual = np.concatenate(form.anchors(detector.default))
    assert sum(form.per_level) == len(usual)
    near = np.abs(np.log(made)[:, None] - np.log(usual)).max(axis=2)
    assert near.min(axis=0).max() < 0.05  # sizes of torchvision are not parts of an octave exactly
    if form.levels > 1:
        assert form.changed(**form.numbered("ratios", 7)).parameters(detector.default) is None


@pytest.mark.parametrize("name", SEARCHED)
def test_anchors_are_not_worse_than_the_default_ones(name):
    """Even with boxes that suit the default anchors, and hardly any search."""
    detector = GRIDS[name]
    usual = np.concatenate(detector.form_at(detector.input()).anchors(detector.default))
    found = anchors_for(usual * 1.01, name)
    assert found.score >= found.default_score


def test_partial_matches_are_for_the_search_only():
    wh = np.array([[100.0, 100]])
    points = weighted(wh[:, 0], wh[:, 1], np.ones(1))
    grids = _judge.Grids(np.zeros(1, int), (8.0,), GRIDS["detectron2-rpn"].cells)
    shares = {}
    for slope in (0.0, 0.05):
        judge = _judge.Placed(points, grids, 0.7, slope)
        shares[slope] = [2 * judge.mean(np.float32([iou] * 8)) - iou for iou in (0.6, 0.675, 0.7, 0.725, 0.8)]
    assert shares[0.0] == pytest.approx([0, 0, 1, 1, 1], abs=1e-6)
    assert shares[0.05] == pytest.approx([0, 0.25, 0.5, 0.75, 1], abs=1e-6)


def test_the_search_sees_strides():
    """Boxes far smaller than a stride are no reason for anchors that no place of the grid brings near them."""
    rng = np.random.default_rng(1)
    wh = np.exp(rng.normal([1.3, 1.3], 0.2, (300, 2)))
    wh[::3] *= 12
    placed, sides = (anchors_for(wh, "torchvision-ssd300", objective=aim) for aim in (PLACED, "iou"))
    assert sides.check.mean_iou > placed.check.mean_iou
    matched = [positives(wh, "torchvision-ssd300", found.levels).matched for found in (placed, sides)]
    assert matched[0] > matched[1] + 0.05


def test_the_search_is_not_worse_than_a_grid_of_values(monkeypatch):
    """Every pair of sizes and ratio of a fine grid, by brute force, on levels with large strides."""
    monkeypatch.setattr(_search, "SHAKES", 30)
    rng = np.random.default_rng(3)
    wh = np.exp(rng.normal([3.0, 3.3], [0.8, 0.6], (60, 2)))
    form, strides = Grid(detectron2.sides, levels=2, ratios=1), (16, 64)
    usual = Values(((32.0,), (64.0,)), ((1.0,),) * 2)
    detector = replace(GRIDS["detectron2-rpn"], form=form, strides=strides, default=usual)
    points = weighted(*wh.T, np.ones(60))
    judge = _judge.Placed(points, _judge.Grids(np.arange(2), strides, detector.cells), 0.7)

    def score(sizes, ratio):
        anchors = np.concatenate([detectron2.sides([size], [ratio]) for size in sizes])
        return judge.mean(judge.values(anchors, np.arange(2)))

    found = anchors_for(wh, detector)
    steps = np.exp(np.linspace(np.log(5), np.log(200), 40))
    best = max(score(two, ratio) for two in itertools.product(steps, steps) for ratio in (0.7, 1.0, 1.3, 1.6, 2.0))
    assert score([row[0] for row in found.sizes], found.ratios[0][0]) >= best


@pytest.mark.parametrize("name", SEARCHED)
def test_sizes_suit_their_level(name):
    """Boxes that are all as large as the image lead to no anchors that are too large for their level."""
    detector = GRIDS[name]
    side = min(detector.input())
    found = anchors_for(np.random.default_rng(0).uniform(0.8, 1.0, (50, 2)) * side, name)
    usual = detector.form_at(detector.input()).anchors(detector.default)
    if len(usual) > 1:
        assert unsuited(detector.strides, [level.anchors for level in found.levels]) == []


@pytest.mark.parametrize("objective", [PLACED, "iou"])
@pytest.mark.parametrize("most", [3, 40.0])
def test_another_limit_of_sizes(objective, most):
    wh = np.random.default_rng(0).uniform(400, 700, (50, 2))
    found = anchors_for(wh, "detectron2-rpn", most_strides=most, objective=objective)
    strides = [level.stride for level in found.levels]
    reached = [size / stride for (size,), stride in zip(found.sizes, strides, strict=True)]
    assert max(reached) <= most * 1.0005  # four digits
    if most > 16 and objective == PLACED:
        assert max(reached) > 16


def test_classes_of_size_that_match_less_are_said(tmp_path, capsys):
    """Large boxes match well, and the few smaller ones, which the default anchors match, no longer do."""
    wh = np.concatenate([np.random.default_rng(0).uniform(300, 320, (300, 2)), np.full((40, 2), 32.0)])
    boxes = Boxes(wh, np.arange(340) // 2, np.full((170, 2), 800), xy=np.full((340, 2), 100.0))
    datasets.write(boxes, tmp_path / "boxes.csv")
    sizes = ["--sizes", "290,300,305,310,320", "--json"]
    assert main(["anchors", str(tmp_path / "boxes.csv"), "--for", "detectron2-rpn", *sizes]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert warnings[-1] == "of the medium boxes 0.00% match, with the default anchors 100.00%"


def test_equal_anchors_are_said(capsys):
    assert main(["anchors", "--for", "detectron2-rpn", "--sizes", "16,16 32,40 64,70 128,130 256,300", "--json"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert "3 anchors are equal to others of the same level" in warnings


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("torchvision-ssd300", [30, 60, 111, 162, 213, 264, 315]), ("tao-ssd", [30, 60, 111, 162, 213, 264, 315])],
)
def test_parts_of_the_input_are_not_pixels(name, sizes):
    with pytest.raises(DataError, match=r"sizes: got .*, expected parts of the network input"):
        anchors_for(SIZES, name, sizes=sizes)


def test_a_result_in_place_of_its_levels():
    with pytest.raises(DataError, match=r"anchors: got .*, expected the anchors of each level"):
        positives(SIZES, "detectron2-rpn", anchors_for(SIZES, "detectron2-rpn"))


def test_weights_count_boxes_several_times():
    weights = np.arange(1, 9)
    each = anchors_for(np.repeat(SIZES, weights, axis=0), "detectron2-rpn")
    found = anchors_for(SIZES, "detectron2-rpn", weights=weights)
    assert found.score == pytest.approx(each.score)
    assert found.sizes == each.sizes


@pytest.mark.parametrize(
    "words", [["--objective", "placed"], ["--objective", "placed", "--for", "yolov5"], ["--objective", "places"]]
)
def test_only_for_sizes_and_ratios(words, capsys):
    assert main(["anchors", *words]) == 2
    assert "--objective = 'place" in capsys.readouterr().err


def test_only_for_sizes_and_ratios_in_python():
    with pytest.raises(DataError, match="objective = 'placed': must be 'ratio'"):
        fastanchor.auto_anchor(SIZES, n=2, objective="placed")
    with pytest.raises(DataError, match="objective = 'place': must be 'ratio'"):
        anchors_for(SIZES, "detectron2-rpn", objective="place")


def test_command_says_both(capsys):
    assert main(["anchors", "--for", "detectron2-rpn", "--seed", "1"]) == 0
    shown = capsys.readouterr().out
    assert "\nplaced    0." in shown
    assert "\nmatched   " in shown
