"""Which start of k-means auto_anchor and sweep go on with: a rule by the fitness, the same everywhere."""

import argparse
import inspect

import numpy as np
import pytest

import fastanchor
from fastanchor import BoxIndex, DataError, kernels, starts
from fastanchor.cli import anchors, sweep
from fastanchor.engine import choose

import naive
import zoo


def fittest(wh, k, seed, **options):
    boxes = choose(wh, name=options.pop("engine", "dense"), metric=options.get("metric", "iou"))
    return starts.fittest(
        boxes, k, rng=np.random.default_rng(seed), progress=False, **{"thr": 0.25, "n_init": 4, **options}
    )


@pytest.mark.parametrize("seen", [100, 300, 301, 1 << 14])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"n_init": 2, "thr": 0.6},
        {"n_init": 3, "update": "mean"},
        {"n_init": 3, "metric": "euclidean", "max_iter": 30},
        {"n_init": 3, "init": "k-means++", "max_iter": 7},
    ],
    ids=str,
)
def test_is_the_rule_step_by_step(backend, tune, seen, options):
    tune(seen=seen)
    wh = zoo.lognormal(301)
    options = {"n_init": 4, **options}
    got = fittest(wh, 6, 5, **options)
    centers, n_iter, stop = naive.fittest(wh, 6, np.random.default_rng(5), seen=seen, **options)
    if options.get("update") == "mean":
        np.testing.assert_allclose(got.centers, centers, rtol=1e-12)
    else:
        np.testing.assert_array_equal(got.centers, centers)
    assert (got.n_iter, got.stop) == (n_iter, stop)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_the_two_fittest_trials_go_on(seed):
    wh = zoo.lognormal(2000)  # so many take more updates than a trial makes
    got = fittest(wh, 12, seed, n_init=12)
    centers, n_iter, stop = naive.fittest(wh, 12, np.random.default_rng(seed), n_init=12)
    assert n_iter > 20
    np.testing.assert_array_equal(got.centers, centers)
    assert (got.n_iter, got.stop) == (n_iter, stop)


@pytest.mark.skipif(not kernels.installed(), reason="numba is not installed")
@pytest.mark.parametrize("seen", [500, 1 << 14])
@pytest.mark.parametrize("kind", ["lognormal", "whole numbers"])
def test_does_not_depend_on_the_engine_or_the_threads(tune, seen, kind):
    tune(seen=seen)
    wh = zoo.lognormal(3000)
    if kind == "whole numbers":
        wh = wh.clip(2, 60).round()
    dense = fittest(wh, 9, 2)
    for threads in (1, 3):
        index = starts.fittest(
            BoxIndex(wh, threads=threads), 9, thr=0.25, rng=np.random.default_rng(2), n_init=4, progress=False
        )
        np.testing.assert_array_equal(dense.centers, index.centers)
        assert (dense.n_iter, dense.stop) == (index.n_iter, index.stop)


@pytest.mark.parametrize("init", ["random", "k-means++"])
@pytest.mark.parametrize("others", [5, 9])
def test_looks_at_all_boxes_where_those_drawn_are_too_much_alike(backend, tune, init, others):
    tune(seen=40)
    wh = np.full((2000, 2), 30.0)
    wh[:others] = np.arange(1, 2 * others + 1).reshape(-1, 2) * 7.0
    found = fittest(wh, others, 0, init=init)
    assert np.isfinite(found.centers).all()
    assert len(np.unique(found.centers, axis=0)) == others


@pytest.mark.parametrize(
    ("scores", "count", "taken"),
    [
        ([0.1, 0.3, 0.2], 1, [1]),
        ([0.1, 0.3, 0.2], 2, [1, 2]),
        ([0.3, 0.1, 0.3], 1, [0]),
        ([0.3, 0.3 + 1e-13, 0.3 - 1e-13], 1, [0]),
        ([0.3 - 1e-13, 0.1, 0.3, 0.3 + 1e-13], 2, [0, 2]),
        ([0.3, 0.3 + 1e-9], 1, [1]),
        ([0.0, 0.0], 2, [0, 1]),
        ([0.5], 2, [0]),
    ],
)
def test_near_ties_keep_the_earlier_start(scores, count, taken):
    assert starts._fittest(scores, count) == taken


@pytest.mark.parametrize("max_iter", [1, 19, 20, 21, 25])
@pytest.mark.parametrize("seen", [200, 1 << 14])
def test_max_iter_bounds_the_updates(tune, max_iter, seen):
    tune(seen=seen)
    found = fittest(zoo.lognormal(3000), 12, 0, max_iter=max_iter)
    assert (found.n_iter, found.stop) == (max_iter, "max_iter")


