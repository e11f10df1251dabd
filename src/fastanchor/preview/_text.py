"""Letters and colours of the pictures."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["FONT_SIZE", "PALETTE", "colours_of", "cut", "font_of", "printable", "readable_on"]

# distinct for most colour-blind people when few are used; further classes take hues in between
PALETTE = ("#e6194b", "#1f77d0", "#f58231", "#2a9d3a", "#911eb4", "#00a5a5", "#d4a800", "#f032e6", "#8c564b", "#4b5fc9")
FONT_SIZE = 13


def colours_of(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each name."""
    from PIL import ImageColor

    def colour(i: int) -> str:
        if i < len(PALETTE):
            return PALETTE[i]
        # multiples of the golden ratio stay far apart
        rgb = ImageColor.getrgb(f"hsl({360 * (i * 0.618034 % 1):.0f}, 70%, {38 + 14 * (i % 3)}%)")
        return "#{:02x}{:02x}{:02x}".format(*rgb[:3])

    return {name: colour(i) for i, name in enumerate(names)}


def font_of(size: int) -> Any:
    """Return the font with the most letters: Matplotlib's DejaVu Sans, found without importing Matplotlib."""
    from PIL import ImageFont

    spec = importlib.util.find_spec("matplotlib")
    names = ["DejaVuSans.ttf"]
    if spec is not None and spec.origin is not None:
        names.insert(0, str(Path(spec.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"))
    for name in names:
        try:
            return ImageFont.truetype(name, size)
        except (OSError, ImportError):
            continue
    return ImageFont.load_default()


def printable(text: str, font: Any) -> str:
    """Return `text` with escapes for letters that the font lacks: empty squares would all look the same."""
    return "".join(c if (c.isascii() and c.isprintable()) or _has(font, c) else _escaped(c) for c in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def _has(font: Any, letter: str) -> bool:
    try:
        # U+10FFFF is never a letter: the font draws for it what it draws for a letter that it lacks
        return letter.isprintable() and bytes(font.getmask(letter)) != bytes(font.getmask("\U0010ffff"))
    except (UnicodeError, ValueError, OSError):
        return False


def cut(text: str, width: float, font: Any) -> str:
    """Return the beginning of a text that is not wider than `width` pixels."""
    if font.getlength(text) <= width:
        return text
    while len(text) > 1 and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def readable_on(colour: str) -> str:
    """Return the colour of letters on a colour."""
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#000000" if 0.299 * r + 0.587 * g + 0.114 * b > 150 else "#ffffff"
