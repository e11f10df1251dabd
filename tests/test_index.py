"""The box index against plain NumPy written from the definitions."""

from __future__ import annotations

import functools
import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastanchor
from fastanchor import BackendError, BoxIndex, DataError
from fastanchor.engine import _search, _threads
from fastanchor.engine._layout import layout, sampled
from fastanchor.engine._search import Search
from fastanchor.engine.dense import DenseEngine

import naive
import strategies

numba = pytest.importorskip("numba", reason="numba is not installed")
from fastanchor.kernels._settle import LEAST_IOU, MARGIN, euclidean_beats, iou_beats, overlaps  # noqa: E402  needs numba

SEED = 20240


@pytest.fixture(autouse=True)
def patient(tune):
    """The cells answer even where all boxes would be cheaper; what happens then has its own tests."""
    tune(patience=1e9)


# ---- the oracle


def distances(boxes, centers, metric):
    w, h = np.asarray(boxes, dtype=np.float64).T
    out = np.empty((len(w), len(centers)))
    for j, (cw, ch) in enumerate(centers):
        if metric == "iou":
            inter = np.minimum(w, cw) * np.minimum(h, ch)
            out[:, j] = 1.0 - inter / (w * h + cw * ch - inter)
        else:
            out[:, j] = (w - cw) ** 2 + (h - ch) ** 2
    return out


def update_centers(boxes, labels, k, update):
    f = np.median if update == "median" else np.mean
    boxes = np.asarray(boxes, dtype=np.float64)
    return np.array([f(boxes[labels == j], axis=0) if (labels == j).any() else (np.nan, np.nan) for j in range(k)])


def best_ratio(boxes, anchors):
    w, h = np.asarray(boxes, dtype=np.float64).T
    best = np.zeros(len(w))
    for kw, kh in anchors:
        best = np.maximum(best, np.minimum(np.minimum(w / kw, kw / w), np.minimum(h / kh, kh / h)))
    return best


def exact_fitness(boxes, anchors, thr):
    best = best_ratio(boxes, anchors)
    return float((best * (best > thr)).mean()), float((best > thr).mean())


# ---- the zoo


def lognormal(n, rng, low=2, high=640):
    return np.exp(rng.normal([3.8, 3.7], [1, 1], (n, 2))).clip(low, high)


def make_zoo():
    rng = np.random.default_rng(SEED)
    zoo = {
        "lognormal": lognormal(4000, rng),
        "many": lognormal(150_000, rng),
        "equal": np.full((500, 2), [17.0, 23.0]),
        "integers": rng.integers(1, 40, (6000, 2)).astype(float),
        "few_values": rng.choice([4.0, 8.0, 16.0, 32.0], (5000, 2)),
        "one": np.array([[3.0, 5.0]]),
        "two": np.array([[3.0, 5.0], [5.0, 3.0]]),
        "wide": np.exp(rng.uniform(np.log(1e-6), np.log(1e9), (5000, 2))),
        "one_cell": 100.0 + rng.uniform(0, 1e-12, (3000, 2)),
        "relative": rng.uniform(1e-3, 1.0, (4000, 2)),
        "float32": lognormal(4000, rng).astype(np.float32),
        "outliers": np.vstack([lognormal(4000, rng), [[1e-90, 1e90], [1e90, 1e-90], [1e100, 1e100], [1e-100, 1e-100]]]),
        "line": np.column_stack([np.full(3000, 7.0), rng.uniform(1, 100, 3000)]),
        "tiny": np.exp(rng.uniform(np.log(1e-100), np.log(1e-98), (1000, 2))),
        "huge": np.exp(rng.uniform(np.log(1e98), np.log(1e100), (1000, 2))),
        "two_clumps": np.vstack([rng.normal(10, 1e-6, (2000, 2)), rng.normal(300, 1e-3, (2000, 2))]),
        "powers": 2.0 ** rng.integers(-3, 9, (4000, 2)),
        "far in width": np.vstack([lognormal(4000, rng), np.column_stack([np.geomspace(1e-9, 1e90, 90)] * 2)])
        * [1.0, 1e-9],
        "most in a hair": np.vstack([rng.normal(10, 1e-3, (4000, 2)), lognormal(100, rng)]),
    }
    return zoo


ZOO = make_zoo()
INDEXES: dict = {}


def indexed(name):
    if name not in INDEXES:
        INDEXES[name] = BoxIndex(ZOO[name])
    return INDEXES[name]


