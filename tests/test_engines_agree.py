"""Every engine, backend and number of threads runs the same k-means: drawn inputs, small and full of ties."""

import functools
from fractions import Fraction

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, cluster, kernels
from fastanchor.engine import _assignment, _layout
from fastanchor.engine._protocol import Nearest

import naive

RUNS = 1500  # drawn inputs; each is run by every engine
MAX_ITER = 40


def drawn(seed):
    """Small whole boxes, many of them equal, with starts that leave centres empty."""
    rng = np.random.default_rng([20261126, seed])
    distinct = rng.integers(1, rng.integers(2, 13), (rng.integers(1, 15), 2)).astype(float)
    boxes = distinct[rng.integers(0, len(distinct), rng.integers(len(distinct), 300))]
    boxes = np.concatenate([distinct, boxes])
    rng.shuffle(boxes)
    if rng.random() < 0.2:
        boxes *= rng.choice([0.5, 2.0**-30, 1024.0])
    found = len(np.unique(boxes, axis=0))
    k = int(rng.integers(1, found + 1))
    init = rng.choice(["random", "k-means++", "equal", "boxes", "elsewhere"])
    if init == "equal":
        init = np.repeat(boxes[:1], k, axis=0)
    elif init == "boxes":
        init = boxes[rng.integers(0, len(boxes), k)]
    elif init == "elsewhere":
        init = rng.integers(1, 20, (k, 2)).astype(float)
    else:
        init = str(init)
    return boxes, {
        "k": k,
        "init": init,
        "metric": str(rng.choice(["iou", "euclidean", "ratio"])),
        "update": str(rng.choice(["median", "mean"])),
        "tol": float(rng.choice([0.0, 0.0, 1e-2])),
        "n_init": int(rng.choice([1, 1, 3])),
        "rng": seed,
    }


def ran(boxes, options, engine, threads):
    """What a run ends with, or what it says."""
    try:
        result = fastanchor.kmeans(boxes, max_iter=MAX_ITER, engine=engine, threads=threads, progress=False, **options)
    except DataError as error:
        return str(error)
    return result.centers.tolist(), result.counts.tolist(), result.stop, result.n_iter, result.labels.tolist()


def definition(boxes, options):
    """The same by the definition, for a start that is given."""
    centers, n_iter, stop = naive.kmeans(
        boxes, options["init"], options["metric"], options["update"], MAX_ITER, options["tol"]
    )
    labels = naive.nearest_fast(boxes, centers, options["metric"])[0]
    counts = np.bincount(labels, minlength=options["k"])
    return centers.tolist(), counts.tolist(), stop, n_iter, labels.tolist()


WAYS = [("numpy", "dense", 1)]
if kernels.installed():
    WAYS += [("numba", "dense", 1), ("numba", "index", 1), ("numba", "index", 2)]


def differing(seeds):
    """Runs that do not end alike, and how many ended in which way."""
    found, ends = [], {}
    for seed in seeds:
        boxes, options = drawn(seed)
        answers = []
        for name, engine, threads in WAYS:
            with fastanchor.backend(name):
                answers.append(ran(boxes, options, engine, threads))
        if not isinstance(options["init"], str) and isinstance(answers[0], tuple):
            answers.append(definition(boxes, options))
        if any(answer != answers[0] for answer in answers):
            found.append(seed)
        end = answers[0] if isinstance(answers[0], str) else answers[0][2]
        ends[end] = ends.get(end, 0) + 1
        if isinstance(answers[0], tuple) and end in ("converged", "tol"):
            assert all(answers[0][1]), seed  # no empty centre
    return found, ends


