"""Write boxes as labels of other programs, or as a table."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple, get_args

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called, hint
from fastanchor._output import check_output, is_stream, named_file, whole
from fastanchor._types import Written
from fastanchor.boxes import Boxes
from fastanchor.datasets import _table_out
from fastanchor.datasets._skips import shown
from fastanchor.datasets._write_coco import coco
from fastanchor.datasets._write_folders import safe_name, voc, yolo

__all__ = ["SIZES", "WRITTEN", "check", "target", "write"]

WRITTEN = get_args(Written)
TABLES = ("csv", "parquet")
SIZES = "image sizes"


class Writer(NamedTuple):
    """How labels are written."""

    put: Callable[[Boxes, list[str], Path], None]  # writes boxes to a path; the texts are names of label files
    ending: str  # of the file; empty for a folder
    pixels: bool  # whether sizes of images must be known
    keeps: tuple[str, ...]  # of image sizes, split, weights and flags


WRITERS = {
    "coco": Writer(coco, ".json", True, (SIZES, "crowd")),
    "yolo": Writer(yolo, "", False, ("split",)),
    "voc": Writer(voc, "", True, (SIZES, "split", "difficult", "truncated", "occluded")),
}


def write(
    boxes: Boxes, path: str | os.PathLike[str], *, to: Written | None = None, replace: bool = False
) -> tuple[str, ...]:
    """Write boxes as COCO JSON, YOLO, Pascal VOC or a table, completely or not at all.

    Parameters
    ----------
    boxes : Boxes
        For labels of images with positions, and with sizes of images; a table can be of any boxes.
    path : path-like
        A ``.json`` file for COCO, a new or empty folder for YOLO (``labels``, ``data.yaml``) and VOC (``Annotations``,
        ``ImageSets``), a ``.csv`` or ``.parquet`` file for a table. Images are not copied. If only some images have a
        split, YOLO gets the others as "train".
    to : {"coco", "yolo", "voc", "csv", "parquet"}, optional
        Default: by the ending of `path`.
    replace : bool, default False
        Whether a file that exists may be replaced.

    Returns
    -------
    tuple of str
        What these labels cannot hold, of "image sizes", "split", "weights" and the flags of `boxes`.

    Raises
    ------
    DataError
        If the boxes lack what these labels need, or `path` has another ending, exists or cannot be written.
    BackendError
        If the table is Parquet and pyarrow is not installed.

    Examples
    --------
    >>> import pathlib, tempfile, fastanchor
    >>> boxes = Boxes([[5, 4]], [0], [[64, 48]], [0], ["cat"], xy=[[1, 2]], files=["a.jpg"], split=["val"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lost = write(boxes, pathlib.Path(folder, "labels.json"))
    ...     again = fastanchor.read(folder)
    >>> again.wh.tolist(), again.class_names, lost
    ([[5.0, 4.0]], ('cat',), ('split',))
    """
    out = named_file(path)
    name = check(out, to, replace=replace)
    if name in TABLES:
        _table_out.write(boxes, out, replace=replace)
        return ()
    writer = WRITERS[name]
    _need(boxes, name, writer)
    stems = stems_of(boxes)
    with whole(out, replace=replace) if writer.ending else new_folder(out) as part:
        writer.put(boxes, stems, part)
    there = {SIZES: not boxes.relative, "split": any(boxes.split or ()), "weights": boxes.weights is not None}
    names = [name for name, known in there.items() if known]
    return tuple(name for name in [*names, *boxes.flags] if name not in writer.keeps)


def target(out: Path, to: Written | None) -> str:
    """Return the name of what is written, by the ending of the path unless it is given."""
    if to is not None:
        return _check.choice(to, "to", WRITTEN)
    ending = out.suffix.lower()
    if ending == ".json":
        return "coco"
    if ending[1:] in TABLES or is_stream(out):
        return ending[1:] if ending[1:] in TABLES else "csv"
    raise DataError(f"{shown(out)}: must end in .csv, .parquet or .json, or {hint('to')}")


def check(out: Path, to: Written | None = None, *, replace: bool = False) -> str:
    """Raise the errors of :func:`write` for this path early; return the name of what is written."""
    name = target(out, to)
    ending = f".{name}" if name in TABLES else WRITERS[name].ending
    if ending and out.suffix.lower() != ending and not is_stream(out):
        raise DataError(f"{shown(out)}: must end in {ending} for {called('to')} {name}")
    if name in TABLES:
        _table_out.check(out, replace=replace)
    elif ending:
        check_output(out, replace=replace)
    else:
        _check_folder(out)
    return name


def _check_folder(out: Path) -> None:
    if out.is_dir() and any(out.iterdir()):
        raise DataError(f"{shown(out)}: is a folder that is not empty; name a new one")
    if out.exists() and not out.is_dir():
        raise DataError(f"{shown(out)}: is a file; name a new folder")


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a folder to fill, which becomes `out` at the end."""
    _check_folder(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            part.chmod(0o755)
            yield part
            if out.is_dir():
                out.rmdir()
            part.rename(out)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise DataError(f"{shown(out)}: cannot be written ({error.strerror or error})") from None


def _need(boxes: Boxes, name: str, writer: Writer) -> None:
    """Raise if the boxes lack what labels of this kind hold."""
    if boxes.image_index is None or boxes.image_wh is None:
        raise DataError(f"boxes: have no image sizes, which {name} needs; {hint('sizes')}")
    if boxes.xy is None:
        raise DataError(f"boxes: have no positions, which {name} needs")
    if writer.pixels and boxes.relative:
        raise DataError(f"boxes: are relative to images of unknown size, and {name} needs pixels; {hint('sizes')}")


def stems_of(boxes: Boxes) -> list[str]:
    """Return a name for the label file of each image, all different: that of the image, with its folders if needed."""
    files = boxes.files or [""] * boxes.n_images
    paths = [PurePosixPath(name.replace("\\", "/")) for name in files]
    far = ["_".join(path.with_suffix("").parts) if path.name else "" for path in paths]
    for names in ([path.stem for path in paths], far):
        safe = [safe_name(name) for name in names]
        if len({name.lower() for name in safe}) == len(safe) and "" not in safe:
            return safe
    return [f"{i:06d}" for i in range(boxes.n_images)]