def center_sets(boxes, k, rng):
    boxes = np.asarray(boxes, dtype=np.float64)
    picked = boxes[rng.integers(0, len(boxes), k)]
    lo, hi = boxes.min(0), boxes.max(0)
    yield "boxes", picked
    yield "spread", np.exp(rng.uniform(np.log(lo / 3), np.log(hi * 3), (k, 2))).clip(1e-100, 1e100)
    yield "equal", np.repeat(picked[:1], k, axis=0)
    mirrored = picked.copy()
    mirrored[1::2] = picked[: k - k // 2 : 1][: len(mirrored[1::2])][:, ::-1]
    yield "mirrored", mirrored
    yield "far_small", (picked * 1e-7).clip(1e-100)
    yield "far_large", (picked * 1e7).clip(None, 1e100)
    yield "near", picked * (1 + rng.uniform(-1e-13, 1e-13, picked.shape))
    yield "on_edges", np.exp2(np.round(np.log2(picked) * 16) / 16).clip(1e-100, 1e100)
    half = picked.copy()
    half[: k // 2] = half[0]
    yield "some_equal", half


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("metric", ["iou", "euclidean"])
@pytest.mark.parametrize("k", [1, 32, *(pytest.param(k, marks=pytest.mark.slow) for k in (2, 9, 100))])
def test_zoo_assignments(name, metric, k):
    if name == "many" and k == 100:
        pytest.skip("long")
    rng = np.random.default_rng(k)
    boxes, index = ZOO[name], indexed(name)
    for what, centers in center_sets(boxes, k, rng):
        d = distances(boxes, centers, metric)
        labels, best = d.argmin(1), d.min(1)
        assert np.array_equal(index.labels(centers, metric), labels), what
        for update in ("median", "mean"):
            step = index.lloyd(metric, update).step(centers)
            assert np.array_equal(step.counts, np.bincount(labels, minlength=k)), what
            expected = update_centers(boxes, labels, k, update)
            if update == "median":
                assert np.array_equal(step.centers, expected, equal_nan=True), what
            else:
                np.testing.assert_allclose(step.centers, expected, rtol=1e-12, atol=0)
        np.testing.assert_allclose(step.inertia, best.sum(), rtol=1e-12, atol=1e-15 * len(boxes))
        far = index.spread(centers, metric, 1)
        if best.max() > 0:
            assert (far.rows[0], far.distances[0]) == (int(best.argmax()), best.max()), what
            assert np.array_equal(far.boxes, np.asarray(boxes, dtype=np.float64)[far.rows])
        else:
            assert not far.rows.size


@pytest.mark.slow
@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("k", [1, 2, 9, 32, 100])
def test_zoo_fitness(name, k):
    rng = np.random.default_rng(k)
    boxes, index = ZOO[name], indexed(name)
    for what, anchors in center_sets(boxes, k, rng):
        ratios = best_ratio(boxes, anchors)
        some = rng.choice(ratios, 2)
        for thr in (0.0, 0.25, 0.5, 1.0, *some, np.nextafter(some[0], 0), np.nextafter(some[0], 2)):
            if not 0 <= thr <= 1:
                continue
            f, bpr = exact_fitness(boxes, anchors, thr)
            got_f, got_bpr = index.fitness(anchors, thr)
            assert got_bpr == bpr, (what, thr)
            np.testing.assert_allclose(got_f, f, rtol=1e-12, atol=0, err_msg=what)
            if f > 0 and np.isfinite(f):
                assert index.first_fitter([anchors], thr, f * (1 + 1e-9)) is None
                assert index.first_fitter([anchors], thr, f * (1 - 1e-9)) == (0, got_f)
                assert index.first_fitter([anchors], thr, got_f, anchors) is None


@pytest.mark.slow
def test_whole_kmeans_runs():
    for name in ("lognormal", "integers", "relative", "wide", "many"):
        boxes = np.asarray(ZOO[name], dtype=np.float64)
        for metric in ("iou", "euclidean"):
            for update in ("median", "mean"):
                rng = np.random.default_rng(3)
                centers = boxes[rng.choice(len(boxes), 9, replace=False)]
                mine, run, before = centers, indexed(name).lloyd(metric, update), None
                for _ in range(200 if name != "many" else 25):
                    labels = distances(boxes, mine, metric).argmin(1)
                    step = run.step(mine)
                    assert step.changed == (before is None or not np.array_equal(labels, before))
                    assert np.array_equal(step.counts, np.bincount(labels, minlength=9))
                    if update == "median":
                        assert np.array_equal(step.centers, update_centers(boxes, labels, 9, update), equal_nan=True)
                    if not step.changed or np.isnan(step.centers).any():
                        break
                    mine, before = step.centers, labels


def test_changed_is_exact():
    """Two boxes that change places leave counts and medians alike."""
    boxes = np.array([[10.0, 10.0], [30.0, 30.0], [10.0, 10.0], [30.0, 30.0]])
    index = BoxIndex(boxes)
    run = index.lloyd("euclidean", "median")
    assert run.step(np.array([[10.0, 10.0], [30.0, 30.0]])).changed
    assert not run.step(np.array([[11.0, 11.0], [31.0, 31.0]])).changed
    assert run.step(np.array([[30.0, 30.0], [10.0, 10.0]])).changed
    boxes = np.array([[1.0, 4.0], [2.0, 3.0], [2.0, 4.0], [1.0, 3.0]])
    a, b = np.array([[1.0, 4.0], [2.0, 3.0]]), np.array([[2.0, 4.0], [1.0, 3.0]])
    for metric in ("iou", "euclidean"):
        run = BoxIndex(boxes).lloyd(metric, "median")
        labels = [distances(boxes, c, metric).argmin(1) for c in (a, b, b, a)]
        got = [run.step(c).changed for c in (a, b, b, a)]
        assert got == [True, *(not np.array_equal(p, q) for p, q in itertools.pairwise(labels))]


def test_changed_sees_boxes_of_open_cells_that_change_places():
    """Counts and medians stay; only the labels of two boxes, which share no settled cell with others, differ."""
    boxes = np.array([[10.0, 10.0]] * 5 + [[30.0, 30.0]] * 5 + [[25.0, 14.0], [14.0, 27.0]])
    a, b = np.array([[10.0, 10.0], [30.0, 30.0]]), np.array([[10.0, 12.0], [30.0, 28.0]])
    labels = [distances(boxes, centers, "euclidean").argmin(1) for centers in (a, b)]
    assert not np.array_equal(*labels)
    for order in ((a, b), (b, a), (a, a, b, b, a)):
        for update in ("median", "mean"):
            run = BoxIndex(boxes).lloyd("euclidean", update)
            got = [run.step(centers).changed for centers in order]
            assert got == [True, *(p is not q for p, q in itertools.pairwise(order))]


sides = st.one_of(
    st.integers(1, 6).map(float),
    st.floats(1e-3, 1e3),
    st.floats(-30, 30).map(lambda e: float(np.exp2(e))),
    st.integers(-8, 8).map(lambda e: float(np.exp2(e))),
)
pairs = st.tuples(sides, sides)


@pytest.mark.slow
@strategies.examples(300)
@given(
    st.lists(pairs, min_size=1, max_size=60),
    st.lists(pairs, min_size=1, max_size=6),
    st.floats(0, 1),
    st.integers(2, 64),
)
def test_hypothesis(boxes, centers, thr, side):
    boxes, centers = np.array(boxes), np.array(centers)
    index = BoxIndex(boxes, threads=1, _where=layout(sampled(boxes), side))
    for metric in ("iou", "euclidean"):
        d = distances(boxes, centers, metric)
        labels = d.argmin(1)
        assert np.array_equal(index.labels(centers, metric), labels)
        step = index.lloyd(metric, "median").step(centers)
        assert np.array_equal(step.counts, np.bincount(labels, minlength=len(centers)))
        assert np.array_equal(step.centers, update_centers(boxes, labels, len(centers), "median"), equal_nan=True)
    ratios = best_ratio(boxes, centers)
    for t in (thr, float(ratios[0])):
        f, bpr = exact_fitness(boxes, centers, t)
        got = index.fitness(centers, t)
        assert got[1] == bpr
        np.testing.assert_allclose(got[0], f, rtol=1e-12)


@pytest.mark.slow
def test_corner_test_has_no_counterexample():
    """Many rectangles and pairs of centres; a dense sample of each, its edges and the sides of the centres."""
    rng = np.random.default_rng(SEED)
    settled = 0
    for _ in range(6000):
        scale = rng.choice([0.01, 0.1, 1.0, 4.0])
        lo = np.exp(rng.normal(0, 1.5, 2))
        hi = lo * np.exp(rng.exponential(scale, 2))
        near = rng.random() < 0.5
        a, b = (np.exp(rng.normal(np.log(lo * hi) / 2, rng.choice([0.1, 1.0, 2.0]))) for _ in range(2))
        if near:
            b = a * np.exp(rng.normal(0, 0.05, 2))
        if rng.random() < 0.2:
            b[rng.integers(2)] = a[rng.integers(2)]
        r = (lo[0], hi[0], lo[1], hi[1])
        axes = [
            np.unique(
                np.clip(np.concatenate([np.linspace(lo[i], hi[i], 23), a[i : i + 1], b[i : i + 1]]), lo[i], hi[i])
            )
            for i in (0, 1)
        ]
        grid = np.stack(np.meshgrid(*axes), -1).reshape(-1, 2)
        if iou_beats_jit(*a, *b, *r) and overlaps_jit(*a, *r):
            settled += 1
            d = distances(grid, [a, b], "iou")
            assert (d[:, 0] < d[:, 1]).all(), (a, b, r)
        if euclidean_jit(*a, *b, *r):
            d = distances(grid, [a, b], "euclidean")
            assert (d[:, 0] < d[:, 1]).all(), (a, b, r)
        # and it is sharp: where a wins clearly on the whole sample, it says so
        d = distances(grid, [a, b], "iou")
        if (1 - d[:, 0] > (1 - d[:, 1]) * (1 + 1e-5)).all() and (d < 0.999).all():
            assert iou_beats_jit(*a, *b, *r)
    assert settled > 500


def _wrap(f):
    @numba.njit
    def call(a, b, c, d, e, g, h, i):
        return f(a, b, c, d, e, g, h, i)

    return call


euclidean_jit = _wrap(euclidean_beats)


@numba.njit
def iou_beats_jit(a, b, c, d, e, g, h, i):
    return iou_beats((a, b), (c, d), (e, g, h, i), 1.0 + MARGIN)


def overlaps_jit(*args):
    return overlaps.py_func(*args, LEAST_IOU)


def everything(index, centers):
    out = []
    for metric in ("iou", "euclidean"):
        for update in ("median", "mean"):
            run, c = index.lloyd(metric, update), centers
            for _ in range(4):
                step = run.step(c)
                c = np.where(np.isnan(step.centers), centers, step.centers)
                out += [step.changed, step.counts.tolist(), step.centers.tolist(), step.inertia]
        out += [
            index.labels(centers, metric).tolist(),
            *(part.tolist() for part in index.spread(centers, metric, 1)),
            *(part.tolist() for part in index.spread(centers, metric, 3)),
            index.pick(centers, metric, 0.37).row,
            index.nearest(centers, metric).inertia,
        ]
    out += [index.fitness(centers, t) for t in (0.0, 0.25, 0.7)]
    out += [index.first_fitter([centers * f, centers], 0.25, f) for f in (0.1, 0.6, 0.64, 0.65)]
    return out


def test_threads_give_the_same_bits():
    boxes = ZOO["many"]
    centers = boxes[np.random.default_rng(1).choice(len(boxes), 9, replace=False)]
    answers = [everything(BoxIndex(boxes, threads=t), centers) for t in (1, 2, 4)]
    assert answers[0] == answers[1] == answers[2]


def test_two_threads_at_once():
    boxes = ZOO["many"]
    index = BoxIndex(boxes, threads=2)
    sets = [boxes[np.random.default_rng(i).choice(len(boxes), 9, replace=False)] for i in range(6)]
    alone = [everything(index, c) for c in sets]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda c: everything(index, c), sets))
    assert alone == together


