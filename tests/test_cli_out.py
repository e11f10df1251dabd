"""The commands that write for detectors and judge anchors: exit codes, stdout, files."""

import ast
import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import fastanchor
from fastanchor import export
from fastanchor.cli import main
from fastanchor.cli._values import ranges

HERE = Path(__file__).resolve().parent / "data"
COCO = ["10,13", "16,30", "33,23", "30,61", "62,45", "59,119", "116,90", "156,198", "373,326"]
QUICK = ("anchors", "--gen", 5, "--n-init", 1, "--quiet")


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


@pytest.fixture(scope="module")
def results():
    sample = fastanchor.datasets.sample()
    return {
        fit: fastanchor.auto_anchor(sample, gen=5, n_init=1, rng=0, fit=fit, progress=False)
        for fit in ("letterbox", "stretch")
    }


@pytest.fixture(scope="module")
def result(results):
    return results["letterbox"]


@pytest.mark.parametrize("name", list(export.FORMATS))
def test_emit_prints_the_format_alone(capsys, results, name):
    code, out, err = run(capsys, *QUICK, "--emit", name)
    assert (code, err) == (0, "")
    result = results[export.FORMATS[name].needs.fit]
    assert out == export.emit(result.anchors, name, made_for=result.made_for) + "\n"


def test_emit_into_a_file_leaves_the_report_on_stdout(capsys, result, tmp_path):
    file = tmp_path / "new" / "anchors.py"
    code, out, _ = run(capsys, *QUICK, "--emit", "mmdet", "--output", file)
    assert code == 0
    assert "evolved" in out
    assert file.read_text(encoding="utf-8") == result.to_mmdet() + "\n"


def test_emit_in_json(capsys, results):
    _, out, _ = run(capsys, *QUICK, "--emit", "paddle", "--json")
    got = json.loads(out)
    assert got["text"] == results["stretch"].to_paddle() + "\n"
    assert (got["fit"], got["img_size"]) == ("stretch", [640, 640])


@pytest.mark.filterwarnings("ignore::fastanchor.SmallBoxWarning")
def test_edit_a_cfg(capsys, tmp_path):
    sample = fastanchor.datasets.sample()
    result = fastanchor.auto_anchor(sample, img_size=416, fit="stretch", gen=5, n_init=1, rng=0, progress=False)
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
    assert run(capsys, *QUICK, "--edit", file, "-o", file, "--force")[0] == 0
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
    assert "# YOLOv5" not in out  # uneven: it could not hold them
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
        expected = fastanchor.auto_anchor(sample, img_size=(640, 384), fit=fit, gen=5, n_init=1, rng=0, progress=False)
        assert json.loads(out)["anchors"] == expected.anchors.tolist()


def test_check_prints_and_judges(capsys):
    code, out, _ = run(capsys, "check", "--quiet", "--anchors", *COCO)
    assert code == 0
    found = fastanchor.check(fastanchor.datasets.sample(), [[float(v) for v in a.split(",")] for a in COCO])
    assert f"BPR       {found.bpr:.5f}" in out
    assert f"matches   {found.past_thr:.2f} anchors per box above thr" in out
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


CFG = """[net]
[convolutional]
stride=16
filters=18
[yolo]
mask=0,1
anchors={anchors}
classes=4
[convolutional]
stride=2
filters=18
[yolo]
mask=2,3
anchors={anchors}
classes=4
"""


