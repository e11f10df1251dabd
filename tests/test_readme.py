"""The README holds what the repository measured and what its code prints."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fastanchor import kernels

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def test_tables_are_those_of_the_results():
    done = subprocess.run([sys.executable, ROOT / "bench" / "render.py", "--check"], check=False)
    assert done.returncode == 0, "run python bench/render.py"


def test_python_examples_print_what_stands_there():
    text = README.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", text, re.DOTALL)
    assert blocks
    for code, expected in blocks:
        if "BoxIndex" in code and not kernels.installed():
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(code, "README.md", "exec"), {})
        assert out.getvalue() == expected


def test_command_line_example_prints_what_stands_there(capsys):
    from fastanchor.cli import main

    text = README.read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n\$ fastanchor (.*?)\n(.*?)```", text, re.DOTALL)
    assert blocks
    for arguments, expected in blocks:
        assert main([*arguments.split(), "--quiet"]) == 0
        assert capsys.readouterr().out == expected


@pytest.mark.parametrize("word", ["/work/", "/tmp/", "shared/"])
def test_no_path_of_a_machine(word):
    assert word not in README.read_text(encoding="utf-8")
