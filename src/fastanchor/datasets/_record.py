"""What formats give to the driver: where labels are, and their contents, unchecked."""

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
from fastanchor.datasets._moving import Moving
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._skips import Skips

__all__ = [
    "CROWD", "DIFFICULT", "IGNORED", "KEPT", "NOTHING", "OCCLUDED", "SIZES", "TRUNCATED", "TURNED", "UNITS",
    "UNNAMED", "Batch", "Format", "Image", "ImageAnnotation", "Job", "Options", "Source", "joined", "number_of",
    "packed", "sides_of",
]  # fmt: skip

UNITS = ("pixels", "relative", "percent")
TURNED = ("upright", "skip")  # what is done with turned boxes
SIZES = frozenset(("source_size", "size_cache", "images"))  # options for labels without sizes of images
UNNAMED = "unnamed"
NOTHING = (float("nan"),) * 4  # a box that cannot be read
CROWD, IGNORED = 1, 2  # flags of boxes
DIFFICULT, TRUNCATED, OCCLUDED = 4, 8, 16
# those that boxes keep, by their names in `Boxes.flags`
KEPT = {"crowd": CROWD, "difficult": DIFFICULT, "truncated": TRUNCATED, "occluded": OCCLUDED}


class ImageAnnotation(NamedTuple):
    """An image with its labelled boxes.

    Attributes
    ----------
    name : str
        File name without suffix; with its folders where one file of labels has several images of this name.
    image_path : Path or None
        Path of the image; None if it was not found, or is in an archive.
    width, height : float
        Size of the image, pixels.
    boxes : (m, 4) float64
        Left, top, right, bottom; pixels of the image.
    classes : tuple of str
        Class name of each box.
    content : bytes or None
        The image file, if it is in an archive and is to be drawn; empty if it cannot be read. Else None.
    """

    name: str
    image_path: Path | None
    width: float
    height: float
    boxes: FloatArray
    classes: tuple[str, ...]
    content: bytes | None = None


class Options(NamedTuple):
    """Options of :func:`fastanchor.read`."""

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
    weight: str | None = None
    turned: str = "upright"


class Source(NamedTuple):
    """The label files of a data set."""

    files: list[str]  # label files, in the order of reading
    strength: int = 3  # 3 if the contents prove the format, 2 if the layout and names do, 1 for a guess
    # declared splits, each a function that returns its files and reports missing ones to its argument; if none are
    # declared, words in the paths of the files name the splits
    parts: Mapping[str, Callable[[Skips], list[str]]] = {}
    names: Sequence[str] | None = None  # class names of the data set, in order
    images: Mapping[str, str] = {}  # label file to its image in a list
    hints: Mapping[str, Any] = {}  # further facts for the format itself
    inner: bool = False  # whether the contents of the files say which split each image belongs to
    others: Sequence[Remark] = ()  # about labels of other formats, which are not read


@dataclass(frozen=True)
class Job:
    """One reading, as formats see it while they parse."""

    probe: Probe
    source: Source
    options: Options
    skips: Skips
    progress: Any = False
    moved: Moving | None = None  # the progress bar of files with many images
    remarks: list[Remark] = field(default_factory=list)
    turned: list[int] = field(default_factory=lambda: [0])  # number of turned boxes that are read

    def upright(self, count: int = 1) -> bool:
        """Count turned boxes; return whether they are read, as their upright extents."""
        if self.options.turned == "skip":
            self.skips.leave("turned box", count)
            return False
        self.turned[0] += count
        return True


class Image(NamedTuple):
    """An image as described by a label file."""

    file: str  # name of the image in the label; empty if absent
    size: tuple[float, float] | None  # pixels; None or an invalid size if absent
    box: Sequence[float]  # four numbers per box, in the form and unit of the format; NaN if unreadable
    classes: Sequence[str]  # class name of each box
    at: Sequence[int] | None = None  # line or object of each box, for messages; default 0, 1, ...
    flags: Sequence[int] | None = None  # flags of each box; None for no flag