def mutants(anchors, rng):
    while True:
        mask = rng.random((len(anchors), 2)) < 0.9
        u = rng.random()
        z = rng.standard_normal((len(anchors), 2))
        v = (mask * u * z * 0.1 + 1).clip(0.3, 3.0)
        if not (v == 1).all():
            return v


@pytest.mark.parametrize(
    ("name", "k", "thr"),
    [
        ("lognormal", 9, 0.25),
        ("many", 9, 0.25),
        ("integers", 5, 0.5),
        ("relative", 6, 0.0),
        ("few_values", 9, 0.25),
        ("many", 9, 0.8),
        ("wide", 3, 0.25),
    ],
)
def test_searches_take_the_same_decisions(name, k, thr):
    boxes, index = np.asarray(ZOO[name], dtype=np.float64), indexed(name)
    rng = np.random.default_rng(7)
    low = 2.0 if name != "relative" else 1e-9
    a = b = boxes[rng.choice(len(boxes), k, replace=False)]
    fa, fb = exact_fitness(boxes, a, thr)[0], index.fitness(a, thr)[0]
    for _ in range(100):
        v = mutants(a, rng)
        m = (a * v).clip(min=low)
        f = exact_fitness(boxes, m, thr)[0]
        found = index.first_fitter([(b * v).clip(min=low)], thr, fb)
        assert (found is not None) == (f > fa)
        if found is not None:
            np.testing.assert_allclose(found[1], f, rtol=1e-12)
            a, b, fa, fb = m, (b * v).clip(min=low), f, found[1]
    assert np.array_equal(a, b)


