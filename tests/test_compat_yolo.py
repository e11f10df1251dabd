"""The stand-ins for YOLOv5 and YOLOv7 against the originals' numbers, and where the originals go wrong."""

import random
import re
from types import SimpleNamespace

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError
from fastanchor._check import Called
from fastanchor.compat import _autoanchor, _vq, yolov5, yolov7

import golden_data
import zoo

MODULES = {"yolov5": yolov5, "yolov7": yolov7}


def seed(number):
    np.random.seed(number)
    random.seed(number)


def data(*sizes, shape=(640, 640)):
    """One image, relative sizes."""
    labels = np.column_stack([np.zeros((len(sizes), 3)), np.array(sizes, float).reshape(-1, 2)])
    return SimpleNamespace(labels=[labels], shapes=np.array([shape]))


def many(n=400, number=0):
    wh = np.random.default_rng(number).uniform(0.02, 0.5, (n, 2))
    return data(*wh)


def talk(capsys):
    captured = capsys.readouterr()
    return captured.out + captured.err


def numbers(tensor):
    return np.array(tensor.tolist())


@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name in MODULES for case in golden_data.cases(name, "kmean_anchors")],
    ids=lambda value: value if isinstance(value, str) else f"{value['dataset']}-gen{value['gen']}-n{value['n']}",
)
def test_kmean_anchors_are_those_of_the_original(name, case, capsys):
    seed(case["seed"])
    arguments = (case["n"], case["img_size"], case["thr"], case["gen"], False)
    got = MODULES[name].kmean_anchors(golden_data.dataset(case["dataset"]), *arguments)
    np.testing.assert_allclose(got, case["anchors"], rtol=0, atol=0.01 if case["gen"] == 0 else 0.5)
    assert golden_data.figures(talk(capsys)) == case["figures"]
    assert got.dtype == (np.float32 if name == "yolov5" else np.float64)
    assert got.flags.writeable


@pytest.mark.parametrize(
    "case", golden_data.cases("yolov5", "check_anchors"), ids=lambda c: f"{c['dataset']}-{c['seed']}"
)
def test_check_anchors_of_yolov5_adopts_what_the_original_adopts(case, tensor, capsys):
    stride = np.array(case["stride"], float)
    grid = np.array(case["start"], float).reshape(3, 3, 2) / stride.reshape(3, 1, 1)
    layer = SimpleNamespace(anchors=tensor(grid), stride=tensor(stride))
    kept = layer.anchors
    seed(case["seed"])
    yolov5.check_anchors(
        golden_data.dataset(case["dataset"]), SimpleNamespace(model=[layer]), case["thr"], case["imgsz"]
    )
    assert layer.anchors is kept
    assert layer.anchors.dtype == tensor([1.0]).dtype
    np.testing.assert_allclose(numbers(layer.anchors).reshape(-1, 2), case["anchors"], rtol=0, atol=0.05)
    text = talk(capsys)
    assert golden_data.figures(text) == case["figures"]
    for said in ("poor fit to dataset", "attempting to improve", "Running kmeans for", "Done ✅"):
        assert said in text


def test_check_anchors_of_yolov7_writes_pixels_and_strides(tensor, capsys):
    stride = np.array([8.0, 16.0, 32.0])
    start = np.arange(4.0, 22.0).reshape(3, 1, 3, 1, 1, 2)
    layer = SimpleNamespace(
        anchor_grid=tensor(start), anchors=tensor(start.reshape(3, 3, 2) / stride[:, None, None]), stride=tensor(stride)
    )
    seed(0)
    model = SimpleNamespace(module=SimpleNamespace(model=[None, layer]))
    yolov7.check_anchors(golden_data.dataset(1), model, thr=4.0, imgsz=640)
    pixels = numbers(layer.anchor_grid).reshape(3, 3, 2)
    np.testing.assert_allclose(numbers(layer.anchors), pixels / stride[:, None, None], rtol=1e-6)
    assert (np.diff(pixels.reshape(-1, 2).prod(1)) > 0).all()
    text = talk(capsys)
    assert "Analyzing anchors... anchors/target = " in text
    assert "New anchors saved to model." in text


