"""The command line. A command is a module with ``add`` (its options) and ``run`` (its work); its docstring is help."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import sys
from collections.abc import Callable, Sequence
from typing import Any

from fastanchor._errors import DataError, FastanchorError
from fastanchor._hints import of_command_line
from fastanchor._version import __version__
from fastanchor.cli import _speak
from fastanchor.cli._parser import Parser
from fastanchor.cli._words import arranged, long_name

__all__ = ["main"]

# name of the command and of its module, which is imported when the command is chosen
COMMANDS = {
    "anchors": "compute anchors for a data set (the main job)",
    "check": "score anchors that you have on a data set",
    "sweep": "scores over the number of anchors",
    "detectors": "list the detectors that anchors can be computed for",
    "report": "write one HTML page about a data set and its anchors",
    "index": "keep the boxes of a large data set in a folder, for the other commands",
    "stats": "count images, boxes and classes",
    "show": "draw images with their boxes",
    "convert": "write the boxes of a data set as a table, COCO, YOLO or VOC",
    "run": "run a training script with fastanchor inside",
    "info": "print versions, backend, cache folder",
    "bench": "check answers and time them against NumPy and other packages",
}

GREETING = """\
fastanchor computes anchor boxes for object detectors from your labels. For example:

  fastanchor anchors                                 try it on a built-in sample
  fastanchor anchors data.yaml --img-size 640        nine anchors for your labels
  fastanchor check data.yaml --anchors yolov5s.yaml  how well anchors that you have fit

`fastanchor --help` lists all commands.
"""

EPILOG = """\
examples:
  fastanchor anchors                            the main job on a built-in sample
  fastanchor anchors VOC2012 --img-size 416     nine anchors for your labels
  fastanchor anchors VOC2012 -n 6 --json        the same for a tiny network, as JSON
  fastanchor anchors VOC2012 --emit mmdet       the text for another detector
  fastanchor check VOC2012 --anchors model.yaml how well anchors that you have fit
  fastanchor sweep VOC2012 -n 1-15              how many anchors are worth it
  fastanchor report VOC2012 -o page.html        tables and pictures on one page
  fastanchor index data.yaml -o boxes.index     keep its boxes for the next commands
  fastanchor stats data.yaml                    what is in a data set, here of YOLO
  fastanchor convert coco.json -o b.parquet     its boxes as a table, here of COCO
  fastanchor show VOC2012 -o sheet.png          a look at some of its images
  fastanchor run --patch yolov5 train.py ...    a training script with fastanchor inside

`fastanchor COMMAND --help` describes all options. Answers go to stdout, remarks to stderr.
Exit codes: 0 fine, 1 a check failed, 2 bad usage or data, 130 interrupted.
"""

# arguments of functions that have another name as options
ALIASES = {"k": "n", "seed": "rng", "out": "output"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code. Signal handlers stay as they are."""
    try:
        with of_command_line():
            code = _answered(sys.argv[1:] if argv is None else argv)
    except FastanchorError as error:
        return _failed(str(error))
    except MemoryError as error:
        return _failed(f"not enough memory ({error})" if str(error) else "not enough memory")
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except BrokenPipeError:
        return 0  # the reader of standard output has left (`| head`)
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        return _failed(f"{place}{error.strerror or error}")
    return code if isinstance(code, int) else code()


def _failed(text: str, code: int = 2) -> int:
    _speak.say(text, colour=_speak.RED)
    return code


def _answered(argv: Sequence[str]) -> int | Callable[[], int]:
    """Run a command and return its exit code; a job that runs outside our error handling is returned itself."""
    if not argv:
        for line in GREETING.splitlines():
            _speak.say(line, head="")
        return 2
    parser, command = parser_of(argv)
    printed = io.StringIO()  # argparse would not notice that standard output is full
    try:
        with contextlib.redirect_stdout(printed):
            arguments = parser.parse_args(_ordered(command, argv))
    except SystemExit:  # --help and the like
        _speak.print_text(printed.getvalue().rstrip())
        return 0
    run: Callable[[argparse.Namespace], int | Callable[[], int]] = arguments.run
    if arguments.command == "run":  # whose script may not need standard output
        return run(arguments)
    if arguments.quiet and arguments.verbose:
        raise DataError("--quiet and --verbose: only one of them can be given")
    with of_command_line(_names(command)), _speak.remarks(quiet=arguments.quiet, verbose=arguments.verbose):
        _speak.need_stdout()
        from fastanchor.cli import _files  # with NumPy, whose import can be interrupted in here

        _files.check(arguments)
        return run(arguments)


def _ordered(command: Parser | None, argv: Sequence[str]) -> Sequence[str]:
    """Return the words with each option in one word; those after the script of `run` are not ours, and stay."""
    if command is None or any(action.nargs == argparse.REMAINDER for action in command._actions):
        return argv
    at = next(i for i, word in enumerate(argv) if not word.startswith("-")) + 1
    return [*argv[:at], *arranged(command, argv[at:])]


def _names(command: Parser | None) -> dict[str, str]:
    """Return the names of a command's options, by the Python arguments that receive their values."""
    actions = [] if command is None else command._actions
    names = {action.dest: long_name(action) for action in actions if action.option_strings}
    return {**{python: names[dest] for python, dest in ALIASES.items() if dest in names}, **names}


def parser_of(argv: Sequence[str]) -> tuple[Parser, Parser | None]:
    """Return the parser, and that of the chosen command, which alone has its options."""
    parser = Parser(
        prog="fastanchor", description="Anchor box shapes for object detectors, from your labels.", epilog=EPILOG
    )
    parser.add_argument("-V", "--version", action="version", version=f"fastanchor {__version__}")
    parser.add_argument(
        "--print-completion", action=_Completion, metavar="SHELL", help="print completion for bash or zsh"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((word for word in argv if not word.startswith("-")), None)
    if chosen is None and argv[0].partition("=")[0] not in parser._option_string_actions:
        parser.error(f"unrecognized arguments: {argv[0]}")
    for name, text in COMMANDS.items():
        if name == chosen:
            parser.chosen = _filled(commands, name, text)
        else:
            commands.add_parser(name, help=text, add_help=False)
    return parser, parser.chosen


def _filled(commands: Any, name: str, text: str) -> Parser:
    """Add a command with its options and return its parser."""
    module = importlib.import_module(f"fastanchor.cli.{name}")
    parser: Parser = commands.add_parser(name, help=text, description=module.__doc__)
    module.add(parser)
    parser.set_defaults(run=module.run)
    return parser


class _Completion(argparse.Action):
    """Print the completion of a shell."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        """Print it, and stop."""
        from fastanchor.cli._completion import completion

        whole = Parser(prog="fastanchor")
        commands = whole.add_subparsers(dest="command")
        for name, text in COMMANDS.items():
            _filled(commands, name, text)
        print(completion(whole, values))  # noqa: T201  into what main() prints
        parser.exit()
