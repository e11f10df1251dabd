"""The box index: an engine that decides regions of boxes at once. Same answers as the dense engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import FloatArray, IntArray, Metric, PathLike, Progress, SideType, Sizes, Update
from fastanchor._weights import counting
from fastanchor.boxes import Boxes
from fastanchor.engine import _folder
from fastanchor.engine._assignment import Share
from fastanchor.engine._batches import Arrays, Batches, Source, source_of
from fastanchor.engine._building import Built, build, column_of, need_numba, weights_of_rows
from fastanchor.engine._described import described
from fastanchor.engine._layout import Layout
from fastanchor.engine._merging import Member, put_together
from fastanchor.engine._order_statistics import places
from fastanchor.engine._reduce import Reduced, StepTaken
from fastanchor.engine._settings import Settings, agreed, in_unit
from fastanchor.engine._shard import Shard
from fastanchor.engine.dense import DenseLloyd
from fastanchor.kernels import part as kernel_part
from fastanchor.kernels._tables import METRICS, Found, Histograms, Sought

__all__ = ["BoxIndex"]


class BoxIndex(Reduced):
    """Boxes sorted into a grid once, so that the time of later questions hardly grows with their number.

    It is accepted wherever boxes are, and may be used by several Python threads at once.

    Parameters
    ----------
    boxes : (n, 2) array-like or Boxes
        Widths and heights > 0, in any unit.
    threads : int, optional
        Default: all processors that this process may use; never changes the answer.
    weights : (n,) array-like, optional
        How often each box counts, see :func:`fastanchor.kmeans`.

    Raises
    ------
    BackendError
        If numba is not installed, or the NumPy backend is selected.
    DataError
        If a side is not finite and > 0, a shape is not (n, 2), or there are 2**31 boxes or more.

    Examples
    --------
    >>> index = BoxIndex([[10, 10], [12, 10], [50, 60], [54, 66], [52, 60]])
    >>> len(index)
    5
    >>> import fastanchor
    >>> fastanchor.kmeans(index, 2, init=[[10, 10], [50, 60]]).centers
    array([[11., 10.],
           [52., 60.]])
    """

    name = "index"
    backend = "numba"
    positive = True
    shards: tuple[Shard, ...]
    settings: Settings | None = None  # how the boxes were made, if that is known
    rounded = False  # whether sides were rounded to float32
    folder: Path | None = None  # where the arrays are, if they are on disk
    about: dict[str, Any] = {}  # noqa: RUF012  replaced, never changed; of the labels, as a folder stores it

    def __init__(
        self,
        boxes: Boxes | Sizes,
        *,
        threads: int | None = None,
        weights: ArrayLike | None = None,
        _where: Layout | None = None,
    ) -> None:
        wh = _check.as_sizes(boxes.wh if isinstance(boxes, Boxes) else boxes, "boxes")
        if weights is None and isinstance(boxes, Boxes):
            weights = boxes.weights
        source = Arrays([wh], whole=True)
        self._hold(build(source, weights, threads=threads, dtype="float64", where=_where))

    def _hold(self, built: Built) -> BoxIndex:
        self.shards, self.rounded = (built.shard,), built.rounded
        super().__init__(self.shards, weights=built.weights)
        if built.sourced is not None:
            self._rowed = [built.sourced]
        return self

    @classmethod
    def from_batches(
        cls,
        batches: Batches,
        *,
        weights: Any = None,
        dtype: SideType | None = None,
        keep_rows: bool = True,
        folder: PathLike | None = None,
        threads: int | None = None,
        progress: Progress = False,
    ) -> BoxIndex:
        """Return an index of boxes that come in batches, without one array of all of them.

        Its answers are those of an index of all boxes at once.

        Parameters
        ----------
        batches : sequence of (n, 2) array-likes, another iterable, or callable
            Widths and heights > 0. They are gone through several times: a function must return a new iterator each
            time. Memory-mapped arrays are read piece by piece.
        weights : (n,) array-like, or one array per batch, optional
            How often each box counts, see :func:`fastanchor.kmeans`.
        dtype : {"float32", "float64"} or None
            How sides are stored. None stores float32, which takes half the memory, from 4 million boxes on if every
            side is a number of float32; "float32" rounds the others (`rounded` says so); "float64" keeps all.
        keep_rows : bool, default True
            Keep the row of each box, 4 bytes per box. Without them labels, random starts and the like read the
            batches again.
        folder : path-like, optional
            Sort the boxes into files of this new folder, with little memory, and map them; :meth:`open` opens it
            again. Default: in memory.
        threads : int, optional
            Default: all processors that this process may use; never changes the answer.
        progress : bool, callable or None
            None draws a bar if stderr is a terminal.

        Raises
        ------
        BackendError
            If numba is not installed, or the NumPy backend is selected.
        DataError
            If a side is not finite and > 0, there is no box, or another pass finds other batches.

        Examples
        --------
        >>> index = BoxIndex.from_batches([[[10, 10], [12, 10]], [[50, 60], [54, 66], [52, 60]]])
        >>> import fastanchor
        >>> fastanchor.kmeans(index, 2, init=[[10, 10], [50, 60]]).labels
        array([0, 0, 1, 1, 1])
        """
        options: dict[str, Any] = {"threads": threads, "dtype": dtype, "progress": progress}
        source, column = source_of(batches), column_of(weights)
        if folder is None:
            return cls.built(source, column, keep_rows=keep_rows, **options)
        if not keep_rows:
            raise DataError("keep_rows = False: must be True with folder, which is opened without the batches")
        with _folder.made(folder) as part:
            cls.built(source, column, folder=part, **options)._write(part)
        return cls.open(folder, verify=False, threads=threads)

    @classmethod
    def built(cls, source: Source, weights: Any = None, *, keep_rows: bool = True, **options: Any) -> BoxIndex:
        """Return an index of the boxes of a source; `options` are those of ``_building.build``."""
        return cls.__new__(cls)._hold(build(source, weights, rows=keep_rows, **options))

    def save(self, folder: PathLike, *, replace: bool = False) -> None:
        """Write the index into a folder: NumPy files, and ``index.json`` with sizes and checksums.

        Parameters
        ----------
        folder : path-like
            The folder to make.
        replace : bool, default False
            Replace an index that is there.

        Raises
        ------
        DataError
            If something is there already, the folder cannot be written, or the index keeps no rows.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> index = BoxIndex([[10, 10], [12, 10], [50, 60]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     index.save(pathlib.Path(folder, "boxes"))
        ...     print(BoxIndex.open(pathlib.Path(folder, "boxes")).take([2]))
        [[50. 60.]]
        """
        self._need_rows("index")
        with _folder.made(folder, replace=replace) as part:
            self._write(part)

    def _write(self, part: Path) -> None:
        _folder.write(part, self.shards, self.weights, self.settings, self.rounded, self.about)

    @classmethod
    def open(cls, folder: PathLike, *, verify: bool | None = None, threads: int | None = None) -> BoxIndex:
        """Return the index that :meth:`save` wrote into a folder; arrays are read as they are needed.

        Parameters
        ----------
        folder : path-like
        verify : bool, optional
            Compare the checksums of all files, for which they are read once. Default: if they have up to 1 GB. The
            sizes of files are always compared.
        threads : int, optional
            Default: all processors that this process may use; never changes the answer.

        Raises
        ------
        DataError
            If the folder is not an index, or a file is missing, truncated or damaged.
        """
        need_numba()
        found = _folder.load(folder, verify=verify, threads=threads)
        index = cls.of(found.shards)
        if index.weights is not None:
            index.weights = index.weights._replace(unit=found.unit)
        index.settings, index.rounded, index.about = found[2:]
        index.folder = Path(os.fsdecode(folder))
        return index

    @classmethod
    def merge(cls, indexes: Sequence[BoxIndex], *, threads: int | None = None) -> BoxIndex:
        """Return an index of the boxes of several: the same as one of all boxes at once, in the order of the indexes.

        Parameters
        ----------
        indexes : sequence of BoxIndex
            They stay as they are.
        threads : int, optional
            Default: all processors that this process may use; never changes the answer.

        Raises
        ------
        DataError
            If there is no index, the boxes of two were made in different ways (see ``settings``), some have weights
            and others have none, weights are not whole, or an index keeps no rows.

        Examples
        --------
        >>> one, other = BoxIndex([[10, 10], [12, 10]]), BoxIndex([[50, 60], [54, 66], [52, 60]])
        >>> BoxIndex.merge([one, other]).take([0, 2])
        array([[10., 10.],
               [50., 60.]])
        """
        if not indexes:
            raise DataError("indexes: must have at least one index, got none")
        names = [f"indexes[{i}]" for i in range(len(indexes))]
        for index, name in zip(indexes, names, strict=True):
            index._need_rows(name)
            agreed(indexes[0].settings, index.settings, name)
        members = [Member(index.shards, index.weights, name) for index, name in zip(indexes, names, strict=True)]
        return cls._joined(indexes, members, threads)

    def add(self, boxes: Boxes | Sizes, *, weights: ArrayLike | None = None) -> BoxIndex:
        """Return an index with more boxes: the same as one of all boxes at once. This one stays as it is.

        Parameters
        ----------
        boxes : (n, 2) array-like or Boxes
            Widths and heights in the unit of the index. A ``Boxes`` with image sizes is scaled and filtered as the
            `settings` of the index say.
        weights : (n,) array-like, optional
            How often each box counts; needed if the index has weights, see :func:`fastanchor.kmeans`.

        Raises
        ------
        DataError
            If the boxes are not valid, weights are missing, not expected or not whole, or the index keeps no rows.

        Examples
        --------
        >>> index = BoxIndex([[10, 10], [12, 10]])
        >>> len(index.add([[50, 60]]))
        3
        """
        self._need_rows("index")
        wh, column = in_unit(boxes, weights, self.settings)
        counted = None if column is None else counting(column, "weights", len(wh))
        members = [Member(self.shards, self.weights, "the index"), Member(wh, counted, "the new boxes")]
        return type(self)._joined([self], members, self.shards[0].threads)

    @classmethod
    def _joined(cls, indexes: Sequence[BoxIndex], members: Sequence[Member], threads: int | None) -> BoxIndex:
        joined = cls.__new__(cls)._hold(put_together(members, threads))
        joined.settings = indexes[0].settings
        joined.rounded = any(index.rounded for index in indexes)
        return joined

    def _need_rows(self, name: str) -> None:
        """Raise where rows are not kept."""
        if any(len(shard.grid.row) < len(shard) for shard in self.shards):
            raise DataError(f"{name}: keeps no rows, so it cannot be saved or changed; build it with keep_rows=True")

    @classmethod
    def of(cls, shards: Sequence[Shard], each: Callable[..., Iterable[Any]] = map) -> BoxIndex:
        """Return an index over shards that share a grid and together contain each row of a data set once.

        All of them have weights, or none. `each` applies a function to all shards, as ``map`` does:
        ``each(function, shards)``.
        """
        index = cls.__new__(cls)
        index.shards = tuple(shards)
        Reduced.__init__(index, index.shards, each, weights_of_rows(index.shards))
        return index

    @property
    def nbytes(self) -> int:
        """Size of the index in bytes, in memory and on disk."""
        return sum(shard.nbytes for shard in self.shards)

    def __repr__(self) -> str:
        return described(self)

    def lloyd(self, metric: Metric, update: Update) -> Lloyd | DenseLloyd:
        """Begin a run of k-means; a dense one under "ratio", where no block can be decided at once."""
        if metric in METRICS:
            return Lloyd(self, metric, update)
        return DenseLloyd(self, metric, update)


def _ordered(parts: Sequence[Found]) -> tuple[FloatArray, IntArray | None]:
    """Return the values of several shards in order, and their cumulative weights, None without weights."""
    values, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = values.argsort()
    return values[order], weights[order].cumsum() if weights.size else None


class Lloyd:
    """A run of k-means steps.

    With a single shard, the run continues densely from the first step that would cost more on the index. The decision
    is by counts, not by time, so that the same boxes switch at the same step everywhere.
    """

    def __init__(self, index: BoxIndex, metric: Metric, update: Update) -> None:
        self._index, self._metric, self._update = index, metric, update
        self._scale = index.sides() if update == "mean" else None
        self._runs = index._ask("lloyd", metric, self._scale)
        self._last: tuple[FloatArray, IntArray, FloatArray] | None = None
        self._densely: DenseLloyd | None = None

    def step(self, centers: FloatArray) -> StepTaken:
        """Assign the boxes to `centers` and return the step with the updated centres."""
        if self._densely is not None:
            return self._densely.step(centers)
        alone = len(self._runs) == 1
        late = self._ask("late", centers)[0] if alone else None
        if late is not None:
            return self._taken(centers, late.changed, late.counts, late.medians, late.sums)
        if not all(self._ask("look", centers, not alone)):
            last = None if self._last is None else self._last[0]
            self._densely = DenseLloyd(self._index, self._metric, self._update, last)
            self._runs, self._last = [], None
            return self._densely.step(centers)
        share = Share.total(self._ask("shares"))
        counts, after = share.hist.counts, np.empty((0, 2))
        if self._scale is None:
            after = self._ask("medians")[0] if alone else self._medians(share.hist)
        return self._taken(centers, None, counts, after, share.sums)

    def _taken(
        self, centers: FloatArray, changed: bool | None, counts: IntArray, medians: FloatArray, sums: IntArray
    ) -> StepTaken:
        """Return the step with these answers; `changed` is None if it is not known yet."""
        after = medians
        if self._scale is not None:
            after = self._scale.means(sums.reshape(len(counts), 2, -1), counts)
        if changed is None:
            changed = True
            if self._last is not None and np.array_equal(counts, self._last[1]):
                # equal assignments have equal counts and equal new centres; the reverse fails only rarely
                changed = not np.array_equal(after, self._last[2], equal_nan=True) or any(self._ask("changed"))
        given = np.array(centers, dtype=np.float64)
        self._last = given, counts, after
        return StepTaken.of(changed, counts, after, lambda: self._index.nearest(given, self._metric).inertia)

    def _medians(self, hist: Histograms) -> FloatArray:
        """Return medians of boxes that are spread over several shards."""
        sought = Sought.empty(len(hist.counts))
        kernel_part("shards").coarse(hist, sought)
        refined = self._ask("refined", sought)
        kernel_part("shards").fine(Share.total([Share(part, np.empty(0, np.int64)) for part in refined]).hist, sought)
        found = [_ordered(parts) for parts in zip(*self._ask("sides", sought), strict=True)]
        out = np.full((len(hist.counts), 2), np.nan)
        for at, (axis, j) in enumerate(np.ndindex(2, len(hist.counts))):
            count = int(hist.counts[j])
            if count:
                (lower, ends), (upper, _) = found[2 * at], found[2 * at + 1]
                first = (count - 1 >> 1) - sought.before[axis, j, 0]
                same = sought.bins[axis, j, 0] == sought.bins[axis, j, 1]
                second = lower[places(ends, first + 1 - (count & 1))] if same else upper[0]
                out[j, axis] = (lower[places(ends, first)] + second) * 0.5
        return out

    def _ask(self, question: str, *arguments: Any) -> list[Any]:
        return self._index._ask_of(self._runs, question, *arguments)
