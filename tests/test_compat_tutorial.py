"""The stand-in for the k-means tutorial, against the original's figures and against the tutorial restated plainly."""

import random
import re

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError
from fastanchor.compat import yolo_kmeans

import golden_data
import naive
import tutorial
import zoo


def seed(number):
    np.random.seed(number)
    random.seed(number)


def pixels(case):
    labels = np.concatenate(golden_data.dataset(case["dataset"]).labels)
    return labels[:, 3:5].astype(np.float64) * 640


@pytest.mark.parametrize("callable_", [False, True], ids=["rule", "any callable"])
@pytest.mark.parametrize(
    "case", golden_data.cases("yolo_kmeans", "k_means"), ids=lambda c: f"{c['dataset']}-{c['dist']}-{c['k']}"
)
def test_k_means_of_the_tutorial(backend, case, callable_):
    rule = getattr(np, case["dist"])
    seed(case["seed"])
    got = yolo_kmeans.k_means(pixels(case), case["k"], (lambda a, axis: rule(a, axis=axis)) if callable_ else rule)
    np.testing.assert_allclose(got, case["anchors"], rtol=0, atol=0.01)


@pytest.mark.parametrize("case", golden_data.cases("yolo_kmeans", "auto_anchor"), ids=lambda c: c["dataset"])
def test_auto_anchor_of_the_tutorial_prints_the_same_figures(case, capsys):
    data = golden_data.dataset(case["dataset"])
    seed(case["seed"])
    arguments = (case["img_size"], case["n"], case["thr"], case["gen"])
    anchors = yolo_kmeans.auto_anchor(*arguments, data.shapes, [label[:, 3:5] for label in data.labels])
    captured = capsys.readouterr()
    assert golden_data.figures(captured.out) == case["figures"]
    assert [line.split(":")[0] for line in captured.out.splitlines()[1:]] == ["kmeans", "fitness", "genetic", "fitness"]
    wh = np.concatenate(data.labels)[:, 3:5].astype(float)
    wh *= np.repeat(
        case["img_size"] * data.shapes / data.shapes.max(1, keepdims=True), [len(one) for one in data.labels], axis=0
    )
    wh = wh[(wh >= 2).any(1)]
    fitness, recall = naive.fitness_fast(anchors, wh, case["thr"])
    assert f"fitness: {fitness:.5f}" in captured.out.splitlines()[-1]
    assert f"these anchors reach {recall:.5f}" in captured.err  # the script prints the last mutant's recall


def test_pieces_of_the_tutorial():
    boxes = zoo.lognormal(300)
    centers = zoo.lognormal(4, 1)
    right = naive.nearest_fast(boxes, centers, "iou")
    distance = yolo_kmeans.calc_distance(boxes, centers, use_iou=True)
    np.testing.assert_array_equal(distance.argmin(1), right[0])
    np.testing.assert_allclose(distance.min(1), right[1], rtol=1e-12)
    np.testing.assert_allclose(yolo_kmeans.wh_iou(boxes, centers), 1.0 - distance)
    got = yolo_kmeans.anchor_fitness(centers, boxes, 0.25)
    np.testing.assert_allclose(got, naive.fitness_fast(centers, boxes, 0.25), rtol=1e-12)


@pytest.mark.parametrize("shift", [0.0, -50.0, -1000.0])
def test_distance_is_euclidean_and_takes_points(shift):
    points, centers = zoo.lognormal(300) + shift, zoo.lognormal(4, 1) + shift
    plain = np.hypot(points[:, None, 0] - centers[:, 0], points[:, None, 1] - centers[:, 1])
    np.testing.assert_allclose(yolo_kmeans.calc_distance(points, centers), plain, rtol=1e-12)
    np.testing.assert_allclose(yolo_kmeans.calc_distance(obs=points.tolist(), centers=centers), plain, rtol=1e-12)


@pytest.mark.parametrize("use_iou", [True, False])
def test_first_centres_are_boxes_and_distinct(use_iou):
    boxes = zoo.lognormal(200)
    np.random.seed(0)
    centers = yolo_kmeans.calc_center(boxes, 5, use_iou)
    assert {tuple(c) for c in centers.tolist()} <= {tuple(b) for b in boxes.tolist()}
    assert len(np.unique(centers, axis=0)) == 5
    np.random.seed(0)
    got = yolo_kmeans.k_means(boxes, 5, use_iou=use_iou, use_pp=True)
    metric = "iou" if use_iou else "euclidean"
    np.testing.assert_array_equal(got, naive.kmeans(boxes, centers, metric, "median", 1000)[0])


def test_one_centre_is_the_median():
    boxes = zoo.lognormal(101)
    for rule in (np.median, lambda a, axis: np.median(a, axis)):
        np.testing.assert_array_equal(yolo_kmeans.k_means(boxes, 1, rule), [np.median(boxes, axis=0)])


