"""The command line as a user meets it: exit codes, stdout and stderr, JSON."""

import functools
import importlib.util
import inspect
import json
import os
import pkgutil
import subprocess
import sys

import numpy as np
import pytest

import fastanchor
from fastanchor import kernels
from fastanchor.cli import main

XML = """<annotation><filename>{name}.jpg</filename><size><width>200</width><height>100</height></size>
{objects}</annotation>"""
OBJECT = (
    "<object><name>{c}</name><bndbox><xmin>{x}</xmin><ymin>1</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>"
)


@pytest.fixture
def voc(tmp_path):
    """Five images, sixteen boxes, one of them empty."""
    folder = tmp_path / "labels"
    folder.mkdir()
    for i in range(5):
        boxes = [(10, 20 + 7 * i + j, 30 + 5 * j) for j in range(3)] + ([(5, 5, 9)] if i == 0 else [])
        objects = "".join(
            OBJECT.format(c="cat" if x2 % 2 else "dog", x=x, x2=x2, y2=y2) for j, (x, x2, y2) in enumerate(boxes)
        )
        (folder / f"im{i}.xml").write_text(XML.format(name=f"im{i}", objects=objects), encoding="utf-8")
    return folder


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def test_anchors_prints_the_answer_on_stdout_and_talk_on_stderr(capsys, voc):
    code, out, err = run(capsys, "anchors", voc, "--n", 3, "--gen", 20, "--img-size", 416)
    assert code == 0
    assert "15 boxes on 5 images" in out
    assert "1 x box with zero width or height" in out
    assert out.count("fitness") == 2
    assert out.count("BPR") == 2
    assert "# P5/32" in out
    assert "input     416 x 416 pixels, letterbox\n" in out
    assert "anchors = " not in out  # Darknet stretches
    assert "im0.xml" in err
    assert "im0.xml" not in out


def test_anchors_json_holds_the_result(capsys, voc):
    code, out, _ = run(capsys, "anchors", voc, "--n", 3, "--gen", 20, "--seed", 7, "--json")
    assert code == 0
    got = json.loads(out)
    expected = fastanchor.auto_anchor(fastanchor.read(voc), n=3, gen=20, rng=7, progress=False)
    np.testing.assert_array_equal(got["anchors"], expected.anchors)
    assert (got["fitness"], got["bpr"], got["mean_iou"]) == (expected.fitness, expected.bpr, expected.mean_iou)
    assert (got["seed"], got["engine"], got["version"]) == (7, "dense", fastanchor.__version__)
    assert got["read"]["boxes"] == 15
    assert got["skipped"] == {"box with zero width or height": 1}


def test_sample_is_said_to_be_one(capsys):
    code, out, err = run(capsys, "anchors", "--gen", 0)
    assert code == 0
    assert "built-in sample: 20,000 boxes on 3,000 images" in out
    assert "no DATA given" in err


def test_quiet_says_nothing_on_stderr(capsys, voc):
    assert run(capsys, "anchors", voc, "--n", 2, "--gen", 1, "--quiet")[2] == ""


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_same_seed_same_anchors(capsys, backend, threads):
    _, out, _ = run(capsys, "anchors", "--gen", 30, "--backend", backend, "--threads", threads, "--json")
    _, again, _ = run(capsys, "anchors", "--gen", 30, "--json")
    assert json.loads(out)["anchors"] == json.loads(again)["anchors"]


def test_strict_turns_a_skip_into_an_error(capsys, voc):
    code, out, err = run(capsys, "anchors", voc, "--strict", "--format", "voc")
    assert (code, out) == (2, "")
    assert "im0.xml" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["anchors", "nowhere"], "nowhere: no such file or folder"),
        (["anchors", "--n", "0", "--quiet"], "fastanchor: --n = 0: must be at least 1"),
        (["anchors", "--seed", "-1", "--quiet"], "--seed = -1: must be at least 0"),
        (["anchors", "--thr", "4", "--quiet"], "fastanchor: --thr = 4.0: must be a number from 0 to 1"),
        (
            ["anchors", "--img-size", "1", "2", "3", "--quiet"],
            "--img-size = '1 2 3': must be one whole number, or width and height as in 384x640",
        ),
        (["anchors", "--gen", "0", "--plot", "x.bmp", "--quiet"], "x.bmp: must end in .png, .svg or .pdf"),
        (["anchors", "--gen", "0", "--plot", f"{__file__}/x.png", "--quiet"], "x.png: cannot be written"),
        (["anchors", "--anchers"], "unrecognized arguments: --anchers (see fastanchor anchors --help)"),
        (["anchors", "--n", "x"], "fastanchor: --n = 'x': must be a whole number (see fastanchor anchors --help)"),
        (
            ["anchors", "--n", "1" * 5000],
            "fastanchor: --n = (a number of more than 4300 digits): must be at most 2,147,483,647",
        ),
        (["stats"], "the following arguments are required: DATA"),
        (["nothing"], "fastanchor: COMMAND = 'nothing': must be one of "),
        (["bench", "--n", "10.5"], "--n = 10.5: must be a whole number"),
        (["bench", "--n", "nan"], "--n = nan: must be a number from 1 to 1e+09"),
        (["bench", "--n", "1e20"], "--n = 1e+20: must be a number from 1 to 1e+09"),
        (["bench", "--threads", "0", "--n", "100"], "--threads = 0: must be at least 1"),
        (["bench", "--n", "5"], "--k = 9: must be at most --n = 5"),
    ],
)
def test_bad_usage_is_one_sentence_and_code_2(capsys, arguments, sentence):
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("fastanchor: ")
    assert sentence in err
    assert err.count("\n") == 1


