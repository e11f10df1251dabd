"""What the search maximises: every objective against its definition, on every engine and backend."""

import inspect
import json
import math
from fractions import Fraction

import numpy as np
import pytest

import fastanchor
from fastanchor import BoxIndex, DataError, Objective, kernels
from fastanchor._check import MIN_SIDE
from fastanchor.cli import main
from fastanchor.engine import Shard, objective_of, survey
from fastanchor.engine._layout import GridSpec
from fastanchor.engine.dense import DenseEngine

import naive
import zoo

THR = 0.4
NAMES = ["ratio", "recall", "iou", "iou>0.5", "iou>0.25", "iou-recall@0.5", "iou-recall@0", "iou>1"]
BOXES = np.vstack([zoo.lognormal(100, seed=4).clip(3), np.repeat([[8.0, 16.0], [64.0, 32.0]], 20, axis=0)])
START = np.array([[8.0, 16.0], [30.0, 50.0], [100.0, 80.0]])


def value(box, anchors, name):
    ratio, iou = naive.best_ratio(box, anchors), max(naive.iou(box, a) for a in anchors.tolist())
    if name in ("ratio", "recall"):
        return float(ratio > THR) * (ratio if name == "ratio" else 1.0)
    if name == "iou":
        return iou
    above = float(name.replace("@", ">").split(">")[1])
    return float(iou > above) * (1.0 if "recall" in name else iou)


def search(wh, anchors, name, gen, rng):
    """The search as the documentation spells it out, with sums in whole numbers."""

    def total(some):
        return sum(int(value(box, some, name) * 2.0**64) for box in wh.tolist())

    best, most, history = anchors, total(anchors), [total(anchors)]
    for _ in range(gen):
        v = np.ones(anchors.shape)
        while (v == 1).all():
            mask, u, z = rng.random(v.shape) < 0.9, rng.random(), rng.standard_normal(v.shape)
            v = (mask * u * z * 0.1 + 1).clip(0.3, 3.0)
        mutant = (best * v).clip(min=2.0)
        if (now := total(mutant)) > most:
            best, most = mutant, now
        history.append(most)
    return best, np.array([one / 2**64 / len(wh) for one in history])


def sharded(wh):
    spec = GridSpec.of(survey(wh))
    dealt = np.random.default_rng(0).integers(4, size=len(wh))
    return BoxIndex.of([Shard(wh[rows], spec, rows) for rows in (np.flatnonzero(dealt == i) for i in range(5))])


ENGINES = {"dense": DenseEngine, "index": BoxIndex, "shards": sharded}
BACKENDS = kernels.LEGAL
if not kernels.installed():  # the index needs numba
    ENGINES, BACKENDS = {"dense": DenseEngine}, ("numpy",)


@pytest.mark.parametrize("name", NAMES)
def test_values_are_those_of_the_definition_on_both_backends(name):
    w, h = np.vstack([BOXES, [[MIN_SIDE, 1.0], [1e100, 1e-100]]]).T.copy()
    for anchors in (START, START[:1], np.array([[1e-100, 1e100], [20.0, 20.0]])):
        right = [value(box, anchors, name) for box in np.column_stack([w, h]).tolist()]
        for backend in BACKENDS:
            found = objective_of(name, THR).values(w, h, *anchors.T.copy(), kernels.load(backend))
            assert found.tolist() == right


@pytest.mark.parametrize("name", NAMES)
# the index has kernels for bounds of IoU, which only slow tests compile
@pytest.mark.parametrize("engine", [pytest.param(one, marks=[pytest.mark.slow] * (one != "dense")) for one in ENGINES])
def test_the_search_is_that_of_the_definition(name, engine):
    right, history = search(BOXES, START, name, 25, np.random.default_rng(5))
    found = fastanchor.evolve(ENGINES[engine](BOXES), START, thr=THR, gen=25, rng=5, objective=name, progress=False)
    np.testing.assert_array_equal(found.anchors, right)
    np.testing.assert_allclose(found.history, history, rtol=1e-12)
    of = fastanchor.anchor_fitness(BOXES, right, THR)
    np.testing.assert_allclose([found.fitness, found.bpr], [of.fitness, of.bpr], rtol=1e-12)
    assert found.objective == name
    assert found.engine == ("dense" if name == "recall" or engine == "dense" else "index")


