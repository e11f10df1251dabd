"""YOLO text labels: rows of every kind, the ways to name a data set, and real files against a few plain lines."""

import codecs
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.cli import main
from fastanchor.datasets import _rows
from fastanchor.datasets._records import Skips

ROW = "1 0.5 0.4 0.2 0.3"
BOX = (0.5, 0.4, 0.2, 0.3)
POINTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, content in files.items():
        (folder / f"{stem}.txt").write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def picture(path, size=(640, 480), exif=None):
    Image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", size)
    if exif is not None:
        tags = Image.Exif()
        tags[0x0112] = exif
        image.save(path, exif=tags)
    else:
        image.save(path)


def row(*values):
    return " ".join(map(str, values))


FINE = {
    "plain": (ROW, BOX),
    "crlf": (ROW + "\r\n", BOX),
    "blank lines": (f"\n\n  {ROW}  \n\n", BOX),
    "tabs": (ROW.replace(" ", "\t"), BOX),
    "byte order mark": (codecs.BOM_UTF8 + ROW.encode(), BOX),
    "scientific": ("1 5e-1 4E-1 .2 3.0e-01", BOX),
    "class as float": (ROW.replace("1 ", "1.0 ", 1), BOX),
    "confidence": (ROW + " 0.99", BOX),
    "a little outside": ("1 1.005 -0.004 0.2 0.3", (1.005, -0.004, 0.2, 0.3)),
    "triangle": ("1 0.4 0.25 0.6 0.25 0.5 0.55", BOX),
    "rotated rectangle": ("1 0.4 0.4 0.5 0.25 0.6 0.4 0.5 0.55", BOX),
    "17 key points": (row(1, *BOX, *([0.5, 0.4, 2] * 17)), BOX),
}


@pytest.mark.parametrize(("content", "expected"), FINE.values(), ids=FINE)
def test_one_row(tmp_path, content, expected):
    boxes = fastanchor.read(write(tmp_path / "labels", a=content), source_size=(200, 100))
    np.testing.assert_allclose(boxes.wh, [(expected[2] * 200, expected[3] * 100)], rtol=1e-12)
    assert (boxes.class_names, boxes.image_wh.tolist(), boxes.skipped) == (("1",), [[200, 100]], {})
    [image] = datasets.iter_images(tmp_path / "labels", source_size=(200, 100))
    x, y, w, h = expected
    corners = [(x - w / 2) * 200, (y - h / 2) * 100, (x + w / 2) * 200, (y + h / 2) * 100]
    np.testing.assert_allclose(image.boxes, [corners], rtol=1e-12, atol=1e-12)


BAD = {
    "pixels": ("1 320 240 64 48", "box in pixels, where coordinates relative to the image are needed"),
    "pixels, class last": ("34 20 60 80 1", "box in pixels, where coordinates relative to the image are needed"),
    "outside": ("1 1.2 0.4 0.2 0.3", "box with coordinates outside 0-1"),
    "far left": ("1 -0.2 0.4 0.2 0.3", "box with coordinates outside 0-1"),
    "no width": ("1 0.5 0.4 0 0.3", "box with zero width or height"),
    "negative height": ("1 0.5 0.4 0.2 -0.005", "box with negative width or height"),
    "not a number": ("1 nan 0.4 0.2 0.3", "box with non-finite coordinates"),
    "infinite": ("1 inf 0.4 0.2 0.3", "box with non-finite coordinates"),
    "words": ("cat 0.5 0.4 0.2 0.3", "row that is not all numbers"),
    "two numbers in one": ("1 0.5 0.4-0.2 0.2 0.3", "row that is not all numbers"),
    "underscore": ("1 0.5 0.4 0.2 0_3", "row that is not all numbers"),
    "commas": ("1,0.5,0.4,0.2,0.3", "row that is not all numbers"),
    "class is no whole number": ("0.5 0.5 0.4 0.2 0.3", "row whose class is no whole number >= 0"),
    "negative class": ("-1 0.5 0.4 0.2 0.3", "row whose class is no whole number >= 0"),
    "four columns": ("1 0.5 0.4 0.2", "row of 4 columns"),
    "ten columns": (row(1, *BOX, *[0.7] * 5), "row of 10 columns"),
    "twice": (f"{ROW}\n{ROW}", "row that stands twice in its file"),
    "flat polygon": ("1 0.4 0.25 0.6 0.25 0.5 0.25", "box with zero width or height"),
}