@pytest.mark.slow
@pytest.mark.parametrize("patience", [1e9, 0.5, 0.0], ids=["on cells", "either", "densely"])
def test_runs_end_alike_everywhere(tune, patience):
    tune(patience=patience)
    tune(alone=0)  # several tasks and threads however few the boxes
    share = {1e9: range(RUNS * 2 // 3), 0.5: range(RUNS, RUNS + RUNS // 6), 0.0: range(2 * RUNS, 2 * RUNS + RUNS // 6)}
    found, ends = differing(share[patience])
    assert not found
    assert {"converged", "tol"} <= set(ends)


@pytest.mark.parametrize("name", [name for name, *_ in WAYS[:2]])
@pytest.mark.parametrize("engine", ["dense", "index"])
def test_an_emptied_centre_moves_to_the_box_farthest_from_the_updated_ones(name, engine):
    if engine == "index" and name == "numpy":
        pytest.skip("the index needs numba")
    with fastanchor.backend(name):
        run = functools.partial(fastanchor.kmeans, engine=engine, progress=False)
        result = run([[8, 1], [8, 4], [8, 4]], 2, init=[[8, 1], [8, 1]])
        # the median of all is (8, 4), from which (8, 1) is farthest
        assert (result.centers.tolist(), result.counts.tolist()) == ([[8, 4], [8, 1]], [2, 1])
        assert (result.stop, result.mean_iou) == ("converged", 1.0)
        # one after the other: the second empty centre sees the first where it went
        result = run([[2, 2], [2, 2], [2, 2], [30, 30], [30, 31], [9, 9]], 3, init=[[2, 2]] * 3)
        assert result.counts.all()
        assert result.mean_iou > 0.99
        # of boxes equally far the lowest row
        start = [[10, 10], [10, 10]]
        result = run([[10, 10], [5, 10], [10, 5], [10, 10], [10, 10]], 2, init=start, max_iter=1)
        assert result.centers.tolist() == [[10, 10], [5, 10]]


@pytest.mark.parametrize("metric", ["iou", "euclidean"])
@pytest.mark.parametrize("engine", ["dense", "index"])
def test_boxes_that_change_places_are_a_change_where_counts_and_medians_stay(tune, engine, metric):
    """Centres parted by width, then by height: two boxes of eight change their centre, all in one range of cells."""
    if engine == "index" and not kernels.installed():
        pytest.skip("the index needs numba")
    tune(patience=1e9)
    boxes = np.array([[10.0, 10]] * 3 + [[20, 50], [50, 20]] + [[100, 100]] * 3)
    by_width, by_height = np.array([[20.0, 30], [50, 30]]), np.array([[30.0, 20], [30, 50]])
    for small in (0, len(boxes) + 1):  # many ranges of cells, and one
        tune(alone=small)
        answers = fastanchor.engine.choose(boxes, name=engine)
        assert answers.labels(by_width, metric).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
        assert answers.labels(by_height, metric).tolist() == [0, 0, 0, 1, 0, 1, 1, 1]
        run = answers.lloyd(metric, "median")
        steps = [run.step(centers) for centers in (by_width, by_height, by_height + 0.5, by_width)]
        assert [step.centers.tolist() for step in steps] == [[[10, 10], [100, 100]]] * 4
        assert [step.counts.tolist() for step in steps] == [[4, 4]] * 4
        assert [step.changed for step in steps] == [True, True, False, True]


@pytest.mark.parametrize("patience", [1e9, 0.0], ids=["on cells", "densely"])
def test_what_a_step_hands_out_cannot_be_written(tune, patience):
    tune(patience=patience)
    boxes = np.random.default_rng(0).uniform(1, 50, (100, 2))
    for engine in ("dense", "index") if kernels.installed() else ("dense",):
        for update in ("median", "mean"):
            step = fastanchor.engine.choose(boxes, name=engine).lloyd("iou", update).step(boxes[:4])
            for array in (step.centers, step.counts):
                with pytest.raises(ValueError, match="read-only"):
                    array[0] = 1


def test_a_cycle_returns_centres_that_all_have_a_box_if_it_met_some():
    scores = {1.0: ([2], 9.0), 2.0: ([0], 5.0), 3.0: ([0], 1.0), 4.0: ([2], 6.0), 5.0: ([2], 7.0)}

    class Scored:
        def nearest(self, centers, metric):
            counts, inertia = scores[float(centers[0, 0])]
            return Nearest(np.array(counts), inertia)

    def best(*seen):
        return cluster._best(Scored(), [np.full((1, 2), value) for value in seen], "iou")[0, 0]

    assert best(1.0, 2.0, 3.0, 4.0, 5.0) == 4.0
    assert best(3.0, 5.0) == 5.0
    assert best(2.0, 3.0) == 3.0


def exact_iou(box, center):
    (w, h), (cw, ch) = (tuple(map(Fraction, pair)) for pair in (box, center))
    inter = min(w, cw) * min(h, ch)
    return inter / (w * h + cw * ch - inter)


@pytest.mark.parametrize("side", [1e-6, 3e-9, 1e-12])
def test_a_small_mean_iou_keeps_its_digits(side):
    boxes = np.array([[1.0, 1.0], [2.0, 0.5], [3.0, 1.0], [1.0, 4.0]])
    exact = np.mean([float(exact_iou(box, (side, 1.0))) for box in boxes.tolist()])
    for engine in ("dense", "index") if kernels.installed() else ("dense",):
        answers = fastanchor.engine.choose(boxes, name=engine)
        np.testing.assert_allclose(
            fastanchor.metrics.mean_best_iou(answers, np.array([[side, 1.0]])), exact, rtol=1e-13
        )
    np.testing.assert_allclose(fastanchor.mean_iou(boxes, [[side, 1.0]]), exact, rtol=1e-13)


SHAPES = {
    "a static box": lambda rng: np.where(
        np.arange(6000)[:, None] % 3 == 0, (64.0, 48.0), np.exp(rng.normal(3.5, 1, (6000, 2)))
    ),
    "within a hair": lambda rng: 10 + rng.normal(0, 1e-9, (6000, 2)),
    "two hundred octaves": lambda rng: 10.0 ** rng.uniform(-30, 30, (6000, 2)),
}

indexed = pytest.mark.skipif(not kernels.installed(), reason="numba is not installed")


@indexed
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("k", [9, 300])
@pytest.mark.parametrize("metric", ["iou", "euclidean"])
def test_a_run_has_the_same_bits_for_any_patience_and_threads(tune, shape, k, metric):
    boxes = SHAPES[shape](np.random.default_rng(0))
    expected = fastanchor.kmeans(boxes, k, rng=1, metric=metric, max_iter=4, engine="dense", progress=False)
    for patience in (1e9, 1.0, 0.02, 0.0):
        tune(patience=patience)
        for threads in (1, 2):
            got = fastanchor.kmeans(
                boxes, k, rng=1, metric=metric, max_iter=4, engine="index", threads=threads, progress=False
            )
            np.testing.assert_array_equal(got.centers, expected.centers)
            np.testing.assert_array_equal(got.counts, expected.counts)
            np.testing.assert_array_equal(got.labels, expected.labels)
            assert got.stop == expected.stop


@indexed
def test_a_run_that_switches_in_its_middle_knows_whether_anything_changed(tune):
    boxes = np.exp(np.random.default_rng(0).normal(3, 1, (3000, 2)))
    centers = boxes[:5].copy()
    run = fastanchor.BoxIndex(boxes).lloyd("iou", "median")
    tune(patience=1e9)
    first = run.step(centers)
    tune(patience=0.0)
    again = run.step(centers)
    assert (first.changed, again.changed) == (True, False)
    np.testing.assert_array_equal(first.centers, again.centers)
    assert run.step(centers[::-1].copy()).changed


@indexed
def test_the_work_does_not_depend_on_threads():
    boxes = np.exp(np.random.default_rng(0).normal(3, 1, (150_000, 2)))
    costs = [
        _assignment.Assignment(fastanchor.BoxIndex(boxes, threads=t).shards[0].work, boxes[:40], "iou")._cost
        for t in (1, 2, 5)
    ]
    assert costs[0] == costs[1] == costs[2] > 0


@pytest.mark.parametrize("period", [2, 3, 6, 9, 18, 36])
def test_rows_at_equal_distances_do_not_decide_where_the_bins_lie(period):
    """A video with a static box labels it in every frame: a sample of rows in step with it saw nothing else."""
    boxes = np.exp(np.random.default_rng(0).normal(3.5, 1, (36 * 2**13, 2)))
    boxes[::period] = (64, 48)
    where = _layout.layout(_layout.sampled(boxes), 300)
    assert where.crowding < 0.1
    assert (where.cover[:, 0] < 15).all()
    assert (where.cover[:, 1] > 300).all()


def test_boxes_that_no_grid_can_part_are_looked_at_one_by_one():
    hair = np.random.default_rng(0).normal(10, 1e-9, (200_000, 2))
    assert fastanchor.engine.choose(hair).name == "dense"


@indexed
def test_many_ordinary_boxes_are_indexed():
    boxes = np.exp(np.random.default_rng(0).normal(3.5, 1, (200_000, 2)))
    assert fastanchor.engine.choose(boxes).name == "index"
