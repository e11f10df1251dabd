"""What the commands say on their own: what was assumed, left out or written, and what to give instead."""

import inspect
import json
import re
import subprocess
import sys

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets, export
from fastanchor._small import EVERY, MIN_SIZE
from fastanchor.cli import main

CFG = """[net]
width=416
height=416
{extra}
[convolutional]
stride=16
filters=18
[yolo]
mask={first}
anchors=10,14, 23,27, 37,58, 81,82, 135,169, 344,319
classes=1
num=6
[convolutional]
stride=2
filters=18
[yolo]
mask={second}
anchors=10,14, 23,27, 37,58, 81,82, 135,169, 344,319
classes=1
num=6
"""
NAMES_NONE = "names no network input; scored for 640 x 640, letterbox: give --img-size and --fit"


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def table(folder, rows, head="width,height"):
    file = folder / "boxes.csv"
    file.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return file


def warnings_of(capsys, *arguments):
    """Return the warnings of `check` in JSON; they stand in its text too."""
    code, out, _ = run(capsys, "check", *arguments, "--quiet", "--json")
    assert code == 0
    found = json.loads(out)["warnings"]
    _, out, _ = run(capsys, "check", *arguments, "--quiet")
    assert [f"warning   {text}" for text in found] == [line for line in out.splitlines()[-len(found) :] if found]
    return found


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["1,1", "1.9,0.5", "40,50", "1,30"], "2 boxes have no side >= 2 pixels"),
        (["1,1.5", "40,50"], "1 box has no side >= 2 pixels"),
        (["2,1", "40,50"], None),
    ],
)
def test_check_names_the_boxes_that_anchors_leaves_out(capsys, tmp_path, rows, sentence):
    file = table(tmp_path, rows)
    said = [text for text in warnings_of(capsys, file, "--anchors", "40,50") if "no side" in text]
    whole = f"{sentence} of the network input; `anchors` leaves such boxes out (--min-size 2)"
    assert said == ([whole] if sentence else [])
    _, out, _ = run(capsys, "check", file, "--anchors", "40,50", "--quiet", "--json")
    got = json.loads(out)
    assert (got["boxes"], got["n_filtered"]) == (len(rows), 0)
    _, out, _ = run(capsys, "anchors", file, "--n", 1, "--gen", 0, "--quiet", "--json")
    assert json.loads(out)["n_small"] == got["n_small"] > 0
    _, out, _ = run(capsys, "check", file, "--anchors", "40,50", "--quiet", "--json", "--min-size", 2)
    got = json.loads(out)
    assert not [text for text in got["warnings"] if "no side" in text]
    assert got["boxes"] + got["n_filtered"] == len(rows)


@pytest.mark.parametrize(
    "command",
    [("anchors", "--n", 1, "--gen", 0), ("sweep", "--n", 1), ("check", "--anchors", "40,50", "--min-size", 2)],
    ids=["anchors", "sweep", "check"],
)
def test_small_boxes_have_the_same_words_everywhere(capsys, tmp_path, command):
    file = table(tmp_path, ["1,1", "2.5,9", "40,50"])
    _, out, _ = run(capsys, command[0], file, *command[1:], "--quiet")
    lines = "warning   2 boxes have a side < 3 pixels of the network input\n"
    assert f"{lines}left out  1 box has no side >= 2 pixels of the network input\n" in out
    _, out, _ = run(capsys, command[0], file, *command[1:], "--quiet", "--json")
    assert (json.loads(out)["n_small"], json.loads(out)["n_filtered"]) == (2, 1)


