"""The stand-ins for programs: Darknet, MMDetection."""

import inspect
import random
import sys

import numpy as np
import pytest

import fastanchor
from fastanchor import BackendError, DataError
from fastanchor.compat import darknet, mmdet

import naive
import tutorial
import zoo


def test_darknet_prints_and_writes_its_text(data, tmp_path, capsys):
    boxes = fastanchor.read(data / "bccd", split="auto")
    anchors = darknet.calc_anchors(data / "bccd", 6, 416, 320, seed=1, out=tmp_path)
    wh = boxes.wh * (np.array([416, 320]) / boxes.image_wh[boxes.image_index])
    start = wh[np.random.default_rng(1).choice(len(wh), 6, replace=False)]
    centers, n_iter, _ = naive.kmeans(wh, start, "iou", "mean", 1000)
    np.testing.assert_allclose(anchors, centers[np.argsort(centers.prod(1))], rtol=1e-9)
    counters = ", ".join(map(str, np.bincount(boxes.class_index).tolist()))
    iou = 1.0 - naive.nearest_fast(wh, centers, "iou")[1].mean()
    text = ", ".join(f"{w:3.0f},{h:3.0f}" for w, h in anchors.tolist())
    images = len(boxes.image_wh)
    assert capsys.readouterr().out == (
        "\n num_of_clusters = 6, width = 416, height = 320 \n"
        f" read labels from {images} images \n"
        f"\r loaded \t image: {images} \t box: {len(boxes)}\n all loaded. \n"
        "\n calculating k-means++ ...\n"
        f"\n iterations = {n_iter} \n"
        f"\n\ncounters_per_class = {counters}\n"
        f"\n avg IoU = {iou * 100:2.2f} % \n"
        f"\nSaving anchors to the file: {tmp_path / 'anchors.txt'} \n"
        f"anchors = {text}\n"
    )
    assert (tmp_path / "anchors.txt").read_text("utf-8") == text
    assert (tmp_path / "counters_per_class.txt").read_text("utf-8") == f"counters_per_class = {counters}"


LISTS = {
    "x.data": "classes = 3\ntrain = train.txt\nvalid = valid.txt\nnames = x.names\nbackup = backup\n",
    "data.yaml": "train: train.txt\nval: valid.txt\nnames: [ant, cat, dog]\n",
}


@pytest.mark.parametrize("images", ["", "ab", "abcd"], ids=lambda images: f"{len(images)} empty images")
@pytest.mark.parametrize("name", LISTS)
def test_darknet_reads_what_is_trained_on(tmp_path, capsys, monkeypatch, name, images):
    (tmp_path / name).write_text(LISTS[name])
    (tmp_path / "x.names").write_text("ant\ncat\ndog\n")
    (tmp_path / "labels").mkdir()
    rows = {
        "a": "0 .5 .5 .1 .1\n0 .5 .5 .12 .1\n",
        "b": "2 .5 .5 .5 .6\n",
        "c": "2 .5 .5 .5 .7\n1 .5 .5 .9 .9\n",
        "d": "",
    }
    for stem, text in rows.items():
        (tmp_path / "labels" / f"{stem}.txt").write_text(text)
    (tmp_path / "train.txt").write_text("images/a.jpg\nimages/b.jpg\nimages/d.jpg\n")
    (tmp_path / "valid.txt").write_text("images/c.jpg\n")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "images").mkdir()
    for image in images:
        (tmp_path / "images" / f"{image}.jpg").write_bytes(b"")  # Darknet never looks at them
    anchors = darknet.calc_anchors(name, 2, 416, 416, seed=0, out=".")
    np.testing.assert_allclose(anchors, [[45.76, 41.6], [208.0, 249.6]])
    out = capsys.readouterr().out
    assert " read labels from 3 images \n\r loaded \t image: 3 \t box: 3\n all loaded. \n" in out
    assert "\ncounters_per_class = 2, 0, 1\n" in out
    assert "\nSaving anchors to the file: anchors.txt \n" in out
    assert (tmp_path / "counters_per_class.txt").read_text() == "counters_per_class = 2, 0, 1"
    assert sorted(file.name for file in tmp_path.glob("*_*.txt")) == ["counters_per_class.txt"]
    assert (tmp_path / "anchors.txt").read_text() == " 46, 42, 208,250"


def test_darknet_without_a_part_to_train_on(tmp_path):
    (tmp_path / "x.data").write_text("valid = valid.txt\n")
    (tmp_path / "valid.txt").write_text("images/c.jpg\n")
    with pytest.raises(DataError, match="split = 'train'"):
        darknet.calc_anchors(tmp_path / "x.data", 1, 416, 416)


