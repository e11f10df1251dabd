"""What may be opened: regular files within bounds, and pipes only where the user names them."""

import json
import os
import pickle
import signal
import struct
import threading

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.cli import main
from fastanchor.datasets import _unpickle

ROW = "0 0.5 0.5 0.25 0.5\n"
KITTI = "Car 0 0 0 1 2 11 22 1 1 1 1 1 1 1\n"
XML = (
    "<annotation><size><width>100</width><height>50</height></size><object><name>cat</name><bndbox>"
    "<xmin>10</xmin><ymin>5</ymin><xmax>40</xmax><ymax>25</ymax></bndbox></object></annotation>"
)
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 40, "height": 30}],
    "annotations": [{"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 20]}],
    "categories": [{"id": 1, "name": "c"}],
}
LABELS = {"yolo": ("labels", ".txt", ROW), "voc": ("", ".xml", XML), "kitti": ("label_2", ".txt", KITTI)}
pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")


@pytest.fixture(autouse=True)
def watchdog():
    """End a test that would wait for ever."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def bark(*_):
        raise TimeoutError("still waiting")

    before = signal.signal(signal.SIGALRM, bark)
    signal.alarm(120)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=["memory", "disk"])
def speed(request, tune):
    """Both ways of reading many files."""
    tune(cold=float("inf") if request.param == "memory" else 0.0)


def labelled(folder, kind, count=20):
    """Write label files; return the place of one more."""
    inner, ending, content = LABELS[kind]
    place = folder / inner
    place.mkdir(exist_ok=True)
    for i in range(count):
        (place / f"{i:03}{ending}").write_text(content)
    return place / f"zzz{ending}"


def read(folder, kind, **options):
    options = {"source_size": (100, 100), **options} if kind != "voc" else options
    return fastanchor.read(folder, format=kind, **options)


# --- found in a folder


@pipes
@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("special", ["pipe", "pipe with a writer", "device", "endless device"])
def test_what_is_no_regular_file_is_counted(tmp_path, speed, kind, special):
    place = labelled(tmp_path, kind)
    writer = None
    if "pipe" in special:
        os.mkfifo(place)
        if "writer" in special:
            writer = os.open(place, os.O_RDWR)
            os.write(writer, LABELS[kind][2].encode())
    else:
        place.symlink_to("/dev/null" if special == "device" else "/dev/zero")
    said = []
    boxes = read(tmp_path, kind, report=said.append)
    assert len(boxes.wh) == 20
    assert boxes.skipped == {"file that is not a regular file": 1}
    assert any(f"{place}: file that is not a regular file (a {special.split()[-1]}" in one for one in said) or writer
    with pytest.raises(DataError, match=f"{place.name}: file that is not a regular file"):
        read(tmp_path, kind, strict=True)
    if writer is not None:
        os.close(writer)


@pipes
def test_helpers_in_a_folder_may_be_anything(tmp_path):
    labelled(tmp_path, "yolo", 3)
    Image = pytest.importorskip("PIL.Image")
    (tmp_path / "images").mkdir()
    Image.new("L", (40, 20)).save(tmp_path / "images/000.png")
    for name in ("images/001.png", "images/002.png", "labels/classes.txt", "data.yaml", "labels.cache", "a.json"):
        os.mkfifo(tmp_path / name)
    boxes = fastanchor.read(tmp_path)
    assert boxes.image_wh.tolist() == [[40, 20]]
    assert boxes.skipped == {"image size missing": 2, "box of an image without a size": 2}
    assert len(list(datasets.iter_images(tmp_path))) == 1


@pipes
def test_a_list_of_a_split_that_is_a_pipe(tmp_path):
    labelled(tmp_path, "voc", 2)
    (tmp_path / "ImageSets/Main").mkdir(parents=True)
    os.mkfifo(tmp_path / "ImageSets/Main/train.txt")
    with pytest.raises(DataError, match=r"train\.txt: cannot be read \(a pipe, not a regular file\)"):
        fastanchor.read(tmp_path, split="train")


@pipes
def test_a_folder_of_tables_with_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_text("ImageID,XMin,XMax,YMin,YMax\na,0,0.5,0,0.5\n")
    assert fastanchor.read(tmp_path, source_size=(10, 20)).wh.tolist() == [[5, 10]]


# --- sizes


@pytest.mark.parametrize("kind", LABELS)
def test_a_huge_label_file_is_not_read(tmp_path, speed, kind):
    place = labelled(tmp_path, kind)
    place.touch()
    os.truncate(place, 10 << 30)
    boxes = read(tmp_path, kind)
    assert len(boxes.wh) == 20
    assert boxes.skipped == {"file larger than 64 MB, the limit for label files of one image": 1}


@pytest.mark.parametrize("name", ["data.yaml", "obj.data", "classes.txt"])
def test_huge_settings_are_not_read(tmp_path, name):
    labelled(tmp_path, "yolo", 2)
    file = tmp_path / ("labels/classes.txt" if name == "classes.txt" else name)
    file.touch()
    os.truncate(file, (16 << 20) + 1)
    rule = r"cannot be read \(larger than 16 MB, the limit for YAML, cfg and name files\)"
    with pytest.raises(DataError, match=rule):
        fastanchor.read(tmp_path if name == "classes.txt" else file, format="yolo", source_size=(9, 9))


LINES = {
    "commas": "a.jpg " + "," * 300_000 + " x y",
    "names and commas": "x.jpg" + " .jpg," * 100_000 + " z",
    "names and sizes": "1" + " a.jpg 5 5" * 100_000 + " x, y",
    "names": "x.jpg " * 100_000 + "z",
}


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_long_lines_take_linear_time(tmp_path, line):
    (tmp_path / "list.txt").write_text(f"a.png 1,2,11,22,0\n{line}\n")
    boxes = fastanchor.read(tmp_path / "list.txt", source_size=(100, 100))
    assert boxes.skipped == {"line that is not an image with boxes": 1}


# --- YAML

LEVELS = "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9) if i else 'x'}]\n" for i in range(12))
MERGED = "".join(
    f"m{i}: &m{i} {{<<: [{', '.join([f'*m{i - 1}'] * 9)}]}}\n" if i else "m0: &m0 {x: 1}\n" for i in range(12)
)
HOSTILE = {
    "aliases of aliases": (LEVELS + "train: images\nnames: *a11\n", "aliases repeat its"),
    "merged again and again": (MERGED + "train: images\nnames: [a]\n", "aliases repeat its"),
    "a value within itself": ("train: images\nnames: &n [*n]\n", "line 2: the value contains itself"),
    "lists as names": ("train: images\nnames: [a, [b]]\n", r"names\[1\] = \['b'\]: expected a text"),
    "a long number": (f"train: images\nnc: {'1' * 9999}\n", "line 2: holds a number of 9,999 characters"),
    "minutes of minutes": (f"train: images\nnc: 1{':1' * 9999}\n", "line 2: holds a number of 19,999 characters"),
    "a tag that does not fit": ("train: images\nnc: !!bool maybe\n", "not valid YAML"),
    "a path longer than any": (f"train: {'../' * 20_000}images\n", "missing split"),
}


@pytest.mark.parametrize(("text", "rule"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_yaml(tmp_path, text, rule):
    (tmp_path / "data.yaml").write_text(text)
    (tmp_path / "images").mkdir()
    with pytest.raises(DataError, match=rule):
        fastanchor.read(tmp_path / "data.yaml")


@pytest.mark.parametrize("text", ["train: images\n" + "\n" * 200_000, "nc: 2" + "\n \n" * 100_000 + "train: images\n"])
def test_long_yaml_is_read(tmp_path, text):
    labelled(tmp_path, "yolo", 2)
    (tmp_path / "data.yaml").write_text(text)
    (tmp_path / "images").mkdir()
    assert len(fastanchor.read(tmp_path / "data.yaml", source_size=(9, 9)).wh) == 2


def test_honest_aliases_are_followed(tmp_path):
    labelled(tmp_path, "yolo", 2)
    (tmp_path / "images").mkdir()
    (tmp_path / "data.yaml").write_text("train: &t images\nval: *t\nbase: &b {nc: 1}\n<<: *b\nnames: [cat]\n")
    assert fastanchor.read(tmp_path / "data.yaml", source_size=(9, 9)).class_names == ("cat",)


# --- pickles


def nested(levels):
    value = [0.5] * 9
    for _ in range(levels):
        value = [value] * 9
    return {"a.jpg": [value, (640, 480), []], "b.jpg": [[[0, 0.5, 0.5, 0.5, 0.5]], (640, 480), []]}


PICKLES = {
    "memo of 16 GB": bytes.fromhex("80044e9472ffffff3f2e"),
    "memo by a line": b"N" + b"p999999999\n" + b".",
    "memo by a long line": b"N" + b"p" + b"9" * 30 + b"\n.",
    "bytes beyond the file": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 44) + b"abc.",
    "no end": b"\x80\x04N",
}


@pytest.mark.parametrize("content", PICKLES.values(), ids=PICKLES)
def test_pickles_that_ask_for_more_than_they_are(tmp_path, content):
    (tmp_path / "labels.cache").write_bytes(content)
    with pytest.raises(pickle.UnpicklingError):
        _unpickle.check(content)
    with pytest.raises(DataError, match=r"labels\.cache: not a valid labels.cache"):
        fastanchor.read(tmp_path / "labels.cache")


def test_lists_within_lists_are_not_followed(tmp_path):
    (tmp_path / "labels.cache").write_bytes(pickle.dumps(nested(12)))
    boxes = fastanchor.read(tmp_path / "labels.cache")
    assert boxes.wh.tolist() == [[320, 240]]
    assert boxes.skipped == {"image whose labels are not a table of boxes": 1}


@pytest.mark.parametrize("protocol", range(6))
def test_honest_pickles_pass(protocol):
    content = [{"n": i, "t": (i, str(i), bytes([i % 256]), 1.5, 10**30, [i])} for i in range(2000)]
    _unpickle.check(pickle.dumps(content, protocol))


# --- pipes that the user names


def cache(path):
    path.write_bytes(pickle.dumps({"a.jpg": [np.array([[0, 0.5, 0.5, 0.5, 0.5]]), (640, 480), []]}))


NAMED = {
    "boxes.csv": lambda path: path.write_text("width,height\n3,4\n5,6\n"),
    "train.csv": lambda path: path.write_text("ImageID,XMin,XMax,YMin,YMax\na,0,0.5,0,0.5\n"),
    "boxes.parquet": lambda path: fastanchor.datasets.table.write(fastanchor.Boxes([[3.0, 4.0]]), path),
    "boxes.npy": lambda path: np.save(path, np.array([[3.0, 4.0]])),
    "boxes.npz": lambda path: np.savez(path, wh=np.array([[3.0, 4.0]])),
    "coco.json": lambda path: path.write_text(json.dumps(COCO)),
    "one.xml": lambda path: path.write_text(XML),
    "one.txt": lambda path: path.write_text(ROW),
    "list.txt": lambda path: path.write_text("a.png 1,2,11,22,0\n"),
    "kitti.txt": lambda path: path.write_text(KITTI),
    "labels.cache": cache,
}


@pipes
@pytest.mark.parametrize("name", NAMED)
def test_a_pipe_that_is_named_is_read(tmp_path, name, capsys):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    file, pipe = tmp_path / "file" / name, tmp_path / "pipe" / name
    file.parent.mkdir()
    pipe.parent.mkdir()
    NAMED[name](file)
    os.mkfifo(pipe)

    def through(call):
        thread = threading.Thread(target=lambda: pipe.write_bytes(file.read_bytes()))
        thread.start()
        answer = call(pipe)
        thread.join()
        return answer

    size = (100, 100) if name in ("train.csv", "one.txt", "list.txt", "kitti.txt") else None
    expected = fastanchor.read(file, source_size=size)
    found = through(lambda path: fastanchor.read(path, source_size=size))
    np.testing.assert_array_equal(found.wh, expected.wh)
    assert through(datasets.detect) == datasets.detect(file)
    assert through(lambda path: main(["stats", str(path), "--json", "--quiet"])) == main(
        ["stats", str(file), "--json", "--quiet"]
    )
    if "boxes" not in name:
        images = through(lambda path: datasets.iter_images(path, source_size=size))
        assert [one.boxes.tolist() for one in images] == [
            one.boxes.tolist() for one in datasets.iter_images(file, source_size=size)
        ]
        del images
    assert not fastanchor._reading._pipes


# --- which format is read where there are several

CSV = "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,100,50,cat,10,5,40,25\n"
OPEN = "ImageID,LabelName,XMin,XMax,YMin,YMax\na,/m/1,0.1,0.4,0.1,0.5\n"
LISTED = "a.jpg 10,5,40,25,0\n"
LABELME = json.dumps({
    "shapes": [{"label": "cat", "points": [[10, 5], [40, 25]], "shape_type": "rectangle"}],
    "imagePath": "a.jpg", "imageWidth": 100, "imageHeight": 50,
})  # fmt: skip
TWO = {
    "voc beside tables": ("voc", {"a.xml": XML}, {"labels.csv": CSV, "train_labels.csv": CSV}),
    "voc below tables": ("voc", {"images/train/a.xml": XML}, {"data/labels.csv": CSV}),
    "coco and a table": ("coco", {"annotations/a.json": json.dumps(COCO)}, {"a.csv": CSV}),
    "yolo and a table": ("yolo", {"labels/a.txt": ROW}, {"labels.csv": CSV}),
    "kitti and a table": ("kitti", {"label_2/a.txt": KITTI}, {"labels.csv": CSV}),
    "labelme and a table": ("labelme", {"a.json": LABELME}, {"labels.csv": CSV}),
    "list and a table": ("list", {"train/list.txt": LISTED}, {"labels.csv": CSV}),
}


def tree(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize(("name", "read", "others"), TWO.values(), ids=TWO)
def test_tables_of_the_same_boxes_are_not_added_up(tmp_path, name, read, others):
    tree(tmp_path, read)
    alone = fastanchor.read(tmp_path, source_size=(100, 50) if name in ("yolo", "kitti", "list") else None)
    tree(tmp_path, others)
    assert datasets.detect(tmp_path) == name
    boxes = fastanchor.read(tmp_path, source_size=(100, 50) if name in ("yolo", "kitti", "list") else None, strict=True)
    assert np.array_equal(boxes.wh, alone.wh)
    [remark] = [one for one in boxes.remarks if one.kind == "labels of another format"]
    assert (remark.count, remark.doubt) == (len(others), False)
    first = sorted(others)[0]
    files = "1 label file" if len(others) == 1 else "2 label files"
    assert remark.text == f"not read: {files} of the format table ({tmp_path / first})"
    assert fastanchor.read(tmp_path, format="table").wh.tolist() == [[30, 20]] * len(others)


def test_a_table_of_sizes_is_no_other_label(tmp_path):
    tree(tmp_path, {"boxes.csv": OPEN, "image_sizes.csv": "ImageID,Width,Height\na,100,50\n"})
    boxes = fastanchor.read(tmp_path, strict=True)
    np.testing.assert_allclose(boxes.wh, [[30, 20]])
    assert boxes.remarks == ()


EQUAL = {
    "voc or coco": {"a.xml": XML, "annotations/a.json": json.dumps(COCO)},
    "voc or yolo": {"Annotations/a.xml": XML, "labels/a.txt": ROW},
    "coco or yolo": {"train/_annotations.coco.json": json.dumps(COCO), "labels/a.txt": ROW},
    "voc or openimages": {"a.xml": XML, "boxes.csv": OPEN},
    "coco or labelme": {"a.json": json.dumps(COCO), "b/b.json": LABELME},
    "voc or coco or yolo": {"a.xml": XML, "a.json": json.dumps(COCO), "labels/a.txt": ROW},
}


@pytest.mark.parametrize(("names", "files"), EQUAL.items(), ids=EQUAL)
def test_two_formats_of_equal_strength_are_a_question(tmp_path, capsys, names, files):
    tree(tmp_path, files)
    for call in (fastanchor.read, datasets.iter_images, datasets.detect):
        with pytest.raises(DataError, match=rf": could be {names}; say which \(format\)$"):
            call(tmp_path)
    assert main(["stats", str(tmp_path)]) == 2
    assert capsys.readouterr().err.endswith(f"{tmp_path}: could be {names}; say which (--format)\n")
    for name in names.split(" or "):
        unsized = name in ("yolo", "openimages")
        assert len(fastanchor.read(tmp_path, format=name, source_size=(100, 50) if unsized else None)) == 1


# --- the first images, where some files cannot be used

FIRST = {"voc": (".xml", "<annotation", XML), "kitti": (".txt", "Car 1 2\n", KITTI), "labelme": (".json", "{", LABELME)}


@pytest.mark.parametrize(("name", "ending", "bad", "good"), [(k, *v) for k, v in FIRST.items()], ids=FIRST)
@pytest.mark.parametrize("count", [3, 9, 40])
def test_the_first_images_come_after_files_that_cannot_be_used(tmp_path, name, ending, bad, good, count):
    for i in range(count):
        (tmp_path / f"{i}{ending}").write_text(bad)
    for i in (100, 101, 102):
        (tmp_path / f"{i}{ending}").write_text(good)
    size = (100, 50) if name == "kitti" else None
    said = []
    found = list(datasets.iter_images(tmp_path, limit=2, format=name, source_size=size, report=said.append))
    if name == "kitti":  # its files are images, whatever their rows
        assert [image.name for image in found] == ["0", "1"]
    else:
        assert [image.name for image in found] == ["100", "101"]
    assert 2 <= len(said) <= 3
    for i in (100, 101, 102):
        (tmp_path / f"{i}{ending}").write_text(bad)
    with pytest.raises(DataError, match=r"nothing could be read; .*0\."):
        datasets.iter_images(tmp_path, limit=2, format=name, source_size=size)
