"""The page about sizes and ratios, and its pictures: anchors by level over the boxes, recall beside the defaults."""

import importlib.resources
import json
import re

import numpy as np
import pytest

import fastanchor
from fastanchor import plot
from fastanchor.boxes import Boxes
from fastanchor.cli import main
from fastanchor.detector_report import make, page
from fastanchor.detectors import default_levels

from test_html_report import Page

pytest.importorskip("matplotlib")

RNG = np.random.default_rng(1)
WH = np.exp(RNG.uniform(2, 5.5, (60, 2)))
BOXES = Boxes(
    WH, np.sort(RNG.integers(0, 12, 60)), [[800, 800]] * 14, xy=RNG.uniform(0, 400, (60, 2)),
    class_index=np.arange(60) % 2, class_names=("a<b", "c"), skipped={"box with <zero> width": 2},
)  # fmt: skip
FIXED = {"sizes": [20.0, 40.0, 80.0, 160.0, 320.0], "ratios": [0.5, 1.0, 2.0]}


@pytest.fixture(scope="module", autouse=True)
def numpy_backend():
    with fastanchor.backend("numpy"):
        yield


@pytest.fixture(scope="module")
def made():
    return make(BOXES, "torchvision-fasterrcnn", source="a <set>", **FIXED)


def test_the_page_says_what_the_detector_trains_on(made):
    text = page(made)
    got = Page(text)
    assert "script" not in got.tags
    assert len(got.images) == 3
    assert all(image["alt"] and image["src"].startswith("data:image/png;base64,") for image in got.images)
    assert "a <set>" in got.text
    assert "2 x box with <zero> width" in got.text
    ours = fastanchor.positives(BOXES, "torchvision-fasterrcnn", made.result.levels, min_size=2)
    usual = fastanchor.positives(BOXES, "torchvision-fasterrcnn", min_size=2)
    assert f"{ours.matched:.2%} of them match, with the detector's default anchors {usual.matched:.2%}." in got.text
    for one in ours.gains(usual):
        gain = f"{one.recall[0] - one.others[0]:+.2%} {one.low[0]:+.2%} to {one.high[0]:+.2%}"
        assert f"{one.name} {one.recall[0]:.2%} {one.others[0]:.2%} {gain}" in got.text
    for mine, theirs in zip(ours.sizes, usual.sizes, strict=True):
        shares = f"{mine.without:.2%} {theirs.without:.2%} {mine.per_box:.2f} {theirs.per_box:.2f}"
        assert f"{mine.name} {mine.boxes} {shares}" in got.text
    assert " ".join(made.result.text.split()) in got.text


@pytest.mark.parametrize("known", [True, False])
def test_a_page_of_boxes_without_images(known, monkeypatch):
    if not known:
        monkeypatch.setattr("fastanchor.detector_report.MATCHED", ())
    sizes, ratios = [0.05, 0.12, 0.25, 0.4, 0.6, 0.8, 1.0], [[2.0], [2.0, 3.0], [2.0], [2.0], [2.0], [2.0]]
    kept = make(Boxes(WH[:9]), "torchvision-ssd300", source="x", sizes=sizes, ratios=ratios)
    got = Page(page(kept))
    assert ("is not known in full" in got.text) == (not known)
    assert f"{len(kept.result.anchors)} anchors" in got.text
    assert "0.05 0.12" in got.text
    assert len(got.images) == 1 + known


def test_the_template_is_part_of_the_package():
    assert importlib.resources.files("fastanchor").joinpath("html_pairs.html").is_file()


def test_anchors_of_all_sets_are_drawn_on_one_scale(made):
    sets = {"ours": made.result.levels, "others": default_levels("torchvision-fasterrcnn")}
    figure = plot.on_levels(made.wh, sets, "title")
    ours, others, _ = figure.axes
    assert (ours.get_title(), others.get_title()) == ("ours", "others")
    assert ours.get_xlim() == ours.get_ylim() == others.get_xlim()
    assert ours.get_xlim()[1] > 512 * 2**0.5
    marks = [line for line in others.get_lines() if line.get_label().startswith("stride")]
    assert [line.get_label() for line in marks] == ["stride 4", "stride 8", "stride 16", "stride 32", "stride 64"]
    assert len({line.get_marker() for line in marks}) == 5
    for line, level in zip(marks, sets["others"], strict=True):
        np.testing.assert_array_equal(line.get_xydata(), level.anchors)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [line.get_label() for line in marks]


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = [f"{i // 5}.jpg,800,800,cat,0,0,{w},{h}" for i, (w, h) in enumerate(WH.tolist())]
    (tmp_path / "t.csv").write_text("\n".join(["image,image_width,image_height,class,x,y,width,height", *rows]))
    return tmp_path


COMMON = ["--backend", "numpy", "--quiet"]
WORDS = ["--sizes", "20,40,80,160,320", "--ratios", "0.5,1,2"]


def test_the_command(table, capsys):
    words = ["report", "t.csv", "--for", "detectron2-rpn", *WORDS, *COMMON, "-o", "p.html"]
    assert main([*words, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["sizes"] == [[20.0], [40.0], [80.0], [160.0], [320.0]]
    assert answer["positives"]["detector"] == "detectron2-rpn"
    text = (table / "p.html").read_text(encoding="utf-8")
    assert "SIZES: [[20], [40], [80], [160], [320]]" in text
    assert f"{answer['positives']['matched']:.2%} of them match" in text
    assert main(["anchors", "t.csv", "--for", "detectron2-rpn", *WORDS, *COMMON, "--plot", "a.png"]) == 0
    assert (table / "a.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--for", "detectron2-rpn", "--n", "6"], "--n: not used for detectron2-rpn, whose anchors are sizes and"),
        (["--for", "detectron2-rpn", "--sweep", "1-3"], "--sweep: not used for detectron2-rpn"),
        (["--sizes", "3"], "--sizes: needs --for with a detector whose anchors are sizes and ratios"),
        (["--for", "yolov5", "--ratios", "3"], "--ratios: needs --for with a detector"),
        (["--for", "yolov9"], "--for"),
    ],
)
def test_options_that_contradict_each_other(table, capsys, words, sentence):
    assert main(["report", "t.csv", *words, *COMMON, "-o", "p.html"]) == 2
    assert sentence in capsys.readouterr().err
    assert not (table / "p.html").exists()


def test_a_page_for_a_yolo_has_its_levels_and_its_input(table, capsys):
    words = ["--for", "yolov4-tiny", "--gen", "0", "--sweep", "none", *COMMON, "--json"]
    assert main(["report", "t.csv", *words, "-o", "p.html"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["img_size"], answer["fit"]) == ([416, 416], "stretch")
    assert [(one["level"], len(one["anchors"])) for one in answer["levels"]] == [(4, 3), (5, 3)]
    assert re.search(r"network input</td><td[^>]*>416 x 416 pixels, stretch", (table / "p.html").read_text())
