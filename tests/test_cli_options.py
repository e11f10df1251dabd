"""How options are written: sizes, several words, any order; and what errors about them call them."""

import json

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError
from fastanchor.cli import COMMANDS, main, parser_of

ROWS = "width,height,image,image_width,image_height\n10,20,a,100,100\n40,50,b,200,100\n90,30,b,200,100\n"
SPELLED = {
    "one word": ["384x640"],
    "capital": ["384X640"],
    "comma": ["384,640"],
    "two words": ["384", "640"],
    "comma and blank": ["384,", "640"],
    "as messages write it": ["384", "x", "640"],
    "one quoted word": ["384 640"],
}
TYPES = (int, float)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with a table and a list without the sizes of its images."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.csv").write_text(ROWS)
    (tmp_path / "list.txt").write_text("a.jpg 10,10,50,60,0\nb.jpg 10,10,50,60,0 1,2,30,40,1\n")
    (tmp_path / "a.txt").write_text("10,13 16,30\n")
    return tmp_path


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


def answer(capsys, command, *arguments):
    code, out, err = run(capsys, command, "--json", *arguments)
    assert code == 0, err
    return json.loads(out)


def error(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--quiet") if arguments[0] != "show" else run(capsys, *arguments)
    assert (code, out) == (2, "")
    return err.splitlines()[-1]


COMMON = {
    "anchors": ("--n", 2, "--gen", 0),
    "check": ("--anchors", "10,13", "16,30"),
    "sweep": ("--n", 2),
}


@pytest.mark.parametrize("command", COMMON)
@pytest.mark.parametrize("words", SPELLED.values(), ids=SPELLED)
def test_a_network_input_is_width_first_however_it_is_written(capsys, here, command, words):
    got = answer(capsys, command, "t.csv", *COMMON[command], "--img-size", *words)
    assert got["img_size"] == [384, 640]


@pytest.mark.parametrize("command", COMMON)
@pytest.mark.parametrize("size", ["416", " 416 ", "416x416"])
def test_one_side_is_a_square(capsys, here, command, size):
    assert answer(capsys, command, "t.csv", *COMMON[command], "--img-size", size)["img_size"] == [416, 416]


@pytest.mark.parametrize("words", [*SPELLED.values(), ["640"]], ids=[*SPELLED, "square"])
@pytest.mark.parametrize("first", [False, True])
def test_a_size_of_images_is_written_in_the_same_ways(capsys, here, words, first):
    size = ["--source-size", *words]
    got = answer(capsys, "stats", *(size if first else []), "list.txt", *([] if first else size))
    assert got["mean_image"] == ([640, 640] if words == ["640"] else [384, 640])
    assert got["boxes"] == 3


def test_the_report_and_the_pictures_take_the_same_sizes(capsys, here):
    pytest.importorskip("matplotlib")
    quick = ("--n", 1, "--gen", 0, "--sweep", "none")
    assert answer(capsys, "report", "--img-size", "384", "640", "t.csv", *quick, "-o", "p.html")["img_size"] == [
        384,
        640,
    ]
    got = answer(capsys, "show", "--source-size", "100", "80", "list.txt", "-n", 1, "-o", "pictures")
    from PIL import Image

    with Image.open(here / got["written"][0]) as picture:
        assert picture.size[0] > picture.size[1]


@pytest.mark.parametrize("option", ["--img-size", "--source-size"])
@pytest.mark.parametrize(
    "words",
    [["640x"], ["x640"], ["640y480"], ["3.5"], [""], ["640px"], ["1", "2", "3"], ["384x640", "2"], ["384", "640,3"]],
    ids=" ".join,
)
def test_what_is_no_size_is_never_taken_for_one(capsys, here, option, words):
    rule = "must be one whole number, or width and height as in 384x640, 384,640 or 384 640"
    said = f"fastanchor: {option} = {' '.join(words)!r}: {rule} (see fastanchor anchors --help)"
    assert error(capsys, "anchors", "list.txt", option, *words) == said
    assert error(capsys, "anchors", option, *words, "list.txt") == said


@pytest.mark.parametrize("size", ["0", "0x5", "5x0", "-1", "-1x5", "5,-1", "5 -1"])
@pytest.mark.parametrize("option", ["--img-size", "--source-size"])
def test_a_side_is_at_least_one_pixel(capsys, here, option, size):
    said = error(capsys, "anchors", option, *size.split(), "list.txt")
    assert said == f"fastanchor: {option} = {-1 if '-1' in size else 0}: must be at least 1"


@pytest.mark.parametrize(
    "words",
    [
        ["--img-size", "384", "640", "t.csv", "--n", "2"],
        ["--img-size", "384x640", "t.csv", "--n", "2"],
        ["--n", "2", "--img-size", "384,640", "t.csv"],
        ["--imgsz", "384", "640", "t.csv", "--n=2"],
        ["--img-s", "384", "640", "t.csv", "--n=2"],
        ["--img-size=384 640", "t.csv", "--n=2"],
        ["--n=2", "--img-size", "384", "640", "--", "t.csv"],
    ],
    ids=" ".join,
)
def test_options_of_anchors_may_stand_before_the_data(capsys, here, words):
    expected = answer(capsys, "anchors", "t.csv", "--n", 2, "--img-size", "384x640", "--gen", 0)
    assert answer(capsys, "anchors", "--gen", 0, *words) == expected
    assert (expected["read"]["source"], expected["img_size"]) == ("t.csv", [384, 640])


@pytest.mark.parametrize(
    "words",
    [
        ["--anchors", "10,13", "16,30", "t.csv"],
        ["--anchors", "10,13,", "16,30", "t.csv"],
        ["--anchors", "10", "13", "16", "30", "t.csv"],
        ["--anchors", "10,13 16,30", "t.csv"],
        ["--anchors=10,13 16,30", "t.csv"],
        ["--anch", "10.0,13", "1.6e1,30", "t.csv"],
        ["--anchors", "a.txt", "t.csv"],
        ["t.csv", "--anchors", "10,13", "16,30"],
        ["t.csv", "--anchors", "a.txt"],
    ],
    ids=" ".join,
)
def test_anchors_to_check_end_where_the_data_begins(capsys, here, words):
    got = answer(capsys, "check", *words, "--img-size", "384", "640")
    assert got["anchors"] == [[10, 13], [16, 30]]
    assert (got["read"]["source"], got["boxes"]) == ("t.csv", 3)


def test_data_may_stand_on_both_sides_of_options(capsys, here):
    (here / "u.csv").write_text(ROWS)
    got = answer(capsys, "anchors", "t.csv", "--img-size", "384", "640", "u.csv", "--n", 2, "t.csv", "--gen", 0)
    assert (got["read"]["source"], got["boxes"], got["img_size"]) == ("t.csv, u.csv, t.csv", 9, [384, 640])


@pytest.mark.parametrize(
    ("words", "name", "sentence"),
    [
        (["anchors", "--img-size", "384", "640"], "640",
         "--img-size: '640' can be a part of --img-size 384, and is the name of a file or folder; write ./640 for "
         "that, or --img-size='384 640'"),
        (["stats", "--source-size", "384", "640"], "640",
         "--source-size: '640' can be a part of --source-size 384, and is the name of a file or folder; write ./640 "
         "for that, or --source-size='384 640'"),
        (["check", "--anchors", "10,13", "16,30", "2012"], "2012",
         "--anchors: '2012' can be a part of --anchors 10,13 16,30, and is the name of a file or folder; write ./2012 "
         "for that, or --anchors='10,13 16,30 2012'"),
    ],
    ids=["img-size", "source-size", "anchors"],
)  # fmt: skip
def test_a_word_that_may_be_a_value_or_data_is_refused(capsys, here, words, name, sentence):
    assert run(capsys, *words)[2] != f"fastanchor: {sentence}\n"
    (here / name).mkdir()
    assert run(capsys, *words) == (2, "", f"fastanchor: {sentence}\n")


@pytest.mark.parametrize("way", [["./640"], ["--gen=0", "640"], ["--", "640"]], ids=" ".join)
def test_what_cannot_be_a_value_is_data_however_it_looks(capsys, here, way):
    (here / "640").write_text(ROWS)
    got = answer(capsys, "anchors", "--gen", 0, "--n", 1, "--format", "table", "--img-size", "384", *way)
    assert (got["read"]["source"], got["img_size"]) == (way[-1], [384, 384])
    got = answer(capsys, "anchors", "--gen", 0, "--n", 1, "--format", "table", "--img-size", "384", "416", "640")
    assert (got["read"]["source"], got["img_size"]) == ("640", [384, 416])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--anchors", "10,13", "16,3o", "t.csv"], "--anchors: '3o' is not a number; write widths and heights as in"),
        (["--anchors", "10,x", "t.csv"], "--anchors: 'x' is not a number"),
        (["--anchors", "10,13", "16", "t.csv"], "--anchors: got 3 numbers; widths and heights come in pairs"),
        (["--anchors", "-5,10", "t.csv"], "--anchors[0] = (-5.0, 10.0): widths and heights must be finite and > 0"),
        (["--anchors", "10,13", "16,0", "t.csv"], "--anchors[1] = (16.0, 0.0): widths and heights must be finite"),
        (["--anchors", "10,13", "nowhere"], "nowhere: no such file or folder"),
        (["--anchors"], "--anchors: expected one argument (see fastanchor check --help)"),
        (["--anchors", "--json"], "--anchors: expected one argument (see fastanchor check --help)"),
    ],
)
def test_what_is_wrong_with_anchors_is_said_of_them(capsys, here, words, sentence):
    assert error(capsys, "check", *words).startswith(f"fastanchor: {sentence}")


