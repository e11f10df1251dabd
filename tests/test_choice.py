"""Which backend does a job where none is chosen by hand: the edges of the cost model."""

import os
import subprocess
import sys

import numpy as np
import pytest

import fastanchor
from fastanchor import kernels
from fastanchor.engine import choose
from fastanchor.kernels import Work, _choice
from fastanchor.starts import work_of

pytestmark = pytest.mark.skipif(not kernels.installed(), reason="there is a choice where numba is installed")

MAIN = work_of(9, 16, 300, 1000)


@pytest.fixture
def machine(monkeypatch):
    """Set what is ready, cached and imported."""

    def put(ready=(), cached=(), imported=False, spent=0.0):
        monkeypatch.setattr(_choice, "_ready", lambda module, kernel: kernel in ready)
        monkeypatch.setattr(_choice, "cached", lambda module, kernel: kernel in cached)
        monkeypatch.setattr(_choice, "_spent", [spent])
        monkeypatch.setattr(_choice, "_imported", lambda: imported)

    monkeypatch.delenv("FASTANCHOR_BACKEND", raising=False)
    return put


ASSIGN, FITNESS = _choice.COMPILE["_numba", "assign_iou"], _choice.COMPILE["_numba", "fitness"]
ALL = ("assign_iou", "fitness", "settle", "scan")


@pytest.mark.parametrize(
    ("state", "wait", "compiles"),
    [
        ({}, _choice.IMPORT + _choice.LOAD + ASSIGN + FITNESS, True),
        ({"imported": True}, _choice.LOAD + ASSIGN + FITNESS, True),
        ({"cached": ["fitness"]}, _choice.IMPORT + _choice.LOAD + ASSIGN, True),
        ({"cached": ALL}, _choice.IMPORT + _choice.LOAD, False),
        ({"cached": ALL, "imported": True}, _choice.LOAD, False),
        ({"ready": ["assign_iou"], "cached": ALL}, 0.0, False),
        ({"ready": ["assign_iou"]}, FITNESS, True),
        ({"ready": ALL}, 0.0, False),
    ],
)
def test_the_wait_is_for_what_is_not_there_yet(machine, state, wait, compiles):
    machine(**state)
    found = _choice.judge(MAIN, 1000)
    assert found.wait == pytest.approx(wait)
    assert found.compiles is compiles
    assert found.backend == ("numpy" if wait else "numba")


@pytest.mark.parametrize("state", [{}, {"cached": ALL}, {"cached": ALL, "imported": True}])
def test_numba_is_chosen_from_where_it_is_the_sooner(machine, state):
    machine(**state)
    edge = _choice.least(MAIN, 10**9)
    for n, backend in ((edge - 1, "numpy"), (edge, "numba")):
        found = _choice.judge(MAIN, n, take=False)
        assert found.backend == backend
        price = _choice.LOAD if state.get("imported") else _choice.LOAD + _choice.IMPORT
        price += 0.0 if state else _choice.SHARE * (ASSIGN + FITNESS)
        assert (found.numpy > found.numba + price) == (backend == "numba")
    assert _choice.least(MAIN, edge - 5) == edge - 5


def test_a_series_of_small_jobs_changes_over_once_it_would_have_paid(machine):
    machine(cached=ALL)
    one = _choice.judge(MAIN, 2000, take=False)
    count = 0
    while _choice.judge(MAIN, 2000).backend == "numpy":
        count += 1
    assert count == int(one.wait / (one.numpy - one.numba))


def test_an_index_takes_longer_to_compile_and_less_to_ask(machine):
    machine()
    plain, indexed = (_choice.judge(MAIN, 10**6, way, take=False) for way in (False, True))
    assert indexed.wait == pytest.approx(plain.wait + 11.0)
    assert indexed.numba < plain.numba
    assert Work(looks=1).seconds(10**6, "numba", True) > 0.03


@pytest.mark.parametrize("kind", ["updates", "trials", "generations", "looks"])
def test_work_beyond_any_number_is_for_numba(machine, kind):
    machine(cached=ALL)
    work = Work(seen=16384)._replace(**{kind: 10**400})
    assert [_choice.judge(work, 10**6, indexed).backend for indexed in (False, True)] == ["numba"] * 2


