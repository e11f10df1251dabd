"""Plain tables: CSV, Parquet, ``.npy`` and ``.npz``, and CSV on standard input.

What the columns are called decides what they mean; case, blanks and underscores do not matter, and the more specific
names win:

* ``xmin, ymin, xmax, ymax`` (or ``x1, y1, x2, y2``, ``Roi.X1, ...``): corners;
* ``x, y, w, h`` (or ``xmin, ymin, width, height``, ``bbox_x, ...``): left, top, width and height;
* ``bbox``: four numbers in a text or list, left, top, width and height unless `form` says otherwise; in Parquet also
  inside ``objects``, a row an image;
* else ``width, height`` (or ``w, h``, or two columns without a header): the box's. Beside any of the others they are
  the image's, as ``image_width, image_height`` always are. `columns` names others.

``image``, ``filename`` or ``image_id`` say which image a box lies in, ``class`` or ``label`` its class, ``split`` its
part. A row whose box is empty stands for an image without one. Without image sizes, in the table, from the images or in
a table beside it, the boxes are pixels of the network input. :func:`write` makes such a table of any data set.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from fastanchor._reading import STDIN
from fastanchor.datasets._arrays import array_batch
from fastanchor.datasets._arrow import parquet_columns, parquet_names
from fastanchor.datasets._columns import batch_of, place
from fastanchor.datasets._csv import sheet, take
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import Batch, Format, Job, Options, Source
from fastanchor.datasets._roles import Roles, roles
from fastanchor.datasets._skips import Unusable
from fastanchor.datasets._table_out import check, write
from fastanchor.datasets._table_sizes import sizes_beside

__all__ = ["FORMAT", "check", "rows_of", "write"]

ENDINGS = (".csv", ".tsv", ".parquet", ".npy", ".npz")
ARRAYS = (".npy", ".npz")
OTHER = (b"{", b"[", b"<")  # how JSON, HTML and XML begin


def sniff(probe: Probe) -> Source | None:
    """Return the file if it ends like a table; of a folder the tables in which boxes have places, else the others."""
    if probe.is_file:
        file = str(probe.path)
        if not (probe.named or probe.suffix in ENDINGS or (file == STDIN and not _is_other(probe.head(file)))):
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


def _is_other(head: bytes) -> bool:
    return head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in OTHER


def _roles(file: str, probe: Probe) -> Roles | None:
    """Return what the columns of a table mean, None if it has none of boxes."""
    ending = Path(file).suffix.lower()
    if ending in ARRAYS:
        return None
    try:
        names = parquet_names(file) if ending == ".parquet" else sheet(file, probe.head(file)).columns
        return None if names is None else roles(names, Options())
    except (Unusable, OSError):
        return None


def table(file: str, job: Job) -> Batch:
    """Return the images and boxes of a table."""
    return replace(rows_of(file, job), flags=None)


def rows_of(file: str, job: Job) -> Batch:
    """Return the images and boxes of a table, with flags if a column marks boxes of groups.

    Raises
    ------
    Unusable
        If there are no columns of boxes.
    BackendError
        If Parquet is to be read without pyarrow.
    """
    ending = Path(file).suffix.lower()
    if ending in ARRAYS:
        return array_batch(file)
    if ending == ".parquet":
        taken, found = parquet_columns(file, lambda names: _wanted(names, job.options))
    else:
        there = sheet(file, job.probe.head(file))
        found = _wanted(there.columns, job.options)
        taken = take(there, job.skips, found)
    return batch_of(taken, found, file, job.skips)


def _wanted(columns: list[str], options: Options) -> Roles:
    """Return what the columns mean, without where boxes lie if it is not wanted."""
    found = roles(columns, options)
    if options.places or (options.form or found.form) == "xyxy" or len(found.box) != 4:
        return found
    return found._replace(box=found.box[2:], form="wh")


FORMAT = Format(
    "table",
    "tables (.csv, .tsv, .parquet, .npy or .npz)",
    sniff,
    table=table,
    options=frozenset(("columns", "unit", "form")),
    place=place,
    sizes=sizes_beside,
    unsized=True,
)
