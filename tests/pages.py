"""The project's pages, their fenced blocks, and what these print; ``python tests/pages.py`` writes the outputs anew.

The blocks of a page run in order, in one namespace and one empty folder:

* a block with a ``title`` is a file of that name, written into the folder;
* ``python`` blocks are executed; the ``text`` block that follows holds what they print;
* ``console`` blocks hold ``$ fastanchor ...`` commands, each with what it prints: its answer, or its error;
* ``sh`` blocks are not executed, but the options of every ``fastanchor`` in them must exist.

A line ``...`` in an output stands for any number of lines. ``<!-- needs numba -->`` before a block says that it has no
meaning without numba.
"""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
import tempfile
import textwrap
import warnings
from pathlib import Path
from typing import NamedTuple

from fastanchor import SmallBoxWarning, cli, kernels

ROOT = Path(__file__).resolve().parent.parent
PAGES = [
    ROOT / "README.md",
    *sorted(path for path in (ROOT / "docs").rglob("*.md") if "_site" not in path.parts),
    *sorted((ROOT / ".github").glob("*.md")),
]
BLOCK = re.compile(r"(<!-- needs numba -->\n+)?^( *)```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^\2```$", re.M | re.S)
COMMAND = re.compile(r"^\$ (.*(?:\\\n.*)*)\n", re.M)


class Block(NamedTuple):
    line: int
    needs: bool  # whether it has no meaning without numba
    indent: str
    language: str
    title: str
    text: str
    span: tuple[int, int]  # of the text in the page


class Output(NamedTuple):
    line: int
    expected: str
    got: str
    span: tuple[int, int]  # of what is expected, in the page
    indent: str


def blocks(text):
    return [
        Block(
            text.count("\n", 0, found.start(5)),
            bool(found[1]) and not kernels.installed(),
            found[2],
            found[3],
            found[4] or "",
            textwrap.dedent(found[5]),
            found.span(5),
        )
        for found in BLOCK.finditer(text)
    ]


def matches(expected, got):
    parts = re.split(r"^\.\.\.\n", expected, flags=re.M)
    return re.fullmatch("(?:.*\n)*".join(map(re.escape, parts)), got) is not None


def command(words):
    """Return what a command prints: its answer, and after exit code 2 the error."""
    if words[0] == "run":  # which changes modules that this process has imported
        done = subprocess.run([sys.executable, "-m", "fastanchor", *words], capture_output=True, text=True, check=False)
        return done.stdout + (_last(done.stderr) if done.returncode == 2 else "")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(words)
    printed = out.getvalue() + (_last(err.getvalue()) if code == 2 else "")
    return printed.replace("\\", "/") if os.name == "nt" else printed


def _last(errors):
    """Return the error, which is the last line: remarks and progress stand before it."""
    return "".join(errors.splitlines(keepends=True)[-1:])


def outputs(text, name="page"):
    """Run the blocks of a page in the working directory and yield what the page shows beside what they print."""
    space = {"__name__": "__main__"}
    found = blocks(text)
    for at, block in enumerate(found):
        after = found[at + 1] if at + 1 < len(found) else None
        if block.title:
            path = Path(block.title)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8", newline="\n")
        elif block.language == "python":
            prints = after is not None and after.language == "text" and not after.title
            if block.needs:
                continue
            out = io.StringIO()
            with contextlib.redirect_stdout(out), warnings.catch_warnings():
                warnings.simplefilter("ignore", SmallBoxWarning)  # stderr is not on the page
                exec(compile("\n" * block.line + block.text, name, "exec"), space)
            assert prints or not out.getvalue(), f"{name}: block at line {block.line} prints, and no text block follows"
            if prints:
                yield Output(block.line, after.text, out.getvalue(), after.span, block.indent)
        elif block.language == "console":
            yield from _console(block)
        elif block.language == "sh":
            _parsed(block)
        elif not (block.language == "text" and at and found[at - 1].language == "python"):
            raise AssertionError(f"{name}: block at line {block.line} ({block.language}) is not run; give it a title")


def _console(block):
    commands = [*COMMAND.finditer(block.text)]
    assert block.text.startswith("$ "), f"line {block.line}: must begin with a command"
    for found, after in zip(commands, [*commands[1:], None], strict=True):
        end = after.start() if after else len(block.text)
        words = shlex.split(found[1].replace("\\\n", " "), comments=True)
        assert words[0] == "fastanchor", words
        if not block.needs:
            start, stop = (block.span[0] + _moved(block, at) for at in (found.end(), end))
            yield Output(block.line, block.text[found.end() : end], command(words[1:]), (start, stop), block.indent)


def _moved(block, at):
    """Return where a character of the dedented text stands in the block."""
    return at + len(block.indent) * block.text.count("\n", 0, at)


def _parsed(block):
    for line in block.text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if "fastanchor" in words and words[words.index("fastanchor") - 1 :][0] != "install":
            words = words[words.index("fastanchor") + 1 :]
            parser, _ = cli.parser_of(words)
            parser.parse_args(words)


@contextlib.contextmanager
def inside(folder):
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def update(page):
    """Write what the blocks of a page print into it; return how many outputs changed."""
    text = page.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, inside(folder):
        wrong = [one for one in outputs(text, page.name) if not matches(one.expected, one.got)]
    for one in reversed(wrong):
        text = text[: one.span[0]] + textwrap.indent(one.got, one.indent) + text[one.span[1] :]
    page.write_text(text, encoding="utf-8", newline="\n")
    return len(wrong)


if __name__ == "__main__":
    chosen = [Path(name).resolve() for name in sys.argv[1:]]
    for page in chosen:
        if page not in PAGES:
            print(f"{page}: no such page; expected README.md or a page of docs/ or .github/", file=sys.stderr)
            sys.exit(2)
    for page in PAGES:
        if not chosen or page in chosen:
            print(f"{page.relative_to(ROOT)}: {update(page)} outputs changed")