def test_a_choice_by_hand_is_not_judged(machine, monkeypatch):
    machine()
    assert kernels.current(work=MAIN, n=10) == "numpy"
    assert kernels.current("numba", MAIN, 10) == "numba"
    with fastanchor.backend("numba"):
        assert kernels.current(work=MAIN, n=10) == "numba"
        assert kernels.limit(MAIN, 10) is None
    monkeypatch.setenv("FASTANCHOR_BACKEND", "numba")
    assert kernels.current(work=MAIN, n=10) == "numba"


def test_the_result_says_what_ran_and_the_answer_is_the_same(machine):
    wh = np.random.default_rng(0).uniform(4, 300, (3000, 2))
    results = []
    for state, backend in (({}, "numpy"), ({"ready": ALL}, "numba")):
        machine(**state)
        results.append(fastanchor.auto_anchor(wh, n=5, gen=60, rng=0))
        assert results[-1].backend == backend
    assert results[0].anchors.tolist() == results[1].anchors.tolist()
    assert results[0].evolve.history.tolist() == results[1].evolve.history.tolist()


CODE = """
import sys, fastanchor
from fastanchor.kernels import _choice
print(_choice.cached("_numba", "wh_iou"), "numba" in sys.modules)
with fastanchor.backend({backend!r}):
    fastanchor.wh_iou([[1, 2]], [[2, 1]])
print(_choice.cached("_numba", "wh_iou"), _choice._ready("_numba", "wh_iou"), "numba" in sys.modules)
"""


def run(folder, backend="numba"):
    environment = {"NUMBA_CACHE_DIR": str(folder), "PYTHONPATH": ":".join(sys.path)}
    code = CODE.format(backend=backend)
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True, timeout=300
    )


@pytest.mark.slow
def test_a_process_without_numba_sees_what_another_compiled(tmp_path):
    assert run(tmp_path, "numpy").stdout.split() == ["False", "False", "False", "False", "False"]
    assert run(tmp_path).stdout.split() == ["False", "False", "True", "True", "True"]
    assert run(tmp_path).stdout.split()[0] == "True"
    # of another version or machine: the tag differs, and neither process takes it for its own
    for file in tmp_path.rglob("*.nbc"):
        content = bytearray(file.read_bytes())
        content[len(_choice.tag()) * 2] ^= 1
        file.write_bytes(content)
    assert run(tmp_path, "numpy").stdout.split()[0] == "False"
    for file in tmp_path.rglob("*.nbc"):  # a pipe would never end
        file.unlink()
        if hasattr(os, "mkfifo"):
            os.mkfifo(file)
    assert run(tmp_path, "numpy").stdout.split()[0] == "False"


def test_the_folders_are_those_of_numba():
    folder = kernels.load("numba").fitness.stats.cache_path
    assert folder in [str(path) for path in _choice._folders()]


@pytest.mark.parametrize(("module", "kernel"), _choice.COMPILE)
def test_the_kernels_that_stand_for_others_exist(module, kernel):
    assert callable(getattr(kernels.part(module.lstrip("_")), kernel))


@pytest.mark.parametrize(
    ("state", "n", "name"),
    [
        ({"cached": ALL}, 49_999, "dense"),
        ({"cached": ALL}, 60_000, "index"),
        ({"ready": ALL}, 50_000, "index"),
        ({"ready": ["assign_iou", "fitness"], "cached": ["settle"]}, 199_999, "dense"),
        ({"ready": ["assign_iou", "fitness"]}, 199_999, "dense"),
        ({"ready": ["assign_iou", "fitness"], "spent": 9.0}, 200_000, "index"),
    ],
)
def test_the_index_is_chosen_earlier_where_it_is_compiled(machine, state, n, name):
    machine(**state)
    boxes = np.random.default_rng(0).uniform(8, 300, (n, 2))
    assert choose(boxes, work=MAIN).name == name
