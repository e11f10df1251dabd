"""What the words of a command line are: values of options, which have one or several words, and data between them."""

from __future__ import annotations

import argparse
import enum
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

from fastanchor._errors import DataError

__all__ = ["Every", "Once", "Several", "Word", "arranged", "long_name"]


class Word(enum.Enum):
    """What the next word is to an option that has some words already."""

    PART = "part of its value"
    SLIP = "a misspelt part of its value, unless a file or folder has this name"
    OTHER = "not part of its value"


class Once(argparse.Action):
    """Store the value of an option; a second, different value is an error."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Store the value."""
        first = vars(namespace).setdefault("_given", {}).setdefault(self.dest, values)
        if self.option_strings and first is not values and first != values:  # nan differs from itself
            raise DataError(f"{long_name(self)}: given twice, as {_shown(first)} and as {_shown(values)}; give it once")
        setattr(namespace, self.dest, values)


class Several(Once):
    """Store the value of an option that may be several words: the next one, and those that `belongs` accepts."""

    def __init__(self, *arguments: Any, belongs: Callable[[Sequence[str], str], Word], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.belongs = belongs


class Every(argparse.Action):
    """Collect the values of an option that may be given several times."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Store the values so far."""
        found = vars(namespace).setdefault("_given", {}).setdefault(self.dest, [])
        found.append(values)
        setattr(namespace, self.dest, found)


def long_name(action: argparse.Action) -> str:
    """Return the first long name of an option, which messages use."""
    names = action.option_strings
    return next((name for name in names if name.startswith("--")), names[0] if names else str(action.metavar))


def _shown(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def arranged(parser: argparse.ArgumentParser, words: Sequence[str]) -> list[str]:
    """Return the words after a command in another order: options first, each with its whole value, then the data.

    A word that can be part of an option's value, and is the name of a file or folder too, is an error.
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
            continue  # it has no value, has it after "=", or argparse reports that it is missing
        value = rest.pop(0)
        if isinstance(action, Several):
            value = _gathered(action, value, rest)
        if word.startswith("--"):
            options[-1] = f"{max(action.option_strings, key=len)}={value}"  # in full, if it was abbreviated
        else:
            options.append(value)
    dashed = any(_is_option(word) for word in data)
    return [*options, *(["--"] if dashed else []), *data]


def _is_option(word: str) -> bool:
    return len(word) > 1 and word.startswith("-") and not re.match(r"-\.?\d", word)


def _action(parser: argparse.ArgumentParser, word: str) -> argparse.Action | None:
    """Return the option with this name, or the only one whose name begins so."""
    known = parser._option_string_actions
    if word in known or not word.startswith("--"):
        return known.get(word)
    matches = {id(action): action for name, action in known.items() if name.startswith(word)}
    return next(iter(matches.values())) if len(matches) == 1 else None


def _gathered(action: Several, first: str, rest: list[str]) -> str:
    """Return the value of an option, and remove its words from `rest`."""
    words = [first]
    while rest:
        word = rest[0]
        kind, exists = action.belongs(words, word), os.path.lexists(word)
        if kind is Word.OTHER or (kind is Word.SLIP and exists):
            break
        if exists:
            option = action.option_strings[0]
            raise DataError(
                f"{option}: {word!r} can be a part of {option} {' '.join(words)}, and is the name of a file or folder; "
                f"write ./{word} for that, or {option}='{' '.join([*words, word])}'"
            )
        words.append(rest.pop(0))
    return " ".join(words)
