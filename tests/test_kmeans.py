"""k-means: whole runs against the definition, the stop rules by name, and what is refused."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fastanchor
from fastanchor import DataError, cluster
from fastanchor.engine import _select
from fastanchor.engine._protocol import Nearest
from fastanchor.engine.dense import DenseStep

import naive
import strategies
import zoo


def quiet(*args, **options):
    return fastanchor.kmeans(*args, progress=False, **options)


def same_run(wh, start, metric, update, **options):
    result = quiet(wh, len(start), init=start, metric=metric, update=update, **options)
    centers, n_iter, stop = naive.kmeans(wh, start, metric, update, **options)
    assert (result.n_iter, result.stop) == (n_iter, stop)
    if update == "median":
        np.testing.assert_array_equal(result.centers, centers)
    else:
        np.testing.assert_allclose(result.centers, centers, rtol=1e-12)
    return result


@pytest.mark.parametrize("metric", ["iou", "euclidean"])
@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("name", [n for n, wh in zoo.BOXES.items() if len(np.unique(wh, axis=0)) >= 7])
def test_runs_are_those_of_the_definition(backend, name, metric, update):
    wh = zoo.BOXES[name]
    start = np.unique(wh, axis=0)[:: max(1, len(np.unique(wh, axis=0)) // 7)][:7]
    result = same_run(wh, start, metric, update, max_iter=25)
    labels, distance = naive.nearest_fast(wh, result.centers, metric)
    np.testing.assert_array_equal(result.labels, labels)
    np.testing.assert_array_equal(result.counts, np.bincount(labels, minlength=7))
    np.testing.assert_allclose(result.inertia, distance.sum(), rtol=1e-12)
    best = 1.0 - naive.nearest_fast(wh, result.centers, "iou")[1]
    np.testing.assert_allclose(result.mean_iou, best.mean(), rtol=1e-12)


@given(
    strategies.pairs(strategies.ordinary, least=4), st.integers(1, 6), st.sampled_from(["median", "mean"]), st.data()
)
@settings(max_examples=150)
def test_drawn_runs(wh, k, update, data):
    metric = data.draw(st.sampled_from(["iou", "euclidean"]))
    distinct = np.unique(wh, axis=0)
    assume(len(distinct) >= k)
    start = data.draw(st.permutations(distinct.tolist()).map(lambda rows: np.array(rows[:k])))
    if update == "mean":  # rounding of sums may tip a tie; the centres are then compared by their score
        result = quiet(wh, k, init=start, metric=metric, update=update, max_iter=4)
        np.testing.assert_array_equal(result.labels, naive.nearest_fast(wh, result.centers, metric)[0])
    else:
        same_run(wh, start, metric, update, max_iter=20)


def test_converges_on_plain_points_of_any_sign(backend):
    points = np.random.default_rng(3).normal(0, 10, (500, 2))
    points[::7, 0] = 0.0
    points[3::7, 0] = -0.0
    result = same_run(points, points[:5].copy(), "euclidean", "median")
    assert np.isnan(result.mean_iou)


def test_one_centre_is_the_median_and_not_a_box():
    wh = zoo.lognormal(1001)
    result = quiet(wh, 1, rng=0)
    np.testing.assert_array_equal(result.centers[0], np.median(wh, axis=0))
    assert result.stop == "converged"


def test_k_equal_to_n_keeps_every_box():
    wh = zoo.lognormal(12)
    result = quiet(wh, 12, rng=0)
    assert result.inertia == 0.0
    assert result.mean_iou == 1.0


def test_even_counts_take_the_mean_of_the_middle_two():
    wh = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0], [8.0, 80.0]])
    np.testing.assert_array_equal(quiet(wh, 1, rng=0).centers, [[3.0, 30.0]])


class Scripted:
    """An engine with two boxes that answers with prepared steps, each: centre to go to, inertia."""

    def __init__(self, *steps):
        self.steps = list(steps)
        self.asked = []
        self.inertia = {}

    def __len__(self):
        return 2

    def lloyd(self, metric, update):
        return self

    def step(self, centers):
        self.asked.append(float(centers[0, 0]))
        where, inertia = self.steps[len(self.asked) - 1]
        self.inertia[self.asked[-1]] = inertia
        return DenseStep(True, np.array([2]), inertia, np.full((1, 2), float(where)))

    def nearest(self, centers, metric):
        return Nearest(np.array([2]), self.inertia[float(centers[0, 0])])


def test_centres_that_come_back_are_a_cycle_and_the_best_seen_are_returned():
    engine = Scripted((2, 9.0), (3, 5.0), (4, 7.0), (2, 6.0))
    run = cluster._lloyd(engine, np.ones((1, 2)), "iou", "median", 300, 0.0, Moving())
    assert engine.asked == [1, 2, 3, 4]
    assert (run.centers[0, 0], run.n_iter, run.stop) == (2.0, 4, "cycle")


def test_of_equally_good_centres_in_a_cycle_the_earlier_are_returned():
    engine = Scripted((2, 5.0), (3, 5.0 - 1e-13), (1, 5.0))
    run = cluster._lloyd(engine, np.ones((1, 2)), "iou", "median", 300, 0.0, Moving())
    assert (run.centers[0, 0], run.stop) == (1.0, "cycle")


def test_centres_that_stay_are_no_cycle():
    """Boxes may change hands without moving a median: the run goes on to see that nothing changes any more."""
    wh = np.array([[1.0, 1], [2, 2], [2, 2], [2, 2], [3, 3], [30, 30], [31, 31], [31, 31], [31, 31], [32, 32]])
    result = same_run(wh, np.array([[2.0, 2], [31, 31]]), "iou", "median")
    assert (result.n_iter, result.stop) == (1, "converged")


class Moving:
    def update(self, n):
        pass


def test_tolerance_stops_early(backend):
    wh = zoo.lognormal(3000)
    for metric in ("iou", "euclidean"):
        assert same_run(wh, wh[:9].copy(), metric, "median", tol=1e-3).stop == "tol"


def test_max_iter_counts_updates(backend):
    wh = zoo.lognormal(3000)
    result = same_run(wh, wh[:9].copy(), "iou", "median", max_iter=3)
    assert (result.n_iter, result.stop) == (3, "max_iter")


def test_emptied_centre_moves_to_the_box_served_worst(backend):
    wh = np.array([[10.0, 10], [11, 10], [12, 11], [100, 100], [50, 3]])
    start = np.array([[10.0, 10], [10, 10], [10, 10]])  # the lowest takes all, two are left empty
    for metric in ("iou", "euclidean"):
        result = same_run(wh, start, metric, "median")
        assert (result.counts > 0).all()


def test_starts_are_drawn_as_documented(backend):
    wh = zoo.lognormal(70_000)
    rng = np.random.default_rng(5)
    expected = naive.kmeans(wh, wh[rng.choice(len(wh), 4, replace=False)], "iou", "median", max_iter=2)[0]
    np.testing.assert_array_equal(quiet(wh, 4, rng=5, max_iter=2).centers, expected)
    for metric in ("iou", "euclidean"):
        start = naive.kmeans_plus_plus(wh, 4, metric, np.random.default_rng(5))
        expected = naive.kmeans(wh, start, metric, "median", max_iter=2)[0]
        got = quiet(wh, 4, rng=5, max_iter=2, init="k-means++", metric=metric)
        np.testing.assert_array_equal(got.centers, expected)


@pytest.mark.parametrize("metric", ["iou", "euclidean"])
def test_n_init_keeps_the_best_of_its_runs(metric):
    wh = zoo.lognormal(500)
    rng = np.random.default_rng(8)
    single = [quiet(wh, 6, rng=rng, max_iter=5, metric=metric) for _ in range(4)]
    best = min(single, key=lambda r: r.inertia)
    together = quiet(wh, 6, rng=8, n_init=4, max_iter=5, metric=metric)
    np.testing.assert_array_equal(together.centers, best.centers)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_never_change_the_answer(backend, threads):
    wh = zoo.lognormal(400_000)
    for update in ("median", "mean"):
        one = quiet(wh, 9, rng=1, max_iter=3, update=update, threads=1)
        many = quiet(wh, 9, rng=1, max_iter=3, update=update, threads=threads)
        np.testing.assert_array_equal(one.centers, many.centers)
        assert one.inertia == many.inertia


@pytest.mark.parametrize("presort", [0, 1 << 17])
@pytest.mark.parametrize("n", [1, 2, 1000, 40_000])
def test_medians_with_much_in_few_places(backend, monkeypatch, n, presort):
    """Ranks far apart, single values with half the boxes, narrowing in several rounds; and values sorted before."""
    monkeypatch.setattr(_select, "GATHER", 50)
    monkeypatch.setattr(_select, "PRESORT", presort)
    rng = np.random.default_rng(n)
    for values in (
        np.repeat([1.0, 1e9], n),
        np.concatenate([np.full(n, 7.0), rng.uniform(1, 1e-9 + 1, n)]),
        np.concatenate([-np.exp(rng.normal(0, 9, n)), np.zeros(n), np.exp(rng.normal(0, 9, n))]),
        np.full(2 * n, -3.5),
    ):
        points = np.column_stack([values, values[::-1]])
        result = quiet(points, 1, metric="euclidean", init=[[0.0, 0.0]])
        np.testing.assert_array_equal(result.centers[0], np.median(points, axis=0))


@pytest.mark.parametrize("k", [1, 5, 255, 256, 300])
def test_medians_do_not_depend_on_how_they_are_found(backend, monkeypatch, k):
    rng = np.random.default_rng(k)
    wh = rng.integers(1, 40, (2000, 2)).astype(float)
    init = wh[:k] + rng.random((k, 2))
    found = []
    for presort in (0, len(wh)):
        monkeypatch.setattr(_select, "PRESORT", presort)
        found.append(quiet(wh, k, init=init, max_iter=4, engine="dense").centers)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("form", zoo.FORMS)
def test_any_form_of_the_same_boxes(form):
    wh = zoo.lognormal(40)
    expected = quiet(wh, 3, rng=0)
    np.testing.assert_array_equal(quiet(zoo.FORMS[form](wh), 3, rng=0).centers, expected.centers)


def test_float32_and_integers_are_taken_as_they_are():
    wh = zoo.lognormal(200).astype(np.float32)
    np.testing.assert_array_equal(quiet(wh, 3, rng=0).centers, quiet(wh.astype(float), 3, rng=0).centers)
    whole = zoo.lognormal(200).astype(np.int32)
    np.testing.assert_array_equal(quiet(whole, 3, rng=0).centers, quiet(whole.astype(float), 3, rng=0).centers)


def test_input_is_never_written():
    wh, init = zoo.lognormal(200), zoo.lognormal(3, 9)
    before = wh.copy(), init.copy()
    quiet(wh, 3, init=init)
    np.testing.assert_array_equal(wh, before[0])
    np.testing.assert_array_equal(init, before[1])


@pytest.mark.parametrize("name", zoo.BAD)
def test_bad_boxes_are_refused_in_one_sentence(name):
    boxes, sentence = zoo.BAD[name]
    with pytest.raises(DataError) as caught:
        quiet(boxes, 1)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"k": 0}, "k = 0: must be at least 1"),
        ({"k": 2.5}, "k = 2.5: must be a whole number"),
        ({"k": True}, "k = True: must be a whole number"),
        ({"metric": "cosine"}, "metric = 'cosine': must be one of 'iou', 'euclidean'"),
        ({"update": "mode"}, "update = 'mode': must be one of"),
        ({"init": "kmeans++"}, "init = 'kmeans++': must be one of 'random', 'k-means++'"),
        ({"init": [[1.0, 2.0]]}, "init: holds 1 centres; k = 3 are needed"),
        ({"init": [[1.0, 2.0], [0.0, 1.0], [1.0, 1.0]]}, "init[1] = (0.0, 1.0)"),
        ({"n_init": 0}, "n_init = 0"),
        ({"max_iter": 0}, "max_iter = 0"),
        ({"tol": -1.0}, "tol = -1.0: must be a number from 0"),
        ({"tol": float("nan")}, "tol = nan"),
        ({"engine": "gpu"}, "engine = 'gpu': must be one of"),
        ({"threads": 0}, "threads = 0"),
        ({"k": 41}, "boxes: hold 40 distinct sizes, fewer than k = 41"),
    ],
)
def test_bad_arguments_are_refused(options, sentence):
    with pytest.raises(DataError) as caught:
        quiet(zoo.lognormal(40), **{"k": 3, **options})
    assert sentence in str(caught.value)


def test_fewer_distinct_boxes_than_centres_is_an_error_that_counts_them():
    wh = np.repeat(zoo.lognormal(5), 40, axis=0)
    for init in ("random", "k-means++"):
        with pytest.raises(DataError, match="hold 5 distinct sizes, fewer than k = 9"):
            quiet(wh, 9, init=init)


def test_boxes_that_iou_cannot_tell_apart_are_an_error():
    wh = np.array([[1.0, 1.0], [1.0, np.nextafter(1.0, 2.0)], [1.0, 1.0]])
    with pytest.raises(DataError, match="told apart"):
        quiet(wh, 2, init=[[1.0, 1.0], [1.0, 1.0]])
