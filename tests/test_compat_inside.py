"""Our functions inside scripts that define their own: how they get there, and what they return there."""

import json
import logging
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError
from fastanchor.cli import main
from fastanchor.compat import PATCHES, SCRIPTS, _mm, _script, in_script, install, kmeans_scripts, lars76, paddle

import naive
import tutorial
import zoo


def seed(number):
    np.random.seed(number)
    random.seed(number)


def by_area(anchors):
    return anchors[np.argsort(anchors.prod(1))]


# --- how they get there

SCRIPT = '''"""A script."""
from __future__ import annotations
import sys

def first(x): return "theirs"
kept = first(1)

class Box:
    size = 3
    def area(self): return "theirs"
    def side(self): return "theirs"

def second(x):
    return first(x)

print(kept, second(5), Box().area(), Box().side(), sys.argv[1:], __name__, __file__)
def fail(): raise RuntimeError("in line 17")
if sys.argv[1:] == ["fail"]: fail()
'''


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    return path


def test_a_function_is_replaced_as_soon_as_it_is_defined(script, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["script.py", "--x"])
    before = sys.modules["__main__"]
    _script.run(script, {"first": lambda x: f"ours {x}", "Box.area": lambda self: f"ours {self.size}"})
    assert capsys.readouterr().out == f"ours 1 ours 5 ours 3 theirs ['--x'] __main__ {script}\n"
    assert sys.modules["__main__"] is before
    assert script.read_text() == SCRIPT


def test_a_failure_shows_the_line_of_the_script(script, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["script.py", "fail"])
    with pytest.raises(RuntimeError) as caught:
        _script.run(script, {"first": lambda x: 0, "Box.area": lambda self: 0})
    assert caught.traceback[-1].lineno + 1 == 17
    assert str(caught.traceback[-1].path) == str(script)


def test_what_a_script_defines(script, tmp_path):
    assert _script.defined(script, ["Box.area", "Box.size", "Box", "first", "third", "Box.none"]) == [
        "Box.area",
        "first",
    ]
    (tmp_path / "broken.py").write_text("def f(:\n")
    with pytest.raises(DataError, match=r"broken\.py: not a Python script"):
        _script.defined(tmp_path / "broken.py", ["f"])