@pytest.mark.parametrize(
    ("boxes", "arguments", "sentence"),
    [
        ([[1, 2]] * 20, {"k": 2}, "only 1 distinct size, too few for k = 2"),
        ([[1, 2], [2, 3]], {"k": 3}, "got 2, fewer than k = 3"),
        ([[1, 2]] * 20, {"k": 2, "use_pp": True}, "got 1 distinct sizes, fewer than k = 2"),
        ([[1, 2], [0, 3]], {"k": 1}, "finite and > 0"),
        ([[1, 2], [2, 3]], {"k": 1, "dist": "median"}, "dist: got 'median', expected a function"),
        ([[1, 2], [2, 3]], {"k": 0}, "k = 0"),
    ],
)
def test_what_made_the_tutorial_run_for_ever_is_an_error(boxes, arguments, sentence):
    with pytest.raises(DataError, match=sentence):
        yolo_kmeans.k_means(boxes, **arguments)


@pytest.mark.parametrize(
    ("img_wh", "bbox_wh", "sentence"),
    [
        ([[10, 10]], [], "bbox_wh: got 0 images, expected 1 as in img_wh"),
        ([[10, 10]], [[]], "bbox_wh: must have at least one"),
        ([[10, 10]], [[[0.001, 0.001]]], "no box has a side of 2 pixels"),
        ([[10, 10]], [[[0.1, np.nan]]], "bbox_wh"),
        (
            [[10, 10]] * 2,
            [[0.1, 0.2], [0.3, 0.4]],
            "bbox_wh[0]: got float64 of shape (2,), expected (m, 2) numbers: the widths and heights of",
        ),
        ([[10, 10]] * 2, [[[0.1, 0.2]], [0.3, 0.4]], "bbox_wh[1]: got "),
        ([[10, 10]], [[[0.1, 0.2, 0.3]]], "bbox_wh[0]: got "),
        ([[10, 10]], [[[0.1, 0.2], [0.3]]], "bbox_wh[0]: got "),
        ([[10, 10]], [[["a", "b"]]], "bbox_wh[0]: got "),
        (
            [[10, 10]] * 3,
            [[], [[0.5, 0.5]], [[0.5, 0.5], [30, 0.4]]],
            "bbox_wh[2]: got the size (30, 0.4), expected sizes",
        ),
        ([[640, 480]], [[[120, 90], [64, 48]]], "bbox_wh[0]: got the size (120, 90), expected sizes relative"),
    ],
)
def test_bad_input_of_auto_anchor(img_wh, bbox_wh, sentence):
    with pytest.raises(DataError, match=re.escape(sentence)):
        yolo_kmeans.auto_anchor(640, 1, 0.25, 10, img_wh, bbox_wh)


# with float64 sizes of images the first three print other figures
@pytest.mark.parametrize("number", [0, 3, 36, 1, 2])
def test_images_of_several_sizes_are_scaled_in_single_precision(capsys, number):
    img_wh, bbox_wh = tutorial.mixed(60, number)
    seed(number)
    anchors, text = tutorial.auto_anchor(640, 9, 0.25, 200, img_wh, bbox_wh)
    seed(number)
    got = yolo_kmeans.auto_anchor(640, 9, 0.25, 200, img_wh, bbox_wh)
    assert capsys.readouterr().out == text
    np.testing.assert_array_equal(got, anchors)
    after = np.random.random(), random.random()
    seed(number)
    tutorial.auto_anchor(640, 9, 0.25, 200, img_wh, bbox_wh)
    assert (np.random.random(), random.random()) == after


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
def test_boxes_in_single_precision_stay_so(capsys, dtype):
    img_wh, bbox_wh = tutorial.mixed(60, 5)
    bbox_wh = [np.array(one, dtype=dtype) for one in bbox_wh]
    scale = 640 * np.float32(img_wh) / np.float32(img_wh).max(1, keepdims=True)
    wh = np.concatenate([boxes * s for s, boxes in zip(scale, bbox_wh, strict=True)]).astype(np.float64)
    seed(5)
    right = tutorial.k_means(wh, 4)
    seed(5)
    got = yolo_kmeans.auto_anchor(640, 4, 0.25, 0, img_wh, bbox_wh)
    np.testing.assert_array_equal(got, right[np.argsort(right.prod(1))])


def test_the_bar_has_the_words_of_the_script(capsys, monkeypatch):
    img_wh, bbox_wh = tutorial.mixed(60, 1)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    seed(1)
    yolo_kmeans.auto_anchor(640, 9, 0.25, 200, img_wh, bbox_wh)
    captured = capsys.readouterr()
    reached = float(captured.out.split("fitness: ")[-1].split(",")[0])
    last = captured.err.split("\r")[-1]
    found = re.match(r"Evolving anchors with Genetic Algorithm: fitness = (0\.\d{4}): 100%", last)
    assert float(found[1]) == pytest.approx(reached, abs=6e-5)
    assert "200/200" in last


