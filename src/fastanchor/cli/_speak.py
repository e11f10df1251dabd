"""Standard output for the answer, standard error for remarks and errors; colours on terminals only."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from fastanchor._errors import DataError
from fastanchor._text import plain

__all__ = ["emit_json", "need_stdout", "print_exactly", "print_text", "remarks", "say"]

RED, YELLOW, GREEN, BOLD = "31", "33", "32", "1"
# the words at the beginning of a line that are coloured
COLOURS = {"warning": YELLOW, "doubt": YELLOW, "FAILED": RED, "passed": GREEN}
WORDS = re.compile(rf"^({'|'.join(COLOURS)})\b", re.MULTILINE)


def print_text(text: str) -> None:
    """Print lines of text; what is not printable, or not in the encoding of standard output, is escaped."""
    with _stdout() as out:
        shown = plain(text, keep="\n")
        shown = shown if _encodable(shown, out) else shown.encode(out.encoding, "backslashreplace").decode(out.encoding)
        if has_colours(out):
            shown = WORDS.sub(lambda word: _coloured(word[0], COLOURS[word[0]]), shown)
        out.write(f"{shown}\n")


def print_exactly(text: str) -> None:
    """Write the text of a file to standard output in UTF-8, without a line end of our own."""
    with _stdout() as out:
        raw = getattr(out, "buffer", None)
        if raw is None:  # a notebook's
            out.write(text)
        else:
            out.flush()
            raw.write(text.encode("utf-8", "surrogateescape"))


def emit_json(content: dict[str, Any]) -> None:
    """Print one JSON object; NaN is not JSON and would be a defect."""
    import json

    with _stdout() as out:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        if not _encodable(text, out):
            text = json.dumps(content, indent=2, allow_nan=False)
        out.write(f"{text}\n")


def say(text: str, *, head: str = "fastanchor: ", colour: str = "") -> None:
    """Print one line on standard error, if there is one."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            head = _coloured(head, colour) if colour and has_colours(sys.stderr) else head
            print(f"{head}{plain(text)}", file=sys.stderr)  # noqa: T201  the one place that prints remarks


@contextlib.contextmanager
def remarks(*, quiet: bool, verbose: bool) -> Iterator[None]:
    """Print what is logged under ``fastanchor`` on standard error: remarks, none of them, or details too."""
    import logging

    class Said(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(record.getMessage(), colour=YELLOW if record.levelno >= logging.WARNING else "")

    log, handler = logging.getLogger("fastanchor"), Said()
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def need_stdout() -> None:
    """Raise if there is no standard output for the answer."""
    if sys.stdout is None:
        raise DataError("standard output: is closed")


def has_colours(stream: TextIO) -> bool:
    """Return whether a stream is a terminal that the user wants colours on; see https://no-color.org."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _coloured(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"


@contextlib.contextmanager
def _stdout() -> Iterator[TextIO]:
    """Return standard output and flush it at the end; an answer that cannot be written is an error."""
    need_stdout()
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # the reader has left, as `head` does: not an error
    except OSError as error:
        raise DataError(f"standard output: cannot be written ({error.strerror or error})") from None


def _encodable(text: str, out: TextIO) -> bool:
    try:
        text.encode(out.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True
