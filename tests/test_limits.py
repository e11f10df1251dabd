"""Searches that end early, by patience, time or Ctrl-C, and searches of other people."""

import itertools
import json
import logging
import signal

import numpy as np
import pytest

import fastanchor
from fastanchor import _interrupt, _limits, cli
from fastanchor._limits import Limits
from fastanchor.optimum import _search

import zoo

WH = zoo.lognormal(300).clip(3)


def found(**options):
    return fastanchor.auto_anchor(WH, n=3, rng=0, min_size=0, progress=False, **options)


@pytest.mark.parametrize("patience", [1, 5, 16, 40, 1000])
def test_patience_counts_generations_without_a_fitter_mutant(patience):
    start = [[10.0, 12.0], [40.0, 30.0], [90.0, 120.0]]
    full = fastanchor.evolve(WH, start, gen=400, rng=0)
    fitter = [0, *(np.flatnonzero(np.diff(full.history)) + 1), 400]
    last = next((a for a, b in itertools.pairwise(fitter) if b - a > patience), None)
    got = fastanchor.evolve(WH, start, gen=400, rng=0, patience=patience)
    end = 400 if last is None else last + patience
    assert (len(got.history), got.ended) == (end + 1, "done" if last is None else "patience")
    np.testing.assert_array_equal(got.history, full.history[: end + 1])
    if last is None:
        np.testing.assert_array_equal(got.anchors, full.anchors)


@pytest.mark.parametrize("method", ["recipe", "refine", "global"])
def test_no_time_at_all_still_gives_anchors(method):
    got = found(method=method, max_seconds=0)
    assert got.evolve.ended == "max_seconds"
    assert got.anchors.shape == (3, 2)
    assert got.fitness <= found(method=method).fitness
    assert "by max_seconds" in got.to_text()


@pytest.mark.parametrize("method", ["recipe", "refine", "global"])
def test_much_time_changes_nothing(method):
    got, right = found(method=method, max_seconds=1000, patience=1000), found(method=method)
    np.testing.assert_array_equal(got.anchors, right.anchors)
    assert got.evolve.ended == "done"


def test_patience_counts_starts():
    calls = []
    with pytest.MonkeyPatch.context() as patch:
        inner = _search.exchanged
        patch.setattr(_search, "exchanged", lambda *args: calls.append(1) or inner(*args))
        got = found(method="global", patience=2)
    assert got.evolve.ended == "patience"
    assert 3 <= len(calls) < 24


def at_call(number, function):
    """Return the function with a Ctrl-C at one of its calls."""
    calls = []

    def interrupted(*args, **options):
        calls.append(1)
        if len(calls) == number:
            raise KeyboardInterrupt
        return function(*args, **options)

    return interrupted


@pytest.mark.parametrize("number", [2, 5, 14])
@pytest.mark.parametrize(("method", "name"), [("global", "exchanged"), ("global", "polished"), ("refine", "polished")])
def test_ctrl_c_gives_the_best_so_far(monkeypatch, caplog, method, name, number):
    monkeypatch.setattr(_search, name, at_call(number, getattr(_search, name)))
    with caplog.at_level(logging.WARNING):
        got = found(method=method)
    assert got.evolve.ended == "interrupted"
    assert "interrupted: these are the best anchors so far" in caplog.text
    assert got.anchors.shape == (3, 2)


def test_ctrl_c_before_any_anchors_ends_the_run(monkeypatch):
    monkeypatch.setattr(_search, "exchanged", at_call(1, _search.exchanged))
    with pytest.raises(KeyboardInterrupt):
        found(method="global")


class Interrupting(fastanchor.Objective):
    """The ratio, with a Ctrl-C at the fitness of one mutant."""

    name = "interrupting"

    def __init__(self, number):
        self.number = number

    def values(self, w, h, kw, kh, kernels):
        self.number -= 1
        if not self.number:
            raise KeyboardInterrupt
        best = np.empty(w.size)
        kernels.best_ratio(w, h, kw, kh, best)
        return best


def test_ctrl_c_in_the_genetic_search_keeps_the_generations_made():
    start = [[10.0, 12.0], [40.0, 30.0], [90.0, 120.0]]
    full = fastanchor.evolve(WH, start, gen=300, rng=0, objective=Interrupting(-1), engine="dense", threads=1)
    got = fastanchor.evolve(WH, start, gen=300, rng=0, objective=Interrupting(90), engine="dense", threads=1)
    assert (got.ended, full.ended) == ("interrupted", "done")
    assert 1 < len(got.history) < 300
    np.testing.assert_array_equal(got.history, full.history[: len(got.history)])


def test_a_request_to_end_is_not_answered(monkeypatch):
    watch = _interrupt.Watch()
    monkeypatch.setattr(_interrupt, "_active", [watch])
    for caught, answered in ((signal.SIGINT, True), (signal.SIGTERM, False)):
        watch.caught = caught
        limits = Limits()
        limits.held = [WH]
        if answered:
            with limits.guard():
                raise KeyboardInterrupt
            assert (limits.ended, watch.caught) == ("interrupted", None)
        else:
            with pytest.raises(KeyboardInterrupt), limits.guard():
                raise KeyboardInterrupt


def test_the_command_says_that_it_was_interrupted(monkeypatch, capsys):
    monkeypatch.setattr(_search, "polished", at_call(3, _search.polished))
    code = cli.main(["anchors", "-n", "3", "--method", "global", "-q", "--json"])
    out, _ = capsys.readouterr()
    assert (code, json.loads(out)["evolve"]["ended"]) == (130, "interrupted")


