"""The benchmark: that it checks before it times, keeps its bounds, and says what it did. No test looks at a time."""

import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fastanchor import bench, kernels
from fastanchor.bench import _contest, _machine, _measure, _peak, _picture, _plain, _report, _rivals
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
    return bench.Row(**{**given, "first": 0.5, "seconds": 1.0, **changes})


def ratio(low, median, high, rounds=31):
    return bench.Ratio(median, low, high, rounds, 1.0, 1.0 / median)


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
    assert only.seconds is None


def test_what_would_take_too_long_gets_fewer_boxes(monkeypatch):
    ticks = iter(range(10**6))  # every call takes one second
    monkeypatch.setattr(_measure, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks)), process_time=None))
    monkeypatch.setattr(_measure, "busy", lambda: False)
    planted = _contest.Contender("fitness", "slow", lambda case: lambda: _plain.fitness(case.wh, case.start, 0.25))
    monkeypatch.setattr(_measure, "CONTENDERS", [planted])
    (only,) = _measure.contest("fitness", bench.case(30_000, 3), rounds=2, limit=5.0, memory=False)
    assert only.boxes == 2000
    assert only.seconds == 1.0
    text = _report.text([only], {})
    assert "1.000 s (2,000 boxes)" in text
    assert "measured on fewer boxes" in text


def test_contenders_meet_the_reference_on_as_many_boxes_as_both_did(monkeypatch):
    ticks = iter(range(10**6))
    monkeypatch.setattr(_measure, "time", SimpleNamespace(perf_counter=lambda: float(next(ticks)), process_time=None))
    monkeypatch.setattr(_measure, "busy", lambda: False)
    sizes = {"reference": [], "large": [], "small": []}

    def prepare(name):
        def prepared(case):
            def call():
                sizes[name].append(len(case.wh))
                return _plain.fitness(case.wh, case.start, 0.25)

            return call

        return prepared

    one = {name: _contest.Contender("fitness", name, prepare(name)) for name in sizes}
    monkeypatch.setattr(_measure, "CONTENDERS", list(one.values()))
    limits = {"reference": 15.0, "large": 15.0, "small": 5.0}
    enter = _measure._enter
    monkeypatch.setattr(
        _measure, "_enter", lambda c, cases, limit, *rest: enter(c, cases, limits[c.name], *rest)
    )  # fmt: skip
    rows = list(_measure.contest("fitness", bench.case(20_000, 3), rounds=7, limit=15.0, memory=False))
    assert [(row.contender, row.boxes, row.against) for row in rows] == [
        ("reference", 20_000, None), ("large", 20_000, 20_000), ("small", 2_000, 2_000),
    ]  # fmt: skip
    assert [row.ratio is None for row in rows] == [True, False, False]
    assert all(row.ratio.median == 1.0 and row.ratio.rounds == 7 for row in rows[1:])
    assert sizes["reference"].count(2_000) >= 7
    assert "1.0 (at 2,000)" in _report.text(rows, {})


@pytest.mark.parametrize(
    ("found", "cell"),
    [
        (ratio(1.92, 2.0, 2.1), "2.0"),
        (ratio(0.0196, 0.02, 0.0204), "0.02"),
        (ratio(1234.5, 1240.0, 1250.0), "1,240.0"),
        (ratio(1.8, 2.0, 2.1), "unsteady"),  # wider than 10 %
        (ratio(2.0, 2.0, 2.0, rounds=5), "unsteady"),  # too few for an interval
    ],
)
def test_unsteady_stands_only_in_the_cell_whose_interval_is_wide(found, cell):
    steady = row(contender="b", ratio=ratio(3.0, 3.0, 3.0), against=1000)
    rows = [row(contender="a"), steady, row(contender="c", ratio=found, against=1000)]
    assert [_report.cells(one)[2] for one in rows] == ["", "3.0", cell]
    assert bench.Row.of(json.loads(json.dumps(rows[2].plain()))) == rows[2]


def test_the_verdict_comes_first_and_never_extrapolates():
    ours = {"stage": bench.JOB, "contender": "fastanchor"}
    rows = [
        row(stage=bench.JOB, contender="NumPy", n=10**6, boxes=10**4, seconds=9.0),
        row(**ours, n=10**6, boxes=10**6, seconds=0.8, ratio=ratio(45.0, 46.2, 48.0), against=10**4),
        row(contender="wrong", wrong=True, seconds=None),
    ]
    assert _report.verdict(rows) == [
        "Your machine: 1,000,000 boxes to 9 anchors in 800.0 ms.",
        "At 10,000 boxes, where plain NumPy was timed as well, 46 times as fast.",
        "Answers checked: 2 of 3 right.",
    ]
    assert _report.text(rows, {}).startswith("Your machine: 1,000,000 boxes")
    rows[1] = row(**ours, processor=True, ratio=ratio(1.0, 2.0, 3.0), against=1000)
    assert _report.verdict(rows)[:2] == [
        "Your machine: 1,000 boxes to 9 anchors in 1.000 s of processor time.",
        "At 1,000 boxes, where plain NumPy was timed as well, between 1.0 and 3.0 times as fast (unsteady).",
    ]
    assert _report.verdict(rows[2:]) == ["Answers checked: 0 of 1 right."]


