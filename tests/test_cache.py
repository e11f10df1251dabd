"""labels.cache: the layouts that trainers write, and pickles that want to run something."""

import collections
import io
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.datasets import _unpickle

TABLE = np.array([[1, 0.5, 0.4, 0.2, 0.3], [0, 0.5, 0.5, 0.1, 0.1]], dtype=np.float32)
WH = TABLE[:, 3:].astype(np.float64) * (640, 480)


def yolov5(table=TABLE, size=(640, 480)):
    content = {"../images/a.jpg": [table, size, []], "C:\\x\\b.jpg": [np.zeros((0, 5), np.float32), (64, 48), []]}
    return {**content, "hash": "abc", "results": (1, 0, 0, 0, 2), "msgs": [], "version": 0.6}


def ultralytics():
    def item(file, table, shape):
        return {"im_file": file, "shape": shape, "cls": table[:, :1], "bboxes": table[:, 1:], "segments": []}

    labels = [item("a.jpg", TABLE, (480, 640)), item("b.jpg", TABLE[:0], (48, 64))]
    return {"labels": labels, "hash": "abc", "results": (1, 0, 0, 0, 2), "msgs": [], "version": "1.0.3"}


def saved(path, content, how):
    if how == "numpy":
        with path.open("wb") as file:
            np.save(file, content)
    elif how == "torch":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("archive/data.pkl", pickle.dumps(content, 2))
            file.writestr("archive/version", "3\n")
    else:
        path.write_bytes(pickle.dumps(content, how))
    return path


@pytest.mark.parametrize("how", ["numpy", "torch", 0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("content", [yolov5(), ultralytics(), yolov5(size=np.array([640, 480]))])
def test_layouts(tmp_path, content, how):
    boxes = fastanchor.read(saved(tmp_path / "labels.cache", content, how))
    np.testing.assert_array_equal(boxes.wh, WH)
    assert boxes.image_wh.tolist() == [[640, 480], [64, 48]]
    assert boxes.class_index.tolist() == [1, 0]
    assert boxes.class_names == ("0", "1")
    assert [i.name for i in datasets.iter_images(tmp_path / "labels.cache")] == ["a", "b"]


@pytest.mark.parametrize("dtype", ["<f8", ">f4", "<i8", "f2", "u1", object])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_are_what_they_were(tmp_path, dtype, protocol):
    there = np.asfortranarray(np.arange(12).reshape(3, 4)).astype(dtype)
    path = tmp_path / "x"
    path.write_bytes(pickle.dumps([there, np.float32(2.5), there[:0]], protocol))
    back, number, empty = _unpickle.load(path)
    np.testing.assert_array_equal(_unpickle.array(back), there)
    assert number == 2.5
    assert _unpickle.array(empty).shape == (0, 4)


class Runs:
    """A pickle of this calls a function of the system when it is loaded by the ordinary means."""

    def __init__(self, function, *arguments):
        self.what = function, arguments

    def __reduce__(self):
        return self.what


def hostile(tmp_path):
    return {
        "system": Runs(os.system, f"touch {tmp_path / 'ran'}"),
        "open": Runs(open, str(tmp_path / "ran"), "w"),
        "eval": Runs(eval, "1"),
        "getattr": Runs(getattr, "", "join"),
        "counter": collections.Counter("a"),
        "numpy's loader": Runs(np.load, "x.npy"),
        "array of texts": np.array(["a"]),
        "array of records": np.zeros(2, [("a", "f8")]),
    }


@pytest.mark.parametrize("kind", hostile(Path()))
@pytest.mark.parametrize("how", ["numpy", "torch", 2, 5])
def test_nothing_is_run(tmp_path, kind, how):
    content = {"a.jpg": [hostile(tmp_path)[kind], (640, 480)]}
    path = saved(tmp_path / "labels.cache", content, how)
    with pytest.raises(DataError, match=r"labels.cache: contains .*, which a labels.cache does not need"):
        fastanchor.read(path)
    assert not (tmp_path / "ran").exists()


def test_a_tensor_is_refused(tmp_path):
    stream = io.BytesIO()

    class WithIds(pickle.Pickler):
        def persistent_id(self, item):
            return "storage" if item == "tensor" else None

    WithIds(stream).dump({"a.jpg": ["tensor", (1, 1)]})
    (tmp_path / "labels.cache").write_bytes(stream.getvalue())
    with pytest.raises(DataError, match="contains a tensor"):
        fastanchor.read(tmp_path / "labels.cache")


BROKEN = {
    "empty": b"",
    "text": b"hello\n",
    "half": pickle.dumps(yolov5())[:200],
    "half zip": b"PK\x03\x04abc",
    "numbers": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (), }",
    "numpy cut": b"\x93NUMPY\x01",
    "stack": b"\x80\x02]R.",
    "memo": b"\x80\x02h\x05.",
    "shape does not fit": pickle.dumps(np.zeros((3, 4)), 2).replace(b"K\x03K\x04", b"K\x03K\x05"),
    "no mapping": pickle.dumps([1, 2]),
    "no images": pickle.dumps({"hash": 1}),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken(tmp_path, content):
    path = tmp_path / "labels.cache"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"labels.cache: (not a valid labels.cache|nothing could be read)"):
        fastanchor.read(path)


@pytest.mark.slow
def test_every_cut_is_a_sentence(tmp_path):
    """However a cache is cut off or changed, a DataError says so, or it is read."""
    whole = saved(tmp_path / "w", yolov5(), "numpy").read_bytes()
    path = tmp_path / "labels.cache"
    for at in range(len(whole)):
        for content in (whole[:at], whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :]):
            path.write_bytes(content)
            try:
                fastanchor.read(path)
            except DataError:
                continue


