"""Sizes of images, from their headers or from the file in which an earlier reading kept them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._output import check_output, is_stream, named_file, whole
from fastanchor._progress import bar
from fastanchor._reading import opened
from fastanchor._types import Progress
from fastanchor.datasets._fetch import each
from fastanchor.datasets._images import image_size
from fastanchor.datasets._skips import shown

__all__ = ["ImageSizes"]

MARK = "fastanchor image sizes"
VERSION = 1
COLD = 100e-6  # seconds to read a header: from memory it takes a quarter of this

Pair = tuple[float, float]


class ImageSizes:
    """Tells the sizes of images; a context manager that writes at the end what it learned."""

    def __init__(self, cache: str | os.PathLike[str] | None = None) -> None:
        self._cache = None if cache is None else named_file(cache, "size_cache")
        if self._cache is not None:
            check_output(self._cache, replace=True)
        self._known: dict[str, list[Any]] = {} if self._cache is None else _load(self._cache)
        self._learned = False

    def __enter__(self) -> ImageSizes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._cache is not None and self._learned:
            content = json.dumps({MARK: VERSION, "images": self._known})
            with whole(self._cache) as part:
                part.write_text(content, encoding="utf-8")

    def of(self, image: Path) -> Pair | None:
        """Return (width, height) in pixels, turned as EXIF says; None if it cannot be read."""
        if self._cache is None:
            return image_size(image)
        try:
            there = image.stat()
        except (OSError, ValueError):
            return None
        key, stamp = str(image.absolute()), [there.st_mtime_ns, there.st_size]
        known = self._known.get(key)
        if known is not None and known[:2] == stamp:
            return known[2], known[3]
        pair = image_size(image)
        if pair is not None:
            self._known[key] = [*stamp, *pair]
            self._learned = True
        return pair

    def each(self, images: Sequence[Path], progress: Progress) -> Iterator[Pair | None]:
        """Yield :meth:`of` each image, in order, with a bar."""
        with bar(progress, total=len(images), desc="reading sizes of images", unit=" images") as moving:
            yield from each(self.of, images, COLD, moving.update)


def _load(file: Path) -> dict[str, list[Any]]:
    if is_stream(file):
        raise DataError(f"{called('size_cache')} = {shown(file)}: is a pipe or a device; a file is needed")
    try:
        with opened(file) as source:
            content = json.loads(source.read())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DataError(f"{shown(file)}: cannot be read ({error.strerror})") from None
    except ValueError:
        content = None
    if not isinstance(content, dict) or content.get(MARK) != VERSION or not isinstance(content.get("images"), dict):
        raise DataError(f"{called('size_cache')} = {shown(file)}: is another kind of file; name a new one")
    return {
        name: entry
        for name, entry in content["images"].items()
        if isinstance(entry, list) and len(entry) == 4 and all(isinstance(one, (int, float)) for one in entry)
    }
