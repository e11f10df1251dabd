"""Errors that are also Python's own: what is caught as FileNotFoundError, as TypeError, and with what words."""

import copy
import errno
import pickle

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, MissingFileError, WrongTypeError
from fastanchor._output import whole
from fastanchor.cli import main
from fastanchor.compat import darknet, mmdet, paddle, yolo_kmeans
from fastanchor.export import edit, read
from fastanchor.levels import as_counts, level_counts

WH = np.array([[10.0, 20.0], [12.0, 14.0], [40.0, 60.0], [90.0, 70.0], [33.0, 21.0]])

MISSING = {
    "read": lambda path: fastanchor.read(path),
    "read, of several": lambda path: fastanchor.read([path, path]),
    "iter_images": lambda path: fastanchor.datasets.iter_images(path),
    "detect": lambda path: fastanchor.datasets.detect(path),
    "anchors of a file": lambda path: read(path / "a.cfg"),
    "a file to edit": lambda path: edit(path / "a.yaml", WH),
    "edited": lambda path: fastanchor.auto_anchor(WH, n=3, gen=0, rng=0, progress=False).edited(path / "a.cfg"),
}


@pytest.mark.parametrize("call", MISSING.values(), ids=MISSING)
def test_a_missing_file(call, tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        call(tmp_path / "nothing")
    error = caught.value
    assert isinstance(error, DataError)
    assert str(error).startswith(f"{tmp_path / 'nothing'}")
    assert error.errno == errno.ENOENT
    for other in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert (type(other), str(other), other.errno) == (MissingFileError, str(error), errno.ENOENT)


def test_a_missing_file_error_is_made_by_name():  # as by packages that pickle errors with their tracebacks
    error = MissingFileError.__new__(MissingFileError, "gone: no such file")
    assert (type(error), str(error)) == (MissingFileError, "gone: no such file")


def test_a_missing_file_on_the_command_line(tmp_path, capsys):
    assert main(["stats", str(tmp_path / "nothing")]) == 2
    assert capsys.readouterr().err.startswith(f"fastanchor: {tmp_path / 'nothing'}: no such file or folder")


def test_a_file_missing_while_another_is_written_is_named(tmp_path):
    with pytest.raises(MissingFileError, match=r"gone: no such file"), whole(tmp_path / "out.csv"):
        fastanchor.read(tmp_path / "gone")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_there_but_cannot_be_read_is_not_missing(tmp_path):
    (tmp_path / "a.cfg").mkdir()
    with pytest.raises(DataError, match="cannot be read") as caught:
        read(tmp_path / "a.cfg")
    assert not isinstance(caught.value, FileNotFoundError)


def anchors(**options):
    return fastanchor.auto_anchor(WH, n=2, gen=0, **{"rng": 0, "progress": False} | options)


# argument: what is of a wrong type, what is of the right type and out of range
TYPES = {
    "boxes": (lambda value: fastanchor.mean_iou(value, WH), ["ab", 3, None, {}, [[1j, 2]], [["1", "2"]]], [[[1, 0]]]),
    "wh": (lambda value: fastanchor.Boxes(value), ["ab", 3, None, [[b"1", b"2"]]], [[[1, 2, 3]], [[1, 2], [3]]]),
    "anchors": (lambda value: fastanchor.check(WH, value), ["ab", 3, fastanchor.Boxes(WH)], [[], np.ones((101, 2))]),
    "n": (lambda value: fastanchor.auto_anchor(WH, n=value), [2.0, "2", None, True], [0, -1, 2**40]),
    "k": (lambda value: fastanchor.kmeans(WH, value), [2.0, "2", None, True], [0, -1, 6]),
    "n, several": (lambda value: fastanchor.sweep(WH, value), [3, "3", None, [2.0]], [[], [0]]),
    "labels": (lambda value: fastanchor.update_centers(WH, value, 2), [[0.0] * 5, "00000", [None] * 5], [[0], [9] * 5]),
    "thr": (lambda value: anchors(thr=value), ["0.2", None, [0.2], True, np.array(["a"])], [4, -1.0, 10**400]),
    "rng": (lambda value: anchors(rng=value), [1.5, "1", True], [-1, 2**128]),
    "img_size": (lambda value: anchors(img_size=value), ["640", None, 640.0], [0, (1, 2, 3)]),
    "fit": (lambda value: anchors(fit=value), [None, 3, b"stretch"], ["crop"]),
    "metric": (lambda value: anchors(metric=value), [None, 3, np.mean], ["cosine"]),
    "init": (lambda value: anchors(init=value), [None, 3, [["a", "b"]]], ["first", [[1, 2]]]),
    "engine": (lambda value: anchors(engine=value), [None, 3], ["fast"]),
    "backend": (lambda value: fastanchor.backend(value).__enter__(), [3, b"numpy"], ["fast"]),
    "threads": (lambda value: anchors(threads=value), ["2", 2.0], [0]),
    "progress": (lambda value: anchors(progress=value), ["yes", 3], []),
    "path": (lambda value: fastanchor.read(value), [3, None], [""]),
    "class_names": (lambda value: fastanchor.Boxes(WH, class_names=value), [3, [3], "ab"], []),
    "skipped": (lambda value: fastanchor.Boxes(WH, skipped=value), [3, {3: 3}, {"a": "b"}], [{"a": -1}]),
    "per_level": (lambda value: as_counts(value, 3), [3, "3", [3.0]], [[2], [-1, 4]]),
    "by": (lambda value: level_counts(WH, by=value), [None, 3], ["side"]),
}


@pytest.mark.parametrize("name", TYPES)
def test_a_wrong_type_is_a_type_error_and_a_wrong_value_is_not(name):
    call, types, values = TYPES[name]
    for value in types:
        with pytest.raises(DataError) as caught:
            call(value)
        assert isinstance(caught.value, TypeError), value
        assert str(caught.value).startswith(name.split(",")[0]), value
    for value in values:
        with pytest.raises(DataError) as caught:
            call(value)
        assert not isinstance(caught.value, TypeError), value


def test_the_type_of_an_argument_stays_known_beside_a_file(tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text("nc: 3\nanchors:\n  - [1,2, 3,4]  # P3/8\n  - [5,6, 7,8]  # P4/16\n")
    with pytest.raises(WrongTypeError, match=r"m\.yaml: levels = 3"):
        edit(file, WH[:4], 3)
    with pytest.raises(DataError, match=r"m\.yaml: levels = ") as caught:
        edit(file, WH[:4], [(3, 1)])
    assert type(caught.value) is DataError


# --- an argument is named as the caller wrote it

SAME = np.array([[20.0, 30.0]] * 12)  # one distinct size
NAMED = {
    "kmeans": (lambda k: fastanchor.kmeans(SAME, k, progress=False), "k", "boxes"),
    "auto_anchor": (lambda n: fastanchor.auto_anchor(SAME, n=n, progress=False), "n", "boxes"),
    "auto_anchor, one start": (lambda n: fastanchor.auto_anchor(SAME, n=n, n_init=1, progress=False), "n", "boxes"),
    "auto_anchor, k-means++": (
        lambda n: fastanchor.auto_anchor(SAME, n=n, init="k-means++", progress=False), "n", "boxes",
    ),
    "sweep": (lambda n: fastanchor.sweep(SAME, [n], progress=False), "n", "boxes"),
    "darknet": (lambda n: darknet.calc_anchors(SAME / 416, n, 416, 416), "num_of_clusters", "data"),
    "paddle": (lambda n: paddle.calc_anchors(SAME, n), "n", "whs"),
    "mmdet": (lambda n: mmdet.k_means(SAME, n), "num_anchors", "bbox_whs"),
    "yolo_kmeans": (lambda k: yolo_kmeans.k_means(SAME, k), "k", "boxes"),
    "yolo_kmeans, n": (
        lambda n: yolo_kmeans.auto_anchor(640, n, 0.25, 0, [[640, 640]], [SAME / 640]), "n", "bbox_wh",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_errors_name_what_the_caller_wrote(name, capsys):
    call, argument, boxes = NAMED[name]
    for few in (2, 20):
        with pytest.raises(
            DataError,
            match=rf"^{boxes}: .*, (fewer than|too few for) {argument} = {few}(; give a smaller {argument})?$",
        ):
            call(few)
    for wrong in (0, 2.5, "2"):
        with pytest.raises(DataError, match=rf"^{argument} = {wrong!r}: must be"):
            call(wrong)


@pytest.mark.parametrize(("init", "start"), [([[1, 2]], "init: must have n = 2 centres, got 1"), ("x", "init = 'x'")])
def test_a_start_is_counted_in_n(init, start):
    with pytest.raises(DataError, match=f"^{start}"):
        fastanchor.auto_anchor(WH, n=2, init=init, progress=False)