def test_the_state_of_the_machine_is_one_line(monkeypatch):
    facts = {"processor": "P", "cores": 2, "python": "3", "state": {"load": 1.25, "MHz": 2300, "steal": 0.004}}
    assert _machine.line(facts) == "P, 2 cores, load 1.2, 2,300 MHz, 0.4% stolen; python 3"
    assert _machine.line({"processor": "P", "cores": 2, "python": "3"}) == "P, 2 cores; python 3"
    monkeypatch.setattr(_machine, "ticks", lambda: (300, 30))
    assert _machine.state((100, 10))["steal"] == 0.1
    monkeypatch.setattr(_machine, "ticks", lambda: None)
    assert "steal" not in _machine.state((100, 10))


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0, 2.0])
def test_growth_is_fitted(power):
    rows = [row(n=n, boxes=n, seconds=3.0 * n**power) for n in (10**4, 10**5, 10**6)]
    assert bench.fitted(rows) == pytest.approx(power, abs=1e-9)
    assert bench.fitted(rows[:2]) is None
    assert bench.fitted([row(n=n, boxes=1000) for n in (10**4, 10**5, 10**6)]) is None  # measured at one size only
    assert f"{power:.2f}" in _report.markdown(rows, {})


@pytest.mark.slow
def test_picture_page_markdown_and_sizes(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("fastanchor.cli.bench.PICTURE", (150, 300))
    picture, page = tmp_path / "job.svg", tmp_path / "bench.html"
    code, text, _ = run(
        capsys, "--n", "200,400,800", "--k", "3,5", "--stages", "fitness", *FEW[2:], "--markdown", "--plot", picture,
        "-o", page,
    )  # fmt: skip
    assert code == 0
    assert text.count("**fitness:") == 6
    assert text.count(f"**{bench.JOB}:") == 2
    assert "time ~ n^e" in text
    drawn, written = picture.read_text(encoding="utf-8"), page.read_text(encoding="utf-8")
    for name in ("fastanchor", "NumPy in chunks", "boxes", "seconds"):
        assert f"<!-- {name} -->" in drawn
    assert written.startswith("<!DOCTYPE html>")
    assert written.count("<svg") == written.count("</svg>") == 1
    assert "<?xml" not in written
    assert "<caption>fitness: 800 boxes, k = 5</caption>" in written
    assert "http" not in written.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("https://matplotlib.org", "")


def test_a_page_without_matplotlib_has_tables_only(monkeypatch):
    lines = _picture.job_lines([row(stage=bench.JOB, contender="fastanchor <fast>")])
    assert lines == [_picture.Line("fastanchor <fast>", [(1000, 1.0)], True)]
    monkeypatch.setattr(_picture.importlib.util, "find_spec", lambda name: None)
    assert _picture.drawn(lines) == ""
    page = _report.page([row(contender="<b>")], {})
    assert "&lt;b&gt;" in page
    assert "<svg" not in page


def test_a_sheet_has_a_panel_for_each_stage():
    pytest.importorskip("matplotlib")
    rows = [row(stage=s, contender=c, n=n, boxes=n) for s in "abcd" for c in ("NumPy", "fastanchor") for n in (10, 100)]
    figure = _picture.sheet([*rows, row(stage="reading"), row(stage=bench.JOB)])
    assert [axes.get_title(loc="left") for axes in figure.axes if axes.axison] == list("abcd")
    assert [text.get_text() for text in figure.axes[0].texts] == ["NumPy", "fastanchor"]


def test_labels_of_lines_that_end_together_stand_apart():
    pytest.importorskip("matplotlib")
    figure = _picture.whole_job([_picture.Line(name, [(10, 1.0), (100, 2.0)]) for name in "abc"])
    panel = figure.axes[0]
    places = [text.xyann[1] * panel.bbox.height for text in panel.texts if text.get_label() == "line"]
    assert len(places) == 3
    assert np.diff(sorted(places)).min() >= _picture.APART * figure.dpi / 72 - 1e-6
    assert 0 <= min(places) < max(places) <= panel.bbox.height + 1e-6


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
    few = [one for one in bench.CONTENDERS if one.name.startswith(("NumPy", "scikit-learn, lloyd"))]
    monkeypatch.setattr(_measure, "CONTENDERS", few)
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
