"""Plain tables: CSV, Parquet, ``.npy`` and ``.npz``, and CSV on standard input.

The names of the columns decide their meaning; case, blanks and underscores do not matter, and more specific names have
precedence:

* ``xmin, ymin, xmax, ymax`` (or ``x1, y1, x2, y2``, ``Roi.X1, ...``): corners;
* ``x, y, w, h`` (or ``xmin, ymin, width, height``, ``bbox_x, ...``): left, top, width and height;
* ``bbox``: four numbers in a text or list, left, top, width and height unless `form` differs; in Parquet also inside
  ``objects``, one row per image;
* without a header, ``image, x1, y1, x2, y2, class`` if the first cell is an image, and in all rows x2 > x1 and y2 > y1;
* else ``width, height`` (or ``w, h``, or two columns without a header): the box's. Beside any of the others they are
  the image's, as ``image_width, image_height`` always are. Beside the name of an image alone they are the box's only
  if an image has several, or one that differs from the size of the image's file; else they are refused, and `columns`
  decides.

``image``, ``filename`` or ``image_id`` name the image of a box, ``class`` or ``label`` its class, ``split`` its split;
``box_weight``, or the column named by `weight`, its weight; ``crowd``, ``difficult``, ``truncated`` and ``occluded``
are flags. A row with an empty box is an image without boxes. Without image sizes in the table, in the images or in a
table beside it, boxes are in pixels of the network input. :func:`write`
writes such a table of any data set.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from fastanchor._hints import hint
from fastanchor._reading import STDIN
from fastanchor._types import Remark
from fastanchor.datasets._arrays import array_batch
from fastanchor.datasets._arrow import parquet_columns, parquet_names
from fastanchor.datasets._columns import Taken, batch_of, place
from fastanchor.datasets._csv import Sheet, sheet, still, take
from fastanchor.datasets._judge import within
from fastanchor.datasets._places import Places
from fastanchor.datasets._probe import Probe, ending, joined
from fastanchor.datasets._record import Batch, Format, Job, Options, Source
from fastanchor.datasets._roles import UNCLEAR, Roles, roles
from fastanchor.datasets._sizes import SAMPLED, image_size
from fastanchor.datasets._skips import Unusable, shown
from fastanchor.datasets._table_out import check, write

__all__ = ["FORMAT", "check", "sheet_of", "sizes_beside", "table", "write"]

ENDINGS = (".csv", ".tsv", ".parquet", ".npy", ".npz")
ARRAYS = (".npy", ".npz")
OTHER = (b"{", b"[", b"<")  # first bytes of JSON, HTML and XML
NO_HEADER = "no header, and numbers that may be corners, or left, top, width and height"
WORDS = ("size", "image")  # in the name of a table of images beside the labels


def sniff(probe: Probe) -> Source | None:
    """Return a file with the ending of a table; in a folder the tables with positions of boxes, else the others."""
    if probe.is_file:
        file = str(probe.path)
        other = file != STDIN or probe.head(file).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in OTHER
        if other and not (probe.named or probe.suffix in ENDINGS):
            return None
        found = _roles(file, probe)
        return Source([file], 2, inner=found is not None and found.split >= 0)
    files, bare, inner = [], [], False
    for file in probe.files(*ENDINGS[:3]):
        found = _roles(file, probe)
        if found is None or found.bare:
            bare += [file] if found is not None or probe.named else []
        else:
            files.append(file)
            inner |= found.split >= 0
    return Source(files or bare, 2 if files else 1, inner=inner) if files or bare else None


def _roles(file: str, probe: Probe) -> Roles | None:
    """Return the roles of the columns of a table, None without columns of boxes."""
    if file.lower().endswith(ARRAYS):
        return None
    try:
        names = parquet_names(file) if file.lower().endswith(".parquet") else sheet_of(file, probe).columns
        return None if names is None else roles(names, Options())
    except (Unusable, OSError):
        return None


def sheet_of(file: str, probe: Probe) -> Sheet:
    """Return :func:`_csv.sheet` of a file, cached."""
    found: Sheet | None = probe.known.get(file)
    if found is None:
        found = probe.known[file] = sheet(file, probe.head(file))
    return found


def table(file: str, job: Job) -> Batch:
    """Return the images and boxes of a table."""
    if file.lower().endswith(ARRAYS):
        if job.options.weight is not None:
            raise Unusable("no column of weights", None, "an array has no names of columns")
        return array_batch(file)
    moved = still if job.moved is None else job.moved.to
    if file.lower().endswith(".parquet"):
        taken, found = parquet_columns(file, lambda names: wanted(names, job.options), moved)
    else:
        sheet = sheet_of(file, job.probe)
        found = wanted(sheet.columns, job.options)
        taken = take(sheet, job.skips, found, moved)
        if sheet.assumed and job.options.form is None and job.options.columns is None:
            job.remarks.append(_proved(file, taken))
    batch = batch_of(taken, found, file, job.skips)
    if found.unclear and not _of_boxes(batch, job, named=found.label >= 0):
        raise Unusable(UNCLEAR, None, f"{found.unclear}; {hint('columns')}")
    return batch


def _proved(file: str, taken: Taken) -> Remark:
    """Return a remark on a table without a header whose rows are all corners; raise Unusable if one is not."""
    corners = taken.box[np.isfinite(taken.box).all(1)]
    wrong = np.flatnonzero(~((taken.box[:, 2:] > taken.box[:, :2]).all(1) | np.isnan(taken.box).any(1)))
    if len(wrong) or not len(corners):
        line = None if taken.lines is None or not len(wrong) else int(taken.lines[wrong[0]])
        values = ", ".join(f"{value:g}" for value in taken.box[wrong[0]].tolist()) if len(wrong) else "no row has a box"
        raise Unusable(NO_HEADER, line, f"{values}; expected x2 > x1 and y2 > y1 in all rows; {hint('form')}")
    text = (
        f"{shown(file)} has no header, so it is read as image, x1, y1, x2, y2, class; in all rows x2 > x1 and y2 > y1"
    )
    return Remark("table without a header", text, len(corners))


def _of_boxes(batch: Batch, job: Job, *, named: bool) -> bool:
    """Return whether widths and heights without a place are those of boxes: by the rows, the images or class names."""
    assert batch.image is not None
    rows = batch.take(within(batch.box))
    assert rows.image is not None
    first = np.zeros((len(rows.label), 2))
    first[rows.image[::-1]] = rows.box[::-1]
    if (rows.box != first[rows.image]).any():  # an image has one size
        return True
    places = Places(job.probe, job.options.images)
    images = places.each(rows.label, rows.file, rows.image[:SAMPLED].tolist())
    pairs = [(pair, first[i]) for i, image in images.items() if (pair := image_size(Path(image))) is not None]
    return any(sorted(pair) != sorted(sides) for pair, sides in pairs) if pairs else named


def wanted(columns: list[str], options: Options) -> Roles:
    """Return the roles of the columns, without positions if these are not wanted."""
    found = roles(columns, options)
    if options.places or (options.form or found.form) == "xyxy" or len(found.box) != 4:
        return found
    return found._replace(box=found.box[2:], form="wh")


def sizes_beside(batch: Batch, job: Job) -> None:
    """Fill in sizes from tables of images beside the labels."""
    listed = {label: _listed(label.rpartition(os.sep)[0], job) for label in set(batch.label)}
    if not any(listed.values()):
        return
    for i in np.flatnonzero(~within(batch.size)).tolist():
        known, name = listed[batch.label[i]], batch.file[i]
        pair = known.get(name) or known.get(name.rpartition(".")[0] or name)
        if pair is not None:
            batch.size[i] = pair


def _listed(folder: str, job: Job) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for file in joined(folder, ending(job.probe.names(folder or "."), (".csv",))):
        stem = file.rpartition(os.sep)[2].lower()
        if file in job.source.files or not any(word in stem for word in WORDS):
            continue
        try:
            sheet = sheet_of(file, job.probe)
            columns = roles(sheet.columns, Options())
            if columns.bare and columns.image >= 0:
                taken = take(sheet, job.skips, columns)
                at, names = taken.texts["image"]
                good = within(taken.box) & (at >= 0)
                found.update(
                    zip([names[i] for i in at[good].tolist()], map(tuple, taken.box[good].tolist()), strict=True)
                )
        except (Unusable, OSError):
            continue
    return found


FORMAT = Format(
    "table",
    "tables (.csv, .tsv, .parquet, .npy or .npz)",
    sniff,
    table=table,
    options=frozenset(("columns", "unit", "form", "weight")),
    place=place,
    sizes=sizes_beside,
    unsized=True,
)
