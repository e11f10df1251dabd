"""CSV files: columns by their position, quickly where all is plain, row by row where it is not."""

from __future__ import annotations

import codecs
import csv
import io
import sys
import warnings
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np

from fastanchor._errors import DataError
from fastanchor._reading import opened, piped
from fastanchor.datasets._arrow import csv_columns
from fastanchor.datasets._columns import Taken, coded
from fastanchor.datasets._records import Skips, shown

__all__ = ["STDIN", "Sheet", "sheet", "take"]

STDIN = "-"
HEAD = 1 << 16  # bytes in which the header must end


class Sheet(NamedTuple):
    """A CSV file.

    Attributes
    ----------
    file : Path
    data : bytes or None
        What came on standard input or from a pipe.
    columns : list of str
        In lower case; "0", "1", ... if the file has no header.
    delimiter : str
    header : int
        Lines before the first row.
    """

    file: Path
    data: bytes | None
    columns: list[str]
    delimiter: str
    header: int

    def place(self, *names: str) -> int:
        """Return the position of the first of these columns that is there, or -1."""
        return next((self.columns.index(name) for name in names if name in self.columns), -1)

    def open(self) -> IO[bytes]:
        """Return the file, opened."""
        return opened(self.file) if self.data is None else io.BytesIO(self.data)


def sheet(file: Path) -> Sheet:
    """Look at the header of a CSV file.

    Raises
    ------
    DataError
        If the file holds nothing, or is no text.
    """
    if str(file) == STDIN and sys.stdin is None:
        raise DataError(f"{STDIN}: standard input is closed")
    try:
        data = sys.stdin.buffer.read() if str(file) == STDIN else piped(file)
        with opened(file) if data is None else io.BytesIO(data) as source:
            head = source.read(HEAD)
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(head)
    except OSError as error:
        raise DataError(f"{shown(file)}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise _no_text(file, error) from None
    bare = text.lstrip()
    if bare[:1] == "<":
        raise DataError(f"{shown(file)}: is an HTML or XML page, not a table")
    if bare.startswith("version https://git-lfs"):
        raise DataError(f"{shown(file)}: is a pointer of Git LFS; fetch the file itself")
    first = bare.partition("\n")[0]
    # decimal commas stand in quotes, or semicolons or tabs part the cells
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    before = 0
    try:
        for names in reader:
            if any(cell.strip() for cell in names):
                break
            before = reader.line_num
        else:
            raise DataError(f"{shown(file)}: is empty")
    except csv.Error as error:
        raise DataError(f"{shown(file)}: is no table ({error})") from None
    if all(_numeric(cell) for cell in names):  # no header: the columns have no names
        return Sheet(file, data, [str(i) for i in range(len(names))], delimiter, before)
    return Sheet(file, data, [name.strip().lower() for name in names], delimiter, reader.line_num)


def take(table: Sheet, skips: Skips, numbers: Sequence[int], texts: Sequence[int] = ()) -> Taken:
    """Return columns of a CSV file; rows with another number of cells than the header go to `skips`.

    Raises
    ------
    DataError
        If the file is no text or no table.
    """
    source = table.file if table.data is None else table.data
    found = csv_columns(source, len(table.columns), table.delimiter, table.header, numbers, texts)
    if found is None and not texts:
        found = _by_numpy(table, numbers)
    if found is not None and np.isfinite(found.numbers).all():
        n = len(found.numbers)
        if _lines(table) == table.header + n:  # as many lines as rows: each row stands where it should
            return found._replace(lines=np.arange(n) + table.header + 1)
    return _by_rows(table, skips, numbers, texts)


def _lines(table: Sheet) -> int:
    count, last = 0, b""
    with table.open() as source:
        while part := source.read(1 << 20):
            count += part.count(b"\n")
            last = part[-1:]
    return count + (last != b"\n")


def _by_numpy(table: Sheet, numbers: Sequence[int]) -> Taken | None:
    try:
        with table.open() as source, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # no rows: the careful way says so
            values = np.loadtxt(
                source, delimiter=table.delimiter, skiprows=table.header, ndmin=2, comments=None, encoding="utf-8-sig"
            )
    except ValueError:
        return None
    if values.shape[1] != len(table.columns):
        return None
    return Taken(values[:, list(numbers)], [], None)


def _by_rows(table: Sheet, skips: Skips, numbers: Sequence[int], texts: Sequence[int]) -> Taken:
    values, lines, codes = array("d"), array("q"), [array("q") for _ in texts]
    names: list[defaultdict[str, int]] = [defaultdict(count().__next__) for _ in texts]
    width = len(table.columns)
    for line, row in _rows(table):
        if len(row) != width:
            skips.add("row with another number of cells than the header", table.file, line, f"{len(row)} of {width}")
            continue
        values.extend([_number(row[at]) for at in numbers])
        lines.append(line)
        for code, name, at in zip(codes, names, texts, strict=True):
            code.append(name[row[at]])
    return Taken(
        np.array(values, dtype=np.float64).reshape(-1, len(numbers)),
        [coded(np.array(code, dtype=np.int64), list(name)) for code, name in zip(codes, names, strict=True)],
        np.array(lines, dtype=np.int64),
    )


def _rows(table: Sheet) -> Iterator[tuple[int, list[str]]]:
    try:
        with table.open() as source, io.TextIOWrapper(source, encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, delimiter=table.delimiter)
            for row in reader:
                if reader.line_num > table.header and any(cell.strip() for cell in row):
                    yield reader.line_num, row
    except UnicodeDecodeError as error:
        raise _no_text(table.file, error) from None
    except csv.Error as error:
        raise DataError(f"{shown(table.file)}: is no table ({error})") from None


def _no_text(file: Path, error: UnicodeDecodeError) -> DataError:
    return DataError(f"{shown(file)}: is no UTF-8 text ({error.reason})")


def _number(cell: str) -> float:
    """Return a cell's number, NaN if it is empty and inf if it is none; a decimal comma counts as a point."""
    cell = cell.strip()
    if not cell:
        return float("nan")
    if cell.count(",") == 1 and "." not in cell:
        cell = cell.replace(",", ".")
    try:
        value = float(cell)
    except ValueError:
        return float("inf")
    # Python's own spelling of numbers, and NaN in words
    return float("inf") if "_" in cell or value != value else value


def _numeric(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True