def numeric(command):
    """Return the options of a command that are one number."""
    found = parser_of([command])[1]
    return [action.option_strings[-1] for action in found._actions if action.type in TYPES]


NUMERIC = [(command, option) for command in COMMANDS for option in numeric(command)]


@pytest.mark.parametrize(("command", "option"), NUMERIC, ids=" ".join)
@pytest.mark.parametrize("value", ["-7", "seven"])
def test_every_option_that_is_a_number_is_named_as_it_is_typed(capsys, here, command, option, value):
    rest = {
        "check": ["t.csv", "--anchors", "1,2"],
        "report": ["t.csv", "-o", "p.html"],
        "show": ["list.txt", "--source-size", "99", "-o", "p"],
        "bench": ["--quick"],
        "index": ["t.csv", "-o", "folder"],
        "convert": ["t.csv", "-o", "o.csv"],
    }
    said = error(capsys, command, *rest.get(command, ["t.csv"]), option, value)
    shown = [f"{option} = {text}: must be " for text in ("-7", "-7.0", "'seven'")]
    assert said.startswith(tuple(f"fastanchor: {text}" for text in shown))


def test_there_are_such_options():
    assert {("anchors", "--gen"), ("check", "--min-bpr"), ("sweep", "--n-init"), ("show", "--n")} <= set(NUMERIC)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["anchors", "t.csv", "--n", "9"], "boxes: only 3 distinct sizes, too few for --n = 9; give a smaller --n"),
        (["sweep", "t.csv", "--n", "9"], "boxes: only 3 distinct sizes, too few for --n = 9; give a smaller --n"),
        (["anchors", "t.csv", "--n", "1", "--min-size", "999"], "boxes: none of 3 has a side >= --min-size = 999 "),
        (["anchors", "t.csv", "--n", "2", "--per-level", "1,2"], "--per-level = [1, 2]: adds up to 3; must be 2"),
        (["anchors", "t.csv", "--n", "2", "--levels", "P9"], "--levels = 'P9': must be tiny, P5"),
        (["anchors", "t.csv", "--n", "2", "--levels", "3,4,5", "--per-level", "1,1"], "--per-level = [1, 1]: has 2 "),
        (["anchors", "t.csv", "--n", "2", "--per-level", "1,1", "--by", "stride"],
         "--per-level: cannot be given together with --by = 'stride'"),
        (["anchors", "t.csv", "--metric", "cosine"], "--metric = 'cosine': must be one of "),
        (["anchors", "t.csv", "--columns", "w"], "--columns = ('w',): must be the names of two columns, "),
        (["anchors", "t.csv", "--plot", ""], "--plot = '': must be the name of a file"),
    ],
)  # fmt: skip
def test_errors_name_options_as_typed(capsys, here, words, sentence):
    assert error(capsys, *words).startswith(f"fastanchor: {sentence}")


