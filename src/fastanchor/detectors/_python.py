"""What Python text says: the arguments of calls and dictionaries, where these are literals. Nothing is run."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from typing import Any

from fastanchor._errors import DataError
from fastanchor.detectors._literals import UNKNOWN, name_of, value

__all__ = ["UNKNOWN", "assigned", "calls", "defaults", "dictionaries", "parsed"]


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
        if isinstance(node, ast.Call) and name in (name_of(node.func), _wrapped(node.func)):
            given = dict(zip(positions, node.args, strict=False))
            given.update({word.arg: word.value for word in node.keywords if word.arg})
            yield {key: value(argument, names) for key, argument in given.items()}


def defaults(tree: ast.Module, name: str) -> Iterator[dict[str, Any]]:
    r"""Yield the defaults of each function of a name, by argument; UNKNOWN for those that are computed.

    Examples
    --------
    >>> list(defaults(parsed("def f(a, b=[1], c=g()): pass"), "f"))
    [{'c': a computed value, 'b': (1,)}]
    """
    names = _names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            pairs = zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)
            yield {argument.arg: value(default, names) for argument, default in pairs}


def assigned(tree: ast.Module) -> Iterator[tuple[list[str], Any]]:
    """Yield the names of each attribute that is assigned, and its value; UNKNOWN for those that are computed.

    Examples
    --------
    >>> list(assigned(parsed("a.b.c = [1, 2]")))
    [(['a', 'b', 'c'], (1, 2))]
    """
    names = _names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute):
                    yield ast.unparse(target).split("."), value(node.value, names)


def dictionaries(tree: ast.Module, key: str, outer: str) -> Iterator[dict[str, Any]]:
    r"""Yield each dictionary in braces that has this key, in the order of the text; UNKNOWN for computed values.

    The value of `outer` is that of the innermost dictionary around it that has one.

    Examples
    --------
    >>> list(dictionaries(parsed("x = {'a': 3, 'c': f({'b': [[1, 1 / 2]] * 2, 'd': g()})}"), "b", "a"))
    [{'a': 3, 'b': ((1, 0.5), (1, 0.5)), 'd': a computed value}]
    """
    names = _names(tree)
    waiting: list[tuple[ast.AST, dict[str, ast.expr]]] = [(tree, {})]
    while waiting:
        node, around = waiting.pop()
        if isinstance(node, ast.Dict):
            pairs = {name.value: part for name, part in zip(node.keys, node.values, strict=True)
                     if isinstance(name, ast.Constant) and isinstance(name.value, str)}  # fmt: skip
            around = {outer: pairs[outer]} if outer in pairs else around
            if key in pairs:
                yield {name: value(part, names) for name, part in {**around, **pairs}.items()}
        waiting += [(child, around) for child in reversed(list(ast.iter_child_nodes(node)))]


def _wrapped(node: ast.expr) -> str:
    """Return the name in a call such as ``L(Name)(...)``, which makes an object later."""
    return name_of(node.args[0]) if isinstance(node, ast.Call) and len(node.args) == 1 else ""


def _names(tree: ast.Module) -> dict[str, ast.expr]:
    """Return what is assigned to names, and the defaults of arguments where nothing is."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            pairs = zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)
            found = {argument.arg: default for argument, default in pairs} | found
        elif isinstance(node, ast.Assign):
            found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
    return found
