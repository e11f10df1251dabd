"""A box index whose shards are on the workers of a cluster."""

from __future__ import annotations

import inspect
import itertools
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._hints import called
from fastanchor._network import NetworkBoxes
from fastanchor._progress import bar
from fastanchor._small import MIN_SIZE, none_kept
from fastanchor._text import many
from fastanchor._types import Fit, FloatArray, Metric, Progress, Remark, Summary, Update
from fastanchor._weights import Weights, counting
from fastanchor.boxes import network_input
from fastanchor.datasets import read
from fastanchor.distributed._cluster import DaskLink, connected, same_version, worker_count
from fastanchor.distributed._crew import Crew, Traffic
from fastanchor.distributed._lloyd import ClusterLloyd
from fastanchor.distributed._shard import Judged
from fastanchor.distributed._sources import Read, Scaling, Source, sources_of
from fastanchor.engine import BoxIndex, GridSpec, Survey
from fastanchor.engine._protocol import Ahead, Picked
from fastanchor.engine.dense import DenseLloyd
from fastanchor.engine.index import Lloyd
from fastanchor.kernels._tables import METRICS

__all__ = ["ClusterIndex", "remarks_of", "summary_of"]

TIMEOUT = 300.0
IDLE = ("report", "progress", "places", "size_cache")  # options of `read` without a meaning for several processes


