"""``check --for NAME --sizes --ratios``: the anchors that a detector makes of these values."""

import json

import numpy as np
import pytest

import fastanchor
from fastanchor import detectors
from fastanchor.cli import main
from fastanchor.detectors import GRIDS

W, H = np.array([[20 + 9 * i, 25 + 8 * i] for i in range(40)], float).T


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "boxes.csv"
    file.write_text("width,height\n" + "".join(f"{w},{h}\n" for w, h in zip(W, H, strict=True)))
    return file


def run(capsys, *words):
    code = main(["check", *map(str, words), "--quiet", "--backend", "numpy"])
    return code, *capsys.readouterr()


def texts(name):
    """The default sizes and ratios of a detector as options have them."""
    values = GRIDS[name].default
    sizes = [row[0] for row in values.sizes] + [values.sizes[-1][1]] if "ssd" in name else values.sizes
    rows = [sizes] if "ssd" in name else sizes
    return [" ".join(",".join(map(repr, row)) for row in some) for some in (rows, values.ratios)]


ONE_OF_A_KIND = ["torchvision-fasterrcnn", "torchvision-ssd300", "detectron2-c4", "tf-ssd", "efficientdet", "tao-ssd"]


@pytest.mark.parametrize("name", ONE_OF_A_KIND)
def test_the_default_values_are_the_default_anchors(name, table, capsys):
    sizes, ratios = texts(name)
    usual = json.loads(run(capsys, table, "--for", name, "--json")[1])
    for words in (("--sizes", sizes), ("--ratios", ratios), ("--sizes", sizes, "--ratios", ratios)):
        code, out, _ = run(capsys, table, "--for", name, *words, "--json")
        found = json.loads(out)
        assert code == 0
        assert [found[key] for key in ("anchors", "levels", "bpr")] == [
            usual[key] for key in ("anchors", "levels", "bpr")
        ]
        assert found["positives"].pop("against_default")[0]["difference"] == 0.0
        assert found["positives"].items() <= usual["positives"].items()


VALUES = {
    "torchvision-fasterrcnn": (
        "24,48 96,192 200,300 310,400 410,500",
        [[24, 48], [96, 192], [200, 300], [310, 400], [410, 500]],
    ),
    "torchvision-retinanet": ("16,32,64,128,256", [16, 32, 64, 128, 256]),
    "torchvision-ssd300": ("0.05,0.1,0.3,0.5,0.6,0.8,1.05", [0.05, 0.1, 0.3, 0.5, 0.6, 0.8, 1.05]),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_are_scored_as_those_that_a_search_keeps(name, table, capsys):
    text, sizes = VALUES[name]
    boxes, ratios = np.column_stack([W, H]), [2.5]
    made = fastanchor.anchors_for(boxes, name, sizes=sizes, ratios=ratios)
    words = (table, "--for", name, "--sizes", text, "--ratios", "2.5")
    found = json.loads(run(capsys, *words, "--json")[1])
    assert found["anchors"] == made.check.anchors.tolist()
    assert [found[key] for key in ("fitness", "bpr", "mean_iou")] == [
        made.check.fitness,
        made.check.bpr,
        made.check.mean_iou,
    ]
    assert [level["anchors"] for level in found["levels"]] == [level.anchors.tolist() for level in made.levels]
    expected, usual = fastanchor.positives(boxes, name, made.levels), fastanchor.positives(boxes, name)
    assert found["positives"].items() >= expected.to_dict().items()
    first = found["positives"]["against_default"][0]
    assert (first["matched"], first["default"]) == (expected.matched, usual.matched)
    assert any("too large for the level" in one for one in found["warnings"]) == (name == "torchvision-fasterrcnn")


def test_reversed_ratios_are_a_warning(tmp_path, capsys):
    file = tmp_path / "tall.csv"
    file.write_text("width,height\n" + "".join(f"{w},{3 * w}\n" for w in range(20, 90)))
    for ratio, reversed_ in (("0.333", True), ("3.0", False)):
        found = json.loads(run(capsys, file, "--for", "torchvision-fasterrcnn", "--ratios", ratio, "--json")[1])
        assert any(one.startswith("ratios look reversed") for one in found["warnings"]) == reversed_


RCNN = ("--for", "torchvision-fasterrcnn")
WRONG = {
    "a YOLO": (
        ("--for", "yolov5", "--sizes", "32,64"),
        "--sizes: needs --for with a detector whose anchors are sizes and",
    ),
    "no detector": (("--ratios", "0.5,1"), "--ratios: needs --for with a detector whose anchors are sizes and ratios"),
    "with anchors": (
        (*RCNN, "--anchors", "9,9", "--sizes", "32,64"),
        "--anchors and --sizes: only one of them can be given",
    ),
    "a number of sizes": ((*RCNN, "--sizes", "3"), "--sizes = '3': must be values as in 0.5,1,2, not a number of them"),
    "a number of ratios": ((*RCNN, "--ratios", "3"), "--ratios = '3': must be values as in 0.5,1,2, not a number"),
    "no numbers": ((*RCNN, "--ratios", "a"), "--ratios = 'a': must be a number of them, or values as in 0.5,1,2"),
    "sizes of two levels": ((*RCNN, "--sizes", "32,64"), "--sizes: got lists for 2 levels, expected 5"),
    "uneven levels": (
        (*RCNN, "--sizes", "32 64 9 8 7,6"),
        "--sizes: got [1, 1, 1, 1, 2] on the levels, expected the same",
    ),
    "too few of SSD": (
        ("--for", "torchvision-ssd300", "--sizes", "32,64"),
        "--sizes: got [32.0, 64.0], expected 7 numbers",
    ),
    "pixels of SSD": (
        ("--for", "torchvision-ssd300", "--sizes", "15,40,80,130,180,240,310"),
        "--sizes: got [15.0, 40.0, 80.0, 130.0, 180.0, 240.0, 310.0], expected parts of the network input",
    ),
    "below 0": ((*RCNN, "--ratios=-1,2"), "--ratios = -1.0: must be a number above 0"),
    "no area": ((*RCNN, "--sizes", "1,9,9,9,9.5"), "--sizes: so small that an anchor of level 0 has no area"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_values_that_cannot_be_scored(words, message, table, capsys):
    code, out, err = run(capsys, table, *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"fastanchor: {message}")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", GRIDS)
def test_half_of_the_sizes_makes_smaller_anchors_of_the_same_ratios(name):
    usual = GRIDS[name].default
    sizes = [[size / 2.0 for size in row] for row in usual.sizes]
    if "ssd" in name:
        sizes = [*(row[0] for row in sizes), sizes[-1][1]]
    found, before = detectors.config_with(name, sizes=sizes), detectors.default_config(name)
    assert [one[0] for one in found.layout] == [one[0] for one in before.layout]
    assert (found.anchors < before.anchors).all()