def test_interrupt_is_code_130(capsys, monkeypatch):
    @functools.wraps(fastanchor.auto_anchor)
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("fastanchor.cli.anchors.auto_anchor", interrupted)
    assert run(capsys, "anchors", "--quiet")[0] == 130


def test_module_and_script_are_the_same():
    import importlib.metadata

    done = subprocess.run([sys.executable, "-m", "fastanchor", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"fastanchor {fastanchor.__version__}\n"
    scripts = importlib.metadata.entry_points(group="console_scripts", name="fastanchor")
    assert [entry.value for entry in scripts][:1] in ([], ["fastanchor.__main__:entry"])


def test_closed_stdout_is_no_traceback():
    code = f"{sys.executable} -m fastanchor anchors --gen 0 --quiet | head -n 1"
    done = subprocess.run(code, shell=True, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert done.stderr == ""


def test_stats(capsys, voc):
    code, out, _ = run(capsys, "stats", voc)
    assert code == 0
    assert out.index("cat") < out.index("dog")
    code, out, _ = run(capsys, "stats", voc, "--json")
    assert sum(json.loads(out)["per_class"].values()) == 15


def test_show_writes_pictures(capsys, voc, tmp_path):
    pytest.importorskip("PIL")
    code, out, _ = run(capsys, "show", voc, "-o", tmp_path / "sheet.png", "-n", 2)
    assert code == 0
    assert (tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    code, out, _ = run(capsys, "show", voc, "-o", tmp_path / "pictures", "-n", 2)
    assert len(out.splitlines()) == len(list((tmp_path / "pictures").glob("*.png"))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_plot(capsys, tmp_path, ending):
    pytest.importorskip("matplotlib")
    file = tmp_path / f"anchors.{ending}"
    assert run(capsys, "anchors", "--gen", 3, "--plot", file, "--quiet")[0] == 0
    assert file.stat().st_size > 5000


def test_info(capsys):
    code, out, _ = run(capsys, "info", "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["version"] == fastanchor.__version__
    assert facts["backend"] in ("numba", "numpy")
    assert run(capsys, "info")[0] == 0


@pytest.mark.slow
def test_info_warm_leaves_nothing_to_compile(capsys):
    code, out, _ = run(capsys, "info", "--warm", "--json")
    assert code == 0
    facts = json.loads(out)
    assert facts["engines"] == (["dense", "index"] if facts["backend"] == "numba" else ["dense"])
    if facts["backend"] == "numba":
        found = {f"{kernel.__module__}.{kernel.__name__}": kernel for kernel in kept_kernels()}
        assert len(found) > 40
        # one with tables or with weights is compiled for boxes without weights apart
        least = {name: 2 if takes_weights(kernel) else 1 for name, kernel in found.items()}
        assert list(least.values()).count(2) > 12
        assert [name for name, kernel in found.items() if len(kernel.signatures) < least[name]] == []


def kept_kernels():
    """Return all kernels whose compiled code is kept, except those that only other kernels call."""
    left_out = {"_numba_sums"} if importlib.util.find_spec("scipy") else {"_numba_sums", "_plane"}
    for name in sorted({info.name for info in pkgutil.iter_modules(kernels.__path__)} - left_out):
        module = importlib.import_module(f"fastanchor.kernels.{name}")
        for kernel in map(vars(module).get, getattr(module, "__all__", vars(module))):
            if getattr(getattr(kernel, "stats", None), "cache_path", None):
                yield kernel


def takes_weights(kernel):
    """Return whether a kernel has an argument that says how often boxes count, or None."""
    arguments = inspect.signature(kernel.py_func).parameters.values()
    return any(one.default is None or one.annotation in ("GridTables", "IntArray | None") for one in arguments)