@pytest.mark.parametrize(("content", "reason"), BAD.values(), ids=BAD)
def test_bad_rows_are_counted_and_named(tmp_path, content, reason):
    folder = write(tmp_path / "labels", a=ROW, b=f"0 0.3 0.3 0.1 0.1\n{content}")
    said = []
    boxes = fastanchor.read(folder, source_size=(100, 100), report=said.append)
    assert boxes.skipped == {reason: 1}
    assert len(boxes) == 2 + (reason == "row that stands twice in its file")
    line = 2 + (reason == "row that stands twice in its file")
    assert said == [f"{folder / 'b.txt'}, line {line}: {reason} ({content.splitlines()[-1]})"]
    with pytest.raises(DataError, match=re.escape(f"b.txt, line {line}: {reason}")):
        fastanchor.read(folder, strict=True)


NO_LABELS = {
    "lfs": ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer instead of labels"),
    "html": ("<!DOCTYPE html><html></html>", "HTML or XML page instead of labels"),
    "zip": (b"PK\x03\x04\0\0", "zip archive instead of labels"),
    "binary": (b"\x01\0\x02\0", "binary file instead of labels"),
}


@pytest.mark.parametrize(("content", "reason"), NO_LABELS.values(), ids=NO_LABELS)
def test_what_is_no_label_file(tmp_path, content, reason):
    boxes = fastanchor.read(write(tmp_path / "labels", a=ROW, b=content))
    assert [key.startswith(reason) for key in boxes.skipped] == [True]
    with pytest.raises(DataError, match=f"no box could be read; the first fault: .*{reason}"):
        fastanchor.read(write(tmp_path / "alone" / "labels", b=content), format="yolo")


def test_key_points_or_polygon(tmp_path):
    """One row with a missing point tells that its like are no polygons; kpt_shape settles it."""
    whole, part = row(1, *BOX, *POINTS), row(1, *BOX, *POINTS[:8], -1, -1)
    root = tmp_path / "set"
    write(root / "labels", a=whole, b=part, c=ROW)
    boxes = fastanchor.read(root)
    assert boxes.skipped == {_rows.AMBIGUOUS: 2}
    assert len(boxes) == 1
    (root / "data.yaml").write_text("train: labels\nnames: [a, b]\nkpt_shape: [5, 2]\n")
    boxes = fastanchor.read(root)
    assert boxes.skipped == {}
    np.testing.assert_array_equal(boxes.wh, [BOX[2:]] * 3)
    # a polygon of as many columns stays one while nothing speaks against it
    np.testing.assert_allclose(fastanchor.read(write(tmp_path / "p" / "labels", a=whole)).wh, [(0.8, 0.75)])
    # without a missing point too: all points lie within the box, and no row of another length speaks for polygons
    face = row(1, *BOX, 0.45, 0.35, 0.55, 0.35, 0.5, 0.4, 0.46, 0.5, 0.54, 0.5)
    with pytest.raises(DataError, match="polygon or a box with key points"):
        fastanchor.read(write(tmp_path / "k" / "labels", a=face))
    others = [row(1, *np.linspace(0.1, 0.9, m)) for m in (6, 8, 12, 14, 16)]
    boxes = fastanchor.read(write(tmp_path / "k" / "labels", b="\n".join(others)))
    assert boxes.skipped == {}
    assert len(boxes) == 6


