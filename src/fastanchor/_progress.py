"""Progress bars: drawn on stderr, by default only if it is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from fastanchor import _check
from fastanchor._errors import WrongTypeError
from fastanchor._types import Progress

__all__ = ["Hidden", "bar", "track"]

T = TypeVar("T")


class Hidden:
    """A bar that is not drawn; tqdm's disabled bar takes longer to import than many files to read."""

    def __enter__(self) -> Hidden:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def bar(progress: Progress, *, total: int | None, desc: str, unit: str) -> Any:
    """Return a tqdm-like bar: a context manager with ``update``, ``set_postfix_str`` and ``close``."""
    if callable(progress):
        return progress(total=total, desc=desc, unit=unit)
    if progress is not None and not isinstance(progress, (bool, np.bool_)):
        raise WrongTypeError(
            f"progress = {_check.short(progress)}: must be True, False, None or a callable such as tqdm"
        )
    if sys.stderr is None or not (sys.stderr.isatty() if progress is None else progress):
        return Hidden()
    from tqdm import tqdm

    return tqdm(total=total, desc=desc, unit=unit, unit_scale=unit == "B", file=sys.stderr, mininterval=0.2)


def track(items: Iterable[T], progress: Progress, *, total: int, desc: str, unit: str) -> Iterator[T]:
    """Yield `items` and advance a bar by one for each."""
    with bar(progress, total=total, desc=desc, unit=unit) as moving:
        for item in items:
            yield item
            moving.update(1)
