"""Kinds of arguments: what each refuses in a sentence, wherever it is given, and that what it takes is used as such."""

import array
import itertools
import os
import re
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

import fastanchor
from fastanchor import Boxes, BoxIndex, DataError, kernels
from fastanchor import datasets as data
from fastanchor.compat import mmdet, yolo_kmeans, yolov5
from fastanchor.export import FORMATS, emit, read
from fastanchor.levels import by_level, level_counts

WH = np.array([[10.0, 20.0], [12.0, 14.0], [40.0, 60.0], [90.0, 70.0], [33.0, 21.0]])
ANCHORS = np.array([[8.0, 10.0], [12.0, 20.0], [20.0, 30.0], [40.0, 60.0]])
SIZED = Boxes(WH, [0] * 5, [[100, 100]])


def refused(sentence):
    return pytest.raises(DataError, match=re.escape(sentence))


def result(n=4):
    return fastanchor.auto_anchor(WH, n=n, gen=0, n_init=1, rng=0, progress=False)


# --- rows that belong to boxes

ROWS = {
    "masked": (np.ma.array([0, 1, 0, 1, 0], mask=[1, 0, 0, 0, 0]), "[0]: must not be masked"),
    "masked, last": (np.ma.array([0, 1, 0, 1, 0], mask=[0, 0, 0, 0, 1]), "[4]: must not be masked"),
    "ragged": ([[0, 1], [0], [1], [0], [1]], ": must be 5 whole numbers, one per box; got [[0, 1], [0], [1]"),
    "floats": ([0.0, 1.0, 0.0, 1.0, 0.0], ": must be 5 whole numbers, one per box; got float64"),
    "bools": ([True, False, True, False, True], ": must be 5 whole numbers"),
    "text": ("01010", ": must be 5 whole numbers"),
    "beyond": ([0, 1, 2, 1, 0], "[2] = 2: "),
    "below": (np.array([0, 1, 0, -1, 0], np.int8), "[3] = -1: "),
    "far beyond": (np.array([0, 1, 0, 1, 2**64 - 1], np.uint64), "[4] = 18446744073709551615: "),
}


@pytest.mark.parametrize(("rows", "sentence"), ROWS.values(), ids=ROWS)
def test_rows(rows, sentence):
    with refused(f"labels{sentence}"):
        fastanchor.update_centers(WH, rows, 2)
    with refused(f"class_index{sentence}"):
        Boxes(WH, class_index=rows, class_names=["a", "b"])
    with refused(f"image_index{sentence}"):
        Boxes(WH, image_index=rows, image_wh=[[9, 9], [8, 8]])


@pytest.mark.parametrize("hidden", [[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[1, 1], [1, 1]]])
def test_masked_labels_of_stand_ins(hidden):
    sizes = np.ma.array([[0.5, 0.5], [0.25, 0.5]], mask=hidden)
    row = int(np.argmax(np.any(hidden, axis=1)))
    with refused(f"bbox_wh[1][{row}]: must not be masked"):
        yolo_kmeans.auto_anchor(640, 1, 0.25, 0, [[9, 9], [9, 9]], [sizes.data, sizes])
    whole = np.full((2, 5), 0.5)
    columns = np.ma.array(whole, mask=np.zeros((2, 5)))
    columns[:, 3:] = sizes
    with refused(f"dataset.labels[1][{row}]: must not be masked"):
        yolov5.kmean_anchors(SimpleNamespace(labels=[whole, columns], shapes=np.array([[9, 9], [9, 9]])))
    with refused(f"dataset.shapes[{row}]: must not be masked"):
        yolov5.kmean_anchors(SimpleNamespace(labels=[whole, whole], shapes=sizes))


def test_a_mask_that_hides_nothing_is_no_matter():
    labels = np.ma.array([0, 1, 0, 1, 0], mask=[0, 0, 0, 0, 0])
    np.testing.assert_array_equal(
        fastanchor.update_centers(WH, labels, 2), fastanchor.update_centers(WH, [0, 1, 0, 1, 0], 2)
    )


