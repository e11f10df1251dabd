"""Rows of CSV files under the names of their columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fastanchor._errors import DataError
from fastanchor.datasets._records import Skips, shown

__all__ = ["Sheet", "number", "sheet", "text_of"]


class Sheet(NamedTuple):
    """A CSV file: column names in lower case, lines with their numbers, what parts cells, how many lines of header."""

    columns: list[str]
    rows: Iterator[tuple[int, list[str]]]
    delimiter: str
    header: int

    def place(self, *names: str) -> int:
        """Return the position of the first of these columns that is there, or -1."""
        return next((self.columns.index(name) for name in names if name in self.columns), -1)


def sheet(text: str, file: str | Path, skips: Skips) -> Sheet:
    """Return the rows of a CSV text; those with another number of cells than the header go to `skips`.

    Raises
    ------
    DataError
        If the text holds nothing, or is no text.
    """
    head = text.lstrip()
    if head[:1] == "<":
        raise DataError(f"{shown(file)}: is an HTML or XML page, not a table")
    if head.startswith("version https://git-lfs"):
        raise DataError(f"{shown(file)}: is a pointer of Git LFS; fetch the file itself")
    first = head.partition("\n")[0]
    # decimal commas stand in quotes, or semicolons or tabs part the cells
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    lines = ((reader.line_num, row) for row in reader if any(cell.strip() for cell in row))
    try:
        number_of_first, names = next(lines)
    except StopIteration:
        raise DataError(f"{shown(file)}: is empty") from None
    except csv.Error as error:
        raise DataError(f"{shown(file)}: is no table ({error})") from None
    if all(_numeric(cell) for cell in names):  # no header: the columns have no names
        columns = [str(i) for i in range(len(names))]
        rows = _checked([(number_of_first, names)], lines, len(names), file, skips)
        return Sheet(columns, rows, delimiter, 0)
    columns = [name.strip().lstrip("\ufeff").lower() for name in names]
    return Sheet(columns, _checked([], lines, len(columns), file, skips), delimiter, number_of_first)


def _checked(
    first: list[tuple[int, list[str]]],
    rest: Iterator[tuple[int, list[str]]],
    width: int,
    file: str | Path,
    skips: Skips,
) -> Iterator[tuple[int, list[str]]]:
    yield from first
    try:
        for line, row in rest:
            if len(row) == width:
                yield line, row
            else:
                skips.add("row with another number of cells than the header", file, line, f"{len(row)} of {width}")
    except csv.Error as error:
        raise DataError(f"{shown(file)}: is no table ({error})") from None


def number(cell: str) -> float:
    """Return a cell's number, NaN if it is none; a decimal comma counts as a point."""
    try:
        return float(cell)
    except ValueError:
        try:
            return float(cell.replace(",", ".")) if cell.count(",") == 1 and "." not in cell else float("nan")
        except ValueError:
            return float("nan")


def _numeric(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def text_of(file: Path) -> str:
    """Return the text of a file, UTF-8 with or without a byte order mark.

    Raises
    ------
    DataError
        If it cannot be read, or is no such text.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{shown(file)}: cannot be read ({error.strerror})") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{shown(file)}: is no UTF-8 text (byte {error.start})") from None
