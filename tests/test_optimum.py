"""Anchors by exchange, the spaces they may come from, and the limit that no anchors exceed."""

import itertools
import json
import sys

import numpy as np
import pytest

import fastanchor
from fastanchor import cli, kernels
from fastanchor.engine import choose, objective_of
from fastanchor.optimum import Space, _bound, _points
from fastanchor.optimum._plane import Shape, highest
from fastanchor.optimum._points import points_of

import zoo

OBJECTIVES = ["ratio", "iou", "iou>0.5", "iou-recall@0.5", "recall"]


def worth(objective, boxes, anchors, thr=0.25):
    """Return the value of each box with each anchor alone, (n, k), from the definitions."""
    b, a = np.asarray(boxes)[:, None], np.asarray(anchors)[None]
    ratio = np.minimum(b / a, a / b).min(axis=2)
    shared = np.minimum(b, a).prod(axis=2)
    iou = shared / (b.prod(axis=2) + a.prod(axis=2) - shared)
    return {
        "ratio": ratio * (ratio > thr),
        "iou": iou,
        "iou>0.5": iou * (iou > 0.5),
        "iou-recall@0.5": (iou > 0.5).astype(float),
        "recall": (ratio > thr).astype(float),
    }[objective]


def small(seed, n=12):
    rng = np.random.default_rng(seed)
    wh = np.exp(rng.normal(3.5, [0.9, 0.6], (n, 2))).round(int(rng.integers(0, 3))).clip(1)
    return wh, rng.integers(0, 4, n) + (np.arange(n) == 0)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seeds", [range(1), pytest.param(range(1, 50), marks=pytest.mark.slow)])
def test_no_pair_of_anchors_exceeds_the_limit(seeds, objective, monkeypatch):
    for seed in seeds:
        (wh, weights), thr = small(seed), (0.25, 0.5, 0.1)[seed % 3]
        monkeypatch.setattr(_bound, "ROUNDS", 4)
        if seed % 2:  # cells of several boxes each
            monkeypatch.setattr(_bound, "SQUARES", 1000)
            monkeypatch.setattr(_points, "DISTINCT", 3)
            monkeypatch.setattr(_points, "STRAIGHT", 2 + seed % 7)
        found = fastanchor.bound(wh, 2, objective=objective, thr=thr, weights=weights, min_size=0, gap=0.05)
        monkeypatch.undo()
        low, high = wh.min(axis=0), wh.max(axis=0)
        sides = [np.geomspace(low[axis], high[axis], 9) for axis in (0, 1)]
        places = np.concatenate([np.array(list(itertools.product(*sides))), wh, found.anchors])
        alone = worth(objective, wh, places, thr).T
        both = np.maximum(alone[:, None], alone[None]) @ (weights / weights.sum())
        assert found.bound >= both.max(), seed
        reached = np.average(worth(objective, wh, found.anchors, thr).max(axis=1), weights=weights)
        np.testing.assert_allclose(found.score, reached, rtol=1e-12)
        if objective in ("ratio", "iou") and found.exact and thr < 0.5:  # a search by small steps follows these
            assert found.score >= both.max() - 1e-3, seed


@pytest.mark.parametrize("objective", ["ratio", "iou"])
def test_the_prices_prove_the_limit(objective):
    wh = zoo.lognormal(80)
    found = fastanchor.bound(wh, 4, objective=objective, gap=0.04)
    assert found.exact
    np.testing.assert_allclose(found.weights.sum(), 1.0)
    total = float(found.weights @ found.prices) + 4 * found.peak
    np.testing.assert_allclose(found.bound, total, rtol=1e-11)
    places = np.exp(np.random.default_rng(1).uniform(np.log(2), np.log(640), (3000, 2)))
    sums = found.weights @ np.maximum(worth(objective, found.wh, places) - found.prices[:, None], 0.0)
    assert sums.max() <= found.peak


