"""Late steps of k-means look only at boxes that may have moved: each step has the bits of one from scratch."""

import numpy as np
import pytest

import fastanchor
from fastanchor import BoxIndex, kernels
from fastanchor.engine import GridSpec, Shard, Survey, survey

if not kernels.installed():
    pytest.skip("numba is not installed", allow_module_level=True)
pytestmark = pytest.mark.slow  # to compile every kernel of late steps takes half a minute


def lognormal(rng, n):
    return np.exp(rng.normal(3, rng.choice([0.3, 1.0]), (n, 2)))


def repeated(rng, n):
    boxes = lognormal(rng, n)
    boxes[::3] = boxes[0]
    return boxes


def clumped(rng, n):
    places = np.exp(rng.normal(3, 1, (rng.integers(2, 12), 2)))
    return places[rng.integers(0, len(places), n)] * np.exp(rng.normal(0, rng.choice([1e-2, 1e-4, 1e-9]), (n, 2)))


def swapped(rng, n):
    boxes = lognormal(rng, n)
    boxes[1::2] = boxes[::2, ::-1][: n // 2]
    return boxes


def line(rng, n):
    width = np.exp(rng.normal(3, 1, n))
    return np.column_stack([width, width * rng.choice([1.0, 0.5, 1.0 / 3.0], rng.choice([1, n]))])


SHAPES = {
    "lognormal": lognormal,
    "a third equal": repeated,
    "clumps": clumped,
    "exact ties": swapped,
    "line": line,
    "lattice": lambda rng, n: 1.5 ** rng.integers(0, 39, (n, 2)),
    "whole pixels": lambda rng, n: np.rint(lognormal(rng, n) + 1),
    "spread of e^12": lambda rng, n: np.exp(rng.uniform(-12, 12, (n, 2))),
    "uniform": lambda rng, n: rng.uniform(1, 200, (n, 2)),
    "hyperbola": lambda rng, n: np.exp(rng.uniform(-2, 2, (n, 1)) * [1.0, -1.0]),
    "tiny and huge": lambda rng, n: 10.0 ** rng.uniform(-100, 100, (n, 2)),
}


@pytest.fixture
def eager(tune):
    """Late steps however few the boxes, and however little they pay."""
    tune(late_least=0, late_few=20, late_goal=200, late_share=1, late_wait=1, patience=1e9)


def walk(rng, centers, step):
    """Centres for the next step: mostly those that k-means would take, and now and then something else."""
    move = rng.choice(7, p=[0.5, 0.2, 0.12, 0.06, 0.05, 0.04, 0.03])
    k, old = len(centers), centers
    centers = np.where(np.isnan(step.centers), old, step.centers)
    if move == 1:
        return old * np.exp(rng.normal(0, 10.0 ** rng.uniform(-7, -1), (k, 2)))
    if move == 2:  # most of them stand still
        return np.where(rng.random((k, 1)) < 0.2, centers, old)
    if move == 3:
        return old.copy()
    if move == 4:  # one jumps
        centers[rng.integers(k)] = np.exp(rng.normal(3, 1, 2))
    elif move == 5:  # two become equal
        centers[rng.integers(k)] = centers[rng.integers(k)]
    elif move == 6:
        return step.centers.copy() if not np.isnan(step.centers).any() else centers[::-1].copy()
    return centers


def dealt(rng, boxes, count):
    """An index over so many shards, one of them small."""
    owners = rng.choice(count, len(boxes), p=np.arange(1, count + 1) / (count * (count + 1) / 2))
    rows = [np.flatnonzero(owners == shard) for shard in range(count)]
    spec = GridSpec.of(Survey.merged([survey(boxes[own], threads=1) for own in rows]))
    return BoxIndex.of([Shard(boxes[own], spec, own, threads=1) for own in rows])


def compared(rng, shape, update, shards, steps=14):
    """Take steps both ways; returns how many of them were late, of all shards."""
    boxes = SHAPES[shape](rng, int(rng.choice([60, 400, 2500])))
    k = int(rng.choice([2, 3, 5, 9, 16, 40]))
    index = BoxIndex(boxes, threads=1) if shards == 1 else dealt(rng, boxes, shards)
    late, plain = (index.lloyd("iou", update) for _ in range(2))
    for run in plain._runs:
        run._bands = None
    centers, count = boxes[rng.integers(0, len(boxes), k)] * np.exp(rng.normal(0, 1e-3, (k, 2))), 0
    for at in range(steps):
        got, right = late.step(centers), plain.step(centers)
        where = shape, at, k, len(boxes)
        assert got.changed == right.changed, where
        assert got.counts.tolist() == right.counts.tolist(), where
        np.testing.assert_array_equal(got.centers, right.centers, str(where))
        count += sum(run._now is None for run in late._runs)
        centers = walk(rng, centers, right)
    return count


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("shards", [1, 3])
def test_steps_have_the_bits_of_steps_from_scratch(eager, shape, update, shards):
    runs, rng = 12, np.random.default_rng([12, shards, len(shape)])
    late = sum(compared(rng, shape, update, shards) for _ in range(runs))
    assert late > runs // 2


def test_sides_stored_in_float32(eager):
    rng = np.random.default_rng(0)
    boxes = lognormal(rng, 4000).astype(np.float32)
    narrow, wide = BoxIndex.from_batches([boxes], dtype="float32"), BoxIndex(boxes.astype(float))
    assert narrow.shards[0].grid.w.dtype == np.float32
    late, plain, count, centers = narrow.lloyd("iou", "median"), wide.lloyd("iou", "median"), 0, boxes[:9].astype(float)
    plain._runs[0]._bands = None
    for _ in range(25):
        got, right = late.step(centers), plain.step(centers)
        assert (got.changed, got.counts.tolist()) == (right.changed, right.counts.tolist())
        np.testing.assert_array_equal(got.centers, right.centers)
        count += late._runs[0]._now is None
        centers = right.centers
    assert count > 5


def test_kernels_are_compiled_when_they_pay_or_are_kept(eager, monkeypatch):
    boxes = lognormal(np.random.default_rng(0), 2000)
    index = BoxIndex(boxes, threads=1)

    def late(kept, spent):
        monkeypatch.setattr("fastanchor.kernels._choice._ready", lambda module, kernel: False)
        monkeypatch.setattr("fastanchor.kernels._choice.cached", lambda module, kernel: kept)
        monkeypatch.setattr("fastanchor.engine._bands._spent", [spent])
        run, centers, count = index.lloyd("iou", "median"), boxes[:9], 0
        for _ in range(8):
            centers = run.step(centers).centers
            count += run._runs[0]._now is None
        return count

    assert late(False, 0.0) == 0
    assert late(True, 0.0) > 0
    assert late(False, 10.0) > 0


@pytest.mark.parametrize("shape", SHAPES)
def test_whole_runs_are_those_of_the_dense_engine(eager, tune, shape):
    tune(alone=0)
    boxes = SHAPES[shape](np.random.default_rng(1), 20_000)
    options = {"k": 7, "rng": 3, "max_iter": 120, "progress": False}
    for update in ("median", "mean"):
        got, right = (
            fastanchor.kmeans(boxes, engine=engine, update=update, **options) for engine in ("index", "dense")
        )
        np.testing.assert_array_equal(got.centers, right.centers)
        assert (got.stop, got.n_iter, got.inertia) == (right.stop, right.n_iter, right.inertia)
        assert got.counts.tolist() == right.counts.tolist()
