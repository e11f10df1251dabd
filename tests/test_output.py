"""Where answers are written: what is replaced, what is kept, and what is written through."""

import os
import resource
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fastanchor import DataError, _output
from fastanchor._output import check_output, is_stream, whole
from fastanchor.cli import main

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX files")
pytestmark = posix


def write(path, text="new\n", **options):
    with whole(path, **options) as part:
        part.write_text(text, encoding="utf-8")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.parametrize("old", [0o600, 0o640, 0o664, 0o755])
def test_a_replaced_file_keeps_its_mode(tmp_path, old, umask):
    file = tmp_path / "a.txt"
    file.write_text("old\n")
    file.chmod(old)
    write(file)
    assert (file.read_text(), mode(file), names(tmp_path)) == ("new\n", old, ["a.txt"])


def test_a_new_file_follows_the_umask(tmp_path, umask):
    write(tmp_path / "deep" / "er" / "a.txt")
    assert mode(tmp_path / "deep" / "er" / "a.txt") == 0o640
    assert mode(tmp_path / "deep") == 0o750


@pytest.mark.parametrize("target", ["there.txt", "not_yet.txt", "other/there.txt"])
def test_links_are_followed(tmp_path, target):
    (tmp_path / "other").mkdir()
    for name in ("there.txt", "other/there.txt"):
        (tmp_path / name).write_text("old\n")
    (tmp_path / "hop").symlink_to(target)
    (tmp_path / "link").symlink_to("hop")
    write(tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / target).read_text() == "new\n"
    assert [path.name for path in tmp_path.rglob("*.part")] == []


@pytest.mark.parametrize("check", [write, lambda path: check_output(path, replace=True)])
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda p: (p.write_text("old"), os.link(p, p.with_name("twin"))), r"is a file with 2 names \(hard links\)"),
        (lambda p: p.mkdir(), "is a folder; the name of a file is needed"),
        (lambda p: p.symlink_to(p.name), r"cannot be written \(Too many levels of symbolic links\)"),
        (lambda p: p.symlink_to(__file__ + "/x"), r"cannot be written \(Not a directory\)"),
    ],
)
def test_what_cannot_be_replaced_is_refused(tmp_path, make, sentence, check):
    file = tmp_path / "a.txt"
    make(file)
    before = names(tmp_path)
    with pytest.raises(DataError, match=f"a.txt: {sentence}"):
        check(file)
    assert names(tmp_path) == before


def test_a_name_with_a_nul_or_too_long_is_refused(tmp_path):
    for name in ("a\0b", "x" * 300):
        with pytest.raises(DataError, match="cannot be written"):
            write(tmp_path / name)
    assert names(tmp_path) == []