def test_the_defaults_of_min_size_stand_in_one_place(capsys):
    for function, value in (
        (fastanchor.auto_anchor, MIN_SIZE),
        (fastanchor.sweep, MIN_SIZE),
        (fastanchor.check, EVERY),
    ):
        assert inspect.signature(function).parameters["min_size"].default == value
    for command, value in (("anchors", MIN_SIZE), ("sweep", MIN_SIZE), ("report", MIN_SIZE), ("check", EVERY)):
        _, out, _ = run(capsys, command, "--help")
        assert f"without a side of at least this (default: {value:g})" in " ".join(out.split())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "level,stride,width,height\n5,32,40.0,50.0\n"),
        ("a.txt", "40,50\n"),
        ("a.json", '{"anchors": [[40, 50]]}'),
        ("a.yaml", "anchors:\n  - [40,50]  # P5/32\n"),
    ],
)
def test_anchors_that_name_no_input_are_remarked(capsys, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    file = tmp_path / name
    boxes = table(tmp_path, ["40,50,640,480"], "width,height,image_width,image_height")
    assert f"{file} {NAMES_NONE}" in warnings_of(capsys, boxes, "--anchors", file)
    fitted = warnings_of(capsys, boxes, "--anchors", file, "--fit", "stretch")
    assert f"{file} names no network input; scored for 640 x 640, stretch: give --img-size" in fitted
    assert not [t for t in warnings_of(capsys, boxes, "--anchors", file, "--img-size", 416) if "no network input" in t]
    plain = tmp_path / "plain.csv"  # no images: the boxes are pixels of the network input as they are
    plain.write_text("width,height\n40,50\n")
    assert not [t for t in warnings_of(capsys, plain, "--anchors", file) if "no network input" in t]


@pytest.mark.parametrize("numbers", [("40,50",), ("40", "50", "60.5", "70.25")])
def test_numbers_that_name_no_input_are_remarked(capsys, tmp_path, numbers):
    boxes = table(tmp_path, ["40,50,640,480"], "width,height,image_width,image_height")
    said = warnings_of(capsys, boxes, "--anchors", *numbers)
    assert f"the anchors {NAMES_NONE.replace('names', 'name', 1)}" in said


@pytest.mark.parametrize("name", ["yolov5", "darknet", "mmdet", "paddle", "tao", "json"])
def test_emitted_anchors_name_their_input(capsys, tmp_path, name):
    ending = {"yolov5": "yaml", "darknet": "cfg", "paddle": "yml", "tao": "txt", "json": "json"}.get(name, "py")
    file = tmp_path / f"a.{ending}"
    run(capsys, "anchors", "--gen", 0, "--n-init", 1, "--quiet", "--emit", name, "-o", file)
    _, out, _ = run(capsys, "check", "--anchors", file, "--quiet")
    assert "no network input" not in out


@pytest.mark.slow
@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("how", ["tao", "mmdet", "csv", "yolov5", "edit"])
def test_a_report_beside_a_file_has_no_text_to_paste(capsys, tmp_path, how, quiet):
    file, cfg = tmp_path / "out.file", tmp_path / "m.cfg"
    cfg.write_text(CFG.format(extra="", first="0,1,2", second="3,4,5"))
    what = ("--edit", cfg) if how == "edit" else ("--emit", how)
    code, out, err = run(
        capsys, "anchors", "--gen", 0, "--n-init", 1, *what, "-o", file, *(["--quiet"] if quiet else [])
    )
    assert code == 0
    assert "level   stride" in out
    assert "# Darknet" not in out
    assert "# YOLO" not in out
    assert file.stat().st_size > 0
    assert (f"fastanchor: wrote {file}\n" in err) is not quiet


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [("anchors", "--gen", 0, "--n-init", 1), ("check", "--anchors", "40,50"), ("sweep", "--n", 1), ("stats",)],
    ids=["anchors", "check", "sweep", "stats"],
)
def test_a_picture_is_said_to_be_written(capsys, tmp_path, command):
    pytest.importorskip("matplotlib")
    data = table(tmp_path, [f"{i},{i + 3},a" for i in range(10, 60)], "width,height,class")
    file = tmp_path / "a.png"
    code, _, err = run(capsys, command[0], data, *command[1:], "--plot", file)
    assert (code, f"fastanchor: wrote {file}\n" in err) == (0, True)
    assert run(capsys, command[0], data, *command[1:], "--plot", file, "--force", "--quiet")[2] == ""


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ("0,1,2", "3,4,5", []),
        ("1,2,3", "3,4,5", ["81 x 82"]),
        ("1,2,3,4", "3,4,5", ["81 x 82", "135 x 169"]),
        ("0,1,1", "2,3,4,5", []),  # twice in one level: counted once
    ],
)
def test_boxes_of_an_anchor_on_two_levels_count_in_both(capsys, tmp_path, first, second, said):
    file = tmp_path / "m.cfg"
    file.write_text(CFG.format(extra="letter_box=1", first=first, second=second))
    found = warnings_of(capsys, "--anchors", file)
    shared = [text for text in found if "its boxes count" in text]
    assert shared == [f"anchor {one} is used by 2 levels; its boxes count in each of them" for one in said]
    _, out, _ = run(capsys, "check", "--anchors", file, "--quiet", "--json")
    got = json.loads(out)
    twice = sum(n for (w, h), n in zip(got["anchors"], got["counts"], strict=True) if f"{w:g} x {h:g}" in said)
    total = sum(level["share"] for level in got["levels"])
    assert total == pytest.approx(1 + twice / sum(got["counts"]))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "counts", "remedy"),
    [
        (("--levels", "tiny"), "5, 4", ["--n 8", "--n 10"]),
        (("--n", 7, "--levels", "P5"), "3, 2, 2", ["--n 6", "--n 9"]),
        (("--n", 1, "--levels", "tiny"), "1, 0", ["--n 2"]),
        (("--per-level", "4,3,2"), "4, 3, 2", ["equal numbers to --per-level"]),
        (("--by", "stride", "--n", 8, "--levels", "P6"), "", ["leave out --by stride"]),
        (("--by", "stride", "--n", 5, "--levels", "tiny"), "", ["leave out --by stride and give --n 4 or --n 6"]),
    ],
)
def test_levels_that_yolov5_cannot_have_are_said(capsys, given, counts, remedy):
    _, out, _ = run(capsys, "anchors", "--gen", 0, "--n-init", 1, "--quiet", *given)
    (line,) = re.findall(
        "^no text for YOLOv5, which needs the same number of anchors in each level, not (.*)", out, re.M
    )
    assert line.startswith(counts)
    assert all(word in line for word in remedy)
    assert line.count("--n ") == sum(word.count("--n ") for word in remedy)
    assert "# YOLO" not in out


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("0.02,0.03", "0.1,0.2"), True),
        (("1.9,1.9",), True),
        (("0.5,2",), False),
        (("10,13", "0.5,0.5"), False),
    ],
)
def test_anchors_that_are_no_pixels_are_remarked(capsys, tmp_path, given, said):
    start = "all sides of the anchors are below 2: they look like fractions of the image or cells, not pixels"
    assert any(text.startswith(start) for text in warnings_of(capsys, "--anchors", *given)) is said
    file = tmp_path / "a.txt"
    file.write_text(" ".join(given))
    assert sum("cells" in text for text in warnings_of(capsys, "--anchors", file)) == (
        1 if max(float(v) for one in given for v in one.split(",")) < 32 else 0
    )


