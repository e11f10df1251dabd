"""Checks of arguments: clean values, or one error that names the argument, the row, the value and the rule."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fastanchor._errors import DataError, WrongTypeError
from fastanchor._frame import sides_of
from fastanchor._hints import called
from fastanchor._later import Later
from fastanchor._types import FloatArray, IntArray

if TYPE_CHECKING:
    import pathlib
else:
    pathlib = Later("pathlib")

__all__ = [
    "MAX_SIDE", "MIN_SIDE", "MOST", "SEED_MOST", "Called", "as_indices", "as_path", "as_points", "as_sizes", "choice",
    "generator", "integer", "listed", "names", "number", "short", "side_pair", "tally", "threshold",
    "unmasked",
]  # fmt: skip

# Areas of boxes inside these bounds neither overflow nor vanish.
MIN_SIDE = 1e-100
MAX_SIDE = 1e100
SEED_MOST = 2**128 - 1  # one seed per state of NumPy's default generator
MOST = 2**31 - 1  # limit of counts and of the sides of a network input


class Called(NamedTuple):
    """Names of the arguments of k-means as the caller wrote them, for errors."""

    boxes: str = "boxes"
    k: str = "k"
    max_iter: str = "max_iter"
    weights: str = "weights"


TEXT = (str, bytes, bytearray, memoryview)  # sequences of characters or bytes, not of numbers or names


def as_points(values: Any, name: str) -> FloatArray:
    """Return `values` as a C-contiguous (n, 2) float64 array of finite numbers; copy only if needed.

    Raises
    ------
    DataError
        If there is no row, the shape is not (n, 2), or a value is not a finite number.
    """
    array = _pairs(values, name)
    # the extremes are finite exactly if all values are; flat reductions are 20 times as fast as those by column
    lo, hi = array.min(), array.max()
    if not (np.isfinite(lo) and np.isfinite(hi)):
        _blame(array, ~np.isfinite(array).all(axis=1), name, "coordinates must be finite")
    if max(abs(lo), abs(hi)) > 1e100:
        _blame(array, (np.abs(array) > 1e100).any(axis=1), name, "coordinates must lie within -1e100 and 1e100")
    return array


def as_sizes(values: Any, name: str, unit: str = "", *, may_be_empty: bool = False) -> FloatArray:
    """Return `values` as a C-contiguous (n, 2) float64 array of widths and heights > 0; copy only if needed.

    Raises
    ------
    DataError
        If there is no row (unless it may be empty), the shape is not (n, 2), or a side is not finite and > 0.
    """
    array = _pairs(values, name, may_be_empty)
    if len(array) and not (array.min() >= MIN_SIDE and array.max() <= MAX_SIDE):
        unit = f" ({unit})" if unit else ""
        bad = ~(np.isfinite(array) & (array > 0)).all(axis=1)
        if bad.any():
            _blame(array, bad, name, f"widths and heights must be finite and > 0{unit}")
        bad = ((array < MIN_SIDE) | (array > MAX_SIDE)).any(axis=1)
        _blame(array, bad, name, f"widths and heights must lie within {MIN_SIDE:g} and {MAX_SIDE:g}{unit}")
    return array


def _pairs(values: Any, name: str, may_be_empty: bool = False) -> FloatArray:
    unmasked(values, name)
    table = sides_of(values, name)
    try:
        array = np.asarray(values if table is None else table)
        if array.ndim == 0:
            raise TypeError
        if array.dtype.kind not in "fiub":
            if array.dtype.kind in "cmMSUV" or any(isinstance(one, (str, bytes)) for one in array.flat):
                raise TypeError
            array = array.astype(np.float64)
    except OverflowError:
        row = next(i for i, one in enumerate(array) if not _fits(one))
        raise DataError(f"{called(name)}[{row}] = {short(array[row].tolist())}: too large for float64") from None
    except (TypeError, ValueError) as error:
        kind = WrongTypeError if isinstance(error, TypeError) else DataError  # rows of different lengths
        raise kind(
            f"{called(name)}: must be numbers of shape (n, 2), widths and heights; got {short(values)}"
        ) from None
    if array.size == 0:
        if may_be_empty:
            return np.empty((0, 2))
        raise DataError(f"{called(name)}: must have at least one (width, height), got none")
    if array.ndim != 2 or array.shape[1] != 2:
        raise DataError(f"{called(name)}: must have shape (n, 2), widths and heights; got {array.shape}")
    clean: FloatArray = np.ascontiguousarray(array, dtype=np.float64)
    return clean


def _fits(row: Any) -> bool:
    try:
        np.asarray(row, dtype=np.float64)
    except OverflowError:
        return False
    return True


def _blame(array: FloatArray, bad: Any, name: str, rule: str) -> None:
    row = int(np.flatnonzero(bad)[0])
    w, h = (float(v) for v in array[row])
    more = int(np.count_nonzero(bad)) - 1
    others = f"; {more} more row{'s' if more > 1 else ''} like it" if more else ""
    raise DataError(f"{called(name)}[{row}] = ({w!r}, {h!r}): {rule}{others}")


def as_indices(values: Any, name: str, n: int, limit: int, rule: str) -> IntArray:
    """Return `values` as (n,) int64, one per box, from 0 to ``limit - 1``; `rule` is the error for a value outside.

    Raises
    ------
    DataError
        If they are not n whole numbers, or one is out of range or masked.
    """
    unmasked(values, name)
    expected = f"{called(name)}: must be {n} whole numbers, one per box; got"
    try:
        array = np.asarray(values)
    except ValueError:  # lists of different lengths
        raise DataError(f"{expected} {short(values)}") from None
    whole = not n or array.dtype.kind in "iu"
    if array.shape != (n,) or not whole:
        raise (DataError if whole else WrongTypeError)(f"{expected} {array.dtype} of shape {array.shape}")
    if n and not (array.min() >= 0 and array.max() < limit):
        row = int(np.flatnonzero((array < 0) | (array >= limit))[0])
        raise DataError(f"{called(name)}[{row}] = {array[row]}: {rule}")
    return np.ascontiguousarray(array, dtype=np.int64)


def unmasked(values: Any, name: str) -> None:
    """Raise if `values` is an array with masked elements: computing with the values under a mask would be wrong.

    Raises
    ------
    DataError
        If `values` is a masked array with a masked element.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        mask = np.ma.getmaskarray(values)
        rows = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1) if mask.ndim else mask)
        more = f"; {len(rows) - 1} more row{'s' * (len(rows) > 2)} like it" if len(rows) > 1 else ""
        raise DataError(f"{called(name)}[{rows[0]}]: must not be masked; leave masked rows out, or fill them{more}")