def test_the_sum_does_not_depend_on_who_adds_it_up():
    for name in NAMES:
        own = objective_of(name, THR)
        right = sum(int(value(box, START, name) * 2.0**64) for box in BOXES.tolist())
        found = [make(BOXES).worth(START, own) for make in ENGINES.values()]
        with fastanchor.backend("numpy"):
            found.append(DenseEngine(BOXES).worth(START, own))
        assert {one.total for one in found} == {right}
        assert {one.mean for one in found} == {float(Fraction(right, 2**64 * len(BOXES)))}
        assert own.over(DenseEngine(BOXES)).total(START, THR) == right


def test_a_tie_that_floats_cannot_tell_is_decided_by_the_exact_sum():
    class Whole(Objective):
        name = "whole"

        def values(self, w, h, kw, kh, kernels):
            return np.where(w == 1.0, 1.0, 2.0**-60 if kw[0] > 5.0 else 0.0)

    boxes = np.array([[1.0, 1.0]] * 9 + [[2.0, 2.0]])
    for engine in ENGINES.values():
        judge = Whole().over(engine(boxes))
        few, more = np.array([[5.0, 5.0]]), np.array([[6.0, 6.0]])
        than = judge.fitness(few, THR).fitness
        assert judge.fitness(more, THR).fitness == than
        assert judge.first_fitter([few, more], THR, than, few) == (1, than)
        assert judge.first_fitter([more], THR, than, more) is None
        assert judge.first_fitter([more], THR, than) is None


class Geometric(Objective):
    """One that a stranger adds: the mean of the geometric mean of both ratios, wide boxes only."""

    name = "geometric"

    def values(self, w, h, kw, kh, kernels):
        ratio = [np.minimum(x[:, None] / k, k / x[:, None]) for x, k in ((w, kw), (h, kh))]
        return np.sqrt(ratio[0] * ratio[1]).max(axis=1) * (w > h)


def test_a_stranger_adds_one():
    assert len(inspect.getsource(Geometric).splitlines()) < 60
    data, results = BOXES[:100], []
    for make in ENGINES.values():
        boxes = make(data)
        found = fastanchor.auto_anchor(boxes, n=3, gen=60, rng=0, n_init=2, objective=Geometric(), progress=False)
        results.append(found)
        wide = [
            max(math.sqrt(min(w / a, a / w) * min(h / b, b / h)) for a, b in found.anchors.tolist()) * (w > h)
            for w, h in data.tolist()
        ]
        np.testing.assert_allclose(found.evolve.history[-1], np.mean(wide), rtol=1e-12)
        assert (found.evolve.objective, found.evolve.engine) == ("geometric", "dense")
        assert found.evolve.accepted > 0
    for other in results[1:]:
        np.testing.assert_array_equal(other.anchors, results[0].anchors)
    swept = fastanchor.sweep(data, [3], gen=60, rng=0, n_init=2, objective=Geometric(), progress=False)
    np.testing.assert_array_equal(swept.anchors[0], results[0].anchors)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (lambda w: w * 0 + 1.5, "got 1.5 for a box of 8 x 16"),
        (lambda w: w * 0 - 1e-9, "got -1e-09 for a box of 8 x 16"),
        (lambda w: np.where(w == 16, np.nan, 0.5), "got nan for a box of 16 x 8"),
        (lambda w: 0.5, r"got an array of shape \(\) for 2 boxes"),
        (lambda w: np.zeros((w.size, 2)), r"got an array of shape \(2, 2\) for 2 boxes"),
    ],
)
def test_values_that_break_the_contract_are_a_sentence(values, said):
    class Wrong(Objective):
        name = "wrong"

        def values(self, w, h, kw, kh, kernels):
            return values(w)

    sentence = f"^objective 'wrong': must return a value from 0 to 1 for each box; {said}$"
    with pytest.raises(DataError, match=sentence):
        fastanchor.evolve([[8, 16], [16, 8]], [[8, 16]], gen=1, objective=Wrong(), progress=False)


def test_one_that_is_called_like_another_is_itself():
    class Namesake(Geometric):
        name = "ratio"

    found = fastanchor.evolve(BOXES, START, gen=5, rng=0, objective=Namesake(), progress=False)
    assert found.fitness == fastanchor.anchor_fitness(BOXES, found.anchors).fitness
    assert found.history[-1] != found.fitness


