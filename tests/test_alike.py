"""Tests that do not depend on numba are noted, and are left out of a second run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = """\
import os

import pytest

import alike


def pytest_configure(config):
    alike.register(config, os.environ)


@pytest.fixture(scope="module")
def shared():
    return kernels()


def kernels():
    import importlib.util

    return importlib.util.find_spec("numba")
"""
TESTS = """\
import subprocess
import sys

import pytest
from conftest import kernels


def test_of_a_fixture(shared): ...
def test_of_a_fixture_that_is_there_already(shared): ...
def test_that_looks_for_numba(): kernels()
def test_that_starts_a_process(): subprocess.run([sys.executable, "-c", ""])
def test_that_fails(): assert not kernels
def test_that_is_skipped(): pytest.skip("today")
@pytest.mark.parametrize("x", ["a", "b\\n"])
def test_alike(x): ...
"""


@pytest.mark.slow
def test_what_depends_on_numba_runs_again(tmp_path):
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_it.py").write_text(TESTS)

    def run(name):
        found = {**os.environ, name: str(tmp_path / "alike"), "PYTHONPATH": str(Path(__file__).parent)}
        command = [sys.executable, "-m", "pytest", "-q", "-rN", "--tb=no", "-p", "no:cacheprovider"]
        done = subprocess.run(command, cwd=tmp_path, env=found, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()[-1].split(" in ")[0]

    assert run("FASTANCHOR_NOTE_ALIKE") == "1 failed, 6 passed, 1 skipped"
    assert sorted((tmp_path / "alike").read_text().splitlines()) == [
        "test_it.py::test_alike[a]", "test_it.py::test_alike[b\\n]",
    ]  # fmt: skip
    assert run("FASTANCHOR_SKIP_ALIKE") == "1 failed, 4 passed, 1 skipped, 2 deselected"