@pytest.mark.parametrize(
    ("name", "text", "expected", "said"),
    [
        ("up.yaml", "anchors:\n  - [10,13, 16,30]  # P3/8\n  - [33,23, 60,61]  # P4/16\n", {3: [0, 1], 4: [2, 3]}, ""),
        ("down.yaml", "anchors:\n  - [33,23, 60,61]  # P5\n  - [10,13, 16,30]  # P4\n", {4: [0, 1], 5: [2, 3]}, ""),
        ("bare.yaml", "anchors:\n  - [10,13, 16,30]\n  - [33,23, 60,61]\n", {4: [0, 1], 5: [2, 3]}, ""),
        ("mask.cfg", CFG.format(anchors="10,13, 16,30, 33,23, 60,61"), {4: [0, 1], 5: [2, 3]}, ""),
        ("turned.cfg", CFG.format(anchors="33,23, 60,61, 10,13, 16,30"), {4: [2, 3], 5: [0, 1]}, ""),
        ("five.cfg", CFG.format(anchors="10,13, 16,30, 33,23, 60,61, 5,6"), {4: [0, 1], 5: [2, 3]},
         "anchor 5 x 6 is on no level, and is not scored"),
        ("loose.cfg", "anchors = 10,13, 16,30, 33,23, 60,61\n", {4: [0, 1], 5: [2, 3]}, "levels are the usual ones"),
        ("mask9.cfg", CFG.format(anchors="10,13, 16,30, 33,23"), None, "mask: points to anchor 3, but there are 3"),
        ("v2.cfg", "[net]\n[region]\nanchors=1,2\n", None, "line 2: [region] has no [convolutional] section"),
    ],
)  # fmt: skip
def test_check_has_the_levels_of_the_file(capsys, tmp_path, name, text, expected, said):
    file = tmp_path / name
    file.write_text(text)
    code = main(["check", "--anchors", str(file), "--json", "--quiet"])
    captured = capsys.readouterr()
    if expected is None:
        assert code == 2
        assert said in captured.err
        return
    found = json.loads(captured.out)
    assert code == 0
    levels = {row["level"]: row["anchors"] for row in found["levels"]}
    assert levels == {level: [found["anchors"][at] for at in rows] for level, rows in expected.items()}
    shares = np.array(found["counts"]) / sum(found["counts"])
    for row in found["levels"]:
        assert row["share"] == pytest.approx(shares[expected[row["level"]]].sum())
    assert said in " ".join(found["warnings"])


def test_numbers_that_fit_no_head_are_remarked(capsys):
    for n, said in ((7, "put on P5 alone"), (10, "put on P4 and P5"), (9, "")):
        assert main(["anchors", "--n", str(n), "--gen", "0", "--n-init", "1", "--json", "--quiet"]) == 0
        warnings = " ".join(json.loads(capsys.readouterr().out)["warnings"])
        assert said in warnings
        assert ("fit no usual head" in warnings) == bool(said)
    assert main(["anchors", "--n", "7", "--levels", "P5", "--gen", "0", "--n-init", "1", "--json", "--quiet"]) == 0
    assert "fit no usual head" not in capsys.readouterr().out


