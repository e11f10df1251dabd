"""Fitness compared in single precision: near ties as the originals decide them."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from fastanchor.compat import _single
from fastanchor.engine import choose

import zoo

THR = 0.25


@pytest.mark.parametrize(
    ("gains", "expected"),
    [([1e-9], None), ([1e-6], (0, 0.7 + 1e-6)), ([], None), ([0.0, 1e-9, 0.0, 1e-6, 1e-3], (3, 0.7 + 1e-6))],
)
def test_without_torch_gains_that_single_precision_cannot_tell_are_ignored(gains, expected, monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)

    def first_fitter(mutants, thr, than, of=None):
        return next(((i, than + gain) for i, gain in enumerate(mutants) if gain > 0.0), None)

    answers = SimpleNamespace(fitness=None, first_fitter=first_fitter)
    assert _single.Single(answers, np.ones((1, 2))).first_fitter(gains, THR, 0.7) == expected


def mean_of(torch, anchors, wh):
    """The mean as torch has it, from a plain restatement."""
    k, boxes = torch.tensor(anchors, dtype=torch.float32), torch.tensor(wh, dtype=torch.float32)
    ratio = boxes[:, None, :] / k[None, :, :]
    best = torch.minimum(ratio, 1 / ratio).amin(2).amax(1)
    return float(torch.where(best > THR, best, torch.zeros_like(best)).mean())


def near_ties(wh, rng):
    """Pairs of anchors whose exact fitnesses are next to equal: one side is moved by a few units, up or down."""
    anchors = wh[rng.integers(len(wh), size=5)] * rng.uniform(0.8, 1.2, (5, 2)) + 0.5
    for step in (1e-8, 3e-8, 1e-7, 3e-7, 1e-6, 1e-5):
        for sign in (-1.0, 1.0):
            other = anchors.copy()
            other[rng.integers(5), rng.integers(2)] *= 1.0 + sign * step
            yield anchors, other


@pytest.mark.parametrize("n", [5, 37, 440, 5000, 40_000])
@pytest.mark.parametrize("zeros", [False, True], ids=["whole", "with sides of 0"])
def test_near_ties_are_decided_by_the_mean_of_torch(n, zeros):
    torch = pytest.importorskip("torch")
    wh = zoo.lognormal(n) + 1.0
    wh = wh.astype(np.float32).astype(np.float64)
    whole = np.ones(n, bool)
    if zeros:
        wh[::7, 0] = 0.0
        whole = (wh > 0).all(1)
    engine = choose(wh[whole])
    rng = np.random.default_rng(n)
    seen, differing = 0, 0
    for _ in range(12 if n <= 5000 else 2):
        for one, other in near_ties(wh[whole], rng):
            single = _single.Single(engine, wh)
            than = single.fitness(one, THR).fitness
            right = mean_of(torch, other, wh) > mean_of(torch, one, wh)
            exact = engine.fitness(other, THR).fitness
            assert single.first_fitter([other], THR, than) == ((0, exact) if right else None)
            seen += right
            differing += right != (np.float32(exact) > np.float32(than))
    assert seen
    if n in (440, 5000):
        assert differing > 2  # so rounding the exact means would not do


def test_what_torch_accepts_is_what_later_mutants_are_compared_with():
    torch = pytest.importorskip("torch")
    wh = zoo.lognormal(440).astype(np.float32).astype(np.float64)
    engine, rng = choose(wh), np.random.default_rng(1)
    start = wh[rng.choice(440, 4, replace=False)]
    mutants = [start * (1.0 + rng.normal(0.0, 1e-6, (4, 2))) for _ in range(60)]
    best, accepted = mean_of(torch, start, wh), []
    for i, mutant in enumerate(mutants):
        if mean_of(torch, mutant, wh) > best:
            best = mean_of(torch, mutant, wh)
            accepted.append(i)
    single, got, passed = _single.Single(engine, wh), [], 0
    than = single.fitness(start, THR).fitness
    while (found := single.first_fitter(mutants[passed:], THR, than)) is not None:
        got.append(passed + found[0])
        passed, than = got[-1] + 1, found[1]
    assert got == accepted
    assert len(got) > 2


def test_a_box_on_the_threshold_counts_as_single_precision_has_it():
    torch = pytest.importorskip("torch")
    # 8 / k falls on either side of 1/4 by less than single precision tells
    boxes = np.array([[8.0, 8.0], [100.0, 100.0], [90.0, 110.0]])
    engine = choose(boxes)
    for side in (32.0, 32.0 * (1 + 1e-9), 32.0 * (1 - 1e-9), 32.0 * (1 - 1e-6)):
        one, other = np.array([[100.0, 100.0], [33.0, 33.0]]), np.array([[100.0, 100.0], [side, side]])
        single = _single.Single(engine, boxes)
        than = single.fitness(one, THR).fitness
        right = mean_of(torch, other, boxes) > mean_of(torch, one, boxes)
        assert (single.first_fitter([other], THR, than) is not None) == right
