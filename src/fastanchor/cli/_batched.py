"""DATA that would not fit into memory as an array: files of widths and heights, sorted into an index piece by piece."""

from __future__ import annotations

import argparse
import atexit
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastanchor import kernels
from fastanchor._check import MAX_SIDE, MIN_SIDE
from fastanchor._small import count_small
from fastanchor._types import FloatArray
from fastanchor.boxes import Boxes
from fastanchor.cli._data import Data, plain_summary
from fastanchor.datasets._judge import within
from fastanchor.datasets._large import large_files
from fastanchor.datasets._skips import INFINITE, NEGATIVE, UNREADABLE, ZERO
from fastanchor.engine import BoxIndex
from fastanchor.engine._batches import Arrays, Rows, Source, Stream
from fastanchor.engine._layout import side_for
from fastanchor.engine._settings import Settings
from fastanchor.engine._sorting import PIECE
from fastanchor.engine._threads import Team, thread_count

__all__ = ["batched"]

LOG = logging.getLogger("fastanchor")
PLAIN = 120  # bytes per box that reading all boxes into arrays and sorting them takes at its peak
SORTED = 8  # bytes per box of an index in memory, sides in float32
TABLES = 210  # bytes per cell that the tables of an index take at their peak
# options that only the ordinary readers know
OTHERS = ("format", "split", "images", "source_size", "size_cache", "crowd", "unit", "form", "rows", "turned",
          "columns", "weight", "balance", "strict", "holdout", "jitter", "classes", "exclude", "min_area")  # fmt: skip


def free() -> int:
    """Return half of the memory that is free, in bytes."""
    try:
        text = Path("/proc/meminfo").read_text("ascii")
        return int(re.findall(r"MemAvailable:\s+(\d+)", text)[0]) * 1024 // 2
    except (OSError, IndexError):
        names = os.sysconf_names if hasattr(os, "sysconf_names") else {}
        if "SC_PHYS_PAGES" in names:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
        return 4 << 30


def batched(arguments: argparse.Namespace) -> Data | None:
    """Return DATA as an index if it would not fit into memory otherwise; None to read it as usual."""
    given = getattr(arguments, "_given", {})
    if not hasattr(arguments, "memory") or not arguments.data or not kernels.installed():
        return None
    if any(name in given or getattr(arguments, name, None) is True for name in OTHERS):
        return None
    most = free() if arguments.memory is None else arguments.memory
    files = large_files(arguments.data, most // PLAIN)
    if files is None:
        return None
    source: Source = Arrays(files)
    figures = figured(source, arguments.min_size, arguments.threads)
    if figures.skipped or figures.filtered:
        source = Stream(lambda: _kept(files, arguments.min_size))
    folder = None
    if SORTED * figures.used + TABLES * side_for(figures.used) ** 2 > most:
        folder = Path(tempfile.mkdtemp(prefix="fastanchor-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        LOG.info("%s boxes are sorted into files in %s, since memory is limited to %.1f GB",
                 f"{figures.used:,}", folder, most / 1e9)  # fmt: skip
    progress = False if arguments.quiet else None
    index = BoxIndex.built(source, keep_rows=False, folder=folder, threads=arguments.threads, progress=progress)
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


def figured(source: Source, min_size: float, threads: int | None) -> Figures:
    """Return the figures of a source, in one pass."""
    reasons = (UNREADABLE, INFINITE, NEGATIVE, ZERO)

    def look(load: Callable[[], FloatArray]) -> tuple[int, int, int, list[int], FloatArray, float, float]:
        wh, counts = load(), [0] * len(reasons)
        if not (wh.min() >= MIN_SIDE and wh.max() <= MAX_SIDE):  # false for NaN
            wh, counts = _valid(wh)
        out, small = int(np.count_nonzero(_small(wh, min_size))), count_small(wh)
        area = wh[:, 0] * wh[:, 1]
        ends = float(area.min(initial=np.inf)), float(area.max(initial=0.0))
        return len(wh) - out, small, out, counts, np.ones(len(wh)) @ wh, *ends

    found = Team(thread_count(threads)).pull(look, source.chunks(PIECE))
    counts, small, out, skipped, sums, low, high = zip(*found, strict=True)
    total = sum(counts) + sum(out)
    mean = (np.sum(sums, axis=0) / max(total, 1)).tolist()
    by_reason = {reason: n for reason, n in zip(reasons, np.sum(skipped, axis=0).tolist(), strict=True) if n}
    return Figures(sum(counts), sum(small), sum(out), by_reason, mean, (min(low), max(high)))


def _small(wh: FloatArray, min_size: float) -> Any:
    """Return the mask of boxes without a side of at least this."""
    return (wh[:, 0] < min_size) & (wh[:, 1] < min_size)


def _valid(wh: FloatArray) -> tuple[FloatArray, list[int]]:
    """Return the valid boxes, and the numbers of others by reason, as ``datasets._judge.judged`` does."""
    left, counts = ~within(wh), []
    size = np.abs(wh)
    for bad in (np.isnan(wh).any(axis=1), ~(size <= MAX_SIDE).all(axis=1), (wh < 0.0).any(axis=1), left):
        counts.append(int(np.count_nonzero(bad & left)))
        left = left & ~bad
    return wh[within(wh)], counts


def _kept(files: list[Rows], min_size: float) -> Iterator[FloatArray]:
    """Yield the boxes to use, piece by piece."""
    for load in Arrays(files).chunks(PIECE):
        wh = load()
        yield wh[within(wh) & ~_small(wh, min_size)]
