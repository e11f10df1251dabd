"""The boxes of a data set in batches: read from the start as often as needed, one chunk at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._frame import sides_of
from fastanchor._types import FloatArray, IntArray
from fastanchor.engine._layout import SAMPLE, SEED, sampled

__all__ = ["PIECE", "Arrays", "Batches", "Load", "Rows", "Single", "Source", "Stream", "single", "source_of"]

PIECE = 1 << 18  # boxes per task of a thread: 4 MB of float64, so that the cost of a call is negligible
SLICES = 32  # of which a sample consists where single rows are costly to read

Batches = Iterable[Any] | Callable[[], Iterable[Any]]
Load = Callable[[], Any]


class Source(ABC):
    """Boxes that can be gone through several times.

    `starts` (batches + 1,) are the rows where batches begin; a ``Stream`` knows them after the first pass.
    """

    whole = False  # whether errors count rows over all batches
    scattered = False  # whether boxes from all over the source can be had without a pass
    starts: IntArray

    def __len__(self) -> int:
        return int(self.starts[-1])

    @property
    def size(self) -> int | None:
        """Number of boxes, or a limit of it; None as long as that is unknown."""
        return len(self)

    @abstractmethod
    def chunks(self) -> Iterator[Load]:
        """Yield functions that return the next boxes, (m, 2) float64 or float32, C-contiguous.

        There are `PIECE` of them, fewer at the end, and where a source leaves some out.
        """

    def firsts(self) -> IntArray:
        """Return the rows where chunks begin, and the number of boxes; known after the first pass."""
        return np.append(np.arange(0, len(self), PIECE), len(self))

    def sample(self) -> FloatArray:
        """Return boxes from all over a `scattered` source, (m, 2) float64."""
        raise NotImplementedError(f"{type(self).__name__}: boxes come in order only")

    def take(self, rows: IntArray) -> FloatArray:
        """Return the boxes of these rows, (m, 2)."""
        raise NotImplementedError(f"{type(self).__name__}: boxes come in order only")

    def refuse(self, row: int, pair: FloatArray) -> DataError:
        """Return the error for a box that is not one."""
        batch = int(np.searchsorted(self.starts, row, side="right")) - 1
        place = f"boxes[{row}]" if self.whole else f"batches[{batch}][{row - int(self.starts[batch])}]"
        w, h = pair.tolist()
        rule = "be finite and > 0"
        if min(w, h) > 0.0 and max(w, h) < np.inf:
            rule = f"lie within {_check.MIN_SIDE:g} and {_check.MAX_SIDE:g}"
        return DataError(f"{place} = ({w!r}, {h!r}): widths and heights must {rule}")


class Rows(ABC):
    """Boxes of a file, with ``len``, slices and arrays of rows as an array (n, 2) has them."""

    dtype: Any = np.dtype(np.float64)
    slow = False  # whether single rows are costly to read

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def __getitem__(self, rows: Any) -> Any: ...


class Arrays(Source):
    """Boxes in arrays (n, 2), or in objects with ``len``, slices and lists of rows like those of an array."""

    scattered = True

    def __init__(self, arrays: Sequence[Any], whole: bool = False) -> None:
        self._arrays, self.whole = arrays, whole
        self.starts = np.cumsum([0, *map(len, arrays)])
        # float32 stays as it is: half of the memory to read, and no side has to be compared with its rounded self
        narrow = len(self) > 0 and all(one.dtype == np.float32 for one in arrays if len(one))
        self._kind: Any = np.float32 if narrow else np.float64

    def chunks(self) -> Iterator[Load]:
        """Yield functions that return the next boxes, in float32 if all arrays have it."""
        for first in range(0, len(self), PIECE):
            yield partial(self.within, first, min(first + PIECE, len(self)))

    def sample(self) -> FloatArray:
        """Return boxes from all over the source; in slices, where single rows are costly to read."""
        if len(self) <= SAMPLE or not any(getattr(one, "slow", False) for one in self._arrays):
            found: FloatArray = sampled(self)
            return found
        size = SAMPLE // SLICES
        firsts = np.sort(np.random.default_rng(SEED).integers(0, len(self) - size, SLICES)).tolist()
        return np.concatenate([self[first : first + size] for first in firsts])

    def within(self, first: int, last: int) -> Any:
        """Return the boxes from row `first` to before `last`, (m, 2), C-contiguous."""
        at = int(np.searchsorted(self.starts, first, side="right")) - 1
        parts = []
        while at < len(self._arrays) and self.starts[at] < last:
            start = int(self.starts[at])
            parts.append(self._arrays[at][max(first - start, 0) : last - start])
            at += 1
        whole = parts[0] if len(parts) == 1 else np.concatenate([np.empty((0, 2), self._kind), *parts])
        return np.ascontiguousarray(whole, self._kind)

    def take(self, rows: IntArray) -> FloatArray:
        """Return the boxes of these rows, (m, 2)."""
        out = np.empty((len(rows), 2))
        owner = np.searchsorted(self.starts, rows, side="right") - 1
        for at in np.unique(owner).tolist():
            here = owner == at
            out[here] = self._arrays[at][rows[here] - self.starts[at]]
        return out

    def __getitem__(self, rows: Any) -> FloatArray:
        if not isinstance(rows, slice):
            return self.take(rows)
        return np.asarray(self.within(rows.start, min(rows.stop, len(self))), np.float64)


class Single(Source):
    """The boxes of another source, rounded to float32."""

    def __init__(self, source: Source) -> None:
        self._source, self.whole, self.scattered = source, source.whole, source.scattered

    def __len__(self) -> int:
        return len(self._source)

    def firsts(self) -> IntArray:
        """Return the rows where chunks begin, and the number of boxes."""
        return self._source.firsts()

    def sample(self) -> FloatArray:
        """Return boxes from all over the source."""
        return single(self._source.sample())

    @property
    def starts(self) -> IntArray:  # type: ignore[override]
        """The rows where batches begin."""
        return self._source.starts

    def chunks(self) -> Iterator[Load]:
        """Yield functions that return the next boxes, (m, 2) float64."""
        for load in self._source.chunks():
            yield partial(_rounded, load)

    def take(self, rows: IntArray) -> FloatArray:
        """Return the boxes of these rows, (m, 2)."""
        return single(self._source.take(rows))


class Stream(Source):
    """Boxes of a function that returns an iterator over batches, each time from the start."""

    def __init__(self, begin: Callable[[], Iterable[Any]]) -> None:
        self._begin = begin
        self._known: IntArray | None = None

    @property
    def size(self) -> int | None:
        """Number of boxes; None as long as it is unknown."""
        return None if self._known is None else len(self)

    @property
    def starts(self) -> IntArray:  # type: ignore[override]
        """The rows where batches begin."""
        if self._known is None:
            raise RuntimeError("the first pass is not over")
        return self._known

    def chunks(self) -> Iterator[Load]:
        """Yield functions that return the next boxes, (m, 2) float64."""
        held: list[FloatArray] = []
        count, lengths, size = 0, [0], PIECE
        for i, batch in enumerate(self._begin()):
            array = np.asarray(pairs(batch, f"batches[{i}]"), np.float64)
            lengths.append(len(array))
            while count + len(array) >= size:
                some, array = array[: size - count], array[size - count :]
                yield partial(_joined, [*held, some])
                held, count = [], 0
            if len(array):
                held.append(array.copy())  # the caller may reuse its buffer
                count += len(array)
        if count:
            yield partial(_joined, held)
        starts = np.cumsum(lengths)
        if self._known is None:
            self._known = starts
        elif not np.array_equal(starts, self._known):
            before, now = int(self._known[-1]), int(starts[-1])
            rule = f"expected the same batches, with {before:,} boxes"
            raise DataError(f"batches: got {now:,} boxes in another pass, {rule}")

    def take(self, rows: IntArray) -> FloatArray:
        """Return the boxes of these rows, (m, 2), by another pass."""
        out, first, size = np.empty((len(rows), 2)), 0, PIECE
        order = np.argsort(rows, kind="stable")
        ordered = rows[order]
        for load in self.chunks():
            lo, hi = np.searchsorted(ordered, [first, first + size])
            if lo < hi:
                out[order[lo:hi]] = load()[ordered[lo:hi] - first]
            first += size
        return out


def single(boxes: FloatArray) -> FloatArray:
    """Return boxes rounded to float32, as float64; what is too large for it becomes infinite."""
    with np.errstate(over="ignore"):
        return boxes.astype(np.float32).astype(np.float64)


def _rounded(load: Load) -> FloatArray:
    return single(load())


def _joined(parts: list[FloatArray]) -> FloatArray:
    return np.ascontiguousarray(np.concatenate(parts))


def source_of(batches: Any) -> Source:
    """Return the source of `batches`: a sequence or another iterable of arrays, or a function that returns one.

    Raises
    ------
    DataError
        If they can be gone through only once, or a batch is not of shape (n, 2).
    """
    if isinstance(batches, Source):
        return batches
    if callable(batches):
        return Stream(batches)
    if isinstance(batches, Sequence) and not isinstance(batches, _check.TEXT):
        return Arrays([pairs(batch, f"batches[{i}]") for i, batch in enumerate(batches)])
    if isinstance(batches, np.ndarray) or not isinstance(batches, Iterable) or isinstance(batches, _check.TEXT):
        rule = "must be a sequence of arrays of shape (n, 2), or a function that returns an iterator over them"
        raise WrongTypeError(f"batches = {_check.short(batches)}: {rule}")
    if iter(batches) is batches:
        raise DataError(
            "batches: got an iterator, which can be gone through once; expected a list, "
            "or a function that returns a new iterator"
        )
    return Stream(lambda: batches)


def pairs(batch: Any, name: str) -> Any:
    """Return a batch as an array (n, 2) of numbers, not copied if it is an array."""
    if isinstance(batch, Rows):
        return batch
    _check.unmasked(batch, name)
    table = sides_of(batch, name)
    expected = f"{name}: must be numbers of shape (n, 2), widths and heights; got"
    try:
        array = np.asanyarray(batch if table is None else table)
    except ValueError:
        raise DataError(f"{expected} {_check.short(batch)}") from None
    if array.size == 0:
        return np.empty((0, 2))
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "fiub":
        raise DataError(f"{expected} {array.dtype} of shape {array.shape}")
    return array
