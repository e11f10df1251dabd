"""Fixtures shared by all tests."""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

import fastanchor
from fastanchor import kernels

# the first call of a kernel compiles it, which no deadline should judge; the same examples in every run
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")


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


@pytest.fixture(params=["array", "torch"])
def tensor(request):
    """Make what models hold: an array, or a torch tensor where torch is installed."""
    if request.param == "array":
        return lambda values: np.array(values, np.float32)
    if importlib.util.find_spec("torch") is None:
        pytest.skip("torch is not installed")
    import torch

    return lambda values: torch.tensor(np.array(values, np.float32))