@dataclass
class Batch:
    """Columns: m images and n boxes."""

    label: list[str]  # (m,): label file of each image; if `image` is None, the label files
    file: list[str]  # (m,): name of the image in the label
    size: FloatArray  # (m, 2): width and height, pixels; NaN if absent
    image: IntArray | None  # (n,): image of each box; None if unknown
    box: FloatArray  # (n, 4), in the form and unit of the format; or (n, 2), width and height
    cls: IntArray | None  # (n,): position in `classes`, -1 for none
    classes: list[str]
    ordered: bool = False  # whether the classes are a list of the data set, kept as it is
    at: IntArray | None = None  # (n,): place of each box in its file; None: row of a table, from 0
    flags: NDArray[np.uint8] | None = None  # (n,): sums of CROWD, IGNORED and those in KEPT
    area: FloatArray | None = None  # (n,): area of each box in the labels; NaN if absent
    owner: IntArray | None = None  # (n,): if `image` is None, position in `label` of each box; None: the first
    form: str | None = None  # of the boxes; None for the format's
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # (n, ...), for `whole`; zeros where absent
    split: list[str] | None = None  # (m,): split of each image
    unnamed: int = 0  # number of classes, the last ones, that are numbers without a name
    weight: FloatArray | None = None  # (n,): weight of each box; None for 1

    def __len__(self) -> int:
        return len(self.box)

    def take(self, rows: NDArray[np.bool_]) -> Batch:
        """Return the boxes selected by a mask, on the same images."""
        chosen = {name: column[rows] for name in _ROWS if (column := getattr(self, name)) is not None}
        chosen.setdefault("at", np.flatnonzero(rows))
        return replace(self, **chosen, extra={name: column[rows] for name, column in self.extra.items()})

    def on(self, images: NDArray[np.bool_]) -> Batch:
        """Return the images selected by a mask, with their boxes."""
        assert self.image is not None
        kept = self.take(images[self.image])
        index = np.cumsum(images) - 1
        at = np.flatnonzero(images).tolist()
        return replace(
            kept, label=[self.label[i] for i in at], file=[self.file[i] for i in at], size=self.size[images],
            image=index[kept.image], split=kept.split and [kept.split[i] for i in at],
        )  # fmt: skip


_ROWS = ("image", "box", "cls", "at", "flags", "area", "owner", "weight")


@dataclass(frozen=True)
class Format:
    """A format of labels, with exactly one of `parse`, `many` and `table`."""

    name: str  # value of `format`
    title: str  # common name, and its files
    sniff: Callable[[Probe], Source | None]  # None if the path holds no such labels
    parse: Callable[[str, bytes, Job], Iterable[Image]] | None = None  # one file, with its bytes
    many: Callable[[Sequence[str], Sequence[bytes], Job], Batch] | None = None  # many files, with their bytes
    table: Callable[[str, Job], Batch] | None = None  # one large file
    whole: Callable[[Batch, Job], Batch] | None = None  # decisions about the whole data set
    form: str = "xyxy"
    unit: str = "pixels"  # "either": the driver decides
    tells: frozenset[str] = frozenset()  # what the labels always have: of "size", "place", "class", "crowd"
    options: frozenset[str] = frozenset()  # supported options, beyond the common ones
    place: Callable[[str, int], str | int | None] | None = None  # describes a number of `at`; None: a line
    sizes: Callable[[Batch, Job], None] | None = None  # fills in sizes that neither labels nor images have
    shared: bool = False  # whether a label file holds many images, as that of `table` always does
    unsized: bool = False  # whether boxes without any image size are taken as pixels of the network input

    @property
    def single(self) -> bool:
        """Whether each image has its own label file."""
        return self.table is None and not self.shared

    def uses(self) -> frozenset[str]:
        """Return the options that this format supports."""
        return (self.options | SIZES) - (SIZES if "size" in self.tells else frozenset())


def number_of(text: Any) -> float:
    """Return a text or value as a number; NaN for anything else, including ``1_000``."""
    try:
        return NOTHING[0] if isinstance(text, bool) or (isinstance(text, str) and "_" in text) else float(text)
    except OverflowError:
        return float("inf")
    except (TypeError, ValueError):
        return NOTHING[0]