class ClusterIndex(BoxIndex):
    r"""Boxes on the workers of a Dask cluster, accepted wherever boxes are; the answers are those of a `BoxIndex`.

    Each worker reads some of the files and keeps their boxes, one shard per worker. Boxes never travel: questions and
    answers have the same size however many boxes there are. A worker that is lost is replaced: its files are read again
    by another one. Close the index, or use it in a ``with`` block, to free the memory of the workers.

    Parameters
    ----------
    data : path-like, several, Dask DataFrame or Dask array
        Labels as :func:`fastanchor.read` reads them, under paths that all workers can open. Each path is read by one
        worker, so give files, not one large one; in place of a folder of Parquet its files are read. The columns of a
        DataFrame are those of :func:`fastanchor.kmeans`; an array has two. Both are in pixels of the network input.
    client : distributed.Client, "local" or address
        A client of yours, which stays as it is; the address of a scheduler; or "local", which starts processes on this
        machine, each with one thread.
    workers : int, optional
        Number of local workers. Default: one per processor.
    worker_memory : str, optional
        Memory of each local worker, such as "2GB". Default: an equal share of all.
    img_size, fit, min_size
        Of :func:`fastanchor.auto_anchor`.
    timeout : float, default 300
        Seconds that any answer may take; the reading of one path is an answer.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    **reading
        Options of :func:`fastanchor.read`, such as `format` and `split`.

    Attributes
    ----------
    found : list of Read
        What was read from each path.
    network : NetworkBoxes
        The boxes with their numbers of small ones, as :func:`fastanchor.auto_anchor` accepts them.
    traffic : Traffic
        Trips to the workers, bytes sent and received, and parts made again, so far.

    Raises
    ------
    DataError
        If the data cannot be read, only some have weights, or no box is left.
    ClusterError
        If the cluster cannot be reached, a worker has another version of fastanchor, an answer takes longer than
        `timeout`, or a part is lost four times in a row.
    BackendError
        If Dask is not installed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from fastanchor.distributed import ClusterIndex
    >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     for name in ("a", "b"):
    ...         _ = pathlib.Path(folder, f"{name}.csv").write_text("width,height\\n30,40\\n60,50\\n")
    ...     with ClusterIndex([f"{folder}/a.csv", f"{folder}/b.csv"], "local", workers=2) as index:
    ...         print(len(index), fastanchor.kmeans(index, 1, rng=0).centers)
    4 [[45. 45.]]
    """

    ahead = Ahead(32, 512)
    _of: FloatArray | None = None  # the anchors that mutants are compared with

    def __init__(
        self,
        data: Any,
        client: Any,
        *,
        workers: int | None = None,
        worker_memory: str | None = None,
        img_size: int | Sequence[int] = 640,
        fit: Fit = "letterbox",
        min_size: float = MIN_SIZE,
        timeout: float = TIMEOUT,
        progress: Progress = None,
        **reading: Any,
    ) -> None:
        scaling = Scaling(network_input(img_size, fit), fit, _check.number(min_size, "min_size", low=0.0))
        timeout = _check.number(timeout, "timeout", low=0.0)
        if workers is not None:
            workers = _check.integer(workers, "workers", least=1)
        options = _reading(reading)
        sources_of(data, scaling, options, 1)  # before anything is started
        with ExitStack() as stack:
            joined = stack.enter_context(connected(client, workers=workers, memory=worker_memory))
            there = worker_count(joined)
            sources = sources_of(data, scaling, options, there)
            link = DaskLink(joined, there, sources)
            stack.callback(link.close)
            self._crew = Crew(link, sources, timeout)
            self.found = self._built(self._crew, sources, scaling, progress)
            self._open = stack.pop_all()

    def _built(self, crew: Crew, sources: Sequence[Source], scaling: Scaling, progress: Progress) -> list[Read]:
        """Read all units, build the shards, and return what was read, in the order of the units."""
        for place, hello in zip(crew.places, crew.start(), strict=True):
            same_version(crew.link.where(place.actor), hello.version)
        read: list[list[Read]] = [[] for _ in sources]
        counts = [len(source.names) for source in sources]
        with bar(progress, total=sum(counts), desc="reading", unit=" paths") as moving:
            for at in range(max(counts)):
                some = [i for i, count in enumerate(counts) if at < count]
                found = crew.make(dict.fromkeys(some, ("read", at)))
                for i, one in found.items():
                    read[i].append(one)
                moving.update(len(some))
        every = [one for part in read for one in part]
        _all_alike(every, [name for source in sources for name in source.names])
        total = sum(one.number for one in every)
        if not total:
            count = sum(one.number + one.n_filtered for one in every)
            raise none_kept(count, scaling.min_size) if count else DataError("boxes: the data set holds no box")
        surveys = crew.make(dict.fromkeys(range(len(sources)), ("survey",)))
        spec = GridSpec.of(Survey.merged(list(surveys.values())))
        first = np.cumsum([0, *(sum(one.number for one in part) for part in read)]).tolist()
        weights = _weights(crew, every)
        own = [None if weights is None else weights.each[a:b] for a, b in itertools.pairwise(first)]
        sizes = crew.make({i: ("build", spec, first[i], own[i]) for i in range(len(sources))})
        for i, place in enumerate(crew.places):
            place.held, place.nbytes = first[i + 1] - first[i], sizes[i]
        # a place has what an index needs of a shard here
        self.shards = tuple(crew.places)  # type: ignore[arg-type]
        super(BoxIndex, self).__init__(self.shards, crew.map, weights)
        self._most = None if weights is None else int(weights.each.max())
        scaled = any(one.sized for one in every)
        self.network = NetworkBoxes(
            self, None, sum(one.n_small for one in every), sum(one.n_filtered for one in every),
            scaling.fit if scaled else None, scaling.img_size if scaled else None,
        )  # fmt: skip
        return every

    def lloyd(self, metric: Metric, update: Update) -> Lloyd | DenseLloyd:
        """Begin a run of k-means; a dense one under "ratio", where no block can be decided at once."""
        if metric not in METRICS:
            return DenseLloyd(self, metric, update)
        # samples of a part's values say where ranks are, not where a share of the weights is
        return (ClusterLloyd if self.weights is None else Lloyd)(self, metric, update)

    def first_fitter(
        self, mutants: Sequence[FloatArray], thr: float, than: float, of: FloatArray | None = None
    ) -> tuple[int, float] | None:
        """Return the place and the fitness of the first of these anchors that is fitter than `than`."""
        self._of = of
        return super().first_fitter(mutants, thr, than, of)

    def _totals(self, mutants: Sequence[FloatArray], thr: float, need: float, sure: float) -> list[float | None]:
        """Return totals, or None for those below `need`: in one trip, unless parts differ much."""
        if self._of is None:
            return super()._totals(mutants, thr, need, sure)
        judged: list[Judged] = self._ask("judged", mutants, thr, self._of)
        found: list[float | None] = [None] * len(mutants)
        unsure = []
        for i in range(len(mutants)):
            totals = [one.totals[i] for one in judged]
            known = [one.floor if total is None else total for one, total in zip(judged, totals, strict=True)]
            if None not in totals:
                found[i] = sum(known)
            elif sum(known) >= need:
                unsure.append(i)
        if unsure:
            some = [mutants[i] for i in unsure]
            answers = self._ask("search", some, thr, [-np.inf] * len(some), np.inf)
            for i, *exact in zip(unsure, *answers, strict=True):
                found[i] = sum(exact)
        return found

    def pick(self, centers: FloatArray, metric: Metric, u: float) -> Picked | None:
        """Return the first row whose cumulative plain distance exceeds `u` times the total; None if that is zero.

        First the part, then a row in it, so that answers stay small.
        """
        scale = self._distances(metric, centers, self._most, squared=False)
        totals = [scale.total(digits) for digits in self._ask("distance", centers, metric, scale)]
        over, under = u.as_integer_ratio()
        rest = sum(totals) * over // under
        if not any(totals):
            return None
        part = 0
        while totals[part] <= rest:
            rest -= totals[part]
            part += 1
        found: Picked = self._ask_of([self.shards[part]], "beyond", centers, metric, scale, rest)[0]
        return found

    def add(self, *_: Any, **__: Any) -> NoReturn:
        """Raise: the boxes of a cluster are those that it reads."""
        raise _unsupported("add")

    def save(self, *_: Any, **__: Any) -> NoReturn:
        """Raise: the arrays are on the workers."""
        raise _unsupported("save")

    @property
    def traffic(self) -> Traffic:
        """Trips and bytes so far."""
        return self._crew.traffic

    def close(self) -> None:
        """Free the memory of the workers, and close what was started here."""
        self._open.close()

    def __enter__(self) -> ClusterIndex:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        parts = f"{many(len(self.shards), 'part')} on a cluster"
        return f"ClusterIndex({many(len(self), 'box', 'boxes')}, {parts}, {self.nbytes / 1e6:,.1f} MB)"


