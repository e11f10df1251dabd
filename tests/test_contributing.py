"""The worked examples of CONTRIBUTING are added as it says, and their tests run."""

import importlib.util
import sys

import pytest

from fastanchor import cli, export
from fastanchor.datasets import _recognise

from pages import ROOT, blocks

PAGE = ROOT / ".github" / "CONTRIBUTING.md"
FILES = {block.title: block.text for block in blocks(PAGE.read_text(encoding="utf-8")) if block.title}


@pytest.fixture
def load(tmp_path, monkeypatch):
    """A function that imports an example under the name that it would have, until the test ends."""

    def load(file):
        path = tmp_path / file.replace("/", "_")
        path.write_text(FILES[file], encoding="utf-8")
        name = file.removeprefix("src/").removesuffix(".py").replace("/", ".")
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def cases(module):
    found = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert found
    return found


def test_detector_format(load, monkeypatch, capsys):
    module = load("src/fastanchor/export/k210.py")
    monkeypatch.setitem(export.FORMATS, "k210", module.K210)
    for test in cases(load("tests/test_k210.py")):
        test()
    assert cli.main(["anchors", "--n", "2", "--gen", "0", "--emit", "k210", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("anchor = (")


def test_label_format(load, monkeypatch, tmp_path):
    load("src/fastanchor/datasets/via.py")
    monkeypatch.setattr(_recognise, "FORMATS", (*_recognise.FORMATS, "via"))
    for test in cases(load("tests/test_via.py")):
        (tmp_path / "data").mkdir()
        test(tmp_path / "data")


@pytest.mark.parametrize(
    ("file", "lines"), [("src/fastanchor/export/k210.py", 35), ("src/fastanchor/datasets/via.py", 40)]
)
def test_examples_are_short(file, lines):
    assert len(FILES[file].strip().splitlines()) <= lines
