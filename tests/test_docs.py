"""Examples in docstrings run, and public functions document what they take."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import fastanchor
from fastanchor import kernels


def needs_numba(name):
    return name == "fastanchor.engine.index" or (name.startswith("fastanchor.kernels._") and name[-6:] != "_numpy")


MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(fastanchor.__path__, "fastanchor.")
    if not module.name.endswith("__main__") and (kernels.installed() or not needs_numba(module.name))
)


@pytest.mark.parametrize("name", ["fastanchor", *MODULES])
def test_examples_run(name):
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert failed == 0


@pytest.mark.parametrize("name", [n for n in fastanchor.__all__ if inspect.isfunction(getattr(fastanchor, n))])
def test_public_functions_have_parameters_errors_and_an_example(name):
    function = getattr(fastanchor, name)
    text = inspect.getdoc(function)
    for parameter in inspect.signature(function).parameters:
        assert parameter in text
    assert "Raises" in text
    assert "Examples" in text
