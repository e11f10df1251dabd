"""Run a Python script with fastanchor's functions in place of those of its training repository.

No file is changed. Arguments after the script belong to the script, and its exit code is that
of the command. At the end stderr reports whether the functions were called.

  fastanchor run --patch yolov5 train.py --data coco128.yaml --epochs 3
  fastanchor run --patch yolov5 -m segment.train --data coco128-seg.yaml
  fastanchor run --patch mmdet tools/analysis_tools/optimize_anchors.py CONFIG
  torchrun --nproc_per_node 2 -m fastanchor run --patch yolov5 train.py --device 0,1
"""

from __future__ import annotations

import argparse
import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastanchor
from fastanchor._interrupt import hand_over
from fastanchor._reading import is_file
from fastanchor.cli._speak import say
from fastanchor.compat import PATCHES, _script, calls, in_script, install, usage

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--patch", required=True, choices=tuple(PATCHES), help="the training repository")
    parser.add_argument("-m", dest="module", action="store_true", help="SCRIPT is the name of a module")
    parser.add_argument("--json", action="store_true", help="report what was replaced and called as JSON, on stderr")
    parser.add_argument("script", metavar="SCRIPT", help="Python file, or module with -m")
    parser.add_argument("arguments", metavar="...", nargs=argparse.REMAINDER, help="arguments of the script")


def run(arguments: argparse.Namespace) -> Callable[[], int]:
    """Prepare the script, and return what runs it; its exit code and its exceptions are passed on."""
    script = Path(arguments.script)
    if not arguments.module and not is_file(script):
        raise fastanchor.MissingFileError(f"{arguments.script}: no such file; give the Python script to run")
    replaced = {} if arguments.module else in_script(arguments.patch, script)
    lines = (
        [f"{script.name}: {', '.join(replaced)} {'is' if len(replaced) == 1 else 'are'} fastanchor's"]
        if replaced
        else []
    )
    if PATCHES[arguments.patch][0] != "__main__":
        lines.append(install(arguments.patch))
    elif arguments.module:
        raise fastanchor.DataError(f"-m: --patch {arguments.patch} replaces functions in a file; give its path")
    line = "; ".join(lines)
    if not arguments.json:
        say(line)
    return lambda: _run(script, replaced, line, arguments)


def _run(script: Path, replaced: dict[str, Any], line: str, arguments: argparse.Namespace) -> int:
    hand_over()  # from here on Ctrl-C belongs to the script
    sys.argv = [arguments.script, *arguments.arguments]
    try:
        if arguments.module:
            sys.path.insert(0, str(Path.cwd()))  # as python -m does
            runpy.run_module(arguments.script, run_name="__main__", alter_sys=True)
        else:
            sys.path.insert(0, str(script.resolve().parent))  # as python SCRIPT does
            if replaced:
                _script.run(arguments.script, replaced)
            else:
                runpy.run_path(arguments.script, run_name="__main__")
    finally:
        name = arguments.patch
        if arguments.json:
            content = {"patch": name, "placed": line, "calls": calls(name), "usage": usage(name),
                       "version": fastanchor.__version__}  # fmt: skip
            say(json.dumps(content), head="")  # stdout belongs to the script
        else:
            say(usage(name))
    return 0
