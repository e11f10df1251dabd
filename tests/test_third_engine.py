"""An engine is what answers the questions: one that is written here, from the definitions, is used like any other."""

import inspect
from fractions import Fraction

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, kernels
from fastanchor._types import Fitness
from fastanchor.engine import answers_all
from fastanchor.engine._protocol import QUESTIONS, Below, Nearest, Picked, Profile, Spread, Worth
from fastanchor.engine._reduce import StepTaken
from fastanchor.engine.dense import DenseEngine

import naive
import zoo


def exactly(values):
    return sum(map(Fraction, values.tolist()), Fraction(0))


class Plain:
    name, backend = "plain", "none"

    def __init__(self, wh):
        self.wh, self.positive = wh, bool((wh > 0).all())
        self.take = wh.__getitem__

    def __len__(self):
        return len(self.wh)

    def distinct(self, limit):
        return np.unique(self.wh, axis=0)[:limit]

    def below(self, side):
        return Below(int((self.wh < side).all(1).sum()), int((self.wh < side).any(1).sum()))

    def labels(self, centers, metric, first=0, last=None):
        return naive.nearest_fast(self.wh, centers, metric)[0][first:last]

    def distances(self, centers, metric):
        return naive.nearest_fast(self.wh, centers, metric)[1]

    def nearest(self, centers, metric):
        counts = np.bincount(self.labels(centers, metric), minlength=len(centers))
        return Nearest(counts, float(exactly(self.distances(centers, metric))))

    def best_iou(self, centers):
        return float(np.mean([max(naive.iou(box, c) for c in centers.tolist()) for box in self.wh.tolist()]))

    def spread(self, centers, metric, many):
        rows = []
        while len(rows) < many and (far := self.distances(np.vstack([centers, self.wh[rows]]), metric)).any():
            rows.append(int(far.argmax()))
        return Spread(np.array(rows, int), self.wh[rows], self.distances(centers, metric)[rows])

    def pick(self, centers, metric, u):
        far = self.distances(centers, metric)
        sums = np.cumsum([Fraction(d) for d in (np.sqrt(far) if metric == "euclidean" else far).tolist()])
        row = int((sums > Fraction(u) * sums[-1]).argmax())
        return Picked(row, self.wh[row]) if sums[-1] else None

    def lloyd(self, metric, update):
        return Run(self, metric, update)

    def total(self, anchors, thr):
        best = [naive.best_ratio(box, anchors) for box in self.wh.tolist()]
        return sum(int(value * 2.0**64) for value in best if value > thr)

    def worth(self, anchors, objective):
        values = objective.values(*self.wh.T, *anchors.T, kernels.load("numpy"))
        total = sum(int(value * 2.0**64) for value in values.tolist())
        return Worth(total, total / 2**64 / len(self))

    def hopeful(self, mutants, objective, need):
        return range(len(mutants))

    def fitness(self, anchors, thr):
        return Fitness(self.total(anchors, thr) / 2**64 / len(self), naive.fitness_fast(anchors, self.wh, thr)[1])

    def first_fitter(self, mutants, thr, than, of):
        fitter = [i for i, mutant in enumerate(mutants) if self.total(mutant, thr) > self.total(of, thr)]
        return (fitter[0], self.fitness(mutants[fitter[0]], thr).fitness) if fitter else None

    def profile(self, anchors, thr, areas):
        ratio = np.array([[naive.best_ratio(box, one[None]) for one in anchors] for box in self.wh.tolist()])
        return Profile.of(ratio, 1 - self.distances(anchors, "iou"), self.wh.prod(1), thr, areas)


class Run:
    def __init__(self, answers, metric, update):
        self.answers, self.metric, self.update, self.last = answers, metric, update, None

    def step(self, centers):
        labels, last = self.answers.labels(centers, self.metric), self.last
        self.last, owned = labels, [self.answers.wh[labels == j] for j in range(len(centers))]
        mean = lambda own: [float(exactly(side) / len(own)) for side in own.T]  # noqa: E731
        rule = mean if self.update == "mean" else lambda own: np.median(own, axis=0)
        after = np.array([rule(own) if len(own) else [np.nan] * 2 for own in owned])
        inertia = self.answers.nearest(centers, self.metric).inertia
        return StepTaken(last is None or (labels != last).any(), np.array([*map(len, owned)]), after, lambda: inertia)


BOXES = np.vstack([zoo.lognormal(150).clip(3), np.repeat([[8.0, 16.0], [64.0, 32.0]], 20, axis=0)])


def test_it_is_short_and_has_all_questions():
    lines = [line for part in (Plain, Run) for line in inspect.getsource(part).splitlines() if line.strip()]
    assert len(lines) <= 60
    assert all(hasattr(Plain(BOXES), name) for name in QUESTIONS)
    assert answers_all(Plain(BOXES))
    for boxes in (BOXES, BOXES.tolist(), fastanchor.Boxes(BOXES), None, "boxes", Plain):
        assert not answers_all(boxes)


