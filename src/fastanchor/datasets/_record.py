"""What formats give to the driver: where labels are, and what stands in them. A format judges nothing."""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray, PathLike, Remark
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._skips import Skips

__all__ = [
    "CROWD", "IGNORED", "NOTHING", "SIZES", "UNITS", "UNNAMED", "Batch", "Format", "Image", "ImageAnnotation", "Job",
    "Options", "Source", "joined", "packed", "sides_of",
]  # fmt: skip

UNITS = ("pixels", "relative", "percent")
SIZES = frozenset(("source_size", "size_cache", "images"))  # options for labels that do not tell the sizes of images
UNNAMED = "unnamed"
NOTHING = (float("nan"),) * 4  # a box that cannot be read
CROWD, IGNORED = 1, 2  # flags of boxes


class ImageAnnotation(NamedTuple):
    """An image and the rectangles labelled in it.

    Attributes
    ----------
    name : str
        File name without suffix.
    image_path : Path or None
        Where the image is; None if it was not found.
    width, height : float
        Size of the image, pixels.
    boxes : (m, 4) float64
        Left, top, right, bottom; pixels of the image.
    classes : tuple of str
        Class name of each box.
    """

    name: str
    image_path: Path | None
    width: float
    height: float
    boxes: FloatArray
    classes: tuple[str, ...]


class Options(NamedTuple):
    """How to read, as :func:`fastanchor.read` describes it."""

    format: str = "auto"
    split: str | None = None
    source_size: tuple[int, int] | None = None
    size_cache: PathLike | None = None
    images: str | None = None
    crowd: bool = False
    columns: tuple[str, ...] | None = None
    unit: str | None = None
    form: str | None = None
    rows: str | None = None
    places: bool = True


class Source(NamedTuple):
    """Where the labels of a format are.

    Attributes
    ----------
    files : list of str
        Label files, in the order of reading.
    strength : int
        3 if what stands in the files proves the format, 2 if their places and names do, 1 for a guess.
    parts : mapping
        Name of a part of the data set to a function that returns its files; the function names in its argument what
        the part lacks. Without any, the words in the paths of the files say which part they belong to.
    names : sequence of str, optional
        Class names of the data set, in its order.
    images : mapping
        Label file to the image that a list names.
    hints : mapping
        What else the format wants to remember.
    inner : bool
        Whether what stands in the files says which part each image belongs to.
    others : sequence of Remark
        Labels of other formats that are there too, and not read.
    """

    files: list[str]
    strength: int = 3
    parts: Mapping[str, Callable[[Skips], list[str]]] = {}
    names: Sequence[str] | None = None
    images: Mapping[str, str] = {}
    hints: Mapping[str, Any] = {}
    inner: bool = False
    others: Sequence[Remark] = ()


@dataclass(frozen=True)
class Job:
    """One reading: what a format may ask while it parses; its remarks are those of what was read."""

    probe: Probe
    source: Source
    options: Options
    skips: Skips
    progress: Any = False
    remarks: list[Remark] = field(default_factory=list)


class Image(NamedTuple):
    """An image as a label file tells it.

    Attributes
    ----------
    file : str
        What the label calls its image; empty if it does not.
    size : (width, height) or None
        Pixels; None, or anything that is no size, where the label does not tell it.
    box : sequence of float
        Four numbers a box, one after the other, in the format's form and unit; NaN where they cannot be read.
    classes : sequence of str
        Class name of each box.
    at : sequence of int, optional
        Where each box stands, by the format's count (line, object), for messages. Default: 0, 1, ...
    """

    file: str
    size: tuple[float, float] | None
    box: Sequence[float]
    classes: Sequence[str]
    at: Sequence[int] | None = None