@pytest.mark.parametrize(("gen", "head"), [(0, "alone, without the search"), (2, "with 2 generations of the search")])
def test_sweep_says_what_it_computed(capsys, gen, head):
    _, out, _ = run(capsys, "sweep", "--n", 1, "--gen", gen, "--quiet")
    assert f"\nk-means {head}\n  n  mean IoU" in out


@pytest.mark.parametrize("gen", [0, 3])
def test_a_search_that_is_off_repeats_nothing(capsys, gen):
    _, out, _ = run(capsys, "anchors", "--gen", gen, "--quiet")
    assert ("\nsearch    off\n" in out) is (gen == 0)
    assert out.count("fitness") == (1 if gen == 0 else 2)


@pytest.mark.parametrize(
    ("extra", "fit", "sentence"),
    [
        ("", "letterbox", "stretches images (no letter_box=1): drop --fit letterbox, or set letter_box=1 in the file"),
        ("letter_box=0", "letterbox", "stretches images (no letter_box=1): drop --fit letterbox, or set letter_box=1"),
        ("letter_box=1", "stretch", "keeps the proportions of images (letter_box=1): drop --fit stretch, or take out"),
    ],
)
def test_a_cfg_with_another_fit_is_refused_in_words_of_the_command_line(capsys, tmp_path, extra, fit, sentence):
    file = tmp_path / "m.cfg"
    file.write_text(CFG.format(extra=extra, first="0,1,2", second="3,4,5"))
    code, out, err = run(capsys, "anchors", "--edit", file, "--fit", fit, "--quiet")
    assert (code, out) == (2, "")
    assert f"fastanchor: {file} {sentence}" in err


