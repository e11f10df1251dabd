"""CSV files: columns by position; a fast way for plain files, and row by row for the others."""

from __future__ import annotations

import codecs
import csv
import io
import sys
import warnings
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count
from math import isnan
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._reading import opened, piped
from fastanchor._types import FloatArray, IntArray
from fastanchor.datasets._arrow import csv_columns
from fastanchor.datasets._columns import Codes, Taken, coded, unpacked
from fastanchor.datasets._probe import HEAD, IMAGES
from fastanchor.datasets._record import number_of
from fastanchor.datasets._roles import CORNERS, Roles
from fastanchor.datasets._skips import Skips, Unusable, impostor

__all__ = ["Sheet", "sheet", "still", "take"]

SMALL = 1 << 20  # bytes; smaller files are read faster without importing pyarrow
HEADLESS = ("filename", *CORNERS[0], "class")  # columns of files without a header, whose rows begin with an image
# Google AutoML: two or four corners in order around the box
AUTOML = ("split", "filename", "class", "xmin", "ymin", "5", "6", "xmax", "ymax", "9", "10")
AUTOML_SETS = ("train", "validation", "test", "unassigned", "")
OFTEN = 4096  # rows between two movements of the progress bar
MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


class Sheet(NamedTuple):
    """A CSV file."""

    file: str
    data: bytes | None  # contents, if known
    columns: list[str]  # "0", "1", ... if the file has no header
    delimiter: str
    header: int  # lines before the first row
    assumed: bool = False  # whether the columns are those of a file without a header, for the rows to prove

    def open(self) -> IO[bytes]:
        """Return the file, opened."""
        return opened(self.file) if self.data is None else io.BytesIO(self.data)


def sheet(file: str, head: bytes) -> Sheet:
    """Return a CSV file with its header, given its first bytes."""
    data = piped(file)
    if head[:2] in MARKS:
        with opened(file) as source:
            data = _text(source.read(), MARKS[head[:2]]).encode()
        head = data[:HEAD]
    elif not head:
        with opened(file) as source:
            head = source.read(HEAD)
    if data is None and len(head) < HEAD:
        data = head
    what = impostor(head, "a table") or ("JSON instead of a table" if head.lstrip()[:1] in (b"{", b"[") else "")
    if what:
        raise Unusable(what, 1)
    text = _text(head, "utf-8-sig", whole=False)
    first = text.lstrip().partition("\n")[0]
    # cells with decimal commas are quoted, or separated by semicolons or tabs
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    before = 0
    try:
        for names in reader:
            if any(cell.strip() for cell in names):
                break
            before = reader.line_num
        else:
            raise Unusable("empty file")
    except csv.Error as error:
        raise Unusable("not a valid table", None, str(error)) from None
    columns = _without_header(names)
    if columns is not None:
        return Sheet(file, data, columns, delimiter, before, columns[0] == HEADLESS[0])
    return Sheet(file, data, [name.strip() for name in names], delimiter, reader.line_num)


def _without_header(row: Sequence[str]) -> list[str] | None:
    """Return the columns of a table without a header by its first row, numbered if unknown; None if it is a header."""
    image = row[0].strip().lower().endswith(IMAGES)
    if image and len(row) in (5, 6) and all(_numeric(cell or "0") for cell in row[1:5]):
        return list(HEADLESS[: len(row)])
    if len(row) == len(AUTOML) and row[0].strip().lower() in AUTOML_SETS and all(map(_numeric, filter(None, row[3:]))):
        return list(AUTOML)
    if sum(map(_numeric, row)) >= min(2, len(row)):  # a header has words
        return [str(i) for i in range(len(row))]
    return None


Moved = Callable[[int], object]  # is called with the place in the file, bytes


def still(place: int) -> None:
    """Move no bar."""


def take(table: Sheet, skips: Skips, roles: Roles, moved: Moved = still) -> Taken:
    """Return columns of a CSV file; skip rows whose number of cells differs from the header."""
    packed = len(roles.box) == 1
    texts = {**roles.texts(), **({"box": roles.box[0]} if packed else {})}
    numbers, sides = roles.numbers, 0 if packed else len(roles.box)
    found = _quickly(table, numbers, list(texts.values()), moved)
    if found is None:
        found = _by_rows(table, skips, (numbers, list(texts.values()), sides), moved)
    values, codes, lines, empty = found
    named = dict(zip(texts, codes, strict=True))
    if packed:
        column = named.pop("box")
        box, empty = unpacked(column), column.at < 0
    else:
        box = np.ascontiguousarray(values[:, :sides])
    sizes = values[:, sides : sides + 2] if roles.sizes else None
    return Taken(box, sizes, named, lines, empty, weights=values[:, -1] if roles.weight >= 0 else None)


Found = tuple[FloatArray, list[Codes], IntArray, "NDArray[np.bool_] | None"]


