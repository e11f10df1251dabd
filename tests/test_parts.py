"""Parts of a data set: found by words in paths or declared lists, chosen by `split`, kept in Boxes.split."""

import json

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor._errors import SplitWarning
from fastanchor.cli import main
from fastanchor.datasets._parts import TRAINING
from fastanchor.datasets._probe import natural, part_of

CAR = "Car 0.00 0 -1.58 10 10 {} 30 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"


def kitti(folder, **widths):
    """Write one label file for each width into a part of that name."""
    for name, width in widths.items():
        labels = folder / name / "label_2"
        labels.mkdir(parents=True)
        (labels / "1.txt").write_text(CAR.format(10 + width))
    return folder


@pytest.mark.parametrize(
    ("file", "part"),
    [
        ("train/a.xml", "train"), ("valid/labels/a.txt", "val"), ("labels/train2017/a.txt", "train"),
        ("instances_val2017.json", "val"), ("untrained.json", ""), ("test/_annotations.csv", "test"),
        ("validation/a.txt", "val"), ("training/label_2/1.txt", "train"), ("labels/1.txt", ""),
        ("test/labels/train/1.txt", "train"), ("latest/x.json", ""), ("ImageSets/trainval/x.xml", "trainval"),
    ],
)  # fmt: skip
def test_words_in_paths_name_parts(file, part):
    assert part_of(f"/train/root/{file}", "/train/root") == part


@pytest.mark.parametrize(
    ("split", "widths"),
    [
        (None, [5, 7, 9]), ("all", [5, 7, 9]), ("train", [5]), ("auto", [5]), ("training", [5]), ("val", [7]),
        ("valid", [7]), ("train+val", [5, 7]), ("test+train", [5, 9]),
    ],
)  # fmt: skip
def test_split(tmp_path, split, widths):
    boxes = fastanchor.read(kitti(tmp_path, train=5, valid=7, test=9), split=split, source_size=100)
    parts = dict(zip(boxes.split, boxes.wh[:, 0].tolist(), strict=True))
    assert parts == {{5: "train", 7: "val", 9: "test"}[width]: width for width in widths}
    assert len(list(datasets.iter_images(tmp_path, split=split, source_size=100))) == len(widths)


@pytest.mark.parametrize("split", ["trained", "trainval", "train+", "train,val", ""])
@pytest.mark.parametrize("call", [fastanchor.read, datasets.iter_images])
def test_a_wrong_split_is_refused_at_the_call(tmp_path, call, split):
    kitti(tmp_path, train=5, valid=7)
    with pytest.raises(DataError, match=r"split = '.*': must be 'all' or one of 'train', 'val', in "):
        call(tmp_path, split=split, source_size=100)


def test_without_a_training_part_auto_reads_everything(tmp_path):
    boxes = fastanchor.read(kitti(tmp_path, left=5, right=7), split=TRAINING, source_size=100)
    assert (len(boxes), boxes.split) == (2, None)


@pytest.mark.parametrize("split", [3, ("train",), b"train"])
def test_a_split_is_a_text(tmp_path, split):
    with pytest.raises(DataError, match=r"split = .*must be a text"):
        fastanchor.read(kitti(tmp_path, train=5), split=split, source_size=100)


@pytest.mark.parametrize(
    ("command", "widths"), [("anchors", [5]), ("check", [5]), ("sweep", [5]), ("stats", [5, 7]), ("convert", [5, 7])]
)
def test_commands_for_anchors_take_the_training_part(tmp_path, capsys, command, widths):
    kitti(tmp_path, train=5, valid=7)
    options = {
        "anchors": ["--n", "1", "--gen", "0"], "check": ["--anchors", "5,20"], "sweep": ["--n", "1"], "stats": [],
        "convert": ["-o", str(tmp_path / "out.csv")],
    }  # fmt: skip
    arguments = [command, str(tmp_path), "--source-size", "100", *options[command]]
    assert main([*arguments, "--json"]) == 0
    read = json.loads(capsys.readouterr().out)["read"]
    assert (read["boxes"], read["splits"]) == (len(widths), ["train", "val"])
    assert read["split"] == (["train"] if widths == [5] else None)
    if command != "convert":
        assert main(arguments) == 0
        shown = "(split train; left out: val)" if widths == [5] else "(all splits: train, val)"
        assert shown in capsys.readouterr().out.splitlines()[0]