def test_engines_are_advised_as_they_are_typed(capsys, here):
    said = error(capsys, "anchors", "t.csv", "--n", 1, "--engine", "index", "--backend", "numpy")
    assert said.endswith("use --engine dense")


def test_what_a_file_holds_is_no_option(capsys, here):
    (here / "bad.json").write_text('{"anchors": [[-1, 2]]}')
    said = error(capsys, "check", "t.csv", "--anchors", "bad.json")
    assert said.startswith("fastanchor: bad.json: anchors[0] = (-1.0, 2.0): widths and heights")
    (here / "bad.txt").write_text("1 2 3")
    assert error(capsys, "check", "t.csv", "--anchors", "bad.txt").startswith("fastanchor: bad.txt: anchors: got 3")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: fastanchor.auto_anchor(np.ones((3, 2)), n=0), "n = 0: must be at least 1"),
        (lambda: fastanchor.auto_anchor(np.ones((3, 2)), img_size="640x384"), "img_size = '640x384': must be one"),
        (lambda: fastanchor.auto_anchor(np.ones((3, 2)) * 9, min_size=99), "boxes: none of 3 has a side >= min_size"),
        (lambda: fastanchor.check(np.ones((3, 2)), [[-1, 2]]), r"anchors\[0\] = \(-1.0, 2.0\)"),
    ],
)
def test_in_python_they_keep_their_names_after_a_command(capsys, here, call, sentence):
    error(capsys, "anchors", "t.csv", "--n", 0)
    with pytest.raises(DataError, match=f"^{sentence}"):
        call()


def test_words_behind_a_script_are_its_own(capsys, here):
    (here / "s.py").write_text("import sys\nprint(sys.argv)\n")
    code, out, _ = run(capsys, "run", "--patch", "yolov5", "s.py", "x", "--img-size", "384", "640", "--", "y")
    assert (code, out) == (0, "['s.py', 'x', '--img-size', '384', '640', '--', 'y']\n")


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("run", "info", "detectors")])
def test_help_says_how_sizes_are_written(capsys, command):
    parser = parser_of([command])[1]
    sizes = [action for action in parser._actions if action.metavar == "SIZE"]
    assert sizes
    for action in sizes:
        assert "640, 384x640, 384 640 or 384,640: one side of a square, or width first" in action.help
