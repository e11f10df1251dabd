"""Archives (.zip, .tar, compressed .tar): label files are unpacked into a temporary folder, images only named there.

An image keeps its place as an empty file, and its header is what :func:`opened` returns; :func:`inner_contents` reads
the few images that are drawn. Messages name a file in an archive as ``archive.zip/folder/file``.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from fastanchor._errors import DataError
from fastanchor._later import Later
from fastanchor._progress import bar
from fastanchor._reading import Inner, is_file, opened, standing_in, unreadable
from fastanchor._types import Progress
from fastanchor.datasets._members import ENDINGS, Budget, Member, Members, damaged, members
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._skips import first_line, given_name, impostor, shown, standing_for

if TYPE_CHECKING:
    import tempfile
else:  # milliseconds that others need not wait for
    tempfile = Later("tempfile")

__all__ = ["Archives", "is_archive"]

DEEP = ("a", "b", "c")  # folders between that of all temporary files and the labels, whose parents may be looked into
OTHERS = {
    "link": "link in an archive, which is not followed",
    "archive": "archive in an archive, which is not unpacked",
}


class Unpacked(NamedTuple):
    """The files of an archive, by their places in the temporary folder."""

    labels: list[str]
    images: dict[str, Inner]
    broken: list[tuple[str, str]]  # what else could hold labels, with the reason why it is not read


def is_archive(path: Path) -> bool:
    """Return whether a path is a file with the ending of an archive."""
    return path.name.lower().endswith(ENDINGS) and is_file(path)


class Archives:
    """A context in which archives are unpacked; errors that leave it name files as they are in the archive."""

    def __init__(self, progress: Progress = False) -> None:
        self._progress = progress
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Archives:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, DataError):
            error.args = (given_name(str(error)), *error.args[1:])
        self._stack.close()

    def probe(self, path: Path, *, named: bool) -> Probe:
        """Return the probe of a path; of an archive, that of its label files."""
        if not is_archive(path):
            return Probe(path, named=named)
        try:
            above = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="fastanchor-"))
            folder = Path(above, *DEEP, path.name)
            folder.mkdir(parents=True)
            self._stack.enter_context(standing_for(str(folder), str(path)))
            labels, images, broken = self._unpack(path, folder)
        except DataError:
            raise
        except damaged() as error:
            raise DataError(f"{shown(path)}: {_what(path) or f'not a valid archive ({first_line(error)})'}") from None
        except OSError as error:
            raise unreadable(shown(error.filename or path), error) from None
        probe = Probe(Path(labels[0]) if len(labels) == 1 and not images else folder, named=named)
        probe.broken += broken
        return probe

    def _unpack(self, path: Path, folder: Path) -> Unpacked:
        found = self._stack.enter_context(members(path))
        left, done, made = Budget(path), Unpacked([], {}, []), {""}
        self._stack.enter_context(standing_in(done.images))
        with bar(self._progress, total=found.total, desc="unpacking labels", unit=found.unit) as moving:
            for member in _moved(found, moving):
                if member is None:
                    continue
                target = os.path.join(folder, *member.parts)  # noqa: PTH118  pathlib takes ten times as long
                if member.kind in OTHERS:
                    done.broken.append((target, OTHERS[member.kind]))
                    continue
                if (parent := os.path.dirname(target)) not in made:  # noqa: PTH120  as above
                    Path(parent).mkdir(parents=True, exist_ok=True)
                    made.add(parent)
                with open(target, "wb") as file:  # noqa: PTH123  as above
                    if member.kind == "image":
                        done.images.pop(target, None)  # the last of several with one name counts, and its place
                        done.images[target] = Inner(member.head, member.whole)
                    else:
                        done.labels.append(target)
                        left.copy(member, file)
        return done


def _moved(found: Members, moving: Any) -> Iterator[Member | None]:
    """Yield the files of an archive, and move the bar."""
    at = 0
    for member in found.each:
        place = at + 1 if found.passed is None else found.passed()
        moving.update(place - at)
        at = place
        yield member
    moving.update(found.total - at)


def _what(path: Path) -> str:
    """Return what a file is that is no archive, if it is known."""
    with opened(path) as file:
        head = file.read(512)
    return "empty file" if not head else "" if head[:2] == b"PK" else impostor(head, "an archive")
