"""Damaged files of every format: boxes or one sentence, never a traceback, a warning or a number that is none."""

import contextlib
import copy
import functools
import json
import random
import re
from pathlib import Path

import numpy as np
import pytest

import fastanchor
from fastanchor import Boxes, DataError, export
from fastanchor.datasets import detect, iter_images, table

from labels import FORMATS

COCO = {
    "images": [{"id": 1, "width": 100, "height": 100, "file_name": "a.jpg"}],
    "annotations": [
        {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3.5, 4], "iscrowd": 0, "segmentation": [[1, 2, 3, 4, 5, 6]]}
        for _ in range(5)
    ],
    "categories": [{"id": 1, "name": "c"}],
}  # fmt: skip
OBJECT = "<object><name>cat</name><bndbox><xmin>10</xmin><ymin>5</ymin><xmax>40</xmax><ymax>25</ymax></bndbox></object>"
SIZE = "<size><width>100</width><height>50</height></size>"
CAR = "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n"
REGION = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10\n"
# file that is damaged, what to read, content
TEXTS = {
    "x.json": ("x.json", json.dumps(COCO)),
    "x.xml": ("x.xml", f"<annotation><filename>a</filename>{SIZE}{OBJECT * 3}</annotation>"),
    "data.yaml": ("data.yaml", "path: .\ntrain: labels\nval: [labels]\nnames: {0: a, 1: b}\nkpt_shape: [3, 2]\n"),
    "labels/a.txt": ("labels", "0 0.5 0.5 0.1 0.2\n1 0.1 0.1 0.2 0.1 0.3 0.4 0.2 0.2\n1 0.5 0.5 0.1 0.1 0.9\n"),
    "x.data": ("x.data", "classes=2\ntrain=list.txt\nnames=obj.names\n"),
    "label_2/a.txt": ("label_2", CAR + REGION),
    "keras.txt": ("keras.txt", "img/a.jpg 1,2,30,40,0 5,6,7,8,1\nb.png 1,2,3,4,0\n"),
    "numbered.txt": ("numbered.txt", "0 img/a.jpg 100 100 0 1 2 30 40\n1 b.jpg 50 60 1 2 3 4 5\n"),
    "open.csv": ("open.csv", "ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\n" + "a,/m/1,0.1,0.6,0.2,0.7,0\n" * 5),
    "x.csv": ("x.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n" + "a.jpg,100,80,cat,1,2,31,42\n" * 4),
}
OPTIONS = {
    "yolo": {"source_size": (100, 100)},
    "kitti": {"source_size": (1000, 500)},
    "list": {"source_size": (100, 100)},
    "openimages": {"source_size": (100, 100)},
}
TOKENS = [b"", b"0", b"-1", b"1e400", b"nan", b"inf", b"null", b'""', b"[]", b"{}", b"true", b"9" * 25, b"9" * 5000,
          b"\xff", b"\0", b"\n", b"\r\n", b",", b'"', b";", b"  ", b"\xef\xbb\xbf", b"<a>", b"0x1", b"1_0",
          b"\xe2\x80\xa8", b": ", b"- ", b"&a", b"*a", b"!!python/object:x "]  # fmt: skip


def damaged(data, chance):
    data = bytearray(data)
    for _ in range(chance.choice([1, 1, 2, 4])):
        kind, at = chance.random(), chance.randrange(len(data) + 1)
        values = list(re.finditer(rb'-?\d+\.?\d*|true|"[^"]*"', bytes(data)))
        if kind < 0.4 and values:
            value = chance.choice(values)
            data[value.start() : value.end()] = chance.choice(TOKENS)
        elif kind < 0.6 and at < len(data):
            data[at] = chance.randrange(256)
        elif kind < 0.8:
            data[at : at + chance.choice([0, 1, 5, 20])] = chance.choice(TOKENS)
        elif kind < 0.9:
            del data[at:]
        else:
            data[at:at] = data[chance.randrange(len(data) + 1) :][:50]
    return bytes(data)


@pytest.fixture
def folder(tmp_path):
    for name in ("labels", "label_2"):
        (tmp_path / name).mkdir()
    for name in ("a", "b"):
        (tmp_path / f"labels/{name}.txt").write_text("0 0.5 0.5 0.1 0.2\n")
    (tmp_path / "list.txt").write_text("images/a.jpg\nimages/b.jpg\n")
    (tmp_path / "obj.names").write_text("a\nb\n")
    return tmp_path


def attempt(path, strict):
    """Read, and return whether there were boxes."""
    try:
        found = detect(path)
        options = OPTIONS.get(found, {})
        boxes = fastanchor.read(path, strict=strict, progress=False, **options)
        assert np.isfinite(boxes.wh).all()
        assert (boxes.wh > 0).all()
        if found != "table":
            total = sum(len(image.boxes) for image in iter_images(path, **options))
            assert total == len(boxes)
    except DataError as error:
        sentence = str(error)
    else:
        return True
    assert "\n" not in sentence
    assert len(sentence) < 600
    return False


