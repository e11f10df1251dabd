"""The commands that write for detectors and judge anchors: exit codes, stdout, files."""

import ast
import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastanchor
from fastanchor import export
from fastanchor.cli import main
from fastanchor.cli.sweep import numbers

HERE = Path(__file__).resolve().parent / "data"
COCO = ["10,13", "16,30", "33,23", "30,61", "62,45", "59,119", "116,90", "156,198", "373,326"]
QUICK = ("anchors", "--gen", 5, "--quiet")


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


@pytest.fixture(scope="module")
def result():
    return fastanchor.auto_anchor(fastanchor.datasets.sample(), gen=5, rng=0, progress=False)


@pytest.mark.parametrize("name", list(export.FORMATS))
def test_emit_prints_the_format_alone(capsys, result, name):
    code, out, err = run(capsys, *QUICK, "--emit", name)
    assert (code, err) == (0, "")
    assert out == export.emit(result.anchors, name) + "\n"


def test_emit_into_a_file_leaves_the_report_on_stdout(capsys, result, tmp_path):
    file = tmp_path / "new" / "anchors.py"
    code, out, _ = run(capsys, *QUICK, "--emit", "mmdet", "--output", file)
    assert code == 0
    assert "evolved" in out
    assert file.read_text(encoding="utf-8") == result.to_mmdet() + "\n"


def test_emit_in_json(capsys, result):
    _, out, _ = run(capsys, *QUICK, "--emit", "paddle", "--json")
    assert json.loads(out)["text"] == result.to_paddle() + "\n"


def test_edit_a_cfg(capsys, result, tmp_path):
    code, out, _ = run(
        capsys, *QUICK, "--edit", HERE / "three_heads.cfg", "--per-level", "4,3,2", "--output", tmp_path / "o.cfg"
    )
    assert code == 0
    text = (tmp_path / "o.cfg").read_text(encoding="utf-8")
    assert text == result.edited(HERE / "three_heads.cfg", [(3, 4), (4, 3), (5, 2)])
    assert "mask = 7,8" in text
    assert "P3           8" in out


def test_edit_a_yaml_in_place(capsys, result, tmp_path):
    file = tmp_path / "m.yaml"
    file.write_bytes((HERE / "model.yaml").read_bytes())
    assert run(capsys, *QUICK, "--edit", file, "--output", file)[0] == 0
    assert result.to_yolov5() in file.read_text(encoding="utf-8")
    code, out, _ = run(capsys, "check", "--anchors", file, "--quiet", "--json")
    assert code == 0
    np.testing.assert_allclose(json.loads(out)["anchors"], result.anchors, atol=0.0501)


def test_the_table_has_the_levels_of_the_edited_file(capsys, tmp_path):
    text = (HERE / "model.yaml").read_text(encoding="utf-8").replace("# P3/8", "# P2/4")
    text = text.replace("# P4/16", "# P3/8").replace("# P5/32", "# P4/16")
    file = tmp_path / "m.yaml"
    file.write_text(text, encoding="utf-8")
    _, out, _ = run(capsys, *QUICK, "--edit", file, "--json")
    got = json.loads(out)
    assert [level["level"] for level in got["levels"]] == [2, 3, 4]
    assert "# P2/4" in got["text"]


def test_levels_in_json_and_text(capsys, result):
    _, out, _ = run(capsys, *QUICK, "--json", "--levels", "P6", "--by", "stride")
    got = json.loads(out)
    sides = np.sqrt(result.anchors.prod(1))
    expected = [
        int(((sides >= low) & (sides < high)).sum()) for low, high in [(0, 32), (32, 64), (64, 128), (128, 1e9)]
    ]
    assert [len(level["anchors"]) for level in got["levels"]] == expected
    assert [pair for level in got["levels"] for pair in level["anchors"]] == got["anchors"]
    assert sum(level["share"] for level in got["levels"]) == pytest.approx(1)
    assert [level["stride"] for level in got["levels"]] == [8, 16, 32, 64]
    _, out, _ = run(capsys, *QUICK, "--levels", "P6", "--by", "stride")
    assert "YOLOv5" not in out  # uneven: it could not hold them
    assert "P6          64" in out


def test_anchors_below_their_stride_are_remarked(capsys):
    _, out, _ = run(capsys, *QUICK, "--img-size", 64)
    assert re.search(r"^warning   P5/32: \d of 3 anchors .* smaller than the stride, 32 pixels$", out, re.MULTILINE)
    _, out, err = run(capsys, "anchors", "--gen", 0, "--img-size", 64, "--emit", "mmyolo")
    assert "smaller than the stride" in err
    ast.parse(out)


@pytest.mark.filterwarnings("ignore::fastanchor.SmallBoxWarning")
def test_rectangular_input(capsys):
    sample = fastanchor.datasets.sample()
    for fit in ("letterbox", "stretch"):
        _, out, _ = run(capsys, *QUICK, "--img-size", 640, 384, "--fit", fit, "--json")
        expected = fastanchor.auto_anchor(sample, img_size=(640, 384), fit=fit, gen=5, rng=0, progress=False)
        assert json.loads(out)["anchors"] == expected.anchors.tolist()