def test_polygons_stay_polygons():
    """Round objects as polygons of one length, anywhere in the image: none of them is taken for key points."""
    rng = np.random.default_rng(0)
    for points in (5, 7, 9, 17):
        angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
        lines = []
        for _ in range(200):
            radius = rng.uniform(0.02, 0.3, 2)
            centre = rng.uniform(radius, 1 - radius)
            lines.append("\n" + row(0, *(centre + radius * np.stack([np.cos(angle), np.sin(angle)], 1)).ravel()))
        rows = _rows.parse(["a"], ["".join(lines).encode()], Skips())
        assert len(rows.files) > 150
        assert not _rows.unsure(rows).any()
        assert np.count_nonzero(rows.signs) < 0.2 * len(rows.signs), points


# a row that could be a polygon -> how much it looks like a box with key points: 0 not, 1 like one, 2 for sure
SIGNS = {
    "visible points": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 2, 0.9, 0.9, 1], 2),
    "a visible point and a hidden one": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 1, 0.9, 0.9, 0], 2),
    "no visible point": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 0, 0.9, 0.9, 0], 0),
    "flags beside a number": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 1, 0.9, 0.9, 0.5], 0),
    "points that are no triples": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 1, 0.5, 0.5, 1, 0.5, 0.5], 0),
    "missing point": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 0.4, 0.4, -1, -1], 2),
    "all over the box": ([0, 0.5, 0.5, 0.4, 0.4, 0.4, 0.4, 0.6, 0.6, 0.5, 0.5], 1),
    "beyond the box in y": ([0, 0.5, 0.5, 0.4, 0.1, 0.4, 0.2, 0.6, 0.8, 0.5, 0.5], 0),
    "beyond the box in x": ([0, 0.5, 0.5, 0.1, 0.4, 0.2, 0.4, 0.8, 0.6, 0.5, 0.5], 0),
    "below the box alone": ([0, 0.5, 0.5, 0.4, 0.4, 0.4, 0.45, 0.6, 0.75, 0.5, 0.5], 0),
    "left of the box alone": ([0, 0.5, 0.5, 0.4, 0.4, 0.25, 0.4, 0.55, 0.6, 0.5, 0.5], 0),
    "up to the edge of the box": ([0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.75, 0.75, 0.5, 0.5], 1),
    "all at one height": ([0, 0.5, 0.5, 0.4, 0.4, 0.35, 0.5, 0.65, 0.5, 0.5, 0.5], 0),
    "all above each other": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.35, 0.5, 0.65, 0.5, 0.5], 0),
    "over three tenths of the box": ([0, 0.5, 0.5, 0.4, 0.4, 0.44, 0.44, 0.56, 0.56, 0.5, 0.5], 1),
    "over a quarter of the box": ([0, 0.5, 0.5, 0.5, 0.5, 0.4375, 0.4375, 0.5625, 0.5625, 0.5, 0.5], 1),
    "over a fifth of the box": ([0, 0.5, 0.5, 0.4, 0.4, 0.46, 0.46, 0.54, 0.54, 0.5, 0.5], 0),
    "box beyond the image in x": ([0, 0.9, 0.5, 0.4, 0.4, 0.8, 0.4, 0.95, 0.6, 0.9, 0.5], 0),
    "box beyond the image in y": ([0, 0.5, 0.1, 0.4, 0.4, 0.4, 0.05, 0.6, 0.2, 0.5, 0.1], 0),
    "box a little beyond the image": ([0, 0.8, 0.5, 0.41, 0.4, 0.7, 0.4, 0.9, 0.6, 0.8, 0.5], 1),
}


@pytest.mark.parametrize("what", SIGNS)
def test_a_row_shows_whether_it_may_hold_key_points(what):
    values, sign = SIGNS[what]
    rows = _rows.parse(["a"], [row(*values).encode()], Skips())
    assert rows.signs.tolist() == [sign]


# rows of 11 columns by their sign
ELEVEN = [SIGNS["all at one height"][0], SIGNS["all over the box"][0], SIGNS["visible points"][0]]
THIRTEEN = SIGNS["points that are no triples"][0]