@pytest.mark.parametrize("threads", [1, 4, pytest.param(2, marks=pytest.mark.slow)])
def test_the_first_fitter_is_the_first(threads):
    boxes = ZOO["many"]
    index = BoxIndex(boxes, threads=threads)
    rng = np.random.default_rng(3)
    start = boxes[rng.choice(len(boxes), 9, replace=False)]
    several = [start * mutants(start, rng) for _ in range(40)]
    each = [exact_fitness(boxes, m, 0.25)[0] for m in several]
    for than in (0.0, *np.quantile(each, [0.3, 0.9]), max(each) * 1.01):
        first = next((i for i, f in enumerate(each) if f > than), None)
        found = index.first_fitter(several, 0.25, than)
        assert (None if found is None else found[0]) == first
        if found is not None:
            assert found[1] == index.fitness(several[first], 0.25).fitness


@pytest.mark.parametrize("kind", ["widths", "heights", "far heights"])
def test_ties_by_rounding_go_to_the_lowest_centre(kind):
    """Of two centres an ulp apart the second is nearer, yet many of the distances are rounded to the same number."""
    rng = np.random.default_rng(0)
    ties = 0
    for _ in range(10):
        boxes = rng.uniform(1, 100, (3000, 2))
        near = np.array([2.0**24 * (1 + rng.uniform(0, 0.9)), 50.0])
        if kind == "far heights":
            near[1] = 1e7 * rng.uniform(0.1, 1)
        else:
            boxes[:, 0] = np.round(boxes[:, 0] * 2**29) / 2**29  # half an ulp of the centre: roundings go either way
        centers = np.array([[np.nextafter(near[0], np.inf), near[1]], near])
        if kind == "heights":
            boxes, centers = boxes[:, ::-1], centers[:, ::-1]
        d = distances(boxes, centers, "euclidean")
        ties += np.count_nonzero(d[:, 0] == d[:, 1])
        np.testing.assert_array_equal(BoxIndex(boxes, threads=1).labels(centers, "euclidean"), d.argmin(1))
    assert ties > 5


