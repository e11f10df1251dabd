"""The command as a process: its standard streams, what it prints of names, and signals, each in fresh processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError
from fastanchor.cli import main
from fastanchor.compat.darknet import calc_anchors

HANGUP = getattr(signal, "SIGHUP", 1)  # Windows has none, and runs nothing of this file
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX shells and signals")
pytestmark = posix


@pytest.fixture(autouse=True)
def not_in_the_background():
    """A shell lets what it starts behind ``&`` ignore Ctrl-C, and a process started from there would inherit that."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGINT, HANGUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


COMMAND = f"{sys.executable} -m fastanchor"


# what is buffered is what the interpreter tries to write once more at its end
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


def shell(command, folder):
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, check=False, env=BUFFERED, encoding="utf-8"
    )


@pytest.fixture
def table(tmp_path):
    (tmp_path / "boxes.csv").write_text("width,height,class\n10,20,cat\n30,30,na\u00efve\n", encoding="utf-8")
    return tmp_path


# --- standard streams


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code", "sentence"),
    [
        ("stats boxes.csv > /dev/full", 2, "standard output: cannot be written (No space left on device)"),
        ("stats boxes.csv --json > /dev/full", 2, "standard output: cannot be written (No space left on device)"),
        ("anchors --gen 0 --emit csv > /dev/full", 2, "standard output: cannot be written (No space left on device)"),
        ("--help > /dev/full", 2, "standard output: cannot be written (No space left on device)"),
        ("stats boxes.csv >&-", 2, "standard output: is closed"),
        ("--version >&-", 2, "standard output: is closed"),
        ("stats - <&-", 2, "-: standard input is closed"),
        ("stats boxes.csv | true", 0, ""),
        ("stats boxes.csv --json | head -n 1 > /dev/null", 0, ""),
    ],
)
def test_standard_streams_full_closed_or_gone(table, command, code, sentence):
    done = shell(f"set -o pipefail; {COMMAND} {command}", table)
    assert done.returncode == code, done.stderr
    lines = [line for line in done.stderr.splitlines() if "read as" not in line and "no DATA" not in line]
    assert lines == ([f"fastanchor: {sentence}"] if sentence else [])


@pytest.mark.slow
@pytest.mark.parametrize("command", ["stats boxes.csv", "anchors --gen 0 --n 3 --emit csv", "stats nowhere"])
def test_without_standard_error_the_answer_is_the_same(table, command):
    """A closed descriptor 2 would be taken by the next file that is opened; remarks would go to the answer."""
    usual = shell(f"{COMMAND} {command}", table)
    for closed in ("2>&-", "2>/dev/full", "<&- 2>&-"):
        done = shell(f"{COMMAND} {command} {closed}", table)
        assert (done.returncode, done.stdout) == (usual.returncode, usual.stdout)


