"""The stand-ins for programs: Darknet, MMDetection."""

import sys

import numpy as np
import pytest

import fastanchor
from fastanchor import BackendError, DataError
from fastanchor.compat import darknet, mmdet

import naive
import zoo


def test_darknet_prints_and_writes_its_text(data, tmp_path, capsys):
    boxes = fastanchor.read(data / "bccd")
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


@pytest.mark.parametrize("name", LISTS)
def test_darknet_reads_what_is_trained_on(tmp_path, capsys, monkeypatch, name):
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