@pytest.mark.parametrize("sizes", [[[1, 2], [3]], [[1, 2], 3], [[[1, 2]], [[3]]]])
def test_ragged_sizes(sizes):
    for call, name in (
        (lambda: Boxes(sizes), "wh"),
        (lambda: Boxes(WH, image_wh=sizes), "image_wh"),
        (lambda: fastanchor.kmeans(sizes, 1), "boxes"),
        (lambda: fastanchor.update_centers(sizes, [0, 0], 1), "boxes"),
        (lambda: fastanchor.update_centers(WH, [0] * 5, 2, empty=sizes), "empty"),
    ):
        with refused(f"{name}: must be numbers of shape (n, 2), widths and heights; got"):
            call()


@pytest.mark.parametrize("k", [6, 2**29, 2**31 - 1])
def test_more_centres_than_boxes_are_refused_before_they_are_made(k, monkeypatch):
    monkeypatch.setattr(np, "bincount", None)  # what made k rows
    with refused(f"k = {k}: must be at most 5, the number of boxes; give empty="):
        fastanchor.update_centers(WH, [0] * 5, k)
    with refused(f"empty: must have k = {k} centres, got 1"):
        fastanchor.update_centers(WH, [0] * 5, k, empty=[[1, 1]])


def test_more_centres_than_boxes_where_it_is_said_where_they_go():
    np.testing.assert_array_equal(
        fastanchor.update_centers([[1, 2]], [1], 3, empty=[[7, 7], [8, 8], [9, 9]]), [[7, 7], [1, 2], [9, 9]]
    )


# --- levels and their anchors

PARTS = {
    "half a level": ([(3.5, 2), (4, 2)], "levels[0][0] = 3.5: must be a whole number"),
    "half an anchor": ([(3, 2.0), (4, 2)], "levels[0][1] = 2.0: must be a whole number"),
    "repeated": ([(3, 2), (3, 2)], "levels = [(3, 2), (3, 2)]: levels must rise"),
    "falling": ([(5, 2), (4, 2)], "levels = [(5, 2), (4, 2)]: levels must rise"),
    "negative level": ([(-3, 2), (4, 2)], "levels[0][0] = -3: must be at least 0"),
    "negative count": ([(3, -2), (4, 6)], "levels[0][1] = -2: must be at least 0"),
    "huge level": ([(3, 2), (10**30, 2)], "levels[1][0] = 1000000000000000000000000000000: must be at most 12"),
    "level 13": ([(13, 4)], "levels[0][0] = 13: must be at most 12"),
    "sum": ([(3, 2), (4, 3)], "levels = [(3, 2), (4, 3)]: got 5 anchors on these levels, expected 4"),
    "bools": ([(True, 4)], "levels[0][0] = True: must be a whole number"),
    "name": ("P5", "levels = 'P5': expected pairs (level, number of anchors)"),
    "number": (3, "levels = 3: expected pairs (level, number of anchors)"),
    "levels alone": ([3, 4], "levels = [3, 4]: expected pairs (level, number of anchors)"),
    "triples": ([(3, 2, 1), (4, 2, 1)], "expected pairs (level, number of anchors)"),
    "bytes": ([b"ab"], "expected pairs (level, number of anchors)"),
    "nothing": ([], "levels = []: expected pairs (level, number of anchors)"),
}
YAML = "nc: 3\nanchors:\n  - [1,2, 3,4]  # P3/8\n  - [5,6, 7,8]  # P4/16\n"
CFG = "[net]\n[convolutional]\nstride=32\nfilters=18\n[yolo]\nmask=0\nanchors=1,2\nclasses=1\nnum=1\n"
EMITTERS = ("yolov5", "darknet", "mmdet", "mmyolo", "paddle", "tao", "json", "csv")


