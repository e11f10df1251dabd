"""Where the boxes of a data set come from, as units that are read one by one, and how units are divided into parts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._hints import wording
from fastanchor._reading import STDIN
from fastanchor._small import is_small, reaching
from fastanchor._types import Fit, FloatArray, Remark, Summary
from fastanchor._weights import number
from fastanchor.boxes import network_sizes
from fastanchor.datasets import reading
from fastanchor.datasets._probe import Probe, part_of
from fastanchor.datasets._recognise import recognise

__all__ = ["Read", "Scaling", "Source", "sources_of"]


class Scaling(NamedTuple):
    """How boxes become pixels of the network input, and which are left out."""

    img_size: tuple[int, int]
    fit: Fit
    min_size: float


class Read(NamedTuple):
    """What is known of a unit that was read; its boxes stay on the worker."""

    number: int  # of boxes in pixels of the network input that are kept
    n_small: int  # this and the next: as often as boxes count
    n_filtered: int
    sized: bool  # whether the sizes of images are known, and so boxes were scaled
    weighted: bool = False
    summary: Summary | None = None  # and the rest: of labels
    format: str = ""
    parts: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    reports: tuple[str, ...] = ()


class Source(NamedTuple):
    """The units of a part: paths, or the pieces of a Dask collection as delayed objects, which stay with the driver."""

    names: tuple[str, ...]  # of the units, for messages
    scaling: Scaling
    options: Mapping[str, Any]
    paths: tuple[str, ...] = ()
    pieces: tuple[Any, ...] = ()
    wording: tuple[bool, dict[str, str]] = (False, {})  # of messages, as the driver has it

    def read(self, at: int, pieces: Sequence[Any]) -> tuple[FloatArray, Any, Read]:
        """Return the boxes of a unit in pixels of the network input, (n, 2), their weights, and what is known of them.

        Weights are (n,), or None.
        """
        if not self.paths:
            wh = _check.as_sizes(pieces[at], self.names[at], "pixels of the network input", may_be_empty=True)
            return self._kept(wh, None, Read(0, 0, 0, False))
        reports: list[str] = []
        found = reading(self.paths[at], **self.options, report=reports.append, places=False)
        boxes = found.boxes
        about = Read(
            0, 0, 0, boxes.image_wh is not None, boxes.weights is not None, boxes.summary(), found.formats[0],
            found.splits, found.taken, boxes.remarks, tuple(reports),
        )  # fmt: skip
        if not len(boxes):
            return np.empty((0, 2)), boxes.weights, about
        return self._kept(network_sizes(boxes, self.scaling.img_size, self.scaling.fit), boxes.weights, about)

    def _kept(self, wh: FloatArray, weights: Any, about: Read) -> tuple[FloatArray, Any, Read]:
        keep = reaching(wh, self.scaling.min_size)
        some = wh if keep.all() else wh[keep]
        small, left = number(weights, is_small(wh)), number(weights, ~keep)
        return (
            some,
            None if weights is None else weights[keep],
            about._replace(number=len(some), n_small=small, n_filtered=left),
        )


def sources_of(data: Any, scaling: Scaling, options: Mapping[str, Any], parts: int) -> list[Source]:
    """Return the sources of at most `parts` parts, which together are the data set in its order.

    Raises
    ------
    DataError
        If the data are no paths and no Dask collection, or there are none.
    """
    if hasattr(data, "__dask_graph__"):
        pieces = _pieces_of(data)
        if options:
            raise DataError(f"{', '.join(options)}: only for paths, got a Dask {type(data).__name__}")
        names_of = [f"piece {i + 1} of {len(pieces)}" for i in range(len(pieces))]
        return [
            Source(tuple(names_of[own]), scaling, {}, pieces=tuple(pieces[own]), wording=wording())
            for own in _divided([1] * len(pieces), parts)
        ]
    paths = _units_of(data, options)
    shares = _divided([_sized(path) for path in paths], parts)
    return [Source(tuple(paths[own]), scaling, options, tuple(paths[own]), wording=wording()) for own in shares]


def _units_of(data: Any, options: Mapping[str, Any]) -> list[str]:
    """Return the paths to read one by one: those given, and in place of a folder of Parquet its files.

    Raises
    ------
    DataError
        If a path does not exist or is standard input, or there is none.
    """
    several = not isinstance(data, (str, bytes, os.PathLike)) and isinstance(data, Sequence)
    paths = [_check.as_path(path, "data") for path in (data if several else [data])]
    if not paths:
        raise DataError("data: got an empty sequence, expected at least one file or folder")
    found: list[str] = []
    for path in paths:
        if str(path) == STDIN:
            raise DataError("data: got '-', standard input, which workers cannot read; expected files or folders")
        found += _inside(path, options) or [str(path.absolute())]
    return found


def _inside(path: Path, options: Mapping[str, Any]) -> list[str]:
    """Return the files of a folder of Parquet, if each can be read by itself; else nothing."""
    if not path.is_dir() or options.get("format", "auto") not in ("auto", "table"):
        return []
    probe = Probe(path, named=options.get("format", "auto") != "auto")
    if not probe.files(".parquet"):
        return []
    format, source = recognise(probe, options.get("format", "auto"))
    alone = format.name == "table" and not source.inner and options.get("split") in (None, "all", "auto")
    names = [Path(file).name.lower() for file in source.files]
    if not alone or not all(name.endswith(".parquet") for name in names):
        return []
    if any(part_of(file, str(path)) for file in source.files):
        return []  # the split to read is chosen among all files
    return [str(Path(file).absolute()) for file in source.files]


def _divided(sizes: Sequence[int], parts: int) -> list[slice]:
    """Return consecutive ranges of units, at most `parts`, none empty, with about equal sums of sizes.

    Examples
    --------
    >>> _divided([5, 1, 1, 1, 4], 3)
    [slice(0, 1, None), slice(1, 4, None), slice(4, 5, None)]
    >>> _divided([0, 0], 3)
    [slice(0, 1, None), slice(1, 2, None)]
    """
    parts = min(parts, len(sizes))
    ends = np.cumsum(np.maximum(np.asarray(sizes, dtype=np.float64), 1.0))
    cuts = [0]
    for part in range(1, parts):
        near = int(np.abs(ends - ends[-1] * part / parts).argmin()) + 1
        cuts.append(min(max(near, cuts[-1] + 1), len(sizes) - (parts - part)))
    return [slice(a, b) for a, b in zip(cuts, [*cuts[1:], len(sizes)], strict=True)]


def _sized(path: str) -> int:
    """Return the size of a file in bytes; 1 for a folder, whose files are not looked at."""
    try:
        return 1 if os.path.isdir(path) else os.path.getsize(path)  # noqa: PTH112, PTH202  texts, as readers have them
    except OSError:
        return 1


def _pieces_of(data: Any) -> list[Any]:
    """Return the pieces of a Dask DataFrame or array as delayed objects, in the order of the rows.

    Raises
    ------
    WrongTypeError
        If it is neither.
    """
    if hasattr(data, "to_delayed") and hasattr(data, "npartitions"):
        if hasattr(data, "rechunk"):
            if data.ndim != 2 or data.shape[1] != 2:
                raise DataError(f"data: got a Dask array of shape {data.shape}, expected two columns, width and height")
            data = data.rechunk({1: -1})
        delayed = data.to_delayed()
        return [*(delayed.ravel() if hasattr(delayed, "ravel") else delayed)]
    raise WrongTypeError(f"data: got {type(data).__name__}, expected paths, or a Dask DataFrame or array")