@pytest.mark.parametrize("name", MODULES)
def test_good_anchors_are_left_alone(name, capsys):
    stride = np.array([8.0, 16.0])
    pixels = np.array([[[10.0, 10.0], [20.0, 20.0]], [[40.0, 40.0], [90.0, 90.0]]])
    layer = SimpleNamespace(anchors=pixels / stride[:, None, None], anchor_grid=pixels.copy(), stride=stride)
    before = layer.anchors.copy()
    MODULES[name].check_anchors(data([0.02, 0.02], [0.1, 0.1]), SimpleNamespace(model=[layer]))
    np.testing.assert_array_equal(layer.anchors, before)
    assert "Running kmeans" not in talk(capsys)


@pytest.mark.parametrize("name", MODULES)
def test_new_anchors_that_are_no_better_are_not_adopted(name, capsys, monkeypatch):
    layer = SimpleNamespace(
        anchors=np.ones((2, 1, 2)), anchor_grid=np.array([[[8.0, 8.0]], [[16.0, 16.0]]]), stride=np.array([8.0, 16.0])
    )
    monkeypatch.setattr(_autoanchor, "kmean", lambda *arguments: np.array([[1e-3, 1e-3], [1e-3, 1e-3]]))
    MODULES[name].check_anchors(many(), SimpleNamespace(model=[layer]))
    assert (layer.anchors == 1.0).all()
    assert "riginal anchors better than new anchors" in talk(capsys)


@pytest.mark.parametrize("name", MODULES)
def test_a_head_without_anchors_is_left_alone(name, capsys):
    MODULES[name].check_anchors(many(), SimpleNamespace(model=[SimpleNamespace(stride=[8.0, 16.0])]))
    assert "this detector has no anchors: nothing to check" in talk(capsys)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(
    ("dataset", "sentence"),
    [
        (data(), "no label has a width and a height"),
        (SimpleNamespace(labels=[], shapes=[]), "no label has a width and a height"),
        (SimpleNamespace(), r"dataset: must be an object with \.labels and \.shapes, or a path; got SimpleNamespace"),
        (SimpleNamespace(labels=[np.zeros((1, 5))]), "has .labels but no .shapes"),
        (SimpleNamespace(labels=[np.zeros((1, 5))], shapes=[[1, 1], [2, 2]]), "got 1 labels but 2 shapes"),
        (SimpleNamespace(labels=[np.zeros((1, 3))], shapes=[[9, 9]]), "got 3 columns, expected 5"),
        (SimpleNamespace(labels=[np.zeros((1, 5)), np.ones((1, 6))], shapes=[[9, 9]] * 2), "same number of columns"),
        (data([1e-4, 1e-4]), "none of 1 labels has a side of 2 pixels"),
        (data([np.nan, 0.5]), "no label has a width and a height"),
        (SimpleNamespace(labels=[np.zeros((1, 5))], shapes=[[9, 9, 3]]), r"expected \(images, 2\)"),
        (SimpleNamespace(labels=[{"shape": (9, 9)}]), r"dataset.labels\[0\]: needs 'shape'"),
        ("no/such/place.yaml", "no such file or folder"),
    ],
)
def test_bad_data_is_one_sentence_and_never_stops_a_training_run(name, dataset, sentence, capsys):
    with pytest.raises(DataError, match=sentence):
        MODULES[name].kmean_anchors(dataset, 3, 640)
    layer = SimpleNamespace(anchors=np.ones((1, 1, 2)), anchor_grid=np.ones((1, 1, 2)), stride=np.array([8.0]))
    capsys.readouterr()
    MODULES[name].check_anchors(dataset, SimpleNamespace(model=[layer]))
    said = talk(capsys)
    assert re.search(sentence, said)
    assert "proceeding with original anchors" in said
    assert (layer.anchors == 1.0).all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"n": 0}, "n = 0"),
        ({"img_size": 0}, "img_size = 0"),
        ({"thr": 0.25}, "thr = 0.25: must be a number from 1"),
        ({"gen": -1}, "gen = -1"),
        ({"start": "best"}, "start = 'best'"),
    ],
)
def test_bad_arguments(arguments, sentence):
    for module in MODULES.values():
        with pytest.raises(DataError, match=sentence):
            module.kmean_anchors(many(), **arguments)


