"""A weight is a repetition: every answer is that for boxes repeated so often, from the same start."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastanchor
from fastanchor import DataError, kernels
from fastanchor._errors import SplitWarning
from fastanchor._weights import Weights, as_column
from fastanchor.engine import GridSpec, Shard, choose, survey

import naive
import strategies
import zoo

QUIET = {"progress": False}
ENGINES = ["dense", pytest.param("index", marks=pytest.mark.slow)]  # whose kernels are compiled once more for weights


@pytest.fixture(autouse=True)
def patient(tune):
    """The cells of an index answer even where all boxes would be cheaper."""
    tune(patience=1e9)


def repeated(boxes, weights):
    return np.repeat(boxes, weights, axis=0)


def drawn_weights(n, seed=0, most=5):
    """Whole weights with a few zeros, not all."""
    weights = np.random.default_rng(seed).integers(0, most, n)
    weights[seed % n] = most
    return weights


def needs(backend, engine, boxes):
    if engine == "index" and (backend == "numpy" or boxes.min() <= 0):
        pytest.skip("the index needs numba, and sides above 0")


def runs_alike(boxes, weights, start, metric, update, engine, max_iter=8):
    options = {"metric": metric, "update": update, "init": start, "max_iter": max_iter, "engine": engine, **QUIET}
    many = repeated(boxes, weights)
    if len(np.unique(many, axis=0)) < len(start):
        with pytest.raises(DataError, match="distinct size"):
            fastanchor.kmeans(boxes, len(start), weights=weights, **options)
        return
    right = fastanchor.kmeans(many, len(start), **{**options, "engine": "dense"})
    got = fastanchor.kmeans(boxes, len(start), weights=weights, **options)
    np.testing.assert_array_equal(got.centers, right.centers)
    np.testing.assert_array_equal(got.counts, right.counts)
    assert (got.inertia, got.n_iter, got.stop) == (right.inertia, right.n_iter, right.stop)
    np.testing.assert_allclose(got.mean_iou, right.mean_iou, rtol=1e-12)
    assert len(got.labels) == len(boxes)
    np.testing.assert_array_equal(np.repeat(got.labels, weights), right.labels)
    np.testing.assert_array_equal(got.labels, fastanchor.assign(boxes, got.centers, metric=metric))


@pytest.mark.parametrize("name", zoo.BOXES)
@pytest.mark.parametrize("metric", ["iou", "euclidean"])
@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("engine", ENGINES)
def test_kmeans_over_the_zoo(backend, engine, name, metric, update):
    boxes = zoo.BOXES[name]
    needs(backend, engine, boxes)
    if metric == "iou" and boxes.min() <= 0:
        pytest.skip("no sides")
    weights = drawn_weights(len(boxes), 3)
    for k in (1, 4):
        rows = np.random.default_rng(k).integers(len(boxes), size=k)  # some twice: centres without boxes move
        runs_alike(boxes, weights, boxes[rows], metric, update, engine)


@pytest.mark.slow
@strategies.examples(60)
@given(
    strategies.pairs(strategies.sides),
    strategies.pairs(strategies.sides, most=5),
    st.integers(0, 99),
    st.sampled_from(["iou", "euclidean"]),
    st.sampled_from(["median", "mean"]),
    st.sampled_from(
        [("numpy", "dense"), *((("numba", one) for one in ("dense", "index")) if kernels.installed() else ())]
    ),
)
def test_drawn_boxes_and_starts(boxes, start, seed, metric, update, way):
    with fastanchor.backend(way[0]):
        runs_alike(boxes, drawn_weights(len(boxes), seed, 4), start, metric, update, way[1], 5)


def test_many_boxes_take_medians_from_histograms(backend, tune):
    tune(presort=0, gather=4, share=1 << 30)
    for name in ("lognormal", "integers with many duplicates", "two kinds, thousands each", "thin"):
        boxes = zoo.BOXES[name]
        weights = drawn_weights(len(boxes), 7, 9)
        runs_alike(boxes, weights, np.unique(boxes, axis=0)[[0, -1]], "iou", "median", "dense", 5)


def test_medians_are_the_middle_of_the_repeated_values(backend):
    boxes = [[1, 10], [2, 20], [3, 30], [9, 90]]
    for weights, middle in (
        ([1, 1, 1, 0], 2),
        ([1, 0, 0, 1], 5),
        ([3, 1, 1, 1], 1.5),
        ([1, 1, 1, 4], 9),
        ([0, 5, 0, 0], 2),
    ):
        got = fastanchor.update_centers(boxes, [0] * 4, 1, weights=weights)
        assert got.tolist() == [[middle, middle * 10]]
    with pytest.raises(DataError, match=r"^labels: centre 1 of k = 2 has no box"):
        fastanchor.update_centers(boxes, [0, 0, 0, 1], 2, weights=[1, 1, 1, 0])


@pytest.mark.parametrize("scale", [1, 2**20, 2**31 - 1, 2**31, 2**33 + 5, 2**50])
def test_large_weights_lose_nothing(backend, scale):
    """Weights with a common factor give the answers without it."""
    boxes = zoo.BOXES["lognormal"][:400]
    weights = drawn_weights(400, 1)
    for update in ("median", "mean"):
        for metric in ("iou", "euclidean"):
            options = {"init": boxes[:3], "update": update, "metric": metric, "max_iter": 6, "engine": "dense", **QUIET}
            right, got = (fastanchor.kmeans(boxes, 3, weights=own, **options) for own in (weights, weights * scale))
            np.testing.assert_array_equal(got.centers, right.centers)
            assert (got.counts == right.counts * scale).all()
            np.testing.assert_allclose(got.inertia, right.inertia * scale, rtol=1e-15)
    answers = [choose(boxes, weights=own) for own in (weights, weights * scale)]
    totals = [one.total(boxes[:3], 0.25) for one in answers]
    assert totals[1] == totals[0] * scale
    np.testing.assert_allclose(answers[1].fitness(boxes[:3], 0.25), answers[0].fitness(boxes[:3], 0.25), rtol=1e-12)
    picks = [[one.pick(boxes[:2], "iou", u).row for u in np.linspace(0, 0.999, 50)] for one in answers]
    assert picks[0] == picks[1]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", [name for name, wh in zoo.BOXES.items() if wh.min() > 0])
def test_scores(backend, engine, name):
    boxes = zoo.BOXES[name]
    needs(backend, engine, boxes)
    weights = drawn_weights(len(boxes), 5)
    anchors = boxes[[0, len(boxes) // 2, -1]] * [1.1, 0.9]
    many = repeated(boxes, weights)
    given_ = fastanchor.BoxIndex(boxes, weights=weights) if engine == "index" else boxes
    more = {} if engine == "index" else {"weights": weights}
    for thr in (0.0, 0.25, 0.8):
        got = fastanchor.anchor_fitness(given_, anchors, thr, **more)
        right = naive.fitness(anchors, many, thr) if len(many) < 2000 else fastanchor.anchor_fitness(many, anchors, thr)
        np.testing.assert_allclose(got, right, rtol=1e-12)
        assert got.bpr == right[1]
    np.testing.assert_allclose(
        fastanchor.mean_iou(given_, anchors, **more), fastanchor.mean_iou(many, anchors), rtol=1e-12
    )
    got, right = fastanchor.check(given_, anchors, **more), fastanchor.check(many, anchors)
    assert (got.counts.tolist(), got.boxes) == (right.counts.tolist(), len(many))
    for field in ("fitness", "bpr", "mean_iou", "past_thr", "mean_ratio", "mean_best"):
        np.testing.assert_allclose(getattr(got, field), getattr(right, field), rtol=1e-12)
    for mine, theirs in zip(got.sizes, right.sizes, strict=True):
        assert mine[:2] == theirs[:2]
        if mine.boxes:
            np.testing.assert_allclose(mine[2:], theirs[2:], rtol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_search(backend, engine):
    boxes, weights = zoo.lognormal(600).clip(3), drawn_weights(600, 2)
    needs(backend, engine, boxes)
    options = {"gen": 150, "rng": 3, **QUIET}
    got = fastanchor.evolve(boxes, boxes[:5], weights=weights, engine=engine, **options)
    right = fastanchor.evolve(repeated(boxes, weights), boxes[:5], **options)
    np.testing.assert_array_equal(got.anchors, right.anchors)
    assert (got.accepted, got.bpr) == (right.accepted, right.bpr)
    assert got.accepted > 3
    np.testing.assert_allclose(got.history, right.history, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")
@pytest.mark.parametrize("kind", ["few", "wild", "one rules", "beyond the digits of a float"])
def test_the_index_decides_by_weight(kind):
    rng = np.random.default_rng(1)
    boxes = zoo.lognormal(20_000)
    weights = {
        "few": rng.integers(0, 4, 20_000),
        "wild": np.exp(rng.normal(0, 5, 20_000)).astype(np.int64),
        "one rules": np.where(np.arange(20_000) == 77, 10**6, 1),
        "beyond the digits of a float": rng.integers(0, 2**47, 20_000),
    }[kind]
    dense, index = choose(boxes, weights=weights), fastanchor.BoxIndex(boxes, weights=weights)
    for k in (1, 5, 9):
        for thr in (0.0, 0.25, 0.6):
            anchors = boxes[rng.choice(20_000, k)]
            mutants = [(anchors * rng.normal(1, 0.05, anchors.shape)).clip(2) for _ in range(12)]
            right, got = dense.fitness(anchors, thr), index.fitness(anchors, thr)
            np.testing.assert_allclose(got.fitness, right.fitness, rtol=1e-12)
            assert got.bpr == right.bpr
            found = [one.first_fitter(mutants, thr, right.fitness, anchors) for one in (dense, index)]
            assert (found[0] and found[0][0]) == (found[1] and found[1][0])
            assert index.shards[0].bounds(mutants, thr)[0] >= dense.fitness(mutants[0], thr).fitness * weights.sum()


@pytest.mark.parametrize("engine", ENGINES)
def test_whole_jobs_from_a_given_start(backend, engine):
    boxes, weights = zoo.lognormal(500), drawn_weights(500, 9)
    boxes[::7] *= 0.02  # some below min_size
    needs(backend, engine, boxes)
    options = {"n": 4, "gen": 40, "rng": 0, "init": boxes[1:5] * 2, **QUIET}
    with pytest.warns(fastanchor.SmallBoxWarning) as seen:
        got = fastanchor.auto_anchor(boxes, weights=weights, engine=engine, **options)
    with pytest.warns(fastanchor.SmallBoxWarning) as right_seen:
        right = fastanchor.auto_anchor(repeated(boxes, weights), **options)
    assert str(seen[0].message) == str(right_seen[0].message)
    np.testing.assert_array_equal(got.anchors, right.anchors)
    assert (got.boxes, got.n_small, got.n_filtered) == (right.boxes, right.n_small, right.n_filtered)
    assert got.kmeans.counts.tolist() == right.kmeans.counts.tolist()
    np.testing.assert_allclose([got.fitness, got.mean_iou], [right.fitness, right.mean_iou], rtol=1e-12)


def test_draws_are_those_of_the_contract(backend):
    boxes, weights = zoo.lognormal(300), drawn_weights(300, 4)
    share = weights / weights.sum()
    stop = {"max_iter": 1, "weights": weights, **QUIET}
    rows = np.random.default_rng(5).choice(300, 4, replace=False, p=share)
    got = fastanchor.kmeans(boxes, 4, rng=5, **stop)
    np.testing.assert_array_equal(got.centers, fastanchor.kmeans(boxes, 4, init=boxes[rows], **stop).centers)
    for metric in ("iou", "euclidean"):
        rng = np.random.default_rng(6)
        rows = [rng.choice(300, p=share)]
        for _ in range(3):
            far = naive.nearest_fast(boxes, boxes[rows], metric)[1]
            far = np.sqrt(far) if metric == "euclidean" else far
            which = naive.first_beyond(np.repeat(far, weights), rng.random())
            rows.append(int(np.repeat(np.arange(300), weights)[which]))
        got = fastanchor.kmeans(boxes, 4, init="k-means++", rng=6, metric=metric, **stop)
        right = fastanchor.kmeans(boxes, 4, init=boxes[rows], metric=metric, **stop)
        np.testing.assert_array_equal(got.centers, right.centers)


@pytest.mark.slow
def test_k_means_plus_plus_picks_across_blocks(backend):
    """Rows beyond the first block of 65,536, most of which count nothing."""
    boxes = np.full((70_000, 2), 10.0)
    boxes[[5, 66_000, 69_999]] = [[50, 10], [10, 90], [30, 30]]
    weights = np.zeros(70_000, int)
    weights[[0, 5, 66_000, 69_999]] = [1000, 1, 3, 2]
    answers = choose(boxes, weights=weights)
    picks = [answers.pick(boxes[:1], "iou", u).row for u in np.linspace(0, 0.9999, 200)]
    assert sorted(set(picks)) == [5, 66_000, 69_999]
    assert picks.count(66_000) > picks.count(69_999) > picks.count(5)
    assert answers.pick(boxes[[0, 5, 66_000, 69_999]], "iou", 0.5) is None


@pytest.mark.parametrize("engine", ENGINES)
def test_a_row_that_counts_nothing_keeps_its_place_and_label_and_is_never_chosen(backend, engine):
    boxes = np.array([[8.0, 8], [500, 500], [9, 9], [40, 40], [42, 42], [1, 300]])
    weights = [1, 0, 2, 1, 1, 0]
    needs(backend, engine, boxes)
    for seed in range(30):
        for init in ("random", "k-means++"):
            got = fastanchor.kmeans(boxes, 4, weights=weights, init=init, rng=seed, engine=engine, **QUIET)
            assert sorted(got.centers[:, 0].tolist()) == [8, 9, 40, 42]
            assert len(got.labels) == 6
            assert got.counts.sum() == 5
    got = fastanchor.kmeans(boxes, 2, weights=weights, init=[[8, 8], [8, 8]], engine=engine, **QUIET)
    assert got.labels.tolist() == [0, 1, 0, 1, 1, got.labels[5]]  # the emptied centre moved to (42, 42), not (500, 500)
    with pytest.raises(DataError, match=r"^boxes: only 4 distinct sizes, too few for k = 5; give a smaller k$"):
        fastanchor.kmeans(boxes, 5, weights=weights, engine=engine, **QUIET)


def test_a_label_that_only_weightless_rows_change_is_no_change(backend):
    boxes = np.array([[10.0, 10], [10, 12], [60, 60], [60, 64], [23, 24]])
    for start in ([[10, 10], [40, 40]], [[8, 8], [50, 50]], [[22, 22], [70, 70]]):
        runs_alike(boxes, [1, 1, 1, 1, 0], np.array(start, float), "iou", "median", "dense", 20)


BAD = [
    ([1, 2], "^{}: must be 3 numbers, one per box; got int64 of shape"),
    ([[1], [2], [3]], "^{}: must be 3 numbers, one per box; got int64 of shape"),
    ([1, -1, 1], r"^{}\[1\] = -1: weights must be finite and >= 0$"),
    ([1, -0.5, -1], r"^{}\[1\] = -0.5: weights must be finite and >= 0; 1 more row like it$"),
    ([np.nan, 1, 1], r"^{}\[0\] = nan: weights must be finite and >= 0$"),
    ([1, 1, np.inf], r"^{}\[2\] = inf: weights must be finite"),
    ([0, 0, 0], "^{}: must be above 0 for at least one box, got only zeros$"),
    ([0.0, 0.0, 0.0], "^{}: must be above 0 for at least one box, got only zeros$"),
    ([1.0, 1e-200, 1.0], r"^{}\[1\] = 1e-200: weights must be 0, or lie within 1e-100 and 1e\+100$"),
    ([2**61, 2**61, 1], r"^{}: whole weights must add up to less than 2\*\*62, got 4\.6"),
    (["a", "b", "c"], "^{}: must be 3 numbers, one per box; got"),
    (np.ma.array([1, 2, 3], mask=[0, 1, 0]), r"^{}\[1\]: must not be masked"),
]
THREE = [[10.0, 10], [20, 30], [50, 40]]
CALLS = {
    "kmeans": lambda w: fastanchor.kmeans(THREE, 1, weights=w, progress=False),
    "evolve": lambda w: fastanchor.evolve(THREE, THREE, weights=w, gen=1, progress=False),
    "auto_anchor": lambda w: fastanchor.auto_anchor(THREE, n=1, weights=w, gen=1, progress=False),
    "anchor_fitness": lambda w: fastanchor.anchor_fitness(THREE, THREE, weights=w),
    "mean_iou": lambda w: fastanchor.mean_iou(THREE, THREE, weights=w),
    "check": lambda w: fastanchor.check(THREE, THREE, weights=w),
    "sweep": lambda w: fastanchor.sweep(THREE, [1], weights=w, progress=False),
    "update_centers": lambda w: fastanchor.update_centers(THREE, [0, 0, 0], 1, weights=w),
    "AnchorKMeans": lambda w: fastanchor.AnchorKMeans(1).fit(THREE, sample_weight=w),
    "BoxIndex": lambda w: fastanchor.BoxIndex(THREE, weights=w),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(("weights", "sentence"), BAD, ids=[str(i) for i in range(len(BAD))])
def test_bad_weights_are_a_sentence(call, weights, sentence):
    if call == "BoxIndex" and not kernels.installed():
        pytest.skip("the index needs numba")
    name = "sample_weight" if call == "AnchorKMeans" else "weights"
    with pytest.raises(DataError, match=sentence.format(name)):
        CALLS[call](weights)


@pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")
def test_an_engine_has_its_weights_already():
    index = fastanchor.BoxIndex(THREE, weights=[1, 2, 3])
    with pytest.raises(DataError, match=r"^weights: boxes is an engine already; give the weights when building it$"):
        fastanchor.mean_iou(index, THREE, weights=[1, 2, 3])


@pytest.mark.parametrize(
    ("given_", "each", "unit"),
    [
        ([1, 2, 3], [1, 2, 3], 1.0),
        ([1.0, 2.0, 0.0], [1, 2, 0], 1.0),
        (np.array([200, 100], np.uint8), [200, 100], 1.0),
        ([True, False], [1, 0], 1.0),
        ([0.5, 1.5, 0.0], [1, 3, 0], 0.5),
        ([2.0**-40, 3 * 2.0**-40], [1, 3], 2.0**-40),
        ([1e60, 2e60], [1, 2], None),
        ([2.0**61, 2.0**62], [1, 2], 2.0**61),
    ],
)
def test_weights_become_whole_numbers(given_, each, unit):
    found = Weights.of(as_column(given_, "weights", len(given_)))
    np.testing.assert_allclose(found.each / found.each[0], np.array(each) / each[0], rtol=2.0**-29)
    if unit is not None:
        assert (found.each.tolist(), found.unit) == (each, unit)


@given(st.lists(st.floats(1e-9, 1e3) | st.just(0.0), min_size=1, max_size=30).filter(any))
def test_rounding_is_within_the_bound(values):
    column = as_column(values, "weights", len(values))
    found = Weights.of(column)
    np.testing.assert_allclose(found.each * found.unit, column, rtol=2.0**-29, atol=column.sum() * 2.0**-59)
    assert ((found.each > 0) == (column > 0)).all()
    assert found.total < 2**62


def test_what_counts_little_still_counts():
    found = Weights.of(np.array([1e-90, 1e90, 0.0]))
    assert found.each[0] > 0
    assert found.each[2] == 0
    assert found.total < 2**62


def test_fractions_give_the_answer_of_their_multiples(backend):
    boxes, weights = zoo.lognormal(200), drawn_weights(200, 6)
    options = {"init": boxes[:3], "update": "mean", **QUIET}
    right, got = (fastanchor.kmeans(boxes, 3, weights=own, **options) for own in (weights, weights / 8))
    np.testing.assert_array_equal(got.centers, right.centers)
    np.testing.assert_array_equal(got.counts, right.counts / 8)
    assert got.inertia == right.inertia / 8


def test_the_trials_of_large_sets_draw_by_weight(monkeypatch, tune):
    from fastanchor import starts

    tune(seen=64)
    boxes, weights = zoo.lognormal(400), np.zeros(400, int)
    weights[:30] = np.arange(1, 31)
    rng, seen = np.random.default_rng(8), []
    chosen = starts._chosen
    monkeypatch.setattr(starts, "_chosen", lambda answers, *rest: seen.append(answers) or chosen(answers, *rest))
    fastanchor.auto_anchor(boxes, n=3, gen=0, rng=8, weights=weights, **QUIET)
    rows = rng.choice(400, 64, p=weights / weights.sum())
    np.testing.assert_array_equal(seen[0].take(np.arange(64)), boxes[rows])


def test_the_estimator():
    boxes, weights = zoo.lognormal(200), drawn_weights(200, 6)
    model = fastanchor.AnchorKMeans(3, init=boxes[:3])
    right = fastanchor.kmeans(boxes, 3, init=boxes[:3], weights=weights, **QUIET)
    for fitted in (model.fit(boxes, sample_weight=weights), model.fit(boxes, None, weights)):
        np.testing.assert_array_equal(fitted.cluster_centers_, right.centers)
        assert fitted.inertia_ == right.inertia
    np.testing.assert_array_equal(model.fit_predict(boxes, sample_weight=weights), right.labels)


# ---- the column of Boxes


def column(weights):
    names = {"class_index": [0, 1, 1], "class_names": ["ant", "bee"]}
    return fastanchor.Boxes(THREE, [0, 0, 1], [[100, 100], [200, 100]], weights=weights, split=["a", "b"], **names)


def test_boxes_with_weights_are_used_everywhere():
    weights = [1, 5, 2]
    boxes, many = column(weights), np.repeat(THREE, weights, axis=0)
    plain = column(None)
    start = {"init": THREE[:2], "weights": None}
    for one, own in ((boxes, None), (plain, weights), (column([9, 9, 1]), weights)):
        start["weights"] = own
        assert fastanchor.kmeans(one, 2, **start, **QUIET).counts.sum() == 8
        assert fastanchor.mean_iou(one, THREE[:1], weights=own) == fastanchor.mean_iou(many, THREE[:1])
        fitness = fastanchor.anchor_fitness(one, THREE[:1], weights=own)
        np.testing.assert_allclose(fitness, fastanchor.anchor_fitness(many, THREE[:1]), rtol=1e-12)
        assert fastanchor.check(one, THREE, weights=own).boxes == 8
        assert fastanchor.sweep(one, [1], weights=own, **QUIET).boxes == 8
        assert fastanchor.update_centers(one, [0, 0, 0], 1, weights=own).tolist() == [[20, 30]]
    with pytest.warns(SplitWarning):
        assert fastanchor.auto_anchor(boxes, n=1, gen=0, **QUIET).boxes == 8


@pytest.mark.slow
@pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")
def test_an_index_has_the_weights_of_its_boxes():
    assert fastanchor.kmeans(fastanchor.BoxIndex(column([1, 5, 2])), 2, init=THREE[:2], **QUIET).counts.sum() == 8


def test_boxes_keep_weights():
    boxes = column([1, 0.5, 2])
    assert boxes.of_split("b").weights.tolist() == [2]
    both = fastanchor.boxes.concatenated([boxes, column(None), column([7, 8, 9])])
    assert both.weights.tolist() == [1, 0.5, 2, 1, 1, 1, 7, 8, 9]
    assert fastanchor.boxes.concatenated([column(None)] * 2).weights is None
    with pytest.raises(DataError, match=r"^weights: must be 3 numbers, one per box; got int64 of shape"):
        column([1, 2])
    with pytest.raises(DataError, match=r"^weights\[1\] = -2: weights must be finite and >= 0$"):
        column([1, -2, 3])


@pytest.mark.parametrize(("by", "index"), [("class", "class_index"), ("image", "image_index")])
@pytest.mark.parametrize("weights", [None, [3, 1, 2], [0, 1, 3]])
def test_balanced(by, index, weights):
    boxes = column(weights).balanced(by)
    group = getattr(boxes, index)
    totals = np.bincount(group, weights=boxes.weights)
    np.testing.assert_allclose(totals[totals > 0], 3 / np.count_nonzero(totals), rtol=1e-15)
    if weights is not None:  # inside a group they count as before
        pair = np.flatnonzero(group == group[1])
        own = np.array(weights, float)[pair]
        np.testing.assert_allclose(boxes.weights[pair] / boxes.weights[pair].sum(), own / own.sum(), rtol=1e-15)


def test_what_cannot_be_balanced_is_a_sentence():
    with pytest.raises(DataError, match=r"^by = 'area': must be one of 'class', 'image'$"):
        column(None).balanced("area")
    with pytest.raises(DataError, match=r"^boxes: have no classes, so they cannot be balanced by class$"):
        fastanchor.Boxes(THREE).balanced("class")
    with pytest.raises(DataError, match=r"^boxes: have no images, so they cannot be balanced by image$"):
        fastanchor.Boxes(THREE).balanced("image")
    with pytest.raises(DataError, match=r"^boxes: all weights are 0, so they cannot be balanced$"):
        column([0, 0, 0]).balanced("class")


@pytest.mark.slow
@pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")
def test_many_weighted_boxes_are_indexed_too():
    boxes = np.exp(np.random.default_rng(0).normal(3.5, 1, (200_000, 2)))
    weights = np.random.default_rng(1).integers(0, 3, 200_000)
    index, dense = choose(boxes, weights=weights), choose(boxes, name="dense", weights=weights)
    assert (index.name, index.weights.total) == ("index", weights.sum())
    assert index.total(boxes[:5], 0.25) == dense.total(boxes[:5], 0.25)
    runs = [one.lloyd("iou", "median") for one in (index, dense)]
    for _ in range(2):
        one, other = (run.step(boxes[:5]) for run in runs)
        np.testing.assert_array_equal(one.centers, other.centers)
        assert (one.inertia, one.changed) == (other.inertia, other.changed)
    assert index.pick(boxes[:2], "iou", 0.3).row == dense.pick(boxes[:2], "iou", 0.3).row


@pytest.mark.slow
@pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")
@pytest.mark.parametrize("count", [1, 2, 7])
def test_weighted_shards_add_up(count):
    boxes, weights = zoo.lognormal(3000), drawn_weights(3000, 8)
    rng = np.random.default_rng(count)
    owners = np.minimum(rng.integers(0, count + 1, 3000), count - 1)
    rows = [rng.permutation(np.flatnonzero(owners == one)) for one in range(count)]
    spec = GridSpec.of(survey(boxes))
    index = fastanchor.BoxIndex.of([Shard(boxes[own], spec, own, weights=weights[own]) for own in rows])
    dense = choose(boxes, weights=weights)
    assert index.weights.each.tolist() == weights.tolist()
    anchors = boxes[:5]
    assert index.total(anchors, 0.25) == dense.total(anchors, 0.25)
    np.testing.assert_allclose(index.fitness(anchors, 0.25), dense.fitness(anchors, 0.25), rtol=1e-12)
    for metric in ("iou", "euclidean"):
        for u in (0.1, 0.7):
            assert index.pick(anchors[:2], metric, u).row == dense.pick(anchors[:2], metric, u).row
        for many in (1, 3):
            assert (
                index.spread(anchors, metric, many).rows.tolist() == dense.spread(anchors, metric, many).rows.tolist()
            )
        for update in ("median", "mean"):
            options = {"metric": metric, "update": update, "init": "k-means++", "rng": 1, **QUIET}
            got, right = (fastanchor.kmeans(one, 5, **options) for one in (index, dense))
            np.testing.assert_array_equal(got.centers, right.centers)
            np.testing.assert_array_equal(got.labels, right.labels)
            assert (got.inertia, got.counts.tolist()) == (right.inertia, right.counts.tolist())
    got, right = (fastanchor.evolve(one, anchors, gen=40, rng=2, **QUIET) for one in (index, dense))
    np.testing.assert_array_equal(got.anchors, right.anchors)


@pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")
def test_shards_with_and_without_weights_do_not_go_together():
    boxes = zoo.lognormal(10)
    spec = GridSpec.of(survey(boxes))
    half = [np.arange(5), np.arange(5, 10)]
    with pytest.raises(DataError, match=r"^shards: some have weights and others have none$"):
        fastanchor.BoxIndex.of(
            [
                Shard(boxes[own], spec, own, weights=some)
                for own, some in zip(half, (None, np.ones(5, int)), strict=True)
            ]
        )


@pytest.mark.parametrize("objective", ["ratio", "recall", "iou", "iou>0.5", "iou-recall@0.5"])
def test_objectives_count_by_weight(backend, objective):
    boxes, weights = zoo.lognormal(300).clip(3), drawn_weights(300, 2)
    options = {"gen": 40, "rng": 3, "objective": objective, **QUIET}
    got = fastanchor.evolve(boxes, boxes[:4], weights=weights, **options)
    right = fastanchor.evolve(repeated(boxes, weights), boxes[:4], **options)
    np.testing.assert_array_equal(got.anchors, right.anchors)
    assert got.accepted == right.accepted
    np.testing.assert_allclose(got.history, right.history, rtol=1e-12)


@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("engine", ENGINES)
def test_k_means_by_ratio_counts_by_weight(backend, engine, update):
    boxes, weights = zoo.lognormal(300), drawn_weights(300, 3)
    needs(backend, engine, boxes)
    runs_alike(boxes, weights, boxes[:4], "ratio", update, engine, 20)
