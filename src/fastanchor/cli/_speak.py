"""What the commands write to standard output and standard error, and what happens where that is not possible."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from fastanchor._errors import DataError
from fastanchor._text import plain

__all__ = ["answer", "answer_exactly", "emit_json", "need_stdout", "say"]


def answer(text: str) -> None:
    """Print lines of text; what does not print, or is not in the encoding of standard output, becomes an escape."""
    with _stdout() as out:
        shown = plain(text, keep="\n")
        out.write(shown if _encodable(shown, out) else _encoded(shown, out))
        out.write("\n")


def answer_exactly(text: str) -> None:
    """Write the text of a file, in UTF-8 as it would stand in the file; no line end is added."""
    with _stdout() as out:
        raw = getattr(out, "buffer", None)
        if raw is None:  # a notebook's
            out.write(text)
        else:
            out.flush()
            raw.write(text.encode("utf-8", "surrogateescape"))


def emit_json(content: dict[str, Any]) -> None:
    """Print one JSON object; NaN has no place in JSON and would be a defect."""
    with _stdout() as out:
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        if not _encodable(text, out):
            text = json.dumps(content, indent=2, allow_nan=False)
        out.write(f"{text}\n")


def say(text: str, *, head: str = "fastanchor: ") -> None:
    """Print a remark or an error on standard error, in one line; where there is none, nothing is printed."""
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            print(f"{head}{plain(text)}", file=sys.stderr)  # noqa: T201  talk


def need_stdout() -> None:
    """Raise if there is no standard output for the answer."""
    if sys.stdout is None:
        raise DataError("standard output: is closed")


@contextlib.contextmanager
def _stdout() -> Iterator[TextIO]:
    """Lend standard output, and flush it: an answer that could not be written is an error, not a silent end."""
    need_stdout()
    try:
        yield sys.stdout
        sys.stdout.flush()
    except BrokenPipeError:
        raise  # the reader has left, as `head` does: no error
    except OSError as error:
        raise DataError(f"standard output: cannot be written ({error.strerror or error})") from None


def _encodable(text: str, out: TextIO) -> bool:
    try:
        text.encode(out.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _encoded(text: str, out: TextIO) -> str:
    return text.encode(out.encoding, "backslashreplace").decode(out.encoding)