@pytest.mark.parametrize("objective", ["ratio", "iou"])
def test_sums_above_the_prices_are_those_of_the_definition(objective):
    found = fastanchor.bound(zoo.lognormal(30), 3, objective=objective, thr=0.3, gap=0.1)
    places = np.exp(np.random.default_rng(1).uniform(np.log(2), np.log(640), (300, 2)))
    ratio = np.minimum(found.wh[:, None] / places, places / found.wh[:, None]).min(axis=2)
    value = worth("iou", found.wh, places) if objective == "iou" else ratio * (ratio > 0.3)
    right = found.weights @ np.maximum(value - found.prices[:, None], 0.0)
    np.testing.assert_allclose(found.above(places), right, atol=1e-14)
    assert right.max() <= found.peak
    with pytest.raises(fastanchor.DataError, match="anchors"):
        found.above([[0, 1]])


def test_the_picture_of_the_limit_has_the_anchors():
    found = fastanchor.bound(zoo.lognormal(30), 3, gap=0.1)
    axes = found.plot().axes[0]
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), found.anchors)
    assert f"{found.gap:.2%}" in axes.get_title()


@pytest.mark.parametrize("objective", ["ratio", pytest.param("iou", marks=pytest.mark.slow)])
def test_a_limit_over_cells_holds_for_their_boxes(objective, monkeypatch):
    wh = zoo.lognormal(300)
    exact = fastanchor.bound(wh, 3, objective=objective, gap=0.05)
    monkeypatch.setattr(_points, "DISTINCT", 100)
    monkeypatch.setattr(_points, "CELLS", 24)
    monkeypatch.setattr(_points, "STRAIGHT", 24)
    cells = fastanchor.bound(wh, 3, objective=objective, gap=0.05)
    assert exact.exact
    assert not cells.exact
    assert len(cells.weights) < 250
    assert cells.bound >= exact.score
    assert cells.bound >= cells.score
    assert cells.score >= exact.score - 3e-3


@pytest.mark.parametrize("shape", [Shape("best_ratio", 0.25, False), Shape("best_iou", -1.0, False)])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_the_highest_sum_is_not_below_any(shape, backend):
    if backend == "numba" and not kernels.installed():
        pytest.skip("numba is not installed")
    points = points_of(choose(zoo.lognormal(60)))
    rng = np.random.default_rng(0)
    price = rng.uniform(0.0, 0.9, len(points.w))
    with fastanchor.backend(backend):
        peak = highest(points, price, shape, 0.0, 1e-4, 100_000)
    objective = "ratio" if shape.kernel == "best_ratio" else "iou"
    wh = np.stack([points.w, points.h], axis=1)
    places = np.concatenate([np.exp(rng.uniform(np.log(2), np.log(640), (2000, 2))), wh])
    best = float((points.weight @ np.maximum(worth(objective, wh, places) - price[:, None], 0.0)).max())
    assert best <= peak.top <= best + 0.05


@pytest.mark.parametrize("kernel", ["ceiling_ratio", "ceiling_iou"])
@pytest.mark.parametrize("once", [False, True])
def test_both_backends_bound_alike(kernel, once, monkeypatch):
    if not kernels.installed():
        pytest.skip("numba is not installed")
    monkeypatch.setattr(_points, "DISTINCT", 100)
    points = points_of(choose(zoo.lognormal(800)), cells=24)
    rng = np.random.default_rng(2)
    price = rng.uniform(0.0, 1.0, len(points.w))
    items = kernels.part("plane_numpy").Items(*(np.ascontiguousarray(column) for column in (*points, price)))
    some = np.arange(len(price))
    for _ in range(200):
        x, y = rng.uniform(1.0, 6.0, 2)
        got, kept = [], []
        for name in ("plane", "plane_numpy"):
            out = np.empty(len(price), np.int64)
            half = float(np.exp(rng.uniform(-7, 0))) if name == "plane" else half  # noqa: F821  the same for both
            ceiling, centre, n = getattr(kernels.part(name), kernel)(items, some, x, y, half, 0.25, once, out)
            got.append((ceiling, centre))
            kept.append(out[:n].tolist())
        np.testing.assert_allclose(got[0], got[1], rtol=1e-12, atol=1e-15)
        assert kept[0] == kept[1]


