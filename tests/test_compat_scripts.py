"""The stand-ins for scripts: the k-means tutorial, Darknet, MMDetection."""

import random
import sys

import numpy as np
import pytest

import fastanchor
from fastanchor import BackendError, DataError
from fastanchor.compat import darknet, mmdet, yolo_kmeans

import golden_data
import naive
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
    np.testing.assert_array_equal(yolo_kmeans.calc_distance(boxes, centers).argmin(1), right[0])
    np.testing.assert_allclose(yolo_kmeans.calc_distance(boxes, centers).min(1), right[1], rtol=1e-12)
    plain = np.hypot(boxes[:, None, 0] - centers[:, 0], boxes[:, None, 1] - centers[:, 1])
    np.testing.assert_allclose(yolo_kmeans.calc_distance(boxes, centers, use_iou=False), plain, rtol=1e-12)
    np.testing.assert_allclose(yolo_kmeans.wh_iou(boxes, centers), 1.0 - yolo_kmeans.calc_distance(boxes, centers))
    got = yolo_kmeans.anchor_fitness(centers, boxes, 0.25)
    np.testing.assert_allclose(got, naive.fitness_fast(centers, boxes, 0.25), rtol=1e-12)


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
        ([[1, 2]] * 20, {"k": 2}, "hold 1 distinct size, fewer than k = 2"),
        ([[1, 2], [2, 3]], {"k": 3}, "there are 2, fewer than k = 3"),
        ([[1, 2]] * 20, {"k": 2, "use_pp": True}, "hold 1 distinct sizes, fewer than k = 2"),
        ([[1, 2], [0, 3]], {"k": 1}, "finite and > 0"),
        ([[1, 2], [2, 3]], {"k": 1, "dist": "median"}, "dist = 'median': must be a function"),
        ([[1, 2], [2, 3]], {"k": 0}, "k = 0"),
    ],
)
def test_what_made_the_tutorial_run_for_ever_is_an_error(boxes, arguments, sentence):
    with pytest.raises(DataError, match=sentence):
        yolo_kmeans.k_means(boxes, **arguments)


@pytest.mark.parametrize(
    ("img_wh", "bbox_wh", "sentence"),
    [
        ([[10, 10]], [], "bbox_wh: holds 0 images, img_wh 1"),
        ([[10, 10]], [[]], "bbox_wh: is empty"),
        ([[10, 10]], [[[0.001, 0.001]]], "no box has a side of 2 pixels"),
        ([[10, 10]], [[[0.1, np.nan]]], "bbox_wh"),
    ],
)
def test_bad_input_of_auto_anchor(img_wh, bbox_wh, sentence):
    with pytest.raises(DataError, match=sentence):
        yolo_kmeans.auto_anchor(640, 1, 0.25, 10, img_wh, bbox_wh)


def test_read_voc_fits_auto_anchor(data, capsys):
    img_wh, bbox_wh = yolo_kmeans.read_voc(data / "bccd")
    boxes = fastanchor.read(data / "bccd")
    assert len(img_wh) == len(bbox_wh) == len(np.unique(boxes.image_index))
    assert sum(map(len, bbox_wh)) == len(boxes)
    assert max(one.max() for one in bbox_wh) <= 1.0
    seed(0)
    assert yolo_kmeans.auto_anchor(416, 6, 0.25, 20, img_wh, bbox_wh).shape == (6, 2)


def test_darknet_prints_and_writes_its_text(data, tmp_path, capsys):
    boxes = fastanchor.read(data / "bccd")
    anchors = darknet.calc_anchors(data / "bccd", 6, 416, 320, seed=1, out=tmp_path)
    wh = boxes.wh * (np.array([416, 320]) / boxes.image_wh[boxes.image_index])
    start = wh[np.random.default_rng(1).choice(len(wh), 6, replace=False)]
    centers, n_iter, _ = naive.kmeans(wh, start, "iou", "mean", 1000)
    np.testing.assert_allclose(anchors, centers[np.argsort(centers.prod(1))], rtol=1e-9)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "num_of_clusters = 6, width = 416, height = 320"
    assert lines[3] == f"iterations = {n_iter}"
    counters = ", ".join(map(str, np.bincount(boxes.class_index).tolist()))
    assert lines[4] == f"counters_per_class = {counters}"
    iou = 1.0 - naive.nearest_fast(wh, centers, "iou")[1].mean()
    assert lines[5] == f"avg IoU = {iou * 100:.2f} %"
    text = ", ".join(f"{w:3.0f},{h:3.0f}" for w, h in anchors.tolist())
    assert lines[-1] == f"anchors = {text}"
    assert (tmp_path / "anchors.txt").read_text("utf-8") == text
    assert (tmp_path / "counters_per_class.txt").read_text("utf-8") == f"counters_per_class = {counters}"