@pytest.mark.parametrize(("parts", "sentence"), PARTS.values(), ids=PARTS)
def test_parts(parts, sentence, tmp_path):
    found = result()
    for name in EMITTERS:
        with refused(sentence):
            getattr(found, f"to_{name}")(parts)
        with refused(sentence):
            emit(ANCHORS, name, parts)
    for name, text, put in (("m.yaml", YAML, FORMATS["yolov5"].splice), ("m.cfg", CFG, FORMATS["darknet"].splice)):
        file = tmp_path / name
        file.write_text(text)
        with refused(sentence):
            found.edited(file, parts)
        with refused(sentence):
            put(text, ANCHORS, parts)
    with refused(sentence):
        by_level(ANCHORS, parts)


@pytest.mark.parametrize("parts", [[(3, 2), (4, 2)], ((3, 2), (4, 2)), np.array([[3, 2], [4, 2]])])
def test_parts_of_any_sequence(parts):
    assert emit(ANCHORS, "csv", parts) == emit(ANCHORS, "csv", [(3, 2), (4, 2)])


@pytest.mark.parametrize("names", [3, b"\3\4", {3, 4}, [3, 3], [4, 3], [3.0], "3,3", "4,3"])
def test_names_of_levels(names):
    with pytest.raises(DataError, match="levels = "):
        level_counts(ANCHORS, names)


@pytest.mark.parametrize("counts", [4, "22", b"\2\2", None, [2.0, 2.0], [2, True], [2, 3]])
def test_anchors_of_each_level(counts):
    with pytest.raises(DataError, match="per_level = "):
        mmdet.nested(ANCHORS, counts)
    if counts is not None:
        with pytest.raises(DataError, match="per_level = "):
            level_counts(ANCHORS, per_level=counts)


# --- the network input

ENTRIES = {
    "auto_anchor": lambda boxes, **rest: fastanchor.auto_anchor(boxes, n=2, gen=0, rng=0, progress=False, **rest),
    "check": lambda boxes, **rest: fastanchor.check(boxes, [[10, 10]], **rest),
    "sweep": lambda boxes, **rest: fastanchor.sweep(boxes, [1], rng=0, progress=False, **rest),
    "scaled": lambda boxes, img_size=640, fit="letterbox": Boxes.scaled(boxes, img_size, fit=fit),
}
INPUTS = {
    "bytes": ({"img_size": b"ab"}, "img_size = b'ab': must be one whole number or (width, height)"),
    "bytearray": ({"img_size": bytearray(b"ab")}, "img_size = bytearray(b'ab'): must be"),
    "memoryview": ({"img_size": memoryview(b"ab")}, "img_size = <memory at"),
    "array of no axis": (
        {"img_size": np.array(640)},
        "img_size = array(640): must be one whole number or (width, height)",
    ),
    "text": ({"img_size": "x"}, "img_size = 'x': must be one whole number or"),
    "nothing": ({"img_size": None}, "img_size = None: must be one whole number or"),
    "none of them": ({"img_size": ()}, "img_size = (): must be one whole number or (width, height)"),
    "nested": ({"img_size": [[640, 384]]}, "img_size = [640, 384]: must be a whole number"),
    "masked": ({"img_size": np.ma.array([640, 384], mask=[0, 1])}, "must be a whole number"),
    "set": ({"img_size": {640, 384}}, "must be one whole number or (width, height)"),
    "fraction": ({"img_size": 640.0}, "img_size = 640.0: must be a whole number"),
    "bool": ({"img_size": True}, "img_size = True: must be a whole number"),
    "fit": ({"fit": "zzz"}, "fit = 'zzz': must be one of 'letterbox', 'stretch'"),
    "fit of bytes": ({"fit": b"stretch"}, "fit = b'stretch': must be one of"),
}
KINDS = {"sized": SIZED, "unsized": Boxes(WH), "rows": WH, "no boxes at all": None}
if kernels.installed():
    KINDS["index"] = BoxIndex(WH)


