"""Run a script with some of its functions replaced by ours, without changing the file."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from fastanchor._errors import DataError
from fastanchor._reading import unreadable
from fastanchor._types import PathLike

__all__ = ["defined", "run"]

HOOK = "__fastanchor_put__"  # called after each definition that is replaced


def defined(script: PathLike, names: Mapping[str, Any]) -> list[str]:
    """Return those of `names`, "function" or "Class.method", that a script defines at its top level.

    Raises
    ------
    DataError
        If the file cannot be read, or is not Python source.
    """
    defines = set()
    for node in _tree(Path(script)).body:
        if isinstance(node, ast.FunctionDef):
            defines.add(node.name)
        elif isinstance(node, ast.ClassDef):
            defines |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return [name for name in names if name in defines]


def run(script: PathLike, functions: Mapping[str, Callable[..., Any]]) -> None:
    """Run a script as ``python SCRIPT`` does, each of its `functions` replaced as soon as it is defined."""
    path = Path(script)
    tree = _tree(path)
    body: list[ast.stmt] = []
    for node in tree.body:
        body.append(node)
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            body += [_call(node, name) for name in functions if name.partition(".")[0] == node.name]
    tree.body = body
    module = ModuleType("__main__")
    space = vars(module)

    def put(name: str) -> None:
        owner, dot, method = name.rpartition(".")
        if dot:
            setattr(space[owner], method, functions[name])
        else:
            space[name] = functions[name]

    space.update({"__file__": os.fspath(script), "__builtins__": __builtins__, HOOK: put})
    before = sys.modules["__main__"]
    sys.modules["__main__"] = module
    try:
        exec(compile(tree, os.fspath(script), "exec"), space)  # noqa: S102  the script that the user wants to run
    finally:
        sys.modules["__main__"] = before


def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except OSError as error:
        raise unreadable(path, error) from None
    except (SyntaxError, ValueError) as error:
        raise DataError(f"{path}: not a Python script ({error})") from None


def _call(node: ast.stmt, name: str) -> ast.stmt:
    call = ast.Expr(ast.Call(ast.Name(HOOK, ast.Load()), [ast.Constant(name)], []))
    for part in ast.walk(call):
        if isinstance(part, (ast.expr, ast.stmt)):
            part.lineno = part.end_lineno = node.end_lineno or node.lineno
            part.col_offset = part.end_col_offset = 0
    return call
