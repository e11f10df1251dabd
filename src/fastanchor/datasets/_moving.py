"""The progress bar of label files with many images each: bytes read and left, and images per second."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastanchor._progress import Hidden, bar
from fastanchor._reading import piped
from fastanchor._types import Progress

__all__ = ["Moving", "moving"]


OFTEN = 64  # images of a file between two looks at the clock


class Moving:
    """A bar that moves by bytes inside a file, or by whole files, and shows images per second."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar
        self._inside = self._images = self._records = 0
        self._start = time.perf_counter()

    def to(self, place: int) -> None:
        """Move to this byte of the present file, if that is forwards."""
        if place > self._inside:
            self._bar.update(place - self._inside)
            self._inside = place

    def inside(self, size: int) -> None:
        """Move by the bytes of an image in the present file."""
        self.to(self._inside + size)
        self._records += 1
        if self._records % OFTEN == 0:
            self._tell(self._images + self._records)

    def past(self, file: str, images: int) -> None:
        """Move to the end of a file, which has this number of images."""
        self._bar.update(max(0, _size(file) - self._inside))
        self._inside = self._records = 0
        self._images += images
        if self._images:
            self._tell(self._images)

    def _tell(self, images: int) -> None:
        rate = images / max(time.perf_counter() - self._start, 1e-9)
        self._bar.set_postfix_str(f"{images:,} images, {rate:,.0f} images/s", refresh=False)


@contextmanager
def moving(files: Sequence[str], progress: Progress) -> Iterator[Moving | None]:
    """Show a bar for files; yield None if it is hidden."""
    total = sum(map(_size, files)) if progress is not False else 0
    with bar(progress, total=total or None, desc="reading", unit="B") as shown:
        yield None if isinstance(shown, Hidden) else Moving(shown)


def _size(file: str) -> int:
    data = piped(file)
    try:
        return os.path.getsize(file) if data is None else len(data)  # noqa: PTH202  names are texts
    except (OSError, ValueError):
        return 0