XML = (
    "<annotation><filename>x.jpg</filename><size><width>{}</width><height>{}</height><depth>3</depth></size>{}"
    "</annotation>"
)
OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


@pytest.fixture
def voc(tmp_path):
    """Three images, one of them without a box; of two sizes and two classes."""
    folder = tmp_path / "Annotations"
    folder.mkdir()
    first = OBJECT.format("cat", 10, 20, 60, 120) + OBJECT.format("ant", 1, 1, 5, 9)
    (folder / "b.xml").write_text(XML.format(500, 333, first))
    (folder / "a.xml").write_text(XML.format(640, 427, OBJECT.format("cat", 0, 0, 300, 427)))
    (folder / "c.xml").write_text(XML.format(500, 333, ""))
    return folder


LINES = [
    "total train num is: 3",
    f"avg total_width is {1640 / 3}, avg total_height is {1093 / 3}",
    f"avg bbox width is {354 / 3}, avg bbox height is {535 / 3} ",
    "min bbox size is 32, max bbox size is 128100",
]


@pytest.mark.parametrize(
    ("classes", "counted"),
    [
        ((), {"ant": 1, "cat": 2}),
        (("dog", "cat", "ant"), {"dog": 0, "cat": 2, "ant": 1}),
        (["owl"], {"owl": 0, "ant": 1, "cat": 2}),
        ({"ant": 0, "owl": 0}, {"ant": 1, "owl": 0, "cat": 2}),
    ],
)
def test_read_voc_prints_the_five_lines(voc, capsys, classes, counted):
    img_wh, bbox_wh = yolo_kmeans.read_voc(voc, classes=classes)
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [*LINES, f"class_static show below: {counted}"]
    assert captured.err == ""
    assert sorted(img_wh.tolist()) == [[500, 333], [640, 427]]
    assert sorted(len(one) for one in bbox_wh) == [1, 2]
    (two,) = [one for one in bbox_wh if len(one) == 2]
    np.testing.assert_array_equal(two, [[50 / 500, 100 / 333], [4 / 500, 8 / 333]])


def test_read_voc_takes_the_scripts_own_call(voc, capsys):
    img_wh, bbox_wh = yolo_kmeans.read_voc(str(voc) + "/", str(voc.parent / "JPEGImages") + "/", 12)
    captured = capsys.readouterr()
    assert captured.out.splitlines()[0] == LINES[0]
    assert captured.err == (
        "show_num = 12: no window is opened; `fastanchor show` writes pictures of the boxes to files\n"
    )
    assert len(img_wh) == len(bbox_wh) == 2


@pytest.mark.parametrize("names", ["dcba", "bdca", "abcd"])
def test_read_voc_keeps_the_order_of_os_walk(tmp_path, capsys, monkeypatch, names):
    for i, name in enumerate("abcd"):
        (tmp_path / f"{name}.xml").write_text(XML.format(100 + i, 50, OBJECT.format("x", 1, 1, 9, 9)))
    listed = [(str(tmp_path), [], [f"{name}.xml" for name in names])]
    monkeypatch.setattr("fastanchor.compat._read_voc.os.walk", lambda path: iter(listed))
    img_wh, _ = yolo_kmeans.read_voc(tmp_path)
    assert img_wh[:, 0].tolist() == [100 + "abcd".index(name) for name in names]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"show_num": -1}, "show_num = -1: must be at least 0"),
        ({"show_num": "12"}, "show_num = '12': must be a whole number"),
        ({"classes": ["a", 3]}, "classes: got 3, expected names of classes"),
    ],
)
def test_bad_options_of_read_voc(voc, options, sentence):
    with pytest.raises(DataError, match=re.escape(sentence)):
        yolo_kmeans.read_voc(voc, **options)


def test_whole_numbers_keep_their_fractions():
    np.random.seed(0)
    assert yolo_kmeans.k_means(np.array([[10, 20], [11, 21]]), 1).tolist() == [[10.5, 20.5]]


def test_read_voc_fits_auto_anchor(data, capsys):
    img_wh, bbox_wh = yolo_kmeans.read_voc(data / "bccd")
    boxes = fastanchor.read(data / "bccd")
    assert len(img_wh) == len(bbox_wh) == len(np.unique(boxes.image_index))
    assert sum(map(len, bbox_wh)) == len(boxes)
    assert max(one.max() for one in bbox_wh) <= 1.0
    seed(0)
    assert yolo_kmeans.auto_anchor(416, 6, 0.25, 20, img_wh, bbox_wh).shape == (6, 2)