def _quickly(table: Sheet, numbers: Sequence[int], texts: Sequence[int], moved: Moved) -> Found | None:
    """Return the columns if the file is plain: numbers in all cells of numbers, and one row per line."""
    quick = None
    small = table.data is not None and len(table.data) < HEAD
    if small:
        quick = _at_once(table, numbers, texts)
    elif (
        size := len(table.data) if table.data else Path(table.file).stat().st_size
    ) > SMALL or "pyarrow" in sys.modules:
        source = Path(table.file) if table.data is None else table.data
        layout = len(table.columns), table.delimiter, table.header
        quick = csv_columns(source, layout, numbers, texts, lambda place: moved(min(place, size)))
    if quick is None and not texts and not small:
        values = _by_numpy(table, numbers)
        quick = None if values is None else (values, [])
    if quick is None or not np.isfinite(quick[0]).all():
        return None
    n = len(quick[0])
    if _lines(table) != table.header + n:  # one row per line: line numbers follow from row numbers
        return None
    return (*quick, np.arange(table.header + 1, table.header + 1 + n), None)


def _lines(table: Sheet) -> int:
    count, last = 0, b""
    with table.open() as source:
        while part := source.read(1 << 20):
            count += part.count(b"\n")
            last = part[-1:]
    return count + (last != b"\n")


def _at_once(table: Sheet, numbers: Sequence[int], texts: Sequence[int]) -> tuple[FloatArray, list[Codes]] | None:
    try:
        text = (table.data or b"").decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=table.delimiter))[table.header :]
        if set(map(len, rows)) != {len(table.columns)}:
            return None
        columns = list(zip(*rows, strict=True))
        cells = chain.from_iterable(columns[at] for at in numbers)
        values = np.fromiter(map(float, cells), np.float64, len(numbers) * len(rows)).reshape(-1, len(rows)).T
    except (ValueError, csv.Error):
        return None
    if "_" in text and any("_" in "".join(columns[at]) for at in numbers):  # Python's spelling of numbers
        return None
    codes = []
    for at in texts:
        place = {name: i for i, name in enumerate(dict.fromkeys(columns[at]))}
        codes.append(coded(np.array([place[name] for name in columns[at]], dtype=np.int64), list(place)))
    return np.ascontiguousarray(values).reshape(len(rows), len(numbers)), codes


def _by_numpy(table: Sheet, numbers: Sequence[int]) -> FloatArray | None:
    try:
        with table.open() as source, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no rows: reported by the other way
            values = np.loadtxt(
                source, delimiter=table.delimiter, skiprows=table.header, ndmin=2, comments=None, encoding="utf-8-sig"
            )
    except ValueError:
        return None
    return values[:, list(numbers)] if values.shape[1] == len(table.columns) else None


def _by_rows(table: Sheet, skips: Skips, roles: tuple[Sequence[int], Sequence[int], int], moved: Moved) -> Found:
    """Return the columns; `roles` are those of numbers, of texts, and how many of the numbers are those of a box."""
    numbers, texts, sides = roles
    values, lines, codes, empty = array("d"), array("q"), [array("q") for _ in texts], bytearray()
    names: list[defaultdict[str, int]] = [defaultdict(count().__next__) for _ in texts]
    width, box = len(table.columns), numbers[:sides]
    for line, row in _rows(table, moved):
        if len(row) != width:
            skips.add("row whose number of cells differs from the header", table.file, line, f"{len(row)} of {width}")
            continue
        values.extend([_number(row[at]) for at in numbers])
        lines.append(line)
        empty.append(not any(row[at].strip() for at in box))
        for code, name, at in zip(codes, names, texts, strict=True):
            code.append(name[row[at]])
    return (
        np.array(values, dtype=np.float64).reshape(len(lines), len(numbers)),
        [coded(np.array(code, dtype=np.int64), list(name)) for code, name in zip(codes, names, strict=True)],
        np.array(lines, dtype=np.int64),
        np.frombuffer(empty, dtype=np.bool_),
    )


def _rows(table: Sheet, moved: Moved) -> Iterator[tuple[int, list[str]]]:
    try:
        with table.open() as source, io.TextIOWrapper(source, encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, delimiter=table.delimiter)
            for row in reader:
                if reader.line_num > table.header and any(cell.strip() for cell in row):
                    yield reader.line_num, row
                if reader.line_num % OFTEN == 0:
                    moved(source.tell())
    except UnicodeDecodeError as error:
        raise Unusable("not UTF-8 text", None, error.reason) from None
    except csv.Error as error:
        raise Unusable("not a valid table", None, str(error)) from None


def _text(data: bytes, encoding: str, *, whole: bool = True) -> str:
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data, whole)
    except UnicodeDecodeError as error:
        raise Unusable("not UTF-8 text", None, error.reason) from None


def _number(cell: str) -> float:
    """Return the number in a cell, else NaN; a decimal comma counts as a point."""
    return number_of(cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell)


def _numeric(cell: str) -> bool:
    return not isnan(_number(cell))