def test_the_table_is_that_of_the_format(capsys):
    assert main(["anchors", "--n", "12", "--emit", "tao", "--gen", "0", "--n-init", "1", "--json", "--quiet"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(row["level"], len(row["anchors"])) for row in found["levels"]] == [(3, 4), (4, 4), (5, 4)]
    assert found["text"].count("_anchor_shape") == 3


@pytest.mark.slow
def test_sweep(capsys):
    code, out, _ = run(capsys, "sweep", "--quiet", "--n", "1-3,6", "--json")
    assert code == 0
    got = json.loads(out)
    expected = fastanchor.sweep(fastanchor.datasets.sample(), [1, 2, 3, 6], rng=0, progress=False)
    assert got["n"] == [1, 2, 3, 6]
    assert got["mean_iou"] == expected.mean_iou.tolist()
    assert [len(anchors) for anchors in got["anchors"]] == got["n"]
    code, out, _ = run(capsys, "sweep", "--quiet", "--n", "2")
    (row,) = [line for line in out.splitlines() if line.startswith("  2  ")]
    scores = expected.mean_iou[1], expected.fitness[1], expected.bpr[1]
    assert [word.rstrip("*") for word in row.split() if "." in word][::3] == [f"{score:.5f}" for score in scores]


def test_ranges():
    assert ranges("1-3, 9") == [1, 2, 3, 9]


@pytest.mark.slow
def test_report(capsys, tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "deep" / "page.html"
    code, out, _ = run(capsys, "report", "--quiet", "--gen", 3, "--sweep", "1-2", "-o", file)
    assert (code, out) == (0, f"{file}\n")
    assert "built-in sample" in file.read_text(encoding="utf-8")
    _, out, _ = run(capsys, "report", "--quiet", "--gen", 3, "--sweep", "none", "-o", file, "--force", "--json")
    got = json.loads(out)
    assert got["written"] == str(file)
    assert got["sweep"] is None
    assert got["check"]["bpr"] == got["bpr"]


@pytest.mark.slow
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
        ([*QUICK, "--n", "9", "--per-level", "3,3"], "fastanchor: --per-level = [3, 3]: adds up to 6; must be 9"),
        ([*QUICK, "--levels", "P8"], "fastanchor: --levels = 'P8': must be tiny, P5, P6, P7"),
        (
            ["check", "--anchors", "10,13", "5"],
            "fastanchor: --anchors: got 3 numbers; widths and heights come in pairs",
        ),
        (["check", "--anchors", "10,13", "--min-bpr", "2"], "--min-bpr = 2.0: must be a number from 0 to 1"),
        (["check", "--anchors", "10,13", "--plot", "x.gif"], "x.gif: must end in .png, .svg or .pdf"),
        (["sweep", "--n", "3-"], "--n = '3-': must be numbers or ranges, as in 1-15 or 3,6,9"),
        (["sweep", "--n", "0-3"], "--n = '0-3': must name 1 to 100 numbers, each at least 1"),
        (["sweep", "--n", "9-3"], "--n = '9-3': 9-3 runs backwards; write 3-9"),
        (["sweep", "--n", "1,12-7"], "--n = '1,12-7': 12-7 runs backwards; write 7-12"),
        (["sweep", "--quiet", "--n", "1", "--seed", "-1"], "--seed = -1: must be at least 0"),
        (["report", "-o", "page.pdf"], "page.pdf: must end in .html"),
        (["report", "-o", "p.html", "--sweep", "x"], "--sweep = 'x': must be numbers or ranges"),
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


def test_convert_does_not_overwrite_a_data_set(capsys, tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("w,h\n1,2\n")
    arguments = ["convert", str(tmp_path / "a.csv"), "-o", str(tmp_path / "b.csv"), "--quiet"]
    assert main(arguments) == 2
    assert "b.csv: exists already; --force replaces it" in capsys.readouterr().err
    assert (tmp_path / "b.csv").read_text() == "w,h\n1,2\n"
    assert main([*arguments, "--force"]) == 0
    assert (tmp_path / "b.csv").read_text().startswith("width,height\n")


def test_show_reads_as_the_other_commands_do(capsys, tmp_path):
    pytest.importorskip("PIL")
    (tmp_path / "list.txt").write_text("a.jpg 1,2,30,40,0\n")
    out = tmp_path / "sheet.png"
    arguments = ["show", str(tmp_path / "list.txt"), "-o", str(out)]
    assert main(arguments) == 2
    assert "give --source-size WxH" in capsys.readouterr().err
    assert main([*arguments, "--source-size", "100x80", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["format"] == "list"
    assert "list.txt: read as list" in captured.err
    assert out.exists()
    assert main([*arguments, "--source-size", "100x80", "--format", "list", "--force"]) == 0
    assert "read as" not in capsys.readouterr().err


def test_boxes_larger_than_their_image_are_remarked(capsys, tmp_path):
    file = tmp_path / "boxes.csv"
    file.write_text("width,height,image_width,image_height\n500,20,100,80\n10,20,100,80\n")
    assert main(["stats", str(file), "--quiet"]) == 0
    assert "note      1 box beyond its image, kept" in capsys.readouterr().out
    assert main(["stats", str(file), "--quiet", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exceeds_image"] == 1


TINY = "10,14, 23,27, 37,58, 81,82, 135,169, 344,319"
HEADS = f"[net]\n[convolutional]\nstride=16\n[yolo]\nmask={{}}\nanchors={TINY}\n"
HEADS += f"[convolutional]\nstride=2\n[yolo]\nmask={{}}\nanchors={TINY}\n"


@pytest.mark.parametrize(
    ("masks", "given", "sentence"),
    [
        (
            ("1,2,3", "3,4,5"),
            "3,3",
            "adds up to 6, but t.cfg has 6 anchors, and its levels hold 3, 3 of them, 5 different",
        ),
        (
            ("0,1", "3,4,5"),
            "3,3",
            "adds up to 6, but t.cfg has 6 anchors, and its levels hold 2, 3 of them, 5 different",
        ),
        (("0,1,2", "3,4,5"), "3,2", "adds up to 5, but t.cfg has 6 anchors, and its levels hold 3, 3 of them; leave"),
    ],
)
def test_numbers_per_level_that_are_not_those_of_the_file(capsys, tmp_path, monkeypatch, masks, given, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.cfg").write_text(HEADS.format(*masks))
    code, out, err = run(capsys, "check", "--anchors", "t.cfg", "--per-level", given)
    assert (code, out) == (2, "")
    assert sentence in err
    assert run(capsys, "check", "--anchors", "t.cfg", "--quiet")[0] == 0


def test_numbers_per_level_of_bare_anchors(capsys):
    assert run(capsys, "check", "--anchors", "1,2", "3,4", "--per-level", "3,3") == (
        2, "", "fastanchor: --per-level = [3, 3]: adds up to 6, but --anchors has 2 anchors; it must add up to 2\n",
    )  # fmt: skip


@pytest.mark.parametrize("counts", [(3, 1), (1, 3), (1, 2, 3)])
def test_a_yaml_with_uneven_levels_gets_even_ones(capsys, tmp_path, counts):
    rows = [", ".join(f"{8 * i + 3 * j + 5},{9 * i + 3 * j + 6}" for j in range(n)) for i, n in enumerate(counts)]
    file = tmp_path / "m.yaml"
    file.write_text("nc: 2\nanchors:\n" + "".join(f"  - [{row}]\n" for row in rows))
    code, out, err = run(capsys, *QUICK[:-1], "--n", sum(counts), "--edit", file)
    result = fastanchor.auto_anchor(fastanchor.datasets.sample(), n=sum(counts), gen=5, n_init=1, rng=0, progress=False)
    assert (code, out) == (0, result.edited(file))
    even = ", ".join([str(sum(counts) // len(counts))] * len(counts))
    assert f"its levels have {', '.join(map(str, counts))} anchors, and get {even}" in err


@pytest.mark.parametrize(
    ("gen", "shown"), [(1, ["k-means   1 update, ", "evolved   1 generation, "]), (2, ["evolved   2 generations, "])]
)
def test_one_is_not_many(capsys, tmp_path, gen, shown):
    (tmp_path / "b.csv").write_text("width,height,image,image_width,image_height\n10,20,a,100,100\n")
    _, out, _ = run(capsys, "anchors", tmp_path / "b.csv", "--n", 1, "--gen", gen, "--quiet")
    assert "b.csv: 1 box on 1 image\n" in out
    for text in shown:
        assert text in out


@pytest.mark.parametrize("way", [["--emit", "yolov5"], ["--emit", "csv"], ["--edit", "m.yaml"]], ids=" ".join)
@pytest.mark.parametrize("quiet", [["-q"], []], ids=["quiet", "not quiet"])
def test_doubts_are_never_silent(capsys, tmp_path, monkeypatch, way, quiet):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("0 0.5 0.5 0.2 0.3\n0 0.5 0.5 0.3 0.2\n")
    (tmp_path / "m.yaml").write_text("anchors:\n  - [1,2]\n  - [3,4]\n")
    code, out, err = run(capsys, "anchors", "labels", "-n", 2, "--gen", 0, *way, *quiet)
    assert code == 0
    assert "doubt" not in out
    lines = err.splitlines()
    assert [line.partition(": ")[2][:6] for line in lines if "square" in line] == ["doubt:"]
    assert not quiet or len(lines) == 1


def test_the_page_has_format_and_split(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for split in ("train", "val"):
        (tmp_path / "labels" / split).mkdir(parents=True)
        (tmp_path / "labels" / split / "a.txt").write_text("0 0.5 0.5 0.2 0.3\n0 0.5 0.5 0.3 0.2\n")
    arguments = ["report", "labels", "-n", 2, "--gen", 0, "--sweep", "none", "--source-size", 99, "-o", "p.html"]
    assert run(capsys, *arguments)[0] == 0
    text = (tmp_path / "p.html").read_text()
    assert '>format</td><td class="text">yolo</td>' in text
    assert "train; left out: val" in text


@pytest.mark.parametrize("missing", [True, False], ids=["no Pillow", "wrong ending"])
def test_show_asks_before_it_reads(capsys, tmp_path, monkeypatch, missing):
    pytest.importorskip("PIL")
    if missing:
        monkeypatch.setitem(sys.modules, "PIL", None)
        monkeypatch.setitem(sys.modules, "PIL.Image", None)
    code, _, err = run(capsys, "show", tmp_path / "nowhere", "-o", tmp_path / ("a.png" if missing else "a.html"))
    assert code == 2
    assert ("Pillow is not installed" if missing else "must end in .png") in err


@pytest.mark.parametrize("command", ["sweep", "stats", "check"])
@pytest.mark.parametrize("option", ["-o", "--output"])
def test_commands_without_output_point_to_json(capsys, command, option):
    more = ["--anchors", "10,13"] if command == "check" else []
    code, _, err = run(capsys, command, "x.csv", *more, option, "s.csv")
    assert code == 2
    assert err.startswith("fastanchor: --output: not an option of this command; write its answer with --json > FILE")
