"""The parser: every error is one sentence with a suggestion, and an option has one value."""

from __future__ import annotations

import argparse
import os
import re
from typing import Any, NoReturn

from fastanchor._errors import DataError
from fastanchor._hints import meant, unknown
from fastanchor.cli._values import number, whole_number
from fastanchor.cli._words import Once

__all__ = ["Parser"]

LONGEST = 400  # characters of an error about arguments
MANY = 20  # values of an option that are not listed in an error


class Parser(argparse.ArgumentParser):
    """Raises DataError, one sentence, for what is wrong with the arguments."""

    chosen: Parser | None = None  # the parser of the command, whose help an error points to

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(*arguments, **options)
        self.register("type", int, whole_number)
        self.register("type", float, number)
        for action in (None, "store"):
            self.register("action", action, Once)

    def error(self, message: str) -> NoReturn:
        """Raise `message` as a sentence that begins with the option, and says where help is."""
        parser = self.chosen or self
        about = re.match(r"argument (\S+): (?:(['\"].*?): (?=must |is |[-0-9]+ runs ))?", message)
        if about is not None:
            name = next((one for one in about[1].split("/") if one.startswith("--")), about[1])
            message = f"{name}{f' = {about[2]}' if about[2] else ''}: {message[about.end() :]}"
        extra = re.match(r"unrecognized arguments: (?:.*? )?(-\S+)", message)
        if extra is not None:
            if extra[1] in ("-o", "--output"):
                self.error("--output: not an option of this command; write its answer with --json > FILE")
            message += meant(extra[1].partition("=")[0], parser._option_string_actions)
        message = message if len(message) <= LONGEST else f"{message[:LONGEST]}..."
        raise DataError(f"{message} (see {parser.prog} --help)")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = list(map(str, action.choices))
            like = meant(str(value), names)
            if action.metavar == "COMMAND" and os.path.lexists(value):
                like = f"; did you mean 'fastanchor anchors {value}'?"
            command = re.search(r"`(fastanchor \w+)`", action.help or "")
            rule = f"is unknown{like}" if like else f"must be one of {', '.join(map(repr, names))}"
            if len(names) > MANY and command is not None:
                rule = unknown(str(value), names, command[1])
            raise argparse.ArgumentError(action, f"{value!r}: {rule}")