@pytest.mark.parametrize("k", [1, *(pytest.param(k, marks=pytest.mark.slow) for k in (3, 9))])
def test_exchange_finds_no_worse_than_the_recipe(k):
    wh = zoo.lognormal(2000).clip(3)
    recipe = fastanchor.auto_anchor(wh, n=k, gen=300, rng=0, min_size=0)
    for seed in range(3):
        got = fastanchor.auto_anchor(wh, n=k, method="global", rng=seed, min_size=0)
        assert got.fitness >= recipe.fitness
        assert (got.method, got.kmeans, got.kmeans_fitness) == ("global", None, None)
    refined = fastanchor.auto_anchor(wh, n=k, method="refine", rng=0, min_size=0)
    assert refined.fitness >= refined.kmeans_fitness.fitness


def test_exchange_gives_the_same_for_every_engine_and_backend():
    wh = zoo.lognormal(80).clip(3)
    right = fastanchor.auto_anchor(wh, n=3, method="global", rng=0, engine="dense", min_size=0).anchors
    with fastanchor.backend("numpy"):
        got = fastanchor.auto_anchor(wh, n=3, method="global", rng=0, min_size=0).anchors
    np.testing.assert_array_equal(got, right)
    if kernels.installed():
        got = fastanchor.auto_anchor(fastanchor.BoxIndex(wh), n=3, method="global", rng=0, min_size=0).anchors
        np.testing.assert_array_equal(got, right)


def test_weights_count_as_repetitions():
    wh, weights = zoo.lognormal(300).clip(3), np.random.default_rng(0).integers(1, 5, 300)
    got = fastanchor.auto_anchor(wh, n=4, method="global", rng=0, weights=weights, min_size=0)
    right = fastanchor.auto_anchor(np.repeat(wh, weights, axis=0), n=4, method="global", rng=0, min_size=0)
    np.testing.assert_allclose(got.anchors, right.anchors, rtol=1e-9)


@pytest.mark.parametrize("method", ["refine", pytest.param("global", marks=pytest.mark.slow)])
def test_spaces_are_kept(method):
    wh = zoo.lognormal(500).clip(3)
    keep = [[30.0, 40.0], [100.0, 100.0]]
    got = fastanchor.auto_anchor(wh, n=6, method=method, rng=0, space=Space(keep=keep), min_size=0).anchors
    assert {tuple(row) for row in keep} <= {tuple(row) for row in got.tolist()}
    got = fastanchor.auto_anchor(wh, n=6, method=method, rng=0, space=Space(multiple=8), min_size=0).anchors
    assert (got % 8 == 0).all()
    assert got.min() >= 8
    strides = [8.0, 16.0, 32.0]
    got = fastanchor.auto_anchor(wh, n=6, method=method, rng=0, space=Space(least=strides), min_size=0).anchors
    assert (got.min(axis=1) >= np.repeat(strides, 2)).all()


