"""Completion of the command line in shells, by shtab."""

from __future__ import annotations

import argparse
import importlib.util

from fastanchor._errors import BackendError, DataError

__all__ = ["completion"]

SHELLS = ("bash", "zsh")
FILES = {"bash": "_shtab_compgen_files", "zsh": "_files"}
FOLDERS = {"bash": "_shtab_compgen_dirs", "zsh": "_files -/"}
# what a value is, by its name in the help
COMPLETES = {"DATA": FILES, "SCRIPT": FILES, "FILE": FILES, "FILE.html": FILES, "OUT": FILES, "ANCHORS": FILES,
             "DIR": FOLDERS}  # fmt: skip


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script that completes the commands and options of a parser, to be evaluated by the shell.

    Raises
    ------
    BackendError
        If shtab is not installed.
    DataError
        If the shell is another one.
    """
    if shell not in SHELLS:
        raise DataError(f"--print-completion = {shell!r}: must be one of {', '.join(map(repr, SHELLS))}")
    if importlib.util.find_spec("shtab") is None:
        raise BackendError("--print-completion: shtab is not installed; pip install 'fastanchor[completion]'")
    import shtab

    for command in (parser, *_commands(parser)):
        for action in command._actions:
            kind = COMPLETES.get(str(action.metavar))
            if kind is not None and not hasattr(action, "complete"):
                action.complete = kind  # type: ignore[attr-defined]  # where shtab looks for it
    text: str = shtab.complete(parser, shell=shell)
    return text


def _commands(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    return [
        command
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for command in action.choices.values()
    ]
