"""The files of compiled code: damaged, shared by processes, and where they cannot be written."""

import os
import shutil
import subprocess
import sys
import textwrap

import pytest

from fastanchor import kernels

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not kernels.installed(), reason="numba is not installed"),
]

MODULE = """
from fastanchor.kernels._jit import compiled

@compiled
def twice(x):
    return x + x

@compiled
def thrice(x):
    return x + x + x
"""
CODE = "import tiny; print(tiny.twice(21), tiny.thrice(2.5), sum(tiny.twice.stats.cache_hits.values()))"
DAMAGED = "compiled code is damaged; compiling again"


def command(folder, code=CODE, cache=None):
    environment = {**os.environ, "PYTHONPATH": str(folder), "NUMBA_CACHE_DIR": str(cache or folder / "cache")}
    return {"args": [sys.executable, "-c", code], "env": environment, "text": True}


def run(folder, code=CODE, cache=None):
    done = subprocess.run(**command(folder, code, cache), capture_output=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr.splitlines()


def files(folder):
    return sorted((folder / "cache").rglob("*.nbc"))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A module whose two functions are compiled and kept."""
    folder = tmp_path_factory.mktemp("kept")
    (folder / "tiny.py").write_text(MODULE)
    assert run(folder) == (["42", "7.5", "0"], [])
    assert len(files(folder)) == 2
    return folder


@pytest.fixture
def own(kept):
    """The same, for a test to damage, and whole again afterwards; numba looks at where a module lies."""
    before = {file: file.read_bytes() for file in files(kept)}
    yield kept
    shutil.rmtree(kept / "cache")
    for file, content in before.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def test_a_second_process_takes_what_was_kept(kept):
    assert run(kept) == (["42", "7.5", "1"], [])


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


DAMAGE = {
    "empty": lambda content: b"",
    "cut in its head": lambda content: content[:20],
    "cut": lambda content: content[: len(content) // 2],
    "longer": lambda content: content + b"\0",
    "garbage": lambda content: bytes(range(256)) * 40,
    "a byte of its code": lambda content: flipped(content, 2 * len(content) // 3),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_damaged_code_is_named_and_replaced(own, damage):
    for file in files(own):
        file.write_bytes(damage(file.read_bytes()))
    answer, said = run(own)
    assert answer == ["42", "7.5", "0"]
    assert len(said) == 1, said
    assert said[0].endswith(DAMAGED)
    assert str(own) in said[0]
    assert run(own) == (["42", "7.5", "1"], [])


def test_every_flipped_byte_is_found(own):
    code = """
        import contextlib, io, sys, tiny
        from fastanchor.kernels import _jit
        from pathlib import Path
        tiny.twice(21)
        cache = tiny.twice._cache
        (signature,) = tiny.twice.signatures
        key = cache._index_key(tiny.twice.overloads[signature].signature.args, tiny.twice.targetctx.codegen())
        path, _ = cache._cache_file._place(key)
        whole = path.read_bytes()
        assert cache._cache_file.load(key) is not None
        missed = unsaid = 0
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1:])
            _jit._printed.clear()
            with contextlib.redirect_stderr(io.StringIO()) as said:
                missed += cache._cache_file.load(key) is not None
            unsaid += not said.getvalue()
        print(len(whole), missed, unsaid)
    """
    (size, missed, unsaid), said = run(own, textwrap.dedent(code))
    assert int(size) > 1000
    assert (missed, unsaid, said) == ("0", "0", [])


def test_code_of_a_changed_source_is_compiled_again_without_a_word(own):
    source = own / "tiny.py"
    there = source.stat()
    try:
        source.write_text(MODULE.replace("x + x\n", "x - x\n", 1))
        os.utime(source, ns=(there.st_atime_ns, there.st_mtime_ns + 10**9))
        assert run(own) == (["0", "7.5", "0"], [])
    finally:
        source.write_text(MODULE)
        os.utime(source, ns=(there.st_atime_ns, there.st_mtime_ns))


def test_code_is_compiled_again_when_a_neighbour_changed(own):
    """Kernels take functions and constants from each other, and the compiled code holds them."""
    neighbour = own / "neighbour.py"
    try:
        neighbour.write_text("ONE = 1\n")
        assert run(own) == (["42", "7.5", "0"], [])
        assert run(own) == (["42", "7.5", "1"], [])
        neighbour.write_text("ONE = 100\n")
        assert run(own) == (["42", "7.5", "0"], [])
    finally:
        neighbour.unlink()


def test_processes_that_start_together(own):
    shutil.rmtree(own / "cache")
    started = [subprocess.Popen(**command(own), stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    ends = [one.communicate() for one in started]
    assert [out.split()[:2] for out, _ in ends] == [["42", "7.5"]] * 3
    assert [err for _, err in ends] == [""] * 3
    assert len(files(own)) == 2
    assert not list((own / "cache").rglob("*.part"))
    assert run(own) == (["42", "7.5", "1"], [])


FULL = (
    "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
)


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_full_disk_is_named_and_the_run_goes_on(own):
    shutil.rmtree(own / "cache")
    answer, said = run(own, "import sys; sys.dont_write_bytecode = True\n" + FULL + CODE)
    assert answer == ["42", "7.5", "0"]
    assert len(said) == 1, said
    assert "compiled code cannot be kept (File too large); the next run compiles again" in said[0]
    assert not [file for file in (own / "cache").rglob("*") if file.is_file()]


def test_a_folder_in_place_of_a_file(own):
    for file in files(own):
        file.unlink()
        file.mkdir()
    answer, said = run(own)
    assert answer == ["42", "7.5", "0"]
    assert 1 <= len(said) <= 2
    assert all("compiled code cannot be" in one for one in said)


def grown(file):
    with file.open("r+b") as opened:
        opened.truncate(65 << 20)


def pipe(file):
    file.unlink()
    os.mkfifo(file)


def link_to(target):
    def put(file):
        file.unlink()
        file.symlink_to(target(file) if callable(target) else target)

    return put


STRANGE = {
    "a pipe": (pipe, "a pipe, not a regular file"),
    "a link to a device without end": (link_to("/dev/zero"), "a device, not a regular file"),
    "a link to itself": (link_to(lambda file: file.name), "Too many levels of symbolic links"),
    "a file too large": (grown, "larger than 64 MB, the limit for files of compiled code"),
}


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes and devices in folders")
@pytest.mark.parametrize(("put", "why"), STRANGE.values(), ids=STRANGE)
def test_what_is_no_plain_file_is_named_and_replaced(own, put, why):
    for file in files(own):
        put(file)
    answer, said = run(own)
    assert answer == ["42", "7.5", "0"]
    assert len(said) == 1, said
    assert said[0].endswith(f"compiled code cannot be read ({why}); compiling again")
    assert all(file.is_file() and not file.is_symlink() for file in files(own))
    assert run(own) == (["42", "7.5", "1"], [])


def test_where_no_folder_can_be_made(own):
    (own / "a file").touch()
    code = "from numba.core import caching\n" + textwrap.dedent("""
        name = "CacheImpl" if hasattr(caching, "CacheImpl") else "_CacheImpl"
        getattr(caching, name)._locator_classes = []
    """)
    answer, said = run(own, code + CODE, cache=own / "a file/cache")
    assert (answer, said) == (["42", "7.5", "0"], [])
    (own / "a file").unlink()
