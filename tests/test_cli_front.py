"""The front door: help, greeting, suggestions, remarks, colours, completion, and options declared once."""

import argparse
import importlib.util
import inspect
import logging
import re
import subprocess
import sys

import pytest

import fastanchor
from fastanchor import _sweep, anchors, datasets
from fastanchor.cli import COMMANDS, _options, _speak, main, parser_of

QUICK = ("anchors", "-n", "2", "--gen", "0", "--n-init", "1")


@pytest.fixture
def data(tmp_path):
    file = tmp_path / "boxes.csv"
    file.write_text("width,height\n10,20\n40,50\n90,30\n")
    return str(file)


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


# --- what is imported


HEAVY = {"numpy", "logging", "json", "tqdm", "yaml", "numba", "matplotlib"}
UNUSED = {"fastanchor.bench", "fastanchor.plot", "fastanchor.html_report", "fastanchor.preview", "fastanchor.compat"}


@pytest.mark.parametrize(
    ("words", "absent"),
    [
        (["--help"], HEAVY | UNUSED),
        (["--version"], HEAVY | UNUSED),
        ([], HEAVY | UNUSED),
        (["nonsense"], HEAVY | UNUSED),
        (["stats", "--help"], {"numba", "matplotlib", "tqdm", "fastanchor.bench", "fastanchor.html_report"}),
        (["anchors", "--help"], {"numba", "matplotlib", "tqdm", "fastanchor.bench", "fastanchor.html_report"}),
    ],
    ids=lambda value: " ".join(sorted(value) if isinstance(value, set) else value),
)
def test_only_what_is_needed_is_imported(words, absent):
    code = f"import sys\nfrom fastanchor.cli import main\nmain({words})\nprint(sorted({absent} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# --- words


def test_without_arguments_there_are_three_examples(capsys):
    code, out, err = run(capsys)
    assert (code, out) == (2, "")
    assert len(re.findall(r"^  fastanchor \w+", err, re.M)) == 3


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["ancors"], "COMMAND = 'ancors': is unknown; did you mean 'anchors'?"),
        (["chekc", "x"], "COMMAND = 'chekc': is unknown; did you mean 'check'?"),
        (["sweep", "--jsn"], "--jsn; did you mean '--json'?"),
        (["anchors", "--imgsiz=640"], "--imgsiz=640; did you mean '--imgsz'?"),
        (["anchors", "--update", "medain"], "--update = 'medain': is unknown; did you mean 'median'?"),
        (["stats", "x", "--format", "yolov"], "--format = 'yolov': is unknown; did you mean 'yolo'?"),
        (["tests"], "COMMAND = 'tests': is unknown; did you mean 'fastanchor anchors tests'?"),
        (["--vresion"], "--vresion; did you mean '--version'?"),
    ],
)
def test_mistyped_words_are_guessed(capsys, tmp_path, monkeypatch, words, meant):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tests").mkdir()
    code, out, err = run(capsys, *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert meant in err


@pytest.mark.parametrize(
    "words", [["nothing"], ["anchors", "--xyz"], ["anchors", "--metric", "cosine"], ["anchors", "--emit", "yolov8"]]
)
def test_other_words_are_not(capsys, words):
    assert "did you mean" not in run(capsys, *words)[2]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-n", "3", "--n", "4"], "--n: given twice, as 3 and as 4"),
        (["--thr=0.3", "--thr", "0.25"], "--thr: given twice, as 0.3 and as 0.25"),
        (["--img-size", "640", "--imgsz", "384x640"], "--img-size: given twice, as 640x640 and as 384x640"),
        (["--metric", "iou", "--metric", "ratio"], "--metric: given twice, as iou and as ratio"),
        (["--emit", "csv", "-o", "a.csv", "--output", "b.csv"], "--output: given twice, as a.csv and as b.csv"),
    ],
)
def test_an_option_has_one_value(capsys, data, words, sentence):
    assert run(capsys, "anchors", data, *words) == (2, "", f"fastanchor: {sentence}; give it once\n")


@pytest.mark.parametrize("words", [["-n", "2", "--n=2"], ["--quiet", "-q"], ["--img-size", "640", "--img", "640x640"]])
def test_the_same_value_twice_is_one_value(capsys, data, words):
    assert run(capsys, "anchors", data, "--gen", 0, "--n-init", 1, "-n", 2, *words)[0] == 0


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "run"])
def test_every_command_has_the_common_options(command):
    names = parser_of([command])[1]._option_string_actions
    assert {"--json", "-q", "--quiet", "-v", "--verbose", "-h"} <= set(names)
    assert ("-n" in names) == ("--n" in names)