def test_without_replace_nothing_is_replaced(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("old\n")
    with pytest.raises(DataError, match=r"a\.txt: exists already; replace=True replaces it"):
        write(file, replace=False)
    write(tmp_path / "b.txt", replace=False)

    def overtaken():
        with whole(tmp_path / "c.txt", replace=False) as part:
            part.write_text("mine")
            (tmp_path / "c.txt").write_text("came meanwhile")

    with pytest.raises(DataError, match=r"c\.txt: exists already"):
        overtaken()
    assert file.read_text() == "old\n"
    assert (tmp_path / "c.txt").read_text() == "came meanwhile"
    assert names(tmp_path) == ["a.txt", "b.txt", "c.txt"]


@pytest.mark.parametrize("raised", [OSError(28, "No space left on device"), KeyboardInterrupt(), ValueError("x")])
def test_an_error_costs_neither_the_old_file_nor_leaves_a_new_one(tmp_path, raised):
    file = tmp_path / "a.txt"
    file.write_text("old\n")

    def failing(path):
        with whole(path) as part:
            part.write_text("half")
            raise raised

    for path in (file, tmp_path / "new" / "b.txt"):
        with pytest.raises((DataError, KeyboardInterrupt, ValueError)):
            failing(path)
    assert (file.read_text(), names(tmp_path)) == ("old\n", ["a.txt"])


def test_a_full_disk_costs_nothing(tmp_path):
    """A limit on the size of files stands for the disk."""
    file = tmp_path / "boxes.csv"
    file.write_text("width,height\n1,2\n")
    data = tmp_path / "many.csv"
    data.write_text("width,height\n" + "12,13\n" * 5000)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    done = subprocess.run(
        [sys.executable, "-m", "fastanchor", "convert", str(data), "-o", str(file), "--force", "--quiet"],
        capture_output=True, text=True, check=False, preexec_fn=limit,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    assert "boxes.csv: cannot be written (File too large)" in done.stderr
    assert file.read_text() == "width,height\n1,2\n"
    assert names(tmp_path) == ["boxes.csv", "many.csv"]


def test_a_device_stays_a_device(tmp_path):
    write(Path(os.devnull))
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    if Path("/dev/full").exists():
        with pytest.raises(DataError, match="/dev/full: cannot be written"):
            write(Path("/dev/full"))
        assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)


@pytest.mark.parametrize("linked", [False, True])
def test_a_fifo_gets_the_text(tmp_path, linked):
    fifo, got = tmp_path / "fifo", []
    os.mkfifo(fifo)
    (tmp_path / "link").symlink_to(fifo)
    reader = threading.Thread(target=lambda: got.append(fifo.read_text()))
    reader.start()
    write(tmp_path / "link" if linked else fifo, replace=False)
    reader.join()
    assert got == ["new\n"]
    assert stat.S_ISFIFO(fifo.stat().st_mode)
    assert is_stream(fifo)


CONVERT = f"{sys.executable} -m fastanchor convert boxes.csv --quiet"


@pytest.mark.parametrize(
    "command",
    [
        f"{CONVERT} -o /dev/stdout | head -n 2 > out",
        pytest.param(f"{CONVERT} --output /dev/fd/1 > all; head -n 2 all > out", marks=pytest.mark.slow),
        pytest.param(
            f"{CONVERT} -o >(cat > out) > /dev/null; while ! [ -s out ]; do sleep 0.05; done", marks=pytest.mark.slow
        ),
        pytest.param(f"{CONVERT} -o /dev/fd/7 7> out > /dev/null", marks=pytest.mark.slow),
        f"echo before > out; {CONVERT} -o /dev/fd/7 7>> out > /dev/null; sed -i 1d out",
    ],
)
def test_descriptors_are_written_to(tmp_path, command):
    (tmp_path / "boxes.csv").write_text("width,height\n10,20\n")
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    # a doubt about the sizes, which --quiet leaves where the table goes to stdout
    assert all(line.startswith("fastanchor: doubt: ") for line in done.stderr.splitlines())
    assert (tmp_path / "out").read_text() == "width,height\n10.0,20.0\n"
    assert set(names(tmp_path)) <= {"all", "boxes.csv", "out"}


@pytest.mark.skipif(not hasattr(os, "setuid") or os.getuid() != 0, reason="only root can give up rights")
def test_a_folder_without_the_right_to_write_is_refused_before_the_work(tmp_path):
    files = ["a.csv", "deep/a.csv", "inner/a.csv"]
    tmp_path.chmod(0o755)
    (tmp_path / "inner").mkdir(mode=0o700)
    code = (
        "import os, sys\n"
        "import fastanchor.cli.anchors as command\n"
        "from fastanchor.cli import main\n"
        "command._data.load = None  # reading, which must not begin\n"
        "main(['anchors', '--emit', 'csv', '-o', '.'])  # imports what another user may not be able to read\n"
        "os.setgid(65534)\n"
        "os.setuid(65534)\n"
        "print('now', flush=True)\n"
        "print('now', file=sys.stderr)\n"
        "print([main(['anchors', '--emit', 'csv', '-o', out]) for out in sys.argv[1:]])"
    )
    command = [sys.executable, "-c", code, *files]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.partition("now\n")[2] == "[2, 2, 2]\n"
    errors = done.stderr.partition("now\n")[2].splitlines()
    assert len(errors) == len(files)
    for out, line in zip(files, errors, strict=True):
        assert f"{out}: cannot be written (" in line
        assert "ermission" in line


QUICK = ["--quiet", "--gen", "0", "--n-init", "1"]
WRITERS = {
    "emit": (["anchors", *QUICK, "--emit", "csv", "-o"], "a.csv"),
    "edit": (["anchors", *QUICK, "--edit", str(Path(__file__).parent / "data" / "model.yaml"), "--output"], "m.yaml"),
    "anchors plot": (["anchors", *QUICK, "--plot"], "a.png"),
    "check plot": (["check", "--quiet", "--anchors", "10,13", "--plot"], "c.svg"),
    "sweep plot": (["sweep", "--quiet", "--n", "1,2", "--plot"], "s.pdf"),
    "stats plot": (["stats", "classes.csv", "--quiet", "--plot"], "k.png"),
    "report": (["report", *QUICK[:3], "--sweep", "none", "-o"], "page.html"),
    "convert": (["convert", "classes.csv", "--quiet", "-o"], "boxes.csv"),
    "show sheet": (["show", "list.txt", "--source-size", "100x80", "-o"], "sheet.png"),
    "show folder": (["show", "list.txt", "--source-size", "100x80", "-o"], "pictures"),
    "bench": (
        ["bench", "--n", "200", "--k", "3", "--rounds", "1", "--no-memory", "--stages", "fitness", "-o"],
        "b.json",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_every_command_replaces_only_with_force(tmp_path, monkeypatch, capsys, name):
    pytest.importorskip("matplotlib")
    pytest.importorskip("PIL")
    monkeypatch.chdir(tmp_path)
    Path("classes.csv").write_text("width,height,class\n10,20,cat\n30,30,dog\n")
    Path("list.txt").write_text("a.jpg 1,2,30,40,0\n")
    arguments, out = WRITERS[name]
    file = Path(out) / "a.png" if name == "show folder" else Path(out)
    assert main([*arguments, out]) == 0
    first = file.read_bytes()
    assert first
    file.write_bytes(b"somebody's")
    capsys.readouterr()
    assert main([*arguments, out]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"{file}: exists already; --force replaces it" in captured.err
    assert file.read_bytes() == b"somebody's"
    assert main([*arguments, out, "--force"]) == 0
    assert file.read_bytes()[:50] == first[:50]
    assert [path for path in tmp_path.rglob("*") if ".part" in path.name] == []


def test_existence_is_looked_at_before_the_work(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.csv").write_text("old")
    monkeypatch.setattr("fastanchor.cli._data.load", None)
    (tmp_path / "p.html").write_text("old")
    (tmp_path / "p.png").write_text("old")
    for arguments in (
        ["anchors", "--emit", "csv", "-o", tmp_path / "a.csv"],
        ["anchors", "--plot", tmp_path / "p.png"],
        ["sweep", "--plot", tmp_path / "p.png"],
        ["report", "-o", tmp_path / "p.html"],
    ):
        assert main([str(word) for word in arguments]) == 2
        assert "exists already" in capsys.readouterr().err


def test_a_size_cache_is_updated_and_nothing_else_is(tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path / "set" / "labels"
    folder.mkdir(parents=True)
    (tmp_path / "set" / "images").mkdir()
    cache = tmp_path / "sizes.json"
    for name in "ab":
        (folder / f"{name}.txt").write_text("0 0.5 0.5 0.2 0.2\n")
        image.new("RGB", (40, 30)).save(tmp_path / "set" / "images" / f"{name}.png")
        assert main(["stats", str(tmp_path / "set"), "--size-cache", str(cache), "--quiet"]) == 0
        assert f"{name}.png" in cache.read_text()
    capsys.readouterr()
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    other = tmp_path / "other.json"
    other.write_text('{"mine": 1}')
    for file, sentence in ((other, "not a file of image sizes"), (fifo, "got a pipe or a device, expected a file")):
        assert main(["stats", str(tmp_path / "set"), "--size-cache", str(file), "--quiet"]) == 2
        assert sentence in capsys.readouterr().err
    assert other.read_text() == '{"mine": 1}'


def test_what_was_printed_before_comes_before(tmp_path):
    code = (
        "import fastanchor; from fastanchor.datasets import table; print('before')\n"
        "table.write(fastanchor.Boxes([[10, 20]]), '/dev/stdout')\n"
        "print('after')"
    )
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", code], stdout=out, check=True, env=buffered)
    assert (tmp_path / "out").read_text() == "before\nwidth,height\n10.0,20.0\nafter\n"


def test_descriptor_numbers(tmp_path):
    fd = os.open(tmp_path / "a", os.O_CREAT | os.O_WRONLY)
    (tmp_path / "link").symlink_to(f"/dev/fd/{fd}")
    (tmp_path / "7").write_text("a file with such a name")
    try:
        assert _output._descriptor(Path(f"/dev/fd/{fd}")) == fd
        assert _output._descriptor(tmp_path / "link") == fd
        assert _output._descriptor(tmp_path / "7") is None
    finally:
        os.close(fd)
