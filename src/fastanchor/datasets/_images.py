"""How large an image is, from its header."""

from __future__ import annotations

import struct
from pathlib import Path

from fastanchor._reading import opened
from fastanchor.datasets._skips import impostor

__all__ = ["image_size", "what_is"]

# what imagesize raises for damaged headers
_UNREADABLE = (OSError, ValueError, ArithmeticError, LookupError, TypeError, struct.error, SyntaxError)


def image_size(path: Path) -> tuple[float, float] | None:
    """Return (width, height) of an image in pixels, turned as its EXIF data say, or None if they cannot be read."""
    import imagesize

    try:
        with opened(path) as file:
            width, height = imagesize.get(file)
    except _UNREADABLE:
        return None
    return (float(width), float(height)) if width > 0 and height > 0 else None


def what_is(path: Path) -> str:
    """Return why no size can be read from an image, as well as can be told."""
    try:
        with opened(path) as file:
            head = file.read(64)
    except OSError as error:
        return f"cannot be opened: {error.strerror}"
    if not head:
        return "an empty file"
    return impostor(head, "an image") or "no image that can be read"
