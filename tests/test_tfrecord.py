"""TFRecord: checksums, the fields of messages, parts of a data set, and what is wrong with records."""

import gzip
import random
import struct

import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.datasets import _example, _framing

from labels import IMAGES, crc32c, example, message, png, record, tfrecord, varint

SIDES = ("xmin", "ymin", "xmax", "ymax")


def boxed(*boxes, **others):
    """Return an example with boxes, x0, y0, x1, y1."""
    sides = {f"image__object__bbox__{side}": [float(box[i]) for box in boxes] for i, side in enumerate(SIDES)}
    return example(**{"image__width": [100], "image__height": [50], **sides, **others})


def put(file, *examples):
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"".join(map(record, examples)))
    return file


@pytest.mark.parametrize("size", [0, 1, 3, 4, 5, 11, 511, 512, 513, 1024, 1500, 5000])
def test_checksum(size, monkeypatch):
    data = random.Random(size).randbytes(size)
    assert _framing.checksum(data) == crc32c(data)
    monkeypatch.setattr(_framing, "CHUNK", 1024)
    assert _framing.checksum(data) == crc32c(data)


def test_a_known_checksum():  # of RFC 3720
    crc = 0x8A9136AA
    assert _framing.checksum(bytes(32)) == (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


BOX = (0.25, 0.5, 0.75, 1.0)


def test_numbers_one_by_one():
    """Lists of numbers are packed into one field, or have a field for each."""
    floats = message((2, b"".join(varint(1 << 3 | 5) + struct.pack("<f", one) for one in (0.5, -2.0))))
    integers = message((3, b"".join(varint(1 << 3) + varint(one) for one in (3, -1, 1 << 40))))
    data = message((1, message(*((1, message((1, name), (2, one)))
                                 for name, one in {b"f": floats, b"i": integers, b"none": b""}.items()))))  # fmt: skip
    found = {name: values() for name, values in _example.features(data).items()}
    assert found == {"f": [0.5, -2.0], "i": [3, -1, 1 << 40], "none": []}


CLASSES = {
    "texts": (
        {"image__object__class__text": [b"cat", "kö".encode()], "image__object__class__label": [1, 2]},
        ("cat", "kö"),
    ),
    "numbers": ({"image__object__class__label": [7, 12]}, ("7", "12")),
    "empty texts": ({"image__object__class__text": [b"", b""], "image__object__class__label": [7, 12]}, ("7", "12")),
    "nothing": ({}, ("unnamed",)),
}


@pytest.mark.parametrize(("values", "classes"), CLASSES.values(), ids=CLASSES)
def test_classes(values, classes, tmp_path):
    boxes = fastanchor.read(put(tmp_path / "a.tfrecord", boxed(BOX, (0, 0, 1, 0.5), **values)))
    assert boxes.class_names == classes
    assert boxes.wh.tolist() == [[50, 25], [100, 25]]
    assert boxes.xy.tolist() == [[25, 25], [0, 0]]


def test_sizes_come_from_the_header_of_the_image(tmp_path):
    png(tmp_path / "a.png", (64, 32))
    encoded = (tmp_path / "a.png").read_bytes()
    some = {"image__width": [], "image__height": [], "image__encoded": [encoded + bytes(5000)]}
    assert fastanchor.read(put(tmp_path / "a.record", boxed(BOX, **some))).image_wh.tolist() == [[64, 32]]


@pytest.mark.parametrize("name", ["is_crowd", "group_of"])
def test_boxes_in_pixels_and_crowds(tmp_path, name):
    crowd = {f"image__object__{name}": [0, 1], "image__filename": [b"x/one.jpg"]}
    file = put(tmp_path / "a.record", boxed((10, 5, 40, 25), (1, 2, 30, 40), **crowd))
    boxes = fastanchor.read(file)
    assert (boxes.wh.tolist(), boxes.skipped, boxes.files) == ([[30, 20]], {"box of a crowd": 1}, ("x/one.jpg",))
    assert len(fastanchor.read(file, crowd=True)) == 2
    assert fastanchor.read(put(tmp_path / "b.record", boxed(BOX)), unit="pixels").wh.tolist() == [[0.5, 0.5]]


def test_parts_of_a_data_set(tmp_path):
    for name in ("train.record-00000-of-00002", "train.record-00001-of-00002", "val-00000-of-00001"):
        put(tmp_path / name, boxed(BOX))
    put(tmp_path / "test" / "cats.tfrecord", boxed(BOX), boxed(BOX))
    (tmp_path / "label_map.pbtxt").write_text("item {}")
    (tmp_path / "other.record").write_bytes(b"something else, that is not for us")
    assert datasets.detect(tmp_path) == "tfrecord"
    for split, count in {None: 5, "train": 2, "val": 1, "test": 2}.items():
        assert len(fastanchor.read(tmp_path, split=split)) == count
    for file in ("val-00000-of-00001", "train.record-00001-of-00002"):
        assert datasets.detect(tmp_path / file) == "tfrecord"
        assert len(fastanchor.read(tmp_path / file)) == 1


def test_compressed(tmp_path):
    path = tfrecord(tmp_path, IMAGES)
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert len(fastanchor.read(path)) == 4
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"boxes\.record: damaged TFRecord \(record \d: "):
        fastanchor.read(path)


def flipped(at):
    """Return a change of one bit."""
    return lambda data: data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]


DAMAGED = {
    "length": (flipped(0), "record 0: the length has a wrong checksum"),
    "checksum of the length": (flipped(9), "record 0: the length has a wrong checksum"),
    "data": (flipped(40), "record 0: the data have a wrong checksum"),
    "last checksum": (flipped(-1), "record 1: the data have a wrong checksum"),
    "cut in a length": (lambda data: data + b"\1\2", "record 2: the length has a wrong checksum"),
    "cut in data": (lambda data: data[:-9], "record 1: the file ends inside it"),
}


@pytest.mark.parametrize(("spoil", "rule"), DAMAGED.values(), ids=DAMAGED)
def test_damaged(spoil, rule, tmp_path):
    file = put(tmp_path / "a.record", boxed(BOX), boxed(BOX))
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(DataError, match=rf"a\.record: damaged TFRecord \({rule}\)"):
        fastanchor.read(file, format="tfrecord")
    put(tmp_path / "b.record", boxed(BOX))
    if "length" not in rule or "2" in rule:
        assert fastanchor.read(tmp_path).skipped == {"damaged TFRecord": 1}


OTHERS = {
    "of images alone": (example(image__encoded=[b"x"]), "TFRecord file without boxes .*; got image/encoded"),
    "without features": (b"", "TFRecord file without boxes .*; got no features"),
    "of another message": (b"\x0a\x7f", "TFRecord file that is not of tf.train.Example .*record 0: field that is cut"),
    "of text": (b"hello world", "TFRecord file that is not of tf.train.Example .*record 0: "),
}


@pytest.mark.parametrize(("data", "rule"), OTHERS.values(), ids=OTHERS)
def test_other_records(data, rule, tmp_path):
    with pytest.raises(DataError, match=rule):
        fastanchor.read(put(tmp_path / "a.record", data))


def test_lists_of_different_lengths(tmp_path):
    wrong = boxed(BOX, BOX, image__object__class__text=[b"cat"])
    said = []
    boxes = fastanchor.read(put(tmp_path / "a.record", boxed(BOX), wrong), report=said.append)
    assert (len(boxes), boxes.skipped) == (1, {"record whose lists have different lengths": 1})
    assert said[0].endswith("a.record, record 1: record whose lists have different lengths (2, 2, 2, 2, 1, 2)")