def test_quiet_and_verbose_exclude_each_other(capsys, data):
    assert run(capsys, "stats", data, "-q", "-v") == (
        2, "", "fastanchor: --quiet and --verbose: only one of them can be given\n",
    )  # fmt: skip


# --- remarks


def test_details_are_printed_with_verbose_only(capsys, data):
    _, out, err = run(capsys, *QUICK, data)
    assert f"fastanchor: {data}: read as table\n" in err
    assert "engine" not in err
    _, same, err = run(capsys, *QUICK, data, "-v")
    assert same == out
    assert re.search(r"^fastanchor: 3 boxes, engine dense, backend \w+$", err, re.M)
    assert re.search(r"^fastanchor: computed in \d+\.\d\d s$", err, re.M)
    assert run(capsys, *QUICK, data, "-q") == (0, out, "")


def test_remarks_are_records_of_a_logger(data, caplog, capsys):
    log = logging.getLogger("fastanchor")
    before = log.level, list(log.handlers)
    assert main([*QUICK, data]) == 0
    assert ("fastanchor", logging.INFO, f"{data}: read as table") in caplog.record_tuples
    assert (log.level, log.handlers) == before


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colours_are_for_terminals(capsys, data, monkeypatch, terminal, environment, coloured):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: terminal)
    _, out, _ = run(capsys, "check", data, "--anchors", "1,1", "--min-bpr", 0, "--quiet")
    assert ("\x1b[33mwarning\x1b[0m   " in out, "\x1b[32mpassed\x1b[0m" in out) == (coloured, coloured)
    assert _speak.WORDS.sub("", re.sub(r"\x1b\[\d*m", "", out)).count("\x1b") == 0
    err = run(capsys, "check", data, "--anchors", "x")[2]
    assert err.startswith("\x1b[31mfastanchor: \x1b[0m" if coloured else "fastanchor: ")
    assert "\x1b" not in run(capsys, "check", data, "--anchors", "1,1", "--json", "--quiet")[1]


# --- completion


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(capsys, shell):
    pytest.importorskip("shtab")
    code, out, err = run(capsys, "--print-completion", shell)
    assert (code, err) == (0, "")
    for word in (*COMMANDS, "--img-size", "--min-bpr", "k-means++"):
        assert word in out


def test_completion_without_shtab_names_the_extra(capsys, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    code, out, err = run(capsys, "--print-completion", "bash")
    assert (code, out) == (2, "")
    assert err.endswith("shtab is not installed; pip install 'fastanchor[completion]'\n")


def test_completion_of_another_shell(capsys):
    assert run(capsys, "--print-completion", "fish")[2].startswith(
        "fastanchor: --print-completion = 'fish': must be one of 'bash', 'zsh'"
    )


# --- options declared once


@pytest.mark.parametrize(
    ("command", "function", "changed"),
    [
        ("anchors", anchors.auto_anchor, {"n", "img_size", "fit", "rng", "objective"}),
        ("sweep", _sweep.sweep, {"n", "img_size", "fit", "rng"}),
        ("check", fastanchor.check, {"anchors", "img_size", "fit"}),
        ("anchors", datasets.read, {"split"}),
        ("stats", datasets.read, set()),
        ("show", datasets.read, set()),
    ],
)
def test_defaults_are_those_of_the_signature(command, function, changed):
    parser = parser_of([command])[1]
    parameters = inspect.signature(function).parameters
    shared = {action.dest: action.default for action in parser._actions if action.dest in parameters}
    assert len(shared) > 2
    assert {name for name, default in shared.items() if default != parameters[name].default} == changed


def test_a_new_parameter_costs_one_line(monkeypatch):
    def work(boxes, *, thr: float = 0.25, warmth: int = 3) -> None: ...

    monkeypatch.setitem(_options.OPTIONS["search"], "warmth", _options.option("how warm it is"))
    parser = argparse.ArgumentParser()
    _options.add(parser, "search", work)
    assert "--warmth WARMTH  how warm it is (default: 3)" in parser.format_help()
    for words, value in ([], 3), (["--warmth", "5"], 5):
        assert _options.given(parser.parse_args(words), work) == {"thr": 0.25, "warmth": value}