def test_starts_are_chosen_by_the_objective():
    """The start with the largest sum is not that with the largest fitness."""
    rng = np.random.default_rng(1)
    boxes = np.exp(rng.normal([3.5, 3.5], 0.9, (400, 2))).clip(3)
    options = {"n": 4, "gen": 0, "n_init": 8, "progress": False}
    apart = 0
    for seed in range(6):
        found = {
            name: fastanchor.auto_anchor(boxes, rng=seed, objective=name, **options).anchors
            for name in ("ratio", "iou-recall@0.5")
        }
        scores = [sum(value(box, one, "iou-recall@0.5") for box in boxes.tolist()) for one in found.values()]
        apart += not np.array_equal(*found.values()) and scores[1] > scores[0]
    assert apart


LEGAL = r"must be 'ratio', 'recall', 'iou', 'placed' \(.*\), 'iou>0\.5' or 'iou-recall@0\.5', with any threshold"


@pytest.mark.parametrize(
    "name", ["", "IoU", "iou>", "iou>1.5", "iou>-1", "iou>nan", "iou-recall", "ratio ", "iou>0.5\n"]
)
@pytest.mark.parametrize("call", ["evolve", "auto_anchor", "sweep"])
def test_an_unknown_name_is_a_sentence(name, call):
    run = getattr(fastanchor, call)
    arguments = (BOXES, START) if call == "evolve" else (BOXES, [2]) if call == "sweep" else (BOXES,)
    with pytest.raises(DataError, match=f"^objective = .*{LEGAL}"):
        run(*arguments, objective=name)


@pytest.mark.parametrize(("name", "meant"), [("bpr", "recall"), ("BPR", "recall"), ("fitness", "ratio")])
def test_the_name_of_a_score_leads_to_the_objective(name, meant):
    with pytest.raises(DataError, match=rf"{LEGAL} from 0 to 1, or an Objective; did you mean '{meant}'\?$"):
        fastanchor.evolve(BOXES, START, objective=name)


@pytest.mark.parametrize("command", ["anchors", "sweep"])
def test_an_objective_is_checked_before_labels_are_read(command, tmp_path, capsys):
    assert main([command, str(tmp_path / "missing"), "--objective", "bpr"]) == 2
    said = capsys.readouterr().err
    assert "--objective = 'bpr': must be 'ratio'" in said
    assert said.endswith("from 0 to 1; did you mean 'recall'?\n")


@pytest.mark.parametrize("other", [None, 1, ["iou"], Geometric])
def test_what_is_no_objective_is_a_type_error(other):
    with pytest.raises(fastanchor.WrongTypeError, match=f"^objective = .*{LEGAL}"):
        fastanchor.evolve(BOXES, START, objective=other)


@pytest.mark.parametrize("name", ["recall", "iou>0.5"])
def test_the_commands_take_it(name, capsys, tmp_path):
    rows = "\n".join(f"{w},{h}" for w, h in BOXES.tolist())
    (tmp_path / "t.csv").write_text(f"width,height\n{rows}\n")
    data = [str(tmp_path / "t.csv"), "--objective", name, "--gen", "50", "--n-init", "2", "--min-size", "0"]
    options = {"n_init": 2, "min_size": 0, "rng": 0, "gen": 50, "objective": name, "progress": False}
    right = fastanchor.auto_anchor(BOXES, n=3, **options)
    assert main(["anchors", *data, "--n", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["anchors"] == right.anchors.tolist()
    assert found["objective"] == found["evolve"]["objective"] == name
    assert (found["evolve"]["engine"], found["evolve"]["score"]) == ("dense", right.evolve.history[-1])
    assert main(["anchors", *data, "--n", "3"]) == 0
    first, last = right.evolve.history[[0, -1]]
    assert f"  by      {name}, {first:.5f} -> {last:.5f}, computed for every box\n" in capsys.readouterr().out
    assert main(["sweep", *data, "--n", "3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["anchors"][0] == right.anchors.tolist()
    assert found["objective"] == name
    assert main(["anchors", *data[:2], "IoU"]) == 2
    assert "--objective = 'IoU': must be 'ratio'" in capsys.readouterr().err


@pytest.mark.parametrize("members", [{}, {"name": "mine"}, {"value": lambda self, w, h, kw, kh, kernels: w * 0}])
@pytest.mark.parametrize("call", [
    lambda own: fastanchor.auto_anchor(BOXES, n=2, objective=own, progress=False),
    lambda own: fastanchor.evolve(BOXES, START, objective=own),
])  # fmt: skip
def test_an_objective_without_values_is_a_sentence(members, call):
    own = type("Own", (fastanchor.Objective,), members)()
    with pytest.raises(fastanchor.WrongTypeError, match=rf"^objective '{own.name}': has no method values\(w, h, kw"):
        call(own)
