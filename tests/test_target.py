"""The target decides how images are resized, how large they become, and how many anchors there are."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastanchor
from fastanchor import Boxes, DataError, export
from fastanchor.cli import main

HERE = Path(__file__).resolve().parent / "data"
FIT = {"yolov5": "letterbox", "mmdet": "letterbox", "mmyolo": "letterbox", "darknet": "stretch", "paddle": "stretch",
       "tao": "stretch"}  # fmt: skip
CFG = """[net]
width={size}
height={size}
{extra}
[convolutional]
stride=16
filters=18
[yolo]
mask=1,2,3
anchors=10,14, 23,27, 37,58, 81,82, 135,169, 344,319
classes=4
num=6
[convolutional]
stride=2
filters=18
[yolo]
mask=3,4,5
anchors=10,14, 23,27, 37,58, 81,82, 135,169, 344,319
classes=4
num=6
"""


def wide_boxes(*sides):
    """Boxes on images of 1280 x 720."""
    wh = np.repeat(np.array(sides, float), 10, axis=0)
    return Boxes(wh, np.zeros(len(wh), int), [[1280, 720]])


@pytest.fixture
def table(tmp_path):
    """The boxes of :func:`wide_boxes` and more as a CSV with image sizes and two classes."""
    file = tmp_path / "boxes.csv"
    rng = np.random.default_rng(0)
    rows = [f"{w},{h},1280,720,{i % 2}" for i, (w, h) in enumerate(rng.integers(40, 700, (300, 2)).tolist())]
    file.write_text("\n".join(["width,height,image_width,image_height,class", *rows]), encoding="utf-8")
    return file


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


@pytest.mark.parametrize("name", FIT)
def test_a_result_is_for_one_fit(name):
    boxes = wide_boxes([90, 90], [120, 120])
    results = {
        fit: fastanchor.auto_anchor(boxes, img_size=416, n=2, gen=0, fit=fit, progress=False)
        for fit in ("letterbox", "stretch")
    }
    own, other = FIT[name], "stretch" if FIT[name] == "letterbox" else "letterbox"
    assert (results[own].fit, results[own].img_size) == (own, (416, 416))
    assert export.FORMATS[name].needs.fit == own
    method = f"to_{name}"
    text = getattr(results[own], method)()
    assert f"# fastanchor: {own}, 416 x 416 pixels" in text
    assert getattr(results[own], method)(fit=own) == text
    with pytest.raises(DataError, match=f"the anchors are for {other}, and {name} has {own}; compute them with fit = "):
        getattr(results[other], method)()
    assert f"# fastanchor: {other}, 416 x 416 pixels" in getattr(results[other], method)(fit=other)
    with pytest.raises(DataError, match=f"the anchors are for {own}, and {name} has {other}"):
        getattr(results[own], method)(fit=other)
    for fit, result in results.items():
        assert json.loads(result.to_json())["fit"] == fit
        assert result.to_csv().startswith("level,stride,width,height\n")
        assert (result.to_dict()["fit"], result.to_dict()["img_size"]) == (fit, [416, 416])


def test_darknet_gets_what_its_trainer_sees(capsys, tmp_path):
    file = tmp_path / "b.csv"
    file.write_text("width,height,image_width,image_height\n" + "90,90,1280,720\n120,120,1280,720\n" * 100)
    common = ("anchors", file, "--n", 2, "--gen", 0, "--img-size", 416)
    _, out, err = run(capsys, *common, "--emit", "darknet")
    assert out == "# fastanchor: stretch, 416 x 416 pixels\nanchors = 29,52, 39,69\n"
    assert "fastanchor: network input: 416 x 416 pixels, stretch\n" in err
    _, out, _ = run(capsys, *common, "--emit", "darknet", "--fit", "letterbox")
    assert out == "# fastanchor: letterbox, 416 x 416 pixels\nanchors = 29,29, 39,39\n"
    _, out, _ = run(capsys, *common, "--emit", "yolov5", "--quiet")
    assert "[29.2,29.2]" in out
    _, out, _ = run(capsys, *common)
    assert "input     416 x 416 pixels, letterbox\n" in out
    assert ("# YOLOv5" in out, "# Darknet" in out) == (True, False)
    _, out, _ = run(capsys, *common, "--fit", "stretch")
    assert "input     416 x 416 pixels, stretch\n" in out
    assert ("# YOLOv5" in out, "# Darknet" in out) == (False, True)


@pytest.mark.parametrize(
    ("extra", "fit"), [("", "stretch"), ("letter_box=1", "letterbox"), ("letter_box=0", "stretch")]
)
def test_what_is_not_given_comes_from_the_cfg(capsys, tmp_path, table, extra, fit):
    file = tmp_path / "tiny.cfg"
    file.write_text(CFG.format(size=416, extra=extra))
    code, out, _ = run(capsys, "anchors", table, "--edit", file, "--gen", 5, "--json", "--quiet")
    assert code == 0
    got = json.loads(out)
    boxes = fastanchor.read(table)
    expected = fastanchor.auto_anchor(boxes, img_size=416, fit=fit, n=6, gen=5, rng=0, progress=False)
    assert got["anchors"] == expected.anchors.tolist()
    assert (got["fit"], got["img_size"]) == (fit, [416, 416])
    assert [(row["level"], len(row["anchors"])) for row in got["levels"]] == [(4, 3), (5, 3)]
    assert got["warnings"][-1] == f"{file} is for 4 classes, but the labels have 2"
    assert got["text"] == expected.edited(file)
    edited = tmp_path / "edited.cfg"
    edited.write_text(got["text"])
    _, out, _ = run(capsys, "check", table, "--anchors", edited, "--json", "--quiet")
    score = json.loads(out)
    assert (score["fit"], score["img_size"]) == (fit, [416, 416])
    rounded = expected.anchors.round()
    assert score["fitness"] == fastanchor.check(boxes, rounded, img_size=416, fit=fit).fitness


def test_what_differs_from_the_cfg_is_refused(capsys, tmp_path, table):
    file = tmp_path / "tiny.cfg"
    file.write_text(CFG.format(size=416, extra=""))
    common = ("anchors", table, "--edit", file, "--gen", 0, "--quiet")
    code, out, err = run(capsys, *common, "--img-size", 640)
    assert (code, out) == (2, "")
    assert f"{file}: has a network input of 416 x 416, and the anchors are for 640 x 640" in err
    code, out, err = run(capsys, *common, "--fit", "letterbox")
    assert (code, out) == (2, "")
    assert f"{file} stretches images (no letter_box=1): drop --fit letterbox, or set letter_box=1 in the file" in err
    assert run(capsys, *common, "--img-size", 416, "--fit", "stretch")[0] == 0
    result = fastanchor.auto_anchor(fastanchor.read(table), img_size=640, n=6, gen=0, rng=0, progress=False)
    with pytest.raises(DataError, match="the anchors are for letterbox, and the file has stretch"):
        result.edited(file)
    with pytest.raises(DataError, match="has a network input of 416 x 416, and the anchors are for 640 x 640"):
        result.edited(file, fit="letterbox")


@pytest.mark.parametrize(
    ("by_hand", "said", "masks"),
    [
        ((), "", ["0,1,2", "3,4,5"]),
        (("--n", 9), "has 6 anchors, and gets 9", ["0,1,2,3,4", "5,6,7,8"]),
        (("--per-level", "4,1"), "its levels have 3, 3 anchors, and get 4, 1", ["0,1,2,3", "4"]),
        (("--n", 5), "has 6 anchors, and gets 5", ["0,1,2", "3,4"]),
        (("--levels", "4,5"), "", ["0,1,2", "3,4,5"]),
    ],
)
def test_numbers_by_hand_change_the_cfg(capsys, tmp_path, table, by_hand, said, masks):
    file = tmp_path / "tiny.cfg"
    file.write_text(CFG.format(size=416, extra=""))
    code, out, err = run(capsys, "anchors", table, "--edit", file, "--gen", 0, *by_hand)
    assert code == 0
    assert re.findall("mask=(.*)", out) == masks
    assert (said or "and gets") in err if said else "and get" not in err


def test_check_scores_what_a_level_uses(capsys, tmp_path, table):
    """The first anchor of the stock tiny cfg is on no level, and would take boxes from the others."""
    file = tmp_path / "tiny.cfg"
    file.write_text(CFG.format(size=416, extra="letter_box=1"))
    _, out, _ = run(capsys, "check", table, "--anchors", file, "--json", "--quiet")
    got = json.loads(out)
    used = [[23, 27], [37, 58], [81, 82], [135, 169], [344, 319]]
    assert got["anchors"] == used
    assert got["fitness"] == fastanchor.check(fastanchor.read(table), used, img_size=416).fitness
    assert "anchor 10 x 14 is on no level, and is not scored" in got["warnings"]
    assert [row["anchors"] for row in got["levels"]] == [used[:3], used[2:]]


def test_check_scores_what_was_given_and_says_so(capsys, tmp_path, table):
    file = tmp_path / "tiny.cfg"
    file.write_text(CFG.format(size=416, extra=""))
    _, out, _ = run(capsys, "check", table, "--anchors", file, "--img-size", 608, "--fit", "letterbox", "--quiet")
    assert "input     608 x 608 pixels, letterbox\n" in out
    assert f"warning   {file} is for 416 x 416 pixels, but was scored at 608 x 608 as given by --img-size\n" in out
    assert f"warning   {file} is for stretch, but was scored with letterbox as given by --fit\n" in out


@pytest.mark.parametrize("name", ["yolov5", "darknet", "mmdet", "mmyolo", "paddle", "tao", "json"])
def test_emitted_anchors_are_checked_on_their_own_input(capsys, tmp_path, table, name):
    ending = {"yolov5": "yaml", "darknet": "cfg", "paddle": "yml", "tao": "txt", "json": "json"}.get(name, "py")
    file = tmp_path / f"a.{ending}"
    fit = "letterbox" if FIT.get(name) == "stretch" else "stretch"
    size = ("--img-size", 640, 384)
    run(capsys, "anchors", table, *size, "--fit", fit, "--gen", 0, "--quiet", "--emit", name, "--output", file)
    _, out, _ = run(capsys, "check", table, "--anchors", file, "--json", "--quiet")
    got = json.loads(out)
    assert (got["fit"], got["img_size"]) == (fit, [640, 384])
    assert not [text for text in got["warnings"] if "scored" in text]


def test_a_yaml_says_what_its_anchors_are_for(capsys, tmp_path, table):
    file, edited = tmp_path / "m.yaml", tmp_path / "edited.yaml"
    file.write_bytes((HERE / "model.yaml").read_bytes())
    common = ("anchors", table, "--gen", 0, "--quiet", "--force", "--output", edited)
    assert run(capsys, *common, "--edit", file, "--img-size", 416, "--fit", "stretch")[0] == 0
    assert "anchors:  # fastanchor: stretch, 416 x 416 pixels\n" in edited.read_text()
    once = edited.read_text()
    assert run(capsys, *common, "--edit", edited)[0] == 0  # size and fit as the comment says
    assert edited.read_text() == once
    assert run(capsys, *common, "--edit", edited, "--img-size", 640, "--fit", "letterbox")[0] == 0  # which is replaced
    assert "anchors:  # fastanchor: letterbox, 640 x 640 pixels\n" in edited.read_text()


def test_a_number_of_anchors_is_that_of_each_level(capsys, tmp_path, table):
    file = tmp_path / "p2.yaml"
    file.write_text(
        "nc: 2\nanchors: 3\nhead:\n  [[[21, 24, 27, 30], 1, Detect, [nc, anchors]],  # Detect(P2, P3, P4, P5)\n  ]\n"
    )
    _, out, err = run(capsys, "anchors", table, "--gen", 0, "--edit", file)
    assert [line.split("# ")[1] for line in out.splitlines()[2:6]] == ["P2/4", "P3/8", "P4/16", "P5/32"]
    assert "classes" not in err
    code, _, err = run(capsys, "check", table, "--anchors", file)
    assert (code, "contains a number of anchors, but not their sizes" in err) == (2, True)


def test_boxes_without_image_sizes_are_for_any_input(capsys, tmp_path):
    file = tmp_path / "wh.csv"
    file.write_text("width,height\n" + "".join(f"{i},{i + 3}\n" for i in range(10, 90)))
    _, out, _ = run(capsys, "anchors", file, "--gen", 0, "--quiet")
    assert "input     boxes without image sizes count as pixels of the network input\n" in out
    assert ("# YOLOv5" in out, "# Darknet" in out) == (True, True)
    assert "# fastanchor:" not in out
    _, out, _ = run(capsys, "anchors", file, "--gen", 0, "--quiet", "--json")
    assert (json.loads(out)["fit"], json.loads(out)["img_size"]) == (None, None)


@pytest.mark.parametrize("size", [13, 19])
def test_anchors_in_cells_keep_decimals(capsys, tmp_path, size):
    file = tmp_path / "b.csv"
    file.write_text(
        "width,height,image_width,image_height\n" + f"{2.3125 * 64},{2.3125 * 64},{size * 64},{size * 64}\n" * 9
    )
    _, out, _ = run(capsys, "anchors", file, "--n", 1, "--gen", 0, "--img-size", size, "--emit", "darknet", "--quiet")
    assert out.endswith("anchors = 2.312,2.312\n")


def test_sweep_and_report_say_what_they_are_for(capsys, tmp_path, table):
    _, out, _ = run(capsys, "sweep", table, "--n", 2, "--fit", "stretch", "--img-size", 416, "--quiet")
    assert "input     416 x 416 pixels, stretch\n" in out
    _, out, _ = run(capsys, "sweep", table, "--n", 2, "--quiet", "--json")
    assert (json.loads(out)["fit"], json.loads(out)["img_size"]) == ("letterbox", [640, 640])
    pytest.importorskip("matplotlib")
    page = tmp_path / "p.html"
    run(capsys, "report", table, "--n", 3, "--gen", 1, "--sweep", "none", "--fit", "stretch", "-o", page, "--quiet")
    text = page.read_text(encoding="utf-8")
    assert "640 x 640 pixels, stretch" in text
    assert text.count("Left out: this detector keeps the proportions of images, and these anchors are for stretch") == 4
    assert "# fastanchor: stretch, 640 x 640 pixels\nanchors = " in text
