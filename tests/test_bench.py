"""The benchmark: that it checks before it times, keeps its bounds, and says what it did. No test looks at a time."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from fastanchor import bench, kernels
from fastanchor.bench import _contest, _measure, _peak, _plain, _report, _rivals
from fastanchor.cli import main

sys.path.insert(0, str(Path(__file__).resolve().parent))
import naive

FEW = ["--n", "3000", "--rounds", "1", "--no-memory", "--quiet"]


def run(capsys, *arguments):
    code = main(["bench", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def row(**changes):
    given = {"stage": "s", "contender": "c", "n": 1000, "k": 9, "boxes": 1000, "rule": "r", "wrong": False}
    return bench.Row(**{**given, "first": 0.5, "median": 1.0, "low": 0.9, "high": 1.1, **changes})


def test_plain_answers_are_those_of_the_definitions():
    wh, start = bench.boxes(300), bench.boxes(4, seed=1)
    for metric in ("iou", "euclidean"):
        labels, distances = naive.nearest(wh, start, metric)
        got, total = _plain.nearest(wh, start, metric, chunk=64)
        assert np.array_equal(got, labels)
        assert total == pytest.approx(distances.sum())
    assert np.array_equal(_plain.medians(wh, labels, 4), naive.updated(wh, labels, 4, "median"))
    np.testing.assert_allclose(_plain.means(wh, labels, 4), naive.updated(wh, labels, 4, "mean"))


@pytest.mark.parametrize("one", bench.CONTENDERS, ids=lambda one: f"{one.stage}: {one.name}")
def test_every_contender_is_right(one, tmp_path):
    if one.missing():
        pytest.skip(f"{one.missing()[0]} is not installed")
    bench.labels(tmp_path, images=5)
    case = bench.case(500, 5, path=tmp_path)
    stage = bench.STAGES[one.stage]
    try:
        call = one.prepare(case)
    except bench.Unusable as error:
        pytest.skip(str(error))
    for _ in range(2):  # a contender that overwrites its input is right only once
        assert (one.agrees or stage.agrees)(stage.view(call()), stage.expected(case))


@pytest.mark.slow
def test_all_stages_in_one_go(capsys, tmp_path):
    out = tmp_path / "out.json"
    code, text, _ = run(capsys, *FEW, "-o", out)
    assert code == 0
    content = json.loads(out.read_text())
    assert {row["stage"] for row in content["rows"]} == set(bench.STAGES)
    assert not any(row["wrong"] for row in content["rows"])
    for name in bench.STAGES:
        assert name in text
    assert content["machine"]["numpy"] == np.__version__


def test_a_wrong_answer_is_shown_and_not_timed(capsys, monkeypatch):
    monkeypatch.setattr(_contest, "CONTENDERS", bench.CONTENDERS)
    planted = _contest.Contender("fitness", "planted", lambda case: lambda: (0.5, 1.0))
    monkeypatch.setattr(_measure, "CONTENDERS", [*bench.CONTENDERS, planted])
    code, out, _ = run(capsys, *FEW, "--stages", "fitness")
    assert code == 1
    line = next(line for line in out.splitlines() if "planted" in line)
    assert "not timed" in line
    assert "WRONG (rtol 1e-12)" in line


def test_an_answer_that_is_wrong_only_on_many_boxes_is_found(monkeypatch):
    def prepare(case):
        right = _plain.nearest(case.wh, case.start)[0]
        if len(case.wh) > 2000:
            right[-1] += 1
        return lambda: right

    planted = _contest.Contender("assignment (IoU)", "planted", prepare)
    monkeypatch.setattr(_measure, "CONTENDERS", [planted])
    (only,) = _measure.contest("assignment (IoU)", bench.case(5000, 3), rounds=1, limit=10.0, memory=False)
    assert only.wrong
    assert only.median is None


def test_what_would_take_too_long_gets_fewer_boxes(monkeypatch):
    ticks = iter(range(10**6))
    monkeypatch.setattr(_measure.time, "perf_counter", lambda: float(next(ticks)))  # every call takes one second
    planted = _contest.Contender("fitness", "slow", lambda case: lambda: _plain.fitness(case.wh, case.start, 0.25))
    monkeypatch.setattr(_measure, "CONTENDERS", [planted])
    (only,) = _measure.contest("fitness", bench.case(30_000, 3), rounds=2, limit=5.0, memory=False)
    assert only.boxes == 2000
    assert only.extrapolated
    assert only.seconds == 15.0
    text = _report.text([only], {})
    assert "from 2,000 boxes" in text
    assert "in proportion" in text


def test_a_wide_spread_gives_no_ratio():
    rows = [row(contender="a"), row(contender="b", median=0.5, low=0.2, high=1.9)]
    assert rows[1].wide
    text = _report.text(rows, {})
    assert any("unsteady" in line and line.strip().startswith("b ") for line in text.splitlines())
    assert "unsteady, so without a ratio: b" in text


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_growth_is_fitted(power):
    rows = [row(n=n, boxes=n, median=3.0 * n**power) for n in (10**4, 10**5, 10**6)]
    assert bench.fitted(rows) == pytest.approx(power, abs=1e-9)
    assert bench.fitted(rows[:2]) is None
    assert bench.fitted([row(n=n, boxes=1000, median=1.0) for n in (10**4, 10**5, 10**6)]) is None  # extrapolated
    assert f"{power:.2f}" in _report.markdown(rows, {})


@pytest.mark.slow
def test_picture_markdown_and_sizes(capsys, tmp_path):
    out = tmp_path / "growth.png"
    code, text, _ = run(
        capsys, "--n", "200,400,800", "--k", "3,5", "--stages", "fitness", *FEW[2:], "--markdown", "--plot", out
    )
    assert code == 0
    assert out.stat().st_size > 10_000
    assert text.count("**fitness:") == 6
    assert "time ~ n^e" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--stages", "nonsense"], "no stage begins with it"),
        (["--n", "1e3,x"], "--n = 'x'"),
        (["--n", "1.5"], "must be a whole number"),
        (["--k", "500", "--n", "100"], "must be at most --n = 100"),
        (["--plot", "out.bmp"], "must end in"),
        (["--limit", "0"], "--limit"),
    ],
)
def test_bad_usage(capsys, arguments, sentence):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert sentence in err


def test_absent_packages_are_named_with_what_they_hide(capsys, monkeypatch):
    real = _contest.importlib.util.find_spec
    monkeypatch.setattr(_contest.importlib.util, "find_spec", lambda name: None if name == "sklearn" else real(name))
    code, out, err = run(capsys, *FEW[:-1], "--stages", "k-means")
    assert code == 0
    assert "sklearn is not installed; without it: " in err
    assert "scikit-learn, lloyd" in err
    assert "scikit-learn, lloyd" not in out


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("libgomp.so.1: cannot open shared object file\nsecond line"), "libgomp.so.1: cannot open shared"),
        (ValueError("numpy.dtype size changed"), "numpy.dtype size changed"),
        (OSError(), "no reason given"),
        (AttributeError("module 'numpy' has no attribute 'float'"), "has no attribute 'float'"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_rival_that_cannot_be_imported_is_a_remark(capsys, monkeypatch, error, said):
    real = _contest.importlib.util.find_spec
    monkeypatch.setattr(_contest.importlib.util, "find_spec", lambda name: name == "rival" or real(name))

    def prepare(case):
        return _rivals._module("rival.core").fit

    load = _rivals.importlib.import_module

    def broken(name, *package):
        if name == "rival.core":
            raise error
        return load(name, *package)

    monkeypatch.setattr(_rivals.importlib, "import_module", broken)
    planted = _contest.Contender("fitness", "the rival", prepare, ("rival",))
    plain = next(one for one in bench.CONTENDERS if one.stage == "fitness")
    monkeypatch.setattr(_measure, "CONTENDERS", [plain, planted])
    code, out, err = run(capsys, *FEW[:-1], "--stages", "fitness")
    assert code == 0
    (line,) = [line for line in err.splitlines() if "cannot be imported" in line]
    assert line.startswith("fastanchor: rival is installed but cannot be imported (" + type(error).__name__)
    assert said in line
    assert line.endswith("without it: the rival (fitness)")
    assert "the rival" not in out
    assert plain.name in out


def test_every_kernel_has_scikit_learn_as_a_rival():
    stages = {one.stage for one in bench.CONTENDERS if "sklearn" in one.needs}
    assert {"distance matrix", "assignment (IoU)", "medians of labelled boxes", "fitness"} <= stages


def test_peak_of_a_fresh_process(capsys):
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("no /proc here")
    grown = _measure.peak("fitness", "NumPy", 200_000, 9)
    assert grown is not None
    assert grown > 200_000 * 9 * 2 * 8  # one of its n x k x 2 arrays
    assert _peak.main("fitness", "fastanchor, NumPy", "5000", "3") == 0
    assert json.loads(capsys.readouterr().out) >= 0


def test_data_of_ones_own(capsys, tmp_path):
    bench.labels(tmp_path, images=40)
    code, out, _ = run(capsys, tmp_path, "--n", "100,1e6", "--k", "3", *FEW[2:], "--stages", "reading,assignment")
    assert code == 0
    assert "160 boxes, k = 3" in out
    assert "100 boxes, k = 3" in out


def gate_module():
    path = Path(__file__).resolve().parent.parent / "bench" / "gate.py"
    spec = importlib.util.spec_from_file_location("gate", path)
    gate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gate)
    return gate


@pytest.mark.slow
@pytest.mark.skipif(not kernels.installed(), reason="the gate times compiled kernels")
def test_gate_tells_a_slow_down(capsys):
    gate = gate_module()
    kept = {"a": 4.0, "b": 4.0}
    measured = {"a": (3.4, 3.5, 3.6), "b": (1.9, 2.0, 2.1), "new": (0.9, 1.0, 1.1)}
    found = {name: bench.Ratio(median, low, high, 31, 1.0, 1.0) for name, (low, median, high) in measured.items()}
    assert gate.verdict("ratios", found, kept) == ["b"]
    found["b"] = bench.Ratio(2.0, 1.0, 2.7, 31, 1.0, 1.0)  # its interval reaches above 4 / 1.5
    assert gate.verdict("ratios", found, kept) == []
    assert gate.verdict("instructions", {"a": 8.0}, kept) == ["a"]
    assert gate.verdict("instructions", {"a": 4.1}, kept) == []
    assert "WORSE" in capsys.readouterr().out
    for reference, kernel in gate.calls(3000).values():
        reference()
        kernel()


@pytest.mark.skipif(not kernels.installed(), reason="the gate times compiled kernels")
@pytest.mark.parametrize("other", [False, True])
def test_gate_compares_with_the_same_kind_of_processor_only(capsys, monkeypatch, tmp_path, other):
    gate = gate_module()
    monkeypatch.setattr(sys, "argv", ["gate.py"])
    monkeypatch.setattr(gate, "KEPT", tmp_path / "gate.json")
    monkeypatch.setattr(gate, "ratios", lambda: {"a": bench.Ratio(1.0, 0.9, 1.1, 31, 1.0, 1.0)})
    kind = "another" if other else bench.processor()
    gate.KEPT.write_text(json.dumps({"ratios": {kind: {"a": 4.0}}, "instructions": {}}))
    assert gate.main() == (not other)
    assert ("no ratios are kept for it" in capsys.readouterr().out) == other
