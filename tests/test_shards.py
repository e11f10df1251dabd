"""An index over several shards has the bits of one over a single shard, however the rows are dealt to them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastanchor
from fastanchor import BoxIndex, kernels
from fastanchor.engine import GridSpec, Shard, Survey, choose, survey
from fastanchor.engine._merged import merged

import strategies
import zoo

pytestmark = pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")

ZOO = [name for name, wh in zoo.BOXES.items() if wh.min() > 0]


@pytest.fixture(autouse=True)
def patient(tune):
    """The cells answer even where all boxes would be cheaper."""
    tune(patience=1e9)


def dealt(boxes, count, seed=0, threads=1, weights=None):
    """An index over `count` shards of very different sizes, some of them empty, with rows in any order."""
    rng = np.random.default_rng([seed, count])
    sizes = rng.random(count) ** 3 * (rng.random(count) < 0.8)
    sizes[rng.integers(count)] += 0.1
    owners = rng.choice(count, len(boxes), p=sizes / sizes.sum())
    rows = [rng.permutation(np.flatnonzero(owners == shard)) for shard in range(count)]
    spec = GridSpec.of(Survey.merged([survey(boxes[own], threads=1) for own in rows]))
    some = [None if weights is None else weights[own] for own in rows]
    return BoxIndex.of(
        [Shard(boxes[own], spec, own, threads=threads, weights=w) for own, w in zip(rows, some, strict=True)]
    )


def start(boxes, k, seed=1):
    rng = np.random.default_rng(seed)
    centers = boxes[rng.integers(len(boxes), size=k)]
    centers[1::3] = (centers[1::3] * 1.3).clip(1e-100, 1e100)
    return centers


def everything(index, centers):
    """What has to be the same to the last bit."""
    out = []
    for metric in ("iou", "euclidean", "ratio"):
        for update in ("median", "mean"):
            run, given = index.lloyd(metric, update), centers
            for _ in range(3):
                step = run.step(given)
                out += [step.changed, step.counts.tolist(), step.centers.tolist(), step.inertia]
                given = np.where(np.isnan(step.centers), centers, step.centers)
        out += [index.labels(centers, metric).tolist(), index.labels(centers, metric, 3, 9).tolist()]
        out += [index.nearest(centers, metric).counts.tolist(), index.nearest(centers, metric).inertia]
        for many in (1, 3):
            out += [part.tolist() for part in index.spread(centers, metric, many)]
        for u in (0.0, 0.3, 1.0 - 2.0**-53):
            picked = index.pick(centers, metric, u)
            out += [None if picked is None else (picked.row, picked.box.tolist())]
    out += [index.total(centers, thr) for thr in (0.0, 0.25, 0.7)]
    out += [index.fitness(centers, thr).bpr for thr in (0.0, 0.25, 0.7)]
    out += [index.below(side) for side in (3.0, 20.0)]
    rows = np.array([len(index) - 1, 0, 0, len(index) // 2])
    out += [index.take(some).tolist() for some in (rows, np.arange(len(index) // 3, len(index)))]
    out.append(len(index.distinct(50)))
    than = index.fitness(centers, 0.25).fitness
    for mutants in ([centers, centers * 1.001, centers * 0.99], [centers * 0.5, centers]):
        found = index.first_fitter(mutants, 0.25, than, centers)
        out += [None if found is None else found[0]]
    return out


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("k", [1, 7])
def test_any_number_of_shards_gives_the_bits_of_one(name, k):
    boxes = zoo.BOXES[name]
    one, centers = BoxIndex(boxes, threads=1), start(boxes, k)
    right = np.array(everything(one, centers), dtype=object)
    for count in (2, 7, 64):
        index = dealt(boxes, count)
        assert len(index) == len(boxes)
        got = everything(index, centers)
        assert str(got) == str(right.tolist()), count  # as text: there may be NaN
        np.testing.assert_allclose(index.fitness(centers, 0.25), one.fitness(centers, 0.25), rtol=1e-12)
        np.testing.assert_allclose(index.best_iou(centers), one.best_iou(centers), rtol=1e-12)
        for mine, theirs in zip(index.profile(centers, 0.25, [1e3]), one.profile(centers, 0.25, [1e3]), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)


WEIGHTS = {
    "small": lambda rng, n: rng.integers(0, 5, n),
    "one rules": lambda rng, n: np.where(np.arange(n) == n // 2, 10**6, 1),
    "of 31 bits": lambda rng, n: rng.integers(0, 2**31, n),
    "of many bits": lambda rng, n: rng.integers(0, 2**44, n),
    "mostly none": lambda rng, n: (rng.random(n) < 0.02).astype(np.int64),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", WEIGHTS)
@pytest.mark.parametrize("name", ZOO)
def test_weighted_boxes_have_the_same_bits_on_every_engine(name, kind):
    boxes, centers = zoo.BOXES[name], start(zoo.BOXES[name], 7)
    weights = WEIGHTS[kind](np.random.default_rng(1), len(boxes))
    weights[0] += 1
    right = str(everything(choose(boxes, name="dense", weights=weights), centers))
    assert str(everything(BoxIndex(boxes, threads=1, weights=weights), centers)) == right
    for count in (2, 7):
        assert str(everything(dealt(boxes, count, weights=weights), centers)) == right, count


@pytest.mark.slow
@strategies.examples(25)
@given(
    strategies.pairs(strategies.sides),
    strategies.pairs(strategies.sides, most=6),
    st.sampled_from([1, 2, 7]),
    st.integers(0, 99),
    st.sampled_from(sorted(WEIGHTS)),
)
def test_drawn_weighted_boxes_in_any_number_of_shards(boxes, centers, count, seed, kind):
    weights = WEIGHTS[kind](np.random.default_rng(seed), len(boxes))
    weights[seed % len(boxes)] += 1
    right = everything(choose(boxes, name="dense", weights=weights), centers)
    assert str(everything(dealt(boxes, count, seed, weights=weights), centers)) == str(right)


@pytest.mark.slow
@strategies.examples(25)
@given(
    strategies.pairs(strategies.sides),
    strategies.pairs(strategies.sides, most=6),
    st.sampled_from([2, 7, 64]),
    st.integers(0, 99),
)
def test_drawn_boxes_in_any_number_of_shards(boxes, centers, count, seed):
    assert str(everything(dealt(boxes, count, seed), centers)) == str(everything(BoxIndex(boxes, threads=1), centers))


@pytest.fixture
def merging(tune):
    """Equal boxes are held once however few there are, and the first hash table is too small."""
    tune(merge_from=0, merge_repeated=-1.0, merge_share=0, merge_first=2)


@pytest.mark.slow  # what is held once counts as often as its weight says, for which every kernel is compiled once more
@pytest.mark.parametrize("kind", [None, "small", "of many bits", "mostly none"])
@pytest.mark.parametrize("name", ZOO)
def test_equal_boxes_held_once_have_the_bits_of_all(merging, name, kind):
    boxes, centers, weights = zoo.BOXES[name], start(zoo.BOXES[name], 7), None
    if kind is not None:
        weights = WEIGHTS[kind](np.random.default_rng(1), len(boxes))
        weights[-1] += 1
    index, dense = BoxIndex(boxes, threads=1, weights=weights), choose(boxes, name="dense", weights=weights)
    assert (len(index), len(index.shards[0])) == (len(boxes), len(np.unique(boxes, axis=0)))
    assert str(everything(index, centers)) == str(everything(dense, centers))
    for mine, theirs in zip(index.profile(centers, 0.25, [1e3]), dense.profile(centers, 0.25, [1e3]), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12)
    np.testing.assert_allclose(index.best_iou(centers), dense.best_iou(centers), rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("metric", ["iou", "euclidean", "ratio"])
@pytest.mark.parametrize("init", ["random", "k-means++", "equal"])
@pytest.mark.parametrize("weighted", [False, True])
def test_whole_runs_with_equal_boxes_held_once(merging, weighted, update, metric, init):
    boxes = np.rint(zoo.lognormal(70_000)).clip(1, 60)
    weights = WEIGHTS["small"](np.random.default_rng(1), len(boxes)) if weighted else None
    init = np.repeat(boxes[:1], 6, axis=0) if init == "equal" else init
    options = {"metric": metric, "update": update, "init": init, "rng": 2, "n_init": 2, "max_iter": 12}
    index, dense = BoxIndex(boxes, weights=weights), choose(boxes, name="dense", weights=weights)
    assert len(index.shards[0]) * 10 < len(boxes)
    got, right = (fastanchor.kmeans(one, 6, progress=False, **options) for one in (index, dense))
    np.testing.assert_array_equal(got.centers, right.centers)
    np.testing.assert_array_equal(got.labels, right.labels)
    assert got.counts.tolist() == right.counts.tolist()
    assert (got.inertia, got.n_iter, got.stop) == (right.inertia, right.n_iter, right.stop)


@pytest.mark.slow
@pytest.mark.parametrize("weighted", [False, True])
def test_whole_jobs_with_equal_boxes_held_once(tune, weighted):
    boxes = np.rint(zoo.lognormal(140_000)).clip(3, 60)
    weights = WEIGHTS["small"](np.random.default_rng(1), len(boxes)) if weighted else None
    index = BoxIndex(boxes, weights=weights)
    assert len(index.shards[0]) * 10 < len(boxes)
    options = {"n": 5, "gen": 60, "rng": 4, "n_init": 4, "progress": False}
    got = fastanchor.auto_anchor(index, **options)
    tune(merge_from=1 << 30)
    other = BoxIndex(boxes, weights=weights)
    assert len(other.shards[0]) == len(boxes)
    right = fastanchor.auto_anchor(other, **options)
    np.testing.assert_array_equal(got.anchors, right.anchors)
    assert (got.boxes, got.bpr, got.evolve.accepted) == (right.boxes, right.bpr, right.evolve.accepted)
    np.testing.assert_allclose(got.evolve.history, right.evolve.history, rtol=1e-12)


def test_boxes_that_seldom_repeat_are_not_merged(tune):
    tune(merge_from=0)
    boxes = zoo.lognormal(20_000)
    sample = survey(boxes).sample
    assert merged(boxes, None, sample) is None
    assert merged(boxes, None, np.repeat(sample[:9], 9, axis=0)) is None  # the sample was wrong
    assert merged(np.repeat(boxes, 3, axis=0), None, np.repeat(sample[:9], 9, axis=0)) is None


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("metric", ["iou", "euclidean", "ratio"])
@pytest.mark.parametrize("init", ["random", "k-means++", "equal"])
def test_whole_runs(tune, threads, update, metric, init):
    tune(alone=0)  # several tasks and threads however few the boxes
    boxes = zoo.lognormal(3000)
    init = np.repeat(boxes[:1], 6, axis=0) if init == "equal" else init
    options = {"metric": metric, "update": update, "init": init, "rng": 2, "n_init": 2, "tol": 1e-6, "progress": False}
    right = fastanchor.kmeans(BoxIndex(boxes), 6, **options)
    dense = fastanchor.kmeans(boxes, 6, engine="dense", **options)
    for got in (dense, *(fastanchor.kmeans(dealt(boxes, count, threads=threads), 6, **options) for count in (2, 7))):
        np.testing.assert_array_equal(got.centers, right.centers)
        np.testing.assert_array_equal(got.labels, right.labels)
        assert (got.inertia, got.n_iter, got.stop) == (right.inertia, right.n_iter, right.stop)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "gen"), [(2, 60), (7, 60), (64, 10)])
def test_whole_jobs(count, gen):
    boxes = zoo.lognormal(2500).clip(3)
    options = {"n": 5, "gen": gen, "rng": 4, "n_init": 4, "progress": False}
    right = fastanchor.auto_anchor(BoxIndex(boxes), **options)
    got = fastanchor.auto_anchor(dealt(boxes, count), **options)
    np.testing.assert_array_equal(got.anchors, right.anchors)
    assert got.evolve.accepted == right.evolve.accepted
    np.testing.assert_allclose(got.evolve.history, right.evolve.history, rtol=1e-12)
    swept = [
        fastanchor.sweep(index, [3], gen=5, rng=4, n_init=2, progress=False) for index in (dealt(boxes, count), boxes)
    ]
    np.testing.assert_array_equal(*(found.anchors[0] for found in swept))
    checked = [fastanchor.check(index, right.anchors).counts.tolist() for index in (dealt(boxes, count), boxes)]
    assert checked[0] == checked[1]


def test_shards_may_be_asked_elsewhere():
    """The map is the caller's: questions are functions of a shard that can be sent away."""
    import pickle

    boxes, asked = zoo.lognormal(500), []

    def remote(function, *parts):
        asked.append(len(parts[0]))
        if len(parts) == 1:
            pickle.loads(pickle.dumps(function))
        return map(function, *parts)

    there = dealt(boxes, 3)
    index = BoxIndex.of(there.shards, remote)
    assert everything(index, boxes[:4]) == everything(there, boxes[:4])
    assert set(asked) == {3}


def test_a_survey_of_parts_is_of_all_their_boxes():
    boxes = zoo.lognormal(50_000)
    parts = [survey(part) for part in (boxes[:100], boxes[100:40_000], boxes[:0], boxes[40_000:])]
    whole, merged = survey(boxes), Survey.merged(parts)
    assert (merged.number, merged.extent) == (whole.number, whole.extent)
    np.testing.assert_allclose(np.median(merged.sample, axis=0), np.median(boxes, axis=0), rtol=0.05)
    assert np.isin(merged.sample[:, 0], boxes[:, 0]).all()
