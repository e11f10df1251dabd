"""Which label files a YOLO data set has: yaml and .data files, lists of images, and the folders people have."""

import os
import pickle
from contextlib import ExitStack
from unittest import mock

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets

ROW = "1 0.5 0.4 0.2 0.3"
OTHER = "0 0.5 0.5 0.1 0.1"
KITTI = "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, content in files.items():
        (folder / f"{stem}.txt").write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def picture(path, size=(640, 480)):
    Image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path)


YAMLS = {
    "folders of images": "train: train/images\nval: valid/images\nnames: [cat, dog]",
    "windows path": "path: C:\\Users\\x\\set\ntrain: ./train/images\nval: valid\\images\nnames: {0: cat, 1: dog}",
    "dots too many": "train: ../train/images\nvalidation: ../../valid/images\nnames: [cat, dog]",
    "list of folders": "train: [train/images, valid/images]\nnames: [cat, dog]",
    "text list": "train: list.txt\nval: valid/labels\nnames: [cat, dog]",
}


@pytest.mark.parametrize("text", YAMLS.values(), ids=YAMLS)
def test_data_yaml(tmp_path, text):
    write(tmp_path / "train" / "labels", a=ROW, b="0 0.5 0.5 0.1 0.1\n2 0.5 0.5 0.1 0.1")
    write(tmp_path / "valid" / "labels", c=ROW)
    (tmp_path / "list.txt").write_text("./train/images/a.jpg\n\ntrain/images/b.jpg\n")
    (tmp_path / "data.yaml").write_text(text)
    for place in (tmp_path, tmp_path / "data.yaml"):
        boxes = fastanchor.read(place)
        assert boxes.class_names == ("cat", "dog", "2")
        assert boxes.class_index.tolist() == [1, 0, 2, 1]
        assert boxes.skipped == {}
    if "val" in text.replace("valid/", ""):
        assert len(fastanchor.read(tmp_path, split="val")) == 1


BAD_YAMLS = {
    "syntax": ("train: [a\n", r"data.yaml, line 2: not valid YAML"),
    "python": ("train: !!python/object/apply:os.system [ls]\n", r"data.yaml, line 1: not valid YAML"),
    "a list": ("- a\n", "expected a mapping"),
    "no part": ("names: [a]\n", "expected at least one of train, val, test"),
    "names": ("train: labels\nnames: cat\n", "names: expected a list"),
    "kpt_shape": ("train: labels\nkpt_shape: [5]\n", "kpt_shape = .*expected"),
    "number for a path": ("train: 5\n", "train = 5: expected a path"),
    "nothing there": (
        "train: elsewhere/images\n",
        "nothing could be read; .*data.yaml, line 1: missing split",
    ),
    "deep": ("[" * 100_000, "not valid YAML"),
}


@pytest.mark.parametrize(("text", "sentence"), BAD_YAMLS.values(), ids=BAD_YAMLS)
def test_bad_data_yaml(tmp_path, text, sentence):
    write(tmp_path / "labels", a=ROW)
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(DataError, match=sentence):
        fastanchor.read(tmp_path / "data.yaml")


def test_darknet(tmp_path):
    write(tmp_path / "data" / "obj", a=ROW, b="0 0.5 0.5 0.1 0.1")
    (tmp_path / "data" / "train.txt").write_text("data/obj/a.jpg\ndata/obj/b.jpg\ndata/obj/none.jpg\n")
    (tmp_path / "data" / "obj.names").write_text("cat\ndog\n\n")
    (tmp_path / "data" / "obj.data").write_text(
        "classes = 2\n# no\ntrain = data/train.txt\nnames = data/obj.names\nvalid = no.txt\n"
    )
    boxes = fastanchor.read(tmp_path / "data" / "obj.data")
    assert boxes.class_names == ("cat", "dog")
    assert boxes.class_index.tolist() == [1, 0]
    assert boxes.skipped == {
        "missing split": 1,
        "image without a label file (background)": 1,
    }
    assert len(fastanchor.read(tmp_path / "data" / "train.txt")) == 2
    assert len(fastanchor.read(tmp_path / "data" / "obj.data", split="train", strict=True, source_size=9)) == 2
    with pytest.raises(DataError, match=r"split = 'test': must be 'all' or one of 'train', 'val', in"):
        fastanchor.read(tmp_path / "data" / "obj.data", split="test")