@pytest.mark.parametrize(("option", "value"), [("patience", 0), ("patience", 1.5), ("max_seconds", -1)])
def test_refusals(option, value):
    with pytest.raises(fastanchor.DataError, match=option):
        found(**{option: value})


class Coordinates(fastanchor.Search):
    """A search of somebody else: moves one side of one anchor at a time, from k-means."""

    name, clusters = "coordinates", True

    def find(self, problem):
        best, stale = problem.space.allowed(problem.start), 0
        score = problem.score(best)
        while stale < 60 and problem.limits.left(stale):
            trial = best.copy()
            row, side = problem.rng.integers(problem.k), problem.rng.integers(2)
            trial[row, side] *= np.exp(0.1 * problem.rng.standard_normal())
            trial = problem.space.allowed(trial)
            reached = problem.score(trial)
            stale += 1
            if reached > score:
                best, score, stale = trial, reached, 0
        return best


@pytest.mark.parametrize("objective", ["ratio", "iou"])
def test_a_search_of_a_stranger(objective):
    space = fastanchor.Space(least=20)
    got = found(method=Coordinates(), objective=objective, space=space)
    assert (got.method, got.evolve.ended) == ("coordinates", "done")
    assert got.anchors.min() >= 20
    assert got.kmeans is not None
    assert "coordinates" in got.to_text()
    np.testing.assert_array_equal(got.anchors, found(method=Coordinates(), objective=objective, space=space).anchors)
    assert found(method=Coordinates(), max_seconds=0).evolve.ended == "max_seconds"


def test_a_search_must_return_its_anchors():
    class Short(fastanchor.Search):
        name = "short"

        def find(self, problem):
            return problem.boxes.take(np.arange(2))

    class Nothing(fastanchor.Search):
        name = "nothing"

    with pytest.raises(fastanchor.DataError, match="method 'short': got 2 anchors, expected 3"):
        found(method=Short())
    with pytest.raises(fastanchor.DataError, match=r"has no method find\(problem\)"):
        found(method=Nothing())


@pytest.mark.parametrize("patience", [1, 5, 16])
def test_the_genetic_search_goes_on_to_the_last_bit(patience):
    start, source = [[10.0, 12.0], [40.0, 30.0], [90.0, 120.0]], np.random.default_rng(0)
    full = fastanchor.evolve(WH, start, gen=400, rng=0)
    some = fastanchor.evolve(WH, start, gen=400, rng=source, patience=patience)
    made = len(some.history) - 1
    assert made < 400
    rest = fastanchor.evolve(WH, some.anchors, gen=400 - made, rng=source)
    np.testing.assert_array_equal(rest.anchors, full.anchors)
    np.testing.assert_allclose([*some.history, *rest.history[1:]], full.history, rtol=1e-12)


@pytest.mark.parametrize("method", ["recipe", "refine", "global"])
def test_a_stopped_run_goes_on(method):
    source = np.random.default_rng(0)
    full = found(method=method, gen=200)
    some = fastanchor.auto_anchor(WH, n=3, rng=source, gen=200, min_size=0, method=method, max_seconds=0)
    rest = fastanchor.auto_anchor(WH, n=3, rng=source, gen=200, min_size=0, method=method, resume=some)
    assert (some.evolve.ended, rest.evolve.ended, rest.kmeans) == ("max_seconds", "done", None)
    assert rest.fitness >= some.fitness
    if method == "recipe":
        np.testing.assert_array_equal(rest.anchors, full.anchors)
    assert "fitness" in rest.to_text()
    with pytest.raises(fastanchor.DataError, match="resume: got a result of 3 anchors, expected n = 4"):
        fastanchor.auto_anchor(WH, n=4, rng=0, min_size=0, method=method, resume=some)


@pytest.mark.parametrize("method", ["refine", "global"])
def test_to_go_on_never_makes_anchors_worse_or_leaves_the_space(monkeypatch, method):
    best = found(method="global")
    space = fastanchor.Space(multiple=8)
    assert (found(method=method, resume=best, space=space).anchors % 8 == 0).all()
    monkeypatch.setattr(_search, "KEPT", 1)
    monkeypatch.setattr(_search, "FINALISTS_FEW", 1)
    assert found(method=method, resume=best, max_seconds=0).fitness >= best.fitness


class Clock:
    """A clock that goes on by a second whenever it is read."""

    def __init__(self):
        self.now = 0

    def monotonic(self):
        self.now += 1
        return self.now


@pytest.mark.parametrize("seconds", [0, 200, *(pytest.param(n, marks=pytest.mark.slow) for n in (30, 400, 900, 3000))])
def test_a_limit_ends_within_a_round(monkeypatch, seconds):
    clock, wh = Clock(), WH[:50]
    best = fastanchor.auto_anchor(wh, n=2, rng=0, min_size=0, progress=False, method="global")
    monkeypatch.setattr(_limits, "time", clock)
    some = fastanchor.bound(wh, 2, min_size=0, gap=0, max_seconds=seconds)
    assert clock.now <= seconds + 20
    assert best.fitness <= some.bound < 1.0
    monkeypatch.undo()
    rest = fastanchor.bound(wh, 2, min_size=0, gap=0.02, resume=some)
    assert best.fitness <= rest.bound <= some.bound * 1.0003
    assert rest.gap <= 0.02
    with pytest.raises(fastanchor.DataError, match="resume: got a limit for other boxes or another k"):
        fastanchor.bound(wh[1:], 2, min_size=0, resume=some)
