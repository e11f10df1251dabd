"""The files that commands write: standard output among them, the same one twice, inputs, and names of folders."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fastanchor
from fastanchor import DataError, plot
from fastanchor.cli import main
from fastanchor.datasets import table

HERE = Path(__file__).resolve().parent / "data"
FAST = f"{sys.executable} -m fastanchor"
QUICK = ["anchors", "--gen", "5", "--n", "3", "--n-init", "1", "--quiet"]
TABLE = "width,height\n10.0,20.0\n30.0,20.0\n40.0,50.0\n60.0,80.0\n"
EMIT = f"{FAST} {' '.join(QUICK)} boxes.csv --emit csv"
streams = pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="the system has no /dev/stdout")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boxes.csv").write_text(TABLE)
    return tmp_path


def shell(command):
    return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)


def refused(capsys, arguments, sentence):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert sentence in captured.err


# --- standard output


@pytest.mark.slow
@streams
@pytest.mark.parametrize("out", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link", "fifo", "file.csv --force"])
@pytest.mark.parametrize("command", [f"{FAST} convert boxes.csv --quiet", EMIT])
def test_standard_output_gets_the_file_alone(place, command, out):
    if not Path("/proc/self/fd").exists() and out.startswith("/proc"):
        pytest.skip("the system has no /proc")
    (place / "link").symlink_to("/dev/stdout")
    into = "> got"
    if out == "fifo":
        os.mkfifo("fifo")
        into = "> fifo & cat fifo > got; wait"
    if out.startswith("file"):
        into = "> file.csv; cat file.csv > got"
    expected = TABLE if "convert" in command else shell(EMIT).stdout
    done = shell(f"{command} -o {out} {into}")
    assert (done.returncode, done.stdout) == (0, "")
    assert "fastanchor: wrote" not in done.stderr
    assert (place / "got").read_text() == expected


@pytest.mark.slow
@streams
def test_a_picture_and_a_page_on_standard_output(place):
    pytest.importorskip("PIL")
    pytest.importorskip("matplotlib")
    (place / "list.txt").write_text("a.jpg 1,2,30,40,0\n")
    done = shell(f"{FAST} show list.txt --source-size 100x80 -o /dev/stdout > sheet.png")
    assert done.returncode == 0
    assert (place / "sheet.png").read_bytes().endswith(b"IEND\xaeB`\x82")
    assert "read as list" in done.stderr
    done = shell(f"{FAST} report boxes.csv --n 2 --gen 1 --sweep none --quiet -o /dev/stdout > page.html")
    assert (done.returncode, done.stderr) == (0, "")
    assert (place / "page.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


@streams
def test_json_holds_the_text_for_standard_output(place):
    done = shell(f"{EMIT} --json -o /dev/stdout")
    assert json.loads(done.stdout)["text"] == shell(EMIT).stdout


@pytest.mark.slow
@streams
@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("convert boxes.csv -o /dev/stdout --json", "--output"),
        ("show boxes.csv -o /dev/fd/1 --json", "--output"),
        ("report boxes.csv -o /dev/stdout --json", "--output"),
        ("anchors boxes.csv --plot /dev/stdout", "--plot"),
        ("sweep boxes.csv --plot /dev/fd/1", "--plot"),
        ("stats boxes.csv --plot /dev/stdout", "--plot"),
        ("check boxes.csv --anchors 1,2 --plot /dev/stdout", "--plot"),
        ("bench --json -o /dev/stdout", "--output"),
    ],
)
def test_two_answers_on_standard_output_are_refused(place, command, option):
    done = shell(f"{FAST} {command} | cat; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"fastanchor: {option}: is standard output, where the answer goes; name another file\n"


@streams
def test_the_null_device_takes_everything(place):
    done = shell(f"{FAST} convert boxes.csv --quiet -o /dev/null --json > /dev/null")
    assert (done.returncode, done.stderr) == (0, "")


# --- one file for two purposes


@pytest.mark.parametrize("second", ["x.png", "./x.png", "link.png", "hop.png", "sub/../x.png"])
@pytest.mark.parametrize("there", [False, True])
def test_two_outputs_that_are_one_file(place, capsys, second, there):
    (place / "sub").mkdir()
    (place / "link.png").symlink_to("x.png")
    (place / "hop.png").symlink_to("link.png")
    if there:
        (place / "x.png").write_text("mine")
    command = [*QUICK, "boxes.csv", "--emit", "csv", "-o", second, "--plot", "x.png", "--force"]
    refused(capsys, command, "--output and --plot: are the same file, ")
    assert (place / "x.png").exists() == there


@pytest.mark.parametrize("options", [["-o", "k.csv", "--emit", "csv"], ["--plot", "k.csv"]])
def test_sizes_of_images_are_an_output_too(place, capsys, options):
    refused(capsys, [*QUICK, "boxes.csv", "--size-cache", "k.csv", *options], "--size-cache: are the same file, k.csv")


@pytest.mark.parametrize("out", ["boxes.csv", "./boxes.csv", "link.csv", "hard.csv"])
@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("convert boxes.csv --force -o", "DATA"),
        ("anchors boxes.csv --emit csv --force -o", "DATA"),
        ("stats boxes.csv --size-cache", "DATA"),
        ("check --anchors boxes.csv --size-cache", "--anchors"),
    ],
)
def test_an_input_is_no_output(place, capsys, command, name, out):
    (place / "link.csv").symlink_to("boxes.csv")
    os.link("boxes.csv", "hard.csv")
    refused(capsys, [*command.split(), out], f": {out.removeprefix('./')} is also read ({name}) and would be lost")
    assert (place / "boxes.csv").read_text() == TABLE


def test_the_edited_file_is_replaced_with_force_only(place, capsys):
    file = place / "m.yaml"
    file.write_bytes((HERE / "model.yaml").read_bytes())
    command = [*QUICK[:3], "--n", "9", "--quiet", "--edit", "m.yaml", "-o", "m.yaml"]
    refused(capsys, command, "m.yaml: exists already; --force replaces it")
    assert main([*command, "--force"]) == 0


# --- names that are no files


@pytest.mark.parametrize("slash", ["f/", "f.csv/", "f.png//", "sub/f.csv/"])
@pytest.mark.parametrize(
    "command", [[*QUICK, "--emit", "csv", "-o"], ["convert", "boxes.csv", "-o"], [*QUICK, "--plot"]]
)
def test_a_name_of_a_folder(place, capsys, command, slash):
    refused(capsys, [*command, slash], f"{slash}: is the name of a folder; the name of a file is needed")
    assert [one.name for one in place.iterdir()] == ["boxes.csv"]


@pytest.mark.parametrize(
    "command",
    [
        [*QUICK, "--emit", "csv", "-o"],
        ["convert", "boxes.csv", "-o"],
        ["show", "boxes.csv", "-o"],
        [*QUICK, "--plot"],
        ["stats", "boxes.csv", "--size-cache"],
        [*QUICK, "--edit"],
    ],
)
def test_an_empty_name_of_an_output(place, capsys, command):
    refused(capsys, [*command, ""], "'': must be the name of a file")


@pytest.mark.parametrize("command", [["stats"], ["anchors"], ["convert", "-o", "x.csv"], ["show", "-o", "x.png"]])
def test_an_empty_name_of_a_data_set(place, capsys, command):
    refused(capsys, [*command, ""], "path = '': must be the name of a file or folder")


@pytest.mark.parametrize(
    "work",
    [
        lambda name: table.write(fastanchor.Boxes([[10, 20]]), name),
        lambda name: plot.save(plot.per_class({"a": 1}), name),
    ],
)
@pytest.mark.parametrize(
    ("name", "sentence"), [("", "'': must be the name of a file"), ("f.csv/", "is the name of a folder")]
)
def test_names_in_python(place, work, name, sentence):
    with pytest.raises(DataError, match=sentence):
        work(name)
    for empty in ("", b""):
        with pytest.raises(DataError, match="path = '': must be the name of a file"):
            fastanchor.read(empty)
    assert [one.name for one in place.iterdir()] == ["boxes.csv"]