@pytest.mark.parametrize(
    ("signs", "others", "right"),
    [
        ([1] * 9, 1, True),  # nine rows of ten have this length
        ([1] * 9, 2, False),
        ([0] * 5 + [1] * 5, 1, True),  # half of them look like it
        ([0] * 6 + [1] * 5, 1, False),
        ([0] * 9 + [2], 20, True),  # a single row is proof
        ([0] * 9 + [1], 0, False),
        ([2], 0, True),
    ],
)
def test_rows_of_one_length_are_of_one_kind(signs, others, right):
    lines = []
    for i, sign in enumerate(signs):  # the class makes them differ
        lines.append(row(i, *ELEVEN[sign][1:]))
    lines += [row(i, *THIRTEEN[1:]) for i in range(others)] + [ROW]
    rows = _rows.parse(["a"], ["\n".join(lines).encode()], Skips())
    assert rows.signs.tolist() == signs + [0] * (others + 1)
    assert _rows.unsure(rows).tolist() == [right] * len(signs) + [False] * (others + 1)


def test_sizes_from_images(tmp_path):
    write(tmp_path / "labels" / "train", a=ROW, b=ROW, c="")
    for name, size, exif in (("a.jpg", (640, 480), None), ("b.jpg", (640, 480), 6), ("c.png", (64, 48), None)):
        picture(tmp_path / "images" / "train" / name, size, exif)
    boxes = fastanchor.read(tmp_path)
    assert boxes.image_wh.tolist() == [[640, 480], [480, 640], [64, 48]]
    np.testing.assert_allclose(boxes.wh, [(128, 144), (96, 192)])
    assert [i.image_path.name for i in datasets.iter_images(tmp_path)] == ["a.jpg", "b.jpg", "c.png"]
    write(tmp_path / "labels" / "train", d=ROW)
    assert fastanchor.read(tmp_path).skipped == {"image size missing": 1}
    assert fastanchor.read(tmp_path, source_size=(10, 10)).image_wh.tolist()[-1] == [10, 10]


def test_without_sizes_boxes_are_relative_and_it_is_said(tmp_path):
    said = []
    boxes = fastanchor.read(write(tmp_path / "labels", a=ROW), report=said.append)
    np.testing.assert_array_equal(boxes.wh, [BOX[2:]])
    np.testing.assert_allclose(boxes.scaled(640), [(128, 192)])
    assert "no images found, so boxes are relative to images taken as square" in said[0]


def test_empty_files_are_images_without_boxes(tmp_path):
    boxes = fastanchor.read(write(tmp_path / "labels", a="", b=ROW, c=" \n"), source_size=(10, 10))
    assert (len(boxes.image_wh), len(boxes), boxes.image_index.tolist(), boxes.skipped) == (3, 1, [1], {})


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
        assert boxes.class_names == ("cat", "dog")
        assert boxes.class_index.tolist() == [1, 0, 1]
        assert boxes.skipped == {"box of a class that the names do not have": 1}
    if "val" in text.replace("valid/", ""):
        assert len(fastanchor.read(tmp_path, split="val")) == 1


BAD_YAMLS = {
    "syntax": ("train: [a\n", r"data.yaml, line 2: is no YAML"),
    "python": ("train: !!python/object/apply:os.system [ls]\n", r"data.yaml, line 1: is no YAML"),
    "a list": ("- a\n", "must hold a mapping"),
    "no part": ("names: [a]\n", "has none of train, val, test"),
    "names": ("train: labels\nnames: cat\n", "names: must be a list"),
    "kpt_shape": ("train: labels\nkpt_shape: [5]\n", "kpt_shape = .*must be"),
    "number for a path": ("train: 5\n", "train = 5: must be a path"),
    "nothing there": ("train: elsewhere/images\n", "leads to no YOLO label file"),
    "deep": ("[" * 100_000, "is no"),
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
        "part of the data set that is not there": 1,
        "image without a label file (background)": 1,
    }
    assert len(fastanchor.read(tmp_path / "data" / "train.txt")) == 2
    assert len(fastanchor.read(tmp_path / "data" / "obj.data", split="train", strict=True)) == 2
    with pytest.raises(DataError, match=r"split = 'test': must be one of 'train', 'val'"):
        fastanchor.read(tmp_path / "data" / "obj.data", split="test")


