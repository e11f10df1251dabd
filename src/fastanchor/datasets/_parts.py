"""Splits of a data set: which exist, which are read, and the split of each label file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor.datasets._probe import PARTS, Probe, folders_of, part_of
from fastanchor.datasets._record import Batch, Format, Source
from fastanchor.datasets._skips import Skips, shown

__all__ = ["ALL", "TRAINING", "Chosen", "chosen", "of_images"]

ALL, TRAINING = "all", "auto"
SETS = ("train", "val", "test")


class Chosen(NamedTuple):
    """Label files to read, with their splits; all splits, and those read."""

    files: list[str]
    split_of: Mapping[str, str]  # split of each file; empty without splits
    splits: tuple[str, ...]
    taken: tuple[str, ...]  # empty: everything


def chosen(format: Format, source: Source, probe: Probe, split: str | None, skips: Skips) -> Chosen:
    """Return the label files of `split`: names joined by "+", "all", or "auto", the training set if there is one."""
    if source.inner:
        return Chosen(source.files, {}, (), ())
    if source.parts:
        return _declared(source, probe, split, skips)
    part = _by_path(format, source.files, probe)
    splits = tuple(sorted({name for name in part.values() if name}, key=_order))
    taken = _taken(splits, split, probe)
    files = source.files if not taken else [file for file in source.files if part[file] in taken]
    return Chosen(files, part if splits else {}, splits, taken)


def of_images(batch: Batch, split: str | None, probe: Probe) -> tuple[Batch, tuple[str, ...], tuple[str, ...]]:
    """Return the images of `split` by the split of each image in the labels; all splits; and those read."""
    if batch.split is None:
        return batch, (), ()
    splits = tuple(sorted(dict.fromkeys(filter(None, batch.split)), key=_order))
    taken = _taken(splits, split, probe)
    if taken:
        batch = batch.on(np.array([name in taken for name in batch.split], dtype=bool))
    return batch, splits, taken


def _declared(source: Source, probe: Probe, split: str | None, skips: Skips) -> Chosen:
    splits = tuple(sorted(source.parts, key=_order))
    taken = _taken(splits, split, probe)
    part: dict[str, str] = {}
    missing: set[str] = set()
    if taken:
        for name in taken:
            for file in source.parts[name](skips):
                part.setdefault(file, name)
        if not part:
            raise DataError(f"{shown(probe.path)}: no label file belongs to the split {' + '.join(taken)}")
        missing |= {name for name in splits if name not in taken and _is_missing(source, name)}
        return Chosen(list(part), part, tuple(name for name in splits if name not in missing), taken)
    # trainval tells less than train and val
    names = [name for name in source.parts if PARTS.get(name) in SETS]
    if not source.files:
        names = list(source.parts)
    for name in names:
        files = source.parts[name](Skips() if source.files else skips)
        for file in files:
            part.setdefault(file, name)
        if not files:
            missing.add(name)
    return Chosen(source.files or list(part), part, tuple(name for name in splits if name not in missing), ())


def _is_missing(source: Source, name: str) -> bool:
    """Return whether a split of a usual name is declared, and has no label file; lists of classes are not opened."""
    try:
        return PARTS.get(name) in SETS and not source.parts[name](Skips())
    except (DataError, OSError):  # it exists, though it cannot be read
        return False


def _taken(splits: Sequence[str], split: str | None, probe: Probe) -> tuple[str, ...]:
    if split in (None, ALL):
        return ()
    by_alias = {PARTS[name.lower()]: name for name in reversed(splits) if name.lower() in PARTS}
    if split == TRAINING:
        found = by_alias.get("trainval") or by_alias.get("train")
        return (found,) if found else ()
    taken = []
    for name in split.split("+"):
        split_name = name if name in splits else by_alias.get(PARTS.get(name.lower(), ""))
        if split_name is None:
            if not splits:
                raise DataError(f"{called('split')} = {name!r}: {shown(probe.path)} declares no splits; leave it out")
            legal = ", ".join(map(repr, splits))
            raise DataError(f"{called('split')} = {name!r}: must be 'all' or one of {legal}, in {shown(probe.path)}")
        taken.append(split_name)
    return tuple(dict.fromkeys(taken))


def _by_path(format: Format, files: Sequence[str], probe: Probe) -> dict[str, str]:
    """Return the split named by the path of each file; for a label file of one image only its folder counts."""
    if probe.is_file:
        return dict.fromkeys(files, "")
    root = str(probe.path)
    if not format.single:
        return {file: part_of(file, root) for file in files}
    known = {folder: part_of(folder, root) for folder in folders_of(files)}
    return {file: known[file.rpartition(os.sep)[0]] for file in files} if any(known.values()) else {}


def _order(name: str) -> int:
    known = tuple(dict.fromkeys(PARTS.values()))
    return known.index(PARTS[name.lower()]) if name.lower() in PARTS else len(known)
