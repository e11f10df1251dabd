"""Our functions inside a training repository: install() and ``fastanchor run``."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastanchor
from fastanchor import DataError
from fastanchor.cli import main
from fastanchor.compat import PATCHES, install

AUTOANCHOR = """
PREFIX = "theirs"
def check_anchors(dataset, model, thr=4.0, imgsz=640): return "theirs"
def check_anchor_order(m): return "theirs"
def kmean_anchors(*a, **k): return "theirs"
"""
TRAIN = """
import sys
from utils.autoanchor import PREFIX, check_anchors
import utils.autoanchor
print(check_anchors.__module__, utils.autoanchor.kmean_anchors.__module__, PREFIX, sys.argv[1:], __name__)
import beside
sys.exit(7)
"""


@pytest.fixture
def repo(tmp_path):
    """A training repository in small."""
    (tmp_path / "utils").mkdir()
    (tmp_path / "utils" / "__init__.py").write_text("")
    (tmp_path / "utils" / "autoanchor.py").write_text(AUTOANCHOR)
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "beside.py").write_text("from utils.autoanchor import kmean_anchors\n")
    return tmp_path


def python(folder, *arguments):
    # the folder is not ours, so a relative PYTHONPATH would lead nowhere
    places = [str(Path(fastanchor.__file__).resolve().parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)


def run(repo, *arguments):
    return python(repo, "-m", "fastanchor", "run", *arguments)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["yolov3", "yolov5", "yolov7"])
@pytest.mark.parametrize("script", [["train.py"], ["-m", "train"]], ids=["file", "module"])
def test_run_puts_our_functions_in_and_passes_everything_through(repo, name, script):
    done = run(repo, "--patch", name, *script, "--epochs", "3", "--json")
    ours = f"fastanchor.compat.{PATCHES[name][1]}"
    assert done.stdout.split("\n")[0] == f"{ours} {ours} theirs ['--epochs', '3', '--json'] __main__"
    assert done.returncode == 7
    functions = "check_anchor_order, check_anchors, kmean_anchors"
    assert done.stderr == (
        f"fastanchor: utils.autoanchor: {functions} are those of {ours}\n"
        "fastanchor: never used: this script imports utils.autoanchor but calls none of its functions for anchors\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "code", "sentence"),
    [
        ("print('done')", 0, "never used: this script does not import utils.autoanchor"),
        ("import sys; sys.exit(3)", 3, "never used: this script does not import utils.autoanchor"),
        ("raise RuntimeError('lost')", 1, "never used: this script does not import utils.autoanchor"),
        ("import beside", 0, "never used: this script imports utils.autoanchor but calls none"),
        (
            "from utils.autoanchor import check_anchors as c; from types import SimpleNamespace as S\n"
            "c(None, S(model=[S()])); c(None, S(model=[S()]))",
            0,
            "utils.autoanchor: called check_anchors (2 x)",
        ),
    ],
    ids=["other script", "own exit code", "failure", "imported", "called"],
)
@pytest.mark.parametrize("arguments", [[], ["--json"]], ids=["text", "json"])
def test_run_tells_at_the_end_whether_the_functions_were_called(repo, script, code, sentence, arguments):
    (repo / "train.py").write_text(script)
    done = run(repo, "--patch", "yolov5", *arguments, "train.py")
    assert done.returncode == code
    lines = done.stderr.splitlines()
    ours = [line for line in lines if line.startswith('{"patch"' if arguments else "fastanchor: ")]
    if arguments:
        (line,) = ours
        assert json.loads(line)["usage"].startswith(sentence)
        assert json.loads(line)["calls"] == ({"check_anchors": 2} if "called" in sentence else {})
    else:
        assert ours[-1].startswith(f"fastanchor: {sentence}")


def test_run_tells_in_json(repo):
    done = run(repo, "--patch", "yolov5", "--json", "train.py")
    assert json.loads(done.stderr)["patch"] == "yolov5"
    assert done.returncode == 7


def test_a_script_that_fails_shows_its_own_traceback(repo):
    (repo / "train.py").write_text("raise RuntimeError('out of memory')\n")
    done = run(repo, "--patch", "yolov5", "train.py")
    assert done.returncode == 1
    assert "RuntimeError: out of memory" in done.stderr


def test_a_script_that_ends_by_itself_is_fine(repo):
    (repo / "train.py").write_text("print('done')\n")
    done = run(repo, "--patch", "yolov5", "train.py")
    assert (done.returncode, done.stdout) == (0, "done\n")


def test_no_such_script(capsys):
    assert main(["run", "--patch", "yolov5", "no_such_train.py"]) == 2
    assert "no_such_train.py: no such file" in capsys.readouterr().err


def test_install_before_and_after_the_import(repo):
    code = """
import sys
sys.path.insert(0, ".")
{before}
import utils.autoanchor, beside
from utils.autoanchor import check_anchors
{after}
print(beside.kmean_anchors.__module__, utils.autoanchor.check_anchors.__module__, utils.autoanchor.PREFIX)
"""
    put = "import fastanchor.compat; fastanchor.compat.install('yolov7'); fastanchor.compat.install('yolov5')"
    for before, after in ((put, ""), ("", put)):
        done = python(repo, "-c", code.format(before=before, after=after))
        assert done.stdout == "fastanchor.compat.yolov5 fastanchor.compat.yolov5 theirs\n", done.stderr


def test_a_repository_without_the_module_fails_as_before(repo):
    (repo / "utils" / "autoanchor.py").unlink()
    done = run(repo, "--patch", "yolov5", "train.py")
    assert "No module named 'utils.autoanchor'" in done.stderr


def test_install_knows_its_names():
    with pytest.raises(DataError, match="name = 'yolov9': must be one of 'yolov3', 'yolov5', 'yolov7', 'yolo_kmeans'"):
        install("yolov9")


def test_compat_imports_neither_torch_nor_scipy(tmp_path):
    code = (
        "import sys, fastanchor.compat.yolov5, fastanchor.compat.mmdet, fastanchor.compat.darknet; "
        "print([m for m in ('torch', 'scipy', 'numba') if m in sys.modules])"
    )
    done = python(tmp_path, "-c", code)
    assert done.stdout == "[]\n"
