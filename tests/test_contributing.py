"""The worked examples of CONTRIBUTING are added as it says, and their tests run."""

import importlib.util
import json
import subprocess
import sys

import pytest

import fastanchor
from fastanchor import cli, export
from fastanchor.datasets import _recognise

import test_cli_out
import test_configurations
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


def test_detector_format(load, monkeypatch, capsys, tmp_path):
    module = load("src/fastanchor/export/k210.py")
    monkeypatch.setitem(export.FORMATS, "k210", module.K210)
    for test in cases(load("tests/test_k210.py")):
        test()
    file = tmp_path / "board.py"
    assert cli.main(["anchors", "--n", "2", "--gen", "0", "--emit", "k210", "-o", str(file), "--quiet"]) == 0
    assert file.read_text(encoding="utf-8").startswith("# fastanchor: stretch, 640 x 640 pixels\nanchor = (")
    capsys.readouterr()
    assert cli.main(["check", "--anchors", str(file), "--quiet", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["anchors"]) == 2


def test_the_tests_of_all_formats_run_for_an_added_one(load, monkeypatch, capsys):
    monkeypatch.setitem(export.FORMATS, "k210", load("src/fastanchor/export/k210.py").K210)
    test_configurations.test_what_is_written_is_read_again("k210")
    result = fastanchor.auto_anchor(fastanchor.datasets.sample(), gen=5, n_init=1, rng=0, fit="stretch", progress=False)
    test_cli_out.test_emit_prints_the_format_alone(capsys, {"stretch": result}, "k210")


def test_label_format(load, monkeypatch, tmp_path):
    load("src/fastanchor/datasets/semicolons.py")
    monkeypatch.setitem(_recognise.ENDINGS, "semicolons", (".txt",))
    monkeypatch.setattr(_recognise, "FORMATS", (*_recognise.ENDINGS,))
    for test in cases(load("tests/test_semicolons.py")):
        folder = tmp_path / test.__name__
        folder.mkdir()
        test(folder)


@pytest.mark.parametrize(
    ("file", "lines"), [("src/fastanchor/export/k210.py", 35), ("src/fastanchor/datasets/semicolons.py", 40)]
)
def test_examples_are_short(file, lines):
    assert len(FILES[file].strip().splitlines()) <= lines


def test_an_unknown_page_is_an_error():
    pages = [sys.executable, str(ROOT / "tests" / "pages.py"), "docs/no_such.md"]
    done = subprocess.run(pages, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no_such.md: no such page; expected" in done.stderr


def test_the_map_has_every_room():
    source = ROOT / "src" / "fastanchor"
    rooms = {f"{path.parent.name}/" for path in source.glob("*/__init__.py")}
    rooms |= {path.name for path in source.glob("[!_]*.py")}
    page = PAGE.read_text(encoding="utf-8")
    assert sorted(room for room in rooms if f"`{room}`" not in page) == []
