"""Boxes at several scales, as training rescales images, against boxes that are repeated by hand."""

import json
import re

import numpy as np
import pytest

import fastanchor
from fastanchor import Boxes, DataError
from fastanchor.cli import main

import zoo

ANCHORS = [[10.0, 13], [33, 60], [116, 90]]
SCALES = [0.5625, 0.6875, 0.8125, 0.9375, 1.0625, 1.1875, 1.3125, 1.4375]


def rescaled(wh, most=np.inf):
    return np.array([[min(w * scale, most), min(h * scale, most)] for w, h in wh.tolist() for scale in SCALES])


def close(found, expected):
    scores = ("fitness", "bpr", "mean_iou", "past_thr", "mean_ratio")
    np.testing.assert_allclose(*([getattr(one, name) for name in scores] for one in (found, expected)), rtol=1e-12)
    np.testing.assert_allclose(found.counts * 8, expected.counts)


def test_an_array_is_scored_at_eight_scales():
    wh = zoo.lognormal(50)
    found = fastanchor.check(wh, ANCHORS, jitter=(0.5, 1.5))
    close(found, fastanchor.check(rescaled(wh), ANCHORS))
    assert found.boxes == 50.0


def test_weights_are_divided_among_the_scales():
    wh, weights = zoo.lognormal(20), np.arange(20)
    found = fastanchor.check(wh, ANCHORS, jitter=(0.5, 1.5), weights=weights)
    close(found, fastanchor.check(rescaled(wh), ANCHORS, weights=np.repeat(weights, 8)))
    assert found.boxes == weights.sum()


def test_sides_end_at_the_network_input_and_small_copies_are_left_out():
    boxes = Boxes([[500, 3], [3, 3]], [0, 0], [[640, 640]])
    found = fastanchor.check(boxes, ANCHORS, jitter=(0.5, 1.5), min_size=2)
    wh = rescaled(boxes.wh, 640.0)
    kept = wh[(wh >= 2).any(axis=1)]
    assert len(kept) == 15
    close(found, fastanchor.check(kept, ANCHORS))
    assert found.boxes == 15 / 8


def test_intervals_draw_images_not_copies():
    boxes = fastanchor.holdout(fastanchor.datasets.sample(), 0.01, rng=0)[1]
    found = fastanchor.check(boxes, ANCHORS, jitter=(0.5, 1.5)).intervals
    many = Boxes(rescaled(boxes.scaled(640), 640.0), np.repeat(boxes.image_index, 8), files=list(map(str, range(30))))
    expected = fastanchor.check(many, ANCHORS).intervals
    assert found.images == 30
    np.testing.assert_allclose(np.array(found[:3]), np.array(expected[:3]), rtol=1e-12)


def test_anchors_and_curves_are_those_of_the_weighted_copies():
    wh = zoo.lognormal(60).clip(8, 300)
    copies, weights = rescaled(wh), np.full(480, 0.125)
    options = {"rng": 3, "progress": False, "n_init": 2}
    found = fastanchor.auto_anchor(wh, n=3, gen=20, jitter=(0.5, 1.5), **options)
    expected = fastanchor.auto_anchor(copies, n=3, gen=20, weights=weights, **options)
    np.testing.assert_array_equal(found.anchors, expected.anchors)
    curve = fastanchor.sweep(wh, [2], jitter=(0.5, 1.5), **options)
    np.testing.assert_array_equal(
        curve.anchors[0], fastanchor.sweep(copies, [2], weights=weights, **options).anchors[0]
    )


def test_a_range_of_one_changes_nothing():
    wh = zoo.lognormal(20)
    assert fastanchor.check(wh, ANCHORS, jitter=(1, 1)).to_dict() == fastanchor.check(wh, ANCHORS).to_dict()


@pytest.mark.parametrize(
    "jitter", [0.5, "0.5,1.5", (1.5, 0.5), (0, 1), (1,), (1, 2, 3), (1, np.inf), ("a", 1), (-1, 1)]
)
def test_bad_jitter(jitter):
    with pytest.raises(DataError, match=r"^jitter = "):
        fastanchor.check([[9, 9]], ANCHORS, jitter=jitter)


def test_an_engine_cannot_be_rescaled():
    with pytest.raises(DataError, match=r"^jitter: boxes is an engine already"):
        fastanchor.check(fastanchor.engine.choose([[9.0, 9]]), ANCHORS, jitter=(0.5, 1.5))


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    "command",
    [  # copies are so many boxes that the index with weights is used, whose kernels slow tests compile
        pytest.param(("anchors", "--n", 2, "--gen", 0), id="anchors", marks=pytest.mark.slow),
        pytest.param(("check", "--anchors", "40,50"), id="check"),
        pytest.param(("sweep", "--n", 2), id="sweep", marks=pytest.mark.slow),
    ],
)
def test_commands_take_the_range(capsys, command):
    _, out, _ = run(capsys, *command, "-q", "--jitter", "0.5,1.5", "--json")
    assert json.loads(out)["jitter"] == [0.5, 1.5]
    _, out, _ = run(capsys, *command, "-q", "--jitter", "0.5,1.5")
    assert re.search(r"^jitter    each box at 8 scales from 0\.5 to 1\.5$", out, re.MULTILINE)
    _, out, _ = run(capsys, *command, "-q", "--json")
    assert json.loads(out)["jitter"] is None


@pytest.mark.parametrize("text", ["0.5", "0.5,1,2", "a,b"])
def test_a_wrong_range_on_the_command_line(capsys, text):
    code, _, err = run(capsys, "check", "--anchors", "9,9", "--jitter", text)
    assert (code, f"--jitter = '{text}': must be two numbers, as in 0.5,1.5" in err) == (2, True)
