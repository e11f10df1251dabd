"""Kernels of the search by exchange, against the definitions, and both backends against each other."""

import itertools

import numpy as np
import pytest

import fastanchor
from fastanchor import kernels
from fastanchor.engine import choose, objective_of
from fastanchor.kernels import _exchange_numpy
from fastanchor.kernels._exchange_numpy import LANES, STEEP, Mass, Rule
from fastanchor.optimum import _points
from fastanchor.optimum._exchange import apart, drawn, exchanged, mixed
from fastanchor.optimum._judge import Judge
from fastanchor.optimum._points import TURN, gathered, points_of, single

import zoo

RULES = [
    Rule(0.25, STEEP, 0.0, 1.0),
    Rule(0.5, STEEP, 1.0, 0.0),
    Rule(-1.0, STEEP, 0.0, 1.0),
    Rule(0.24, 50.0, 0.0, 1.0),
]


def match(kind, wh, anchors):
    b, a = wh[:, None], anchors[None]
    if kind == "ratio":
        return np.minimum(b / a, a / b).min(axis=2)
    shared = np.minimum(b, a).prod(axis=2)
    return shared / (b.prod(axis=2) + a.prod(axis=2) - shared)


@pytest.fixture(params=["numpy", "numba"])
def arithmetic(request):
    if request.param == "numba" and not kernels.installed():
        pytest.skip("numba is not installed")
    return kernels.part("exchange" if request.param == "numba" else "exchange_numpy")


@pytest.mark.parametrize("n", [1, 7, LANES, LANES + 1, 3 * LANES - 1])
@pytest.mark.parametrize("kind", ["ratio", "iou"])
@pytest.mark.parametrize("rule", RULES)
def test_sums_are_those_of_the_definition(arithmetic, kind, n, rule):
    wh, anchors = zoo.lognormal(n), zoo.lognormal(5) * 1.1
    weight = np.random.default_rng(0).random(n)
    mass = Mass(*wh.T.copy(), *(1 / wh).T.copy(), weight)
    value = match(kind, wh, anchors)
    value = (rule.lift + rule.scale * value) * np.clip((value - rule.above) * rule.slope, 0.0, 1.0)
    aw, ah = anchors.T.copy()
    cover, sums = np.full(n, 0.3), np.empty(5)
    getattr(arithmetic, f"cover_{kind}")(mass, rule, aw, ah, cover)
    np.testing.assert_allclose(cover, np.maximum(value.max(axis=1), 0.3), rtol=1e-12)
    getattr(arithmetic, f"trials_{kind}")(mass, rule, np.full(n, 0.1), aw, ah, sums)
    np.testing.assert_allclose(sums, weight @ np.maximum(value, 0.1), rtol=1e-12)
    twin_cover, twin_sums = np.full(n, 0.3), np.empty(5)
    getattr(_exchange_numpy, f"cover_{kind}")(mass, rule, aw, ah, twin_cover)
    getattr(_exchange_numpy, f"trials_{kind}")(mass, rule, np.full(n, 0.1), aw, ah, twin_sums)
    np.testing.assert_array_equal(cover, twin_cover)
    np.testing.assert_array_equal(sums, twin_sums)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_gains_are_those_of_each_exchange(arithmetic, k):
    rng = np.random.default_rng(k)
    table = rng.random((60, 20), dtype=np.float32) * (rng.random((60, 20)) < 0.4)
    weight, base = rng.random(60), np.float32(0.1)
    chosen = rng.choice(20, k, replace=False)
    values = np.concatenate([table[:, chosen], np.full((60, 1), base)], axis=1)
    order = np.sort(np.concatenate([values, np.zeros((60, 1), np.float32)], axis=1), axis=1)
    out = np.empty((k, 20))
    arithmetic.exchanges(table, weight, values.argmax(axis=1), order[:, -1].copy(), order[:, -2].copy(), out)
    before = weight @ values.max(axis=1)
    for j, candidate in itertools.product(range(k), range(20)):
        new = values.copy()
        new[:, j] = table[:, candidate]
        np.testing.assert_allclose(out[j, candidate], weight @ new.max(axis=1) - before, atol=1e-6)


@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("objective", ["ratio", "iou"])
def test_no_exchange_improves_what_is_found(k, objective):
    points = points_of(choose(zoo.lognormal(80)))
    judge = Judge(objective_of(objective, 0.25), points)
    candidates = zoo.lognormal(30)
    table = np.ascontiguousarray(judge.alone(candidates).T, dtype=np.float32)
    given = judge.cover(candidates[:1] * 0.9)
    start = drawn(table, given, points.weight, k, np.random.default_rng(0))
    found = exchanged(table, given, points.weight, start)
    np.testing.assert_allclose(found.score, judge.value(candidates[[*found.rows]], given), rtol=1e-6)
    for j, candidate in itertools.product(range(k), range(30)):
        rows = [*found.rows]
        rows[j] = candidate
        assert judge.value(candidates[rows], given) <= found.score + 1e-6


def test_cells_pass_a_threshold_bit_by_bit():
    points = gathered(points_of(choose(zoo.lognormal(3000))), 12)[0]
    judge = Judge(objective_of("recall", 0.25), points)
    sides = np.geomspace(5, 300, 4000)
    recall = judge.trials(np.zeros(len(points.w)), np.stack([sides, sides], axis=1))
    sharp = Judge(objective_of("recall", 0.25), single(points))
    steps = sharp.trials(np.zeros(len(points.w)), np.stack([sides, sides], axis=1))
    assert np.abs(np.diff(recall)).max() < 0.5 * np.abs(np.diff(steps)).max()


def test_the_best_anchors_of_several_sets_come_together():
    points = points_of(choose(zoo.lognormal(80)))
    judge, rng = Judge(objective_of("ratio", 0.25), points), np.random.default_rng(0)
    given = judge.cover(np.empty((0, 2)))
    sets = [np.stack([points.w, points.h], axis=1)[rng.choice(len(points.w), 3, replace=False)] for _ in range(5)]
    found = mixed(judge, sets, given, rng)
    values = [judge.value(anchors) for anchors in found]
    assert {tuple(anchor) for anchors in found for anchor in anchors.tolist()} <= set(map(tuple, np.concatenate(sets)))
    assert values[0] > max(map(judge.value, sets)) + 0.01
    np.testing.assert_allclose(values, sorted(values, reverse=True), atol=1e-6)


def test_sets_that_are_alike_are_left_out():
    one, near, far = np.array(
        [[[10.0, 20.0], [30.0, 40.0]], [[30.1, 40.0], [10.0, 20.1]], [[10.0, 20.0], [33.0, 40.0]]]
    )
    np.testing.assert_array_equal(apart([one, near, far, one], 0.02), [one, far])


def test_no_anchor_gains_by_the_mean_side_of_a_row_of_cells(monkeypatch):
    side = np.geomspace(10, 300, 100)
    wh = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    anchors = np.stack([np.geomspace(30, 100, 100), np.full(100, 40.0)], axis=1)
    objective, waves = objective_of("ratio", 0.0), []
    with fastanchor.backend("numpy"):
        boxes = choose(wh)
        right = Judge(objective, points_of(boxes)).trials(np.zeros(len(wh)), anchors)
        monkeypatch.setattr(_points, "DISTINCT", 100)
        for turn in (TURN, 0.0):
            cells = points_of(boxes, 12, turn)
            waves.append(np.ptp(Judge(objective, cells).trials(np.zeros(len(cells.w)), anchors) - right))
    assert waves[0] < 0.3 * waves[1]
