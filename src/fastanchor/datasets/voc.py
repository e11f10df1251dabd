"""Pascal VOC: one XML file an image.

``width = xmax - xmin``. A file or box that cannot be used is skipped, counted by reason and never stops the others;
boxes that leave their image are kept. Only the ``<object>`` children of the root count, each with its own ``<bndbox>``:
parts and nested objects do not.
"""

from __future__ import annotations

import os
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np

from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._errors import DataError
from fastanchor._reading import is_file, is_folder, refusal, text_of
from fastanchor._types import Progress
from fastanchor.boxes import Boxes
from fastanchor.datasets import _fetch, _xml
from fastanchor.datasets._images import ImageFinder, image_size
from fastanchor.datasets._records import ImageAnnotation, Skips, shown

__all__ = ["detect", "iter_images", "read"]

LOOKED_AT = 5  # files that detection opens
UNNAMED = "unnamed"


def read(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
    progress: Progress = None,
) -> Boxes:
    """Return the boxes of a Pascal VOC data set.

    Parameters
    ----------
    path : path-like
        A folder of XML files, the folder above its ``Annotations``, or one XML file.
    split : str, optional
        Only the files named in ``ImageSets/Main/<split>.txt``. Default: all.
    strict : bool, default False
        Raise at the first file or box that would be skipped.
    report : callable, optional
        Called with one sentence (file, line, reason) for each of the first five things skipped.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.

    Returns
    -------
    Boxes
        Images in the order of their file names, or of the split; class names sorted; what was left out in `skipped`.

    Raises
    ------
    DataError
        If there is no XML file or no such split, or no file could be read.
    """
    skips = Skips(strict=strict, report=report)
    files = _files(Path(path), split, skips)
    corners, sizes, counts, classes = array("d"), array("d"), array("q"), array("q")
    number: defaultdict[str, int] = defaultdict(count().__next__)
    for label in _labels(files, skips, progress):
        sizes.extend(label.size)
        corners.extend(label.corners)
        counts.append(len(label.names))
        classes.extend([number[name] for name in label.names])
    _some(counts, path, skips)
    xyxy = np.frombuffer(corners).reshape(-1, 4) if corners else np.empty((0, 4))
    names = sorted(number)
    place = np.empty(len(names), dtype=np.int64)
    place[[number[name] for name in names]] = np.arange(len(names))
    return Boxes(
        xyxy[:, 2:] - xyxy[:, :2],
        image_index=np.repeat(np.arange(len(counts)), counts),
        image_wh=np.frombuffer(sizes).reshape(-1, 2),
        class_index=place[np.array(classes, dtype=np.int64)],
        class_names=tuple(names),
        skipped=skips.counts,
    )


def iter_images(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    strict: bool = False,
    report: Callable[[str], None] | None = None,
) -> Iterator[ImageAnnotation]:
    """Yield the images of a Pascal VOC data set with their rectangles, in the order of :func:`read`.

    Parameters are those of :func:`read`.

    Raises
    ------
    DataError
        If there is no XML file or no such split, or no file could be read.
    """
    skips = Skips(strict=strict, report=report)
    finder, seen = ImageFinder(), 0
    for label in _labels(_files(Path(path), split, skips), skips):
        seen += 1
        yield ImageAnnotation(
            name=Path(label.file).stem,
            image_path=finder.find(Path(label.file), label.filename),
            width=label.size[0],
            height=label.size[1],
            boxes=np.array(label.corners, dtype=np.float64).reshape(-1, 4),
            classes=tuple(label.names),
        )
    _some(range(seen), path, skips)


def detect(path: Path) -> bool:
    """Return whether `path` looks like Pascal VOC; files too broken to tell count as VOC, whose reader names them."""
    files = _listing(path)[1]
    for found in _fetch.contents(files[:LOOKED_AT]):
        try:
            _root(_content(found))
        except _xml.Unreadable as error:
            if error.reason == _FOREIGN:
                continue
        return True
    return False


# --- which files


def _files(path: Path, split: str | None, skips: Skips) -> list[str]:
    folder, files = _listing(path)
    if split is not None:
        files = _in_split(path, folder, files, split, skips)
    elif not files:
        raise DataError(f"{shown(path)}: holds no XML file, neither directly nor in Annotations")
    return files


def _listing(path: Path) -> tuple[Path, list[str]]:
    """Return the folder and its XML files; of a data set's root those in Annotations."""
    if is_file(path):
        return path.parent, [str(path)] if path.suffix.lower() == ".xml" else []
    inner = path / "Annotations"
    for folder in (inner, path) if (path / "ImageSets").is_dir() else (path, inner):
        try:
            with os.scandir(folder) as entries:
                files = [e.path for e in entries if e.name[-4:].lower() == ".xml" and not is_folder(e)]
        except FileNotFoundError:
            continue
        except OSError as error:
            raise DataError(f"{shown(folder)}: cannot be read ({error.strerror})") from None
        if files:
            return folder, sorted(files)
    return inner if inner.is_dir() else path, []


