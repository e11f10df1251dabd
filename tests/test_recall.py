"""Recall against the least IoU: by definition, compared with other anchors, with intervals, and its picture."""

import json

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError
from fastanchor.boxes import Boxes
from fastanchor.cli import main
from fastanchor.matching import _recall

RNG = np.random.default_rng(1)
WH = np.exp(RNG.uniform(2, 5.5, (60, 2)))
IMAGE = np.sort(RNG.integers(0, 12, 60))
BOXES = Boxes(WH, IMAGE, [[800, 800]] * 14, xy=RNG.uniform(0, 400, (60, 2)))
SQUARES = [[[side, side]] for side in (16, 32, 64, 128, 256)]


@pytest.fixture(scope="module", autouse=True)
def numpy_backend():
    with fastanchor.backend("numpy"):
        yield


@pytest.fixture(scope="module")
def both():
    return fastanchor.positives(BOXES, "detectron2-rpn", SQUARES), fastanchor.positives(BOXES, "detectron2-rpn")


def test_recall_is_the_share_of_boxes_from_an_iou_on(both):
    ours, others = both
    area = WH.prod(axis=1)
    rows = {"all": area > 0, "small": area < 1024, "medium": (area >= 1024) & (area < 9216), "large": area >= 9216}
    found = ours.recall(others, iou=[0.3, 0.7])
    assert [one.name for one in found] == [*rows]
    for one in found:
        some = rows[one.name]
        for t, share, other in zip((0.3, 0.7), one.recall, one.others, strict=True):
            assert share == pytest.approx((ours.best[0, some] >= np.float32(t)).mean())
            assert other == pytest.approx((others.best[0, some] >= np.float32(t)).mean())
    assert ours.recall()[0].others is None
    assert len(ours.recall()[0].iou) == 19
    assert ours.gains(others)[0].recall[0] == pytest.approx(ours.matched)


def test_intervals_are_those_of_drawn_images(both, monkeypatch):
    """All images are drawn, those without boxes too; a class is scored on the same ones."""
    ours, others = both
    monkeypatch.setattr("fastanchor._intervals.RESAMPLES", 20)
    found = ours.gains(others)
    rng = np.random.default_rng(0)
    draws = [np.bincount(rng.integers(0, 14, 14), minlength=14) for _ in range(20)]
    gain = (ours.best[0] >= np.float32(0.7)).astype(float) - (others.best[0] >= np.float32(0.7))
    for one, some in ((found[0], WH[:, 0] > 0), (found[1], WH.prod(axis=1) < 1024)):
        scores = [np.average(gain[some], weights=draw[IMAGE][some]) for draw in draws if draw[IMAGE][some].any()]
        assert [one.low[0], one.high[0]] == pytest.approx(np.quantile(scores, [0.025, 0.975]))
    monkeypatch.setattr(_recall, "GROUPS", 1)  # one group: every resample is the whole
    one = ours.gains(others)[0]
    assert one.low[0] == pytest.approx(one.recall[0] - one.others[0]) == one.high[0]


def test_without_images_there_is_no_interval(both):
    found = fastanchor.positives(WH, "detectron2-rpn", SQUARES)
    (one, *_) = found.recall(fastanchor.positives(WH, "detectron2-rpn"))
    assert (one.low, one.high) == (None, None)
    with pytest.raises(DataError, match="against: is for 3 boxes, expected the same 60"):
        both[0].recall(fastanchor.positives(WH[:3], "detectron2-rpn"))


def test_pictures(both):
    pytest.importorskip("matplotlib")
    ours, others = both
    assert len(ours.plot().axes) == 4
    axes = ours.plot(others).axes
    assert [one.get_title() for one in axes[:4]] == [f"{size} boxes" for size in ("all", "small", "medium", "large")]
    assert axes[4].get_xlabel() == "best IoU is at least"
    (_, line, other) = axes[0].get_lines()
    np.testing.assert_array_equal(line.get_ydata(), ours.recall()[0].recall)
    np.testing.assert_array_equal(other.get_ydata(), others.recall()[0].recall)
    yolo = fastanchor.positives(WH, "yolov5", [[[30, 30]]]).plot()
    assert yolo.axes[0].get_xlabel() == "best ratio of sides is at least"


@pytest.fixture
def table(tmp_path):
    rows = [
        f"{image}.jpg,800,800,{x},{y},{w},{h}"
        for image, (x, y), (w, h) in zip(IMAGE, BOXES.xy.tolist(), WH.tolist(), strict=True)
    ]
    file = tmp_path / "boxes.csv"
    file.write_text("\n".join(["image,image_width,image_height,x,y,width,height", *rows]))
    return file


def test_check_compares_with_the_default_anchors(table, tmp_path, capsys):
    words = ["check", str(table), "--for", "detectron2-rpn", "--backend", "numpy", "--quiet", "--anchors"]
    words += [",".join(map(str, part[0])) for part in SQUARES]
    assert main([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["positives"]
    read = fastanchor.read(table)
    expected = fastanchor.positives(read, "detectron2-rpn", SQUARES)
    gains = expected.gains(fastanchor.positives(read, "detectron2-rpn"))
    assert found["matched"] == expected.matched
    assert [one["name"] for one in found["against_default"]] == [one.name for one in gains]
    for row, one in zip(found["against_default"], gains, strict=True):
        assert (row["matched"], row["default"], row["low"], row["high"]) == (
            one.recall[0], one.others[0], one.low[0], one.high[0],
        )  # fmt: skip
    picture = tmp_path / "recall.png"
    assert main([*words, "--plot", str(picture)]) == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("all "))
    assert f"{found['against_default'][0]['difference']:+.2%}" in line
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert main([*words[:4], "--backend", "numpy", "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["positives"]["against_default"] is None
