"""Text for people: names without control characters, and numbers of things."""

from __future__ import annotations

__all__ = ["many", "plain"]


def many(count: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun.

    Examples
    --------
    >>> many(1, "update"), many(1000, "box", "boxes")
    ('1 update', '1,000 boxes')
    """
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def plain(text: str, *, keep: str = "") -> str:
    r"""Return `text` with everything that does not print as an escape, except the characters in `keep`.

    That is control characters (terminal escapes, line ends), marks that turn the direction of writing, lone
    surrogates, and bytes of a file name that are not UTF-8.

    Examples
    --------
    >>> print(plain("cat\x1b[31m\ndog"))
    cat\x1b[31m\ndog
    >>> print(plain("na\u00efve \u202edog \udcff"))
    naïve \u202edog \xff
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escaped(c) for c in text)


def _escaped(letter: str) -> str:
    if "\udc80" <= letter <= "\udcff":  # how Python represents a byte that is not UTF-8
        return f"\\x{ord(letter) - 0xDC00:02x}"
    return letter.encode("unicode_escape").decode("ascii")
