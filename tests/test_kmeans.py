"""k-means: whole runs against the definition, the stop rules by name, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import fastanchor
from fastanchor import DataError, cluster, kernels
from fastanchor.engine import _threads, choose
from fastanchor.engine._protocol import Nearest
from fastanchor.engine._reduce import StepTaken
from fastanchor.engine.dense import DenseEngine

import naive
import strategies
import zoo

needs_numba = pytest.mark.skipif(not kernels.installed(), reason="numba is not installed")


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


@pytest.mark.parametrize("metric", ["iou", "euclidean", "ratio"])
@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("name", [n for n, wh in zoo.BOXES.items() if len(np.unique(wh, axis=0)) >= 7])
def test_runs_are_those_of_the_definition(backend, name, metric, update, monkeypatch):
    if "hair" in name:
        monkeypatch.setattr(naive, "MEAN", naive.exact_mean)
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
@strategies.examples(150)
def test_drawn_runs(wh, k, update, data):
    metric = data.draw(st.sampled_from(["iou", "euclidean", "ratio"]))
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


@pytest.mark.parametrize("metric", ["iou", "euclidean", "ratio"])
def test_counts_and_labels_are_whole_numbers_of_64_bits(backend, metric):
    for engine in ("dense", "index") if backend == "numba" else ("dense",):
        result = quiet(zoo.lognormal(50), 3, rng=0, engine=engine, metric=metric)
        assert (result.counts.dtype, result.labels.dtype) == (np.int64, np.int64)


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
        return StepTaken(True, np.array([2]), np.full((1, 2), float(where)), lambda: inertia)

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


@pytest.mark.parametrize(
    ("metric", "update", "boxes", "start"),
    [
        ("iou", "median", [[7, 12], [4, 1], [5, 1], [1, 6], [2, 1]], [[5, 1], [7, 12], [4, 1], [2, 1], [2, 1]]),
        ("iou", "mean", [[16, 3], [24, 4], [13, 2], [15, 2], [6, 28]], [[13, 2], [16, 3], [13, 2], [16, 3], [15, 2]]),
        ("euclidean", "median", [[8, 94], [8, 5], [24, 20], [7, 10], [8, 4]], [[12, 3], [10, 11], [11, 9], [8, 10]]),
        (
            "euclidean",
            "mean",
            [[7, 3], [3, 12], [28, 19], [80, 20], [2, 11]],
            [[3, 12], [3, 12], [2, 11], [7, 3], [7, 3]],
        ),
    ],
)
def test_tolerance_ends_no_run_with_a_centre_that_has_no_box(backend, metric, update, boxes, start):
    wh, start = np.array(boxes, float), np.array(start, float)
    options = {"init": start, "metric": metric, "update": update}
    for engine in ("dense", "index") if backend == "numba" else ("dense",):
        # every gain is below this tolerance, and the second update is the first to have one
        early = quiet(wh, len(start), max_iter=2, engine=engine, **options)
        assert (early.stop, early.counts.all()) == ("max_iter", False)
        result = quiet(wh, len(start), tol=10.0, engine=engine, **options)
        assert result.n_iter > 2
        assert result.stop != "max_iter"
        assert result.counts.all()
    same_run(wh, start, metric, update, tol=10.0)


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


@pytest.mark.slow
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


def far_apart(n, **others):
    """Return n boxes of 10 x 10, but for those of the rows named."""
    wh = np.full((n, 2), 10.0)
    for row, box in others.items():
        wh[int(row[1:])] = box
    return wh


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["iou", "euclidean", "ratio"])
@pytest.mark.parametrize("last", [65_535, 65_536, 69_000, 139_999])
def test_kmeans_plus_plus_draws_boxes_far_down_the_rows(backend, metric, last):
    wh = far_apart(140_000, _100=[20, 10], **{f"_{last}": [10, 20]})
    engine = DenseEngine(wh)
    first = np.array([[10.0, 10.0]])
    distance = naive.nearest_fast(wh, first, metric)[1]
    plain = np.sqrt(distance) if metric == "euclidean" else distance
    for u in (0.0, 0.1, 0.5, 0.9, 1.0 - 2.0**-53):  # at 0.5 the first of the two is passed, but not exceeded
        assert engine.pick(first, metric, u).row == naive.first_beyond(plain, u)
    for seed in range(3):
        got = quiet(wh, 3, rng=seed, init="k-means++", metric=metric, engine="dense")
        assert sorted(got.centers.tolist()) == [[10, 10], [10, 20], [20, 10]]


@pytest.mark.parametrize("engine", ["dense", "index"])
def test_kmeans_plus_plus_adds_up_without_rounding(backend, engine):
    """Half of the total is reached to the last bit: the first half does not exceed it, whatever floats add up to."""
    if engine == "index" and backend == "numpy":
        pytest.skip("the index needs numba")
    half = zoo.lognormal(500)
    boxes = np.concatenate([half, half[::-1], [[10.0, 10.0]]])
    answers = choose(boxes, name=engine)
    for metric in ("iou", "euclidean"):
        first = np.array([[10.0, 10.0]])
        assert answers.pick(first, metric, 0.5).row == 500
        assert answers.pick(first, metric, np.nextafter(0.5, 0.0)).row == 499


@pytest.mark.parametrize("metric", ["iou", "euclidean", "ratio"])
def test_n_init_keeps_the_best_of_its_runs(metric):
    wh = zoo.lognormal(500)
    rng = np.random.default_rng(8)
    single = [quiet(wh, 6, rng=rng, max_iter=5, metric=metric) for _ in range(4)]
    best = min(single, key=lambda r: r.inertia)
    together = quiet(wh, 6, rng=8, n_init=4, max_iter=5, metric=metric)
    np.testing.assert_array_equal(together.centers, best.centers)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_never_change_the_answer(backend, threads):
    wh = zoo.lognormal(400_000)
    for update in ("median", "mean"):
        one = quiet(wh, 9, rng=1, max_iter=3, update=update, threads=1)
        many = quiet(wh, 9, rng=1, max_iter=3, update=update, threads=threads)
        np.testing.assert_array_equal(one.centers, many.centers)
        assert one.inertia == many.inertia


@pytest.mark.parametrize("engine", ["dense", pytest.param("index", marks=needs_numba)])
@pytest.mark.parametrize(
    "call",
    [
        lambda wh, **options: fastanchor.kmeans(wh, 2, init=wh[:2], max_iter=1, **options),
        lambda wh, **options: fastanchor.evolve(wh, wh[:2], gen=2, rng=0, **options),
        lambda wh, **options: fastanchor.auto_anchor(wh, n=2, init=wh[:2], max_iter=1, gen=2, rng=0, **options),
        lambda wh, **options: fastanchor.sweep(wh, [2], gen=2, max_iter=1, rng=0, **options),
    ],
    ids=["kmeans", "evolve", "auto_anchor", "sweep"],
)
def test_only_so_many_threads_work_as_the_caller_allows(monkeypatch, engine, call):
    wh = zoo.lognormal(4 * _threads.CHUNK).clip(3)
    real, sizes = _threads._pool, set()
    monkeypatch.setattr(_threads, "_pool", lambda threads: sizes.add(threads) or real(threads))
    call(wh, engine=engine, threads=1, progress=False)
    assert sizes == set()
    call(wh, engine=engine, threads=3, progress=False)
    assert sizes == {3}


@pytest.mark.parametrize("presort", [0, 1 << 17])
@pytest.mark.parametrize("n", [1, 2, 1000, 40_000])
def test_medians_with_much_in_few_places(backend, tune, n, presort):
    """Ranks far apart, single values with half the boxes, narrowing in several rounds; and values sorted before."""
    tune(gather=50, presort=presort)
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
def test_medians_do_not_depend_on_how_they_are_found(backend, tune, k):
    rng = np.random.default_rng(k)
    wh = rng.integers(1, 40, (2000, 2)).astype(float)
    init = wh[:k] + rng.random((k, 2))
    found = []
    for presort in (0, len(wh)):
        tune(presort=presort)
        found.append(quiet(wh, k, init=init, max_iter=4, engine="dense").centers)
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("presort", [0, 1 << 15])
@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("metric", ["iou", "euclidean", "ratio"])
def test_a_step_has_nan_for_a_centre_without_boxes(backend, tune, metric, update, presort):
    tune(presort=presort)
    wh = zoo.lognormal(5000)
    centers = np.array([[1e6, 1e6], [4.0, 4.0], [1e7, 1e6], [60.0, 70.0]])
    for engine in ("dense", "index") if backend == "numba" else ("dense",):
        step = choose(wh, name=engine).lloyd(metric, update).step(centers)
        assert (step.counts > 0).tolist() == [False, True, False, True]
        assert np.isnan(step.centers[[0, 2]]).all()
        assert np.isfinite(step.centers[[1, 3]]).all()


@pytest.mark.parametrize("presort", [0, 1 << 15])
@pytest.mark.parametrize(
    "values",
    [
        # an even number whose middle two lie far apart, beside an odd number: [values of one centre], [of the other]
        ([1.0] * 3000 + [5.0] * 3000, [1000.0] * 3001),
        ([1.0] * 3001, [1000.0] * 3000 + [1900.0] * 3000),
        ([1.0] * 2000 + [5.0] * 2000 + [3.0], [1000.0] * 4001 + [1500.0] * 4001),
        ([-5.0] * 3000 + [5.0] * 3000, [1000.0] * 3000 + [1500.0] * 3000),
    ],
)
def test_medians_of_even_and_odd_counts_side_by_side(backend, tune, values, presort):
    tune(presort=presort, gather=50)
    column = np.concatenate(values)
    start = np.array([[3.0, 3.0], [1000.0, 1000.0]])
    same_run(np.column_stack([column, column]), start, "euclidean", "median")


@pytest.mark.parametrize("presort", [0, 1 << 15])
@pytest.mark.parametrize("ones", [1000, 1005])
def test_zeros_of_either_sign_are_one_value(backend, tune, ones, presort):
    tune(presort=presort, gather=50)
    values = np.concatenate([[0.0], np.tile([0.0, -0.0], 2000), np.ones(ones), np.zeros(10)])
    for some in (values, -values):
        points = np.column_stack([some, np.ones_like(some)])
        result = quiet(points, 1, metric="euclidean", init=[[0.0, 0.0]])
        assert result.centers.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize(
    "points",
    [
        [[5.0, -2.0], [5.0, -4.0], [6.0, -4.0]],
        [[-5.0, 2.0], [-5.0, 4.0], [-6.0, 4.0]],
        [[-5.0, -2.0], [-5.0, -4.0], [-6.0, -4.0]],
        [[0.0, -2.0], [0.0, 4.0], [0.0, 0.0]],
    ],
)
def test_means_of_points_of_any_sign(backend, points):
    points = np.array(points)
    result = same_run(points, points[:1].copy(), "euclidean", "mean")
    np.testing.assert_allclose(result.centers, [points.mean(0)], rtol=1e-15)


@pytest.mark.parametrize("bad", [[-1.0, 2.0], [0.0, 2.0], [1.0, -2.0], [1.0, 0.0], [-1.0, -2.0]])
@pytest.mark.parametrize("k", [1, 2])
def test_points_that_are_no_boxes_have_no_mean_iou(backend, bad, k):
    result = quiet([bad, [5.0, 4.0], [6.0, 4.0], [5.0, 5.0]], k, metric="euclidean", rng=0)
    assert np.isnan(result.mean_iou)
    assert result.inertia > 0.0


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
    assert "()" not in str(caught.value)  # a unit that is not given
    assert "\n" not in str(caught.value)


BEYOND = math.nextafter(1e100, math.inf)
BAD_POINTS = {
    "NaN": ([float("nan"), 2.0], "(nan, 2.0): coordinates must be finite"),
    "NaN in the second": ([2.0, float("nan")], "(2.0, nan): coordinates must be finite"),
    "infinite": ([float("inf"), 2.0], "(inf, 2.0): coordinates must be finite"),
    "minus infinite": ([2.0, float("-inf")], "(2.0, -inf): coordinates must be finite"),
    "both infinite": ([float("inf"), float("-inf")], "(inf, -inf): coordinates must be finite"),
    "too large": ([1e200, 2.0], "(1e+200, 2.0): coordinates must lie within -1e100 and 1e100"),
    "just too large": ([2.0, BEYOND], f"(2.0, {BEYOND}): coordinates must lie within -1e100 and 1e100"),
    "just too far below zero": ([-BEYOND, 2.0], f"({-BEYOND}, 2.0): coordinates must lie within -1e100 and 1e100"),
    "too far below zero": ([2.0, -1e200], "(2.0, -1e+200): coordinates must lie within -1e100 and 1e100"),
}


@pytest.mark.parametrize("row", [0, 2])
@pytest.mark.parametrize("name", BAD_POINTS)
def test_bad_points_are_refused_in_one_sentence(name, row):
    bad, sentence = BAD_POINTS[name]
    points = [[5.0, 4.0], [-6.0, 0.0], [0.0, 5.0]]
    bad_points = [*points[:row], bad, *points[row:]]
    for call, argument in (
        (lambda: quiet(bad_points, 1, metric="euclidean"), "boxes"),
        (lambda: quiet(points, 4, metric="euclidean", init=bad_points), "init"),
        (lambda: fastanchor.assign(points, bad_points, metric="euclidean"), "centers"),
    ):
        with pytest.raises(DataError) as caught:
            call()
        assert str(caught.value) == f"{argument}[{row}] = {sentence}"


def test_points_at_the_limits_are_taken():
    result = quiet([[1e100, -1e100]], 1, metric="euclidean")
    assert result.centers.tolist() == [[1e100, -1e100]]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"k": 0}, "k = 0: must be at least 1"),
        ({"k": 2.5}, "k = 2.5: must be a whole number"),
        ({"k": True}, "k = True: must be a whole number"),
        ({"metric": "cosine"}, "metric = 'cosine': must be one of 'iou', 'euclidean'"),
        ({"update": "mode"}, "update = 'mode': must be one of"),
        ({"init": "kmeans++"}, "init = 'kmeans++': must be one of 'random', 'k-means++'"),
        ({"init": [[1.0, 2.0]]}, "init: must have k = 3 centres, got 1"),
        ({"init": [[1.0, 2.0], [0.0, 1.0], [1.0, 1.0]]}, "init[1] = (0.0, 1.0)"),
        ({"n_init": 0}, "n_init = 0"),
        ({"max_iter": 0}, "max_iter = 0"),
        ({"tol": -1.0}, "tol = -1.0: must be a number from 0"),
        ({"tol": float("nan")}, "tol = nan"),
        ({"engine": "gpu"}, "engine = 'gpu': must be one of"),
        ({"threads": 0}, "threads = 0"),
        ({"k": 41}, "boxes: only 40 distinct sizes, too few for k = 41; give a smaller k"),
    ],
)
def test_bad_arguments_are_refused(options, sentence):
    with pytest.raises(DataError) as caught:
        quiet(zoo.lognormal(40), **{"k": 3, **options})
    assert str(caught.value).startswith(sentence)


def test_fewer_distinct_boxes_than_centres_is_an_error_that_counts_them():
    wh = np.repeat(zoo.lognormal(5), 40, axis=0)
    for init in ("random", "k-means++"):
        with pytest.raises(DataError, match=r"^boxes: only 5 distinct sizes, too few for k = 9"):
            quiet(wh, 9, init=init)


@pytest.mark.parametrize("init", [[[1.0, 1.0], [1.0, 1.0]], "k-means++"])
def test_boxes_that_iou_cannot_tell_apart_are_an_error(init):
    wh = np.array([[1.0, 1.0], [1.0, np.nextafter(1.0, 2.0)], [1.0, 1.0]])
    with pytest.raises(DataError, match=r"^boxes: too few of them can be told apart for k = 2 centres"):
        quiet(wh, 2, init=init, rng=0)