def short(values: Any) -> str:
    """Return the repr of `values` in one line of at most 60 characters."""
    try:
        text = " ".join(repr(values).split())
    except ValueError:  # Python refuses to convert whole numbers that long
        text = "(a number of more than 4300 digits)"
    return text if len(text) <= 60 else text[:57] + "..."


def integer(value: Any, name: str, *, least: int, most: int = MOST) -> int:
    """Return `value` as an int from `least` to `most`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise WrongTypeError(f"{called(name)} = {short(value)}: must be a whole number, at least {least}")
    if value < least:
        raise DataError(f"{called(name)} = {short(value)}: must be at least {least}")
    if value > most:
        raise DataError(f"{called(name)} = {short(value)}: must be at most {most:,}")
    return int(value)


def number(value: Any, name: str, *, low: float, high: float = np.inf, open_low: bool = False) -> float:
    """Return `value` as a float within the given bounds; `open_low` excludes `low` itself."""
    rule = f"must be a number {'above' if open_low else 'from'} {low:g}" + ("" if high == np.inf else f" to {high:g}")
    try:
        if isinstance(value, (*TEXT, bool, np.bool_)) or np.ndim(value):
            raise TypeError
        if isinstance(value, np.ndarray) and value.dtype.kind not in "fiu":
            raise TypeError
        result = float(value)
    except (TypeError, ValueError):
        raise WrongTypeError(f"{called(name)} = {short(value)}: {rule}") from None
    except OverflowError:
        raise DataError(f"{called(name)} = {short(value)}: {rule}") from None
    if not (low <= result <= high) or (open_low and result == low) or result == np.inf:
        raise DataError(f"{called(name)} = {short(value)}: {rule}")
    return result


def threshold(value: Any, name: str = "thr") -> float:
    """Return the threshold of a ratio, from 0 to 1, as a float."""
    try:
        return number(value, name, low=0.0, high=1.0)
    except WrongTypeError:
        raise
    except DataError as error:
        try:
            large = number(value, name, low=1.0, open_low=True)
        except DataError:
            raise error from None
        ratio = f"anchor_t = {large:g} of YOLOv5 is 1/{large:g} = {1.0 / large:.4g}"
        raise DataError(f"{error} ({ratio})") from None


def generator(rng: Any, name: str = "rng") -> np.random.Generator:
    """Return a random generator: `rng` itself, or one seeded by a whole number; None: by the operating system."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is not None:
        whole = isinstance(rng, (int, np.integer)) and not isinstance(rng, bool)
        if not whole or not 0 <= rng <= SEED_MOST:
            rule = "must be None, a whole number from 0 to 2**128 - 1, or a numpy.random.Generator"
            raise (DataError if whole else WrongTypeError)(f"{called(name)} = {short(rng)}: {rule}")
    return np.random.default_rng(rng)


