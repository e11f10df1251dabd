"""The search: same draws, same decisions, same anchors as the definition."""

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError
from fastanchor._evolve import Draws, climb
from fastanchor.engine.dense import DenseEngine

import naive
import zoo


@pytest.mark.parametrize("name", ["lognormal", "integers with many duplicates", "one box", "squares only"])
def test_decisions_are_those_of_the_definition(backend, name):
    wh = zoo.BOXES[name]
    start = zoo.lognormal(5, 11)
    got = fastanchor.evolve(wh, start, gen=150, rng=2, progress=False)
    anchors, fitness, accepted = naive.evolve(start, wh, 0.25, 150, np.random.default_rng(2))
    np.testing.assert_array_equal(got.anchors, anchors)
    assert got.accepted == accepted
    np.testing.assert_allclose(got.fitness, fitness, rtol=1e-12)
    np.testing.assert_allclose(got.bpr, naive.fitness_fast(anchors, wh, 0.25)[1], rtol=0)


def test_history_never_falls_and_ends_at_the_fitness():
    wh = zoo.lognormal(1000)
    got = fastanchor.evolve(wh, wh[:9], gen=300, rng=0, progress=False)
    assert got.history.shape == (301,)
    assert (np.diff(got.history) >= 0).all()
    assert np.count_nonzero(np.diff(got.history)) == got.accepted
    assert got.history[-1] == got.fitness == fastanchor.anchor_fitness(wh, got.anchors).fitness


@pytest.mark.parametrize("normal", [-50.0, 50.0, 7.01, -7.01])
def test_a_side_changes_by_a_factor_from_three_tenths_to_three(normal):
    """Draws of 7 sigma do not come by a seed, so they are given."""
    draws = Draws(np.zeros, lambda: 3.0, lambda shape: np.array([[normal, -normal]]))
    box = [30.0, 3.0] if normal > 0 else [3.0, 30.0]
    got = climb(np.array([[10.0, 10.0]]), DenseEngine(np.array([box])), 0.0, 1, draws)
    assert got.anchors.tolist() == [box]
    np.testing.assert_allclose(got.history, [0.3, 1.0], rtol=1e-15)


def test_anchors_given_are_neither_written_nor_handed_back():
    anchors, boxes = np.array([[5.0, 5.0], [20.0, 30.0]]), [[6.0, 5.0], [20.0, 31.0]]
    before = anchors.copy()
    for gen in (0, 20):
        got = fastanchor.evolve(boxes, anchors, gen=gen, rng=0, progress=False)
        assert not np.shares_memory(got.anchors, anchors)
        np.testing.assert_array_equal(anchors, before)


def test_sides_stay_at_least_two():
    got = fastanchor.evolve(np.full((10, 2), 0.5), [[2.0, 2.0]], gen=50, rng=0, thr=0.0, progress=False)
    assert (got.anchors >= 2.0).all()


def test_no_generation_only_scores():
    wh = zoo.lognormal(100)
    got = fastanchor.evolve(wh, wh[:3], gen=0, progress=False)
    np.testing.assert_array_equal(got.anchors, wh[:3])
    assert got.accepted == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"gen": -1}, "gen = -1"), ({"thr": 4.0}, "thr = 4.0: must be a number from 0 to 1"), ({"gen": 1.5}, "gen = 1.5")],
)
def test_bad_arguments_are_refused(options, sentence):
    with pytest.raises(DataError) as caught:
        fastanchor.evolve([[3, 3]], [[3, 3]], **options)
    assert str(caught.value).startswith(sentence)


def test_progress_callable_is_told_the_fitness():
    seen = []

    class Bar:
        def __init__(self, **options):
            self.total = options["total"]

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n):
            seen.append(n)

        def set_postfix_str(self, text, refresh=True):
            assert text.startswith("fitness 0.")

    fastanchor.evolve([[5, 4]], [[3, 3]], gen=7, rng=0, progress=Bar)
    assert sum(seen) == 7