def test_check_prints_and_judges(capsys):
    code, out, _ = run(capsys, "check", "--quiet", "--anchors", *COCO)
    assert code == 0
    found = fastanchor.check([[float(v) for v in a.split(",")] for a in COCO], fastanchor.datasets.sample())
    assert f"BPR       {found.bpr:.5f}" in out
    assert f"past thr  {found.past_thr:.2f} anchors a box" in out
    assert re.search(rf"^small +{found.sizes[0].boxes:,} ", out, re.MULTILINE)
    assert run(capsys, "check", "--quiet", "--anchors", *COCO, "--min-bpr", found.bpr)[0] == 0
    code, out, _ = run(capsys, "check", "--quiet", "--anchors", *COCO, "--min-bpr", 1)
    assert code == 1
    assert "FAILED    BPR" in out
    code, out, _ = run(capsys, "check", "--quiet", "--anchors", *COCO, "--min-bpr", 1, "--json")
    got = json.loads(out)
    assert (code, got["passed"], got["bpr"], got["counts"]) == (1, False, found.bpr, found.counts.tolist())


def test_check_takes_a_cfg(capsys):
    code, out, _ = run(capsys, "check", "--quiet", "--anchors", HERE / "three_heads.cfg", "--json")
    assert code == 0
    assert json.loads(out)["anchors"] == [[float(v) for v in a.split(",")] for a in COCO]


def test_sweep(capsys):
    code, out, _ = run(capsys, "sweep", "--quiet", "--n", "1-3,6", "--json")
    assert code == 0
    got = json.loads(out)
    expected = fastanchor.sweep(fastanchor.datasets.sample(), [1, 2, 3, 6], rng=0, progress=False)
    assert got["n"] == [1, 2, 3, 6]
    assert got["mean_iou"] == expected.mean_iou.tolist()
    assert [len(anchors) for anchors in got["anchors"]] == got["n"]
    code, out, _ = run(capsys, "sweep", "--quiet", "--n", "2")
    assert f"  2   {expected.mean_iou[1]:.5f}  {expected.fitness[1]:.5f}  {expected.bpr[1]:.5f}" in out


def test_numbers():
    assert numbers("1-3, 9") == [1, 2, 3, 9]


def test_report(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "deep" / "page.html"
    code, out, _ = run(capsys, "report", "--quiet", "--gen", 3, "--sweep", "1-2", "--out", file)
    assert (code, out) == (0, f"{file}\n")
    assert "built-in sample" in file.read_text(encoding="utf-8")
    _, out, _ = run(capsys, "report", "--quiet", "--gen", 3, "--sweep", "none", "--out", file, "--json")
    got = json.loads(out)
    assert got["written"] == str(file)
    assert got["sweep"] is None
    assert got["check"]["bpr"] == got["bpr"]


def test_plots(capsys, tmp_path):
    xml = "<annotation><size><width>9</width><height>9</height></size><object><name>a</name><bndbox><xmin>1</xmin>"
    xml += "<ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>"
    voc = tmp_path / "one.xml"
    voc.write_text(xml, encoding="utf-8")
    pytest.importorskip("matplotlib")
    assert run(capsys, "check", "--quiet", "--anchors", *COCO, "--plot", tmp_path / "c.png")[0] == 0
    assert run(capsys, "sweep", "--quiet", "--n", "1,2", "--plot", tmp_path / "s.svg")[0] == 0
    assert run(capsys, "stats", voc, "--quiet", "--plot", tmp_path / "k.pdf")[0] == 0
    assert (tmp_path / "k.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "c.png").stat().st_size > 20_000
    assert (tmp_path / "s.svg").stat().st_size > 5000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([*QUICK, "--emit", "tao", "--edit", "a.cfg"], "--emit and --edit: only one of them can be given"),
        ([*QUICK, "--output", "a.txt"], "--output: needs --emit FORMAT or --edit FILE, which say what to write"),
        ([*QUICK, "--edit", "none.cfg"], "none.cfg: cannot be read"),
        ([*QUICK, "--edit", HERE / "model.yaml", "--n", "8"], "needs the same number in each level"),
        ([*QUICK, "--edit", HERE / "three_heads.cfg", "--levels", "P6"], "are of levels P3/8, P4/16, P5/32, not P3/8"),
        ([*QUICK, "--emit", "yolov5", "--per-level", "4,3,2"], "needs the same number in each level"),
        ([*QUICK, "--per-level", "a"], "--per-level = 'a': must be numbers as in 3,3,3"),
        ([*QUICK, "--per-level", "3,3"], "per_level = [3, 3]: adds up to 6; must be 9"),
        ([*QUICK, "--levels", "P8"], "levels = 'P8': must be tiny, P5, P6, P7"),
        (["check", "--anchors", "10,13", "5"], "anchors: has 3 numbers; widths and heights come in pairs"),
        (["check", "--anchors", "10,13", "--min-bpr", "2"], "--min-bpr = 2.0: must be a number from 0 to 1"),
        (["check", "--anchors", "10,13", "--plot", "x.gif"], "x.gif: must end in .png, .svg or .pdf"),
        (["sweep", "--n", "3-"], "--n = '3-': must be numbers or ranges, as in 1-15 or 3,6,9"),
        (["sweep", "--n", "0-3"], "--n = '0-3': must name 1 to 100 numbers, each at least 1"),
        (["sweep", "--n", "9-3"], "must name 1 to 100 numbers"),
        (["sweep", "--quiet", "--n", "1", "--seed", "-1"], "--seed = -1: must be at least 0"),
        (["report", "--out", "page.pdf"], "page.pdf: must end in .html"),
        (["report", "--out", "p.html", "--sweep", "x"], "--sweep = 'x': must be numbers or ranges"),
    ],
)
def test_bad_usage_is_one_sentence_and_code_2(capsys, tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("fastanchor: ")
    assert sentence in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_said(capsys):
    code, out, err = run(capsys, *QUICK, "--emit", "csv", "--output", f"{__file__}/a.csv")
    assert (code, out) == (2, "")
    assert "a.csv: cannot be written" in err