@dataclass
class Batch:
    """Columns: m images and n boxes.

    Attributes
    ----------
    label, file : (m,) list of str
        Label file of each image, and what it calls the image. Without images: the label files.
    size : (m, 2) float64
        Width and height, pixels; NaN where the label does not tell them.
    image : (n,) int64 or None
        Image of each box; None if the labels do not tell it.
    box : (n, 4) or (n, 2) float64
        In the format's form and unit; two columns are width and height.
    cls : (n,) int64 or None
        Position in `classes`, -1 for none.
    classes : list of str
    ordered : bool
        Whether the classes are the data set's own list, to be kept as it is.
    unnamed : int
        How many of the classes, the last ones, are numbers that the data set's list of names does not reach.
    at : (n,) int64 or None
        Where each box stands in its file, for messages; None: the rows of a table, counted from 0.
    flags : (n,) uint8 or None
    area : (n,) float64 or None
        What the labels say of the boxes' areas, NaN for nothing.
    owner : (n,) int64 or None
        Where `image` is None: position in `label` of the file of each box; None for the first.
    form : str or None
        Of the boxes; None for the format's.
    extra : mapping of str to (n, ...)
        Further columns, for the format's `whole`; where a part of the data has none, they hold zeros.
    split : (m,) list of str or None
        Part of the data set that each image belongs to, if the labels tell it.
    """

    label: list[str]
    file: list[str]
    size: FloatArray
    image: IntArray | None
    box: FloatArray
    cls: IntArray | None
    classes: list[str]
    ordered: bool = False
    at: IntArray | None = None
    flags: NDArray[np.uint8] | None = None
    area: FloatArray | None = None
    owner: IntArray | None = None
    form: str | None = None
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    split: list[str] | None = None
    unnamed: int = 0

    def __len__(self) -> int:
        return len(self.box)

    def take(self, rows: NDArray[np.bool_]) -> Batch:
        """Return the boxes that a mask keeps, on the same images."""
        chosen = {name: column[rows] for name in _ROWS if (column := getattr(self, name)) is not None}
        chosen.setdefault("at", np.flatnonzero(rows))
        return replace(self, **chosen, extra={name: column[rows] for name, column in self.extra.items()})

    def on(self, images: NDArray[np.bool_]) -> Batch:
        """Return the images that a mask keeps, with their boxes."""
        assert self.image is not None
        kept = self.take(images[self.image])
        index = np.cumsum(images) - 1
        at = np.flatnonzero(images).tolist()
        return replace(
            kept, label=[self.label[i] for i in at], file=[self.file[i] for i in at], size=self.size[images],
            image=index[kept.image], split=kept.split and [kept.split[i] for i in at],
        )  # fmt: skip


_ROWS = ("image", "box", "cls", "at", "flags", "area", "owner")


@dataclass(frozen=True)
class Format:
    """A format of labels; a module joins by one of these.

    Attributes
    ----------
    name : str
        What `format` calls it.
    title : str
        What people call it, and which files it looks for.
    sniff : callable
        Takes a Probe, returns a Source, or None if there are no such labels.
    parse : callable, optional
        Takes a file, its bytes and the Job, yields each Image; for formats with a file an image.
    many : callable, optional
        The same for many files at once: takes files, their bytes and the Job, returns a Batch.
    table : callable, optional
        Takes a file and the Job, returns a Batch; for formats with one large file. Raises Unusable.
    whole : callable, optional
        Takes the whole Batch and the Job, returns a Batch: decisions about the set as a whole.
    form, unit : str
        Of the boxes; the unit "either" leaves it to the driver.
    tells : set of str
        What the labels always tell: of "size", "place", "class", "crowd".
    options : set of str
        Options that only some formats have a use for.
    place : callable, optional
        Takes a file and a number of `at`; returns the place in words. Default: a line.
    sizes : callable, optional
        Takes the whole Batch and the Job; fills in sizes of images that neither labels nor images tell.
    unsized : bool
        Whether boxes of images without any known size are taken for pixels of the network input.
    """

    name: str
    title: str
    sniff: Callable[[Probe], Source | None]
    parse: Callable[[str, bytes, Job], Iterable[Image]] | None = None
    many: Callable[[Sequence[str], Sequence[bytes], Job], Batch] | None = None
    table: Callable[[str, Job], Batch] | None = None
    whole: Callable[[Batch, Job], Batch] | None = None
    form: str = "xyxy"
    unit: str = "pixels"
    tells: frozenset[str] = field(default_factory=frozenset)
    options: frozenset[str] = field(default_factory=frozenset)
    place: Callable[[str, int], str | int | None] | None = None
    sizes: Callable[[Batch, Job], None] | None = None
    unsized: bool = False

    def uses(self) -> frozenset[str]:
        """Return the options that can have an effect on labels of this format."""
        return (self.options | SIZES) - (SIZES if "size" in self.tells else frozenset())