def listed(values: Any, *, ordered: bool = True) -> list[Any] | None:
    """Return the elements of a sequence or array, or of any iterable if their order does not matter; else None.

    Strings and bytes do not count as sequences here.
    """
    if isinstance(values, TEXT) or (isinstance(values, np.ndarray) and not values.ndim):
        return None
    if isinstance(values, (Sequence, np.ndarray)) or (not ordered and isinstance(values, Iterable)):
        return list(values)
    return None


def side_pair(value: Any, name: str, *, square: bool = False) -> tuple[int, int]:
    """Return (width, height), pixels, from two whole numbers; with `square` also from one, for both sides."""
    sides = listed(value)
    if square and isinstance(value, (int, float, np.number)):
        sides = [value]
    if sides is None or len(sides) not in ((1, 2) if square else (2,)):
        expected = "one whole number or (width, height)" if square else "(width, height), two whole numbers"
        raise (WrongTypeError if sides is None else DataError)(f"{called(name)} = {short(value)}: must be {expected}")
    return integer(sides[0], name, least=1), integer(sides[-1], name, least=1)


def names(values: Any, name: str) -> tuple[str, ...]:
    """Return a sequence of strings as a tuple."""
    found = listed(values, ordered=False)
    if found is None or not all(isinstance(one, str) for one in found):
        example = f", as in [{short(values)}]" if isinstance(values, str) else ""
        raise WrongTypeError(f"{called(name)} = {short(values)}: must be a sequence of str{example}")
    return tuple(found)


def tally(values: Any, name: str) -> dict[str, int]:
    """Return a mapping of str to whole numbers >= 0 as a dict."""
    if not isinstance(values, Mapping) or not all(isinstance(reason, str) for reason in values):
        raise WrongTypeError(f"{called(name)} = {short(values)}: must be a mapping of str to whole numbers")
    return {reason: integer(count, f"{name}[{reason!r}]", least=0) for reason, count in values.items()}


def as_path(value: Any, name: str) -> pathlib.Path:
    """Return the path of a file or folder; bytes are decoded by the encoding of the file system."""
    try:
        text = os.fsdecode(value)
    except TypeError:
        raise WrongTypeError(f"{called(name)} = {short(value)}: must be the path of a file or folder") from None
    if not text:  # a Path would take it for the current folder
        raise DataError(f"{called(name)} = '': must be the name of a file or folder")
    return pathlib.Path(text)


def choice(value: Any, name: str, legal: tuple[str, ...]) -> str:
    """Return `value` if it is one of `legal`."""
    rule = f"{called(name)} = {short(value)}: must be one of {', '.join(map(repr, legal))}"
    if not isinstance(value, str):
        raise WrongTypeError(rule)
    if value not in legal:
        raise DataError(rule)
    return value