@pytest.mark.parametrize("name", [name for name in SCRIPTS if PATCHES[name][0] == "__main__"])
def test_a_script_that_defines_none_of_them(script, capsys, name):
    assert main(["run", "--patch", name, str(script)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"script.py: defines none of {', '.join(table(name))}; --patch {name} replaces these" in captured.err
    assert main(["run", "--patch", name, "-m", "script"]) == 2
    assert f"-m: --patch {name} replaces functions in a file; give its path" in capsys.readouterr().err
    with pytest.raises(DataError, match=f"name: the functions of '{name}' are defined in the script that is run"):
        install(name)


def table(name):
    module, attribute = SCRIPTS[name]
    return getattr(__import__(f"fastanchor.compat.{module}", fromlist=[attribute]), attribute)


def source(names):
    """Return a script that defines these names, and prints which of them are not its own any more."""
    lines, classes = [], {}
    for name in names:
        owner, _, method = name.rpartition(".")
        classes.setdefault(owner, []).append(method)
    for owner, methods in classes.items():
        lines += [f"class {owner}:"] if owner else []
        indent = "    " if owner else ""
        lines += [f"{indent}def {method}(*a): return 'theirs'" for method in methods]
    lines += ["print([f.__module__ for f in (" + ", ".join(names) + ",)])"]
    return "\n".join(lines) + "\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_run_puts_all_of_them_in(tmp_path, name):
    (tmp_path / "tool.py").write_text(source(table(name)))
    places = [str(Path(fastanchor.__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "fastanchor", "run", "--patch", name, "tool.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    modules = re.findall(r"'([\w.]+)'", done.stdout)
    assert len(modules) == len(table(name))
    assert all(module.startswith("fastanchor.") for module in modules)
    verb = "is" if len(table(name)) == 1 else "are"
    assert f"tool.py: {', '.join(table(name))} {verb} fastanchor's" in done.stderr


def test_some_of_them_are_enough(tmp_path):
    (tmp_path / "main.py").write_text("def anchor_fitness(k, wh, thr): ...\n")
    assert list(in_script("yolo_kmeans", tmp_path / "main.py")) == ["anchor_fitness"]
    assert in_script("yolov5", tmp_path / "main.py") == {}


# --- MMDetection, MMYOLO


class Log:
    def __init__(self):
        self.lines = []

    def info(self, text):
        self.lines.append(text)

    warning = info


class Drawn:
    """What torch would draw, without torch."""

    def __init__(self, rows):
        self.rows = np.array(rows)

    def randint(self, low, high, shape):
        assert (low, shape) == (0, (len(self.rows),))
        assert self.rows.max() < high
        return SimpleNamespace(numpy=lambda: self.rows)


def optimizer(wh, k, **more):
    return SimpleNamespace(bbox_whs=wh, num_anchors=k, iters=1000, logger=Log(), input_shape=(608, 608), **more)


@pytest.mark.parametrize("number", range(3))
def test_k_means_of_mmdetection_from_its_own_draw(backend, monkeypatch, number):
    wh = zoo.lognormal(800, number)
    rows = np.random.default_rng(number).choice(800, 5, replace=False)
    monkeypatch.setitem(sys.modules, "torch", Drawn(rows))
    self = optimizer(wh, 5)
    got = _mm.kmeans_anchors(self)
    single = wh.astype(np.float32).astype(np.float64)
    centers, updates, _ = naive.kmeans(single, single[rows], "iou", "mean", 1000)
    np.testing.assert_allclose(got, by_area(centers), rtol=1e-6)
    assert [anchor.dtype for anchor in got] == [np.float32] * 5
    assert self.logger.lines[:2] == [
        "Start cluster 5 YOLO anchors with K-means...",
        f"K-means process has converged at iter {updates}.",
    ]
    iou = 1.0 - naive.nearest_fast(single, centers, "iou")[1].mean()
    assert self.logger.lines[2].startswith("Anchor cluster finish. Average IOU: ")
    assert float(self.logger.lines[2].split(": ")[1]) == pytest.approx(iou, rel=1e-9)


def test_one_anchor_is_the_mean(monkeypatch):
    wh = zoo.lognormal(300)
    monkeypatch.setitem(sys.modules, "torch", Drawn([7]))
    self = optimizer(wh, 1)
    np.testing.assert_allclose(_mm.kmeans_anchors(self), [wh.mean(0)], rtol=1e-6)
    assert len(self.logger.lines) == 1


def test_boxes_drawn_twice_and_boxes_without_area(monkeypatch):
    wh = np.vstack([zoo.lognormal(300), [[0.0, 5.0]], [[3.0, -1.0]], [[np.nan, 2.0]]])
    monkeypatch.setitem(sys.modules, "torch", Drawn([4, 4, 9]))
    self = optimizer(wh, 3)
    got = np.array(_mm.kmeans_anchors(self))
    assert (got > 0).all()
    assert len(np.unique(got, axis=0)) == 3
    assert "3 of 303 boxes have a width or height that is not above 0: left out" in self.logger.lines


def test_differential_evolution_of_mmdetection_from_the_same_seed(backend, capsys):
    optimize = pytest.importorskip("scipy.optimize")
    wh = zoo.lognormal(120).clip(5, 300)
    settings = {"strategy": "best1bin", "mutation": (0.5, 1), "recombination": 0.7}
    self = optimizer(wh, 2, **settings, population_size=15, convergence_thr=0.0001)
    self.iters = 12
    seed(3)
    got = _mm.differential_evolution(self)
    told = capsys.readouterr().out
    single = wh.astype(np.float32).astype(np.float64)

    def cost(flat):
        anchors = np.maximum(flat.astype(np.float32).astype(np.float64).reshape(-1, 2), 1e-6)
        return 1.0 - float(np.float32(1.0 - naive.nearest_fast(single, anchors, "iou")[1].mean()))

    seed(3)
    right = optimize.differential_evolution(
        cost, bounds=[(0, 608), (0, 608)] * 2, maxiter=12, popsize=15, tol=0.0001, updating="immediate", disp=True,
        **settings,
    )  # fmt: skip
    np.testing.assert_array_equal(got, by_area(right.x.reshape(-1, 2)))
    assert told == capsys.readouterr().out
    assert self.logger.lines == [f"Anchor evolution finish. Average IOU: {1 - right.fun}"]


class Tensor:
    """As much of a tensor as the optimizer needs."""

    def __init__(self, values):
        self.values = values
        self.device = "cpu"

    def __len__(self):
        return len(self.values)

    def cpu(self):
        return self

    def to(self, device):
        return self

    def double(self):
        return Tensor(self.values.astype(np.float64))

    def numpy(self):
        return self.values

    def std(self, axis):
        return Tensor(self.values.std(axis, ddof=1))  # torch's


TORCH = SimpleNamespace(
    float32=np.float32, float64=np.float64, tensor=lambda values, dtype: Tensor(np.asarray(values, dtype=dtype))
)


def v5(iters, chance=0.9, sigma=0.1):
    """Return an optimizer with what the script's class has, and what it warned of."""
    log = Log()
    return SimpleNamespace(
        logger=log,
        mutation_prob=chance,
        mutation_sigma=sigma,
        _filter_box=lambda box: Tensor(box.values[(box.values >= 2.0).any(1)]),
        _anchor_fitness=lambda box, anchors, thr: np.float32(tutorial.fitness(anchors.values, box.values, thr)[0]),
    )


@pytest.mark.parametrize(("number", "chance", "sigma"), [(0, 0.9, 0.1), (1, 0.9, 0.1), (2, 0.7, 0.2)])
def test_v5_k_means_of_mmyolo_from_the_same_seeds(monkeypatch, number, chance, sigma):
    wh = zoo.lognormal(600, number).astype(np.float32)
    monkeypatch.setitem(sys.modules, "torch", TORCH)
    self = v5(150, chance, sigma)
    seed(number)
    got = _mm.anchor_generate(self, Tensor(wh), num=6, prior_match_thr=4.0, iters=150)
    after = np.random.random(), random.random()
    seed(number)
    right, fit = tutorial.v5_k_means(wh, 6, 0.25, 150, chance, sigma)
    assert (np.random.random(), random.random()) == after
    np.testing.assert_allclose(got.values, right, rtol=0 if chance == 0.9 else 1e-12)
    assert got.values.dtype == np.float64
    assert self.logger.lines == [
        "beginning init anchors with scipy kmeans method",
        "init done, beginning evolve anchors...",
        f"Anchor cluster finish. fitness = {fit:.4f}",
    ]


@pytest.mark.parametrize(
    ("boxes", "num", "sentence"),
    [
        ([[10.0, 10.0]] * 3, 4, "dataset: 3 boxes have a side of 2 pixels, fewer than 4 anchors"),
        ([[10.0, 10.0]] * 9, 4, "only 1 distinct size, too few for num_anchors = 4"),
    ],
)
def test_v5_k_means_with_too_few_boxes(monkeypatch, boxes, num, sentence):
    monkeypatch.setitem(sys.modules, "torch", TORCH)
    with pytest.raises(DataError, match=sentence):
        _mm.anchor_generate(v5(5), Tensor(np.array(boxes, np.float32)), num=num, iters=5)


# --- PaddleDetection


def records(images=40):
    rng = np.random.default_rng(0)
    for _ in range(images):
        corner, size = rng.integers(0, 100, (4, 2)), rng.integers(5, 200, (4, 2))
        yield {"w": 500.0, "h": 400.0, "gt_bbox": np.hstack([corner, corner + size]).astype(np.float32)}


def cluster(tmp_path, **more):
    dataset = SimpleNamespace(roidbs=list(records()), parse_dataset=lambda: None)
    given = {"n": 4, "cache_path": str(tmp_path / "kept"), "cache": False, "dataset": dataset, "size": [608, 416]}
    return SimpleNamespace(**{**given, "iters": 1000, **more})


def test_boxes_of_paddledetection(tmp_path):
    right = np.vstack([(r["gt_bbox"][:, 2:] - r["gt_bbox"][:, :2] + 1) / np.array([[500.0, 400.0]]) for r in records()])
    self = cluster(tmp_path)
    whs, shapes = paddle._get_whs(self)
    np.testing.assert_array_equal(whs, right)
    np.testing.assert_array_equal(shapes, np.tile([500.0, 400.0], (160, 1)))
    assert self.whs is whs
    assert not (tmp_path / "kept").exists()
    kept = cluster(tmp_path, cache=True)
    paddle._get_whs(kept)
    again = cluster(tmp_path, cache=True, dataset=None)
    np.testing.assert_array_equal(paddle._get_whs(again)[0], right)
    assert sorted(file.name for file in (tmp_path / "kept").iterdir()) == ["shapes.npy", "whs.npy"]


@pytest.mark.parametrize("number", range(3))
def test_anchors_of_paddledetection_for_the_same_seed(backend, tmp_path, caplog, number):
    self = cluster(tmp_path)
    paddle._get_whs(self)
    wh = self.whs * np.array([[608, 416]])
    caplog.set_level(logging.INFO, "ppdet.anchor_cluster")
    seed(number)
    got = paddle._calc_anchors(self)
    seed(number)
    start = wh[np.random.choice(len(wh), size=4, replace=False)]
    right = naive.kmeans(wh, start, "iou", "mean", 1000)[0]
    np.testing.assert_allclose(got, by_area(right), rtol=1e-12)
    np.testing.assert_array_equal(self.whs, wh)
    assert caplog.messages == ["Running kmeans for 4 anchors on 160 points...", "kmeans algorithm has converged"]


def test_paddledetection_with_too_few_boxes():
    with pytest.raises(DataError, match="only 2 distinct sizes, too few for n = 3"):
        paddle.calc_anchors([[1, 2], [3, 4]], 3)


# --- the scripts that are copied


@pytest.mark.parametrize("number", range(3))
def test_bubbliiiing_returns_centres_and_labels(backend, capsys, number):
    box = zoo.lognormal(400, number) / 640
    seed(number)
    right = tutorial.k_means(box.copy(), 5)
    seed(number)
    centers, near = kmeans_scripts.bubbliiiing(box, 5)
    np.testing.assert_array_equal(centers, right)
    np.testing.assert_array_equal(near, naive.nearest_fast(box, right, "iou")[0])
    iou = 1.0 - naive.nearest_fast(box, right, "iou")[1].mean()
    assert re.fullmatch(rf"iter: \d+\. avg_iou:{iou:.2f}\n", capsys.readouterr().out)
    assert kmeans_scripts.BUBBLIIIING["avg_iou"](box, centers) == pytest.approx(iou, rel=1e-12)


@pytest.mark.parametrize("dist", [np.median, np.mean])
def test_qqwweee_and_lars76(dist):
    box = zoo.lognormal(400)
    seed(1)
    right = tutorial.k_means(box.copy(), 5, dist)
    for call in (lambda: kmeans_scripts.qqwweee(None, box, 5, dist), lambda: lars76.kmeans(box, 5, dist)):
        seed(1)
        np.testing.assert_allclose(call(), right, rtol=1e-12)
    assert lars76.avg_iou(box, right) == pytest.approx(1.0 - naive.nearest_fast(box, right, "iou")[1].mean(), rel=1e-12)


@pytest.mark.parametrize("cell", [416.0, 608.0])
def test_gen_anchors_writes_its_file(tmp_path, capsys, monkeypatch, cell):
    box = zoo.lognormal(400) / 640
    start = box[[3, 30, 300]].copy()
    right, _, _ = naive.kmeans(box, start, "iou", "mean", 1000)
    script = SimpleNamespace(width_in_cfg_file=cell, height_in_cfg_file=320.0)
    monkeypatch.setitem(sys.modules, "__main__", script)
    kmeans_scripts.gen_anchors(box, start, 0.005, tmp_path / "anchors3.txt")
    np.testing.assert_allclose(start, right, rtol=1e-12)  # the script goes on with the array it gave
    cells = right * [cell / 32, 10.0]
    cells = cells[np.argsort(cells[:, 0])]
    iou = 1.0 - naive.nearest_fast(box, right, "iou")[1].mean()
    text = ", ".join(f"{w:0.2f},{h:0.2f}" for w, h in cells)
    assert (tmp_path / "anchors3.txt").read_text() == f"{text}\n{iou:f}\n"
    assert "Anchors = " in capsys.readouterr().out


def test_lars76_is_put_where_the_script_imports_it(tmp_path):
    (tmp_path / "kmeans.py").write_text("def kmeans(boxes, k, dist=None): return 'theirs'\ndef iou(a, b): return 1\n")
    (tmp_path / "example.py").write_text("from kmeans import iou, kmeans\nprint(kmeans.__module__, iou.__module__)\n")
    places = [str(Path(fastanchor.__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [sys.executable, "-m", "fastanchor", "run", "--patch", "lars76", "--json", "example.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
    )  # fmt: skip
    assert done.stdout == "fastanchor.compat.lars76 kmeans\n", done.stderr
    assert json.loads(done.stderr)["patch"] == "lars76"