def packed(images: Iterable[tuple[str, Image]]) -> Batch:
    """Return images as columns; each comes with its label file."""
    number: defaultdict[str, int] = defaultdict(count().__next__)
    box, size, counts, cls = array("d"), array("d"), array("q"), array("q")
    label, file, own, flags = list[str](), list[str](), dict[int, Sequence[int]](), dict[int, Sequence[int]]()
    nothing = NOTHING[:2]
    for name, image in images:
        if image.at is not None:
            own[len(label)] = image.at
        if image.flags is not None:
            flags[len(label)] = image.flags
        label.append(name)
        file.append(image.file)
        size.extend(image.size or nothing)
        box.extend(image.box)
        counts.append(len(image.classes))
        cls.extend([number[one] for one in image.classes])
    lengths = np.array(counts, dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    at = np.arange(len(cls)) - np.repeat(starts, lengths)
    for i, rows in own.items():
        at[starts[i] : starts[i] + len(rows)] = rows
    marks = np.zeros(len(cls), np.uint8) if flags else None
    for i, rows in flags.items():
        assert marks is not None
        marks[starts[i] : starts[i] + len(rows)] = rows
    return Batch(
        label, file,
        np.array(size, dtype=np.float64).reshape(-1, 2),
        np.repeat(np.arange(len(counts)), lengths),
        np.array(box, dtype=np.float64).reshape(-1, 4),
        np.array(cls, dtype=np.int64),
        list(number),
        at=at,
        flags=marks,
    )  # fmt: skip


def joined(parts: Sequence[Batch]) -> Batch:
    """Concatenate batches; classes of the same name become one class."""
    if len(parts) == 1:
        return parts[0]
    if len({part.form for part in parts}) > 1:  # width and height are what all have
        parts = [replace(part, box=sides_of(part.box, part.form or "xyxy")[0], form="wh") for part in parts]
    own = [_each_once(part.classes) for part in parts]
    keys = list(dict.fromkeys(key for keys in own for key in keys))
    declared = len(parts[0].classes) - parts[0].unnamed if any(part.unnamed for part in parts) else len(keys)
    keys[declared:] = sorted(keys[declared:], key=lambda key: int(key[0]))
    place = {key: i for i, key in enumerate(keys)}
    classes = [name for name, _ in keys]
    tables = [np.array([*map(place.__getitem__, keys), -1], np.int64) for keys in own]
    before = np.cumsum([0, *(len(part.label) for part in parts[:-1])]).tolist()

    def stacked(columns: Iterable[NDArray[Any] | None]) -> Any:
        given = list(columns)
        return None if any(column is None for column in given) else np.concatenate(given)  # type: ignore[arg-type]

    def filled(name: str) -> NDArray[Any]:
        like = next(part.extra[name] for part in parts if name in part.extra)
        shape = like.shape[1:]
        return np.concatenate([part.extra.get(name, np.zeros((len(part), *shape), like.dtype)) for part in parts])

    image = stacked(p.image if p.image is None else p.image + start for p, start in zip(parts, before, strict=True))
    return Batch(
        [one for part in parts for one in part.label],
        [one for part in parts for one in part.file],
        np.concatenate([part.size for part in parts]),
        image,
        np.concatenate([part.box for part in parts]),
        stacked(p.cls if p.cls is None else table[p.cls] for p, table in zip(parts, tables, strict=True)),
        classes,
        all(part.ordered for part in parts),
        np.concatenate([np.arange(len(part)) if part.at is None else part.at for part in parts]),
        _flags(parts),
        stacked(part.area for part in parts),
        None if image is not None else np.repeat(np.arange(len(parts)), list(map(len, parts))),
        parts[0].form,
        {name: filled(name) for name in dict.fromkeys(name for part in parts for name in part.extra)},
        [one for p in parts for one in p.split or [""] * len(p.label)] if any(p.split for p in parts) else None,
        len(classes) - declared,
        _weights(parts),
    )


def _weights(parts: Sequence[Batch]) -> FloatArray | None:
    """Return the weights of all batches, 1 for a batch without weights; None if no batch has weights."""
    if all(part.weight is None for part in parts):
        return None
    return np.concatenate([np.ones(len(part)) if part.weight is None else part.weight for part in parts])


def _flags(parts: Sequence[Batch]) -> NDArray[np.uint8] | None:
    """Return the flags of all batches, 0 for a batch without flags; None if no batch has flags."""
    if all(part.flags is None for part in parts):
        return None
    return np.concatenate([np.zeros(len(part), np.uint8) if part.flags is None else part.flags for part in parts])


def _each_once(classes: Sequence[str]) -> list[tuple[str, int]]:
    """Return names with the number of earlier entries of the same name."""
    seen: defaultdict[str, int] = defaultdict(int)
    found = []
    for name in classes:
        found.append((name, seen[name]))
        seen[name] += 1
    return found


def sides_of(box: FloatArray, form: str) -> tuple[FloatArray, FloatArray | None]:
    """Return width and height of boxes, and left and top if known."""
    if form == "wh":
        return box, None
    if form == "xywh":
        return box[:, 2:], box[:, :2]
    with np.errstate(invalid="ignore"):  # of two infinities
        if form == "xyxy":
            return box[:, 2:] - box[:, :2], box[:, :2]
        return box[:, 2:], box[:, :2] - box[:, 2:] / 2.0