@pytest.mark.parametrize("few", [1, 3])
def test_few_boxes_beside_many_keep_their_digits(few):
    """Running sums along a row of many boxes have no digits left for a few of them at its end."""
    rng = np.random.default_rng(0)
    n = 200_000
    many = np.column_stack([rng.uniform(10, 10.01, n), np.exp(rng.uniform(0, np.log(100.0), n))])
    others = np.column_stack([rng.uniform(20, 40, 500), np.exp(rng.uniform(np.log(100.0), np.log(3000.0), 500))])
    boxes = np.vstack([many, others, np.column_stack([rng.uniform(10, 10.01, few), rng.uniform(1300, 1500, few)])])
    index = BoxIndex(boxes)
    for width in (5.0, 4.5, 3.0):
        for share in (0.9, 0.95):
            anchors, thr = np.array([[width, 1400.0]]), share * width / 10
            best = best_ratio(boxes, anchors)
            right = math.fsum(best[best > thr]) / len(boxes)
            np.testing.assert_allclose(index.fitness(anchors, thr).fitness, right, rtol=1e-12)


def near_twins(anchors, rng, count):
    """Anchors whose fitness differs from that of `anchors` by little more than rounding, if it differs."""
    for _ in range(count):
        yield anchors * (1.0 + rng.uniform(-1, 1, anchors.shape) * 10.0 ** -rng.integers(12, 16))


def canonical(boxes, anchors, thr):
    """The total that decides between fitnesses too near to each other for floats."""
    best = best_ratio(boxes, anchors)
    return sum(int(value * 2.0**64) for value in best[best > thr].tolist())


