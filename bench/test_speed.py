"""pytest-benchmark suites over the registry of contenders, and over what a user waits for first.

``python -m pytest bench --benchmark-save=NAME`` keeps a run under ``.benchmarks``; ``pytest-benchmark compare`` sets
runs side by side. Answers are checked before they are timed. FASTANCHOR_BENCH_N and FASTANCHOR_BENCH_ROUNDS are the
numbers of boxes and of timed calls.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fastanchor import bench

N = int(float(os.environ.get("FASTANCHOR_BENCH_N", "1e5")))
ROUNDS = int(os.environ.get("FASTANCHOR_BENCH_ROUNDS", "5"))
SLOW = "callable"  # a Python function for each pair: seconds a call


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    folder = tmp_path_factory.mktemp("voc")
    bench.labels(folder)
    return bench.case(N, 9, path=folder)


@pytest.mark.parametrize("one", bench.CONTENDERS, ids=lambda one: f"{one.stage}: {one.name}")
def test_stage(benchmark, work, one):
    if one.missing():
        pytest.skip(f"{one.missing()[0]} is not installed")
    stage = bench.STAGES[one.stage]
    case = work.first(2000) if SLOW in one.name else work
    try:
        call = one.prepare(case)
    except bench.Unusable as error:
        pytest.skip(str(error))
    answer = stage.view(call())
    assert (one.agrees or stage.agrees)(answer, stage.expected(case)), one.rule or stage.rule
    benchmark.group = f"{one.stage}, {len(case.wh):,} boxes"
    benchmark.extra_info["quality"] = stage.quality(answer, case)
    benchmark.pedantic(call, rounds=ROUNDS, warmup_rounds=1)


def python(code, **environment):
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, env={**os.environ, **environment})


@pytest.mark.parametrize("module", ["numpy", "fastanchor", "fastanchor.cli"])
def test_import(benchmark, module):
    benchmark.group = "import, in a fresh process"
    benchmark.pedantic(python, (f"import {module}",), rounds=7, warmup_rounds=1)


COMMAND = "import sys; sys.argv = ['fastanchor', 'anchors', '--quiet']; from fastanchor.cli import main; main()"


def test_cold_start(benchmark):
    benchmark.group = "fastanchor anchors, in a fresh process"

    def setup():
        return (COMMAND,), {"NUMBA_CACHE_DIR": tempfile.mkdtemp(dir=folder)}

    with tempfile.TemporaryDirectory() as folder:
        benchmark.pedantic(python, setup=setup, rounds=2)


def test_warm_start(benchmark):
    benchmark.group = "fastanchor anchors, in a fresh process"
    with tempfile.TemporaryDirectory() as cache:
        environment = {"NUMBA_CACHE_DIR": str(Path(cache))}
        benchmark.pedantic(python, (COMMAND,), environment, rounds=5, warmup_rounds=1)