def _in_split(path: Path, folder: Path, files: list[str], split: str, skips: Skips) -> list[str]:
    lists = next((m for up in (path, path.parent) if (m := up / "ImageSets" / "Main").is_dir()), None)
    if is_file(path) or lists is None:
        raise DataError(f"{shown(path)}: has no ImageSets/Main, so no split {split!r}")
    legal = {file.stem: file for file in sorted(lists.glob("*.txt"))}
    if split not in legal:
        names = ", ".join(map(repr, legal)) or "(none)"
        raise DataError(f"split = {split!r}: must be one of {names}, the lists in {shown(lists)}")
    there = {Path(file).stem: file for file in files}
    wanted: dict[str, None] = {}
    text = text_of(legal[split])
    for number, line in enumerate(text.splitlines(), start=1):
        stem = _stem(line.strip(), there)
        if not stem:
            continue
        if stem not in there:
            skips.add("file named in the split but missing", legal[split], number, shown(f"{stem}.xml"))
        elif there[stem] in wanted:
            skips.add("file named twice in the split", legal[split], number, shown(f"{stem}.xml"))
        else:
            wanted[there[stem]] = None
    if not wanted:
        raise DataError(f"{shown(legal[split])}: names no XML file of {shown(folder)}")
    return list(wanted)


def _stem(line: str, there: dict[str, str]) -> str:
    """Return the name in a line of a split: whole if there is such a file, else without +-1 column and suffix."""
    columns = line.split()
    bare = line[: -len(columns[-1])].strip() if len(columns) > 1 and columns[-1] in ("1", "-1", "0") else line
    return next((name for name in (line, bare, Path(bare).stem) if name in there), bare)


# --- one file


class _Label(NamedTuple):
    file: str
    filename: str
    size: tuple[float, float]
    corners: list[float]
    names: list[str]


_FOREIGN = "XML file that is no Pascal VOC annotation"
_ROOT = "annotation"


def _labels(files: Sequence[str], skips: Skips, progress: Progress = False) -> Iterator[_Label]:
    """Yield what the files hold; what cannot be used goes to `skips`."""
    finder = ImageFinder()
    for file, found in zip(files, _fetch.contents(files, progress=progress), strict=True):
        try:
            data = _content(found)
            root = _root(data)
        except _xml.Unreadable as error:
            skips.add(error.reason, file, error.line, error.detail)
            continue
        filename = root.findtext("filename") or ""
        size = _size(root) or _size_of_image(finder.find(Path(file), filename))
        if size is None:
            skips.add("image size missing", file, lambda data=data: _xml.child_line(data, "size", 0))  # type: ignore[misc]
            continue
        corners, names = _objects(root, file, data, skips)
        yield _Label(file, filename, size, corners, names)


def _content(found: bytes | OSError) -> bytes:
    """Return what was read, or raise why not as the reader's own error."""
    if isinstance(found, bytes):
        return found
    why, detail = refusal(found)
    raise _xml.Unreadable(why, None, detail)


def _root(data: bytes) -> Element:
    root = _xml.parse(data)
    if root.tag != _ROOT and root.find("object") is None and root.find("size") is None:
        if root.tag == "html":
            raise _xml.Unreadable("HTML page instead of XML", 1)
        raise _xml.Unreadable(_FOREIGN, 1, f"root element <{root.tag}>")
    return root


def _size(root: Element) -> tuple[float, float] | None:
    size = root.find("size")
    if size is None:
        return None
    try:
        width, height = float(size.findtext("width")), float(size.findtext("height"))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return (width, height) if MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE else None


def _size_of_image(image: Path | None) -> tuple[float, float] | None:
    return image_size(image) if image is not None else None


def _objects(root: Element, file: str, data: bytes, skips: Skips) -> tuple[list[float], list[str]]:
    """Return the usable boxes as a flat list of xmin, ymin, xmax, ymax, and their class names."""
    corners: list[float] = []
    names: list[str] = []
    # one plain tag per find: a path like "bndbox/xmin" leaves the parser's C code and costs ten times as much
    for nth, item in enumerate(root.findall("object")):
        box = item.find("bndbox")
        try:
            text = box.findtext  # type: ignore[union-attr]
            x0, y0 = float(text("xmin")), float(text("ymin"))  # type: ignore[arg-type]
            x1, y1 = float(text("xmax")), float(text("ymax"))  # type: ignore[arg-type]
        except (AttributeError, TypeError, ValueError):
            reason = "object without a box" if box is None else "box with unreadable coordinates"
            _skip_box(skips, reason, file, data, nth, box)
            continue
        if MIN_SIDE <= x1 - x0 <= MAX_SIDE and MIN_SIDE <= y1 - y0 <= MAX_SIDE:
            corners += (x0, y0, x1, y1)
            names.append((item.findtext("name") or "").strip() or UNNAMED)
        else:
            _skip_box(skips, _fault(x1 - x0, y1 - y0), file, data, nth, box)
    return corners, names


def _fault(width: float, height: float) -> str:
    if not (abs(width) <= MAX_SIDE and abs(height) <= MAX_SIDE):
        return "box with non-finite coordinates"
    if width < 0.0 or height < 0.0:
        return "box with reversed corners"
    return "box with zero width or height"


def _skip_box(skips: Skips, reason: str, file: str, data: bytes, nth: int, box: Element | None) -> None:
    detail = "" if box is None else ", ".join(f"{e.tag} {(e.text or '').strip()[:20] or '-'}" for e in list(box)[:4])
    skips.add(reason, file, lambda: _xml.child_line(data, "object", nth, "bndbox"), detail)


def _some(read: Sequence[int], path: str | os.PathLike[str], skips: Skips) -> None:
    if not read:
        raise DataError(f"{shown(Path(path))}: no file could be read; the first: {skips.first}")
