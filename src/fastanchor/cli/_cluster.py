"""``--dask``: the labels are read and compared on the workers of a cluster."""

from __future__ import annotations

import argparse
import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._network import NetworkBoxes
from fastanchor._text import plain
from fastanchor.boxes import Boxes
from fastanchor.cli import _data, _holdout, _indexed, _options
from fastanchor.cli._data import Data
from fastanchor.datasets import Reading, read
from fastanchor.distributed import ClusterIndex
from fastanchor.distributed._index import remarks_of, summary_of
from fastanchor.engine import BoxIndex
from fastanchor.export import Input

__all__ = ["add", "loaded"]

LOG = logging.getLogger("fastanchor")
# options that need all boxes in this process, and the values that do not
NEAR: dict[str, tuple[str, Any]] = {
    "plot": ("--plot", None),
    "certify": ("--certify", False),
    "balance": ("--balance", None),
    "holdout": ("--holdout", None),
    "jitter": ("--jitter", None),
    "size_cache": ("--size-cache", None),
    "classes": ("--class", None),
    "exclude": ("--exclude", None),
    "method": ("--method", "recipe"),
}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _options.add(parser, "cluster", ClusterIndex.__init__)


@contextlib.contextmanager
def loaded(
    arguments: argparse.Namespace, made_for: Input
) -> Iterator[tuple[Data, Boxes | BoxIndex | NetworkBoxes, Boxes | None]]:
    """Yield what was read, the boxes and those held out: here, or on a cluster, which is left afterwards."""
    if arguments.workers is not None:
        arguments.workers = _check.integer(arguments.workers, "workers", least=1)
    arguments.timeout = _check.number(arguments.timeout, "timeout", low=0.0)
    if arguments.client is None:
        for name, option in (("workers", "--workers"), ("worker_memory", "--worker-memory")):
            if getattr(arguments, name) is not None:
                raise DataError(f"{option}: only with --dask local")
        data = _data.load(arguments)
        yield data, *_holdout.divided(arguments, data.used)
        return
    if not arguments.data:
        raise DataError("--dask: DATA is missing; the built-in sample is not read by workers")
    there = _indexed.folders(arguments)
    if there:
        raise DataError(f"--dask: {plain(there[0])} is an index, which workers do not read; give its labels")
    for name, (option, value) in NEAR.items():
        if getattr(arguments, name) != value:
            raise DataError(f"{option}: not supported with --dask")
    options = {name: value for name, value in _options.given(arguments, read).items() if name not in LOCAL}
    size = {"min_size": arguments.min_size, **made_for._asdict()}
    with ClusterIndex(arguments.data, **_options.given(arguments, ClusterIndex.__init__, **options, **size)) as index:
        yield _described(arguments, index), index.network, None
        sent = index.traffic
        LOG.debug(
            "cluster: %d parts, %d trips, %.1f MB sent, %.1f MB received, %d parts made again",
            len(index.shards), sent.trips, sent.sent / 1e6, sent.received / 1e6, sent.lost,
        )  # fmt: skip


LOCAL = ("progress", "places", "report", "size_cache")


def _described(arguments: argparse.Namespace, index: ClusterIndex) -> Data:
    """Return what was read, without the boxes."""
    for one in index.found:
        for text in one.reports:
            LOG.warning("%s", text)
    formats = tuple(dict.fromkeys(one.format for one in index.found))
    if arguments.format == "auto":
        LOG.info("%s: read as %s", ", ".join(arguments.data), ", ".join(formats))
    summary = summary_of(index.found)
    boxes = Boxes(
        np.empty((0, 2)),
        class_names=tuple(summary.per_class),
        skipped=summary.skipped,
        remarks=remarks_of(index.found),
    )
    parts = tuple(dict.fromkeys(name for one in index.found for name in one.parts))
    taken = tuple(dict.fromkeys(name for one in index.found for name in one.taken))
    return _data.described(", ".join(arguments.data), Reading(boxes, formats, parts, taken), summary)
