"""Names and advice in messages: those of Python arguments, or those of command-line options."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["called", "hint", "meant", "of_command_line", "of_file", "setting", "unknown", "worded", "wording"]

# in Python, on the command line
_HINTS = {
    "source_size": ("see source_size", "give --source-size WxH"),
    "sizes": ("see source_size and images", "give --source-size WxH or --images DIR"),
    "unit": ("see unit", "give --unit"),
    "form": ("see form", "give --form"),
    "rows": ("see rows", "give --rows"),
    "columns": ("see columns", "give --columns"),
    "turned": ("see turned", "--turned skip leaves them out"),
    "images": ("see images", "give --images DIR"),
    "pictures": ("see images of iter_images", "give --images DIR"),
    "strict": ("", "; stopped because of --strict"),
    "to": ("give to", "give --to"),
    "replace": ("replace=True replaces it", "--force replaces it"),
    "levels": ("give levels", "give --levels"),
    "objective": (", or an Objective", ""),
}
_command_line = False
_options: Mapping[str, str] = {}


def hint(name: str) -> str:
    """Return the advice for a missing or wrong argument.

    Examples
    --------
    >>> hint("source_size")
    'see source_size'
    >>> with of_command_line():
    ...     hint("source_size")
    'give --source-size WxH'
    """
    return _HINTS[name][_command_line]


def called(name: str) -> str:
    """Return the name of a Python argument as the user wrote it: that of the command's option, if it has one.

    Examples
    --------
    >>> called("img_size")
    'img_size'
    >>> with of_command_line({"img_size": "--img-size"}):
    ...     called("img_size"), called("boxes")
    ('--img-size', 'boxes')
    """
    return _options.get(name, name)


def setting(name: str, value: str) -> str:
    """Return how the user gives an argument a value.

    Examples
    --------
    >>> setting("engine", "dense")
    "engine='dense'"
    >>> with of_command_line({"engine": "--engine"}):
    ...     setting("engine", "dense")
    '--engine dense'
    """
    return f"{_options[name]} {value}" if name in _options else f"{name}={value!r}"


def meant(word: str, names: Iterable[str], most: int = 1) -> str:
    """Return a question about the names that are most like `word`, if any are; another number is another name.

    Examples
    --------
    >>> meant("anchros", ["anchors", "check"]), meant("Car", ["car", "cat"]), meant("yolov8", ["yolov7"])
    ("; did you mean 'anchors'?", "; did you mean 'car'?", '')
    >>> meant("mmdte", ["mmdet", "csv", "mmdet2", "mmdt"], 2)
    "; did you mean 'mmdt' or 'mmdet'?"
    """
    import difflib
    import re

    digits = re.findall(r"\d", word)
    alike = [name for name in names if re.findall(r"\d", name) == digits]
    same = [name for name in alike if name.lower() == word.lower()]
    return _question(same or difflib.get_close_matches(word, alike, most, 0.7))


def _question(names: Sequence[str]) -> str:
    *rest, last = map(repr, names or [""])
    return f"; did you mean {', '.join(rest)}{' or ' if rest else ''}{last}?" if names else ""


def unknown(word: str, names: Iterable[str], listing: str) -> str:
    """Return what is wrong with a word that is not one of many names, and which command lists them.

    Names that contain the word are like it too.

    Examples
    --------
    >>> unknown("retina-net", ["tf-retinanet", "tf-ssd"], "this")
    "is unknown; did you mean 'tf-retinanet'? `this` lists all names"
    >>> unknown("x", ["tf-ssd"], "this")
    'is unknown; `this` lists all names'
    """
    plain = {name: "".join(filter(str.isalnum, name.lower())) for name in names}
    part = "".join(filter(str.isalnum, word.lower()))
    having = [name for name, text in plain.items() if len(part) > 2 and part in text]
    question = meant(word, plain, 3) or _question(having[:3])
    return f"is unknown{question or ';'} `{listing}` lists all names"


@contextlib.contextmanager
def of_command_line(options: Mapping[str, str] | None = None) -> Iterator[None]:
    """Word messages for the command line; `options` are names of options by the Python arguments they set.

    This holds for all threads, since readers use several.
    """
    with worded((True, options or {})):
        yield


def wording() -> tuple[bool, dict[str, str]]:
    """Return how messages are worded now, for another process; see :func:`worded`."""
    return _command_line, dict(_options)


@contextlib.contextmanager
def worded(as_in: tuple[bool, Mapping[str, str]]) -> Iterator[None]:
    """Word messages as another process does."""
    global _command_line, _options
    before = _command_line, _options
    _command_line, _options = as_in
    try:
        yield
    finally:
        _command_line, _options = before


@contextlib.contextmanager
def of_file() -> Iterator[None]:
    """Word messages about the content of a file, in which a name such as "anchors" is not an argument."""
    global _options
    before, _options = _options, {}
    try:
        yield
    finally:
        _options = before