@pytest.mark.parametrize("closed", ["2>&-", "<&- 2>&-", "<&- >&- 2>&-"])
def test_no_file_gets_the_number_of_a_standard_stream(tmp_path, closed):
    script = "import os; fd = os.open('opened', os.O_CREAT | os.O_WRONLY); os.write(fd, b'%d' % fd)"
    (tmp_path / "train.py").write_text(script)
    assert shell(f"{COMMAND} run --patch yolov5 train.py {closed}", tmp_path).returncode == 0
    assert int((tmp_path / "opened").read_text()) > 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1:strict"},
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
)
@pytest.mark.parametrize("options", ["", "--json"])
def test_names_that_the_terminal_cannot_print(tmp_path, environment, options):
    names = ["na\u00efve", "\u732b", "\U0001f600", "half \ud800", "\x1b[31mred"]
    content = {
        "images": [{"id": 1, "width": 100, "height": 80, "file_name": "a.jpg"}],
        "categories": [{"id": i, "name": name} for i, name in enumerate(names)],
        "annotations": [{"id": i, "image_id": 1, "category_id": i, "bbox": [1, 2, 30, 40]} for i in range(len(names))],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    done = subprocess.run(
        [sys.executable, "-m", "fastanchor", "stats", "a.json", *options.split()],
        cwd=tmp_path, capture_output=True, check=False, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout
    text = done.stdout.decode("utf-8" if environment.get("LC_ALL") else "latin-1")
    if options:
        assert sorted(json.loads(text)["per_class"]) == sorted(names)
    else:
        assert "half \\ud800" in text
        assert "\\x1b[31mred" in text


# --- names


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\x1b[2Jx", "\\x1b[2Jx"),
        ("two\nlines", "two\\nlines"),
        ("\u202egod", "\\u202egod"),
        ("a\u2066b\u200fc", "a\\u2066b\\u200fc"),
        ("\x9b31m", "\\x9b31m"),
        ("na\u00efve \u732b", "na\u00efve \u732b"),
    ],
)
def test_names_are_shown_in_one_line_without_escapes(tmp_path, capsys, monkeypatch, name, shown):
    monkeypatch.chdir(tmp_path)
    file = f"f{name}.csv"
    Path(file).write_bytes(f'width,height,class\n10,20,"{name}"\n30,40,dog\n'.encode())
    assert main(["stats", file]) == 0
    captured = capsys.readouterr()
    assert f"  {shown}" in captured.out
    assert f"f{shown}.csv: read as table" in captured.err
    assert f"f{shown}.csv: 2 boxes" in captured.out
    assert main(["convert", file, "-o", f"o{name}.csv", "--quiet"]) == 0
    assert f"written   o{shown}.csv\n" in capsys.readouterr().out
    assert main(["stats", f"no{name}", "--quiet"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"fastanchor: no{shown}: no such file")
    assert captured.err.count("\n") == 1
    assert main(["stats", file, "--json"]) == 0
    assert name in json.loads(capsys.readouterr().out)["per_class"]


def test_half_a_surrogate_pair_in_a_class(tmp_path, capsys, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    content = {
        "images": [{"id": 1, "width": 100, "height": 80, "file_name": "a.jpg"}],
        "categories": [{"id": 1, "name": "x\ud800"}],
        "annotations": [{"id": i, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30 + i, 40]} for i in range(3)],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert main(["stats", "a.json", "--plot", "p.png"]) == 0
    assert main(["report", "a.json", "-o", "p.html", "--gen", "0", "--n", "1", "--sweep", "none", "--quiet"]) == 0
    assert main(["show", "a.json", "-o", "s.png"]) == 0
    capsys.readouterr()
    for ending in ("csv", "parquet"):
        if ending == "parquet":
            pytest.importorskip("pyarrow")
        assert main(["convert", "a.json", "-o", f"o.{ending}", "--quiet"]) == 2
        assert "contains half of a surrogate pair, which utf-8 cannot encode" in capsys.readouterr().err
        assert not (tmp_path / f"o.{ending}").exists()


# --- arguments of the functions


WH = np.random.default_rng(0).uniform(4, 100, (40, 2))


def masked(rows):
    return np.ma.MaskedArray(WH, mask=np.isin(np.arange(len(WH)), rows)[:, None] & np.array([True, False]))


class OneOfOne:
    """A tensor of shape (1,), which other libraries turn into a float."""

    ndim = 1

    def __float__(self):
        return 0.5

    def __repr__(self):
        return "OneOfOne"


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: fastanchor.anchor_fitness(WH, WH[:3], thr="0.2"), "thr = '0.2': must be a number from 0 to 1"),
        (lambda: fastanchor.check(WH, WH[:3], thr=b"1"), "thr = b'1': must be a number"),
        (lambda: fastanchor.auto_anchor(WH, min_size="2"), "min_size = '2': must be a number"),
        (lambda: fastanchor.check(WH, WH[:3], thr=np.array([0.5])), r"thr = array\(\[0.5\]\): must be a number"),
        (lambda: fastanchor.check(WH, WH[:3], thr=OneOfOne()), "thr = OneOfOne: must be a number"),
        (lambda: fastanchor.kmeans(WH, 3, tol=10**400), r"tol = 1000.*\.\.\.: must be a number"),
        (lambda: fastanchor.kmeans(WH, 3, max_iter=10**400), r"max_iter = 1000.*\.\.\.: must be at most 2,147,483,647"),
        (lambda: fastanchor.evolve(WH, WH[:3], gen=10**5000), r"gen = \(a number of more than 4300 digits\): must be"),
        (lambda: fastanchor.auto_anchor(WH, img_size=10**400), r"img_size = 1000.*: must be at most"),
        (lambda: fastanchor.auto_anchor(WH, img_size=1e308), r"img_size = 1e\+308: must be a whole number"),
        (
            lambda: fastanchor.mean_iou([[1, 1], [10**400, 1]], WH),
            r"boxes\[1\] = \[1000.*: too large for float64",
        ),
        (lambda: fastanchor.mean_iou(np.array([["1", 2]], object), WH), r"boxes: must be numbers of shape \(n, 2\)"),
        (lambda: fastanchor.kmeans(masked([7, 9]), 3), r"boxes\[7\]: must not be masked; .*; 1 more row like it"),
        (lambda: fastanchor.kmeans(WH, 3, init=masked([7])[5:8]), r"init\[2\]: must not be masked"),
        (lambda: fastanchor.Boxes(masked([0])), r"wh\[0\]: must not be masked; leave masked rows out, or fill them$"),
        (lambda: fastanchor.BoxIndex(masked([1])), r"boxes\[1\]: must not be masked"),
        (
            lambda: fastanchor.Boxes(WH[:2], np.ma.MaskedArray([0, 0], mask=[False, True]), [[200, 200]]),
            r"image_index\[1\]: must not be masked",
        ),
        *(
            (call, r"rng = .*: must be None, a whole number from 0 to 2\*\*128 - 1, or a numpy\.random\.Generator")
            for call in (
                lambda: fastanchor.kmeans(WH, 3, rng="x"),
                lambda: fastanchor.auto_anchor(WH, n=3, rng=-1),
                lambda: fastanchor.evolve(WH, WH[:3], rng=1.5),
                lambda: fastanchor.sweep(WH, [2], rng=[1, -2]),
                lambda: calc_anchors(WH / 200, 3, 416, 416, seed="x"),
            )
        ),
    ],
)
def test_arguments_that_break_a_rule(call, sentence):
    with pytest.raises(DataError, match="^" + sentence):
        call()


@pytest.mark.parametrize(("length", "written"), [(60, "'" + "x" * 58 + "'"), (61, "'" + "x" * 56 + "...")])
def test_a_value_in_a_message_has_at_most_60_characters(length, written):
    with pytest.raises(DataError) as caught:
        fastanchor.kmeans(WH, 3, metric="x" * (length - 2))
    assert str(caught.value) == f"metric = {written}: must be one of 'iou', 'euclidean', 'ratio'"


def test_a_mask_that_hides_nothing_is_no_mask():
    bare = fastanchor.kmeans(masked([]), 3, rng=0).centers
    np.testing.assert_array_equal(bare, fastanchor.kmeans(WH, 3, rng=0).centers)


@pytest.mark.parametrize("option", ["--gen", "--img-size", "--n", "--n-init"])
@pytest.mark.parametrize("value", ["1" + "0" * 400, str(2**31), "9" * 5000])
def test_options_beyond_any_number(capsys, option, value):
    assert main(["anchors", "--quiet", option, value]) == 2
    captured = capsys.readouterr()
    assert "must be at most 2,147,483,647" in captured.err
    assert captured.err.count("\n") == 1


def test_no_memory_is_a_sentence(capsys, monkeypatch):
    def big(*_, **__):
        raise MemoryError("Unable to allocate 7.28 TiB")

    monkeypatch.setattr("fastanchor.cli._data.sample", big)
    assert main(["anchors", "--quiet"]) == 2
    assert capsys.readouterr().err == "fastanchor: not enough memory (Unable to allocate 7.28 TiB)\n"


# --- folders and links


@pytest.mark.parametrize("path", ["loop", "loop/x.csv", "pair"])
def test_links_that_lead_nowhere(tmp_path, capsys, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    for name, target in (("loop", "loop"), ("pair", "riap"), ("riap", "pair")):
        Path(name).symlink_to(target)
    for command in (["stats", path], ["anchors", "--emit", "csv", "-o", path]):
        assert main([*command, "--quiet"]) == 2
        captured = capsys.readouterr()
        assert "(Too many levels of symbolic links)" in captured.err
        assert captured.err.count("\n") == 1


@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="only root can give up rights")
def test_folders_that_may_not_be_entered(tmp_path):
    tmp_path.chmod(0o755)
    for file in ("voc/Annotations/a.xml", "yolo/labels/a.txt", "kitti/label_2/0.txt", "shut/boxes.csv", "open.csv"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("width,height\n1,2\n" if file.endswith("csv") else "0 0.5 0.5 0.1 0.1\n")
    for folder in ("voc/Annotations", "yolo/labels", "kitti/label_2", "shut", "open.csv"):
        (tmp_path / folder).chmod(0)
    places = ["voc", "voc/Annotations", "yolo", "yolo/labels", "kitti", "shut", "shut/boxes.csv", "open.csv"]
    code = (
        "import heapq, os, sys\n"
        "from fastanchor.cli import main\n"
        "for path in sys.argv[1:]:\n"
        "    main(['stats', path, '--quiet'])  # imports what another user may not be able to read\n"
        "os.setgid(65534)\n"
        "os.setuid(65534)\n"
        "print('now', file=sys.stderr)\n"
        "for path in sys.argv[1:]:\n"
        "    print(main(['stats', path, '--quiet']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *places], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n")[-len(places) - 1 :] == ["2"] * len(places) + [""]
    said = done.stderr.partition("now\n")[2].splitlines()
    assert len(said) == len(places)
    for path, line in zip(places, said, strict=True):
        assert line.startswith(f"fastanchor: {path}")
        assert "cannot be read (Permission denied)" in line


# --- signals


def until(process, word):
    """Read what ``-X importtime`` prints up to the import of a module, so that no test depends on time."""
    lines = []
    for line in process.stderr:
        lines.append(line)
        if line.rpartition("|")[2].strip() == word:
            break
    return lines


def talk(lines):
    return [line for line in lines if not line.startswith("import time:")]


LONG = ["anchors", "--gen", "2000000", "--quiet"]


IMPORTED = ["argparse", "fastanchor._errors", "numpy", "fastanchor.boxes", "fastanchor._evolve"]


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("module", IMPORTED)
def test_interrupted_while_importing(module, sent):
    process = subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "fastanchor", *LONG],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(process, module)
    process.send_signal(sent)
    out, err = process.communicate(timeout=120)
    assert process.returncode == (130 if sent == signal.SIGINT else -sent), err
    assert out == ""
    assert talk(err.splitlines()) == ["fastanchor: interrupted"] or module in ("argparse", "fastanchor._errors")
    assert "Traceback" not in err


SWALLOW = """
import os, signal, sys, time
import fastanchor.cli.stats as command
from fastanchor.__main__ import entry

def load(arguments):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    except BaseException:
        pass
    {rest}

command._data.load = load
sys.argv = ["fastanchor", "stats", "x"]
sys.exit(entry())
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "rest",
    [
        "time.sleep(60)",  # raised again
        "sys.exit(0)",
        "raise ImportError('partially initialised')",
        "print('half', flush=True); exec('raise KeyboardInterrupt')",
        "while True: load(arguments)",  # a second one ends the process, whatever is done about it
    ],
)
def test_an_interrupt_that_a_library_swallows(tmp_path, rest):
    (tmp_path / "swallow.py").write_text(SWALLOW.format(rest=rest))
    # with -m, as CPython ends by the signal there if it counts an interrupt as unhandled
    done = subprocess.run(
        [sys.executable, "-m", "swallow"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 130, done.stderr
    assert "Traceback" not in done.stderr


def test_main_leaves_signals_alone(capsys):
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    hook = sys.unraisablehook
    assert main(["--version"]) == 0
    assert main(["stats", "nowhere"]) == 2
    assert {number: signal.getsignal(number) for number in before} == before
    assert sys.unraisablehook is hook


def test_a_script_has_its_own_signals(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(
        "import os, signal, sys\n"
        "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    signal.pause()\n"
        "except KeyboardInterrupt:\n"
        "    print('saved', flush=True)\n"
        "if sys.argv[1:] == ['on']:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    signal.pause()\n"
        "sys.exit(7)\n"
    )
    arguments = [sys.executable, "-m", "fastanchor", "run", "--patch", "yolov5", str(script)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (7, "saved\n"), done.stderr
    done = subprocess.run([*arguments, "on"], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGINT  # as python SCRIPT ends
    assert "KeyboardInterrupt" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, HANGUP])
def test_no_half_file_is_left(tmp_path, sent):
    (tmp_path / "boxes.csv").write_text("width,height\n" + "12,13\n" * 400_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "fastanchor", "convert", "boxes.csv", "-o", "deep/out.csv", "--quiet"], cwd=tmp_path
    )
    while not list(tmp_path.rglob("*.part")) and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(sent)
    assert process.wait(timeout=60) == (130 if sent == signal.SIGINT else -sent)
    assert [path.name for path in tmp_path.rglob("*")] == ["boxes.csv"]


@pytest.mark.parametrize("ignored", [signal.SIGINT, HANGUP])
def test_what_the_parent_ignores_stays_ignored(tmp_path, ignored):
    """As under nohup, and for jobs that a script puts into the background."""
    code = (
        f"import os, sys, signal; signal.signal({int(ignored)}, signal.SIG_IGN); os.execv(sys.executable, "
        "[sys.executable, '-X', 'importtime', '-m', 'fastanchor', 'stats', 'nowhere'])"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    until(process, "numpy")
    process.send_signal(ignored)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "nowhere: no such file" in err


@pytest.mark.parametrize("digits", [400, 5000, 100_000])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["anchors", "--gen", "-{}"], "must be at least 0"),
        (["anchors", "--seed", "{}"], "must be at most 340,282,366,920"),
        (["anchors", "--per-level", "3,{}"], "--per-level = "),
        (["anchors", "--gen", "{}x"], "must be a whole number (see fastanchor anchors --help)"),
        (["sweep", "--n", "1-{}"], "must name 1 to 100 numbers, each at least 1 and at most 9,999"),
        (["sweep", "--n", "{}"], "must name 1 to 100 numbers, each at least 1 and at most 9,999"),
    ],
)
def test_long_numbers_are_a_short_sentence(capsys, arguments, sentence, digits):
    assert main([one.format("9" * digits) for one in arguments]) == 2
    captured = capsys.readouterr()
    assert sentence in captured.err
    assert len(captured.err) < 500


@pytest.mark.parametrize("size", ["0x0", "0", "-1x5", "5x0"])
@pytest.mark.parametrize("name", ["s.csv", "one.xml", "labels"])
def test_a_size_of_images_is_checked_before_its_use(tmp_path, capsys, monkeypatch, name, size):
    monkeypatch.chdir(tmp_path)
    Path("s.csv").write_text("width,height\n10,20\n")
    Path("one.xml").write_text("<annotation><object/></annotation>")
    Path("labels").mkdir()
    Path("labels/a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    assert main(["stats", name, f"--source-size={size}", "--quiet"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("fastanchor: --source-size = ")
    assert error.endswith(": must be at least 1\n")


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ("--rows=box", "--rows = 'box': not supported for table: the labels have one kind of rows only"),
        ("--crowd", "--crowd: not supported for table: the labels do not mark crowds"),
    ],
)
def test_an_option_that_labels_have_no_use_for(tmp_path, capsys, option, sentence):
    (tmp_path / "s.csv").write_text("width,height\n10,20\n")
    assert main(["stats", str(tmp_path / "s.csv"), option, "--quiet"]) == 2
    assert sentence in capsys.readouterr().err
