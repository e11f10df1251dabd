"""Weights in tables and on the command line."""

import importlib.util
import json

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.cli import main
from fastanchor.datasets import table

ROWS = """xmin,ymin,width,height,image_width,image_height,filename,class,importance
10,10,40,30,200,100,a.jpg,ant,3
20,20,60,50,200,100,a.jpg,bee,0.5
30,10,20,80,100,100,b.jpg,bee,0
"""
ENDINGS = [
    "csv",
    pytest.param(
        "parquet", marks=pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="needs pyarrow")
    ),
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "boxes.csv"
    path.write_text(ROWS)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("weights", [[1, 0, 7], [0.1, 1 / 3, 2.0**-60]])
@pytest.mark.parametrize("images", [2, 3])
def test_weights_come_back_from_a_table(tmp_path, ending, weights, images):
    sizes = [[200, 100], [100, 100], [50, 50]][:images]
    boxes = fastanchor.Boxes([[40, 30], [60, 50], [20, 80]], [0, 0, 1], sizes, weights=weights)
    out = tmp_path / f"out.{ending}"
    table.write(boxes, out)
    back = fastanchor.read(out)
    assert back.weights.tolist() == weights
    assert back.weights.dtype == boxes.weights.dtype
    assert back.wh.tolist() == boxes.wh.tolist()
    assert len(back.image_wh) == images


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_column_is_named(file, tmp_path, ending):
    assert fastanchor.read(file).weights is None
    boxes = fastanchor.read(file, weight="importance")
    assert boxes.weights.tolist() == [3, 0.5, 0]
    out = tmp_path / f"out.{ending}"
    table.write(boxes, out)
    assert fastanchor.read(out).weights.tolist() == [3, 0.5, 0]
    both = fastanchor.read([file, out])
    assert both.weights.tolist() == [1, 1, 1, 3, 0.5, 0]


def test_a_folder_of_tables_some_with_weights(tmp_path):
    (tmp_path / "a.csv").write_text("xmin,ymin,width,height,filename,box_weight\n1,1,5,5,a.jpg,4\n")
    (tmp_path / "b.csv").write_text("xmin,ymin,width,height,filename\n1,1,6,6,b.jpg\n")
    assert fastanchor.read(tmp_path).weights.tolist() == [4, 1]


@pytest.mark.parametrize("cell", ["-1", "nan", "inf", "", "much"])
def test_a_weight_that_is_none_is_skipped_with_a_sentence(file, cell):
    file.write_text(ROWS.replace("bee,0.5", f"bee,{cell}"))
    said = []
    boxes = fastanchor.read(file, weight="importance", report=said.append)
    assert boxes.weights.tolist() == [3, 0]
    assert boxes.skipped == {"weight that is not a number >= 0": 1}
    assert "line 3" in said[0]
    with pytest.raises(DataError, match="weight that is not a number >= 0"):
        fastanchor.read(file, weight="importance", strict=True)


def test_options_that_cannot_be_used(file, tmp_path):
    with pytest.raises(DataError, match=r"no column of weights .*expected 'import'"):
        fastanchor.read(file, weight="import")
    for bad in (3, "", ["a"]):
        with pytest.raises(DataError, match=r"^weight = .*: must be the name of a column$"):
            fastanchor.read(file, weight=bad)
    np.save(tmp_path / "a.npy", [[1.0, 2.0]])
    with pytest.raises(DataError, match="no column of weights"):
        fastanchor.read(tmp_path / "a.npy", weight="x")
    (tmp_path / "voc").mkdir()
    (tmp_path / "voc" / "a.xml").write_text("<annotation></annotation>")
    with pytest.raises(DataError, match="weight = 'x': not supported for voc: the labels have no named columns"):
        fastanchor.read(tmp_path / "voc", weight="x")


def ran(capsys, *words):
    code = main([*map(str, words), "--json"])
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else None, err


def test_commands_take_weights(file, capsys):
    plain = ran(capsys, "check", file, "--anchors", "40,30")[1]
    code, found, _ = ran(capsys, "check", file, "--anchors", "40,30", "--weight", "importance", "--img-size", "200")
    assert code == 0
    assert (plain["boxes"], found["boxes"], found["counts"]) == (3, 3.5, [3.5])
    boxes = fastanchor.read(file, weight="importance")
    assert found["fitness"] == fastanchor.check(boxes, [[40, 30]], img_size=200).fitness
    many = datasets.read(file)
    repeated = fastanchor.Boxes(many.wh[[0] * 6 + [1]], [0] * 7, [[200, 100]])
    np.testing.assert_allclose(found["fitness"], fastanchor.check(repeated, [[40, 30]], img_size=200).fitness)
    for words in (["anchors", "--n", "2", "--gen", "5"], ["sweep", "--n", "1,2"]):
        code, found, _ = ran(capsys, words[0], file, *words[1:], "--weight", "importance", "--quiet")
        assert (code, found["boxes"]) == (0, 3.5)


@pytest.mark.parametrize("by", ["class", "image"])
def test_commands_balance(file, capsys, by):
    code, found, _ = ran(capsys, "check", file, "--anchors", "40,30", "60,50", "--balance", by, "--img-size", "200")
    assert code == 0
    boxes = fastanchor.read(file).balanced(by)
    right = fastanchor.check(boxes, [[40, 30], [60, 50]], img_size=200)
    assert (found["fitness"], found["counts"]) == (right.fitness, right.counts.tolist())
    for words in (["anchors", "--n", "2", "--gen", "5"], ["sweep", "--n", "1,2"]):
        for flags in ([], ["--quiet"]):
            assert main([words[0], str(file), *words[1:], "--balance", by, *flags]) == 0
            assert "3 boxes" in capsys.readouterr().out


def test_what_cannot_be_balanced_is_said(tmp_path, capsys):
    path = tmp_path / "bare.csv"
    path.write_text("width,height\n3,4\n5,6\n")
    assert main(["check", str(path), "--anchors", "3,4", "--balance", "class"]) == 2
    assert "boxes: have no classes, so they cannot be balanced by class" in capsys.readouterr().err


def test_the_report_counts_by_weight(file, tmp_path):
    pytest.importorskip("matplotlib")
    out = tmp_path / "page.html"
    assert main(["report", str(file), "-o", str(out), "--n", "2", "--gen", "2", "--balance", "class", "--quiet"]) == 0
    assert "3 boxes, 2 anchors" in out.read_text()


def without_images(path, ending, name):
    """Write a table of widths, heights and weights alone."""
    rows = [(10, 20, 2.0), (30, 40, 0.5), (50, 60, 3.0)]
    if ending == "csv":
        path.write_text("\n".join([f"width,height,{name}", *(",".join(map(str, row)) for row in rows), ""]))
        return path
    import pyarrow
    import pyarrow.parquet

    columns = zip(("width", "height", name), map(list, zip(*rows, strict=True)), strict=True)
    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), path)
    return path


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("name", "options"), [("box_weight", {}), ("often", {"weight": "often"})])
def test_rows_without_images_keep_their_weights(tmp_path, ending, name, options):
    boxes = fastanchor.read(without_images(tmp_path / f"boxes.{ending}", ending, name), **options)
    assert boxes.image_index is None
    assert (boxes.wh.tolist(), boxes.weights.tolist()) == ([[10, 20], [30, 40], [50, 60]], [2.0, 0.5, 3.0])
