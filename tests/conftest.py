"""Fixtures shared by all tests."""

import gc
import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import fastanchor
from fastanchor import kernels

import alike

# the first call of a kernel compiles it, which no deadline should judge; the same examples in every run
settings.register_profile("house", deadline=None, derandomize=True)
settings.register_profile("quick", settings.get_profile("house"), max_examples=20)

LARGE = {"a chunk and one over", "many"}  # of zoo.BOXES, and of tests/test_index.py


def pytest_configure(config):
    quick = config.option.markexpr == "not slow" and os.environ.get("FASTANCHOR_EXAMPLES") != "all"
    settings.load_profile("quick" if quick else "house")
    alike.register(config, os.environ)
    gc.disable()  # while thousands of tests are collected, which stay to the end


def pytest_collection_finish():
    gc.freeze()  # or each full collection goes through all tests again
    gc.enable()


def pytest_itemcollected(item):
    """Mark the tests of the large boxes as slow."""
    values = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if any(isinstance(value, str) and value in LARGE for value in values):
        item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def data():
    """Folder of real annotations; see docs/promises.md."""
    given = os.environ.get("FASTANCHOR_TEST_DATA")
    folder = Path(given).resolve() if given else None
    if folder is None or not folder.is_dir():
        text = f"no real annotations: FASTANCHOR_TEST_DATA is {given or 'not set'}"
        if os.environ.get("FASTANCHOR_REQUIRE_DATA") == "1":
            pytest.fail(text)
        pytest.skip(text)
    return folder


@pytest.fixture(
    params=[
        "numpy",
        pytest.param("numba", marks=pytest.mark.skipif(not kernels.installed(), reason="numba is not installed")),
    ]
)
def backend(request):
    """Each backend in turn."""
    with fastanchor.backend(request.param):
        yield request.param


@pytest.fixture(autouse=True)
def _kernels_are_ready(monkeypatch):
    """Choose numba for all jobs where it is installed, whatever this process and others before it have compiled."""
    monkeypatch.setattr("fastanchor.kernels._choice._ready", lambda module, kernel: True)


# What tests set so that few boxes meet a rule for many, and where it stands: the one place that knows these names.
TUNING = {
    "alone": ("engine._assignment.ALONE",),  # boxes for which one thread is enough
    "chunk": ("datasets._driver.CHUNK",),  # label files that are read together
    "cold": ("datasets._fetch.COLD", "datasets._sizes.COLD"),  # seconds per file that make reading ahead pay
    "gather": ("engine._order_statistics.GATHER",),  # values from which a median is selected directly
    "large": ("engine.LARGE", "engine.FEWER"),  # boxes that get an index
    "large_mean": ("compat._mean.LARGE",),  # points that are answered by cells
    "late_few": ("engine._bands.FEW",),  # boxes of a level of a frame that are not worth another level
    "late_goal": ("engine._bands.GOAL",),  # boxes that a frame may always hold
    "late_least": ("engine._shard.LEAST",),  # boxes from which late steps of k-means differ from others
    "late_share": ("engine._bands.SHARE",),  # 1 / share of all boxes may be in a frame
    "late_wait": ("engine._bands.WAIT",),  # steps from scratch before a frame is tried again
    "merge_from": ("engine._merged.LEAST",),  # boxes of which equal ones are held once
    "merge_first": ("engine._merged.FIRST",),  # bits of the first hash table
    "merge_repeated": ("engine._merged.REPEATED",),  # share of a sample that must repeat
    "merge_share": ("engine._merged.SHARE",),  # of all boxes, 1 / share may be distinct
    "narrow": ("engine._building.NARROW",),  # boxes from which sides that are exact in float32 are stored so
    "patience": ("engine._assignment.PATIENCE",),  # work on cells before a step goes from box to box
    "presort": ("engine._order_statistics.PRESORT",),  # boxes whose sides are sorted once
    "seen": ("starts.SEEN",),  # boxes on which starts are tried
    "share": ("engine._order_statistics.SHARE",),  # the same as a part of all boxes, 1 / share
}


@pytest.fixture
def tune(monkeypatch):
    """Set constants of :data:`TUNING` until the test ends, as in ``tune(gather=50)``."""

    def tune(**values):
        for name, value in values.items():
            for place in TUNING[name]:
                monkeypatch.setattr(f"fastanchor.{place}", value)

    return tune


@pytest.fixture(params=["array", "torch"])
def tensor(request):
    """Make what models hold: an array, or a torch tensor where torch is installed."""
    if request.param == "array":
        return lambda values: np.array(values, np.float32)
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    import torch

    return lambda values: torch.tensor(np.array(values, np.float32))
