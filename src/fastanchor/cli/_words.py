"""Which words of a command line belong to an option of several words, so that options may stand anywhere."""

from __future__ import annotations

import argparse
import enum
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

from fastanchor._errors import DataError

__all__ = ["Several", "Word", "arranged"]


class Word(enum.Enum):
    """What the next word is to an option that has some already."""

    PART = "a part of its value"
    SLIP = "like a part, but wrong: the option's, for its error, unless it is the name of a file or folder"
    OTHER = "not for it"


class Several(argparse.Action):
    """Stores the value of an option that may be several words: the next one, and those that `belongs` takes."""

    def __init__(self, *arguments: Any, belongs: Callable[[Sequence[str], str], Word], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.belongs = belongs

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Store the value."""
        setattr(namespace, self.dest, values)


def arranged(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """Return the words behind a command with its options first, each with its whole value, and then the data.

    Raises
    ------
    DataError
        If a word can be a part of an option's value, and is the name of a file or folder too.
    """
    rest = list(words)
    options: list[str] = []
    data: list[str] = []
    while rest:
        word = rest.pop(0)
        if word == "--":
            data += rest
            break
        if not _is_option(word):
            data.append(word)
            continue
        options.append(word)
        action = _action(parser, word)
        if action is None or action.nargs == 0 or not rest or _is_option(rest[0]):
            continue  # it has no value, has it by "=", or lacks it, which argparse says
        value = rest.pop(0)
        if isinstance(action, Several):
            value = _gathered(action, value, rest)
        if word.startswith("--"):
            options[-1] = f"{max(action.option_strings, key=len)}={value}"  # whole, if it was cut short
        else:
            options.append(value)
    dashed = any(_is_option(word) for word in data)
    return [*options, *(["--"] if dashed else []), *data]


def _is_option(word: str) -> bool:
    return len(word) > 1 and word.startswith("-") and not re.match(r"-\.?\d", word)


def _action(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    """Return the option that a word is the name of, or the beginning of its name."""
    known = parser._option_string_actions
    if word in known or not word.startswith("--"):
        return known.get(word)
    found = {id(action): action for name, action in known.items() if name.startswith(word)}
    return next(iter(found.values())) if len(found) == 1 else None


def _gathered(action: Several, first: str, rest: list[str]) -> str:
    """Return the value of an option, and take its words from those that follow."""
    given = [first]
    while rest:
        word = rest[0]
        kind, there = action.belongs(given, word), os.path.lexists(word)
        if kind is Word.OTHER or (kind is Word.SLIP and there):
            break
        if there:
            option = action.option_strings[0]
            raise DataError(
                f"{option}: {word!r} can be a part of {option} {' '.join(given)}, and is the name of a file or folder; "
                f"write ./{word} for that, or {option}='{' '.join([*given, word])}'"
            )
        given.append(rest.pop(0))
    return " ".join(given)
