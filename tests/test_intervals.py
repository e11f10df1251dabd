"""Confidence intervals over images, against resamples that are scored box by box."""

import dataclasses
import json
import pickle
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastanchor
from fastanchor import Boxes, DataError, _intervals, kernels, plot
from fastanchor._network import to_network_input
from fastanchor.cli import main
from fastanchor.html_report import make, page

import naive
import zoo

COCO = np.array([[10.0, 13], [33, 23], [62, 45], [116, 90], [373, 326]])


def by_hand(boxes, anchors, others=None, thr=0.25, groups=None):
    """The intervals from their definition: every resample is a list of images whose boxes are scored one by one."""
    wh, own = boxes.scaled(640), boxes.image_index
    weights = np.ones(len(wh)) if boxes.weights is None else boxes.weights
    count = len(boxes.image_wh)
    groups = groups or count
    rng = np.random.default_rng(0)
    sets = [anchors] if others is None else [anchors, others]
    each = []
    for one in sets:
        ratio = np.array([naive.best_ratio(box, one) for box in wh.tolist()])
        iou = np.array([max(naive.iou(box, anchor) for anchor in one.tolist()) for box in wh.tolist()])
        each.append(np.stack([ratio * (ratio > thr), ratio > thr, iou]))
    found = []
    for _ in range(1000):
        rows = [row for group in rng.integers(0, groups, groups) for row in np.flatnonzero(own % groups == group)]
        if sum(weights[rows]) > 0:
            found.append([[np.average(values[rows], weights=weights[rows]) for values in one] for one in each])
    scores = np.array(found)
    scores = scores[:, 0] if others is None else scores[:, 0] - scores[:, 1]
    return np.quantile(scores, [0.025, 0.975], axis=0).T


def some_boxes(seed=0, images=7, boxes=20, weights=None):
    rng = np.random.default_rng(seed)
    wh = np.exp(rng.normal(3.5, 1.0, (boxes, 2))).clip(2, 300)
    return Boxes(wh, rng.integers(0, images, boxes), rng.integers(300, 900, (images, 2)), weights=weights)


def ends(found):
    return np.array([[one.low, one.high] for one in found[:3]])


WEIGHTS = {
    "none": None,
    "whole": np.arange(20) % 4,
    "fractions": np.linspace(0.0, 2.7, 20),
}


@pytest.mark.parametrize("weights", WEIGHTS.values(), ids=WEIGHTS)
def test_intervals_are_those_of_resamples_scored_box_by_box(weights, backend):
    boxes = some_boxes(weights=weights)
    found = fastanchor.check(boxes, COCO, against=COCO[::2])
    np.testing.assert_allclose(ends(found.intervals), by_hand(boxes, COCO), rtol=1e-7)
    np.testing.assert_allclose(ends(found.difference), by_hand(boxes, COCO, COCO[::2]), rtol=1e-7, atol=1e-9)
    assert found.intervals.images == found.difference.images == 7


def test_images_without_boxes_are_drawn_too():
    """They make the number of boxes of a resample vary; leaving them out would change the interval."""
    boxes = some_boxes(images=8, boxes=24)
    more = Boxes(boxes.wh, boxes.image_index, np.concatenate([boxes.image_wh, [[640, 480]] * 4]))
    found = fastanchor.check(more, COCO).intervals
    assert found.images == 12
    np.testing.assert_allclose(ends(found), by_hand(more, COCO), rtol=1e-9)
    assert not np.allclose(ends(found), ends(fastanchor.check(boxes, COCO).intervals))


def test_images_whose_boxes_are_too_small_still_count():
    boxes = Boxes([[50, 40], [1, 1], [300, 9]], [0, 1, 2], [[640, 640]] * 3, files=["a", "b", "c"])
    found = fastanchor.check(boxes, COCO, min_size=2)
    assert (found.boxes, found.intervals.images) == (2, 3)


def test_of_very_many_images_groups_are_drawn(monkeypatch):
    monkeypatch.setattr(_intervals, "GROUPS", 5)
    boxes = some_boxes(images=12, boxes=30)
    found = fastanchor.check(boxes, COCO).intervals
    assert found.images == 12
    np.testing.assert_allclose(ends(found), by_hand(boxes, COCO, groups=5), rtol=1e-9)


@given(st.integers(0, 1000), st.integers(1, 6), st.integers(1, 12))
def test_every_engine_has_the_same_intervals(seed, images, boxes):
    some = some_boxes(seed, images, boxes)
    ready = to_network_input(some, 640, "letterbox")
    if ready.images is None:
        return
    dense, other = (fastanchor.check(one, COCO).intervals for one in (ready, ready.on_engine()))
    assert dense == other
    for one in dense[:3]:
        assert 0.0 <= one.low <= one.high <= 1.0


@pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")
@pytest.mark.parametrize("piece", [1 << 23, 700])
def test_an_index_has_the_same_intervals(monkeypatch, piece):
    monkeypatch.setattr(_intervals, "PIECE", piece)
    ready = to_network_input(some_boxes(images=40, boxes=3000), 640, "letterbox")
    index = ready._replace(boxes=fastanchor.BoxIndex(ready.wh))
    np.testing.assert_allclose(
        ends(fastanchor.check(index, COCO).intervals), ends(fastanchor.check(ready, COCO).intervals), rtol=1e-12
    )


def test_the_interval_covers_the_score_of_all_images():
    """Nineteen of twenty intervals of 60 images contain the score of the 3,000 that they are drawn from."""
    boxes = fastanchor.datasets.sample()
    whole = fastanchor.check(boxes, COCO)
    hits = []
    for seed in range(60):
        _, some = fastanchor.holdout(boxes, 0.02, rng=seed)
        found = fastanchor.check(some, COCO).intervals
        hits.append(
            [one.low <= getattr(whole, name) <= one.high for name, one in zip(found._fields, found[:3], strict=False)]
        )
    # of 60 draws with a chance of 0.95, 51 or fewer come once in 200 times; the percentile interval is a little short
    assert (np.sum(hits, axis=0)[[0, 2]] >= 51).all()


UNKNOWN = {
    "array": np.array([[10.0, 20], [30, 40]]),
    "no images": Boxes([[10.0, 20], [30, 40]]),
    "an image per box": Boxes([[10.0, 20], [30, 40]], [0, 1], [[640, 480]] * 2),
    "index": fastanchor.engine.choose([[10.0, 20], [30, 40]]),
}


