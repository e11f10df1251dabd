"""Bounds of the best IoU over blocks of boxes: never below the sum, near to it, and the same search as without them."""

import numpy as np
import pytest

import fastanchor
from fastanchor.engine import Shard, objective_of, survey
from fastanchor.engine._layout import GridSpec
from fastanchor.engine._objective import Objective
from fastanchor.engine.dense import DenseEngine
from fastanchor.engine.index import BoxIndex

import zoo

pytest.importorskip("numba", reason="numba is not installed")

NAMES = ["iou", "iou>0", "iou>0.5", "iou>0.9", "iou-recall@0.5", "iou-recall@0.3", "iou>1"]
SETS = {
    "lognormal": zoo.lognormal(20_000, seed=3),
    "integers": np.random.default_rng(1).integers(1, 60, (6000, 2)).astype(float),
    "squares": np.repeat(zoo.lognormal(3000)[:, :1], 2, axis=1),
    "clumped": np.vstack([zoo.lognormal(500), 30.0 + np.random.default_rng(0).normal(0, 1e-3, (4000, 2))]),
    "outliers": np.vstack([zoo.lognormal(4000), [[1e-100, 1e100], [1e100, 1e100], [1e-90, 1e-95], [1e9, 2.0]]]),
    "equal": np.full((300, 2), 12.5),
}


def some_anchors(wh, rng):
    """Anchors on, near and far from boxes, some of them equal."""
    k = int(rng.integers(1, 14))
    kind = rng.integers(3)
    anchors = wh[rng.integers(len(wh), size=k)].clip(1e-6, 1e6)
    if kind == 1:
        anchors = anchors * np.exp(rng.normal(0, 0.5, (k, 2)))
    if kind == 2:
        anchors = np.exp(rng.uniform(0, 7, (k, 2)))
    anchors[rng.integers(k)] = anchors[0]
    return anchors


def dealt(wh, weights=None):
    """Boxes of four shards, one of them empty."""
    spec, owner = GridSpec.of(survey(wh)), np.random.default_rng(0).integers(3, size=len(wh))
    rows = [np.flatnonzero(owner == i) for i in range(4)]
    return BoxIndex.of([Shard(wh[i], spec, i, weights=None if weights is None else weights[i]) for i in rows])


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True], ids=["", "weights"])
@pytest.mark.parametrize("name", SETS)
def test_no_sum_is_above_its_bound_and_few_are_far_below(name, weighted):
    wh, rng = SETS[name], np.random.default_rng(7)
    weights = rng.integers(0, 5, len(wh)) if weighted else None
    engines = [BoxIndex(wh, weights=weights), dealt(wh, weights)]
    total = (len(wh) if weights is None else int(weights.sum())) << 64
    for _ in range(12):
        anchors = some_anchors(wh, rng)
        for aim in map(objective_of, NAMES, [0.25] * len(NAMES)):
            for engine in engines:
                exact = engine.worth(anchors, aim).total
                assert engine.hopeful([anchors], aim, exact) == [0], aim.name
                assert engine.hopeful([anchors, anchors], aim, exact + total // 2000 + 1) == [], aim.name


@pytest.mark.slow
@pytest.mark.parametrize("name", ["iou", "iou>0.5", "iou-recall@0.5"])
@pytest.mark.parametrize("data", ["lognormal", "integers", "squares"])
def test_the_search_is_that_of_an_engine_that_looks_at_every_box(data, name):
    wh = SETS[data].clip(2)
    start = wh[:: len(wh) // 7][:7]
    right = fastanchor.evolve(wh, start, gen=80, rng=3, objective=name, engine="dense", progress=False)
    assert right.accepted > 3
    for boxes in (BoxIndex(wh), dealt(wh)):
        found = fastanchor.evolve(boxes, start, gen=80, rng=3, objective=name, progress=False)
        np.testing.assert_array_equal(found.anchors, right.anchors)
        np.testing.assert_array_equal(found.history, right.history)
        assert (found.accepted, found.engine) == (right.accepted, "index")


@pytest.mark.slow
def test_few_sums_are_taken(monkeypatch):
    """Of most mutants the bounds alone show that they are no fitter."""
    taken, worth = [], BoxIndex.worth
    monkeypatch.setattr(BoxIndex, "worth", lambda *rest: taken.append(0) or worth(*rest))
    wh = SETS["lognormal"].clip(2)
    found = fastanchor.evolve(BoxIndex(wh), wh[:7], gen=200, rng=0, objective="iou>0.5", progress=False)
    assert found.accepted < len(taken) < found.accepted + 30


def test_an_objective_without_bounds_is_asked_about_every_mutant():
    class Plain(Objective):
        def values(self, w, h, kw, kh, kernels):
            return np.zeros(w.size)

    wh = SETS["equal"]
    for engine in (BoxIndex(wh), DenseEngine(wh)):
        assert engine.hopeful([wh[:1]] * 3, Plain(), 1) == [0, 1, 2]
    assert DenseEngine(wh).hopeful([wh[:1]], objective_of("iou", 0.25), 1 << 90) == [0]
