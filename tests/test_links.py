"""Links inside the folder of a data set: followed where that is possible, else counted, and no harm to the rest."""

import os

import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.cli import main

ROW = "0 0.5 0.5 0.25 0.5\n"
KITTI = "Car 0 0 0 1 2 11 22 1 1 1 1 1 1 1\n"
XML = (
    "<annotation><size><width>100</width><height>50</height></size><object><name>cat</name><bndbox>"
    "<xmin>10</xmin><ymin>5</ymin><xmax>40</xmax><ymax>25</ymax></bndbox></object></annotation>"
)
CIRCLE, LOST, UNREAD = (
    "link that leads back to a folder above it",
    "link that cannot be followed",
    "file that cannot be read",
)

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links need rights on this system")


def put(folder, files, links=()):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    for name, target in links:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).symlink_to(target)
    return folder


YOLO = {"labels/a.txt": ROW, "labels/train/b.txt": ROW, "labels/train/c.txt": ROW}
DEEP = {"train/labels/a.txt": ROW, "train/labels/b.txt": ROW, "val/labels/c.txt": ROW}
YOLO_LINKS = {
    "to the folder itself": (YOLO, [("labels/self", "../labels")], {CIRCLE: 1}),
    "to a dot": (YOLO, [("labels/train/self", ".")], {CIRCLE: 1}),
    "to the root": (YOLO, [("labels/train/up", "../..")], {CIRCLE: 1}),
    "to each other": (YOLO, [("labels/train/x", "../val"), ("labels/val/y", "../train")], {CIRCLE: 2}),
    "to itself": (YOLO, [("labels/loop", "loop")], {LOST: 1}),
    "to nothing": (YOLO, [("labels/gone", "nowhere")], {LOST: 1}),
    "a file to itself": (YOLO, [("labels/loop.txt", "loop.txt")], {UNREAD: 1}),
    "a file to nothing": (YOLO, [("labels/gone.txt", "nowhere.txt")], {UNREAD: 1}),
    "an image to itself": (YOLO, [("labels/a.png", "a.png")], {}),
    "a part to itself": (DEEP, [("test", "test")], {LOST: 1}),
    "a part to nothing": (DEEP, [("test", "nowhere")], {LOST: 1}),
    "beside the labels": (YOLO, [("images", "images"), ("other", "other")], {}),
}


@pytest.mark.parametrize(("files", "links", "skipped"), YOLO_LINKS.values(), ids=YOLO_LINKS)
@pytest.mark.parametrize("way", ["folder", "data.yaml", "named"])
def test_yolo(tmp_path, files, links, skipped, way):
    folder = put(tmp_path, files, links)
    if way == "data.yaml":
        whole = files is YOLO
        text = "train: images\n" if whole else "train: train/images\nval: val/images\n"
        (folder / "data.yaml").write_text(f"{text}names: [cat]\n")
        skipped = skipped if whole else {}
    boxes = fastanchor.read(folder, source_size=(100, 100), format="yolo" if way == "named" else "auto")
    by_two_ways = 2 if skipped == {CIRCLE: 2} else 0
    assert (len(boxes), boxes.skipped) == (3 + by_two_ways, skipped)


@pytest.mark.parametrize("name", ["to the folder itself", "to itself", "a part to itself", "a file to itself"])
def test_yolo_names_the_link(tmp_path, name):
    files, links, skipped = YOLO_LINKS[name]
    folder = put(tmp_path, files, links)
    said = []
    fastanchor.read(folder, source_size=(100, 100), report=said.append)
    place, why = folder / links[0][0], next(iter(skipped))
    assert any(one.startswith(f"{place}: {why}") for one in said), said
    with pytest.raises(DataError, match=why):
        fastanchor.read(folder, source_size=(100, 100), strict=True)


@pytest.mark.parametrize("target", ["bad.xml", "nowhere.xml", "bad.xml/x"])
@pytest.mark.parametrize("inner", ["", "Annotations"])
def test_voc(tmp_path, inner, target):
    put(tmp_path / inner, {"a.xml": XML, "z.xml": XML}, [("bad.xml", target), ("loop", "loop")])
    assert datasets.detect(tmp_path) == "voc"
    boxes = fastanchor.read(tmp_path)
    assert (len(boxes), boxes.skipped) == (2, {UNREAD: 1})


@pytest.mark.parametrize("target", ["9.txt", "nowhere.txt"])
def test_kitti(tmp_path, target):
    put(tmp_path / "label_2", {"0.txt": KITTI, "1.txt": KITTI}, [("9.txt", target), ("loop", "loop")])
    boxes = fastanchor.read(tmp_path, format="kitti", source_size=(100, 100))
    assert (len(boxes), boxes.skipped) == (2, {UNREAD: 1})


def test_images_beside_a_link_that_cannot_be_followed(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    put(
        tmp_path, {"a.xml": XML.replace("<size><width>100</width><height>50</height></size>", "")}, [("b.png", "b.png")]
    )
    Image.new("L", (40, 20)).save(tmp_path / "a.png")
    assert fastanchor.read(tmp_path).image_wh.tolist() == [[40, 20]]


def test_a_folder_of_nothing_else(tmp_path, capsys):
    put(tmp_path, {}, [("loop", "loop"), ("gone", "nowhere")])
    assert main(["stats", str(tmp_path)]) == 2
    assert "no labels recognised here" in capsys.readouterr().err