def test_splits_of_a_folder(tmp_path):
    write(tmp_path / "labels" / "train", a=ROW)
    write(tmp_path / "labels" / "val", b=ROW, c=ROW)
    assert [len(fastanchor.read(tmp_path, split=s)) for s in (None, "train", "val")] == [3, 1, 2]
    with pytest.raises(DataError, match="no folder of labels for the split 'test'"):
        fastanchor.read(tmp_path, split="test")
    with pytest.raises(DataError, match="is one file, so it has no split"):
        fastanchor.read(tmp_path / "labels" / "train" / "a.txt", split="train")


def test_class_names_beside(tmp_path):
    write(tmp_path, a=ROW, classes="cat\ndog\n")
    assert fastanchor.read(tmp_path).class_names == ("cat", "dog")
    assert fastanchor.read(tmp_path / "a.txt").class_names == ("cat", "dog")


def test_images_that_cannot_be_read_are_named(tmp_path):
    pytest.importorskip("PIL")
    folder = write(tmp_path / "labels", a=ROW, b=ROW)
    for content, sentence in (
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        (b"", "an empty file"),
        (b"<html>", "an HTML page"),
        (b"x" * 99, "no image that Pillow can read"),
    ):
        (folder / "a.png").write_bytes(content)
        with pytest.raises(DataError, match=f"a.png: no size can be read from it .*{sentence}"):
            fastanchor.read(folder)
        said = []
        assert len(fastanchor.read(folder, source_size=(10, 10), report=said.append)) == 2


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
    assert boxes.skipped == {"part of the data set that is not there": 1}


def test_many_files_as_one_by_one(tmp_path):
    """The fast path and the careful one agree, and keep the order of files and lines."""
    rng = np.random.default_rng(3)
    contents, names = [], []
    for i in range(300):
        rows = [row(rng.integers(5), *np.round(rng.uniform(0.1, 0.9, 4), rng.integers(1, 17))) for _ in range(i % 7)]
        if i % 13 == 5:
            rows.append("1 2 oops")
        if i % 17 == 3:
            rows.insert(0, row(2, *rng.uniform(0.1, 0.9, 6)))
        contents.append(("\r\n" if i % 2 else "\n").join(rows).encode())
        names.append(f"{i}.txt")
    together = _rows.parse(names, contents, Skips())
    alone = [_rows._careful(n, c, i, Skips(), None, None) for i, (n, c) in enumerate(zip(names, contents, strict=True))]
    for one, two in zip(together, _rows.joined(alone), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("twice", range(4))
def test_a_row_that_stands_twice_is_found_wherever_it_stands(tmp_path, twice):
    lines = ["0 .5 .5 .1 .1", "0 .4 .4 .1 .1", "0 .3 .3 .1 .1", "1 .3 .3 .1 .1"]
    folder = write(tmp_path / "labels", a="\n".join(lines), b="\n".join([*lines, lines[twice]]), c="\n".join(lines))
    boxes = fastanchor.read(folder, source_size=(10, 10))
    assert len(boxes) == 12
    assert boxes.skipped == {"row that stands twice in its file": 1}


def test_plain_files_are_read_at_once(monkeypatch):
    """Line by line gives the same answer, many times slower; nothing but this shows which way was taken."""
    contents = ["0 .5 .5 .1 .1\n0 .4 .4 .1 .1\n", "", "\r\n1 0.25 0.5 1e-1 0.2\r\n", "79 -0.005 1.005 1.0 1.0"]
    slow = [_rows._careful("a", text.encode(), i, Skips(), 80, None) for i, text in enumerate(contents)]
    monkeypatch.setattr(_rows, "_careful", None)
    fast = _rows.parse(["a"] * 4, [text.encode() for text in contents], Skips(), n_classes=80)
    for one, two in zip(fast, _rows.joined(slow), strict=True):
        np.testing.assert_array_equal(one, two)
    assert len(fast.box) == 4


def test_source_size_is_checked(tmp_path):
    folder = write(tmp_path / "labels", a=ROW)
    for bad in ((0, 5), (1, 2, 3), 640, "ab", (1.5, 2)):
        with pytest.raises(DataError, match="source_size"):
            fastanchor.read(folder, source_size=bad)
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "a.xml").write_text("<annotation/>")
    with pytest.raises(DataError, match="format 'voc' has no use for it"):
        fastanchor.read(tmp_path / "v", source_size=(5, 5))


