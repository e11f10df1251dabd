"""Labels of other programs, written: read back to the same boxes, or refused before anything is written."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastanchor
from fastanchor import Boxes, DataError
from fastanchor.cli import main
from fastanchor.datasets import write

import strategies
from contract import rows
from contract import write as labels

OUT = {"coco": "labels.json", "yolo": "labels", "voc": "labels"}
SIZE = (640, 480)


def made(**changes):
    columns = {
        "wh": [[5, 4], [3, 2], [9.25, 9]],
        "image_index": [2, 0, 0],
        "image_wh": [[64, 48], [32, 32], [20, 10]],
        "class_index": [1, 0, 1],
        "class_names": ["a: b", "<&>"],
        "xy": [[1, 2], [3, 4.5], [5, 6]],
        "split": ["train", "test", "val"],
        "files": ["x/a.jpg", "y/a.jpg", "ü.jpg"],
    }
    return Boxes(**{**columns, **changes})


def things(boxes):
    """Return everything of each box, in any order; images by their sizes."""
    kinds = [boxes.class_names[i] for i in boxes.class_index]
    sizes = map(tuple, boxes.image_wh[boxes.image_index].tolist())
    found = zip(sizes, np.round(boxes.xy, 6).tolist(), np.round(boxes.wh, 6).tolist(), kinds, strict=True)
    return sorted(found)


@pytest.mark.parametrize("name", OUT)
def test_boxes_come_back(tmp_path, name):
    boxes = made(image_wh=[SIZE] * 3, weights=[1, 2, 3], flags={"difficult": [True, False, False]})
    lost = write(boxes, tmp_path / OUT[name], to=name)
    again = fastanchor.read(tmp_path / OUT[name], source_size=SIZE if name == "yolo" else None)
    assert things(again) == things(boxes)
    assert (
        lost
        == {
            "coco": ("split", "weights", "difficult"),
            "yolo": ("image sizes", "weights", "difficult"),
            "voc": ("weights",),
        }[name]
    )
    assert again.n_images == 3
    assert sum(again.flags.get("difficult", np.zeros(1))) == (name == "voc")
    if name != "coco":
        assert len(fastanchor.read(tmp_path / OUT[name], split="val", source_size=None)) == 1


@st.composite
def sets(draw):
    # whole boxes below 2 pixels would look like relative ones
    wh = draw(strategies.pairs(st.integers(12, 800).map(lambda side: side / 4.0), most=6))
    n, m = len(wh), draw(st.integers(1, 4))
    kind = draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    index = draw(st.lists(st.integers(0, m - 1), min_size=n, max_size=n))
    files = draw(st.none() | st.just([f"{i % 2}/{i // 2}.png" for i in range(m)]))
    return Boxes(
        wh, index, np.full((m, 2), SIZE), kind, ["ant", "bee"], xy=wh / 4.0 + np.arange(n)[:, None], files=files
    )


@pytest.mark.parametrize("name", OUT)
@strategies.examples(15, deadline=None)
@given(boxes=sets())
def test_any_boxes_come_back(tmp_path_factory, name, boxes):
    place = tmp_path_factory.mktemp("set") / OUT[name]
    assert write(boxes, place, to=name) == (("image sizes",) if name == "yolo" else ())
    again = fastanchor.read(place, source_size=SIZE if name == "yolo" else None)
    assert again.n_images == boxes.n_images
    assert things(again) == things(boxes)
    if name == "coco":
        np.testing.assert_array_equal(again.wh, boxes.wh)
        np.testing.assert_array_equal(again.image_index, boxes.image_index)


@pytest.mark.parametrize("name", OUT)
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"xy": None}, "boxes: have no positions, which {} needs"),
        ({"image_index": None}, "boxes: have no image sizes, which {} needs; see source_size"),
        ({"image_wh": np.ones((3, 2))}, "boxes: are relative to images of unknown size, and {} needs pixels"),
    ],
)
def test_boxes_that_lack_something(tmp_path, name, changes, sentence):
    if name == "yolo" and "image_wh" in changes:
        write(made(**changes), tmp_path / OUT[name], to=name)
        return
    with pytest.raises(DataError, match=sentence.format(name)):
        write(made(**changes), tmp_path / OUT[name], to=name)
    assert list(tmp_path.iterdir()) == []


def test_places_that_cannot_be_written_to(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    (tmp_path / "file").write_text("")
    for name, to, sentence in (
        ("full", "voc", "is a folder that is not empty; name a new one"),
        ("file", "yolo", "is a file; name a new folder"),
        ("a.csv", "coco", r"must end in .json for to coco"),
        ("a.json", "csv", r"must end in .csv for to csv"),
        ("a.txt", None, r"must end in .csv, .parquet or .json, or give to"),
        ("a.json", "kitti", "to = 'kitti': must be one of 'coco', 'yolo', 'voc', 'csv', 'parquet'"),
    ):
        with pytest.raises(DataError, match=sentence):
            write(made(), tmp_path / name, to=to)
    write(made(), tmp_path / "a.json")
    with pytest.raises(DataError, match="exists already"):
        write(made(), tmp_path / "a.json")
    write(made(), tmp_path / "a.json", replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "file", "full"]


def test_nothing_is_left_of_a_folder_that_failed(tmp_path, monkeypatch):
    monkeypatch.setattr("fastanchor.datasets._write_folders.classes_of", lambda boxes: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(made(), tmp_path / "out", to="voc")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", OUT)
def test_the_command_converts_and_says_what_is_lost(tmp_path, capsys, name):
    source = labels("voc", tmp_path / "set", parts={"train": ["1", "10"], "val": ["9"]})
    out = tmp_path / OUT[name]
    assert main(["convert", str(source), "--to", name, "-o", str(out), "--json", "--class", "c9"]) == 0
    said = capsys.readouterr()
    lost = {"coco": ["split"], "yolo": ["image sizes"]}.get(name, [])
    assert json.loads(said.out)["lost"] == lost
    assert ("not written, since the labels cannot hold it: " + ", ".join(lost) in said.err) == bool(lost)
    assert ("--source-size" in said.err) == (name == "yolo")
    again = fastanchor.read(out, source_size=(256, 128))
    assert [row[2] for row in rows(again)] == ["c9", "c9"]
