"""Array-likes in, clean float64 out, or one sentence that names argument, row, value and rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor._types import FloatArray

__all__ = [
    "MAX_SIDE", "MIN_SIDE", "MOST", "SEED_MOST", "as_points", "as_sizes", "choice", "generator", "integer", "number",
    "short", "unmasked",
]  # fmt: skip

# Areas of boxes inside these bounds neither overflow nor vanish.
MIN_SIDE = 1e-100
MAX_SIDE = 1e100
SEED_MOST = 2**128 - 1  # as many seeds as a generator has states
MOST = 2**31 - 1  # no number of things, and no side of a network input, is above this


def as_points(values: Any, name: str) -> FloatArray:
    """Return `values` as a C-contiguous (n, 2) float64 array of finite numbers, not copied where it is one already.

    Raises
    ------
    DataError
        If there is no row, the shape is not (n, 2), or a value is no finite number.
    """
    array = _pairs(values, name)
    # the sum of the extremes is NaN or infinite exactly if some value is; flat reductions are 20x faster than by column
    lo, hi = array.min(), array.max()
    if not (np.isfinite(lo) and np.isfinite(hi)):
        _blame(array, ~np.isfinite(array).all(axis=1), name, "coordinates must be finite")
    if max(abs(lo), abs(hi)) > 1e100:
        _blame(array, (np.abs(array) > 1e100).any(axis=1), name, "coordinates must lie within -1e100 and 1e100")
    return array


def as_sizes(values: Any, name: str, unit: str = "") -> FloatArray:
    """Return `values` as a C-contiguous (n, 2) float64 array of widths and heights > 0, not copied if it is one.

    Raises
    ------
    DataError
        If there is no row, the shape is not (n, 2), or a side is not finite and > 0.
    """
    array = _pairs(values, name)
    if not (array.min() >= MIN_SIDE and array.max() <= MAX_SIDE):
        unit = f" ({unit})" if unit else ""
        bad = ~(np.isfinite(array) & (array > 0)).all(axis=1)
        if bad.any():
            _blame(array, bad, name, f"widths and heights must be finite and > 0{unit}")
        bad = ((array < MIN_SIDE) | (array > MAX_SIDE)).any(axis=1)
        _blame(array, bad, name, f"widths and heights must lie within {MIN_SIDE:g} and {MAX_SIDE:g}{unit}")
    return array


def _pairs(values: Any, name: str) -> FloatArray:
    unmasked(values, name)
    try:
        array = np.asarray(values)
        if array.ndim == 0:
            raise TypeError
        if array.dtype.kind not in "fiub":
            if array.dtype.kind in "cmMSUV" or any(isinstance(one, (str, bytes)) for one in array.flat):
                raise TypeError
            array = array.astype(np.float64)
    except OverflowError:
        row = next(i for i, one in enumerate(array) if not _fits(one))
        raise DataError(f"{name}[{row}] = {short(array[row].tolist())}: is beyond the numbers of float64") from None
    except (TypeError, ValueError):
        raise DataError(f"{name}: must be numbers of shape (n, 2), widths and heights; got {short(values)}") from None
    if array.size == 0:
        raise DataError(f"{name}: is empty; at least one (width, height) is needed")
    if array.ndim != 2 or array.shape[1] != 2:
        raise DataError(f"{name}: has shape {array.shape}; must be (n, 2), widths and heights")
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
    raise DataError(f"{name}[{row}] = ({w!r}, {h!r}): {rule}{others}")


def unmasked(values: Any, name: str) -> None:
    """Raise if some of `values` are masked: a result computed from what lies under a mask would be wrong silently.

    Raises
    ------
    DataError
        If `values` is a masked array with a masked element.
    """
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        mask = np.ma.getmaskarray(values)
        rows = np.flatnonzero(mask.reshape(len(mask), -1).any(axis=1) if mask.ndim else mask)
        more = f"; {len(rows) - 1} more row{'s' * (len(rows) > 2)} like it" if len(rows) > 1 else ""
        raise DataError(f"{name}[{rows[0]}]: is masked; leave masked rows out, or fill them{more}")


def short(values: Any) -> str:
    """Return `values` as they are written in Python, in one line that is not too long."""
    try:
        text = " ".join(repr(values).split())
    except ValueError:  # Python does not write such whole numbers
        text = "(a number of more than 4300 digits)"
    return text if len(text) <= 60 else text[:57] + "..."


def integer(value: Any, name: str, *, least: int, most: int = MOST) -> int:
    """Return `value` as an int from `least` to `most`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise DataError(f"{name} = {short(value)}: must be a whole number, at least {least}")
    if value < least:
        raise DataError(f"{name} = {short(value)}: must be at least {least}")
    if value > most:
        raise DataError(f"{name} = {short(value)}: must be at most {most:,}")
    return int(value)


def number(value: Any, name: str, *, low: float, high: float = np.inf, open_low: bool = False) -> float:
    """Return `value` as a float within the bounds given; `open_low` leaves `low` itself out."""
    rule = f"must be a number {'above' if open_low else 'from'} {low:g}" + ("" if high == np.inf else f" to {high:g}")
    try:
        if isinstance(value, (str, bytes, bytearray, bool, np.bool_)) or np.ndim(value):
            raise TypeError
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        raise DataError(f"{name} = {short(value)}: {rule}") from None
    if not (low <= result <= high) or (open_low and result == low) or result == np.inf:
        raise DataError(f"{name} = {short(value)}: {rule}")
    return result


def generator(rng: Any, name: str = "rng") -> np.random.Generator:
    """Return the generator of random numbers that `rng` is or seeds, as :func:`numpy.random.default_rng` does."""
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError):
        rule = "must be None, a whole number >= 0, or a numpy.random.Generator"
        raise DataError(f"{name} = {short(rng)}: {rule}") from None


def choice(value: Any, name: str, legal: tuple[str, ...]) -> str:
    """Return `value` if it is one of `legal`."""
    if not isinstance(value, str) or value not in legal:
        raise DataError(f"{name} = {short(value)}: must be one of {', '.join(map(repr, legal))}")
    return value