@pytest.mark.parametrize("options", [{"n_init": 1}, {"n_init": 1, "init": "k-means++"}, {"init": [[5, 5], [90, 70]]}])
def test_nothing_to_choose_is_one_run_of_kmeans(tune, options):
    tune(seen=100)
    wh = zoo.lognormal(400)
    alone = fastanchor.kmeans(wh, 2, rng=3, progress=False, **options)
    np.testing.assert_array_equal(fittest(wh, 2, 3, **options).centers, alone.centers)


def test_is_at_least_as_fit_as_each_of_its_starts():
    wh = zoo.lognormal(500)
    rng = np.random.default_rng(7)
    fitness = []
    for _ in range(6):
        centers, _, _ = naive.kmeans(wh, wh[rng.choice(500, 9, replace=False)], "iou", "median", 20)
        fitness.append(naive.fitness_fast(centers, wh, 0.25)[0])
    found = fittest(wh, 9, 7, n_init=6, max_iter=20)
    np.testing.assert_allclose(naive.fitness_fast(found.centers, wh, 0.25)[0], max(fitness), rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"n_init": 0}, "n_init = 0"), ({"n_init": 1.5}, "n_init = 1.5"), ({"max_iter": 0}, "max_iter = 0"),
     ({"tol": -1}, "tol = -1"), ({"update": "mode"}, "update = 'mode'"), ({"init": "best"}, "init = 'best'")],
)  # fmt: skip
@pytest.mark.parametrize("seen", [10, 1 << 14])
def test_bad_arguments_are_refused(tune, options, sentence, seen):
    tune(seen=seen)
    with pytest.raises(DataError, match="^" + sentence):
        fastanchor.auto_anchor(zoo.lognormal(40).clip(3), n=3, progress=False, **options)


def test_one_default_everywhere():
    for function in (fastanchor.auto_anchor, fastanchor.sweep):
        parameters = inspect.signature(function).parameters
        assert parameters["n_init"].default == starts.N_INIT
        assert parameters["max_iter"].default == 300
    for command in (anchors, sweep):
        parser = argparse.ArgumentParser()
        command.add(parser)
        assert parser.parse_args([]).n_init == starts.N_INIT


@pytest.mark.slow
@pytest.mark.parametrize("gen", [0, 15])
@pytest.mark.parametrize("n", [[4], [2, 4, 7]])
@pytest.mark.parametrize("generator", [False, True])
def test_a_sweep_finds_what_auto_anchor_finds(backend, tune, gen, n, generator):
    tune(seen=500)
    wh = zoo.lognormal(600).clip(3)

    def rng():
        return np.random.default_rng(11) if generator else 11

    swept = fastanchor.sweep(wh, n, gen=gen, rng=rng(), progress=False)
    for k, found, fitness in zip(n, swept.anchors, swept.fitness, strict=True):
        alone = fastanchor.auto_anchor(wh, n=k, gen=gen, rng=rng(), progress=False)
        np.testing.assert_array_equal(found, alone.anchors)
        assert fitness == pytest.approx(alone.fitness, rel=1e-12)


@pytest.mark.parametrize(
    "options", [{"n_init": 1}, {"n_init": 2}, {"max_iter": 2}, {"update": "mean"}, {"thr": 0.7}], ids=str
)
def test_a_sweep_hands_its_options_on(options):
    wh = zoo.lognormal(600).clip(3)
    options = {"rng": 1, "progress": False, **options}
    (found,) = fastanchor.sweep(wh, [7], **options).anchors
    np.testing.assert_array_equal(found, fastanchor.auto_anchor(wh, n=7, gen=0, **options).anchors)
    plain = fastanchor.auto_anchor(wh, n=7, gen=0, rng=1, progress=False).anchors
    assert not np.array_equal(found, plain)


def test_a_generator_goes_on_after_a_sweep():
    wh = zoo.lognormal(300).clip(3)
    rng, other = np.random.default_rng(0), np.random.default_rng(0)
    first = fastanchor.sweep(wh, [2, 5], rng=rng, progress=False)
    second = fastanchor.sweep(wh, [2, 5], rng=rng, gen=3, progress=False)
    fastanchor.auto_anchor(wh, n=5, rng=other, gen=0, progress=False)
    third = fastanchor.sweep(wh, [2, 5], rng=other, gen=3, progress=False)
    assert len(first.n) == 2
    np.testing.assert_array_equal(second.anchors[1], third.anchors[1])


@pytest.mark.parametrize(
    "name", ["neu_det", "bccd", "taco", "raccoon", "garbage_roboflow", "six_formats/pascalvoc_format"]
)
def test_the_search_is_never_behind_the_sweep(data, name):
    pytest.importorskip("numba")
    wh = fastanchor.read(data / name).scaled(640)
    wh = wh[(wh >= 3).all(1)]
    result = fastanchor.auto_anchor(wh, gen=100, rng=0, progress=False)
    swept = fastanchor.sweep(wh, [9], rng=0, progress=False)
    assert swept.fitness[0] == result.kmeans_fitness.fitness
    assert result.fitness >= swept.fitness[0]
