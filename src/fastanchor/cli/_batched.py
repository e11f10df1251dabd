"""DATA that would not fit into memory as an array: files of widths and heights, sorted into an index piece by piece."""

from __future__ import annotations

import argparse
import atexit
import logging
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import kernels
from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._errors import DataError
from fastanchor._memory import free
from fastanchor._small import SMALL
from fastanchor._types import FloatArray, IntArray
from fastanchor.boxes import Boxes
from fastanchor.cli._data import Data, plain_summary
from fastanchor.datasets._judge import within
from fastanchor.datasets._large import large_files
from fastanchor.datasets._skips import INFINITE, NEGATIVE, UNREADABLE, ZERO
from fastanchor.engine import BoxIndex, _batches
from fastanchor.engine._batches import Arrays, Load, Rows, Source
from fastanchor.engine._layout import side_for
from fastanchor.engine._settings import Settings
from fastanchor.engine._threads import Team, thread_count

__all__ = ["Sieved", "batched", "sieved", "sorted_into"]

LOG = logging.getLogger("fastanchor")
REASONS = (UNREADABLE, INFINITE, NEGATIVE, ZERO)
PLAIN = 120  # bytes per box that reading all boxes into arrays and sorting them takes at its peak
SORTED = 8  # bytes per box of an index in memory, sides in float32
TABLES = 210  # bytes per cell that the tables of an index take at their peak
# options that only the ordinary readers know
OTHERS = ("format", "split", "images", "source_size", "size_cache", "crowd", "unit", "form", "rows", "turned",
          "columns", "weight", "balance", "strict", "holdout", "jitter", "classes", "exclude", "min_area")  # fmt: skip