@pytest.mark.slow
@pytest.mark.parametrize("name", TEXTS)
def test_texts(folder, name):
    what, text = TEXTS[name]
    (folder / name).write_text(text)
    assert attempt(folder / what, strict=True)
    chance = random.Random(name)
    read = 0
    for _ in range(150):
        (folder / name).write_bytes(damaged(text.encode(), chance))
        read += attempt(folder / what, strict=chance.random() < 0.2)
    assert 0 < read < 150  # the damage is neither always fatal nor always harmless


VALUES = (None, "x", "1_0", "9" * 5000, True, -1, 10**400, float("nan"), float("inf"), [], {}, [[1]])
JSON = ("coco", "labelme", "via", "labelbox", "superannotate", "fiftyone", "createml", "labelstudio", "bdd100k",
        "supervisely", "vott", "datumaro")  # fmt: skip


def places(content, at=()):
    """Yield the places of all values inside decoded JSON."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in inner:
        yield (*at, key)
        yield from places(value, (*at, key))


def replaced(content, at, value):
    """Return decoded JSON with another value at a place."""
    content = copy.deepcopy(content)
    inside = functools.reduce(lambda one, key: one[key], at[:-1], content)
    inside[at[-1]] = value
    return content


def file_of(name, folder):
    """Write an image with a box, and return what to read and the file with it."""
    path = FORMATS[name].write(folder, [("1", (256, 128), [("c10", 32, 16, 96, 80)])], pictures=True)
    return path, path if path.is_file() else folder / FORMATS[name].file.format("1")


def survives(path, name):
    sentence = ""
    try:
        assert np.isfinite(fastanchor.read(path, format=name).wh).all()
    except DataError as error:
        sentence = str(error)
    assert "\n" not in sentence
    assert len(sentence) < 1000


@pytest.mark.slow
@pytest.mark.parametrize("name", JSON)
def test_values_of_json(tmp_path, name):
    path, file = file_of(name, tmp_path)
    content = json.loads(file.read_text())
    for at in places(content):
        for value in VALUES:
            file.write_text(json.dumps(replaced(content, at, value)))
            survives(path, name)


HOLED = [[1, 1], [float("nan"), 5], [30, 40]]
RESULT = (0, "annotations", 0, "result", 0)
HARD = [
    ("coco", ("images", 0, "width"), 10**400), ("coco", ("annotations", 0, "area"), 10**400),
    ("datumaro", ("items", 0, "image", "size"), "x"), ("datumaro", ("items", 0, "annotations", 0, "type"), "9" * 5000),
    ("labelstudio", (*RESULT, "value", "rotation"), float("inf")), ("labelstudio", (*RESULT, "value", "x"), 10**400),
    ("via", ("1.png1", "regions", 0, "shape_attributes", "x"), 10**400),
    ("labelme", ("shapes", 0, "points", 0, 0), 10**400), ("labelme", ("shapes", 0, "points"), HOLED),
    ("fiftyone", ("samples", 0, "ground_truth", "detections", 0, "bounding_box", 0), 10**400),
    ("labelbox", ("projects", "p", "labels", 0, "annotations", "objects", 0, "bounding_box", "top"), 10**400),
    ("supervisely", ("objects", 0, "points", "exterior"), HOLED),
]  # fmt: skip


@pytest.mark.parametrize(("name", "at", "value"), HARD, ids=[f"{name}-{at[-1]}" for name, at, _ in HARD])
def test_hard_values_cost_their_box(tmp_path, name, at, value):
    path, file = file_of(name, tmp_path)
    content = json.loads(file.read_text())
    file.write_text(json.dumps(replaced(content, at, value)))
    if name == "coco":
        assert fastanchor.read(path).wh.tolist() == [[64, 64]]
        return
    with pytest.raises(DataError) as error:
        fastanchor.read(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


TEXT_VALUES = {
    "visdrone": "9" * 5000 + ",3,5,7,1,1,0,0\n", "mot": "9" * 5000 + ",3,5,7,1,1,0,0,0\n", "widerface": "",
    "cvat": "<annotations><version>1.1</version><track label='a'><box frame='x' xtl='1'/></track></annotations>",
}  # fmt: skip


@pytest.mark.parametrize("name", TEXT_VALUES)
def test_hard_texts_are_one_sentence(tmp_path, name):
    file = tmp_path / ("gt.txt" if name != "cvat" else "a.xml")
    file.write_text(TEXT_VALUES[name])
    for options in ({"format": name}, {}):
        with pytest.raises(DataError) as error:
            fastanchor.read(file, **options)
        assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["parquet", "npy", "npz"])
def test_arrays(tmp_path, ending):
    file = tmp_path / f"x.{ending}"
    rng = np.random.default_rng(0)
    boxes = Boxes(
        rng.uniform(1, 90, (40, 2)), np.arange(40) % 7, np.full((7, 2), 100), np.arange(40) % 3, ("a", "b", "c")
    )
    if ending == "parquet":
        pytest.importorskip("pyarrow")
        table.write(boxes, file)
    elif ending == "npy":
        np.save(file, boxes.wh)
    else:
        np.savez(file, wh=boxes.wh, image_index=boxes.image_index, image_wh=boxes.image_wh)
    whole = file.read_bytes()
    chance = random.Random(ending)
    for _ in range(300):
        file.write_bytes(damaged(whole, chance))
        attempt(file, strict=chance.random() < 0.2)


NINE = np.array([[10, 13], [16, 30], [33, 23], [30, 61], [62, 45], [59, 119], [116, 90], [156, 198], [373, 326.0]])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model.yaml", "three_heads.cfg"])
def test_configurations(tmp_path, name):
    """What can be edited holds the anchors afterwards; what cannot is told in a sentence."""
    whole = (Path(__file__).parent / "data" / name).read_bytes()
    file, after = tmp_path / name, tmp_path / f"after.{name}"
    chance, edited = random.Random(name), 0
    for _ in range(400):
        file.write_bytes(damaged(whole, chance))
        for call in (export.read, export.read_edited):
            with contextlib.suppress(DataError):
                call(str(file))
        try:
            text = export.edit(file, NINE)
        except DataError as error:
            sentence = str(error)
        else:
            edited += 1
            after.write_bytes(text.encode())
            assert "10,13, 16,30" in text
            if name.endswith("yaml"):  # of a cfg, sections that are no heads any more may have others
                assert sorted(export.read(after).anchors.tolist()) == sorted(NINE.tolist())
                assert sum(len(rows) for _, rows in export.read(after).layout) == 9
            continue
        assert "\n" not in sentence
        assert len(sentence) < 600
    assert 0 < edited < 400


def test_lines_end_where_the_readers_of_the_files_end_them():
    """Darknet ends lines at line feeds alone; YAML at more characters, and refuses some others."""
    text = "[net]\n[conv]\nstride=32\n[yolo]\nanchors=1,2\nclasses=1 # \x0b \u2028 mask=7\nnum=1\n"
    after = export.FORMATS["darknet"].splice(text, NINE[:1])
    assert "# \x0b \u2028 mask=7\n" in after
    for bad in ("anchors:\n  - [1,2]  # P3\x0b/8\n", "anchors:\n  - [1,2]  # P3\u2028/8\n"):
        with pytest.raises(DataError, match="not valid YAML"):
            export.FORMATS["yolov5"].splice(bad, NINE[:1])


BROKEN = {
    "brace.json": (b"{", r"line 1: not valid JSON \(column 2: Expecting property name"),
    "cut.json": (b'{"images": [\n', r"line 2: not valid JSON \(column 1: Expecting value\)"),
    "cut coco.json": (b'{"images": [], "annotations": [{"bbox"', r"line 1: not valid JSON \(column 39: "),
    "cut labelme.json": (b'{"version": "5",\n"shapes": [', r"line 2: not valid JSON \(column 12: Expecting value\)"),
    "list.json": (b"[1, 2", r"line 1: not valid JSON \(column 6: Expecting ',' delimiter\)"),
    "words.json": (b"hello", r"line 1: not valid JSON \(column 1: Expecting value\)"),
    "cut.xml": (b"<annotation>\n<size>", r"line 2: truncated XML file \(no element found\)"),
    "mark.xml": (b"<", r"line 1: truncated XML file \(unclosed token\)"),
    "words.xml": (b"hello", r"line 1: not valid XML"),
    "cut.yaml": (b"train: images\nnames: [a, b\n", r"line 3: not valid YAML \(expected ',' or '\]'"),
    "cut.parquet": (b"PAR1 and no more", r"not a valid Parquet file \("),
    "short.parquet": (b"P", r"not a valid Parquet file \("),
    "cut.cache": (b"\x80\x04]", r"not a valid labels.cache \(cut short\)"),
    "empty.cache": (b"", r"not a valid labels.cache \(cut short\)"),
}


@pytest.mark.parametrize(("name", "given"), BROKEN.items(), ids=BROKEN)
def test_a_broken_file_is_refused_by_its_place(tmp_path, name, given):
    if name.endswith(".parquet"):
        pytest.importorskip("pyarrow")
    content, sentence = given
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{re.escape(str(tmp_path / name))}(?:, |: ){sentence}"):
        fastanchor.read(tmp_path / name)
