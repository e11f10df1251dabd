"""Examples in docstrings run, and public functions document what they take."""

import ast
import doctest
import importlib
import importlib.util
import inspect
import pkgutil
import re
from pathlib import Path

import pytest

import fastanchor
from fastanchor import kernels

from modules import compiled


def needs_numba(name):
    if name == "fastanchor.engine.index":  # in its examples
        return True
    found = importlib.util.find_spec(name)
    return compiled(Path(found.origin))


MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(fastanchor.__path__, "fastanchor.")
    if not module.name.endswith("__main__") and (kernels.installed() or not needs_numba(module.name))
)


SLOW = {"fastanchor.detectors._fitted", "fastanchor.optimum"}  # whole searches


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in ["fastanchor", *MODULES]]
)
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


def documented(function):
    """Parameters of a docstring, in groups that share an entry: names, what is said of their kind, and of them."""
    text = inspect.getdoc(function).split("\nParameters\n", 1)[-1]
    text = text.split("\n", 1)[1].split("\n\n")[0]
    for entry in re.split(r"\n(?=\S)", text):
        head, _, body = entry.partition("\n")
        names, _, kind = head.partition(" : ")
        yield [name.strip() for name in names.split(",")], kind, body


PUBLIC = [
    (module, name)
    for module in ["fastanchor", *MODULES]
    if not any(part.startswith("_") for part in module.split("."))
    for name in getattr(importlib.import_module(module), "__all__", ())
    if inspect.isfunction(found := getattr(importlib.import_module(module), name))
    and found.__module__ == (module if module != "fastanchor" else found.__module__)
    and "\nParameters\n" in (found.__doc__ or "").replace("    ", "")
]


@pytest.mark.parametrize(("module", "name"), PUBLIC)
def test_documented_defaults_are_those_of_the_signature(module, name):
    function = getattr(importlib.import_module(module), name)
    parameters = inspect.signature(function).parameters
    for names, kind, _ in documented(function):
        default = parameters[names[0]].default
        if callable(default):
            continue
        said = re.search(r"default (.+)$", kind)
        if said is None:
            choices = re.match(r'\{"([^"]+)"', kind)
            if choices is not None and isinstance(default, str):
                assert default == choices[1], names
            # a number that is taken where none is given must be told
            assert isinstance(default, bool) or not isinstance(default, (int, float)) or len(names) > 1, names
        elif said[1] == "1 to 15":
            assert list(default) == list(range(1, 16))
        else:
            assert default == ast.literal_eval(said[1]), names


def test_defaults_of_kmeans_are_those_of_kmeans_or_named():
    own = inspect.signature(fastanchor.kmeans).parameters
    for function in (fastanchor.auto_anchor, fastanchor.sweep):
        parameters = inspect.signature(function).parameters
        for names, _, body in documented(function):
            if len(names) == 1:
                continue
            for name in names:
                default = parameters[name].default
                assert default == own[name].default or re.search(rf"\b{default}\b", body), (function, name)