def test_splits_of_a_folder(tmp_path):
    write(tmp_path / "labels" / "train", a=ROW)
    write(tmp_path / "labels" / "val", b=ROW, c=ROW)
    assert [len(fastanchor.read(tmp_path, split=s)) for s in (None, "train", "val")] == [3, 1, 2]
    with pytest.raises(DataError, match=r"split = 'test': must be 'all' or one of 'train', 'val', in"):
        fastanchor.read(tmp_path, split="test")
    with pytest.raises(DataError, match="declares no splits; leave it out"):
        fastanchor.read(tmp_path / "labels" / "train" / "a.txt", split="train")


def test_class_names_beside(tmp_path):
    write(tmp_path, a=ROW, classes="cat\ndog\n")
    assert fastanchor.read(tmp_path).class_names == ("cat", "dog")
    assert fastanchor.read(tmp_path / "a.txt").class_names == ("cat", "dog")


@pytest.mark.parametrize(
    "text",
    [
        "train: /home/me/data/train/images\nval: /home/me/data/val/images\n",
        "path: C:\\Users\\me\\data\ntrain: C:\\Users\\me\\data\\train\\images\nval: C:/x/val/images\n",
        "path: /mnt/set\ntrain: /mnt/set/train\nval: val\n",
    ],
)
def test_paths_of_another_machine(tmp_path, text):
    write(tmp_path / "train/labels", a=ROW)
    write(tmp_path / "val/labels", b=ROW)
    (tmp_path / "data.yaml").write_text(text + "names: [x, y]\n")
    assert len(fastanchor.read(tmp_path, source_size=(10, 10))) == 2
    assert len(fastanchor.read(tmp_path, source_size=(10, 10), split="val")) == 1
    (tmp_path / "images").mkdir()
    write(tmp_path / "labels", c=ROW)
    (tmp_path / "data.yaml").write_text("train: /home/me/other/images\nval: val\nnames: [x, y]\n")
    boxes = fastanchor.read(tmp_path, source_size=(10, 10))  # a folder called images may be any
    assert len(boxes) == 1
    assert boxes.skipped == {"missing split": 1}


# the folders of images and of labels below a root, and what is read
LAYOUTS = {
    "images and labels": ("images", "labels", ""),
    "image and labels": ("image", "labels", ""),
    "JPEGImages and labels": ("JPEGImages", "labels", ""),
    "parts below": ("images/train", "labels/train", ""),
    "parts above": ("train/images", "train/labels", ""),
    "capitals": ("train/Images", "train/Labels", ""),
    "deep": ("a/b/images", "a/b/labels", ""),
    "together": ("", "", ""),
    "together, below": ("obj_train_data", "obj_train_data", ""),
    "the images named": ("images", "labels", "images"),
    "a part of the images named": ("images/train", "labels/train", "images/train"),
    "JPEGImages named": ("JPEGImages", "labels", "JPEGImages"),
    "the labels named": ("images/train", "labels/train", "labels/train"),
}