@pytest.mark.parametrize("metric", ["iou", "euclidean", "ratio"])
@pytest.mark.parametrize("update", ["median", "mean"])
@pytest.mark.parametrize("init", ["random", "k-means++", "equal"])
def test_kmeans(metric, update, init):
    init = np.repeat(BOXES[:1], 5, axis=0) if init == "equal" else init
    options = {"metric": metric, "update": update, "init": init, "rng": 3, "n_init": 2, "tol": 1e-4, "progress": False}
    got, right = (fastanchor.kmeans(boxes, 5, **options) for boxes in (Plain(BOXES), DenseEngine(BOXES)))
    np.testing.assert_array_equal(got.centers, right.centers)
    np.testing.assert_array_equal(got.counts, right.counts)
    np.testing.assert_array_equal(got.labels, right.labels)
    assert (got.inertia, got.n_iter, got.stop) == (right.inertia, right.n_iter, right.stop)
    np.testing.assert_allclose(got.mean_iou, right.mean_iou, rtol=1e-13)


def test_evolve():
    got, right = (
        fastanchor.evolve(boxes, BOXES[:4], gen=60, rng=0, progress=False)
        for boxes in (Plain(BOXES), DenseEngine(BOXES))
    )
    np.testing.assert_array_equal(got.anchors, right.anchors)
    assert (got.accepted, got.bpr) == (right.accepted, right.bpr)
    np.testing.assert_allclose(got.history, right.history, rtol=1e-12)


@pytest.mark.parametrize("objective", ["ratio", "iou>0.5"])
def test_the_whole_job(objective):
    options = {"n": 4, "gen": 20, "rng": 0, "n_init": 3, "progress": False, "objective": objective}
    got, right = (fastanchor.auto_anchor(boxes, **options) for boxes in (Plain(BOXES), BOXES))
    np.testing.assert_array_equal(got.anchors, right.anchors)
    assert (got.boxes, got.n_small, got.n_filtered, got.engine, got.backend) == (len(BOXES), 0, 0, "plain", "none")
    np.testing.assert_allclose([got.fitness, got.mean_iou], [right.fitness, right.mean_iou], rtol=1e-12)


def test_sweep():
    options = {"n": [2, 4], "gen": 10, "rng": 0, "n_init": 3, "progress": False}
    got, right = (fastanchor.sweep(boxes, **options) for boxes in (Plain(BOXES), BOXES))
    for mine, theirs in zip(got.anchors, right.anchors, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert (got.boxes, got.engine) == (len(BOXES), "plain")
    np.testing.assert_allclose(got.fitness, right.fitness, rtol=1e-12)


def test_check_and_scores():
    anchors = BOXES[:3]
    got, right = (fastanchor.check(boxes, anchors) for boxes in (Plain(BOXES), BOXES))
    assert got.counts.tolist() == right.counts.tolist()
    np.testing.assert_allclose(
        [got.fitness, got.bpr, got.mean_iou, got.past_thr, got.mean_ratio, got.mean_best],
        [right.fitness, right.bpr, right.mean_iou, right.past_thr, right.mean_ratio, right.mean_best],
        rtol=1e-12,
    )
    for mine, theirs in zip(got.sizes, right.sizes, strict=True):
        assert mine[:2] == theirs[:2]
    np.testing.assert_allclose(fastanchor.mean_iou(Plain(BOXES), anchors), right.mean_iou, rtol=1e-12)
    np.testing.assert_allclose(fastanchor.anchor_fitness(Plain(BOXES), anchors).fitness, right.fitness, rtol=1e-12)
    np.testing.assert_array_equal(fastanchor.assign(Plain(BOXES), anchors), fastanchor.assign(BOXES, anchors))
    owners = fastanchor.assign(BOXES, anchors)
    np.testing.assert_array_equal(
        fastanchor.update_centers(Plain(BOXES), owners, 3), fastanchor.update_centers(BOXES, owners, 3)
    )


@pytest.mark.parametrize("engine", [Plain, DenseEngine])
def test_boxes_that_the_job_leaves_out_are_refused_in_an_engine(engine):
    boxes = engine(np.array([[1.0, 1.0], [5.0, 5.0], [6.0, 2.5]]))
    sentence = "^boxes: 1 of 3 boxes have no side >= min_size = 2"
    for run in (
        lambda: fastanchor.auto_anchor(boxes, n=1),
        lambda: fastanchor.sweep(boxes, [1]),
        lambda: fastanchor.check(boxes, [[5, 5]], min_size=2),
    ):
        with pytest.raises(DataError, match=sentence):
            run()
    assert fastanchor.check(boxes, [[5, 5]]).boxes == 3
    with pytest.warns(fastanchor.SmallBoxWarning, match="2 of 3 boxes have a side < 3"):
        fastanchor.auto_anchor(boxes, n=1, gen=0, min_size=0, progress=False)


@pytest.mark.parametrize("absent", ["lloyd", "positive", "first_fitter"])
@pytest.mark.parametrize("call", [
    lambda boxes: fastanchor.auto_anchor(boxes, n=2, progress=False),
    lambda boxes: fastanchor.kmeans(boxes, 2),
    lambda boxes: fastanchor.check(boxes, [[10, 20]]),
])  # fmt: skip
def test_an_engine_without_a_method_is_an_error_that_names_it(absent, call):
    class Partial(Plain):
        def __getattribute__(self, name):
            if name == absent:
                raise AttributeError(name)
            return super().__getattribute__(name)

    partial = Partial(BOXES)
    with pytest.raises(fastanchor.WrongTypeError, match=f"^boxes: got an engine without {absent}; see"):
        call(partial)