def test_split_all_of_the_command_line(tmp_path, capsys):
    kitti(tmp_path, train=5, valid=7)
    assert main(["anchors", str(tmp_path), "--source-size", "100", "--n", "1", "--split", "all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["read"]["boxes"] == 2


def test_stats_shows_the_parts_side_by_side(tmp_path, capsys):
    kitti(tmp_path, train=5, valid=7)
    assert main(["stats", str(tmp_path), "--source-size", "100"]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = lines.index("splits    2")
    assert [line.split() for line in lines[at + 1 : at + 3]] == [
        ["train", "1", "images", "1", "boxes", "5.0", "x", "20.0", "pixels"],
        ["val", "1", "images", "1", "boxes", "7.0", "x", "20.0", "pixels"],
    ]


def test_anchors_of_several_parts_warn(tmp_path):
    boxes = fastanchor.read(kitti(tmp_path, train=50, valid=70), source_size=100)
    with pytest.warns(SplitWarning, match="'train', 'val'"):
        fastanchor.auto_anchor(boxes, n=1, gen=0)
    fastanchor.auto_anchor(boxes.of_split("train"), n=1, gen=0)


def test_part_of_boxes():
    boxes = fastanchor.Boxes(
        [[5, 4], [3, 2], [7, 7]], [1, 0, 1], [[64, 48], [32, 32]], [0, 1, 1], ["a", "b"], xy=[[1, 2], [3, 4], [5, 6]],
        split=["train", "val"], files=["x.jpg", "y.jpg"],
    )  # fmt: skip
    part = boxes.of_split("val")
    assert (part.wh.tolist(), part.image_index.tolist(), part.files) == ([[5, 4], [7, 7]], [0, 0], ("y.jpg",))
    assert (part.xy.tolist(), part.class_index.tolist()) == ([[1, 2], [5, 6]], [0, 1])
    with pytest.raises(DataError, match="which has no image; the splits are 'train', 'val'"):
        boxes.of_split("test")


def test_several_data_sets_as_one_keep_their_parts(tmp_path):
    one, two = kitti(tmp_path / "one", train=5, valid=7), kitti(tmp_path / "two", x=9)
    boxes = fastanchor.read([one, two], source_size=100)
    assert boxes.split == ("train", "val", "")
    boxes = fastanchor.read([one, two], split="auto", source_size=100)
    np.testing.assert_array_equal(np.sort(boxes.wh[:, 0]), [5, 9])


@pytest.mark.parametrize(
    "names",
    [
        ["img1", "img9", "img10"], ["a1b2", "a1b10", "a02b1"], ["1", "2", "03", "10"], ["a", "a1", "b"],
        ["x0009", "x0010", "x0100"], ["file" + "9" * 5000, "file1" + "0" * 5000],
    ],
)  # fmt: skip
def test_names_in_natural_order(names):
    assert natural(reversed(names)) == names


@pytest.mark.parametrize(
    ("lists", "split", "shown"),
    [
        (["train", "val", "trainval", "test"], None, "(split trainval; left out: test)"),
        (["train", "val", "trainval", "test", "cat_train"], "train", "(split train; left out: trainval, val, test)"),
        (["train", "val"], "all", "(all splits: train, val)"),
        (["train"], None, "(split train)"),
        (["odd", "even"], "odd", "(split odd; left out: even)"),
    ],
)
def test_the_line_about_what_was_read_names_what_was_not(tmp_path, capsys, lists, split, shown):
    xml = (
        "<annotation><size><width>100</width><height>50</height></size><object><name>a</name><bndbox>"
        "<xmin>10</xmin><ymin>5</ymin><xmax>40</xmax><ymax>25</ymax></bndbox></object></annotation>"
    )
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations" / "a.xml").write_text(xml)
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    for name in lists:
        (tmp_path / "ImageSets" / "Main" / f"{name}.txt").write_text("a\n")
    options = [] if split is None else ["--split", split]
    assert main(["anchors", str(tmp_path), "--n", "1", "--gen", "0", "--quiet", *options]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(shown)


@pytest.mark.parametrize(
    ("there", "split", "shown"),
    [
        (["train", "val"], None, "(split train; left out: val)"),
        (["train"], None, "(split train)"),
        (["train", "val"], "all", "(all splits: train, val)"),
        (["val", "test"], "val", "(split val; left out: test)"),
        (["train", "val", "test"], None, "(split train; left out: val, test)"),
    ],
)
@pytest.mark.parametrize("form", ["data.yaml", "obj.data"])
def test_only_splits_that_exist_are_named(tmp_path, capsys, there, split, shown, form):
    for name in there:
        (tmp_path / name / "labels").mkdir(parents=True)
        (tmp_path / name / "labels" / f"{name}1.txt").write_text("0 0.5 0.5 0.2 0.3\n")
        (tmp_path / f"{name}.txt").write_text(f"{name}/images/{name}1.jpg\n")
    if form == "data.yaml":
        (tmp_path / form).write_text("train: train/images\nval: val/images\ntest: test/images\nnames: [a]\n")
    else:
        (tmp_path / form).write_text("classes = 1\ntrain = train.txt\nvalid = val.txt\ntest = test.txt\n")
    options = [] if split is None else ["--split", split]
    arguments = ["anchors", str(tmp_path / form), "--n", "1", "--gen", "0", "--quiet", "--source-size", "99", *options]
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith(shown)