def _reading(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of `read`; raise WrongTypeError for others, and for those that workers cannot share."""
    legal = [name for name in inspect.signature(read).parameters if name not in ("path", *IDLE)]
    for name in options:
        if name not in legal:
            raise WrongTypeError(
                f"{called(name)}: not supported on a cluster; the options of reading are {', '.join(legal)}"
            )
    return {name: value for name, value in options.items() if value is not None}


def _weights(crew: Crew, read: Sequence[Read]) -> Weights | None:
    """Return the weights of all rows, which are collected here; None for once each."""
    if not any(one.weighted for one in read):
        return None
    units = [one for part in crew.ask([(place, ("weights",)) for place in crew.places]) for one in part]
    known = [one for one, about in zip(units, read, strict=True) if about.number]
    if any(one is None for one in known):
        raise DataError("data: some paths have weights and others have none")
    return counting(np.concatenate(known), "weights", sum(map(len, known)))


def _unsupported(name: str) -> DataError:
    return DataError(f"ClusterIndex: does not support {name}(); use a BoxIndex on one machine")


def _all_alike(read: Sequence[Read], names: Sequence[str]) -> None:
    """Raise DataError if some paths have sizes of images and others do not, or are in another unit."""
    sized = [one.sized for one in read if one.summary is not None and one.summary.boxes]
    if any(sized) and not all(sized):
        raise DataError(f"{names[sized.index(False)]}: has no image sizes, other paths have")
    relative = [one.summary.relative for one in read if one.summary is not None and one.summary.boxes]
    if any(relative) and not all(relative):
        raise DataError(
            f"{names[relative.index(False)]}: its images have sizes, but those of {names[relative.index(True)]} "
            "are unknown; give source_size"
        )


def summary_of(read: Sequence[Read]) -> Summary:
    """Return the summary of all that was read."""
    found = [one.summary for one in read if one.summary is not None]
    boxes, images = [one.boxes for one in found], [one.images for one in found]
    per_class: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    for one in found:
        per_class.update(one.per_class)
        skipped.update(one.skipped)
    areas = [one for one in found if one.boxes]
    return Summary(
        images=sum(images),
        boxes=sum(boxes),
        mean_image=_mean([one.mean_image for one in found], images),
        mean_box=_mean([one.mean_box for one in found], boxes),
        smallest_area=min((one.smallest_area for one in areas), default=float("nan")),
        largest_area=max((one.largest_area for one in areas), default=float("nan")),
        relative=all(one.relative for one in found),
        exceeds_image=sum(one.exceeds_image for one in found),
        per_class=dict(per_class),
        skipped=dict(skipped),
    )


def remarks_of(read: Sequence[Read]) -> tuple[Remark, ...]:
    """Return the remarks about all that was read; those in the same words become one."""
    counts: Counter[Remark] = Counter()
    for one in read:
        for remark in one.remarks:
            counts[replace(remark, count=0)] += remark.count
    return tuple(replace(remark, count=count) for remark, count in counts.items())


def _mean(pairs: Sequence[tuple[float, float]], counts: Sequence[int]) -> tuple[float, float]:
    known = [(w, h, n) for (w, h), n in zip(pairs, counts, strict=True) if n and w == w]
    total = sum(n for _, _, n in known)
    if not total:
        return float("nan"), float("nan")
    return sum(w * n for w, _, n in known) / total, sum(h * n for _, h, n in known) / total
