"""Texts of nested blocks in braces, ``name: value`` and ``name { ... }``, as TensorFlow and TAO write configurations.

This is the text format of protocol buffers, as far as it can be read without their definitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fastanchor._errors import DataError
from fastanchor.detectors._literals import evaluated

__all__ = ["Block", "blocks", "numbers", "one"]

Block = dict[str, list[Any]]  # the values of each name: words, texts without quotation marks, lists of these, blocks

TOKEN = re.compile(
    r"""\s+|\#[^\n]*
    |([A-Za-z_][\w.]*|[-+.\d][\w.+-]*)  # a name or a number
    |"((?:\\.|[^"\\\n])*)"|'((?:\\.|[^'\\\n])*)'
    |([{}<>:,;\[\]])""",
    re.VERBOSE,
)
DEEPEST = 50


def blocks(text: str) -> Block:
    """Return what a text says.

    Raises
    ------
    DataError
        If it is no such text.

    Examples
    --------
    >>> blocks("a { b: 1  b: 2.5  c: [3, 4] }  d: 'e'")
    {'a': [{'b': ['1', '2.5'], 'c': [['3', '4']]}], 'd': ['e']}
    """
    tokens = _tokens(text)
    found, end = _block(tokens, 0, 0)
    if end < len(tokens):
        raise DataError(f"line {tokens[end][1]}: got '{tokens[end][0]}', expected a name")
    return found


def under(block: Block, name: str) -> Iterator[Block]:
    """Yield every block with this name, however deep."""
    for key, values in block.items():
        for value in values:
            if isinstance(value, dict):
                if key == name:
                    yield value
                yield from under(value, name)


def one(block: Block, name: str) -> Block | None:
    """Return the first block with this name, however deep, or None."""
    return next(under(block, name), None)


def numbers(block: Block, name: str, *default: float) -> list[float]:
    """Return the numbers of a name, written one by one or as lists, also as lists in quotation marks.

    Raises
    ------
    DataError
        If one is not a number.

    Examples
    --------
    >>> numbers(blocks("a: 1 a: [2, 3]"), "a"), numbers(blocks("b: '[4, 1 / 2]'"), "b"), numbers({}, "c", 6.0)
    ([1.0, 2.0, 3.0], [4.0, 0.5], [6.0])
    """
    words: list[str] = []
    for value in block.get(name, []):
        if isinstance(value, dict):
            raise DataError(f"{name}: got a block, expected numbers")
        listed = evaluated(value) if isinstance(value, str) else value  # in quotation marks it may be computed
        words += [str(one) for one in listed] if isinstance(listed, (list, tuple)) else [value]
    try:
        return [float(word) for word in words if word.strip()] or list(default)
    except ValueError:
        raise DataError(f"{name}: got {' '.join(words)[:50]!r}, expected numbers") from None


def _tokens(text: str) -> list[tuple[str, int, bool]]:
    """Return the tokens with their lines, and whether they are names, numbers or texts, not signs."""
    found, at, line = [], 0, 1
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise DataError(f"line {line}: got {text[at]!r}, expected a name, a number or a bracket")
        word = next((part for part in match.groups()[:3] if part is not None), None)
        if word is not None or match[4]:
            found.append((match[4] or word or "", line, word is not None))
        line += match[0].count("\n")
        at = match.end()
    return found


def _block(tokens: list[tuple[str, int, bool]], at: int, depth: int) -> tuple[Block, int]:
    """Return the entries from a position on, and the position of the bracket that ends them."""
    found: Block = {}
    if depth > DEEPEST:
        raise DataError("blocks nested too deeply")
    while at < len(tokens) and tokens[at][0] not in ("}", ">"):
        name, line, word = tokens[at]
        if not word:
            if name in (",", ";"):
                at += 1
                continue
            raise DataError(f"line {line}: got '{name}', expected a name")
        value, at = _value(tokens, at + 1, depth)
        found.setdefault(name, []).append(value)
    return found, at


def _value(tokens: list[tuple[str, int, bool]], at: int, depth: int) -> tuple[Any, int]:
    """Return the value at a position, and the position after it."""
    end = f"line {tokens[-1][1]}: the text ends within a block" if tokens else "empty"
    if at < len(tokens) and tokens[at][0] == ":" and not tokens[at][2]:
        at += 1
    if at >= len(tokens):
        raise DataError(end)
    text, line, word = tokens[at]
    if word:
        return text, at + 1
    if text in "{<":
        found, at = _block(tokens, at + 1, depth + 1)
        if at >= len(tokens):
            raise DataError(end)
        return found, at + 1
    if text == "[":
        items: list[str] = []
        while (at := at + 1) < len(tokens) and tokens[at][0] != "]":
            if tokens[at][2]:
                items.append(tokens[at][0])
        return items, at + 1
    raise DataError(f"line {line}: got '{text}', expected a value")