def sieved(arguments: argparse.Namespace) -> Sieved | None:
    """Return DATA to be read piece by piece if it would not fit into memory otherwise; None to read it as usual."""
    given = getattr(arguments, "_given", {})
    if not hasattr(arguments, "memory") or not arguments.data or not kernels.installed():
        return None
    if any(name in given or getattr(arguments, name, None) is True for name in OTHERS):
        return None
    most = free() // 2 if arguments.memory is None else arguments.memory
    files = large_files(arguments.data, most // PLAIN)
    return None if files is None else Sieved(files, arguments.min_size, most, arguments.threads)


def batched(arguments: argparse.Namespace) -> Data | None:
    """Return DATA as an index that does not keep rows if it would not fit into memory otherwise; else None."""
    source = sieved(arguments)
    if source is None:
        return None
    folder, limit = None, source.size
    if not source.fits(SORTED):
        folder = Path(tempfile.mkdtemp(prefix="fastanchor-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        LOG.info("%s boxes are sorted into files in %s, since memory is limited to %.1f GB",
                 f"{limit:,}", folder, source.most / 1e9)  # fmt: skip
    return sorted_into(folder, arguments, source, keep_rows=False)


def sorted_into(folder: Path | None, arguments: argparse.Namespace, source: Sieved, *, keep_rows: bool) -> Data:
    """Return DATA as an index, sorted into files of a folder or in memory."""
    progress = False if arguments.quiet else None
    index = BoxIndex.built(source, keep_rows=keep_rows, folder=folder, threads=arguments.threads, progress=progress)
    figures = source.figures()
    index.settings = Settings(None, None, arguments.min_size)
    index.about = {"n_small": figures.small, "n_filtered": figures.filtered}
    read = {**plain_summary(Boxes(np.empty((0, 2))).summary()), "boxes": figures.used + figures.filtered,
            "mean_box": figures.mean, "smallest_area": figures.areas[0], "largest_area": figures.areas[1],
            "format": "table", "splits": [], "split": None, "remarks": [],
            "source": ", ".join(arguments.data)}  # fmt: skip
    return Data(Boxes(np.empty((0, 2)), skipped=figures.skipped), read, index)


class Figures(NamedTuple):
    """Numbers of boxes: used, with a side < 3 pixels, left out, skipped; and the sizes of all but the last."""

    used: int
    small: int
    filtered: int
    skipped: dict[str, int]
    mean: list[float]
    areas: tuple[float, float]


class Piece(NamedTuple):
    """The figures of a piece of the files: `counts` are of what is skipped, by reason, and `sums` those of sides."""

    used: int
    small: int
    filtered: int
    counts: list[int]
    sums: list[float]
    areas: tuple[float, float]

    @property
    def whole(self) -> bool:
        """Whether all boxes are used."""
        return not (self.filtered or any(self.counts))


class Sieved(Source):
    """The boxes of files without those that are not valid or too small; the first pass finds the figures.

    `most` is the memory that may be used, in bytes.
    """

    scattered = True

    def __init__(self, files: list[Rows], min_size: float, most: int, threads: int | None = None) -> None:
        self._files, self._least, self._team = Arrays(files), min_size, Team(thread_count(threads))
        self.most = most
        self._pieces: dict[int, Piece] = {}

    @property
    def size(self) -> int:
        """Number of boxes in the files."""
        return len(self._files)

    def fits(self, each: int) -> bool:
        """Return whether an index with so many bytes per box takes at most the memory that may be used."""
        return each * self.size + TABLES * side_for(self.size) ** 2 <= self.most

    @property
    def starts(self) -> IntArray:  # type: ignore[override]
        """The rows where pieces begin, and the number of boxes."""
        return self.firsts()

    def firsts(self) -> IntArray:
        """Return the rows where pieces begin, and the number of boxes; known after the first pass."""
        return np.cumsum([0, *(self._pieces[at].used for at in range(len(self._pieces)))])

    def chunks(self) -> Iterator[Load]:
        """Yield functions that return the boxes of the next piece, without those that are left out."""
        for at, load in enumerate(self._files.chunks()):
            yield partial(self._sifted, at, load)

    def sample(self) -> FloatArray:
        """Return boxes from all over the files."""
        some = self._files.sample()
        found: FloatArray = some[within(some) & ~_small(some, self._least)]
        return found

    def take(self, rows: IntArray) -> FloatArray:
        """Return the boxes of these rows, (m, 2)."""
        firsts, loads = self.firsts(), list(self._files.chunks())
        out, owner = np.empty((len(rows), 2)), np.searchsorted(firsts, rows, side="right") - 1
        whole = np.array([self._pieces[at].whole for at in range(len(self._pieces))])[owner]
        out[whole] = self._files.take(rows[whole] - firsts[owner[whole]] + owner[whole] * _batches.PIECE)

        def look(at: int) -> None:
            here = owner == at
            out[here] = self._sifted(at, loads[at])[rows[here] - firsts[at]]

        self._team.run(look, np.unique(owner[~whole]).tolist())
        return out

    def figures(self) -> Figures:
        """Return the figures of the files."""
        used, small, filtered, counts, sums, areas = zip(*self._pieces.values(), strict=True)
        total = sum(used) + sum(filtered)
        mean = (np.sum(sums, axis=0) / max(total, 1)).tolist()
        skipped = {reason: n for reason, n in zip(REASONS, np.sum(counts, axis=0).tolist(), strict=True) if n}
        low, high = zip(*areas, strict=True)
        return Figures(sum(used), sum(small), sum(filtered), skipped, mean, (min(low), max(high)))

    def _sifted(self, at: int, load: Load) -> Any:
        """Return the boxes of a piece that are used; the first time, keep its figures."""
        wh, known = load(), self._pieces.get(at)
        if known is not None and known.whole and known.used == len(wh):
            return wh
        found, keep = _looked(wh, self._least)
        if known is not None and known.used != found.used:
            raise DataError(f"DATA: got {found.used:,} boxes in another pass over a piece, expected {known.used:,}")
        self._pieces[at] = found
        return wh if keep is None else wh[keep]


def _looked(wh: Any, least: float) -> tuple[Piece, NDArray[np.bool_] | None]:
    """Return the figures of boxes (m, 2), and the mask of those to use; None for all of them."""
    kernels_of, keep, counts, fine = kernels.part("grid"), None, [0] * len(REASONS), wh
    w0, w1, h0, h1 = map(float, kernels_of.extent(wh))
    if not (min(w0, h0) >= MIN_SIDE and max(w1, h1) <= MAX_SIDE):  # false for NaN
        exact = wh.astype(np.float64)
        keep, counts = _valid(exact)
        fine = wh[keep]
    left, small, *sums, low, high = kernels_of.figures(fine, least, SMALL)
    if left:
        exact = wh.astype(np.float64)
        keep = ~_small(exact, least) if keep is None else keep & ~_small(exact, least)
    return Piece(len(fine) - left, small, left, counts, sums, (low, high)), keep


def _small(wh: FloatArray, min_size: float) -> Any:
    """Return the mask of boxes without a side of at least this."""
    return (wh[:, 0] < min_size) & (wh[:, 1] < min_size)


def _valid(wh: FloatArray) -> tuple[NDArray[np.bool_], list[int]]:
    """Return the mask of valid boxes, and the numbers of others by reason, as ``datasets._judge.judged`` does."""
    valid = within(wh)
    left, counts = ~valid, []
    size = np.abs(wh)
    for bad in (np.isnan(wh).any(axis=1), ~(size <= MAX_SIDE).all(axis=1), (wh < 0.0).any(axis=1), left):
        counts.append(int(np.count_nonzero(bad & left)))
        left = left & ~bad
    return valid, counts