def test_odd_images_are_counted(tmp_path):
    content = {
        "a.jpg": [TABLE, (640, 480)],
        "b.jpg": [TABLE, (0, 480)],
        "c.jpg": [TABLE, None],
        "d.jpg": [TABLE[:, :4], (640, 480)],
        "e.jpg": [np.array([[0, 0.5, 0.5, np.nan, 0.1], [0, 0.5, 0.5, 0.1, 0.0], [-1, 0.5, 0.5, 0.1, 0.1]]), (9, 9)],
    }
    said = []
    path = saved(tmp_path / "labels.cache", content, 4)
    boxes = fastanchor.read(path, report=said.append)
    assert (len(boxes), len(boxes.image_wh)) == (2, 2)
    assert boxes.skipped == {
        "image size missing": 2,
        "box of an image without a size": 4,
        "image whose labels are not a table of boxes": 1,
        "box with unreadable coordinates": 1,
        "box with zero width or height": 1,
        "row whose class is not a whole number >= 0": 1,
    }
    assert f"{path}, e.jpg, row 3: row whose class is not a whole number >= 0 (0.5, 0.5, 0.1, 0.1)" in said
    assert f"{path}, e.jpg, row 1: box with unreadable coordinates (0.5, 0.5, ?, 0.1)" in said
    with pytest.raises(DataError, match="image whose labels are not a table of boxes"):
        fastanchor.read(path, strict=True)
    with pytest.raises(DataError, match="declares no splits; leave it out"):
        fastanchor.read(path, split="train")


BOXES = {
    "a denormal width": ([0, 0.5, 0.5, 1e-320, 0.1], "box with zero width or height"),
    "no width": ([0, 0.5, 0.5, 0.0, 0.1], "box with zero width or height"),
    "endless": ([0, 0.5, 0.5, np.inf, 0.1], "box with non-finite coordinates"),
    "a class that is no number": ([np.nan, 0.5, 0.5, 0.1, 0.1], "row whose class is not a whole number >= 0"),
    "three times its image": ([0, 0.5, 0.5, 3.0, 3.0], None),
    "beyond its image": ([0, 1.2, -0.3, 0.1, 0.1], None),
}


@pytest.mark.parametrize(("row", "reason"), BOXES.values(), ids=BOXES)
def test_a_row_costs_at_most_its_box(tmp_path, row, reason):
    """The labels and the cache of the labels agree about each."""
    rows = np.array([[0, 0.5, 0.5, 0.1, 0.2], row])
    cache = saved(tmp_path / "x.cache", {"a.jpg": [rows, (640, 480)]}, 4)
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / "a.txt").write_text("\n".join(" ".join(map(repr, map(float, one))) for one in rows))
    for boxes in (fastanchor.read(cache), fastanchor.read(tmp_path / "labels", source_size=(640, 480))):
        assert len(boxes) == 1 + (reason is None)
        assert boxes.skipped == ({} if reason is None else {reason: 1})


def test_options_without_a_use(tmp_path):
    path = saved(tmp_path / "labels.cache", yolov5(), 4)
    for option in ({"source_size": 9}, {"size_cache": tmp_path / "k"}, {"rows": "box"}, {"crowd": True}):
        with pytest.raises(DataError, match=f"{next(iter(option))} = .*not supported for labels"):
            fastanchor.read(path, **option)


@pytest.mark.parametrize(("part", "images", "count"), [("train", 5358, 14300), ("valid", 670, 1840)])
def test_real(data, part, images, count):
    """The caches hold the boxes of the labels beside them; never loaded by the ordinary means, not even here."""
    folder = data / "garbage_roboflow" / part
    boxes = fastanchor.read(folder / "labels.cache")
    assert (len(boxes.image_wh), len(boxes), boxes.skipped) == (images, count, {})
    texts = fastanchor.read(folder)
    rows = [np.column_stack([b.class_index, b.wh]) for b in (boxes, texts)]
    np.testing.assert_allclose(*(np.sort(columns, axis=0) for columns in rows), rtol=1e-6)