def test_one_anchor_is_no_round_for_darknet(capsys):
    darknet.calc_anchors([[0.1, 0.2], [0.3, 0.4]], 1, 100, 100)
    assert "\n iterations = 0 \n" in capsys.readouterr().out


def test_darknet_in_grid_cells(capsys):
    anchors = darknet.calc_anchors([[0.1, 0.2], [0.5, 0.6]], 2, 13, 13)
    assert capsys.readouterr().out.splitlines()[-1] == "anchors = 1.3000,2.6000, 6.5000,7.8000"
    np.testing.assert_allclose(anchors, [[1.3, 2.6], [6.5, 7.8]])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (([[0.1, 0.2]], 1), "width and height: expected the size of the network input"),
        (([[0.1, 0.2], [12, 13]], 1, 416, 416), r"data\[1\] = \(12.0, 13.0\): sizes must be relative"),
        (([[0.1, 0.2]], 2, 416, 416), "only 1 distinct size, too few for num_of_clusters = 2"),
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

    source = "rng" if "rng" in inspect.signature(optimize.differential_evolution).parameters else "seed"  # since 1.15
    right = optimize.differential_evolution(
        loss, [(0, 320), (0, 320)] * 2, maxiter=30, tol=1e-4, **{source: np.random.default_rng(0)}
    )
    # equal to 1e-6 since SciPy 1.15; before, rounding parts the two final polishes
    np.testing.assert_allclose(loss(got.ravel()), right.fun, rtol=1e-6 if source == "rng" else 1e-3)
    assert (np.diff(got.prod(1)) > 0).all()


def test_names_of_mmyolo():
    pytest.importorskip("scipy.optimize")
    wh, shapes = zoo.lognormal(100).clip(5, 300), np.full((100, 2), 640.0)
    long, short = (
        mmdet.optimize_anchors(wh, shapes, num_anchors=2, algorithm=name, iters=3, rng=1)
        for name in ("differential_evolution", "DE")
    )
    np.testing.assert_array_equal(long, short)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(2))
def test_v5_k_means_over_arrays(backend, number):
    wh = zoo.lognormal(600, number).astype(np.float32)
    random.seed(number)
    np.random.seed(number)
    got = mmdet.optimize_anchors(wh, np.full((600, 2), 640.0), num_anchors=6, algorithm="v5-k-means", iters=150)
    random.seed(number)
    np.random.seed(number)
    right, fit = tutorial.v5_k_means(wh, 6, 0.25, 150)
    np.testing.assert_allclose(got, right, rtol=0, atol=1e-3)  # the script's spread is torch's
    assert (np.diff(got.prod(1)) > 0).all()
    assert tutorial.fitness(got, wh.astype(float), 0.25)[0] == pytest.approx(fit, abs=1e-6)
    one, two = (mmdet.v5_k_means(wh, 6, 50, rng=5) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("boxes", [[[10.0, 10.0]] * 9, [[10.0, 10.0], [20.0, 10.0]] * 9])
def test_v5_k_means_with_one_height(capsys, boxes):
    k = len(np.unique(boxes, axis=0))
    got = mmdet.v5_k_means(boxes, k, 0, rng=0)
    np.testing.assert_allclose(got, np.unique(boxes, axis=0), rtol=1e-6)
    with pytest.raises(DataError, match=f"only {k} distinct sizes?, too few for num_anchors = {k + 1}"):
        mmdet.v5_k_means(boxes, k + 1, 0, rng=0)


def test_mmdet_without_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(BackendError, match=r"pip install 'fastanchor\[compat\]'"):
        mmdet.differential_evolution([[1, 2], [3, 4]], 1)


def test_mmdet_bad_input():
    with pytest.raises(DataError, match="algorithm = 'GA': must be one of 'differential_evolution', 'DE', 'k-m"):
        mmdet.optimize_anchors([[1, 2]], [[9, 9]], algorithm="GA")
    with pytest.raises(DataError, match="bbox_whs: 1 boxes have a side of 2 pixels, fewer than 2 anchors"):
        mmdet.v5_k_means([[1, 2], [1, 1]], 2)
    with pytest.raises(DataError, match="img_shapes: got 2 rows for 1 boxes"):
        mmdet.resized([[1, 2]], [[9, 9]] * 2)
    with pytest.raises(DataError, match=r"input_shape = \(640,\)"):
        mmdet.resized([[1, 2]], [[9, 9]], (640,))
    with pytest.raises(DataError, match=r"per_level = \[2, 2\]: adds up to 4; must be 3"):
        mmdet.nested([[1, 2], [3, 4], [5, 6]], (2, 2))


def test_mmyolo_order_of_levels():
    assert mmdet.nested([[1, 2], [3, 4]], (1, 1), largest_first=False) == [[(1, 2)], [(3, 4)]]
