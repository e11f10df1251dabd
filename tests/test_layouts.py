"""Data sets as people have them: below other folders, in parts, beside other files, with images that are turned."""

import json

import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.cli import main

from contract import expected, rows, write
from labels import FORMATS, IMAGES, png

KITTI = "Car 0.00 0 -1.58 10 10 {} 30 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
FOUND = [name for name in FORMATS if name != "labels.cache"]  # a cache is named, not looked for


@pytest.mark.parametrize("name", FOUND)
@pytest.mark.parametrize("above", ["set", "repository/data", "a/b/c"])
def test_labels_below_other_folders(tmp_path, name, above):
    place = tmp_path / above
    place.mkdir(parents=True)
    write(name, place)
    (tmp_path / "README.txt").write_text("a data set\n")
    (tmp_path / "setup.json").write_text('{"name": "x"}')
    assert datasets.detect(tmp_path) == FORMATS[name].reader
    assert rows(fastanchor.read(tmp_path)) == expected(name)


def keras(folder, part, count):
    place = folder / part
    place.mkdir(parents=True)
    for i in range(count):
        png(place / f"{part}{i}.png", (100, 50))
    (place / "_annotations.txt").write_text("".join(f"{part}{i}.png 10,5,40,25,0\n" for i in range(count)))
    (place / "_classes.txt").write_text("cat\n")


def test_lists_of_an_export_at_their_root(tmp_path):
    for part, count in (("train", 3), ("valid", 2), ("test", 1)):
        keras(tmp_path, part, count)
    (tmp_path / "README.roboflow.txt").write_text("an export\n")
    assert datasets.detect(tmp_path) == "list"
    boxes = fastanchor.read(tmp_path, strict=True)
    assert boxes.wh.tolist() == [[30, 20]] * 6
    assert sorted(boxes.split) == ["test", "train", "train", "train", "val", "val"]
    for split, count in (("train", 3), ("auto", 3), ("val", 2), ("valid", 2), ("test+val", 3)):
        assert len(fastanchor.read(tmp_path, split=split)) == count


# --- commands for anchors take the training set


def described(folder):
    for part, count in (("train", 2), ("valid", 3)):
        (folder / part / "labels").mkdir(parents=True)
        for i in range(count):
            (folder / part / "labels" / f"{i}.txt").write_text(f"0 0.5 0.5 0.{i + 2} 0.{i + 3}\n")
    (folder / "data.yaml").write_text("train: train/images\nval: valid/images\nnames: [cat]\n")
    return folder


def instances(folder):
    for part, count in (("train", 2), ("val", 3)):
        images = [{"id": i, "file_name": f"{part}{i}.jpg", "width": 90, "height": 80} for i in range(count)]
        boxes = [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 20 + i, 30]} for i in range(count)]
        content = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "c"}]}
        (folder / f"instances_{part}2017.json").write_text(json.dumps(content))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("made", [described, instances])
@pytest.mark.parametrize("split", [None, "all", "val", "train+val"])
@pytest.mark.parametrize("command", ["anchors", "check", "sweep", "report", "stats", "convert"])
def test_what_commands_read_of_several_parts(tmp_path, capsys, made, command, split):
    if command == "report":
        pytest.importorskip("matplotlib")
    place = made(tmp_path)
    options = {
        "anchors": ["--n", "1", "--gen", "0"], "check": ["--anchors", "5,20"], "sweep": ["--n", "1"], "stats": [],
        "report": ["-o", str(tmp_path / "out.html"), "--n", "1", "--gen", "0"],
        "convert": ["-o", str(tmp_path / "out.csv")],
    }  # fmt: skip
    arguments = [command, str(place), *options[command], "--json"]
    assert main([*arguments, *([] if split is None else ["--split", split])]) == 0
    alone = split is None and command not in ("stats", "convert")
    read = json.loads(capsys.readouterr().out)["read"]
    assert read["boxes"] == (2 if alone else {"val": 3}.get(split, 5))
    assert read["splits"] == ["train", "val"]
    assert read["split"] == (["train"] if alone else {"val": ["val"], "train+val": ["train", "val"]}.get(split))