def test_darknet_in_grid_cells(capsys):
    anchors = darknet.calc_anchors([[0.1, 0.2], [0.5, 0.6]], 2, 13, 13)
    assert capsys.readouterr().out.splitlines()[-1] == "anchors = 1.3000,2.6000, 6.5000,7.8000"
    np.testing.assert_allclose(anchors, [[1.3, 2.6], [6.5, 7.8]])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([[0.1, 0.2]], 1), "width and height: both are needed"),
        (([[0.1, 0.2], [12, 13]], 1, 416, 416), r"data\[1\] = \(12.0, 13.0\): sizes must be relative"),
        (([[0.1, 0.2]], 2, 416, 416), "1 distinct size, fewer than k = 2"),
        (([[0.1, 0.2]], 1, 416, 0), "height = 0"),
    ],
)
def test_bad_input_of_darknet(arguments, sentence):
    with pytest.raises(DataError, match=sentence):
        darknet.calc_anchors(*arguments)


def test_mmdet_k_means_is_the_definition():
    wh, shapes = zoo.lognormal(500), np.tile([800.0, 600.0], (500, 1))
    got = mmdet.optimize_anchors(wh, shapes, (608, 608), 6, "k-means", rng=3)
    scaled = wh * 608 / 800
    start = scaled[np.random.default_rng(3).choice(500, 6, replace=False)]
    centers = naive.kmeans(scaled, start, "iou", "mean", 1000)[0]
    np.testing.assert_allclose(got, centers[np.argsort(centers.prod(1))], rtol=1e-9)


def test_mmdet_differential_evolution_reaches_what_scipy_reaches_on_plain_numpy():
    optimize = pytest.importorskip("scipy.optimize")
    wh = zoo.lognormal(150).clip(5, 300)
    got = mmdet.differential_evolution(wh, 2, (320, 320), 30, rng=0)

    def loss(flat):
        return naive.nearest_fast(wh, np.maximum(flat.reshape(2, 2), 1e-6), "iou")[1].mean()

    right = optimize.differential_evolution(
        loss, [(0, 320), (0, 320)] * 2, maxiter=30, tol=1e-4, rng=np.random.default_rng(0)
    )
    np.testing.assert_allclose(loss(got.ravel()), right.fun, atol=1e-6)
    assert (np.diff(got.prod(1)) > 0).all()


def test_mmdet_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(BackendError, match=r"pip install 'fastanchor\[compat\]'"):
        mmdet.differential_evolution([[1, 2], [3, 4]], 1)


def test_mmdet_bad_input():
    with pytest.raises(DataError, match="algorithm = 'DE'"):
        mmdet.optimize_anchors([[1, 2]], [[9, 9]], algorithm="DE")
    with pytest.raises(DataError, match="img_shapes: has 2 rows, bbox_whs 1"):
        mmdet.resized([[1, 2]], [[9, 9]] * 2)
    with pytest.raises(DataError, match=r"input_shape = \(640,\)"):
        mmdet.resized([[1, 2]], [[9, 9]], (640,))
    with pytest.raises(DataError, match="adds up to 4; there are 3"):
        mmdet.nested([[1, 2], [3, 4], [5, 6]], (2, 2))


def test_mmyolo_order_of_levels():
    assert mmdet.nested([[1, 2], [3, 4]], (1, 1), largest_first=False) == [[(1, 2)], [(3, 4)]]