@pytest.mark.parametrize(("images", "labels", "read"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(tmp_path, images, labels, read):
    write(tmp_path / labels, a="", b=ROW, c=ROW)
    for i, name in enumerate("abc", start=1):
        picture(tmp_path / images / f"{name}.png", (100 * i, 50))
    (tmp_path / "README.txt").write_text("0 0.5 0.5 0.2 0.2")
    assert datasets.detect(tmp_path / read) == "yolo"
    boxes = fastanchor.read(tmp_path / read)
    assert boxes.image_wh.tolist() == [[100, 50], [200, 50], [300, 50]]
    np.testing.assert_allclose(boxes.wh, [(40, 15), (60, 15)])
    assert boxes.skipped == {}


@pytest.mark.parametrize("valid", ["valid", "val", "validation"])
@pytest.mark.parametrize("below", ["", "set"])
def test_root_of_an_export(tmp_path, valid, below):
    """As exports are: data.yaml with one "../" too many, README files, three parts."""
    root = tmp_path / below
    for part, rows in (("train", 3), (valid, 2), ("test", 1)):
        write(root / part / "labels", **{f"i{i}": ROW for i in range(rows)})
        picture(root / part / "images" / "i0.png")
    write(root, **{"README.roboflow": "no labels", "README.dataset": "0 1 2 3 4"})
    (root / "data.yaml").write_text(
        f"train: ../train/images\nval: ../{valid}/images\ntest: ../test/images\nnc: 2\nnames: ['cat', 'dog']\n"
    )
    read = fastanchor.read(tmp_path, source_size=9)
    assert (len(read), read.class_names, read.skipped) == (6, ("cat", "dog"), {})
    assert sorted(read.split) == ["test", "train", "train", "train", "val", "val"]
    for split, count in (("train", 3), ("auto", 3), ("val", 2), ("valid", 2), ("train+test", 4), ("all", 6)):
        assert len(fastanchor.read(tmp_path, source_size=9, split=split)) == count
    with pytest.raises(DataError, match=r"split = 'dev': must be 'all' or one of 'train', 'val', 'test', in"):
        datasets.iter_images(tmp_path, split="dev")


def test_labels_of_another_format_are_not_yolo(tmp_path):
    write(tmp_path / "labels", a=KITTI, b=KITTI)
    picture(tmp_path / "images" / "a.png", (1000, 500))
    picture(tmp_path / "images" / "b.png", (1000, 500))
    assert datasets.detect(tmp_path) == "kitti"
    assert len(fastanchor.read(tmp_path)) == 2
    with pytest.raises(
        DataError, match=r"nothing could be read; .*a.txt, line 1: row whose class is not a whole number"
    ):
        fastanchor.read(tmp_path, format="yolo")


WIDER = "0--Parade/0_Parade_marchingband_1_849.jpg\n1\n449 330 122 149 0 0 0 0 0 0 \n"


@pytest.mark.parametrize("text", [WIDER, "a.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \n" + WIDER])
def test_a_text_with_images_and_other_lines_is_no_list_of_images(tmp_path, text):
    file = tmp_path / "wider_face_train_bbx_gt.txt"
    file.write_text(text)
    assert [datasets.detect(place) for place in (file, tmp_path)] == ["widerface"] * 2


def test_pointers_where_labels_should_be_are_named(tmp_path):
    write(tmp_path / "calib", a="version https://git-lfs.github.com/spec/v1\noid sha256:1\n")
    with pytest.raises(DataError, match=r"no labels recognised here.*1 .txt \(Git LFS pointer instead of labels"):
        fastanchor.read(tmp_path)


@pytest.mark.parametrize("side", ["_annotations", "_classes", "README", "readme.dataset", "requirements", "train"])
@pytest.mark.parametrize("named", ["auto", "yolo"])
def test_side_files_are_no_labels(tmp_path, side, named):
    write(tmp_path, a=ROW, **{side: "0 0.5 0.5 0.9 0.9"})
    np.testing.assert_allclose(fastanchor.read(tmp_path, format=named).wh, [(0.2, 0.3)])


NAMES = {
    "list": "[cat, dog]",
    "mapping": "{0: cat, 1: dog}",
    "quoted": "{'0': cat, '1': dog}",
    "quoted in part": '{0: cat, "1": dog}',
}


@pytest.mark.parametrize("names", NAMES.values(), ids=NAMES)
def test_names(tmp_path, names):
    write(tmp_path / "labels", a=f"{ROW}\n{OTHER}")
    (tmp_path / "data.yaml").write_text(f"train: images\nnames: {names}\n")
    assert fastanchor.read(tmp_path).class_names == ("cat", "dog")


@pytest.mark.parametrize("names", ["{cat: 0}", "{'-1': cat}", "{'x': cat, '1': dog}"])
def test_names_without_numbers(tmp_path, names):
    write(tmp_path / "labels", a=ROW)
    (tmp_path / "data.yaml").write_text(f"train: images\nnames: {names}\n")
    with pytest.raises(DataError, match="names: expected a list, or a mapping from whole numbers"):
        fastanchor.read(tmp_path)


def test_a_yaml_of_another_name(tmp_path):
    write(tmp_path / "labels", a=ROW)
    (tmp_path / "coco128.yaml").write_text("path: .\ntrain: labels\nnames: [cat, dog]\n")
    (tmp_path / "hyp.yaml").write_text("lr0: 0.01\n")
    assert fastanchor.read(tmp_path).class_names == ("cat", "dog")


LISTS = {
    "beside": ("train.txt", "images/a.png"),
    "with dots": ("train.txt", "./images/a.png"),
    "in a folder": ("lists/train.txt", "images/a.png"),
    "of another machine": ("train.txt", "D:\\proj\\ds\\images\\a.png"),
    "of another machine, in a folder": ("lists/train.txt", "/home/me/ds/images/a.png"),
    "absolute": ("train.txt", "{root}/images/a.png"),
    "the name alone": ("images/train.txt", "a.png"),
}
CODES = ["utf-8", "utf-8-sig", "utf-16"]


@pytest.mark.parametrize(("place", "entry"), LISTS.values(), ids=LISTS)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("images", ["images", "JPEGImages"])
def test_lists(tmp_path, place, entry, code, images):
    root = tmp_path / "set"
    write(root / "labels", a=ROW)
    picture(root / images / "a.png")
    place, entry = place.replace("images", images), entry.format(root=root).replace("images", images)
    (root / place).parent.mkdir(exist_ok=True)
    (root / place).write_text(f"{entry}\r\n{entry.replace('a.png', 'b.png')}\n", encoding=code)
    boxes = fastanchor.read(root / place, source_size=(10, 10))
    assert boxes.image_wh.tolist() == [[640, 480], [10, 10]]
    np.testing.assert_allclose(boxes.wh, [(128, 144)])
    assert boxes.skipped == {"image without a label file (background)": 1}


@pytest.mark.parametrize("entry", ["data/train.txt", "train.txt", "D:\\cvat\\data\\train.txt"])
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("read", ["obj.data", ""])
def test_task_of_an_annotation_tool(tmp_path, entry, code, read):
    """obj.data names files in a folder "data", in which they stood before it was packed."""
    write(tmp_path / "obj_train_data", frame_0=ROW, frame_1=OTHER)
    (tmp_path / "obj.names").write_text("cat\ndog\n", encoding=code)
    text = "data/obj_train_data/frame_0.PNG\ndata/obj_train_data/frame_1.PNG\n"
    (tmp_path / "train.txt").write_text(text, encoding=code)
    lines = f"classes = 2\ntrain = {entry}\nnames = data/obj.names\nbackup = backup/\n"
    (tmp_path / "obj.data").write_text(lines, encoding=code)
    boxes = fastanchor.read(tmp_path / read, source_size=(10, 10))
    assert (boxes.class_names, boxes.class_index.tolist()) == (("cat", "dog"), [1, 0])
    assert (boxes.skipped, boxes.split) == ({}, ("train", "train"))


@pytest.mark.parametrize("labels", ["train", "train/Labels", "train/labels"])
def test_a_data_file_that_names_a_folder(tmp_path, labels):
    write(tmp_path / labels, a=ROW)
    (tmp_path / "obj.data").write_text("classes=1\ntrain=/content/set/train\nvalid=/content/set/test\n")
    for place in ("", "obj.data"):
        boxes = fastanchor.read(tmp_path / place, source_size=(10, 10))
        assert (len(boxes), boxes.skipped) == (1, {"missing split": 1})


def test_sizes_remembered_beside_the_labels(tmp_path):
    write(tmp_path / "train" / "labels", a=ROW, b=ROW)
    array = np.array([[1, 0.5, 0.4, 0.2, 0.3]])
    content = {"x/a.jpg": [array, (640, 480), []], "x\\b.jpg": [array, (0, 480), []], "hash": "abc", "version": 0.6}
    np.save(tmp_path / "train" / "labels.npy", content)
    (tmp_path / "train" / "labels.npy").rename(tmp_path / "train" / "labels.cache")
    boxes = fastanchor.read(tmp_path / "train", source_size=(10, 10))
    assert boxes.image_wh.tolist() == [[640, 480], [10, 10]]
    assert ("sizes from labels.cache", 1) in [(remark.kind, remark.count) for remark in boxes.remarks]
    (tmp_path / "train" / "labels.cache").write_bytes(b"broken")
    assert fastanchor.read(tmp_path / "train", source_size=(10, 10)).image_wh.tolist() == [[10, 10]] * 2


@pytest.mark.parametrize("described", [False, True])
@pytest.mark.parametrize("call", [fastanchor.read, lambda path, **how: list(datasets.iter_images(path, **how))])
@pytest.mark.parametrize("format", ["auto", "yolo"])
def test_a_folder_is_not_listed_again_and_again(tmp_path, described, call, format):
    for part in ("train", "val"):
        write(tmp_path / "labels" / part, a=ROW, b=ROW)
        picture(tmp_path / "images" / part / "a.png")
        picture(tmp_path / "images" / part / "b.png")
    if described:
        (tmp_path / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [a, b]\n")
    counts = {}

    def counted(function):
        def call(path=".", *rest):
            counts[os.path.realpath(path)] = counts.get(os.path.realpath(path), 0) + 1
            return function(path, *rest)

        return call

    with ExitStack() as stack:
        for name in ("listdir", "scandir"):
            stack.enter_context(mock.patch.object(os, name, counted(getattr(os, name))))
        call(tmp_path, format=format)
    assert counts.pop(str(tmp_path.resolve())) <= 3
    assert counts
    assert max(counts.values()) <= 3


NAMED = {
    "one name": (["cat"], [0, 1, 1], ("cat", "1"), 2),
    "far beyond": (["cat"], [0, 2147483647, 20], ("cat", "20", "2147483647"), 2),
    "all beyond": (["cat", "dog"], [5, 5, 5], ("cat", "dog", "5"), 3),
    "none beyond": (["cat", "dog"], [1, 0, 1], ("cat", "dog"), 0),
    "one name twice": (["cat", "cat"], [1, 0, 7], ("cat", "cat", "7"), 1),
}


@pytest.mark.parametrize(("names", "numbers", "classes", "count"), NAMED.values(), ids=NAMED)
@pytest.mark.parametrize("kind", ["yolo", "labels.cache"])
def test_classes_beyond_the_names_are_kept_and_noted(tmp_path, kind, names, numbers, classes, count):
    rows = [f"{number} 0.5 0.4 0.2 0.3" for number in numbers]
    (tmp_path / "data.yaml").write_text(f"train: labels\nnames: {names}\n")
    path = tmp_path
    if kind == "yolo":
        write(tmp_path / "labels", **{f"a{i}": row for i, row in enumerate(rows)})
    else:
        path = tmp_path / "labels.cache"
        table = np.array([row.split() for row in rows], dtype=np.float64)
        path.write_bytes(pickle.dumps({"a.jpg": [table, (640, 480), []], "version": 0.6}))
    boxes = fastanchor.read(path, source_size=(640, 480) if kind == "yolo" else None, strict=True)
    assert boxes.skipped == {}
    assert boxes.class_names == classes
    expected = [number if number < len(names) else classes.index(str(number)) for number in numbers]
    assert boxes.class_index.tolist() == expected
    noted = {remark.kind: remark.count for remark in boxes.remarks}
    assert noted.get("classes without a name", 0) == count
    assert not any(remark.doubt for remark in boxes.remarks)


def test_classes_beyond_the_names_in_many_files(tmp_path, tune):
    """Files are parsed some at a time: the classes of all of them are one list."""
    tune(chunk=2)
    (tmp_path / "data.yaml").write_text("train: labels\nnames: [cat, cat]\n")
    numbers = [0, 1, 7, 3, 1, 7, 0]
    write(tmp_path / "labels", **{f"a{i}": f"{number} 0.5 0.4 0.2 0.3" for i, number in enumerate(numbers)})
    boxes = fastanchor.read(tmp_path, source_size=100)
    assert boxes.class_names[:2] == ("cat", "cat")
    assert [boxes.class_names[i] for i in boxes.class_index] == ["cat", "cat", "7", "3", "cat", "7", "cat"]
    assert boxes.class_index[[0, 1, 4, 6]].tolist() == [0, 1, 1, 0]
    [remark] = [one for one in boxes.remarks if one.kind == "classes without a name"]
    assert remark.count == 3
    assert remark.text == "3 boxes of classes beyond the 2 declared names, kept under the number as name: 3, 7"


LABEL_TOOL = {
    "one box": "1\n10 20 110 220\n",
    "two boxes": "2\r\n10 20 110 220\r\n5 5 50 60\r\n",
    "a blank line": "1\n\n10 20 110 220",
    "words are ignored elsewhere": "2\n10 20 110 220\n0.5 0.5 0.25 0.25\n",
}


@pytest.mark.parametrize("text", LABEL_TOOL.values(), ids=LABEL_TOOL)
def test_counts_and_corners_are_named(tmp_path, text):
    write(tmp_path / "Labels", a=text, b=ROW, c=text, d=f"{ROW}\n{OTHER}")
    said = []
    boxes = fastanchor.read(tmp_path, source_size=100, report=said.append)
    reason = "file of BBox-Label-Tool (a count and corners in pixels), which is not supported"
    assert boxes.skipped == {reason: 2}
    assert said[0] == f"{tmp_path / 'Labels' / 'a.txt'}, line 1: {reason}"
    assert boxes.wh.tolist() == [[20, 30], [20, 30], [10, 10]]
    assert len(boxes.image_wh) == 2


@pytest.mark.parametrize(
    ("text", "skipped"),
    [
        ("1\n10 20 110 220\n5 5 50 60\n", {"row of 1 column": 1, "row of 4 columns": 2}),
        ("10 20 110 220\n1\n", {"row of 1 column": 1, "row of 4 columns": 1}),
        ("0\n", {"row of 1 column": 1}),
        (f"1\n{ROW}", {"row of 1 column": 1}),
    ],
)
def test_other_short_rows_are_counted_one_by_one(tmp_path, text, skipped):
    write(tmp_path / "labels", a=text, b=ROW, c=ROW)
    assert fastanchor.read(tmp_path, source_size=100).skipped == skipped


LONE = {
    "four columns": ("0 0.5 0.5 0.2", r"row of 4 columns \(0.5, 0.5, 0.2, \?; expected at least 5: a class and"),
    "no class": ("\n0.5 0.5 0.2 0.1", r"row of 4 columns"),
    "two columns": ("1 2", r"row of 2 columns"),
    "pixels": ("0 100 200 30 40", r"box in pixels instead of relative to the image \(100, 200, 30, 40; see unit\)"),
    "class in words": ("cat 0.5 0.5 0.2 0.1", r"row whose class is not a whole number >= 0"),
}


@pytest.mark.parametrize(("text", "sentence"), LONE.values(), ids=LONE)
def test_a_file_of_rows_that_are_not_quite_labels_is_refused_by_its_row(tmp_path, text, sentence):
    write(tmp_path, a=f"{text}\n")
    line = 1 + text.startswith("\n")
    with pytest.raises(DataError, match=rf"nothing could be read; .*a\.txt, line {line}: {sentence}"):
        fastanchor.read(tmp_path / "a.txt")


@pytest.mark.parametrize("text", ["hello 1 2 worlds", "10,13, 16,30", "7", "", "Car and 5 wheels"])
def test_a_text_without_rows_of_numbers_is_not_taken_for_labels(tmp_path, text):
    write(tmp_path, a=text)
    with pytest.raises(DataError, match=r"no labels recognised here; it is a \.txt file"):
        fastanchor.read(tmp_path / "a.txt")


@pytest.mark.parametrize("place", ["train", "train/labels", "train/labels/a.txt", "labels/train", "list.txt"])
def test_class_names_of_a_data_yaml_above(tmp_path, place):
    write(tmp_path / "labels" / "train", a=ROW)
    write(tmp_path / "train" / "labels", a=ROW)
    write(tmp_path, list="train/images/a.jpg\n")
    (tmp_path / "data.yaml").write_text("train: train/images\nnames: [cat, dog]\n")
    assert fastanchor.read(tmp_path / place, source_size=9).class_names == ("cat", "dog")
    (tmp_path / "data.yaml").write_text("names: [cat, dog]\n")  # not that of a data set
    assert fastanchor.read(tmp_path / place, source_size=9).class_names == ("1",)


def test_names_beside_the_labels_come_before_a_data_yaml_above(tmp_path):
    write(tmp_path / "train" / "labels", a=ROW, classes="ant\nbee\n")
    (tmp_path / "data.yaml").write_text("train: train/images\nnames: [cat, dog]\n")
    assert fastanchor.read(tmp_path / "train" / "labels", source_size=9).class_names == ("ant", "bee")


def test_kpt_shape_of_a_data_yaml_above(tmp_path):
    write(tmp_path / "train" / "labels", a="0 0.5 0.5 0.4 0.4 0.1 0.2 0.3 0.4 0.5 0.6")
    (tmp_path / "data.yaml").write_text("train: train/images\nnames: [cat]\nkpt_shape: [3, 2]\n")
    assert fastanchor.read(tmp_path / "train", source_size=10).wh.tolist() == [[4, 4]]


def test_a_missing_split_is_remarked(tmp_path):
    write(tmp_path / "train" / "labels", a=ROW)
    (tmp_path / "data.yaml").write_text("train: ../train/images\nval: ../valid/images\nnames: [cat, dog]\n")
    boxes = fastanchor.read(tmp_path, source_size=9)
    [remark] = [one for one in boxes.remarks if one.kind == "missing split"]
    assert "data.yaml, line 2: missing split (val: ../valid/images)" in remark.text
    assert not [one for one in fastanchor.read(tmp_path, source_size=9, split="train").remarks if "split" in one.kind]