def packed(images: Iterable[tuple[str, Image]]) -> Batch:
    """Return images one by one as columns; each comes with its label file."""
    number: defaultdict[str, int] = defaultdict(count().__next__)
    box, size, counts, cls, at = array("d"), array("d"), array("q"), array("q"), array("q")
    label, file = [], []
    nothing = NOTHING[:2]
    for name, image in images:
        label.append(name)
        file.append(image.file)
        size.extend(image.size or nothing)
        box.extend(image.box)
        counts.append(len(image.classes))
        cls.extend([number[one] for one in image.classes])
        at.extend(range(len(image.classes)) if image.at is None else image.at)
    return Batch(
        label, file,
        np.array(size, dtype=np.float64).reshape(-1, 2),
        np.repeat(np.arange(len(counts)), np.array(counts, dtype=np.int64)),
        np.array(box, dtype=np.float64).reshape(-1, 4),
        np.array(cls, dtype=np.int64),
        list(number),
        at=np.array(at, dtype=np.int64),
    )  # fmt: skip


def joined(parts: Sequence[Batch]) -> Batch:
    """Return batches one after the other; classes of one name are one class."""
    if len(parts) == 1:
        return parts[0]
    if len({part.form for part in parts}) > 1:
        parts = [_plain(part) for part in parts]
    own = [_each_once(part.classes) for part in parts]
    there = list(dict.fromkeys(key for keys in own for key in keys))
    declared = len(parts[0].classes) - parts[0].unnamed if any(part.unnamed for part in parts) else len(there)
    there[declared:] = sorted(there[declared:], key=lambda key: int(key[0]))
    place = {key: i for i, key in enumerate(there)}
    classes = [name for name, _ in there]
    classed, imaged = all(p.cls is not None for p in parts), all(p.image is not None for p in parts)
    before = np.cumsum([0, *(len(part.label) for part in parts)])
    tables = [np.array([*map(place.__getitem__, keys), -1], np.int64) for keys in own]

    def stacked(name: str) -> Any:
        columns = [getattr(part, name) for part in parts]
        return None if any(column is None for column in columns) else np.concatenate(columns)

    def filled(name: str) -> NDArray[Any]:
        like = next(part.extra[name] for part in parts if name in part.extra)
        return np.concatenate([
            part.extra.get(name, np.zeros((len(part), *like.shape[1:]), like.dtype)) for part in parts
        ])  # fmt: skip

    return Batch(
        [one for part in parts for one in part.label],
        [one for part in parts for one in part.file],
        np.concatenate([part.size for part in parts]),
        np.concatenate([part.image + start for part, start in zip(parts, before, strict=False)]) if imaged else None,
        np.concatenate([part.box for part in parts]),
        np.concatenate([table[part.cls] for part, table in zip(parts, tables, strict=True)]) if classed else None,
        classes,
        all(part.ordered for part in parts),
        np.concatenate([np.arange(len(part)) if part.at is None else part.at for part in parts]),
        stacked("flags"), stacked("area"),
        None if imaged else np.repeat(np.arange(len(parts)), [len(part) for part in parts]),
        parts[0].form,
        {name: filled(name) for name in dict.fromkeys(name for part in parts for name in part.extra)},
        [one for p in parts for one in p.split or [""] * len(p.label)] if any(p.split for p in parts) else None,
        len(classes) - declared,
    )  # fmt: skip


def _each_once(classes: Sequence[str]) -> list[tuple[str, int]]:
    """Return names, numbered where a list has one several times."""
    seen: defaultdict[str, int] = defaultdict(int)
    found = []
    for name in classes:
        found.append((name, seen[name]))
        seen[name] += 1
    return found


def sides_of(box: FloatArray, form: str) -> tuple[FloatArray, FloatArray | None]:
    """Return width and height of boxes, and left and top if there are any."""
    if form == "wh":
        return box, None
    if form == "xywh":
        return box[:, 2:], box[:, :2]
    with np.errstate(invalid="ignore"):  # of two infinities
        if form == "xyxy":
            return box[:, 2:] - box[:, :2], box[:, :2]
        return box[:, 2:], box[:, :2] - box[:, 2:] / 2.0


def _plain(batch: Batch) -> Batch:
    """Return the boxes as width and height only, for those of several forms."""
    return replace(batch, box=sides_of(batch.box, batch.form or "xyxy")[0], form="wh")