def test_a_space_and_an_objective_of_a_stranger():
    class Squares(Space):
        def allowed(self, anchors):
            return np.repeat(np.sqrt(anchors.prod(axis=1, keepdims=True)), 2, axis=1)

        candidate = allowed

        def moves(self, anchor, step):
            return anchor * np.exp(step * np.array([[1.0], [-1.0]] * 4))

    class Wide(fastanchor.Objective):
        name = "wide"

        def values(self, w, h, kw, kh, kernels):
            best = np.empty(w.size)
            kernels.best_iou(w, h, kw, kh, best)
            return best * (w > h)

    wh = zoo.lognormal(400).clip(3)
    got = fastanchor.auto_anchor(wh, n=3, method="global", objective=Wide(), space=Squares(), rng=0, min_size=0)
    np.testing.assert_allclose(got.anchors[:, 0], got.anchors[:, 1], rtol=1e-12)
    assert got.evolve.objective == "wide"
    with pytest.raises(fastanchor.DataError, match="objective: got 'wide', expected one that has a name"):
        fastanchor.bound(wh, 3, objective=Wide())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"space": Space(keep=[[1, 2]] * 3)}, "keep: got 3 anchors, expected fewer than n = 3"),
        ({"space": Space(least=[8, 16])}, "least: got 2 levels, expected a divisor of n = 3"),
        ({"method": "recipe", "space": Space()}, "space: not supported for method='recipe'"),
        ({"method": "best"}, "method"),
    ],
)
def test_refusals(arguments, sentence):
    with pytest.raises(fastanchor.DataError, match=sentence):
        fastanchor.auto_anchor(zoo.lognormal(50).clip(3), n=3, min_size=0, **({"method": "global"} | arguments))


@pytest.mark.slow
def test_kept_anchors_lower_the_limit():
    wh = zoo.lognormal(60)
    free = fastanchor.bound(wh, 3, gap=0.01)
    held = fastanchor.bound(wh, 3, keep=[[500.0, 2.5]], gap=0.01)
    assert held.score < free.score
    assert held.score <= held.bound < free.score + 0.02


def test_objective_names_have_shapes():
    for name in OBJECTIVES:
        assert len(objective_of(name, 0.25).shape) == 3


def printed(capsys, *arguments):
    code = cli.main(["anchors", *arguments, "-q"])
    return code, *capsys.readouterr()


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "sizes.csv"
    np.savetxt(file, zoo.lognormal(60).clip(3), "%.2f", ",", header="width,height", comments="")
    return str(file)


@pytest.mark.slow
def test_the_command_certifies_within_the_allowed_anchors(capsys, table):
    options = ["--method", "global", "--keep", "10,12", "--multiple", "4", "--certify", "-n", "3", "--json"]
    code, out, _ = printed(capsys, table, *options)
    content = json.loads(out)
    assert (code, content["method"], content["kmeans"]) == (0, "global", None)
    free = [anchor for anchor in content["anchors"] if anchor != [10, 12]]
    assert len(free) == 2
    assert all(side % 4 == 0 for anchor in free for side in anchor)
    limit = content["limit"]
    assert limit["score"] == content["fitness"] <= limit["bound"]
    assert limit["gap"] == (limit["bound"] - limit["score"]) / limit["score"]
    code, out, _ = printed(capsys, table, "--method", "refine", "--certify", "-n", "3", "--least", "strides")
    assert (code, "no 3 anchors exceed" in out, "refined" in out) == (0, True, True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--keep", "10,12"], "not supported for method='recipe'"),
        (["--method", "global", "--keep", "10"], "--keep: got 1 numbers; widths and heights come in pairs"),
        (["--method", "global", "--keep", "10,-12"], "--keep[0] = (10.0, -12.0): widths and heights must"),
        (["--method", "global", "--keep", "a,b"], "--keep: 'a' is not a number"),
        (["--method", "global", "--least", "stride"], "--least = 'stride': must be a number of pixels, or 'strides'"),
        (["--method", "global", "--least", "-3"], "least"),
        (["--method", "global", "--multiple", "0"], "multiple"),
        (["--method", "globe"], "method"),
    ],
)
def test_the_command_refuses(capsys, table, options, sentence):
    code, out, err = printed(capsys, table, "-n", "3", *options)
    assert (code, out) == (2, "")
    assert sentence in err


def test_the_limit_needs_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(fastanchor.BackendError, match=r"bound needs SciPy: pip install 'fastanchor\[bound\]'"):
        fastanchor.bound(zoo.lognormal(20), 2)