@pytest.mark.parametrize("boxes", UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_images_are_not_assumed(boxes):
    found = fastanchor.check(boxes, COCO)
    assert (found.intervals, found.difference) == (None, None)
    assert (
        "interval  none: it needs the image of each box: image_index, or a column 'image' in a table" in found.to_text()
    )
    with pytest.raises(DataError, match=r"^against: the comparison needs the image of each box: image_index"):
        fastanchor.check(boxes, COCO, against=COCO)
    if isinstance(boxes, Boxes):
        with pytest.raises(DataError, match=r"^boxes: a division by images needs the image of each box"):
            fastanchor.holdout(boxes, 0.5)


def test_one_box_per_image_is_known_by_the_names_of_the_images():
    named = Boxes([[10.0, 20], [30, 40]], [0, 1], [[640, 480]] * 2, files=["a.jpg", "b.jpg"])
    assert fastanchor.check(named, COCO).intervals.images == 2


def test_anchors_against_themselves_do_not_differ():
    found = fastanchor.check(some_boxes(), COCO, against=COCO[::-1]).difference
    assert [tuple(one) for one in found[:3]] == [(0.0, 0.0, 0.0)] * 3


@pytest.mark.parametrize("bad", [[[1.0, 0.0]], Boxes([[1, 1]])])
def test_errors_about_the_other_anchors_name_them(bad):
    with pytest.raises(DataError, match=r"^against"):
        fastanchor.check(some_boxes(), COCO, against=bad)


def test_holdout_divides_the_images():
    boxes = some_boxes(images=10, boxes=60)
    chosen, held = fastanchor.holdout(boxes, 0.3, rng=5)
    picked = np.random.default_rng(5).permutation(10)[:3]
    mask = np.isin(boxes.image_index, picked)
    np.testing.assert_array_equal(held.scaled(640), boxes.scaled(640)[mask])
    np.testing.assert_array_equal(chosen.scaled(640), boxes.scaled(640)[~mask])
    assert (len(chosen.image_wh), len(held.image_wh)) == (7, 3)
    again = fastanchor.holdout(boxes, 0.3, rng=5)[1]
    np.testing.assert_array_equal(again.wh, held.wh)


def test_holdout_keeps_every_column():
    boxes = Boxes(
        [[9, 9], [8, 8], [7, 7]], [0, 1, 1], [[64, 48], [32, 32]], [0, 1, 0], ["cat", "ant"], xy=[[0, 0]] * 3,
        split=["train", "val"], files=["a", "b"], weights=[1, 2, 3], skipped={"bad box": 1},
    )  # fmt: skip
    chosen, held = sorted(fastanchor.holdout(boxes, 0.5, rng=0), key=len)
    assert (chosen.files, held.files, chosen.split, held.split) == (("a",), ("b",), ("train",), ("val",))
    assert held.weights.tolist() == [2, 3]
    assert held.class_index.tolist() == [1, 0]
    assert held.image_index.tolist() == [0, 0]
    assert (dict(held.skipped), held.xy.shape) == ({}, (2, 2))


@pytest.mark.parametrize(
    ("share", "sentence"),
    [(0, "share = 0"), (1.0, "share = 1: leaves no image"), (1.5, "share = 1.5"), ("x", "share = 'x'")],
)
def test_bad_holdout(share, sentence):
    with pytest.raises(DataError, match="^" + sentence):
        fastanchor.holdout(some_boxes(), share, rng=0)


def test_a_part_without_boxes_is_an_error():
    boxes = Boxes([[9, 9], [8, 8]], [0, 0], [[64, 48]] * 2)
    with pytest.raises(DataError, match=r"^share = 0\.5: leaves no box to"):
        fastanchor.holdout(boxes, 0.5, rng=0)


def command(capsys, *arguments):
    code = main([*map(str, arguments)])
    return code, *capsys.readouterr()


def test_check_prints_intervals_and_the_comparison(capsys, tmp_path):
    table = tmp_path / "boxes.csv"
    rows = [f"{w:.0f},{h:.0f},{i % 9}.jpg,640,640" for i, (w, h) in enumerate(zoo.lognormal(90).clip(4, 600))]
    table.write_text("width,height,image,image_width,image_height\n" + "\n".join(rows))
    pairs = [f"{w:g},{h:g}" for w, h in COCO]
    code, out, _ = command(capsys, "check", table, "-q", "--anchors", *pairs, "--against", "9,9", "90,90", "--json")
    got = json.loads(out)
    expected = fastanchor.check(fastanchor.read(table, progress=False), COCO, against=[[9, 9], [90, 90]])
    assert code == 0
    assert got["intervals"] == expected.intervals.to_dict()
    assert got["difference"] == expected.difference.to_dict()
    _, out, _ = command(capsys, "check", table, "-q", "--anchors", *pairs, "--against", "9,9", "90,90")
    assert "interval  95 %, from 1,000 resamples of the 9 images\n" in out
    assert "against the others" in out
    assert "The fitness of these anchors is higher by 0." in out


@pytest.mark.parametrize(
    "lines", ["width,height\n9,9\n8,8", "width,height,image_width,image_height\n9,9,64,64\n8,8,64,64"]
)
def test_a_table_without_images_says_what_it_needs(capsys, tmp_path, lines):
    table = tmp_path / "boxes.csv"
    table.write_text(lines)
    _, out, _ = command(capsys, "check", table, "-q", "--anchors", "9,9")
    assert "interval  none: it needs the image of each box: image_index, or a column 'image' in a table\n" in out
    code, _, err = command(capsys, "check", table, "-q", "--anchors", "9,9", "--against", "8,8")
    assert code == 2
    assert "against: the comparison needs the image of each box" in err


def test_against_a_file_for_another_input_is_a_warning(capsys, tmp_path):
    file = tmp_path / "m.cfg"
    file.write_text("[net]\nwidth=416\nheight=416\n\n[yolo]\nmask = 0,1\nanchors = 10,14, 23,27\nnum=2\nclasses=7\n")
    _, out, _ = command(capsys, "check", "-q", "--img-size", 640, "--anchors", "9,9", "--against", file)
    assert f"warning   {file} is for 416 x 416 pixels, but was scored at 640 x 640\n" in out
    assert f"against {file}" in out


def test_anchors_are_chosen_on_some_images_and_scored_on_the_others(capsys):
    quick = ("anchors", "-q", "--n", 3, "--gen", 5, "--seed", 4, "--holdout", 0.25)
    _, out, _ = command(capsys, *quick, "--json")
    got = json.loads(out)
    chosen, held = fastanchor.holdout(fastanchor.datasets.sample(), 0.25, rng=4)
    result = fastanchor.auto_anchor(chosen, n=3, gen=5, rng=4, progress=False)
    assert got["anchors"] == result.anchors.tolist()
    assert got["held_out"] == fastanchor.check(held, result.anchors, min_size=2).to_dict()
    _, out, _ = command(capsys, *quick)
    assert "held out  750 images with " in out
    assert re.search(r"^  fitness   0\.\d{5}   0\.\d{5} to 0\.\d{5}$", out, re.MULTILINE)
    _, out, err = command(capsys, "anchors", *quick[2:], "--emit", "mmdet")
    assert "held out" not in out
    assert "held out  750 images" in err


@pytest.mark.parametrize("share", ["0", "1", "-1", "2", "nan"])
def test_bad_shares_are_named_as_the_option(capsys, share):
    code, _, err = command(capsys, "anchors", "-q", f"--holdout={share}")
    assert code == 2
    assert f"--holdout = {share}" in err


def few_images():
    return fastanchor.holdout(fastanchor.datasets.sample(), 0.02, rng=1)[1]


def test_a_sweep_has_the_intervals_of_each_number():
    boxes = few_images()
    found = fastanchor.sweep(boxes, [1, 3, 6], rng=0, progress=False)
    for anchors, own in zip(found.anchors, found.intervals, strict=True):
        assert own == fastanchor.check(boxes, anchors, min_size=2).intervals


def test_enough_is_the_smallest_number_that_is_not_worse_beyond_noise():
    boxes = few_images()
    found = fastanchor.sweep(boxes, range(1, 10), rng=0, progress=False)
    for name in fastanchor.Enough._fields:
        best = found.anchors[int(np.argmax(getattr(found, name)))]
        good = [
            n
            for n, anchors in zip(found.n.tolist(), found.anchors, strict=True)
            if getattr(fastanchor.check(boxes, best, against=anchors, min_size=2).difference, name).low <= 0.0
        ]
        assert getattr(found.enough, name) == good[0]
    assert found.enough.bpr < 9 == found.enough.fitness


def test_a_sweep_of_boxes_without_images_has_no_marks():
    found = fastanchor.sweep(few_images().scaled(640), [1, 2], rng=0, progress=False)
    assert (found.intervals, found.enough) == (None, None)
    assert "*" not in found.to_text()
    assert found.to_text().endswith(
        "no intervals: each needs the image of each box: image_index, or a column 'image' in a table"
    )


def test_the_text_of_a_sweep_marks_the_numbers():
    found = fastanchor.sweep(few_images(), [1, 3, 6], rng=0, progress=False)
    lines = found.to_text().splitlines()
    for n, line in zip(found.n, lines[1:4], strict=True):
        marks = re.findall(r"\d\.\d{5}(\*?) +\d\.\d{5} to", line)
        starred = {name for name, mark in zip(("mean_iou", "fitness", "bpr"), marks, strict=True) if mark}
        assert starred == {name for name in fastanchor.Enough._fields if getattr(found.enough, name) == n}
    assert lines[4].endswith("intervals: 1,000 resamples of 60 images")


@pytest.mark.parametrize("objective", ["ratio", pytest.param("iou", marks=pytest.mark.slow)])
def test_a_certified_sweep_has_the_limits(objective):
    pytest.importorskip("scipy")
    boxes = few_images().scaled(640)[::40]
    found = fastanchor.sweep(boxes, [1, 2], rng=0, objective=objective, certify=True, progress=False)
    for i, anchors in enumerate(found.anchors):
        alone = fastanchor.bound(boxes, i + 1, anchors=anchors, objective=objective)
        assert (found.limit[i], found.gap[i]) == (alone.bound, alone.gap)
    scores = {"ratio": found.fitness, "iou": found.mean_iou}[objective]
    assert (found.limit >= scores).all()
    assert f"limit of {objective}" in found.to_text()


def test_the_anchors_of_a_job_have_intervals_when_they_are_read(monkeypatch):
    boxes = few_images()
    calls = []
    inner = _intervals.resampled
    monkeypatch.setattr(_intervals, "resampled", lambda sums: calls.append(len(sums)) or inner(sums))
    result = fastanchor.auto_anchor(boxes, n=3, gen=0, rng=0, progress=False)
    assert result.check.counts.sum() == len(boxes)
    assert calls == []
    assert result.check.intervals == fastanchor.check(boxes, result.anchors, min_size=2).intervals
    assert pickle.loads(pickle.dumps(result)).check.intervals == result.check.intervals
    assert calls == [1, 1]


def test_the_report_has_intervals():
    made = make(few_images(), source="x", n=3, gen=0, sweep_n=[1, 2], progress=False)
    text = page(made)
    low, high = made.check.intervals.fitness[1:]
    assert f"{low:.5f}&nbsp;to {high:.5f}" in text
    assert "1,000 resamples of the 60 images" in text
    assert "smallest number not worse than the best beyond noise" in text


def test_the_picture_of_a_sweep_with_limits(tmp_path):
    found = fastanchor.sweep(few_images(), [1, 2], rng=0, progress=False)
    limited = dataclasses.replace(found, limit=found.fitness * 1.002, gap=np.full(2, 0.002))
    plot.save(plot.swept(limited), tmp_path / "a.png")
    plot.save(plot.swept(found), tmp_path / "b.png")
    assert (tmp_path / "a.png").stat().st_size > (tmp_path / "b.png").stat().st_size > 10_000
