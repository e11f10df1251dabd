"""What a message advises the caller to give, in the caller's words: a Python argument, or an option of a command."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

__all__ = ["hint", "of_command_line"]

# in Python, on the command line
_HINTS = {
    "source_size": ("see source_size", "give --source-size WxH"),
    "strict": ("", "; stopped because of --strict"),
    "levels": ("give parts", "give --levels"),
}
_command_line = False


def hint(name: str) -> str:
    """Return what to give.

    Examples
    --------
    >>> hint("source_size")
    'see source_size'
    >>> with of_command_line():
    ...     hint("source_size")
    'give --source-size WxH'
    """
    return _HINTS[name][_command_line]


@contextlib.contextmanager
def of_command_line() -> Iterator[None]:
    """Speak to a user of the command line; for all threads, since readers use several."""
    global _command_line
    before, _command_line = _command_line, True
    try:
        yield
    finally:
        _command_line = before