# --- pictures


def test_pictures_say_which_images_are_missing(tmp_path, capsys):
    pytest.importorskip("PIL")
    labels = tmp_path / "set" / "label_2"
    labels.mkdir(parents=True)
    for i in range(3):
        (labels / f"{i}.txt").write_text(KITTI.format(40))
    out = [str(tmp_path / "out.png"), "--force"]
    size = ["--source-size", "100x50"]
    assert main(["show", str(tmp_path / "set"), *size, "-o", *out]) == 0
    said = capsys.readouterr().err
    assert "3 of 3 images are not found, and drawn as empty canvases; give --images DIR\n" in said
    for i in range(2):
        png(tmp_path / "elsewhere" / f"{i}.png", (100, 50))
    arguments = ["show", str(tmp_path / "set"), *size, "--images", str(tmp_path / "elsewhere"), "-o", *out]
    assert main(arguments) == 0
    assert "1 of 3 images are not found" in capsys.readouterr().err
    png(tmp_path / "elsewhere" / "2.png", (100, 50))
    assert main([*arguments, "--json"]) == 0
    captured = capsys.readouterr()
    assert (json.loads(captured.out)["missing"], "not found" in captured.err) == (0, False)


# --- images that are turned

TURNED = {
    "voc": ("a.xml", "<annotation><filename>a.jpg</filename><object><name>c</name><bndbox><xmin>10</xmin>"
            "<ymin>10</ymin><xmax>40</xmax><ymax>30</ymax></bndbox></object></annotation>"),
    "coco": ("a.json", json.dumps({
        "images": [{"id": 1, "file_name": "a.jpg"}], "categories": [{"id": 1, "name": "c"}],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 30, 20]}]})),
    "yolo": ("a.txt", "0 0.5 0.5 0.6 0.2\n"),
    "kitti": ("a.txt", KITTI.format(40)),
    "list": ("list.txt", "a.jpg 10,10,40,30,0\n"),
    "table": ("t.csv", "filename,xmin,ymin,xmax,ymax\na.jpg,10,10,40,30\n"),
    "openimages": ("t.csv", "ImageID,LabelName,XMin,XMax,YMin,YMax\na,c,0.2,0.8,0.1,0.3\n"),
    "labelme": ("a.json", json.dumps({
        "imagePath": "a.jpg", "shapes": [{"label": "c", "points": [[10, 10], [40, 30]], "shape_type": "rectangle"}]})),
}  # fmt: skip


@pytest.mark.parametrize(("name", "file", "text"), [(k, *v) for k, v in TURNED.items()], ids=TURNED)
@pytest.mark.parametrize(("turn", "size"), [(1, [100, 50]), (3, [100, 50]), (6, [50, 100]), (8, [50, 100])])
def test_sizes_are_those_of_images_as_they_are_shown(tmp_path, name, file, text, turn, size):
    Image = pytest.importorskip("PIL.Image")
    exif = Image.Exif()
    exif[274] = turn
    Image.new("L", (100, 50)).save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / file).write_text(text)
    assert datasets.detect(tmp_path) == name
    boxes = fastanchor.read(tmp_path, strict=True)
    assert boxes.image_wh.tolist() == [size]
    if name not in ("yolo", "openimages"):
        assert boxes.wh.tolist() == [[30, 20]]


# --- several data sets at once


def test_the_first_five_places_are_those_of_all_data_sets(tmp_path):
    wrong = [("c9", 16, 32, 16, 64 + i) for i in range(3)]
    label, size, boxes = IMAGES[1]
    paths = [
        write(name, tmp_path / name, [IMAGES[0], (label, size, [*boxes, *wrong]), IMAGES[2]])
        for name in ("voc", "kitti", "coco")
    ]
    said = []
    found = fastanchor.read(paths, report=said.append)
    assert found.skipped == {"box with zero width or height": 9}
    places = [one for one in said if "box with zero width or height (" in one]
    assert len(places) == 5
    assert [sum(str(path) in one for one in places) for path in paths] == [3, 2, 0]
    with pytest.raises(DataError, match="box with zero width or height"):
        fastanchor.read(paths, strict=True)
