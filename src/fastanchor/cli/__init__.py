"""The command line. One file a command, each with ``add`` (its arguments) and ``run`` (its work)."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from fastanchor._errors import DataError, FastanchorError
from fastanchor._hints import of_command_line
from fastanchor._version import __version__
from fastanchor.cli import _speak
from fastanchor.cli._values import number, whole_number
from fastanchor.cli._words import arranged

__all__ = ["main"]

# name of the command and of its module, which is imported when the command is chosen
COMMANDS = {
    "anchors": "anchors for a data set (the main job)",
    "check": "score given anchors on a data set",
    "sweep": "scores over the number of anchors",
    "report": "one page about a data set and its anchors",
    "stats": "count images, boxes and classes",
    "show": "draw images with their boxes",
    "convert": "write the boxes of a data set as a table",
    "run": "run a training script with fastanchor inside",
    "info": "versions, backend, cache folder",
    "bench": "check answers and time them against NumPy and other packages",
}

EPILOG = """\
examples:
  fastanchor anchors                            the main job on a built-in sample
  fastanchor anchors VOC2012 --img-size 416     nine anchors for your labels
  fastanchor anchors VOC2012 --n 6 --json       the same for a tiny network, as JSON
  fastanchor anchors VOC2012 --emit mmdet       the text for another detector
  fastanchor check VOC2012 --anchors model.yaml how well anchors that you have fit
  fastanchor sweep VOC2012 --n 1-15             how many anchors are worth it
  fastanchor report VOC2012 -o page.html        tables and pictures on one page
  fastanchor stats data.yaml                    what is in a data set, YOLO's here
  fastanchor convert coco.json -o b.parquet     its boxes as a table, COCO's here
  fastanchor show VOC2012 -o sheet.png          a look at the first images
  fastanchor run --patch yolov5 train.py ...    a training script with fastanchor inside

`fastanchor COMMAND --help` tells the rest. Answers go to stdout, progress to stderr.
Exit codes: 0 fine, 1 a check failed, 2 bad usage or data, 130 interrupted.
"""

LONGEST = 300  # characters of an error about arguments

# arguments of functions that have another name as options
OTHERWISE = {"k": "n", "rng": "seed", "out": "output"}


class _Parser(argparse.ArgumentParser):
    """Raises what is wrong with the arguments as one sentence."""

    help_of = ""  # what to look up; default: this parser's own

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register("type", int, whole_number)
        self.register("type", float, number)

    def error(self, message: str) -> NoReturn:
        """Raise `message` with the place to look for help; it begins as all errors about arguments do."""
        about = re.match(
            r"argument (\S+): (?:invalid choice: ('.*?') \(choose from (.*)\)$|(['\"].*?): (?=must |is ))?", message
        )
        if about is not None:
            names, wrong, legal, value = about.groups()
            name = next((one for one in names.split("/") if one.startswith("--")), names)
            rest = message[about.end() :]
            rule = f" = {wrong}: must be one of {legal}" if wrong else f" = {value}: {rest}" if value else f": {rest}"
            message = name + rule
        message = message if len(message) <= LONGEST else f"{message[:LONGEST]}..."
        raise DataError(f"{message} (see {self.help_of or self.prog} --help)")


class _Commands:
    """Takes the parser of the chosen command."""

    def __init__(self, commands: Any, text: str) -> None:
        self._commands, self._text = commands, text
        self.parser: argparse.ArgumentParser | None = None

    def add_parser(self, name: str, **options: Any) -> Any:
        """Return a new parser for the command."""
        self.parser = self._commands.add_parser(name, help=self._text, **options)
        return self.parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. Signal handlers are left alone."""
    try:
        with of_command_line():
            code = _answered(sys.argv[1:] if argv is None else argv)
    except FastanchorError as error:
        _speak.say(str(error))
        return 2
    except MemoryError as error:
        _speak.say(f"not enough memory ({error})" if str(error) else "not enough memory")
        return 2
    except KeyboardInterrupt:
        _speak.say("interrupted")
        return 130
    except BrokenPipeError:
        return 0  # the reader of standard output has left (`| head`): nothing to say
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        _speak.say(f"{place}{error.strerror or error}")
        return 2
    return code if isinstance(code, int) else code()


def _answered(argv: Sequence[str]) -> int | Callable[[], int]:
    """Run a command and return its exit code; a job that does not run under our rules is returned itself."""
    parser, command = _parser(argv)
    printed = io.StringIO()  # argparse would not notice that standard output is full
    try:
        with contextlib.redirect_stdout(printed):
            arguments = parser.parse_args(_spelled(command, argv))
    except SystemExit:  # --help or --version
        _speak.answer(printed.getvalue().rstrip())
        return 0
    with of_command_line({} if command is None else _names(command)):
        if arguments.command != "run":  # whose script may not need it
            _speak.need_stdout()
            from fastanchor.cli import _files  # with NumPy, whose import can be interrupted in here

            _files.check(arguments)
        code: int | Callable[[], int] = arguments.run(arguments)
    return code


def _spelled(command: argparse.ArgumentParser | None, argv: Sequence[str]) -> Sequence[str]:
    """Return the words with each option's in one; those behind the script of `run` are its own, and stay."""
    if command is None or any(action.nargs == argparse.REMAINDER for action in command._actions):
        return argv
    at = next(i for i, word in enumerate(argv) if not word.startswith("-")) + 1
    return [*argv[:at], *arranged(command, argv[at:])]


def _names(command: argparse.ArgumentParser) -> dict[str, str]:
    """Return the names of a command's options, by the Python arguments that they become."""
    names = {}
    for action in command._actions:
        long = [name for name in action.option_strings if name.startswith("--")]
        if long:
            names[action.dest] = long[0]
    return {**{python: names[dest] for python, dest in OTHERWISE.items() if dest in names}, **names}


def _parser(argv: Sequence[str]) -> tuple[argparse.ArgumentParser, argparse.ArgumentParser | None]:
    """Return the parser, and that of the chosen command."""
    parser = _Parser(
        prog="fastanchor",
        description="Anchor box shapes for object detectors, from your labels.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fastanchor {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in argv if not word.startswith("-")), None)
    if chosen in COMMANDS:
        parser.help_of = f"fastanchor {chosen}"
    found = None
    for name, text in COMMANDS.items():
        if name == chosen:
            one = _Commands(commands, text)
            importlib.import_module(f"fastanchor.cli.{name}").add(one)
            found = one.parser
        else:
            commands.add_parser(name, help=text, add_help=False)
    return parser, found