@pytest.mark.parametrize("name", MODULES)
def test_a_nan_label_is_left_out_and_told(name, capsys):
    clean, spoilt = many(), many()
    spoilt.labels[0] = np.vstack([spoilt.labels[0], np.full((1, 5), np.nan)])
    seed(1)
    expected = MODULES[name].kmean_anchors(clean, 5, 640, 4.0, 50, False)
    capsys.readouterr()
    seed(1)
    got = MODULES[name].kmean_anchors(spoilt, 5, 640, 4.0, 50, False)
    np.testing.assert_array_equal(got, expected)
    assert "WARNING: 1 of 401 labels have a width or height that is NaN" in talk(capsys)


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("sizes", [[[0.1, 0.2]], [[0.1, 0.2]] * 200 + [[0.3, 0.1]] * 100], ids=["one", "two of many"])
def test_fewer_sizes_than_anchors_still_give_all_anchors(name, sizes, capsys):
    seed(0)
    got = MODULES[name].kmean_anchors(data(*sizes), 9, 640, 4.0, 100, False)
    assert got.shape == (9, 2)
    assert np.isfinite(got).all()
    assert (got >= 2).all()
    assert (got < 640).all()
    assert "fewer than 9 anchors" in talk(capsys)


def test_labels_of_zero_width_count_but_match_nothing(capsys):
    dataset = many(200)
    dataset.labels[0][::10, 3] = 0.0
    seed(0)
    got = yolov5.kmean_anchors(dataset, 4, 640, 4.0, 100, False)
    assert np.isfinite(got).all()
    recall = golden_data.figures(talk(capsys).splitlines()[-2])[1]
    assert recall <= 0.9


def test_lost_centres_are_replaced_with_a_warning(monkeypatch):
    warnings = []
    whole = _vq.Book(np.ones((3, 2)), 2.0)
    wh, named = zoo.lognormal(50), Called("dataset", "n")
    monkeypatch.setattr(_vq, "restarts", lambda *a, **k: [_vq.Book(np.ones((2, 2)), 1.0), whole])
    centers = _vq.whitened(wh, wh.std(0), 3, warnings.append, named)
    np.testing.assert_array_equal(centers, whole.centers * wh.std(0))
    monkeypatch.setattr(_vq, "restarts", lambda *a, **k: [_vq.Book(np.ones((2, 2)), 1.0)])
    assert _vq.whitened(wh, wh.std(0), 3, warnings.append, named).shape == (3, 2)
    assert len(warnings) == 2
    assert all("requested 3 points but its best run returned only 2" in text for text in warnings)


def test_sizes_that_are_all_of_one_width(capsys):
    seed(0)
    got = yolov5.kmean_anchors(data(*[[0.1, 0.01 * i] for i in range(1, 60)]), 3, 640, 4.0, 10, False)
    assert np.isfinite(got).all()
    assert "all labels have one width" in talk(capsys)


def test_the_better_start_is_fitter_than_the_original():
    dataset = golden_data.dataset(1)
    found = {}
    for start in ("original", "iou"):
        seed(0)
        anchors = yolov5.kmean_anchors(dataset, 9, 640, 4.0, 0, False, start=start)
        wh = np.concatenate(
            [
                label[:, 3:5] * 640 * shape / shape.max()
                for label, shape in zip(dataset.labels, dataset.shapes, strict=True)
            ]
        )
        found[start] = fastanchor.anchor_fitness(wh, anchors).fitness
    assert found["iou"] > found["original"] + 0.03


def test_verbose_tells_every_improvement(capsys):
    for verbose in (False, True):
        seed(0)
        yolov5.kmean_anchors(many(), 3, 640, 4.0, 50, verbose)
    lines = talk(capsys).count("metric_all")
    assert lines > 3


def test_ultralytics_labels_and_boxes_are_the_same_data():
    plain = golden_data.dataset(1)
    dicts = SimpleNamespace(
        labels=[
            {"bboxes": label[:, 1:5], "shape": tuple(shape[::-1])}
            for label, shape in zip(plain.labels, plain.shapes, strict=True)
        ]
    )
    index = np.repeat(np.arange(300), [len(label) for label in plain.labels])
    wh = np.concatenate(plain.labels)[:, 3:5].astype(float) * plain.shapes[index]
    boxes = fastanchor.Boxes(wh, image_index=index, image_wh=plain.shapes)
    results = []
    for dataset in (plain, dicts, boxes):
        seed(2)
        results.append(yolov5.kmean_anchors(dataset, 6, 640, 4.0, 20, False))
    np.testing.assert_allclose(results[1], results[0], rtol=1e-6)
    np.testing.assert_allclose(results[2], results[0], rtol=1e-5)


def test_a_path_is_read(data):
    seed(0)
    got = yolov7.kmean_anchors(path=data / "bccd", n=3, img_size=416, gen=20)
    assert got.shape == (3, 2)