@pytest.mark.parametrize("engine", [BoxIndex, DenseEngine])
@pytest.mark.parametrize("thr", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("n", [300, 1000, 3000])
def test_fitnesses_that_differ_by_rounding_are_compared_by_exact_totals(engine, n, thr):
    rng = np.random.default_rng(n)
    boxes = lognormal(n, rng)
    answers = engine(boxes)
    decided = {True: 0, False: 0}
    misleading = 0
    for _ in range(6):
        anchors = boxes[rng.choice(n, 5, replace=False)]
        right, than = canonical(boxes, anchors, thr), answers.fitness(anchors, thr).fitness
        assert answers.total(anchors, thr) == right
        for twin in near_twins(anchors, rng, 20):
            fitter = canonical(boxes, twin, thr) > right
            assert (answers.first_fitter([twin], thr, than, anchors) is not None) == fitter
            decided[fitter] += 1
            misleading += (answers.fitness(twin, thr).fitness > than) != fitter
        for idle in ([1e5, 1e-5], [1e6, 1e6]):  # these serve no box
            assert answers.first_fitter([np.vstack([anchors, [idle]])], thr, than, anchors) is None
        assert answers.first_fitter([anchors], thr, than, anchors) is None
    assert min(decided.values()) > 10
    assert misleading > 0


@pytest.mark.parametrize("engine", [BoxIndex, DenseEngine])
def test_a_fitness_without_anchors_is_compared_with_the_exact_mean(engine):
    rng = np.random.default_rng(2)
    boxes = lognormal(1000, rng)
    answers = engine(boxes)
    for _ in range(20):
        anchors = boxes[rng.choice(len(boxes), 5, replace=False)]
        fitness = float(Fraction(canonical(boxes, anchors, 0.25), 2**64 * len(boxes)))
        for than in (np.nextafter(fitness, 0), fitness, np.nextafter(fitness, 1)):
            assert (answers.first_fitter([anchors], 0.25, than) is not None) == (fitness > than)


def test_a_tie_of_a_hair_is_decided_by_the_exact_total_alone():
    """Two totals 1e-12 apart, whose sums as floats are on the wrong side of each other, for some order of the boxes."""
    rng = np.random.default_rng(1)
    boxes = lognormal(400, rng)
    anchors = boxes[:3]
    best = canonical(boxes, anchors, 0.0)
    twin = next(
        twin
        for twin in near_twins(anchors, rng, 10_000)
        if 0 < canonical(boxes, twin, 0.0) - best < best >> 50
        and DenseEngine(boxes).fitness(twin, 0.0) <= DenseEngine(boxes).fitness(anchors, 0.0)
    )
    assert canonical(boxes, twin, 0.0) - best < 1e-12 * best
    engines = [DenseEngine(boxes), BoxIndex(boxes), BoxIndex(boxes[::-1].copy()), DenseEngine(boxes[::-1].copy())]
    with fastanchor.backend("numpy"):
        engines.append(DenseEngine(boxes))
    for answers in engines:
        forth = answers.first_fitter([anchors, twin], 0.0, answers.fitness(anchors, 0.0).fitness, anchors)
        back = answers.first_fitter([anchors], 0.0, answers.fitness(twin, 0.0).fitness, twin)
        assert forth[0] == 1
        assert back is None


def test_bounds_are_bounds():
    boxes, index = ZOO["many"], indexed("many")
    rng = np.random.default_rng(5)
    for _ in range(30):
        anchors = boxes[rng.choice(len(boxes), rng.integers(1, 12), replace=False)]
        thr = rng.choice([0.0, 0.25, 0.6])
        total = exact_fitness(boxes, anchors, thr)[0] * len(boxes)
        search = Search(index.shards[0].grid, anchors, thr)
        for level in sorted(index.shards[0].grid.runs, reverse=True):
            _, spare, _ = search.scan(level, len(boxes))
            assert search.rows.total.sum() <= total * (1 + 1e-11)
            assert total <= spare * (1 + 1e-11)


@pytest.mark.parametrize("thr", [0.0, 0.25, 0.6, 1.0])
@pytest.mark.parametrize("name", ["lognormal", "integers", "many", "one"])
def test_a_plain_fitness_is_the_same_to_the_bit_whichever_way_it_is_found(name, thr, monkeypatch):
    boxes, grid = np.asarray(ZOO[name], dtype=np.float64), indexed(name).shards[0].grid
    anchors = boxes[np.linspace(0, len(boxes) - 1, 5).astype(int)] * 1.05
    whole = _search.plain(grid, anchors, thr, _threads.Team(1))
    assert whole == Search(grid, anchors, thr).finish(-np.inf)
    monkeypatch.setattr(_search, "MANY", 0)
    monkeypatch.setattr(_search, "PIECE", 2)
    pieces = [_search.plain(grid, anchors, thr, _threads.Team(threads)) for threads in (1, 2, 5)]
    assert pieces == [whole] * 3
    best = best_ratio(boxes, anchors)
    np.testing.assert_allclose(whole[0], (best * (best > thr)).sum(), rtol=1e-12)
    assert whole[1] == (best > thr).sum()


def test_take_pick_and_size():
    for name in ("lognormal", "float32", "integers", "one"):
        boxes, index = np.asarray(ZOO[name], dtype=np.float64), indexed(name)
        rows = np.array([0, len(boxes) - 1, len(boxes) // 2, 0])
        assert np.array_equal(index.take(rows), boxes[rows])
        assert len(index) == len(boxes)
        assert index.nbytes >= 20 * len(boxes)
        centers = boxes[:3]
        for metric in ("iou", "euclidean"):
            d = distances(boxes, centers, metric).min(1)
            d = d if metric == "iou" else np.sqrt(d)
            for u in (0.0, 0.3, 0.999):
                found = index.pick(centers, metric, u)
                if d.any():
                    assert found.row == naive.first_beyond(d, u)
                    assert np.array_equal(found.box, boxes[found.row])
                else:
                    assert found is None


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, np.nextafter(1e-100, 0), np.nextafter(1e100, np.inf)])
def test_sides_out_of_range(bad):
    boxes = np.ones((10, 2))
    boxes[4, 1] = bad
    with pytest.raises(DataError, match=r"^boxes\[4\] = .*widths and heights must"):
        BoxIndex(boxes)


@pytest.mark.parametrize("metric", ["iou", "euclidean", "ratio"])
@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("init", ["random", "k-means++"])
def test_index_is_accepted_where_boxes_are_and_answers_alike(metric, update, init):
    boxes = ZOO["many"]
    options = {"metric": metric, "update": update, "init": init, "rng": 3, "max_iter": 12, "progress": False}
    dense = fastanchor.kmeans(boxes, 7, engine="dense", **options)
    for form, engine in ((boxes, "index"), (indexed("many"), "auto")):
        index = fastanchor.kmeans(form, 7, engine=engine, **options)
        if update == "median":
            np.testing.assert_array_equal(index.centers, dense.centers)
            np.testing.assert_array_equal(index.labels, dense.labels)
            np.testing.assert_array_equal(index.counts, dense.counts)
            assert (index.n_iter, index.stop) == (dense.n_iter, dense.stop)
        np.testing.assert_allclose(index.centers, dense.centers, rtol=1e-11)
        np.testing.assert_allclose(index.inertia, dense.inertia, rtol=1e-11)
        np.testing.assert_allclose(index.mean_iou, dense.mean_iou, rtol=1e-11)


@pytest.mark.parametrize("name", ["lognormal", "integers", "relative", "equal", "one"])
def test_whole_searches_and_scores_are_those_of_the_dense_engine(name):
    boxes, index = ZOO[name], indexed(name)
    anchors = lognormal(6, np.random.default_rng(9))
    found = fastanchor.evolve(index, anchors, gen=200, rng=1, progress=False)
    right = fastanchor.evolve(boxes, anchors, gen=200, rng=1, engine="dense", progress=False)
    np.testing.assert_array_equal(found.anchors, right.anchors)
    assert found.accepted == right.accepted
    np.testing.assert_allclose(found.history, right.history, rtol=1e-12)
    assert found.bpr == right.bpr
    np.testing.assert_array_equal(fastanchor.assign(index, anchors), fastanchor.assign(boxes, anchors))
    np.testing.assert_allclose(fastanchor.mean_iou(index, anchors), fastanchor.mean_iou(boxes, anchors), rtol=1e-11)
    score = fastanchor.anchor_fitness(index, anchors)
    np.testing.assert_allclose(score, fastanchor.anchor_fitness(boxes, anchors), rtol=1e-12)


@pytest.mark.slow
def test_whole_job_with_either_engine():
    boxes = np.maximum(ZOO["many"], 3.0)
    index, dense = (
        fastanchor.auto_anchor(boxes, rng=0, gen=100, engine=e, max_iter=20, progress=False) for e in ("index", "dense")
    )
    np.testing.assert_array_equal(index.anchors, dense.anchors)
    assert (index.engine, dense.engine) == ("index", "dense")
    again = fastanchor.auto_anchor(BoxIndex(boxes), rng=0, gen=100, max_iter=20, progress=False)
    np.testing.assert_array_equal(again.anchors, dense.anchors)
    assert again.engine == "index"


@pytest.mark.parametrize("engine", [BoxIndex, DenseEngine])
def test_an_engine_that_is_given_is_used_or_what_is_asked_for_besides_is_refused(engine):
    boxes = np.maximum(ZOO["lognormal"], 3.0)[:500]
    answers = engine(boxes)
    name, other = (answers.name, "dense" if answers.name == "index" else "index")
    options = {"rng": 0, "progress": False}
    for run, *arguments in (
        (fastanchor.auto_anchor, answers),
        (fastanchor.kmeans, answers, 3),
        (fastanchor.evolve, answers, boxes[:3]),
    ):
        run = functools.partial(run, *arguments)
        for same in ("auto", name):
            run(engine=same, **options)
        with pytest.raises(DataError, match=rf"^engine = '{other}': boxes is an engine already, '{name}'"):
            run(engine=other, **options)
        with pytest.raises(DataError, match=r"^threads = 7: boxes is an engine already"):
            run(threads=7, **options)
    assert fastanchor.auto_anchor(answers, n=3, gen=0, rng=0, progress=False).engine == name


def test_points_that_are_no_boxes_are_refused_as_an_engine_too():
    points = DenseEngine(np.array([[1.0, -1.0], [2.0, 3.0]]))
    assert fastanchor.kmeans(points, 1, metric="euclidean", rng=0).stop == "converged"
    with pytest.raises(DataError, match=r"^boxes: widths and heights must be finite and > 0"):
        fastanchor.kmeans(points, 1, rng=0)


def test_index_of_boxes_that_the_job_would_leave_out_is_refused():
    with pytest.raises(DataError, match="1 of 3 boxes have no side >= min_size = 2"):
        fastanchor.auto_anchor(BoxIndex([[1, 1], [5, 5], [6, 7]]), n=1)


def test_emptied_centres_are_reseeded_alike():
    boxes = ZOO["lognormal"]
    start = np.repeat(boxes[:1], 4, axis=0)
    results = [fastanchor.kmeans(boxes, 4, init=start, engine=e, progress=False).centers for e in ("index", "dense")]
    np.testing.assert_array_equal(*results)


def test_take_finds_rows_in_any_order_and_twice():
    boxes, index = ZOO["integers"], indexed("integers")
    rows = np.random.default_rng(0).integers(len(boxes), size=500)
    np.testing.assert_array_equal(index.take(rows), boxes[rows])
    np.testing.assert_array_equal(index.take(np.arange(len(boxes))), boxes)


@pytest.mark.parametrize("limit", [1, 9, 200, 10_000])
@pytest.mark.parametrize("name", ["integers", "many", "equal"])
def test_distinct_boxes_are_boxes_and_differ(name, limit):
    """Boxes of different cells differ; where too few cells hold any, the boxes are compared."""
    found, every = indexed(name).distinct(limit), np.unique(ZOO[name], axis=0)
    assert len(np.unique(found, axis=0)) == len(found) == min(limit, len(every))
    assert set(map(tuple, found.tolist())) <= set(map(tuple, every.tolist()))


def test_pick_is_that_of_the_dense_engine():
    boxes, index = ZOO["many"], indexed("many")
    for metric in ("iou", "euclidean"):
        for u in (0.0, 0.5, 1.0 - 2.0**-53):
            assert index.pick(boxes[:2], metric, u).row == DenseEngine(boxes).pick(boxes[:2], metric, u).row
    assert indexed("equal").pick(ZOO["equal"][:1], "iou", 0.5) is None


def test_index_of_boxes_with_images_counts_in_their_pixels():
    wh = ZOO["one"]
    boxes = fastanchor.Boxes(wh, np.zeros(len(wh), int), [[1e4, 1e4]])
    np.testing.assert_array_equal(BoxIndex(boxes).take(np.arange(len(wh))), wh)


def test_index_needs_the_compiled_kernels():
    with fastanchor.backend("numpy"):
        with pytest.raises(BackendError, match=r"^engine 'index' needs numba"):
            BoxIndex(ZOO["one"])
        assert fastanchor.auto_anchor(ZOO["equal"], n=1, gen=0).engine == "dense"


def test_points_that_are_no_boxes_cannot_be_indexed():
    points = np.array([[1.0, -1.0], [2.0, 3.0]])
    with pytest.raises(DataError, match="widths and heights must be finite and > 0"):
        fastanchor.kmeans(points, 1, metric="euclidean", engine="index")


def test_auto_takes_the_index_for_many_boxes(tune):
    tune(large=1000)
    boxes = np.maximum(ZOO["lognormal"], 3.0)
    assert fastanchor.auto_anchor(boxes, gen=1, rng=0).engine == "index"
    assert fastanchor.kmeans(boxes - 300.0, 2, metric="euclidean", rng=0).stop == "converged"


def test_anchors_as_fit_as_the_best_do_not_end_the_look_at_those_after_them():
    boxes = ZOO["lognormal"]
    anchors = boxes[:9]
    better = fastanchor.kmeans(boxes, 9, rng=0, progress=False).centers
    for threads in (1, 2):
        index = BoxIndex(boxes, threads=threads)
        than = index.fitness(anchors, 0.25).fitness
        fitness = index.fitness(better, 0.25).fitness
        assert fitness > than
        assert index.first_fitter([anchors, better], 0.25, than, anchors) == (1, fitness)
        assert index.first_fitter([anchors, anchors * 0.5, anchors], 0.25, than, anchors) is None