@pytest.fixture
def unsized(tmp_path):
    """Labels of three formats whose images, and their sizes, are missing."""
    (tmp_path / "list.txt").write_text("a.jpg 1,2,30,40,0\n")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    (tmp_path / "coco.json").write_text(
        '{"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "c"}],'
        '"annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}]}'
    )
    return tmp_path


@pytest.mark.parametrize("name", ["list.txt", "labels", "coco.json"])
def test_sizes_are_asked_for_in_the_words_of_the_caller(capsys, unsized, name):
    _, out, err = run(capsys, "stats", unsized / name)
    assert "give --source-size WxH" in out + err
    assert "source_size" not in out + err
    said = []
    try:
        datasets.read(unsized / name, report=said.append)
    except DataError as error:
        said.append(str(error))
    assert any("see source_size" in text for text in said)
    assert not any("--source-size" in text for text in said)


def test_levels_are_asked_for_in_the_words_of_the_caller(capsys, tmp_path):
    file = tmp_path / "n.yaml"
    file.write_text("anchors: 3\n")
    code, _, err = run(capsys, "anchors", "--edit", file, "--gen", 0, "--quiet")
    assert (code, err.endswith("a layer that takes the anchors names the levels; give --levels\n")) == (2, True)
    with pytest.raises(DataError, match=r"a layer that takes the anchors names the levels; give levels$"):
        export.edit(file, np.ones((9, 2)))


@pytest.mark.parametrize("command", [("stats",), ("anchors", "--gen", 0, "--n-init", 1)])
def test_strict_says_why_it_stopped(capsys, tmp_path, command):
    file = tmp_path / "l.txt"
    file.write_text("a.jpg 1,2,1,4,0\n")
    where = ("--source-size", "9x9")
    code, out, err = run(capsys, *command, file, *where, "--strict", "--quiet")
    assert (code, out) == (2, "")
    assert err.endswith("; stopped because of --strict\n")
    with pytest.raises(DataError, match=r"box with zero width or height \(1, 2, 1, 4\)$"):
        datasets.read(file, source_size=(9, 9), strict=True)


@pytest.mark.parametrize(
    ("names", "said"),
    [(["k_means"], "k_means is fastanchor's"), (["k_means", "wh_iou"], "k_means, wh_iou are fastanchor's")],
)
def test_run_says_what_is_replaced(tmp_path, names, said):
    file = tmp_path / "yk.py"
    file.write_text("".join(f"def {name}(*arguments): ...\n" for name in names))
    done = subprocess.run(
        [sys.executable, "-m", "fastanchor", "run", "--patch", "yolo_kmeans", file],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"fastanchor: yk.py: {said}" in done.stderr


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xml", "<annotation><size>"),
        ("a.json", '{"images": ['),
        ("a.csv", "width,height,class\0"),
        ("a.parquet", "PAR1"),
        ("a.npy", "\x93NUMPY"),
        ("folder/a.xml", "<annotation><size>"),
    ],
)
def test_the_error_of_a_single_file_is_printed_once(capsys, tmp_path, name, content):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(content.encode("latin-1"))
    code, out, err = run(capsys, "stats", tmp_path / name.partition("/")[0])
    assert (code, out) == (2, "")
    (line,) = [line for line in err.splitlines() if str(file) in line]
    assert line.startswith(f"fastanchor: {file}")