@pytest.mark.parametrize(("arguments", "sentence"), INPUTS.values(), ids=INPUTS)
@pytest.mark.parametrize("name", ENTRIES)
def test_network_input_is_checked_first(name, arguments, sentence):
    for boxes in [SIZED, Boxes(WH)] if name == "scaled" else KINDS.values():
        with refused(sentence):
            ENTRIES[name](boxes, **arguments)


@pytest.mark.parametrize("size", [(640, 384), [640, 384], np.array([640, 384]), array.array("i", [640, 384])])
def test_network_inputs_of_two_sides(size):
    np.testing.assert_array_equal(SIZED.scaled(size), SIZED.scaled((640, 384)))


@pytest.mark.parametrize("shape", [640, "ab", b"ab", (640,), (1, 2, 3), None, (640.0, 640), np.array(640)])
def test_pairs_of_sides(shape, tmp_path):
    with pytest.raises(DataError, match="input_shape = "):
        mmdet.resized(WH, WH, shape)
    if shape is not None and not isinstance(shape, (int, np.ndarray)) and shape != (640,):  # one side is a square
        (tmp_path / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
        with pytest.raises(DataError, match="source_size = "):
            data.read(tmp_path, format="yolo", source_size=shape)


# --- numbers

BACKENDS = ["numpy", *(["numba"] if kernels.installed() else [])]


@pytest.mark.parametrize("thr", [Decimal("0.25"), Fraction(1, 4), np.float32(0.25), np.array(0.25), np.float16(0.25)])
@pytest.mark.parametrize("name", BACKENDS)
def test_numbers_of_any_type_are_used_as_floats(name, thr):
    def scores(value):
        same = {"thr": value, "rng": 0, "progress": False, "min_size": Decimal(2) if value is thr else 2.0}
        found = fastanchor.auto_anchor(WH, n=2, gen=3, n_init=2, tol=value * 0, **same)
        curve = fastanchor.sweep(WH, [2], gen=3, **same)
        checked = fastanchor.check(WH, ANCHORS, thr=value)
        del same["min_size"]
        searched = fastanchor.evolve(WH, ANCHORS, gen=3, **same)
        assert type(checked.thr) is float
        return [
            found.fitness, *found.anchors.ravel(), *curve.fitness, *checked.to_dict()["counts"], checked.fitness,
            searched.fitness, *fastanchor.anchor_fitness(WH, ANCHORS, value),
        ]  # fmt: skip

    with fastanchor.backend(name):
        assert scores(thr) == scores(0.25)


@pytest.mark.parametrize(
    "thr", [True, "0.2", b"0.2", np.array("0.2"), np.array(True), 0.5j, None, [0.2], Decimal("NaN")]
)
def test_no_numbers(thr):
    for call in (ENTRIES["auto_anchor"], ENTRIES["check"], ENTRIES["sweep"]):
        with pytest.raises(DataError, match=r"thr = .*: must be a number from 0 to 1"):
            call(WH, thr=thr)


@pytest.mark.parametrize("n", [np.int8(3), np.uint8(3), np.int64(3)])
def test_whole_numbers_of_any_type_are_used_as_ints(n):
    found = fastanchor.auto_anchor(
        WH, n=n, gen=n, n_init=n, max_iter=n, threads=n, img_size=n * np.uint8(80), rng=n, progress=False
    )
    right = fastanchor.auto_anchor(WH, n=3, gen=3, n_init=3, max_iter=3, threads=3, img_size=240, rng=3, progress=False)
    np.testing.assert_array_equal(found.anchors, right.anchors)


# --- several numbers


@pytest.mark.parametrize(
    "n",
    [5, None, 1.5, np.int64(2), 10**400, 10**5000, np.array(3), "12", b"ab", memoryview(b"ab")],
    ids=lambda n: type(n).__name__,
)
def test_a_sweep_needs_several_numbers(n):
    with pytest.raises(DataError, match=r"^n = .*: must be several numbers of anchors, such as \[3, 6, 9\]"):
        fastanchor.sweep(WH, n)


@pytest.mark.parametrize("n", [{1, 3}, (3, 1, 1), np.array([1, 3]), iter([1, 3]), range(1, 4, 2), {1: 0, 3: 0}])
def test_a_sweep_takes_any_of_several(n):
    assert fastanchor.sweep(WH, n, n_init=1, rng=0, progress=False).n.tolist() == [1, 3]


# --- names, tallies, paths, progress


@pytest.mark.parametrize("names", [None, 3, "abc", b"ab", [1, 2], [b"a"], ["a", None]])
def test_names(names):
    with pytest.raises(DataError, match=r"class_names = .*: must be a sequence of str"):
        Boxes(WH, class_names=names)


@pytest.mark.parametrize("names", [["a", "b"], ("a", "b"), np.array(["a", "b"]), {"a": 0, "b": 1}.keys()])
def test_names_of_any_iterable(names):
    assert Boxes(WH, class_names=names).class_names == ("a", "b")


@pytest.mark.parametrize("skipped", ["x", None, 3, ["ab"], [("reason", 1)], {1: 1}])
def test_tallies(skipped):
    with pytest.raises(DataError, match=r"skipped = .*: must be a mapping of str to whole numbers"):
        Boxes(WH, skipped=skipped)


@pytest.mark.parametrize("count", [-1, 1.5, "1", None, True])
def test_counts_of_a_tally(count):
    with pytest.raises(DataError, match=r"skipped\['why'\] = "):
        Boxes(WH, skipped={"why": count})


@pytest.mark.parametrize("path", [None, 3, 1.5, ["a.cfg", "b.cfg"], object])
def test_no_paths(path):
    with pytest.raises(DataError, match=r"^file = .*: must be the path of a file or folder"):
        result().edited(path)
    if not isinstance(path, list):
        with pytest.raises(DataError, match=r"^path = .*: must be the path of a file or folder"):
            data.read(path)
        with pytest.raises(DataError, match=r"^anchors = .*: must be a sequence of str"):
            read(path)


@pytest.mark.parametrize("kind", [str, os.fsencode, lambda path: path])
def test_paths_of_any_kind(kind, tmp_path):
    cfg, table = tmp_path / "x.cfg", tmp_path / "boxes.csv"
    cfg.write_text(CFG)
    table.write_text("width,height\n10,20\n")
    assert "filters=24" in result().edited(kind(cfg))
    assert read(kind(cfg)).anchors.tolist() == [[1, 2]]
    assert data.read(kind(table)).wh.tolist() == [[10, 20]]


@pytest.mark.parametrize("columns", [3, "wh", b"wh", ("w",), ("w", "h", "x"), ("w", 1), {"w", "h"}])
def test_columns(columns, tmp_path):
    (tmp_path / "boxes.csv").write_text("w,h\n10,20\n")
    with pytest.raises(DataError, match=r"columns = .*: must be the names of two columns"):
        data.read(tmp_path / "boxes.csv", columns=columns)


@pytest.mark.parametrize("progress", [np.zeros((0, 2)), np.ones(3), "yes", 1, 0, [], [True]])
def test_progress(progress, tmp_path):
    (tmp_path / "boxes.csv").write_text("w,h\n10,20\n")
    for call in (
        lambda: fastanchor.kmeans(WH, 1, progress=progress),
        lambda: fastanchor.auto_anchor(WH, n=1, progress=progress),
        lambda: fastanchor.evolve(WH, ANCHORS, progress=progress),
        lambda: fastanchor.sweep(WH, [1], progress=progress),
        lambda: data.read(tmp_path / "boxes.csv", progress=progress),
    ):
        with pytest.raises(DataError, match=r"progress = .*: must be True, False, None or a callable"):
            call()


# --- sources of randomness

RNG = [
    True, np.True_, [], [1], [[1, 2]], (1, 2), np.array([1, 2]), np.array(3), 10**400, 2**128, -1, 1.0, "0",
    np.random.RandomState(0), np.random.PCG64(0), np.random.SeedSequence(0),
]  # fmt: skip


@pytest.mark.parametrize("rng", RNG, ids=lambda rng: type(rng).__name__)
def test_sources_of_randomness(rng):
    for call in (
        lambda: fastanchor.kmeans(WH, 2, rng=rng),
        lambda: fastanchor.auto_anchor(WH, n=2, rng=rng, progress=False),
        lambda: fastanchor.evolve(WH, ANCHORS, rng=rng, progress=False),
        lambda: fastanchor.sweep(WH, [2], rng=rng, progress=False),
        lambda: mmdet.k_means(WH, 2, rng=rng),
        lambda: mmdet.v5_k_means(WH, 2, 1, rng=rng),
    ):
        with refused("must be None, a whole number from 0 to 2**128 - 1, or a numpy.random.Generator"):
            call()


@pytest.mark.parametrize("seed", [0, np.uint8(7), 2**128 - 1])
def test_a_seed_is_that_of_numpy(seed):
    first = fastanchor.evolve(WH, ANCHORS, gen=5, rng=seed, progress=False)
    second = fastanchor.evolve(WH, ANCHORS, gen=5, rng=np.random.default_rng(int(seed)), progress=False)
    np.testing.assert_array_equal(first.anchors, second.anchors)
    np.testing.assert_array_equal(first.history, second.history)


# --- the index and points


@pytest.mark.parametrize("point", [(0.0, 1.0), (-1.0, 2.0), (-3.0, -0.0)])
def test_the_index_says_who_takes_points_of_any_sign(point):
    points = np.array([[3.0, 4.0], point, [7.0, 1.0]])
    asked = {"metric": "euclidean", "init": points[:2], "progress": False}
    if kernels.installed():
        with refused(
            f"boxes[1] = {point}: widths and heights must be finite and > 0 (for engine='index'; engine='auto' or "
            "'dense' takes any points)"
        ):
            fastanchor.kmeans(points, 2, engine="index", **asked)
    found = [fastanchor.kmeans(points, 2, engine=name, **asked).centers for name in ("auto", "dense")]
    np.testing.assert_array_equal(*found)


def test_the_index_takes_points_above_zero():
    if not kernels.installed():
        pytest.skip("numba is not installed")
    found = [
        fastanchor.kmeans(WH, 2, metric="euclidean", init=WH[:2], engine=name, progress=False).centers
        for name in ("index", "dense")
    ]
    for one, other in itertools.pairwise(found):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("value", [4, 4.0, 2.91, 1.5])
@pytest.mark.parametrize(
    "call",
    [
        lambda thr: fastanchor.anchor_fitness(WH, WH[:2], thr=thr),
        lambda thr: fastanchor.auto_anchor(WH, n=2, thr=thr, gen=0),
        lambda thr: fastanchor.sweep(WH, [2], thr=thr),
        lambda thr: fastanchor.check(WH, WH[:2], thr=thr),
        lambda thr: fastanchor.evolve(WH, WH[:2], thr=thr, gen=0),
    ],
    ids=["fitness", "auto_anchor", "sweep", "check", "evolve"],
)
def test_a_threshold_above_one_is_recognised_as_anchor_t(call, value):
    rule = f"(anchor_t = {value:g} of YOLOv5 is 1/{value:g} = {1 / value:.4g})"
    with pytest.raises(DataError) as caught:
        call(value)
    assert str(caught.value) == f"thr = {value}: must be a number from 0 to 1 {rule}"


@pytest.mark.parametrize("value", [-0.25, float("inf"), float("nan")])
def test_other_wrong_thresholds_have_no_inverse(value):
    with pytest.raises(DataError) as caught:
        fastanchor.anchor_fitness(WH, WH[:2], thr=value)
    assert str(caught.value) == f"thr = {value}: must be a number from 0 to 1"
