"""An index as a folder: NumPy files and ``index.json``, which names them with their sizes and checksums.

The arrays are mapped into memory, so what is not used is not read. Nothing in a folder is executed.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError, MissingFileError
from fastanchor._hints import hint
from fastanchor._text import plain
from fastanchor._weights import Weights
from fastanchor.engine._layout import GridSpec
from fastanchor.engine._merged import MergedShard
from fastanchor.engine._settings import Settings
from fastanchor.engine._shard import Shard
from fastanchor.engine._sorting import Sorted
from fastanchor.kernels import part
from fastanchor.kernels._tables import Columns

__all__ = ["JSON", "Stored", "check_new", "is_index", "load", "made", "said", "write"]

JSON = "index.json"
FORMAT, VERSION = "fastanchor index", 1
CHECKED = 1 << 30  # bytes up to which all checksums are verified when a folder is opened
BLOCK = 1 << 24  # bytes read at a time for a checksum


class Stored(NamedTuple):
    """What a folder contains."""

    shards: list[Shard]
    unit: float  # of the weights
    settings: Settings | None
    rounded: bool
    about: dict[str, Any]


def is_index(folder: str | os.PathLike[str]) -> bool:
    """Return whether a folder contains an index, whole or damaged."""
    try:
        with Path(folder, JSON).open("rb") as file:
            return FORMAT.encode() in file.read(100)
    except (OSError, ValueError):
        return False


def check_new(folder: str | os.PathLike[str], *, replace: bool) -> Path:
    """Return the path of a folder to write, or raise what :func:`save` would, before the work is done."""
    place = _check.as_path(folder, "folder")
    if os.path.lexists(place):
        if not is_index(place):
            raise DataError(f"{plain(str(place))}: exists already and is not an index; name another folder")
        if not replace:
            raise DataError(f"{plain(str(place))}: exists already; {hint('replace')}")
    return place


@contextlib.contextmanager
def made(folder: str | os.PathLike[str], *, replace: bool = False) -> Iterator[Path]:
    """Yield a folder that gets the name `folder` at the end, once it is complete.

    Raises
    ------
    DataError
        If the folder exists and is not an index that may be replaced, or cannot be written.
    """
    place = check_new(folder, replace=replace)
    part = place.with_name(f".fastanchor-{os.urandom(6).hex()}.part")
    try:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            part.mkdir()
            yield part
            _put(part, place)
        except OSError as error:
            if isinstance(error, DataError):
                raise
            raise DataError(f"{plain(str(place))}: cannot be written ({error.strerror or error})") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _put(part: Path, place: Path) -> None:
    """Give a complete folder its name."""
    if not place.exists():
        part.rename(place)
        return
    old = part.with_suffix(".old")
    place.rename(old)
    part.rename(place)
    shutil.rmtree(old)


def write(
    part: Path,
    shards: tuple[Shard, ...],
    weights: Weights | None,
    settings: Settings | None,
    rounded: bool,
    about: dict[str, Any],
) -> None:
    """Write the files of an index into a folder; those of sorted boxes that are there already stay."""
    spec = shards[0].grid.spec
    files: dict[str, dict[str, int]] = {}

    def put(name: str, array: Any) -> None:
        if not (part / name).exists():
            np.save(part / name, array, allow_pickle=False)
        files[name] = {"bytes": (part / name).stat().st_size, "crc32": _checksum(part / name)}

    put("edge_w.npy", spec.edge_w)
    put("edge_h.npy", spec.edge_h)
    kinds = []
    for i, shard in enumerate(shards):
        for name, array in _arrays(shard).items():
            put(f"{name}{i}.npy", array)
        kinds.append("merged" if isinstance(shard, MergedShard) else "plain")
    content = {
        "format": FORMAT,
        "version": VERSION,
        "boxes": sum(shard.held for shard in shards),
        "grid": {"shift": spec.shift, "base_w": spec.base_w, "base_h": spec.base_h},
        "shards": kinds,
        "rounded": rounded,
        "unit": None if weights is None else weights.unit,
        "settings": None if settings is None else settings._asdict(),
        "about": about,
        "files": files,
    }
    (part / JSON).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _arrays(shard: Shard) -> dict[str, Any]:
    """Return the arrays of a shard by the names of their files."""
    grid = shard.grid
    cells = np.zeros((grid.nx * grid.ny, 5))
    # added up in the same order as when the boxes were sorted: the same bits
    columns, before = Columns(grid.w, grid.h, grid.row), np.empty(len(cells) + 1, np.int64)
    part("grid").weigh_cells(grid.offsets, columns, None, cells, before)
    found: dict[str, Any] = {"w": grid.w, "h": grid.h, "row": grid.row, "offsets": grid.offsets, "alike": grid.alike}
    found["cells"] = cells.reshape(grid.nx, grid.ny, 5)
    if grid.weights is not None:
        found["weights"] = grid.weights
    if isinstance(shard, MergedShard):
        found.update(shard.arrays)
    return found


def said(folder: Path) -> dict[str, Any]:
    """Return the content of ``index.json``.

    Raises
    ------
    DataError
        If it is missing, or not that of an index of this version.
    """
    shown = plain(str(folder))
    try:
        content = json.loads((folder / JSON).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingFileError(f"{shown}: not an index, which has a file {JSON}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{shown}: {JSON} cannot be read ({error})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError(f"{shown}: {JSON} is not that of an index of boxes")
    if content.get("version") != VERSION:
        got = content.get("version")
        raise DataError(f"{shown}: got version {got!r} of the format, expected {VERSION}; build the index again")
    return content


def load(folder: str | os.PathLike[str], *, verify: bool | None = None, threads: int | None = None) -> Stored:
    """Open an index; `verify` says whether to compare checksums, by default where all files are at most 1 GB.

    Raises
    ------
    DataError
        If the folder is not an index, or a file is missing, truncated or damaged.
    """
    place = _check.as_path(folder, "folder")
    content = said(place)
    shown = plain(str(place))
    try:
        files = content["files"]
        sizes = {name: int(one["bytes"]) for name, one in files.items()}
        verify = sum(sizes.values()) <= CHECKED if verify is None else verify
        for name, one in files.items():
            _check_file(place, name, sizes[name], int(one["crc32"]) if verify else None)
        arrays = {name: _mapped(place / name) for name in files}
        spec = GridSpec(
            content["grid"]["shift"], content["grid"]["base_w"], content["grid"]["base_h"],
            np.array(arrays["edge_w.npy"]), np.array(arrays["edge_h.npy"]),
        )  # fmt: skip
        shards = [_shard(arrays, i, kind, spec, threads) for i, kind in enumerate(content["shards"])]
        settings = content["settings"]
        if settings is not None:
            settings = Settings.of(settings)
        unit, rounded, about = content["unit"], bool(content["rounded"]), dict(content["about"])
    except DataError:  # which is a ValueError too
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(f"{shown}: damaged index ({type(error).__name__}: {error}); build it again") from None
    return Stored(shards, 1.0 if unit is None else float(unit), settings, rounded, about)


def _check_file(place: Path, name: str, size: int, checksum: int | None) -> None:
    shown = plain(str(place))
    if Path(name).name != name:
        raise DataError(f"{shown}: {JSON} names a file outside the folder, {name!r}")
    try:
        got = (place / name).stat().st_size
    except FileNotFoundError:
        raise DataError(f"{shown}: {name} is missing; build the index again") from None
    if got != size:
        raise DataError(f"{shown}: {name} has {got:,} bytes, expected {size:,}; build the index again")
    if checksum is not None and _checksum(place / name) != checksum:
        raise DataError(f"{shown}: {name} is damaged, its checksum differs; build the index again")


def _checksum(file: Path) -> int:
    found = 0
    with file.open("rb") as source:
        while data := source.read(BLOCK):
            found = zlib.crc32(data, found)
    return found


def _mapped(file: Path) -> Any:
    """Return an array that is mapped into memory; kernels take writable arrays only, and never write."""
    mode: Any = "r+" if os.access(file, os.W_OK) else "c"
    try:
        return np.asarray(np.load(file, mmap_mode=mode, allow_pickle=False))
    except ValueError:  # an empty file of no rows cannot be mapped
        return np.load(file, allow_pickle=False)


def _shard(arrays: dict[str, Any], i: int, kind: str, spec: GridSpec, threads: int | None) -> Shard:
    names = (*Sorted._fields, "weights", *MergedShard.STORED)
    own = {name: arrays[f"{name}{i}.npy"] for name in names if f"{name}{i}.npy" in arrays}
    found = Sorted(*(own[name] for name in Sorted._fields))
    if kind == "merged":
        return MergedShard.opened(found, spec, own, threads=threads)
    return Shard.of(found, spec, own.get("weights"), threads=threads)