def test_command_line(tmp_path, capsys):
    write(tmp_path / "labels", a=ROW)
    assert main(["stats", str(tmp_path), "--source-size", "200x100", "--json"]) == 0
    assert '"format": "yolo"' in capsys.readouterr().out


def rough(folder):
    """Return class, width, height of every row, in order of files."""
    files = sorted(folder.rglob("*.txt"))
    return len(files), [[float(t) for t in line.split()] for f in files for line in f.read_text().splitlines() if line]


def test_real_roboflow(data):
    said = []
    boxes = fastanchor.read(data / "garbage_roboflow", report=said.append)
    counts = [rough(data / "garbage_roboflow" / part / "labels") for part in ("train", "valid")]
    rows = np.array([r for _, part in counts for r in part])
    assert len(boxes.image_wh) == sum(n for n, _ in counts) == 6028
    assert len(boxes) == len(rows) == 16140
    sizes = boxes.image_wh[boxes.image_index]
    np.testing.assert_array_equal(boxes.wh, rows[:, 3:] * sizes)
    np.testing.assert_array_equal(boxes.class_index, rows[:, 0])
    assert boxes.class_names == ("garbage", "garbage_bin", "overflow")
    assert boxes.skipped == {"part of the data set that is not there": 1}
    assert "sizes of 6,028 images taken from labels.cache" in said[-1]


def test_real_six_formats(data):
    """The same boxes as in Pascal VOC, whose pixels these relative numbers came from."""
    folder = data / "six_formats"
    voc = {image.name: image for image in datasets.iter_images(folder / "pascalvoc_format")}
    images = list(datasets.iter_images(folder / "yolo_format"))
    assert len(images) == 100
    for image in images:
        other = voc[image.name]
        scaled = image.boxes * np.tile([other.width, other.height], 2)
        order, back = np.lexsort(np.round(scaled).T), np.lexsort(other.boxes.T)
        np.testing.assert_allclose(scaled[order], other.boxes[back], atol=1.5)


NUMBERS = st.one_of(
    st.floats(0, 1, allow_subnormal=True).map(repr),
    st.floats(0, 1).map(lambda x: f"{x:.6f}"),
    st.integers(0, 10**30).map(str),
    st.from_regex(r"0\.[0-9]{1,40}", fullmatch=True),
    st.from_regex(r"[+-]?[0-9]{0,3}\.?[0-9]{1,25}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from([".5", "5.", "-0", "+1", "00.1", "1e400", "1e-400", "1e", "--1", "1.2.3", "-", "e5"]),
)


@given(tokens=st.lists(NUMBERS, min_size=1, max_size=8).map(lambda some: (some * 5)[: 5 * len(some)]))
@settings(max_examples=300)
def test_the_quick_way_to_numbers_is_exact(tokens):
    """Both ways give what Python gives, or leave the text to the careful way."""
    buffer = "\n".join(" ".join(tokens[i : i + 5]) for i in range(0, len(tokens), 5)).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rows, "MANY", 0)
        quick = _rows._numbers(buffer, len(tokens))
        patch.setattr(_rows, "_as_json", lambda _: None)
        plain = _rows._numbers(buffer, len(tokens))
    try:
        expected = [float(token) for token in tokens]
    except ValueError:
        expected = None
    for found in (quick, plain):
        assert found is None or np.ravel(found).tolist() == expected
    if all(re.fullmatch(r"\d\.\d{1,20}", token) for token in tokens):
        assert quick is not None
        assert plain is not None
