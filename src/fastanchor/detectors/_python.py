"""What Python text says: the arguments of calls and dictionaries, where these are literals. Nothing is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from fastanchor._errors import DataError

__all__ = ["UNKNOWN", "calls", "dictionaries", "parsed", "value"]


class _Unknown:
    def __repr__(self) -> str:
        return "a computed value"


UNKNOWN = _Unknown()
LONGEST = 1000  # entries of a list that is written as a product


def parsed(text: str) -> ast.Module:
    """Return the syntax tree.

    Raises
    ------
    DataError
        If the text is not Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about strings in the user's code
            return ast.parse(text.removeprefix("\ufeff"))
    except (SyntaxError, ValueError) as error:
        place = f"line {error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        raise DataError(f"not valid Python ({place}{getattr(error, 'msg', error)})") from None
    except (RecursionError, MemoryError):
        raise DataError("not readable as Python (nested too deeply)") from None


def calls(tree: ast.Module, name: str, positions: tuple[str, ...] = ()) -> Iterator[dict[str, Any]]:
    r"""Yield the arguments of each call of a function, by name; UNKNOWN for those that are computed.

    Examples
    --------
    >>> list(calls(parsed("a = (1,)\nb = f(a * 2, c=len(a), d=g())"), "f", ("x",)))[0]["x"]
    (1, 1)
    """
    names = _names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) == name:
            given = dict(zip(positions, node.args, strict=False))
            given.update({word.arg: word.value for word in node.keywords if word.arg})
            yield {key: value(argument, names) for key, argument in given.items()}


def dictionaries(tree: ast.Module, key: str) -> Iterator[dict[str, Any]]:
    r"""Yield each dictionary in braces that has this key; UNKNOWN for values that are computed.

    Examples
    --------
    >>> list(dictionaries(parsed("a = {'b': [[1, 1 / 2]] * 2, 'c': f()}"), "b"))[0]["b"]
    ((1, 0.5), (1, 0.5))
    """
    names = _names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            pairs = [(name.value, part) for name, part in zip(node.keys, node.values, strict=True)
                     if isinstance(name, ast.Constant) and isinstance(name.value, str)]  # fmt: skip
            if any(name == key for name, _ in pairs):
                yield {name: value(part, names) for name, part in pairs}


def _names(tree: ast.Module) -> dict[str, ast.expr]:
    """Return what is assigned to names."""
    return {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def value(node: ast.expr, names: Mapping[str, ast.expr], depth: int = 0) -> Any:
    """Return what an expression of literals is, with names, quotients, products of lists and ``len``; else UNKNOWN."""
    if depth > 20:
        return UNKNOWN
    if isinstance(node, ast.Name):
        return value(names[node.id], names, depth + 1) if node.id in names else UNKNOWN
    if isinstance(node, (ast.Tuple, ast.List)):
        parts = [value(part, names, depth + 1) for part in node.elts]
        return UNKNOWN if any(part is UNKNOWN for part in parts) else tuple(parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        some, times = value(node.left, names, depth + 1), value(node.right, names, depth + 1)
        fine = isinstance(some, tuple) and isinstance(times, int) and 0 <= len(some) * times <= LONGEST
        return some * times if fine else UNKNOWN
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        above, below = value(node.left, names, depth + 1), value(node.right, names, depth + 1)
        plain = isinstance(above, (int, float)) and isinstance(below, (int, float)) and below != 0
        return above / below if plain else UNKNOWN
    if isinstance(node, ast.Call) and _name(node.func) == "len" and len(node.args) == 1:
        some = value(node.args[0], names, depth + 1)
        return len(some) if isinstance(some, tuple) else UNKNOWN
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return UNKNOWN


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
