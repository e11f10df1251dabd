"""What an expression of literals in Python text is: numbers, lists and arithmetic with them. Nothing is run."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["UNKNOWN", "evaluated", "name_of", "value"]

LONGEST = 1000  # entries of a list
MOST = 20_000  # steps of an expression
DEEPEST = 30
LARGEST = 1e9  # of numbers that are computed


class _Unknown:
    def __repr__(self) -> str:
        return "a computed value"


UNKNOWN = _Unknown()


class _Computed(Exception):
    """An expression is more than literals and arithmetic."""


def value(node: ast.expr, names: Mapping[str, ast.expr]) -> Any:
    """Return what an expression is, lists as tuples; UNKNOWN if it is more than literals and arithmetic with them.

    `names` are expressions that names stand for.

    Examples
    --------
    >>> def of(text): return value(ast.parse(text, mode="eval").body, {})
    >>> of("[[x, int(x * 2 ** (1 / 3))] for x in [32, 64]]"), of("((0.5, 1.0),) * 2"), of("f(3)")
    (((32, 40), (64, 80)), ((0.5, 1.0), (0.5, 1.0)), a computed value)
    """
    try:
        return _Expression(names).value(node, {}, 0)
    except (_Computed, ValueError, TypeError, SyntaxError, ArithmeticError, RecursionError, MemoryError):
        return UNKNOWN


def evaluated(text: str) -> Any:
    """Return what the text of an expression is, as :func:`value` does."""
    try:
        return value(ast.parse(text.strip(), mode="eval").body, {})
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return UNKNOWN


class _Expression:
    def __init__(self, names: Mapping[str, ast.expr]) -> None:
        self.names, self.steps = names, 0

    def value(self, node: ast.expr, bound: Mapping[str, Any], depth: int) -> Any:
        """Return what a part is; `bound` are the variables of comprehensions around it."""
        self.steps += 1
        if depth > DEEPEST or self.steps > MOST:
            raise _Computed
        kind = getattr(self, f"_{type(node).__name__.lower()}", None)
        found = ast.literal_eval(node) if kind is None else kind(node, bound, depth + 1)
        if isinstance(found, tuple) and len(found) > LONGEST:
            raise _Computed
        return found

    def _name(self, node: ast.Name, bound: Mapping[str, Any], depth: int) -> Any:
        if node.id in bound:
            return bound[node.id]
        if node.id not in self.names:
            raise _Computed
        return self.value(self.names[node.id], {}, depth)

    def _tuple(self, node: ast.Tuple | ast.List, bound: Mapping[str, Any], depth: int) -> Any:
        return tuple(self.value(part, bound, depth) for part in node.elts)

    _list = _tuple

    def _binop(self, node: ast.BinOp, bound: Mapping[str, Any], depth: int) -> Any:
        left, right = self.value(node.left, bound, depth), self.value(node.right, bound, depth)
        if isinstance(left, tuple):
            if isinstance(node.op, ast.Add) and isinstance(right, tuple):
                return left + right
            if isinstance(node.op, ast.Mult) and isinstance(right, int) and 0 <= len(left) * right <= LONGEST:
                return left * right
            raise _Computed
        return _number(OPERATORS[type(node.op)](_number(left), _number(right))) if type(node.op) in OPERATORS else _no()

    def _unaryop(self, node: ast.UnaryOp, bound: Mapping[str, Any], depth: int) -> Any:
        if not isinstance(node.op, ast.USub):
            return ast.literal_eval(node)
        return -_number(self.value(node.operand, bound, depth))

    def _call(self, node: ast.Call, bound: Mapping[str, Any], depth: int) -> Any:
        function = FUNCTIONS.get(name_of(node.func))
        if function is None or node.keywords:
            raise _Computed
        return function(*(self.value(part, bound, depth) for part in node.args))

    def _listcomp(self, node: ast.ListComp | ast.GeneratorExp, bound: Mapping[str, Any], depth: int) -> Any:
        return tuple(self.value(node.elt, each, depth) for each in self._loops(node.generators, bound, depth))

    _generatorexp = _listcomp

    def _loops(
        self, loops: list[ast.comprehension], bound: Mapping[str, Any], depth: int
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the variables of each turn of nested loops."""
        if not loops:
            yield bound
            return
        first, *rest = loops
        if first.ifs or not isinstance(first.target, ast.Name):
            raise _Computed
        for item in self.value(first.iter, bound, depth):
            yield from self._loops(rest, {**bound, first.target.id: item}, depth)


def _no() -> Any:
    raise _Computed


def _number(value: Any) -> Any:
    fine = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST
    return value if fine else _no()


def _power(base: float, exponent: float) -> Any:
    return base**exponent if abs(exponent) <= 30 else _no()


OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.Pow: _power,
}  # fmt: skip
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len, "tuple": tuple, "list": tuple, "sqrt": math.sqrt, "range": lambda *ends: tuple(range(*ends)[:LONGEST]),
    "int": lambda number: int(_number(number)), "float": lambda number: float(_number(number)),
    "round": lambda number, *digits: round(_number(number), *digits),
}  # fmt: skip


def name_of(node: ast.expr) -> str:
    """Return the last name of an expression such as ``a.b.c``; empty for other expressions."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
